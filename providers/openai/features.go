package openai

import "localrouter/providers/llm"

// Features is what becomes of other dialects' requests at OpenAI's own service. Servers that differ take a copy with
// rows of their own (llm.Features.With); spell keeps to whatever the plan kept.
func Features() *llm.Features { return features }

const (
	mapped  = llm.Mapped
	near    = llm.Approximated
	dropped = llm.Dropped
	refused = llm.Refused
)

var features = llm.NewFeatures(llm.OpenAI, []llm.Op{llm.Chat},
	// What comes back.
	row(llm.FeatureChoices, refused, refused, "An answer that is translated is one answer."),
	row(llm.FeatureLogprobs, refused, refused, "Probabilities of tokens are not translated."),
	row(llm.FeatureLogitBias, refused, refused, "Token ids mean something else in every vendor's vocabulary."),
	row(llm.FeatureCitations, dropped, dropped, "Chat completions cite nothing but the pages of their own search."),

	// How it is made.
	row(llm.FeaturePenalties, mapped, dropped, "Reasoning models and some servers refuse penalties."),
	row(llm.FeatureSeed, mapped, dropped, "seed is a best effort, and some servers have none."),
	row(llm.FeatureTemperature, mapped, dropped, "Reasoning models refuse temperature unless reasoning is off."),
	row(llm.FeatureHot, mapped, near, "Some servers take a temperature of at most 1, which is sent instead."),
	row(llm.FeatureTopP, mapped, dropped, "Reasoning models refuse top_p unless reasoning is off."),
	row(llm.FeatureTopPToo, mapped, dropped, "Some models take temperature or top_p, not both."),
	row(llm.FeatureTopK, dropped, dropped, "Chat completions have no top_k."),
	row(llm.FeatureStop, mapped, refused, "Reasoning models from o3 on refuse stop, and text beyond it would come."),
	row(llm.FeatureManyStops, refused, refused, "At most 4 stop sequences are taken."),
	row(llm.FeatureBlankStop, mapped, refused, "Some servers refuse a stop sequence of white space."),
	row(llm.FeatureReasoning, mapped, dropped, "Models without reasoning refuse reasoning_effort."),
	row(llm.FeatureToolReasoning, mapped, dropped, "From gpt-5.4 on chat completions take tools only with reasoning_effort \"none\"."),
	row(llm.FeatureNoReasoning, mapped, near, "Where reasoning cannot be turned off the lowest level is asked for."),
	row(llm.FeatureVerbosity, mapped, dropped, "Only newer models of OpenAI take verbosity."),
	row(llm.FeatureTier, near, dropped, "Tiers are each vendor's own: standard_only is asked for as default, others are left out."),
	row(llm.FeaturePrediction, dropped, dropped, "A prediction only makes an answer faster, and is not translated."),
	row(llm.FeatureCacheMarks, dropped, dropped, "Prefixes are cached unasked."),
	row(llm.FeatureCacheKey, mapped, dropped, "prompt_cache_key is OpenAI's; some servers refuse fields they do not know."),
	row(llm.FeatureUser, mapped, dropped, "Some servers refuse user."),
	row(llm.FeatureStore, dropped, dropped, "Keeping answers is not translated."),
	row(llm.FeatureModeration, refused, refused, "Another vendor's moderation cannot be asked for here."),
	row(llm.FeatureOther, dropped, dropped, "The field is another vendor's."),
	row(llm.FeatureVital, refused, refused, "The field is another vendor's, and the answer hangs on it."),

	// What is said.
	row(llm.FeatureImages, mapped, refused, "Only models with vision take pictures."),
	row(llm.FeatureImageURLs, mapped, refused, "Some servers take pictures as data only; an address is never fetched here."),
	row(llm.FeatureImageDetail, mapped, dropped, "Some servers have no detail."),
	row(llm.FeatureAudio, mapped, refused, "Only audio models take sound."),
	row(llm.FeatureFiles, mapped, refused, "Only models with vision take PDF."),
	row(llm.FeatureFileURLs, refused, refused, "A file is taken as data or as an id of OpenAI's; an address is never fetched here."),
	row(llm.FeatureFileIDs, refused, refused, "The file is kept by another vendor."),
	row(llm.FeatureFileTexts, near, refused, "There is no part for a text document; it is sent as text with its title."),
	row(llm.FeatureOtherFiles, refused, refused, "Chat completions take PDF only."),
	row(llm.FeatureSearchResults, near, refused, "There is no part for a passage with a source; it is sent as text with its title."),
	row(llm.FeatureThinking, dropped, dropped, "Chat completions take no reasoning back."),
	row(llm.FeatureOpaque, dropped, dropped, "The block can only be read by the vendor that made it."),
	row(llm.FeatureNames, mapped, dropped, "Some servers refuse the name of a speaker."),
	row(llm.FeatureMidSystem, mapped, near, "Some servers take system messages at the beginning only; later ones are sent as the user's, marked as what they are."),
	row(llm.FeaturePrefill, refused, refused, "After an assistant's message a new answer begins; it is not continued."),
	row(llm.FeatureSearch, refused, refused, "Another vendor's search cannot be asked for here."),

	// Tools.
	row(llm.FeatureTools, mapped, refused, "The model cannot call tools."),
	row(llm.FeatureToolImages, near, refused, "A tool's result is text; its pictures follow in a user message."),
	row(llm.FeatureToolFiles, near, refused, "A tool's result is text; its files follow in a user message."),
	row(llm.FeatureToolErrors, near, near, "A tool's result has no mark for a failure; its text says so."),
	row(llm.FeatureToolReferences, near, near, "A tool cannot be named for later; all are offered from the beginning, and words say which was found."),
	row(llm.FeatureStrictTools, mapped, dropped, "strict is only taken with schemas that keep to its rules; others are sent without it, as to some servers all are."),
	row(llm.FeatureCustomTools, mapped, refused, "Tools that take free text are OpenAI's own."),
	row(llm.FeatureHostedTools, refused, refused, "The tool is run by another vendor."),
	row(llm.FeatureToolChoice, mapped, refused, "Some servers cannot be made to call a tool."),
	row(llm.FeatureNoToolChoice, mapped, near, "Where tool_choice \"none\" is not taken the tools are left out."),
	row(llm.FeatureToolSubset, mapped, near, "Where allowed_tools is not taken the other tools are left out."),
	row(llm.FeatureOneCall, mapped, dropped, "Some servers have no parallel_tool_calls."),
	row(llm.FeatureBadArguments, mapped, mapped, ""),
	row(llm.FeatureLostResult, near, near, "Every call needs a result; one that says there is none is put in."),

	// The form of the answer.
	row(llm.FeatureJSON, mapped, refused, "The model cannot be held to JSON."),
	row(llm.FeatureSchema, mapped, refused, "The model cannot be held to a JSON schema."),
)

func row(f llm.Feature, c, lacking llm.Class, fact string) llm.Row {
	return llm.Row{Feature: f, Class: c, Lacking: lacking, Fact: fact}
}
