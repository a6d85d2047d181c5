package relay

import (
	"net/http"
	"strings"

	"klarna-relay/worker/codes"
)

// crossOrigin notes whether the page that calls is on another origin, and
// whether that origin may read the answer.
func (rq *request) crossOrigin() {
	rq.variesByOrigin = len(rq.lander.AllowedOrigins) > 0
	if origin := rq.http.Header.Get("Origin"); origin != "" && !strings.EqualFold(origin, rq.base) &&
		rq.allowedOrigin(origin) {
		rq.corsOrigin = origin
	}
}

func (rq *request) allowedOrigin(origin string) bool {
	for _, allowed := range rq.lander.AllowedOrigins {
		if strings.EqualFold(origin, allowed) {
			return true
		}
	}
	return false
}

// mayCall tells whether the request may come from the page that it comes from. A browser names that page's origin, and
// a page of a foreign site must not order in a shopper's name. A client that is no browser sends no such header, and
// has no shopper's session that could be abused.
func (rq *request) mayCall() bool {
	origin, site := rq.http.Header.Get("Origin"), rq.http.Header.Get("Sec-Fetch-Site")
	switch {
	case origin != "" && rq.allowedOrigin(origin):
		return true
	case origin == "null" && site == "same-origin":
		// A form of a page whose Referrer-Policy is no-referrer. A page without an origin is cross-site.
		// https://fetch.spec.whatwg.org/#append-a-request-origin-header
		return true
	case origin != "" && !strings.EqualFold(origin, rq.base):
		return false
	}
	// No Origin, or this host's own. Both headers have to say so where there are both.
	switch site {
	case "", "same-origin":
		return true
	case "none":
		if origin != "" {
			return true
		}
		// Typed into the address bar: harmless where nothing is ordered.
		return rq.method != http.MethodPost
	}
	return false
}

// options answers a CORS preflight, or says which methods there are.
func (rq *request) options() *answer {
	if !rq.mayCall() {
		return say(codes.Origin)
	}
	a := &answer{
		code: codes.Options, status: http.StatusNoContent, allow: append([]string{http.MethodOptions}, rq.route.methods...),
	}
	if rq.preflight() {
		a.preflight = rq.route.methods
	}
	return a
}

// preflight tells whether the request is a CORS preflight of a page that may read answers.
func (rq *request) preflight() bool {
	return rq.corsOrigin != "" && rq.http.Header.Get("Access-Control-Request-Method") != ""
}
