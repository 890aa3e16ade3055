package main

import "fmt"

// form is how an answer is asked for.
type form string

const (
	whole    form = "whole"
	streamed form = "streamed"
	counted  form = "counted"  // the tokens only, which is free
	embedded form = "embedded" // vectors
	listed   form = "listed"   // the models
)

// The dialects an application may speak.
const (
	speaksOpenAI    = "openai"
	speaksAnthropic = "anthropic"
)

// torn is the status of an answer that began and did not end.
const torn = -1

// step is one request of the session, or several of the same kind at once.
type step struct {
	who     string // name of the key
	dialect string
	form    form
	model   string
	talk    string // the conversation it goes on with; empty: one of its own
	say     string // empty in a conversation: the results of the tools that were called
	tools   bool
	picture bool
	words   int      // of further text in the question, for long contexts
	want    []int    // the statuses that are right; none: 200
	sees    []string // the providers a list may hold; none: all
	by      []string // the targets that a person would have it answered by; none: any
	same    bool     // the very same question each time, as a script asks; else each has a number
	local   bool     // no remote upstream may be asked
	show    string
	number  int  // set when it is played
	atOnce  int  // how many at once; 0: one
	node    bool // by the SDKs for Node, where they are at hand
	// whatever says that any answer is right: the request names what is in trouble, or what comes depends on the clock.
	whatever bool
}

func (s *step) String() string {
	more := ""
	if s.node {
		more += ", Node"
	}
	if s.tools {
		more += ", tools"
	}
	if s.picture {
		more += ", a picture"
	}
	if s.words > 0 {
		more += fmt.Sprintf(", %d words more", s.words)
	}
	return fmt.Sprintf("%s asks %q (%s, %s%s)", s.who, s.model, s.dialect, s.form, more)
}

// scene is a time of the day in which the world does not change.
type scene struct {
	title string
	// hands are what is done before it: "UPSTREAM TROUBLE [TIME]", or a command line of the program that begins with "$ ".
	hands []string
	steps []step
}

// with changes copies of steps.
func with(steps []step, change func(*step)) []step {
	made := make([]step, len(steps))
	for i, s := range steps {
		change(&s)
		made[i] = s
	}
	return made
}

// times repeats steps.
func times(n int, steps ...step) (all []step) {
	for range n {
		all = append(all, steps...)
	}
	return all
}

// share gives half of the conversations, and every other single request, to the SDKs for Node.
func share(scenes []scene) {
	n, talks := 0, map[string]bool{}
	for _, sc := range scenes {
		for i := range sc.steps {
			s := &sc.steps[i]
			known := false
			if s.talk != "" {
				s.node, known = talks[s.talk]
			}
			if !known {
				n++
				s.node = n%2 == 0
				talks[s.talk] = s.node
			}
		}
	}
}
