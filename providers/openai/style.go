package openai

import "localrouter/providers/llm"

// Style is how one of the many servers of this dialect wants a request that is made for it, where they differ. The zero
// value is the safe choice for a server that nothing is known of. What a server takes at all is not said here but by
// its llm.Features.
type Style struct {
	// Provider is its name in the settings: reasoning text that bears it goes back with ReasoningBack.
	Provider string
	// MaxCompletionTokens spells the output limit max_completion_tokens, as OpenAI and Azure want; else max_tokens.
	MaxCompletionTokens bool
	// Developer gives system texts the role developer, for OpenAI's reasoning models; else system.
	Developer bool
	// StreamUsage sends stream_options.include_usage with a stream.
	StreamUsage bool
	// Effort is how reasoning is asked for. Zero: not at all.
	Effort EffortStyle
	// Efforts are the levels the server's models take, least first, where a model's own are not known; nil: the usual ones.
	Efforts []string
	// SamplesAtRest leaves out temperature, top_p and penalties where a level of reasoning is asked for: OpenAI's models
	// refuse them together.
	SamplesAtRest bool
	// ReasoningBack returns reasoning_content in the history, as DeepSeek and Moonshot want: DeepSeek refuses an
	// assistant's message with calls that comes without it.
	ReasoningBack bool
	// Strict sends strict with tools; Together, NVIDIA and Moonshot do not take it.
	Strict bool
	// Marks is how the end of a cached prefix is marked, where the plan keeps llm.FeatureCacheMarks. Zero: not at all.
	Marks MarkStyle
	// Prefix marks an answer to be continued by prefix:true, as Mistral and DeepSeek want. llm.FeaturePrefill must be
	// in their features; servers that just go on with a last assistant's message need only that.
	Prefix bool
	// AnyTool spells tool_choice "required" as "any", as Mistral does; RandomSeed spells seed random_seed, as it does, too.
	AnyTool, RandomSeed bool
	// ShortIDs makes call ids of nine letters and digits, as Mistral's older models want.
	ShortIDs bool
	// FreeTurns lets turns stand as they are: system messages between the others, and several of one role in a row. Else
	// there is one system message, at the beginning, as the templates of many models want it, and what a user says in
	// several messages is sent in one.
	FreeTurns bool
	// ToolNames repeats the tool's name on its result; NoNull sends "" for an assistant's content that is not there;
	// BridgeResults puts an assistant's word between results and what the user says next; DeclareTools declares tools
	// that only the history uses. Some server or other wants each.
	ToolNames, NoNull, BridgeResults, DeclareTools bool
}

// Features is what a server of this style has for requests of other dialects.
func (st Style) Features() *llm.Features {
	f := features
	if st.Effort == EffortNot {
		f = f.Lacking(llm.FeatureReasoning).Lacking(llm.FeatureToolReasoning)
		f = f.With(row(llm.FeatureNoReasoning, dropped, dropped, "Nothing is known of how the server is asked to reason."))
	}
	if st.ReasoningBack {
		f = f.With(row(llm.FeatureThinking, mapped, dropped, ""))
	}
	if st.Marks != MarksNot {
		f = f.With(row(llm.FeatureCacheMarks, mapped, dropped, ""))
	}
	if st.Prefix {
		f = f.With(row(llm.FeaturePrefill, mapped, refused, ""))
	}
	if !st.Strict {
		f = f.Lacking(llm.FeatureStrictTools)
	}
	if !st.FreeTurns {
		f = f.Lacking(llm.FeatureMidSystem)
	}
	return f
}

// EffortStyle is how reasoning is asked for.
type EffortStyle uint8

const (
	EffortNot      EffortStyle = iota
	EffortField                // reasoning_effort: OpenAI and most
	EffortObject               // reasoning{effort}: OpenRouter
	EffortThink                // thinking{type} and reasoning_effort: DeepSeek, Xiaomi, older Moonshot
	EffortTyped                // thinking{type} alone: Z.AI
	EffortSwitch               // enable_thinking: Qwen at DashScope and SiliconFlow
	EffortTemplate             // chat_template_kwargs{enable_thinking}: Qwen on vLLM, SGLang and llama.cpp
)

// MarkStyle is how the end of a cached prefix is marked.
type MarkStyle uint8

const (
	MarksNot        MarkStyle = iota
	MarksControl              // cache_control on the part: OpenRouter
	MarksBreakpoint           // prompt_cache_breakpoint on the part: OpenAI from gpt-5.6 on
)
