package gate

import "strings"

// A Header is one line of an answer.
type Header struct{ Name, Value string }

// turnstile is where Cloudflare's bot check comes from, script and frame both.
// https://developers.cloudflare.com/turnstile/reference/content-security-policy/
const turnstile = " https://challenges.cloudflare.com"

// Our own pages. 'wasm-unsafe-eval' lets the browser compile the order check
// and nothing else. form-action has https: because a form that is posted
// without JavaScript is answered 303 to Klarna, and Chromium holds a redirect
// against form-action too.
const (
	pageDefault = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"
	pageRest    = "; style-src 'self'; img-src 'self' data: https:; connect-src 'self'; form-action 'self' https:; " +
		"base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)

// headers is the one table of security headers: who gets which.
var headers = []struct {
	name           string
	assets, origin string
	api, plain     string // plain: the answers to plain http
	onlyWhenSecure bool
	varies         bool // completed by [Host.more]
}{
	{
		name:   "Content-Security-Policy",
		assets: pageDefault,
		// Landers of an origin bring inline scripts and trackers of their own, which our policy would break. So a page
		// without a policy gets only directives that break no page.
		origin: "base-uri 'self'; object-src 'none'; frame-ancestors 'self'",
		api:    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		plain:  "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		varies: true,
	},
	{
		// Over plain http a browser must ignore it, RFC 6797 section 8.1.
		name:   "Strict-Transport-Security",
		assets: "max-age=31536000", origin: "max-age=31536000", api: "max-age=31536000",
		onlyWhenSecure: true,
		varies:         true,
	},
	{name: "X-Content-Type-Options", assets: "nosniff", origin: "nosniff", api: "nosniff", plain: "nosniff"},
	{
		name:   "Referrer-Policy",
		assets: "strict-origin-when-cross-origin", origin: "strict-origin-when-cross-origin",
		api: "strict-origin-when-cross-origin", plain: "no-referrer",
	},
	{
		name:   "Permissions-Policy",
		assets: "camera=(), microphone=(), geolocation=(), usb=(), payment=()",
		origin: "camera=(), microphone=(), geolocation=(), usb=()",
		api:    "camera=(), microphone=(), geolocation=(), usb=(), payment=()",
	},
	{
		name:   "Cross-Origin-Opener-Policy",
		assets: "same-origin",
		origin: "same-origin-allow-popups", // a wallet's pop-up window must still find its opener
		api:    "same-origin",
	},
	{name: "Cache-Control", api: "no-store", plain: "no-store"},
}

// Headers returns the headers that the answer to a request must have. The ones
// it has already are left as they are: a page may be stricter.
func (g *Gate) Headers(d Decision) []Header {
	host := g.Host(d)
	var list []Header
	for _, h := range headers {
		var value string
		switch d.Verdict {
		case Assets:
			value = h.assets
		case Origin:
			value = h.origin
		case API:
			value = h.api
		default:
			value = h.plain
		}
		if value == "" || h.onlyWhenSecure && !d.Secure {
			continue
		}
		if h.varies {
			value += host.more(h.name, d.Verdict)
		}
		list = append(list, Header{h.name, value})
	}
	return list
}

// more completes the two headers that a lander's configuration has a say in.
func (h Host) more(name string, v Verdict) string {
	var b strings.Builder
	switch {
	case name == "Content-Security-Policy" && v == Assets:
		if h.Turnstile {
			b.WriteString(turnstile + "; frame-src" + turnstile)
		}
		b.WriteString(pageRest)
	case name == "Strict-Transport-Security":
		if h.HSTSIncludeSubDomains {
			b.WriteString("; includeSubDomains")
		}
		if h.HSTSPreload {
			b.WriteString("; preload")
		}
	}
	return b.String()
}
