package edge

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unsafe"

	"klarna-relay/worker/gate"
	"klarna-relay/worker/ledger"
)

// A Relay is what requests and alarms are handed to.
type Relay interface {
	http.Handler
	// Watch takes an alarm of the ledger's, with the record that raised it.
	Watch(ctx context.Context, reading ledger.Reading) bool
	// Look looks at what happened since the last time, on the cron trigger's behalf.
	Look(ctx context.Context) bool
	// TurnedBack takes note of a request that the gate has answered.
	TurnedBack(rawURL, id string, status int)
}

// A Program is what runs in the Worker.
type Program struct {
	// Configure reads variables and secrets by name ("" for those that are
	// not there; what is not text, such as the table LANDERS, comes as JSON)
	// and returns who serves and who decides. late says that the program
	// could not be started before the first request.
	Configure func(get func(name string) string, late bool) (Relay, *gate.Gate)
	// Rehearsal returns who serves the one order that is made before the first request, of which nothing is kept.
	Rehearsal func() Relay
}

// Serve hands every request that the gate calls the relay's to it, and never
// returns. JavaScript has the program configured before the first one.
//
// The request has its absolute URL, the headers listed in instance.mjs with
// their whole values, and the shopper's address as RemoteAddr. Its body is
// asked for by the first Read, so that a request that is refused before costs
// no more than its head; at most 64 KiB and one byte of it arrive. What the
// handler answers is sent in one piece once it returns; a panic is answered
// 500.
func Serve(p Program) {
	prepare(p)
	select {}
}

func prepare(p Program) {
	glue.calls = map[uint32]*call{}
	glue.program = p
	listen(bridge{})
}

// bridge stands between the worker library and the handler.
//
// What the library does for a request takes as long as the whole of the order's rules: some forty crossings, and
// twenty objects that the garbage collector must give back. So the library's request only serves as a carrier, as a
// connection does in HTTP: it has no content of its own, its goroutine serves one request after the other, and it
// ends only when enough other carriers are idle. Without carriers an order takes 13 % more CPU (measured 2026-11-25,
// 4,000 orders).
type bridge struct{}

// carrier is where a waiting goroutine gets its next call.
type carrier chan *call

// maxIdle is how many carriers wait for work at most: two goroutines each.
const maxIdle = 16

func (b bridge) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	// 204 keeps the library's body reader, which would end the program when it
	// is read twice, out of an answer that nobody looks at.
	defer w.WriteHeader(http.StatusNoContent)
	own := make(carrier, 1)
	c := glue.next
	glue.next = nil
	for c != nil {
		b.serve(c)
		if len(glue.idle) >= maxIdle {
			return
		}
		glue.idle = append(glue.idle, own)
		c = <-own
	}
}

func (b bridge) serve(c *call) {
	defer c.over()
	defer func() {
		if p := recover(); p != nil {
			Caught(p)
			if !c.gone {
				hostPanicked(c.id)
			}
		}
	}()
	growStack()
	a := &answer{header: make(http.Header, 8)}
	glue.relay.ServeHTTP(a, c.request().WithContext(context.WithValue(context.Background(), callKey{}, c)))
	a.send(c)
}

// growStack has the goroutine's stack grow once, while there is nothing on it, to what an order needs: a stack that
// grows by doubling is copied each time, frame by frame. Without this an order takes 10 % more CPU (measured
// 2026-11-25, 4,000 orders).
//
//go:noinline
func growStack() {
	var room [9 << 10]byte
	keep(&room)
}

//go:noinline
func keep(*[9 << 10]byte) {}

// request is what JavaScript has handed over: method, URL, address, then name
// and value of each header, separated by NUL.
func (c *call) request() *http.Request {
	rest := c.head
	next := func() (part string) {
		part, rest, _ = strings.Cut(rest, "\x00")
		return part
	}
	method, rawURL, address := next(), next(), next()
	u := verbatim(rawURL)
	if !isPlain(rawURL) {
		if parsed, err := url.Parse(rawURL); err == nil {
			u = parsed
		} // else such as a broken percent escape. No route has one, so the relay answers 404 to the path as it stands.
	}
	header := make(http.Header, 16)
	values := make([]string, 0, 16) // of all headers: each has one
	for rest != "" {
		name := next()
		values = append(values, next())
		n := len(values)
		header[name] = values[n-1 : n : n]
	}
	return &http.Request{
		Method:        method,
		URL:           u,
		Host:          u.Host,
		RemoteAddr:    address,
		Header:        header,
		Body:          &body{call: c},
		ContentLength: -1,
		Proto:         "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
}

// body is the body of a request, which JavaScript reads when it is asked to.
type body struct {
	call *call
	rest string
	err  error // what the next Read says once rest is empty
}

// Read fails when the shopper has hung up.
func (b *body) Read(p []byte) (int, error) {
	if b.err == nil {
		b.rest, b.err = b.fetch()
	}
	n := copy(p, b.rest)
	if b.rest = b.rest[n:]; b.rest != "" {
		return n, nil
	}
	return n, b.err
}

// Whole returns what is left of the body without copying it. It must not be changed.
func (b *body) Whole() ([]byte, error) {
	if b.err == nil {
		b.rest, b.err = b.fetch()
	}
	if b.err != io.EOF {
		return nil, b.err
	}
	rest := b.rest
	b.rest = ""
	return unsafe.Slice(unsafe.StringData(rest), len(rest)), nil
}

// fetch returns the whole body, and what comes after it: [io.EOF], or why there is none.
func (b *body) fetch() (string, error) {
	c := b.call
	if c.body != nil {
		rest := *c.body
		c.body = nil
		return rest, io.EOF
	}
	if c.gone {
		return "", errGone
	}
	hostAsk(c.id, opBody, "")
	r, err := c.wait()
	switch {
	case err != nil:
		return "", err
	case r.status < 0:
		return "", fmt.Errorf("body: %s", r.body)
	}
	return r.body, io.EOF
}

// Close lets go of what was not read.
func (b *body) Close() error {
	b.rest, b.err = "", http.ErrBodyReadAfterClose
	return nil
}

// isPlain tells whether a URL has nothing that would have to be unescaped or refused: [verbatim] then says the same as
// net/url, in a tenth of the time.
func isPlain(rawURL string) bool {
	for i := range len(rawURL) {
		switch c := rawURL[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._:/?&=", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// verbatim takes a URL apart as it stands.
func verbatim(raw string) *url.URL {
	scheme, rest, _ := strings.Cut(raw, "://")
	host, path := rest, "/"
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	path, query, _ := strings.Cut(path, "?")
	return &url.URL{Scheme: scheme, Host: host, Path: path, RawQuery: query}
}

// answer collects what the handler writes.
type answer struct {
	header http.Header
	status int
	body   []byte
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	a.body = append(a.body, p...)
	return len(p), nil
}

// WriteString spares a copy where the handler has a string.
func (a *answer) WriteString(s string) (int, error) {
	a.WriteHeader(http.StatusOK)
	a.body = append(a.body, s...)
	return len(s), nil
}

// send gives the whole answer to JavaScript in one crossing.
func (a *answer) send(c *call) {
	if c.gone {
		return
	}
	head := a.pack()
	hostAnswered(c.id, int32(a.status), unsafe.String(unsafe.SliceData(head), len(head)),
		unsafe.String(unsafe.SliceData(a.body), len(a.body)))
}

// pack returns name and value of each header, separated by NUL.
func (a *answer) pack() []byte {
	a.WriteHeader(http.StatusOK)
	head := make([]byte, 0, 512)
	for name, values := range a.header {
		if len(head) > 0 {
			head = append(head, 0)
		}
		head = append(append(append(head, name...), 0), strings.Join(values, ", ")...)
	}
	return head
}
