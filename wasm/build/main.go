// Build writes www/build: the browser module and Go's runtime for it under names made of their contents, so that
// caches may keep them for ever, check.js, which knows the names, and in words/ the texts of pages, one module a
// language. It prints the browser module's size as browsers receive it and fails when that is over the budget.
//
// It needs node for the size; run it from the repository's root.
package main

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"klarna-relay/worker/words/catalogue"
)

// budget is the largest module, in bytes after brotli at its highest quality. Lower it when the module becomes much
// smaller; an empty Go program takes eight tenths of it (worker/docs/measurements.md). Some KB are left for a newer Go.
const budget = 440_000

//go:embed check.js
var loader string

func main() {
	out := flag.String("out", "www/build", "folder for the module and its loader")
	flag.Parse()
	size, err := build(*out)
	if err != nil {
		fmt.Fprintln(os.Stderr, "browser module:", err)
		os.Exit(1)
	}
	fmt.Printf("browser module: %d bytes brotli of at most %d\n", size, budget)
}

// build writes the module, its loader and the texts to a folder, removes modules of earlier builds, and returns the
// module's size.
func build(out string) (size int, err error) {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return 0, err
	}
	languages, err := writeWords(filepath.Join(out, "words"))
	if err != nil {
		return 0, err
	}
	module, err := compile()
	if err != nil {
		return 0, err
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return 0, fmt.Errorf("go env: %w", err)
	}
	runtime, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(goroot)), "lib/wasm/wasm_exec.js"))
	if err != nil {
		return 0, err
	}
	moduleName, runtimeName := "check-"+hash(module)+".wasm", "wasm_exec-"+hash(runtime)+".js"
	if size = measured(filepath.Join(out, "check.js"), moduleName); size == 0 {
		if size, err = brotli(module); err != nil {
			return 0, err
		}
	}
	if size > budget {
		return size, fmt.Errorf("%d bytes brotli, %d over the budget: look for an import that brings fmt, regexp, "+
			"encoding/json, net/url or unicode tables (go list -deps ./wasm)", size, size-budget)
	}
	script := strings.NewReplacer("{{module}}", moduleName, "{{runtime}}", runtimeName, "{{size}}", strconv.Itoa(size),
		"{{languages}}", languages).Replace(loader)

	// The loader is written last, so that a browser which reads it finds the files that it names.
	for _, file := range []struct {
		name    string
		content []byte
	}{{moduleName, module}, {runtimeName, runtime}, {"check.js", []byte(script)}} {
		if err := write(filepath.Join(out, file.name), file.content); err != nil {
			return 0, err
		}
	}
	for _, pattern := range []string{"check-*.wasm", "wasm_exec-*.js"} {
		old, err := filepath.Glob(filepath.Join(out, pattern))
		if err != nil {
			return 0, err
		}
		for _, path := range old {
			if name := filepath.Base(path); name == moduleName || name == runtimeName {
				continue
			}
			if err := os.Remove(path); err != nil {
				return 0, err
			}
		}
	}
	return size, nil
}

// writeWords writes the texts of pages to a folder, and returns the languages, separated by "|".
func writeWords(folder string) (languages string, err error) {
	all, err := catalogue.Checked()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	for i, c := range all {
		if i > 0 {
			languages += "|"
		}
		languages += c.Lang
		if err := write(filepath.Join(folder, c.Lang+".js"), c.Module()); err != nil {
			return "", err
		}
	}
	return languages, nil
}

// compile builds and packs the module. Without inlining the module is a tenth larger on disk, but compresses better:
// a twelfth less is transferred. The additional calls are too cheap to be noticed in a form. Without a build id it
// is 900 bytes less, and the same source always makes the same module.
func compile() ([]byte, error) {
	folder, err := os.MkdirTemp("", "browser-module-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "check.wasm")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-gcflags=all=-l",
		"-o", path, "klarna-relay/wasm")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if message, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, message)
	}
	if message, err := exec.Command("go", "run", "klarna-relay/worker/cmd/pack", path).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("pack: %w\n%s", err, message)
	}
	return os.ReadFile(path)
}

// write leaves a file alone that holds the content already, so that watchers and caches by time of change see
// nothing new.
func write(path string, content []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return nil
	}
	return os.WriteFile(path, content, 0o644)
}

func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

// measured is the size of the module in a loader of an earlier build, when it names the same one; 0 otherwise.
// Measuring takes longer than all the rest.
func measured(loader, module string) int {
	old, err := os.ReadFile(loader)
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(old), module+", ")
	size, _, _ := strings.Cut(rest, " bytes")
	n, err := strconv.Atoi(size)
	if err != nil {
		return 0
	}
	return n
}

// brotli measures content at quality 11, node's default.
func brotli(content []byte) (int, error) {
	cmd := exec.Command("node", "-e",
		`process.stdout.write(String(require("zlib").brotliCompressSync(require("fs").readFileSync(0)).length))`)
	cmd.Stdin = bytes.NewReader(content)
	printed, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("measure with node: %w", err)
	}
	return strconv.Atoi(string(printed))
}
