package agents

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The task: the agent reads two files and puts what the one says into the other. The word differs in each run, so the
// edit can be right only if the tool's results reached the model.
const (
	prompt   = "Read greeting.txt and name.txt in this folder, then replace NAME in greeting.txt by the name from name.txt."
	greeting = "Hello, NAME!\n"
)

var aName = regexp.MustCompile(`name-[0-9a-z]{10}`)

// script plays the model for one task in one folder.
type script struct{ dir, name string }

// newScript lays the task's files into a new folder.
func newScript(t *testing.T) script {
	t.Helper()
	s := script{dir: t.TempDir(), name: "name-" + strings.ToLower(rand10())}
	for file, content := range map[string]string{"greeting.txt": greeting, "name.txt": s.name + "\n"} {
		if err := os.WriteFile(filepath.Join(s.dir, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// done says what is wrong with the task's end: the agent's file and what the agent printed.
func (s script) done(printed string) error {
	got, err := os.ReadFile(filepath.Join(s.dir, "greeting.txt"))
	if err != nil {
		return err
	}
	if want := strings.Replace(greeting, "NAME", s.name, 1); string(got) != want {
		return fmt.Errorf("greeting.txt is %q, want %q", got, want)
	}
	if want := "Done: greeted " + s.name; !strings.Contains(printed, want) {
		return fmt.Errorf("the agent did not end with %q", want)
	}
	return nil
}

// turn is what a model sees of a request, whichever dialect it came in.
type turn struct {
	tools   []tool
	calls   []call // made so far in the conversation
	results map[string]result
	// thinks reports whether the application wants reasoning; hidden, whether only its signature.
	thinks, hidden bool
}

type tool struct {
	name   string
	schema struct {
		Properties map[string]json.RawMessage
	}
}

// property is the tool's own spelling of one of its parameters: file_path here, filePath there.
func (t tool) property(names ...string) string {
	for _, n := range names {
		if _, ok := t.schema.Properties[n]; ok {
			return n
		}
	}
	return names[0]
}

type call struct{ id, name, arguments string }

type result struct {
	text   string
	failed bool
}

// reply is one answer of the model.
type reply struct {
	step           string // for the record
	thinking, text string
	calls          []call // without ids: these are the dialect's
}

// found is what the model looks for where an agent shows some of its tools only on demand.
const found = "WebFetch"

// next is the model's answer: look for a tool where the agent hides some, read both files at once, edit, end. A request without the tools for that is one of the
// side requests that agents make, for a title or a summary.
func (s script) next(t turn) reply {
	read, canRead := t.find("read")
	edit, canEdit := t.find("edit", "apply_patch")
	if !canRead || !canEdit {
		return reply{step: "side", text: "Greeting somebody"}
	}
	search, canSearch := t.find("ToolSearch")
	if !canSearch && slices.ContainsFunc(t.calls, func(c call) bool { return c.name == "ToolSearch" }) {
		return reply{step: "gave up", text: "The agent gave its tool search up: something that belongs to it was refused on the way."}
	}
	var name string
	var searches, reads, edits int
	for _, c := range t.calls {
		r, ok := t.results[c.id]
		switch {
		case !ok:
			return reply{step: "lost", text: "The result of " + c.name + " is missing."}
		case r.failed:
			return reply{step: "failed", text: "The tool " + c.name + " failed: " + r.text}
		case canSearch && c.name == search.name:
			searches++
			if _, offered := t.find(found); !offered || !strings.Contains(r.text, found) {
				return reply{step: "unfound", text: fmt.Sprintf("The tool that was looked for is not there (offered %v), or the result does not say so: %q", offered, r.text)}
			}
		case c.name == read.name:
			reads++
			if n := aName.FindString(r.text); n != "" {
				name = n
			}
		case c.name == edit.name:
			edits++
		}
	}
	switch {
	case canSearch && searches == 0:
		return reply{step: "search", thinking: "I may need a tool that is not shown.", calls: []call{{name: search.name, arguments: object(search.property("query"), "select:"+found)}}}
	case reads == 0:
		path := read.property("file_path", "filePath", "path")
		return reply{step: "read", thinking: "Both files are needed, so I read both.", text: "I read both files.", calls: []call{
			{name: read.name, arguments: object(path, filepath.Join(s.dir, "greeting.txt"))},
			{name: read.name, arguments: object(path, filepath.Join(s.dir, "name.txt"))},
		}}
	case name == "":
		return reply{step: "blind", text: "The files were read, but no name arrived."}
	case edits == 0:
		return reply{step: "edit", thinking: "The name is " + name + ".", calls: []call{{name: edit.name, arguments: s.edit(edit, name)}}}
	}
	return reply{step: "end", text: "Done: greeted " + name}
}

// edit is the call that changes the file, in the words of the tool at hand.
func (s script) edit(t tool, name string) string {
	file := filepath.Join(s.dir, "greeting.txt")
	if t.name == "apply_patch" {
		return object(t.property("patchText", "patch", "input"),
			"*** Begin Patch\n*** Update File: "+file+"\n@@\n-Hello, NAME!\n+Hello, "+name+"!\n*** End Patch")
	}
	return object(t.property("file_path", "filePath", "path"), file,
		t.property("old_string", "oldString"), "NAME", t.property("new_string", "newString"), name)
}

// find is the first of the tools so named that the agent offers, in any case of letters.
func (t turn) find(names ...string) (tool, bool) {
	for _, name := range names {
		if i := slices.IndexFunc(t.tools, func(t tool) bool { return strings.EqualFold(t.name, name) }); i >= 0 {
			return t.tools[i], true
		}
	}
	return tool{}, false
}

// object is a JSON object of text members, in the order given.
func object(members ...string) string {
	var b strings.Builder
	for i := 0; i < len(members); i += 2 {
		name, _ := json.Marshal(members[i])
		value, _ := json.Marshal(members[i+1])
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s:%s", name, value)
	}
	return "{" + b.String() + "}"
}
