package routing_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"localrouter/db/settings"
	"localrouter/providers/llm"
)

// day is one virtual day: the pool, what was scripted for it, and what came of it.
type day struct {
	seed  uint64
	begin time.Time
	pool  []*place
	edits []edit
	now   atomic.Pointer[version]

	mu       sync.Mutex          // guards what follows, the records of trips and the watches
	problems map[string][]string // by check
	counts   map[string]int      // what the day was like, for the log
	cost     struct{ paid, best int64 }
	asked    int // requests for which a capable target was up
	lost     int // those of them that got no content
	losses   []string
	waiting  map[string]int      // requests in each provider's line
	served   map[string][]string // providers that answered a conversation, by its name
}

// Sources makes the day a routing.Directory.
func (d *day) Sources() *llm.Sources { return d.now.Load().sources }

func (d *day) settings() *settings.Settings { return d.now.Load().settings }

func (d *day) time() time.Duration { return time.Since(d.begin) }

// The checks, by the names in their reports.
const (
	checkAvailability = "availability" // content comes while a capable target is up
	checkOpen         = "open"         // one request at a time to what is open or rests
	checkAttempts     = "attempts"     // never more than the bound
	checkCommit       = "commit"       // nobody is asked after content was handed out
	checkChoice       = "choice"       // the first one tried is the best by the strategies
	checkReason       = "reason"       // who was left out could not serve
	checkNamed        = "named"        // the attempts are those that were made
	checkCost         = "cost"         // lowest cost costs no more than the best order
	checkAdmit        = "admit"        // limits are asked once
	checkReturned     = "returned"     // whoever is well again gets requests again
	checkTable        = "table"        // the outcome table
	checkClosed       = "closed"       // nobody is asked who may not be
	checkPatience     = "patience"     // the clocks, and what a cancel leaves behind
)

// problemLocked notes what a check found.
func (d *day) problemLocked(check string, t *trip, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if t != nil {
		text += "\n" + t.String()
	}
	d.problems[check] = append(d.problems[check], text)
}

// enter notes that a request has come to a desk, and checks that it may.
func (d *day) enter(k *desk, t *trip, model string) *visit {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := &visit{trip: t, place: k.place, credential: k.credential, model: model, at: d.time()}
	d.lookLocked(t)
	d.mayEnterLocked(t, v)
	t.visits = append(t.visits, v)
	k.place.working++
	k.place.watch.enterLocked(d, v)
	return v
}

// mayEnterLocked holds the next attempt of a request against those before it.
func (d *day) mayEnterLocked(t *trip, v *visit) {
	if n := len(t.visits) + 1; n > t.bound(d) {
		d.problemLocked(checkAttempts, t, "attempt %d of at most %d, at %s/%s", n, t.bound(d), v.place.name, v.model)
	}
	if t.admits != 1 {
		d.problemLocked(checkAdmit, t, "%s/%s was asked when limits had been asked %d times", v.place.name, v.model, t.admits)
	}
	if name := v.place.name + "/" + v.model; t.reserved != name {
		d.problemLocked(checkAdmit, t, "%s was asked when limits had reserved for %q", name, t.reserved)
	}
	if t.refused {
		d.problemLocked(checkAdmit, t, "%s/%s was asked for a request that limits had refused", v.place.name, v.model)
	}
	if t.early != nil && (t.early.Provider != v.place.name || t.early.Model != v.model) {
		d.problemLocked(checkCommit, t, "%s/%s was asked after the headers of %s/%s had been sent", v.place.name, v.model, t.early.Provider, t.early.Model)
	}
	if far := !v.place.local; far && (t.key.LocalOnly || t.version.settings.Offline && d.now.Load() == t.version) || len(t.key.Allow) > 0 && !t.key.Allow.Match(v.place.name, v.model) {
		d.problemLocked(checkClosed, t, "%s/%s may not be reached", v.place.name, v.model)
	}
	if t.cancelled {
		d.problemLocked(checkPatience, t, "%s/%s was asked after the application had gone", v.place.name, v.model)
	}
	if len(t.visits) == 0 {
		return
	}
	last := t.visits[len(t.visits)-1]
	for _, u := range t.visits {
		if u.committed {
			d.problemLocked(checkCommit, t, "%s/%s was asked after content of %s/%s had been handed out", v.place.name, v.model, u.place.name, u.model)
			return
		}
	}
	if !last.done {
		d.problemLocked(checkNamed, t, "%s/%s was asked while %s/%s had not answered", v.place.name, v.model, last.place.name, last.model)
		return
	}
	if wrong := d.follows(t, last, v); wrong != "" {
		d.problemLocked(checkTable, t, "%s at %s/%s was followed by %s/%s: %s", last.kind, last.place.name, last.model, v.place.name, v.model, wrong)
	}
}

// follows tells what is wrong with asking v after the last one failed; empty: nothing.
func (d *day) follows(t *trip, last, v *visit) string {
	same := last.place == v.place && last.model == v.model
	again := same && last.credential == v.credential
	switch last.kind {
	case llm.ProviderRejected:
		return "the request itself was refused"
	case llm.ContentPolicy:
		if r := t.router(d); r == nil || !r.Fallback.ContentPolicy {
			return "the content was refused"
		}
	case llm.ContextTooLong:
		if v.context() <= last.context() {
			return "its context is no larger"
		}
	case llm.Timeout:
		if again {
			return "one that was silent is not asked again"
		}
	case llm.Quota, llm.ProviderAuth:
		if last.place == v.place && last.credential == v.credential {
			return "the credential is of no use"
		}
	case llm.ModelNotFound:
		if same {
			return "the model is not there"
		}
	case llm.RateLimited:
		if again && (last.retry == 0 || last.retry > 2*time.Second) {
			return "it asked for more time"
		}
		if again && v.at < last.left+last.retry {
			return fmt.Sprintf("it asked for %v and got %v", last.retry, v.at-last.left)
		}
	}
	if spare := d.spareLocked(last); spare != "" && v.credential != spare {
		return "its credential " + spare + " was free"
	}
	if t.explicit() && v.place != last.place {
		return "an explicit model stays with its provider"
	}
	return ""
}

// spareLocked names another credential that can be asked at once after the failure of a visit's own; empty: there is none.
func (d *day) spareLocked(v *visit) string {
	t := v.trip
	if v.kind != llm.Quota && v.kind != llm.ProviderAuth && (v.kind != llm.RateLimited || v.retry > 0 && v.retry <= 2*time.Second) || v.place.watch.perhaps {
		return ""
	}
	source := t.version.sources.Named(v.place.name)
	if source == nil || d.now.Load() != t.version {
		return ""
	}
	for _, c := range source.Credentials {
		tried := slices.ContainsFunc(t.visits, func(u *visit) bool { return u.credential == c.ID })
		rests := slices.ContainsFunc(v.place.watch.rests, func(r *rest) bool { return !r.over && r.about(c.ID, v.model) })
		if !tried && !rests {
			return c.ID
		}
	}
	return ""
}

// gone ends a visit whose context was cancelled: by the application, or by a router that waits no longer.
func (d *day) gone(v *visit) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.leaveLocked(v, v.goneKind(), 0)
	return &llm.Error{Kind: llm.Unreachable, Provider: v.place.name, Model: v.model, Status: 502, Message: "The connection was closed", Err: context.Canceled}
}

func (v *visit) goneKind() llm.Kind {
	if v.trip.cancelled {
		return llm.ClientGone
	}
	return llm.Timeout
}

// fail ends a visit with an error of the provider.
func (d *day) fail(v *visit, kind llm.Kind, status int, retry time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.leaveLocked(v, kind, retry)
	return &llm.Error{Kind: kind, Provider: v.place.name, Model: v.model, Status: status, RetryAfter: retry,
		Message: "scripted", Body: []byte(`{"error":{"message":"scripted"}}`), ContentType: "application/json", Dialect: llm.OpenAI}
}

// commit notes that content is being handed out.
func (d *day) commit(v *visit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v.committed = true
	d.leaveLocked(v, "", 0)
}

// leaveLocked notes the outcome of a visit. One that had committed can still break.
func (d *day) leaveLocked(v *visit, kind llm.Kind, retry time.Duration) {
	if v.ended {
		return
	}
	if !v.done {
		v.done, v.left, v.kind, v.retry = true, d.time(), kind, retry
		v.place.watch.leaveLocked(d, v, kind, retry)
	} else {
		v.place.watch.brokeLocked(d, v, kind)
	}
	if kind != "" {
		d.endLocked(v)
	}
}

// endLocked notes that nothing more comes of a visit.
func (d *day) endLocked(v *visit) {
	if p := v.place; !v.ended {
		if p.parallel > 0 && p.working >= p.parallel {
			p.full = d.time()
		}
		p.working--
		v.ended = true
	}
}

// finish notes the clean end of an answer.
func (d *day) finish(v *visit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.endLocked(v)
	v.place.watch.provedLocked(v, d.time())
}

// close ends a visit whose relay was closed.
func (d *day) close(v *visit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !v.done {
		d.leaveLocked(v, v.goneKind(), 0)
	}
	d.endLocked(v)
}

func (v *visit) context() int {
	for _, m := range v.place.models {
		if m.ID == v.model {
			return m.ContextLength
		}
	}
	return 0
}
