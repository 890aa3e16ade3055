package llm

import (
	"slices"
	"strings"
)

// Path is the way an answer takes.
type Path uint8

// The two ways.
const (
	PathRaw        Path = iota // the bytes travel as they are
	PathTranslated             // decoded, and spelled again in the other dialect
)

// Planned is what will happen to a request at one candidate.
type Planned struct {
	Path Path
	// Keep holds the features that are to be spelled, exactly or approximately; what is used and not in it is left out.
	Keep Set
	// Near holds those of Keep that the other dialect says approximately only.
	Near Set
	// Report names what was dropped or approximated, in the application's words, for X-LocalRouter-Dropped. An
	// approximation is followed by ";approximated".
	Report []string
	// Refused says why the candidate cannot take the request; nil where it can.
	Refused *Error
}

// Plan decides what happens to req at a provider with features f, asked for model m, which may be nil where nothing is
// known of it. Another dialect's request must have been decoded. It is a pure function: the filter of candidates, the
// preview, the receipt and the sender all ask it.
func Plan(req *Request, f *Features, m *Model) Planned {
	if f == nil || req.Dialect == f.Dialect {
		return Planned{Path: PathRaw}
	}
	p := Planned{Path: PathTranslated}
	if !slices.Contains(f.Ops, req.Op) || req.Conversation == nil {
		p.Refused = &Error{Kind: BadRequest, Status: 400, Code: "unsupported_operation",
			Message: "This provider speaks the " + string(f.Dialect) + " dialect, which has nothing for " + req.Path + ". Choose a model of another provider."}
		return p
	}
	var refused []string
	for _, u := range req.Conversation.Uses {
		switch f.class(u.Feature, m) {
		case Mapped:
			p.Keep |= 1 << u.Feature
		case Approximated:
			p.Keep |= 1 << u.Feature
			p.Near |= 1 << u.Feature
			p.report(u.Field + ";approximated")
		case Dropped:
			p.report(u.Field)
		default:
			refused = append(refused, u.Field)
		}
	}
	if m != nil && m.MaxOutput > 0 && req.Conversation.MaxOutput > m.MaxOutput {
		p.report("max_tokens;approximated")
	}
	if len(refused) > 0 {
		p.Refused = &Error{Kind: BadRequest, Status: 400, Code: "unsupported_parameter", Param: refused[0],
			Message: "The chosen model is reached in the " + string(f.Dialect) + " dialect, which has nothing for " + strings.Join(refused, ", ") +
				"; without it the answer would mean something else. Leave it out, or choose a model of a provider that has it."}
	}
	return p
}

func (p *Planned) report(field string) {
	if !slices.Contains(p.Report, field) {
		p.Report = append(p.Report, field)
	}
}
