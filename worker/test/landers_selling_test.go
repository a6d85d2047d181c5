//go:build e2e

package test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// selling: what the page knows and says before the order is sent.
var selling = []landerCase{
	{"without the CRM's prices the page says none, and sells", func(t *testing.T, s *shopper) {
		s.intercept("*/api/campaign/query/", false, always(answer(503, "misconfigured", "")))
		s.open("/checkout")
		s.until(`document.documentElement.dataset.klarnaPrices === "unknown"`)
		assert.Empty(t, s.text(`[...document.querySelectorAll("[data-klarna-price], [data-klarna-total]")]
			.map((spot) => spot.textContent).join("")`))
		assert.NotRegexp(t, `[€\d]+[.,]\d\d`, s.text(`document.querySelector("main").innerText`),
			"no price of the page's own is left in it")
		assert.Equal(t, "visible", s.text(`getComputedStyle(document.querySelector(".sum .unpriced")).visibility`),
			"it says where the total is seen")
		s.fill(s.tab)
		s.pay()
		s.klarna("")
	}},
	{"a product that the CRM does not sell makes no total", func(t *testing.T, s *shopper) {
		s.intercept("*/api/campaign/query/", false, always(cut{status: 200, body: prices("34", "49.90", "4.90", "")}))
		s.open("/checkout?product1_id=35")
		s.until(`document.querySelector("[data-klarna-price='34']").textContent === "€49.90"`)
		assert.Empty(t, s.text(`document.querySelector("[data-klarna-price='35']").textContent +
			document.querySelector(".sum [data-klarna-total]").textContent`))
		s.do(`document.querySelector("[name=product1_id][value='34']").click()`)
		assert.Equal(t, "€54.80", s.text(`document.querySelector(".sum [data-klarna-total]").textContent`))
	}},
	{"the page is in the shopper's country, unless something has been chosen", func(t *testing.T, s *shopper) {
		s.intercept("*/api/campaign/query/", false,
			always(cut{status: 200, body: prices("34", "1,234.50", "4.90", "NL", "NL", "DE")}))
		s.open("/checkout")
		s.until(`document.querySelector("[name=country]").value === "NL"`)
		assert.Equal(t, "DE|NL", s.text(`[...document.querySelector("[name=country]").options].map(({ value }) => value)
			.filter(Boolean).sort().join("|")`), "and offers what the campaign sells to")
		assert.Equal(t, "€1,239.40", s.text(`document.querySelector(".sum [data-klarna-total]").textContent`),
			"the CRM's separators of thousands are none of a price")
		s.set(map[string]string{"country": "DE"})
		s.reload()
		s.until(`document.documentElement.dataset.klarnaPrices === "known"`)
		assert.Equal(t, "DE", s.text(`document.querySelector("[name=country]").value`))
		assert.Equal(t, 1, s.requested("/api/campaign/query/"), "asked once in five minutes")
	}},
	{"a button with an address of its own sends the form there", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.fill(s.tab)
		s.do(`const other = document.createElement("button");
			Object.assign(other, { formAction: "/nowhere", formMethod: "get", id: "card", textContent: "Pay by card" });
			document.querySelector("form[data-klarna]").append(other)`)
		s.click("#card")
		s.until(`location.pathname === "/nowhere"`)
		assert.Zero(t, s.requested("/api/order/import/"))
	}},
	{"nothing is told to the CRM before the button is pressed, unless the lander and the shopper want it",
		func(t *testing.T, s *shopper) {
			s.open("/checkout")
			s.fill(s.tab)
			s.do(`document.querySelector("form[data-klarna]").dataset.klarnaLead = "#news";
			document.querySelector("main").insertAdjacentHTML("beforeend", '<input type="checkbox" id="news">')`)
			s.set(map[string]string{"city": "Potsdam"})
			s.do(`new Promise((done) => setTimeout(done, 300))`)
			assert.Zero(t, s.requested("/api/leads/"), "the box is not ticked")
			s.do(`document.querySelector("#news").checked = true`)
			s.set(map[string]string{"city": "Berlin"})
			s.until(lead)
			assert.Equal(t, 1, s.requested("/api/leads/"))
			ref := s.refOf("order")
			s.pay()
			s.klarna("#approve")
			s.at("/upsell?ref=" + ref)
			assert.Equal(t, 1, s.order().Leads, "lead and order are one")
		}},
	{"on a slow network, or when data is to be saved, the relay checks in place of the module",
		func(t *testing.T, s *shopper) {
			for _, connection := range []string{`{ saveData: true }`, `{ effectiveType: "3g" }`,
				`{ effectiveType: "slow-2g" }`} {
				s.beforePage(`Object.defineProperty(navigator, "connection", { configurable: true, value: ` + connection + ` })`)
				s.intercept("*/api/order/check/", false, func(r *http.Request) *cut {
					if strings.Contains(bodyOf(r), "postalCode=1&") {
						return &cut{status: 422, body: `{"result":"ERROR","code":"invalid","message":{
							"postalCode":"Please check it.","city":"Please fill this in."}}`}
					}
					return &cut{status: 200, body: `{"result":"SUCCESS","code":"accepted"}`}
				})
				s.open("/checkout")
				s.set(map[string]string{"country": "DE", "postalCode": "1"})
				s.until(`document.querySelector("[name=postalCode]").getAttribute("aria-invalid") === "true"`)
				assert.Equal(t, "Please check it.", s.text(`document.getElementById("klarna-order-postalCode").textContent`))
				assert.Empty(t, s.text(`document.querySelector("[name=city]").getAttribute("aria-invalid")`),
					"what has not been come to is left alone")
				s.set(map[string]string{"postalCode": "10115"})
				s.until(`!document.querySelector("[name=postalCode]").hasAttribute("aria-invalid")`)
				assert.Zero(t, s.requested("/build/check"), "nothing is loaded: %s", connection)
			}
			assert.Empty(t, s.orders())
		}},
	{"a check of the relay's that is refused for the rate rests, and the order goes on", func(t *testing.T, s *shopper) {
		s.beforePage(`addEventListener("DOMContentLoaded", () =>
			document.querySelector("form[data-klarna]")?.setAttribute("data-klarna-check", "edge"))`)
		s.intercept("*/api/order/check/", false, always(answer(429, "rate_limited", "", "Retry-After", "60")))
		s.open("/checkout")
		s.fill(s.tab)
		s.until(`performance.getEntriesByType("resource").some(({ name }) => name.includes("/order/check/"))`)
		s.set(map[string]string{"city": "Potsdam"})
		s.set(map[string]string{"city": "Berlin"})
		assert.LessOrEqual(t, s.requested("/api/order/check/"), 8, "no more than were under way")
		s.pay()
		s.klarna("")
	}},
	{"a page loads the texts of its own language, and no other", func(t *testing.T, s *shopper) {
		s.open("/fr/checkout?klarna=declined")
		s.state("declined")
		s.until(`document.querySelector("[role=alert]").textContent.includes("Klarna n")`)
		assert.Equal(t, 1, s.requested("/build/words/"))
		assert.Equal(t, 1, s.requested("/build/words/fr.js"))
		s.open("/checkout")
		assert.Equal(t, 1, s.requested("/build/words/"), "English is in the module")
	}},
	{"without the file of its language a page speaks English", func(t *testing.T, s *shopper) {
		s.intercept("*/build/words/*", false, always(answer(404, "not_found", "")))
		s.open("/nl/checkout?klarna=declined")
		s.state("declined")
		assert.Contains(t, s.alert(), "Klarna did not accept this payment")
	}},
	{"a lander has words of its own, for a state and for a rule", func(t *testing.T, s *shopper) {
		s.beforePage(`new MutationObserver((_, looking) => {
			const main = document.querySelector("main");
			if (!main) return;
			looking.disconnect();
			main.dataset.klarnaWords = JSON.stringify({
				declined: "That went wrong.", misconfigured: "Closed.", "rule.bad_postal_code": "Like {example}!" });
		}).observe(document, { subtree: true, childList: true })`)
		s.intercept(orders, false, times(1, cut{status: 422,
			body: `{"result":"ERROR","code":"invalid","message":{"postalCode":"Please check it."},
				"problems":{"postalCode":{"code":"bad_postal_code","detail":"10115"}}}`}))
		s.open("/checkout?klarna=declined")
		s.state("declined")
		s.until(`document.querySelector("[role=alert]").textContent === "That went wrong."`)
		s.do(`delete document.querySelector("form[data-klarna]").dataset.klarnaCheck`)
		s.fill(s.tab)
		s.pay()
		s.state("invalid")
		assert.Equal(t, "Like 10115!", s.text(`document.getElementById("klarna-order-postalCode").textContent`))
		s.is("whitelist")
		s.fill(s.tab)
		s.pay()
		s.state("misconfigured")
		assert.Equal(t, "Closed.", s.alert())
	}},
	{"in a browser without randomUUID too", func(t *testing.T, s *shopper) {
		s.beforePage(`delete Crypto.prototype.randomUUID`)
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.klarna("")
		assert.Len(t, s.order().OrderImports(), 1)
	}},
}

// prices is an answer of the campaign's with one product.
func prices(id, price, shipping, country string, countries ...string) string {
	list := ""
	if len(countries) > 0 {
		list = `"` + strings.Join(countries, `","`) + `"`
	}
	return `{"result":"SUCCESS","code":"accepted","message":{"currency":"EUR","country":"` + country + `","countries":[` +
		list + `],
		"products":[{"campaignProductId":"` + id + `","productName":"Trail headlamp",
		"price":"` + price + `","shippingPrice":"` + shipping + `"}]}}`
}

// remembering: what the browser remembers of a purchase, and when it lets go of it.
var remembering = []landerCase{
	{"a tab that nobody looks at keeps no other one waiting", func(t *testing.T, s *shopper) {
		s.is("lost")
		s.beforePage(`Object.defineProperty(document, "hidden", { get: () => sessionStorage.getItem("hidden") === "yes" })`)
		s.open("/checkout")
		s.fill(s.tab)
		s.do(`sessionStorage.setItem("hidden", "yes")`)
		s.pay()
		s.state("checking")
		other := s.another()
		other.open("/checkout")
		s.fill(other)
		other.pay()
		other.state("checking")
		session, ok := s.market.CRM.LatestSession(s.order().ID)
		require.True(t, ok)
		_, err := s.market.CRM.Approve(session.ID)
		require.NoError(t, err)
		other.at("/upsell?ref=")
		assert.Len(t, s.order().OrderImports(), 1)
	}},
	{"a second tab says that the first one is sending", func(t *testing.T, s *shopper) {
		release := make(chan struct{})
		s.fault(map[simulator.Op]simulator.Fault{simulator.OpOrder: {Hold: release}})
		other := s.another()
		for _, b := range []*tab{s.tab, other} {
			b.open("/checkout")
			s.fill(b)
		}
		s.pay()
		s.imports(1)
		other.pay()
		other.state("elsewhere")
		close(release)
		s.klarna("")
		other.klarna("")
	}},
	{"an order for another e-mail address is a purchase of its own", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.klarna("")
		first, ref := s.email, ""
		s.back()
		s.state("back")
		ref = s.refOf("order")
		s.is("url")
		s.fill(s.tab)
		s.pay()
		s.klarna("")
		assert.Len(t, s.order().OrderImports(), 1)
		assert.Len(t, s.market.CRM.OrdersOf(first), 1)
		s.back()
		s.at("/checkout")
		assert.NotEqual(t, ref, s.refOf("order"))
	}},
	{"an order that is declined after its earlier cart was paid elsewhere says so, and is placed only when it is wanted",
		func(t *testing.T, s *shopper) {
			s.open("/checkout")
			s.fill(s.tab)
			s.pay()
			s.klarna("")
			first, ok := s.market.CRM.LatestSession(s.order().ID)
			require.True(t, ok)
			s.back()
			s.state("back")
			s.set(map[string]string{"product1_qty": "3"})
			s.pay()
			s.klarna("#decline")
			s.at("/checkout")
			s.until(`/^(declined|back)$/.test(document.querySelector("form[data-klarna]")?.dataset.klarnaState)`)
			// The page has asked how the purchase stands, and would go on if it were paid already.
			answered := func(ago int) string {
				return fmt.Sprintf(`performance.getEntriesByType("resource").some(({ name, responseEnd }) =>
					name.includes("/api/order/status/") && responseEnd > 0 && performance.now() - responseEnd > %d)`, ago)
			}
			s.until(answered(0))
			_, err := s.market.CRM.Approve(first.ID)
			require.NoError(t, err)
			// Konnektive is asked about a purchase once a second at most, and has just been asked.
			s.until(answered(4000))
			s.pay()
			s.state("earlier_paid")
			assert.Contains(t, s.alert(), "has not been placed")
			s.pay()
			s.klarna("")
			require.Len(t, s.orders(), 3, "the one that is paid, the one that was declined, and this one")
			for _, order := range s.orders() {
				assert.Len(t, order.OrderImports(), 1)
			}
		}},
	{"when the order before this one turns out to be paid, it says so, and this one is placed only when it is wanted",
		func(t *testing.T, s *shopper) {
			s.open("/checkout")
			s.fill(s.tab)
			s.pay()
			s.klarna("")
			ref := ""
			s.back()
			s.state("back")
			ref = s.refOf("order")
			s.intercept(orders, false, times(1, cut{status: 200,
				body: `{"result":"SUCCESS","code":"paid","ref":"` + ref + `","message":{"orderId":"` + ref +
					`","total":"54.80","currency":"EUR","items":[]}}`}))
			s.set(map[string]string{"product1_qty": "3"})
			s.pay()
			s.state("earlier_paid")
			assert.Contains(t, s.alert(), "has not been placed")
			assert.Equal(t, "https://shop.example/thank-you?ref="+ref, s.text(`document.querySelector("[role=alert] a").href`))
			s.pay()
			s.klarna("")
			quantities := ""
			for _, order := range s.orders() {
				for _, sent := range order.OrderImports() {
					quantities += sent.Fields["product1_qty"]
				}
			}
			assert.Equal(t, "13", quantities, "the new one is an order of its own")
			assert.Len(t, s.orders(), 2)
		}},
	{"a shop that could not take an order gets it under a new key", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.fill(s.tab)
		s.intercept(orders, false, times(1, answer(503, "misconfigured", "The shop cannot take orders.")))
		s.pay()
		s.state("misconfigured")
		key := s.text(`JSON.parse(localStorage.getItem("klarna:at:order")).key`)
		s.pay()
		s.klarna("")
		s.back()
		s.at("/checkout")
		assert.NotEqual(t, key, s.text(`JSON.parse(localStorage.getItem("klarna:at:order")).key`))
		assert.Len(t, s.order().OrderImports(), 1)
	}},
	{"what the page says to somebody who comes back is in sight, wherever the page was left",
		func(t *testing.T, s *shopper) {
			s.open("/checkout")
			s.fill(s.tab)
			s.pay()
			s.klarna("")
			s.back()
			s.state("back")
			s.do(`scrollTo({ top: 0, behavior: "instant" })`)
			// A browser may go where the page was left after the page has spoken.
			s.beforePage(`new MutationObserver(() => setTimeout(() => scrollTo({ top: 0, behavior: "instant" })))
				.observe(document, { subtree: true, attributeFilter: ["data-klarna-state"] })`)
			s.reload()
			s.state("back")
			const seen = `(() => {
			const { top, bottom } = document.querySelector("[role=status]").getBoundingClientRect();
			return top >= 0 && bottom <= innerHeight;
		})()`
			s.until(seen)
			s.do(`new Promise((done) => setTimeout(done, 600))`)
			assert.Equal(t, "true", s.text(seen), "and stays there")
		}},
	{"what was told of an order and its upsales adds up to its total", func(t *testing.T, s *shopper) {
		total, items := "", ""
		s.intercept("*/api/order/status/*", false, func(r *http.Request) *cut {
			return &cut{status: 200,
				body: `{"result":"SUCCESS","code":"paid","ref":"x","message":{"orderNumber":"63A9","total":"` + total +
					`","currency":"EUR","items":[` + items + `]}}`}
		})
		lamp, battery := `{"name":"Lamp","qty":1,"price":"1,234.50"}`, `{"name":"Battery","qty":1,"price":"14.90"}`
		for i, step := range []struct{ ref, total, items string }{
			{"a", "1,239.40", lamp}, {"b", "1,254.30", lamp + "," + battery}, {"c", "1,269.20",
				lamp + "," + battery + "," + battery}, {"c", "1,269.20", lamp},
		} {
			total, items = step.total, step.items
			s.open("/thank-you?ref=" + step.ref)
			s.until(`document.querySelector("[data-klarna-items]").checkVisibility()`)
			if i < 3 {
				s.until(`JSON.parse(localStorage.getItem("told") ?? "[]").length === ` + string(rune('1'+i)))
			}
		}
		told := s.told()
		require.Len(t, told, 3, "each purchase once")
		assert.Equal(t, 1239.4, told[0].Total)
		assert.Equal(t, 14.9, told[1].Total)
		assert.Equal(t, 14.9, told[2].Total)
		require.Len(t, told[2].Items, 1, "an upsale of the same name is counted")
		assert.Equal(t, "Battery", told[2].Items[0].Name)
		assert.Equal(t, 1, told[2].Items[0].Qty)
	}},
	{"a receipt adds up, whatever the CRM names of it", func(t *testing.T, s *shopper) {
		rest := ""
		s.intercept("*/api/order/status/*", false, func(r *http.Request) *cut {
			return &cut{status: 200, body: `{"result":"SUCCESS","code":"paid","ref":"x","message":{
				"orderNumber":"63A9FBD226","total":"94.72","currency":"EUR",` + rest + `
				"items":[{"name":"Lamp","qty":2,"price":"49.90"}]}}`}
		})
		shown := `[...document.querySelectorAll(".receipt li, .receipt [data-klarna-row], .receipt .total")]
			.filter((row) => row.checkVisibility())
			.map((row) => row.textContent.replace(/\s+/g, " ").trim()).join("|")`
		rest = `"shipping":"4.90","discount":"9.98",`
		s.open("/thank-you?ref=a")
		s.until(`document.querySelector(".receipt").checkVisibility()`)
		assert.Equal(t, "Order number 63A9FBD226|2 × Lamp €99.80|Shipping €4.90|Discount -€9.98|Total €94.72", s.text(shown))
		rest = ""
		s.open("/thank-you?ref=b")
		s.until(`document.querySelector(".receipt").checkVisibility()`)
		assert.Equal(t, "Order number 63A9FBD226|2 × Lamp €99.80|Shipping and discounts -€5.08|Total €94.72", s.text(shown))
	}},
}

// bodyOf reads a request's body, and leaves it to be read again.
func bodyOf(r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return ""
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return string(body) + "&"
}
