package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/operator/purchase/63A9FBD226":
			_, _ = w.Write([]byte(`{"ref":"0123abcd","kind":"order","lander":"shop.example","created":"2026-11-25T10:00:00Z","code":"paid","words":["The order is paid; Konnektive says COMPLETE."],
				"attempts":[{"orderId":"63A9FBD226","state":"answered","answer":"redirect","stands":"paid","paid":true,"orderQuery":{"status":"COMPLETE","total":"34.80","currency":"EUR"}}]}`))
		case "/api/operator/purchase/unknown":
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"error":"The relay knows no such purchase."}`))
		default:
			_, _ = w.Write([]byte("<html>"))
		}
	}))
	defer shop.Close()
	t.Setenv("ADMIN_TOKEN", "right")
	find := func(args ...string) (string, error) {
		var out strings.Builder
		err := run(args, &out)
		return out.String(), err
	}
	out, err := find(shop.URL, "63A9FBD226")
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(out, "The order is paid; Konnektive says COMPLETE.\n"))
	assert.Contains(t, out, "COMPLETE 34.80 EUR")
	again, err := find(shop.URL, "https://shop.example/thank-you?ref=63A9FBD226")
	require.NoError(t, err)
	assert.Equal(t, out, again, "a page's whole address will do")
	_, err = find(shop.URL, "unknown")
	assert.ErrorContains(t, err, "knows no such purchase")
	_, err = find(shop.URL, "html")
	assert.ErrorContains(t, err, "nothing that can be read")
	_, err = find(shop.URL, "")
	assert.ErrorContains(t, err, "say where and which")
	t.Setenv("ADMIN_TOKEN", "")
	_, err = find(shop.URL, "63A9FBD226")
	assert.ErrorContains(t, err, "into the environment")
}
