package purchase

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
)

// Answers of a CRM that nobody has seen, and that must cost neither a sale nor goods.

var noOrders = konnektive.Read(200, `{"result":"ERROR","message":"No orders matching those parameters could be found"}`)

// hidden answers a lead with an order whose status it does not say.
func hidden(endpoint konnektive.Endpoint, _ url.Values) (konnektive.Reply, bool) {
	return reply(`{"result":"SUCCESS","message":{"orderId":"NEW"}}`), endpoint == konnektive.ImportLead
}

// finding answers as a CRM whose leads hide the status, and whose Order Query answers this.
func finding(answer konnektive.Reply) func(konnektive.Endpoint, url.Values) (konnektive.Reply, bool) {
	return func(endpoint konnektive.Endpoint, form url.Values) (konnektive.Reply, bool) {
		if endpoint == konnektive.OrderQuery {
			return answer, true
		}
		return hidden(endpoint, form)
	}
}

func (d *desk) failed(session string) Result {
	back, err := d.another().Failed(context.Background(), Back{Lander: "shop.example", Session: session})
	require.NoError(d.t, err)
	return back
}

func TestOrderQueryThatFindsNoOrderYetCostsNoSale(t *testing.T) {
	t.Run("the order of a lead that hides its status is used", func(t *testing.T) {
		d := newDesk(t)
		d.answer = finding(noOrders)
		first, _ := d.redirected(order("key", "cart", ""))
		assert.Equal(t, "NEW", d.record(first.Ref).Attempts[0].OrderID)
	})
	t.Run("another cart gets a session of its own", func(t *testing.T) {
		d := newDesk(t)
		d.refuse(konnektive.OrderQuery, noOrders)
		first, _ := d.redirected(order("key-1", "cart", ""))
		second, _ := d.redirected(order("key-2", "other", first.Ref))
		assert.Equal(t, first.Ref, second.Ref)
	})
	t.Run("a return to the failure address ends the session, and the same cart may be bought again", func(t *testing.T) {
		d := newDesk(t)
		d.refuse(konnektive.OrderQuery, noOrders)
		first, session := d.redirected(order("key-1", "cart", ""))
		assert.Equal(t, "declined cancelled", d.failed(session).Code+" "+d.failed(session).Text)
		again, _ := d.redirected(order("key-2", "cart", first.Ref))
		assert.NotEqual(t, first.URL, again.URL)
	})
	t.Run("a payment that it finds later counts", func(t *testing.T) {
		d := newDesk(t)
		d.refuse(konnektive.OrderQuery, noOrders)
		first, session := d.redirected(order("key-1", "cart", ""))
		d.failed(session)
		d.pass(time.Minute)
		d.answer, d.status["L1"] = nil, complete
		assert.Equal(t, "paid", d.said(first.Ref))
	})
	t.Run("an import that nobody heard of may be tried again after deadline and grace, not before", func(t *testing.T) {
		d := newDesk(t)
		d.answer = func(endpoint konnektive.Endpoint, _ url.Values) (konnektive.Reply, bool) {
			switch endpoint {
			case konnektive.OrderQuery:
				return noOrders, true
			case konnektive.ImportOrder:
				return lost, true
			}
			return konnektive.Reply{}, false
		}
		first, code := d.imported(order("key-1", "cart", ""))
		require.Equal(t, codes.Unknown, code)
		d.pass(timeout + Grace - time.Millisecond)
		assert.Equal(t, "unknown", d.said(first.Ref))
		d.pass(time.Second)
		assert.Equal(t, "retry", d.said(first.Ref))
	})
	t.Run("the alarm does not ask for ever", func(t *testing.T) {
		d := newDesk(t)
		d.refuse(konnektive.OrderQuery, noOrders)
		first, _ := d.redirected(order("key", "cart", ""))
		for alarm := d.record(first.Ref).Alarm(); !alarm.IsZero(); alarm = d.record(first.Ref).Alarm() {
			require.Less(t, len(d.calls), 20)
			d.now = alarm
			_, _, err := d.another().Watch(context.Background(), first.Ref)
			require.NoError(t, err)
		}
		assert.Equal(t, "retry expired", d.said(first.Ref))
	})
	t.Run("an order that was found before is not gone", func(t *testing.T) {
		d := newDesk(t)
		paid, _ := d.paidOrder("key")
		d.pass(time.Minute)
		d.refuse(konnektive.OrderQuery, noOrders)
		assert.Equal(t, "paid", d.said(paid.Ref))
		_, code := d.imported(upsale("key-u", paid.Ref))
		assert.Equal(t, codes.Unreachable, code, "whether it is still paid is not known")
		assert.Equal(t, "49.95", d.record(paid.Ref).Attempts[0].Known.Total)
	})
	t.Run("a forged order keeps nobody from another cart", func(t *testing.T) {
		d := newDesk(t)
		_, err := d.hold(context.Background(), "shop.example", "L1", "another purchase")
		require.NoError(t, err)
		first, session := d.redirected(order("key-1", "cart", ""))
		d.refuse(konnektive.OrderQuery, noOrders)
		_, err = d.another().ComeBack(context.Background(),
			Back{Lander: "shop.example", Session: session, Hint: func() string { return "FORGED" }})
		require.NoError(t, err)
		assert.Equal(t, "FORGED", d.record(first.Ref).Attempts[0].Hint.OrderID, "it may be found later")
		second, _ := d.redirected(order("key-2", "other", first.Ref))
		assert.Equal(t, first.Ref, second.Ref)
	})
}

func TestWithoutAnAnswerAboutALeadsOrderNothingIsImported(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer konnektive.Reply
		want   string
	}{
		{"no answer", lost, codes.Unreachable},
		{"not sent", notSent, codes.Unreachable},
		{"a missing grant", reply(`{"result":"ERROR","message":"User is not authorized"}`), codes.Misconfigured},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			d.answer = finding(c.answer)
			result, code := d.imported(order("key", "cart", ""))
			assert.Equal(t, c.want, code)
			assert.NotContains(t, d.calls, "order/import NEW")
			assert.Empty(t, d.record(result.Ref).Attempts)
			d.answer = hidden
			again, _ := d.redirected(order("key", "cart", ""))
			assert.Equal(t, "NEW", d.record(again.Ref).Attempts[0].OrderID, "the same key may try again")
		})
	}
}

func TestAnOperatorsFaultAtTheQuestionBeforeAnOrderIsCalledSo(t *testing.T) {
	d := newDesk(t)
	first, _ := d.redirected(order("key-1", "cart", ""))
	d.refuse(konnektive.OrderQuery, reply(`{"result":"ERROR","message":"IP must be whitelisted - 203.0.113.7"}`))
	_, code := d.imported(order("key-2", "other", first.Ref))
	assert.Equal(t, codes.Misconfigured, code)
	paid := newDesk(t)
	bought, _ := paid.paidOrder("key")
	paid.refuse(konnektive.OrderQuery, reply(`{"result":"ERROR","message":"IP must be whitelisted - 203.0.113.7"}`))
	_, code = paid.imported(upsale("key-u", bought.Ref))
	assert.Equal(t, codes.Misconfigured, code)
}

func TestAnImportThatIsAnsweredWithAnOrderOfBeforeIsNotPaidByIt(t *testing.T) {
	const (
		redirect = `{"result":"MERC_REDIRECT","message":{"url":"https://klarna.example/x","orderId":"OLD"}}`
		success  = `{"result":"SUCCESS","message":{"orderId":"OLD"}}`
	)
	for _, c := range []struct {
		name, imported, order string
		want                  string // the attempt's order
	}{
		{"COMPLETE at the moment of the redirect", redirect, `"orderStatus":"COMPLETE"`, "L1"},
		{"refunded at the moment of the redirect", redirect, `"orderStatus":"REFUNDED"`, "L1"},
		{"PARTIAL, and made long before", redirect, `"orderStatus":"PARTIAL","dateCreated":"2026-10-01 03:00:00"`, "L1"},
		{"PARTIAL", redirect, `"orderStatus":"PARTIAL"`, "OLD"},
		{"DECLINED while its session is open", redirect, `"orderStatus":"DECLINED"`, "OLD"},
		{"SUCCESS, paid by card", success, `"orderStatus":"COMPLETE","paySource":"CREDITCARD"`, "L1"},
		{"SUCCESS, prepaid by another method", success,
			`"orderStatus":"COMPLETE","paySource":"PREPAID","prepaidType":"OTHER"`, "L1"},
		{"SUCCESS, made long before", success, `"orderStatus":"COMPLETE","dateCreated":"2026-10-01 03:00:00"`, "L1"},
		{"SUCCESS, and paid by this import for all that is known", success, `"orderStatus":"COMPLETE"`, "OLD"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			d.answer = func(endpoint konnektive.Endpoint, form url.Values) (konnektive.Reply, bool) {
				switch {
				case endpoint == konnektive.ImportOrder:
					return reply("%s", c.imported), true
				case endpoint == konnektive.OrderQuery && form.Get("orderId") == "OLD":
					return reply(`{"result":"SUCCESS","message":{"data":[{"orderId":"OLD",%s}]}}`, c.order), true
				}
				return konnektive.Reply{}, false
			}
			result, code := d.imported(order("key", "cart", ""))
			assert.Equal(t, c.want, d.record(result.Ref).Attempts[0].OrderID)
			if c.want != "OLD" {
				assert.NotEqual(t, codes.Paid, code)
				assert.NotContains(t, d.said(result.Ref), "paid")
			}
		})
	}
}

func TestNewsOfAnotherSessionDoesNotHoldUpAnOrder(t *testing.T) {
	d := newDesk(t)
	first, session := d.redirected(order("key-1", "cart", ""))
	d.pass(time.Minute)
	d.meanwhile = func(endpoint konnektive.Endpoint) {
		if endpoint == konnektive.ImportLead {
			d.meanwhile = nil
			d.failed(session) // in another tab, while the lead of the second cart is under way
		}
	}
	second, _ := d.redirected(order("key-2", "other", first.Ref))
	r := d.record(first.Ref)
	require.Len(t, r.Attempts, 2)
	assert.Equal(t, EndFailed, r.Attempts[0].End)
	assert.Equal(t, second.URL, r.Attempts[1].URL)
}

func TestAPaymentWhileAnotherCartIsPreparedIsTheAnswer(t *testing.T) {
	d := newDesk(t)
	first, session := d.redirected(order("key-1", "cart", ""))
	id := d.record(first.Ref).Attempts[0].OrderID
	d.pass(time.Minute)
	d.meanwhile = func(endpoint konnektive.Endpoint) {
		if endpoint == konnektive.ImportLead {
			d.meanwhile, d.status[id] = nil, complete
			_, err := d.another().ComeBack(context.Background(), Back{Lander: "shop.example", Session: session})
			require.NoError(t, err)
		}
	}
	_, code := d.imported(order("key-2", "other", first.Ref))
	assert.Equal(t, codes.Paid, code)
	imports := 0
	for _, call := range d.calls {
		if len(call) > 12 && call[:12] == "order/import" {
			imports++
		}
	}
	assert.Equal(t, 1, imports)
}

func TestQualityAssuranceWhileASessionIsOpenLeadsBackToIt(t *testing.T) {
	d := newDesk(t)
	first, _ := d.redirected(order("key-1", "cart", ""))
	d.pass(time.Minute)
	d.status["L1"] = konnektive.StatusPending
	assert.Equal(t, "pending review", d.said(first.Ref))
	for _, key := range []string{"key-1", "key-2"} {
		again, code := d.imported(order(key, "cart", first.Ref))
		assert.Equal(t, codes.Redirect, code)
		assert.Equal(t, first.URL, again.URL)
		assert.True(t, again.Replayed)
	}
	d.pass(HandOut)
	_, code := d.imported(order("key-3", "cart", first.Ref))
	assert.Equal(t, codes.Pending, code, "the address is too old, and a second session would be a second payment")
}

func TestALeadThatIsAnsweredWithAnImportedOrderGivesNothing(t *testing.T) {
	d := newDesk(t)
	d.refuse(konnektive.ImportLead,
		reply(`{"result":"SUCCESS","message":{"orderId":"THEIRS","orderStatus":"PARTIAL","paySource":"PREPAID"}}`))
	lead, err := d.another().Lead(context.Background(), Lead{Lander: "shop.example", Whole: true, Country: "DE"})
	require.NoError(t, err)
	assert.Empty(t, d.record(lead.Ref).LeadOrderID)
	d.redirected(order("key", "cart", lead.Ref))
	assert.NotContains(t, d.calls, "order/import THEIRS")
}

func TestTheNoteOfAnOrderOutlivesEverySessionOfIt(t *testing.T) {
	note := &Record{Kind: KindHold, Created: noon}
	lastImport := (&Record{Kind: KindOrder, Created: noon}).Expires()
	assert.True(t, note.Expires().After(lastImport.Add(SessionLife)))
}

func TestAnOperatorAsksWithinTheAllowanceToo(t *testing.T) {
	d := newDesk(t)
	first, _ := d.redirected(order("key-1", "cart 1", ""))
	for _, n := range []string{"2", "3", "4"} {
		d.pass(time.Minute)
		d.redirected(order("key-"+n, "cart "+n, first.Ref))
	}
	asked := func() (which []bool) {
		in, ok, err := d.another().Inspect(context.Background(), first.Ref)
		require.NoError(t, err)
		require.True(t, ok)
		for _, a := range in.Attempts {
			which = append(which, a.Asked)
		}
		return which
	}
	d.pass(time.Minute)
	assert.Equal(t, []bool{false, true, true, true}, asked(), "the newest three")
	assert.Equal(t, []bool{false, false, false, false}, asked(), "and nobody at once again")
	d.pass(time.Second)
	assert.Equal(t, []bool{false, false, false, true}, asked())
}
