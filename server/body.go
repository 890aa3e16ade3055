package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"localrouter/providers/llm"
)

const (
	// bodyIdle is how long an application may pause within its request body.
	bodyIdle = 30 * time.Second
	// firstBuffer is what a body of unknown length begins with.
	firstBuffer = 16 << 10
)

// checkEncoding refuses compressed bodies: a few KiB of them can unfold to gigabytes.
func (x *exchange) checkEncoding() *llm.Error {
	for _, v := range x.r.Header["Content-Encoding"] {
		if v != "" && !strings.EqualFold(v, "identity") {
			return unsupported("LocalRouter takes no compressed request bodies. Send the body as it is, without Content-Encoding.")
		}
	}
	return nil
}

// mediaType is the type of the body without its parameters, in lower case.
func (x *exchange) mediaType() string {
	v := x.r.Header["Content-Type"]
	if len(v) != 1 {
		return ""
	}
	if v[0] == "application/json" {
		return v[0]
	}
	t, _, _ := strings.Cut(v[0], ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// readJSON reads the whole body, which must be JSON by its type.
func (x *exchange) readJSON() ([]byte, *llm.Error) {
	if x.mediaType() != "application/json" {
		return nil, unsupported("The body must be JSON. Send it with \"Content-Type: application/json\".")
	}
	if e := x.checkEncoding(); e != nil {
		return nil, e
	}
	limit := x.g.Settings().Server.MaxBodyBytes
	n := x.r.ContentLength
	if n > limit {
		return nil, tooLarge(limit)
	}
	if n == 0 {
		return nil, badRequest("invalid_json", "The body is empty. Send a JSON object.")
	}
	first := n
	if n < 0 {
		first = min(firstBuffer, limit+1)
	}
	if e := x.hold(first); e != nil {
		return nil, e
	}
	// The body is read whole before anything is answered: net/http cuts answers that begin earlier.
	if n < largeBody {
		return x.fill(make([]byte, 0, first), limit)
	}
	x.buffer = x.g.memory.take(int(n))
	return x.fill(x.buffer[:0:n], limit)
}

// fill reads the body into b up to its end; b grows where the length is not known.
func (x *exchange) fill(b []byte, limit int64) ([]byte, *llm.Error) {
	known := x.r.ContentLength > 0
	clock, _ := x.ResponseWriter.(readClock)
	x.allowIdle(clock)
	for {
		if len(b) == cap(b) {
			if known {
				break // the read that filled it also saw the end
			}
			more := min(int64(cap(b)), limit+1-int64(cap(b)))
			if e := x.hold(more); e != nil {
				return nil, e
			}
			grown := make([]byte, len(b), int64(cap(b))+more)
			copy(grown, b)
			b = grown
		}
		n, err := x.r.Body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if int64(len(b)) > limit {
			return nil, tooLarge(limit)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, bodyError(err)
		}
		if len(b) < cap(b) {
			x.allowIdle(clock)
		}
	}
	if clock != nil {
		clock.SetReadDeadline(time.Time{}) // or the watch for a lost connection would end with it
	}
	return b, nil
}

// readClock is the part of a response writer that bounds the wait for the request.
type readClock interface{ SetReadDeadline(time.Time) error }

func (x *exchange) allowIdle(c readClock) {
	if c != nil {
		c.SetReadDeadline(time.Now().Add(bodyIdle)) // the connection's clock, not the gateway's
	}
}

// bodyError names why a body ended early.
func bodyError(err error) *llm.Error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &llm.Error{Kind: llm.BadRequest, Status: http.StatusRequestTimeout, Code: "request_timeout", Err: err,
			Message: "The request body stopped for more than 30 s. Send it again."}
	}
	return &llm.Error{Kind: llm.ClientGone, Status: 499, Message: "The application went away while sending its request", Err: err}
}
