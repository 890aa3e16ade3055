package catalog

import "localrouter/providers/llm"

// Sets of what models of OpenAI's lack at its chat endpoint.
const (
	// never: what no model here has; others have sound, or search built in.
	never llm.Set = 1<<llm.FeatureAudio | 1<<llm.FeatureSearch
	// old: what came with gpt-5.
	old llm.Set = never | 1<<llm.FeatureVerbosity | 1<<llm.FeatureCustomTools
	// plain: it does not reason.
	plain llm.Set = old | 1<<llm.FeatureReasoning | 1<<llm.FeatureToolReasoning
	// noForms: JSON of a schema came with gpt-4o of August 2024.
	noForms llm.Set = 1<<llm.FeatureSchema | 1<<llm.FeatureStrictTools
	// noPictures: texts only.
	noPictures llm.Set = 1<<llm.FeatureImages | 1<<llm.FeatureImageURLs | 1<<llm.FeatureImageDetail | 1<<llm.FeatureFiles | 1<<llm.FeatureFileIDs
	stops      llm.Set = 1<<llm.FeatureStop | 1<<llm.FeatureManyStops | 1<<llm.FeatureBlankStop
	// reasons: what a model refuses while it reasons. One that does not reason unless asked keeps them: what is refused
	// there depends on the request.
	reasons llm.Set = 1<<llm.FeatureTemperature | 1<<llm.FeatureHot | 1<<llm.FeatureTopP | 1<<llm.FeatureTopPToo |
		1<<llm.FeaturePenalties | 1<<llm.FeatureLogprobs | 1<<llm.FeatureLogitBias
	// thinker: what no reasoning model has from o3 on.
	thinker llm.Set = never | stops | 1<<llm.FeaturePrediction
	// oSeries: further, of o1 to o4-mini.
	oSeries llm.Set = old | reasons | off | 1<<llm.FeaturePrediction | 1<<llm.FeatureOneCall
	// toolsAtRest: tools are taken at effort "none" only.
	toolsAtRest llm.Set = 1 << llm.FeatureToolReasoning
	// noTools: and "none" is refused, so they are not taken at all.
	noTools llm.Set = toolsAtRest | off | 1<<llm.FeatureTools | 1<<llm.FeatureCustomTools
	// chatOnly: what is lacking at the vendor's endpoint but not through OpenRouter, which asks another or does it itself.
	chatOnly llm.Set = 1<<llm.FeatureToolReasoning | 1<<llm.FeatureTools | 1<<llm.FeatureCustomTools | 1<<llm.FeatureSearch | midSystem
)

var (
	minimalToHigh = []string{"minimal", "low", "medium", "high"}
	highOnly      = []string{"high"}
	mediumToXHigh = []string{"medium", "high", "xhigh"}
	lowToXHigh    = []string{"low", "medium", "high", "xhigh"}
	noneToHigh    = []string{"none", "low", "medium", "high"}
	noneToXHigh   = []string{"none", "low", "medium", "high", "xhigh"}
	noneToMax     = []string{"none", "low", "medium", "high", "xhigh", "max"}
)

// Levels are those of "pi", thinkingLevelMap; "none" is among them where it is taken. From gpt-5.6 on a model reasons unless
// told not to, before that 5.1 to 5.5 do not. The models called pro answer at /v1/responses only.
var openai = []row{
	{id: "gpt-4", context: 8192, output: 8192, think: llm.ThinksNever, lacks: plain | noForms | noPictures, input: text, source: "pi"},
	{id: "gpt-4-turbo", context: 128_000, output: 4096, think: llm.ThinksNever, lacks: plain | noForms, input: textImage, source: "pi"},
	{id: "gpt-4o-2024-05-13", context: 128_000, output: 4096, think: llm.ThinksNever, lacks: plain | noForms, input: textImage, source: "pi"},
	{id: "gpt-4o", context: 128_000, output: 16_384, think: llm.ThinksNever, lacks: plain, input: textFile, source: "pi"},
	{id: "gpt-4o-mini", context: 128_000, output: 16_384, think: llm.ThinksNever, lacks: plain, input: textFile, source: "pi"},
	{id: "gpt-4.1", context: 1_047_576, output: 32_768, think: llm.ThinksNever, lacks: plain, input: textFile, source: "pi"},
	{id: "gpt-4.1-mini", context: 1_047_576, output: 32_768, think: llm.ThinksNever, lacks: plain, input: textFile, source: "pi"},
	{id: "gpt-4.1-nano", context: 1_047_576, output: 32_768, think: llm.ThinksNever, lacks: plain, input: textFile, source: "pi"},

	{id: "o1", context: 200_000, output: 100_000, think: llm.ThinksAlways, efforts: lowToHigh, lacks: oSeries, input: textFile, source: "pi, sheet"},
	{id: "o1-pro", context: 200_000, output: 100_000, think: llm.ThinksAlways, efforts: lowToHigh, lacks: oSeries, input: textFile, source: "pi, sheet"},
	{id: "o3-mini", context: 200_000, output: 100_000, think: llm.ThinksAlways, efforts: lowToHigh, lacks: oSeries | noPictures, input: text, source: "pi, sheet"},
	{id: "o3", context: 200_000, output: 100_000, think: llm.ThinksAlways, efforts: lowToHigh, lacks: oSeries | thinker, input: textFile, source: "pi, sheet"},
	{id: "o3-pro", context: 200_000, output: 100_000, think: llm.ThinksAlways, efforts: lowToHigh, lacks: oSeries | thinker, input: textFile, source: "pi, sheet"},
	{id: "o4-mini", context: 200_000, output: 100_000, think: llm.ThinksAlways, efforts: lowToHigh, lacks: oSeries | thinker, input: textFile, source: "pi, sheet"},

	{id: "gpt-5-chat-latest", context: 128_000, output: 16_384, think: llm.ThinksNever, lacks: plain, input: textFile, source: "pi"},
	{id: "gpt-5", context: 400_000, output: 128_000, think: llm.ThinksAlways, efforts: minimalToHigh, lacks: thinker | reasons | off, input: textFile, source: "pi, sheet"},
	{id: "gpt-5-mini", context: 400_000, output: 128_000, think: llm.ThinksAlways, efforts: minimalToHigh, lacks: thinker | reasons | off, input: textFile, source: "pi, sheet"},
	{id: "gpt-5-nano", context: 400_000, output: 128_000, think: llm.ThinksAlways, efforts: minimalToHigh, lacks: thinker | reasons | off, input: textFile, source: "pi, sheet"},
	{id: "gpt-5-pro", context: 400_000, output: 128_000, think: llm.ThinksAlways, efforts: highOnly, lacks: thinker | reasons | off, input: textFile, source: "pi, sheet"},
	{id: "gpt-5.1", context: 400_000, output: 128_000, think: llm.ThinksAdaptive, efforts: noneToHigh, lacks: thinker, input: textFile, source: "pi, sheet"},
	{id: "gpt-5.1-codex", context: 400_000, output: 128_000, think: llm.ThinksAlways, efforts: lowToHigh, lacks: thinker | reasons | off, input: textFile, source: "or, sheet"},
	{id: "gpt-5.1-codex-mini", context: 400_000, output: 128_000, think: llm.ThinksAlways, efforts: lowToHigh, lacks: thinker | reasons | off, input: textFile, source: "or, sheet"},
	{id: "gpt-5.1-codex-max", context: 400_000, output: 128_000, think: llm.ThinksAlways, efforts: lowToXHigh, lacks: thinker | reasons | off, input: textFile, source: "or, sheet"},
	{id: "gpt-5.2", context: 400_000, output: 128_000, think: llm.ThinksAdaptive, efforts: noneToXHigh, lacks: thinker, input: textFile, source: "pi, sheet"},
	{id: "gpt-5.2-codex", context: 400_000, output: 128_000, think: llm.ThinksAlways, efforts: lowToXHigh, lacks: thinker | reasons | off, input: textFile, source: "or, sheet"},
	{id: "gpt-5.2-pro", context: 400_000, output: 128_000, think: llm.ThinksAlways, efforts: mediumToXHigh, lacks: thinker | reasons | off, input: textFile, source: "pi, sheet"},
	{id: "gpt-5.3-codex", context: 400_000, output: 128_000, think: llm.ThinksAdaptive, efforts: noneToXHigh, lacks: thinker, input: textFile, source: "pi, sheet"},
	{id: "gpt-5.3-codex-spark", context: 128_000, output: 32_000, think: llm.ThinksAlways, efforts: lowToXHigh, lacks: thinker | reasons | off, input: textFile, source: "pi"},
	{id: "gpt-5.4", context: 1_050_000, output: 128_000, think: llm.ThinksAdaptive, efforts: noneToXHigh, lacks: thinker | toolsAtRest, input: textFile, source: "or, pi, sheet"},
	{id: "gpt-5.4-mini", context: 400_000, output: 128_000, think: llm.ThinksAdaptive, efforts: noneToXHigh, lacks: thinker | toolsAtRest, input: textFile, source: "pi, sheet"},
	{id: "gpt-5.4-nano", context: 400_000, output: 128_000, think: llm.ThinksAdaptive, efforts: noneToXHigh, lacks: thinker | toolsAtRest, input: textFile, source: "pi, sheet"},
	{id: "gpt-5.4-pro", context: 1_050_000, output: 128_000, think: llm.ThinksAlways, efforts: mediumToXHigh, lacks: thinker | reasons | noTools, input: textFile, source: "pi, sheet"},
	{id: "gpt-5.5", context: 1_050_000, output: 128_000, think: llm.ThinksAdaptive, efforts: noneToXHigh, lacks: thinker | toolsAtRest, input: textFile, source: "or, pi, sheet"},
	{id: "gpt-5.5-pro", context: 1_050_000, output: 128_000, think: llm.ThinksAlways, efforts: mediumToXHigh, lacks: thinker | reasons | noTools, input: textFile, source: "pi, sheet"},

	{id: "gpt-5.6-sol", context: 1_050_000, output: 128_000, think: llm.ThinksAdaptive, efforts: noneToMax, lacks: thinker | reasons | toolsAtRest, input: textFile, source: "or, pi, sheet"},
	{id: "gpt-5.6-terra", context: 1_050_000, output: 128_000, think: llm.ThinksAdaptive, efforts: noneToMax, lacks: thinker | reasons | toolsAtRest, input: textFile, source: "or, pi, sheet"},
	{id: "gpt-5.6-luna", context: 1_050_000, output: 128_000, think: llm.ThinksAdaptive, efforts: noneToMax, lacks: thinker | reasons | toolsAtRest, input: textFile, source: "or, pi, sheet"},
	{id: "gpt-5.6-cyber", context: 400_000, output: 128_000, think: llm.ThinksAlways, efforts: lowToMax, lacks: thinker | reasons | noTools, input: textFile, source: "pi, sheet"},
	{id: "gpt-6-astra", context: 1_050_000, output: 128_000, think: llm.ThinksAlways, efforts: lowToMax, lacks: thinker | reasons | noTools, input: textFile, source: "or, pi, sheet"},
	{id: "gpt-6-sol", context: 1_050_000, output: 128_000, think: llm.ThinksAdaptive, efforts: noneToMax, lacks: thinker | reasons | toolsAtRest, input: textFile, source: "or, pi, sheet"},
	{id: "gpt-6-luna", context: 1_050_000, output: 128_000, think: llm.ThinksAdaptive, efforts: noneToMax, lacks: thinker | reasons | toolsAtRest, input: textFile, source: "or, pi, sheet"},
	{id: "gpt-6.1-sol", context: 1_050_000, output: 128_000, think: llm.ThinksAlways, efforts: lowToMax, lacks: thinker | reasons | noTools, input: textFile, source: "or, pi, sheet"},
	{id: "gpt-6.1-terra", context: 1_050_000, output: 128_000, think: llm.ThinksAdaptive, efforts: noneToMax, lacks: thinker | reasons | toolsAtRest, input: textFile, source: "or, pi, sheet"},
	// Only that it refuses "none" is known.
	{id: "gpt-6.2", think: llm.ThinksAlways, lacks: thinker | reasons | noTools, input: textFile, source: "sheet"},
}
