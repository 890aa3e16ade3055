package providers

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"localrouter/providers/anthropic"
	"localrouter/providers/llm"
	"localrouter/providers/openai"
)

var update = flag.Bool("update", false, "write what is generated into the README")

// TestLimitsAreStated: each thing that does not arrive in another dialect as it was said is refused, dropped or
// approximated for a reason of the vendor's, and the README lists them all.
func TestLimitsAreStated(t *testing.T) {
	var table strings.Builder
	n := 0
	table.WriteString("| to | what | becomes | because |\n|---|---|---|---|\n")
	for _, f := range []*llm.Features{anthropic.Features(), openai.Features()} {
		for _, r := range f.Rows() {
			becomes := r.Class.String()
			if r.Class == llm.Mapped {
				if r.Fact == "" {
					continue // it always arrives
				}
				becomes = r.Lacking.String() + " where the model lacks it"
			}
			if r.Fact == "" {
				t.Errorf("%s: %s is %s, and no fact says why", f.Dialect, r.Feature, r.Class)
			}
			n++
			fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", f.Dialect, r.Feature, becomes, r.Fact)
		}
	}
	inReadme(t, "limits", fmt.Sprintf("%d limits are stated, each with the vendor's fact it rests on.\n\n%s", n, table.String()))
}

// inReadme holds the text between two marks of the README against what is generated.
func inReadme(t *testing.T, mark, want string) {
	t.Helper()
	const file = "../README.md"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	from, to := "<!-- "+mark+" -->\n", "<!-- /"+mark+" -->"
	head, rest, ok := strings.Cut(string(b), from)
	have, tail, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the marks of %s", file, mark)
	}
	if have == want {
		return
	}
	if !*update {
		t.Fatalf("%s: what stands between the marks of %s is not what the tables say; run go test ./providers -run %s -update", file, mark, t.Name())
	}
	if err := os.WriteFile(file, []byte(head+from+want+to+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
