package gate

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// byName finds a host by its name, else the one called "*".
func byName(hosts ...Host) func(string) Host {
	return func(name string) Host {
		var any Host
		for _, h := range hosts {
			if h.Name == name {
				return h
			}
			if h.Name == "*" {
				any = h
			}
		}
		return any
	}
}

func TestDecide(t *testing.T) {
	hosts := []Host{{Name: "*"}, {Name: "old.example", Origin: "https://landers.example"}}
	for _, test := range []struct {
		name, method, url string
		loopback          bool
		want              Verdict
		host              string
	}{
		{"a page over https", "GET", "https://shop.example/checkout", false, Assets, "*"},
		{"the root without a slash", "GET", "https://shop.example", false, Assets, "*"},
		{"a lander hosted elsewhere", "GET", "https://old.example/x", false, Origin, "old.example"},
		{"its host in capitals, with a port and the root's dot", "GET", "HTTPS://OLD.example.:8443/x", false, Origin,
			"old.example"},
		{"a host that merely ends like it", "GET", "https://very.old.example/x", false, Assets, "*"},
		{"the relay", "POST", "https://shop.example/api/order/import/", false, API, "*"},
		{"the relay, on a host with an origin", "POST", "https://old.example/api/order/import/", false, API, "old.example"},
		{"the relay's root", "GET", "https://shop.example/api?x=1", false, API, "*"},
		{"a path that starts with the same letters", "GET", "https://shop.example/apiary", false, Assets, "*"},
		{"a path with api further on", "GET", "https://shop.example/v1/api/x", false, Assets, "*"},
		{"api in the query", "GET", "https://shop.example/?/api/", false, Assets, "*"},
		{"a page over http", "GET", "http://shop.example/checkout", false, Redirect, "*"},
		{"its head over http", "HEAD", "http://shop.example/checkout", false, Redirect, "*"},
		{"a post over http", "POST", "http://shop.example/api/order/import/", false, Refuse, "*"},
		{"a method in small letters", "get", "http://shop.example/", false, Refuse, "*"},
		{"loopback over http", "GET", "http://localhost:8787/", false, Redirect, "*"},
		{"loopback over http, in development", "GET", "http://localhost:8787/", true, Assets, "*"},
		{"a post to loopback, in development", "POST", "http://127.0.0.1/api/order/import/", true, API, "*"},
		{"IPv6 loopback, in development", "GET", "http://[::1]:1/", true, Assets, "*"},
		{"another host, in development", "POST", "http://shop.example/", true, Refuse, "*"},
		{"a private address, in development", "POST", "http://10.0.0.1/api/order/import/", true, Refuse, "*"},
		{"a host that starts like loopback", "POST", "http://127.evil.example/", true, Refuse, "*"},
		{"four names of which the first is loopback's", "POST", "http://127.0.evil.example/", true, Refuse, "*"},
		{"a number that is too long", "POST", "http://127.0.0.0001/", true, Refuse, "*"},
		{"a number that is not there", "POST", "http://127.0..1/", true, Refuse, "*"},
		{"five numbers", "POST", "http://127.0.0.0.1/", true, Refuse, "*"},
		{"loopback as a user name", "POST", "http://localhost@shop.example/", true, Refuse, "*"},
		{"loopback in the path", "POST", `http://shop.example\@localhost/`, true, Refuse, "*"},
		{"an empty user name", "POST", "http://@localhost/", true, Assets, "*"},
		{"no host at all", "POST", "https:///api/x", false, API, "*"},
		{"another scheme on loopback", "GET", "ftp://localhost/", true, Redirect, "*"},
		{"no URL", "GET", "", true, Redirect, "*"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := New(byName(hosts...), test.loopback)
			d := g.Decide(test.method, test.url)
			assert.Equal(t, test.want, d.Verdict)
			assert.Equal(t, test.host, g.Host(d).Name)
		})
	}
}

func TestPathsThatAreTheRelaysWhoeverCleansThem(t *testing.T) {
	g := New(byName(Host{Name: "*", Origin: "https://landers.example"}), false)
	for _, path := range []string{
		"/api", "/api/", "/API/x", "/aPi", "//api/x", "///api", "/./api/x", "/.//api", "/x/../api/x", "/%61pi/x", "/%41PI",
		"/api%2Fx", "/%2fapi", "/%2561pi/x", "/api;x=1/y", `/\api`, `/x\..\api`, "/%5capi", "/%2e/api", "/%2e%2e/api/x",
		"/api%20/x", "/ api/x", "/%09api", "/api%00/x",
		// Windows ignores dots and spaces at a name's end
		"/api.", "/api./x", "/api..", "/api. ./x", "/api%2e", "/api.%20/x", "/x/..%2f/api./y",
		"/api%3f", "/api%3Fx=1", "/api%23/x", "/api%253fx", "/api%00.html", "/api%3b/x",
		"/api/../x", "/%zz/../api", "/../../api",
		`/a\b/..//a\b/..//api`, "/a//..%2fapi", "/x/%2e%2e/y/api", // which of these is /api depends on who reads it
	} {
		assert.Equal(t, API, g.Decide("POST", "https://shop.example"+path).Verdict, path)
	}
	for _, path := range []string{
		"/", "", "/apis", "/x/api", "/x/y/api", "/ap/i", "/a/pi", "/api.php", "/api.php.", "/.api", "/x/api.", "/x%3f/api",
		"/ap%3fi", "/%zzapi", "/x/./api/", "/kapi", "/ąpi", "/%C3%A4pi", "/-/api/../../x",
		"/x%", "/x%2", "/%g1api", "/%0gapi", // what is no escape stays as it is
	} {
		assert.Equal(t, Origin, g.Decide("POST", "https://shop.example"+path).Verdict, path)
	}
}

func TestSecure(t *testing.T) {
	for from, want := range map[string]string{
		"http://shop.example/a%20b?x=%26#frag": "https://shop.example/a%20b?x=%26",
		"http://shop.example":                  "https://shop.example",
		"http://shop.example?x":                "https://shop.example?x",
		"http://shop.example:80/":              "https://shop.example/",
		"http://shop.example:8080/":            "https://shop.example/",
		"http://localhost:8080/":               "https://localhost:8080/",
		"http://shop.example:8443//evil/":      "https://shop.example:8443//evil/",
		"http://user:pass@shop.example/":       "https://shop.example/",
		"http://[::1]:80/x":                    "https://[::1]/x",
	} {
		assert.Equal(t, want, Secure(from), from)
	}
}

func TestHeaders(t *testing.T) {
	g := New(byName(
		Host{Name: "*"}, Host{Name: "strict.example", HSTSIncludeSubDomains: true, HSTSPreload: true},
		Host{Name: "checked.example", Turnstile: true}, Host{Name: "old.example", Origin: "https://landers.example"},
	), true)
	of := func(method, url string) map[string]string {
		list := map[string]string{}
		for _, h := range g.Headers(g.Decide(method, url)) {
			assert.NotContains(t, list, h.Name, "twice")
			list[h.Name] = h.Value
		}
		return list
	}
	t.Run("no answer may run what a stranger writes into it", func(t *testing.T) {
		for _, url := range []string{
			"https://a.example/", "https://strict.example/", "https://checked.example/", "https://old.example/",
			"https://a.example/api/x", "http://a.example/",
		} {
			policy := of("GET", url)["Content-Security-Policy"]
			assert.NotEmpty(t, policy, url)
			assert.NotContains(t, policy, "'unsafe-inline'", url)
			assert.NotContains(t, policy, "'unsafe-eval'", url)
			assert.NotContains(t, policy, "*", url)
			assert.Contains(t, policy, "frame-ancestors", url)
			assert.Equal(t, "nosniff", of("GET", url)["X-Content-Type-Options"], url)
		}
	})
	t.Run("HSTS is for https, and more of it for who asked", func(t *testing.T) {
		assert.Equal(t, "max-age=31536000", of("GET", "https://a.example/")["Strict-Transport-Security"])
		assert.Equal(t, "max-age=31536000", of("GET", "https://a.example/api/")["Strict-Transport-Security"])
		assert.Equal(t, "max-age=31536000; includeSubDomains; preload",
			of("GET", "https://strict.example/")["Strict-Transport-Security"])
		assert.NotContains(t, of("GET", "http://a.example/"), "Strict-Transport-Security")
		assert.NotContains(t, of("GET", "http://localhost/"), "Strict-Transport-Security")
	})
	t.Run("Turnstile's widget may be shown where it is configured", func(t *testing.T) {
		assert.Contains(t, of("GET", "https://checked.example/")["Content-Security-Policy"],
			"script-src 'self' 'wasm-unsafe-eval' https://challenges.cloudflare.com; frame-src https://challenges.cloudflare.com; ")
		assert.NotContains(t, of("GET", "https://a.example/")["Content-Security-Policy"], "cloudflare")
	})
	t.Run("answers of the relay and of the gate are not stored", func(t *testing.T) {
		assert.Equal(t, "no-store", of("GET", "https://a.example/api/health")["Cache-Control"])
		assert.Equal(t, "no-store", of("GET", "http://a.example/")["Cache-Control"])
		assert.NotContains(t, of("GET", "https://a.example/"), "Cache-Control")
	})
}

// Whatever comes in: over plain http nothing passes, and what a cleaner would
// make /api of stays here.
func FuzzDecide(f *testing.F) {
	for _, url := range []string{"https://a.example/api/x", "http://a.example/", "https://a.example/%61pi",
		"http://localhost@a/", `https://a\b/..//api`, "://", "https://a/x/../api"} {
		f.Add("GET", url)
		f.Add("POST", url)
	}
	open, dev := New(byName(Host{Name: "*", Origin: "https://o.example"}), false), New(byName(), true)
	f.Fuzz(func(t *testing.T, method, raw string) {
		d := open.Decide(method, raw)
		_ = open.Headers(d)
		if !strings.HasPrefix(strings.ToLower(raw), "https://") && d.Verdict != Redirect && d.Verdict != Refuse {
			t.Fatalf("%q passed as %d", raw, d.Verdict)
		}
		u, err := url.Parse(raw)
		if err != nil {
			return
		}
		if v := dev.Decide(method, raw).Verdict; v != Redirect && v != Refuse && u.Scheme == "http" {
			switch name := strings.TrimSuffix(strings.ToLower(u.Hostname()), "."); {
			case name == "localhost", name == "::1", strings.HasPrefix(name, "127."):
			default:
				t.Fatalf("%q passed as loopback", raw)
			}
		}
		if u.Scheme == "https" && u.Host != "" && u.User == nil {
			if clean := u.JoinPath().Path; clean == "/api" || strings.HasPrefix(clean, "/api/") {
				if d.Verdict != API {
					t.Fatalf("%q is %q to others and went to the origin", raw, clean)
				}
			}
		}
		if d.Verdict == Redirect && !strings.HasPrefix(Secure(raw), "https://") {
			t.Fatalf("%q leads to %q", raw, Secure(raw))
		}
	})
}

func TestHostsOfOneLanderShareItsPlaceAndStrangersFillNoMemory(t *testing.T) {
	asked := 0
	g := New(func(host string) Host {
		asked++
		if strings.HasSuffix(host, ".brand.example") {
			return Host{Name: "*.brand.example"}
		}
		return Host{}
	}, false)
	first := g.Decide("GET", "https://a.brand.example/")
	assert.Equal(t, first.Host, g.Decide("GET", "https://b.brand.example/").Host)
	assert.Equal(t, "*.brand.example", g.Host(first).Name)
	assert.Equal(t, 2, asked)
	g.Decide("GET", "https://A.brand.example/")
	assert.Equal(t, 2, asked, "a host is looked up once")
	assert.Equal(t, Decision{Verdict: Assets, Secure: true}, g.Decide("GET", "https://stranger.example/"))

	for i := range 3 * maxKnown {
		g.Decide("GET", "https://"+strconv.Itoa(i)+".brand.example/")
	}
	assert.LessOrEqual(t, len(g.known), maxKnown)
	assert.Len(t, g.hosts, 2)
}
