package rules

import (
	"strings"

	"klarna-relay/worker/percent"
)

// MaxTarget is how many characters a page's redirectsTo or errorRedirectsTo may have.
const MaxTarget = 300

// Target says where a page's redirectsTo or errorRedirectsTo sends the shopper after the return: a path on the
// lander's own host, or a URL on one of the origins (scheme, host and port: the lander's own as the shopper sees it
// first, its `origin`, its allowedOrigins). ok is false for anything else, which must not be used: it could be an open
// redirect, or run as a script.
//
// A path under /api is no target, since the browser of a lander with dialect = "konnektive" posts to the target.
func Target(value string, origins ...string) (target string, ok bool) {
	if value = strings.TrimSpace(value); value == "" || len(value) > MaxTarget || !FitsURL(value) {
		return "", false
	}
	path := value
	if value[0] != '/' {
		origin := ""
		if origin, path = cutOrigin(value); origin == "" || !sameOrigin(origin, origins) {
			return "", false
		}
	} else if len(value) > 1 && value[1] == '/' {
		return "", false // another host's
	}
	if reserved(path) {
		return "", false
	}
	return value, true
}

// FitsURL says whether s is visible ASCII that needs no escape in a URL and means the same to every reader of one.
func FitsURL(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7F || strings.IndexByte("\\\"<>^`{|}", c) >= 0 {
			return false
		}
	}
	return true
}

// cutOrigin takes the origin off a URL; it is "" when there is none, or one with credentials in it.
func cutOrigin(url string) (origin, path string) {
	at := strings.Index(url, "://")
	if at < 0 {
		return "", ""
	}
	end := len(url)
	if i := strings.IndexAny(url[at+3:], "/?#"); i >= 0 {
		end = at + 3 + i
	}
	if origin, path = url[:end], url[end:]; strings.IndexByte(origin, '@') >= 0 {
		return "", ""
	}
	return origin, path
}

// sameOrigin compares an origin with some; one of plain http only counts as the first of them, the address that the
// shopper sees: there it is a developer's machine.
func sameOrigin(origin string, origins []string) bool {
	origin = strings.TrimSuffix(lower(origin), ":443")
	for i, other := range origins {
		other = strings.TrimSuffix(lower(strings.TrimSuffix(other, "/")), ":443")
		if origin == other && (i == 0 || strings.HasPrefix(origin, "https://")) {
			return true
		}
	}
	return false
}

// reserved says whether a path is the relay's own, as a browser reads it.
func reserved(path string) bool {
	if at := strings.IndexAny(path, "?#"); at >= 0 {
		path = path[:at]
	}
	path = lower(percent.Decode(path))
	for _, segment := range strings.Split(path, "/") {
		if segment == "." || segment == ".." {
			return true // no page is named so, and what it leads to depends on who reads it
		}
	}
	first, _, _ := strings.Cut(strings.TrimLeft(path, "/"), "/")
	return first == "api"
}
