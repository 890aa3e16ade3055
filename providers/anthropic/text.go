package anthropic

import (
	"unicode"
	"unicode/utf8"

	"localrouter/providers/llm"
	"localrouter/providers/wire"
)

// blank reports whether t is nothing but white space, which Anthropic refuses as a text.
func blank(t llm.Text) bool { return len(lead(t)) == 0 }

// lead cuts white space from the beginning of t, escaped or not.
func lead(t llm.Text) llm.Text {
	for len(t) > 0 {
		n, white := letter(t)
		if !white {
			return t
		}
		t = t[n:]
	}
	return nil
}

// trim cuts white space from the end of t, escaped or not.
func trim(t llm.Text) llm.Text {
	end := 0
	for i := 0; i < len(t); {
		n, white := letter(t[i:])
		if i += n; !white {
			end = i
		}
	}
	return t[:end]
}

// letter is the length of the character at the start of t, and whether it is white space by what it means: \u0020 is a
// space, too.
func letter(t llm.Text) (n int, white bool) {
	if t[0] != '\\' {
		if t[0] < utf8.RuneSelf {
			return 1, isWhite(rune(t[0]))
		}
		r, n := utf8.DecodeRune(t)
		return n, isWhite(r)
	}
	var b [utf8.UTFMax]byte
	meant, n := wire.Unescape(b[:0], t)
	r, _ := utf8.DecodeRune(meant)
	return n, isWhite(r)
}

// isWhite knows the separators of ASCII, too, which Unicode calls control characters.
func isWhite(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

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
