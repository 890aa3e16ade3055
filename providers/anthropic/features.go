package anthropic

import "localrouter/providers/llm"

// Features is what a provider of this dialect makes of requests of other dialects.
func Features() *llm.Features {
	return llm.NewFeatures(llm.Anthropic, []llm.Op{llm.Chat, llm.CountTokens}, rows...)
}

// Facts that several rows rest on.
const (
	factSampling   = "models from Opus 4.7, Sonnet 5 and Haiku 5.5 on refuse temperature, top_p and top_k"
	factOneChoice  = "a reply is one message; there is no field for several"
	factNoField    = "the Messages API has no field for it"
	factNoSound    = "content blocks are text, image, document and tool blocks; there is none for sound"
	factOwnHosted  = "hosted tools are the vendor's own and typed by version"
	factSignatures = "thinking blocks are taken back only with the signature that Anthropic itself gave them"
)

var rows = []llm.Row{
	{Feature: llm.FeatureChoices, Class: llm.Refused, Fact: factOneChoice},
	{Feature: llm.FeatureLogprobs, Class: llm.Refused, Fact: "replies carry no probabilities"},
	{Feature: llm.FeatureLogitBias, Class: llm.Dropped, Fact: factNoField},
	{Feature: llm.FeaturePenalties, Class: llm.Dropped, Fact: factNoField},
	{Feature: llm.FeatureSeed, Class: llm.Dropped, Fact: factNoField},
	{Feature: llm.FeatureTemperature, Class: llm.Mapped, Lacking: llm.Dropped, Fact: factSampling},
	{Feature: llm.FeatureHot, Class: llm.Approximated, Lacking: llm.Dropped, Fact: "temperature goes from 0 to 1; above it 1 is sent"},
	{Feature: llm.FeatureTopP, Class: llm.Mapped, Lacking: llm.Dropped, Fact: factSampling},
	{Feature: llm.FeatureTopPToo, Class: llm.Mapped, Lacking: llm.Dropped, Fact: "Claude 4.5 and 4.6 refuse top_p beside temperature; temperature stays"},
	{Feature: llm.FeatureTopK, Class: llm.Mapped, Lacking: llm.Dropped, Fact: factSampling},
	{Feature: llm.FeatureStop, Class: llm.Mapped},
	{Feature: llm.FeatureManyStops, Class: llm.Mapped},
	{Feature: llm.FeatureBlankStop, Class: llm.Dropped, Fact: "a stop sequence of nothing but white space is refused"},
	{Feature: llm.FeatureImages, Class: llm.Mapped},
	{Feature: llm.FeatureImageURLs, Class: llm.Mapped},
	{Feature: llm.FeatureImageDetail, Class: llm.Dropped, Fact: factNoField},
	{Feature: llm.FeatureAudio, Class: llm.Refused, Fact: factNoSound},
	{Feature: llm.FeatureFiles, Class: llm.Mapped},
	{Feature: llm.FeatureFileURLs, Class: llm.Mapped},
	{Feature: llm.FeatureFileIDs, Class: llm.Refused, Fact: "a file kept by another vendor cannot be reached, and nothing is fetched"},
	{Feature: llm.FeatureFileTexts, Class: llm.Mapped},
	{Feature: llm.FeatureOtherFiles, Class: llm.Refused, Fact: "documents as data are PDF; all else has to be plain text"},
	{Feature: llm.FeatureSearchResults, Class: llm.Mapped},
	{Feature: llm.FeatureTools, Class: llm.Mapped},
	{Feature: llm.FeatureToolImages, Class: llm.Mapped},
	{Feature: llm.FeatureToolFiles, Class: llm.Mapped},
	{Feature: llm.FeatureToolErrors, Class: llm.Mapped},
	{Feature: llm.FeatureToolReferences, Class: llm.Refused, Fact: "only applications of this dialect have them, and these are not translated into it"},
	{Feature: llm.FeatureStrictTools, Class: llm.Mapped, Lacking: llm.Dropped, Fact: "models without structured outputs refuse strict"},
	{Feature: llm.FeatureCustomTools, Class: llm.Approximated, Fact: "a tool takes an object; free text travels in one field named input, and a grammar is not kept to"},
	{Feature: llm.FeatureHostedTools, Class: llm.Refused, Fact: factOwnHosted},
	{Feature: llm.FeatureToolChoice, Class: llm.Mapped, Lacking: llm.Approximated, Fact: "Opus 5.5, Sonnet 5.5, Fable 5.1 and 5.2 refuse a tool_choice of the type any or tool; auto is sent, and a system line asks for the call"},
	{Feature: llm.FeatureNoToolChoice, Class: llm.Mapped},
	{Feature: llm.FeatureToolSubset, Class: llm.Approximated, Fact: "tool_choice names one tool, all or none; tools outside the subset are not declared"},
	{Feature: llm.FeatureOneCall, Class: llm.Mapped},
	{Feature: llm.FeatureBadArguments, Class: llm.Approximated, Fact: "the input of a call is an object; an empty one is sent"},
	{Feature: llm.FeatureLostResult, Class: llm.Approximated, Fact: "each call needs its result in the turn that follows; one that says so is added"},
	{Feature: llm.FeatureJSON, Class: llm.Approximated, Fact: "there is a format for a schema but none for any JSON; a system line asks for it"},
	{Feature: llm.FeatureSchema, Class: llm.Mapped, Lacking: llm.Approximated, Fact: "models without structured outputs are made to call a tool of that schema instead"},
	{Feature: llm.FeatureReasoning, Class: llm.Mapped, Lacking: llm.Dropped, Fact: "models before Claude 3.7 do not reason"},
	{Feature: llm.FeatureToolReasoning, Class: llm.Mapped, Lacking: llm.Dropped},
	{Feature: llm.FeatureNoReasoning, Class: llm.Mapped, Lacking: llm.Approximated, Fact: "some models always reason; they get the least effort"},
	{Feature: llm.FeatureThinking, Class: llm.Dropped, Fact: factSignatures},
	{Feature: llm.FeatureOpaque, Class: llm.Dropped, Fact: "what only another vendor understands is of no use here"},
	{Feature: llm.FeatureCacheMarks, Class: llm.Mapped, Lacking: llm.Dropped},
	{Feature: llm.FeatureCacheKey, Class: llm.Dropped, Fact: "the prompt cache goes by the prefix itself"},
	{Feature: llm.FeatureUser, Class: llm.Mapped},
	{Feature: llm.FeatureTier, Class: llm.Approximated, Lacking: llm.Dropped, Fact: "there are two tiers, auto and standard_only"},
	{Feature: llm.FeatureVerbosity, Class: llm.Dropped, Fact: factNoField},
	{Feature: llm.FeaturePrediction, Class: llm.Dropped, Fact: factNoField},
	{Feature: llm.FeatureStore, Class: llm.Dropped, Fact: factNoField},
	{Feature: llm.FeatureCitations, Class: llm.Mapped, Lacking: llm.Dropped},
	{Feature: llm.FeatureSearch, Class: llm.Refused, Fact: factOwnHosted},
	{Feature: llm.FeatureNames, Class: llm.Dropped, Fact: "messages have a role and no name"},
	{Feature: llm.FeatureMidSystem, Class: llm.Approximated, Lacking: llm.Approximated, Fact: "only newer models take system turns between the others; the text goes into the user's turn, wrapped in <system-reminder>"},
	{Feature: llm.FeaturePrefill, Class: llm.Mapped, Lacking: llm.Approximated, Fact: "models from Claude 4.6 on refuse an assistant's turn at the end; a user's turn that asks to go on follows it"},
	{Feature: llm.FeatureModeration, Class: llm.Refused, Fact: factNoField},
	{Feature: llm.FeatureOther, Class: llm.Dropped, Fact: factNoField},
	{Feature: llm.FeatureVital, Class: llm.Refused, Fact: factNoField},
}
