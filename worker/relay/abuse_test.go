package relay

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/config"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/simulator"
)

// form posts as a browser without JavaScript does.
func (s *shop) form(path string, body fields) reply { return s.send(s.asForm(path, body)) }

func (s *shop) asForm(path string, body fields) *http.Request {
	values := url.Values{}
	for name, value := range body {
		values.Set(name, value)
	}
	r := httptest.NewRequest(http.MethodPost, "https://"+s.host+path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	r.Header.Set("Origin", "https://"+s.host)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

func TestAFormWithoutJavaScriptGetsPages(t *testing.T) {
	s := open(t)
	first := s.form("/api/order/import/", order())
	assert.Equal(t, http.StatusSeeOther, first.StatusCode)
	assert.Equal(t, s.sim.Sessions()[0].URL, first.Header.Get("Location"))
	again := s.form("/api/order/import/", order())
	assert.Equal(t, first.Header.Get("Location"), again.Header.Get("Location"), "a reload orders once")

	wrong := s.form("/api/order/import/", order().with("city", "", "address1", `"><script>alert(1)</script>`))
	assert.Equal(t, http.StatusUnprocessableEntity, wrong.StatusCode)
	assert.Equal(t, "text/html; charset=utf-8", wrong.Header.Get("Content-Type"))
	assert.Contains(t, wrong.body, "<li><strong>City:</strong> Please enter your town or city.</li>")
	assert.NotContains(t, wrong.body, "<script>")
	assert.Contains(t, wrong.Header.Get("Content-Security-Policy"), "default-src 'none'")

	doubt := s.form("/api/order/import/", order().with("emailAddress", "reset@example.com"))
	assert.Equal(t, http.StatusSeeOther, doubt.StatusCode)
	assert.Regexp(t, `^/thank-you\?ref=[0-9a-f]{64}$`, doubt.Header.Get("Location"))

	for name, value := range map[string]string{"Sec-Fetch-Dest": "empty", "X-Requested-With": "XMLHttpRequest"} {
		script := s.asForm("/api/order/import/", order())
		script.Header.Set(name, value)
		s.expect(s.send(script), 200, "MERC_REDIRECT", "redirect")
	}
	inApp := s.asForm("/api/order/import/", order())
	inApp.Header.Set("X-Requested-With", "com.example.app")
	assert.Equal(t, http.StatusSeeOther, s.send(inApp).StatusCode)

	declined := s.form("/api/order/import/", order().with("emailAddress", "decline@example.com"))
	assert.Equal(t, http.StatusPaymentRequired, declined.StatusCode)
	assert.Contains(t, declined.body, "Klarna did not accept")
}

func TestAFormWithoutJavaScriptGetsAPageWhoeverRefusesIt(t *testing.T) {
	page := func(t *testing.T, got reply, status int, words ...string) {
		t.Helper()
		assert.Equal(t, status, got.StatusCode, got.body)
		assert.Equal(t, "text/html; charset=utf-8", got.Header.Get("Content-Type"))
		for _, word := range words {
			assert.Contains(t, got.body, word)
		}
	}
	t.Run("the limit", func(t *testing.T) {
		s := open(t)
		s.limit = 0
		page(t, s.form("/api/order/import/", order()), http.StatusTooManyRequests, "Your order is not complete",
			"Too many requests")
	})
	t.Run("the origin's rule", func(t *testing.T) {
		s := open(t)
		s.host = otherHost
		r := s.asForm("/api/order/import/", order())
		r.Header.Set("Origin", "https://evil.example")
		page(t, s.send(r), http.StatusForbidden, "This page does not work as it should")
	})
	t.Run("the configuration", func(t *testing.T) {
		vars := settings()
		vars["faulty"], vars[config.NamePassword] = "yes", ""
		s := openWith(t, vars, simulator.Options{})
		page(t, s.form("/api/order/import/", order()), http.StatusServiceUnavailable, "cannot take orders right now")
	})
	t.Run("nobody, since nobody is there", func(t *testing.T) {
		s := open(t)
		page(t, s.form("/api/orders/import/", order()), http.StatusNotFound, "There is nothing at this address.")
	})
	t.Run("its own first press, which is on its way", func(t *testing.T) {
		s := open(t)
		var again reply
		s.sim.SetFault(func(c simulator.Call) simulator.Fault {
			if c.Op == simulator.OpOrder {
				again = s.form("/api/order/import/", order())
			}
			return simulator.Fault{}
		})
		first := s.form("/api/order/import/", order())
		page(t, again, http.StatusConflict, "One moment, please", "Then reload this page")
		assert.Equal(t, http.StatusSeeOther, first.StatusCode)
		assert.Equal(t, first.Header.Get("Location"), s.form("/api/order/import/", order()).Header.Get("Location"),
			"reloaded")
	})
	t.Run("nobody: it was a lead, not an order", func(t *testing.T) {
		s := open(t)
		got := s.form("/api/leads/import/", order())
		page(t, got, http.StatusOK, "Thank you", "Received.")
		assert.NotContains(t, got.body, "not complete")
	})
}

func TestWhoIsNoBrowserIsToldOfAReturnInJSON(t *testing.T) {
	s := open(t)
	nowhere := strings.Repeat("0", 64)
	for _, path := range []string{"/api/klarna/return/", "/api/klarna/failed/", "/api/klarna/continue/"} {
		s.expect(s.get(path+nowhere), 404, "ERROR", "ref_unknown")
		r := httptest.NewRequest(http.MethodGet, "https://shop.example"+path+nowhere, nil)
		r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
		got := s.send(r)
		assert.Equal(t, http.StatusNotFound, got.StatusCode)
		assert.Contains(t, got.body, "<h1>Sorry</h1><p>This order is not known here")
	}
	r := httptest.NewRequest(http.MethodGet, "https://shop.example/api/health", nil)
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	assert.JSONEq(t, `{"status":"ok","version":""}`, s.send(r).body, "an operator's browser, too")
}

func TestPagesOfOthersMayNotOrder(t *testing.T) {
	for _, c := range []struct {
		name, origin, site string
		allowed, cors      bool
	}{
		{"no browser", "", "", true, false},
		{"the lander itself", "https://shop.example", "same-origin", true, false},
		{"the lander itself, in capitals", "https://SHOP.example", "same-origin", true, false},
		{"an allowed origin", "https://pages.example", "cross-site", true, true},
		{"an allowed origin's neighbour", "https://evil.pages.example", "cross-site", false, false},
		{"an origin that begins like an allowed one", "https://pages.example.evil.example", "cross-site", false, false},
		{"an allowed origin over http", "http://pages.example", "cross-site", false, false},
		{"another site", "https://evil.example", "cross-site", false, false},
		{"a sandboxed page", "null", "cross-site", false, false},
		{"the lander itself, by a form of a page that sends no referrer", "null", "same-origin", true, false},
		{"a neighbour's page that sends no referrer", "null", "same-site", false, false},
		{"a page without an origin, reloaded by the shopper", "null", "none", false, false},
		{"a page without an origin in an old browser", "null", "", false, false},
		{"the lander by one header, another site by the other", "https://shop.example", "cross-site", false, false},
		{"the lander by one header, a neighbour by the other", "https://shop.example", "same-site", false, false},
		{"the lander, reloaded by the shopper", "https://shop.example", "none", true, false},
		{"another port", "https://shop.example:8443", "same-site", false, false},
		{"a cross-site request without an origin", "", "cross-site", false, false},
		{"a same-site request without an origin", "", "same-site", false, false},
		{"a navigation from nowhere that posts", "", "none", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			r := s.request(http.MethodPost, "/api/order/import/", "key-00000001", order())
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			if c.site != "" {
				r.Header.Set("Sec-Fetch-Site", c.site)
			}
			got := s.send(r)
			if c.allowed {
				s.expect(got, 200, "MERC_REDIRECT", "redirect")
			} else {
				s.expect(got, 403, "ERROR", "origin_refused")
				assert.Empty(t, s.sim.Calls())
			}
			if c.cors {
				assert.Equal(t, c.origin, got.Header.Get("Access-Control-Allow-Origin"))
			} else {
				assert.Empty(t, got.Header.Get("Access-Control-Allow-Origin"))
			}
			assert.Equal(t, "Origin", got.Header.Get("Vary"))
			assert.Empty(t, got.Header.Get("Access-Control-Allow-Credentials"))
		})
	}
}

func TestACORSPreflightIsAnsweredForAllowedOriginsOnly(t *testing.T) {
	s := open(t)
	ask := func(origin string) reply {
		r := httptest.NewRequest(http.MethodOptions, "https://shop.example/api/order/import/", nil)
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Access-Control-Request-Headers", "content-type,idempotency-key")
		return s.send(r)
	}
	yes := ask("https://pages.example")
	assert.Equal(t, http.StatusNoContent, yes.StatusCode)
	assert.Equal(t, "https://pages.example", yes.Header.Get("Access-Control-Allow-Origin"))
	assert.Equal(t, "POST", yes.Header.Get("Access-Control-Allow-Methods"))
	assert.Contains(t, yes.Header.Get("Access-Control-Allow-Headers"), "Idempotency-Key")
	assert.Empty(t, yes.body)
	assert.Contains(t, s.logs[0], `"status":204,"code":"options"`)
	assert.Equal(t, http.StatusForbidden, ask("https://evil.example").StatusCode)
	own := ask("https://shop.example")
	assert.Equal(t, http.StatusNoContent, own.StatusCode, "the lander needs no permission")
	assert.Empty(t, own.Header.Get("Access-Control-Allow-Origin"))
}

func TestMethodsAndPaths(t *testing.T) {
	s := open(t)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/api/order/import/", 405, "POST"},
		{"PUT", "/api/order/import", 405, "POST"},
		{"DELETE", "/api/order/status/abc", 405, "GET, HEAD"},
		{"PUT", "/api/klarna/return/abc", 405, "GET, HEAD, POST"},
		{"OPTIONS", "/api/order/import/", 204, "OPTIONS, POST"},
		{"OPTIONS", "/api/klarna/return/" + strings.Repeat("a", 64), 204, "OPTIONS, GET, HEAD, POST"},
		{"GET", "/api/", 404, ""},
		{"GET", "/api/order", 404, ""},
		{"POST", "/api/order/import//", 404, ""},
		{"POST", "/api//order/import/", 404, ""},
		{"POST", "/api/../api/order/import/", 404, ""},
		{"POST", "/api/order/./import/", 404, ""},
		{"POST", "/api/%6frder/import/", 404, ""},
		{"POST", "/API/order/import/", 404, ""},
		{"POST", "/api/order/query/", 404, ""},
		{"POST", "/api/order/refund/", 404, ""},
		{"POST", "/api/campaign/refund/", 404, ""},
		{"GET", "/api/order/status/", 404, ""},
		{"GET", "/api/order/status/a/b", 404, ""},
		{"GET", "/api/order/status/..%2f..%2fhealth", 404, ""},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			r := httptest.NewRequest(c.method, "https://shop.example"+c.path, nil)
			got := s.send(r)
			assert.Equal(t, c.status, got.StatusCode, got.body)
			assert.Equal(t, c.allow, got.Header.Get("Allow"))
		})
	}
	assert.Empty(t, s.sim.Calls())
	assert.Equal(t, http.StatusOK, s.send(httptest.NewRequest(http.MethodHead, "https://shop.example/api/health",
		nil)).StatusCode)
}

func TestBodiesThatAreNoOrderAreRefusedByName(t *testing.T) {
	s := open(t)
	for _, c := range []struct {
		name, contentType, body string
		status                  int
		code                    string
	}{
		{"no type", "", "{}", 415, "unsupported_type"},
		{"a multipart form without a boundary", "multipart/form-data", "--x--", 415, "unsupported_type"},
		{"a file", "multipart/form-data; boundary=x",
			"--x\r\nContent-Disposition: form-data; name=\"firstName\"; filename=\"a\"\r\n\r\na\r\n--x--", 415,
			"unsupported_type"},
		{"another charset", "application/json; charset=latin1", "{}", 415, "unsupported_type"},
		{"no JSON", "application/json", "{", 400, "malformed"},
		{"an array", "application/json", "[]", 400, "malformed"},
		{"nothing", "application/json", "", 400, "malformed"},
		{"a nested object", "application/json", `{"firstName":{"a":1}}`, 400, "malformed"},
		{"a field named twice", "application/json", `{"firstName":"a","firstName":"b"}`, 400, "malformed"},
		{"a form field named twice", "application/x-www-form-urlencoded", "firstName=a&firstName=b", 400, "malformed"},
		{"a broken escape", "application/x-www-form-urlencoded", "firstName=%zz", 400, "malformed"},
		{"too much", "application/json", `{"custom1":"` + strings.Repeat("a", 64<<10) + `"}`, 413, "too_large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "https://shop.example/api/order/import/", strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.contentType)
			got := s.send(r)
			s.expect(got, c.status, "ERROR", c.code)
			if strings.Contains(c.body, "firstName") {
				assert.Contains(t, got.body, "firstName")
			}
		})
	}
	assert.Empty(t, s.sim.Calls())
	assert.Zero(t, s.store.Len())
}

func TestTheNameOfAFieldThatCannotBeReadIsShownToItsSenderAndNotLogged(t *testing.T) {
	for name, s := range map[string]*shop{"plain": open(t), "dialect": openWith(t, dialectSettings(),
		simulator.Options{})} {
		for _, field := range []string{"größe", "a$b", "a:b", "zoe@example.com", "<img src=x>"} {
			form := url.QueryEscape(field) + "=1&" + url.QueryEscape(field) + "=2"
			got := s.send(s.raw("application/x-www-form-urlencoded", form))
			var answer struct {
				Message  string
				Problems map[string]any
			}
			require.NoError(t, json.Unmarshal([]byte(got.body), &answer), name)
			assert.Contains(t, answer.Message, field+" was sent twice", name)
			assert.Contains(t, answer.Problems, field, name)
			assert.NotContains(t, got.body, "<", name)

			browser := s.raw("application/x-www-form-urlencoded", form)
			browser.Header.Set("Accept", "text/html")
			got = s.send(browser)
			assert.Contains(t, got.body, "<main>", name)
			assert.NotContains(t, got.body, "<img", name)
		}
		for _, line := range s.logs {
			assert.NotRegexp(t, `größe|a\$b|a:b|zoe|img`, line, name)
		}
	}
}

func TestABadIdempotencyKeyIsNamed(t *testing.T) {
	s := open(t)
	for _, key := range []string{"short", strings.Repeat("x", 129), "with space", "ümlaut-key"} {
		got := s.order(key, order())
		s.expect(got, 422, "ERROR", "invalid")
		assert.Contains(t, got.fields(), "Idempotency-Key")
	}
	assert.Empty(t, s.sim.Calls())
}

func TestTheRateLimitCountsByShopperAndCostsNoCall(t *testing.T) {
	s := open(t)
	s.limit = 1
	s.expect(s.order("key-00000001", order()), 200, "MERC_REDIRECT", "redirect")
	calls := len(s.sim.Calls())
	limited := s.order("key-00000001", order())
	s.expect(limited, 429, "ERROR", "rate_limited")
	assert.NotEmpty(t, limited.Header.Get("Retry-After"))
	assert.Len(t, s.sim.Calls(), calls)

	for address, key := range map[string]string{
		"203.0.113.7": "203.0.113.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::1": "2001:db8:1:2::/64",
		"::ffff:203.0.113.7": "203.0.113.7", "fe80::1%eth0": "fe80::/64", "odd": "odd",
	} {
		assert.Equal(t, key, (&request{address: address}).addressKey(), address)
	}
}

func TestALimiterThatIsDownCostsNoSale(t *testing.T) {
	s := open(t)
	s.relay.platform.Limit = func(context.Context, string, string) (bool, error) { return false, assert.AnError }
	s.expect(s.order("key-00000001", order()), 200, "MERC_REDIRECT", "redirect")
}

func TestAFaultyConfigurationIsSaidToTheOperatorOnly(t *testing.T) {
	vars := settings()
	vars["faulty"] = "yes"
	vars[config.NamePassword] = ""
	s := openWith(t, vars, simulator.Options{})
	got := s.order("key-00000001", order())
	s.expect(got, 503, "ERROR", "misconfigured")
	assert.NotContains(t, got.body, "password")
	health := s.get("/api/health")
	assert.Equal(t, http.StatusServiceUnavailable, health.StatusCode)
	assert.Contains(t, health.body, "password_missing")

	r := httptest.NewRequest(http.MethodGet, "https://shop.example/api/preflight", nil)
	r.Header.Set("Authorization", "Bearer "+adminToken)
	assert.Contains(t, s.send(r).body, "password_missing")
	assert.Empty(t, s.sim.Calls())
}

func TestHealthAndPreflight(t *testing.T) {
	s := open(t)
	assert.JSONEq(t, `{"status":"ok","version":""}`, s.get("/api/health").body)

	assert.Equal(t, http.StatusUnauthorized, s.get("/api/preflight").StatusCode)
	ask := func(authorization string) reply {
		r := httptest.NewRequest(http.MethodGet, "https://shop.example/api/preflight", nil)
		r.Header.Set("Authorization", authorization)
		return s.send(r)
	}
	assert.Equal(t, http.StatusUnauthorized, ask("Bearer wrong").StatusCode)
	assert.Equal(t, http.StatusUnauthorized, ask(adminToken).StatusCode)
	assert.Equal(t, http.StatusUnauthorized, ask("Basic "+adminToken).StatusCode)
	assert.Equal(t, http.StatusUnauthorized, ask("Bearer  "+adminToken).StatusCode)
	assert.Empty(t, s.sim.Calls())
	good := ask("Bearer " + adminToken)
	assert.Equal(t, http.StatusOK, good.StatusCode)
	assert.Contains(t, good.body, `"checks":[`)
	assert.NotContains(t, good.body, `"level":"fail"`)
	assert.Contains(t, s.logs[len(s.logs)-1],
		`"route":"preflight","status":200,"code":"accepted","konnektive":"SUCCESS","calls":1`)
	assert.Equal(t, http.StatusOK, ask("bearer "+adminToken).StatusCode)
	s.sim.Set(func(set *simulator.Settings) { set.RefusedAddress = "203.0.113.99" })
	bad := ask("Bearer " + adminToken)
	assert.Contains(t, bad.body, "203.0.113.99", "the operator is told which address was refused")
	assert.Contains(t, s.logs[len(s.logs)-1], `"konnektive":"ERROR","calls":1`)

	vars := settings()
	delete(vars, config.NameAdminToken)
	s.relay = s.start(vars, s.sim, s.store)
	assert.Equal(t, http.StatusNotFound, ask("Bearer ").StatusCode)

	calls := len(s.sim.Calls())
	vars = settings()
	vars[config.NameLanders] = `{"other.example":{"campaignId":12,"forceMerchantId":7,"products":[34]}}`
	s.relay = s.start(vars, s.sim, s.store)
	nobody := ask("Bearer " + adminToken)
	assert.Contains(t, nobody.body, `{"lander":"shop.example","level":"fail","checks":[{"check":"lander_missing","level":"fail","text":"LANDERS.\"shop.example\""`)
	health := s.get("/api/health")
	assert.Equal(t, http.StatusServiceUnavailable, health.StatusCode, "a monitor is not told that all is well")
	assert.JSONEq(t, `{"status":"misconfigured","faults":["lander_missing"],"version":""}`, health.body)
	s.host = "other.example"
	assert.JSONEq(t, `{"status":"ok","version":""}`, s.get("/api/health").body)
	assert.Len(t, s.sim.Calls(), calls, "a campaign without a number is not asked for")
}

func TestTheScriptOfARedirectRunsOnAPageOfItsOwn(t *testing.T) {
	s := openWith(t, settings(), simulator.Options{Settings: simulator.Settings{Redirect: simulator.RedirectOddScript}})
	first := s.order("key-00000001", order())
	s.expect(first, 200, "MERC_REDIRECT", "redirect")
	require.Regexp(t, "^https://shop.example/api/klarna/continue/"+first.Ref+"[0-9a-f]{32}$", first.url())
	path := strings.TrimPrefix(first.url(), "https://shop.example")
	assert.Equal(t, http.StatusNotFound, s.get("/api/klarna/continue/"+first.Ref).StatusCode,
		"the ref, which stands in addresses, opens nothing")
	page := s.get(path)
	assert.Equal(t, http.StatusOK, page.StatusCode)
	policy := page.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'nonce-", "frame-src https:", "form-action https:",
		"sandbox allow-scripts"} {
		assert.Contains(t, policy, part)
	}
	assert.NotContains(t, policy, "unsafe")
	assert.NotContains(t, policy, "allow-same-origin")
	assert.Equal(t, 2, strings.Count(page.body, "<script")+strings.Count(page.body, "</script"),
		"nothing in the script ends its element")
	assert.NotEqual(t, policy, s.get(path).Header.Get("Content-Security-Policy"), "a nonce is used once")

	embedded := httptest.NewRequest(http.MethodGet, first.url(), nil)
	embedded.Header.Set("Sec-Fetch-Dest", "iframe")
	assert.Equal(t, http.StatusForbidden, s.send(embedded).StatusCode)
	assert.Equal(t, http.StatusNotFound, s.get("/api/klarna/continue/"+strings.Repeat("0", 64)).StatusCode)
	s.pass(25 * time.Hour)
	assert.Equal(t, "/thank-you?ref="+first.Ref, s.get(path).Header.Get("Location"))
}

// siteverify stands for Turnstile, in front of the simulated Konnektive.
type siteverify struct {
	konnektive.Transport
	asked  []url.Values
	answer string
}

func (v *siteverify) Post(ctx context.Context, to, form string, timeout time.Duration) (int, string, error) {
	if to != "https://turnstile.example/siteverify" {
		return v.Transport.Post(ctx, to, form, timeout)
	}
	values, _ := url.ParseQuery(form)
	v.asked = append(v.asked, values)
	if v.answer == "" {
		return 0, "", assert.AnError
	}
	return 200, v.answer, nil
}

func TestTheBotCheck(t *testing.T) {
	vars := settings()
	vars[config.NameTurnstileSecret] = "turnstile-secret"
	vars[config.NameTurnstileURL] = "https://turnstile.example/siteverify"
	for _, c := range []struct {
		name, token, answer string
		passes              bool
	}{
		{"a good token", "t", `{"success":true,"hostname":"shop.example","action":"order"}`, true},
		{"no token", "", `{"success":true,"hostname":"shop.example","action":"order"}`, false},
		{"a refused token", "t", `{"success":false,"error-codes":["timeout-or-duplicate"]}`, false},
		{"a token of an allowed origin's host", "t", `{"success":true,"hostname":"pages.example","action":"order"}`, true},
		{"a token of an allowed origin's host, in another spelling", "t", `{"success":true,"hostname":"Pages.Example"}`, true},
		{"a token of a host beneath an allowed origin's", "t", `{"success":true,"hostname":"x.pages.example","action":"order"}`, false},
		{"a token that names no host", "t", `{"success":true,"action":"order"}`, false},
		{"a token of another host", "t", `{"success":true,"hostname":"evil.example","action":"order"}`, false},
		{"a token of another action", "t", `{"success":true,"hostname":"shop.example","action":"login"}`, false},
		{"success that is not true", "t", `{"success":"true","hostname":"shop.example"}`, false},
		{"no answer", "t", "", false},
		{"an answer that is not JSON", "t", "<html>", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openWith(t, vars, simulator.Options{})
			check := &siteverify{Transport: s.sim, answer: c.answer}
			s.relay = s.start(vars, check, s.store)
			got := s.order("key-00000001", order().with("cf-turnstile-response", c.token))
			if !c.passes {
				s.expect(got, 403, "ERROR", "challenge_failed")
				assert.Empty(t, s.sim.Calls(), "a refused request costs no call")
				check.answer = `{"success":true,"hostname":"shop.example","action":"order"}`
				s.expect(s.order("key-00000001", order().with("cf-turnstile-response", "fresh")), 200, "MERC_REDIRECT", "redirect")
				return
			}
			s.expect(got, 200, "MERC_REDIRECT", "redirect")
			require.Len(t, check.asked, 1)
			assert.Equal(t, url.Values{"secret": {"turnstile-secret"}, "response": {"t"}, "remoteip": {s.address}},
				check.asked[0])
			assert.NotContains(t, s.sim.Orders()[0].Fields, "cf-turnstile-response")
			s.expect(s.order("key-00000001", order().with("cf-turnstile-response", "t")), 200, "MERC_REDIRECT", "redirect")
			assert.Len(t, check.asked, 1, "a repeat needs no second token")
		})
	}
}

func TestTheLogNamesNoShopperAndNoSecret(t *testing.T) {
	s := open(t)
	body := order().with("custom1", "a private note", "firstName", "Zoëanna", "sourceValue1", "click-id-1")
	ref := s.paidOrder("key-00000001", body)
	s.order("key-00000002", body.with("city", "", "zip_"+body["emailAddress"], "x"))
	s.order("key-00000003", body.with("emailAddress", "decline@example.com"))
	s.status(ref)
	s.get("/api/klarna/failed/" + ref + "?errorMsg=very+private+text")
	s.get("/api/order/status/what+a+shopper+typed")
	s.order("key-00000004", body.with("ref", strings.Repeat("typed words ", 6)))
	all := strings.Join(s.logs, "\n")
	assert.Contains(t, s.logs[0], `"orderId":"`+s.sim.Orders()[0].ID+`"`, "by which support finds the order")
	secrets := []string{login, password, adminToken, s.address, "Mozilla", "very private", "very+private", ref, "typed"}
	for name, value := range body {
		if !strings.HasPrefix(name, "product") && name != "billShipSame" && name != "country" {
			secrets = append(secrets, value)
		}
	}
	for _, secret := range secrets {
		assert.NotContains(t, all, secret)
	}
	for _, line := range s.logs {
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
		for _, name := range []string{"time", "requestId", "lander", "route", "status", "code", "upstreamMs", "totalMs"} {
			assert.Contains(t, entry, name)
		}
	}
}

func TestARequestThatTheGateAnsweredHasItsLineWhenItWasMeantForTheRelay(t *testing.T) {
	for _, c := range []struct {
		name, url string
		status    int
		want      string
	}{
		{"an order", "http://SHOP.example:80/api/order/import/?a=b", 403,
			`"lander":"shop.example","route":"order","status":403,"code":"https_required"`},
		{"a return", "http://shop.example/api/klarna/return/" + strings.Repeat("0123456789abcdef", 6), 301,
			`"route":"return","status":301,"code":"https_required","calls":0,"upstreamMs":0,"totalMs":0,"ref":"01234567"`},
		{"no path of the relay's", "http://shop.example/API/%zz", 403, `"route":"none"`},
		{"a page", "http://shop.example/checkout", 301, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			s.relay.TurnedBack(c.url, "request-1", c.status)
			if c.want == "" {
				assert.Empty(t, s.logs)
				return
			}
			require.Len(t, s.logs, 1)
			assert.Contains(t, s.logs[0], `"requestId":"request-1"`)
			assert.Contains(t, s.logs[0], c.want)
		})
	}
}

func TestAPanicIsAFaultOfOursAndSaysNothing(t *testing.T) {
	s := open(t)
	s.relay.platform.Store = nil
	got := s.order("key-00000001", order())
	s.expect(got, 500, "ERROR", "internal")
	assert.NotContains(t, got.body, "nil")
	assert.Equal(t, 1, s.panics, "the operator is told")
}
