//go:build e2e

package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Answer is an HTTP answer that has been read.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Envelope is the answer as Konnektive's envelope.
func (a Answer) Envelope(t testing.TB) (e Envelope) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(a.Body), &e), "%s", a.Body)
	return e
}

// Envelope is what /api answers.
type Envelope struct {
	Result, Code, Ref string
	Message           any
}

// Send sends one request, whose headers are given as name, value, name, value …
func Send(t testing.TB, c *http.Client, method, url, body string, headers ...string) Answer {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, url, reader)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return Answer{res.StatusCode, res.Header, string(text)}
}

// Form is the media type of forms.
const Form = "application/x-www-form-urlencoded"

// Order posts an order for this e-mail address and returns the answer. Headers
// are as for [Send].
func (w *Worker) Order(t testing.TB, email string, headers ...string) Answer {
	t.Helper()
	headers = append([]string{"Content-Type", Form}, headers...)
	return Send(t, w.Client(), http.MethodPost, "https://"+Host+"/api/order/import/", OrderForm(email).Encode(),
		headers...)
}

// OrderForm is an acceptable order.
func OrderForm(email string) url.Values {
	return url.Values{
		"firstName": {"Änne"}, "lastName": {"O'Neill"}, "emailAddress": {email}, "phoneNumber": {"+49 30 12345678"},
		"address1": {"Hauptstraße 1"}, "city": {"Berlin"}, "postalCode": {"10115"}, "country": {"DE"}, "billShipSame": {"1"},
		"product1_id": {"34"}, "product1_qty": {"1"},
	}
}

// refusing is the address of a server that refuses every connection: its port is taken, so that nobody else gets
// it, and nothing listens there.
func refusing(t testing.TB) string {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Close(socket) })
	require.NoError(t, syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	bound, err := syscall.Getsockname(socket)
	require.NoError(t, err)
	return fmt.Sprintf("http://127.0.0.1:%d", bound.(*syscall.SockaddrInet4).Port)
}
