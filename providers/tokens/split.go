package tokens

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// class is what the splitting rules ask of a character.
type class uint8

const (
	upper   class = 1 << iota // may stand in the first half of a word: capitals, and what has no case
	lower                     // may stand in the second half of a word: small letters, and what has no case
	letter                    // a letter; a mark that combines with one is upper and lower only
	number                    //
	space                     //
	newline                   // CR and LF, which are space too
)

// wide is the end of the characters that are kept in a table; those above are rare.
const wide = 0x20000

// classes is the table, made when the first character that is not ASCII comes.
var classes = sync.OnceValue(func() *[wide]class {
	t := new([wide]class)
	for r := range rune(len(t)) {
		t[r] = slowClass(r)
	}
	return t
})

func slowClass(r rune) class {
	switch {
	case r == '\r' || r == '\n':
		return space | newline
	case unicode.IsSpace(r): // the White_Space property
		return space
	case unicode.Is(unicode.Ll, r):
		return letter | lower
	case unicode.In(r, unicode.Lu, unicode.Lt):
		return letter | upper
	case unicode.IsLetter(r):
		return letter | upper | lower
	case unicode.IsMark(r):
		return upper | lower
	case unicode.IsNumber(r):
		return number
	}
	return 0
}

// ascii is the table of the first 128 characters.
var ascii = [128]class{
	'\t': space, '\n': space | newline, '\v': space, '\f': space, '\r': space | newline, ' ': space,
	'0': number, '1': number, '2': number, '3': number, '4': number, '5': number, '6': number, '7': number, '8': number, '9': number,
	'A': letter | upper, 'B': letter | upper, 'C': letter | upper, 'D': letter | upper, 'E': letter | upper, 'F': letter | upper,
	'G': letter | upper, 'H': letter | upper, 'I': letter | upper, 'J': letter | upper, 'K': letter | upper, 'L': letter | upper,
	'M': letter | upper, 'N': letter | upper, 'O': letter | upper, 'P': letter | upper, 'Q': letter | upper, 'R': letter | upper,
	'S': letter | upper, 'T': letter | upper, 'U': letter | upper, 'V': letter | upper, 'W': letter | upper, 'X': letter | upper,
	'Y': letter | upper, 'Z': letter | upper,
	'a': letter | lower, 'b': letter | lower, 'c': letter | lower, 'd': letter | lower, 'e': letter | lower, 'f': letter | lower,
	'g': letter | lower, 'h': letter | lower, 'i': letter | lower, 'j': letter | lower, 'k': letter | lower, 'l': letter | lower,
	'm': letter | lower, 'n': letter | lower, 'o': letter | lower, 'p': letter | lower, 'q': letter | lower, 'r': letter | lower,
	's': letter | lower, 't': letter | lower, 'u': letter | lower, 'v': letter | lower, 'w': letter | lower, 'x': letter | lower,
	'y': letter | lower, 'z': letter | lower,
}

// classAt is the class of the character at i and its length; past the end it is 0 of length 0. A byte that is no UTF-8
// is a symbol.
func (c *counter) classAt(text []byte, i int) (class, int) {
	if i >= len(text) {
		return 0, 0
	}
	c.steps++
	if b := text[i]; b < utf8.RuneSelf {
		return ascii[b], 1
	}
	r, n := utf8.DecodeRune(text[i:])
	if r < wide {
		return classes()[r], n
	}
	return slowClass(r), n
}

// piece returns the end of the piece that begins at i: what is merged on its own. Pieces are those of o200k_base, whose
// rule is a regular expression of seven alternatives; this is what it comes to when a word is tried first, then up to
// three digits, then symbols with the line ends behind them, then white space. Each character is looked at a bounded
// number of times.
func (c *counter) piece(text []byte, i int) int {
	first, n := c.classAt(text, i)
	switch {
	case first&letter != 0:
		end, _ := c.word(text, i)
		return end
	case first&number != 0:
		return c.digits(text, i+n)
	case first&newline == 0: // one character of another kind may stand before a word
		end, cased := c.word(text, i+n)
		switch {
		case cased:
			return end
		case first&upper != 0: // a mark can be a word of its own
			end, _ = c.word(text, i)
			return end
		case end > 0:
			return end
		}
	}
	if end := c.symbols(text, i, first); end > 0 {
		return end
	}
	return c.blanks(text, i)
}

// word returns the end of the word at i, 0 where there is none: capitals, then small letters; what has no case counts as
// both. cased reports whether small letters, or something without case, came at the end. An English contraction belongs to
// the word before it.
func (c *counter) word(text []byte, i int) (end int, cased bool) {
	caseless := 0 // end of the last such character
	end = i
	k, n := c.classAt(text, end)
	for k&upper != 0 {
		end += n
		if k&lower != 0 {
			caseless = end
		}
		k, n = c.classAt(text, end)
	}
	switch {
	case k&lower != 0:
		for k&lower != 0 {
			end += n
			k, n = c.classAt(text, end)
		}
		cased = true
	case caseless > 0:
		end, cased = caseless, true
	case end == i:
		return 0, false
	}
	return end + contraction(text[end:]), cased
}

// contraction is the length of 's, 't, 'm, 'd, 're, 've or 'll at the start of text.
func contraction(text []byte) int {
	if len(text) < 2 || text[0] != '\'' {
		return 0
	}
	switch text[1] | 0x20 {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(text) > 2 {
		switch string([]byte{text[1] | 0x20, text[2] | 0x20}) {
		case "re", "ve", "ll":
			return 3
		}
	}
	return 0
}

// digits returns the end of up to three digits of which the first ends at i.
func (c *counter) digits(text []byte, i int) int {
	for range 2 {
		k, n := c.classAt(text, i)
		if k&number == 0 {
			break
		}
		i += n
	}
	return i
}

// symbols returns the end of the symbols at i, before which one blank may stand, and behind which line ends and slashes; 0
// where there are none.
func (c *counter) symbols(text []byte, i int, first class) int {
	if text[i] == ' ' {
		i++
		if k, n := c.classAt(text, i); n == 0 || k&(space|letter|number) != 0 {
			return 0
		}
	} else if first&(space|letter|number) != 0 {
		return 0
	}
	for {
		k, n := c.classAt(text, i)
		if n == 0 || k&(space|letter|number) != 0 {
			break
		}
		i += n
	}
	for i < len(text) && (text[i] == '\r' || text[i] == '\n' || text[i] == '/') {
		i++
		c.steps++
	}
	return i
}

// blanks returns the end of the white space at i: through its last line end; without one all of it but the last
// character, which is left to what follows.
func (c *counter) blanks(text []byte, i int) int {
	line, last, end := 0, i, i
	for {
		k, n := c.classAt(text, end)
		if k&space == 0 {
			break
		}
		last = end
		end += n
		if k&newline != 0 {
			line = end
		}
	}
	switch {
	case line > 0:
		return line
	case end == len(text) || last == i:
		return end
	}
	return last
}
