package providertest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func post(t *testing.T, u *Upstream, path, body string) (*http.Response, string, error) {
	t.Helper()
	resp, err := http.Post(u.URL+path, "application/json", strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, string(b), err
}

// TestScriptsDoWhatTheySay: what later tests lean on.
func TestScriptsDoWhatTheySay(t *testing.T) {
	u := New(t)
	if resp, _, err := post(t, u, "/x", "b"); err != nil || resp.StatusCode != 404 {
		t.Errorf("without a script: %v", err)
	}
	u.Answer(JSON(201, `{"a":1}`, "X-A: b"), Stream("a", "", "bc"), StreamThen((*Conn).Cut, "a"), StreamThen((*Conn).Reset, "a"), Hangup(), Redirect("http://127.0.0.1:1/"))
	u.AnswerPath("/models", JSON(200, "[]"))
	if resp, body, err := post(t, u, "/x", "hello"); err != nil || resp.StatusCode != 201 || body != `{"a":1}` || resp.Header.Get("X-A") != "b" {
		t.Errorf("JSON: %v %q", err, body)
	}
	if r := u.Last(); r.Method != "POST" || r.Path != "/v1/x" || string(r.Body) != "hello" || !u.Contains("hello") || u.Contains("absent") {
		t.Errorf("it received %+v", r)
	}
	if _, body, err := post(t, u, "/x", ""); err != nil || body != "abc" {
		t.Errorf("Stream: %v %q", err, body)
	}
	for _, name := range []string{"Cut", "Reset"} {
		if _, body, err := post(t, u, "/x", ""); err == nil || !strings.HasPrefix("a", body) {
			t.Errorf("%s ended well with %q", name, body)
		}
	}
	if _, _, err := post(t, u, "/x", ""); err == nil {
		t.Error("Hangup answered")
	}
	if _, _, err := post(t, u, "/x", ""); err == nil {
		t.Error("the redirect led somewhere")
	}
	if _, body, err := post(t, u, "/models", ""); err != nil || body != "[]" {
		t.Errorf("a path of its own: %v %q", err, body)
	}
}

// TestTheClientsGoingAwayIsSeen: when, and that one who stayed to the end did not go.
func TestTheClientsGoingAwayIsSeen(t *testing.T) {
	u := New(t)
	u.Answer(StreamThen((*Conn).Stall, "a"), Stream("a"))
	resp, err := http.Post(u.URL+"/x", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	left := time.Now()
	resp.Body.Close()
	if at, gone := u.WaitGone(u.Wait(1)); !gone || at.Before(left) {
		t.Errorf("left at %v, seen at %v (%v)", left, at, gone)
	}
	if _, _, err := post(t, u, "/x", "{}"); err != nil {
		t.Fatal(err)
	}
	if _, gone := u.WaitGone(u.Wait(2)); gone {
		t.Error("one who stayed to the end is taken for gone")
	}
}
