package catalog

import (
	"strings"

	"localrouter/providers/llm"
)

// Sets of what Claudes lack. A Set is made of constants here, so that nothing runs at start.
const (
	// bothSamplings: a temperature and top_p cannot be given together.
	bothSamplings llm.Set = 1 << llm.FeatureTopPToo
	// sampling: any of these fields is refused.
	sampling llm.Set = 1<<llm.FeatureTemperature | 1<<llm.FeatureHot | 1<<llm.FeatureTopP | 1<<llm.FeatureTopPToo | 1<<llm.FeatureTopK
	// forms: no output_config.format, no strict tools.
	forms llm.Set = 1<<llm.FeatureSchema | 1<<llm.FeatureStrictTools
	// prefill: a last turn of the assistant's is refused.
	prefill llm.Set = 1 << llm.FeaturePrefill
	// midSystem: no turns of the system's between the others.
	midSystem llm.Set = 1 << llm.FeatureMidSystem
	// off: reasoning cannot be turned off.
	off llm.Set = 1 << llm.FeatureNoReasoning
	// forcedCall: a tool_choice of the type "any" or "tool" is refused.
	forcedCall llm.Set = 1 << llm.FeatureToolChoice
	// thought: it does not reason.
	thought llm.Set = 1<<llm.FeatureReasoning | 1<<llm.FeatureToolReasoning
)

var (
	lowToHigh       = []string{"low", "medium", "high"}
	lowToMaxNoXHigh = []string{"low", "medium", "high", "max"}
	lowToMax        = []string{"low", "medium", "high", "xhigh", "max"}
)

// Levels of Claude do not hold "none": ThinksAlways and FeatureNoReasoning tell whether it can be turned off. Which models
// have output_config.format and strict tools is of "pi", supportsStrictTools; mid-conversation system turns likewise.
var anthropic = []row{
	{id: "claude-3-opus", aliases: []string{"claude-3-opus-latest"}, context: 200_000, output: 4096, think: llm.ThinksNever,
		lacks: forms | midSystem | thought, input: textImage, source: "doc"},
	{id: "claude-3-haiku", context: 200_000, output: 4096, think: llm.ThinksNever,
		lacks: forms | midSystem | thought, input: textImage, source: "doc"},
	{id: "claude-3-5-sonnet", aliases: []string{"claude-3-5-sonnet-latest"}, context: 200_000, output: 8192, think: llm.ThinksNever,
		lacks: forms | midSystem | thought, input: textFile, source: "doc"},
	{id: "claude-3-5-haiku", aliases: []string{"claude-3-5-haiku-latest"}, context: 200_000, output: 8192, think: llm.ThinksNever,
		lacks: forms | midSystem | thought, input: textFile, source: "doc"},
	{id: "claude-3-7-sonnet", aliases: []string{"claude-3-7-sonnet-latest"}, context: 200_000, output: 64_000, think: llm.ThinksByBudget,
		lacks: forms | midSystem, input: textFile, source: "doc"},
	{id: "claude-opus-4", aliases: []string{"claude-opus-4-0"}, context: 200_000, output: 32_000, think: llm.ThinksByBudget,
		lacks: forms | midSystem, input: textFile, source: "doc"},
	{id: "claude-sonnet-4", aliases: []string{"claude-sonnet-4-0"}, context: 200_000, output: 64_000, think: llm.ThinksByBudget,
		lacks: forms | midSystem, input: textFile, source: "bed, doc"},
	{id: "claude-opus-4-1", context: 200_000, output: 32_000, think: llm.ThinksByBudget,
		lacks: forms | midSystem | bothSamplings, input: textFile, source: "bed, doc"},

	{id: "claude-sonnet-4-5", context: 200_000, output: 64_000, think: llm.ThinksByBudget,
		lacks: midSystem | bothSamplings, input: textFile, source: "sheet, pi"},
	{id: "claude-haiku-4-5", context: 200_000, output: 64_000, think: llm.ThinksByBudget,
		lacks: midSystem | bothSamplings, input: textFile, source: "sheet, pi"},
	{id: "claude-opus-4-5", context: 200_000, output: 64_000, think: llm.ThinksByBudget, efforts: lowToHigh,
		lacks: midSystem | bothSamplings, input: textFile, source: "sheet, pi"},
	{id: "claude-opus-4-6", context: 1_000_000, output: 128_000, think: llm.ThinksByBudget | llm.ThinksAdaptive, efforts: lowToMaxNoXHigh,
		lacks: midSystem | bothSamplings | prefill, input: textFile, source: "sheet, pi"},
	{id: "claude-sonnet-4-6", context: 1_000_000, output: 128_000, think: llm.ThinksByBudget | llm.ThinksAdaptive, efforts: lowToMaxNoXHigh,
		lacks: midSystem | bothSamplings | prefill, input: textFile, source: "sheet, pi"},
	{id: "claude-opus-4-7", context: 1_000_000, output: 128_000, think: llm.ThinksAdaptive, efforts: lowToMax,
		lacks: midSystem | sampling | prefill, input: textFile, source: "sheet, pi"},
	{id: "claude-opus-4-8", context: 1_000_000, output: 128_000, think: llm.ThinksAdaptive, efforts: lowToMax,
		lacks: sampling | prefill, input: textFile, source: "sheet, pi"},

	{id: "claude-sonnet-5", context: 1_000_000, output: 128_000, think: llm.ThinksAdaptive, efforts: lowToMax,
		lacks: midSystem | sampling | prefill, input: textFile, source: "sheet, pi"},
	// It can be turned off "with limits", which the sheet does not name.
	{id: "claude-opus-5", context: 1_000_000, output: 128_000, think: llm.ThinksAdaptive, efforts: lowToMax,
		lacks: sampling | prefill, input: textFile, source: "sheet, pi"},
	{id: "claude-fable-5", context: 1_000_000, output: 128_000, think: llm.ThinksAdaptive | llm.ThinksAlways, efforts: lowToMax,
		lacks: sampling | prefill | off, input: textFile, source: "sheet, pi"},
	// Only its thinking and sampling are known.
	{id: "claude-mythos-5", think: llm.ThinksAdaptive | llm.ThinksAlways, lacks: sampling | prefill | off, input: textFile, source: "sheet"},
	{id: "claude-fable-5-1", context: 1_000_000, output: 128_000, think: llm.ThinksAdaptive | llm.ThinksAlways, efforts: lowToMax,
		lacks: sampling | prefill | off | forcedCall, input: textFile, source: "sheet, pi"},
	{id: "claude-fable-5-2", context: 1_000_000, output: 128_000, think: llm.ThinksAdaptive | llm.ThinksAlways, efforts: lowToMax,
		lacks: sampling | prefill | off | forcedCall, input: textFile, source: "sheet, pi"},
	{id: "claude-opus-5-5", context: 1_000_000, output: 128_000, think: llm.ThinksAdaptive | llm.ThinksAlways, efforts: lowToMax,
		lacks: sampling | prefill | off | forcedCall, input: textFile, source: "sheet, pi"},
	{id: "claude-sonnet-5-5", context: 1_000_000, output: 128_000, think: llm.ThinksAdaptive | llm.ThinksAlways, efforts: lowToMax,
		lacks: sampling | prefill | off | forcedCall, input: textFile, source: "sheet, pi"},
	{id: "claude-haiku-5-5", context: 1_000_000, output: 128_000, think: llm.ThinksAdaptive, efforts: lowToMax,
		lacks: sampling | prefill, input: textFile, source: "sheet, pi"},
}

// What a provider of Anthropic's dialect is taken to offer under an id that has no row. A Claude that nobody knows is newer
// than those that are known, and refuses what the newest of them refuse. Any other model stands on a server that copies
// the dialect; those know the older way to think, by a budget, and no forms.
var (
	newerClaude = row{think: llm.ThinksAdaptive | llm.ThinksAlways, lacks: midSystem | sampling | prefill | off | forcedCall}
	otherModel  = row{think: llm.ThinksByBudget, lacks: midSystem | forms}
)

// unknownAnthropic is what stands for a model without a row.
func unknownAnthropic(id string) *row {
	if strings.Contains(strings.ToLower(id), "claude") {
		return &newerClaude
	}
	return &otherModel
}
