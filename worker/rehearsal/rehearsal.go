// Package rehearsal sends one order of its own through the relay, with a CRM and a ledger that live in memory.
//
// V8 compiles a function of a Wasm program when it is called for the first time, which makes the first order of an
// isolate cost several times what the next one does. The Worker rehearses before the first request, when no shopper
// waits and no request's CPU limit counts. Nothing is sent, logged or kept, and nothing of the operator's
// configuration or secrets is used.
package rehearsal

import (
	"context"
	"net/http"
	"strings"
	"time"

	"klarna-relay/worker/config"
	"klarna-relay/worker/ledger"
	"klarna-relay/worker/relay"
)

// vars configure the shop of the rehearsal.
var vars = map[string]string{
	config.NameKonnektiveURL: "https://rehearsal.invalid",
	config.NameLoginID:       "rehearsal",
	config.NamePassword:      "rehearsal",
	config.NameLanders:       `{"*":{"campaignId":1,"forceMerchantId":1,"products":[1]}}`,
}

// body is an order as the sample checkout posts it.
const body = "firstName=%C3%84nne&lastName=O%27Neill&emailAddress=a%40shop.invalid&phoneNumber=%2B49+30+12345678" +
	"&address1=Hauptstra%C3%9Fe+1" +
	"&city=Berlin&postalCode=10115&country=DE&billShipSame=1&product1_id=1&product1_qty=1&sessionId=1&affId=1" +
	"&sourceValue1=a" +
	"&httpReferer=https%3A%2F%2Fshop.invalid%2F"

// head is its head: method, address of the route, address of the shopper, then names and values.
var head = []string{
	http.MethodPost, "https://shop.invalid/api/order/import/", "192.0.2.1", "Content-Type", "application/" +
		"x-www-form-urlencoded;charset=UTF-8",
	"Accept", "application/json", "Accept-Language", "de-DE,de;q=0.9", "Origin", "https://shop.invalid",
	"Sec-Fetch-Site", "same-origin", "User-Agent", "Mozilla/5.0 (rehearsal)",
	"Idempotency-Key", "rehearsal-of-an-order", "Cf-Ray", "rehearsal",
}

// Order sends the order to a relay by serve, which is [edge.Rehearse], and returns the answer.
func Order(serve func(h http.Handler, body string, head ...string) (status int, answer string)) (status int,
	answer string) {
	c, faults := config.Parse(func(name string) string { return vars[name] })
	return serve(relay.New(c, faults, platform()), body, head...)
}

// crm answers as Konnektive does.
type crm struct{}

func (crm) Post(_ context.Context, url, _ string, _ time.Duration) (int, string, error) {
	if strings.HasSuffix(url, "/leads/import/") {
		return http.StatusOK,
			`{"result":"SUCCESS","message":{"orderId":"REHEARSAL","orderStatus":"PARTIAL","customerId":1}}`, nil
	}
	return http.StatusOK, `{"result":"MERC_REDIRECT","message":{"url":"https:\/\/pay.invalid\/1","script":null}}`, nil
}

func platform() relay.Platform {
	return relay.Platform{
		Transport: crm{}, Store: ledger.NewMemory(), Now: func() time.Time { return time.Unix(1, 0) },
		Limit: func(context.Context, string, string) (bool, error) { return true, nil },
		Log:   func(string) {}, Caught: func(any) {}, Count: func(relay.Point) {},
		Random: func() string { return "0123456789abcdef" },
	}
}
