package limits

// exact is the largest limit of requests that is kept by the time of each.
const exact = 256

// times are when the newest requests were admitted, in order. They serve all windows of a key: a limit of n lets a
// request pass when the n-th newest before it has left the window.
type times struct {
	at   [exact]int64
	next int // where the next one goes
	n    int
}

// back returns the k-th newest time, from 1.
func (t *times) back(k int) int64 { return t.at[(t.next-k+exact)%exact] }

func (t *times) add(at int64) {
	t.at[t.next] = at
	t.next = (t.next + 1) % exact
	t.n = min(t.n+1, exact)
}

// remove takes out one request that was admitted at that time, if it is still known.
func (t *times) remove(at int64) {
	for k := 1; k <= t.n && t.back(k) >= at; k++ {
		if t.back(k) != at {
			continue
		}
		for ; k > 1; k-- {
			t.at[(t.next-k+exact)%exact] = t.back(k - 1)
		}
		t.next = (t.next - 1 + exact) % exact
		t.n--
		return
	}
}

// since counts the requests after a time.
func (t *times) since(after int64) (n int64) {
	for k := 1; k <= t.n && t.back(k) > after; k++ {
		n++
	}
	return n
}
