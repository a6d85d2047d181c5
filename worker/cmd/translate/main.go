// Translate makes the sample pages of other languages: www/checkout.html and www/translations/de.txt become
// www/de/checkout.html. So there is one markup for all languages, and every page is there without JavaScript.
//
// A translation is an English text of the pages and, indented on the next line, the same in the other language. A
// text that is missing or no longer used is an error.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	root := flag.String("www", "www", "folder of the pages and of translations/")
	flag.Parse()
	if err := run(*root); err != nil {
		fmt.Fprintln(os.Stderr, "translate:", err)
		os.Exit(1)
	}
}

// run translates every page of a folder into every language that has a file.
func run(root string) error {
	pages, err := filepath.Glob(filepath.Join(root, "*.html"))
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(root, "translations", "*.txt"))
	if err != nil {
		return err
	}
	names := make([]string, len(pages))
	for i, page := range pages {
		names[i] = filepath.Base(page)
	}
	for _, file := range files {
		err = errors.Join(err, translateAll(root, file, names))
	}
	return err
}

// translateAll writes the pages of one language.
func translateAll(root, file string, names []string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	lang := strings.TrimSuffix(filepath.Base(file), ".txt")
	words, err := parse(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	tr := newTranslator(lang, words, names)
	folder := filepath.Join(root, lang)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, name := range names {
		page, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		if err := write(filepath.Join(folder, name), []byte(tr.page(string(page)))); err != nil {
			return err
		}
	}
	if err := removeOthers(folder, names); err != nil {
		return err
	}
	if err := tr.complaints(); err != nil {
		return fmt.Errorf("%s (mend it, or delete it and the pages are no longer made in this language):\n%w", file, err)
	}
	return nil
}

// removeOthers removes the pages that are no longer there in English.
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
