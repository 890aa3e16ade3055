package llm

// EventKind is what an Event tells.
type EventKind uint8

// The kinds of events.
const (
	EventStart     EventKind = iota + 1 // the answer begins: ID, Name (the model's), Usage as far as it is known
	EventText                           // more text
	EventThinking                       // more reasoning text
	EventSignature                      // the signature of the thinking before
	EventRefusal                        // more of a refusal
	EventToolCall                       // call Index begins: ID, Name, Custom
	EventArguments                      // more arguments of call Index
	EventToolEnd                        // call Index is complete
	EventOpaque                         // Raw: a whole block that only its maker understands
	EventCitation                       // Raw: a citation of the text before, in the maker's words
	EventUsage                          // Usage: the count so far, which replaces those before
	EventFinish                         // Reason: why the model stopped; Text: the stop sequence; Name: the provider's own word
)

// Event is one step of an answer in the neutral language. A Stream fills the same Event again and again; its slices are
// valid until the following call.
type Event struct {
	Kind EventKind
	// Index counts tool calls from 0 in the order of their beginnings. Of texts and thinking it counts blocks: where it
	// changes, a new block begins.
	Index  int
	Text   Text
	ID     string
	Name   string
	Custom bool // a call of a tool that takes free text
	Raw    []byte
	Reason Reason
	Usage  Usage
	// More reports that the next event is at hand: Next will not wait.
	More bool
}

// Commits reports whether e is content: from it on the answer cannot go to another provider.
func (e *Event) Commits() bool {
	switch e.Kind {
	case EventText, EventThinking, EventSignature, EventRefusal, EventArguments:
		return len(e.Text) > 0
	case EventToolCall, EventOpaque, EventCitation:
		return true
	}
	return false
}

// Reason is why a model stopped.
type Reason uint8

// The reasons.
const (
	ReasonEnd       Reason = iota + 1 // it was finished
	ReasonStop                        // a stop sequence came
	ReasonTools                       // it calls tools
	ReasonLength                      // the output limit
	ReasonContext                     // the context was full
	ReasonFiltered                    // a filter, or the model refused
	ReasonPause                       // the provider wants to be asked to go on
	ReasonMalformed                   // a tool call that nobody can read
)

// Stream is an answer in the neutral language. It is used by one goroutine, except Close. Where it ends in a failure
// its Observer has heard of it.
type Stream interface {
	Head() Head
	// Next fills e with the next event. io.EOF is the clean end of the dialect; any other failure is an *Error.
	Next(e *Event) error
	// Close releases the connection and cancels what still runs. It may be called twice and from any goroutine.
	Close() error
}

// Decoder reads one answer of a provider's dialect. It is a small state machine; a new one is made for each answer. What
// it appends aliases the bytes it was given.
type Decoder interface {
	// Event appends what one event of a stream tells; name is its event field, nil where there was none. io.EOF is the
	// dialect's end mark. An *Error is a failure that the provider reported inside the stream, or an event that cannot
	// be understood; Provider and Model are the caller's to set.
	Event(dst []Event, name, data []byte) ([]Event, error)
	// Whole appends what a whole reply tells, all of it. Errors are those of Event, never io.EOF.
	Whole(dst []Event, body []byte) ([]Event, error)
}

// Encoder spells one answer in an application's dialect. It is a small state machine; a new one is made for each answer.
type Encoder interface {
	// Append appends what e adds to the answer. A whole reply is collected and only comes with End.
	Append(dst []byte, e *Event) []byte
	// End appends what a clean end adds.
	End(dst []byte) []byte
}

// Answered is what an Encoder is told of an answer beforehand.
type Answered struct {
	Provider string // its name in the settings
	Model    string // the provider's own id
	// InputEstimate is used where a dialect wants a count before the provider has given one.
	InputEstimate int64
	// ID is for the answer's id where the provider gives none: random letters and digits.
	ID string
	// Created is the time of the answer in seconds since 1970.
	Created int64
	// Own marks an answer by the vendor of the application's own dialect. Not set in a translation; it is for tests that
	// decode and encode within one dialect, where opaque parts may pass.
	Own bool
}

// Translated makes a Relay of a Stream: its events, spelled by enc. whole is set where the application wants one body.
func Translated(s Stream, enc Encoder, whole bool) Relay {
	return &translation{s: s, enc: enc, whole: whole}
}

// translation pulls events and hands out what they are spelled as: for a stream, all that is at hand in one step.
type translation struct {
	s         Stream
	enc       Encoder
	whole     bool
	committed bool
	size      int // bytes of the answer so far, where it is collected
	event     Event
	buf       []byte
	err       error
}

// maxWhole bounds an answer that is collected, as those are that come in one piece.
const maxWhole = 64 << 20

const (
	typeEvents = "text/event-stream"
	typeJSON   = "application/json"
)

func (t *translation) Head() Head {
	h := t.s.Head()
	h.Status, h.Stream, h.ContentType, h.Length = 200, !t.whole, typeEvents, -1
	if t.whole {
		h.ContentType = typeJSON
		if t.err != nil {
			h.Length = int64(len(t.buf))
		}
	}
	return h
}

func (t *translation) Close() error { return t.s.Close() }

func (t *translation) Next() ([]byte, error) {
	if t.err != nil {
		return nil, t.err
	}
	t.buf = t.buf[:0]
	for {
		t.event.More = false
		err := t.s.Next(&t.event)
		if err != nil {
			return t.end(err)
		}
		t.committed = t.committed || t.event.Commits()
		if t.whole {
			if t.size += len(t.event.Text) + len(t.event.Raw); t.size > maxWhole {
				t.s.Close()
				return t.end(&Error{Kind: ProviderFailed, Status: 502, Code: string(ProviderFailed),
					Message: "The answer is larger than 64 MiB, which is too much for one piece; ask for a stream instead."})
			}
		}
		t.buf = t.enc.Append(t.buf, &t.event)
		if t.committed && !t.whole && !t.event.More && len(t.buf) > 0 {
			return t.buf, nil
		}
	}
}

// end hands out what is left. What came before a failure is still the application's, unless it waits for a whole reply
// or nothing was committed.
func (t *translation) end(err error) ([]byte, error) {
	t.err = err
	if _, failed := err.(*Error); failed {
		if t.whole || !t.committed || len(t.buf) == 0 {
			return nil, err
		}
		return t.buf, nil
	}
	t.buf = t.enc.End(t.buf)
	return t.buf, err
}
