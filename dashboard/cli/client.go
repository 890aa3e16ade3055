package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"localrouter/db/settings"
)

const (
	apiRoot       = "/admin/v1"
	probeTimeout  = 2 * time.Second  // the first question to a running program
	callTimeout   = 60 * time.Second // any other; testing a provider is the slowest
	mostReplySize = 16 << 20
)

// client speaks the admin API, over the dashboard's port or straight to a handler in this process.
type client struct {
	http    *http.Client
	base    string // "http://127.0.0.1:3637"
	token   string
	status  status // as it was when the client was made
	offline bool
	release func() error // ends an offline session; nil otherwise
}

// status is the answer of GET /status.
type status struct {
	Status        string   `json:"status"`
	Address       string   `json:"address"`
	Detail        string   `json:"detail"`
	Dashboard     string   `json:"dashboard"`
	Version       string   `json:"version"`
	PID           int      `json:"pid"`
	Home          string   `json:"home"`
	UptimeSeconds float64  `json:"uptime_seconds"`
	Notices       []string `json:"notices"`
	SettingsError string   `json:"settings_error"`
	Offline       bool     `json:"offline"` // no request may leave this machine
	Vault         struct {
		Status  string `json:"status"`
		Backend string `json:"backend"`
		Detail  string `json:"detail"`
	} `json:"vault"`
	Today struct {
		Requests int64   `json:"requests"`
		Tokens   int64   `json:"tokens"`
		CostUSD  float64 `json:"cost_usd"`
		Unpriced int64   `json:"cost_unknown"` // requests whose cost nobody knows
		Errors   int64   `json:"errors"`
	} `json:"today"`
}

// runtimeFile is what a running program leaves in Paths.Runtime for us.
type runtimeFile struct {
	PID       int    `json:"pid"`
	Gateway   string `json:"gateway"`
	Dashboard string `json:"dashboard"`
}

// find connects to the running program of this home. Without one it returns nil and no error; an error means that
// there is one, but it cannot be talked to.
func (s *session) find(ctx context.Context) (*client, error) {
	paths, err := settings.Locate(s.home, s.getenv)
	if err != nil {
		return nil, fail(exitFailure, "the folder of LocalRouter cannot be used: "+err.Error(), "name another one with --home DIR")
	}
	run, token, err := readRuntime(paths)
	if err != nil || run == nil {
		return nil, err
	}
	// A file left by a killed program may name a port that now belongs to another user, who must not be shown our
	// token: so a dead process ends the search here.
	if !alive(run.PID) {
		return nil, nil
	}
	c := &client{http: loopbackClient(), base: "http://" + run.Dashboard, token: token}
	probe, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err = c.call(probe, http.MethodGet, "/status", nil, &c.status)
	var refused *failure
	switch {
	case err == nil:
		return c, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fail(exitFailure, fmt.Sprintf("LocalRouter (process %d) does not answer on %s", run.PID, run.Dashboard),
			"try again, or end that process and start it anew")
	case errors.As(err, &refused):
		return nil, nil // another program has the port, or one with another token: not ours
	}
	return nil, nil
}

// readRuntime reads where the running program listens and what it takes as proof. A missing or unreadable runtime
// file means that none runs.
func readRuntime(paths settings.Paths) (*runtimeFile, string, error) {
	data, err := os.ReadFile(paths.Runtime)
	if errors.Is(err, fs.ErrPermission) {
		return nil, "", fail(exitFailure, "the files of LocalRouter belong to another user ("+paths.Runtime+")", "run the command as that user, or name another folder with --home DIR")
	}
	if err != nil {
		return nil, "", nil
	}
	run, ok := parseRuntime(data)
	if !ok {
		return nil, "", nil
	}
	token, err := os.ReadFile(paths.AdminToken)
	if err != nil {
		return nil, "", nil
	}
	return run, strings.TrimSpace(string(token)), nil
}

// parseRuntime reads the runtime file. Anything but a process and a loopback address is not ours: the dashboard never
// listens elsewhere, and the token goes nowhere else.
func parseRuntime(data []byte) (*runtimeFile, bool) {
	var run runtimeFile
	if json.Unmarshal(data, &run) != nil || run.PID <= 0 {
		return nil, false
	}
	addr, err := netip.ParseAddrPort(run.Dashboard)
	if err != nil || !addr.Addr().IsLoopback() || addr.Port() == 0 || addr.Addr().Zone() != "" {
		return nil, false
	}
	return &run, true
}

// loopbackClient is an HTTP client that leaves this machine under no circumstances: no proxy, no redirect.
func loopbackClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:             nil,
			DialContext:       (&net.Dialer{Timeout: probeTimeout}).DialContext,
			DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// connect gives a client of the running program, or the failure that says how to start it.
func (s *session) connect(ctx context.Context) (*client, error) {
	c, err := s.find(ctx)
	if err == nil && c == nil {
		return nil, s.notRunning()
	}
	return c, err
}

// connectOrOpen gives a client of the running program or, without one, of the stores opened here.
func (s *session) connectOrOpen(ctx context.Context) (*client, error) {
	c, err := s.find(ctx)
	if c != nil || err != nil {
		return c, err
	}
	opener, ok := s.app.(Offline)
	if !ok {
		return nil, s.notRunning()
	}
	override, err := s.environment()
	if err != nil {
		return nil, err
	}
	handler, release, err := opener.Admin(ctx, RunOptions{Headless: true, Override: override, Home: s.home})
	if errors.Is(err, ErrRunning) {
		// It was started between the two looks, or is still starting.
		if c := s.await(ctx, startPatience); c != nil {
			return c, nil
		}
		return nil, fail(exitFailure, "LocalRouter is running but does not answer", "try again in a moment")
	}
	if err != nil {
		return nil, fail(exitFailure, "the stores cannot be opened: "+err.Error(), "")
	}
	c = &client{http: &http.Client{Transport: inProcess{handler}}, base: "http://127.0.0.1", offline: true, release: release}
	if err := c.call(ctx, http.MethodGet, "/status", nil, &c.status); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// close ends what the client holds. It may be called on any client, once.
func (c *client) close() error {
	if c.release == nil {
		return nil
	}
	if err := c.release(); err != nil {
		return fail(exitFailure, "closing the stores: "+err.Error(), "look at what the command did before you repeat it")
	}
	return nil
}

// call sends in as JSON and reads the answer into out; either may be nil. A refusal is a *failure with the program's
// own message and next step; no connection is any other error.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+apiRoot+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("asking the running program: %w", err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, mostReplySize))
	if err != nil {
		return fmt.Errorf("reading the running program's answer: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return refusal(resp.StatusCode, data)
	}
	if out == nil || len(data) == 0 {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fail(exitFailure, "the answer to "+path+" is not understood: "+err.Error(), "this command and the running program may be of different versions: start it anew")
	}
	return nil
}

// refusal reads the admin API's error shape.
func refusal(code int, data []byte) *failure {
	var body struct {
		Error struct {
			Message  string `json:"message"`
			NextStep string `json:"next_step"`
		} `json:"error"`
	}
	if json.Unmarshal(data, &body) != nil || body.Error.Message == "" {
		return fail(exitFailure, fmt.Sprintf("the running program answered %d %s", code, http.StatusText(code)), "look at its log, or start it anew")
	}
	return fail(exitFailure, strings.TrimRight(body.Error.Message, ".; "), body.Error.NextStep)
}

// list reads one of the API's lists, also as the bytes it came in for --json.
func (c *client) list(ctx context.Context, path string, out any) (json.RawMessage, error) {
	var raw json.RawMessage
	if err := c.call(ctx, http.MethodGet, path, nil, &raw); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return nil, fail(exitFailure, "the answer to "+path+" is not understood: "+err.Error(), "this command and the running program may be of different versions: start it anew")
	}
	return raw, nil
}

// baseURL is what an application is given. An address open to all names no host that can be dialled, so loopback
// stands for it here.
func (c *client) baseURL() string {
	host, port, err := net.SplitHostPort(c.status.Address)
	if err != nil {
		return "http://127.0.0.1:3636/v1"
	}
	if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port) + "/v1"
}

// segment makes a name one segment of a path.
func segment(name string) string { return url.PathEscape(name) }

// inProcess is a RoundTripper that calls a handler instead of a network.
type inProcess struct{ handler http.Handler }

func (t inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	in := req.Clone(req.Context())
	in.RequestURI = req.URL.RequestURI()
	in.Host = req.URL.Host
	in.RemoteAddr = "127.0.0.1:0"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := &answer{header: http.Header{}}
	t.handler.ServeHTTP(w, in)
	if req.Body != nil {
		req.Body.Close()
	}
	if w.code == 0 {
		w.code = http.StatusOK
	}
	return &http.Response{
		Status: http.StatusText(w.code), StatusCode: w.code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: req,
	}, nil
}

// answer collects what a handler writes.
type answer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (w *answer) Header() http.Header { return w.header }

func (w *answer) WriteHeader(code int) {
	if w.code == 0 && code >= 200 {
		w.code = code
	}
}

func (w *answer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}
