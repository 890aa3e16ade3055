// Command replay lives through the day of a developer: several applications, each with a key of its own, ask the real
// program through the official SDKs of both dialects, while the four providers behind it are killed, slowed and refused.
// It tells what each request was answered, checks each receipt, and prints some for a person to judge.
//
//	go run ./replay -ollama 127.0.0.1:11434
//
// While it runs a person may be the hand at the switches, by lines such as "openai killed", "anthropic slow 2s" or
// "$ offline on".
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"localrouter/server/sdktest/gateway"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) (err error) {
	flags := flag.NewFlagSet("replay", flag.ContinueOnError)
	ollama := flags.String("ollama", "", "address of a real Ollama with the model tiny, as 127.0.0.1:11434; without it one is played")
	turns := flags.Int("turns", 3, "how often each kind of turn comes")
	receipts := flags.Int("receipts", 20, "how many receipts are printed at most")
	every := flags.String("all", "", "a file to write all receipts to")
	root := flags.String("root", filepath.Join("..", ".."), "folder of the program's source")
	packages := flags.String("node", "node", "folder of the lock file of the SDKs for Node; empty: only those for Go are used")
	built := flags.String("program", "", "a program that is built already")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "replay")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin := *built
	if bin == "" {
		if bin, err = gateway.Build(*root, dir); err != nil {
			return err
		}
	}
	s, err := newSession(bin, filepath.Join(dir, "home"), *ollama, daily, out)
	if err != nil {
		return err
	}
	go s.hands(in, out) // ends with the program
	scenes := day(*turns)
	if *packages == "" {
		fmt.Fprintln(out, "all requests are sent by the SDKs for Go")
	} else if s.player.node, err = startNode(s.gateway.URL, *packages, dir, func(format string, a ...any) { fmt.Fprintf(out, format+"\n", a...) }); err != nil {
		fmt.Fprintln(out, "all requests are sent by the SDKs for Go:", err)
	} else {
		defer s.player.node.stop()
		share(scenes)
	}
	err = s.run(ctx, scenes)
	err = errors.Join(err, s.close())
	s.report(out, *ollama, *receipts)
	if *every != "" {
		err = errors.Join(err, s.write(*every))
	}
	counted, faults, auditErr := s.audit()
	fmt.Fprintf(out, "\nThe program's own log counts $%.6f; %d of its lines are not what the answers were%s\n", counted, len(faults), lines(faults))
	if n := len(s.summary().faults) + len(faults); n > 0 {
		err = errors.Join(err, fmt.Errorf("%d things are not as they should be", n))
	}
	return errors.Join(err, auditErr)
}

// lines puts each text on a line of its own, indented.
func lines(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return ":\n  " + strings.Join(texts, "\n  ")
}

// write keeps all receipts in a file.
func (s *session) write(name string) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	s.all(file)
	return file.Close()
}

// hands lets a person at the terminal turn the switches.
func (s *session) hands(in io.Reader, out io.Writer) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		if err := s.hand(lines.Text()); err != nil {
			fmt.Fprintln(out, "  hand:", err)
		}
	}
}
