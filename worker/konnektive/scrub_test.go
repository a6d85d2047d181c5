package konnektive

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

func TestWhatIsLeftOfATextForTheLog(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a text about nobody", "Gateway says no, try later.", "Gateway says no, try later."},
		{"nothing", "", ""},
		{"a number", "Order 63 is on hold", "Order … is on hold"},
		{"an order id", "Order 63A9FBD226 is on hold", "Order … is on hold"},
		{"an e-mail address", "zoe@example.com is blocked", "… is blocked"},
		{"an IP address", "from 203.0.113.7: no", "from … no"},
		{"two private words in a row are one gap", "call +49 30 123 now", "call … now"},
		{"two gaps", "a1 b c2 d", "… b … d"},
		{"letters outside ASCII", "Zoë is blocked", "… is blocked"},
		{"in double quotes", `Name "Zoe Neill" is blocked`, "Name … is blocked"},
		{"in single quotes", "Name 'Zoe Neill' is blocked", "Name … is blocked"},
		{"with an apostrophe in the quotes", "Name 'Zoe O'Neill' is blocked", "Name … is blocked"},
		{"with an apostrophe outside", "It isn't possible", "It isn't possible"},
		{"an apostrophe first", "'Zoe' is blocked", "… is blocked"},
		{"an apostrophe last", "Zoes' order", "Zoes …"},
		{"an apostrophe after a number", "5'x is blocked", "…"},
		{"in brackets", "Blocked (Zoe Neill) by [Neill] and {Zoe} or <Zoe>", "Blocked … by … and … or …"},
		{"in German quotes", "Name „Zoe“ is blocked", "Name … is blocked"},
		{"in other quotes", "Name “Zoe” ‘Zoe’ «Zoe» `Zoe` is blocked", "Name … is blocked"},
		{"a quote that is not closed", `Blocked: "Zoe Neill`, "Blocked: …"},
		{"a closing bracket alone", "Blocked) by the gateway", "Blocked) by the gateway"},
		{"control characters and lines", "one\ntwo\x00three\u0085four\u2028five\u2029six\x7fseven", "one two three four five six seven"},
		{"white space around", "  one \t two  ", "one two"},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, Scrub(c.text), c.text)
		})
	}
}

func TestWhatTheShopperTypedIsTakenOut(t *testing.T) {
	assert.Equal(t, "Customer … of … is blocked by the gateway",
		Scrub("Customer Zoe Neill, of Hauptstrasse is blocked by the gateway", "ZOE", "Neill", "Hauptstrasse 5", ""))
	assert.Equal(t, "Customer is blocked", Scrub("Customer is blocked", "", " ", "..."))
}

func TestALongTextIsCutAtAWord(t *testing.T) {
	assert.Equal(t, strings.TrimSuffix(strings.Repeat("word ", 40), " "), Scrub(strings.Repeat("word ", 50)))
	assert.Equal(t, strings.Repeat("a", 199), Scrub(strings.Repeat("a", 199)))
	assert.Empty(t, Scrub(strings.Repeat("a", 200)))
}

func FuzzNothingPrivateIsLeftOfAText(f *testing.F) {
	f.Add("Name 'Zoe O'Neill' (203.0.113.7) of zoe@example.com is blocked", "Zoe Neill")
	f.Add("“”„“‘’«»()[]{}<>", "x")
	f.Add("\xff'a'\xc3", "'")
	f.Fuzz(func(t *testing.T, text, typed string) {
		left := Scrub(text, typed)
		assert.LessOrEqual(t, utf8.RuneCountInString(left), maxScrubbed)
		assert.Equal(t, -1, strings.IndexAny(left, "@0123456789\n\"`([{<"), left)
		for _, word := range strings.Fields(left) {
			assert.True(t, word == "…" || !private(word, typed), "%q of %q", word, typed)
		}
		for _, r := range left {
			assert.True(t, r < utf8.RuneSelf || r == '…', left)
		}
	})
}

// private tells whether a word is one that was typed.
func private(word, typed string) bool {
	for _, w := range words(typed) {
		if strings.EqualFold(trim(w), trim(word)) {
			return true
		}
	}
	return false
}
