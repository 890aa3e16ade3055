package anthropic

import "localrouter/providers/llm"

// blank reports whether t is nothing but white space, which Anthropic refuses as a text.
func blank(t llm.Text) bool { return len(trim(t)) == 0 }

// trim cuts white space from the end of t, escaped or not.
func trim(t llm.Text) llm.Text {
	for len(t) > 0 {
		if t[len(t)-1] == ' ' {
			t = t[:len(t)-1]
			continue
		}
		n := len(t)
		if n < 2 || t[n-2] != '\\' || t[n-1] != 'n' && t[n-1] != 't' && t[n-1] != 'r' {
			return t
		}
		k := n - 2
		for k > 0 && t[k-1] == '\\' {
			k--
		}
		if (n-2-k)&1 == 1 {
			return t // the backslash is itself escaped, and the letter a letter
		}
		t = t[:n-2]
	}
	return t
}

// joined puts texts together with an empty line between them.
func joined(list []llm.Text) llm.Text {
	if len(list) == 1 {
		return list[0]
	}
	var all llm.Text
	for i, t := range list {
		if i > 0 {
			all = append(all, `\n\n`...)
		}
		all = append(all, t...)
	}
	return all
}
