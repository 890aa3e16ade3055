package server

import (
	"errors"
	"io"
	"mime"
	"sync"
	"time"

	"localrouter/providers/llm"
)

// uploadMax is how much of a form is buffered in search of its model field.
const uploadMax = 32 << 20

// forward hands requests on whose content is nobody's business here: sound, pictures, moderation, ranking.
func forward(x *exchange) *llm.Error {
	x.entry.Op = llm.Forward
	switch x.mediaType() {
	case "multipart/form-data":
		return forwardForm(x)
	case "application/json":
		return generate(llm.Forward)(x)
	}
	return unsupported("The body must be JSON or a form. Send it with \"Content-Type: application/json\" or \"multipart/form-data\".")
}

// forwardForm reads a form up to the end of its model field and streams what follows. The provider's client puts its own
// name of the model in place.
func forwardForm(x *exchange) *llm.Error {
	if e := x.checkEncoding(); e != nil {
		return e
	}
	contentType := x.r.Header["Content-Type"][0]
	_, params, err := mime.ParseMediaType(contentType)
	boundary := params["boundary"]
	if err != nil || boundary == "" || len(boundary) > 70 {
		return badRequest("invalid_form", "The form's Content-Type names no usable boundary. Let the HTTP library set this header itself.")
	}
	up := newUpload(x, boundary)
	x.rest = up
	head, span, e := up.untilModel()
	if e != nil {
		return e
	}
	req := &llm.Request{Dialect: x.codec.Dialect(), Op: llm.Forward, Path: x.below(), Model: string(head[span.Start:span.End]),
		ModelSpan: span, ContentType: contentType, Length: x.r.ContentLength, Body: head}
	if up.ended {
		req.Length = int64(len(head))
	} else {
		req.Rest = up
	}
	return x.ask(req)
}

// upload reads a form while watching its parts: first into memory up to the model field, then for the provider's
// client. A second model field would mean that what was checked is not what counts, so it ends the upload.
type upload struct {
	x    *exchange
	form *form

	mu     sync.Mutex // guards the next two: the provider's client may read on while the handler returns
	ended  bool       // the whole body was read
	closed bool
	window []byte // what the watch still needs of the bytes that were handed on
}

func newUpload(x *exchange, boundary string) *upload {
	return &upload{x: x, form: newForm(boundary)}
}

// untilModel reads the body until the model field is whole, and says where in it the value stands.
func (u *upload) untilModel() ([]byte, llm.Span, *llm.Error) {
	x := u.x
	size := int64(firstBuffer)
	if n := x.r.ContentLength; n >= 0 {
		size = min(size, n+1)
	}
	if e := x.hold(size); e != nil {
		return nil, llm.Span{}, e
	}
	b := make([]byte, 0, size)
	for {
		if len(b) == cap(b) {
			if len(b) >= uploadMax {
				return nil, llm.Span{}, tooLarge(uploadMax)
			}
			more := min(int64(cap(b)), uploadMax-int64(cap(b)))
			if e := x.hold(more); e != nil {
				return nil, llm.Span{}, e
			}
			b = append(make([]byte, 0, int64(cap(b))+more), b...)
		}
		n, err := u.readBody(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err != nil && err != io.EOF {
			return nil, llm.Span{}, bodyError(err)
		}
		span, found, ferr := u.form.model(b)
		switch {
		case ferr != nil:
			return nil, llm.Span{}, badRequest("invalid_form", formWords(ferr))
		case found:
			return u.settleHead(b, span)
		case u.ended:
			return nil, llm.Span{}, badRequest("invalid_form", "The form ends without a model field. Add a field \"model\" that names a model as \"provider/model\".")
		}
	}
}

// settleHead keeps for the watch what it has not looked at yet.
func (u *upload) settleHead(b []byte, span llm.Span) ([]byte, llm.Span, *llm.Error) {
	u.window = append([]byte(nil), b[u.form.at:]...)
	u.form.rebase()
	if err := u.watch(nil); err != nil {
		return nil, llm.Span{}, badRequest("invalid_form", formWords(err))
	}
	return b, span, nil
}

// Read hands on the rest of the form.
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.readBody(p)
	if werr := u.watch(p[:n]); werr != nil {
		return 0, werr
	}
	return n, err
}

// watch looks at more of the form for a second model field.
func (u *upload) watch(p []byte) error {
	u.window = append(u.window, p...)
	if _, _, err := u.form.model(u.window); err != nil {
		return err
	}
	u.window = append(u.window[:0], u.window[u.form.at:]...)
	u.form.rebase()
	return nil
}

var errClosed = errors.New("the request is over")

// readBody reads from the connection as long as the request lasts, each time with a new clock.
func (u *upload) readBody(p []byte) (int, error) {
	u.mu.Lock()
	if u.closed {
		defer u.mu.Unlock()
		if u.ended {
			return 0, io.EOF
		}
		return 0, errClosed
	}
	clock, _ := u.x.ResponseWriter.(readClock)
	u.x.allowIdle(clock)
	u.mu.Unlock()
	n, err := u.x.r.Body.Read(p)
	if err == io.EOF {
		u.mu.Lock()
		u.ended = true
		u.mu.Unlock()
		u.Close()
	}
	return n, err
}

// Close ends the upload: from here on the connection's clock belongs to the next request. It may be called twice.
func (u *upload) Close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return
	}
	u.closed = true
	if clock, ok := u.x.ResponseWriter.(readClock); ok {
		clock.SetReadDeadline(time.Time{})
	}
}

// formWords tells a person what is wrong with a form.
func formWords(err error) string {
	return "The form cannot be read: " + err.Error() + "."
}
