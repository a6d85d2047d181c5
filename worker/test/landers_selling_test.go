//go:build e2e

package test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
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
	{"a page may stop an order: by a box that must be ticked, by a listener, by another action",
		func(t *testing.T, s *shopper) {
			s.open("/checkout")
			s.fill(s.tab)
			s.do(`document.querySelector("` + payButton + `").insertAdjacentHTML("beforebegin",
				'<label><input type="checkbox" id="terms" name="custom_terms" required> I agree</label>')`)
			busy := `document.querySelector("form[data-klarna]").getAttribute("aria-busy")`
			s.pay()
			s.until(`document.activeElement.id === "terms"`)
			assert.NotEqual(t, "true", s.text(busy))
			s.do(`document.querySelector("#terms").checked = true;
				document.querySelector("form[data-klarna]").addEventListener("submit", (event) => {
					event.preventDefault();
					globalThis.stopped = true;
				}, { once: true })`)
			s.pay()
			s.until(`globalThis.stopped`)
			assert.NotEqual(t, "true", s.text(busy))
			s.do(`Object.assign(document.querySelector("form[data-klarna]"), { action: "/nowhere", method: "get" })`)
			s.pay()
			s.until(`location.pathname === "/nowhere"`)
			assert.Zero(t, s.requested("/api/order/import/"))
		}},
	{"card fields of another way to pay are neither kept nor sent", func(t *testing.T, s *shopper) {
		s.serve("/form", `<form data-klarna action="/api/order/import/" method="post" data-klarna-check="edge"
			data-klarna-lead>`+formFields+`<input name="cardNumber"> <input name="cardSecurityCode">
			<input name="number" autocomplete="billing cc-number"> <input name="security_code">
			<button>Klarna</button> <button formaction="/nowhere">Card</button></form>`)
		var mu sync.Mutex
		sent := ""
		s.intercept("*/api/*", false, func(r *http.Request) *cut {
			mu.Lock()
			defer mu.Unlock()
			sent += r.URL.Path + " " + bodyOf(r) + "\n"
			return nil
		})
		s.open("/form")
		s.set(map[string]string{"cardNumber": "4111111111111111", "cardSecurityCode": "9876",
			"number": "4111 1111 1111 1111", "security_code": "9876"})
		s.fill(s.tab)
		s.until(lead)
		s.until(`performance.getEntriesByType("resource").some(({ name }) => name.includes("/order/check/"))`)
		kept := s.text(`Object.values(sessionStorage).join()`)
		assert.Contains(t, kept, "Hauptstraße")
		s.pay()
		s.klarna("")
		mu.Lock()
		defer mu.Unlock()
		for _, path := range []string{"/api/leads/import/ ", "/api/order/check/ ", "/api/order/import/ "} {
			assert.Contains(t, sent, path)
		}
		for _, card := range []string{"4111", "9876"} {
			assert.NotContains(t, kept, card)
			assert.NotContains(t, sent, card)
		}
	}},
	{"ship fields alone are the address where both are the same", func(t *testing.T, s *shopper) {
		s.serve("/form", `<form data-klarna action="/api/order/import/" method="post"><input name="emailAddress">
			<input name="phoneNumber"> <input name="shipFirstName"> <input name="shipLastName"> <input name="shipAddress1">
			<input name="shipPostalCode"> <input name="shipCity"> <input name="shipCountry">
			<input type="hidden" name="billShipSame" value="1"> <input type="hidden" name="product1_id" value="34">
			<button>Order</button></form>`)
		s.open("/form")
		s.set(map[string]string{"emailAddress": s.email, "phoneNumber": "+49 30 12345678", "shipFirstName": "Zoë",
			"shipLastName": "Ånd", "shipAddress1": "Hauptstraße 1", "shipPostalCode": "10115", "shipCity": "Berlin",
			"shipCountry": "DE"})
		s.pay()
		s.klarna("")
		assert.Equal(t, "Hauptstraße 1", s.order().OrderImports()[0].Fields["address1"])
	}},
	{"by ref and products alone, with the check in the page", func(t *testing.T, s *shopper) {
		s.serve("/form", `<form data-klarna action="/api/order/import/" method="post" data-klarna-check="/build/check.js">
			<input type="hidden" name="ref"> <input type="hidden" name="product1_id" value="34"> <button>Order</button></form>`)
		s.open("/form")
		s.open("/form?ref=" + s.text(`fetch("/api/leads/import/", { method: "POST", body: new URLSearchParams({
			firstName: "Änne", lastName: "O’Neill", emailAddress: "`+s.email+`", phoneNumber: "+49 30 12345678",
			address1: "Hauptstraße 1", postalCode: "10115", city: "Berlin", country: "DE", billShipSame: "1",
		}) }).then((answer) => answer.json()).then(({ ref }) => ref)`))
		s.do(`document.querySelector("button").focus()`)
		s.until(`globalThis.klarnaRules`)
		s.pay()
		s.klarna("")
		assert.Len(t, s.order().OrderImports(), 1)
	}},
	{"a form works in a page that comes after the script", func(t *testing.T, s *shopper) {
		s.intercept("https://"+Host+"/form", false, always(document("", "")))
		s.open("/form")
		s.do(`document.open();
			document.write("<!DOCTYPE html><html lang=en>");
			await import("/klarna.js");
			globalThis.found = document.readyState;
			document.write(` + "`" + `<form data-klarna action="/api/order/import/" method="post">` + formFields +
			`<button>Order</button></form>` + "`" + `);
			document.close()`)
		assert.Equal(t, "loading", s.text(`found`))
		s.fill(s.tab, "postalCode", "1")
		s.pay()
		s.state("invalid")
		s.set(map[string]string{"postalCode": "10115"})
		s.pay()
		s.klarna("")
	}},
	{"each of two forms of one name says its own", func(t *testing.T, s *shopper) {
		form := `<form data-klarna action="/api/order/import/" method="post"><div>` + formFields +
			`</div><button>Order</button></form>`
		s.serve("/form", form+form)
		s.open("/form?klarna=declined")
		s.until(`[...document.forms].every(({ dataset }) => dataset.klarnaState === "declined")`)
		assert.Equal(t, "1", s.text(`new Set([...document.forms].map((form) =>
			form.querySelector("[role=alert]").textContent)).size`), "how it was left")
		for i := range 2 {
			form := fmt.Sprintf(`document.forms[%d]`, i)
			s.do(`for (const [name, value] of Object.entries({ emailAddress: "` + s.email + `", firstName: "Änne",
				lastName: "O’Neill", phoneNumber: "+49 30 12345678", address1: "Hauptstraße 1", postalCode: "1",
				city: "Berlin", country: "DE" })) ` + form + `.elements[name].value = value`)
			s.do(form + `.requestSubmit()`)
			s.until(form + `.dataset.klarnaState === "invalid"`)
			assert.Equal(t, "true", s.text(form+`.querySelector("#" + `+form+
				`.elements.postalCode.getAttribute("aria-describedby")).textContent.length > 0`), "form %d", i)
		}
		assert.Equal(t, "2", s.text(`new Set([...document.querySelectorAll(".klarna-problem")].map(({ id }) => id)).size`))
		problem := s.text(`document.querySelector(".klarna-problem").textContent`)
		s.do(`document.forms[1].firstElementChild.hidden = true; document.forms[1].requestSubmit()`)
		s.until(`document.forms[1].dataset.klarnaState === "invalid"`)
		assert.Equal(t, problem, s.text(`document.forms[1].querySelector("[role=alert]").textContent`),
			"a problem that cannot be seen is said beside the button")
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
		assert.Contains(t, s.alert(), "The payment at Klarna was not completed")
	}},
	{"a lander has words of its own, for a state and for a rule", func(t *testing.T, s *shopper) {
		s.beforePage(`new MutationObserver((_, looking) => {
			const main = document.querySelector("main");
			if (!main) return;
			looking.disconnect();
			main.dataset.klarnaWords = JSON.stringify({
				declined: "That went wrong.", misconfigured: "Closed.", cancelled: "You left.",
				"rule.bad_postal_code": "Like {example}!" });
		}).observe(document, { subtree: true, childList: true })`)
		note := `document.getElementById("klarna-order-postalCode")?.textContent`
		s.open("/checkout?klarna=declined")
		s.state("declined")
		s.until(`document.querySelector("[role=alert]").textContent === "That went wrong."`)
		s.do(`document.querySelector("[name=emailAddress]").focus()`)
		s.until(`globalThis.klarnaRules`)
		s.fill(s.tab, "postalCode", "1")
		s.pay()
		s.state("invalid")
		assert.Equal(t, "Like 12345!", s.text(note))
		assert.Zero(t, s.requested("/api/order/"), "the page's own check has said it")

		s.intercept("*/build/*", false, always(cut{}))
		s.open("/checkout")
		s.pay()
		s.state("invalid")
		assert.Equal(t, "Like 12345!", s.text(note))
		assert.Equal(t, 1, s.requested("/api/order/import/"), "the relay has said it")

		s.open("/checkout")
		s.do(`document.querySelector("form[data-klarna]").dataset.klarnaCheck = "edge"`)
		s.set(map[string]string{"postalCode": "2"})
		s.until(note + ` === "Like 12345!"`)
		assert.NotZero(t, s.requested("/api/order/check/"))

		s.intercept("*/api/order/status/*", false, always(standing("declined", "cancelled", "The payment was not completed.")))
		s.open("/thank-you?ref=x")
		s.until(`document.querySelector("[data-klarna-when~=declined] [data-klarna-text]").textContent === "You left."`)
		s.open("/checkout")
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
			s.intercept(orders, false, times(1, earlierPaid(ref)))
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
	{"a cart that is changed back and turns out to be paid is the order that was placed", func(t *testing.T, s *shopper) {
		itIs := paid("x", "54.80", `{"name":"Trail headlamp","qty":1,"price":"49.90"}`)
		s.intercept("*/api/order/status/*", false, func(*http.Request) *cut {
			if s.requested("/api/order/import/") <= 2 {
				return nil
			}
			return &itIs
		})
		s.open("/checkout")
		for _, quantity := range []string{"1", "3"} {
			s.fill(s.tab, "product1_qty", quantity)
			s.pay()
			s.klarna("")
			s.back()
			s.state("back")
		}
		s.intercept(orders, false, times(1, itIs))
		s.set(map[string]string{"product1_qty": "1"})
		s.pay()
		s.at("/upsell?ref=x")
		s.toldOnce()
	}},
	{"orderItems are what is in a cart", func(t *testing.T, s *shopper) {
		s.open("/thank-you")
		s.do(`globalThis.buy = async (orderItems) => (globalThis.klarna = await import("/klarna.js")).order({
			firstName: "Änne", lastName: "O’Neill", emailAddress: "` + s.email + `", phoneNumber: "+49 30 12345678",
			address1: "Hauptstraße 1", postalCode: "10115", city: "Berlin", country: "DE", billShipSame: "1", orderItems,
		}, { stay: true })`)
		assert.Equal(t, "redirect", s.text(`buy('{"34":1}').then(({ code, ref }) => (globalThis.ref = ref, code))`))
		session, ok := s.market.CRM.LatestSession(s.order().ID)
		require.True(t, ok)
		_, err := s.market.CRM.Approve(session.ID)
		require.NoError(t, err)
		assert.Equal(t, "paid", s.text(`klarna.status(ref).then(({ code }) => code)`))
		assert.Equal(t, "paid", s.text(`buy('{"34":1}').then(({ code }) => code)`), "a late click on the first")
		assert.Equal(t, "redirect", s.text(`buy('{"35":2}').then(({ code }) => code)`))
		assert.Len(t, s.orders(), 2)
	}},
	{"a form's own ref that takes no more orders is let go of", func(t *testing.T, s *shopper) {
		gone, earlier := strings.Repeat("0", 64), strings.Repeat("1", 64)
		s.serve("/form", `<form data-klarna action="/api/order/import/" method="post">`+formFields+
			`<input type="hidden" name="ref"><button>Order</button></form>`)
		var mu sync.Mutex
		sent := map[string]int{}
		s.intercept(orders, false, func(r *http.Request) *cut {
			mu.Lock()
			defer mu.Unlock()
			_, ref, _ := strings.Cut("&"+bodyOf(r), "&ref=")
			ref, _, _ = strings.Cut(ref, "&")
			sent[ref]++
			if ref == earlier {
				c := earlierPaid(ref)
				return &c
			}
			return nil
		})
		s.open("/form?ref=" + gone)
		for _, quantity := range []string{"1", "2"} {
			s.fill(s.tab, "product1_qty", quantity)
			s.pay()
			s.klarna("")
			s.back()
			s.state("back")
		}
		s.is("url")
		s.open("/form?ref=" + earlier)
		s.fill(s.tab)
		s.pay()
		s.state("earlier_paid")
		s.pay()
		s.klarna("")
		assert.Len(t, s.order().OrderImports(), 1)
		mu.Lock()
		defer mu.Unlock()
		assert.Equal(t, 1, sent[gone], "what the relay does not know is sent once")
		assert.Equal(t, 1, sent[earlier])
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
		number, total, items := "63A9", "", ""
		s.intercept("*/api/order/status/*", false, func(r *http.Request) *cut {
			return &cut{status: 200,
				body: `{"result":"SUCCESS","code":"paid","ref":"x","message":{"orderNumber":"` + number + `","total":"` + total +
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

		// Another order, whose upsale is told first: the order's own status is from before the upsale.
		number = "64B0"
		for _, step := range []struct{ ref, total, items string }{
			{"e", "1,254.30", lamp + "," + battery}, {"d", "1,239.40", lamp},
			{"f", "1,269.20", lamp + "," + battery + "," + battery},
		} {
			total, items = step.total, step.items
			s.open("/thank-you?ref=" + step.ref)
			s.until(`localStorage.getItem("klarna:paid:` + step.ref + `")`)
		}
		s.until(`JSON.parse(localStorage.getItem("told")).length >= 5`)
		told = s.told()[3:]
		require.Len(t, told, 2, "nothing is taken back")
		assert.Equal(t, 1254.3, told[0].Total)
		assert.Equal(t, 14.9, told[1].Total)
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

// formFields are the fields that every order needs.
const formFields = `<input name="emailAddress"> <input name="firstName"> <input name="lastName">
	<input name="phoneNumber"> <input name="address1"> <input name="postalCode"> <input name="city"> <input name="country">
	<input type="hidden" name="billShipSame" value="1"> <input type="hidden" name="product1_id" value="34">
	<input name="product1_qty" value="1"> `

// document is a page that the samples have not.
func document(head, body string) cut {
	return cut{status: 200, header: map[string]string{"Content-Type": "text/html; charset=utf-8"},
		body: `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A page</title><link rel="icon" href="data:,">
			<script src="` + scriptPath + `"></script>` + head + `</head><body>` + body + `</body></html>`}
}

// serve has klarna.js in a page that the samples have not.
func (s *shopper) serve(path, body string) {
	page := document(`<script type="module" src="/klarna.js"></script>`, body)
	for _, address := range []string{path, path + "?*"} {
		s.intercept("https://"+Host+address, false, always(page))
	}
}

// paid is the status of a paid order, earlierPaid the answer to another cart of it, and standing the status of one that
// is not paid, in the relay's own shapes.
func paid(ref, total, items string) cut {
	return cut{status: 200, body: `{"result":"SUCCESS","code":"paid","ref":"` + ref + `","message":{"orderId":"` + ref +
		`","orderNumber":"63A9","total":"` + total + `","currency":"EUR","items":[` + items + `]}}`}
}

func earlierPaid(ref string) cut {
	return cut{status: 409, body: `{"result":"ERROR","code":"earlier_paid","ref":"` + ref +
		`","message":"Your earlier order is paid. This one has not been placed."}`}
}

func standing(code, reason, text string) cut {
	return cut{status: 200, body: `{"result":"SUCCESS","code":"` + code + `","ref":"x","message":{"orderId":"x","text":"` +
		text + `","reason":"` + reason + `"}}`}
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
