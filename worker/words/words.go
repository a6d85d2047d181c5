// Package words holds every text that a shopper reads, in the languages of the countries that Klarna serves.
//
// The texts stand in catalogue/, one file a language, and English is their source. tables.go is made of them (go
// generate) and holds what the edge says; what a page says is written into www/build/words by the same program. See
// worker/docs/words.md.
//
// The package is pure. Nothing is decoded when the program starts: a text is looked up in its language's table, a
// constant, when it is said.
package words

//go:generate go run klarna-relay/worker/cmd/words -tables tables.go

import "strings"

// English is the language of shoppers whose own is not among the languages here.
const English = "en"

// Text is the text of a key ("answer.paid") in a language (ISO 639-1), or in English when there is none in that one. Each {…}
// in it is filled in with the next of args. It is plain text, no HTML, and "" when there is no such key.
func Text(lang, key string, args ...string) string {
	// keys has a line break around each key; a key's number is that of its line.
	at := strings.Index(keys, "\n"+key+"\n")
	if at < 0 {
		return ""
	}
	rest := table(lang)
	for range strings.Count(keys[:at], "\n") {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	text, _, _ := strings.Cut(rest, "\n")
	return filled(text, args)
}

// filled puts args in the place of each {…}.
func filled(text string, args []string) string {
	before, rest, found := strings.Cut(text, "{")
	_, after, closed := strings.Cut(rest, "}")
	if len(args) == 0 || !found || !closed {
		return text
	}
	return before + args[0] + filled(after, args[1:])
}

// Answer is the text of a code of the contract ("declined"); "" for a code that is for developers.
func Answer(lang, code string) string { return Text(lang, "answer."+code) }

// Problem says what a shopper can do about a problem with a field: code and detail are those of the rules. The
// fields of a delivery address have the words of the billing address.
func Problem(lang, field, code, detail string) string {
	if rest, ok := strings.CutPrefix(field, "ship"); ok && rest != "" {
		field = strings.ToLower(rest[:1]) + rest[1:]
	}
	if text := Text(lang, "rule."+code+"."+field); text != "" {
		return filled(text, []string{detail})
	}
	return Text(lang, "rule."+code, detail)
}

// Label is what the order form calls a field ("firstName", "quantity"); "" for a field that no form has.
func Label(lang, field string, delivery bool) string {
	label := Text(lang, "label."+field)
	if delivery && label != "" {
		return Text(lang, "label.delivery", label)
	}
	return label
}
