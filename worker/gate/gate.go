// Package gate decides, before anything else looks at a request, what kind of
// request it is: the landers', the relay's, or one that came over plain http
// and goes no further. It also holds the one table of security headers.
//
// The scheme is that of the URL the runtime gives, never a header: any client can send any header. Paths are judged
// as they are and never cleaned by redirect, since a redirected POST is a lost order.
//
// The package is pure: no clock, no network, no JavaScript.
package gate

import (
	"strings"
	"sync"

	"klarna-relay/worker/percent"
)

// Verdict says who answers a request.
type Verdict int32

const (
	// Refuse answers 403 https_required: plain http with a method that may
	// carry a body. No Location: a shopper's data must not be sent twice.
	Refuse Verdict = iota
	// Redirect answers 301 to the same address on https.
	Redirect
	// Assets serves the landers of www/.
	Assets
	// Origin serves landers that are hosted elsewhere.
	Origin
	// API is the relay's.
	API
)

// A Host is what the gate needs to know of one lander.
type Host struct {
	Name                  string // the lander's
	Origin                string // scheme and host of landers hosted elsewhere; "": www/
	Turnstile             bool   // the pages show Turnstile's widget
	HSTSIncludeSubDomains bool
	HSTSPreload           bool
}

// A Gate judges requests. Its methods may be called at the same time.
type Gate struct {
	find         func(host string) Host
	loopbackHTTP bool

	mu     sync.Mutex
	hosts  []Host         // [0] is the one for hosts that have no lander
	places map[string]int // name of a lander to hosts
	known  map[string]int // host to hosts, of those that were asked for lately
}

// maxKnown bounds how many hosts a gate remembers: below a wildcard, clients can name any number of them.
const maxKnown = 4096

// New makes a gate for the hosts of landers. find gives the one of a host name (lower case, without a port), the
// zero Host when it has none. It is asked when a host first occurs, and may be nil. With loopbackHTTP, plain http
// is let through on loopback hosts, and only there.
func New(find func(host string) Host, loopbackHTTP bool) *Gate {
	if find == nil {
		find = func(string) Host { return Host{} }
	}
	return &Gate{find: find, loopbackHTTP: loopbackHTTP, hosts: []Host{{}}, places: map[string]int{"": 0},
		known: map[string]int{}}
}

// place is where the host's lander is among hosts.
func (g *Gate) place(name string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i, ok := g.known[name]; ok {
		return i
	}
	name = strings.Clone(name) // what Decide was given may be memory that changes
	h := g.find(name)
	i, ok := g.places[h.Name]
	if !ok {
		i = len(g.hosts)
		g.hosts = append(g.hosts, h)
		g.places[h.Name] = i
	}
	if len(g.known) >= maxKnown {
		clear(g.known)
	}
	g.known[name] = i
	return i
}

// Decision is everything the gate has to say about one request.
type Decision struct {
	Verdict Verdict
	Secure  bool // the request came over https
	Host    int  // for [Gate.Headers] and [Gate.Host]
}

// Decide judges one request by its method and absolute URL.
func (g *Gate) Decide(method, rawURL string) Decision {
	u := split(rawURL)
	name, _ := cutPort(u.host)
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	d := Decision{Secure: u.scheme == "https", Host: g.place(name)}
	switch {
	case !d.Secure && !(g.loopbackHTTP && u.scheme == "http" && loopback(name)):
		if method == "GET" || method == "HEAD" {
			d.Verdict = Redirect
		}
	case reserved(u.path):
		d.Verdict = API
	case g.Host(d).Origin != "":
		d.Verdict = Origin
	default:
		d.Verdict = Assets
	}
	return d
}

// Host returns the lander of a decision.
func (g *Gate) Host(d Decision) Host {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.hosts[d.Host]
}

// Reserved tells whether a URL is the relay's, whatever its scheme.
func Reserved(rawURL string) bool { return reserved(split(rawURL).path) }

// Secure returns the address on https that a plain http URL is redirected to:
// the same host, path and query. A port that Cloudflare serves without TLS is
// left out, for nothing answers https there.
// https://developers.cloudflare.com/fundamentals/reference/network-ports/
func Secure(rawURL string) string {
	u := split(rawURL)
	name, port := cutPort(u.host)
	switch port {
	case "80":
		u.host = name
	case "8080", "8880", "2052", "2082", "2086", "2095":
		if !loopback(name) {
			u.host = name
		}
	}
	return "https://" + u.host + u.rest
}

// address is a URL taken apart without changing a byte of its path.
type address struct {
	scheme string // in lower case
	host   string // with the port, without credentials
	path   string
	rest   string // path and query
}

func split(raw string) address {
	scheme, after, ok := strings.Cut(raw, "://")
	if !ok {
		return address{}
	}
	a := address{scheme: strings.ToLower(scheme)}
	a.host = after
	if i := strings.IndexAny(after, `/?#\`); i >= 0 {
		a.host, a.rest = after[:i], after[i:]
	}
	if i := strings.LastIndexByte(a.host, '@'); i >= 0 {
		a.host = a.host[i+1:]
	}
	a.rest, _, _ = strings.Cut(a.rest, "#")
	a.path, _, _ = strings.Cut(a.rest, "?")
	return a
}

// cutPort splits host:port, [v6]:port and plain hosts.
func cutPort(host string) (name, port string) {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		return host[:i], host[i+1:]
	}
	return host, ""
}

// loopback reports whether a host name can only mean the machine itself. It is not config.IsLoopback, which takes a
// name without brackets and knows names below .localhost and every spelling of an IPv6 address: the gate admits plain
// http by fewer names, in the form that they have in a URL, and needs neither package config nor net/netip for it.
func loopback(name string) bool {
	if name == "localhost" || name == "[::1]" || name == "::1" {
		return true
	}
	// 127.0.0.0/8, but not a host name that only starts like it (127.evil.example).
	parts := strings.Split(name, ".")
	if len(parts) != 4 || parts[0] != "127" {
		return false
	}
	for _, p := range parts[1:] {
		if p == "" || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return true
}

// reserved reports whether a path is the relay's, or would be after somebody
// behind the Worker has cleaned, decoded or lower-cased it. Such a variant of
// /api must not reach a lander's origin: the relay answers it 404 instead.
func reserved(path string) bool {
	// The common case, without an allocation: a clean path that is not /api.
	if readsOneWay(path) {
		return path == "/api" || strings.HasPrefix(path, "/api/")
	}
	// Decoded twice, since %2561pi is what a double decoder makes /api of.
	decoded := strings.ToLower(percent.Decode(percent.Decode(path)))
	decoded = strings.ReplaceAll(decoded, `\`, "/")
	first, climbed := true, false
	for _, segment := range strings.Split(decoded, "/") {
		// ";v=1" is a path parameter to some servers. A decoded "?" or "#"
		// begins a query or a fragment for others, and NUL ends a C string.
		if i := strings.IndexAny(segment, ";?#\x00"); i >= 0 {
			segment = segment[:i]
		}
		switch segment = strings.TrimFunc(segment, blank); {
		case segment == "" || segment == ".":
		case segment == "..":
			// Servers disagree about how far up such a path leads ("a\b/..", "a//.."). The runtime has already removed the
			// ".." segments that have one meaning.
			climbed = true
		case strings.TrimRightFunc(segment, dotOrBlank) == "api": // Windows ignores dots and spaces at a name's end
			if first || climbed {
				return true
			}
		default:
			first = false
		}
	}
	return false
}

func blank(r rune) bool { return r <= ' ' || r == 0x7f }

func dotOrBlank(r rune) bool { return r == '.' || blank(r) }

// readsOneWay reports whether a path reads the same however it is cleaned.
func readsOneWay(path string) bool {
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '%' || c == '\\' || c == ';' || c <= ' ' || c >= 0x7f:
			return false
		case c == '/' && i > 0 && path[i-1] == '/':
			return false
		case c == '.' && (i > 0 && path[i-1] == '/' || i+1 == len(path) || path[i+1] == '/'):
			return false
		case c >= 'A' && c <= 'Z' && i < len("/api/"):
			return false
		}
	}
	return true
}
