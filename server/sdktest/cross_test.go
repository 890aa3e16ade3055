package sdktest

import (
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// limits are golden cases that one dialect cannot say as the other does; the manual states them.
var limits = map[string]string{
	"openai-chat/refusal anthropic":  "a refusal is told as a text",
	"anthropic/stop_sequence openai": "which stop sequence came is not told",
}

// hands lets a model answer with a case from here on, within a test that has begun.
func (v *vendor) hands(model string, g *golden) {
	v.plays(model, func(w http.ResponseWriter, _ *http.Request, asked *request) { v.tell(w, v.fresh(g), asked) })
}

// plays gives a model a scene from here on, within a test that has begun, and forgets what was received.
func (v *vendor) plays(model string, s script) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.scripts, v.received = map[string]script{model: s}, nil
}

// vendorOf is the vendor that tells a case.
func vendorOf(g *golden) *vendor {
	return vendors[map[string]string{"openai": "upo", "anthropic": "upa"}[g.of()]]
}

// TestEachGoldenCaseIsReadAsItWasMeant has each case told by its vendor and read by the SDKs of both dialects. It prints
// the table of dialect x case.
func TestEachGoldenCaseIsReadAsItWasMeant(t *testing.T) {
	var table strings.Builder
	table.WriteString("| example |")
	for _, s := range sdks {
		table.WriteString(" read by " + s.name() + " |")
	}
	table.WriteString("\n|---|" + strings.Repeat("---|", len(sdks)) + "\n")
	for i := range goldens {
		g := &goldens[i]
		if g.Expect.Stop == "" && g.Expect.Error == nil {
			continue // counts, which are no answers
		}
		table.WriteString("| " + g.Dialect + " " + g.Case + " |")
		for _, s := range sdks {
			verdict := "pass"
			if limit := limits[fmt.Sprintf("%s/%s %s", g.Dialect, g.Case, s.dialect())]; limit != "" {
				verdict = "stated limit: " + limit
			}
			if !t.Run(fmt.Sprintf("%s/%s/%s", g.Dialect, g.Case, s.name()), func(t *testing.T) { judge(t, g, s) }) {
				verdict = "FAIL"
			}
			table.WriteString(" " + verdict + " |")
		}
		table.WriteString("\n")
	}
	t.Log("golden cases through the gateway\n" + table.String())
	if !t.Failed() {
		inReadme(t, "fidelity", table.String())
	}
}

var update = flag.Bool("update", false, "write what is generated into the README")

// inReadme holds the text between two marks of the README against what is generated.
func inReadme(t *testing.T, mark, want string) {
	t.Helper()
	const file = "../../README.md"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	from, to := "<!-- "+mark+" -->\n", "<!-- /"+mark+" -->"
	head, rest, ok := strings.Cut(string(b), from)
	have, tail, ok2 := strings.Cut(rest, to)
	switch {
	case !ok || !ok2:
		t.Fatalf("%s lacks the marks of %s", file, mark)
	case have == want:
	case !*update:
		t.Errorf("%s: what stands between the marks of %s is not what this test found; run go test . -run %s -update in server/sdktest", file, mark, t.Name())
	default:
		if err := os.WriteFile(file, []byte(head+from+want+to+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func judge(t *testing.T, g *golden, s sdk) {
	r := route{client: s.dialect(), vendor: vendorOf(g)}
	r.ready(t)
	r.vendor.begins(t, nil)
	r.vendor.hands("golden", g)
	for _, streamed := range []bool{false, true} {
		if g.whole == "" && !streamed {
			continue
		}
		a, err := s.send(t.Context(), r.place(), talk(r.model("golden")), streamed)
		if e := g.Expect.Error; e != nil {
			f, typed := s.failure(err)
			if !typed || g.Status != http.StatusOK && f.message == "" || a.text != g.Expect.Text {
				t.Errorf("streamed %v: got %+v, %v after %q", streamed, f, err, a.text)
			}
			if !r.translated() && g.Status != http.StatusOK && (f.status != g.Status || e.Type != "" && f.kind != e.Type || e.Code != "" && f.code != e.Code) {
				t.Errorf("streamed %v: got %+v, want %+v", streamed, f, e)
			}
			continue
		}
		if err != nil {
			t.Errorf("streamed %v: %v", streamed, err)
		} else if off := a.differs(g.means(r.client)); off != "" {
			t.Errorf("streamed %v: %s", streamed, off)
		}
	}
}

// spoiling counts what became of the spoiled answers of a case.
type spoiling struct {
	g                    *golden
	own, other           sdk
	same, refused, apart int
	survivors            []string
}

// TestASpoiledAnswerIsRefusedOrReadAsTheSDKReadsIt changes one thing in a vendor's answer, and has it read by the other
// dialect's SDK through the gateway, which is by the gateway's decoder, and by the vendor's own SDK straight. What only
// re-orders or adds must be read as before. Else either side may refuse; where both read something and it is not the
// same, it is listed. Nothing may bring the gateway to a 500 or to silence.
func TestASpoiledAnswerIsRefusedOrReadAsTheSDKReadsIt(t *testing.T) {
	times := 50
	if os.Getenv("LOCALROUTER_FULL") != "" {
		times = 500
	}
	var survivors []string
	for i := range goldens {
		g := &goldens[i]
		if g.Expect.Stop == "" {
			continue
		}
		t.Run(g.Dialect+"/"+g.Case, func(t *testing.T) {
			s := spoiling{g: g, own: openAISDK{}, other: anthropicSDK1{}}
			if g.of() == "anthropic" {
				s.own, s.other = s.other, s.own
			}
			vendorOf(g).begins(t, nil)
			seed := fnv.New64a()
			seed.Write([]byte(g.Dialect + g.Case))
			for n := range times {
				for _, streamed := range []bool{false, true} {
					s.once(t, streamed, func() *rand.Rand { return rand.New(rand.NewPCG(seed.Sum64(), uint64(n))) })
				}
			}
			t.Logf("%d read the same, %d refused, %d survived", s.same, s.refused, s.apart)
			survivors = append(survivors, s.survivors...)
		})
	}
	slices.Sort(survivors)
	survivors = slices.Compact(survivors)
	t.Logf("%d survivors\n%s", len(survivors), strings.Join(survivors, "\n"))
}

// once spoils the answer once. The gateway may ask for a stream where the application wants a whole answer: what the
// vendor was asked for is what both sides read.
func (s *spoiling) once(t *testing.T, streamed bool, chance func() *rand.Rand) {
	t.Helper()
	v := vendorOf(s.g)
	crossed := route{client: s.other.dialect(), vendor: v}
	crossed.ready(t)
	var told *golden
	var name string
	var harmless, stream bool
	v.plays("golden", func(w http.ResponseWriter, _ *http.Request, asked *request) {
		var what string
		stream = asked.stream
		told, what, harmless = s.g.mutated(stream, chance())
		name = fmt.Sprintf("%s/%s %s %s", s.g.Dialect, s.g.Case, map[bool]string{false: "whole", true: "stream"}[stream], what)
		v.tell(w, v.fresh(told), asked)
	})
	got, err := s.other.send(t.Context(), crossed.place(), talk(crossed.model("golden")), streamed)
	if told == nil {
		t.Fatalf("nothing reached the vendor: %v", err)
	}
	v.hands("golden", told)
	read, readErr := s.own.send(t.Context(), place{base: v.base, key: providerKey}, talk("golden"), stream)
	f, typed := s.other.failure(err)
	off := got.differs(s.wanted(read, got))
	switch {
	case err != nil && (silent(err) || typed && f.status == http.StatusInternalServerError):
		t.Errorf("%s: %v %q", name, err, f.message)
	case err != nil && harmless:
		t.Errorf("%s is refused: %v %q", name, err, f.message)
	case err != nil:
		s.refused++
	case readErr == nil && off == "":
		s.same++
	case harmless:
		t.Errorf("%s: %s", name, off)
	case readErr != nil:
		s.apart++
		s.survivors = append(s.survivors, name+": read as "+show(got.text)+", where the SDK says: "+readErr.Error())
	default:
		s.apart++
		s.survivors = append(s.survivors, name+": "+off)
	}
}

// silent reports whether nobody answered, which is no refusal.
func silent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// wanted is what an application of the other dialect must read where the vendor's own SDK read a. Counts that are not
// there are estimated, and a reason that is not there shows in the answer itself.
func (s *spoiling) wanted(a, got answer) answer {
	if a.usage.input <= 0 || a.usage.output <= 0 {
		a.usage = got.usage
	}
	switch {
	case a.stop == "" && len(a.calls) > 0:
		a.stop = "tools"
	case a.stop == "" || a.stop == "tools" && len(a.calls) == 0:
		a.stop = "end"
	}
	return inDialect(a, s.g.of(), s.other.dialect())
}
