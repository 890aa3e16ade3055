package settings

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestLimitsAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]struct {
		limit Limit
		again string // empty: as it was
	}{
		"requests=100/1m":          {Limit{LimitRequests, 100, time.Minute}, ""},
		"input_tokens=5/1s":        {Limit{LimitInput, 5, time.Second}, ""},
		"output-tokens=7/90s":      {Limit{LimitOutput, 7, 90 * time.Second}, "output_tokens=7/1m30s"},
		"total_tokens=1000000/1w":  {Limit{LimitTokens, 1_000_000, 7 * 24 * time.Hour}, "tokens=1000000/7d"},
		"Cost=5/31d":               {Limit{LimitCost, 5e12, 31 * 24 * time.Hour}, "cost=5/31d"},
		"cost=$0.50/1d12h":         {Limit{LimitCost, 5e11, 36 * time.Hour}, "cost=0.5/1d12h"},
		"cost=.000000000001/1h":    {Limit{LimitCost, 1, time.Hour}, "cost=0.000000000001/1h"},
		"cost=100000/1h":           {Limit{LimitCost, 1e17, time.Hour}, ""},
		"tokens=1000000000000/31d": {Limit{LimitTokens, 1e12, 31 * 24 * time.Hour}, ""},
	} {
		l, err := ParseLimit(text)
		if err != nil || l != want.limit {
			t.Errorf("%s: %+v %v", text, l, err)
		}
		if want.again == "" {
			want.again = text
		}
		if l.String() != want.again {
			t.Errorf("%s is written %s, want %s", text, l, want.again)
		}
		var back Limit
		if b, err := json.Marshal(l); err != nil || json.Unmarshal(b, &back) != nil || back != l {
			t.Errorf("%s: as JSON %s, back %+v", text, b, back)
		}
	}
}

func TestLimitsNobodyCanMean(t *testing.T) {
	for _, text := range []string{"", "requests", "requests=5", "=5/1m", "words=5/1m", "requests=/1m", "requests=-5/1m", "requests=0/1m", "requests=1.5/1m", "requests=1e3/1m",
		"requests=99999999999999999999/1m", "cost=0/1d", "cost=0.0000000000001/1d", "cost=1e3/1d", "cost=100000.1/1d", "cost=-1/1d", "cost=1.2.3/1d", "cost=+1/1d", "cost=./1d",
		"requests=5/", "requests=5/0s", "requests=5/999ms", "requests=5/32d", "requests=5/1y", "requests=5/m", "requests=5/1", "requests=5/-1m", "requests=5/99999999999d", "requests=5/1.5h"} {
		if l, err := ParseLimit(text); err == nil || !strings.Contains(err.Error(), "for example requests=100/1m") {
			t.Errorf("%q: %v %v", text, l, err)
		}
	}
}

func FuzzParseLimit(f *testing.F) {
	for _, text := range []string{"requests=100/1m", "cost=0.5/30d", "tokens=9/1d2h3m4s"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseLimit(text)
		if err != nil {
			return
		}
		if again, err := ParseLimit(l.String()); err != nil || again != l {
			t.Errorf("%q is %+v, written %s, read %+v %v", text, l, l, again, err)
		}
		if l.Amount < 1 || l.Window < ShortestWindow || l.Window > LongestWindow {
			t.Errorf("%q gives %+v", text, l)
		}
	})
}
