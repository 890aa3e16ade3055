package routing

import (
	"time"

	"localrouter/providers/llm"
)

// course says what may follow a failed attempt.
type course struct {
	// again lets the same target be tried once more: at once for a short wait that the provider named, else only where
	// no other target is left.
	again repeat
	next  bool // another target may be tried
	// larger lets only a target with a larger known context be the next.
	larger bool
	// credential lets the next credential of the same target be tried.
	credential bool
	// provider says that the failure is likely to meet all models of the provider.
	provider bool
}

type repeat uint8

const (
	never     repeat = iota
	afterWait        // once, when the time that the provider named is over
	asLast           // some times, with growing pauses, where no other target is left
)

// shortWait is the longest Retry-After that is waited for.
const shortWait = 2 * time.Second

// courseOf is the table of outcomes before the commit point: what may follow a failure of each kind. What it marks is
// health's. A kind that is not here ends the request: what the application did wrong no other target makes right.
func courseOf(e *llm.Error) course {
	switch e.Kind {
	case llm.Unreachable, llm.Redirected, llm.Timeout:
		return course{next: true, provider: true}
	case llm.ProviderFailed, llm.Broken: // which may be this model's trouble only
		return course{again: asLast, next: true}
	case llm.RateLimited:
		if e.RetryAfter > 0 && e.RetryAfter <= shortWait {
			return course{again: afterWait, next: true, credential: true, provider: true}
		}
		return course{next: true, credential: true, provider: true}
	case llm.Quota, llm.ProviderAuth:
		return course{next: true, credential: true, provider: true}
	case llm.VaultLocked: // the provider's key cannot be read; another provider's may be elsewhere
		return course{next: true, provider: true}
	case llm.ModelNotFound, llm.Overloaded:
		return course{next: true}
	case llm.ContextTooLong:
		return course{next: true, larger: true}
	}
	return course{}
}

// worth ranks failures: the one that tells an application most is kept. What it did wrong itself comes first, then what
// says when to come back, then the provider's own words, then that nobody was there.
func worth(k llm.Kind) int {
	switch k {
	case llm.Unreachable, llm.Redirected, llm.Overloaded:
		return 1
	case llm.ModelNotFound:
		return 2
	case llm.ProviderAuth, llm.VaultLocked:
		return 3
	case llm.Timeout:
		return 4
	case llm.Broken:
		return 5
	case llm.ProviderFailed:
		return 6
	case llm.Quota:
		return 7
	case llm.ContextTooLong:
		return 8
	case llm.RateLimited:
		return 9
	}
	return 10
}
