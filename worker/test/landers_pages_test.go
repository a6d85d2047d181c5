//go:build e2e

package test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

func TestTheCheckoutsFirstLoadIsSmall(t *testing.T) {
	t.Parallel()
	const most = 35 << 10 // bytes, compressed
	market := NewMarket(t, simulator.Options{}, Options{Pages: www(t)})
	s := newShopper(t, market, market.Browser(t), "url")
	s.open("/checkout")
	s.until(`document.readyState === "complete"`)
	total := 0
	for _, address := range strings.Fields(
		s.text(`[location.href, ...performance.getEntriesByType("resource").map((entry) => entry.name)].join(" ")`)) {
		require.True(t, strings.HasPrefix(address, "https://"+Host+"/"), "a request to somebody else: %s", address)
		if strings.Contains(address, "/api/") || strings.Contains(address, "/.line/") { // the second is the test harness
			continue
		}
		got := Send(t, market.Client(), http.MethodGet, address, "")
		require.Equal(t, http.StatusOK, got.Status, address)
		size := squeezed(t, got.Body)
		t.Logf("%6d %s", size, address)
		total += size
	}
	t.Logf("%6d in all", total)
	assert.LessOrEqual(t, total, most)
	assert.Greater(t, total, 10<<10, "something was loaded")
}

// squeezed is the size of a file as gzip sends it.
func squeezed(t *testing.T, body string) int {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.DefaultCompression)
	require.NoError(t, err)
	_, err = w.Write([]byte(body))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Len()
}

func TestTheW3CsCheckerFindsNothing(t *testing.T) {
	t.Parallel()
	java, err := exec.LookPath("java")
	if err != nil {
		t.Skip("the W3C's checker needs Java; html-validate has looked at the pages")
	}
	jar := filepath.Join(Root(), "worker/node_modules/vnu-jar/build/dist/vnu.jar")
	for kind, pattern := range map[string]string{"--html": "*.html", "--css": "*.css", "--svg": "img/*.svg"} {
		files, err := filepath.Glob(filepath.Join(SamplePages(), pattern))
		require.NoError(t, err)
		if kind == "--html" {
			more, err := filepath.Glob(filepath.Join(SamplePages(), "[a-z][a-z]/*.html"))
			require.NoError(t, err)
			files = append(files, more...)
		}
		require.NotEmpty(t, files)
		out, err := exec.Command(java, append([]string{"-jar", jar, kind}, files...)...).CombinedOutput()
		assert.NoError(t, err, "%s", out)
		assert.Empty(t, string(out))
	}
}
