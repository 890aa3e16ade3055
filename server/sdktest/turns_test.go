package sdktest

import (
	"slices"
	"strings"
	"testing"
)

// TestToolsAreAnsweredAndTheConversationGoesOn calls two tools at once, answers them in the other order, one of them as
// failed, says something beside it, and asks again.
func TestToolsAreAnsweredAndTheConversationGoesOn(t *testing.T) {
	each(t, func(t *testing.T, s sdk, r route) {
		shapes(t, func(t *testing.T, streamed bool) {
			r.vendor.begins(t, nil)
			c := talk(r.model("parallel"))
			c.tools = true
			asked := must(t, s, r.place(), c, streamed)
			if len(asked.calls) != 2 {
				t.Fatalf("got %+v", asked.calls)
			}
			first, second := asked.calls[0], asked.calls[1]
			c.heard(asked).says(part{result: second.id, text: "no such city", failed: true}, part{result: first.id, text: `{"sky":"clear \"blue\""}`}, part{text: "And?"})
			c.model = r.model("toolresult")
			got := must(t, s, r.place(), c, streamed)
			if off := got.differs(goldenOf(r.vendor.dialect, "tool_result").means(r.client)); off != "" {
				t.Error(off)
			}
			calls, results := history(read(t, r.vendor.dialect, r.vendor.last(t).body))
			if len(calls) != 2 || len(results) != 2 {
				t.Fatalf("the vendor was told of the calls %+v and the results %+v", calls, results)
			}
			for i, c := range asked.calls {
				own := calls[i]
				if own.name != "get_weather" || !sameJSON(own.arguments, c.arguments) {
					t.Errorf("call %d arrived as %+v, was %+v", i, own, c)
				}
				if !strings.HasPrefix(own.id, map[string]string{"openai": "call_", "anthropic": "toolu_"}[r.vendor.dialect]) {
					t.Errorf("call %d has the id %q, which the vendor did not give it", i, own.id)
				}
				at := slices.IndexFunc(results, func(r seenResult) bool { return r.id == own.id })
				if at < 0 {
					t.Fatalf("call %s has no result among %+v", own.id, results)
				}
				given := results[at]
				if want := []string{`{"sky":"clear \"blue\""}`, "no such city"}[i]; !strings.Contains(given.text, want) {
					t.Errorf("the result of call %d arrived as %q", i, given.text)
				}
				if r.client == "anthropic" && r.vendor.dialect == "anthropic" && given.failed != (i == 1) {
					t.Errorf("result %d failed: %v", i, given.failed)
				}
			}
		})
	})
}

// history lists the calls and the results of a conversation.
func history(s seen) (calls []call, results []seenResult) {
	for _, turn := range s.turns {
		calls, results = append(calls, turn.calls...), append(results, turn.results...)
	}
	return calls, results
}

// TestAnImageInAToolsResultReachesTheVendor has it in the result where there is a place, else right after it.
func TestAnImageInAToolsResultReachesTheVendor(t *testing.T) {
	each(t, func(t *testing.T, s sdk, r route) {
		if r.client == "openai" { // has no images in results
			return
		}
		r.vendor.begins(t, nil)
		c := talk(r.model("tools"))
		c.tools = true
		asked := must(t, s, r.place(), c, false)
		c.heard(asked).says(part{result: asked.calls[0].id, text: "the sky:", image: pixel})
		c.model = r.model("toolresult")
		must(t, s, r.place(), c, false)
		got := read(t, r.vendor.dialect, r.vendor.last(t).body)
		_, results := history(got)
		last := got.turns[len(got.turns)-1]
		if r.vendor.dialect == "anthropic" && results[0].images != pixel || r.vendor.dialect == "openai" && (last.role != "user" || last.images != pixel) {
			t.Errorf("the image arrived as %+v", got.turns)
		}
		if !strings.Contains(results[0].text, "the sky:") {
			t.Errorf("the text beside it arrived as %q", results[0].text)
		}
	})
}

// TestAnImageAddressIsHandedOnAndNeverFetched hands on an address that would answer.
func TestAnImageAddressIsHandedOnAndNeverFetched(t *testing.T) {
	each(t, func(t *testing.T, s sdk, r route) {
		r.vendor.begins(t, nil)
		const address = "https://pictures.invalid/cat.png?size=1&x=%C3%BC"
		c := talk(r.model("image")).says(part{imageURL: address}, part{text: "What is this?"})
		must(t, s, r.place(), c, false)
		if got := read(t, r.vendor.dialect, r.vendor.last(t).body); got.images != address {
			t.Errorf("the address arrived as %q", got.images)
		}
	})
}

// TestReasoningGoesBackToItsVendor calls a tool after some thought and answers it. The vendor refuses the next turn where
// the thought does not come back with its signature, or where it is not its own.
func TestReasoningGoesBackToItsVendor(t *testing.T) {
	each(t, func(t *testing.T, s sdk, r route) {
		shapes(t, func(t *testing.T, streamed bool) {
			r.vendor.begins(t, nil)
			c := talk(r.model("thinkingtool"))
			c.tools, c.effort, c.limit = true, "medium", 4096
			var ids []string
			for range 2 { // a second thought after the first result
				a := must(t, s, r.place(), c, streamed)
				if len(a.calls) != 1 {
					t.Fatalf("got %+v", a.calls)
				}
				ids = append(ids, a.calls[0].id)
				c.heard(a).says(part{result: a.calls[0].id, text: "18 degrees"})
			}
			r.vendor.hands("thinkingtool", goldenOf(r.vendor.dialect, "tool_result"))
			must(t, s, r.place(), c, streamed)
			at := r.vendor.last(t)
			if strings.Contains(string(at.body), "lr1:") {
				t.Errorf("the gateway's own signature reached the vendor: %.2000s", at.body)
			}
			calls, results := history(read(t, r.vendor.dialect, at.body))
			if len(calls) != 2 || len(results) != 2 || calls[0].id == calls[1].id {
				t.Fatalf("of the calls %v arrived %+v with %+v", ids, calls, results)
			}
			if r.vendor.dialect == "openai" {
				return
			}
			for i, thought := range thoughts(read(t, "anthropic", at.body)) {
				if thought != r.vendor.proofOf(calls[i].id) {
					t.Errorf("call %d came back with the thought %q", i, thought)
				}
			}
			if n := len(thoughts(read(t, "anthropic", at.body))); n != 2 {
				t.Errorf("%d thoughts came back", n)
			}
		})
	})
}

func thoughts(s seen) (signatures []string) {
	for _, turn := range s.turns {
		signatures = append(signatures, turn.thoughts...)
	}
	return signatures
}

// TestAConversationMovesBetweenVendors goes on with a history that the other vendor wrote, and comes back. What proves a
// thought to one vendor never reaches the other.
func TestAConversationMovesBetweenVendors(t *testing.T) {
	for _, s := range sdks {
		t.Run(s.name(), func(t *testing.T) {
			for _, v := range vendors {
				v.begins(t, nil)
			}
			c := talk("")
			c.tools, c.effort, c.limit = true, "low", 4096
			for i, name := range []string{"upo", "upa", "upa", "upo", "upown", "upa"} {
				r := route{client: s.dialect(), vendor: vendors[name]}
				r.ready(t)
				c.model = r.model("thinkingtool")
				a := must(t, s, r.place(), c, i%2 == 0)
				if strings.Contains(string(r.vendor.last(t).body), "lr1:") {
					t.Fatalf("turn %d: the gateway's own signature reached the %s vendor", i, name)
				}
				c.heard(a).says(part{result: a.calls[0].id, text: "18 degrees"})
			}
		})
	}
}
