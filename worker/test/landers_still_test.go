//go:build e2e

package test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// shifts notes what moves in the page without the shopper's doing, by Chromium's own measure (Cumulative Layout
// Shift).
const shifts = `globalThis.shifts = [];
new PerformanceObserver((list) => {
	for (const { value, hadRecentInput, sources } of list.getEntries()) {
		if (hadRecentInput) continue;
		shifts.push([value, ...sources.map(({ node }) => node?.outerHTML?.slice(0, 80) ?? node?.textContent)]);
	}
}).observe({ type: "layout-shift", buffered: true })`

// nothing is the largest layout shift that Chromium's own tools show as 0.000. A part of the page that is parsed late
// moves by less than a pixel.
const nothing = 0.0005

// TestNothingMoves looks at every state of the landers, on a phone and on a large screen, while it comes about.
func TestNothingMoves(t *testing.T) {
	t.Parallel()
	market := NewMarket(t, simulator.Options{}, Options{Pages: www(t)})
	browser := market.Browser(t)
	for _, state := range states {
		if state.name == "unfolded" || state.name == "filling, with long words" {
			continue // here the test itself changes the page, where a shopper would press something
		}
		for i, language := range languages {
			for j, size := range []struct{ width, height int64 }{{360, 740}, {1280, 900}} {
				if (i+j)%2 == 1 && language != "" {
					continue // half of the looks is enough for the translations
				}
				t.Run(fmt.Sprintf("%s%s, %d wide", state.name, language, size.width), func(t *testing.T) {
					s := newShopper(t, market, browser, "url")
					s.beforePage(shifts)
					look(t, s.ctx, size.width, size.height, "light")
					for _, path := range state.paths {
						s.open(language + path)
						state.reach(s)
					}
					s.do(`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`)
					moved, err := strconv.ParseFloat(s.text(`String(shifts.reduce((sum, [value]) => sum + value, 0))`), 64)
					require.NoError(t, err)
					assert.Less(t, moved, nothing, s.text(`JSON.stringify(shifts)`))
				})
			}
		}
	}
}
