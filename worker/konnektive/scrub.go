package konnektive

import (
	"strings"
	"unicode/utf8"
)

// maxScrubbed is how many characters of a text of Konnektive's the log shows.
const maxScrubbed = 200

// Scrub takes out of a text of Konnektive's what may be a shopper's, so that the rest can be logged and the operator
// can say what it means. An ellipsis stands for everything in quotes or brackets, for every word with an @, a digit or
// a letter outside ASCII, and for every word that is one of typed, which are texts that the shopper typed.
func Scrub(text string, typed ...string) string {
	private := map[string]bool{}
	for _, value := range typed {
		for _, word := range words(value) {
			private[strings.ToLower(trim(word))] = true
		}
	}
	var b strings.Builder
	left, hidden := maxScrubbed, false
	for _, word := range words(withoutQuotes(text)) {
		if identifies(word) || private[strings.ToLower(trim(word))] {
			if hidden {
				continue
			}
			word = "…"
		}
		hidden = word == "…"
		if left -= utf8.RuneCountInString(word) + 1; left < 0 {
			break
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
	return b.String()
}

// words splits a text at white space and control characters.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool {
		return r <= ' ' || r >= 0x7f && r <= 0xa0 || r == 0x2028 ||
			r == 0x2029
	})
}

// trim takes the punctuation off both ends of a word.
func trim(word string) string { return strings.Trim(word, ".,;:!?-_/*") }

func identifies(word string) bool {
	for i := range len(word) {
		if c := word[i]; c == '@' || isDigit(c) || c >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

// quotes are the pairs that something quoted stands in.
var quotes = []string{`""`, "''", "``", "“”", "„“", "‘’", "«»", "()", "[]", "{}", "<>"}

// closing is the quote that ends what the quote r begins; 0 when r begins nothing.
func closing(r rune) rune {
	for _, pair := range quotes {
		if opening, size := utf8.DecodeRuneInString(pair); opening == r {
			end, _ := utf8.DecodeRuneInString(pair[size:])
			return end
		}
	}
	return 0
}

// withoutQuotes puts an ellipsis for everything in quotes or brackets. A quote that is not closed goes to the end. An
// apostrophe between two letters is not a quote.
func withoutQuotes(text string) string {
	var b strings.Builder
	var end rune // of the quote that is open
	for i, r := range text {
		inWord := r == '\'' && i > 0 && inLetters(text[i-1]) && i+1 < len(text) && inLetters(text[i+1])
		switch begun := closing(r); {
		case end != 0:
			if r == end && !inWord {
				end = 0
			}
		case begun != 0 && !inWord:
			end = begun
			b.WriteString(" … ")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// inLetters tells whether a byte is a letter or part of one outside ASCII.
func inLetters(c byte) bool { return isLetter(c) || c >= utf8.RuneSelf }
