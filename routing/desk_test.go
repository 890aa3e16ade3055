package routing_test

import (
	"context"
	"io"
	"math/rand/v2"
	"time"

	"localrouter/providers/llm"
)

// desk is one credential's client of a place.
type desk struct {
	day        *day
	place      *place
	credential string // its ID
}

// visit is one Send at a desk.
type visit struct {
	trip       *trip
	place      *place
	credential string
	model      string
	at         time.Duration
	left       time.Duration // when the outcome was known
	kind       llm.Kind      // of the outcome; empty: content came
	retry      time.Duration // Retry-After of the outcome
	done       bool          // the outcome is known
	committed  bool          // content was handed out
	ended      bool          // nothing more comes
	hiccup     bool          // it failed by chance, outside of all faults
	alone      bool          // it began while the provider's breaker was open
	resting    []*rest       // those within which it began
	generation int           // of the provider's breaker
	doubtful   bool          // it began while that may have been open
}

type tripKey struct{}

func (k *desk) Models(context.Context) ([]llm.Model, error) { return k.place.models, nil }

func (k *desk) Converse(context.Context, *llm.Order, llm.Observer) (llm.Stream, error) {
	panic("asked to translate a request of its own dialect")
}

// pause waits; false: ctx ended before.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// longestWhole is how long a client waits for a whole reply.
const longestWhole = 10 * time.Minute

// Send plays what the script says for this moment.
func (k *desk) Send(ctx context.Context, _ *llm.Request, model string, obs llm.Observer) (llm.Relay, error) {
	t, _ := ctx.Value(tripKey{}).(*trip)
	if t == nil {
		panic("an attempt of no request: its context is not that of Send")
	}
	v := k.day.enter(k, t, model)
	rng := rand.New(rand.NewPCG(k.day.seed^uint64(t.n), uint64(len(t.visits))))
	f := k.place.fault(k.credential, model, v.at)
	if f == nil {
		f = &fault{}
		if !calm(v.at) && rng.IntN(250) == 0 {
			v.hiccup = true
			f.trouble = []trouble{failing, cutting, refused}[rng.IntN(3)]
		}
	}
	if !pause(ctx, 3*time.Millisecond+time.Duration(rng.Int64N(int64(40*time.Millisecond)))) {
		return nil, k.day.gone(v)
	}
	if e := k.refuse(v, t, f, rng); e != nil {
		return nil, e
	}
	late := k.place.first/2 + time.Duration(rng.Int64N(int64(k.place.first)))
	if f.trouble == slow {
		late += f.after
	}
	if f.trouble == hanging {
		late = longestWhole
		if !k.place.local {
			late = 2 * time.Minute // what stands before the provider gives up
		}
	}
	tape := &tape{ctx: ctx, visit: v, obs: obs, day: k.day, trouble: f.trouble, late: late, chunks: 3 + rng.IntN(3)}
	if !t.stream {
		tape.chunks = 1
	}
	if !t.stream && f.trouble != hanging {
		late += time.Duration(rng.Int64N(int64(6 * time.Second)))
	}
	if f.trouble == hanging || !t.stream {
		tape.late = time.Millisecond
		if f.trouble == silent {
			late = longestWhole
		}
		if !pause(ctx, late) {
			return nil, k.day.gone(v)
		}
		if f.trouble == hanging || f.trouble == silent {
			return nil, k.day.fail(v, llm.Timeout, 504, 0)
		}
	}
	return tape, nil
}

// refuse is the answer that is none; nil: the headers say 200.
func (k *desk) refuse(v *visit, t *trip, f *fault, rng *rand.Rand) error {
	switch f.trouble {
	case refused:
		return k.day.fail(v, llm.Unreachable, 502, 0)
	case failing:
		return k.day.fail(v, llm.ProviderFailed, []int{500, 502, 503, 529}[rng.IntN(4)], 0)
	case limiting:
		return k.day.fail(v, llm.RateLimited, 429, f.after)
	case spent:
		return k.day.fail(v, llm.Quota, 402, 0)
	case barred:
		return k.day.fail(v, llm.ProviderAuth, 401, 0)
	case unknown:
		return k.day.fail(v, llm.ModelNotFound, 404, 0)
	}
	switch {
	case t.mood == malformed:
		return k.day.fail(v, llm.ProviderRejected, 400, 0)
	case t.mood == rude && len(t.visits) == 1:
		return k.day.fail(v, llm.ContentPolicy, 400, 0)
	case t.mood == longer && len(t.visits) == 1: // the estimate was too low
		return k.day.fail(v, llm.ContextTooLong, 400, 0)
	}
	return nil
}

// tape is the answer of a visit.
type tape struct {
	ctx     context.Context
	visit   *visit
	obs     llm.Observer
	day     *day
	trouble trouble
	late    time.Duration // of the first content
	chunks  int
	given   int
}

func (a *tape) Head() llm.Head {
	h := llm.Head{Status: 200, ContentType: "application/json", Length: 5}
	if a.visit.trip.stream {
		h = llm.Head{Status: 200, ContentType: "text/event-stream", Length: -1, Stream: true}
	}
	return h
}

func (a *tape) Next() ([]byte, error) {
	if a.given == 0 {
		return a.begin()
	}
	if a.given >= a.chunks {
		a.obs.Usage(llm.Usage{Input: a.visit.trip.input, Output: a.visit.trip.output})
		a.obs.Finish("stop")
		a.day.finish(a.visit)
		return nil, io.EOF
	}
	if !pause(a.ctx, 300*time.Millisecond) {
		return nil, a.broken(a.day.gone(a.visit))
	}
	if a.trouble == tearing {
		return nil, a.broken(a.day.fail(a.visit, llm.Broken, 502, 0))
	}
	a.given++
	return []byte("more"), nil
}

func (a *tape) begin() ([]byte, error) {
	switch a.trouble {
	case silent:
		a.late = 10 * time.Minute
	case cutting:
		a.late /= 2
	}
	switch {
	case !pause(a.ctx, a.late):
		return nil, a.broken(a.day.gone(a.visit))
	case a.trouble == silent:
		return nil, a.broken(a.day.fail(a.visit, llm.Timeout, 504, 0))
	case a.trouble == cutting:
		return nil, a.broken(a.day.fail(a.visit, llm.Broken, 502, 0))
	}
	a.given = 1
	a.obs.Committed()
	a.day.commit(a.visit)
	return []byte("first"), nil
}

func (a *tape) broken(err error) error {
	a.obs.Failed(llm.AsError(err))
	return err
}

// Close ends the visit, whatever it has come to.
func (a *tape) Close() error {
	a.day.close(a.visit)
	return nil
}
