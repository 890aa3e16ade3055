// Package llm is the neutral language of the program: what an application asks for, what a model answers, what it
// costs and what went wrong. It knows no vendor, no HTTP client and no other package of ours.
package llm

import (
	"context"
	"io"
)

// Dialect names a family of wire formats.
type Dialect string

// The dialects.
const (
	// OpenAI is the dialect of OpenAI's chat, completions and embeddings endpoints and of all servers that copy them.
	OpenAI Dialect = "openai"
	// Anthropic is the dialect of Anthropic's Messages API and of the servers that copy it.
	Anthropic Dialect = "anthropic"
)

// Op is the kind of work a request asks for.
type Op string

// The kinds of work.
const (
	Chat        Op = "chat"         // a conversation turn, whole or streamed
	Completions Op = "completions"  // the legacy text completion
	Embeddings  Op = "embeddings"   // vectors for texts
	CountTokens Op = "count_tokens" // how many tokens a chat request would take; nothing is generated
	Forward     Op = "forward"      // anything that is handed on unread: audio, images, moderations, rerank
)

// Field is one header field. Names are in canonical form (textproto.CanonicalMIMEHeaderKey).
type Field struct{ Name, Value string }

// Span is a half-open range of bytes within a body. The zero value means "not there".
type Span struct{ Start, End int }

// Found reports whether the span covers anything.
func (s Span) Found() bool { return s.End > s.Start }

// Request is what an application asked for: the head that every part of the program needs, and the bytes as they came.
// It is made by a Codec, read by routing and server, and never changed after the first attempt began.
type Request struct {
	Dialect Dialect // the application's
	Op      Op
	Path    string // below the provider's API base, with a leading slash: "/chat/completions"
	Query   string // of the application's URL, without the question mark
	Key     string // the id of the application's key: what is remembered for it is never given to another
	Model   string // as the application wrote it, unescaped
	Stream  bool   // an event stream was asked for

	// WantsUsage reports whether the application itself asked for the usage event of a stream. Where it did not,
	// the provider is asked all the same and the event is withheld.
	WantsUsage bool
	// MaxOutput is the most tokens the application wants back; 0 where it said nothing.
	MaxOutput int
	// Choices is how many answers the application wants, each of up to MaxOutput; 0 where it said nothing: one.
	Choices int
	// Others reports whether the body names further models beside Model, which some providers answer with in its place.
	Others bool
	// InputEstimate is the estimated number of input tokens, made from the size of the texts.
	InputEstimate int64

	// Body holds the received bytes. For a streamed upload it holds what was read until the model was known, and
	// Rest the remainder.
	Body []byte
	Rest io.Reader
	// ContentType is the body's, parameters included (a multipart boundary matters).
	ContentType string
	// Length is the whole body's length in bytes, -1 where Rest is of unknown length.
	Length int64
	// Header holds the application's header fields that an allow-list lets through to providers.
	Header []Field

	// Conversation is the request in the neutral language; nil until a translation needs it.
	Conversation *Conversation

	// Cuts are spans of Body that no provider may see, in order: signatures that this program made itself.
	Cuts []Span

	// Where in Body the values stand that a provider's client may edit. A dialect that needs none leaves them zero.
	ModelSpan         Span // the JSON string, quotes included
	StreamOptionsSpan Span // the whole value of stream_options
	IncludeUsageSpan  Span // the value of stream_options.include_usage
	ObjectEnd         int  // offset of the closing brace of the top-level object
	HasMembers        bool // the top-level object is not empty
}

// Codec reads and writes one dialect on the application's side.
type Codec interface {
	Dialect() Dialect
	// Scan reads the head of a request body in one validating pass. The Request aliases body. Errors are *Error
	// of kind BadRequest with the position, in words that say what to do.
	Scan(op Op, path string, body []byte) (*Request, error)
	// Error spells e for the application: a status and a body. Where e carries the provider's own body in this
	// dialect it is returned byte for byte.
	Error(e *Error) (status int, contentType string, body []byte)
	// StreamError spells e as the events that end a committed stream of op.
	StreamError(op Op, e *Error) []byte
	// Decode puts a chat request into the neutral language. Errors are *Error of kind BadRequest.
	Decode(req *Request) (*Conversation, error)
	// Encoder makes the encoder of one answer to req: of events where req.Stream, else of a whole reply.
	Encoder(req *Request, a Answered) Encoder
	// KeepAlive is what may be sent on a stream that is silent; nil where the dialect has nothing safe.
	KeepAlive() []byte
}

// Provider is one configured service that answers requests in its own dialect.
// Send and Models may be called from many goroutines at once.
type Provider interface {
	// Send makes one attempt to have req answered by model, the provider's own id of it. It returns once the
	// provider's response headers are in and say 2xx; every other outcome is an *Error. Cancelling ctx ends the
	// attempt at any moment. obs hears of the answer as it passes; the Relay must be closed.
	Send(ctx context.Context, req *Request, model string, obs Observer) (Relay, error)
	// Converse is Send for a request of another dialect: o.Request.Conversation is spelled in the provider's own, and
	// the answer comes in the neutral language.
	Converse(ctx context.Context, o *Order, obs Observer) (Stream, error)
	// Models lists what the provider offers, in the provider's order, by a free call.
	Models(ctx context.Context) ([]Model, error)
}

// Order is what a provider is asked for in a translation.
type Order struct {
	Request *Request
	ID      string // of the model, the provider's own
	Model   *Model // nil where nothing is known of it
	// Plan is what Plan said of this request, provider and model. Converse adds to its Report what could not be said
	// because of something else in the request.
	Plan Planned
}

// Relay is an answer whose bytes travel as they came. It is used by one goroutine, except Close.
type Relay interface {
	Head() Head
	// Next returns the next bytes for the application; they are valid until the following call. For a stream the
	// first call blocks until the answer is committed: until the first content, reasoning or tool-call delta, or a
	// clean end. io.EOF is the clean end of the dialect; any other failure, an end of which nobody can tell whether
	// more was to come included, is an *Error.
	Next() ([]byte, error)
	// Close releases the connection and cancels what still runs. It may be called twice and from any goroutine.
	Close() error
}

// Head is what is known of an answer before its first byte of content.
type Head struct {
	Status      int
	ContentType string
	Length      int64   // of a whole answer in bytes, -1 where unknown or streamed
	Stream      bool    // an event stream
	Header      []Field // the provider's header fields that an allow-list lets through: request ids, rate limits
}

// Observer is told the four things everybody else lives on. Calls come in this order from the goroutine that calls
// Send and Next; each of Committed, Finish and Failed at most once.
type Observer interface {
	// Committed: the first content is about to be handed out.
	Committed()
	// Usage: the provider's own count. It may come several times; each call replaces the last.
	Usage(Usage)
	// Finish: why the model stopped, in the provider's own word.
	Finish(reason string)
	// Failed: the answer broke after Send had returned.
	Failed(*Error)
}
