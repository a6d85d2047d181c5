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
		switch r.URL.Query().Get("day") {
		case "2026-11-25":
			_, _ = w.Write([]byte(`{"day":"2026-11-25","settled":2,"konnektive":2,"revenue":{"shop.example EUR":"69.60"},"onlyAtKonnektive":[],"onlyAtTheRelay":[]}`))
		case "2026-11-26":
			_, _ = w.Write([]byte(`{"day":"2026-11-26","settled":0,"konnektive":1,"revenue":{},"onlyAtKonnektive":[{"orderId":"63A9FBD226","campaign":"12","amount":"34.80","currency":"EUR"}],"onlyAtTheRelay":[]}`))
		default:
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte(`{"error":"Konnektive did not list the day's orders."}`))
		}
	}))
	defer shop.Close()
	t.Setenv("ADMIN_TOKEN", "right")
	books := func(args ...string) (string, error) {
		var out strings.Builder
		err := run(args, &out)
		return out.String(), err
	}
	out, err := books(shop.URL, "2026-11-25")
	require.NoError(t, err)
	assert.Equal(t, "2026-11-25: 2 settled by the relay, 2 complete prepaid orders at Konnektive\n  revenue "+
		"shop.example EUR 69.60\n", out)
	out, err = books(shop.URL, "2026-11-26")
	assert.ErrorContains(t, err, "1 that only one side has")
	assert.Contains(t, out, "only at Konnektive: 63A9FBD226, campaign 12, 34.80 EUR")
	_, err = books(shop.URL, "2026-11-27")
	assert.ErrorContains(t, err, "did not list")
	_, err = books(shop.URL, "yesterday")
	assert.ErrorContains(t, err, "is no day")
	_, err = books()
	assert.ErrorContains(t, err, "say where and when")
}
