package relay

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

func TestAnOrderGoesToKlarnaAndComesBackPaid(t *testing.T) {
	s := open(t)
	first := s.order("key-00000001", order().with("affId", "media7", "sessionId", "0123456789abcdef0123456789abcdef"))
	s.expect(first, 200, "MERC_REDIRECT", "redirect")
	assert.Regexp(t, `^https://klarna\.example/klarna/`, first.url())
	assert.Regexp(t, `^[0-9a-f]{64}$`, first.Ref)
	assert.NotContains(t, first.body, s.sim.Orders()[0].ID, "the order id stays on the server")

	s.expect(s.status(first.Ref), 200, "SUCCESS", "pending")
	back := s.pay(first.url())
	assert.Equal(t, http.StatusSeeOther, back.StatusCode)
	assert.Equal(t, "/upsell?ref="+first.Ref, back.Header.Get("Location"))
	assert.Equal(t, "no-referrer", back.Header.Get("Referrer-Policy"))

	paid := s.status(first.Ref)
	s.expect(paid, 200, "SUCCESS", "paid")
	assert.JSONEq(t, `{"orderId":"`+first.Ref+`","orderNumber":"`+s.sim.Orders()[0].ID+`",
		"text":"Your order is paid. Thank you!","total":"`+s.sim.Orders()[0].Total.String()+`","currency":"EUR",
		"shipping":"4.90","tax":"0.00","discount":"0.00","items":[{"name":"`+s.sim.Orders()[0].Items[0].Name+
		`","qty":1,"price":"`+s.sim.Orders()[0].Items[0].Price.String()+`"}]}`, string(paid.Message))

	orders := s.sim.Orders()
	require.Len(t, orders, 1)
	sent := orders[0].OrderImports()[0].Fields
	for name, want := range map[string]string{
		"paySource": "PREPAID", "prepaidType": "KLARNA", "forceMerchantId": "7", "campaignId": "12",
		"ipAddress":        "203.0.113.7",
		"userAgent":        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
		"redirectsTo":      "https://shop.example" + s.back(first.url(), "return"),
		"errorRedirectsTo": "https://shop.example" + s.back(first.url(), "failed"),
		"salesUrl":         "https://shop.example/checkout", "lastName": "O’Neill-Müller", "affId": "media7",
		"orderId": orders[0].ID, "phoneNumber": "+4915123456789",
	} {
		assert.Equal(t, want, sent[name], name)
	}
	assert.NotContains(t, sent, "ref")
	assert.Regexp(t, "^https://shop.example/api/klarna/return/"+first.Ref+"[0-9a-f]{32}$", sent["redirectsTo"],
		"the session, which does not follow from the ref")
	assert.JSONEq(t, `{"url":"`+first.url()+`","orderId":"`+first.Ref+`"}`, string(first.Message))
	assert.Empty(t, s.sim.Violations())
}

func TestTheStatusOfACancelledPaymentSaysWhyItIsNotPaid(t *testing.T) {
	s := open(t)
	first := s.order("key-00000001", order())
	s.comeBack(s.sim.Cancel(s.session(first.url())))
	said := s.status(first.Ref)
	s.expect(said, 200, "SUCCESS", "declined")
	assert.Contains(t, string(said.Message), `"reason":"cancelled"`)
	assert.Contains(t, string(said.Message), "was not completed. You have not been charged.")
}

func TestWhatAnImportIsAnswered(t *testing.T) {
	for _, c := range []struct {
		email, name  string
		status       int
		result, code string
	}{
		{"script@example.com", "a redirect by script leads to the Worker's own page", 200, "MERC_REDIRECT", "redirect"},
		{"http-url@example.com", "a redirect to plain http", 502, "ERROR", "redirect_invalid"},
		{"userinfo-url@example.com", "a redirect with credentials", 502, "ERROR", "redirect_invalid"},
		{"empty-redirect@example.com", "a redirect to nowhere", 502, "ERROR", "redirect_invalid"},
		{"paid@example.com", "success, and Order Query says COMPLETE", 200, "SUCCESS", "paid"},
		{"no-redirect@example.com", "success, which proves no payment", 202, "PENDING", "pending"},
		{"decline@example.com", "a decline", 402, "ERROR", "declined"},
		{"fields@example.com", "fields that Konnektive finds at fault", 422, "ERROR", "invalid"},
		{"no-products@example.com", "products that the campaign does not have", 503, "ERROR", "misconfigured"},
		{"whitelist@example.com", "an address that is not whitelisted", 503, "ERROR", "misconfigured"},
		{"credentials@example.com", "refused credentials", 503, "ERROR", "misconfigured"},
		{"lost@example.com", "an answer that got lost", 202, "PENDING", "unknown"},
		{"slow@example.com", "an answer that takes too long", 202, "PENDING", "unknown"},
		{"silence@example.com", "no answer at all", 202, "PENDING", "unknown"},
		{"reset@example.com", "a reset connection", 202, "PENDING", "unknown"},
		{"error500@example.com", "HTTP 500", 202, "PENDING", "unknown"},
		{"error520@example.com", "HTTP 520", 202, "PENDING", "unknown"},
		{"error524@example.com", "HTTP 524", 202, "PENDING", "unknown"},
		{"error521@example.com", "HTTP 521", 503, "ERROR", "upstream_unreachable"},
		{"error522@example.com", "HTTP 522", 503, "ERROR", "upstream_unreachable"},
		{"error530@example.com", "HTTP 530", 503, "ERROR", "upstream_unreachable"},
		{"unreached@example.com", "a refused connection", 503, "ERROR", "upstream_unreachable"},
		{"html@example.com", "HTML", 202, "PENDING", "unknown"},
		{"cut@example.com", "cut-off JSON", 202, "PENDING", "unknown"},
		{"torn@example.com", "a body that breaks off", 202, "PENDING", "unknown"},
		{"empty@example.com", "an empty body", 202, "PENDING", "unknown"},
		{"unknown-result@example.com", "a result that nobody knows", 202, "PENDING", "unknown"},
		{"lead-lost@example.com", "a lead whose answer got lost", 503, "ERROR", "upstream_unreachable"},
		{"lead-unreached@example.com", "a lead that could not be sent", 503, "ERROR", "upstream_unreachable"},
		{"lead-fields@example.com", "a lead with fields at fault", 422, "ERROR", "invalid"},
		{"lead-credentials@example.com", "a lead with refused credentials", 503, "ERROR", "misconfigured"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			got := s.order("key-00000001", order().with("emailAddress", c.email))
			s.expect(got, c.status, c.result, c.code)
			assert.NotEmpty(t, got.Ref, "an attempt has a ref")
			assert.LessOrEqual(t, s.imports(simulator.OpOrder), 1)
			switch c.code {
			case "upstream_unreachable":
				assert.NotEmpty(t, got.Header.Get("Retry-After"))
			case "misconfigured":
				assert.NotContains(t, got.body, "whitelist")
				assert.NotContains(t, got.body, "203.0.113")
			case "invalid":
				assert.NotEmpty(t, got.fields())
			}
			assert.Empty(t, s.sim.Violations())

			again := s.order("key-00000001", order().with("emailAddress", c.email))
			switch {
			case c.code == "upstream_unreachable", c.code == "misconfigured", strings.HasPrefix(c.email, "lead-"):
				assert.Equal(t, "", again.Header.Get("Idempotent-Replayed"), "nothing was ordered, so the same key tries again")
			default:
				s.expect(again, c.status, c.result, c.code)
				assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
				assert.Equal(t, got.Ref, again.Ref)
				assert.Equal(t, 1, s.imports(simulator.OpOrder), "never sent twice")
			}
		})
	}
}

func TestTheSameKeyWithTheSameOrderImportsOnce(t *testing.T) {
	s := open(t)
	first := s.order("key-00000001", order())
	again := s.order("key-00000001", order().with("sessionId", "other", "sourceValue1", "changed"))
	s.expect(again, 200, "MERC_REDIRECT", "redirect")
	assert.Equal(t, first.url(), again.url())
	assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
	assert.Empty(t, first.Header.Get("Idempotent-Replayed"))
	assert.Equal(t, 1, s.imports(simulator.OpOrder))

	s.pass(23 * time.Hour)
	assert.Equal(t, first.url(), s.order("key-00000001", order()).url(), "handed out again within 24 hours")
	s.pass(2 * time.Hour)
	s.expect(s.order("key-00000001", order()), 202, "PENDING", "pending")
	assert.Equal(t, 1, s.imports(simulator.OpOrder))
}

func TestAKeyIsForOneOrder(t *testing.T) {
	s := open(t)
	ref := s.order("key-00000001", order()).Ref
	for name, other := range map[string]fields{
		"another product":  order().with("product1_id", "35"),
		"another quantity": order().with("product1_qty", "2"),
		"another person":   order().with("emailAddress", "someone@example.com"),
		"another country":  order().with("country", "AT", "postalCode", "1010"),
	} {
		t.Run(name, func(t *testing.T) {
			s.expect(s.order("key-00000001", other), 422, "ERROR", "key_reused")
		})
	}
	t.Run("an upsale", func(t *testing.T) {
		s.comeBack(s.sim.Approve(s.sim.Sessions()[0].ID))
		s.expect(s.upsale("key-00000001", ref), 422, "ERROR", "key_reused")
	})
	t.Run("another ref", func(t *testing.T) {
		lead := s.post("/api/leads/import/", "", order())
		s.expect(s.order("key-00000001", order().with("ref", lead.Ref)), 422, "ERROR", "key_reused")
	})
	t.Run("on another lander it is another key", func(t *testing.T) {
		s.host = otherHost
		s.expect(s.order("key-00000001", order().with("product1_id", "35")), 200, "MERC_REDIRECT", "redirect")
	})
	assert.Equal(t, 2, s.imports(simulator.OpOrder))
}

func TestEightEqualRequestsAtOnceImportOnce(t *testing.T) {
	s := open(t)
	release := make(chan struct{})
	reached := make(chan struct{}, 16)
	s.sim.SetFault(func(c simulator.Call) simulator.Fault {
		if c.Op == simulator.OpOrder {
			reached <- struct{}{}
			return simulator.Fault{Hold: release}
		}
		return simulator.Fault{}
	})
	var wg sync.WaitGroup
	got := make([]reply, 8)
	for i := range got {
		wg.Add(1)
		go func() {
			defer wg.Done()
			got[i] = s.order("key-00000001", order())
		}()
	}
	<-reached
	s.expect(s.order("key-00000001", order()), 409, "ERROR", "in_progress")
	close(release)
	wg.Wait()
	won := 0
	for _, r := range got {
		switch r.Code {
		case "redirect":
			won++
		case "in_progress":
			assert.NotEmpty(t, r.Header.Get("Retry-After"))
		default:
			assert.Fail(t, "unexpected", r.body)
		}
	}
	assert.GreaterOrEqual(t, won, 1)
	assert.Equal(t, 1, s.imports(simulator.OpOrder))
	assert.Len(t, s.sim.Sessions(), 1)
}

func TestWithoutAKeyTheSameOrderIsRecognisedForTenMinutes(t *testing.T) {
	s := open(t)
	first := s.order("", order())
	s.expect(first, 200, "MERC_REDIRECT", "redirect")
	s.pass(9 * time.Minute)
	again := s.order("", order())
	assert.Equal(t, first.url(), again.url())
	assert.Equal(t, first.Ref, again.Ref)
	assert.Equal(t, 1, s.imports(simulator.OpOrder))

	s.address = "203.0.113.8"
	assert.NotEqual(t, first.Ref, s.order("", order()).Ref, "another shopper's")
	s.address = "203.0.113.7"
	assert.NotEqual(t, first.Ref, s.order("", order().with("product1_qty", "2")).Ref, "another order")
	s.pass(2 * time.Minute)
	assert.NotEqual(t, first.Ref, s.order("", order()).Ref, "a new order after ten minutes")
	assert.Equal(t, 4, s.imports(simulator.OpOrder))
}

func TestTheOrderGoesOnWhereTheLeadBegan(t *testing.T) {
	s := open(t)
	lead := s.post("/api/leads/import/", "", fields{"firstName": "Zoë", "lastName": "Müller",
		"emailAddress": "zoe@example.com"})
	s.expect(lead, 200, "SUCCESS", "accepted")
	require.NotEmpty(t, lead.Ref)
	more := s.post("/api/leads/import/", "", fields{"firstName": "Zoë", "lastName": "Müller",
		"emailAddress": "zoe@example.com", "ref": lead.Ref, "city": "Köln"})
	assert.Equal(t, lead.Ref, more.Ref)
	s.expect(s.status(lead.Ref), 200, "PENDING", "retry")

	first := s.order("key-00000001", order().with("ref", lead.Ref))
	s.expect(first, 200, "MERC_REDIRECT", "redirect")
	assert.Equal(t, lead.Ref, first.Ref)
	require.Len(t, s.sim.Orders(), 1)
	assert.Equal(t, 2, s.sim.Orders()[0].Leads, "no third lead: the order id is known")

	late := s.post("/api/leads/import/", "", fields{"firstName": "Zoë", "lastName": "Müller",
		"emailAddress": "other@example.com", "ref": lead.Ref})
	s.expect(late, 200, "SUCCESS", "accepted")
	assert.Equal(t, 2, s.sim.Orders()[0].Leads, "an order on its way is not touched by a late lead")

	assert.Equal(t, first.url(), s.order("key-00000001", order()).url(), "the key knows its purchase without the ref")
	s.expect(s.order("key-00000009", order().with("ref", strings.Repeat("0", 64))), 404, "ERROR", "ref_unknown")
}

func TestARepeatedLeadWithAKeyStaysOneOrder(t *testing.T) {
	s := open(t)
	lead := fields{"firstName": "Zoë", "lastName": "Müller", "emailAddress": "zoe@example.com"}
	assert.Equal(t, s.post("/api/leads/import/", "lead-key-1", lead).Ref,
		s.post("/api/leads/import/", "lead-key-1", lead).Ref)
	assert.Len(t, s.sim.Orders(), 1)
}

func TestASecondAttemptIsMadeOnlyWhenItIsSafe(t *testing.T) {
	t.Run("the same cart under a new key is handed the same url", func(t *testing.T) {
		s := open(t)
		first := s.order("key-00000001", order())
		second := s.order("key-00000002", order().with("ref", first.Ref))
		assert.Equal(t, first.url(), second.url())
		assert.Equal(t, "true", second.Header.Get("Idempotent-Replayed"))
		assert.Equal(t, 1, s.imports(simulator.OpOrder))
		assert.Equal(t, first.url(), s.order("key-00000002", order()).url())
	})
	t.Run("a changed cart goes to Klarna with an order of its own", func(t *testing.T) {
		s := open(t)
		first := s.order("key-00000001", order())
		second := s.order("key-00000002", order().with("ref", first.Ref, "product1_qty", "2"))
		s.expect(second, 200, "MERC_REDIRECT", "redirect")
		assert.Equal(t, first.Ref, second.Ref)
		assert.NotEqual(t, first.url(), second.url())
		orders := s.sim.Orders()
		require.Equal(t, 2, len(orders))
		for i := range orders {
			assert.Equal(t, 1, len(orders[i].OrderImports()))
		}
		assert.Equal(t, first.url(), s.order("key-00000001", order()).url(),
			"back to the first cart: its session is still open")
	})
	t.Run("a changed cart of an order that has been paid meanwhile is not imported", func(t *testing.T) {
		s := open(t)
		first := s.order("key-00000001", order())
		_, err := s.sim.Approve(s.session(first.url()))
		require.NoError(t, err)
		changed := order().with("ref", first.Ref, "product1_qty", "2")
		for _, key := range []string{"key-00000002", "key-00000002", "", ""} {
			got := s.order(key, changed)
			s.expect(got, 409, "ERROR", "earlier_paid")
			assert.Equal(t, first.Ref, got.Ref)
		}
		s.expect(s.order("key-00000003", order().with("ref", first.Ref)), 200, "SUCCESS", "paid")
		assert.Equal(t, 1, s.imports(simulator.OpOrder))
		s.expect(s.order("key-00000004", changed.with("ref", "")), 200, "MERC_REDIRECT", "redirect")
	})
	t.Run("a changed cart is not imported while nobody knows whether the order is paid", func(t *testing.T) {
		s := open(t)
		first := s.order("key-00000001", order().with("emailAddress", "query-reset@example.com"))
		s.expect(first, 200, "MERC_REDIRECT", "redirect")
		s.expect(s.order("key-00000002", order().with("emailAddress", "query-reset@example.com", "ref", first.Ref,
			"product1_qty", "2")), 503, "ERROR", "upstream_unreachable")
		assert.Equal(t, 1, s.imports(simulator.OpOrder))
	})
	t.Run("after a decline at the import a new key tries again, the old one does not", func(t *testing.T) {
		s := open(t)
		first := s.order("key-00000001", order().with("emailAddress", "decline@example.com"))
		s.expect(first, 402, "ERROR", "declined")
		s.expect(s.order("key-00000001", order().with("emailAddress", "decline@example.com")), 402, "ERROR", "declined")
		second := s.order("key-00000002", order().with("ref", first.Ref))
		s.expect(second, 200, "MERC_REDIRECT", "redirect")
		assert.Equal(t, 2, len(s.sim.Orders()), "with an order of its own")
	})
	t.Run("after a decline at Klarna a new key tries again, the old one does not", func(t *testing.T) {
		s := open(t)
		first := s.order("key-00000001", order())
		back := s.comeBack(s.sim.Decline(s.session(first.url())))
		assert.Equal(t, "/checkout?klarna=declined", back.Header.Get("Location"))
		s.expect(s.status(first.Ref), 200, "SUCCESS", "declined")
		s.expect(s.order("key-00000001", order()), 402, "ERROR", "declined")
		s.expect(s.order("key-00000002", order().with("ref", first.Ref)), 200, "MERC_REDIRECT", "redirect")
		assert.Equal(t, 2, len(s.sim.Orders()), "with an order of its own")
	})
	t.Run("fields that Konnektive refused are sent again under a new key", func(t *testing.T) {
		s := open(t)
		first := s.order("key-00000001", order().with("emailAddress", "fields@example.com"))
		s.expect(first, 422, "ERROR", "invalid")
		s.expect(s.order("key-00000002", order().with("ref", first.Ref)), 200, "MERC_REDIRECT", "redirect")
	})
	t.Run("a doubt becomes a retry once nothing can have been paid", func(t *testing.T) {
		s := open(t)
		lost := order().with("emailAddress", "silence@example.com")
		first := s.order("key-00000001", lost)
		s.expect(first, 202, "PENDING", "unknown")
		s.expect(s.status(first.Ref), 200, "SUCCESS", "unknown")
		s.expect(s.order("key-00000002", order().with("ref", first.Ref)), 202, "PENDING", "unknown")
		assert.Equal(t, 1, s.imports(simulator.OpOrder))
		s.pass(59 * time.Second)
		s.expect(s.status(first.Ref), 200, "SUCCESS", "unknown")
		s.pass(2 * time.Second)
		s.expect(s.status(first.Ref), 200, "PENDING", "retry")
		s.expect(s.order("key-00000001", lost), 200, "PENDING", "retry")
		assert.Equal(t, 1, s.imports(simulator.OpOrder))
		second := s.order("key-00000002", order().with("ref", first.Ref))
		s.expect(second, 200, "MERC_REDIRECT", "redirect")
		assert.Equal(t, 2, len(s.sim.Orders()), "with an order of its own")
		s.pass(2 * time.Second)
		s.pay(second.url())
		s.expect(s.status(first.Ref), 200, "SUCCESS", "paid")
	})
	t.Run("a doubt about an order that is paid is resolved by Order Query", func(t *testing.T) {
		s := open(t)
		first := s.order("key-00000001", order().with("emailAddress", "lost@example.com"))
		s.expect(first, 202, "PENDING", "unknown")
		_, err := s.sim.Approve(s.sim.Sessions()[0].ID)
		require.NoError(t, err)
		again := s.order("key-00000001", order().with("emailAddress", "lost@example.com"))
		s.expect(again, 200, "SUCCESS", "paid")
		assert.Equal(t, 1, s.imports(simulator.OpOrder))
	})
}

func TestTheAlarmFindsOutWhoPaidAndNeverCameBack(t *testing.T) {
	s := open(t)
	first := s.order("key-00000001", order())
	queries := func() int { return len(s.sim.Calls(simulator.OpQuery)) }
	ring := func() {
		for _, ref := range s.store.Due(s.clock()) {
			s.relay.Watch(t.Context(), s.reading(ref))
		}
	}
	ring()
	assert.Zero(t, queries(), "not before its time")
	for i, pause := range []time.Duration{time.Minute, 4 * time.Minute, 10 * time.Minute, 45 * time.Minute,
		5 * time.Hour} {
		s.pass(pause)
		ring()
		assert.Equal(t, i+1, queries(), pause)
		ring()
		assert.Equal(t, i+1, queries(), "once each time")
	}
	_, err := s.sim.Approve(s.session(first.url()))
	require.NoError(t, err)
	s.pass(10 * time.Hour)
	ring()
	assert.Contains(t, s.logs[len(s.logs)-1], `"route":"alarm"`)
	assert.Contains(t, s.logs[len(s.logs)-1], `"settled":true`)
	before := queries()
	s.expect(s.status(first.Ref), 200, "SUCCESS", "paid")
	assert.Equal(t, before, queries(), "what is final is not read again")
	s.pass(40 * time.Hour)
	ring()
	assert.Equal(t, before, queries())
	s.pass(30 * time.Hour)
	ring()
	s.expect(s.status(first.Ref), 404, "ERROR", "ref_unknown")
	assert.Equal(t, 2, s.store.Len(),
		"forgotten after 72 hours, but for the line in the day's books and the note of whose order it was")
	s.pass(45 * 24 * time.Hour)
	ring()
	assert.Zero(t, s.store.Len(), "which are kept for 45 days")
}

func TestTheAlarmGivesUpAfterTwoDays(t *testing.T) {
	s := open(t)
	s.order("key-00000001", order())
	for range 60 {
		s.pass(time.Hour)
		for _, ref := range s.store.Due(s.clock()) {
			s.relay.Watch(t.Context(), s.reading(ref))
		}
	}
	assert.Len(t, s.sim.Calls(simulator.OpQuery), 8)
}

func TestForgedReturnsProveNothing(t *testing.T) {
	s := open(t)
	first := s.order("key-00000001", order())
	forged := url.Values{"finalizeTransaction": {"1"},
		"orderData": {`{"orderStatus":"COMPLETE","orderId":"` + s.sim.Orders()[0].ID + `"}`}}
	for range 2 {
		r := httptest.NewRequest(http.MethodPost, "https://shop.example"+s.back(first.url(), "return"),
			strings.NewReader(forged.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		back := s.send(r)
		assert.Equal(t, http.StatusSeeOther, back.StatusCode)
		assert.Equal(t, "/thank-you?ref="+first.Ref, back.Header.Get("Location"), "the page that waits")
	}
	s.expect(s.status(first.Ref), 200, "SUCCESS", "pending")

	failed := s.get(s.back(first.url(), "failed") + "?errorMsg=%3Cscript%3Ealert(1)%3C/script%3E")
	assert.Equal(t, http.StatusSeeOther, failed.StatusCode)
	assert.NotContains(t, failed.Header.Get("Location"), "script")
	s.pass(time.Second)
	s.expect(s.status(first.Ref), 200, "SUCCESS", "declined")

	s.pass(time.Second)
	s.pay(first.url())
	assert.Equal(t, "/thank-you?ref="+first.Ref, s.get(s.back(first.url(), "failed")+"?errorMsg=x").Header.Get("Location"),
		"it is paid, whatever the text says")
	for range 2 {
		assert.Equal(t, "/upsell?ref="+first.Ref, s.get(s.back(first.url(), "return")).Header.Get("Location"),
			"late and repeated returns are answered the same")
	}

	s.host = otherHost
	assert.Equal(t, http.StatusNotFound, s.get(s.back(first.url(), "return")).StatusCode)
	s.expect(s.status(first.Ref), 404, "ERROR", "ref_unknown")
	s.expect(s.confirm(first.Ref), 404, "ERROR", "ref_unknown")
	s.expect(s.upsale("key-00000002", first.Ref), 409, "ERROR", "order_not_paid")
}

func TestTheOrderThatAReturnNamesIsFoundWhicheverWayItComes(t *testing.T) {
	for _, way := range []string{"a form", "an address", "a form of parts"} {
		t.Run(way, func(t *testing.T) {
			s := openWith(t, settings(), simulator.Options{Settings: simulator.Settings{
				Merge: simulator.MergeAny, ReturnByGET: way == "an address"}})
			s.order("key-00000001", order())
			second := s.order("key-00000002", order())
			back, err := s.sim.Approve(s.session(second.url()))
			require.NoError(t, err)
			if way != "a form of parts" {
				s.comeBack(back, nil)
			} else {
				var parts bytes.Buffer
				form := multipart.NewWriter(&parts)
				for name := range back.Form {
					require.NoError(t, form.WriteField(name, back.Form.Get(name)))
				}
				require.NoError(t, form.Close())
				r := httptest.NewRequest(http.MethodPost, back.URL, &parts)
				r.Header.Set("Content-Type", form.FormDataContentType())
				s.send(r)
			}
			s.expect(s.status(second.Ref), 200, "SUCCESS", "paid")
		})
	}
}

func TestALanderWithoutAnUpsellGoesStraightToItsEnd(t *testing.T) {
	s := open(t)
	s.host = "plain.example"
	first := s.order("key-00000001", order())
	assert.Equal(t, "/thank-you?ref="+first.Ref, s.pay(first.url()).Header.Get("Location"))
}

func TestConfirmOrderIsSentOnceAndOnlyForAPaidOrder(t *testing.T) {
	s := open(t)
	first := s.order("key-00000001", order())
	s.expect(s.confirm(first.Ref), 409, "ERROR", "order_not_paid")
	s.pay(first.url())
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			assert.Equal(t, "confirmed", s.confirm(first.Ref).Code)
		}()
	}
	wg.Wait()
	assert.Equal(t, 1, s.sim.Orders()[0].Confirms)
	s.expect(s.confirm(strings.Repeat("0", 64)), 404, "ERROR", "ref_unknown")
	s.expect(s.post("/api/order/confirm/", "", fields{}), 422, "ERROR", "invalid")
}

func TestAConfirmationThatWasSurelyNotSentMayBeTriedAgain(t *testing.T) {
	s := open(t)
	ref := s.paidOrder("key-00000001", order())
	s.sim.SetFault(func(c simulator.Call) simulator.Fault {
		if c.Op == simulator.OpConfirm {
			return simulator.Fault{Answer: simulator.AnswerUnreached}
		}
		return simulator.Fault{}
	})
	s.expect(s.confirm(ref), 503, "ERROR", "upstream_unreachable")
	s.sim.SetFault(nil)
	s.expect(s.confirm(ref), 200, "SUCCESS", "confirmed")
	assert.Equal(t, 1, s.sim.Orders()[0].Confirms)
}

func TestAClickGivesASessionAndNoPixel(t *testing.T) {
	s := open(t)
	click := s.post("/api/landers/clicks/import/", "",
		fields{"pageType": "checkoutPage", "requestUri": "https://shop.example/checkout?affId=7&c1=a"})
	s.expect(click, 200, "SUCCESS", "accepted")
	assert.Regexp(t, `^[0-9a-f]{32}$`, click.fields()["sessionId"])
	assert.NotContains(t, click.body, "pixel")
	s.expect(s.post("/api/landers/clicks/import/", "", fields{"pageType": "adminPage"}), 422, "ERROR", "invalid")
}

func TestOrdersThatTheRulesRefuseCostNoCall(t *testing.T) {
	for _, c := range []struct {
		name  string
		order fields
		code  string
		field string
	}{
		{"a missing field", order().with("city", ""), "invalid", "city"},
		{"a product of nobody's", order().with("product1_id", "99"), "product_refused", "product1_id"},
		{"an upsale at the checkout", order().with("product1_id", "40"), "product_refused", "product1_id"},
		{"a quantity over the cap", order().with("product1_qty", "11"), "product_refused", "product1_qty"},
		{"a country without Klarna", order().with("country", "BR", "postalCode", "01310-100"), "country_refused", "country"},
		{"a card number in a text", order().with("custom1", "4111 1111 1111 1111"), "card_data", "custom1"},
		{"a card field", order().with("cardSecurityCode", "123"), "card_data", "cardSecurityCode"},
		{"a price", order().with("product1_price", "0.01"), "invalid", "product1_price"},
		{"another gateway", order().with("forceMerchantId", "8"), "invalid", "forceMerchantId"},
		{"another campaign", order().with("campaignId", "13"), "invalid", "campaignId"},
		{"credentials", order().with("loginId", "x"), "invalid", "loginId"},
		{"an order of somebody's", order().with("orderId", "63A9FBD226"), "invalid", "orderId"},
		{"another way to pay", order().with("paySource", "CREDITCARD"), "invalid", "paySource"},
		{"a test mode", order().with("forceQA", "1"), "invalid", "forceQA"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			got := s.order("key-00000001", c.order)
			s.expect(got, 422, "ERROR", c.code)
			assert.Contains(t, got.fields(), c.field)
			assert.Empty(t, s.sim.Calls())
			assert.Zero(t, s.store.Len())
			for _, line := range s.logs {
				assert.NotContains(t, line, "4111")
			}
		})
	}
}

func TestWhatTheWorkerSendsAnywayMayBeRepeatedByThePage(t *testing.T) {
	s := open(t)
	got := s.order("key-00000001", order().with("paySource", "PREPAID", "prepaidType", "KLARNA", "campaignId", "12",
		"forceMerchantId", "7", "utm_source", "x", "fbclid", "y"))
	s.expect(got, 200, "MERC_REDIRECT", "redirect")
	assert.Contains(t, s.logs[0], `"droppedFields":["fbclid","utm_source"]`)
}
