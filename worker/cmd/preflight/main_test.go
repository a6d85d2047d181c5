package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// relay answers preflight with this level.
func relay(t *testing.T, level string) string {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/api/preflight":
			http.NotFound(w, r)
		case r.Header.Get("Authorization") != "Bearer right":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			fmt.Fprintf(w, `{"lander":"*","level":%q,"checks":[{"check":"campaign","level":%q,"text":"Campaign 12.","cure":"Look there."}]}`, level, level)
		}
	}))
	t.Cleanup(shop.Close)
	return shop.URL
}

func TestRun(t *testing.T) {
	well, ill := relay(t, "warn"), relay(t, "fail")
	for _, test := range []struct {
		name, token, says, fault string
		args                     []string
	}{
		{"all is well", "right", "(lander *): warn\n  warn campaign     Campaign 12. Look there.\n", "", []string{well}},
		{"a slash too many", "right", "warn", "", []string{well + "/"}},
		{"a check fails", "right", "a check fails", "1 of 1 hosts are not ready", []string{ill}},
		{"one of two fails", "right", "fail campaign", "1 of 2 hosts are not ready: " + ill, []string{well, ill}},
		{"a wrong token", "wrong", "another ADMIN_TOKEN", "not ready", []string{well}},
		{"no token", "", "", "into the environment", []string{well}},
		{"plain http", "right", "not https", "not ready", []string{"http://shop.example"}},
		{"something else", "right", "has no ADMIN_TOKEN", "not ready", []string{well + "/x"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("ADMIN_TOKEN", test.token)
			var out strings.Builder
			err := run(test.args, test.token, &out)
			assert.Contains(t, out.String(), test.says)
			assert.NotContains(t, out.String(), "right")
			if test.fault == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.fault)
			assert.NotContains(t, err.Error(), "right")
		})
	}
}

func TestTheHostsOfTheConfiguration(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	wrangler := write("wrangler.toml", `
routes = ["c.example/*", { pattern = "d.example", custom_domain = true }, { pattern = "*.brand.example/*" }]
[vars.LANDERS."*"]
[vars.LANDERS."a.example"]
[env.staging]
routes = [{ pattern = "staging.example", custom_domain = true }]
[env.staging.vars.LANDERS."*"]
`)
	landers := write("landers.toml", "[\"b.example\"]\n[\"*.brand.example\"]\n")
	hosts, err := hostsOf(wrangler, landers, "")
	require.NoError(t, err)
	assert.Equal(t, []string{"a.example", "b.example", "c.example", "d.example"}, hosts)
	hosts, err = hostsOf(wrangler, landers, "staging")
	require.NoError(t, err)
	assert.Equal(t, []string{"staging.example"}, hosts)
	_, err = hostsOf(wrangler, landers, "other")
	assert.ErrorContains(t, err, "no [env.other]")
}
