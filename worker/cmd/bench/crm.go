package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"time"
)

// A crm answers as Konnektive does, always the same, and does nothing else, so
// that its own work stays out of the comparison.
type crm struct {
	*httptest.Server
	delay atomic.Int64 // of each call, nanoseconds
	calls atomic.Int64

	imports atomic.Int64 // orders answered, and so through
	queries atomic.Int64 // by the ledger's alarms: the load asks for none
}

func newCRM() *crm {
	c := &crm{}
	c.Server = httptest.NewServer(c)
	return c
}

// every is how long each call takes from now on.
func (c *crm) every(d time.Duration) { c.delay.Store(int64(d)) }

func (c *crm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	n := c.calls.Add(1)
	if d := c.delay.Load(); d > 0 {
		time.Sleep(time.Duration(d))
	}
	id := strconv.FormatInt(n, 36)
	answer := ""
	switch r.URL.Path {
	case "/leads/import/":
		answer = `{"result":"SUCCESS","message":{"orderId":"B` + id +
			`","customerId":"4711","firstName":"\u00c4nne","lastName":"O'Neill",` +
			`"emailAddress":"anne@example.com","phoneNumber":"+493012345678","address1":"Hauptstra\u00dfe 1",` +
			`"city":"Berlin","postalCode":"10115",` +
			`"country":"DE","orderStatus":"PARTIAL","dateCreated":"2026-01-01 12:00:00","currencyCode":"EUR"}}`
	case "/order/import/":
		answer = `{"result":"MERC_REDIRECT","message":{"url":"https:\/\/pay.klarna.example\/eu\/hpp\/payments\/` + id +
			`-7f3e1c5ab9d24e60","script":null}}`
		defer c.imports.Add(1)
	case "/order/query/":
		c.queries.Add(1)
		answer = `{"result":"SUCCESS","message":{"totalResults":0,"data":[]}}`
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=UTF-8") // as Konnektive says of its JSON
	_, _ = io.WriteString(w, answer)
}
