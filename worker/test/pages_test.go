//go:build e2e

package test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// security is the table of headers that every page of ours carries on https.
var security = map[string]string{
	"Content-Security-Policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src " +
		"'self' data: https:; " +
		"connect-src 'self'; form-action 'self' https:; base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
	"Strict-Transport-Security":  "max-age=31536000",
	"X-Content-Type-Options":     "nosniff",
	"Referrer-Policy":            "strict-origin-when-cross-origin",
	"Permissions-Policy":         "camera=(), microphone=(), geolocation=(), usb=(), payment=()",
	"Cross-Origin-Opener-Policy": "same-origin",
}

func TestPages(t *testing.T) {
	t.Parallel()
	pages := t.TempDir()
	require.NoError(t, os.CopyFS(pages, os.DirFS(SamplePages())))
	require.NoError(t, os.MkdirAll(filepath.Join(pages, "build"), 0o755))
	big := strings.Repeat("0123456789abcdef", 1<<18) // 4 MiB
	for name, text := range map[string]string{
		"build/check-0123456789abcdef.wasm": "\x00asm\x01\x00\x00\x00", "build/check.js": "export {}", "big.txt": big,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(pages, name), []byte(text), 0o644))
	}
	w := Start(t, Options{Pages: pages})
	c := w.Client()
	at := "https://" + Host

	t.Run("every answer carries the table of headers", func(t *testing.T) {
		for _, path := range []string{"/", "/checkout", "/upsell", "/thank-you", "/style.css", "/klarna.js", "/nowhere",
			"/checkout.html", "/big.txt"} {
			a := Send(t, c, http.MethodGet, at+path, "")
			for name, want := range security {
				assert.Equal(t, []string{want}, a.Header.Values(name), "%s of %s", name, path)
			}
		}
	})
	t.Run("an unknown page is the 404 page, readable", func(t *testing.T) {
		a := Send(t, c, http.MethodGet, at+"/nowhere", "", "Accept", "text/html")
		assert.Equal(t, http.StatusNotFound, a.Status)
		assert.Contains(t, a.Header.Get("Content-Type"), "text/html")
		assert.Contains(t, a.Body, "</html>")
	})
	t.Run("HEAD says the same as GET, without a body", func(t *testing.T) {
		get, head := Send(t, c, http.MethodGet, at+"/checkout", ""), Send(t, c, http.MethodHead, at+"/checkout", "")
		assert.Equal(t, http.StatusOK, head.Status)
		assert.Empty(t, head.Body)
		assert.Equal(t, get.Header.Get("ETag"), head.Header.Get("ETag"))
		assert.Equal(t, get.Header.Get("Content-Type"), head.Header.Get("Content-Type"))
	})
	t.Run("a page that has not changed is 304", func(t *testing.T) {
		etag := Send(t, c, http.MethodGet, at+"/checkout", "").Header.Get("ETag")
		require.NotEmpty(t, etag)
		a := Send(t, c, http.MethodGet, at+"/checkout", "", "If-None-Match", etag)
		assert.Equal(t, http.StatusNotModified, a.Status)
		assert.Empty(t, a.Body)
		assert.Equal(t, security["Content-Security-Policy"], a.Header.Get("Content-Security-Policy"))
	})
	t.Run("build output with a hash in its name is kept for ever, the rest is asked for again", func(t *testing.T) {
		hashed := Send(t, c, http.MethodGet, at+"/build/check-0123456789abcdef.wasm", "")
		assert.Equal(t, http.StatusOK, hashed.Status)
		assert.Equal(t, "public, max-age=31536000, immutable", hashed.Header.Get("Cache-Control"))
		assert.Equal(t, "*", hashed.Header.Get("Access-Control-Allow-Origin"), "pages on other origins load it too")
		assert.Equal(t, "application/wasm", hashed.Header.Get("Content-Type"))
		for _, path := range []string{"/build/check.js", "/checkout", "/build/check-ffffffffffffffff.wasm"} {
			assert.NotContains(t, Send(t, c, http.MethodGet, at+path, "").Header.Get("Cache-Control"), "immutable", path)
		}
	})
	t.Run("a large file arrives whole", func(t *testing.T) {
		a := Send(t, c, http.MethodGet, at+"/big.txt", "")
		assert.Equal(t, http.StatusOK, a.Status)
		assert.True(t, a.Body == big)
	})
	t.Run("a range is answered with that range, or with the whole", func(t *testing.T) {
		a := Send(t, c, http.MethodGet, at+"/big.txt", "", "Range", "bytes=16-31")
		switch a.Status {
		case http.StatusPartialContent:
			assert.Equal(t, big[16:32], a.Body)
		default:
			assert.Equal(t, http.StatusOK, a.Status)
			assert.Len(t, a.Body, len(big))
		}
	})
	t.Run("pages take no posts", func(t *testing.T) {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
			a := Send(t, c, method, at+"/checkout", "a=1")
			assert.Equal(t, http.StatusMethodNotAllowed, a.Status, method)
			assert.Equal(t, "GET, HEAD", a.Header.Get("Allow"))
			assert.Equal(t, security["Content-Security-Policy"], a.Header.Get("Content-Security-Policy"))
		}
	})
}

func TestHeadersThatTheConfigurationHasASayIn(t *testing.T) {
	t.Parallel()
	lander := map[string]any{
		"campaignId": 12, "forceMerchantId": 7, "products": []int{34}, "upsales": []int{40},
		"pages": map[string]string{"checkout": "/checkout", "upsell": "/upsell", "thankYou": "/thank-you"},
	}
	strict := map[string]any{"hstsIncludeSubDomains": true, "hstsPreload": true}
	for name, value := range lander {
		strict[name] = value
	}
	w := Start(t, Options{Vars: map[string]any{
		"TURNSTILE_SECRET": "1x0000000000000000000000000000000AA",
		"LANDERS":          map[string]any{"*": lander, "strict.example": strict},
	}})
	c := w.Client()
	page := Send(t, c, http.MethodGet, "https://"+Host+"/checkout", "")
	assert.Contains(t, page.Header.Get("Content-Security-Policy"), "script-src 'self' 'wasm-unsafe-eval' "+
		"https://challenges.cloudflare.com; frame-src https://challenges.cloudflare.com;")
	assert.Equal(t, "max-age=31536000", page.Header.Get("Strict-Transport-Security"))
	for _, path := range []string{"/checkout", "/api/nothing"} {
		assert.Equal(t, "max-age=31536000; includeSubDomains; preload",
			Send(t, c, http.MethodGet, "https://strict.example"+path, "").Header.Get("Strict-Transport-Security"), path)
	}
}

func TestPagesAreServedThoughTheConfigurationIsWrong(t *testing.T) {
	t.Parallel()
	w := Start(t, Options{Vars: map[string]any{"KONNEKTIVE_LOGIN_ID": "",
		"LANDERS": map[string]any{"*": map[string]any{"campaignId": "none"}}}})
	c := w.Client()
	page := Send(t, c, http.MethodGet, "https://"+Host+"/checkout", "")
	assert.Equal(t, http.StatusOK, page.Status)
	assert.Equal(t, security["Content-Security-Policy"], page.Header.Get("Content-Security-Policy"))
	order := w.Order(t, "nobody@example.com")
	assert.Equal(t, http.StatusServiceUnavailable, order.Status)
	assert.Equal(t, "misconfigured", order.Envelope(t).Code)
}
