package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// A translator makes pages of one language.
type translator struct {
	lang    string
	words   map[string]string
	paths   []string // of the pages, as links name them
	used    map[string]bool
	missing []string
}

func newTranslator(lang string, words map[string]string, files []string) *translator {
	tr := &translator{lang: lang, words: words, used: map[string]bool{}}
	for _, file := range files {
		path := "/" + strings.TrimSuffix(file, ".html")
		if path == "/index" {
			path = "/"
		}
		tr.paths = append(tr.paths, path)
	}
	return tr
}

var (
	// A comment, or a tag with its attributes; quoted values may hold ">".
	tags       = regexp.MustCompile(`(?s)<!--.*?-->|<(?:[^>"]|"[^"]*")*>`)
	attributes = regexp.MustCompile(` ([a-z-]+)="([^"]*)"`)
	options    = regexp.MustCompile(`(?:<option value="[A-Z]{2}">[^<]*</option>\n)+`)
)

// page translates one page. Texts inside elements with a lang attribute are in that language already.
func (tr *translator) page(html string) string {
	var out strings.Builder
	foreign := false
	end := 0
	for _, at := range tags.FindAllStringIndex(html, -1) {
		text, tag := html[end:at[0]], html[at[0]:at[1]]
		if foreign {
			out.WriteString(text)
		} else {
			out.WriteString(tr.text(text))
		}
		end = at[1]
		if strings.HasPrefix(tag, "<!--") {
			out.WriteString(tag)
			continue
		}
		foreign = strings.HasPrefix(tag, "<a ") && strings.Contains(tag, " hreflang=") ||
			strings.HasPrefix(tag, "<script") || strings.HasPrefix(tag, "<style")
		out.WriteString(tr.tag(tag))
	}
	out.WriteString(html[end:])
	return options.ReplaceAllStringFunc(out.String(), byLabel)
}

// text translates what stands between two tags, without the space around it.
func (tr *translator) text(text string) string {
	trimmed := strings.TrimSpace(text)
	if !strings.ContainsFunc(trimmed, unicode.IsLetter) {
		return text
	}
	return strings.Replace(text, trimmed, tr.word(trimmed), 1)
}

func (tr *translator) word(english string) string {
	tr.used[english] = true
	word, ok := tr.words[english]
	if !ok {
		if !slices.Contains(tr.missing, english) {
			tr.missing = append(tr.missing, english)
		}
		return english
	}
	return word
}

// tag translates the attributes that a shopper reads, and the links to pages that exist in the language.
func (tr *translator) tag(tag string) string {
	if strings.HasPrefix(tag, "<html") {
		return strings.Replace(tag, `lang="en"`, `lang="`+tr.lang+`"`, 1)
	}
	if strings.Contains(tag, " hreflang=") {
		tag = strings.Replace(tag, ` aria-current="true"`, "", 1)
		if strings.Contains(tag, ` hreflang="`+tr.lang+`"`) {
			tag = strings.Replace(tag, ">", ` aria-current="true">`, 1)
		}
		return tag
	}
	description := strings.HasPrefix(tag, `<meta name="description"`)
	return attributes.ReplaceAllStringFunc(tag, func(attribute string) string {
		parts := attributes.FindStringSubmatch(attribute)
		name, value := parts[1], parts[2]
		switch {
		case value == "":
		case name == "alt" || name == "aria-label" || name == "title" || name == "placeholder" || name == "content" &&
			description:
			value = tr.word(value)
		case name == "action":
			value = strings.Replace(value, "lang=en", "lang="+tr.lang, 1)
		case name == "href" || strings.HasPrefix(name, "data-klarna-"):
			value = tr.link(value)
		}
		return fmt.Sprintf(` %s="%s"`, name, value)
	})
}

// link is the same page in the language; every other address stays as it is.
func (tr *translator) link(address string) string {
	path, _, _ := strings.Cut(address, "#")
	path, _, _ = strings.Cut(path, "?")
	if slices.Contains(tr.paths, path) {
		return "/" + tr.lang + address
	}
	return address
}

// complaints names the texts without a translation, and the translations without a text.
func (tr *translator) complaints() error {
	var errs []error
	for _, english := range tr.missing {
		errs = append(errs, fmt.Errorf("no translation for %q", english))
	}
	for english := range tr.words {
		if !tr.used[english] {
			errs = append(errs, fmt.Errorf("no page says %q", english))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// byLabel sorts the options of a list of countries by what a shopper reads.
func byLabel(list string) string {
	lines := strings.SplitAfter(strings.TrimSuffix(list, "\n"), "\n")
	lines[len(lines)-1] += "\n"
	label := func(line string) string {
		_, rest, _ := strings.Cut(line, ">")
		text, _, _ := strings.Cut(rest, "<")
		return plainLetters.Replace(text)
	}
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(label(a), label(b)) })
	return strings.Join(lines, "")
}

// plainLetters are the ones that lists of countries are sorted by.
var plainLetters = strings.NewReplacer("Ä", "A", "ä", "a", "Å", "A", "É", "E", "é", "e", "è", "e", "ë", "e", "Î", "I",
	"ï", "i", "Ö", "O", "ö", "o", "Ü", "U", "ü", "u")
