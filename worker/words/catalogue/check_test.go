package catalogue

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheCatalogueHasNoFault(t *testing.T) {
	all, err := All()
	require.NoError(t, err)
	assert.Empty(t, Check(all))
}

func TestFaultsOfALanguageAreFound(t *testing.T) {
	english := Catalogue{Lang: "en", Texts: []Text{
		{"fixed.not_charged", "You have not been charged."},
		{"label.city", "City"},
		{"rule.too_long", "At most {limit} characters."},
		{"answer.retry", "It failed. You have not been charged."},
	}}
	right := map[string]string{
		"fixed.not_charged": "Es wurde nichts berechnet.",
		"label.city":        "Ort",
		"rule.too_long":     "Höchstens {limit} Zeichen.",
		"answer.retry":      "Das ging schief. Es wurde nichts berechnet.",
	}
	require.Empty(t, Check([]Catalogue{english, german(right, "", "")}), "the language is right before it is broken")
	for _, c := range []struct{ name, key, text, fault string }{
		{"no text", "label.city", "-", "label.city is missing"},
		{"no such text in English", "label.town", "Stadt", "label.town is not in the English file"},
		{"a placeholder lost", "rule.too_long", "Das ist zu lang.", "has other placeholders"},
		{"a placeholder invented", "label.city", "Ort {n}", "has other placeholders"},
		{"a placeholder translated", "rule.too_long", "Höchstens {grenze} Zeichen.", "has other placeholders"},
		{"half a placeholder", "rule.too_long", "Höchstens {limit} Zeichen }.", "has other placeholders"},
		{"too long for its place", "label.city", strings.Repeat("Ort", 12), "has 36 characters, 2 more than its place"},
		{"a letter that the language has not", "label.city", "Örtșchaft", "has characters that its language has not (ș)"},
		{"a mark on a letter of its own", "label.city", "O\u0308rtchen", "has characters that its language has not"},
		{"a letter of another alphabet", "label.city", "Оrt", "has characters that its language has not (О)"},
		{"three dots", "label.city", "Ort...", "three dots"},
		{"two spaces", "label.city", "Ort  oder", "two spaces"},
		{"still in English", "label.city", "City", "is still in English"},
		{"English in part", "answer.retry", "Das ging schief, try again. Es wurde nichts berechnet.", "is still in English"},
		{"the fixed sentence is another one", "answer.retry", "Das ging schief. Sie wurden nicht belastet.",
			"must contain fixed.not_charged"},
		{"the fixed sentence is said where English does not", "label.city", "Es wurde nichts berechnet.",
			"must contain fixed.not_charged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			faults := Check([]Catalogue{english, german(right, c.key, c.text)})
			require.NotEmpty(t, faults)
			assert.Contains(t, strings.Join(faults, "\n"), c.fault)
		})
	}
}

// german is a language whose text of one key is another one; "-" leaves it out.
func german(texts map[string]string, key, text string) Catalogue {
	c := Catalogue{Lang: "de"}
	for k, v := range texts {
		if k != key {
			c.Texts = append(c.Texts, Text{k, v})
		}
	}
	if key != "" && text != "-" {
		c.Texts = append(c.Texts, Text{key, text})
	}
	return c
}

func TestAFileIsReadLineByLine(t *testing.T) {
	texts, err := parse("# a comment\n\na.b = One = two.\nc = Three\n")
	require.NoError(t, err)
	assert.Equal(t, []Text{{"a.b", "One = two."}, {"c", "Three"}}, texts)
	for _, c := range []struct{ name, content, fault string }{
		{"no text", "a.b\n", "line 1 is not of the form"},
		{"no spaces around the sign", "a=b\n", "line 1 is not of the form"},
		{"a key of two words", "\na b = c\n", "line 2 is not of the form"},
		{"an empty text", "a =  \n", "line 1: a is empty"},
		{"space at the end", "a = b \n", "line 1: a is empty, or has space"},
		{"a key that is there twice", "a = b\na = c\n", "line 2: a is there twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse(c.content)
			assert.ErrorContains(t, err, c.fault)
		})
	}
}
