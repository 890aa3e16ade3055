package server

import (
	"strings"
	"testing"

	"localrouter/providers/llm"
	"localrouter/providers/providertest"
)

// TestACredentialThatIsRepeatedGoesNoFurther: a provider that quotes the key it was sent tells it to no application and to
// no disk, neither at once nor while it rests.
func TestACredentialThatIsRepeatedGoesNoFurther(t *testing.T) {
	for name, script := range map[string]func(far llm.Dialect) providertest.Script{
		"refused": func(far llm.Dialect) providertest.Script {
			return providertest.JSON(429, refusal(far, "x", "x", "Too much for sk-far."), "Retry-After: 60")
		},
		"inside a stream": func(far llm.Dialect) providertest.Script {
			body := refusal(far, "overloaded_error", "x", "Too much for sk-far.")
			if far == llm.Anthropic {
				return providertest.Stream(messageStart, "event: error\ndata: "+body+"\n\n")
			}
			return providertest.Stream(providertest.Role(), "data: "+body+"\n\n")
		},
	} {
		bothWays(t, func(t *testing.T, app, far llm.Dialect) {
			s := stage(t, []peer{{name: "far", dialect: far}})
			s.up["far"].Answer(script(far))
			for range 2 {
				a := s.chat(app, "far/m", name != "refused")
				if strings.Contains(a.body, "sk-far") || !strings.Contains(a.body, "Too much for") {
					t.Errorf("%s: an application reads %s", name, a.body)
				}
				if strings.Contains(a.entry.Error, "sk-far") {
					t.Errorf("%s: the record holds %s", name, a.entry.Error)
				}
			}
			for _, saved := range s.router.Health().Export() {
				if strings.Contains(saved.Message, "sk-far") {
					t.Errorf("%s: kept over a restart: %s", name, saved.Message)
				}
			}
		})
	}
}
