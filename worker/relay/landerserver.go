package relay

import (
	"net/http"
	"net/netip"
	"strings"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/rules"
)

// mayBeServer tells whether the request can be one of a lander's own server: such are allowed, and no browser says
// that it comes from a page of this shop.
func (rl *Relay) mayBeServer(rq *request) bool {
	if rl.config.ServerPassword == "" || rq.method != http.MethodPost || rq.route.navigated {
		return false
	}
	header := rq.http.Header
	return header.Get("Origin") == "" && header.Get("Sec-Fetch-Site") == "" || !rq.mayCall()
}

// fromServer finds out whether the request is one of a lander's own server, which proves itself by the password
// among the fields. Then the shopper's address and browser are what it says, and the rules for browsers do not
// count. The body has to be read for it before the rate is judged: a server's rate is that of each of its shoppers. A
// body that cannot be read is no server's, and is refused by its route.
func (rl *Relay) fromServer(rq *request) *answer {
	in, _, ok := rq.fields()
	password := in["password"]
	if !ok || rules.Absent(password) {
		return nil
	}
	if !same(password, rl.config.ServerPassword) {
		a := rl.wrong(rq, "password")
		if a.code == codes.Unauthorized {
			a.detail = unauthorizedText
		}
		return a
	}
	if rq.route.name == "campaign" && rules.Absent(in["ipAddress"]) {
		rq.server = true // it asks for itself, not for a shopper
		return nil
	}
	address, err := netip.ParseAddr(strings.TrimSpace(in["ipAddress"]))
	if err != nil {
		code := rules.NotOneOf
		if rules.Absent(in["ipAddress"]) {
			code = rules.Required
		}
		return rq.refuse(rules.Problems{rules.NewProblem("ipAddress", code, "the shopper's IPv4 or IPv6 address")})
	}
	rq.server = true
	rq.address = address.Unmap().WithZone("").String()
	rq.userAgent = ""
	if agent := in["userAgent"]; !rules.Absent(agent) && visible(strings.ReplaceAll(agent, " ", "")) {
		rq.userAgent = cut(agent, 300)
	}
	return nil
}
