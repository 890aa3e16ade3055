package routing

import (
	"slices"
	"strings"

	"localrouter/providers/llm"
)

// unknown is the answer to a name that stands for nothing, with what was perhaps meant.
func unknown(sources *llm.Sources, model string) *llm.Error {
	e := &llm.Error{Kind: llm.ModelNotFound, Status: 404, Code: "model_not_found", Param: "model", Model: model}
	near := nearest(sources, model)
	switch {
	case len(sources.List) == 0:
		e.Message = "The model " + quote(model) + " is unknown, because no provider is set up. Add one on the dashboard or with `localrouter providers add`."
	case len(near) > 0:
		e.Message = "The model " + quote(model) + " is unknown. Near to it: " + strings.Join(near, ", ") + " (GET /v1/models lists all)."
	default:
		e.Message = "The model " + quote(model) + " is unknown. GET /v1/models lists all, and \"provider/model\" reaches a model that a provider does not list."
	}
	return e
}

const (
	quoteMax   = 128  // bytes of a foreign name that an error repeats
	nearMax    = 3    // names offered
	nearModels = 4096 // models looked at; a list longer than this is cut
	nearBytes  = 96   // of a name that take part in the comparison
)

// quote repeats a name that came from outside: cut, and without what could break a line or a terminal.
func quote(name string) string {
	cut := false
	if len(name) > quoteMax {
		name, cut = name[:quoteMax], true
	}
	name = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == '"' || (c >= 0x80 && c < 0xa0) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(name, ""))
	if cut {
		name += "…"
	}
	return `"` + name + `"`
}

// nearest lists the models whose names are the fewest edits away from what was asked for, as provider/model.
func nearest(sources *llm.Sources, asked string) []string {
	type hit struct {
		name string
		far  int
	}
	want := fold(asked)
	bare := want[strings.LastIndexByte(want, '/')+1:]
	bound := max(2, len(bare)/3)
	var hits []hit
	var rows editRows
	looked := 0
	for _, src := range sources.List {
		for i := range src.Models {
			if looked++; looked > nearModels {
				break
			}
			id := fold(src.Models[i].ID)
			far := rows.distance(bare, id[strings.LastIndexByte(id, '/')+1:], bound)
			if far > bound {
				continue
			}
			// Among equals the one whose whole name is closer comes first.
			whole := rows.distance(want, src.Name+"/"+id, nearBytes)
			hits = append(hits, hit{src.Name + "/" + src.Models[i].ID, far*2*nearBytes + whole})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return a.far - b.far })
	var names []string
	for _, h := range hits[:min(nearMax, len(hits))] {
		names = append(names, h.name)
	}
	return names
}

func fold(s string) string { return strings.ToLower(s[:min(len(s), nearBytes)]) }

// editRows are the two rows of the edit distance table, kept between comparisons.
type editRows [2][nearBytes + 64]int

// distance counts the edits between a and b by bytes; past bound it stops counting and returns bound+1.
func (rows *editRows) distance(a, b string, bound int) int {
	b = b[:min(len(b), nearBytes+63)]
	if len(a)-len(b) > bound || len(b)-len(a) > bound {
		return bound + 1
	}
	old, row := rows[0][:len(b)+1], rows[1][:len(b)+1]
	for j := range old {
		old[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		least := row[0]
		for j := range len(b) {
			cost := old[j]
			if a[i] != b[j] {
				cost = 1 + min(old[j], old[j+1], row[j])
			}
			row[j+1] = cost
			least = min(least, cost)
		}
		if least > bound {
			return bound + 1
		}
		old, row = row, old
	}
	return min(old[len(b)], bound+1)
}
