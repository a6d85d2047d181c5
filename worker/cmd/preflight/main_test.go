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
		switch {
		case r.URL.Path != "/api/preflight":
			http.NotFound(w, r)
		case r.Header.Get("Authorization") != "Bearer right":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			_, _ = w.Write([]byte(`{"status":"ok"}`))
		}
	}))
	defer shop.Close()
	for _, test := range []struct {
		name, token, fault string
		args               []string
	}{
		{"all is well", "right", "", []string{shop.URL}},
		{"a slash too many", "right", "", []string{shop.URL + "/"}},
		{"a wrong token", "wrong", "another ADMIN_TOKEN", []string{shop.URL}},
		{"no shop", "right", "say which shop", nil},
		{"no token", "", "into the environment", []string{shop.URL}},
		{"plain http", "right", "not https", []string{"http://shop.example"}},
		{"something else", "right", "has no ADMIN_TOKEN", []string{shop.URL + "/x"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			err := run(test.args, test.token, &out)
			if test.fault != "" {
				require.ErrorContains(t, err, test.fault)
				assert.NotContains(t, err.Error(), "right")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "{\n  \"status\": \"ok\"\n}\n", out.String())
		})
	}
}
