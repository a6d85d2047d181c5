package rules

import (
	"strings"
	"unicode/utf8"
)

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLower(c byte) bool  { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool  { return 'A' <= c && c <= 'Z' }
func isLetter(c byte) bool { return isLower(c) || isUpper(c) }

// allDigits says whether s is ASCII digits, one at least.
func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

// number is the value of a decimal number of at most nine digits, or -1. (strconv.Atoi brings the machinery of its
// error messages.)
func number(s string) int {
	if !allDigits(s) || len(s) > 9 {
		return -1
	}
	n := 0
	for i := 0; i < len(s); i++ {
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// upper is s in ASCII upper case.
func upper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if isLower(c) {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

// lower is s in ASCII lower case.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if isUpper(c) {
			b[i] = c - 'A' + 'a'
		}
	}
	return string(b)
}

// printable says whether s is valid UTF-8 without control characters (C0, DEL, C1) and line separators.
func printable(s string) bool {
	for i, r := range s {
		if r < 0x20 || r >= 0x7F && r <= 0x9F || r == 0x2028 || r == 0x2029 {
			return false
		}
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return false
			}
		}
	}
	return true
}

// isSpace covers the spaces of Unicode that come out of word processors and other keyboards.
func isSpace(r rune) bool {
	if r < 0x80 {
		return r == ' '
	}
	return r == 0xA0 || r == 0x1680 || r >= 0x2000 && r <= 0x200A || r == 0x202F || r == 0x205F || r == 0x3000
}

// invisible are characters that copying and pasting brings along (a soft hyphen, marks of writing direction, a byte
// order mark) and that mean nothing in a form.
func invisible(r rune) bool {
	if r < 0xAD {
		return false
	}
	return r == 0xAD || r == 0x200B || r == 0x200E || r == 0x200F || r >= 0x202A && r <= 0x202E || r >= 0x2060 &&
		r <= 0x206F || r == 0xFEFF
}

// joiner are the two that shape letters in Persian and Indic names.
func joiner(r rune) bool { return r == 0x200C || r == 0x200D }

// clean removes what nobody sees: outer spaces, doubled spaces, invisible characters. Joiners stay between two
// letters that can need one.
func clean(s string) string {
	if isClean(s) {
		return s
	}
	var b strings.Builder
	var last, held rune // last written; a space or joiner that waits for what follows
	for _, r := range s {
		switch {
		case invisible(r):
		case isSpace(r):
			held = ' '
		case joiner(r):
			if held == 0 && last >= 0x80 {
				held = r
			}
		default:
			if held == ' ' && last != 0 || joiner(held) && r >= 0x80 {
				b.WriteRune(held)
			}
			b.WriteRune(r)
			last, held = r, 0
		}
	}
	return b.String()
}

// isClean says whether clean would change nothing: most of what is typed is as it should be, and need not be copied.
func isClean(s string) bool {
	last := ' '
	for _, r := range s {
		if r == ' ' && last == ' ' || r != ' ' && isSpace(r) || invisible(r) || joiner(r) || r == utf8.RuneError {
			return false
		}
		last = r
	}
	return s == "" || last != ' '
}

// asciiDigit is the value of a digit of the ASCII, full-width and Arabic blocks, as phones' keyboards write them.
func asciiDigit(r rune) (byte, bool) {
	if r < 0x80 {
		return byte(r), isDigit(byte(r))
	}
	for _, zero := range [...]rune{0xFF10, 0x0660, 0x06F0} {
		if r >= zero && r <= zero+9 {
			return '0' + byte(r-zero), true
		}
	}
	return 0, false
}

// symbol says that r is nothing a name or an address is written with: arrows, pictures, box drawings, private use.
func symbol(r rune) bool {
	switch {
	case r == 0x2116: // the numero sign, in addresses
		return false
	case r >= 0x20A0 && r <= 0x20CF, r >= 0x2190 && r <= 0x2BFF, r >= 0x2300 && r <= 0x2426,
		r >= 0xE000 && r <= 0xF8FF, r >= 0xFFF0 && r <= 0xFFFF, r >= 0x1F000 && r <= 0x1FAFF,
		r >= 0xE0000 && r <= 0xE00FF, r >= 0xF0000:
		return true
	}
	return false
}

// nameMark are the characters beyond letters that names hold.
func nameMark(r rune) bool {
	if r < 0x80 && isLetter(byte(r)) {
		return false
	}
	for _, mark := range " '-.,&()’‘ʼ´`‐‑–·・ªº" {
		if r == mark {
			return true
		}
	}
	return joiner(r)
}

// nameLetter says whether r can be a letter or a combining mark of a name. It lists what is not a letter, because the
// tables of all letters are larger than all other rules together.
func nameLetter(r rune) bool {
	switch {
	case r < 0x80:
		return isLetter(byte(r))
	case r <= 0xBF: // signs of Latin-1; ª and º are marks
		return false
	case r == 0xD7, r == 0xF7, // × ÷
		r >= 0x2000 && r <= 0x2BFF,
		r >= 0x2E00 && r <= 0x2E7F,
		r >= 0x3000 && r <= 0x3004, r >= 0x3008 && r <= 0x3020, r == 0x3030, r == 0x303D, r == 0x30FB,
		r >= 0xFE10 && r <= 0xFE1F, r >= 0xFE30 && r <= 0xFE6F,
		r >= 0xFF00 && r <= 0xFF20, r >= 0xFF3B && r <= 0xFF40, r >= 0xFF5B && r <= 0xFF65:
		return false
	}
	return !symbol(r)
}

// shorten cuts s to n characters.
func shorten(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
