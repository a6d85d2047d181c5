//go:build e2e

package test

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// counters is the folder where `make cover` wants to find what the Workers have
// counted; "" when they do not count.
func counters() string { return os.Getenv("COUNTERS") }

// keepCounters writes what the Worker's instance has counted as a Go program
// writes it that has files: `go tool covdata` reads both.
// Source of the names and of the hash's place: internal/coverage/defs.go.
func (w *Worker) keepCounters(t testing.TB, folder string) {
	t.Helper()
	get := func(what string) string {
		return Send(t, w.Client(), http.MethodGet, "https://"+Host+"/__probe/counters?what="+what, "").Body
	}
	meta := get("0")
	if len(meta) < 40 || meta[0] == '{' {
		return // there is no instance, or it is not alive
	}
	hash := hex.EncodeToString([]byte(meta[24:40]))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "covmeta."+hash), []byte(meta), 0o600))
	name := fmt.Sprintf("covcounters.%s.%d.%d", hash, os.Getpid(), time.Now().UnixNano())
	require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(get("1")), 0o600))
}
