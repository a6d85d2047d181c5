//go:build e2e

package test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// buying: a sale from the first page to the last, in its variants.
var buying = []landerCase{
	{"a shopper comes by an advertisement, buys, takes the upsell, and is told what was paid",
		func(t *testing.T, s *shopper) {
			s.open("/?affId=media7&c1=autumn&c2=b&c3=c&c4=d&c5=e&gclid=abc")
			s.until(`JSON.parse(sessionStorage.getItem("klarna:visit") ?? "{}").sessionId`)
			s.click(`a[href="/checkout?product1_id=35"]`)
			s.at("/checkout")
			s.set(map[string]string{"product1_qty": "2"})
			s.fill(s.tab)
			s.pay()
			s.klarna("#approve")

			s.at("/upsell?ref=")
			s.until(`localStorage.getItem("told")`)
			order := s.order()
			assert.Equal(t, 1, order.Leads, "the relay's lead: the page sends none unless it is told to")
			assert.Zero(t, s.requested("/api/leads/"))
			for _, lead := range s.market.CRM.Calls(simulator.OpLead) {
				if lead.Email == s.email {
					assert.Equal(t, "media7", lead.Fields["affId"])
					assert.Equal(t, "e", lead.Fields["sourceValue5"])
				}
			}
			require.Len(t, order.OrderImports(), 1)
			sent := order.OrderImports()[0].Fields
			for name, want := range map[string]string{
				"affId": "media7", "sourceValue1": "autumn", "sourceValue2": "b", "sourceValue3": "c", "sourceValue4": "d",
				"sourceValue5": "e", "product1_id": "35", "product1_qty": "2", "lastName": "O’Neill", "billShipSame": "1",
			} {
				assert.Equal(t, want, sent[name], name)
			}
			assert.Regexp(t, `^[0-9a-f]{32}$`, sent["sessionId"])
			assert.NotContains(t, sent, "shipAddress1")
			var landings []string
			for _, click := range s.market.CRM.Calls(simulator.OpClick) {
				if strings.Contains(click.Fields["requestUri"], "media7") {
					landings = append(landings, click.Fields["pageType"]+" "+click.Fields["requestUri"])
				}
			}
			assert.Equal(t, []string{"presellPage https://shop.example/?affId=media7&c1=autumn&c2=b&c3=c&c4=d&c5=e&gclid=abc"},
				landings)
			assert.Empty(t, s.text(`sessionStorage.getItem("klarna:values:order")`),
				"what was typed is forgotten once it is paid")

			s.pay()
			s.klarna("#approve")
			s.at("/thank-you?ref=")
			s.until(`document.querySelector("[data-klarna-items]").checkVisibility()`)
			assert.Equal(t, []string{"2 × Trail headlamp, twin pack €179.80", "Spare battery €14.90"},
				strings.Split(s.text(`[...document.querySelectorAll("[data-klarna-items] li")]
					.map((li) => li.textContent).join("|")`), "|"))
			assert.Equal(t, "€199.60", s.text(`document.querySelector("[data-klarna-total]").textContent`))
			s.until(`JSON.parse(localStorage.getItem("told")).length === 2`)

			s.reload()
			s.until(`document.querySelector("[data-klarna-items]").checkVisibility()`)
			told := s.told()
			require.Len(t, told, 2, "the order once, the upsale once, whatever is reloaded")
			assert.Equal(t, 184.7, told[0].Total)
			assert.Equal(t, "EUR", told[0].Currency)
			assert.Len(t, told[0].Ref, 64)
			require.Len(t, told[0].Items, 1)
			assert.Equal(t, 2, told[0].Items[0].Qty)
			assert.Equal(t, 14.9, told[1].Total, "what the upsale added, not the whole order again")
			require.Len(t, told[1].Items, 1)
			assert.Equal(t, "Spare battery", told[1].Items[0].Name)
			require.Eventually(t, func() bool { return s.order().Confirms == 1 }, patience, 20*time.Millisecond,
				"Confirm Order at the end of the funnel")
			assert.Equal(t, 1, s.requested("/api/order/confirm/"))
		}},
	{"who does not want the upsell comes to the same end", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.klarna("#approve")
		s.at("/upsell?ref=")
		s.click("main a[data-klarna-ref]")
		s.at("/thank-you?ref=")
		s.until(`document.querySelector("[data-klarna-items]").checkVisibility()`)
		require.Eventually(t, func() bool { return s.order().Confirms == 1 }, patience, 20*time.Millisecond)
		s.toldOnce()
		assert.Empty(t, s.order().UpsaleImports())
	}},
	{"an upsell that Klarna refuses leaves the order paid", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.klarna("#approve")
		s.at("/upsell?ref=")
		s.pay()
		s.klarna("#decline")
		s.at("/thank-you?ref=")
		s.until(`document.querySelector("[data-klarna-items]").checkVisibility()`)
		assert.Equal(t, "€54.80", s.text(`document.querySelector("[data-klarna-total]").textContent`))
		s.toldOnce()
	}},
	{"who has taken the upsell already goes on", func(t *testing.T, s *shopper) {
		s.is("taken")
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.klarna("#approve")
		s.at("/upsell?ref=")
		s.pay()
		s.at("/thank-you?ref=")
		s.until(`document.querySelector("[data-klarna-items]").checkVisibility()`)
	}},
	{"of an extra that comes to nothing it is said that its order is paid, and the offer is found again",
		func(t *testing.T, s *shopper) {
			const order, extra = "0123456789", "x"
			code, reason := "retry", "upsale_retry"
			s.intercept("*/api/upsale/import/*", false, always(cut{status: 202,
				body: `{"result":"PENDING","code":"unknown","ref":"` + extra + `","message":"Please do not order again."}`}))
			s.intercept("*/api/order/status/*", false, func(r *http.Request) *cut {
				c := standing(code, reason, "The extra could not be ordered. Your first order is paid and stays as it is.")
				if strings.HasSuffix(r.URL.Path, order) {
					c = paid(order, "54.80", `{"name":"Trail headlamp","qty":1,"price":"49.90"}`)
				}
				return &c
			})
			s.open("/upsell?ref=" + order)
			s.until(`document.querySelector("[data-klarna-when=paid]").checkVisibility()`)
			s.do(`document.querySelector("form[data-klarna]").dataset.klarnaCheck = "/build/check.js";
				document.querySelector("[name=product1_qty]").focus()`)
			s.until(`globalThis.klarnaRules`)
			for i, end := range []string{"retry", "declined"} {
				code, reason = end, "upsale_"+end
				s.pay()
				s.state(end)
				assert.Equal(t, "The extra could not be ordered. Your first order is paid and stays as it is.", s.alert())
				assert.Equal(t, i+1, s.requested("/api/upsale/import/"), "the check knows nothing of an order's data")
			}
			s.open("/thank-you?ref=" + extra)
			s.click("[data-klarna-when~=upsale_retry] a")
			s.at("/upsell?ref=" + order)
		}},
	{"an upsell page of an order that is not paid shows what became of the order", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.klarna("")
		s.open("/nowhere") // a page without a form
		ref := s.refOf("order")
		s.open("/upsell?ref=" + ref)
		s.at("/thank-you?ref=" + ref)
		s.until(`document.querySelector("[data-klarna-when=pending]").checkVisibility()`)
		assert.Equal(t, 0, s.requested("/api/upsale/"))
	}},
	{"an upsell page without an order says so", func(t *testing.T, s *shopper) {
		s.open("/upsell")
		s.until(`document.querySelector("[data-klarna-when~=none]").checkVisibility()`)
	}},
	{"in German the way back is German too, prices included", func(t *testing.T, s *shopper) {
		s.open("/de/")
		s.click(`a[href="/de/checkout?product1_id=34"]`)
		s.at("/de/checkout")
		s.fill(s.tab)
		s.pay()
		s.klarna("#approve")
		s.at("/de/upsell?ref=")
		s.click("main a[data-klarna-ref]")
		s.at("/de/thank-you?ref=")
		s.until(`document.querySelector("[data-klarna-items]").checkVisibility()`)
		assert.Equal(t, "54,80\u00a0€", s.text(`document.querySelector("[data-klarna-total]").textContent`))
		s.until(`localStorage.getItem("told")`)
		s.toldOnce() // the upsell page, which the shopper left at once, did not report the purchase
	}},
	{"a delivery address of its own travels, and its fields are asked for only then", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		assert.Equal(t, "false", s.text(`document.querySelector("[name=shipCity]").checkVisibility()`))
		s.fill(s.tab)
		s.click("[name=billShipSame]")
		s.set(map[string]string{"shipFirstName": "Zoë", "shipLastName": "Ånd", "shipCountry": "NL",
			"shipAddress1": "Damrak 1", "shipPostalCode": "1012 LG", "shipCity": "Amsterdam"})
		s.pay()
		s.klarna("")
		sent := s.order().OrderImports()[0].Fields
		assert.Equal(t, "Zoë", sent["shipFirstName"])
		assert.Equal(t, "NL", sent["shipCountry"])
		assert.NotEqual(t, "1", sent["billShipSame"])
	}},
	{"a script redirect leads to Klarna and back", func(t *testing.T, s *shopper) { s.scripted(t, "script") }},
	{"a script that navigates leads to Klarna and back", func(t *testing.T, s *shopper) { s.scripted(t, "navigate") }},
	{"a Klarna in a frame comes back to the whole window", func(t *testing.T, s *shopper) { s.framed("iframe") }},
	{"a Klarna that stays in its frame comes back to the whole window", func(t *testing.T, s *shopper) {
		s.framed("iframe-inside")
	}},
	{"a lead that hangs does not hinder the order", unhindered("leads", nil)},
	{"a lead that gets lost does not hinder the order", unhindered("leads", &cut{})},
	{"a lead that is refused does not hinder the order",
		unhindered("leads", &cut{status: 422, body: `{"result":"ERROR","code":"invalid","message":{"city":"no"}}`})},
	{"a lead that is answered with nonsense does not hinder the order",
		unhindered("leads", &cut{status: 500, body: "<h1>Error</h1>"})},
	{"a click that hangs does not hinder the order", unhindered("landers/clicks", nil)},
	{"a click that gets lost does not hinder the order", unhindered("landers/clicks", &cut{})},
	{"a click that is answered with nonsense does not hinder the order",
		unhindered("landers/clicks", &cut{status: 200, body: `{"code":"accepted","message":null}`})},
	{"a double click on the upsell, and a second tab of it, take it once", func(t *testing.T, s *shopper) {
		s.open("/checkout")
		s.fill(s.tab)
		s.pay()
		s.klarna("#approve")
		s.at("/upsell?ref=")
		other := s.another()
		other.open(s.text(`location.pathname + location.search`))
		s.until(`document.querySelector("[data-klarna-when=paid]").checkVisibility()`)
		s.do(`const button = document.querySelector("` + payButton + `"); button.click(); button.click(); button.click();`)
		other.pay()
		s.klarna("")
		other.klarna("")
		assert.Equal(t, s.text(`location.href`), other.text(`location.href`))
		assert.Equal(t, 2, s.requested("/api/upsale/import/"), "one from each tab")
		assert.Len(t, s.order().UpsaleImports(), 1)
	}},
	{"by code alone: order, status, and a form of one's own", func(t *testing.T, s *shopper) {
		s.open("/thank-you?affId=media7")
		fields := `{ firstName: "Änne", lastName: "O’Neill", emailAddress: "` + s.email +
			`", phoneNumber: "+49 30 12345678", address1: "Hauptstraße 1", address2: "",
			postalCode: " 10115 ", city: "Berlin", country: "DE", billShipSame: "1", product1_id: 34, product1_qty: 1 }`
		s.do(`(async () => {
			globalThis.klarna = await import("/klarna.js");
			globalThis.first = await klarna.order(` + fields + `, { stay: true });
			globalThis.again = await klarna.order(` + fields + `, { stay: true });
		})()`)
		assert.Equal(t, "redirect", s.text(`first.code`))
		assert.Equal(t, "true", s.text(`first.message.url === again.message.url && first.ref === again.ref`))
		assert.Contains(t, s.text(`location.href`), "/thank-you", "told to stay, it stays")
		assert.Equal(t, "pending", s.text(`klarna.status(first.ref, { limit: 0 }).then(({ code }) => code)`))
		assert.Equal(t, "media7", s.order().OrderImports()[0].Fields["affId"])

		s.do(`{
			const fragment = new DocumentFragment(), form = fragment.appendChild(document.createElement("form"));
			for (const [name, value] of Object.entries(` + fields + `)) {
				form.append(Object.assign(document.createElement("input"), { name, value }));
			}
			form.append(document.createElement("button"));
			klarna.attach(form, { next: "/upsell" });
			document.body.append(fragment);
			setTimeout(() => form.requestSubmit());
		}`)
		s.klarna("")
		there := s.text(`location.href`)
		s.open("/thank-you")
		s.do(`import("/klarna.js").then(({ order }) => { setTimeout(() => order(` + fields + `, { next: "/upsell" })) })`)
		s.klarna("")
		assert.Equal(t, there, s.text(`location.href`), "by itself it goes where the first one went")
		s.click("#approve")
		s.at("/upsell?ref=")
		assert.Len(t, s.order().OrderImports(), 1)
	}},
	{"an advertisement's values that are too long or look like a card cost no sale", func(t *testing.T, s *shopper) {
		s.open("/checkout?affId=" + strings.Repeat("a", 60) + "&c1=4111111111111111&c2=" + strings.Repeat("x", 400) +
			"&c3=ok")
		s.fill(s.tab)
		s.pay()
		s.klarna("")
		assert.Equal(t, "ok", s.order().OrderImports()[0].Fields["sourceValue3"])
	}},
}

// unhindered buys while calls of this kind end with this cut, or are never answered when it is nil.
func unhindered(kind string, c *cut) func(*testing.T, *shopper) {
	decide := never
	if c != nil {
		decide = always(*c)
	}
	return func(t *testing.T, s *shopper) {
		s.intercept("*/api/"+kind+"/import/*", false, decide)
		s.open("/checkout")
		s.do(`document.querySelector("form[data-klarna]").dataset.klarnaLead = ""`)
		s.fill(s.tab)
		s.until(`document.readyState === "complete"`)
		s.pay()
		s.klarna("#approve")
		s.at("/upsell?ref=")
		assert.NotZero(t, s.requested("/api/"+kind+"/import/"))
		assert.Len(t, s.order().OrderImports(), 1)
	}
}

// refOf is the ref that the browser keeps under this name.
func (b *tab) refOf(name string) string {
	b.t.Helper()
	return b.text(`JSON.parse(localStorage.getItem("klarna:at:` + name + `"))?.ref`)
}

// scripted buys where Konnektive answers with a script.
func (s *shopper) scripted(t *testing.T, word string) {
	s.is(word)
	s.open("/checkout")
	s.fill(s.tab)
	s.pay()
	s.klarna("#approve")
	s.at("/upsell?ref=")
	s.until(`document.querySelector("[data-klarna-when=paid]").checkVisibility()`)
	assert.Equal(t, "COMPLETE", s.order().Status)
}

// framed pays in a frame, which Klarna leaves in the way that the word stands for.
func (s *shopper) framed(word string) {
	s.is(word)
	s.open("/checkout")
	s.fill(s.tab)
	s.pay()
	s.inFrame("#approve")
	s.at("/upsell?ref=")
	s.until(`document.querySelector("[data-klarna-when=paid]").checkVisibility()`)
	assert.Equal(s.t, "true", s.text(`window.top === window`))
	assert.Equal(s.t, "COMPLETE", s.order().Status)
}
