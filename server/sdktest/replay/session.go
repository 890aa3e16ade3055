package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/openai/openai-go/v3"

	"localrouter/server/sdktest/gateway"
)

// session is the day as it runs: the upstreams, the program before them, the person who asks, and the results.
type session struct {
	ups     map[string]*upstream
	gateway *gateway.Gateway
	keys    map[string]string // by the name of who asks
	player  *player
	pace    pace
	say     io.Writer // progress, for who watches
	results []*result
}

// newSession starts the upstreams and the program. ollama is the address of a real one, or empty. End it with close.
func newSession(bin, home, ollama string, pace pace, say io.Writer) (*session, error) {
	s := &session{ups: map[string]*upstream{}, keys: map[string]string{}, pace: pace, say: say}
	for _, u := range []*upstream{newOpenAI(), newAnthropic(), newOpenRouter(), newOllama()} {
		if u.name == "ollama" && ollama != "" {
			u.reply = behind(ollama)
		}
		u.haste = pace.think == 0
		if err := u.start(); err != nil {
			s.close()
			return nil, err
		}
		s.ups[u.name] = u
	}
	var err error
	if s.gateway, err = gateway.Start(bin, home, settingsOf(s.ups, pace), "REPLAY_KEY="+vendorKey); err != nil {
		return nil, errors.Join(err, s.close())
	}
	for _, k := range person {
		made, err := s.gateway.NewKey(k.name, k.terms...)
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.keys[k.name] = made.Secret
	}
	s.player = &player{url: s.gateway.URL, keys: s.keys, openAIs: map[string]*openai.Client{}, anthropos: map[string]*anthropic.Client{}, talks: map[string]*talk{}}
	for _, id := range []string{"ollama/tiny:latest", "openai/gpt-6.1-sol", "anthropic/claude-opus-5-5", "openrouter/deepseek/deepseek-flash"} {
		if err := s.gateway.Until(id+" is listed", func() bool { return slices.Contains(s.gateway.Models(s.keys["script"]), id) }); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

// close ends everything.
func (s *session) close() (err error) {
	if s.gateway != nil {
		err = s.gateway.Stop()
	}
	for _, u := range s.ups {
		u.stop()
	}
	return err
}

// run plays scenes.
func (s *session) run(ctx context.Context, scenes []scene) error {
	for _, sc := range scenes {
		fmt.Fprintf(s.say, "\n%s\n", sc.title)
		for _, h := range sc.hands {
			fmt.Fprintf(s.say, "  hand: %s\n", h)
			if err := s.hand(h); err != nil {
				return err
			}
		}
		for i := range sc.steps {
			if err := ctx.Err(); err != nil {
				return err
			}
			sc.steps[i].number = len(s.results) + 1
			s.step(ctx, &sc, &sc.steps[i])
			time.Sleep(time.Duration(s.pace.think) * time.Millisecond)
		}
	}
	return nil
}

// hand does what a person at the switches does: "UPSTREAM TROUBLE [TIME]", or "$ COMMAND LINE".
func (s *session) hand(what string) error {
	words := strings.Fields(what)
	if len(words) == 0 {
		return nil
	}
	if words[0] == "$" {
		_, err := s.gateway.Run(words[1:]...)
		return err
	}
	u := s.ups[words[0]]
	if u == nil {
		return fmt.Errorf("there is no upstream %q; they are %s", words[0], strings.Join(slices.Sorted(maps.Keys(s.ups)), ", "))
	}
	t, err := parseTrouble(words[1:])
	if err != nil {
		return err
	}
	return u.turn(t)
}

// ills tells which upstreams are not well.
func (s *session) ills() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(s.ups)) {
		if t := s.ups[name].state(); t.Ill != well {
			list = append(list, name+" "+t.String())
		}
	}
	if len(list) == 0 {
		return "all are well"
	}
	return strings.Join(list, ", ")
}

// remote is how many requests the remote upstreams have had.
func (s *session) remote() (n int) {
	for name, u := range s.ups {
		if name != "ollama" {
			n += u.generations()
		}
	}
	return n
}

// step plays one step, or several of it at once, and keeps the results.
func (s *session) step(ctx context.Context, sc *scene, st *step) {
	before, ills := s.remote(), s.ills()
	made := make([]*result, max(st.atOnce, 1))
	var all sync.WaitGroup
	for i := range made {
		all.Go(func() { made[i] = s.player.play(ctx, st) })
	}
	all.Wait()
	for _, r := range made {
		r.scene, r.ills, r.remote = sc.title, ills, s.remote()-before
		s.results = append(s.results, r)
		mark := "  ok   "
		if len(r.check()) > 0 {
			mark = "  WRONG"
		}
		fmt.Fprintf(s.say, "%s %-70s %-22s %s, attempts %s, %v\n", mark, st, statusText(r.status), r.route(), r.header.Get("X-LocalRouter-Attempts"), r.took.Round(time.Millisecond))
	}
}
