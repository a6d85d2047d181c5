package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// module is the prefix of this project's packages.
const module = "klarna-relay/"

// list asks the go command about packages as they are built for the edge and the browser.
func list(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-tags", "nethttpomithttp2"}, args...)...)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	return strings.Fields(string(out))
}

// A source is one file that ships.
type source struct {
	pkg  string // without the module's name
	name string
	file *ast.File
}

func shipped(t *testing.T) (sources []source) {
	t.Helper()
	for _, line := range list(t, "-deps", "-f",
		`{{if not .Standard}}{{$p := .}}{{range .GoFiles}}{{$p.ImportPath}}={{$p.Dir}}/{{.}}{{"\n"}}{{end}}{{end}}`,
		"./worker", "./wasm") {
		pkg, path, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(pkg, module) {
			continue // a library's
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		require.NoError(t, err)
		sources = append(sources, source{strings.TrimPrefix(pkg, module), filepath.Base(path), file})
	}
	require.Greater(t, len(sources), 60, "of what ships")
	return sources
}

func TestThePurePackagesKnowNoHTTP(t *testing.T) {
	for _, pkg := range []string{"purchase", "rules", "konnektive", "ledger", "body", "codes", "json", "words"} {
		deps := list(t, "-deps", "./worker/"+pkg)
		for _, foreign := range []string{"net/http", "encoding/json"} {
			assert.NotContains(t, deps, foreign, "worker/%s depends on %s", pkg, foreign)
		}
	}
}

// A Go timer belongs to the request in which it was set, and dies with it: see the hazards of a shared instance in
// worker/docs/start.md. So do those who wait for a lock.
func TestNothingThatShipsSetsATimerOrWaitsForALock(t *testing.T) {
	timers := map[string][]string{
		"time":    {"After", "AfterFunc", "NewTicker", "NewTimer", "Sleep", "Tick"},
		"context": {"WithDeadline", "WithDeadlineCause", "WithTimeout", "WithTimeoutCause"},
	}
	locks, waits := map[string]bool{}, map[string]bool{}
	for _, s := range shipped(t) {
		if s.pkg == "worker/ledger" && s.name == "memory.go" {
			continue // the ledger of tests
		}
		for _, spec := range s.file.Imports {
			locks[s.pkg] = locks[s.pkg] || strings.Contains(spec.Path.Value, "sync")
			waits[s.pkg] = waits[s.pkg] || spec.Path.Value == `"context"`
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if selector, ok := n.(*ast.SelectorExpr); ok {
				if pkg, ok := selector.X.(*ast.Ident); ok {
					assert.NotContains(t, timers[pkg.Name], selector.Sel.Name, "%s/%s", s.pkg, s.name)
				}
			}
			return true
		})
	}
	for pkg := range locks {
		assert.False(t, locks[pkg] && waits[pkg], "%s has locks, and takes a context: a lock could be held while it waits",
			pkg)
	}
}

func TestJavaScriptIsTouchedAtTheDoorsOnly(t *testing.T) {
	doors := []string{"worker/edge", "wasm"}
	for _, s := range shipped(t) {
		touches := false
		for _, spec := range s.file.Imports {
			touches = touches || spec.Path.Value == `"syscall/js"`
		}
		for _, group := range s.file.Comments {
			for _, comment := range group.List {
				touches = touches || strings.HasPrefix(comment.Text, "//go:wasmimport") ||
					strings.HasPrefix(comment.Text, "//go:wasmexport")
			}
		}
		if touches {
			assert.Contains(t, doors, s.pkg, "%s/%s touches JavaScript", s.pkg, s.name)
		}
	}
}
