package providers

import "localrouter/providers/llm"

// kind is what is known of a provider type. A new type of an existing dialect is a line in this table, not code.
type kind struct {
	baseURL  string // empty: the settings must name one
	needsKey bool
	rootPath string      // put behind a base URL that has no path
	later    bool        // its dialect comes with a later version
	dialect  llm.Dialect // empty: OpenAI's
	demo     bool
}

// kinds are the provider types a settings file may use; settings.ProviderTypes names the same.
var kinds = map[string]kind{
	"openai":            {baseURL: "https://api.openai.com/v1", needsKey: true},
	"openrouter":        {baseURL: "https://openrouter.ai/api/v1", needsKey: true},
	"ollama":            {baseURL: "http://127.0.0.1:11434/v1", rootPath: "/v1"},
	"openai-compatible": {},
	"anthropic":         {baseURL: "https://api.anthropic.com/v1", rootPath: "/v1", needsKey: true, dialect: llm.Anthropic},
	"gemini":            {baseURL: "https://generativelanguage.googleapis.com", needsKey: true, later: true},
	"demo":              {demo: true},

	// The rest speak the OpenAI dialect; the address is all there is to say.
	"cerebras":    {baseURL: "https://api.cerebras.ai/v1", needsKey: true},
	"deepinfra":   {baseURL: "https://api.deepinfra.com/v1/openai", needsKey: true},
	"deepseek":    {baseURL: "https://api.deepseek.com/v1", needsKey: true},
	"fireworks":   {baseURL: "https://api.fireworks.ai/inference/v1", needsKey: true},
	"groq":        {baseURL: "https://api.groq.com/openai/v1", needsKey: true},
	"huggingface": {baseURL: "https://router.huggingface.co/v1", needsKey: true},
	"lm-studio":   {baseURL: "http://127.0.0.1:1234/v1", rootPath: "/v1"},
	"mistral":     {baseURL: "https://api.mistral.ai/v1", needsKey: true},
	"moonshot":    {baseURL: "https://api.moonshot.ai/v1", needsKey: true},
	"nvidia":      {baseURL: "https://integrate.api.nvidia.com/v1", needsKey: true},
	"together":    {baseURL: "https://api.together.xyz/v1", needsKey: true},
	"xai":         {baseURL: "https://api.x.ai/v1", needsKey: true},
}
