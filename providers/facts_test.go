package providers

import (
	"slices"
	"testing"

	"localrouter/db/settings"
	"localrouter/providers/llm"
	"localrouter/providers/providertest"
)

// corrected is a provider of OpenAI's type with facts of the person's.
func corrected(models ...string) settings.Provider {
	p := settings.NewProvider("o", "openai")
	p.APIKeyEnv, p.Models = "KEY", models
	p.Facts = []settings.Fact{
		{Models: []string{"gpt-6*"}, Price: &settings.Price{Input: "1.5", Output: "7", Request: "0.001"}, Rank: 2, Lacks: []string{"vision"}},
		{Models: []string{"gpt-6.1-sol"}, Price: &settings.Price{Input: "9", Output: "9"}, Rank: 9, Context: 5000, Has: []string{"vision", "audio"}, Plan: llm.BillingRateLimited},
		{Models: []string{"mine*"}, Price: &settings.Price{Input: "1", Output: "2", CacheRead: "0.1", CacheWrite: "1.25", CacheWriteLong: "2"}, Parameters: 70_000_000_000, MaxOutput: 100, Has: []string{"reasoning", "tools"}},
		{MaxOutput: 777, Lacks: []string{"reasoning"}},
	}
	return p
}

var keyed = Options{Getenv: func(string) string { return "sk-facts" }}

// TestThePersonKnowsBetter: facts win over list and catalogue, the first that says something of a field, for models that a
// list names and those that none does.
func TestThePersonKnowsBetter(t *testing.T) {
	for _, listed := range []bool{true, false} {
		p := corrected()
		if listed {
			p = corrected("gpt-6.1-sol", "mine-1", "gpt-4o")
		}
		src := registry(t, keyed, p).Sources().Named("o")
		sol, mine, other := src.About("gpt-6.1-sol"), src.About("mine-1"), src.About("gpt-4o")
		if sol == nil || mine == nil || other == nil {
			t.Fatalf("%v %v %v", sol, mine, other)
		}
		if q := sol.Price; q.Input != 1_500_000 || q.Output != 7_000_000 || q.CacheRead != q.Input || q.CacheWrite != q.Input || q.CacheWriteLong != q.Input || q.Request != llm.USD/1000 || q.Tiers != nil || q.Source != llm.PriceOfUser {
			t.Errorf("%+v", q)
		}
		if sol.Rank != 2 || sol.ContextLength != 5000 || sol.MaxOutput != 777 || sol.Billing != llm.BillingRateLimited || sol.Can("vision") != llm.No || sol.Can("audio") != llm.Yes || sol.Can("reasoning") != llm.No {
			t.Errorf("%+v", sol)
		}
		if q := mine.Price; q.CacheRead != 100_000 || q.CacheWrite != 1_250_000 || q.CacheWriteLong != 2_000_000 || mine.Size != 70_000_000_000 || mine.Class != llm.Medium || mine.MaxOutput != 100 || mine.Can("reasoning") != llm.Yes || mine.Can("tools") != llm.Yes {
			t.Errorf("%+v %+v", mine, q)
		}
		if other.Price.Source != llm.PriceOfCatalog || other.MaxOutput != 777 || other.Rank != 0 || other.Can("vision") != llm.Yes {
			t.Errorf("%+v", other)
		}
	}
	// What one provider's person knows is nothing to the next one's.
	if m := registry(t, keyed, settings.Provider{Name: "p", Type: "openai", Enabled: true, APIKeyEnv: "KEY"}).Sources().Named("p").About("gpt-6.1-sol"); m.Rank != 0 || !slices.Contains(m.InputModes, "image") || slices.Contains(m.InputModes, "audio") {
		t.Errorf("%+v", m)
	}
	if m := registry(t, keyed, settings.Provider{Name: "p", Type: "openai-compatible", Enabled: true, BaseURL: "http://127.0.0.1:1/v1"}).Sources().Named("p").About("mystery"); m != nil {
		t.Errorf("%+v", m)
	}
}

// TestAPlanIsOfTheWholeProvider, whatever the catalogue takes a model for.
func TestAPlanIsOfTheWholeProvider(t *testing.T) {
	u := providertest.New(t)
	u.AnswerPath("/models", providertest.JSON(200, `{"data":[{"id":"x/y:free","pricing":{"prompt":"0","completion":"0"}},{"id":"x/y","pricing":{"prompt":"0.000001","completion":"0.000002"}}]}`))
	p := settings.NewProvider("r", "openrouter")
	p.BaseURL, p.APIKeyEnv = u.URL, "KEY"
	r := registry(t, keyed, p)
	if res := r.Test(t.Context(), "r"); !res.OK {
		t.Fatal(res.Err)
	}
	src := r.Sources().Named("r")
	if m, _ := src.Model("x/y:free"); src.Billing != "" || m.Billing != llm.BillingRateLimited {
		t.Errorf("%q %q", src.Billing, m.Billing)
	}
	if m, _ := src.Model("x/y"); m.Price.Input != 1_000_000 || m.Price.Source != llm.PriceOfProvider {
		t.Errorf("%+v", m.Price)
	}
	// A correction keeps the list that is known, until it is read anew.
	p.Plan = llm.BillingFlat
	p.Facts = []settings.Fact{{Models: []string{"x/y"}, Rank: 1}}
	s := settings.Default()
	s.Providers = []settings.Provider{p}
	r.Apply(&s)
	src = r.Sources().Named("r")
	if m, ok := src.Model("x/y:free"); !ok || src.Billing != llm.BillingFlat || m.Billing != "" {
		t.Errorf("%q %+v", src.Billing, m)
	}
	if m, ok := src.Model("x/y"); !ok || m.Rank != 1 {
		t.Errorf("%+v", m)
	}
}
