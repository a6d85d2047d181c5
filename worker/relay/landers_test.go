package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/config"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/simulator"
)

const serverPassword = "a-password-for-servers-alone"

func dialectSettings() map[string]string {
	vars := settings()
	vars[config.NameLanders] = `{"*":{"campaignId":12,"forceMerchantId":7,"products":[34,35],"upsales":[40],"dialect":"konnektive"}}`
	return vars
}

func TestProblemsHaveCodesForPagesWithWordsOfTheirOwn(t *testing.T) {
	s := open(t)
	got := s.order("", order().with("city", "", "postalCode", "1", "product1_price", "0"))
	s.expect(got, 422, "ERROR", "invalid")
	var answer struct {
		Problems map[string]struct{ Code, Detail string }
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &answer))
	assert.Equal(t, map[string]struct{ Code, Detail string }{
		"city": {"required", ""}, "postalCode": {"bad_postal_code", "12345"}, "product1_price": {"field_refused", ""},
	}, answer.Problems)
	assert.Contains(t, got.fields()["product1_price"], "Leave product1_price out")

	nested := s.send(s.raw("application/json", `{"params":{"firstName":"Ada"}}`))
	s.expect(nested, 400, "ERROR", "malformed")
	assert.Contains(t, nested.body, `"message":"params holds a list or an object`)
	assert.Contains(t, nested.body, `"problems":{"params":{"code":"nested","detail":""}}`)
}

// raw is a request for an order with this body.
func (s *shop) raw(contentType, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://"+s.host+"/api/order/import/", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return r
}

func TestAnAnswerStaysSmall(t *testing.T) {
	s := open(t)
	var names []string
	for i := range 240 {
		names = append(names, "aVeryLongNameOfAFieldThatLooksLike_cardNumber_"+strings.Repeat("x",
			i%12)+string(rune('a'+i%26))+"=1")
	}
	got := s.send(s.raw("application/x-www-form-urlencoded", strings.Join(names, "&")))
	s.expect(got, 422, "ERROR", "card_data")
	assert.LessOrEqual(t, len(got.body), 16<<10)
}

func TestAnOrderByItsRefAloneAfterAWholeLead(t *testing.T) {
	s := open(t)
	person := order().with("product1_id", "", "product1_qty", "")
	lead := s.post("/api/leads/import/", "", person)
	s.expect(lead, 200, "SUCCESS", "accepted")
	byRef := fields{"orderId": lead.Ref, "product1_id": "34"}

	s.expect(s.post("/api/order/check/", "", byRef), 200, "SUCCESS", "accepted")
	got := s.order("by-ref-key-1", byRef)
	s.expect(got, 200, "MERC_REDIRECT", "redirect")
	assert.Equal(t, lead.Ref, got.Ref)
	sent := s.sim.Calls(simulator.OpOrder)[0].Fields
	assert.NotEmpty(t, sent["orderId"])
	assert.Equal(t, "34", sent["product1_id"])
	assert.NotContains(t, sent, "firstName", "Konnektive has the shopper's data")
	again := s.order("by-ref-key-1", byRef)
	s.expect(again, 200, "MERC_REDIRECT", "redirect")
	assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
	require.Equal(t, http.StatusSeeOther, s.pay(got.url()).StatusCode)

	t.Run("again after a fault of the operator's", func(t *testing.T) {
		s := open(t)
		lead := s.post("/api/leads/import/", "", person)
		cart := fields{"ref": lead.Ref, "product1_id": "34"}
		s.sim.SetFault(func(c simulator.Call) simulator.Fault {
			if c.Op == simulator.OpOrder {
				return simulator.Fault{Verdict: simulator.VerdictNoProducts}
			}
			return simulator.Fault{}
		})
		s.expect(s.order("by-ref-key-1", cart), 503, "ERROR", "misconfigured")
		s.sim.SetFault(nil)
		s.expect(s.order("by-ref-key-1", cart), 200, "MERC_REDIRECT", "redirect")
	})
	t.Run("not after half a lead", func(t *testing.T) {
		s := open(t)
		lead := s.post("/api/leads/import/", "", order().with("product1_id", "", "product1_qty", "", "postalCode", ""))
		got := s.order("", fields{"ref": lead.Ref, "product1_id": "34"})
		s.expect(got, 422, "ERROR", "invalid")
		assert.Contains(t, got.fields(), "firstName")
	})
	t.Run("not for a second cart, which needs an order of its own", func(t *testing.T) {
		s := open(t)
		lead := s.post("/api/leads/import/", "", person)
		s.expect(s.order("", fields{"ref": lead.Ref, "product1_id": "34"}), 200, "MERC_REDIRECT", "redirect")
		calls := len(s.sim.Calls())
		second := fields{"ref": lead.Ref, "product1_id": "34", "product1_qty": "2"}
		for _, path := range []string{"/api/order/check/", "/api/order/import/"} {
			got := s.post(path, "", second)
			s.expect(got, 422, "ERROR", "invalid")
			assert.Contains(t, got.fields(), "address1")
		}
		assert.Len(t, s.sim.Calls(), calls, "Konnektive is asked for nothing")
		s.expect(s.order("", order().with("ref", lead.Ref, "product1_qty", "2")), 200, "MERC_REDIRECT", "redirect")
	})
	t.Run("not for the same cart after a decline", func(t *testing.T) {
		s := open(t)
		lead := s.post("/api/leads/import/", "", person)
		cart := fields{"ref": lead.Ref, "product1_id": "34"}
		first := s.order("", cart)
		s.expect(first, 200, "MERC_REDIRECT", "redirect")
		s.comeBack(s.sim.Decline(s.session(first.url())))
		got := s.order("", cart)
		s.expect(got, 422, "ERROR", "invalid")
		assert.Contains(t, got.fields(), "address1")
		assert.Len(t, s.sim.Calls(simulator.OpOrder), 1)
	})
	t.Run("not for a ref that nobody knows", func(t *testing.T) {
		s.expect(s.order("", fields{"ref": strings.Repeat("a", 64), "product1_id": "34"}), 404, "ERROR", "ref_unknown")
	})
	t.Run("half of a new address and half of the lead's would be nobody's", func(t *testing.T) {
		s := open(t)
		lead := s.post("/api/leads/import/", "", person)
		got := s.order("", fields{"ref": lead.Ref, "product1_id": "34", "city": "Bonn"})
		s.expect(got, 422, "ERROR", "invalid")
		assert.Contains(t, got.fields(), "address1")
		s.expect(s.order("", fields{"ref": lead.Ref, "product1_id": "34", "emailAddress": "new@example.com"}), 200,
			"MERC_REDIRECT", "redirect")
	})
}

func TestACheckOfAnOrderSendsAndKeepsNothing(t *testing.T) {
	s := open(t)
	s.expect(s.post("/api/order/check", "", order()), 200, "SUCCESS", "accepted")
	for code, body := range map[string]fields{
		"invalid": order().with("city", ""), "card_data": order().with("custom1",
			"4111.1111.1111.1111"), "product_refused": order().with("product1_id", "99"),
		"country_refused": order().with("country", "BR", "postalCode", "01310-100"),
	} {
		check, imported := s.post("/api/order/check/", "", body), s.order("", body)
		s.expect(check, 422, "ERROR", code)
		assert.JSONEq(t, imported.body, check.body)
	}
	assert.Empty(t, s.sim.Calls())
	assert.Zero(t, s.store.Len())
	upsale := s.upsale("", s.paidOrder("key-00000001", order()))
	s.expect(upsale, 200, "MERC_REDIRECT", "redirect")
	for _, ref := range []string{"a-text", strings.Repeat("a", 64), upsale.Ref} {
		body := order().with("ref", ref)
		check, imported := s.post("/api/order/check/", "", body), s.order("", body)
		s.expect(check, 404, "ERROR", "ref_unknown")
		assert.JSONEq(t, imported.body, check.body)
		alone := fields{"ref": ref, "product1_id": "34"}
		s.expect(s.post("/api/order/check/", "", alone), 404, "ERROR", "ref_unknown")
	}
	s.limit = 0
	s.expect(s.post("/api/order/check/", "", order()), 429, "ERROR", "rate_limited")
}

func TestThePagesOwnTargetsAfterTheReturn(t *testing.T) {
	s := open(t)
	body := order().with("redirectsTo", "/up1?v=b#top", "errorRedirectsTo", "https://pages.example/checkout?lang=de")
	first := s.order("targets-key-1", body)
	s.expect(first, 200, "MERC_REDIRECT", "redirect")
	sent := s.sim.Calls(simulator.OpOrder)[0].Fields
	assert.Contains(t, sent["redirectsTo"], "/api/klarna/return/", "Konnektive always gets the Worker's own")
	assert.Equal(t, "/up1?v=b&ref="+first.Ref+"#top", s.pay(first.url()).Header.Get("Location"))

	second := s.order("targets-key-2", body.with("product1_qty", "2"))
	failed := s.comeBack(s.sim.Decline(s.session(second.url())))
	assert.Equal(t, "https://pages.example/checkout?lang=de&klarna=declined", failed.Header.Get("Location"))

	own := s.order("targets-key-4", body.with("product1_qty", "4", "emailAddress", "d@example.com",
		"redirectsTo", "/buy?klarna=declined&a=1&errorMsg=Not+charged&ref=old#top",
		"errorRedirectsTo", "/buy?a=1&klarna=declined"))
	failedAgain := s.comeBack(s.sim.Decline(s.session(own.url())))
	assert.Equal(t, "/buy?a=1&klarna=declined", failedAgain.Header.Get("Location"))
	own = s.order("targets-key-5", body.with("product1_qty", "5", "emailAddress", "e@example.com",
		"redirectsTo", "/buy?klarna=declined&a=1&errorMsg=Not+charged&ref=old#top"))
	assert.Equal(t, "/buy?a=1&ref="+own.Ref+"#top", s.pay(own.url()).Header.Get("Location"),
		"a page's own address has nothing of an attempt before in it")

	s.logs = nil
	third := s.order("targets-key-3", body.with("product1_qty", "3", "redirectsTo", "https://elsewhere.example/",
		"emailAddress", "c@example.com"))
	assert.Contains(t, s.logs[0], `"droppedFields":["redirectsTo"]`)
	assert.Equal(t, "/upsell?ref="+third.Ref, s.pay(third.url()).Header.Get("Location"),
		"what is another's means nothing")

	for i, own := range []string{"/api/klarna/failed/x", "/%61pi/health", "/a/../api/health",
		"https://shop.example/api/health"} {
		email := fmt.Sprintf("own%d@example.com", i)
		fourth := s.order("", order().with("redirectsTo", own, "errorRedirectsTo", own, "emailAddress", email))
		assert.Equal(t, "/upsell?ref="+fourth.Ref, s.pay(fourth.url()).Header.Get("Location"), "%s is no page", own)
		fifth := s.order("", order().with("redirectsTo", own, "errorRedirectsTo", own, "emailAddress", "no-"+email))
		declined := s.comeBack(s.sim.Decline(s.session(fifth.url())))
		assert.Equal(t, "/checkout?klarna=declined", declined.Header.Get("Location"), "%s is no page", own)
	}
}

func TestWhatTheLanderSells(t *testing.T) {
	s := open(t)
	query := func() reply { return s.post("/api/campaign/query/", "", fields{"campaignId": "12"}) }
	got := query()
	s.expect(got, 200, "SUCCESS", "accepted")
	var message struct {
		Currency string
		Products []struct{ CampaignProductId, ProductName, Price string }
		Data     map[string]struct{ Currency string }
	}
	require.NoError(t, json.Unmarshal(got.Message, &message))
	assert.Equal(t, "EUR", message.Currency)
	assert.Equal(t, "EUR", message.Data["12"].Currency)
	var ids []string
	for _, p := range message.Products {
		ids = append(ids, p.CampaignProductId)
	}
	assert.Equal(t, []string{"34", "35", "40"}, ids, "not what the lander does not sell")
	assert.Equal(t, "49.90", message.Products[0].Price)
	assert.NotContains(t, got.body, "WELCOME10", "coupons are not for everybody's eyes")

	calls := func() int { return len(s.sim.Calls(simulator.OpCampaign)) }
	s.pass(299 * time.Second)
	s.expect(s.get("/api/campaign/query"), 200, "SUCCESS", "accepted")
	assert.Equal(t, 1, calls(), "kept for five minutes")
	s.pass(2 * time.Second)
	query()
	assert.Equal(t, 2, calls())

	s.expect(s.get("/api/campaign/query?campaignId=12&country=DE"), 200, "SUCCESS", "accepted")
	bare := httptest.NewRequest(http.MethodPost, "https://shop.example/api/campaign/query/", nil)
	s.expect(s.send(bare), 200, "SUCCESS", "accepted")
	for _, other := range []reply{
		s.get("/api/campaign/query?campaignId=13"), s.post("/api/campaign/query/", "", fields{"campaignId": "13"}),
	} {
		s.expect(other, 422, "ERROR", "invalid")
		assert.Contains(t, other.fields(), "campaignId", "nobody takes these prices for another campaign's")
	}
	s.expect(s.get("/api/campaign/query?loginId=x&password=y"), 422, "ERROR", "invalid")

	for _, said := range []string{
		`{"result":"SUCCESS","message":{"data":{"13":{"campaignId":13,"products":[]}}}}`,
		`{"result":"SUCCESS","message":{"data":[]}}`, `{"result":"ERROR","message":"No campaign found"}`,
	} {
		s := open(t)
		s.answering(simulator.OpCampaign, said)
		s.expect(s.get("/api/campaign/query"), 503, "ERROR", "misconfigured")
	}
	broken := s.start(settings(), unreachable{}, s.store)
	s.expect(s.sendTo(broken, s.request(http.MethodPost, "/api/campaign/query/", "", fields{})), 503, "ERROR",
		"upstream_unreachable")
}

// unreachable is a Konnektive that cannot be reached.
type unreachable struct{}

func (unreachable) Post(context.Context, string, string, time.Duration) (int, string, error) {
	return 0, "", konnektive.ErrNotSent
}

func TestCallsThatAreNotRelayedSayWhatToUse(t *testing.T) {
	s := open(t)
	for path, word := range map[string]string{
		"/api/order/query/": "/api/order/status/{ref}", "/api/order/coupon/": "couponCode",
		"/api/order/salestax": "adds the tax", "/api/order/preauth/": "order/import", "/api/order/cancel/": "server",
		"/api/customer/query/": "server", "/api/transactions/query/": "server",
	} {
		got := s.post(path, "", fields{"orderId": "x"})
		s.expect(got, 404, "ERROR", "not_found")
		assert.Contains(t, string(got.Message), word, path)
	}
	ask := func(method, host, origin string) reply {
		r := httptest.NewRequest(method, "https://"+host+"/api/order/query/", nil)
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", "POST")
		return s.send(r)
	}
	const pages = "https://pages.example" // of allowedOrigins
	preflight, answer := ask("OPTIONS", s.host, pages), ask("POST", s.host, pages)
	assert.Equal(t, http.StatusNoContent, preflight.StatusCode)
	assert.Equal(t, "GET, HEAD, POST", preflight.Header.Get("Access-Control-Allow-Methods"))
	assert.Contains(t, preflight.Header.Get("Access-Control-Allow-Headers"), "Content-Type")
	s.expect(answer, 404, "ERROR", "not_found")
	for _, got := range []reply{preflight, answer} {
		assert.Equal(t, pages, got.Header.Get("Access-Control-Allow-Origin"), "its developer reads the text")
		assert.Equal(t, "Origin", got.Header.Get("Vary"))
	}
	for _, got := range []reply{ask("OPTIONS", s.host, "https://evil.example"), ask("OPTIONS", "plain.example", pages)} {
		assert.Equal(t, http.StatusNotFound, got.StatusCode)
		assert.Empty(t, got.Header.Get("Access-Control-Allow-Origin"))
	}

	get := s.get("/api/order/import/?firstName=Ada")
	s.expect(get, 405, "ERROR", "method_not_allowed")
	assert.Equal(t, "POST", get.Header.Get("Allow"))
}

func TestALandersOwnServer(t *testing.T) {
	vars := settings()
	vars[config.NameServerPassword] = serverPassword
	s := openWith(t, vars, simulator.Options{})
	call := order().with("loginId", "anything", "password", serverPassword, "ipAddress", "198.51.100.23", "userAgent",
		"Mozilla/5.0 (iPhone)")

	r := s.request(http.MethodPost, "/api/order/import/", "", call)
	r.Header.Set("Origin", "https://a-proxy.example")
	got := s.send(r)
	s.expect(got, 200, "MERC_REDIRECT", "redirect")
	sent := s.sim.Calls(simulator.OpOrder)[0].Fields
	assert.Equal(t, "198.51.100.23", sent["ipAddress"])
	assert.Equal(t, "Mozilla/5.0 (iPhone)", sent["userAgent"])
	assert.Equal(t, login, sent["loginId"])
	assert.Equal(t, password, sent["password"])
	assert.Equal(t, got.Ref, s.post("/api/order/import/", "", call).Ref, "the same shopper's same order, without a key")
	assert.NotEqual(t, got.Ref, s.post("/api/order/import/", "", call.with("ipAddress", "198.51.100.24")).Ref,
		"another shopper's")
	for _, line := range s.logs {
		assert.NotContains(t, line, serverPassword)
		assert.NotContains(t, line, "198.51.100")
	}

	s.expect(s.post("/api/order/import/", "", call.with("password", "another-password-of-somebody")), 401, "ERROR",
		"unauthorized")
	asks := s.post("/api/campaign/query/", "", fields{"loginId": "x", "password": serverPassword})
	s.expect(asks, 200, "SUCCESS", "accepted")
	missing := s.post("/api/order/import/", "", call.with("ipAddress", ""))
	s.expect(missing, 422, "ERROR", "invalid")
	assert.Contains(t, missing.fields(), "ipAddress")
	s.expect(s.post("/api/order/import/", "", call.with("ipAddress", "the shopper's")), 422, "ERROR", "invalid")
	s.expect(s.post("/api/order/import/", "", order().with("emailAddress", "b@example.com")), 200, "MERC_REDIRECT",
		"redirect")

	page := s.request(http.MethodPost, "/api/order/import/", "", call)
	page.Header.Set("Origin", "https://shop.example")
	refused := s.send(page)
	s.expect(refused, 422, "ERROR", "invalid")
	assert.Contains(t, refused.fields(), "password", "a page has no business with it")
	stranger := s.request(http.MethodPost, "/api/order/import/", "", order())
	stranger.Header.Set("Origin", "https://elsewhere.example")
	s.expect(s.send(stranger), 403, "ERROR", "origin_refused")
	bare := httptest.NewRequest(http.MethodPost, "https://shop.example/api/campaign/query/", nil)
	s.expect(s.send(bare), 200, "SUCCESS", "accepted")
	unreadable := s.raw("application/json", "{")
	unreadable.Header.Set("Origin", "https://elsewhere.example")
	s.expect(s.send(unreadable), 403, "ERROR", "origin_refused")
	s.limit = 1
	s.expect(s.send(s.raw("application/json", "{")), 400, "ERROR", "malformed")
	s.expect(s.send(s.raw("application/json", "{")), 429, "ERROR", "rate_limited")

	without := open(t)
	got = without.post("/api/order/import/", "", call)
	without.expect(got, 422, "ERROR", "invalid")
	assert.Contains(t, got.fields()["password"], "SERVER_PASSWORD")
}

func TestAPasswordIsNotTriedOften(t *testing.T) {
	vars := settings()
	vars[config.NameServerPassword] = serverPassword
	s := openWith(t, vars, simulator.Options{})
	s.limit = 1
	wrong := order().with("password", "a-guess-of-some-characters")
	s.expect(s.post("/api/order/import/", "", wrong), 401, "ERROR", "unauthorized")
	s.expect(s.post("/api/order/import/", "", wrong), 429, "ERROR", "rate_limited")
}

// dialect is an answer as an old lander reads it: HTTP 200, text, and a result of three.
func (s *shop) dialect(got reply) map[string]any {
	s.t.Helper()
	require.Equal(s.t, http.StatusOK, got.StatusCode, got.body)
	assert.Equal(s.t, "text/html; charset=utf-8", got.Header.Get("Content-Type"))
	assert.NotContains(s.t, got.body, "<")
	assert.NotContains(s.t, got.body, ">")
	var answer map[string]any
	require.NoError(s.t, json.Unmarshal([]byte(got.body), &answer))
	assert.Contains(s.t, []any{"SUCCESS", "ERROR", "MERC_REDIRECT"}, answer["result"])
	return answer
}

func TestKonnektivesDialect(t *testing.T) {
	s := openWith(t, dialectSettings(), simulator.Options{})
	refused := s.dialect(s.order("", order().with("city", "", "custom1", "<b>")))
	assert.Equal(t, "ERROR", refused["result"])
	assert.Contains(t, refused["message"], "city")
	assert.Contains(t, s.logs[0], `"status":200,"code":"invalid"`, "what the browser got")
	assert.Equal(t, "ERROR", s.dialect(s.send(s.raw("application/json", "{")))["result"])

	body := order().with("redirectsTo", "/thanks.php?a=1", "errorRedirectsTo", "/cart?step=2")
	answer := s.dialect(s.order("", body))
	assert.Equal(t, "MERC_REDIRECT", answer["result"])
	message := answer["message"].(map[string]any)
	assert.Equal(t, answer["ref"], message["orderId"])
	klarna := message["url"].(string)
	assert.Equal(t, `window.top.location.href="`+klarna+`";`, message["script"])

	pending := s.dialect(s.status(answer["ref"].(string)))
	assert.Equal(t, "ERROR", pending["result"], "never SUCCESS before proof")
	assert.IsType(t, "", pending["message"])

	page := s.pay(klarna)
	require.Equal(t, http.StatusOK, page.StatusCode)
	assert.Contains(t, page.body, `action="/thanks.php?a=1"`)
	assert.Contains(t, page.body, `name="finalizeTransaction" value="1"`)
	assert.Contains(t, page.Header.Get("Content-Security-Policy"), "form-action https://shop.example https:;")
	data := regexp.MustCompile(`name="orderData" value="([^"]*)"`).FindStringSubmatch(page.body)
	require.Len(t, data, 2)
	var posted map[string]any
	require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(data[1], "&#34;", `"`)), &posted))
	assert.Equal(t, answer["ref"], posted["orderId"])
	assert.NotEmpty(t, posted["orderNumber"])
	assert.Equal(t, "KLARNA", posted["prepaidType"])
	assert.NotEmpty(t, posted["totalAmount"])
	assert.Equal(t, "€", posted["currencySymbol"])
	assert.NotEmpty(t, posted["items"])
	for _, private := range []string{"Zoë", "zoe@", "Köln", "50667", "203.0.113"} {
		assert.NotContains(t, page.body, private)
	}
	assert.Equal(t, "SUCCESS", s.dialect(s.status(answer["ref"].(string)))["result"])

	t.Run("a failure goes to the page's own address with our text", func(t *testing.T) {
		s := openWith(t, dialectSettings(), simulator.Options{})
		answer := s.dialect(s.order("", body))
		failed := s.comeBack(s.sim.Decline(s.session(answer["message"].(map[string]any)["url"].(string))))
		u, err := url.Parse(failed.Header.Get("Location"))
		require.NoError(t, err)
		assert.Equal(t, "/cart", u.Path)
		assert.Equal(t, "2", u.Query().Get("step"))
		assert.Contains(t, u.Query().Get("errorMsg"), "Klarna did not accept the payment")
	})
	t.Run("a lead", func(t *testing.T) {
		lead := s.dialect(s.post("/api/leads/import/", "", order()))
		assert.Equal(t, "SUCCESS", lead["result"])
		assert.Equal(t, lead["ref"], lead["message"].(map[string]any)["orderId"])
	})
	t.Run("a decline", func(t *testing.T) {
		declined := s.dialect(s.order("", order().with("emailAddress", "decline@example.com")))
		assert.Equal(t, "ERROR", declined["result"])
		assert.Equal(t, "declined", declined["code"])
	})
	t.Run("what is no outcome keeps its status", func(t *testing.T) {
		r := s.request(http.MethodPost, "/api/order/import/", "", order())
		r.Header.Set("Origin", "https://elsewhere.example")
		assert.Equal(t, http.StatusForbidden, s.send(r).StatusCode)
		assert.Equal(t, http.StatusNotFound, s.post("/api/order/query/", "", nil).StatusCode)
		assert.Equal(t, http.StatusOK, s.get("/api/health").StatusCode)
	})
}
