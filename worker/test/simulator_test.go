//go:build e2e

package test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// The simulator stands in for Konnektive and Klarna in every other test, so its
// own promises about browsers are shown here, with a shop that is not ours: a
// page of a careless lander that runs the script answer as it came.

// arrival is how a shopper's browser came back.
type arrival struct {
	path   string
	header http.Header
	form   url.Values
}

// visitor is a shop on localhost whose one page is what the CRM answered. The
// CRM is on 127.0.0.1, which to a browser is another site.
func visitor(t *testing.T, word string) (shop *httptest.Server, sim *simulator.Simulator, back <-chan arrival) {
	t.Helper()
	sim = simulator.New(simulator.Options{})
	crm := httptest.NewServer(sim)
	t.Cleanup(crm.Close)

	arrivals := make(chan arrival, 1)
	mux := http.NewServeMux()
	shop = httptest.NewServer(mux)
	t.Cleanup(shop.Close)
	shop.URL = strings.Replace(shop.URL, "127.0.0.1", "localhost", 1)
	var message struct{ URL, Script string }
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		form := url.Values{
			"loginId": {simulator.DefaultLoginID}, "password": {simulator.DefaultPassword}, "campaignId": {"12"},
			"ipAddress": {"203.0.113.9"},
			"firstName": {"Jürgen"}, "lastName": {"Müller"}, "emailAddress": {word +
				"@example.com"}, "phoneNumber": {"+493012345678"}, "address1": {"Hauptstr. 1"},
			"city": {"Berlin"}, "postalCode": {"10115"}, "country": {"DE"}, "billShipSame": {"1"}, "product1_id": {"34"},
			"product1_qty": {"1"}, "paySource": {"PREPAID"}, "prepaidType": {"KLARNA"}, "forceMerchantId": {"7"},
			"redirectsTo": {shop.URL + "/return"}, "errorRedirectsTo": {shop.URL + "/failed"}, "salesUrl": {shop.URL + "/"},
		}
		_, body, err := sim.Post(r.Context(), crm.URL+"/order/import/", form.Encode(), patience)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		answer := struct{ Message any }{&message}
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		fmt.Fprintf(w, `<!DOCTYPE html><meta charset="utf-8"><title>Shop</title><body>`)
		if message.URL != "" {
			fmt.Fprintf(w, `<a id="go" href="%s">Klarna</a>`, message.URL)
		} else {
			fmt.Fprintf(w, `<script src="/script.js"></script>`)
		}
	})
	mux.HandleFunc("GET /script.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		fmt.Fprint(w, message.Script)
	})
	arrived := func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		arrivals <- arrival{r.Method + " " + r.URL.Path, r.Header, r.Form}
		fmt.Fprintf(w, `<!DOCTYPE html><title>Back</title><p id="back">back</p>`)
	}
	mux.HandleFunc("/return", arrived)
	mux.HandleFunc("/failed", arrived)
	return shop, sim, arrivals
}

// browser is one that knows no host but this machine, and lets a test look into
// frames of another site.
func browser(t *testing.T) context.Context {
	nobody := &Shop{TLS: "127.0.0.1:9", Plain: "127.0.0.1:9"}
	return nobody.Browser(t, chromedp.Flag("disable-site-isolation-trials", true),
		chromedp.Flag("disable-features", "IsolateOrigins,site-per-process,Translate"))
}

// visit opens a page in a tab of its own: the one before may still be on its way.
func visit(t *testing.T, browser context.Context, page string) *tab {
	t.Helper()
	b := newTab(t, nil, chromiumTab(t, browser))
	b.open(page)
	return b
}

func wait(t *testing.T, back <-chan arrival) arrival {
	t.Helper()
	select {
	case a := <-back:
		return a
	case <-time.After(patience):
		require.FailNow(t, "the shopper did not come back")
		return arrival{}
	}
}

func TestTheSimulatedKlarnaInChromium(t *testing.T) {
	t.Parallel()
	chromium := browser(t)

	for _, word := range []string{"url", "script", "navigate", "odd-script"} {
		t.Run("a "+word+" answer leads to Klarna, and an approved payment comes back as a cross-site POST",
			func(t *testing.T) {
				shop, sim, back := visitor(t, word)
				b := visit(t, chromium, shop.URL+"/")
				if word == "url" {
					b.click("#go")
				}
				b.click("#approve")
				a := wait(t, back)
				assert.Equal(t, "POST /return", a.path)
				assert.Equal(t, "cross-site", a.header.Get("Sec-Fetch-Site"))
				assert.Equal(t, "document", a.header.Get("Sec-Fetch-Dest"))
				assert.Equal(t, "1", a.form.Get("finalizeTransaction"))
				var order struct{ OrderID, OrderStatus, FirstName string }
				require.NoError(t, json.Unmarshal([]byte(a.form.Get("orderData")), &order))
				assert.Equal(t, sim.Orders()[0].ID, order.OrderID)
				assert.Equal(t, simulator.StatusComplete, order.OrderStatus)
				assert.Equal(t, "Jürgen", order.FirstName)
				assert.Empty(t, sim.Violations())
			})
	}

	for word, dest := range map[string]string{"iframe": "document", "iframe-inside": "iframe"} {
		t.Run("an "+word+" answer shows Klarna within the shop's page, and comes back as a "+dest, func(t *testing.T) {
			shop, sim, back := visitor(t, word)
			visit(t, chromium, shop.URL+"/").inFrame("#approve")
			a := wait(t, back)
			assert.Equal(t, "POST /return", a.path)
			assert.Equal(t, dest, a.header.Get("Sec-Fetch-Dest"))
			assert.Equal(t, simulator.StatusComplete, sim.Orders()[0].Status)
		})
	}

	for button, text := range map[string]string{"#decline": "Klarna declined the purchase",
		"#cancel": "Cancelled by the customer"} {
		t.Run("after "+button+" the shopper comes back by GET with an errorMsg, from an iframe too", func(t *testing.T) {
			for _, word := range []string{"navigate", "iframe"} {
				shop, _, back := visitor(t, word)
				b := visit(t, chromium, shop.URL+"/")
				if word == "iframe" {
					b.inFrame(button)
				} else {
					b.click(button)
				}
				a := wait(t, back)
				assert.Equal(t, "GET /failed", a.path)
				assert.Equal(t, text, a.form.Get("errorMsg"))
				assert.Equal(t, "document", a.header.Get("Sec-Fetch-Dest"))
			}
		})
	}

	t.Run("without JavaScript the shopper goes back by a button", func(t *testing.T) {
		shop, _, back := visitor(t, "url")
		ctx := visit(t, chromium, "about:blank").ctx
		_, err := chromedp.Call(Within(ctx), emulation.SetScriptExecutionDisabled,
			emulation.SetScriptExecutionDisabledParams{Value: true})
		require.NoError(t, err)
		require.NoError(t, chromedp.Do(Within(ctx), chromedp.Navigate(shop.URL+"/"), chromedp.Click(chromedp.CSS("#go")),
			chromedp.Click(chromedp.CSS("#approve")),
			chromedp.Click(chromedp.CSS("#return button"))))
		a := wait(t, back)
		assert.Equal(t, "POST /return", a.path)
		assert.Equal(t, "cross-site", a.header.Get("Sec-Fetch-Site"))
	})

	t.Run("a shopper who closed the tab pays later from the books", func(t *testing.T) {
		shop, sim, back := visitor(t, "navigate")
		b := visit(t, chromium, shop.URL+"/")
		b.click("#leave")
		b.until(`document.querySelector("#late")`)
		assert.Equal(t, simulator.StatusPartial, sim.Orders()[0].Status)
		b.click(`a[href="/_simulator/"]`)
		b.click(`#order-` + sim.Orders()[0].ID + ` form[action$="/approve"] button`)
		assert.Equal(t, "POST /return", wait(t, back).path)
		assert.Equal(t, simulator.StatusComplete, sim.Orders()[0].Status)
	})
}
