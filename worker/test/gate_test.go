//go:build e2e

package test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"klarna-relay/worker/simulator"
)

func TestPlainHTTPGoesNoFurtherThanTheGate(t *testing.T) {
	t.Parallel()
	m := NewMarket(t, simulator.Options{}, Options{})
	c := m.Client()
	forged := []string{
		"X-Forwarded-Proto", "https", "CF-Visitor", `{"scheme":"https"}`, "Forwarded", "proto=https", "X-Forwarded-Ssl", "on",
		"Front-End-Https", "on", "X-Url-Scheme", "https", "Content-Type", Form,
	}
	for _, path := range []string{"/", "/checkout", "/style.css", "/nowhere", "/api/health", "/api/order/import/",
		"/checkout?a=1&b=%20#x"} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			t.Run(method+" "+path+" is redirected to https", func(t *testing.T) {
				a := Send(t, c, method, "http://"+Host+path, "", forged...)
				assert.Equal(t, http.StatusMovedPermanently, a.Status)
				want := "https://" + Host + path
				if path == "/checkout?a=1&b=%20#x" {
					want = "https://" + Host + "/checkout?a=1&b=%20"
				}
				assert.Equal(t, want, a.Header.Get("Location"))
				assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
				assert.NotEmpty(t, a.Header.Get("X-Request-Id"))
				assert.Empty(t, a.Header.Get("Strict-Transport-Security"), "which means nothing over http")
				assert.Empty(t, a.Body)
			})
		}
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch,
			http.MethodOptions} {
			t.Run(method+" "+path+" is refused", func(t *testing.T) {
				a := Send(t, c, method, "http://"+Host+path, OrderForm("plain@example.com").Encode(), forged...)
				assert.Equal(t, http.StatusForbidden, a.Status)
				assert.Empty(t, a.Header.Get("Location"))
				assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
				assert.NotEmpty(t, a.Header.Get("X-Request-Id"))
				e := a.Envelope(t)
				assert.Equal(t, "ERROR", e.Result)
				assert.Equal(t, "https_required", e.Code)
			})
		}
	}
	t.Run("a loopback host is no exception unless the configuration says so", func(t *testing.T) {
		a := Send(t, c, http.MethodGet, "http://localhost:8787/checkout", "")
		assert.Equal(t, http.StatusMovedPermanently, a.Status)
		assert.Equal(t, "https://localhost:8787/checkout", a.Header.Get("Location"))
	})
	assert.Empty(t, m.CRM.Calls(), "nothing was relayed")
	t.Run("the log has a line for each request to the API, and none for a page", func(t *testing.T) {
		line := regexp.MustCompile(`"lander":"shop.example","route":"order","status":403,"code":"https_required",` +
			`"calls":0,"upstreamMs":0,"totalMs":\d+}`)
		until(t, "the orders that were refused", func() bool { return len(line.FindAllString(m.Output(), -1)) == 5 })
		assert.Equal(t, 2*7, strings.Count(m.Output(), `"code":"https_required"`))
	})
}

func TestPlainHTTPIsToleratedOnLoopbackHostsInDevelopment(t *testing.T) {
	t.Parallel()
	w := Start(t, Options{Vars: map[string]any{"ALLOW_LOOPBACK_HTTP": "1"}})
	c := w.Client()
	for _, host := range []string{"localhost:8787", "127.0.0.1:8787", "127.1.2.3", "[::1]:8787"} {
		t.Run(host, func(t *testing.T) {
			page := Send(t, c, http.MethodGet, "http://"+host+"/checkout", "")
			assert.Equal(t, http.StatusOK, page.Status)
			assert.Empty(t, page.Header.Get("Strict-Transport-Security"))
			assert.Equal(t, http.StatusOK, Send(t, c, http.MethodGet, "http://"+host+"/api/health", "").Status)
		})
	}
	for _, host := range []string{Host, "localhost.shop.example", "127.0.0.1.shop.example", "localhost.localdomain"} {
		t.Run(host+" is no loopback host", func(t *testing.T) {
			assert.Equal(t, http.StatusMovedPermanently, Send(t, c, http.MethodGet, "http://"+host+"/checkout", "").Status)
			assert.Equal(t, http.StatusForbidden, Send(t, c, http.MethodPost, "http://"+host+"/api/order/import/",
				"a=1").Status)
		})
	}
}
