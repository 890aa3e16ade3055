package sdktest

import (
	"slices"
	"strings"
	"testing"
)

// TestEachSDKListsTheSameModels reads the list page by page where the dialect has pages.
func TestEachSDKListsTheSameModels(t *testing.T) {
	at := place{base: running.URL, key: key}
	for _, r := range routes() {
		r.ready(t)
	}
	var first []string
	for _, s := range sdks {
		t.Run(s.name(), func(t *testing.T) {
			ids, err := s.models(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			for provider, v := range vendors {
				for _, id := range vendorModels(v.dialect) {
					if !slices.Contains(ids, provider+"/"+id) {
						t.Errorf("%s/%s is not listed", provider, id)
					}
				}
			}
			slices.Sort(ids)
			if n := len(ids); n != len(slices.Compact(slices.Clone(ids))) {
				t.Errorf("some of %v are listed twice", ids)
			}
			if first == nil {
				first = ids
			}
			if !slices.Equal(ids, first) {
				t.Errorf("got %v, another SDK got %v", ids, first)
			}
			for _, id := range []string{"upo/plain", "upa/plain", "up/org/large-7b:free"} { // the SDKs send the slashes escaped
				if got, err := s.model(t.Context(), at, id); err != nil || got != id {
					t.Errorf("asked for %s, got %q, %v", id, got, err)
				}
			}
			_, err = s.model(t.Context(), at, "nobody/nothing")
			if f, typed := s.failure(err); !typed || f.status != 404 {
				t.Errorf("an unknown model: %v", err)
			}
		})
	}
}

// TestTokensAreCounted asks the vendor where it can count, and estimates without asking where it cannot.
func TestTokensAreCounted(t *testing.T) {
	each(t, func(t *testing.T, s sdk, r route) {
		counts, able := s.(counter)
		if !able {
			return
		}
		r.vendor.begins(t, nil)
		c := talk(r.model("plain"))
		c.tools = true
		short, err := counts.count(t.Context(), r.place(), c)
		if err != nil {
			t.Fatal(err)
		}
		if r.vendor.dialect == "anthropic" {
			if short != 411 {
				t.Errorf("counted %d", short)
			}
			return
		}
		c.says(part{text: strings.Repeat("The quick brown fox jumps over the lazy dog. ", 100)}) // 1,000 tokens, or nearly
		long, err := counts.count(t.Context(), r.place(), c)
		if err != nil {
			t.Fatal(err)
		}
		if short < 10 || short > 500 || long-short < 500 || long-short > 2500 {
			t.Errorf("estimated %d, and %d with a thousand more", short, long)
		}
		if n := r.vendor.count(); n != 0 {
			t.Errorf("the vendor was asked %d times", n)
		}
	})
}

// TestAWrongKeyIsRefusedInTheSDKsOwnWords and never reaches a vendor, however the key is carried.
func TestAWrongKeyIsRefusedInTheSDKsOwnWords(t *testing.T) {
	through(t, func(t *testing.T, s sdk, r route) {
		for _, bearer := range []bool{false, true} {
			r.vendor.begins(t, nil)
			at := r.place()
			at.bearer = bearer
			shapes(t, func(t *testing.T, streamed bool) {
				must(t, s, at, talk(r.model("plain")), streamed)
			})
			r.vendor.begins(t, nil)
			at.key = "lr-nobody-has-this"
			_, err := s.send(t.Context(), at, talk(r.model("plain")), false)
			f, typed := s.failure(err)
			want := failure{status: 401, kind: "authentication_error"}
			if r.client == "openai" {
				want = failure{status: 401, kind: "invalid_request_error", code: "invalid_api_key"}
			}
			if !typed || f.status != want.status || f.kind != want.kind || f.code != want.code || f.message == "" {
				t.Errorf("got %+v, %v", f, err)
			}
			if r.vendor.count() != 0 {
				t.Error("the request reached the vendor")
			}
		}
	})
}
