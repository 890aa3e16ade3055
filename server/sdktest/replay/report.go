package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// summary are the figures of a session.
type summary struct {
	requests, answered, refused, failed, fallbacks, attempts int
	byRoute                                                  map[string]int
	faults                                                   []string
}

func (s *session) summary() summary {
	sum := summary{byRoute: map[string]int{}}
	for i, r := range s.results {
		sum.requests++
		faults := r.check()
		switch {
		case r.err == nil:
			sum.answered++
		case len(faults) == 0 && !r.step.whatever:
			sum.refused++
		default:
			sum.failed++
		}
		if r.receipt != nil {
			sum.attempts += len(r.receipt.Attempts)
			if r.err == nil && len(r.receipt.Attempts) > 1 {
				sum.fallbacks++
			}
		}
		if r.err == nil && r.route() != "" {
			sum.byRoute[r.route()]++
		}
		for _, f := range faults {
			sum.faults = append(sum.faults, fmt.Sprintf("%d. %s; %s\n     %s; request %s", i+1, r.step, f, r.ills, r.header.Get("X-LocalRouter-Request-Id")))
		}
	}
	return sum
}

// report prints the figures, what went wrong, and the receipts to judge.
func (s *session) report(w io.Writer, real string, receipts int) {
	sum := s.summary()
	fmt.Fprintf(w, "\n%d requests: %d answered (%d of them by a fallback), %d refused as they should be, %d broke off or failed; %d attempts in all\n",
		sum.requests, sum.answered, sum.fallbacks, sum.refused, sum.failed, sum.attempts)
	if real == "" {
		fmt.Fprintln(w, "Ollama was played; give the address of a real one with -ollama")
	} else {
		fmt.Fprintf(w, "Ollama was a real one at %s\n", real)
	}
	for _, route := range slices.SortedFunc(maps.Keys(sum.byRoute), func(a, b string) int {
		return cmp.Or(sum.byRoute[b]-sum.byRoute[a], cmp.Compare(a, b))
	}) {
		fmt.Fprintf(w, "  %4d  %s\n", sum.byRoute[route], route)
	}
	fmt.Fprintln(w, "by the upstreams' own count:")
	for _, name := range slices.Sorted(maps.Keys(s.ups)) {
		u := s.ups[name]
		u.mu.Lock()
		fmt.Fprintf(w, "  %-12s %4d requests, $%.6f\n", name, len(u.asked), u.billed)
		u.mu.Unlock()
	}
	if len(sum.faults) > 0 {
		fmt.Fprintf(w, "\n%d things are not as they should be:\n  %s\n", len(sum.faults), strings.Join(sum.faults, "\n  "))
	}
	shown := 0
	for i, r := range s.results {
		switch {
		case len(r.check()) > 0:
			fmt.Fprintf(w, "\nWrong (request %d, %s): ", i+1, r.scene)
		case r.step.show != "" && shown < receipts:
			shown++
			fmt.Fprintf(w, "\nReceipt %d (request %d, %s): %s\n   ", shown, i+1, r.scene, r.step.show)
		default:
			continue
		}
		r.print(w)
	}
}

// all tells every request with its receipt.
func (s *session) all(w io.Writer) {
	for i, r := range s.results {
		fmt.Fprintf(w, "\nRequest %d (%s): ", i+1, r.scene)
		r.print(w)
	}
}

// print tells a request, its receipt and its answer for a person to judge.
func (r *result) print(w io.Writer) {
	fmt.Fprintf(w, "%s; %s\n", r.step, r.ills)
	if r.receipt != nil {
		r.receipt.print(w)
	} else {
		fmt.Fprintf(w, "   no receipt: %v\n", r.noPaper)
	}
	answer := fmt.Sprintf("%s by %s, %d tokens in, %d out", statusText(r.status), r.route(), r.input, r.output)
	if r.err != nil {
		answer = strings.ReplaceAll(r.err.Error(), "\n", " ")
	}
	fmt.Fprintf(w, "   answer    %.400s\n", answer)
}
