package dashboard

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"localrouter/providers"
	"localrouter/providers/llm"
)

func TestSnippetsHoldAddressKeyAndModelWhereTheyBelong(t *testing.T) {
	got := map[string]string{}
	for _, s := range snippets("http://127.0.0.1:3636/v1", "lr-secret", "ollama/qwen3:32b") {
		got[s.ID] = s.Text
		if strings.ContainsAny(s.Text, "<>") && s.ID != "curl" {
			t.Errorf("%s: a place was left open: %s", s.ID, s.Text)
		}
	}
	if want := "export OPENAI_BASE_URL=http://127.0.0.1:3636/v1\nexport OPENAI_API_KEY=lr-secret"; got["env"] != want {
		t.Errorf("env:\n%s\nwant:\n%s", got["env"], want)
	}
	_, body, _ := strings.Cut(got["curl"], "-d '")
	body = strings.TrimSuffix(body, "'")
	var sent struct{ Model string }
	if err := json.Unmarshal([]byte(body), &sent); err != nil || sent.Model != "ollama/qwen3:32b" {
		t.Errorf("curl sends %s: model %q, %v", body, sent.Model, err)
	}
	if !strings.HasPrefix(got["curl"], "curl http://127.0.0.1:3636/v1/chat/completions \\\n  -H 'Authorization: Bearer lr-secret'") {
		t.Errorf("curl: %s", got["curl"])
	}
	for id, part := range map[string]string{"claude": "export ANTHROPIC_BASE_URL=http://127.0.0.1:3636\n", "python": `base_url="http://127.0.0.1:3636/v1", api_key="lr-secret"`, "node": `baseURL: "http://127.0.0.1:3636/v1", apiKey: "lr-secret"`, "go": `option.WithBaseURL("http://127.0.0.1:3636/v1")`} {
		if !strings.Contains(got[id], part) || id != "go" && !strings.Contains(got[id], "ollama/qwen3:32b") {
			t.Errorf("%s lacks %s:\n%s", id, part, got[id])
		}
	}
}

func TestSnippetsNameAModelThatTalks(t *testing.T) {
	d := &Dashboard{o: Options{Providers: fixed{llm.NewSources([]*llm.Source{{Name: "openai", Models: []llm.Model{{ID: "text-embedding-3-small"}, {ID: "it's; rm -rf"}, {ID: "gpt-5-mini"}}}})}}}
	if got := d.exampleModel(); got != "openai/gpt-5-mini" {
		t.Errorf("exampleModel() = %q, want openai/gpt-5-mini", got)
	}
	d.o.Providers = fixed{llm.NewSources(nil)}
	if got := d.exampleModel(); got != "demo/demo" {
		t.Errorf("without any list: %q, want demo/demo", got)
	}
}

// fixed is a registry that only lists.
type fixed struct{ sources *llm.Sources }

func (f fixed) Sources() *llm.Sources                                   { return f.sources }
func (f fixed) Status() []providers.Status                              { return nil }
func (f fixed) Test(context.Context, string) (out providers.TestResult) { return out }
func (f fixed) Reload() error                                           { return nil }
