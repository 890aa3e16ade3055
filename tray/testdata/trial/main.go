// Command trial is a program with a tray and nothing behind it: the tests start
// it, tell it on standard input what to show, and read on standard output what
// the menu asked of it. It is built without the race detector, which reports
// the tray library itself.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"localrouter/tray"
)

func main() {
	keys := flag.Int("keys", 2, "how many keys there are")
	clipboard := flag.String("clipboard", "", "file in place of the clipboard; refuse: one that fails; empty: the system's")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	app := &app{changed: make(chan struct{}, 1), stop: stop, state: tray.State{
		Status: tray.Running, Address: "127.0.0.1:3636", Running: true,
		Today:   "312 requests, 1.2 M tokens, $0.84 today",
		Choices: []tray.Choice{{Value: "router/minimum-cost", Label: "Router: Minimum Cost"}, {Value: "ollama/llama3.3", Label: "ollama > llama3.3", Group: "ollama"}},
	}}
	app.setKeys(*keys)
	go app.listen()

	if err := tray.Probe(ctx); err != nil {
		say("headless: %v", err)
		<-ctx.Done()
		return
	}
	if err := tray.Host(ctx); err != nil {
		say("no host: %v", err)
	}
	say("starting")
	err := tray.Run(app, tray.Options{
		Context: ctx, Copy: copyTo(*clipboard),
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	say("run ended: %v", err)
	if err != nil {
		<-ctx.Done()
	}
}

func copyTo(file string) func(string) error {
	switch file {
	case "":
		return nil
	case "refuse":
		return func(string) error { return errors.New("no clipboard here") }
	}
	return func(text string) error { return os.WriteFile(file, []byte(text), 0o600) }
}

var output sync.Mutex

func say(format string, values ...any) {
	output.Lock()
	defer output.Unlock()
	fmt.Printf(format+"\n", values...)
}

type app struct {
	changed chan struct{}
	stop    func()

	mu    sync.Mutex // guards state and made
	state tray.State
	made  int
}

func (a *app) State() tray.State {
	a.mu.Lock()
	defer a.mu.Unlock()
	state := a.state
	state.Keys = append([]tray.Key(nil), a.state.Keys...)
	return state
}

func (a *app) Changed() <-chan struct{} { return a.changed }

func (a *app) change(edit func(*tray.State)) {
	a.mu.Lock()
	edit(&a.state)
	a.mu.Unlock()
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

func (a *app) setKeys(count int) {
	a.change(func(s *tray.State) {
		s.Keys = nil
		for i := range count {
			s.Keys = append(s.Keys, tray.Key{ID: fmt.Sprint("id-", i+1), Name: fmt.Sprint("my-app-", i+1), Enabled: true})
		}
	})
	a.made = count
}

// listen obeys lines such as "status degraded", "detail ollama is down",
// "keys 20", "name 1 under_score" and "ping".
func (a *app) listen() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		command, rest, _ := strings.Cut(lines.Text(), " ")
		switch command {
		case "status":
			a.change(func(s *tray.State) { s.Status, s.Running = rest, rest != tray.Stopped && rest != tray.Starting })
		case "detail":
			a.change(func(s *tray.State) { s.Detail = rest })
		case "today":
			a.change(func(s *tray.State) { s.Today = rest })
		case "keys":
			count, _ := strconv.Atoi(rest)
			a.setKeys(count)
		case "name":
			a.change(func(s *tray.State) { s.Keys[0].Name = rest })
		case "ping":
			say("pong")
		}
	}
}

func (a *app) SetRunning(on bool) error {
	say("running %v", on)
	a.change(func(s *tray.State) {
		s.Running, s.Status = on, tray.Stopped
		if on {
			s.Status = tray.Running
		}
	})
	return nil
}

func (a *app) OpenDashboard() error { say("dashboard"); return nil }

func (a *app) NewKey() (name, token string, err error) {
	a.change(func(s *tray.State) {
		a.made++
		name = fmt.Sprint("my-app-", a.made)
		s.Keys = append(s.Keys, tray.Key{ID: fmt.Sprint("id-", a.made), Name: name, Enabled: true})
	})
	say("new key %s", name)
	return name, "lr-trial-" + name, nil
}

func (a *app) SetKeyEnabled(id string, on bool) error {
	say("key %s %v", id, on)
	a.change(func(s *tray.State) {
		for i := range s.Keys {
			if s.Keys[i].ID == id {
				s.Keys[i].Enabled = on
			}
		}
	})
	return nil
}

func (a *app) Choose(id, value string) error {
	say("choose %q for %s", value, id)
	a.change(func(s *tray.State) {
		for i := range s.Keys {
			if s.Keys[i].ID == id {
				s.Keys[i].Selected = value
			}
		}
	})
	return nil
}

func (a *app) SetOffline(on bool) error {
	say("offline %v", on)
	a.change(func(s *tray.State) { s.Offline = on })
	return nil
}

func (a *app) OpenKey(id string) error { say("usage %s", id); return nil }

func (a *app) Quit() { say("quit"); a.stop() }
