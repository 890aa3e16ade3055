package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"

	"github.com/spf13/cobra"
)

const (
	demoQuestion = "In two sentences: what are you, and what can I do with you?"
	// firstStart is how long the program may take to answer after it was started here; a keyring that hangs takes 2 s
	// of it, restoring a database more.
	firstStart = 30 * time.Second
	mostOutput = 32 << 10
)

// demoOptions are the flags of `demo`.
type demoOptions struct {
	listen   listenFlags
	model    string
	question string
	json     bool
}

func (s *session) demoCommand() *cobra.Command {
	var o demoOptions
	c := &cobra.Command{Use: "demo [QUESTION]", Short: "Send one chat completion through the gateway and show what happens",
		Long: "Send one streamed chat completion through the gateway, with a real key, and show the answer as it comes, then its\n" +
			"route, tokens, cost and time. Uses the running program, else starts what is needed and stops it again.\n\n" +
			"Only a model that costs nothing is asked on its own: the built-in demo, or a local one. Name any other with --model.",
		RunE: func(c *cobra.Command, args []string) error {
			o.question = demoQuestion
			if len(args) > 0 {
				o.question = strings.Join(args, " ")
			}
			override, err := o.listen.override(s, c)
			if err != nil {
				return err
			}
			client, err := s.find(c.Context())
			if err != nil {
				return err
			}
			started := client == nil
			if started {
				var stop func()
				if client, stop, err = s.start(c.Context(), override); err != nil {
					return err
				}
				defer stop()
			}
			return s.demo(c.Context(), client, o, started)
		}}
	o.listen.add(c)
	c.Flags().StringVar(&o.model, "model", "", "the `MODEL` to ask, as provider/model")
	addJSON(c, &o.json)
	return c
}

// start runs the program in this process, without a tray, until stop is called. Ports that were not asked for are free
// ones, so that a demo works beside anything else.
func (s *session) start(ctx context.Context, o settings.Override) (c *client, stop func(), err error) {
	if err := freePorts(ctx, &o.Port, &o.DashboardPort); err != nil {
		return nil, nil, fail(exitFailure, err.Error(), "leave out --port, or end what uses it")
	}
	runCtx, cancel := context.WithCancel(ctx)
	var said buffer
	ended := make(chan error, 1)
	go func() {
		ended <- s.app.Run(runCtx, RunOptions{Headless: true, Override: o, Home: s.home, Out: &said})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	late := time.NewTimer(firstStart)
	defer late.Stop()
	for {
		if c, err := s.find(ctx); err == nil && c != nil && c.status.Address != "" && c.status.Status != "starting" {
			return c, stop, nil
		}
		select {
		case err := <-ended:
			cancel()
			if errors.Is(err, ErrRunning) {
				if c := s.await(ctx, startPatience); c != nil {
					return c, func() {}, nil
				}
			}
			return nil, nil, s.startFailure(ctx, err, &said)
		case <-ctx.Done():
			stop()
			return nil, nil, ctx.Err()
		case <-late.C:
			stop()
			return nil, nil, s.startFailure(ctx, fmt.Errorf("no answer within %s", span(firstStart)), &said)
		case <-tick.C:
		}
	}
}

// startFailure tells why the program did not come up, with what it said while it tried.
func (s *session) startFailure(ctx context.Context, err error, said *buffer) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	io.WriteString(s.errOut, said.String())
	if err == nil {
		err = errors.New("it ended at once")
	}
	return fail(exitFailure, "LocalRouter did not start: "+err.Error(), "start it alone to see more: "+s.command("serve"))
}

// freePorts fills in free loopback ports where none is given and makes sure that a given one is free. Both listeners
// are held until both ports are known, or the system could give the same one twice.
func freePorts(ctx context.Context, ports ...*int) error {
	for _, port := range ports {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", *port))
		if err != nil {
			return fmt.Errorf("port %d is not free: %w", *port, err)
		}
		defer l.Close()
		*port = l.Addr().(*net.TCPAddr).Port
	}
	return nil
}

// demo asks one question and shows what came of it.
func (s *session) demo(ctx context.Context, c *client, o demoOptions, started bool) error {
	if c.status.Status == "stopped" {
		return fail(exitFailure, "the gateway is stopped", "start it from the tray or the dashboard: "+s.command("dashboard"))
	}
	var made struct {
		Key string `json:"key"`
	}
	if err := c.call(ctx, http.MethodPost, "/keys/internal", map[string]string{"name": "demo"}, &made); err != nil {
		return err
	}
	if o.model == "" {
		var err error
		if o.model, err = s.demoModel(ctx, c); err != nil {
			return err
		}
	}
	if !o.json {
		s.printf("%s\n\n%s\n\n", s.dim("Asking "+clean(o.model)+" through "+c.baseURL()), s.bold("> "+clean(o.question)))
	}
	a := &asking{base: c.baseURL(), key: made.Key, model: o.model, question: o.question, now: time.Now}
	if !o.json {
		a.show = func(text string) { io.WriteString(s.out, cleanStream(text)) }
		if s.colour {
			a.think = func(text string) { io.WriteString(s.out, s.dim(cleanStream(text))) }
		}
	}
	reply, err := a.ask(ctx)
	if err != nil {
		if !o.json && reply != nil && reply.Answer != "" {
			s.line()
		}
		return err
	}
	reply.settle(c.receipt(ctx, reply.RequestID))
	if o.json {
		return s.json(reply)
	}
	s.line()
	s.showReply(reply)
	s.showNext(started)
	return nil
}

// demoModel picks whom to ask. It spends nobody's money unasked.
func (s *session) demoModel(ctx context.Context, c *client) (string, error) {
	all, _, err := c.models(ctx)
	if err != nil {
		return "", err
	}
	if id, ok := freeModel(all, c.localProviders(ctx)); ok {
		return id, nil
	}
	for _, m := range all {
		if talks(m.ID) {
			return "", fail(exitUsage, "every model here may cost money", "name one: "+s.command("demo --model "+shellQuote(m.ID))+"   (all of them: "+s.command("models")+")")
		}
	}
	return "", fail(exitFailure, "no provider lists a model", "see how the providers are with: "+s.command("providers list"))
}

// receipt is what the gateway's own record says of a request.
type receipt struct {
	Provider     string         `json:"provider"`
	Model        string         `json:"model"`
	InputTokens  int64          `json:"input_tokens"`
	OutputTokens int64          `json:"output_tokens"`
	Estimated    bool           `json:"estimated"`
	CostUSD      *float64       `json:"cost_usd"`
	CostSource   llm.CostSource `json:"cost_source"`
}

// receipt reads the record of a request; nil where there is none. The record is written as the answer ends, so it may
// come a moment after its last byte.
func (c *client) receipt(ctx context.Context, id string) *receipt {
	if id == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		var r receipt
		if err := c.call(ctx, http.MethodGet, "/requests/"+segment(id), nil, &r); err == nil {
			return &r
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// settle takes over what the gateway recorded; without a record the cost stays unknown.
func (r *reply) settle(rec *receipt) {
	r.CostSource = llm.CostUnknown
	if rec == nil {
		return
	}
	if rec.CostSource != "" {
		r.CostSource, r.CostUSD = rec.CostSource, rec.CostUSD
	}
	if rec.InputTokens+rec.OutputTokens > 0 {
		r.TokensIn, r.TokensOut, r.Estimated = rec.InputTokens, rec.OutputTokens, rec.Estimated
	}
	if r.Route == "" && rec.Provider != "" {
		r.Route = rec.Provider + "/" + rec.Model
	}
}

func (s *session) showReply(r *reply) {
	tokens := fmt.Sprintf("%s in, %s out", count(r.TokensIn), count(r.TokensOut))
	if r.Estimated {
		tokens += " (estimated)"
	}
	s.line()
	s.table([][]string{
		{s.dim("  route"), clean(r.Route)},
		{s.dim("  tokens"), tokens},
		{s.dim("  cost"), costText(r.CostSource, r.CostUSD)},
		{s.dim("  first token"), span(time.Duration(r.FirstTokenMS) * time.Millisecond)},
		{s.dim("  total"), span(time.Duration(r.TotalMS) * time.Millisecond)},
	})
}

// costText spells a cost with its source. Unknown is never shown as nothing.
func costText(source llm.CostSource, amount *float64) string {
	if source == llm.CostLocal {
		return "$0, local"
	}
	if source == llm.CostFlat {
		return "$0, covered by a subscription"
	}
	if amount == nil {
		return "unknown"
	}
	switch source {
	case llm.CostReported:
		return usd(*amount) + ", reported by the provider"
	case llm.CostComputed:
		return usd(*amount) + ", by list price"
	case llm.CostEstimated:
		return usd(*amount) + ", estimated"
	}
	return "unknown"
}

// showNext says where to go from here.
func (s *session) showNext(started bool) {
	door := []string{"  " + s.command("dashboard"), "see this request in the dashboard"}
	if started {
		door = []string{"  " + s.command(""), "start it for good: gateway, dashboard, tray"}
	}
	s.line("\nWhere to go next:")
	s.table([][]string{
		door,
		{"  " + s.command("keys new"), "make a key for your application"},
		{"  " + s.command("providers add openai --api-key-env OPENAI_API_KEY"), "add a provider"},
	})
}

// buffer keeps the start of what the program says while it runs in this process.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text.Write(p[:min(len(p), max(0, mostOutput-b.text.Len()))])
	return len(p), nil
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// errorMessage reads the OpenAI error shape; empty where data is something else.
func errorMessage(data []byte) string {
	var body struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(data, &body) != nil {
		return ""
	}
	return body.Error.Message
}
