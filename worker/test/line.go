//go:build e2e

package test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A line is one shopper's way to the network: a proxy that knows the shop and the hosts of [Shop.Elsewhere], and no
// other. It is the same for every engine, so what happens to requests is decided here and not in the browser: they
// are counted, answered otherwise, cut or kept waiting. Every connection serves one request, since browsers
// silently repeat a request that is cut on a connection that they use again.
type line struct {
	shop    *Shop
	address string // host:port of the proxy

	mu            sync.Mutex
	interceptions []interception
	scripts       []string // run in every page of a shop before its own
	counts        map[string]int
	seen          []string // requests, in order
	reports       []string // what pages' policies have blocked
	said          []string // what consoles have shown, in an engine that does not tell its driver
}

// An interception says what becomes of the requests whose URL fits.
type interception struct {
	url    *regexp.Regexp
	after  bool // the request reaches the server first
	decide func(*http.Request) *cut
}

// A cut ends a request: with an answer, or without one.
type cut struct {
	status int // with this answer; 0: the connection breaks
	body   string
	header map[string]string
}

// The addresses that a line answers by itself, on every host.
const (
	scriptPath  = "/.line/before.js"
	reportPath  = "/.line/blocked"
	consolePath = "/.line/console"
)

func newLine(t testing.TB, shop *Shop) *line {
	t.Helper()
	l := &line{shop: shop, counts: map[string]int{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l.address = listener.Addr().String()
	inner := &queue{conns: make(chan net.Conn), closed: make(chan struct{}), address: listener.Addr()}
	quiet := log.New(io.Discard, "", 0) // shoppers come and go
	secure := &http.Server{Handler: http.HandlerFunc(l.serve), ErrorLog: quiet}
	secure.SetKeepAlivesEnabled(false)
	proxy := &http.Server{ErrorLog: quiet, Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) { l.connect(w, r, inner) })}
	proxy.SetKeepAlivesEnabled(false)
	config := &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	go func() { _ = secure.Serve(tls.NewListener(inner, config)) }()
	go func() { _ = proxy.Serve(listener) }()
	t.Cleanup(func() {
		_ = proxy.Close()
		_ = secure.Close()
	})
	t.Cleanup(func() {
		if t.Failed() {
			l.mu.Lock()
			defer l.mu.Unlock()
			t.Logf("the shopper asked for:\n%s", strings.Join(l.seen, "\n"))
		}
	})
	return l
}

// knows tells whether a host exists.
func (l *line) knows(host string) bool { return host == Host || l.shop.Elsewhere[host] != "" }

// connect is the proxy itself.
func (l *line) connect(w http.ResponseWriter, r *http.Request, inner *queue) {
	if r.Method != http.MethodConnect {
		if r.Host != Host {
			http.Error(w, "no such host", http.StatusBadGateway)
			return
		}
		l.note(r.Method + " " + r.URL.String())
		l.shop.front("http").ServeHTTP(w, r)
		return
	}
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil || port != "443" || !l.knows(host) {
		http.Error(w, "no such host", http.StatusBadGateway)
		return
	}
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		conn.Close()
		return
	}
	inner.add(conn)
}

// serve answers one https request, to whatever host.
func (l *line) serve(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case scriptPath:
		l.mu.Lock()
		defer l.mu.Unlock()
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = io.WriteString(w, strings.Join(l.scripts, "\n;"))
		return
	case reportPath, consolePath:
		body, _ := io.ReadAll(r.Body)
		l.mu.Lock()
		defer l.mu.Unlock()
		if r.URL.Path == reportPath {
			l.reports = append(l.reports, string(body))
		} else {
			l.said = append(l.said, string(body))
		}
		return
	}
	address := "https://" + r.Host + r.URL.RequestURI()
	l.note(r.Method + " " + address)
	l.mu.Lock()
	l.counts[r.URL.RequestURI()]++
	interceptions := l.interceptions
	l.mu.Unlock()
	for _, i := range interceptions {
		if c := i.applies(address, false, r); c != nil {
			c.end(w)
			return
		}
	}
	r.Header.Del("Accept-Encoding") // pages are looked into
	answer := httptest.NewRecorder()
	l.upstream(r.Host).ServeHTTP(answer, r)
	for _, i := range interceptions {
		if c := i.applies(address, true, r); c != nil {
			c.end(w)
			return
		}
	}
	l.pass(w, r, answer)
}

func (i interception) applies(address string, after bool, r *http.Request) *cut {
	if i.after != after || !i.url.MatchString(address) {
		return nil
	}
	return i.decide(r)
}

// end answers, or breaks the connection.
func (c *cut) end(w http.ResponseWriter) {
	if c.status == 0 {
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			if raw, ok := conn.(*tls.Conn).NetConn().(*net.TCPConn); ok {
				_ = raw.SetLinger(0)
			}
			_ = conn.(*tls.Conn).NetConn().Close()
		}
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	for name, value := range c.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(c.status)
	if c.status != http.StatusNoContent {
		_, _ = io.WriteString(w, c.body)
	}
}

// upstream is the server of a host.
func (l *line) upstream(host string) http.Handler {
	if host == Host {
		return l.shop.front("https")
	}
	target := &url.URL{Scheme: "https", Host: l.shop.Elsewhere[host]}
	return &httputil.ReverseProxy{
		Transport: elsewhere,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		ErrorLog:  log.New(io.Discard, "", 0),
	}
}

// elsewhere reaches the servers of [Shop.Elsewhere], whose certificates are self-signed.
var elsewhere = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}

// pass hands an answer on. A page gets the line's scripts, and every policy tells the line what it blocks.
func (l *line) pass(w http.ResponseWriter, r *http.Request, answer *httptest.ResponseRecorder) {
	body := answer.Body.Bytes()
	maps.Copy(w.Header(), answer.Header())
	if policy := w.Header().Get("Content-Security-Policy"); policy != "" {
		w.Header().Set("Content-Security-Policy", policy+"; report-uri "+reportPath)
	}
	l.mu.Lock()
	scripts := len(l.scripts)
	l.mu.Unlock()
	isPage := strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") && !strings.HasPrefix(r.URL.Path, "/api/") &&
		r.Host != KlarnaHost
	if isPage && scripts > 0 {
		body = bytes.Replace(body, []byte("<head>"), []byte(`<head><script src="`+scriptPath+`"></script>`), 1)
		if w.Header().Get("Content-Length") != "" && r.Method != http.MethodHead {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		}
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body)
}

func (l *line) note(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, what)
}

// requested counts the requests for paths with this beginning.
func (l *line) requested(prefix string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for path, times := range l.counts {
		if strings.HasPrefix(path, prefix) {
			n += times
		}
	}
	return n
}

// intercept has decide called for every request whose address matches; * stands for any part of an address. With
// after, the request reaches the server first. The interception that was added last is asked first.
func (l *line) intercept(pattern string, after bool, decide func(*http.Request) *cut) {
	expression := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.interceptions = append([]interception{{expression, after, decide}}, l.interceptions...)
}

// intercepts tells whether requests for an address are interfered with.
func (l *line) intercepts(address string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, i := range l.interceptions {
		if i.url.MatchString(address) {
			return true
		}
	}
	return false
}

// beforePage runs JavaScript in every page of a shop before the page's own.
func (l *line) beforePage(script string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scripts = append(l.scripts, script)
}

func (l *line) console() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.said)
}

// blocked lists what pages' policies have blocked so far.
func (l *line) blocked() (list []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, report := range l.reports {
		var r struct {
			Report struct {
				Document  string `json:"document-uri"`
				Directive string `json:"violated-directive"`
				Blocked   string `json:"blocked-uri"`
			} `json:"csp-report"`
		}
		if err := json.Unmarshal([]byte(report), &r); err != nil {
			list = append(list, report)
			continue
		}
		list = append(list, r.Report.Document+" may not have "+r.Report.Blocked+": "+r.Report.Directive)
	}
	return list
}

// always is an interception that ends every request with this cut.
func always(c cut) func(*http.Request) *cut { return func(*http.Request) *cut { return &c } }

// never is an interception that answers nothing while the shopper waits.
func never(r *http.Request) *cut {
	_, _ = io.Copy(io.Discard, r.Body) // until the body is read, the server does not notice that the shopper has left
	<-r.Context().Done()
	return &cut{}
}

// times is an interception that ends the first n requests and lets the others pass.
func times(n int, c cut) func(*http.Request) *cut {
	var mu sync.Mutex
	return func(*http.Request) *cut {
		mu.Lock()
		defer mu.Unlock()
		if n == 0 {
			return nil
		}
		n--
		return &c
	}
}

// answer imitates an answer of the relay's, where the relay itself cannot be made to give it within a test.
func answer(status int, code, message string, header ...string) cut {
	text, err := json.Marshal(map[string]any{"result": "ERROR", "code": code, "message": message})
	if err != nil {
		panic(err)
	}
	c := cut{status: status, body: string(text), header: map[string]string{}}
	for i := 0; i < len(header); i += 2 {
		c.header[header[i]] = header[i+1]
	}
	return c
}

const orders = "*/api/order/import/*"

// A queue is a listener for connections that are there already.
type queue struct {
	conns   chan net.Conn
	once    sync.Once
	closed  chan struct{}
	address net.Addr
}

func (q *queue) add(conn net.Conn) {
	select {
	case q.conns <- conn:
	case <-q.closed:
		conn.Close()
	}
}

func (q *queue) Accept() (net.Conn, error) {
	select {
	case conn := <-q.conns:
		return conn, nil
	case <-q.closed:
		return nil, net.ErrClosed
	}
}

func (q *queue) Close() error {
	q.once.Do(func() { close(q.closed) })
	return nil
}

func (q *queue) Addr() net.Addr { return q.address }
