package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
)

// receipt is what GET /v1/generation tells of a request, as an application reads it.
type receipt struct {
	ID         string      `json:"id"`
	Asked      string      `json:"asked"`
	Chosen     string      `json:"chosen"`
	Because    string      `json:"because"`
	Strategies []string    `json:"strategies"`
	Sticky     bool        `json:"sticky"`
	Input      int64       `json:"input_tokens"`
	Output     int64       `json:"output_tokens"`
	Candidates []candidate `json:"candidates"`
	Attempts   []attempt   `json:"attempts"`
	Selection  int64       `json:"selection_ns"`
}

type candidate struct {
	Provider string   `json:"provider"`
	Model    string   `json:"model"`
	Left     string   `json:"left_out"`
	Figures  []string `json:"figures"`
}

type attempt struct {
	Provider string  `json:"provider"`
	Model    string  `json:"model"`
	Kind     string  `json:"kind"`
	Status   int     `json:"status"`
	Duration float64 `json:"duration_ms"`
}

func (c candidate) String() string { return c.Provider + "/" + c.Model }
func (a attempt) String() string   { return a.Provider + "/" + a.Model }

// tried are the candidates that took part, in their order.
func (r *receipt) tried() (list []candidate) {
	for _, c := range r.Candidates {
		if c.Left == "" {
			list = append(list, c)
		}
	}
	return list
}

// print tells it in lines for a person to judge.
func (r *receipt) print(w io.Writer) {
	fmt.Fprintf(w, "   asked     %s -> %s, because %s\n", r.Asked, cmp.Or(r.Chosen, "nothing"), cmp.Or(r.Because, "(nothing said)"))
	sticky := ""
	if r.Sticky {
		sticky = "; stayed with the provider the conversation began with"
	}
	fmt.Fprintf(w, "   compared  %d tokens in, %d out; by %s; in %v%s\n", r.Input, r.Output, cmp.Or(strings.Join(r.Strategies, ", then "), "the order of the list"),
		time.Duration(r.Selection).Round(100*time.Nanosecond), sticky)
	for i, c := range r.tried() {
		fmt.Fprintf(w, "   order %2d  %-44s %s\n", i+1, c, strings.Join(c.Figures, ", "))
	}
	for _, c := range r.Candidates {
		if c.Left != "" {
			fmt.Fprintf(w, "   left out  %-44s %s\n", c, c.Left)
		}
	}
	for i, a := range r.Attempts {
		fmt.Fprintf(w, "   try %4d  %-44s %s %d, %.0f ms\n", i+1, a, cmp.Or(a.Kind, "answered"), a.Status, a.Duration)
	}
}
