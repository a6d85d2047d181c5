//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWranglerWatchesEverythingThatIsBuiltAndNothingElse(t *testing.T) {
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	var settings struct {
		Build struct {
			WatchDir []string `toml:"watch_dir"`
		}
	}
	_, err = toml.DecodeFile(filepath.Join(root, "wrangler.toml"), &settings)
	require.NoError(t, err)

	var built []string
	list := exec.Command("go", "list", "-deps", "-f",
		`{{if not .Standard}}{{$dir := .Dir}}{{range .GoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{end}}`, "./worker", "./wasm")
	list.Dir = root
	list.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := list.Output()
	require.NoError(t, err)
	for _, path := range strings.Fields(string(out)) {
		if file, err := filepath.Rel(root, path); err == nil && filepath.IsLocal(file) { // else it is a module's
			built = append(built, file)
		}
	}
	scripts, err := filepath.Glob(filepath.Join(root, "worker/js/*.mjs"))
	require.NoError(t, err)
	for _, path := range scripts {
		file, err := filepath.Rel(root, path)
		require.NoError(t, err)
		built = append(built, file)
	}

	require.Greater(t, len(built), 30)
	within := func(file, watched string) bool { return file == watched || strings.HasPrefix(file, watched+"/") }
	for _, file := range append(built, "wasm/build/check.js") {
		found := false
		for _, watched := range settings.Build.WatchDir {
			found = found || within(file, watched)
		}
		assert.True(t, found, "%s is built, but saving it builds nothing: add it to watch_dir in wrangler.toml", file)
	}
	for _, watched := range settings.Build.WatchDir {
		_, err := os.Stat(filepath.Join(root, watched))
		assert.NoError(t, err, "watch_dir names what is not there")
		for _, busy := range []string{"worker/build", "worker/node_modules", "worker/test", "www/build"} {
			assert.False(t, within(busy, watched), "%s would build whenever %s changes", watched, busy)
		}
	}
}
