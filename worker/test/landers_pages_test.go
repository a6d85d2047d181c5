//go:build e2e

package test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// asked says in JavaScript whether a request to such an address has been answered.
func asked(part string) string {
	return fmt.Sprintf(`performance.getEntriesByType("resource").some(({ name }) => name.includes(%q))`, part)
}

// requests are the addresses that the page has asked for, its own first; those of the test harness are left out.
func (s *shopper) requests() []string {
	return strings.Fields(s.text(`[location.href, ...performance.getEntriesByType("resource").map(({ name }) => name)]
		.filter((address) => !address.includes("/.line/")).join(" ")`))
}

func TestTheCheckoutsFirstLoadIsSmall(t *testing.T) {
	t.Parallel()
	const most = 35 << 10 // bytes, compressed
	market := NewMarket(t, simulator.Options{}, Options{Pages: www(t)})
	s := newShopper(t, market, market.Browser(t), "url")
	s.open("/checkout")
	s.until(`document.readyState === "complete"`)
	s.until(asked("/campaign/query/") + " && " + asked("/clicks/import/"))
	first := s.requests()
	s.do(`document.querySelector("[name=firstName]").focus()`)
	s.until(asked(".wasm") + " && " + asked("/wasm_exec-") + " && " + asked("/words/"))
	guide, err := os.ReadFile(filepath.Join(Root(), "worker/docs/costs.md"))
	require.NoError(t, err)
	assert.Contains(t, string(guide), fmt.Sprintf("first view of the sample checkout is %d requests, and %d once a field "+
		"has had the focus", len(first), len(s.requests())))
	total := 0
	for _, address := range first {
		require.True(t, strings.HasPrefix(address, "https://"+Host+"/"), "a request to somebody else: %s", address)
		if strings.Contains(address, "/api/") {
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
