package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/config"
	"klarna-relay/worker/gate"
	"klarna-relay/worker/ledger"
	"klarna-relay/worker/relay"
)

// What an order and a page may cost, counted instead of timed. Lower a ceiling
// when the cost goes down; raise one knowingly.
const (
	orderAllocations = 158
	pageAllocations  = 0
)

// fixed answers as Konnektive does: each lead with an order of its own.
type fixed struct{ leads int }

func (f *fixed) Post(_ context.Context, url, _ string, _ time.Duration) (int, string, error) {
	if strings.HasSuffix(url, "/leads/import/") {
		f.leads++
		return http.StatusOK, `{"result":"SUCCESS","message":{"orderId":"ABC` + strconv.Itoa(f.leads) +
			`","orderStatus":"PARTIAL","customerId":"4711"}}`, nil
	}
	return http.StatusOK, `{"result":"MERC_REDIRECT","message":{"url":"https:\/\/pay.klarna.example\/7f3e1c5a","script":null}}`, nil
}

func shop() *relay.Relay {
	vars := map[string]string{
		config.NameLoginID: "relay-bench", config.NamePassword: "no-secret-at-all",
		config.NameKonnektiveURL: "http://127.0.0.1:9",
		config.NameLanders:       `{"*":{"campaignId":12,"forceMerchantId":7,"products":[34,35],"upsales":[40]}}`,
	}
	c, faults := config.Parse(func(name string) string { return vars[name] })
	return relay.New(c, faults, relay.Platform{
		Transport: &fixed{}, Store: ledger.NewMemory(), Now: time.Now,
		Limit: func(context.Context, string, string) (bool, error) { return true, nil },
		Log:   func(string) {}, Count: func(relay.Point) {}, Random: func() string { return "0123456789abcdef" },
	})
}

// discard is a ResponseWriter without costs of its own.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

// An orderer posts orders, each with a key of its own.
func orderer(t testing.TB) (post func()) {
	r := shop()
	template := httptest.NewRequest(http.MethodPost, "https://shop.example/api/order/import/", nil)
	for name, value := range map[string]string{
		"Content-Type": "application/x-www-form-urlencoded;charset=UTF-8", "Accept": "application/json",
		"Accept-Language": "de-DE,de;q=0.9", "Origin": "https://shop.example", "Sec-Fetch-Site": "same-origin",
		"User-Agent": "Mozilla/5.0", "Cf-Ray": "8f1c-FRA",
	} {
		template.Header.Set(name, value)
	}
	template.RemoteAddr = "203.0.113.7"
	n := 1 << 40
	return func() {
		n++
		request := *template
		request.Header["Idempotency-Key"] = []string{strconv.Itoa(n)}
		request.Body = io.NopCloser(strings.NewReader(orderBody))
		w := &discard{header: http.Header{}}
		r.ServeHTTP(w, &request)
		require.Equal(t, http.StatusOK, w.status)
	}
}

func TestAnOrderAndAPageStayWithinTheirAllocations(t *testing.T) {
	post := orderer(t)
	assert.LessOrEqual(t, testing.AllocsPerRun(200, post), float64(orderAllocations), "of an order")

	g := gate.New(func(string) gate.Host { return gate.Host{Name: "*"} }, false)
	assert.LessOrEqual(t, testing.AllocsPerRun(200,
		func() { g.Decide(http.MethodGet, "https://shop.example/checkout?affId=1") }), float64(pageAllocations), "of a page")
}

func BenchmarkOrder(b *testing.B) {
	post := orderer(b)
	b.ReportAllocs()
	for b.Loop() {
		post()
	}
}
