package catalog

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"localrouter/providers/llm"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

// noon is a time at which the spot values were looked at.
var noon = at("2026-11-22T07:00:00Z")

// TestTheDataIsWhole: every member is one that is read, and no row contradicts itself.
func TestTheDataIsWhole(t *testing.T) {
	var f file
	d := json.NewDecoder(bytes.NewReader(embedded))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		t.Fatal(err)
	}
	if len(f.Models) != 14 || len(f.Sources) != 3 || !Date().Equal(at("2026-11-10T00:00:00Z")) {
		t.Errorf("%d providers from %d sources of %v", len(f.Models), len(f.Sources), Date())
	}
	all := 0
	for kind, raw := range f.Models {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		var list []record
		if err := d.Decode(&list); err != nil {
			t.Fatal(err)
		}
		if _, err := readModels(kind, raw, f.Services); err != nil {
			t.Fatal(err)
		}
		all += len(list)
		seen := map[string]bool{}
		for i := range list {
			r := &list[i]
			if seen[r.ID] || r.ID == "" || r.Source == "" || r.Context < 0 || r.Output < 0 {
				t.Errorf("%s: %+v", kind, r)
			}
			seen[r.ID] = true
			for _, level := range r.Efforts {
				if !slices.Contains(llm.Efforts, level) {
					t.Errorf("%s/%s has the level %s", kind, r.ID, level)
				}
			}
		}
	}
	if all < 800 {
		t.Errorf("%d models", all)
	}
	for kind := range load().models {
		for id, r := range load().of(kind) {
			for i, p := range r.prices {
				if p.Input < 0 || p.Output < 0 || p.CacheRead < 0 || p.Source != llm.PriceOfCatalog || p.Row != kind+"/"+r.ID {
					t.Errorf("%s/%s: %+v", kind, id, p)
				}
				if p.Input == 0 && p.Output == 0 && !strings.HasSuffix(id, ":free") && p.AudioInput == 0 && p.Request == 0 {
					t.Errorf("%s/%s is said to be free", kind, id)
				}
				if i > 0 && (!p.From.Equal(r.prices[i-1].Until) || p.Earlier != r.prices[i-1]) {
					t.Errorf("%s/%s: its prices have a gap before %v", kind, id, p.From)
				}
				for j, tier := range p.Tiers {
					if tier.Above <= 0 || j > 0 && tier.Above <= p.Tiers[j-1].Above || tier.Input < p.Input {
						t.Errorf("%s/%s: tier %+v", kind, id, tier)
					}
				}
			}
		}
	}
}

// TestSpotValues are prices that a person looked up, in USD for a million tokens: what was taken from the sources, how their
// fields are read and what stands where they say nothing.
func TestSpotValues(t *testing.T) {
	for _, line := range strings.Split(strings.TrimSpace(`
anthropic claude-opus-5-5   4 20 0.2 5
anthropic claude-sonnet-5-5 2 10 0.1 2.5
anthropic claude-haiku-5-5  0.1 0.5 0.01 0.125 | 100000 0.5 2.5 0.05 0.625
anthropic claude-fable-5-1  10 50 0.25 12.5
anthropic claude-fable-5-2  8 40 0.2 10
anthropic claude-opus-4-8   5 25 0.5 6.25
anthropic claude-opus-5     5 25 0.5 6.25
anthropic claude-sonnet-4-5 3 15 0.3 3.75 | 200000 6 22.5 0.6 7.5
openai gpt-6-astra   10 50 1 12.5 | 272000 20 75 2 25
openai gpt-6.1-sol   2 10 0.1 2.5 | 272000 4 15 0.2 5
openai gpt-6.1-terra 1 5 0.05 1.25 | 272000 2 7.5 0.1 2.5
openai gpt-6-luna    0.1 0.5 0.01 0.125 | 272000 0.2 0.75 0.02 0.25
openai gpt-5.5       5 30 0.5 5 | 272000 10 45 1 10
openai gpt-4o-mini   0.15 0.6 0.075 0.15
openai gpt-4         30 60 30 30
gemini gemini-4-argon   2 10 0.1 2
gemini gemini-3.8-flash 0.75 3.75 0.075 0.75
gemini gemini-2.5-pro   1.25 10 0.125 1.25 | 200000 2.5 15 0.25 2.5
deepseek deepseek-flash  0.3 1.2 0.006 0.3
deepseek deepseek-v4-pro 1.32 3.96 0.044 1.32
xai grok-4.7 2 6 0.5 2 | 200000 4 12 1 4
openrouter anthropic/claude-opus-5.5 4 20 0.2 5`), "\n") {
		base, tier, _ := strings.Cut(line, "|")
		words := strings.Fields(base)
		m := factsAt(words[0], words[1], noon)
		if m == nil || m.Price == nil {
			t.Errorf("%s: %+v", line, m)
			continue
		}
		p := m.Price
		checkRates(t, line, words[2:], p.Input, p.Output, p.CacheRead, p.CacheWrite)
		if words := strings.Fields(tier); len(words) == 0 {
			if p.Tiers != nil {
				t.Errorf("%s: tiers %+v", line, p.Tiers)
			}
		} else if len(p.Tiers) != 1 || words[0] != itoa(p.Tiers[0].Above) {
			t.Errorf("%s: tiers %+v", line, p.Tiers)
		} else {
			checkRates(t, line, words[1:], p.Tiers[0].Input, p.Tiers[0].Output, p.Tiers[0].CacheRead, p.Tiers[0].CacheWrite)
		}
	}
	for id, want := range map[string]string{"claude-opus-5-5": "8", "claude-haiku-4-5": "2", "claude-3-haiku-20240307": "0.5"} {
		checkRates(t, id, []string{want}, Facts("anthropic", id).Price.CacheWriteLong)
	}
}

func itoa(n int64) string { b, _ := json.Marshal(n); return string(b) }

func checkRates(t *testing.T, line string, want []string, got ...llm.PicoUSD) {
	t.Helper()
	for i, text := range want {
		if n, err := llm.ParseUSD(text, llm.PerMillion); err != nil || n != got[i] {
			t.Errorf("%s: figure %d is %d, want %s (%v)", line, i, got[i], text, err)
		}
	}
}

// TestPricesThatChange: an introductory price ends, hours are cheaper, a tier of service gets dearer.
func TestPricesThatChange(t *testing.T) {
	flash := factsAt("gemini", "gemini-3.8-flash", noon).Price
	if late := flash.At(at("2027-01-01T00:00:00Z")); late == nil || late.Input != 2*flash.Input || late.Output != 2*flash.Output {
		t.Errorf("in 2027: %+v", late)
	}
	if late := factsAt("gemini", "gemini-3.8-flash", at("2027-01-01T00:00:00Z")); late.Price.Input != 2*flash.Input {
		t.Errorf("a list that is read in 2027: %+v", late.Price)
	}
	pro := factsAt("deepseek", "deepseek-v4-pro", noon).Price
	for when, want := range map[string]llm.PicoUSD{"2026-11-22T00:30:00Z": 660_000, "2026-11-22T01:00:00Z": 1_320_000, "2026-11-22T03:59:59Z": 1_320_000, "2026-11-22T04:00:00Z": 660_000,
		"2026-11-22T07:00:00Z": 1_320_000, "2026-11-22T23:00:00Z": 660_000, "2026-08-16T02:00:00Z": 435_000} {
		if p := pro.At(at(when)); p == nil || p.Input != want {
			t.Errorf("at %s: %+v, want %d", when, p, want)
		}
	}
	for when, want := range map[string]llm.PicoUSD{"2027-02-28T23:59:59Z": 3, "2027-03-01T00:00:00Z": 6} {
		p := Facts("openai", "gpt-6.1-sol").Price.At(at(when))
		if got := p.Cost(llm.Usage{Input: 1, Service: llm.ServiceUltrafast}); got != want*p.Input {
			t.Errorf("at %s: %d", when, got)
		}
	}
	if got := Facts("openai", "gpt-5.5").Price.Cost(llm.Usage{Input: 2, Service: llm.ServicePriority}); got != 25_000_000 {
		t.Errorf("gpt-5.5 at priority: %d", got)
	}
	if got := Facts("anthropic", "claude-opus-5-5").Price.Cost(llm.Usage{Input: 10, Service: llm.ServiceFast, InRegion: true}); got != 88_000_000 {
		t.Errorf("claude in the US, fast: %d", got)
	}
}

// TestUnknownPriceIsUnknown, never nothing.
func TestUnknownPriceIsUnknown(t *testing.T) {
	for _, c := range [][2]string{{"openai", "gpt-7"}, {"openai", "gpt-5-turbo"}, {"anthropic", "claude-saga-7"}, {"nvidia", "google/gemma-3-4b-it"}, {"deepseek", "deepseek-chat"},
		{"ollama", "qwen3:8b"}, {"openai-compatible", "gpt-4o"}, {"openrouter", "openai/gpt-4o:nitro"}, {"openrouter", "openrouter/auto"}, {"groq", "llama-3.3-70b"}} {
		if m := Facts(c[0], c[1]); m != nil && m.Price != nil {
			t.Errorf("%v costs %+v", c, m.Price)
		}
	}
	if m := Facts("openrouter", "openai/gpt-4o:nitro"); m == nil || m.MaxOutput != 16_384 {
		t.Errorf("what it can do is known all the same: %+v", m)
	}
}

// TestNamesOfPricedModels: aliases by table, dates and the vendor's own name; never by the beginning.
func TestNamesOfPricedModels(t *testing.T) {
	for _, c := range []struct{ kind, id, same string }{
		{"openai", "gpt-6.1-sol-2026-10-01", "gpt-6.1-sol"}, {"openai", "openai/gpt-6.1-sol", "gpt-6.1-sol"},
		{"anthropic", "claude-3-5-haiku-20241022", "claude-3-5-haiku-latest"}, {"anthropic", "claude-opus-4-20250514", "claude-opus-4-0"},
		{"gemini", "models/gemini-2.5-pro", "gemini-2.5-pro"}, {"xai", "grok-4.3-latest", "grok-4.3"},
	} {
		a, b := Facts(c.kind, c.id), Facts(c.kind, c.same)
		if a == nil || a.Price == nil || b == nil || a.Price != b.Price {
			t.Errorf("%s is %+v, want as %s: %+v", c.id, a, c.same, b)
		}
	}
	for kind := range load().models {
		models := load().of(kind)
		for id, r := range models {
			for _, near := range []string{id + "-x", id + "x", "x" + id, id + "-latest-1"} {
				if models[near] == nil && load().recordOf(kind, near, nil) == r {
					t.Errorf("%s/%s is taken for %s", kind, near, id)
				}
			}
		}
	}
}

// TestTheListsOwnPriceWins.
func TestTheListsOwnPriceWins(t *testing.T) {
	own := &llm.Price{Input: 1}
	m := llm.Model{ID: "openai/gpt-4o", Price: own, ContextLength: 7}
	if Complete("openrouter", &m); m.Price != own || m.ContextLength != 7 || m.Name == "" {
		t.Errorf("%+v", m)
	}
	m = llm.Model{ID: "meta-llama/llama-3.3-70b-instruct:free", Price: &llm.Price{}}
	if Complete("openrouter", &m); m.Billing != llm.BillingRateLimited {
		t.Errorf("%+v", m)
	}
}

func TestSizesOfNames(t *testing.T) {
	const b = 1_000_000_000
	for id, want := range map[string]int64{"llama-3.3-70b": 70 * b, "qwen3:8b": 8 * b, "mixtral-8x7b-instruct": 56 * b, "Mixtral-8x22B": 176 * b, "qwen2.5-0.5b": b / 2,
		"smollm:135m": 135_000_000, "Qwen/Qwen3-235B-A22B-Instruct-2507": 235 * b, "openai/gpt-oss-120b": 120 * b, "hf.co/x/Phi-4-mini-3.8b-GGUF:Q4_K_M": 3_800_000_000,
		"kimi-k2-1t-a32b": 1000 * b, "meta-llama/llama-4-scout-17b-16e-instruct": 0, "gpt-4o": 0, "claude-3-5-sonnet": 0, "gemma3n:e4b": 0, "qwen2.5-14b-instruct-1m": 14 * b,
		"minimax-text-1m": 0, "phi3:3.8": 0, "b": 0, "8b": 8 * b, "x-.5b": 0, "x-1.b": 0, "x-8xb": 0, "x-999999999999b": 0, "": 0, "a-b-c": 0, "gpt-4o-128k": 0, "7bx-8b": 8 * b} {
		if got := sizeOf(id); got != want {
			t.Errorf("%s: %d, want %d", id, got, want)
		}
	}
}

func TestClasses(t *testing.T) {
	for _, c := range []struct {
		kind, id string
		want     llm.Strength
	}{
		{"anthropic", "claude-opus-5-5", llm.Frontier}, {"anthropic", "claude-opus-5-5-20261001", llm.Frontier}, {"openrouter", "anthropic/claude-opus-5.5", llm.Frontier}, {"openai", "gpt-6.1-sol", llm.Frontier},
		{"anthropic", "claude-sonnet-5-5", llm.Large}, {"openai", "gpt-6.1-terra", llm.Medium}, {"openai", "gpt-6-luna", llm.Small}, {"anthropic", "claude-haiku-5-5", llm.Small},
		{"ollama", "llama3.3:70b", llm.Medium}, {"ollama", "qwen3:8b", llm.Small}, {"ollama", "deepseek-r1:671b", llm.Large}, {"openai", "gpt-4", llm.Medium},
	} {
		if m := Facts(c.kind, c.id); m == nil || m.Class != c.want {
			t.Errorf("%s is %+v, want %s", c.id, m, c.want)
		}
	}
	m := llm.Model{ID: "mystery"}
	if Complete("openai-compatible", &m); m.Class != llm.StrengthUnknown {
		t.Errorf("%+v", m)
	}
}

func TestWhatAModelIsFor(t *testing.T) {
	for id, want := range map[string]llm.API{"text-embedding-3-small": llm.APIEmbeddings, "nomic-embed-text": llm.APIEmbeddings, "bge-m3": llm.APIEmbeddings, "whisper-1": llm.APIAudio,
		"gpt-4o-mini-tts": llm.APIAudio, "dall-e-3": llm.APIImages, "gpt-image-1": llm.APIImages, "sora-2": llm.APIVideos, "gpt-realtime": llm.APIRealtime, "omni-moderation-latest": llm.APIModeration,
		"davinci-002": llm.APICompletions, "gpt-3.5-turbo-instruct": llm.APICompletions, "gpt-4o": "", "llama-3.3-70b-instruct": "", "gpt-oss-safeguard-20b": "", "o3-pro": llm.APIResponses, "gpt-5.5-pro": llm.APIResponses,
		"gemini-2.5-pro": "", "imaginary": "", "gateway": ""} {
		m := llm.Model{ID: id}
		if Complete("openai", &m); m.API != want {
			t.Errorf("%s is for %q, want %q", id, m.API, want)
		}
	}
	m := llm.Model{ID: "google/gemini-2.5-flash-image", OutputModes: []string{"image", "text"}}
	if Complete("openrouter", &m); m.API != "" {
		t.Errorf("it talks: %+v", m)
	}
}

// TestNoticesArePassedOn: whose data is built in.
func TestNoticesArePassedOn(t *testing.T) {
	b, err := os.ReadFile("../../assets/notices.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"\nnpm @earendil-works/pi-ai", "\nnpm @pydantic/genai-prices", "\ncharm.land/catwalk"} {
		if !strings.Contains(string(b), name) {
			t.Errorf("assets/notices.txt does not name %q; run: make notices", name)
		}
	}
}

func BenchmarkFacts(b *testing.B) {
	load()
	b.ReportAllocs()
	for _, c := range [][2]string{{"openai", "gpt-6.1-sol"}, {"anthropic", "claude-sonnet-4-5-20250929"}, {"openrouter", "anthropic/claude-opus-5.5"}, {"groq", "llama-3.3-70b-versatile"}, {"ollama", "qwen3:8b"}, {"openai", "nobody-knows-this-one"}} {
		b.Run(c[0]+"/"+c[1], func(b *testing.B) {
			for b.Loop() {
				Facts(c[0], c[1])
			}
		})
	}
}

func BenchmarkComplete(b *testing.B) {
	load()
	b.ReportAllocs()
	for b.Loop() {
		m := llm.Model{ID: "gpt-6.1-sol"}
		Complete("openai", &m)
	}
}

func BenchmarkRead(b *testing.B) {
	for b.Loop() {
		d, err := read(embedded)
		if err != nil {
			b.Fatal(err)
		}
		d.of("openrouter") // the longest list
	}
}

func FuzzNames(f *testing.F) {
	f.Add("qwen3:8b")
	f.Add("mixtral-8x7b-instruct-v0.1")
	f.Add("a-99999999999999999999x9.9t")
	f.Fuzz(func(t *testing.T, id string) {
		if n := sizeOf(id); n != 0 && (n < leastSize || n > mostSize) {
			t.Fatalf("%q has %d parameters", id, n)
		}
		apiOf(id)
		strength(id, 0, nil)
	})
}
