//go:build e2e

package test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the Worker may cost, counted and weighed instead of timed, so that it
// holds on a busy machine too. Lower a ceiling when the cost goes down; raise
// one knowingly. (The browser module's is in wasm/build, allocations are in
// cmd/bench.)
const (
	edgeGzip = 1_400_000 // bytes, by gzip at its best; Cloudflare takes 3 MB from a free account
	// calls from JavaScript to Go and back, more than half of them Go's runtime asking for the time
	orderCrossings = 120
	pageCrossings  = 1.1 // one question to the gate
)

func TestTheEdgeModuleStaysSmall(t *testing.T) {
	bundle(t)
	program, err := os.ReadFile(filepath.Join(Root(), "worker/build/edge.wasm"))
	require.NoError(t, err)
	var zipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	require.NoError(t, err)
	_, err = w.Write(program)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	assert.LessOrEqual(t, zipped.Len(), edgeGzip)
}

func TestOrdersAndPagesCrossTheBorderAsOftenAsBefore(t *testing.T) {
	t.Parallel()
	bundle(t)
	node := filepath.Join(Root(), "worker/node_modules/.bin/node")
	if _, err := os.Stat(node); err != nil { // where npm brings no Node, the machine has one
		node, err = exec.LookPath("node")
		require.NoError(t, err)
	}
	cmd := exec.Command(node, filepath.Join(Root(), "worker/test/cost.mjs"), "1000")
	cmd.SysProcAttr = group()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var cost struct{ Order, Page, Grown, Parked, Left float64 }
	require.NoError(t, json.Unmarshal(out, &cost), string(out))
	require.Positive(t, cost.Order)
	require.Positive(t, cost.Page)
	assert.LessOrEqual(t, cost.Order, float64(orderCrossings), "calls an order")
	assert.LessOrEqual(t, cost.Page, pageCrossings, "calls a page")
	assert.GreaterOrEqual(t, cost.Parked, 50.0, "goroutines of requests that the runtime has ended")
	assert.Zero(t, cost.Left, "of them some minutes later")
	assert.Zero(t, cost.Grown, "bytes by which the memory grew from the 1000th to the 2000th order")
}
