package llm

// SameModel reports whether a reply's name of its model says no more than what was asked for: the same id, or a dated
// snapshot of it.
func SameModel(asked, answered string) bool {
	if asked == answered {
		return true
	}
	base, dated := Undated(answered)
	return dated && base == asked
}

// Undated takes a date off the end of a model's id: "-20250929" or "-2025-09-29". ok is false where there is none.
func Undated(id string) (base string, ok bool) {
	for _, form := range [...]string{"-20YYMMDD", "-20YY-MM-DD"} {
		if at := len(id) - len(form); at > 0 && isDate(id[at:], form) {
			return id[:at], true
		}
	}
	return id, false
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// isDate compares s with a form of the same length, in which letters stand for digits.
func isDate(s, form string) bool {
	month, day := 0, 0
	for i := range len(form) {
		switch {
		case form[i] >= 'A' && !isDigit(s[i]):
			return false
		case form[i] == 'M':
			month = month*10 + int(s[i]-'0')
		case form[i] == 'D':
			day = day*10 + int(s[i]-'0')
		case form[i] < 'A' && s[i] != form[i]:
			return false
		}
	}
	return month >= 1 && month <= 12 && day >= 1 && day <= 31
}
