// Overlay writes the file for `go build -overlay` by which the edge program is compiled with another crypto/tls.
//
// net/http imports crypto/tls, and the initialisers of that package keep 1.6 MB of cryptography in the program that
// nothing here calls: the Workers runtime does TLS. With the package in ./tls, which has the names that net/http
// uses and does nothing, the program is a quarter smaller (gzip 1.84 → 1.38 MB) and starts accordingly faster. A Go
// version whose net/http uses more of crypto/tls does not compile with it: add the name to ./tls.
//
//	go run ./worker/cmd/overlay worker/build/overlay.json
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: overlay <file.json>")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "overlay:", err)
		os.Exit(1)
	}
}

func write(path string) error {
	root, err := output("env", "GOROOT")
	if err != nil {
		return err
	}
	stub, err := output("list", "-f", "{{.Dir}}", "klarna-relay/worker/cmd/overlay/tls")
	if err != nil {
		return err
	}
	replace, err := replacements(filepath.Join(root, "src/crypto/tls"), stub)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

// replacements takes every file of a package away, and puts those of another in its place.
func replacements(from, to string) (map[string]string, error) {
	old, err := filepath.Glob(filepath.Join(from, "*.go"))
	if err != nil {
		return nil, err
	}
	if len(old) == 0 {
		return nil, fmt.Errorf("%s: there is no such package in this Go", from)
	}
	files, err := filepath.Glob(filepath.Join(to, "*.go"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: nothing to put in its place", to)
	}
	replace := map[string]string{}
	for _, path := range old {
		replace[path] = "" // as if it were not there
	}
	for _, path := range files {
		replace[filepath.Join(from, filepath.Base(path))] = path
	}
	return replace, nil
}

func output(args ...string) (string, error) {
	out, err := exec.Command("go", args...).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return "", fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, failed.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}
