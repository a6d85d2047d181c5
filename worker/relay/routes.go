package relay

import (
	"net/http"
	"strings"
)

// A route is one path of the contract. Patterns of http.ServeMux are not used:
// it redirects paths that are not clean, and a redirected POST is a lost order.
type route struct {
	// path has no trailing slash; with a ref it ends in "/", and the ref follows.
	path string
	// name is what the log calls it.
	name    string
	methods []string
	// open routes answer while the configuration has faults.
	open bool
	// navigated routes are where a browser is sent by another site, so that
	// origin rules do not apply: they believe nothing that is posted to them.
	navigated bool
	// limited routes count against the shopper's rate, together with the routes of the same kind. Kind reads has a
	// limit of its own.
	limited string
	serve   func(*Relay, *request) *answer
}

// reads is the kind of routes that ask Konnektive, and order nothing.
const reads = "read"

// checks is the kind of the route that checks an order: a page asks it at every field.
const checks = "check"

// limiter is the rate limiting binding that counts the route.
func (r *route) limiter() string {
	if r.limited == reads || r.limited == checks {
		return "READS"
	}
	return "IMPORTS"
}

var (
	methodsPost = []string{http.MethodPost}
	methodsGet  = []string{http.MethodGet, http.MethodHead}
	methodsBoth = []string{http.MethodGet, http.MethodHead, http.MethodPost}
)

var routes = []route{
	{path: "/api/order/import", name: "order", methods: methodsPost, limited: "order", serve: (*Relay).importOrder},
	{path: "/api/order/check", name: "check", methods: methodsPost, limited: checks, serve: (*Relay).checkOrder},
	{path: "/api/upsale/import", name: "upsale", methods: methodsPost, limited: "order", serve: (*Relay).importUpsale},
	{path: "/api/leads/import", name: "lead", methods: methodsPost, limited: "lead", serve: (*Relay).importLead},
	{path: "/api/landers/clicks/import", name: "click", methods: methodsPost, limited: "click",
		serve: (*Relay).importClick},
	{path: "/api/order/confirm", name: "confirm", methods: methodsPost, limited: "confirm", serve: (*Relay).confirmOrder},
	{path: "/api/order/status/", name: "status", methods: methodsGet, limited: reads, serve: (*Relay).status},
	{path: "/api/campaign/query", name: "campaign", methods: methodsBoth, limited: reads, serve: (*Relay).queryCampaign},
	{path: "/api/klarna/return/", name: "return", methods: methodsBoth, limited: reads, navigated: true,
		serve: (*Relay).comeBack},
	{path: "/api/klarna/failed/", name: "failed", methods: methodsBoth, limited: reads, navigated: true,
		serve: (*Relay).comeBackFailed},
	{path: "/api/klarna/continue/", name: "continue", methods: methodsGet, limited: reads, navigated: true,
		serve: (*Relay).continueAtKlarna},
	{path: "/api/health", name: "health", methods: methodsGet, open: true, navigated: true, serve: (*Relay).health},
	{path: "/api/operator/purchase/", name: "inspect", methods: methodsGet, limited: reads, open: true, navigated: true,
		serve: (*Relay).inspect},
	{path: "/api/operator/books", name: "books", methods: methodsGet, limited: reads, open: true, navigated: true,
		serve: (*Relay).books},
	{path: "/api/preflight", name: "preflight", methods: methodsGet, open: true, navigated: true,
		serve: (*Relay).preflight},
}

// find returns the route of a path, as it was sent, and the ref in it.
func find(path string) (*route, string) {
	path = strings.TrimSuffix(path, "/")
	for i := range routes {
		r := &routes[i]
		if !strings.HasSuffix(r.path, "/") {
			if path == r.path {
				return r, ""
			}
			continue
		}
		if ref, ok := strings.CutPrefix(path, r.path); ok && ref != "" && !strings.Contains(ref, "/") {
			return r, ref
		}
	}
	return nil, ""
}
