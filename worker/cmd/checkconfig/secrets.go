package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"klarna-relay/worker/config"
)

// secrets are those at hand on this machine. The ones that Cloudflare holds cannot be read back.
type secrets struct {
	values   map[string]string
	from     string   // where they were found, for the message
	names    []string // of the file, sorted
	complete bool     // the file was given as all there is: what is missing in it is missing
}

// readSecrets takes the secrets from the file given, else from the environment and from the .dev.vars that wrangler
// dev would use.
func readSecrets(file, folder, environment string, lookup func(string) (string, bool)) (secrets, error) {
	if file != "" {
		values, err := readVars(file)
		if err != nil {
			return secrets{}, fmt.Errorf("read the secrets: %w", err)
		}
		return secrets{values: values, from: file, names: slices.Sorted(maps.Keys(values)), complete: true}, nil
	}
	s := secrets{values: map[string]string{}}
	for _, name := range config.Secrets {
		if value, ok := lookup(name); ok {
			s.values[name] = value
			s.from = "the environment"
		}
	}
	if len(s.values) > 0 {
		return s, nil
	}
	names := []string{".dev.vars"}
	if environment != "" {
		names = []string{".dev.vars." + environment, ".dev.vars"}
	}
	for _, name := range names {
		values, err := readVars(filepath.Join(folder, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return secrets{}, fmt.Errorf("read the secrets: %w", err)
		}
		return secrets{values: values, from: name, names: slices.Sorted(maps.Keys(values))}, nil
	}
	return s, nil
}

// readVars reads NAME=value lines as wrangler does: comments, export, and values in quotes.
func readVars(file string) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	values := make(map[string]string)
	for _, line := range strings.Split(string(text), "\n") {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		name, value, ok := strings.Cut(line, "=")
		if ok && !strings.HasPrefix(line, "#") {
			values[strings.TrimSpace(name)] = unquote(strings.TrimSpace(value))
		}
	}
	return values, nil
}

// unquote takes a value out of its quotes; one without quotes ends at a comment.
func unquote(value string) string {
	if value != "" && strings.IndexByte("\"'`", value[0]) >= 0 {
		if end := strings.IndexByte(value[1:], value[0]); end >= 0 {
			return value[1 : 1+end]
		}
	}
	value, _, _ = strings.Cut(value, "#")
	return strings.TrimSpace(value)
}
