package sdktest

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// wanted is an error as an application must be told it; several where more than one is right.
type wanted struct {
	status []int
	kind   []string
	code   string // "" for any
}

// troublesTold lists, by the application's dialect, what a vendor's status becomes on its way through a translation. A
// refusal of the provider's own credential is never passed on as the application's.
var troublesTold = map[string]map[int]wanted{
	"openai": {
		400: {[]int{400}, []string{"invalid_request_error"}, ""},
		401: {[]int{502}, nil, "provider_auth"},
		403: {[]int{502}, nil, "provider_auth"},
		404: {[]int{404}, []string{"invalid_request_error"}, "model_not_found"},
		413: {[]int{413}, []string{"invalid_request_error"}, ""},
		429: {[]int{429}, nil, "rate_limit_exceeded"},
		500: {[]int{500, 502}, []string{"server_error"}, ""},
		503: {[]int{503}, []string{"server_error", "service_unavailable_error"}, ""},
		529: {[]int{503, 529}, []string{"server_error", "service_unavailable_error"}, ""},
	},
	"anthropic": {
		400: {[]int{400}, []string{"invalid_request_error"}, ""},
		401: {[]int{502}, []string{"api_error"}, ""},
		403: {[]int{502}, []string{"api_error"}, ""},
		404: {[]int{404}, []string{"not_found_error"}, ""},
		413: {[]int{413}, []string{"request_too_large"}, ""},
		429: {[]int{429}, []string{"rate_limit_error"}, ""},
		500: {[]int{500, 502}, []string{"api_error"}, ""},
		503: {[]int{503, 529}, []string{"api_error", "overloaded_error"}, ""},
		529: {[]int{529, 503}, []string{"overloaded_error", "api_error"}, ""},
	},
}

// TestAVendorsErrorIsTypedInTheApplicationsDialect tells each class as the SDK's own error, with the vendor's message.
func TestAVendorsErrorIsTypedInTheApplicationsDialect(t *testing.T) {
	each(t, func(t *testing.T, s sdk, r route) {
		for status, own := range failuresOf[r.vendor.dialect] {
			t.Run(http.StatusText(status), func(t *testing.T) {
				shapes(t, func(t *testing.T, streamed bool) {
					r.vendor.begins(t, nil)
					_, err := s.send(t.Context(), r.place(), talk(r.model("e"+strconv.Itoa(status))), streamed)
					f, typed := s.failure(err)
					if !typed {
						t.Fatalf("not the SDK's own error: %v", err)
					}
					want := wanted{[]int{status}, []string{own.kind}, own.code} // its own dialect: word for word
					ours := status == 401 || status == 403
					if r.translated() || ours && !r.straight {
						want = troublesTold[r.client][status]
					}
					if !slices.Contains(want.status, f.status) || want.kind != nil && !slices.Contains(want.kind, f.kind) || want.code != "" && r.client == "openai" && f.code != want.code {
						t.Errorf("got status %d, type %q, code %q, want %+v", f.status, f.kind, f.code, want)
					}
					if f.message == "" || !ours && !strings.Contains(f.message, "The vendor") {
						t.Errorf("the message is %q", f.message)
					}
					if status == 429 && f.header.Get("Retry-After") != "7" {
						t.Errorf("Retry-After is %q", f.header.Get("Retry-After"))
					}
				})
			})
		}
	})
}

// TestABrokenAnswerIsNeverACleanEnd breaks an answer in each way that there is.
func TestABrokenAnswerIsNeverACleanEnd(t *testing.T) {
	each(t, func(t *testing.T, s sdk, r route) {
		for _, model := range []string{"midstream-error", "broken", "cut"} {
			t.Run(model, func(t *testing.T) {
				if r.straight && r.client == "openai" && model == "cut" {
					return // a stream that ends without its end mark is whole to the SDK: the gateway has to tell
				}
				r.vendor.begins(t, nil)
				a, err := s.send(t.Context(), r.place(), talk(r.model(model)), true)
				if err == nil {
					t.Fatalf("the SDK took it for a whole answer: %+v", a)
				}
				if a.text != "Hel" {
					t.Errorf("before it broke there was %q", a.text)
				}
				f, typed := s.failure(err)
				if model != "midstream-error" {
					return
				}
				message := map[string]string{"openai": "The server had an error", "anthropic": "Overloaded"}[r.vendor.dialect]
				if !typed || !strings.Contains(f.message, message) {
					t.Errorf("got %+v, %v", f, err)
				}
				if r.client == "anthropic" && r.vendor.dialect == "anthropic" && f.kind != "overloaded_error" || r.client == "anthropic" && f.kind == "" {
					t.Errorf("its type is %q", f.kind)
				}
			})
		}
		t.Run("whole", func(t *testing.T) { // which the gateway may have asked for as a stream
			for _, model := range []string{"midstream-error", "broken", "cut"} {
				r.vendor.begins(t, nil)
				a, err := s.send(t.Context(), r.place(), talk(r.model(model)), false)
				if err == nil {
					t.Errorf("%s: the SDK took it for a whole answer: %+v", model, a)
				}
				if f, typed := s.failure(err); !r.straight && (!typed || f.status < 500 || f.message == "") {
					t.Errorf("%s: got %+v, %v", model, f, err)
				}
			}
		})
	})
}

// stalled is a script that sends the first events of an answer one by one, as it is told to, and then nothing.
type stalled struct {
	step    chan struct{} // sends the next event
	reached chan struct{} // the request is here
	gone    chan time.Time
}

func newStalled() *stalled {
	return &stalled{make(chan struct{}), make(chan struct{}, 1), make(chan time.Time, 1)}
}

func (s *stalled) script(stream string) script {
	return func(w http.ResponseWriter, r *http.Request, asked *request) {
		s.reached <- struct{}{}
		defer func() {
			<-r.Context().Done()
			s.gone <- time.Now()
		}()
		if !asked.stream {
			return
		}
		for _, event := range strings.SplitAfter(stream, "\n\n") {
			select {
			case <-s.step:
			case <-r.Context().Done():
				return
			}
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, event)
			http.NewResponseController(w).Flush()
		}
	}
}

// TestEachPieceComesWhenTheVendorSendsIt sends the next event only when the application has seen the last one's text, so
// that one piece held back would hold up everything; and what is left when the application goes is told within 200 ms.
func TestEachPieceComesWhenTheVendorSendsIt(t *testing.T) {
	each(t, func(t *testing.T, s sdk, r route) {
		slow := newStalled()
		stream := goldenOf(r.vendor.dialect, "text").stream
		r.vendor.begins(t, map[string]script{"slow": slow.script(stream)})
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		c := talk(r.model("slow"))
		pieces := make(chan string, 16)
		c.seen = func(text string) { pieces <- text }
		ended := slow.asked(t, func() error { _, err := s.send(ctx, r.place(), c, true); return err })
		var got []string
		for _, event := range strings.SplitAfter(stream, "\n\n") {
			select {
			case slow.step <- struct{}{}:
			case err := <-ended:
				t.Fatalf("ended after %q: %v", got, err)
			}
			if !strings.Contains(event, "text_delta") && !strings.Contains(event, `"content":"`) || strings.Contains(event, `"content":""`) {
				continue
			}
			select {
			case text := <-pieces:
				got = append(got, text)
			case <-time.After(5 * time.Second):
				t.Fatalf("after %q nothing comes for %s", got, event)
			}
			if len(got) == 2 {
				break
			}
		}
		if strings.Join(got, "") != "Hello! Nice to m" {
			t.Errorf("got %q", got)
		}
		slow.leaves(t, leave)
		<-ended
	})
}

// TestLeavingBeforeTheFirstByteReachesTheVendor leaves a stream that has not begun, and a whole answer that is not there.
func TestLeavingBeforeTheFirstByteReachesTheVendor(t *testing.T) {
	each(t, func(t *testing.T, s sdk, r route) {
		shapes(t, func(t *testing.T, streamed bool) {
			slow := newStalled()
			r.vendor.begins(t, map[string]script{"slow": slow.script("")})
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			ended := slow.asked(t, func() error { _, err := s.send(ctx, r.place(), talk(r.model("slow")), streamed); return err })
			slow.leaves(t, leave)
			<-ended
		})
	})
}

// asked sends a request and waits until it is with the vendor.
func (s *stalled) asked(t *testing.T, send func() error) (ended chan error) {
	t.Helper()
	ended = make(chan error, 1)
	go func() { ended <- send() }()
	select {
	case <-s.reached:
	case err := <-ended:
		t.Fatalf("the request never reached the vendor: %v", err)
	}
	return ended
}

func (s *stalled) leaves(t *testing.T, leave func()) {
	t.Helper()
	left := time.Now()
	leave()
	select {
	case at := <-s.gone:
		if took := at.Sub(left); took > 200*time.Millisecond {
			t.Errorf("the vendor was left working for %v", took)
		}
	case <-time.After(5 * time.Second):
		t.Error("the vendor was never told")
	}
}
