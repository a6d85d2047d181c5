//go:build e2e

package test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// raw sends a request whose target is exactly as given, which Go's client would
// not do, straight to workerd.
func (w *Worker) raw(t *testing.T, method, target, body string, headers ...string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.Direct, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: localhost\r\nCF-Connecting-IP: 203.0.113.7\r\n", method, target)
	for i := 0; i < len(headers); i += 2 {
		fmt.Fprintf(conn, "%s: %s\r\n", headers[i], headers[i+1])
	}
	if body != "" {
		fmt.Fprintf(conn, "Content-Type: %s\r\nContent-Length: %d\r\n", Form, len(body))
	}
	fmt.Fprintf(conn, "Connection: close\r\n\r\n%s", body)
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	require.NoError(t, err, target)
	text, _ := io.ReadAll(res.Body)
	res.Body = io.NopCloser(strings.NewReader(string(text)))
	return res
}

func TestPathsThatMeanTheAPIToSomebodyElseStayAtTheRelay(t *testing.T) {
	t.Parallel()
	origin := &recorder{}
	m := NewMarket(t, simulator.Options{}, Options{Vars: map[string]any{
		"ALLOW_LOOPBACK_HTTP": "1", "LANDERS": landersAt(origin.start(t)),
	}})
	order := OrderForm("paths@example.com").Encode()
	answered := func(t *testing.T, target string) int {
		res := m.raw(t, http.MethodPost, target, order)
		assert.Empty(t, res.Header.Get("Location"), "a redirected POST is a lost order")
		assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
		body, _ := io.ReadAll(res.Body)
		assert.True(t, strings.HasPrefix(string(body), `{"result":`), "%s", body)
		return res.StatusCode
	}
	for _, target := range []string{
		"/API/order/import/", "/Api/order/import/", "//api/order/import/", "/%61pi/order/import/", "/%61%70%69/order/import/",
		`/\..\api/order/import/`, "/%2e/api/order/import/", "/api%2Forder/import/", "/%2561pi/order/import/",
		"/api;v=1/order/import/", "/api%5corder/import/", "/%2fapi/order/import/", "/api./order/import/", "/api.",
		"/api%3f/order/import/", "/api%3fx=/order/import/", "/api%23/order/import/", "/api%2e/order/import/",
		"/api%00/order/import/", "/api/ORDER/import/", "/api//order/import/", "/api/order/import//", "/api/order/import/x",
		"/api/order%2Fimport/", "/api", "/api/", "/api/%zz", "/api/order/import/%00", "/api/order/query/",
		"/api/transactions/refund/",
	} {
		t.Run("POST "+target+" is no path of the API", func(t *testing.T) {
			assert.Equal(t, http.StatusNotFound, answered(t, target))
		})
	}
	// The runtime resolves these before the Worker sees them, as a browser does.
	for _, target := range []string{
		"/./api/order/import/", "/x/../api/order/import/", "/api/../api/order/import",
		"/api/klarna/return/../../order/import/",
	} {
		t.Run("POST "+target+" is the same as without dots", func(t *testing.T) {
			assert.Equal(t, http.StatusOK, answered(t, target))
		})
	}
	assert.Empty(t, origin.requests(), "none of it reached the landers' origin")
	assert.Len(t, m.CRM.Calls(), 2, "one order: its lead and its import")

	t.Run("what only looks like it is the landers'", func(t *testing.T) {
		for _, target := range []string{"/apiary", "/v1/api/order", "/api.html", "/rapid/api", "/x/api/../y", "/kapi/"} {
			res := m.raw(t, http.MethodPost, target, "a=1")
			assert.Equal(t, http.StatusTeapot, res.StatusCode, target)
		}
		assert.Len(t, origin.requests(), 6)
	})
}

func TestMethodsOfTheAPI(t *testing.T) {
	t.Parallel()
	w := Start(t, Options{})
	c := w.Client()
	at := "https://" + Host
	t.Run("HEAD is answered as GET, without a body", func(t *testing.T) {
		a := Send(t, c, http.MethodHead, at+"/api/health", "")
		assert.Equal(t, http.StatusOK, a.Status)
		assert.Empty(t, a.Body)
	})
	t.Run("other methods are 405 and name the right one", func(t *testing.T) {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete,
			http.MethodPatch} {
			a := Send(t, c, method, at+"/api/order/import/", "")
			assert.Equal(t, http.StatusMethodNotAllowed, a.Status, method)
			assert.Contains(t, a.Header.Get("Allow"), http.MethodPost)
		}
	})
	t.Run("OPTIONS is answered without a page, also to who would show one", func(t *testing.T) {
		for _, path := range []string{"/api/klarna/return/" + strings.Repeat("a", 64), "/api/order/import/", "/api/health"} {
			a := Send(t, c, http.MethodOptions, at+path, "", "Accept", "text/html", "Content-Type", Form)
			assert.Equal(t, http.StatusNoContent, a.Status, path)
			assert.Contains(t, a.Header.Get("Allow"), "OPTIONS", path)
		}
	})
	t.Run("OPTIONS from another site is not answered with permission", func(t *testing.T) {
		a := Send(t, c, http.MethodOptions, at+"/api/order/import/", "", "Origin", "https://evil.example",
			"Access-Control-Request-Method", "POST")
		assert.Empty(t, a.Header.Get("Access-Control-Allow-Origin"))
	})
	t.Run("every answer is the relay's own: no-store, with a request id and the table of headers", func(t *testing.T) {
		for _, path := range []string{"/api/health", "/api/nothing", "/api/order/status/unknown", "/api/order/import/"} {
			a := Send(t, c, http.MethodGet, at+path, "")
			assert.Equal(t, "no-store", a.Header.Get("Cache-Control"), path)
			assert.NotEmpty(t, a.Header.Get("X-Request-Id"), path)
			for name := range security {
				assert.Len(t, a.Header.Values(name), 1, "%s of %s", name, path)
			}
		}
	})
}
