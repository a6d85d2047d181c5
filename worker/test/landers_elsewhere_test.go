//go:build e2e

package test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// A lander that somebody has: on a host of its own, with klarna.js copied from
// www/ and the markup of its header comment.
const otherLander = "lander.example"

var otherPages = map[string]string{
	"/": `<!DOCTYPE html><html lang="en" data-klarna-base="https://shop.example"><head><meta charset="utf-8">
<title>Lander</title>
<script type="module" src="/klarna.js"></script></head><body data-klarna-click="checkoutPage">
<form data-klarna action="https://shop.example/api/order/import/" method="post"
  data-klarna-next="/more" data-klarna-thanks="/thanks">
<label>E-mail <input name="emailAddress" type="email"></label>
<label>First name <input name="firstName"></label> <label>Last name <input name="lastName"></label>
<label>Phone <input name="phoneNumber"></label>
<label>Street <input name="address1"></label> <label>Postal code <input name="postalCode"></label>
<label>City <input name="city"></label> <label>Country <input name="country"></label>
<input type="hidden" name="billShipSame" value="1">
<input type="hidden" name="product1_id" value="34"><input type="hidden" name="product1_qty" value="1">
<button>Order and pay with Klarna</button></form></body></html>`,
	"/more": `<!DOCTYPE html><html lang="en" data-klarna-base="https://shop.example"><head><meta charset="utf-8">
<title>More</title>
<script type="module" src="/klarna.js"></script></head>
<body><form data-klarna action="https://shop.example/api/upsale/import/" method="post" data-klarna-thanks="/thanks">
<input type="hidden" name="ref">
<input type="hidden" name="product1_id" value="40"><input type="hidden" name="product1_qty" value="1">
<button>Yes</button></form>
<a href="/thanks" data-klarna-ref>No, thank you</a></body></html>`,
	"/thanks": `<!DOCTYPE html><html lang="en" data-klarna-base="https://shop.example"><head><meta charset="utf-8">
<title>Thanks</title>
<script type="module" src="/klarna.js"></script></head><body><main data-klarna-status data-klarna-confirm>
<div data-klarna-when="wait pending unknown">We are checking your payment</div>
<div data-klarna-when="paid" hidden>Thank you! <ul data-klarna-items></ul> <b data-klarna-total></b></div>
<div data-klarna-when="declined retry" hidden>Not paid. <a href="/">Back to the checkout</a></div>
</main></body></html>`,
}

// framedPage shows the thank-you page in a frame, as happens when Klarna was in a frame and came back in it.
const framedPage = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<title>Framed</title></head><body><iframe title="Klarna" src="/thanks?ref=%s"%s></iframe></body></html>`

func otherServer(t *testing.T) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if page, ok := otherPages[r.URL.Path]; ok {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, page)
			return
		}
		if r.URL.Path == "/framed" || r.URL.Path == "/locked" {
			attributes := map[string]string{"/locked": ` sandbox="allow-scripts allow-same-origin"`}[r.URL.Path]
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = fmt.Fprintf(w, framedPage, url.QueryEscape(r.URL.RawQuery), attributes)
			return
		}
		if r.URL.Path == "/klarna.js" {
			http.ServeFile(w, r, filepath.Join(SamplePages(), "klarna.js"))
			return
		}
		http.NotFound(w, r)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func landers(lander map[string]any) map[string]any {
	all := map[string]any{"campaignId": 12, "forceMerchantId": 7, "products": []int{34, 35}, "upsales": []int{40},
		"maxQuantity": 10}
	for name, value := range lander {
		all[name] = value
	}
	return map[string]any{"LANDERS": map[string]any{"*": all}}
}

func TestALanderOnAnotherOriginSellsWithACopiedKlarnaJS(t *testing.T) {
	t.Parallel()
	market := NewMarket(t, simulator.Options{}, Options{Pages: www(t), Vars: landers(map[string]any{
		"allowedOrigins": []string{"https://" + otherLander},
		"pages": map[string]string{"checkout": "https://" + otherLander + "/",
			"upsell": "https://" + otherLander + "/more", "thankYou": "https://" + otherLander + "/thanks"},
	})})
	market.Elsewhere[otherLander] = otherServer(t)
	s := newShopper(t, market, market.Browser(t), "url")
	s.open("https://" + otherLander + "/?affId=media7&c1=spring")
	s.fill(s.tab)
	s.until(`JSON.parse(sessionStorage.getItem("klarna:visit")).sessionId`)
	s.pay()
	s.klarna("#approve")
	s.at("https://" + otherLander + "/more?ref=")
	sent := s.order().OrderImports()[0].Fields
	assert.Equal(t, "media7", sent["affId"])
	assert.Equal(t, "spring", sent["sourceValue1"])
	assert.Equal(t, 1, s.order().Leads)
	assert.NotEmpty(t, sent["sessionId"])
	s.pay()
	s.klarna("#approve")
	s.at("https://" + otherLander + "/thanks?ref=")
	s.until(`document.querySelector("[data-klarna-total]").textContent === "€69.70"`)
	s.until(`localStorage.getItem("told")`)
	ref := s.text(`new URLSearchParams(location.search).get("ref")`)
	s.open("https://" + otherLander + "/framed?" + ref)
	s.at("https://" + otherLander + "/thanks?ref=" + ref) // the page left its frame
	s.open("https://" + otherLander + "/locked?" + ref)
	// It works in a frame too whose sandbox does not let it navigate the window.
	s.until(`frames[0].document.querySelector("[data-klarna-total]")?.textContent === "€69.70"`)

	other := newShopper(t, market, market.Browser(t), "url")
	other.open("https://" + otherLander + "/")
	assert.Equal(t, "alert|status", other.text(
		`[...document.querySelectorAll("form [role]:empty")].map((region) => region.getAttribute("role")).sort().join("|")`),
		"a form that has no live regions is given them before they speak")
	other.fill(other.tab, "postalCode", "1")
	other.pay()
	other.state("invalid")
	assert.Equal(t, "postalCode", other.text(`document.activeElement.name`), "problems come through CORS to their fields")
	assert.NotEmpty(t, other.text(`document.getElementById("klarna-order-postalCode").textContent`))
}

// turnstileScript plays Cloudflare's: a widget that solves itself, with a token
// for one use.
const turnstileScript = `globalThis.turnstile = {
  made: 0,
  render(place, options) { this.options = options; place.textContent = options.sitekey; this.solve(); return "w1"; },
  solve() { this.made++; setTimeout(() => this.options.callback("token-" + crypto.randomUUID()), 50); },
  reset() { this.solve(); },
};`

func TestTheBotCheckIsShownWhenASiteKeyIsGivenAndEveryAttemptHasATokenOfItsOwn(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked []string
	siteverify := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		token := r.FormValue("response")
		fresh := token != ""
		for _, before := range asked {
			fresh = fresh && before != token
		}
		asked = append(asked, token)
		_ = json.NewEncoder(w).Encode(map[string]any{"success": fresh, "hostname": Host, "action": "order"})
	}))
	t.Cleanup(siteverify.Close)
	cloudflare := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = io.WriteString(w, turnstileScript)
	}))
	cloudflare.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	cloudflare.StartTLS()
	t.Cleanup(cloudflare.Close)

	pages := www(t)
	checkout, err := os.ReadFile(filepath.Join(pages, "checkout.html"))
	require.NoError(t, err)
	with := strings.Replace(string(checkout), "<form ", `<form data-turnstile-sitekey="1x00000000000000000000AA" `, 1)
	require.NotEqual(t, string(checkout), with)
	require.NoError(t, os.WriteFile(filepath.Join(pages, "checkout.html"), []byte(with), 0o644))

	market := NewMarket(t, simulator.Options{},
		Options{Pages: pages, Vars: map[string]any{"TURNSTILE_SECRET": "1x0000000000000000000000000000000AA",
			"TURNSTILE_URL": siteverify.URL}})
	market.Elsewhere["challenges.cloudflare.com"] = cloudflare.Listener.Addr().String()
	browser := market.Browser(t)

	s := newShopper(t, market, browser, "url")
	s.open("/checkout")
	s.until(`globalThis.turnstile?.options`)
	assert.Equal(t, "order", s.text(`turnstile.options.action`))
	assert.Equal(t, "en", s.text(`turnstile.options.language`))
	s.fill(s.tab)
	s.pay()
	s.klarna("#decline")
	s.at("/checkout")
	s.state("declined")
	s.pay()
	s.klarna("")
	assert.Equal(t, 2, s.imported(), "on an order or two")

	again := newShopper(t, market, browser, "decline")
	again.open("/checkout")
	again.fill(again.tab)
	again.pay()
	again.state("declined")
	again.pay()
	again.until(`turnstile.made === 2`)
	again.state("declined")
	mu.Lock()
	defer mu.Unlock()
	assert.Len(t, asked, 4, "once for each attempt, and never again with the same token")
	for i, token := range asked {
		assert.NotEmpty(t, token)
		assert.NotContains(t, asked[:i], token)
	}
	assert.Equal(t, 2, again.imported(), "on an order or two")
}

// imported counts the shopper's imports, on whichever orders.
func (s *shopper) imported() (n int) {
	for _, order := range s.orders() {
		n += len(order.OrderImports())
	}
	return n
}
