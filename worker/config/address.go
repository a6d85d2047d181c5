package config

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"klarna-relay/worker/rules"
)

// parseURL reads an absolute URL that has no credentials, query or fragment: https, or http on a loopback host
// where loopbackHTTP allows it. why says what is wrong with it ("" when nothing is), without repeating any of it.
func parseURL(text string, loopbackHTTP bool) (u *url.URL, why string) {
	if !rules.FitsURL(text) {
		return nil, "it holds a space, a backslash or a character that does not belong in a URL (write foreign host " +
			"names in punycode)"
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Host == "" {
		return nil, "it is not a whole URL like https://shop.example"
	}
	host := u.Hostname()
	switch {
	case u.User != nil:
		return nil, "it holds a user name or password"
	case strings.ContainsAny(text, "?#"):
		return nil, "it holds a query or a fragment (everything from ? or # on)"
	case u.Scheme == "http" && IsLoopback(host) && !loopbackHTTP:
		return nil, "it is http, which only `make dev` allows, and only on a loopback host"
	case u.Scheme != "https" && (u.Scheme != "http" || !IsLoopback(host)):
		return nil, "it does not begin with https://"
	case !validHost(host):
		return nil, "its host is not a host name in small letters"
	case strings.HasSuffix(u.Host, ":") || u.Port() != "" && !validPort(u.Port()):
		return nil, "its port is not a number between 1 and 65535"
	}
	return u, ""
}

// validHost says whether host is a host name in small letters, or an IP address (an IPv6 one without its brackets).
func validHost(host string) bool {
	if strings.IndexByte(host, ':') >= 0 {
		a, err := netip.ParseAddr(host)
		return err == nil && a.Zone() == "" && host == strings.ToLower(host)
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := 0; i < len(label); i++ {
			if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	// A name that ends in a number is read as an IPv4 address by browsers, in forms as odd as "127.1": only the usual
	// form passes.
	if last := labels[len(labels)-1]; last[0] >= '0' && last[0] <= '9' {
		_, err := netip.ParseAddr(host)
		return err == nil
	}
	return len(host) <= 253
}

// IsLoopback says whether a host name without port (an IPv6 address without its brackets) is this machine's own. The
// gate has a check of its own, which admits fewer names (see gate.loopback), and so has the simulator, which must not
// share the relay's mistakes.
func IsLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && port[0] != '0'
}
