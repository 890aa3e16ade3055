package main

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// check says what is wrong with a result; nothing where it is as a person may expect.
func (r *result) check() (faults []string) {
	wrong := func(format string, a ...any) { faults = append(faults, fmt.Sprintf(format, a...)) }
	s := r.step
	want := s.want
	if len(want) == 0 {
		want = []int{http.StatusOK}
	}
	if !s.whatever && !slices.Contains(want, r.status) {
		wrong("answered %s, want %v: %v", statusText(r.status), want, r.err)
	}
	if r.err == nil && r.output == 0 && (s.form == whole || s.form == streamed) { // the real small model may say nothing at all
		wrong("an answer of no tokens")
	}
	if len(s.by) > 0 && !slices.Contains(s.by, r.route()) {
		wrong("answered by %q, a person would have had it by %s", r.route(), strings.Join(s.by, " or "))
	}
	if s.local && r.remote > 0 {
		wrong("%d requests reached remote upstreams", r.remote)
	}
	if s.form == listed && r.err == nil {
		faults = append(faults, r.checkList()...)
	}
	if s.form == listed || r.status == http.StatusForbidden || r.status == http.StatusNotFound {
		return faults
	}
	if r.noPaper != nil {
		if !(r.status == http.StatusTooManyRequests && slices.Contains(s.want, r.status)) {
			wrong("no receipt: %v", r.noPaper)
		}
		return faults
	}
	return append(faults, r.checkReceipt()...)
}

// checkList holds a list of models against what the key may reach.
func (r *result) checkList() (faults []string) {
	if !slices.Contains(r.models, "auto") {
		faults = append(faults, "auto is not in the list")
	}
	for _, id := range r.models {
		provider, _, both := strings.Cut(id, "/")
		if both && provider != "router" && len(r.step.sees) > 0 && !slices.Contains(r.step.sees, provider) {
			faults = append(faults, id+" is in the list of a key that may not reach it")
		}
	}
	return faults
}

// checkReceipt holds the receipt against the headers and against what was asked.
func (r *result) checkReceipt() (faults []string) {
	wrong := func(format string, a ...any) { faults = append(faults, fmt.Sprintf(format, a...)) }
	s, paper := r.step, r.receipt
	if paper == nil {
		return []string{"there is no receipt and no word why"}
	}
	if paper.Asked != s.model {
		wrong("the receipt says that %q was asked, it was %q", paper.Asked, s.model)
	}
	if paper.Because == "" {
		wrong("the receipt gives no reason")
	}
	if n := r.header.Get("X-LocalRouter-Attempts"); n != "" && n != strconv.Itoa(len(paper.Attempts)) {
		wrong("the header counts %s attempts, the receipt %d", n, len(paper.Attempts))
	}
	if n := len(paper.Attempts); r.err == nil {
		switch {
		case n == 0:
			wrong("an answer, and the receipt has no attempt")
		case paper.Attempts[n-1].Kind != "":
			wrong("an answer, and the last attempt of the receipt is %s", paper.Attempts[n-1].Kind)
		case paper.Attempts[n-1].String() != r.route():
			wrong("the header says that %s answered, the receipt %s", r.route(), paper.Attempts[n-1])
		}
	}
	if paper.Sticky && s.talk == "" {
		wrong("it stayed with an earlier conversation, and it is none")
	}
	tried := paper.tried()
	for _, a := range paper.Attempts {
		// Where every target rests, the one whose rest ends first is tried all the same.
		if len(tried) > 0 && !slices.ContainsFunc(tried, func(c candidate) bool { return c.String() == a.String() }) {
			wrong("%s was tried and is no candidate of the receipt, or was left out", a)
		}
		if a.Provider == "ollama" && (s.tools || s.picture) {
			wrong("%s was tried with what it has not", a)
		}
	}
	for _, c := range tried {
		if s.local && c.Provider != "ollama" {
			wrong("%s took part in a request that may not leave the machine", c)
		}
	}
	return append(faults, paper.checkOrder()...)
}

// checkOrder reads the figures as a person would: where the first strategy is the cost, or the second after the place,
// no candidate is dearer than the next of the same place.
func (r *receipt) checkOrder() (faults []string) {
	at := slices.Index(r.Strategies, "lowest_cost")
	if at < 0 || r.Sticky {
		return nil
	}
	tried := r.tried()
	for i := 1; i < len(tried); i++ {
		before, after := tried[i-1].Figures, tried[i].Figures
		if len(before) <= at || len(after) <= at {
			return []string{"the receipt lacks the figures it was ordered by"}
		}
		if !slices.Equal(before[:at], after[:at]) {
			continue
		}
		if a, b, ok := dollars(before[at], after[at]); ok && a > b {
			faults = append(faults, fmt.Sprintf("%s at %s comes before %s at %s", tried[i-1], before[at], tried[i], after[at]))
		}
	}
	return faults
}

// dollars reads two figures such as "$0.0012".
func dollars(a, b string) (x, y float64, ok bool) {
	x, err1 := strconv.ParseFloat(strings.TrimPrefix(a, "$"), 64)
	y, err2 := strconv.ParseFloat(strings.TrimPrefix(b, "$"), 64)
	return x, y, err1 == nil && err2 == nil
}

func statusText(status int) string {
	switch status {
	case torn:
		return "200 and then an error"
	case 0:
		return "nothing"
	}
	return strconv.Itoa(status)
}
