//go:build e2e

package test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// TestTheGuidesPagesSellAsTheyStandThere takes the three pages out of the guide and buys with them.
func TestTheGuidesPagesSellAsTheyStandThere(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join(Root(), "worker/docs/klarna-js.md"))
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```html\n(<!DOCTYPE html>.*?)```").FindAllSubmatch(guide, -1)
	require.Len(t, blocks, 3)
	pages := www(t)
	for i, name := range []string{"checkout", "upsell", "thank-you"} {
		require.NoError(t, os.WriteFile(filepath.Join(pages, name+".html"), blocks[i][1], 0o644))
	}
	market := NewMarket(t, simulator.Options{}, Options{Pages: pages})
	browser := market.Browser(t)

	s := newShopper(t, market, browser, "url")
	s.open("/checkout")
	s.fill(s.tab, "postalCode", "1")
	s.pay()
	s.state("invalid")
	assert.Equal(t, "postalCode", s.text(`document.activeElement.name`))
	assert.Equal(t, "rgb(179, 38, 30)", s.text(
		`getComputedStyle(document.getElementById("klarna-order-postalCode")).color`), "klarna.css is at work")
	s.set(map[string]string{"postalCode": "10115"})
	s.pay()
	s.klarna("#approve")
	s.at("/upsell?ref=")
	s.pay()
	s.klarna("#approve")
	s.at("/thank-you?ref=")
	s.until(`document.querySelector("[data-klarna-items]").checkVisibility()`)
	assert.Equal(t, "€69.70", s.text(`document.querySelector("[data-klarna-total]").textContent`))
	assert.Len(t, s.order().UpsaleImports(), 1)

	declined := newShopper(t, market, browser, "url")
	declined.open("/checkout")
	declined.fill(declined.tab)
	declined.pay()
	declined.klarna("#decline")
	declined.at("/checkout")
	declined.state("declined")
	assert.Contains(t, declined.alert(), "You have not been charged")
}
