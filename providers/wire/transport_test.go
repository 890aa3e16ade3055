package wire

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func get(t *testing.T, tr *Transport, address string) (*http.Response, error) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return tr.RoundTrip((&http.Request{Method: "GET", URL: u, Host: u.Host, Header: http.Header{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(t.Context()))
}

func transport(t *testing.T, base string, o Options) (*Transport, error) {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := NewTransport(u, o)
	if err == nil {
		t.Cleanup(tr.Close)
	}
	return tr, err
}

func TestBaseURLsThatAreRefused(t *testing.T) {
	for _, base := range []string{"ftp://example.com", "https://", "http://8.8.8.8/v1", "https://user:pw@example.com/v1", "http://[2606:4700::1]/v1"} {
		if _, err := transport(t, base, Options{}); err == nil {
			t.Errorf("%s was accepted", base)
		}
	}
}

// TestCredentialGoesNowhereElse: not to another address, and not after a redirect.
func TestCredentialGoesNowhereElse(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer other.Close()
	var got http.Header
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}))
	defer home.Close()
	tr, err := transport(t, home.URL, Options{Header: http.Header{"Authorization": {"Bearer secret"}}})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := get(t, tr, home.URL+"/x")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusTemporaryRedirect || got.Get("Authorization") != "Bearer secret" || got.Get("Accept-Encoding") != "" {
		t.Errorf("%d, and the provider got %v", resp.StatusCode, got)
	}
	if _, err := get(t, tr, other.URL); !errors.Is(err, ErrForeign) {
		t.Errorf("a request for another address gave %v", err)
	}
}

// TestPlainHTTPStaysNear: a name that resolves to a public address gets no connection without TLS.
func TestPlainHTTPStaysNear(t *testing.T) {
	for address, ok := range map[string]bool{"127.0.0.1:80": true, "10.1.2.3:80": true, "192.168.0.7:1": true, "[::1]:80": true, "100.64.0.1:9": true, "[fd00::1]:1": true,
		"8.8.8.8:80": false, "[2606:4700::1]:80": false, "172.15.0.1:80": false, "[::ffff:8.8.8.8]:80": false} {
		if err := privateOnly("tcp", address, nil); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
	if Private(netip.MustParseAddr("169.254.1.1")) != true {
		t.Error("link-local is near")
	}
}

func TestFurtherAuthority(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
	defer s.Close()
	s.Config.ErrorLog = nil
	if tr, err := transport(t, s.URL, Options{}); err != nil {
		t.Fatal(err)
	} else if _, err := get(t, tr, s.URL); err == nil {
		t.Error("an unknown authority was trusted")
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	tr, err := transport(t, s.URL, Options{CAFile: file})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := get(t, tr, s.URL)
	if err != nil {
		t.Fatalf("with the authority's file: %v", err)
	}
	resp.Body.Close()
	for name, text := range map[string]string{"empty": "", "none": "nothing of the kind"} {
		bad := filepath.Join(t.TempDir(), name)
		os.WriteFile(bad, []byte(text), 0o600)
		if _, err := transport(t, s.URL, Options{CAFile: bad}); err == nil {
			t.Errorf("a file with %q was taken for authorities", text)
		}
	}
}

func TestProxyIsForHTTPSOnly(t *testing.T) {
	env := func(name string) string {
		return map[string]string{"HTTPS_PROXY": "http://127.0.0.1:3128", "NO_PROXY": "internal.example"}[name]
	}
	for address, want := range map[string]string{"https://api.openai.com/v1": "http://127.0.0.1:3128", "https://internal.example/v1": "", "http://192.168.1.2/v1": "", "https://127.0.0.1/v1": ""} {
		base, _ := url.Parse(address)
		p := proxyFor(base, env)
		got := ""
		if p != nil {
			u, err := p(&http.Request{URL: base})
			if err != nil {
				t.Fatal(err)
			}
			if u != nil {
				got = u.String()
			}
		}
		if got != want {
			t.Errorf("%s goes through %q, want %q", address, got, want)
		}
	}
}

// TestIdleConnectionsAreDroppedAfterSleep: the first request after the machine woke up must not wait for a dead one.
func TestIdleConnectionsAreDroppedAfterSleep(t *testing.T) {
	var w sleepWatch
	now := time.Now()
	if w.slept(now) || w.slept(now.Add(time.Hour)) {
		t.Error("time that passes is no sleep")
	}
	for drift, want := range map[time.Duration]bool{0: false, 29 * time.Second: false, 31 * time.Second: true, -31 * time.Second: true, 8 * time.Hour: true} {
		if parted(time.Minute+drift, time.Minute) != want {
			t.Errorf("a drift of %v", drift)
		}
	}
}

func TestConnectIsBounded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tr, err := transport(t, "https://"+l.Addr().String(), Options{Connect: 100 * time.Millisecond}) // takes connections, never speaks TLS
	if err != nil {
		t.Fatal(err)
	}
	if _, err := get(t, tr, "https://"+l.Addr().String()); err == nil {
		t.Error("a handshake that never ends gave an answer")
	}
}

func TestClockCutsSilenceAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := errors.New("late")
		c := NewClock(t.Context(), 10*time.Second, func(time.Duration) error { return late })
		for range 20 {
			time.Sleep(9 * time.Second)
			c.Heard()
		}
		if c.Context().Err() != nil {
			t.Fatal("it was cut although it spoke")
		}
		c.Allow(2 * time.Second)
		time.Sleep(2*time.Second + time.Millisecond)
		synctest.Wait()
		if context.Cause(c.Context()) != late {
			t.Errorf("after 2 s of silence the cause is %v", context.Cause(c.Context()))
		}
		other := NewClock(t.Context(), time.Second, func(time.Duration) error { return late })
		other.Allow(time.Minute)
		time.Sleep(59 * time.Second)
		if other.Context().Err() != nil {
			t.Error("a longer limit did not count")
		}
		other.Stop(nil)
		c.Stop(nil)
	})
}
