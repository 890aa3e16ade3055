package llm

import (
	"cmp"
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
	var refused, because []string
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
			if u.Feature == FeaturePrefill { // the field alone does not tell what is wrong with it
				u.Field += " (an assistant's message at the end, which is to be continued)"
			}
			because = append(because, u.Field)
		}
	}
	if most := OutputLimit(req, m); most < req.Conversation.MaxOutput {
		p.report(cmp.Or(req.Conversation.OutputField, "max_tokens") + ";approximated")
	}
	if len(refused) > 0 {
		p.Refused = &Error{Kind: BadRequest, Status: 400, Code: "unsupported_parameter", Param: refused[0],
			Message: "The chosen model is reached in the " + string(f.Dialect) + " dialect, which has nothing for " + strings.Join(because, ", ") +
				"; without it the answer would mean something else. Leave it out, or choose a model of a provider that has it."}
	}
	return p
}

func (p *Planned) report(field string) {
	if !slices.Contains(p.Report, field) {
		p.Report = append(p.Report, field)
	}
}

// Leave adds to the report what could not be said because of something else in the request. Each field is told once:
// what was left out after all is no approximation.
func (p *Planned) Leave(fields ...string) {
	for _, field := range fields {
		base, approximated := strings.CutSuffix(field, ";approximated")
		if approximated && slices.Contains(p.Report, base) {
			continue
		}
		if i := slices.Index(p.Report, base+";approximated"); i >= 0 {
			p.Report = slices.Clone(p.Report) // the plan was copied, and its list is somebody else's, too
			p.Report[i] = field
			continue
		}
		p.Report = slices.Clip(p.Report)
		p.report(field)
	}
}

// OutputLimit is the output limit to ask m for, which may be nil: what the application wants, within what the model has.
// Where that is not known it is what the context leaves beside the input, as many servers refuse a sum beyond it. 0 where
// the application wants no limit.
func OutputLimit(req *Request, m *Model) int {
	n := req.Conversation.MaxOutput
	switch {
	case n <= 0 || m == nil:
	case m.MaxOutput > 0:
		n = min(n, m.MaxOutput)
	case m.ContextLength > 0:
		n = min(n, room(int64(m.ContextLength), req.InputEstimate))
	}
	return max(n, 0)
}

// room is what a context leaves beside an input whose size is estimated. Where the input alone may be too much some room
// is left all the same: it is the server's to say so.
func room(context, input int64) int {
	margin := context/32 + input/4 // code has more tokens than an estimate says
	return int(max(context-input-margin, min(1024, context/4), 1))
}
