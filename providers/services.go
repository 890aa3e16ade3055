package providers

import (
	"net/url"
	"slices"
	"strings"

	"localrouter/providers/llm"
	"localrouter/providers/openai"
)

// service is what is known of a server by its address: how it differs from OpenAI's own in ways that matter here.
type service struct {
	host          string        // exact, or with a leading dot for all below it
	keyHeader     string        // carries the key alone; empty: Authorization: Bearer
	noStreamUsage bool          // refuses stream_options; sends usage unasked
	modelsPath    string        // empty: /models
	pass          []string      // further header fields of applications that it understands
	style         openai.Style  // how a request of another dialect is spelled for it
	has           []llm.Feature // beyond what any server of the dialect is trusted with
	lacks         []llm.Feature // refuses to hear of
}

// ofOpenAI are the features that only OpenAI's own servers are known to have; elsewhere an unknown field may be refused.
var ofOpenAI = []llm.Feature{llm.FeatureCacheKey, llm.FeatureTier, llm.FeatureVerbosity, llm.FeatureCustomTools, llm.FeatureToolSubset, llm.FeatureNames}

// own is how OpenAI and Azure want their requests.
var own = openai.Style{MaxCompletionTokens: true, Effort: openai.EffortField, Strict: true, FreeTurns: true, SamplesAtRest: true}

// services are matched by the host of the base URL, whatever the provider is called. What is known of each stands on
// its own pages on reasoning and on compatibility with OpenAI.
var services = []service{
	{host: "api.openai.com", style: own, has: ofOpenAI},
	{host: ".openai.azure.com", keyHeader: "Api-Key", style: own, has: ofOpenAI},
	{host: ".cognitiveservices.azure.com", keyHeader: "Api-Key", style: own, has: ofOpenAI},
	{host: "openrouter.ai", pass: []string{"Http-Referer", "X-Title", "X-Openrouter-Title", "X-Openrouter-Categories", "X-Openrouter-Metadata"},
		style: openai.Style{Effort: openai.EffortObject, Marks: openai.MarksControl, Strict: true, FreeTurns: true}, has: []llm.Feature{llm.FeatureVerbosity}},
	{host: "api.mistral.ai", noStreamUsage: true, style: mistral, lacks: ofMistral},
	{host: "codestral.mistral.ai", noStreamUsage: true, style: mistral, lacks: ofMistral},
	{host: "api.deepseek.com", style: deepseek, lacks: []llm.Feature{llm.FeatureSchema}},
	{host: "api.moonshot.ai", style: openai.Style{Effort: openai.EffortThink, ReasoningBack: true}},
	{host: "api.moonshot.cn", style: openai.Style{Effort: openai.EffortThink, ReasoningBack: true}},
	{host: "api.z.ai", style: openai.Style{Effort: openai.EffortTyped}},
	{host: "open.bigmodel.cn", style: openai.Style{Effort: openai.EffortTyped}},
	{host: "dashscope.aliyuncs.com", style: openai.Style{Effort: openai.EffortSwitch}},
	{host: "dashscope-intl.aliyuncs.com", style: openai.Style{Effort: openai.EffortSwitch}},
	{host: "api.siliconflow.com", style: openai.Style{Effort: openai.EffortSwitch}},
	{host: "api.groq.com", style: openai.Style{MaxCompletionTokens: true, Effort: openai.EffortField, Strict: true, FreeTurns: true}, lacks: []llm.Feature{llm.FeatureLogitBias}},
	{host: "api.cerebras.ai", style: openai.Style{MaxCompletionTokens: true, Effort: openai.EffortField, Strict: true}, lacks: []llm.Feature{llm.FeaturePenalties}},
	{host: "api.fireworks.ai", style: openai.Style{MaxCompletionTokens: true, Effort: openai.EffortField, Strict: true}},
	{host: "router.huggingface.co", style: openai.Style{MaxCompletionTokens: true, Effort: openai.EffortField}},
	{host: "api.x.ai", pass: []string{"X-Grok-Conv-Id"}, style: openai.Style{Effort: openai.EffortField}, lacks: []llm.Feature{llm.FeaturePenalties}},
	{host: "models.github.ai", modelsPath: "/catalog/models"},
}

// deepseek takes more levels of reasoning than most, and knows itself which of them are the same there.
var deepseek = openai.Style{Effort: openai.EffortThink, ReasoningBack: true, Efforts: []string{"none", "low", "medium", "high", "xhigh", "max"}}

// mistral refuses every field it does not know, has names of its own for some, and wants an answer behind the results of
// tools before anybody else speaks.
var (
	mistral   = openai.Style{Prefix: true, AnyTool: true, RandomSeed: true, ShortIDs: true, BridgeResults: true}
	ofMistral = []llm.Feature{llm.FeatureUser, llm.FeatureLogitBias}
)

// serviceAt finds what is known of the server at u; the zero value is a server that nothing is known of.
func serviceAt(u *url.URL) service {
	host := strings.ToLower(u.Hostname())
	for _, s := range services {
		if s.host == host || s.host[0] == '.' && strings.HasSuffix(host, s.host) {
			return s
		}
	}
	return service{}
}

// serviceOf is what is known of the server at u that is configured as kind k: by its address, or where that is unknown,
// such as a proxy's, as the service that the kind is named for.
func serviceOf(k kind, u *url.URL) service {
	s := serviceAt(u)
	if s.host != "" || k.baseURL == "" {
		return s
	}
	usual, err := url.Parse(k.baseURL)
	if err != nil {
		return s
	}
	return serviceAt(usual)
}

// features is what a request of another dialect may make use of at the service.
func (s *service) features() *llm.Features {
	f := s.style.Features()
	for _, i := range ofOpenAI {
		if !slices.Contains(s.has, i) {
			f = f.Lacking(i)
		}
	}
	for _, i := range s.lacks {
		f = f.Lacking(i)
	}
	return f
}
