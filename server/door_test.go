package server

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"localrouter/providers/llm"
)

// checkError holds an answer to OpenAI's error shape.
func checkError(t *testing.T, name string, w *httptest.ResponseRecorder, status int, code string) {
	t.Helper()
	var body struct {
		Error struct {
			Message, Type string
			Code          any
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Errorf("%s: not an error object: %q", name, w.Body)
	}
	if w.Code != status || body.Error.Code != code || body.Error.Message == "" {
		t.Errorf("%s: got %d %v %q, want %d %s", name, w.Code, body.Error.Code, body.Error.Message, status, code)
	}
	if w.Header().Get("X-LocalRouter-Request-Id") == "" || w.Header().Get("X-LocalRouter-Attempts") == "" {
		t.Errorf("%s: no request id or attempts in %v", name, w.Header())
	}
}

func TestBadInputIsRefusedAndReachesNobody(t *testing.T) {
	chat := func(change func(*http.Request)) *http.Request {
		req := request("POST", "/v1/chat/completions", chatBody)
		change(req)
		return req
	}
	set := func(name, value string) *http.Request {
		return chat(func(r *http.Request) { r.Header.Set(name, value) })
	}
	body := func(b string) *http.Request { return request("POST", "/v1/chat/completions", b) }
	for _, c := range []struct {
		name   string
		req    *http.Request
		status int
		code   string
	}{
		{"no key", chat(func(r *http.Request) { r.Header.Del("Authorization") }), 401, "invalid_api_key"},
		{"empty key", set("Authorization", "Bearer "), 401, "invalid_api_key"},
		{"unknown key", set("Authorization", "Bearer lr-other"), 401, "invalid_api_key"},
		{"another scheme", set("Authorization", "Basic abc"), 401, "invalid_api_key"},
		{"key in the URL", request("POST", "/v1/chat/completions?key="+goodToken, chatBody), 401, "invalid_api_key"},
		{"keys that differ", set("X-Api-Key", "lr-other"), 400, "conflicting_api_keys"},
		{"disabled key", set("Authorization", "Bearer lr-off"), 403, "key_disabled"},
		{"locked vault", set("Authorization", "Bearer lr-locked"), 503, "vault_locked"},
		{"another host", chat(func(r *http.Request) { r.Host = "evil.example" }), 403, "host_not_allowed"},
		{"an origin of nobody", set("Origin", "https://evil.example"), 403, "origin_not_allowed"},
		{"cross-site without origin", set("Sec-Fetch-Site", "cross-site"), 403, "origin_not_allowed"},
		{"called by itself", set("X-LocalRouter-Hop", "me"), 508, "loop_detected"},
		{"no content type", chat(func(r *http.Request) { r.Header.Del("Content-Type") }), 415, "unsupported_media_type"},
		{"text", set("Content-Type", "text/plain"), 415, "unsupported_media_type"},
		{"compressed", set("Content-Encoding", "gzip"), 415, "unsupported_media_type"},
		{"empty body", body(""), 415, "unsupported_media_type"},
		{"bad JSON", body(`{"model":"p/m",`), 400, "invalid_json"},
		{"too large by its length", body(`{"model":"` + strings.Repeat("x", 2000) + `"}`), 413, "request_too_large"},
		{"too large while reading", chat(func(r *http.Request) {
			r.ContentLength = -1
			r.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", 2000)))
		}), 413, "request_too_large"},
		{"no model", body(`{"messages":[]}`), 400, "invalid_value"},
		{"unknown model", body(`{"model":"nowhere/m"}`), 404, "model_not_found"},
		{"router", body(`{"model":"router/none"}`), 404, "model_not_found"},
		{"unknown path", request("POST", "/v1/chat", chatBody), 404, "not_found"},
		{"path without v1", request("POST", "/chat/completions", chatBody), 404, "not_found"},
		{"wrong method", request("GET", "/v1/chat/completions", ""), 405, "method_not_allowed"},
		{"form for a chat", set("Content-Type", "multipart/form-data; boundary=x"), 415, "unsupported_media_type"},
		{"form without a boundary", formRequest("multipart/form-data", ""), 400, "invalid_form"},
		{"form that ends early", formRequest("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1"), 400, "invalid_form"},
		{"form without a model", formRequest("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--b--\r\n"), 400, "invalid_form"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.settings.Server.MaxBodyBytes = 1000
			w := r.call(c.req)
			checkError(t, c.name, w, c.status, c.code)
			if n := r.provider.asked.Load(); n != 0 {
				t.Errorf("the provider was asked %d times", n)
			}
			if e := r.only(); e.Status != c.status || e.Kind == "" || e.Error == "" || e.Counted() || e.Cost != 0 {
				t.Errorf("record: %+v", e)
			}
			if held := r.memory.used.Load(); held != 0 {
				t.Errorf("%d bytes are still held", held)
			}
		})
	}
}

func formRequest(contentType, body string) *http.Request {
	req := request("POST", "/v1/audio/transcriptions", body+" ")
	req.Header.Set("Content-Type", contentType)
	return req
}

func TestEveryRouteNeedsAKeyButHealth(t *testing.T) {
	for _, route := range table() {
		for _, method := range route.methods {
			r := newRig(t)
			path := strings.NewReplacer("{id:.+}", "p/m", "{rest:.+}", "speech").Replace(route.path)
			req := request(method, path, "")
			req.Header.Del("Authorization")
			w := r.call(req)
			switch route.class {
			case open:
				if w.Code != 204 && w.Code != 200 || w.Body.Len() > 0 {
					t.Errorf("%s %s: %d %q, want success without data", method, path, w.Code, w.Body)
				}
			case dialect:
				checkError(t, method+" "+path, w, 401, "invalid_api_key")
				if !strings.Contains(w.Body.String(), "keys new") {
					t.Errorf("%s: the error names no next step: %s", path, w.Body)
				}
			default:
				t.Errorf("%s has no class", path)
			}
		}
	}
}

func TestHostIsAClosedList(t *testing.T) {
	r := newRig(t)
	r.settings.Server.AllowedHosts = []string{"host.docker.internal", "box:9999"}
	for host, ok := range map[string]bool{
		"127.0.0.1:3636": true, "localhost:3636": true, "[::1]:3636": true,
		"host.docker.internal:3636": true, "host.docker.internal": true, "box:9999": true,
		"": false, "127.0.0.1": false, "127.0.0.1:3637": false, "localhost:80": false, "0.0.0.0:3636": false, "[::]:3636": false,
		"192.168.1.5:3636": false, "pc.local:3636": false, "127.0.0.2:3636": false, "localhost.:3636": false, "LOCALHOST:3636": false,
		"evil.example:3636": false, "127.0.0.1:3636.evil.example": false, "host.docker.internal.evil:3636": false, "box:3636": false,
	} {
		req := request("GET", "/health", "")
		req.Host = host
		want := 403
		if ok {
			want = 204
		}
		if w := r.call(req); w.Code != want {
			t.Errorf("host %q: %d, want %d", host, w.Code, want)
		}
	}
	// A change of the settings counts at once; the port is the one that was really opened.
	changed := *r.settings
	changed.Server.AllowedHosts = nil
	r.settings = &changed
	req := request("GET", "/health", "")
	req.Host = "host.docker.internal:3636"
	if w := r.call(req); w.Code != 403 {
		t.Errorf("a name that was taken off the list: %d", w.Code)
	}
	req = request("GET", "/health", "")
	req.Host = "localhost:4000"
	req = req.WithContext(context.WithValue(req.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4000}))
	if w := r.call(req); w.Code != 204 {
		t.Errorf("the listener's own port: %d", w.Code)
	}
}

func TestWebPagesNeedTheirOriginOnTheKeysList(t *testing.T) {
	for _, c := range []struct {
		name, origin, site, token string
		status                    int
	}{
		{"no page", "", "", goodToken, 200},
		{"typed into the browser", "", "none", goodToken, 200},
		{"listed", "https://app.example", "cross-site", goodToken, 200},
		{"listed null", "null", "cross-site", goodToken, 200},
		{"listed by another key only", "https://app.example", "cross-site", "lr-bare", 403},
		{"not listed", "https://other.example", "cross-site", goodToken, 403},
		{"listed with another port", "https://app.example:444", "", goodToken, 403},
		{"same site", "", "same-site", goodToken, 403},
		{"our own host name as origin", "http://127.0.0.1:3636", "same-origin", goodToken, 403},
	} {
		r := newRig(t)
		req := request("POST", "/v1/chat/completions", chatBody)
		req.Header.Set("Authorization", "Bearer "+c.token)
		if c.origin != "" {
			req.Header.Set("Origin", c.origin)
		}
		if c.site != "" {
			req.Header.Set("Sec-Fetch-Site", c.site)
		}
		w := r.call(req)
		if w.Code != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, w.Code, w.Body, c.status)
		}
		allowed := w.Header().Get("Access-Control-Allow-Origin")
		if allowed == "*" || w.Header().Get("Access-Control-Allow-Credentials") != "" || (c.status == 200 && allowed != c.origin) {
			t.Errorf("%s: CORS header %v", c.name, w.Header())
		}
	}
}

func TestPreflightIsAnsweredForListedOriginsOnly(t *testing.T) {
	for origin, want := range map[string]int{"https://app.example": 204, "https://evil.example": 403, "": 403} {
		r := newRig(t)
		req := request("OPTIONS", "/v1/chat/completions", "")
		req.Header.Del("Authorization")
		req.Header["Origin"] = []string{origin}
		req.Header.Set("Access-Control-Request-Method", "POST")
		req.Header.Set("Access-Control-Request-Headers", "authorization, content-type")
		w := r.call(req)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", origin, w.Code, want)
		}
		if got := w.Header().Get("Access-Control-Allow-Headers"); (got != "") != (want == 204) {
			t.Errorf("%q: allowed headers %q", origin, got)
		}
	}
	r := newRig(t)
	if w := r.call(request("OPTIONS", "/v1/chat/completions", "")); w.Code != 405 {
		t.Errorf("OPTIONS of no web page: %d, want 405", w.Code)
	}
}

func TestKeyTravelsInAnyOfTheKnownFields(t *testing.T) {
	for _, h := range []http.Header{
		{"Authorization": {"Bearer " + goodToken}},
		{"Authorization": {"bearer " + goodToken}},
		{"Authorization": {"BEARER  " + goodToken + " "}},
		{"X-Api-Key": {goodToken}},
		{"X-Goog-Api-Key": {goodToken}},
		{"Authorization": {"Bearer " + goodToken}, "X-Api-Key": {goodToken}},
		{"Authorization": {"Bearer "}, "X-Api-Key": {goodToken}},
	} {
		got, e := credential(h)
		if e != nil || got != goodToken {
			t.Errorf("%v: got %q %v", h, got, e)
		}
	}
	for _, c := range []struct {
		h      http.Header
		status int
	}{
		{http.Header{"Authorization": {"Bearer a", "Bearer b"}}, 400},
		{http.Header{"Authorization": {"Basic eDp5"}, "X-Api-Key": {goodToken}}, 400},
		{http.Header{"X-Api-Key": {goodToken}, "X-Goog-Api-Key": {"other"}}, 400},
		{http.Header{"Authorization": {goodToken}}, 401},
		{http.Header{}, 401},
	} {
		if _, e := credential(c.h); e == nil || e.Status != c.status {
			t.Errorf("%v: got %v, want %d", c.h, e, c.status)
		}
	}
}

func TestSlashesOfABaseURLDoNoHarm(t *testing.T) {
	for path, want := range map[string]int{
		"//v1//chat/completions/": 200, "/v1/chat/completions//": 200, "/v1/chat/completions": 200,
		"/v1/../v1/chat/completions": 404, "/v1/v1/chat/completions": 404,
	} {
		r := newRig(t)
		req := request("POST", "/", chatBody)
		req.URL.Path = path
		if w := r.call(req); w.Code != want {
			t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, want)
		}
	}
}

func TestWrongMethodNamesTheRightOnes(t *testing.T) {
	for path, want := range map[string]string{"/v1/chat/completions": "POST", "/v1/models": "GET, HEAD", "/v1/models/p/m": "GET, HEAD", "/health": "GET, HEAD"} {
		r := newRig(t)
		w := r.call(request("DELETE", path, ""))
		checkError(t, path, w, 405, "method_not_allowed")
		if got := w.Header().Get("Allow"); got != want {
			t.Errorf("%s: Allow %q, want %q", path, got, want)
		}
	}
}

func TestModelsAreListedWithWhatIsKnown(t *testing.T) {
	r := newRig(t)
	w := r.call(request("GET", "/v1/models", ""))
	want := `{"object":"list","data":[` +
		`{"id":"auto","object":"model","created":0,"owned_by":"localrouter","name":"What the key has selected"},` +
		`{"id":"router/minimum-cost","object":"model","created":0,"owned_by":"localrouter","name":"Minimum Cost"},` +
		`{"id":"router/maximum-performance","object":"model","created":0,"owned_by":"localrouter","name":"Maximum Performance"},` +
		`{"id":"p/m","object":"model","created":1700000000,"owned_by":"p","context_length":8192,"max_output_tokens":1024,"modalities":{"input":["text","image"],"output":["text"]},"pricing":{"prompt":"0.0000025","completion":"0.00001","input_cache_read":"0.00000125"}},` +
		`{"id":"p/vendor/deep/m:2","object":"model","created":0,"owned_by":"vendor"},` +
		`{"id":"here/small","object":"model","created":0,"owned_by":"here","pricing":{"prompt":"0","completion":"0"}}]}`
	if w.Code != 200 || w.Body.String() != want || w.Header().Get("X-LocalRouter") != "1" {
		t.Errorf("got %d %v\n%s\nwant\n%s", w.Code, w.Header(), w.Body, want)
	}
	head := r.call(request("HEAD", "/v1/models", ""))
	if head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d, %d bytes, %v", head.Code, head.Body.Len(), head.Header())
	}
	for path, id := range map[string]string{
		"/v1/models/p/m": "p/m", "/v1/models/p%2Fm": "p/m", "/v1/models/m": "p/m", "/v1/models/auto": "auto", "/v1/models/router/minimum-cost": "router/minimum-cost", "/v1/models/vendor%2Fdeep%2Fm:2": "p/vendor/deep/m:2",
		"/v1/models/p/vendor/deep/m:2": "p/vendor/deep/m:2", "/v1/models/p/vendor/deep/m%3A2/": "p/vendor/deep/m:2",
	} {
		w := r.call(request("GET", path, ""))
		if w.Code != 200 || !strings.HasPrefix(w.Body.String(), `{"id":"`+id+`"`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/v1/models/p/none", "/v1/models/none", "/v1/models/router/none"} {
		checkError(t, path, r.call(request("GET", path, "")), 404, "model_not_found")
	}
	if r.provider.asked.Load() != 0 {
		t.Error("a provider was asked for a list")
	}
}

func TestMemoryCapAnswers503WithRetryAfter(t *testing.T) {
	r := newRig(t)
	r.settings.Server.BufferBytes = int64(len(chatBody)) - 1
	w := r.call(request("POST", "/v1/chat/completions", chatBody))
	checkError(t, "cap", w, 503, "overloaded")
	if w.Header().Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
	}
	chunked := request("POST", "/v1/chat/completions", chatBody)
	chunked.ContentLength = -1
	checkError(t, "cap, length unknown", r.call(chunked), 503, "overloaded")
	r.settings.Server.BufferBytes = 1 << 20
	if w := r.call(request("POST", "/v1/chat/completions", chatBody)); w.Code != 200 {
		t.Errorf("with room again: %d %s", w.Code, w.Body)
	}
	if r.memory.used.Load() != 0 {
		t.Error("bytes are still held")
	}
}

// TestRunningRequestsFillTheMemoryCap: bodies count together, 512 MiB unless the settings say otherwise, until their
// requests have their first content.
func TestRunningRequestsFillTheMemoryCap(t *testing.T) {
	r := newRig(t)
	if r.settings.Server.BufferBytes != 512<<20 {
		t.Fatalf("the cap is %d", r.settings.Server.BufferBytes)
	}
	running, goOn := make(chan struct{}), make(chan struct{})
	r.provider.answer = func(ctx context.Context, req *llm.Request, obs llm.Observer) (llm.Relay, error) {
		running <- struct{}{}
		<-goOn
		return whole("{}")(ctx, req, obs)
	}
	r.memory.used.Add(512<<20 - 2*int64(len(chatBody))) // others have the rest
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() { r.call(request("POST", "/v1/chat/completions", chatBody)) })
		<-running
	}
	w := r.call(request("POST", "/v1/chat/completions", chatBody))
	checkError(t, "the third", w, 503, "overloaded")
	if w.Header().Get("Retry-After") == "" {
		t.Error("without Retry-After")
	}
	close(goOn)
	group.Wait()
	go func() { <-running }()
	if w := r.call(request("POST", "/v1/chat/completions", chatBody)); w.Code != 200 {
		t.Errorf("with room again: %d %s", w.Code, w.Body)
	}
}
