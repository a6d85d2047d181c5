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

// postAndLeave sends an order, and returns a function that hangs up without waiting for the answer.
func (w *Worker) postAndLeave(t testing.TB, body, key string) (leave func()) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
	require.NoError(t, err)
	fmt.Fprintf(conn, "POST /api/order/import/ HTTP/1.1\r\nHost: %s\r\nMF-Original-URL: "+
		"https://%[1]s/api/order/import/\r\n"+
		"CF-Connecting-IP: 203.0.113.7\r\nIdempotency-Key: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		Host, key, Form, len(body), body)
	return func() { conn.Close() }
}

// endless is a body of 256 MiB, so that a reader which does not stop early is noticed; sent counts what was read.
type endless struct{ sent int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	e.sent += len(p)
	if e.sent > 256<<20 {
		return 0, io.EOF
	}
	return len(p), nil
}

func TestBodies(t *testing.T) {
	t.Parallel()
	m := NewMarket(t, simulator.Options{}, Options{})
	c := m.Client()
	order := "https://" + Host + "/api/order/import/"

	t.Run("one byte too many is too large, with and without a stated length", func(t *testing.T) {
		for _, size := range []int{64<<10 + 1, 64<<10 + 2, 1 << 20} {
			a := Send(t, c, http.MethodPost, order, strings.Repeat("a", size), "Content-Type", Form)
			assert.Equal(t, http.StatusRequestEntityTooLarge, a.Status, size)
			assert.Equal(t, "too_large", a.Envelope(t).Code)

			// chunked
			r, err := http.NewRequest(http.MethodPost, order, io.MultiReader(strings.NewReader(strings.Repeat("a", size))))
			require.NoError(t, err)
			r.Header.Set("Content-Type", Form)
			res, err := c.Do(r)
			require.NoError(t, err)
			res.Body.Close()
			assert.Equal(t, http.StatusRequestEntityTooLarge, res.StatusCode, size)
		}
	})
	t.Run("the largest body is read to its end", func(t *testing.T) {
		form := OrderForm("large@example.com").Encode()
		form += "&unknown=" + strings.Repeat("x", 64<<10-len(form)-len("&unknown="))
		require.Len(t, form, 64<<10)
		a := Send(t, c, http.MethodPost, order, form, "Content-Type", Form)
		assert.Equal(t, http.StatusOK, a.Status, a.Body)
	})
	t.Run("a body without an end is answered before its end", func(t *testing.T) {
		body := &endless{}
		r, err := http.NewRequest(http.MethodPost, order, body)
		require.NoError(t, err)
		r.Header.Set("Content-Type", Form)
		res, err := c.Do(r)
		if err == nil { // else the connection was closed while the client was still talking
			assert.Equal(t, http.StatusRequestEntityTooLarge, res.StatusCode)
			res.Body.Close()
		}
		assert.Less(t, body.sent, 64<<20)
	})
	t.Run("a body that arrives in pieces is put together", func(t *testing.T) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(m.URL, "http://"))
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
		form := OrderForm("pieces@example.com").Encode()
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nMF-Original-URL: %s\r\nCF-Connecting-IP: "+
			"203.0.113.7\r\nContent-Type: %s\r\n"+
			"Transfer-Encoding: chunked\r\n\r\n", Host, order, Form)
		for len(form) > 0 {
			n := min(7, len(form))
			fmt.Fprintf(conn, "%x\r\n%s\r\n", n, form[:n])
			form = form[n:]
			time.Sleep(time.Millisecond)
		}
		fmt.Fprint(conn, "0\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, res.StatusCode)
	})
	t.Run("no body at all", func(t *testing.T) {
		a := Send(t, c, http.MethodPost, order, "", "Content-Type", Form)
		assert.Equal(t, http.StatusUnprocessableEntity, a.Status)
	})
	t.Run("bytes that are no text arrive as they are", func(t *testing.T) {
		a := Send(t, c, http.MethodPost, order, "firstName=\xff\xfe\x00", "Content-Type", Form)
		assert.Equal(t, http.StatusBadRequest, a.Status)
		assert.Equal(t, "malformed", a.Envelope(t).Code)
	})
}

func TestABodyIsReadOnlyAfterEverythingElseAllowsIt(t *testing.T) {
	t.Parallel()
	m := NewMarket(t, simulator.Options{}, Options{ImportsPerMinute: 1, Probe: true,
		Vars: map[string]any{"ALLOW_LOOPBACK_HTTP": "1"}})
	// withoutBody announces a body, sends none of it, and waits for the answer.
	withoutBody := func(t *testing.T, method, path string, headers ...string) Answer {
		conn, err := net.Dial("tcp", strings.TrimPrefix(m.Direct, "http://"))
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
		fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: localhost\r\nCF-Connecting-IP: 203.0.113.7\r\nContent-Type: "+
			"%s\r\nContent-Length: 1000\r\n", method, path, Form)
		for i := 0; i < len(headers); i += 2 {
			fmt.Fprintf(conn, "%s: %s\r\n", headers[i], headers[i+1])
		}
		fmt.Fprint(conn, "\r\n")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, "the answer waited for the body")
		text := make([]byte, res.ContentLength)
		_, err = io.ReadFull(res.Body, text)
		require.NoError(t, err)
		return Answer{res.StatusCode, res.Header, string(text)}
	}
	const order = "/api/order/import/"
	assert.Equal(t, "not_found", withoutBody(t, http.MethodPost, "/api/order/nothing/").Envelope(t).Code)
	assert.Equal(t, "method_not_allowed", withoutBody(t, http.MethodPut, order).Envelope(t).Code)
	assert.Equal(t, "origin_refused", withoutBody(t, http.MethodPost, order, "Origin",
		"https://evil.example").Envelope(t).Code)
	// The limit counts by the minutes of the clock, so one that is about to end would start a new count in the middle.
	if left := time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)); left < 20*time.Second {
		time.Sleep(left)
	}
	within := Send(t, m.Client(), http.MethodPost, "https://"+Host+order, "", "Content-Type", Form)
	require.Equal(t, http.StatusUnprocessableEntity, within.Status)
	assert.Equal(t, "rate_limited", withoutBody(t, http.MethodPost, order).Envelope(t).Code)

	t.Run("a shopper who hangs up while sending is nobody's fault", func(t *testing.T) {
		idle := m.probe(t, "state").Goroutines
		conn, err := net.Dial("tcp", strings.TrimPrefix(m.Direct, "http://"))
		require.NoError(t, err)
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nCF-Connecting-IP: 203.0.113.8\r\nContent-Type: "+
			"%s\r\nContent-Length: 1000\r\n\r\nfirstName=A", order, Form)
		until(t, "the request waits for its body", func() bool { return m.probe(t, "state").Goroutines > idle })
		require.NoError(t, conn.Close())
		until(t, "its line is logged", func() bool {
			return strings.Contains(m.Output(),
				`"status":400,"code":"malformed"`)
		})
		assert.NotContains(t, m.Output(), `"level":"error"`)
	})
	t.Run("and neither is a misconfigured lander", func(t *testing.T) {
		w := Start(t, Options{Vars: map[string]any{"ALLOW_LOOPBACK_HTTP": "1", "LANDERS": ""}})
		m.Worker = w
		assert.Equal(t, "misconfigured", withoutBody(t, http.MethodPost, order).Envelope(t).Code)
	})
}
