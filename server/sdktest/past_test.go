package sdktest

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// past is a conversation as some application keeps it: what no SDK would write, but all gateways meet.
type past struct {
	name, client string
	messages     string
	more         string // further members
	// turns are what the vendor must be told: role, a colon and what is said; "call" and "result" stand for those.
	turns []string
	// joined is the same for a vendor of which nothing is known but its dialect, where it differs: many of them want turns
	// to alternate, and the system only at the beginning.
	joined []string
	status int // 0: 200
}

const completionTools = `"tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{}}}}]`
const messageTools = `"tools":[{"name":"get_weather","input_schema":{"type":"object","properties":{}}}]`

var pasts = []past{
	{name: "ids of another vendor", client: "openai", more: completionTools,
		messages: `[{"role":"user","content":"a"},{"role":"assistant","content":"","tool_calls":[{"id":"call:1|x.é","type":"function","function":{"name":"get_weather","arguments":"{}"}},{"id":"call:1|x.e","type":"function","function":{"name":"get_weather","arguments":""}}]},{"role":"tool","tool_call_id":"call:1|x.e","content":"e"},{"role":"tool","tool_call_id":"call:1|x.é","content":""}]`,
		turns:    []string{"user:a", "assistant:call call", "user:result result"}},
	{name: "a call nobody answered", client: "openai", more: completionTools,
		messages: `[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"get_weather","arguments":"{}"}}]},{"role":"user","content":"never mind"}]`,
		turns:    []string{"user:a", "assistant:call", "user:result never mind"}},
	{name: "a call without tools", client: "openai",
		messages: `[{"role":"user","content":"a"},{"role":"assistant","content":"b","tool_calls":[{"id":"c1","type":"function","function":{"name":"get_weather","arguments":"{\"x\":1}"}}]},{"role":"tool","tool_call_id":"c1","content":"d"},{"role":"user","content":"e"}]`,
		turns:    []string{"user:a", "assistant:b call", "user:result e"}},
	{name: "broken arguments", client: "openai", more: completionTools,
		messages: `[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"get_weather","arguments":"{\"x\":"}}]},{"role":"tool","tool_call_id":"c1","content":"d"}]`,
		turns:    []string{"user:a", "assistant:call", "user:result"}},
	{name: "the assistant begins", client: "openai", messages: `[{"role":"assistant","content":"hello"},{"role":"user","content":"a"}]`,
		turns: []string{"user:*", "assistant:hello", "user:a"}},
	{name: "empty and repeated turns", client: "openai",
		messages: `[{"role":"user","content":""},{"role":"user","content":"a"},{"role":"assistant","content":""},{"role":"assistant","content":"b","refusal":null},{"role":"user","content":[{"type":"text","text":""},{"type":"text","text":"c"}]},{"role":"user","content":"d"}]`,
		turns:    []string{"user:a", "assistant:b", "user:c", "user:d"}},
	{name: "nothing but white space", client: "openai", messages: `[{"role":"user","content":"a"},{"role":"assistant","content":"\n "},{"role":"user","content":"b"}]`,
		turns: []string{"user:a", "user:b"}},
	{name: "a system turn in between", client: "openai", messages: `[{"role":"developer","content":"s1"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"system","content":"s2"},{"role":"user","content":"c"}]`,
		turns: []string{"user:a", "assistant:b", "user:*s2*"}}, // as a user's, marked
	{name: "a refusal in the past", client: "openai", messages: `[{"role":"user","content":"a"},{"role":"assistant","content":null,"refusal":"no"},{"role":"user","content":"b"}]`,
		turns: []string{"user:a", "assistant:no", "user:b"}},
	{name: "reasoning that nobody signed", client: "openai", messages: `[{"role":"user","content":"a"},{"role":"assistant","content":"b","reasoning_content":"hm"},{"role":"user","content":"c"}]`,
		turns: []string{"user:a", "assistant:b", "user:c"}},
	{name: "nulls", client: "openai", more: `"tools":null,"stop":null,"temperature":null,"response_format":null,"stream_options":null`, messages: `[{"role":"user","content":"a","name":null}]`, turns: []string{"user:a"}},
	{name: "nothing but a system turn", client: "openai", messages: `[{"role":"system","content":"s"}]`, turns: []string{"user:*"}},

	{name: "a text and marks", client: "anthropic", more: `"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral","ttl":"1h"}}]`,
		messages: `[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":[{"type":"text","text":"c","cache_control":{"type":"ephemeral"}}]}]`,
		turns:    []string{"user:a", "assistant:b", "user:c"}},
	{name: "results without content", client: "anthropic", more: messageTools,
		messages: `[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"get_weather","input":{}},{"type":"tool_use","id":"t2","name":"get_weather","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t2"},{"type":"tool_result","tool_use_id":"t1","content":""}]}]`,
		turns:    []string{"user:a", "assistant:call call", "tool:result", "tool:result"}},
	{name: "thoughts of another vendor", client: "anthropic", more: messageTools + `,"thinking":{"type":"adaptive"}`,
		messages: `[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"c2lnbmVk"},{"type":"redacted_thinking","data":"b3BhcXVl"},{"type":"text","text":"b"},{"type":"tool_use","id":"t1","name":"get_weather","input":{"x":[1,{"y":null}]}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"d"},{"type":"text","text":"e"}]},{"type":"text","text":"f"}]}]`,
		turns:    []string{"user:a", "assistant:b call", "tool:result", "user:f"}},
	{name: "nothing but thoughts", client: "anthropic", messages: `[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"lr1:x"}]},{"role":"user","content":"b"}]`,
		turns: []string{"user:a", "user:b"}, joined: []string{"user:a\n\nb"}},
	{name: "a system turn in between", client: "anthropic", messages: `[{"role":"user","content":"a"},{"role":"system","content":"s2"},{"role":"user","content":"b"}]`,
		turns: []string{"user:a", "system:s2", "user:b"}, joined: []string{"user:a\n\n<system-reminder>\n\ns2\n\n</system-reminder>\n\nb"}},
	{name: "documents of text", client: "anthropic", messages: `[{"role":"user","content":[{"type":"document","title":"t","source":{"type":"text","media_type":"text/plain","data":"the text"}},{"type":"text","text":"a"}]}]`,
		turns: []string{"user:*the text*"}},
	{name: "a hosted tool", client: "anthropic", more: `"tools":[{"type":"web_search_20260318","name":"web_search"}]`, messages: `[{"role":"user","content":"a"}]`, status: 400},
	{name: "max_tokens is missing", client: "anthropic", more: `"max_tokens":null`, messages: `[{"role":"user","content":"a"}]`, status: 400},
}

// TestAPastThatOthersWroteIsSaidRightly sends conversations as applications keep them through the translation. The vendor
// checks that it could have said them itself.
func TestAPastThatOthersWroteIsSaidRightly(t *testing.T) {
	for _, r := range routes() {
		if r.straight || !r.translated() {
			continue
		}
		r.ready(t)
		for _, p := range pasts {
			if p.client != r.client {
				continue
			}
			t.Run(r.String()+"/"+p.name, func(t *testing.T) {
				r.vendor.begins(t, nil)
				status, body := sendRaw(t, r, p)
				if want := max(p.status, 200); status != want {
					t.Fatalf("got %d, want %d: %s", status, want, body)
				}
				if status != 200 {
					return
				}
				var told []string
				for _, turn := range read(t, r.vendor.dialect, r.vendor.last(t).body).turns {
					told = append(told, turn.role+":"+turn.told())
				}
				want := p.turns
				if r.vendor.name == "upo" && p.joined != nil {
					want = p.joined
				}
				if !matches(told, want) {
					t.Errorf("the vendor was told %q, want %q", told, want)
				}
			})
		}
	}
}

func sendRaw(t *testing.T, r route, p past) (int, string) {
	t.Helper()
	path, members := "/v1/chat/completions", []string{`"model":"` + r.model("plain") + `"`, `"messages":` + p.messages}
	if r.client == "anthropic" {
		path = "/v1/messages"
		if !strings.Contains(p.more, "max_tokens") {
			members = append(members, `"max_tokens":64`)
		}
	}
	if p.more != "" {
		members = append(members, p.more)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.place().base+path, strings.NewReader("{"+strings.Join(members, ",")+"}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Api-Key", key)
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !json.Valid(body) {
		t.Fatalf("%v in %s", err, body)
	}
	return resp.StatusCode, string(body)
}

// told is what is said in a turn, with a word for each call and result.
func (s seenTurn) told() string {
	var words []string
	for range s.results {
		words = append(words, "result")
	}
	if s.text != "" && s.role != "tool" {
		words = append(words, s.text)
	}
	for range s.calls {
		words = append(words, "call")
	}
	return strings.Join(words, " ")
}

// matches compares turns; a star stands for anything, and neighbours of one role may have been made one.
func matches(told, want []string) bool {
	if len(told) == len(want) {
		return slices.EqualFunc(told, want, func(told, want string) bool {
			role, said, _ := strings.Cut(want, ":")
			ownRole, ownSaid, _ := strings.Cut(told, ":")
			if role != ownRole {
				return false
			}
			first, last := strings.HasPrefix(said, "*"), strings.HasSuffix(said, "*")
			said = strings.Trim(said, "*")
			return ownSaid == said || first && last && strings.Contains(ownSaid, said)
		})
	}
	for i := 1; i < len(want); i++ {
		role, said, _ := strings.Cut(want[i], ":")
		if before, _, _ := strings.Cut(want[i-1], ":"); before == role {
			joined := append(slices.Clone(want[:i-1]), want[i-1]+said)
			if matches(told, append(joined, want[i+1:]...)) {
				return true
			}
		}
	}
	return false
}
