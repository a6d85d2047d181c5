//go:build e2e

package test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"klarna-relay/worker/simulator"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// timeless are the audits of Lighthouse's speed that are about the page alone, not about the machine and its other
// work.
var timeless = []string{
	"cumulative-layout-shift", "dom-size-insight", "duplicated-javascript-insight", "legacy-javascript-insight",
	"non-composited-animations", "third-parties-insight", "total-byte-weight", "unsized-images", "viewport-insight",
}

// Lighthouse looks at the pages as the Worker serves them, as a phone would. What it cannot see here: the network
// of the real world, and Cloudflare's own cache; HTTP/2 and compression, which Cloudflare adds, are added here too.
// It records a trace by the clock: on a busy machine the mark for speed falls, and the recording itself fails now and
// then. So it is no part of `make e2e`, and runs alone on an idle machine: `make lighthouse`. What it says of
// accessibility, layout shift and sizes is held there by TestEveryStateOfTheLanders and
// TestTheCheckoutsFirstLoadIsSmall.
func TestLighthouseGivesFullMarks(t *testing.T) {
	if os.Getenv("SPEED") != "1" {
		t.Skip("make lighthouse runs it")
	}
	market := NewMarket(t, simulator.Options{}, Options{Pages: www(t)})
	front := cloudflare(t, market)
	s := newShopper(t, market, market.Browser(t), "url")
	s.open("/checkout")
	s.fill(s.tab)
	s.pay()
	s.klarna("#approve")
	s.at("/upsell?ref=")
	ref := s.text(`new URLSearchParams(location.search).get("ref")`)

	for _, path := range []string{"/", "/checkout", "/upsell?ref=" + ref, "/thank-you?ref=" + ref, "/de/checkout"} {
		t.Run(path, func(t *testing.T) {
			report := lighthouse(t, front, "https://"+Host+path)
			for _, name := range []string{"accessibility", "best-practices", "seo"} {
				assert.Equal(t, 1.0, report.Categories[name].Score, name)
			}
			for _, name := range timeless {
				audit, ok := report.Audits[name]
				assert.True(t, ok, "Lighthouse knows %s", name)
				assert.True(t, audit.Score == nil || *audit.Score == 1, "%s: %s", audit.Title, audit.DisplayValue)
			}
			speed := report.Categories["performance"].Score
			t.Logf("%.2f for speed: %s", speed, report.figures())
			assert.Equal(t, 1.0, speed, "speed")
			if t.Failed() {
				report.explain(t)
			}
		})
	}
}

// cloudflare is the edge in front of the shop, with HTTP/2 and compression; it
// returns its host and port.
func cloudflare(t *testing.T, market *Market) string {
	t.Helper()
	shop := market.Client().Transport
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := r.Clone(r.Context())
		out.RequestURI, out.URL.Scheme, out.URL.Host = "", "https", r.Host
		out.Header.Del("Accept-Encoding")
		res, err := shop.RoundTrip(out)
		if err != nil {
			http.Error(w, "the shop does not answer", http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		maps.Copy(w.Header(), res.Header)
		for _, hop := range []string{"Connection", "Keep-Alive", "Transfer-Encoding"} {
			w.Header().Del(hop)
		}
		body := io.Writer(w)
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") &&
			regexp.MustCompile("text/|javascript|json|svg").MatchString(res.Header.Get("Content-Type")) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Del("Content-Length")
			squeeze := gzip.NewWriter(w)
			defer squeeze.Close()
			body = squeeze
		}
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(body, res.Body)
	}))
	front.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	front.EnableHTTP2 = true
	front.StartTLS()
	t.Cleanup(front.Close)
	return front.Listener.Addr().String()
}

// A lighthouseReport is what Lighthouse says of a page.
type lighthouseReport struct {
	RuntimeError struct{ Code, Message string }
	Categories   map[string]struct {
		Score     float64
		AuditRefs []struct {
			ID     string
			Weight float64
		}
	}
	Audits map[string]struct {
		Title, DisplayValue string
		Score               *float64
		NumericValue        float64
		Details             struct{ Items json.RawMessage }
	}
}

// figures are what a first view on a slow phone with slow 4G takes, in milliseconds and bytes.
func (r lighthouseReport) figures() string {
	value := func(audit string) float64 { return r.Audits[audit].NumericValue }
	var requests []any
	_ = json.Unmarshal(r.Audits["network-requests"].Details.Items, &requests)
	return fmt.Sprintf("first paint %.0f ms, largest %.0f ms, speed index %.0f ms, blocked %.0f ms, moved %.3f; %d requests, "+
		"%.0f bytes", value("first-contentful-paint"), value("largest-contentful-paint"), value("speed-index"),
		value("total-blocking-time"), value("cumulative-layout-shift"), len(requests),
		value("total-byte-weight"))
}

// explain lists what has cost a mark.
func (r lighthouseReport) explain(t *testing.T) {
	t.Helper()
	for _, category := range r.Categories {
		for _, ref := range category.AuditRefs {
			if audit := r.Audits[ref.ID]; ref.Weight > 0 && audit.Score != nil && *audit.Score < 1 {
				t.Logf("%s: %s %s, %.2f", ref.ID, audit.Title, audit.DisplayValue, *audit.Score)
			}
		}
	}
}

// lighthouse has a page looked at, with as much patience as everything else here has.
func lighthouse(t *testing.T, front, url string) (report lighthouseReport) {
	t.Helper()
	flags := strings.Join([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync",
		"--ignore-certificate-errors", fmt.Sprintf(`--host-resolver-rules="MAP %s:443 %s,MAP * ~NOTFOUND,EXCLUDE 127.0.0.1"`,
			Host, front),
	}, " ")
	config := filepath.Join(t.TempDir(), "config.json")
	settings := fmt.Sprintf(`{"extends":"lighthouse:default","settings":{"maxWaitForFcp":%[1]d,"maxWaitForLoad":%[1]d}}`,
		patience.Milliseconds())
	require.NoError(t, os.WriteFile(config, []byte(settings), 0o600))
	cmd := exec.Command(filepath.Join(Root(), "worker/node_modules/.bin/lighthouse"), url, "--quiet", "--output=json",
		"--config-path="+config, "--chrome-flags="+flags)
	cmd.Env = append(os.Environ(), "CHROME_PATH="+chromium(t),
		"PATH="+filepath.Join(Root(), "worker/node_modules/.bin")+":"+os.Getenv("PATH"))
	cmd.SysProcAttr = group()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	require.NoError(t, json.Unmarshal(out, &report))
	require.Empty(t, report.RuntimeError.Code, "Lighthouse did not look: %s", report.RuntimeError.Message)
	return report
}
