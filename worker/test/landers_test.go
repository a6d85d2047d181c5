//go:build e2e

package test

import (
	"os"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// The landers of www/ as the built Worker serves them, in a real browser, with
// a simulated Konnektive and Klarna. Every case has a browser profile of its
// own (storage and all) and an e-mail address of its own to find its orders by.

// A landerCase is one thing that the landers promise.
type landerCase struct {
	name string
	run  func(t *testing.T, s *shopper)
}

func TestTheLanders(t *testing.T) {
	market := NewMarket(t, simulator.Options{}, Options{Pages: www(t)})
	browser := market.Browser(t, chromedp.Flag("disable-features", "IsolateOrigins,site-per-process,Translate"), chromedp.Flag("disable-site-isolation-trials", true))
	for _, cases := range [][]landerCase{buying, once, comingBack, saying, withoutHelp} {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) { c.run(t, newShopper(t, market, browser, "url")) })
		}
	}
}

// www is a copy of the landers, so that a build that goes on at the same time
// takes no file away from under the Worker.
func www(t testing.TB) string {
	t.Helper()
	pages := t.TempDir()
	require.NoError(t, os.CopyFS(pages, os.DirFS(SamplePages())))
	return pages
}
