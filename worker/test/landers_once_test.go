//go:build e2e

package test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// once: whatever the shopper and the network do, one purchase is one order.
var once = []landerCase{
	{"a double click orders once, and the button is locked before the request", func(t *testing.T, s *shopper) {
		release := make(chan struct{})
		s.fault(map[simulator.Op]simulator.Fault{simulator.OpOrder: {Hold: release}})
		s.open("/checkout")
		s.fill(s.tab)
		s.do(`const button = document.querySelector("` + payButton +
			`"); button.click(); globalThis.locked = button.getAttribute("aria-disabled"); button.click(); button.click();`)
		assert.Equal(t, "true", s.text(`locked`))
		s.imports(1)
		s.pay()
		s.do(`window.dispatchEvent(new Event("focus")); document.dispatchEvent(new Event("visibilitychange"));`)
		s.do(`document.querySelector("form").requestSubmit()`)
		assert.Equal(t, "true", s.text(`document.querySelector("`+payButton+`").getAttribute("aria-disabled")`),
			"only coming back unlocks")
		close(release)
		s.klarna("")
		assert.Equal(t, 1, s.requested("/api/order/import/"))
		assert.Len(t, s.order().OrderImports(), 1)
	}},
	{"a reload while the order is on its way, and pressing again, orders once", func(t *testing.T, s *shopper) {
		release := make(chan struct{})
		s.fault(map[simulator.Op]simulator.Fault{simulator.OpOrder: {Hold: release}})
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.imports(1)
		s.reload()
		s.state("sent")
		assert.Contains(t, s.status(), "only once")
		assert.Equal(t, "Hauptstraße 1", s.text(`document.querySelector("[name=address1]").value`),
			"what was typed is still there")
		s.pay()
		s.state("sending")
		close(release)
		s.klarna("")
		assert.Len(t, s.order().OrderImports(), 1)
	}},
	{"two tabs with the same order make one order and lead to the same Klarna", func(t *testing.T, s *shopper) {
		release := make(chan struct{})
		s.fault(map[simulator.Op]simulator.Fault{simulator.OpOrder: {Hold: release}})
		other := s.another()
		for _, b := range []*tab{s.tab, other} {
			b.open("/checkout")
			s.fill(b)
		}
		s.pay()
		other.pay()
		s.imports(1)
		close(release)
		s.klarna("")
		other.klarna("")
		assert.Equal(t, s.text(`location.href`), other.text(`location.href`))
		assert.Len(t, s.order().OrderImports(), 1)
	}},
	{"two tabs with different orders have a Klarna and an order each", func(t *testing.T, s *shopper) {
		other := s.another()
		for _, b := range []*tab{s.tab, other} {
			b.open("/checkout")
			s.fill(b)
		}
		other.set(map[string]string{"product1_qty": "3"})
		s.pay()
		other.pay()
		s.klarna("")
		other.klarna("")
		assert.NotEqual(t, s.text(`location.href`), other.text(`location.href`))
		require.Len(t, s.orders(), 2)
		for _, order := range s.orders() {
			assert.Len(t, order.OrderImports(), 1, "no order has two carts")
		}
	}},
	{"a tab that was open while another one paid does not order again", func(t *testing.T, s *shopper) {
		other := s.another()
		other.open("/checkout")
		s.open("/checkout")
		s.fill(s.tab)
		s.fill(other)
		s.pay()
		s.klarna("#approve")
		s.at("/upsell?ref=")
		s.until(`localStorage.getItem("told")`)
		other.pay()
		other.at("/upsell?ref=")
		assert.Len(t, s.order().OrderImports(), 1)

		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.klarna("")
		assert.Len(t, s.orders(), 2, "who orders again on a new page means it")
	}},
	{"an answer that gets lost on the way is asked for again", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.fill(s.tab)
		s.intercept(orders, true, times(2, cut{}))
		s.pay()
		s.klarna("")
		assert.Equal(t, 3, s.requested("/api/order/import/"))
		assert.Len(t, s.order().OrderImports(), 1)
	}},
	{"a request that never arrives is sent again", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.fill(s.tab)
		s.intercept(orders, false, times(1, cut{}))
		s.pay()
		s.klarna("")
		assert.Len(t, s.order().OrderImports(), 1)
	}},
	{"an order that is still running is waited for", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.fill(s.tab)
		s.intercept(orders, false, times(2, answer(409, "in_progress", "Please wait.", "Retry-After", "1")))
		s.pay()
		s.klarna("")
		assert.Equal(t, 3, s.requested("/api/order/import/"))
		assert.Len(t, s.order().OrderImports(), 1)
	}},
	{"when the network stays down the shopper is told, and pressing again later orders once",
		func(t *testing.T, s *shopper) {
			s.open("/checkout")
			s.fill(s.tab)
			s.intercept(orders, true, times(4, cut{}))
			s.pay()
			s.state("network")
			assert.Contains(t, s.alert(), "only once")
			s.pay()
			s.klarna("")
			assert.Len(t, s.order().OrderImports(), 1)
		}},
	{"an order that is changed while nobody knows about the first one is asked for again before the new one is sent",
		func(t *testing.T, s *shopper) {
			s.intercept("*/api/*/import/*", true, func(r *http.Request) *cut {
				// No lead gives a ref, and four answers to the order get lost.
				if strings.Contains(r.URL.Path, "/leads/") || strings.Contains(r.URL.Path, "/order/") &&
					s.requested("/api/order/import/") <= 4 {
					return &cut{}
				}
				return nil
			})
			s.open("/checkout")
			s.fill(s.tab)
			s.pay()
			s.state("network")
			s.set(map[string]string{"product1_qty": "4"})
			s.pay()
			s.klarna("")
			var quantities []string
			for _, order := range s.orders() {
				require.LessOrEqual(t, len(order.OrderImports()), 1, "no order has two carts")
				for _, sent := range order.OrderImports() {
					quantities = append(quantities, sent.Fields["product1_qty"])
				}
			}
			assert.ElementsMatch(t, []string{"1", "4"}, quantities)
		}},
	{"offline nothing is sent, and the details are kept for later", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.fill(s.tab)
		s.offline(true)
		s.pay()
		s.state("offline")
		assert.Contains(t, s.alert(), "You are offline")
		assert.Equal(t, "Berlin", s.text(`document.querySelector("[name=city]").value`))
		s.offline(false)
		s.pay()
		s.klarna("")
		assert.Len(t, s.order().OrderImports(), 1)
	}},
	{"an import whose answer got lost between relay and CRM is waited for, and found paid",
		func(t *testing.T, s *shopper) {
			s.is("lost")
			s.open("/checkout")
			s.fill(s.tab)
			s.pay()
			s.state("checking")
			assert.Contains(t, s.status(), "do not order or pay again")
			assert.Equal(t, "true", s.text(`document.querySelector("`+payButton+`").getAttribute("aria-disabled")`))
			session, ok := s.market.CRM.LatestSession(s.order().ID)
			require.True(t, ok)
			_, err := s.market.CRM.Approve(session.ID)
			require.NoError(t, err)
			s.at("/upsell?ref=")
			assert.Len(t, s.order().OrderImports(), 1)
		}},
	{"what turns out never to have reached Klarna may be ordered again, on the same order",
		func(t *testing.T, s *shopper) {
			s.is("lost")
			s.open("/checkout")
			s.fill(s.tab)
			s.intercept("*/api/order/status/*", false, times(1, answer(200, "retry", "")))
			s.pay()
			s.state("retry")
			assert.Contains(t, s.alert(), "You have not been charged")
			first := s.text(`JSON.parse(localStorage.getItem("klarna:at:order")).key`)
			s.pay()
			s.until(`JSON.parse(localStorage.getItem("klarna:at:order")).key !== "` + first + `"`)
			assert.Len(t, s.orders(), 1)
		}},
	{"a slow answer keeps the button locked and says so", func(t *testing.T, s *shopper) {
		release := make(chan struct{})
		s.fault(map[simulator.Op]simulator.Fault{simulator.OpOrder: {Hold: release}})
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.state("slow")
		assert.Contains(t, s.status(), "stay on this page")
		assert.Equal(t, "true", s.text(`document.querySelector("`+payButton+`").getAttribute("aria-disabled")`))
		close(release)
		s.klarna("")
	}},
	{"the purchase is told once, by however many pages at once", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.klarna("#approve")
		s.at("/upsell?ref=")
		s.until(`localStorage.getItem("told")`)
		ref := s.text(`new URLSearchParams(location.search).get("ref")`)
		var wg sync.WaitGroup
		for range 3 {
			b := s.another()
			wg.Add(1)
			go func() {
				defer wg.Done()
				b.open("/thank-you?ref=" + ref)
				b.until(`document.querySelector("[data-klarna-items]").checkVisibility()`)
			}()
		}
		wg.Wait()
		s.toldOnce()
		require.Eventually(t, func() bool { return s.order().Confirms >= 1 }, patience, 20*time.Millisecond)
		assert.Equal(t, 1, s.order().Confirms)
	}},
	{"a purchase that is not proven is told to nobody", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.klarna("#leave")
		s.until(`document.querySelector("#late")`)
		s.open("/thank-you")
		ref := s.refOf("order")
		s.open("/thank-you?ref=" + ref)
		s.until(`document.querySelector("[data-klarna-when=pending]").checkVisibility()`)
		assert.Empty(t, s.told())
		assert.Equal(t, 0, s.requested("/api/order/confirm/"))
		other := s.another()
		other.open("/thank-you?ref=" + strings.Repeat("f", 64))
		other.until(`document.querySelector("[data-klarna-when=ref_unknown]").checkVisibility()`)
		assert.Empty(t, other.told())
		session, ok := s.market.CRM.LatestSession(s.order().ID)
		require.True(t, ok)
		_, err := s.market.CRM.Approve(session.ID)
		require.NoError(t, err)
		s.look()
		s.until(`document.querySelector("[data-klarna-when=paid]").checkVisibility()`)
		s.until(`localStorage.getItem("told")`)
		s.toldOnce()
	}},
}

// imports waits until so many imports of the shopper's have reached the CRM.
func (s *shopper) imports(n int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		seen := 0
		for _, call := range s.market.CRM.Calls(simulator.OpOrder) {
			if call.Email == s.email {
				seen++
			}
		}
		return seen >= n
	}, patience, 10*time.Millisecond, "imports in the CRM")
}
