// Checkreadme reads Markdown files as a newcomer does who tries everything: links and anchors must lead somewhere,
// the targets of `make` must exist, and so must the files of the repository that are named. It needs no network,
// and so looks no further than at the form of other sites' addresses.
//
//	go run ./worker/cmd/checkreadme README.md …
//
// It is run where the Makefile is, prints what it finds as file:line: and exits with 1.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"regexp"
	"strings"
	"unicode"
)

func main() {
	status := 0
	for _, name := range os.Args[1:] {
		problems, err := check(os.DirFS("."), name)
		if err != nil {
			problems = append(problems, err.Error())
		}
		for _, problem := range problems {
			fmt.Fprintln(os.Stderr, problem)
			status = 1
		}
	}
	os.Exit(status)
}

var (
	fence   = regexp.MustCompile("^\\s*(```|~~~)")
	heading = regexp.MustCompile(`^#{1,6}\s+(.*?)\s*#*$`)
	code    = regexp.MustCompile("`[^`]+`")
	// [text](target "title"), which images have too; <a href>, <img src>; [label]: target.
	link = regexp.MustCompile(`\]\(\s*<?([^)\s>]*)>?(?:\s+"[^"]*")?\s*\)|\b(?:href|src)="([^"]*)"|^\s*\[[^\]]+\]:\s+(\S+)`)
	// The anchor that an HTML element makes.
	anchor = regexp.MustCompile(`\b(?:id|name)="([^"]*)"`)
	// What is run, and what is a path from the top of the repository. Neither may hold a placeholder.
	target = regexp.MustCompile(`(?:^|[\s;&|(])make((?:\s+[A-Za-z0-9_.-]+(?:=\S*)?)+)`)
	file   = regexp.MustCompile(`^\.?/?((?:worker|wasm|www)/[A-Za-z0-9_./-]*|wrangler\.toml|Makefile|go\.mod|\.ci/run)$`)
)

// check returns what is wrong with one file of a repository.
func check(repository fs.FS, name string) (problems []string, err error) {
	text, err := fs.ReadFile(repository, name)
	if err != nil {
		return nil, err
	}
	targets, err := targetsOf(repository)
	if err != nil {
		return nil, err
	}
	anchors := anchorsOf(string(text))
	inCode := false
	for number, line := range strings.Split(string(text), "\n") {
		complain := func(format string, args ...any) {
			problems = append(problems, fmt.Sprintf("%s:%d: %s", name, number+1, fmt.Sprintf(format, args...)))
		}
		if fence.MatchString(line) {
			inCode = !inCode
			continue
		}
		commands := []string{line}
		if !inCode {
			commands = commands[:0]
			for _, span := range code.FindAllString(line, -1) {
				span = strings.Trim(span, "`")
				commands = append(commands, span)
				if named := file.FindStringSubmatch(span); named != nil && !exists(repository, named[1]) {
					complain("there is no %s", named[1])
				}
			}
			for _, found := range link.FindAllStringSubmatch(code.ReplaceAllString(line, ""), -1) {
				if wrong := follow(repository, name, found[1]+found[2]+found[3], anchors); wrong != "" {
					complain("%s", wrong)
				}
			}
		}
		for _, command := range commands {
			command, _, _ = strings.Cut(command, " #")
			for _, found := range target.FindAllStringSubmatch(command, -1) {
				for word := range strings.FieldsSeq(found[1]) {
					if !strings.Contains(word, "=") && !strings.HasPrefix(word, "-") && !targets[word] {
						complain("the Makefile has no target %s", word)
					}
				}
			}
		}
	}
	return problems, nil
}

// follow says what is wrong with a link in a file, "" when nothing is.
func follow(repository fs.FS, from, to string, anchors map[string]bool) string {
	u, err := url.Parse(to)
	switch {
	case to == "" || err != nil:
		return fmt.Sprintf("%q is no address", to)
	case u.Scheme == "mailto":
		return ""
	case u.Scheme != "" || u.Host != "":
		if u.Scheme != "https" && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" {
			return to + " is not https"
		}
		return ""
	case u.Path == "":
		if !anchors[u.Fragment] {
			return "no heading makes the anchor #" + u.Fragment
		}
		return ""
	}
	there := path.Join(path.Dir(from), u.Path)
	text, err := fs.ReadFile(repository, there)
	if err != nil && !exists(repository, there) {
		return "there is no " + there
	}
	if u.Fragment != "" && strings.HasSuffix(there, ".md") && !anchorsOf(string(text))[u.Fragment] {
		return fmt.Sprintf("no heading of %s makes the anchor #%s", there, u.Fragment)
	}
	return ""
}

// made are folders that the build fills, and a file that an operator may add. They need not be there.
var made = regexp.MustCompile(`^(?:worker/build|www/build|www/[a-z]{2}|worker/node_modules)(?:/|$)|` +
	`^worker/landers\.toml$`)

func exists(repository fs.FS, name string) bool {
	name = path.Clean(name)
	_, err := fs.Stat(repository, name)
	return !errors.Is(err, fs.ErrNotExist) || made.MatchString(name)
}

// anchorsOf are the anchors of a file, as GitHub makes them: the heading's text in lower case, without punctuation,
// spaces as hyphens, and a number behind those that were there before.
func anchorsOf(text string) map[string]bool {
	anchors := map[string]bool{}
	inCode := false
	for line := range strings.SplitSeq(text, "\n") {
		if fence.MatchString(line) {
			inCode = !inCode
		}
		if inCode {
			continue
		}
		for _, found := range anchor.FindAllStringSubmatch(line, -1) {
			anchors[found[1]] = true
		}
		found := heading.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		slug := slugOf(found[1])
		unique := slug
		for n := 1; anchors[unique]; n++ {
			unique = fmt.Sprintf("%s-%d", slug, n)
		}
		anchors[unique] = true
	}
	return anchors
}

var linked = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)

func slugOf(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r):
			return unicode.ToLower(r)
		}
		return -1
	}, linked.ReplaceAllString(heading, "$1"))
}

var rule = regexp.MustCompile(`(?m)^([A-Za-z0-9_. -]+):(?:[^=]|$)`)

// targetsOf are the targets of the Makefile.
func targetsOf(repository fs.FS) (map[string]bool, error) {
	text, err := fs.ReadFile(repository, "Makefile")
	if err != nil {
		return nil, err
	}
	targets := map[string]bool{}
	for _, found := range rule.FindAllStringSubmatch(string(text), -1) {
		for name := range strings.FieldsSeq(found[1]) {
			targets[name] = true
		}
	}
	return targets, nil
}
