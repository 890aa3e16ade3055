package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	_ "embed"

	"localrouter/server/sdktest/node/npm"
)

//go:embed person.mjs
var personScript []byte

// nodePlayer asks with the SDKs for Node, in one process that lives as long as the session.
type nodePlayer struct {
	cmd   *exec.Cmd
	input io.WriteCloser
	ended chan struct{} // closed when no more answers come

	mu      sync.Mutex // guards the rest and the writing to input
	last    int
	waiting map[int]chan *nodeAnswer
}

// nodeStep is a request as person.mjs reads it, nodeAnswer what it prints.
type (
	nodeStep struct {
		ID      int    `json:"id"`
		Key     string `json:"key"`
		Dialect string `json:"dialect"`
		Form    form   `json:"form"`
		Stream  bool   `json:"stream"`
		Model   string `json:"model"`
		Talk    string `json:"talk"`
		Text    string `json:"text"`
		Tools   bool   `json:"tools"`
		Picture bool   `json:"picture"`
		Most    int    `json:"most"`
		System  string `json:"system"`
		File    string `json:"file"`
		Pixel   string `json:"pixel"`
		Schema  any    `json:"schema"`
	}
	nodeAnswer struct {
		ID      int               `json:"id"`
		Status  int               `json:"status"`
		Error   string            `json:"error"`
		Headers map[string]string `json:"headers"`
		Text    string            `json:"text"`
		Input   int64             `json:"input"`
		Output  int64             `json:"output"`
		Models  []string          `json:"models"`
	}
)

// startNode installs the pinned SDKs the first time, which needs npm and its registry, and starts the process. packages is
// the folder of their lock file, dir one for the script.
func startNode(url, packages, dir string, say func(string, ...any)) (*nodePlayer, error) {
	at, err := npm.Install(say, packages)
	if err != nil {
		return nil, err
	}
	// Node looks for packages beside the script.
	script := filepath.Join(dir, "person.mjs")
	if err := errors.Join(os.WriteFile(script, personScript, 0o600), os.Symlink(filepath.Join(at, "node_modules"), filepath.Join(dir, "node_modules"))); err != nil {
		return nil, err
	}
	n := &nodePlayer{cmd: exec.Command("node", script), waiting: map[int]chan *nodeAnswer{}, ended: make(chan struct{})}
	n.cmd.Env = append(os.Environ(), "REPLAY_URL="+url)
	n.cmd.Stderr = os.Stderr
	output, err := n.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if n.input, err = n.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := n.cmd.Start(); err != nil {
		return nil, err
	}
	go n.read(output)
	return n, nil
}

// read hands each answer to who waits for it.
func (n *nodePlayer) read(output io.Reader) {
	defer close(n.ended)
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var a nodeAnswer
		if json.Unmarshal(lines.Bytes(), &a) != nil {
			continue
		}
		n.mu.Lock()
		waits := n.waiting[a.ID]
		delete(n.waiting, a.ID)
		n.mu.Unlock()
		if waits != nil {
			waits <- &a
		}
	}
}

// stop ends the process.
func (n *nodePlayer) stop() {
	n.input.Close()
	n.cmd.Process.Kill() // it would wait for connections that are kept
	<-n.ended
	n.cmd.Wait()
}

// ask sends one step and fills in its result.
func (n *nodePlayer) ask(ctx context.Context, s *step, key string, r *result) {
	waits := make(chan *nodeAnswer, 1)
	n.mu.Lock()
	n.last++
	line, err := json.Marshal(nodeStep{ID: n.last, Key: key, Dialect: s.dialect, Form: s.form, Stream: s.form == streamed, Model: s.model, Talk: s.talk,
		Text: s.question(), Tools: s.tools, Picture: s.picture, Most: answerRoom, System: system, File: fileText, Pixel: pixel, Schema: fileSchema})
	if err == nil {
		n.waiting[n.last] = waits
		_, err = n.input.Write(append(line, '\n'))
	}
	n.mu.Unlock()
	if err != nil {
		r.err = err
		return
	}
	select {
	case a := <-waits:
		r.status, r.text, r.input, r.output, r.models = a.Status, a.Text, a.Input, a.Output, a.Models
		r.header = http.Header{}
		for name, value := range a.Headers {
			r.header.Set(name, value)
		}
		if a.Error != "" {
			r.err = errors.New(a.Error)
		}
	case <-ctx.Done():
		r.err = ctx.Err()
	case <-n.ended:
		r.err = errors.New("the Node process ended")
	}
}
