//go:build e2e

package test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
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

// Every case runs in every engine that ENGINES names. What only one engine can do skips itself in the others, and
// says so.
func TestTheLanders(t *testing.T) {
	t.Parallel()
	for _, name := range wantedEngines(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			market := NewMarket(t, simulator.Options{}, Options{Pages: www(t)})
			browser := launch(t, name, market.Shop)
			t.Run("a console and a policy that complain are heard", func(t *testing.T) {
				s := market.shopper(t, browser, "url")
				s.open("/checkout")
				s.do(`console.error("heard")`)
				s.do(`document.body.append(Object.assign(document.createElement("iframe"), { src: "https://blocked.example/" }))`)
				until(t, "the console", func() bool { return strings.Contains(strings.Join(s.messages(), "\n"), "heard") })
				until(t, "the policy", func() bool { return strings.Contains(strings.Join(s.blocked(), "\n"), "blocked.example") })
			})
			for _, c := range slices.Concat(buying, once, comingBack, saying, withoutHelp, selling, remembering) {
				t.Run(c.name, func(t *testing.T) {
					s := market.shopper(t, browser, "url")
					c.run(t, s)
					assert.Empty(t, s.blocked(), "what the pages' policies have blocked")
					assert.Empty(t, s.noise(), "what the console shows")
				})
			}
		})
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
