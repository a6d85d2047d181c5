package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/config"
	"klarna-relay/worker/ledger"
	"klarna-relay/worker/simulator"
)

// What happens seldom.

// byForm is a form as a browser without JavaScript posts it.
func (s *shop) byForm(path, key string, body fields) reply {
	form := url.Values{}
	for name, value := range body {
		form.Set(name, value)
	}
	r := httptest.NewRequest(http.MethodPost, "https://"+s.host+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "text/html,*/*;q=0.8")
	r.Header.Set("Idempotency-Key", key)
	return s.send(r)
}

// answering makes one kind of call be answered with this text.
func (s *shop) answering(op simulator.Op, body string) {
	s.sim.SetFault(func(c simulator.Call) simulator.Fault {
		if c.Op == op {
			return simulator.Fault{Answer: simulator.AnswerText, Body: body}
		}
		return simulator.Fault{}
	})
}

func TestAPageShowsWhatKonnektiveSaysAsText(t *testing.T) {
	s := open(t)
	s.answering(simulator.OpOrder, `{"result":"ERROR","message":{"shipCity":"<script>alert('x')</script> & \"more\""}}`)
	got := s.byForm("/api/order/import/", "key-of-a-page", order())
	assert.Equal(t, http.StatusUnprocessableEntity, got.StatusCode)
	assert.Contains(t, got.body, "<li><strong>City (delivery):</strong> &#60;script&#62;alert(&#39;x&#39;)"+
		"&#60;/script&#62; &#38; &#34;more&#34;</li>")
	assert.NotContains(t, got.body, "<script")
}

func TestAFieldThatKonnektiveFindsAtFaultHasAText(t *testing.T) {
	s := open(t)
	s.answering(simulator.OpOrder, `{"result":"ERROR","message":{"couponCode":["expired"],"city":"is too long"}}`)
	got := s.order("key-of-odd-fields", order())
	s.expect(got, 422, "ERROR", "invalid")
	assert.Equal(t, map[string]string{"city": "is too long", "couponCode": "Please check this entry."}, got.fields())
}

func TestAnUpsaleTakenBeforeGoesOnWithoutJavaScriptToo(t *testing.T) {
	s := open(t)
	ref := s.paidOrder("key-of-the-order", order().with("emailAddress", "taken@example.com"))
	got := s.byForm("/api/upsale/import/", "key-of-the-upsale",
		fields{"ref": ref, "product1_id": "40", "product1_qty": "1"})
	assert.Equal(t, http.StatusSeeOther, got.StatusCode, got.body)
	assert.Regexp(t, `^/thank-you\?ref=[0-9a-f]{64}$`, got.Header.Get("Location"))
}

func TestALongUserAgentIsCutForKonnektiveAndNotRefused(t *testing.T) {
	s := open(t)
	r := s.request(http.MethodPost, "/api/order/import/", "key-of-a-long-browser", order())
	r.Header.Set("User-Agent", strings.Repeat("ü", 400))
	require.Equal(t, "redirect", s.send(r).Code)
	assert.Equal(t, strings.Repeat("ü", 300), s.sim.Calls(simulator.OpOrder)[0].Fields["userAgent"])
}

func TestWithoutCloudflareTheShopperIsOnThisMachine(t *testing.T) {
	s := open(t)
	s.address = ""
	require.Equal(t, "redirect", s.order("key-of-a-developer", order()).Code)
	assert.Equal(t, "127.0.0.1", s.sim.Calls(simulator.OpOrder)[0].Fields["ipAddress"])
}

func TestALeadIsAddedToAPurchaseOfThisLanderOnly(t *testing.T) {
	s := open(t)
	s.expect(s.post("/api/leads/import/", "", order().with("ref", strings.Repeat("0", 64))), http.StatusNotFound, "ERROR",
		"ref_unknown")
	ref := s.post("/api/leads/import/", "", order()).Ref
	require.NotEmpty(t, ref)
	s.host = otherHost
	s.expect(s.post("/api/leads/import/", "", order().with("ref", ref)), http.StatusNotFound, "ERROR", "ref_unknown")
	assert.Len(t, s.sim.Calls(), 1, "what is refused costs no call")
}

func TestALeadThatKonnektiveFindsNamelessNamesTheFields(t *testing.T) {
	s := open(t)
	s.answering(simulator.OpLead, `{"result":"ERROR","message":"First and last name are required fields."}`)
	got := s.order("key-of-the-nameless", order())
	s.expect(got, http.StatusUnprocessableEntity, "ERROR", "invalid")
	assert.NotEmpty(t, got.fields()["firstName"])
	assert.NotEmpty(t, got.fields()["lastName"])
	assert.Empty(t, s.sim.Calls(simulator.OpOrder), "and nothing was ordered")
}

func TestAnOrderCannotHaveBeenTakenLikeAnUpsale(t *testing.T) {
	s := open(t)
	s.answering(simulator.OpOrder, `{"result":"ERROR","message":"This upsale was already taken."}`)
	got := s.order("key-of-a-strange-order", order())
	s.expect(got, http.StatusAccepted, "PENDING", "pending")
}

func TestWhatFollowsAPaidOrderIsAboutTheOneThatWasPaid(t *testing.T) {
	s := open(t)
	first := s.order("key-of-the-first-cart", order())
	paid := s.sim.Orders()[0].ID
	s.answering(simulator.OpOrder,
		`{"result":"MERC_REDIRECT","message":{"url":"https://klarna.example/second","orderId":"FFFFFFFFFF"}}`)
	second := s.order("key-of-the-second-cart", order().with("product1_qty", "2", "ref", first.Ref))
	s.expect(second, 200, "MERC_REDIRECT", "redirect")
	s.sim.SetFault(nil)
	s.pay(first.url()) // in the tab that was still open
	s.expect(s.status(first.Ref), 200, "SUCCESS", "paid")

	s.expect(s.upsale("key-of-the-upsale", first.Ref), 200, "MERC_REDIRECT", "redirect")
	assert.Equal(t, paid, s.sim.Calls(simulator.OpUpsale)[0].Fields["orderId"])
	s.expect(s.confirm(first.Ref), 200, "SUCCESS", "confirmed")
	assert.Equal(t, paid, s.sim.Calls(simulator.OpConfirm)[0].Fields["orderId"])
}

func TestTheContinuationIsNoWayIntoASessionThatHasAnAddress(t *testing.T) {
	s := open(t)
	first := s.order("key-of-a-url", order())
	assert.Equal(t, http.StatusNotFound, s.get("/api/klarna/continue/"+first.Ref).StatusCode)
	got := s.get(s.back(first.url(), "continue"))
	assert.Equal(t, http.StatusSeeOther, got.StatusCode)
	assert.Equal(t, "/thank-you?ref="+first.Ref, got.Header.Get("Location"))
}

func TestOnADevelopersMachineAScriptMayLeadToThisMachine(t *testing.T) {
	for value, want := range map[string]bool{"": false, "1": true} {
		vars := settings()
		vars[config.NameLoopbackHTTP] = value
		s := openWith(t, vars, simulator.Options{})
		page := s.order("key-of-a-script", order().with("emailAddress", "script@example.com")).url()
		policy := s.get(strings.TrimPrefix(page, "https://shop.example")).Header.Get("Content-Security-Policy")
		require.Contains(t, policy, "form-action https:")
		assert.Equal(t, want, strings.Contains(policy, "http://127.0.0.1:*"), policy)
	}
}

func TestAConfirmationInDoubtIsNotRepeated(t *testing.T) {
	s := open(t)
	ref := s.paidOrder("key-of-the-order", order())
	s.answering(simulator.OpConfirm, `{"result":"ERROR","message":"Some new text"}`)
	s.expect(s.confirm(ref), http.StatusAccepted, "PENDING", "unknown")
	s.confirm(ref)
	assert.Len(t, s.sim.Calls(simulator.OpConfirm), 1)
}

func TestAConfirmationThatTheOperatorsFaultPreventedIsSentOnceThatIsCured(t *testing.T) {
	s := open(t)
	ref := s.paidOrder("key-of-the-order", order())
	s.sim.Set(func(set *simulator.Settings) { set.RefusedAddress = "203.0.113.99" })
	s.expect(s.confirm(ref), http.StatusServiceUnavailable, "ERROR", "misconfigured")
	s.sim.Set(func(set *simulator.Settings) { set.RefusedAddress = "" })
	for range 2 {
		s.expect(s.confirm(ref), http.StatusOK, "SUCCESS", "confirmed")
	}
	assert.Equal(t, 1, s.sim.Orders()[0].Confirms)
}

func TestAKeyOfAnOrderIsNoKeyOfAnUpsale(t *testing.T) {
	s := open(t)
	ref := s.paidOrder("one-key-for-both", order())
	s.expect(s.upsale("one-key-for-both", ref), http.StatusUnprocessableEntity, "ERROR", "key_reused")
	assert.Empty(t, s.sim.Calls(simulator.OpUpsale))
}

func TestNobodyMakesAttemptsForEver(t *testing.T) {
	s := open(t)
	ref := ""
	for i := range 200 {
		got := s.order(fmt.Sprintf("key-number-%d", i),
			order().with("emailAddress", "decline@example.com", "product1_qty", fmt.Sprint(1+i%9), "ref", ref))
		if got.StatusCode == http.StatusNotFound {
			s.expect(got, http.StatusNotFound, "ERROR", "ref_unknown")
			assert.Greater(t, i, 8, "an honest shopper tries more than once")
			assert.Len(t, s.sim.Calls(simulator.OpOrder), i)
			s.expect(s.order("another-purchase", order()), 200, "MERC_REDIRECT", "redirect")
			return
		}
		s.expect(got, http.StatusPaymentRequired, "ERROR", "declined")
		ref = got.Ref
	}
	assert.Fail(t, "two hundred attempts on one order")
}

// panicking is a ledger that is out of its mind.
type panicking struct{ ledger.Store }

func (panicking) Write(context.Context, string, int64, string, time.Time, time.Time) (bool, ledger.Stored, error) {
	panic("a ledger out of its mind")
}

func TestAnAlarmThatCannotBeSeenToIsTriedAgain(t *testing.T) {
	t.Run("when something breaks", func(t *testing.T) {
		s := open(t)
		broken := s.start(settings(), s.sim, panicking{s.store})
		ref := s.order("key-00000001", order()).Ref
		s.pass(time.Hour)
		s.logs = nil
		assert.False(t, broken.Watch(context.Background(), s.reading(ref)))
		assert.Equal(t, 1, s.panics)
		require.Len(t, s.logs, 1)
		var line map[string]any
		require.NoError(t, json.Unmarshal([]byte(s.logs[0]), &line))
		assert.Equal(t, "alarm", line["route"])
		assert.Equal(t, "internal", line["code"])
		assert.NotContains(t, s.logs[0], "out of its mind")
	})
	t.Run("while the configuration has faults", func(t *testing.T) {
		vars := settings()
		vars[config.NamePassword], vars["faulty"] = "", "yes"
		assert.False(t, openWith(t, vars, simulator.Options{}).relay.Watch(context.Background(), ledger.Reading{Ref: "any"}))
	})
	t.Run("but not for a record that is no longer there", func(t *testing.T) {
		s := open(t)
		s.pass(time.Hour)
		assert.True(t, s.relay.Watch(context.Background(), s.reading(s.store.New())))
		assert.Empty(t, s.sim.Calls())
	})
}

func TestATextThatIsNoRefIsUnknownOnEveryRoute(t *testing.T) {
	s := open(t)
	ref := s.paidOrder("key-of-the-order", order())
	begun, records := len(s.sim.Calls()), s.store.Len()
	post := func(path, product string) func(string) reply {
		return func(ref string) reply { return s.post(path, "", order().with("ref", ref, "product1_id", product)) }
	}
	get := func(path string) func(string) reply {
		return func(ref string) reply { return s.get(path + url.PathEscape(ref)) }
	}
	for _, c := range []struct {
		name string
		send func(ref string) reply
	}{
		{"an order", post("/api/order/import/", "34")},
		{"an order that leaves the shopper to its lead", func(ref string) reply {
			return s.order("", fields{"ref": ref, "product1_id": "34"})
		}},
		{"a check", post("/api/order/check/", "34")},
		{"a lead", post("/api/leads/import/", "34")},
		{"an upsale", post("/api/upsale/import/", "40")},
		{"a confirmation", s.confirm},
		{"a status", get("/api/order/status/")},
		{"a return", get("/api/klarna/return/")},
		{"a failed payment", get("/api/klarna/failed/")},
		{"a continuation", get("/api/klarna/continue/")},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, text := range []string{ref + " 3", ref + " 3 3", strings.ToUpper(ref), ref[1:], "a-text", "ü"} {
				s.expect(c.send(text), http.StatusNotFound, "ERROR", "ref_unknown")
			}
		})
	}
	assert.Len(t, s.sim.Calls(), begun)
	assert.Equal(t, records, s.store.Len())

	upsale := s.upsale("key-of-the-upsale", ref)
	s.expect(upsale, http.StatusOK, "MERC_REDIRECT", "redirect")
	assert.Equal(t, upsale.url(), s.upsale("", ref+" ").url(), "spaces around it make no other ref")
	s.expect(s.confirm(" "+ref), http.StatusOK, "SUCCESS", "confirmed")
	assert.Equal(t, ref, s.order("", order().with("ref", ref+" ")).Ref)
}
