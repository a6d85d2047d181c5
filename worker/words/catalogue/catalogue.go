// Package catalogue reads the files of texts and finds what is wrong with them. It is for tools and tests; nothing
// of it ships.
package catalogue

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed *.txt
var files embed.FS

// A Text is one line of a file.
type Text struct{ Key, Text string }

// A Catalogue is the texts of one language, in the file's order.
type Catalogue struct {
	Lang  string // ISO 639-1, the name of the file
	Texts []Text
}

// Text is the text of a key; "" when there is none.
func (c Catalogue) Text(key string) string {
	for _, t := range c.Texts {
		if t.Key == key {
			return t.Text
		}
	}
	return ""
}

// All reads all languages, in alphabetical order, and puts their texts in the order of the English file.
func All() ([]Catalogue, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	var all []Catalogue
	for _, entry := range entries {
		content, err := files.ReadFile(entry.Name())
		if err != nil {
			return nil, err
		}
		lang := strings.TrimSuffix(entry.Name(), ".txt")
		texts, err := parse(string(content))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Name(), err)
		}
		all = append(all, Catalogue{Lang: lang, Texts: texts})
	}
	english := all[slices.IndexFunc(all, func(c Catalogue) bool { return c.Lang == "en" })]
	for _, c := range all {
		slices.SortStableFunc(c.Texts, func(a, b Text) int { return english.place(a.Key) - english.place(b.Key) })
	}
	return all, nil
}

// Checked reads all languages, and fails when something is wrong with one of them.
func Checked() ([]Catalogue, error) {
	all, err := All()
	if err != nil {
		return nil, err
	}
	if faults := Check(all); len(faults) > 0 {
		return nil, fmt.Errorf("%d faults in the catalogue of texts:\n%s", len(faults), strings.Join(faults, "\n"))
	}
	return all, nil
}

// place is where a key stands; behind all others when it is none of the catalogue's.
func (c Catalogue) place(key string) int {
	at := slices.IndexFunc(c.Texts, func(t Text) bool { return t.Key == key })
	if at < 0 {
		return len(c.Texts)
	}
	return at
}

// parse reads lines of "key = text"; empty ones and those that begin with "#" are comments.
func parse(content string) ([]Text, error) {
	var texts []Text
	for i, line := range strings.Split(content, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		key, text, ok := strings.Cut(line, " = ")
		switch {
		case !ok || key == "" || strings.ContainsAny(key, " \t"):
			return nil, fmt.Errorf("line %d is not of the form key = text", i+1)
		case text != strings.TrimSpace(text) || text == "":
			return nil, fmt.Errorf("line %d: %s is empty, or has space around it", i+1, key)
		case slices.ContainsFunc(texts, func(t Text) bool { return t.Key == key }):
			return nil, fmt.Errorf("line %d: %s is there twice", i+1, key)
		}
		texts = append(texts, Text{key, text})
	}
	return texts, nil
}
