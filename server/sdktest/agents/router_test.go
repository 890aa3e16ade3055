package agents

import (
	"path/filepath"
	"testing"

	"localrouter/server/sdktest/gateway"
	"localrouter/server/sdktest/node/npm"
)

// TestAgentsGoOnWhereAProviderIsDown: the agent names a router, whose first target nobody answers at and whose second
// speaks the other dialect, and does its task all the same.
func TestAgentsGoOnWhereAProviderIsDown(t *testing.T) {
	packages := npm.Need(t, ".")
	program, err := gateway.Build(filepath.Join("..", "..", ".."), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	claudeUp, openaiUp := startUpstream(t, &anthropic{}), startUpstream(t, &openai{})
	var cells []*cell
	for _, c := range []struct {
		agent    agent
		provider gateway.Provider
		upstream *upstream
		model    string
	}{
		{claudeCode, gateway.Provider{Name: "upo", Type: "openai-compatible", BaseURL: openaiUp.url + "/v1"}, openaiUp, "gpt-x"},
		{openCode, gateway.Provider{Name: "upa", Type: "anthropic", BaseURL: claudeUp.url}, claudeUp, "claude-sonnet-4-5"},
	} {
		c.provider.Key = providerKey
		text, env := gateway.Settings(gateway.Provider{Name: "down", Type: "openai-compatible", BaseURL: "http://127.0.0.1:1/v1", Key: providerKey}, c.provider)
		text += "routers:\n  - {name: work, select: {manual: [down/anything, " + c.provider.Name + "/" + c.model + "]}, fallback: {enabled: true, attempts: 2}}\n" +
			"  - {name: small, select: {manual: [down/anything, " + c.provider.Name + "/" + c.upstream.dialect.small() + "]}, fallback: {enabled: true, attempts: 2}}\n"
		g, err := gateway.Start(program, t.TempDir(), text, env...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := g.Stop(); err != nil {
				t.Error(err)
			}
		})
		key, err := g.NewKey("agent")
		if err != nil {
			t.Fatal(err)
		}
		cells = append(cells, &cell{agent: c.agent, upstream: c.upstream, to: target{url: g.URL, key: key.Secret, model: "router/work", small: "router/small"}})
	}
	runAll(t, packages, cells)
}
