//go:build e2e

package test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// guide reads worker/docs/adopt.md. What it returns finds the first text in it that matches a pattern.
func guide(t *testing.T) func(pattern string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Root(), "worker/docs/adopt.md"))
	require.NoError(t, err)
	return func(pattern string) string {
		t.Helper()
		found := regexp.MustCompile(pattern).FindStringSubmatch(string(text))
		require.NotNil(t, found, "the guide has nothing like %s", pattern)
		return found[1]
	}
}

// answers is the status of a page and its text, 0 while nobody answers.
func answers(client *http.Client, address string) (int, string) {
	response, err := client.Get(address)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

// TestTheStepsOfTheGuide does what worker/docs/adopt.md says, with its own words, in a clone, for each place where
// pages may be.
func TestTheStepsOfTheGuide(t *testing.T) {
	t.Parallel()
	said := guide(t)
	described := said("(?s)```toml\n(.*?)```")
	host := said(`pattern = "([^"]+)"`)
	require.Contains(t, described, `[vars.LANDERS."`+host+`"]`)
	folder := clone(t)
	check := func(t *testing.T) {
		t.Helper()
		cmd := exec.Command("make", "check-config")
		cmd.Dir = folder
		text, err := cmd.CombinedOutput()
		require.NoError(t, err, "make check-config\n%s", text)
		assert.NotContains(t, string(text), "fault")
	}

	// Step 3, the first row: pages of one's own in www/, in place of the sample pages.
	describe(t, folder, described)
	require.NoError(t, os.RemoveAll(filepath.Join(folder, "www")))
	require.NoError(t, os.Mkdir(filepath.Join(folder, "www"), 0o755))
	for _, name := range []string{"checkout", "upsell", "thank-you"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "www", name+".html"),
			[]byte("<!doctype html><title>Mine</title><p>my own "+name), 0o644))
	}
	d := makeDev(t, folder)
	shop := strings.TrimSuffix(d.printed(t, "The shop"), "/checkout")
	assert.Regexp(t, `Lander +`+regexp.QuoteMeta(host), d.out.String())
	n := 0
	order := func(t *testing.T, headers ...string) Answer {
		t.Helper()
		n++
		fields := url.Values{}
		for _, name := range []string{"firstName", "lastName", "emailAddress", "phoneNumber", "address1", "city",
			"postalCode", "country", "billShipSame", "product1_id", "product1_qty"} {
			require.Regexp(t, name, said("(?s)```diff\n(.*?)```"), "step 4 sends it")
			fields.Set(name, OrderForm("guide"+strings.Repeat("x", n)+"@example.com").Get(name))
		}
		return Send(t, d.client, http.MethodPost, shop+"/api/order/import/", fields.Encode(),
			append([]string{"Content-Type", Form}, headers...)...)
	}

	t.Run("pages in www/", func(t *testing.T) {
		check(t)
		for _, name := range []string{"checkout", "upsell", "thank-you"} {
			page := Send(t, d.client, http.MethodGet, shop+"/"+name, "")
			assert.Equal(t, http.StatusOK, page.Status)
			assert.Contains(t, page.Body, "my own "+name)
		}
		a := order(t, "Origin", shop)
		assert.Equal(t, "redirect", a.Envelope(t).Code, a.Body)
	})

	t.Run("pages on their own server, behind the Worker", func(t *testing.T) {
		pages := httptest.NewServer(http.HandlerFunc(
			func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("from the server: " + r.URL.Path)) }))
		defer pages.Close()
		row := said("stay on their server.*`(origin = \"https://[^\"]+\")`")
		describe(t, folder, described+row+"\n")
		check(t)
		describe(t, folder, described+`origin = "`+pages.URL+"\"\n") // a server that this test can see
		until(t, "the server's pages are there", func() bool {
			_, text := answers(d.client, shop+"/checkout")
			return strings.Contains(text, "from the server: /checkout")
		})
		a := order(t, "Origin", shop)
		assert.Equal(t, "redirect", a.Envelope(t).Code, a.Body)
	})

	t.Run("pages on a host of their own", func(t *testing.T) {
		row := said("stay on a host of their own.*`(allowedOrigins = \\[[^`]+\\])`")
		origin := said("allowedOrigins = \\[\"(https://[^\"]+)\"")
		pages := `pages = { checkout = "` + origin + `/checkout", upsell = "` + origin + `/more", thankYou = "` + origin +
			"/done\" }\n"
		describe(t, folder, described+row+"\n"+pages)
		check(t)
		d.stop(t)
		d = makeDev(t, folder)
		assert.Equal(t, origin+"/checkout", d.printed(t, "The shop"))
		shop = strings.TrimSuffix(d.printed(t, "The API"), "/api/")
		asked, err := http.NewRequest(http.MethodOptions, shop+"/api/order/import/", nil)
		require.NoError(t, err)
		asked.Header.Set("Origin", origin)
		asked.Header.Set("Access-Control-Request-Method", http.MethodPost)
		response, err := d.client.Do(asked)
		require.NoError(t, err)
		response.Body.Close()
		assert.Equal(t, origin, response.Header.Get("Access-Control-Allow-Origin"))
		a := order(t, "Origin", origin)
		assert.Equal(t, "redirect", a.Envelope(t).Code, a.Body)
		assert.Equal(t, origin, a.Header.Get("Access-Control-Allow-Origin"))
		assert.Equal(t, "origin_refused", order(t, "Origin", "https://elsewhere.example").Envelope(t).Code)
	})
}
