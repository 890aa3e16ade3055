package sdktest

import (
	"slices"
	"strings"
	"testing"
)

// The smallest picture and page that are what they claim to be.
const (
	pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	page  = "JVBERi0xLjQKMSAwIG9iago8PC9UeXBlL0NhdGFsb2c+PgplbmRvYmoKdHJhaWxlcjw8L1Jvb3QgMSAwIFI+Pgo="
)

// asks are the conversations that bring the scenes about.
var asks = map[string]func(c *conversation){
	"plain":        func(c *conversation) { c.limit = 64 },
	"tools":        func(c *conversation) { c.tools, c.choice = true, "auto" },
	"parallel":     func(c *conversation) { c.tools, c.choice = true, "any" },
	"image":        func(c *conversation) { c.says(part{image: pixel}, part{text: "What colour is this pixel?"}) },
	"file":         func(c *conversation) { c.says(part{file: page}, part{text: "What does the page say?"}) },
	"schema":       func(c *conversation) { c.schema = true },
	"reasoning":    func(c *conversation) { c.effort, c.limit = "low", 4096 },
	"thinkingtool": func(c *conversation) { c.effort, c.tools = "high", true },
	"stop":         func(c *conversation) { c.stop = []string{"END", "\n\nHuman:"} },
	"length":       func(c *conversation) { c.limit = 6 },
	"refusal":      func(c *conversation) {},
	"empty":        func(c *conversation) {},
	"usage":        func(c *conversation) {},
}

// TestEachSceneMeansTheSame is the table: scene x SDK x route x shape. What the SDK understood is what the vendor meant.
func TestEachSceneMeansTheSame(t *testing.T) {
	each(t, func(t *testing.T, s sdk, r route) {
		for scene, ask := range asks {
			t.Run(scene, func(t *testing.T) {
				shapes(t, func(t *testing.T, streamed bool) {
					r.vendor.begins(t, nil)
					c := talk(r.model(scene))
					ask(c)
					got := must(t, s, r.place(), c, streamed)
					want := goldenOf(r.vendor.dialect, scenes[r.vendor.dialect][scene]).means(r.client)
					if off := got.differs(want); off != "" {
						t.Error(off)
					}
					if got.id == "" || got.model == "" {
						t.Errorf("the answer has id %q and model %q", got.id, got.model)
					}
					signed(t, got, r)
					arrived(t, s, r, scene, c)
					if told, want := got.dropped(), lost(r, scene); !slices.Equal(told, want) {
						t.Errorf("was told that %q was left out, want %q", told, want)
					}
				})
			})
		}
	})
}

// lost is what of a scene has no place on a route: nothing is known of upo but its dialect, so it is not asked to reason
// or to keep tools to their schemas.
func lost(r route, scene string) (fields []string) {
	if !r.translated() || r.vendor.name == "upa" {
		return nil
	}
	if tooled(scene) && r.vendor.name == "upo" {
		fields = append(fields, "tools.strict")
	}
	if reasoned(scene) && r.vendor.name == "upo" {
		fields = append(fields, "output_config.effort")
	}
	return fields
}

func tooled(scene string) bool {
	return slices.Contains([]string{"tools", "parallel", "thinkingtool"}, scene)
}
func reasoned(scene string) bool {
	return slices.Contains([]string{"reasoning", "thinkingtool"}, scene)
}

// signed checks what proves the reasoning of an answer: the vendor's own signature, or one of the gateway's that no vendor
// would take for its own.
func signed(t *testing.T, got answer, r route) {
	t.Helper()
	if r.client != "anthropic" || got.reasoning == "" {
		return
	}
	if len(got.signatures) != 1 || got.signatures[0] == "" {
		t.Fatalf("the reasoning has the signatures %q", got.signatures)
	}
	if own := strings.HasPrefix(got.signatures[0], "lr1:"); own != r.translated() {
		t.Errorf("the reasoning has the signature %q", got.signatures[0])
	}
	if _, known := r.vendor.thoughtOf(got.signatures[0]); known == r.translated() {
		t.Errorf("the vendor gave the signature %q: %v", got.signatures[0], known)
	}
}

// arrived checks that the vendor was asked for what the application asked for.
func arrived(t *testing.T, s sdk, r route, scene string, c *conversation) {
	t.Helper()
	at := r.vendor.last(t)
	for name, values := range at.header {
		if strings.Contains(strings.Join(values, " "), key) {
			t.Errorf("the application's key reached the vendor in %s", name)
		}
	}
	if body := as[map[string]any](t, at.body); body["model"] != scene {
		t.Errorf("the vendor was asked for %v", body["model"])
	}
	if version := at.header.Get("Anthropic-Version"); r.vendor.dialect == "anthropic" && (version == version2026) != (s.name() == "anthropic-sdk-go v2") {
		t.Errorf("the vendor was spoken to in version %q", version)
	}
	if beta := at.header.Get("Anthropic-Beta"); beta != "" && r.translated() {
		t.Errorf("the vendor was asked for %q, which no application did", beta)
	}
	seen := read(t, r.vendor.dialect, at.body)
	if seen.system != c.system {
		t.Errorf("the system text arrived as %q", seen.system)
	}
	if len(seen.turns) == 0 || !strings.HasPrefix(seen.turns[0].text, c.turns[0].parts[0].text) {
		t.Errorf("the first turn arrived as %+v", seen.turns)
	}
	switch scene {
	case "image":
		if seen.images != pixel {
			t.Errorf("the image arrived as %q", seen.images)
		}
	case "file":
		if seen.files != page || seen.names != "page.pdf" {
			t.Errorf("the file arrived as %q with the name %q", seen.files, seen.names)
		}
	case "tools", "parallel", "thinkingtool":
		if len(seen.tools) != 1 || seen.tools[0].name != "get_weather" || seen.tools[0].text != weatherText || !sameJSON(seen.tools[0].schema, weatherSchema) ||
			seen.tools[0].strict == slices.Contains(lost(r, scene), "tools.strict") {
			t.Errorf("the tools arrived as %+v", seen.tools)
		}
		if want := map[string]string{"tools": "auto", "parallel": "any"}[scene]; seen.choice != want && !(want == "auto" && seen.choice == "") {
			t.Errorf("the tool choice arrived as %q", seen.choice)
		}
	case "schema":
		if !sameJSON(seen.schema, personSchema) {
			t.Errorf("the schema arrived as %s", seen.schema)
		}
	case "stop":
		if strings.Join(seen.stop, "|") != strings.Join(c.stop, "|") {
			t.Errorf("the stop sequences arrived as %q", seen.stop)
		}
	}
	if reasoned(scene) && seen.effort != c.effort && !slices.Contains(lost(r, scene), "output_config.effort") {
		t.Errorf("the effort arrived as %q", seen.effort)
	}
	if c.limit > 0 && seen.limit != c.limit {
		t.Errorf("the limit arrived as %d", seen.limit)
	}
}
