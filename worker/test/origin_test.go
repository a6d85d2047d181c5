//go:build e2e

package test

import (
	"bufio"
	"compress/gzip"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// odd is an origin with odd answers.
func odd(t *testing.T) (address string, released chan struct{}) {
	mux := http.NewServeMux()
	released = make(chan struct{})
	var self *url.URL
	mux.HandleFunc("/", func(w http.ResponseWriter,
		r *http.Request) {
		fmt.Fprintf(w, "<p>%s %s", r.Method, r.RequestURI)
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for name, values := range r.Header {
			w.Header()["Got-"+name] = values
		}
		w.Header().Set("Got-Host", r.Host)
		w.Header().Set("Got-Length", fmt.Sprint(r.ContentLength))
		w.Header().Set("Got-Method", r.Method)
		_, _ = w.Write(body)
	})
	mux.HandleFunc("/redirect/{kind}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", map[string]string{
			"absolute": "http://" + self.Host + "/next?a=1#x", "secure": "https://" + self.Host +
				"/next", "scheme-relative": "//" + self.Host + "/next",
			"path": "/next?a=1", "relative": "next", "elsewhere": "https://pay.example/" + self.Host + "/x", "bare": "http://" +
				self.Host,
			"look-alike": "http://" + self.Hostname() + ".evil.example/", "port otherwise": "http://" + self.Hostname() + ":0" +
				self.Port() + "/next",
		}[r.PathValue("kind")])
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/cookies", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Set-Cookie", "a=1; Path=/; Domain="+self.Hostname()+"; HttpOnly")
		w.Header().Add("Set-Cookie", "b=2, 3; Path=/; Secure; SameSite=Lax; Expires=Wed, 21 Oct 2037 07:28:00 GMT")
		w.Header().Add("Set-Cookie", "c=3; domain=."+Host)
	})
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(w, r, "file.txt", time.Unix(1e9, 0), strings.NewReader("0123456789"))
	})
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write([]byte("squeezed"))
		_ = z.Close()
	})
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		var code int
		_, _ = fmt.Sscan(r.PathValue("code"), &code)
		w.Header().Set("X-Own", "kept")
		w.WriteHeader(code)
		if code != http.StatusNoContent {
			fmt.Fprintf(w, "own page for %d", code)
		}
	})
	mux.HandleFunc("/strict", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'unsafe-inline'")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	})
	mux.HandleFunc("/weak", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		w.Header()["Content-Security-Policy"] = q["csp"]
		w.Header()["Strict-Transport-Security"] = q["hsts"]
		w.Header()["X-Content-Type-Options"] = q["nosniff"]
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "first ")
		w.(http.Flusher).Flush()
		<-released
		fmt.Fprint(w, "second")
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "not a hundred")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/reset", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/socket", func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		digest := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "+
			"Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n\x81\x05hello",
			base64.StdEncoding.EncodeToString(digest[:]))
		_ = rw.Flush()
		frame := make([]byte, 2+4+3)
		if _, err := io.ReadFull(rw, frame); err == nil {
			for i := range 3 {
				frame[6+i] ^= frame[2+i]
			}
			fmt.Fprintf(rw, "\x81\x03%s", frame[6:])
			_ = rw.Flush()
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	self, _ = url.Parse(s.URL)
	return s.URL, released
}

func TestLandersOfAnOriginPassThroughUnchanged(t *testing.T) {
	t.Parallel()
	address, released := odd(t)
	w := Start(t, Options{Vars: map[string]any{"LANDERS": landersAt(address)}})
	c := w.Client()
	at := "https://" + Host
	get := func(t *testing.T, path string, headers ...string) Answer {
		return Send(t, c, http.MethodGet, at+path, "", headers...)
	}

	t.Run("the origin sees the shopper's address and host, whatever the client claims", func(t *testing.T) {
		a := get(t, "/echo", "CF-Connecting-IP", "198.51.100.9", "X-Forwarded-For", "1.2.3.4", "X-Forwarded-Host",
			"evil.example",
			"X-Forwarded-Proto", "http", "X-Real-IP", "1.2.3.4", "Forwarded", "for=1.2.3.4", "Cookie", "session=abc",
			"User-Agent", "Mozilla/5.0 (X; Y, like Z)")
		assert.Equal(t, []string{"198.51.100.9"}, a.Header.Values("Got-X-Forwarded-For"))
		assert.Equal(t, []string{"https"}, a.Header.Values("Got-X-Forwarded-Proto"))
		assert.Equal(t, []string{Host}, a.Header.Values("Got-X-Forwarded-Host"))
		assert.Empty(t, a.Header.Values("Got-X-Real-Ip"))
		assert.Empty(t, a.Header.Values("Got-Forwarded"))
		assert.Equal(t, "session=abc", a.Header.Get("Got-Cookie"))
		assert.Equal(t, "Mozilla/5.0 (X; Y, like Z)", a.Header.Get("Got-User-Agent"))
		assert.Equal(t, strings.TrimPrefix(address, "http://"), a.Header.Get("Got-Host"))
	})
	t.Run("nor does it hear of another address, host, path or method that a client claims", func(t *testing.T) {
		claims := []string{
			"True-Client-IP", "X-Client-IP", "Client-IP", "X-Cluster-Client-IP", "X_Forwarded_For", "X-Forwarded_For",
			"X-Remote-Addr", "X-Originating-IP", "X-Original-URL", "X-Original-Host", "X-Rewrite-URL", "X-HTTP-Method-Override",
			"X-HTTP-Method", "X-Method-Override", "X-Host", "X-HTTP-Host-Override", "X-Forwarded", "X-Forwarded-Server",
			"X-Forwarded-Port", "X-Forwarded-Prefix", "X-URL-Scheme", "Front-End-Https", "Proxy",
		}
		var headers []string
		for _, name := range claims {
			headers = append(headers, name, "/api/order/import/")
		}
		a := get(t, "/echo", append(headers, "X-Requested-With", "XMLHttpRequest")...)
		assert.Equal(t, http.StatusOK, a.Status)
		for name, values := range a.Header {
			if strings.HasPrefix(name, "Got-") {
				assert.NotContains(t, values, "/api/order/import/", name)
			}
		}
		assert.Equal(t, "XMLHttpRequest", a.Header.Get("Got-X-Requested-With"))
	})
	t.Run("a body that comes with GET or HEAD is left out", func(t *testing.T) {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			a := Send(t, c, method, at+"/echo", "a body that means nothing", "Content-Type", "text/plain")
			assert.Equal(t, http.StatusOK, a.Status, method)
			assert.Equal(t, method, a.Header.Get("Got-Method"))
			assert.Contains(t, []string{"0", ""}, a.Header.Get("Got-Length"), method)
		}
		assert.NotContains(t, w.Output(), "origin_unreachable", "and nobody is alarmed")
	})
	t.Run("path and query arrive as they were sent", func(t *testing.T) {
		for _, target := range []string{"/a%20b/c%2Fd?x=%26&y=a+b&z", "/?", "/%C3%A4?q=ä"} {
			want := strings.ReplaceAll(target, "ä", "%C3%A4")
			assert.Equal(t, "<p>GET "+want, get(t, target).Body)
		}
	})
	t.Run("posts arrive with method, type, length and body", func(t *testing.T) {
		a := Send(t, c, http.MethodPost, at+"/echo", "name=value", "Content-Type", Form)
		assert.Equal(t, "name=value", a.Body)
		assert.Equal(t, Form, a.Header.Get("Got-Content-Type"))
		assert.Equal(t, "10", a.Header.Get("Got-Length"))
		assert.Equal(t, http.MethodPost, a.Header.Get("Got-Method"))
	})
	t.Run("redirects to the origin lead to the shop, others where they lead", func(t *testing.T) {
		for kind, want := range map[string]string{
			"absolute": at + "/next?a=1#x", "secure": at + "/next", "scheme-relative": at +
				"/next", "path": "/next?a=1", "relative": "next",
			"bare": at, "elsewhere": "https://pay.example/" + strings.TrimPrefix(address, "http://") + "/x",
			"look-alike": "http://127.0.0.1.evil.example/", "port%20otherwise": at + "/next",
		} {
			a := get(t, "/redirect/"+kind)
			assert.Equal(t, http.StatusFound, a.Status)
			assert.Equal(t, want, a.Header.Get("Location"), kind)
		}
	})
	t.Run("cookies stay apart and belong to the shop", func(t *testing.T) {
		assert.Equal(t, []string{
			"a=1; Path=/; HttpOnly", "b=2, 3; Path=/; Secure; SameSite=Lax; Expires=Wed, 21 Oct 2037 07:28:00 GMT",
			"c=3; domain=." + Host,
		}, get(t, "/cookies").Header.Values("Set-Cookie"))
	})
	t.Run("ranges, HEAD and 304", func(t *testing.T) {
		part := get(t, "/file", "Range", "bytes=2-4")
		assert.Equal(t, http.StatusPartialContent, part.Status)
		assert.Equal(t, "234", part.Body)
		assert.Equal(t, "bytes 2-4/10", part.Header.Get("Content-Range"))
		head := Send(t, c, http.MethodHead, at+"/file", "")
		assert.Equal(t, http.StatusOK, head.Status)
		assert.Empty(t, head.Body)
		assert.Equal(t, "10", head.Header.Get("Content-Length"))
		same := get(t, "/file", "If-None-Match", `"v1"`)
		assert.Equal(t, http.StatusNotModified, same.Status)
		assert.Equal(t, `"v1"`, same.Header.Get("ETag"))
		assert.Equal(t, http.StatusRequestedRangeNotSatisfiable, get(t, "/file", "Range", "bytes=99-").Status)
	})
	t.Run("a compressed page arrives as the client can read it", func(t *testing.T) {
		a := get(t, "/gzip", "Accept-Encoding", "gzip")
		body := a.Body
		if a.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(strings.NewReader(body))
			require.NoError(t, err)
			plain, err := io.ReadAll(z)
			require.NoError(t, err)
			body = string(plain)
		}
		assert.Equal(t, "squeezed", body)
	})
	t.Run("statuses and error pages are the origin's own", func(t *testing.T) {
		for _, code := range []int{200, 201, 204, 299, 400, 401, 404, 410, 418, 429, 499, 500, 502, 503, 504, 520, 599} {
			a := get(t, fmt.Sprintf("/status/%d", code))
			assert.Equal(t, code, a.Status)
			assert.Equal(t, "kept", a.Header.Get("X-Own"), code)
			if code != 204 {
				assert.Equal(t, fmt.Sprintf("own page for %d", code), a.Body)
			}
		}
	})
	t.Run("a page gets the headers that it lacks, and keeps its own", func(t *testing.T) {
		bare := get(t, "/echo")
		assert.Equal(t, "max-age=31536000", bare.Header.Get("Strict-Transport-Security"))
		assert.Equal(t, "nosniff", bare.Header.Get("X-Content-Type-Options"))
		assert.Equal(t, "base-uri 'self'; object-src 'none'; frame-ancestors 'self'",
			bare.Header.Get("Content-Security-Policy"))
		assert.NotEmpty(t, bare.Header.Get("Permissions-Policy"))
		assert.NotEmpty(t, bare.Header.Get("Cross-Origin-Opener-Policy"))
		own := get(t, "/strict")
		assert.Equal(t, []string{"default-src 'none'; script-src 'unsafe-inline'"},
			own.Header.Values("Content-Security-Policy"))
		assert.Equal(t, []string{"no-referrer"}, own.Header.Values("Referrer-Policy"))
		assert.Equal(t, []string{"max-age=63072000; includeSubDomains"}, own.Header.Values("Strict-Transport-Security"))
	})
	t.Run("an origin cannot take the shop's protection away", func(t *testing.T) {
		const policy = "base-uri 'self'; object-src 'none'; frame-ancestors 'self'"
		const forAYear, longer = "max-age=31536000", "max-age=31536001; includeSubDomains"
		for _, given := range []struct{ query, csp, hsts string }{
			{"hsts=max-age%3D0&nosniff=sniff&csp=", policy, forAYear},
			{"hsts=&csp=%20%3B,%3B", policy, forAYear},
			{"hsts=max-age%3D31536000&csp=default-src", "default-src", forAYear},
			{"hsts=max-age%3D99999999%3Bmax-age%3D0", policy, forAYear},
			{"hsts=max-age%3D99999999,%20max-age%3D0", policy, forAYear},
			{"hsts=max-age%3D0&hsts=max-age%3D99999999", policy, forAYear},
			{"hsts=forever", policy, forAYear},
			{"hsts=max-age%3D31536001%3B+includeSubDomains&nosniff=", policy, longer},
		} {
			a := get(t, "/weak?"+given.query)
			assert.Equal(t, []string{given.csp}, a.Header.Values("Content-Security-Policy"), given.query)
			hsts := a.Header.Values("Strict-Transport-Security")
			require.Len(t, hsts, 1, given.query)
			assert.Equal(t, given.hsts, hsts[0], given.query)
			assert.Equal(t, []string{"nosniff"}, a.Header.Values("X-Content-Type-Options"), given.query)
		}
	})
	t.Run("a page is streamed, not gathered", func(t *testing.T) {
		res, err := c.Get(at + "/slow")
		require.NoError(t, err)
		defer res.Body.Close()
		first := make([]byte, 6)
		_, err = io.ReadFull(res.Body, first) // before the origin says more
		require.NoError(t, err)
		assert.Equal(t, "first ", string(first))
		close(released)
		rest, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		assert.Equal(t, "second", string(rest))
	})
	t.Run("an answer that breaks off breaks off", func(t *testing.T) {
		res, err := c.Get(at + "/cut")
		if err == nil {
			defer res.Body.Close()
			_, err = io.ReadAll(res.Body)
		}
		assert.Error(t, err)
	})
	t.Run("an origin that hangs up is a plain 502 page", func(t *testing.T) {
		a := get(t, "/reset", "Accept-Language", "de-AT, en;q=0.5")
		assert.Equal(t, http.StatusBadGateway, a.Status)
		assert.Contains(t, a.Body, `<html lang="de"><title>Diese Seite ist gerade nicht erreichbar</title>`,
			"in the shopper's language")
		assert.Contains(t, a.Header.Get("Content-Type"), "text/html")
		assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
		assert.NotContains(t, a.Body, "127.0.0.1")
		assert.NotEmpty(t, a.Header.Get("Strict-Transport-Security"))
	})
	t.Run("so is one that Cloudflare did not reach", func(t *testing.T) {
		for _, code := range []int{521, 522, 523, 524, 525, 526, 530} {
			a := get(t, fmt.Sprintf("/status/%d", code))
			assert.Equal(t, http.StatusBadGateway, a.Status, code)
			assert.NotContains(t, a.Body, "own page")
		}
	})
	t.Run("and one whose status is none", func(t *testing.T) {
		for _, code := range []int{600, 799, 999} {
			a := get(t, fmt.Sprintf("/status/%d", code))
			assert.Equal(t, http.StatusBadGateway, a.Status, code)
			assert.NotContains(t, a.Body, "own page")
		}
		until(t, "the operator is told", func() bool {
			return strings.Contains(w.Output(),
				"the origin answered with status 600")
		})
		assert.NotContains(t, w.Output(), `"event":"internal"`)
	})
	t.Run("websockets pass, both ways", func(t *testing.T) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
		fmt.Fprintf(conn, "GET /socket HTTP/1.1\r\nHost: %s\r\nMF-Original-URL: %s/socket\r\nUpgrade: "+
			"websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", Host, at)
		r := bufio.NewReader(conn)
		res, err := http.ReadResponse(r, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
		frame := make([]byte, 7)
		_, err = io.ReadFull(r, frame)
		require.NoError(t, err)
		assert.Equal(t, "\x81\x05hello", string(frame))
		_, err = conn.Write([]byte("\x81\x83\x00\x00\x00\x00abc"))
		require.NoError(t, err)
		_, err = io.ReadFull(r, frame[:5])
		require.NoError(t, err)
		assert.Equal(t, "\x81\x03abc", string(frame[:5]))
	})
}

func TestAnOriginThatIsDownIsA502Page(t *testing.T) {
	t.Parallel()
	w := Start(t, Options{Vars: map[string]any{"LANDERS": landersAt(refusing(t))}})
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		a := Send(t, w.Client(), method, "https://"+Host+"/checkout", "")
		assert.Equal(t, http.StatusBadGateway, a.Status, method)
		assert.NotEmpty(t, a.Header.Get("Content-Security-Policy"))
	}
	assert.Equal(t, http.StatusOK, Send(t, w.Client(), http.MethodGet, "https://"+Host+"/api/health", "").Status,
		"the relay does not need it")
}
