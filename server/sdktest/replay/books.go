package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// row is a line of the program's request log, as far as it is held against what the rig knows.
type row struct {
	ID       string   `json:"id"`
	Key      string   `json:"key"`
	Provider string   `json:"provider"`
	Model    string   `json:"model"`
	Status   int      `json:"status"`
	Cost     *float64 `json:"cost_usd"`
	Source   string   `json:"cost_source"`
}

// books reads the request log of a program that has ended, by request id.
func books(home string) (map[string]row, error) {
	rows := map[string]row{}
	err := filepath.WalkDir(home, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasPrefix(entry.Name(), "access-") {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			var r row
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			rows[r.ID] = r
		}
		return nil
	})
	return rows, err
}

// audit holds the log against the answers: each is in it once, under the key that asked and the model that answered, at
// what its vendor's list says its tokens cost. It returns the sum that the program counted.
func (s *session) audit() (sum float64, faults []string, err error) {
	rows, err := books(s.gateway.Home)
	if err != nil {
		return 0, nil, err
	}
	for _, r := range rows {
		if r.Cost != nil {
			sum += *r.Cost
		}
	}
	for i, r := range s.results {
		id := r.header.Get("X-LocalRouter-Request-Id")
		row, ok := rows[id]
		wrong := func(format string, a ...any) {
			faults = append(faults, fmt.Sprintf("%d. %s; %s; request %s", i+1, r.step, fmt.Sprintf(format, a...), id))
		}
		switch want, priced := s.price(r); {
		case id == "":
			wrong("the answer has no request id")
		case !ok:
			wrong("the request log has no line for it")
		case row.Key != r.step.who:
			wrong("the log says that %q asked", row.Key)
		case r.err != nil || r.step.form == listed || r.step.form == counted:
		case row.Provider+"/"+row.Model != r.route():
			wrong("%s answered, the log says %s/%s", r.route(), row.Provider, row.Model)
		case !priced:
			wrong("nobody offers %s", r.route())
		case row.Cost == nil:
			wrong("the log knows no cost of %s, which is $%.9f", r.route(), want)
		case math.Abs(*row.Cost-want) > 1e-9:
			wrong("the log says that %s cost $%.9f, it is $%.9f", r.route(), *row.Cost, want)
		}
	}
	return sum, faults, nil
}

// price is what an answer costs by the list of who gave it.
func (s *session) price(r *result) (usd float64, ok bool) {
	provider, model, _ := strings.Cut(r.route(), "/")
	if s.ups[provider] == nil {
		return 0, false
	}
	for _, m := range s.ups[provider].offer {
		if m.id == model {
			return (float64(r.input)*m.in + float64(r.output)*m.out) / 1e6, true
		}
	}
	return 0, false
}
