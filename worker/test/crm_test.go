//go:build e2e

package test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// brokenCRM answers leads as Konnektive does, and does something else with
// every other call's connection.
type brokenCRM struct {
	then   func(conn net.Conn)
	silent bool          // says no more, and keeps the connection until the test is over
	over   chan struct{} // closed then
	mu     sync.Mutex
	seen   []string // heads of the requests
}

func (b *brokenCRM) start(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	b.over = make(chan struct{})
	t.Cleanup(func() { l.Close() })
	t.Cleanup(func() { close(b.over) })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go b.serve(conn)
		}
	}()
	return "http://" + l.Addr().String()
}

func (b *brokenCRM) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		b.seen = append(b.seen, fmt.Sprintf("%s %s length=%d te=%v type=%s body=%d", r.Method, r.URL, r.ContentLength,
			r.TransferEncoding, r.Header.Get("Content-Type"), len(body)))
		b.mu.Unlock()
		if r.URL.Path != "/leads/import/" {
			b.then(conn)
			if b.silent {
				<-b.over
			}
			return
		}
		answer := `{"result":"SUCCESS","message":{"orderId":"63A9FBD226","orderStatus":"PARTIAL"}}`
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer)
	}
}

func (b *brokenCRM) calls(path string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.seen {
		if strings.Contains(s, path) {
			n++
		}
	}
	return n
}

func reset(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

func TestAnImportThatMayHaveLeftIsUnknownAndIsNotSentAgain(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]func(net.Conn){
		"the connection is reset":   reset,
		"the connection is closed":  func(conn net.Conn) { conn.Close() },
		"the answer never comes":    func(net.Conn) {},
		"half of the answer's head": func(conn net.Conn) { fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Le"); reset(conn) },
		"half of the answer's body": func(conn net.Conn) {
			fmt.Fprint(conn,
				"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"result\":")
		},
		"the body never ends": func(conn net.Conn) {
			fmt.Fprint(conn,
				"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")
		},
		"not HTTP": func(conn net.Conn) { fmt.Fprint(conn, "SSH-2.0-OpenSSH_9.2\r\n") },
		"an answer larger than any": func(conn net.Conn) {
			fmt.Fprint(conn,
				"HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat(" ", 2<<20))
		},
		"a large answer of known length": func(conn net.Conn) {
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", 2<<20, strings.Repeat(" ", 2<<20))
		},
		"a redirect, which is not followed": func(conn net.Conn) {
			fmt.Fprint(conn, "HTTP/1.1 307 Temporary Redirect\r\nLocation: /order/import/again/\r\nContent-Length: 0\r\n\r\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crm := &brokenCRM{then: then, silent: strings.Contains(name, "never")}
			vars := map[string]any{}
			if crm.silent {
				vars["KONNEKTIVE_TIMEOUT_MS"] = "5000" // the lead before the import is answered at once, however busy the machine
			}
			w := Start(t, Options{KonnektiveURL: crm.start(t), Vars: vars})
			for range 2 {
				a := w.Order(t, "doubt@example.com")
				assert.Equal(t, http.StatusAccepted, a.Status, a.Body)
				assert.Equal(t, "unknown", a.Envelope(t).Code)
			}
			assert.Equal(t, 1, crm.calls("/order/import/"), "%v", crm.seen)
		})
	}
}

func TestTheRelayPostsAsKonnektiveWantsIt(t *testing.T) {
	t.Parallel()
	crm := &brokenCRM{then: reset}
	w := Start(t, Options{KonnektiveURL: crm.start(t)})
	w.Order(t, "shape@example.com")
	require.NotEmpty(t, crm.seen)
	for _, head := range crm.seen {
		assert.Regexp(t, `^POST /[a-z/]+/ length=([1-9]\d*) te=\[\] type=application/x-www-form-urlencoded body=\d+$`, head)
	}
}

func TestAKonnektiveThatIsNotThereMeansThatNothingWasOrdered(t *testing.T) {
	t.Parallel()
	w := Start(t, Options{KonnektiveURL: refusing(t)})
	a := w.Order(t, "refused@example.com")
	assert.Equal(t, http.StatusServiceUnavailable, a.Status, a.Body)
	assert.Equal(t, "upstream_unreachable", a.Envelope(t).Code)
	assert.NotEmpty(t, a.Header.Get("Retry-After"))
}
