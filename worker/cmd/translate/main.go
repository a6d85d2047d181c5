// Translate makes the sample pages of other languages: www/checkout.html and www/translations/de.txt become
// www/de/checkout.html. So there is one markup for all languages, and every page is there without JavaScript.
//
// A translation is an English text of the pages and, indented on the next line, the same in the other language. A page
// that has a text without a translation is not made in that language, and a warning says so. With -strict that is an
// error, and so is a translation that no page uses.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	root := flag.String("www", "www", "folder of the pages and of translations/")
	strict := flag.Bool("strict", false, "every text must have a translation, and every translation a page")
	flag.Parse()
	if err := run(*root, *strict, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "translate:", err)
		os.Exit(1)
	}
}

// run translates the pages of a folder into every language that has a file.
func run(root string, strict bool, stderr io.Writer) error {
	paths, err := filepath.Glob(filepath.Join(root, "*.html"))
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(root, "translations", "*.txt"))
	if err != nil {
		return err
	}
	pages := map[string]string{}
	for _, path := range paths {
		page, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		pages[filepath.Base(path)] = string(page)
	}
	lacks := map[string][]string{}
	for _, file := range files {
		lacking, failed := translateAll(root, file, pages, strict)
		err = errors.Join(err, failed)
		for name, lack := range lacking {
			lacks[name] = append(lacks[name], lack)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(lacks)) {
		fmt.Fprintf(stderr, "warning: %s is not made in every language: %s\n", filepath.Join(root, name),
			strings.Join(lacks[name], ", "))
	}
	return err
}

// translateAll writes the pages of one language. It says of each page that is not made, although some of its texts are
// translated, what it lacks.
func translateAll(root, file string, pages map[string]string, strict bool) (lacks map[string]string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	words, err := parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	lang := strings.TrimSuffix(filepath.Base(file), ".txt")
	names := slices.Sorted(maps.Keys(pages))
	if !strict {
		names, lacks = translated(file, words, pages)
	}
	folder := filepath.Join(root, lang)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	tr := newTranslator(lang, words, names)
	for _, name := range names {
		if err := write(filepath.Join(folder, name), []byte(tr.page(pages[name]))); err != nil {
			return nil, err
		}
	}
	if err := removeOthers(folder, names); err != nil {
		return nil, err
	}
	if err := tr.complaints(); strict && err != nil {
		return nil, fmt.Errorf("%s (mend it, or delete it and the pages are no longer made in this language):\n%w", file,
			err)
	}
	return lacks, nil
}

// translated finds the pages that are translated whole. It says of those that are translated in part what they lack;
// a page of which nothing is translated was never meant to be.
func translated(file string, words, pages map[string]string) (names []string, lacks map[string]string) {
	lacks = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		tr := newTranslator("", words, nil)
		tr.page(pages[name])
		switch missing, all := len(tr.missing), len(tr.used); {
		case missing == 0:
			names = append(names, name)
		case missing < all:
			lacks[name] = fmt.Sprintf("%s lacks %d of its %d texts", file, missing, all)
		}
	}
	return names, lacks
}

// removeOthers removes the pages that are not made in this language, or are no longer there in English.
func removeOthers(folder string, names []string) error {
	made, err := filepath.Glob(filepath.Join(folder, "*.html"))
	if err != nil {
		return err
	}
	for _, path := range made {
		if !slices.Contains(names, filepath.Base(path)) {
			err = errors.Join(err, os.Remove(path))
		}
	}
	return err
}

// write leaves a file alone that holds the content already, so that watchers see nothing new.
func write(path string, content []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return nil
	}
	return os.WriteFile(path, content, 0o644)
}

// parse reads a file of translations. Lines that begin with # are comments.
func parse(text string) (map[string]string, error) {
	words := map[string]string{}
	english := ""
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || strings.HasPrefix(line, "#"):
		case line[0] != ' ' && line[0] != '\t':
			if english != "" {
				return nil, fmt.Errorf("line %d: no translation for %q", i, english)
			}
			english = trimmed
		case english == "":
			return nil, fmt.Errorf("line %d: no English text above %q", i+1, trimmed)
		case words[english] != "":
			return nil, fmt.Errorf("line %d: %q is translated twice", i+1, english)
		default:
			words[english], english = trimmed, ""
		}
	}
	if english != "" {
		return nil, fmt.Errorf("no translation for %q", english)
	}
	return words, nil
}
