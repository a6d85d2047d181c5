//go:build e2e

package test

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// comingBack: from Klarna, by every way there is.
var comingBack = []landerCase{
	{"the back button finds the order where it was left, and goes on with the same attempt",
		func(t *testing.T, s *shopper) {
			s.open("/checkout")
			s.fill(s.tab)
			s.pay()
			s.klarna("")
			there := s.text(`location.href`)
			s.back()
			s.at("/checkout")
			s.state("back")
			assert.NotEqual(t, "true", s.text(`document.querySelector("`+payButton+`").getAttribute("aria-disabled")`))
			assert.Equal(t, "Berlin", s.text(`document.querySelector("[name=city]").value`))
			assert.Contains(t, s.text(`document.activeElement.textContent`), "waiting at Klarna",
				"who comes back sees and hears it")
			s.click("[role=status] a")
			s.klarna("")
			assert.Equal(t, there, s.text(`location.href`))

			s.back()
			s.at("/checkout")
			s.state("back")
			s.pay()
			s.klarna("")
			assert.Equal(t, there, s.text(`location.href`), "the button leads to the same Klarna too")
			assert.Len(t, s.order().OrderImports(), 1)
		}},
	{"a page that the browser kept whole is unlocked when it is shown again, and by nothing else",
		func(t *testing.T, s *shopper) {
			s.open("/checkout")
			s.fill(s.tab)
			s.intercept("https://"+KlarnaHost+"/*", false, always(cut{status: 204}))
			s.pay()
			s.state("leaving")
			locked := `document.querySelector("` + payButton + `").getAttribute("aria-disabled")`
			assert.Equal(t, "https://"+KlarnaHost, s.text(`new URL(document.querySelector("[role=status] a").href).origin`),
				"who is not taken there can go by hand")
			s.do(`for (const name of ["focus", "online", "resize", "storage"]) dispatchEvent(new Event(name));
				dispatchEvent(new PageTransitionEvent("pageshow", { persisted: false }))`)
			assert.Equal(t, "true", s.text(locked))
			s.do(`dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))`)
			s.state("back")
			assert.Equal(t, "false", s.text(locked))
		}},
	{"declined at Klarna, the details are still there, and another try succeeds", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.klarna("#decline")
		s.at("/checkout")
		s.state("declined")
		assert.Contains(t, s.alert(), "You have not been charged")
		assert.Equal(t, "alert", s.text(`document.activeElement.getAttribute("role")`))
		assert.Equal(t, "O’Neill", s.text(`document.querySelector("[name=lastName]").value`))
		assert.Empty(t, s.text(`location.search`), "a reload does not say it again")
		assert.Empty(t, s.told(), "nobody is told of a purchase")
		s.reload()
		assert.Equal(t, "O’Neill", s.text(`document.querySelector("[name=lastName]").value`), "not even a reload loses them")
		s.pay()
		s.klarna("#approve")
		s.at("/upsell?ref=")
		statuses := ""
		for _, order := range s.orders() {
			assert.Len(t, order.OrderImports(), 1)
			statuses += order.Status + " "
		}
		assert.ElementsMatch(t, []string{"DECLINED", "COMPLETE"}, strings.Fields(statuses),
			"the second Klarna has an order of its own")
	}},
	{"declined in German, the page of the checkout is German", func(t *testing.T, s *shopper) {
		s.open("/de/checkout")
		s.fill(s.tab)
		s.pay()
		s.klarna("#decline")
		s.at("/de/checkout")
		s.state("declined")
		assert.Contains(t, s.alert(), "Es wurde kein Geld abgebucht")
		assert.Equal(t, "Berlin", s.text(`document.querySelector("[name=city]").value`))
	}},
	{"declined at once by the CRM, the form says so, and a try with another e-mail address is a purchase of its own",
		func(t *testing.T, s *shopper) {
			s.is("decline")
			s.open("/checkout")
			s.fill(s.tab)
			s.pay()
			s.state("declined")
			assert.Contains(t, s.alert(), "You have not been charged")
			first := s.order()
			s.is("url")
			s.set(map[string]string{"emailAddress": s.email})
			s.pay()
			s.klarna("")
			assert.Len(t, s.order().OrderImports(), 1)
			again, ok := s.market.CRM.Order(first.ID)
			require.True(t, ok)
			assert.Len(t, again.OrderImports(), 1)
		}},
	{"cancelled while an earlier cart is open at Klarna, the way to that one is offered", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.klarna("")
		there := s.text(`location.href`)
		session, ok := s.market.CRM.LatestSession(s.order().ID)
		require.True(t, ok)
		s.back()
		s.at("/checkout")
		s.state("back")
		s.set(map[string]string{"product1_qty": "2"})
		s.pay()
		s.klarna("")
		assert.NotEqual(t, there, s.text(`location.href`))
		s.klarna("#cancel")
		s.at("/checkout")
		s.state("back")
		s.reload()
		s.state("back")
		s.click("[role=status] a")
		s.klarna("")
		assert.Equal(t, there, s.text(`location.href`), "and not the one that was just left")
		_, err := s.market.CRM.Approve(session.ID)
		require.NoError(t, err)
		s.back()
		s.at("/upsell?ref=")
	}},
	{"an earlier way to Klarna is offered no more once the relay has said that nothing is open",
		func(t *testing.T, s *shopper) {
			s.intercept("*/api/order/status/*", false, always(standing("declined", "cancelled", "Not completed.")))
			s.open("/nowhere") // a page without a form
			s.do(`localStorage.setItem("klarna:at:order", JSON.stringify({ key: "k", ref: "x", over: true, at: Date.now(),
				open: [{ url: "https://klarna.example/", at: Date.now() }] }))`)
			s.open("/checkout")
			s.state("declined")
			assert.Contains(t, s.alert(), "was not completed. You have not been charged.")
			assert.Equal(t, "0", s.text(`JSON.parse(localStorage.getItem("klarna:at:order")).open.length`))
		}},
	{"cancelled at Klarna, the shopper is back in the checkout and can order the same again",
		func(t *testing.T, s *shopper) {
			s.open("/checkout")
			s.fill(s.tab)
			s.pay()
			s.klarna("#cancel")
			s.at("/checkout")
			s.state("declined")
			assert.Contains(t, s.alert(), "was not completed. You have not been charged.", "nobody has declined anything")
			assert.Equal(t, "Berlin", s.text(`document.querySelector("[name=city]").value`))
			s.pay()
			s.klarna("#approve")
			s.at("/upsell?ref=")
			assert.Len(t, s.orders(), 2)
		}},
	{"who paid and came back by the back button is taken on", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.klarna("")
		session, ok := s.market.CRM.LatestSession(s.order().ID)
		require.True(t, ok)
		_, err := s.market.CRM.Approve(session.ID)
		require.NoError(t, err)
		s.back()
		s.at("/upsell?ref=")
	}},
	{"who comes back late is told how it stands", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.klarna("#leave")
		s.until(`document.querySelector("#late")`)
		s.open("/checkout")
		s.state("back")
		s.click("[role=status] a")
		s.klarna("#approve")
		s.at("/upsell?ref=")
		assert.Len(t, s.order().OrderImports(), 1)
	}},
	{"a thank-you page looks with growing pauses, and stops by itself", func(t *testing.T, s *shopper) {
		s.open("/thank-you")
		s.intercept("*/api/order/status/*", false, always(answer(200, "pending", "")))
		// Time stands still but for the module's pauses, which are a thousand times shorter.
		s.do(`(async () => {
			const now = Date.now(), real = setTimeout;
			Date.now = () => now;
			globalThis.pauses = [];
			globalThis.setTimeout = (work, ms, ...rest) => {
				if (ms >= 1000) pauses.push(ms);
				return real(work, ms / 1000, ...rest);
			};
			const { status } = await import("/klarna.js");
			globalThis.last = "";
			status("x", { limit: 6000 }).then((answer) => { last = answer.code });
		})()`)
		s.until(`last === "late"`)
		pauses := s.text(`pauses.every((ms, i) => i === 0 || ms > pauses[i - 1]) && pauses.length >= 3`)
		assert.Equal(t, "true", pauses)
		asked := s.requested("/api/order/status/")
		s.do(`new Promise((done) => setTimeout(done, 300000))`)
		assert.Equal(t, asked, s.requested("/api/order/status/"))
	}},
	{"every answer of the status has its words on the thank-you page", func(t *testing.T, s *shopper) {
		for _, c := range []struct{ code, reason, heading, says string }{
			{"pending", "", "Your payment is not confirmed yet", "do not"},
			{"pending", "review", "The shop is checking your order", "TEXT"},
			{"unknown", "", "We are checking your order", "do not"},
			{"declined", "", "Your order is not paid", "TEXT"}, {"declined", "cancelled", "Your order is not paid", "TEXT"},
			{"declined", "refunded", "This order was refunded", "question"},
			{"declined", "unproven", "We do not know whether this order is paid", "TEXT"},
			{"declined", "upsale_declined", "The extra was not added", "TEXT"},
			{"declined", "upsale_cancelled", "The extra was not added", "TEXT"},
			{"retry", "", "Your order did not get through", "have not been charged"},
			{"retry", "expired", "Your order is not paid", "TEXT"},
			{"retry", "unproven", "We do not know whether this order is paid", "TEXT"},
			{"retry", "upsale_expired", "The extra was not added", "TEXT"},
			{"retry", "upsale_retry", "The extra was not added", "TEXT"},
			{"ref_unknown", "", "We cannot find this order here", "three days"},
		} {
			s.intercept("*/api/order/status/*", false, always(standing(c.code, c.reason, "TEXT")))
			s.open("/thank-you?ref=0123456789")
			s.until(`[...document.querySelectorAll("h1")].find((h1) => h1.checkVisibility()).textContent === "` + c.heading + `"`)
			seen := s.text(`document.querySelector("main").innerText`)
			assert.Contains(t, seen, c.says, "%s %s", c.code, c.reason)
			if c.reason != "" {
				assert.NotContains(t, seen, "You have not been charged", "%s says so where it is true", c.reason)
				assert.NotContains(t, seen, "Asking Klarna", "%s: it is not Klarna who is waited for", c.reason)
			}
		}
	}},
}

// offline takes the network away from the tab, or gives it back.
func (b *tab) offline(on bool) {
	b.t.Helper()
	b.onlyChromium("takes the network away from a page")
	params := network.OverrideNetworkStateParams{Offline: on, DownloadThroughput: -1, UploadThroughput: -1}
	_, err := chromedp.Call(Within(b.ctx), network.OverrideNetworkState, params)
	require.NoError(b.t, err)
	_, err = chromedp.Call(Within(b.ctx), network.EmulateNetworkConditionsByRule,
		network.EmulateNetworkConditionsByRuleParams{
			MatchedNetworkConditions: []*network.Conditions{{Offline: on, DownloadThroughput: -1, UploadThroughput: -1}},
		})
	require.NoError(b.t, err)
}
