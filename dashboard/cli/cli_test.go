package cli

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"

	"localrouter/providers/llm"
)

// person makes a session of a person who types answer.
func person(answer string) (*session, *bytes.Buffer) {
	var screen bytes.Buffer
	return &session{
		in: strings.NewReader(answer), out: &screen, errOut: &screen, self: "localrouter",
		getenv: func(string) string { return "" }, terminal: func(any) bool { return true },
	}, &screen
}

func TestADestructiveActAsksOnceAndTakesOnlyYes(t *testing.T) {
	for answer, goesOn := range map[string]bool{"y\n": true, "YES\n": true, "n\n": false, "\n": false, "": false, "yellow\n": false} {
		s, screen := person(answer)
		err := s.confirm("The key my-app-1 is deleted.", false)
		if (err == nil) != goesOn {
			t.Errorf("answer %q: %v", answer, err)
		}
		if !strings.Contains(screen.String(), "The key my-app-1 is deleted. Go on? [y/N]") {
			t.Errorf("answer %q: asked %q", answer, screen)
		}
	}
}

func TestColourIsForTerminalsOnlyAndNotWithNoColor(t *testing.T) {
	if wantsColour(&bytes.Buffer{}, func(string) string { return "" }) {
		t.Error("a pipe was coloured")
	}
	s, screen := person("")
	s.colour = true
	s.table([][]string{{s.state("running"), "a"}, {"x", "b"}})
	if want := "\x1b[32mrunning\x1b[0m  a\nx        b\n"; screen.String() != want {
		t.Errorf("got %q, want %q", screen, want)
	}
}

func TestFiguresReadWell(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{count(312), "312"}, {count(12_400), "12,400"}, {count(1_234_567), "1.2 M"}, {count(2_500_000_000), "2.5 G"},
		{usd(0), "$0"}, {usd(0.84), "$0.84"}, {usd(0.00021), "$0.00021"}, {usd(1e-9), "under $0.000001"}, {usd(12.345), "$12.35"},
		{plural(1, "request"), "1 request"}, {plural(0, "request"), "0 requests"},
		{span(12 * time.Millisecond), "12 ms"}, {span(2400 * time.Millisecond), "2.4 s"}, {span(185 * time.Second), "3 min 5 s"},
		{span(7384 * time.Second), "2 h 3 min"}, {span(50 * time.Hour), "2 d 2 h"},
		{shellQuote("/home/a b/it's"), `'/home/a b/it'\''s'`}, {shellQuote(""), "''"}, {shellQuote("a/b:c"), "a/b:c"},
		{clean("a\x1b[2J\u202eb\tc"), "a?[2J?b c"}, {cleanStream("a\n\x1b[2J\r"), "a\n[2J"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestAnUnknownCostIsNeverShownAsNothing(t *testing.T) {
	zero, some := 0.0, 0.00021
	for _, c := range []struct {
		source llm.CostSource
		amount *float64
		want   string
	}{
		{llm.CostLocal, &zero, "$0, local"},
		{llm.CostLocal, nil, "$0, local"},
		{llm.CostUnknown, nil, "unknown"},
		{llm.CostUnknown, &zero, "unknown"},
		{llm.CostComputed, nil, "unknown"},
		{"", &zero, "unknown"},
		{llm.CostReported, &some, "$0.00021, reported by the provider"},
		{llm.CostComputed, &some, "$0.00021, by list price"},
		{llm.CostEstimated, &some, "$0.00021, estimated"},
		{llm.CostFlat, nil, "$0, covered by a subscription"},
	} {
		if got := costText(c.source, c.amount); got != c.want {
			t.Errorf("%s: got %q, want %q", c.source, got, c.want)
		}
	}
}

func TestAnAddressOpenToAllIsGivenAsLoopback(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:4000": "http://127.0.0.1:4000/v1", "0.0.0.0:3636": "http://127.0.0.1:3636/v1", "[::]:3636": "http://127.0.0.1:3636/v1",
		":3636": "http://127.0.0.1:3636/v1", "[::1]:3636": "http://[::1]:3636/v1", "": "http://127.0.0.1:3636/v1",
		"192.168.1.4:3636": "http://192.168.1.4:3636/v1",
	} {
		if got := (&client{status: status{Address: address}}).baseURL(); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}

func TestTheTokenFollowsNoRedirect(t *testing.T) {
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer elsewhere.Close()
	here := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer here.Close()
	c := &client{http: loopbackClient(), base: here.URL, token: "secret"}
	if err := c.call(t.Context(), http.MethodGet, "/status", nil, nil); err == nil || reached {
		t.Errorf("error %v, reached the other server: %v", err, reached)
	}
}

func TestAHandlerInThisProcessIsAskedLikeAServer(t *testing.T) {
	c := &client{base: "http://127.0.0.1", http: &http.Client{Transport: inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") != "application/json" || r.RequestURI != "/admin/v1/keys/a%2Fb" || r.Host != "127.0.0.1" {
			t.Errorf("got %s %s %v", r.Host, r.RequestURI, r.Header)
		}
		w.WriteHeader(http.StatusConflict)
		w.Write([]byte(`{"error":{"message":"it is taken.","next_step":"choose another"}}`))
	})}}}
	err := c.call(t.Context(), http.MethodPost, "/keys/"+segment("a/b"), struct{}{}, nil)
	if err == nil || err.Error() != "it is taken; choose another" {
		t.Errorf("got %v", err)
	}
}

func TestTheFirstTokenIsTheFirstContentOrThought(t *testing.T) {
	now := time.Unix(0, 0)
	a := &asking{now: func() time.Time { now = now.Add(10 * time.Millisecond); return now }}
	start := now
	var r reply
	stream := "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}\n\n" +
		"data: {\"choices\":[{\"delta\":{\"content\":\"yes\"}}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\ndata: [DONE]\n\n"
	if err := a.read(strings.NewReader(stream), &r, start); err != nil {
		t.Fatal(err)
	}
	if r.FirstTokenMS != 10 || r.Answer != "yes" || r.TokensIn != 3 || r.TokensOut != 1 {
		t.Errorf("got %+v", r)
	}
	if err := a.read(strings.NewReader("data: {\"error\":{\"message\":\"upstream broke.\"}}\n\n"), &r, start); err == nil || err.Error() != "upstream broke" {
		t.Errorf("got %v", err)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\ndata: [DONE]\n"))
	f.Add([]byte(": comment\n\ndata:{\"usage\":null,\"choices\":null}\n\ndata: {\"error\":null}\n"))
	f.Add([]byte("data: [DONE]"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var shown strings.Builder
		a := &asking{now: time.Now, show: func(text string) { shown.WriteString(text) }}
		var r reply
		err := a.read(bytes.NewReader(stream), &r, time.Now())
		if err == nil && !bytes.Contains(stream, []byte("[DONE]")) {
			t.Fatal("an answer without its end mark was taken as whole")
		}
		if r.Answer != shown.String() {
			t.Fatalf("shown %q, kept %q", shown.String(), r.Answer)
		}
	})
}

func FuzzRuntimeFile(f *testing.F) {
	f.Add([]byte(`{"pid":1,"gateway":"127.0.0.1:3636","dashboard":"127.0.0.1:3637"}`))
	f.Add([]byte(`{"pid":1,"dashboard":"[::1%eth0]:1"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		run, ok := parseRuntime(data)
		if ok && !strings.HasPrefix(run.Dashboard, "127.") && !strings.HasPrefix(run.Dashboard, "[") {
			t.Fatalf("the token would go to %q", run.Dashboard)
		}
	})
}

func FuzzSecret(f *testing.F) {
	f.Add([]byte("\ufeffsk-test\r\n"))
	f.Add([]byte("a b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		secret, problem := parseSecret(data)
		if problem == "" && (secret == "" || strings.IndexFunc(secret, func(r rune) bool { return r > unicode.MaxASCII || r <= ' ' }) >= 0) {
			t.Fatalf("%q was taken as a key", secret)
		}
	})
}
