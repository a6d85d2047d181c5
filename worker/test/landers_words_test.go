//go:build e2e

package test

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// saying: what the form says when something is wrong, and to whom.
var saying = []landerCase{
	{"problems stand at their fields, the first one has the focus, and each is linked to its field",
		func(t *testing.T, s *shopper) {
			s.open("/checkout")
			s.fill(s.tab, "firstName", "", "postalCode", "1", "city", "")
			s.pay()
			s.state("invalid")
			assert.Equal(t, "firstName", s.text(`document.activeElement.name`), "the first in the form's order")
			for _, field := range []string{"firstName", "postalCode", "city"} {
				assert.Equal(t, "true", s.text(`document.querySelector("[name=`+field+`]").getAttribute("aria-invalid")`), field)
				assert.NotEmpty(t, s.text(`document.querySelector("[name=`+field+`]").getAttribute("aria-describedby")
					.split(" ").map((id) => document.getElementById(id).textContent).join("")`), field)
			}
			assert.Empty(t, s.text(`document.querySelector("[name=lastName]").getAttribute("aria-invalid")`))
			assert.Contains(t, s.alert(), "marked fields")

			s.set(map[string]string{"firstName": "Änne", "postalCode": "10115", "city": "Berlin"})
			assert.Empty(t, s.text(`document.querySelector("[aria-invalid]")?.name`), "what is mended is no longer marked")
			s.pay()
			s.klarna("")
			assert.Len(t, s.order().OrderImports(), 1)
		}},
	{"what the form says, it says where a screen reader has been listening from the start",
		func(t *testing.T, s *shopper) {
			s.intercept(orders, false, never)
			s.holdTimers()
			s.open("/checkout")
			s.do(`globalThis.regions = [...document.querySelectorAll("form [role=status], form [role=alert]")]`)
			assert.Equal(t, "status|alert", s.text(
				`regions.map((region) => region.getAttribute("role") + region.textContent).join("|")`), "there, and empty")
			said := `regions.filter((region) => region.isConnected && region.checkVisibility() && region.textContent)
				.map((region) => region.getAttribute("role")).join("")`
			s.fill(s.tab, "city", "")
			s.until(`globalThis.klarnaRules`)
			s.pay()
			s.state("invalid")
			assert.Equal(t, "alert", s.text(said), "a problem is said at once, and alone")
			s.set(map[string]string{"city": "Berlin"})
			assert.Empty(t, s.text(said), "and no longer than it holds")
			s.pay()
			s.state("sending")
			assert.Equal(t, "status", s.text(said), "progress waits its turn")
		}},
	{"page and edge say the same words", func(t *testing.T, s *shopper) {
		problems := func(path string, checked bool) string {
			s.open(path)
			s.fill(s.tab, "emailAddress", "ada@", "postalCode", "1", "phoneNumber", "12")
			if checked {
				s.until(`globalThis.klarnaRules`)
			}
			s.pay()
			s.state("invalid")
			return s.text(`[...document.querySelectorAll(".klarna-problem")].filter((note) => note.textContent)
				.map((note) => note.id + note.textContent).sort().join("|")`)
		}
		here := map[string]string{}
		for _, path := range []string{"/checkout", "/de/checkout"} {
			here[path] = problems(path, true)
			assert.Equal(t, 3, strings.Count(here[path], "klarna-order-"))
		}
		assert.Zero(t, s.requested("/api/order/import/"), "the page needs no request for it")
		s.intercept("*/build/*", false, always(cut{}))
		for path, said := range here {
			assert.Equal(t, said, problems(path, false))
		}
		assert.Equal(t, 2, s.requested("/api/order/import/"))
	}},
	{"the check is loaded by the first touch and not before, once", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.do(`new Promise((done) => setTimeout(done, 500))`)
		assert.Equal(t, 0, s.requested("/build/"))
		s.do(`document.querySelector("[name=emailAddress]").focus()`)
		s.until(`globalThis.klarnaRules`)
		s.fill(s.tab)
		assert.Equal(t, 1, s.requested("/build/check-"))
	}},
	{"the check says when a field is left what is wrong with it, tidies what it knows, and leaves the rest alone",
		func(t *testing.T, s *shopper) {
			s.open("/checkout")
			s.do(`document.querySelector("[name=emailAddress]").focus()`)
			s.until(`globalThis.klarnaRules`)
			s.set(map[string]string{"country": "NL"})
			s.set(map[string]string{"postalCode": "1012lg", "phoneNumber": "020 555 1234"})
			assert.Equal(t, "1012 LG", s.text(`document.querySelector("[name=postalCode]").value`))
			assert.Equal(t, "+31205551234", s.text(`document.querySelector("[name=phoneNumber]").value`))
			assert.Empty(t, s.text(`document.querySelector("[aria-invalid]")?.name`))
			s.set(map[string]string{"emailAddress": "ada@"})
			assert.Equal(t, "emailAddress", s.text(
				`[...document.querySelectorAll("[aria-invalid]")].map((field) => field.name).join()`))
		}},
	{"a country without Klarna is told at once, at its field", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.until(`document.documentElement.dataset.klarnaPrices === "known"`) // which chooses the countries of the list
		s.do(`document.querySelector("[name=country]").add(new Option("Brazil", "BR"))`)
		s.do(`document.querySelector("[name=emailAddress]").focus()`)
		s.until(`globalThis.klarnaRules`)
		s.fill(s.tab, "country", "BR", "postalCode", "01310-100")
		assert.Contains(t, s.text(`document.getElementById("klarna-order-country").textContent`), "in this country")
		s.pay()
		s.state("invalid")
		assert.Equal(t, "country", s.text(`document.activeElement.name`))
		assert.Empty(t, s.orders())
	}},
	{"a country without Klarna is told by the edge where the check does not run", func(t *testing.T, s *shopper) {
		s.intercept("*/build/*", false, always(cut{}))
		s.open("/checkout")
		s.until(`document.documentElement.dataset.klarnaPrices === "known"`)
		s.do(`document.querySelector("[name=country]").add(new Option("Brazil", "BR"))`)
		s.fill(s.tab, "country", "BR", "postalCode", "01310-100")
		s.pay()
		s.state("country_refused")
		assert.Equal(t, "country", s.text(`document.activeElement.name`))
		assert.Contains(t, s.text(`document.getElementById("klarna-order-country").textContent`), "in this country")
	}},
	{"too many orders: the form waits as long as it was told, then works again", func(t *testing.T, s *shopper) {
		s.holdTimers()
		s.open("/checkout")
		s.fill(s.tab)
		s.intercept(orders, false, times(1, answer(429, "rate_limited", "Too many requests.", "Retry-After", "2")))
		s.pay()
		s.state("rate_limited")
		assert.Contains(t, s.alert(), "2 seconds")
		s.pay()
		assert.Equal(t, 1, s.requested("/api/order/import/"), "the button is locked")
		s.releaseTimers()
		s.state("again")
		s.pay()
		s.klarna("")
		assert.Len(t, s.order().OrderImports(), 1)
	}},
	{"where http was refused the secure page is offered", func(t *testing.T, s *shopper) {
		s.open("/checkout?product1_id=34")
		s.fill(s.tab)
		s.intercept(orders, false, times(1, answer(403, "https_required", "no")))
		s.pay()
		s.state("insecure")
		assert.Equal(t, "https://shop.example/checkout", s.text(`document.querySelector("[role=alert] a").href`))
	}},
	{"a shop that cannot take orders says that nothing was ordered", func(t *testing.T, s *shopper) {
		s.is("whitelist")
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.state("misconfigured")
		assert.Contains(t, s.alert(), "nothing was ordered")
		assert.NotContains(t, s.alert(), "whitelist")
	}},
	{"a CRM that cannot be reached is tried again before the shopper hears of it", func(t *testing.T, s *shopper) {
		s.is("error522")
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.state("upstream_unreachable")
		assert.Contains(t, s.alert(), "nothing was ordered")
		assert.Equal(t, 3, s.requested("/api/order/import/"))
	}},
	{"by keyboard alone, from the first field to Klarna", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.keys(kb.Tab)
		assert.Equal(t, "Skip to the content", s.text(`document.activeElement.textContent`))
		s.keys(kb.Enter)
		s.until(`document.activeElement.id === "main"`)
		s.keys(kb.Tab)
		assert.Equal(t, "SUMMARY", s.text(`document.activeElement.tagName`), "the order's summary, which unfolds")
		s.keys(kb.Tab, kb.ArrowDown) // the second product
		assert.Equal(t, "35", s.text(`document.querySelector("[name=product1_id]:checked").value`))
		s.keys(kb.Tab, "2") // quantity
		s.keys(kb.Tab, s.email, kb.Tab, "Änne", kb.Tab, "O’Neill", kb.Tab, "+49 30 12345678", kb.Tab, "Germ", kb.Tab,
			"Hauptstraße 1", kb.Tab)
		s.keys(kb.Enter) // unfolds the second line of the address
		s.keys(kb.Tab)
		assert.Equal(t, "address2", s.text(`document.activeElement.name`))
		s.keys(kb.Tab)
		s.keys(kb.Enter) // in the empty postal code
		s.state("invalid")
		assert.Equal(t, "postalCode", s.text(`document.activeElement.name`))
		s.keys("10115", kb.Tab, "Berlin", kb.Tab)
		assert.Equal(t, "billShipSame", s.text(`document.activeElement.name`))
		s.keys(kb.Tab, kb.Tab, kb.Tab, kb.Tab) // past two links and the coupon
		assert.Equal(t, "submit", s.text(`document.activeElement.type`))
		assert.NotEqual(t, "none", s.text(`getComputedStyle(document.activeElement).outlineStyle`),
			"where one is can be seen")
		s.keys(" ")
		s.klarna("")
		sent := s.order().OrderImports()[0].Fields
		assert.Equal(t, "35", sent["product1_id"])
		assert.Equal(t, "2", sent["product1_qty"])
		assert.Equal(t, "DE", sent["country"])
	}},
}

// withoutHelp: what the page can do without.
var withoutHelp = []landerCase{
	{"without the check the order goes through all the same: blocked", withoutCheck(cut{})},
	{"without the check the order goes through all the same: gone", withoutCheck(answer(404, "not_found", ""))},
	{"without the check the order goes through all the same: broken",
		withoutCheck(cut{status: 200, body: "no module", header: map[string]string{"Content-Type": "text/javascript"}})},
	{"without the check the order goes through all the same: slow", func(t *testing.T, s *shopper) {
		s.intercept("*/build/*.wasm", false, never)
		s.open("/checkout")
		s.fill(s.tab, "postalCode", "1")
		s.pay()
		s.state("invalid")
		assert.Equal(t, "postalCode", s.text(`document.activeElement.name`), "the edge says what the page could not")
		s.set(map[string]string{"postalCode": "10115"})
		s.pay()
		s.klarna("")
		assert.Len(t, s.order().OrderImports(), 1)
		assert.NotZero(t, s.requested("/build/"))
	}},
	{"without storage the order goes through all the same", func(t *testing.T, s *shopper) {
		s.beforePage(`for (const area of ["localStorage", "sessionStorage"]) {
			Object.defineProperty(globalThis, area, { get() { throw new DOMException("blocked", "SecurityError") } });
		}
		LockManager.prototype.request = async () => { throw new DOMException("blocked", "SecurityError") };
		document.addEventListener("klarna:paid", ({ detail }) => (globalThis.toldHere = detail.ref));`)
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.klarna("#approve")
		s.at("/upsell?ref=")
		s.until(`document.querySelector("[data-klarna-when~=paid]")?.checkVisibility()`)
		s.until(`globalThis.toldHere`)
		assert.Len(t, s.order().OrderImports(), 1)
	}},
	{"in a browser without locks, time-outs and idle moments too", func(t *testing.T, s *shopper) {
		s.beforePage(`delete Navigator.prototype.locks; delete AbortSignal.timeout;
			delete globalThis.requestIdleCallback; delete globalThis.WebAssembly`)
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.klarna("")
		assert.Len(t, s.order().OrderImports(), 1)
	}},
	{"without JavaScript the form leads to Klarna, and to pages that can be read", func(t *testing.T, s *shopper) {
		s.scripts(false)
		s.open("/checkout")
		s.enter("emailAddress", s.email)
		s.enter("firstName", "Änne")
		s.enter("lastName", "O’Neill")
		s.enter("phoneNumber", "+49 30 12345678")
		s.enter("country", "Germany")
		s.enter("address1", "Hauptstraße 1")
		s.enter("postalCode", "10115")
		s.enter("city", "Berlin")
		require.NoError(t, chromedp.Do(Within(s.ctx), chromedp.Click(chromedp.CSS(payButton)),
			chromedp.WaitVisible(chromedp.CSS("#approve"))))
		require.NoError(t, chromedp.Do(Within(s.ctx), chromedp.Click(chromedp.CSS("#approve")),
			chromedp.Click(chromedp.CSS("#return button")), chromedp.WaitVisible(chromedp.CSS("noscript a"))))
		assert.Len(t, s.order().OrderImports(), 1)
		here, err := chromedp.Run(Within(s.ctx), chromedp.Location())
		require.NoError(t, err)
		assert.Contains(t, here, "https://shop.example/upsell?ref=")
		text, err := chromedp.Run(Within(s.ctx), chromedp.Text(chromedp.CSS("main")))
		require.NoError(t, err)
		assert.Contains(t, text, "Your order is on its way")
		assert.NotContains(t, text, "Add it and pay", "an offer that could not be taken is not made")
		require.NoError(t, chromedp.Do(Within(s.ctx), chromedp.Click(chromedp.CSS("noscript a")),
			chromedp.WaitVisible(chromedp.CSS("[data-klarna-when~=wait] h1"))))
		text, err = chromedp.Run(Within(s.ctx), chromedp.Text(chromedp.CSS("main")))
		require.NoError(t, err)
		assert.Contains(t, text, "Thank you for your order")
	}},
	{"without JavaScript a problem is told on a page of its own", func(t *testing.T, s *shopper) {
		s.scripts(false)
		s.open("/de/checkout")
		s.enter("emailAddress", s.email)
		s.enter("firstName", "Änne")
		s.enter("lastName", "O’Neill")
		s.enter("phoneNumber", "12")
		s.enter("country", "Deutschland")
		s.enter("address1", "Hauptstraße 1")
		s.enter("postalCode", "1")
		s.enter("city", "Berlin")
		require.NoError(t, chromedp.Do(Within(s.ctx), chromedp.Click(chromedp.CSS(payButton)),
			chromedp.WaitVisible(chromedp.CSS("main:not([id]) li"))))
		text, err := chromedp.Run(Within(s.ctx), chromedp.Text(chromedp.CSS("main")))
		require.NoError(t, err)
		assert.Contains(t, text, "Postleitzahl: Bitte prüfen Sie die Postleitzahl",
			"in the words and the language of the page, whatever the browser's is")
		assert.NotContains(t, text, "postalCode")
		assert.Empty(t, s.orders())
	}},
}

func withoutCheck(c cut) func(*testing.T, *shopper) {
	return func(t *testing.T, s *shopper) {
		s.intercept("*/build/*", false, always(c))
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.klarna("")
		assert.Len(t, s.order().OrderImports(), 1)
		assert.NotZero(t, s.requested("/build/"))
	}
}

// keys types on the keyboard, wherever the focus is.
func (b *tab) keys(keys ...string) {
	b.t.Helper()
	for _, key := range keys {
		require.NoError(b.t, b.driver.keys(key), key)
	}
}

// enter types into a field without the page's help.
func (b *tab) enter(field, text string) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(Within(b.ctx), chromedp.SendKeys(chromedp.CSS("[name="+field+"]"), text)), field)
}

// scripts switches the tab's JavaScript.
func (b *tab) scripts(on bool) {
	b.t.Helper()
	b.onlyChromium("switches JavaScript off in a tab")
	_, err := chromedp.Call(Within(b.ctx), emulation.SetScriptExecutionDisabled,
		emulation.SetScriptExecutionDisabledParams{Value: !on})
	require.NoError(b.t, err)
}
