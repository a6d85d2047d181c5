//go:build e2e

package test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// manyLanders is a landers.toml of a thousand hosts, one that has a fault, and two wildcards.
func manyLanders() string {
	var text strings.Builder
	lander := func(host string, more string, args ...any) {
		fmt.Fprintf(&text, "[%q]\n%s\n", host, fmt.Sprintf(more, args...))
	}
	lander("base.example", "campaignId = 12\nforceMerchantId = 7\nproducts = [34, 35]\nupsales = [40]")
	for i := range 1000 {
		lander(fmt.Sprintf("shop-%d.example", i), "like = \"base.example\"\npages = { thankYou = \"/thanks-%d\" }", i)
	}
	lander("*.brand.example", "like = \"base.example\"\nallowedOrigins = [\"https://brand.example\"]")
	lander("*.de.brand.example", "like = \"*.brand.example\"\nproducts = [35]")
	lander("faulty.example", "like = \"base.example\"\nproducts = []")
	lander("Capital.example", "like = \"base.example\"")
	return text.String()
}

func TestAThousandLandersInAFileOfTheirOwn(t *testing.T) {
	t.Parallel()
	m := NewMarket(t, simulator.Options{}, Options{Landers: manyLanders(),
		Vars: map[string]any{"LANDERS": map[string]any{}, "ADMIN_TOKEN": "an-operators-word"}})
	n := 0
	order := func(host, product string, headers ...string) Answer {
		n++
		form := OrderForm(fmt.Sprintf("hosts%d@example.com", n))
		form.Set("product1_id", product)
		return Send(t, m.Client(), http.MethodPost, "https://"+host+"/api/order/import/", form.Encode(),
			append([]string{"Content-Type", Form}, headers...)...)
	}

	t.Run("each sells on its own host", func(t *testing.T) {
		for _, host := range []string{"base.example", "shop-0.example", "shop-499.example", "shop-999.example",
			"a.brand.example", "a.b.brand.example"} {
			a := order(host, "34")
			assert.Equal(t, "redirect", a.Envelope(t).Code, "%s: %s", host, a.Body)
		}
	})
	t.Run("of two wildcards the more exact one counts", func(t *testing.T) {
		assert.Equal(t, "product_refused", order("x.de.brand.example", "34").Envelope(t).Code)
		assert.Equal(t, "redirect", order("x.de.brand.example", "35", "Origin", "https://brand.example").Envelope(t).Code,
			"and it has the other's origins")
	})
	t.Run("hosts that the file does not name are nobody's", func(t *testing.T) {
		for _, host := range []string{"shop-1000.example", "brand.example", "shop-.example", "0.example", "zzz.example"} {
			a := order(host, "34")
			assert.Equal(t, http.StatusServiceUnavailable, a.Status, host)
			assert.Equal(t, "misconfigured", a.Envelope(t).Code, host)
		}
	})
	t.Run("a fault of one lander stops that one alone", func(t *testing.T) {
		assert.Equal(t, "misconfigured", order("faulty.example", "34").Envelope(t).Code)
		health := Send(t, m.Client(), http.MethodGet, "https://faulty.example/api/health", "")
		assert.Equal(t, http.StatusServiceUnavailable, health.Status)
		assert.Contains(t, health.Body, `"faults":["products_missing"]`)
		assert.Equal(t, "misconfigured", order("capital.example", "34").Envelope(t).Code,
			"whose key is not written as a host is")
		assert.Equal(t, http.StatusOK, Send(t, m.Client(), http.MethodGet, "https://shop-1.example/api/health", "").Status)
		until(t, "the log names it", func() bool {
			return strings.Contains(m.Output(), `products_missing at landers.toml.\"faulty.example\".products`)
		})
		assert.Equal(t, 1, strings.Count(m.Output(), "products_missing at"), "once")
	})
	t.Run("its pages are served, and its way back from Klarna is open", func(t *testing.T) {
		assert.Equal(t, http.StatusOK, Send(t, m.Client(), http.MethodGet, "https://faulty.example/checkout", "").Status)
		a := Send(t, m.Client(), http.MethodGet, "https://faulty.example/api/klarna/return/"+strings.Repeat("0", 64), "")
		assert.NotContains(t, a.Body, "misconfigured")
		assert.Equal(t, http.StatusNotFound, a.Status, "nobody has ordered there")
	})
}

func TestTheWayBackFromKlarnaIsOpenWhateverIsWrongWithTheConfiguration(t *testing.T) {
	t.Parallel()
	sim := simulator.New(simulator.Options{BaseURL: "https://" + KlarnaHost, Settings: simulator.Settings{},
		LoginID: LoginID, Password: Password})
	api := httptest.NewServer(sim)
	t.Cleanup(api.Close)
	persist := t.TempDir()
	var back string
	require.True(t, t.Run("an order is made", func(t *testing.T) {
		w := Start(t, Options{Persist: persist, KonnektiveURL: api.URL})
		require.Equal(t, "redirect", w.Order(t, "back@example.com").Envelope(t).Code)
		for _, call := range sim.Calls() {
			if to := call.Fields["redirectsTo"]; to != "" {
				back = to
			}
		}
		confidential.addBooks(sim)
	}))
	require.NotEmpty(t, back)

	for name, vars := range map[string]map[string]any{
		"without a password": {"KONNEKTIVE_PASSWORD": ""},
		"with a faulty lander": {"LANDERS": map[string]any{"*": map[string]any{"campaignId": "x",
			"pages": map[string]any{"thankYou": "/done"}}}},
		"without any lander":    {"LANDERS": map[string]any{}},
		"with landers no table": {"LANDERS": "shop.example"},
		"without its own lander": {"LANDERS": map[string]any{"other.example": map[string]any{"campaignId": 12,
			"forceMerchantId": 7, "products": []int{34}}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := Start(t, Options{KonnektiveURL: api.URL, Vars: vars, Persist: persist})
			came := Send(t, w.Client(), http.MethodGet, back, "")
			assert.Equal(t, http.StatusSeeOther, came.Status, came.Body)
			assert.Regexp(t, `^(https://shop\.example)?/(thank-you|done|upsell)\?ref=[0-9a-f]{64}`, came.Header.Get("Location"))
		})
	}
}
