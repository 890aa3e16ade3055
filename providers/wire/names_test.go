package wire

import (
	"slices"
	"strings"
	"testing"

	"localrouter/providers/llm"
)

// toolbox is a conversation with tools of these names, as JSON spells them.
func toolbox(names ...string) *llm.Conversation {
	c := &llm.Conversation{}
	for _, name := range names {
		c.Tools = append(c.Tools, llm.Tool{Name: llm.Text(name)})
	}
	return c
}

// TestNames: names that a dialect does not take are changed, each to one of its own, and come back.
func TestNames(t *testing.T) {
	long := strings.Repeat("x", 20)
	for _, c := range []struct {
		tools, want string // with blanks between; a hash is written #
	}{
		{"get_weather f-1", "get_weather f-1"},
		{"fs.read", "fs_read"},
		{"fs.read fs_read", "fs_read_# fs_read"},
		{"fs.read fs/read", "fs_read fs_read_#"},
		{`caf\u00e9 f\u006fo foo`, "caf_ foo foo"},
		{"é ü", "__# __#"},
		{"a....b", "a_b"},
		{long + "1 " + long + "2", "xxxxxxx_# xxxxxxx_#"},
	} {
		in := strings.Fields(c.tools)
		n := NewNames(toolbox(in...), 16)
		seen := map[string]string{}
		for i, want := range strings.Fields(c.want) {
			got := string(n.Of(llm.Text(in[i])))
			head, hashed := strings.CutSuffix(want, "#")
			if !strings.HasPrefix(got, head) || len(got) != len(head)+map[bool]int{true: 8}[hashed] || !IsName(got, 16) {
				t.Errorf("%s: %s is sent as %s, want %s", c.tools, in[i], got, want)
			}
			own := Meaning(llm.Text(in[i]))
			if other, there := seen[got]; there && other != own {
				t.Errorf("%s: %s is sent for %s and %s", c.tools, got, other, own)
			}
			seen[got] = own
			back, changed := n.Own()[got]
			if !changed {
				back = got
			}
			if back != own {
				t.Errorf("%s: %s comes back as %s, want %s", c.tools, got, back, own)
			}
		}
	}
}

// TestNamesOfEverything: tools of the history, of the choice and of the subset are renamed alike, those that a provider
// runs never, and a name does not hang on what other tools there are.
func TestNamesOfEverything(t *testing.T) {
	c := toolbox("good")
	c.Tools = append(c.Tools, llm.Tool{Name: llm.Text("web.search"), Hosted: true}, llm.Tool{Name: llm.Text("a_b"), Hosted: true})
	c.Turns = []llm.Turn{{Role: llm.Assistant, Parts: []llm.Part{{Kind: llm.PartToolCall, Name: llm.Text("old.tool")}}}}
	c.Choice = llm.Choice{Mode: llm.ChoiceOne, Name: llm.Text("one.tool"), Allowed: []llm.Text{llm.Text("a.b")}}
	n := NewNames(c, 64)
	var got []string
	for sent, own := range n.Own() {
		got = append(got, own+" "+strings.TrimRight(sent, "0123456789abcdef"))
	}
	slices.Sort(got)
	if want := []string{"a.b a_b_", "old.tool old_tool", "one.tool one_tool"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if a, b := NewNames(toolbox("fs.read", "x.y"), 64).Of(llm.Text("x.y")), NewNames(toolbox("x.y"), 64).Of(llm.Text("x.y")); string(a) != string(b) {
		t.Errorf("%s became %s", b, a)
	}
}

func TestAName(t *testing.T) {
	c := toolbox("answer", "a.b")
	for range 2 {
		n := NewNames(c, 64)
		first, second := n.Add(c, "answer"), n.Add(c, "a_b")
		if first == "answer" || !strings.HasPrefix(first, "answer_") || !strings.HasPrefix(second, "a_b_") || n.Add(c, "reply") != "reply" {
			t.Errorf("%s, %s", first, second)
		}
		c = toolbox("answer", "a_b")
	}
}

// FuzzNames: any two tools get two good names, and both come back.
func FuzzNames(f *testing.F) {
	f.Add("fs.read", "fs/read", "fs_read")
	f.Add("", "_", "__")
	f.Add(strings.Repeat("é", 40), strings.Repeat("x", 65), "\xff")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		conv := toolbox(string(TextOf(a)), string(TextOf(b)), string(TextOf(c)))
		n := NewNames(conv, 32)
		by := map[string]string{}
		for i := range conv.Tools {
			own, sent := Meaning(conv.Tools[i].Name), string(n.Of(conv.Tools[i].Name))
			if !IsName(sent, 32) || string(n.Of(conv.Tools[i].Name)) != sent {
				t.Fatalf("%q is sent as %q", own, sent)
			}
			if other, there := by[sent]; there && other != own {
				t.Fatalf("%q and %q are sent as %q", own, other, sent)
			}
			by[sent] = own
			if back, changed := n.Own()[sent]; changed && back != own || !changed && sent != own {
				t.Fatalf("%q, sent as %q, comes back as %q", own, sent, back)
			}
		}
	})
}
