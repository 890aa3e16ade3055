package dashboard

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/mux"

	"localrouter/db"
	"localrouter/providers/llm"
)

// requestJSON is a finished request as the admin API tells it.
type requestJSON struct {
	ID              string         `json:"id"`
	Start           time.Time      `json:"start"`
	KeyID           string         `json:"key_id"`
	Key             string         `json:"key"`
	Asked           string         `json:"asked"`
	Provider        string         `json:"provider"`
	Model           string         `json:"model"`
	Path            string         `json:"path"`
	Stream          bool           `json:"stream"`
	Status          int            `json:"status"`
	Kind            llm.Kind       `json:"kind,omitempty"`
	Error           string         `json:"error,omitempty"`
	Finish          string         `json:"finish,omitempty"`
	InputTokens     int64          `json:"input_tokens"`
	CachedTokens    int64          `json:"cached_tokens"`
	OutputTokens    int64          `json:"output_tokens"`
	ReasoningTokens int64          `json:"reasoning_tokens"`
	Estimated       bool           `json:"estimated"`
	CostUSD         *float64       `json:"cost_usd"` // null: unknown
	CostSource      llm.CostSource `json:"cost_source"`
	LatencyMS       float64        `json:"latency_ms"`
	FirstTokenMS    float64        `json:"first_token_ms"`
	Attempts        []llm.Attempt  `json:"attempts"`
}

func requestOut(e *db.Entry) requestJSON {
	out := requestJSON{
		ID: e.ID, Start: e.Start, KeyID: e.KeyID, Key: e.Key, Asked: e.Asked, Provider: e.Provider, Model: e.Model, Path: e.Path,
		Stream: e.Stream, Status: e.Status, Kind: e.Kind, Error: e.Error, Finish: e.Finish,
		InputTokens: e.Usage.InputTotal(), CachedTokens: e.Usage.CacheRead, OutputTokens: e.Usage.Output,
		ReasoningTokens: e.Usage.Reasoning, Estimated: e.Usage.Estimated, CostSource: e.CostSource,
		LatencyMS: float64(e.Latency.Microseconds()) / 1000, FirstTokenMS: float64(e.FirstToken.Microseconds()) / 1000,
		Attempts: e.Attempts,
	}
	if e.CostSource == "" {
		out.CostSource = llm.CostUnknown
	}
	if out.CostSource != llm.CostUnknown {
		cost := usd(e.Cost)
		out.CostUSD = &cost
	}
	if out.Attempts == nil {
		out.Attempts = []llm.Attempt{}
	}
	return out
}

func (d *Dashboard) listRequests(w http.ResponseWriter, r *http.Request) error {
	limit := 100
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1000 {
			return &problem{Status: http.StatusBadRequest, Message: "limit is not a number from 1 to 1,000", NextStep: "send ?limit=100"}
		}
		limit = n
	}
	list := []requestJSON{}
	for _, e := range d.o.Recorder.Recent(limit) {
		list = append(list, requestOut(&e))
	}
	writeJSON(w, http.StatusOK, map[string]any{"requests": list})
	return nil
}

func (d *Dashboard) oneRequest(w http.ResponseWriter, r *http.Request) error {
	e, ok := d.o.Recorder.ByID(mux.Vars(r)["id"])
	if !ok {
		return &problem{Status: http.StatusNotFound, Message: "that request is not among the newest 1,000", NextStep: "the access log in the logs folder holds the older ones"}
	}
	writeJSON(w, http.StatusOK, requestOut(&e))
	return nil
}
