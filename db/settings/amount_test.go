package settings

import (
	"strings"
	"testing"

	"localrouter/providers/llm"
)

func TestCountsAreReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]struct {
		n     int64
		again string // empty: as it was
	}{
		"7B": {7e9, ""}, "0.5B": {5e8, "500M"}, "1.5b": {15e8, "1.5B"}, "360K": {360e3, ""}, "1T": {1e12, ""}, "1000T": {1e15, ""}, "0": {0, ""},
		"7000000000": {7e9, "7B"}, " 70 B ": {70e9, "70B"}, "1.234B": {1234e6, "1234M"}, "1234567": {1234567, ""}, "0.000000001B": {1, "1"}, "671.03B": {67103e7, ""}, ".5M": {5e5, "500K"},
	} {
		n, err := ParseCount(text)
		if err != nil || n != want.n {
			t.Errorf("%q: got %d, %v", text, n, err)
		}
		if want.again == "" {
			want.again = text
		}
		if got := FormatCount(n); got != want.again {
			t.Errorf("%q is written %s, want %s", text, got, want.again)
		}
	}
	for _, text := range []string{"", "B", "-7B", "+7B", "7BB", "7KB", "8x7b", "1e9", "1001T", "0.0000000001B", "1.2.3B", "1,5B", "0x7", "99999999999999999999", "7 billion", "٧B", "."} {
		if n, err := ParseCount(text); err == nil || !strings.Contains(err.Error(), "write it as 7B or 500M") {
			t.Errorf("%q: got %d, %v", text, n, err)
		}
	}
}

func TestMoneyIsReadExactly(t *testing.T) {
	for text, want := range map[string]int64{"5": 5e12, "0.25": 25e10, "$3": 3e12, "0": 0, "100000": 1e17, "0.000000000001": 1, ".5": 5e11, "5.": 5e12, "0.1000000000000000": 1e11} {
		n, err := ParseUSD(text)
		if err != nil || n != want {
			t.Errorf("%q: got %d, %v", text, n, err)
		}
		if again, err := ParseUSD(FormatUSD(n)); err != nil || again != n {
			t.Errorf("%q: written %s, read %d", text, FormatUSD(n), again)
		}
	}
	for _, text := range []string{"", "$", "-1", "1e3", "5 USD", "0.0000000000001", "100000.01", "1,5", "NaN", "inf"} {
		if n, err := ParseUSD(text); err == nil || !strings.Contains(err.Error(), "such as 5 or 0.25") {
			t.Errorf("%q: got %d, %v", text, n, err)
		}
	}
}

func TestPricesAreExact(t *testing.T) {
	for _, c := range []struct {
		price Price
		want  llm.Price
	}{
		{Price{Input: "0.1", Output: "0.4"}, llm.Price{Input: 100_000, Output: 400_000, CacheRead: 100_000, CacheWrite: 100_000, CacheWriteLong: 100_000}},
		{Price{Input: "3", Output: "15", CacheRead: "0.3", CacheWrite: "3.75", CacheWriteLong: "6", Request: "0.01"},
			llm.Price{Input: 3_000_000, Output: 15_000_000, CacheRead: 300_000, CacheWrite: 3_750_000, CacheWriteLong: 6_000_000, Request: 10_000_000_000}},
		{Price{Input: "3", Output: "15", CacheWrite: "3.75"}, llm.Price{Input: 3_000_000, Output: 15_000_000, CacheRead: 3_000_000, CacheWrite: 3_750_000, CacheWriteLong: 3_750_000}},
		{Price{Input: "0", Output: "0.000001", CacheRead: "0"}, llm.Price{Output: 1}},
		{Price{Input: "10000", Output: "1", CacheRead: "0", CacheWrite: "0"}, llm.Price{Input: 10_000_000_000, Output: 1_000_000}},
	} {
		got, err := c.price.Parse()
		if err != nil || got.Input != c.want.Input || got.Output != c.want.Output || got.CacheRead != c.want.CacheRead || got.CacheWrite != c.want.CacheWrite ||
			got.CacheWriteLong != c.want.CacheWriteLong || got.Request != c.want.Request {
			t.Errorf("%+v: got %+v, %v", c.price, got, err)
		}
	}
	for want, price := range map[string]Price{
		"input is missing":                           {Output: "1"},
		"output is missing":                          {Input: "1"},
		`input is "0.0000001", which is not a price`: {Input: "0.0000001", Output: "1"},
		`output is "-1"`:                             {Input: "1", Output: "-1"},
		`cache_read is "free"`:                       {Input: "1", Output: "1", CacheRead: "free"},
		`cache_write_long is "10000.1"`:              {Input: "1", Output: "1", CacheWriteLong: "10000.1"},
		`request is "0.0000000000001"`:               {Input: "1", Output: "1", Request: "0.0000000000001"},
	} {
		if got, err := price.Parse(); err == nil || !strings.HasPrefix(err.Error(), want) || got.Output != 0 {
			t.Errorf("got %+v, %v; want %s", got, err, want)
		}
	}
}

func FuzzAmounts(f *testing.F) {
	for _, text := range []string{"7B", "0.25", "$5", "1.5b", "1e3", "-0", ".", "00.10"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := ParseCount(text); err == nil {
			if again, err := ParseCount(FormatCount(n)); err != nil || again != n || n < 0 || n > highestCount {
				t.Errorf("%q is %d, written %s, read %d", text, n, FormatCount(n), again)
			}
		}
		if n, err := ParseUSD(text); err == nil {
			if again, err := ParseUSD(FormatUSD(n)); err != nil || again != n || n < 0 {
				t.Errorf("%q is %d, written %s, read %d", text, n, FormatUSD(n), again)
			}
		}
		if p, err := (&Price{Input: text, Output: "1", Request: text}).Parse(); err == nil && (p.Input < 0 || p.Request != p.Input*1_000_000) {
			t.Errorf("%q is %+v", text, p)
		}
	})
}
