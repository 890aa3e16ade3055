package llm_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"localrouter/providers/llm"
)

// some is a dialect that has a little of everything.
var some = llm.NewFeatures("other", []llm.Op{llm.Chat},
	llm.Row{Feature: llm.FeatureTools, Class: llm.Mapped},
	llm.Row{Feature: llm.FeatureTemperature, Class: llm.Mapped, Lacking: llm.Dropped},
	llm.Row{Feature: llm.FeatureSchema, Class: llm.Mapped, Lacking: llm.Approximated},
	llm.Row{Feature: llm.FeatureHot, Class: llm.Approximated, Lacking: llm.Refused},
	llm.Row{Feature: llm.FeatureSeed, Class: llm.Dropped},
	llm.Row{Feature: llm.FeatureAudio, Class: llm.Refused},
)

// TestPlan: what becomes of a use at a provider and a model, and what the application is told of it.
func TestPlan(t *testing.T) {
	lacks := func(f ...llm.Feature) *llm.Model { return &llm.Model{ID: "m", Lacks: llm.SetOf(f...)} }
	for name, c := range map[string]struct {
		use    llm.Feature
		model  *llm.Model
		keep   bool
		near   bool
		report string
		fails  bool
	}{
		"mapped":                          {llm.FeatureTools, nil, true, false, "", false},
		"mapped, model known":             {llm.FeatureTools, lacks(), true, false, "", false},
		"mapped, model lacks it":          {llm.FeatureTemperature, lacks(llm.FeatureTemperature), false, false, "x", false},
		"near where the model lacks it":   {llm.FeatureSchema, lacks(llm.FeatureSchema), true, true, "x;approximated", false},
		"mapped where another is lacking": {llm.FeatureSchema, lacks(llm.FeatureTemperature), true, false, "", false},
		"approximated":                    {llm.FeatureHot, nil, true, true, "x;approximated", false},
		"refused where the model lacks":   {llm.FeatureHot, lacks(llm.FeatureHot), false, false, "", true},
		"dropped":                         {llm.FeatureSeed, nil, false, false, "x", false},
		"dropped, whatever the model has": {llm.FeatureSeed, lacks(llm.FeatureSeed), false, false, "x", false},
		"refused":                         {llm.FeatureAudio, nil, false, false, "", true},
		"a feature nobody thought of":     {llm.FeatureVital, nil, false, false, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			conversation := &llm.Conversation{}
			conversation.Use(c.use, "x")
			conversation.Use(c.use, "x") // twice in the request is once in the report
			req := &llm.Request{Dialect: "mine", Op: llm.Chat, Conversation: conversation}
			p := llm.Plan(req, some, c.model)
			if p.Path != llm.PathTranslated || p.Keep.Has(c.use) != c.keep || p.Near.Has(c.use) != c.near || strings.Join(p.Report, ",") != c.report {
				t.Errorf("%+v", p)
			}
			if (p.Refused != nil) != c.fails {
				t.Errorf("refused: %v, want %v", p.Refused, c.fails)
			}
			if e := p.Refused; e != nil && (e.Status != 400 || e.Kind != llm.BadRequest || e.Param != "x" || !strings.Contains(e.Message, "x") || !strings.Contains(e.Message, "other dialect")) {
				t.Errorf("the refusal says %+v", e)
			}
			if again := llm.Plan(req, some, c.model); again.Keep != p.Keep || !slices.Equal(again.Report, p.Report) {
				t.Errorf("asked again it says %+v, before %+v", again, p)
			}
		})
	}
}

func TestPlanOfTheSameDialectChangesNothing(t *testing.T) {
	for _, f := range []*llm.Features{nil, some} {
		p := llm.Plan(&llm.Request{Dialect: "other", Op: llm.Embeddings}, f, nil)
		if p.Path != llm.PathRaw || p.Refused != nil || p.Report != nil {
			t.Errorf("%+v", p)
		}
	}
}

func TestPlanRefusesWhatCannotBeTranslated(t *testing.T) {
	p := llm.Plan(&llm.Request{Dialect: "mine", Op: llm.Embeddings, Path: "/embeddings"}, some, nil)
	if p.Refused == nil || p.Refused.Code != "unsupported_operation" || !strings.Contains(p.Refused.Message, "/embeddings") {
		t.Errorf("%+v", p.Refused)
	}
}

func TestPlanSaysThatTheOutputIsBounded(t *testing.T) {
	req := &llm.Request{Dialect: "mine", Op: llm.Chat, Conversation: &llm.Conversation{MaxOutput: 9000}}
	for limit, want := range map[int]string{0: "", 9000: "", 8192: "max_tokens;approximated"} {
		if p := llm.Plan(req, some, &llm.Model{MaxOutput: limit}); strings.Join(p.Report, "") != want {
			t.Errorf("limit %d: %q, want %q", limit, p.Report, want)
		}
	}
}

// TestPlanKeepsTheOutputWithinTheContext where nothing is known of the output: servers refuse input and output that are
// too much together. The field is called what the application calls it.
func TestPlanKeepsTheOutputWithinTheContext(t *testing.T) {
	for _, c := range []struct {
		wanted, context int
		input           int64
		most            int // 0: as wanted
		least           int
	}{
		{32_000, 32_768, 15_000, 17_768, 12_000},
		{32_000, 200_000, 15_000, 0, 0},
		{32_000, 0, 15_000, 0, 0},
		{32_000, 8192, 9000, 1024, 1024}, // too long anyway, which the server will say
		{500, 8192, 9000, 0, 0},
		{9000, 16, 1 << 40, 4, 4},
	} {
		req := &llm.Request{Dialect: "mine", Op: llm.Chat, InputEstimate: c.input, Conversation: &llm.Conversation{MaxOutput: c.wanted, OutputField: "max_completion_tokens"}}
		m := &llm.Model{ContextLength: c.context}
		n, want := llm.OutputLimit(req, m), ""
		if c.most == 0 {
			c.most, c.least = c.wanted, c.wanted
		} else {
			want = "max_completion_tokens;approximated"
		}
		if n > c.most || n < c.least {
			t.Errorf("%+v: %d", c, n)
		}
		if p := llm.Plan(req, some, m); strings.Join(p.Report, "") != want {
			t.Errorf("%+v: told %q, want %q", c, p.Report, want)
		}
	}
	if n := llm.OutputLimit(&llm.Request{Conversation: &llm.Conversation{}}, &llm.Model{ContextLength: 100}); n != 0 {
		t.Errorf("nothing was wanted, and it is %d", n)
	}
}

// TestLeftOutIsToldOnce: what Converse adds to a report does not contradict it, nor change another plan's.
func TestLeftOutIsToldOnce(t *testing.T) {
	before := append(make([]string, 0, 9), "a;approximated", "b")
	p := llm.Planned{Report: before}
	p.Leave("a", "b;approximated", "b", "c", "c;approximated", "d;approximated", "d;approximated")
	if got := strings.Join(p.Report, " "); got != "a b c d;approximated" {
		t.Error(got)
	}
	if before[0] != "a;approximated" || before[:3][2] != "" {
		t.Errorf("another plan says %q", before[:3])
	}
}

// TestUsesAreBounded: however many fields an application finds, a few are named and the rest costs nothing.
func TestUsesAreBounded(t *testing.T) {
	c := &llm.Conversation{}
	for i := range 100_000 {
		c.Use(llm.FeatureOther, "x"+strconv.Itoa(i))
	}
	c.Use(llm.FeatureOther, "x1")
	c.Use(llm.FeatureSeed, "seed")
	if n := len(c.Uses); n > 50 || c.Uses[n-2].Field != "..." || c.Uses[n-1].Field != "seed" {
		t.Errorf("%d uses: %v", n, c.Uses)
	}
}

// TestPlanSaysWhatAPrefillIs: the place alone does not tell what is wrong with it.
func TestPlanSaysWhatAPrefillIs(t *testing.T) {
	c := &llm.Conversation{}
	c.Use(llm.FeaturePrefill, "messages[3]")
	e := llm.Plan(&llm.Request{Dialect: "mine", Op: llm.Chat, Conversation: c}, some, nil).Refused
	if e == nil || e.Param != "messages[3]" || !strings.Contains(e.Message, "messages[3] (an assistant's message at the end, which is to be continued)") {
		t.Errorf("%+v", e)
	}
}

func TestEveryFeatureHasAName(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range llm.AllFeatures() {
		if name := f.String(); name == "" || seen[name] {
			t.Errorf("feature %d is called %q", f, name)
		} else {
			seen[name] = true
		}
	}
}
