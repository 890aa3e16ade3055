package sdktest

import (
	"slices"
	"strings"
	"testing"
)

// fieldCase is a field of one dialect on its way into the other.
type fieldCase struct {
	client  string
	name    string
	value   any
	tools   bool
	report  string // in X-LocalRouter-Dropped; "" where it is said exactly
	refused bool
}

// fields lists what only one of the dialects has, or what both spell in another way.
var fields = []fieldCase{
	{client: "openai", name: "seed", value: 7, report: "seed"},
	{client: "openai", name: "presence_penalty", value: 0.5, report: "presence_penalty"},
	{client: "openai", name: "frequency_penalty", value: 0.5, report: "frequency_penalty"},
	{client: "openai", name: "logit_bias", value: map[string]int{"50256": -100}, report: "logit_bias"},
	{client: "openai", name: "temperature", value: 0.25},
	{client: "openai", name: "temperature", value: 1.5, report: "temperature;approximated"},
	{client: "openai", name: "top_p", value: 0.5},
	{client: "openai", name: "user", value: "someone"},
	{client: "openai", name: "stop", value: "END"},
	{client: "openai", name: "parallel_tool_calls", value: false, tools: true},
	{client: "openai", name: "n", value: 2, refused: true},
	{client: "openai", name: "n", value: 1},
	{client: "openai", name: "logprobs", value: true, refused: true},
	{client: "anthropic", name: "top_k", value: 40, report: "top_k"},
	{client: "anthropic", name: "temperature", value: 0.25},
	{client: "anthropic", name: "top_p", value: 0.5},
	{client: "anthropic", name: "metadata", value: map[string]string{"user_id": "someone"}},
	{client: "anthropic", name: "stop_sequences", value: []string{"END"}},
}

// TestWhatAVendorDoesNotHaveIsToldOrRefused sends each field through the translation. The vendor itself checks that
// nothing reached it that it does not know; what was left out is told, and what changes the meaning is refused.
func TestWhatAVendorDoesNotHaveIsToldOrRefused(t *testing.T) {
	through(t, func(t *testing.T, s sdk, r route) {
		if !r.translated() {
			return
		}
		for _, f := range fields {
			if f.client != r.client {
				continue
			}
			t.Run(f.name, func(t *testing.T) {
				shapes(t, func(t *testing.T, streamed bool) {
					r.vendor.begins(t, nil)
					c := talk(r.model("plain"))
					c.tools, c.more = f.tools, map[string]any{f.name: f.value}
					a, err := s.send(t.Context(), r.place(), c, streamed)
					if f.refused {
						e, typed := s.failure(err)
						if !typed || e.status != 400 || e.kind != "invalid_request_error" || !strings.Contains(e.message, f.name) {
							t.Errorf("got %+v, %v", e, err)
						}
						if r.vendor.count() != 0 {
							t.Error("the request reached the vendor")
						}
						return
					}
					if err != nil {
						e, _ := s.failure(err)
						t.Fatalf("%v: %s", err, e.message)
					}
					want := []string(nil)
					if f.report != "" {
						want = []string{f.report}
					}
					if got := a.dropped(); !slices.Equal(got, want) {
						t.Errorf("was told %q, want %q", got, want)
					}
					placed(t, r, f)
				})
			})
		}
	})
}

// placed checks that a field which both dialects have arrived under the other's name.
func placed(t *testing.T, r route, f fieldCase) {
	t.Helper()
	body := as[map[string]any](t, r.vendor.last(t).body)
	var got, want any
	switch f.name {
	case "temperature", "top_p":
		if got, want = body[f.name], f.value; f.report != "" {
			want = 1.0
		}
	case "user", "metadata":
		want = "someone"
		if r.vendor.dialect == "openai" {
			got = body["user"]
			if got == nil {
				got = body["safety_identifier"]
			}
		} else if meta, ok := body["metadata"].(map[string]any); ok {
			got = meta["user_id"]
		}
	case "stop", "stop_sequences":
		got, want = strings.Join(read(t, r.vendor.dialect, r.vendor.last(t).body).stop, ""), "END"
	case "parallel_tool_calls":
		got, want = read(t, r.vendor.dialect, r.vendor.last(t).body).single, true
	default:
		if _, there := body[f.name]; there && r.translated() && f.report != "" {
			t.Errorf("%s reached the vendor", f.name)
		}
		return
	}
	if got != want {
		t.Errorf("%s arrived as %v, want %v", f.name, got, want)
	}
}

// TestTheSameDialectIsNeverEdited sends every field of fields to a vendor of its own dialect: nothing is left out.
func TestTheSameDialectIsNeverEdited(t *testing.T) {
	through(t, func(t *testing.T, s sdk, r route) {
		if r.translated() {
			return
		}
		for _, f := range fields {
			if f.client != r.client || s.name() == "anthropic-sdk-go v2" && slices.Contains([]string{"temperature", "top_p", "top_k"}, f.name) {
				continue // the newer API has no sampling fields
			}
			r.vendor.begins(t, nil)
			c := talk(r.model("plain"))
			c.tools, c.more = f.tools, map[string]any{f.name: f.value}
			a := must(t, s, r.place(), c, false)
			if got := a.dropped(); got != nil {
				t.Errorf("%s: was told %q", f.name, got)
			}
			if body := as[map[string]any](t, r.vendor.last(t).body); body[f.name] == nil {
				t.Errorf("%s did not reach the vendor", f.name)
			}
		}
	})
}

// TestAToolChoiceArrives sends each way to choose, with and without parallel calls.
func TestAToolChoiceArrives(t *testing.T) {
	each(t, func(t *testing.T, s sdk, r route) {
		for _, choice := range []string{"auto", "any", "one", "none"} {
			for _, single := range []bool{false, true} {
				if choice == "none" && single {
					continue // no calls are none in parallel
				}
				r.vendor.begins(t, nil)
				c := talk(r.model("tools"))
				c.tools, c.choice, c.single = true, choice, single
				must(t, s, r.place(), c, false)
				if got := read(t, r.vendor.dialect, r.vendor.last(t).body); got.choice != choice && !(choice == "auto" && got.choice == "") || got.single != single {
					t.Errorf("%s, single %v, arrived as %q, single %v", choice, single, got.choice, got.single)
				}
			}
		}
	})
}

// TestUsageIsToldOnlyWhereItWasAskedFor holds for OpenAI's dialect, where a stream tells it on request only.
func TestUsageIsToldOnlyWhereItWasAskedFor(t *testing.T) {
	each(t, func(t *testing.T, s sdk, r route) {
		if r.client != "openai" {
			return
		}
		r.vendor.begins(t, nil)
		c := talk(r.model("usage"))
		c.unasked = true
		if a := must(t, s, r.place(), c, true); a.usage != (usage{}) {
			t.Errorf("was told %+v", a.usage)
		}
	})
}

// TestAnAnswersLimitIsOneTheModelHas asks for no limit, or for more than the model has.
func TestAnAnswersLimitIsOneTheModelHas(t *testing.T) {
	through(t, func(t *testing.T, s sdk, r route) {
		if r.client != "openai" || !r.translated() {
			return
		}
		for _, limit := range []int{0, 100_000} {
			r.vendor.begins(t, nil)
			c := talk(r.model("plain"))
			c.limit = limit
			a := must(t, s, r.place(), c, false)
			if got := read(t, r.vendor.dialect, r.vendor.last(t).body).limit; got != vendorMaxOutput {
				t.Errorf("asked for %d, the vendor for %d", limit, got)
			}
			if told := slices.ContainsFunc(a.dropped(), func(s string) bool { return strings.HasSuffix(s, "tokens;approximated") }); told != (limit > 0) {
				t.Errorf("asked for %d, was told %q", limit, a.dropped())
			}
		}
	})
}

// TestAnOlderModelThinksWithinABudget asks for a level of effort where the model knows only a budget of tokens.
func TestAnOlderModelThinksWithinABudget(t *testing.T) {
	through(t, func(t *testing.T, s sdk, r route) {
		if r.client != "openai" || !r.translated() {
			return
		}
		for effort, budget := range map[string]float64{"low": 1024, "medium": 8192, "high": 24576} {
			r.vendor.begins(t, nil)
			c := talk(r.model("budget"))
			c.effort = effort
			must(t, s, r.place(), c, false)
			body := as[struct {
				MaxTokens float64 `json:"max_tokens"`
				Thinking  struct {
					Type   string
					Budget float64 `json:"budget_tokens"`
				}
			}](t, r.vendor.last(t).body)
			if want := min(budget, vendorMaxOutput-1); body.Thinking.Type != "enabled" || body.Thinking.Budget > want || body.Thinking.Budget < 1024 || body.Thinking.Budget >= body.MaxTokens {
				t.Errorf("%s became %+v", effort, body)
			}
		}
	})
}
