package llm

import "time"

// Receipt tells how a request found its target: who could have answered, in what order and why, who was left out and why,
// who was tried and how that went.
type Receipt struct {
	ID         string        `json:"id"` // of the request
	Key        string        `json:"-"`  // id of the key that made it
	Time       time.Time     `json:"time"`
	Asked      string        `json:"asked"`                // the model as the application wrote it
	Chosen     string        `json:"chosen,omitempty"`     // what it stood for: a router, an alias's target, provider/model
	Because    string        `json:"because"`              // why it stood for that, in words
	Strategies []string      `json:"strategies,omitempty"` // that ordered the candidates
	Sticky     bool          `json:"sticky,omitempty"`     // the conversation stayed with the provider it began with
	Input      int64         `json:"input_tokens"`         // estimated, the figure costs were compared by
	Output     int64         `json:"output_tokens"`        // expected
	Candidates []Candidate   `json:"candidates"`           // in the order of trying, then those left out
	Attempts   []Attempt     `json:"attempts"`
	Took       time.Duration `json:"selection_ns"` // of the selection alone
}

// Candidate is one target of a receipt.
type Candidate struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	// Left says why it was left out; empty where it was not.
	Left string `json:"left_out,omitempty"`
	// Figures are what it was ordered by, one for each strategy, in words: "$0.0012", "local", "310 ms".
	Figures []string `json:"figures,omitempty"`
}

// Route is the short form of a receipt, for the log: the targets that were tried stand in the attempts.
type Route struct {
	Chosen  string         `json:"chosen"`
	Because string         `json:"because,omitempty"`
	Sticky  bool           `json:"sticky,omitempty"`
	Passed  []Candidate    `json:"passed_over,omitempty"` // the first of those left out
	Left    map[string]int `json:"left_out,omitempty"`    // how many for each reason
}
