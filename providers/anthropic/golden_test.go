package anthropic

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"localrouter/providers/catalog"
	"localrouter/providers/llm"
)

// everything is a plan that spells all there is.
func everything(o *llm.Order) *llm.Order {
	o.Plan = llm.Planned{Path: llm.PathTranslated, Keep: llm.SetOf(llm.AllFeatures()...)}
	return o
}

// TestGoldenRequestsSurviveATranslation: what the neutral language holds of a request is spelled so that it reads the same.
func TestGoldenRequestsSurviveATranslation(t *testing.T) {
	for _, g := range goldens(t) {
		body, ok := g.file(t, "request")
		if !ok {
			continue
		}
		t.Run(g.Case, func(t *testing.T) {
			req := scan(t, g.op(), body)
			first, err := NewCodec().Decode(req)
			if err != nil {
				t.Fatal(err)
			}
			req.Conversation = first
			m := about(req.Model)
			m.Lacks = 0 // the vendor's own examples force calls of models that refuse it
			o := everything(&llm.Order{Request: req, ID: req.Model, Model: m})
			sp, failed := spell(o, nil)
			if failed != nil {
				t.Fatal(failed)
			}
			again := scan(t, g.op(), string(sp.body))
			if again.Model != req.Model || again.Stream != (g.op() == llm.Chat && (req.Stream || first.MaxOutput > mostWhole)) {
				t.Errorf("model %q, stream %v", again.Model, again.Stream)
			}
			second, err := NewCodec().Decode(again)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := uses(second), uses(first); !slices.Equal(got, want) {
				t.Errorf("it uses %q, want %q", got, want)
			}
			one, two := *first, *second
			one.Uses, two.Uses = nil, nil
			if got, want := compact(loose(t, two)), compact(loose(t, one)); got != want {
				t.Errorf("it reads\n%s, want\n%s", got, want)
			}
		})
	}
}

// loose is c without what the spelling of JSON inside it differs by.
func loose(t *testing.T, c llm.Conversation) any {
	t.Helper()
	tight := func(b []byte) []byte {
		var v any
		if len(b) == 0 || json.Unmarshal(b, &v) != nil {
			return b
		}
		return []byte(compact(v))
	}
	c.Format.Schema = tight(c.Format.Schema)
	for i := range c.Tools {
		c.Tools[i].Schema = tight(c.Tools[i].Schema)
	}
	for i := range c.Turns {
		for j := range c.Turns[i].Parts {
			c.Turns[i].Parts[j].Args = tight(c.Turns[i].Parts[j].Args)
		}
	}
	return c
}

// TestGoldenAnswers decodes the answers of the vendor's own pages.
func TestGoldenAnswers(t *testing.T) {
	n := 0
	for _, g := range goldens(t) {
		if strings.HasSuffix(g.Dialect, "-models") || g.op() != llm.Chat {
			continue
		}
		for _, kind := range []string{"response", "stream"} {
			body, ok := g.file(t, kind)
			if !ok {
				continue
			}
			n++
			t.Run(g.Case+"/"+kind, func(t *testing.T) {
				a := heard(t, nil, kind, body)
				if g.Expect.Error != nil {
					if a.err == nil || a.err.Type != g.Expect.Error["type"] || a.err.Dialect != llm.Anthropic || len(a.err.Body) == 0 || a.Text != g.Expect.Text {
						t.Errorf("it ended with %+v after %q", a.err, a.Text)
					}
					return
				}
				goldenAnswer(t, &g, a)
				goldenRoundTrip(t, kind, body, a)
			})
		}
	}
	if n < 20 {
		t.Errorf("only %d golden answers were found", n)
	}
}

func heard(t *testing.T, sp *spelled, kind, body string) *answer {
	t.Helper()
	if kind == "stream" {
		return hearStream(t, sp, body)
	}
	return hearWhole(t, sp, body)
}

func goldenAnswer(t *testing.T, g *golden, a *answer) {
	t.Helper()
	if a.err != nil || !a.ended {
		t.Fatalf("it ended with %v", a.err)
	}
	if g.Expect.JSON != nil {
		var v any
		if err := json.Unmarshal([]byte(a.Text), &v); err != nil || !reflect.DeepEqual(v, g.Expect.JSON) {
			t.Errorf("the answer is %q", a.Text)
		}
	} else if a.Text != g.Expect.Text {
		t.Errorf("text %q, want %q", a.Text, g.Expect.Text)
	}
	if a.Thinking != g.Expect.Reasoning || g.Expect.Signature != "" && a.Signature != g.Expect.Signature {
		t.Errorf("thinking %q signed %q", a.Thinking, a.Signature)
	}
	if len(a.Calls) != len(g.Expect.Calls) {
		t.Fatalf("calls %+v", a.Calls)
	}
	for i, want := range g.Expect.Calls {
		var v any
		if err := json.Unmarshal([]byte(a.Calls[i].Args), &v); err != nil || !reflect.DeepEqual(v, want.Arguments) || a.Calls[i].Name != want.Name || !a.Calls[i].Ended || a.Calls[i].ID == "" {
			t.Errorf("call %+v, want %+v", a.Calls[i], want)
		}
	}
	if a.Word != g.Expect.Stop {
		t.Errorf("it stopped for %q, want %q", a.Word, g.Expect.Stop)
	}
	if w := g.Expect.Usage; w != nil && (a.Usage.InputTotal() != w.Input || a.Usage.Output != w.Output || a.Usage.CacheRead != w.CacheRead || a.Usage.CacheWrite != w.CacheWrite || a.Usage.Reasoning != w.Reasoning) {
		t.Errorf("usage %+v, want %+v", a.Usage, *w)
	}
}

// goldenRoundTrip spells the events of an answer, whole and streamed, and hears them again.
func goldenRoundTrip(t *testing.T, kind, body string, want *answer) {
	t.Helper()
	list := eventsOf(t, kind, body)
	for _, stream := range []bool{true, false} {
		spelt := spellAnswer(list, stream, llm.Answered{Own: true, ID: "x", Model: "m"})
		var got *answer
		if stream {
			checkStream(t, spelt, true)
			got = hearStream(t, nil, spelt)
		} else {
			got = hearWhole(t, nil, spelt)
		}
		if w, g := compact(normal(want)), compact(normal(got)); w != g {
			t.Errorf("streamed %v: it reads\n%s, want\n%s", stream, g, w)
		}
	}
}

// normal is a with the arguments of its calls in one spelling.
func normal(a *answer) answer {
	b := *a
	b.Calls = slices.Clone(a.Calls)
	for i := range b.Calls {
		var v any
		if json.Unmarshal([]byte(b.Calls[i].Args), &v) == nil {
			b.Calls[i].Args = compact(v)
		}
	}
	return b
}

// eventsOf decodes an answer into events that stay.
func eventsOf(t testing.TB, kind, body string) (list []llm.Event) {
	t.Helper()
	d := newDecoder(nil)
	if kind != "stream" {
		list, err := d.Whole(nil, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	events(t, body, func(name, data []byte) bool {
		var err error
		list, err = d.Event(list, slices.Clone(name), slices.Clone(data))
		return err == nil
	})
	return list
}

func TestGoldenModelList(t *testing.T) {
	for _, g := range goldens(t) {
		if !strings.HasSuffix(g.Dialect, "-models") {
			continue
		}
		body, _ := g.file(t, "response")
		models, more, last, err := parseModels([]byte(body))
		if err != nil || more || last != "claude-sonnet-5-5" || len(models) != 1 {
			t.Fatalf("%+v, %v, %q, %v", models, more, last, err)
		}
		m := models[0]
		catalog.Complete("anthropic", &m)
		if m.Name != "Claude Sonnet 5.5" || m.ContextLength != 1000000 || m.MaxOutput != 128000 || m.Created.Year() != 2026 ||
			m.Thinking != llm.ThinksAdaptive|llm.ThinksAlways || !slices.Equal(m.Efforts, efforts) || m.Lacks.Has(llm.FeatureSchema) || !m.Lacks.Has(llm.FeatureTemperature) {
			t.Errorf("%+v", m)
		}
	}
}

func TestGoldenCount(t *testing.T) {
	for _, g := range goldens(t) {
		if g.op() != llm.CountTokens {
			continue
		}
		body, _ := g.file(t, "response")
		if n, ok := parseCount([]byte(body)); !ok || n != 411 {
			t.Errorf("%d, %v", n, ok)
		}
	}
	for _, body := range []string{``, `{}`, `{"input_tokens":null}`, `{"input_tokens":5`, `{"error":{}}`} {
		if _, ok := parseCount([]byte(body)); ok {
			t.Errorf("%q is taken for a count", body)
		}
	}
}
