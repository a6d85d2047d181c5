//go:build e2e

package test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"klarna-relay/worker/simulator"
)

// TestTheLandersInEveryEngine runs what a shopper's money depends on in every engine; ENGINES names fewer.
func TestTheLandersInEveryEngine(t *testing.T) {
	for _, name := range wantedEngines(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			market := NewMarket(t, simulator.Options{}, Options{Pages: www(t)})
			browser := launch(t, name, market.Shop)
			for _, c := range everywhere {
				t.Run(c.name, func(t *testing.T) {
					s := market.shopper(t, browser, "url")
					c.run(t, s)
					assert.Empty(t, s.blocked(), "what the pages' policies blocked")
				})
			}
		})
	}
}

var everywhere = []landerCase{
	{"a purchase by mouse and keyboard, and its console is silent", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.fill(s.tab, "city", "")
		s.click("[name=city]")
		s.keys("Köln")
		assert.Equal(t, "Köln", s.text(`document.querySelector("[name=city]").value`))
		s.pay()
		s.klarna("#approve")
		s.at("/upsell?ref=")
		s.click("a[data-klarna-ref]")
		s.at("/thank-you?ref=")
		s.until(`document.querySelector("[data-klarna-items]").checkVisibility()`)
		s.toldOnce()
		assert.Equal(t, "COMPLETE", s.order().Status)
		assert.Empty(t, s.messages())
	}},
}
