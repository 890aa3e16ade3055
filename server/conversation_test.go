package server

import (
	"testing"

	"localrouter/providers/llm"
	"localrouter/providers/providertest"
)

const signedHistory = `{"model":"router/two","max_tokens":9,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[` +
	`{"type":"thinking","thinking":"hm","signature":"c2ln"},{"type":"text","text":"yes"}]},{"role":"user","content":"go on"}]}`

// TestAConversationGoesBackToItsMaker: who stood in for the provider that signed a conversation's thinking is told nothing of
// it, turn after turn. Once that provider is back the conversation is, too.
func TestAConversationGoesBackToItsMaker(t *testing.T) {
	s := stage(t, []peer{{name: "b", dialect: llm.OpenAI}, {name: "a", dialect: llm.Anthropic}})
	routes := func(script providertest.Script, body, wants string) {
		t.Helper()
		s.up["a"].Answer(script)
		if a := s.send("/v1/messages", body); a.StatusCode != 200 || a.Header.Get("X-Localrouter-Route") != wants {
			t.Errorf("%d from %s, wanted %s", a.StatusCode, a.Header.Get("X-Localrouter-Route"), wants)
		}
	}
	well := ok(llm.Anthropic, false)
	s.up["b"].Answer(fault(500, "down"), ok(llm.OpenAI, false))
	routes(well, chatText(llm.Anthropic, "router/two", false), "a/m") // it begins where somebody is up
	routes(well, signedHistory, "a/m")
	routes(fault(500, "down"), signedHistory, "b/m")
	routes(well, signedHistory, "a/m")
}

// TestWhatIsNoTurnMovesNoConversation: vectors for a session, and counts of its tokens, do not say where its chat goes on.
func TestWhatIsNoTurnMovesNoConversation(t *testing.T) {
	s := stage(t, []peer{{name: "a", dialect: llm.OpenAI, local: true}, {name: "b", dialect: llm.OpenAI, local: true}})
	const chat = `{"model":"router/two","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"yes"},{"role":"user","content":"go on"}]}`
	field := []string{"X-Session-Id", "one"}
	s.up["a"].Answer(fault(500, "down"), ok(llm.OpenAI, false))
	s.up["b"].Answer(ok(llm.OpenAI, false))
	for i, one := range []struct{ path, body, wants string }{
		{"/v1/chat/completions", chat, "b/m"},
		{"/v1/embeddings", `{"model":"router/two","input":"hi"}`, "b/m"},
		{"/v1/chat/completions", chat, "b/m"},
	} {
		a := s.send(one.path, one.body, field...)
		if route := a.Header.Get("X-Localrouter-Route"); a.StatusCode != 200 || i != 1 && route != one.wants {
			t.Errorf("%d %s: %d from %s %s", i, one.path, a.StatusCode, route, a.body)
		}
	}
}
