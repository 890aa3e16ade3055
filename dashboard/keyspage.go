package dashboard

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/gorilla/mux"

	"localrouter/db"
	"localrouter/providers/llm"
)

type keysView struct {
	Range   string
	Banners []bannerView
	Keys    []keyView
}

type keyView struct {
	ID, Name, Prefix, Created, LastUsed string
	Requests, Cost                      string
	RequestCount, CostPico, UsedUnix    int64 // for sorting
	Enabled, Internal                   bool
}

func (d *Dashboard) keysView() (*keysView, error) {
	keys := d.o.Keys.List()
	totals, err := d.o.Recorder.TotalsBy(db.Query{From: d.midnight(), GroupBy: db.GroupKey})
	if err != nil {
		return nil, err
	}
	v := &keysView{Range: keyCounts(keys), Banners: d.banners(d.o.Gateway.State())}
	now := d.o.Now()
	for _, k := range keys {
		t := totals[k.ID]
		row := keyView{
			ID: k.ID, Name: k.Name, Prefix: k.Prefix, Created: "created " + formatDay(k.Created, now), LastUsed: formatTime(k.LastUsed, now),
			Requests: formatCount(t.Requests), RequestCount: t.Requests, Cost: formatSum(t.Cost), CostPico: int64(t.Cost),
			Enabled: !k.Disabled, Internal: k.Internal,
		}
		if t.Requests > 0 && t.CostUnknown == t.Requests {
			row.Cost = "unknown"
		}
		if !k.LastUsed.IsZero() {
			row.UsedUnix = k.LastUsed.Unix()
		}
		v.Keys = append(v.Keys, row)
	}
	return v, nil
}

// keyCounts says how many there are: "5 on, 1 off".
func keyCounts(keys []*db.Key) string {
	on, off := 0, 0
	for _, k := range keys {
		if k.Disabled {
			off++
		} else {
			on++
		}
	}
	if on+off == 0 {
		return ""
	}
	if off == 0 {
		return formatCount(int64(on)) + " on"
	}
	return formatCount(int64(on)) + " on, " + formatCount(int64(off)) + " off"
}

// keyShown makes a key and answers with the panel that shows it once.
func (d *Dashboard) keyShown(w http.ResponseWriter, r *http.Request) error {
	key, token, err := d.makeKey(w, r)
	if err != nil {
		return err
	}
	return d.showSecret(w, key, token)
}

// newSecretShown gives a key a new secret and shows that once.
func (d *Dashboard) newSecretShown(w http.ResponseWriter, r *http.Request) error {
	id := mux.Vars(r)["id"]
	token, err := d.o.Keys.Regenerate(id)
	if err != nil {
		return explain(err)
	}
	key := d.o.Keys.Get(id)
	if key == nil {
		return notFound("that key")
	}
	return d.showSecret(w, key, token)
}

func (d *Dashboard) showSecret(w http.ResponseWriter, key *db.Key, token string) error {
	return d.html(w, "secret", map[string]any{"ID": key.ID, "Name": key.Name, "Key": token, "Off": key.Disabled,
		"Snippets": snippets(baseURL(d.o.Gateway.State()), token, d.exampleModel())})
}

// pasteable is a model id that needs no quoting in any of the snippets.
var pasteable = regexp.MustCompile(`^[A-Za-z0-9._:/@+-]+$`)

// exampleModel is a model that answers when a snippet is pasted as it is.
func (d *Dashboard) exampleModel() string {
	for _, s := range d.o.Providers.Sources().List {
		for i := range s.Models {
			id := s.Name + "/" + s.Models[i].ID
			if pasteable.MatchString(id) && talks(&s.Models[i]) {
				return id
			}
		}
	}
	return "demo/demo"
}

// talks reports whether a model answers a chat, as far as its list says.
func talks(m *llm.Model) bool {
	if m.API != "" && m.API != llm.APIResponses {
		return false
	}
	id := strings.ToLower(m.ID)
	for _, other := range []string{"embed", "whisper", "tts", "dall-e", "moderation", "rerank", "image", "realtime", "transcribe"} {
		if strings.Contains(id, other) {
			return false
		}
	}
	return true
}

type snippet struct{ ID, Title, Text string }

// snippets are ready to paste: real address, real key, a model that is there.
func snippets(base, key, model string) []snippet {
	fill := strings.NewReplacer("<base>", base, "<root>", strings.TrimSuffix(base, "/v1"), "<key>", key, "<model>", model).Replace
	return []snippet{
		{"env", "Env", fill("export OPENAI_BASE_URL=<base>\nexport OPENAI_API_KEY=<key>")},
		{"claude", "Claude Code", fill("export ANTHROPIC_BASE_URL=<root>\nexport ANTHROPIC_AUTH_TOKEN=<key>\nclaude --model <model>")},
		{"curl", "curl", fill("curl <base>/chat/completions \\\n  -H 'Authorization: Bearer <key>' \\\n  -H 'Content-Type: application/json' \\\n" +
			"  -d '{\"model\":\"<model>\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'")},
		{"python", "Python", fill("from openai import OpenAI\n\nclient = OpenAI(base_url=\"<base>\", api_key=\"<key>\")\nanswer = client.chat.completions.create(\n" +
			"    model=\"<model>\",\n    messages=[{\"role\": \"user\", \"content\": \"Hello\"}],\n)\nprint(answer.choices[0].message.content)")},
		{"node", "Node", fill("import OpenAI from \"openai\";\n\nconst client = new OpenAI({ baseURL: \"<base>\", apiKey: \"<key>\" });\nconst answer = await client.chat.completions.create({\n" +
			"  model: \"<model>\",\n  messages: [{ role: \"user\", content: \"Hello\" }],\n});\nconsole.log(answer.choices[0].message.content);")},
		{"go", "Go", fill("client := openai.NewClient(\n\toption.WithBaseURL(\"<base>\"),\n\toption.WithAPIKey(\"<key>\"),\n)\nanswer, err := client.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{\n" +
			"\tModel:    \"<model>\",\n\tMessages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(\"Hello\")},\n})")},
	}
}
