package anthropic

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"localrouter/providers/catalog"
	"localrouter/providers/llm"
)

func TestWhatTheListSaysOfAModel(t *testing.T) {
	models, more, last, err := parseModels([]byte(`{"data":[
		{"id":"claude-opus-4-6","display_name":"O","created_at":"2026-01-02T03:04:05Z","max_input_tokens":200000,"max_tokens":64000,"capabilities":{"structured_outputs":{"supported":true},"image_input":{"supported":false},"pdf_input":{"supported":false},"citations":{"supported":false},
			"effort":{"supported":true,"low":{"supported":true},"high":{"supported":true},"max":{"supported":false}},"thinking":{"supported":true,"types":{"adaptive":{"supported":true},"enabled":{"supported":true}}}}},
		{"id":"mute","capabilities":{"thinking":{"supported":false},"structured_outputs":{"supported":false}}},
		{"id":"bare","max_tokens":"many","created_at":5}, {"id":""}, {"id":7}, 3],"has_more":true,"last_id":"bare"}`))
	if err != nil || !more || last != "bare" || len(models) != 3 {
		t.Fatalf("%+v %v %q %v", models, more, last, err)
	}
	m := models[0]
	catalog.Complete("anthropic", &m)
	if m.Name != "O" || m.ContextLength != 200000 || m.MaxOutput != 64000 || !m.Created.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) ||
		m.Thinking != llm.ThinksAdaptive|llm.ThinksByBudget || !slices.Equal(m.Efforts, []string{"low", "high"}) || !slices.Equal(m.InputModes, []string{"text"}) ||
		!m.Lacks.Has(llm.FeatureImages) || !m.Lacks.Has(llm.FeatureFiles) || !m.Lacks.Has(llm.FeatureCitations) || m.Lacks.Has(llm.FeatureSchema) || m.Lacks.Has(llm.FeatureTemperature) || !m.Lacks.Has(llm.FeaturePrefill) {
		t.Errorf("%+v", m)
	}
	if m = models[1]; m.Thinking != llm.ThinksNever || !m.Lacks.Has(llm.FeatureReasoning) || !m.Lacks.Has(llm.FeatureSchema) {
		t.Errorf("%+v", m)
	}
	if m = models[2]; m.MaxOutput != 0 || !m.Created.IsZero() || m.Thinking != 0 || m.Lacks != 0 {
		t.Errorf("%+v", m)
	}
	for _, body := range []string{``, `{}`, `[]`, `{"data":{}}`} {
		if _, _, _, err := parseModels([]byte(body)); err == nil {
			t.Errorf("%q is taken for a list", body)
		}
	}
}

func TestListsOfModelsByPage(t *testing.T) {
	var list []llm.Model
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		list = append(list, llm.Model{ID: id})
	}
	list[0].Name, list[0].ContextLength, list[0].MaxOutput, list[0].Created = "A", 9, 8, time.Unix(1, 0)
	for _, c := range []struct {
		limit         int
		after, before string
		want          string
		more          bool
	}{
		{0, "", "", "abcde", false}, {2, "", "", "ab", true}, {2, "b", "", "cd", true}, {2, "d", "", "e", false}, {2, "e", "", "", false}, {2, "x", "", "", false},
		{2, "", "d", "bc", true}, {5, "", "d", "abc", false}, {2, "", "a", "", false}, {2, "", "x", "", false}, {5, "", "", "abcde", false},
	} {
		var v struct {
			Data    []struct{ ID, Type string }
			More    bool    `json:"has_more"`
			FirstID *string `json:"first_id"`
			LastID  *string `json:"last_id"`
		}
		body := Codec{}.AppendModels(nil, list, c.limit, c.after, c.before)
		if err := json.Unmarshal(body, &v); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		got := ""
		for _, m := range v.Data {
			got += m.ID
		}
		if got != c.want || v.More != c.more || (v.FirstID == nil) != (got == "") || got != "" && (*v.FirstID != got[:1] || *v.LastID != got[len(got)-1:]) {
			t.Errorf("%+v: %s", c, body)
		}
	}
	want := `{"data":[{"type":"model","id":"a","display_name":"A","created_at":"1970-01-01T00:00:01Z","max_input_tokens":9,"max_tokens":8}],"has_more":true,"first_id":"a","last_id":"a"}`
	if got := string(Codec{}.AppendModels(nil, list, 1, "", "")); got != want {
		t.Errorf("got %s", got)
	}
}
