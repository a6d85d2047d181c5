//go:build e2e

package test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// A Shop is a Worker behind an edge that speaks TLS, as Cloudflare's does: a
// browser finds it at https://shop.example/ (see [Shop.Browser]).
type Shop struct {
	*Worker
	TLS, Plain string // host:port of the edge
	// Certificate is the edge's own, DER.
	Certificate []byte
	// Elsewhere maps further host names to the host:port of a server that speaks TLS, for every browser.
	Elsewhere map[string]string

	front func(scheme string) http.Handler
}

// Open puts an edge in front of a Worker.
func Open(t testing.TB, w *Worker) *Shop {
	t.Helper()
	target, err := url.Parse(w.URL)
	require.NoError(t, err)
	front := func(scheme string) http.Handler {
		return &httputil.ReverseProxy{
			Transport:     fresh,
			FlushInterval: -1,
			ErrorLog:      log.New(io.Discard, "", 0), // of shoppers who leave
			Rewrite: func(r *httputil.ProxyRequest) {
				overhear(r.Out)
				for name := range r.Out.Header {
					if strings.HasPrefix(name, "Cf-") || strings.HasPrefix(name, "Mf-") {
						r.Out.Header.Del(name)
					}
				}
				r.Out.Header.Set("MF-Original-URL", scheme+"://"+r.In.Host+r.In.URL.RequestURI())
				r.Out.Header.Set("CF-Connecting-IP", "203.0.113.7")
				r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			},
		}
	}
	secure := httptest.NewUnstartedServer(front("https"))
	own := certificate(t)
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{own}}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(front("http"))
	t.Cleanup(plain.Close)
	return &Shop{
		Worker: w, TLS: secure.Listener.Addr().String(), Plain: plain.Listener.Addr().String(),
		Certificate: own.Certificate[0], Elsewhere: map[string]string{}, front: front,
	}
}

// Browser starts a Chromium for which shop.example is this shop, on https and
// http, and no other host exists but loopback and those of Elsewhere. Every
// option after the defaults is passed on.
func (s *Shop) Browser(t testing.TB, options ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	rules := []string{
		fmt.Sprintf("MAP %s:443 %s", Host, s.TLS), fmt.Sprintf("MAP %s:80 %s", Host, s.Plain),
	}
	for name, address := range s.Elsewhere {
		rules = append(rules, fmt.Sprintf("MAP %s %s", name, address))
	}
	rules = append(rules, "MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1", "EXCLUDE localhost")
	all := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)),
		chromedp.NoSandbox,
		chromedp.IgnoreCertErrors,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("no-pings", true),
		chromedp.Flag("host-resolver-rules", strings.Join(rules, ",")),
		chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) { cmd.SysProcAttr = group() }),
	)
	all = append(all, options...)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), all...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx), "Chromium does not start")
	return ctx
}

// Within limits one step in the browser.
func Within(ctx context.Context) context.Context {
	limited, cancel := context.WithTimeout(ctx, patience)
	context.AfterFunc(ctx, cancel)
	time.AfterFunc(patience, cancel)
	return limited
}

func chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{os.Getenv("CHROME"), "chromium", "chromium-browser", "google-chrome",
		"google-chrome-stable"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	require.FailNow(t, "no Chromium found", "`make browsers` installs it; CHROME names one")
	return ""
}

// certificate is a self-signed one for the shop.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: Host}, DNSNames: []string{Host},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
