package purchase

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
)

// What is rare: an order that Konnektive changes by itself, one that it drops, a purchase that is paid twice.

// An hour after the page's lead, its order was completed in another way: by an agent, or for another shopper.
func TestWhatALeadWasAnsweredIsBelievedForAMomentOnly(t *testing.T) {
	ctx := context.Background()
	d := newDesk(t)
	lead, err := d.Lead(ctx, Lead{Lander: "shop.example", Whole: true, Country: "DE"})
	require.NoError(t, err)
	d.pass(5 * time.Hour)
	d.status["L1"] = complete // paid by somebody else, not through this purchase
	d.redirected(order("key", "cart", lead.Ref))
	assert.NotContains(t, d.calls, "order/import L1", "an order that is COMPLETE carries a second cart")
	d.pass(time.Minute)
	assert.NotContains(t, d.said(lead.Ref), "paid", "nobody paid in this purchase")
}

// A page's second lead may be under way while the order of the first is imported.
func TestALaterLeadHasNoCart(t *testing.T) {
	d := newDesk(t)
	var sent []string
	d.answer = func(endpoint konnektive.Endpoint, form url.Values) (konnektive.Reply, bool) {
		sent = append(sent, form.Encode())
		return konnektive.Reply{}, false
	}
	lead := Lead{Lander: "shop.example", Key: "key", Form: konnektive.Form{}.Add("product1_id", "34"),
		Again: konnektive.Form{}.Add("firstName", "Zoe")}
	for range 2 {
		_, err := d.another().Lead(context.Background(), lead)
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"product1_id=34", "firstName=Zoe&orderId=L1"}, sent)
}

// Order Query found an order once, and does not find it any more. Its session ended.
func TestAnOrderThatIsGoneDoesNotBlockThePurchase(t *testing.T) {
	d := newDesk(t)
	first, session := d.redirected(order("key-1", "cart", ""))
	d.pass(time.Minute)
	require.Equal(t, codes.Pending, d.said(first.Ref)) // PARTIAL
	gone := func(endpoint konnektive.Endpoint, form url.Values) (konnektive.Reply, bool) {
		return noOrders, endpoint == konnektive.OrderQuery && form.Get("orderId") == "L1"
	}
	d.answer = gone
	d.failed(session)
	for _, wait := range []time.Duration{time.Minute, time.Hour, 49 * time.Hour} {
		d.pass(wait)
		for _, cart := range []string{"cart", "other"} {
			_, code := d.imported(order("key-"+cart+wait.String(), cart, first.Ref))
			assert.Equal(t, codes.Redirect, code, "%s after %s", cart, wait)
		}
	}
}

// The question about one session fails each time, and another one is paid.
func TestAQuestionThatFailsEachTimeStarvesNoOther(t *testing.T) {
	d := newDesk(t)
	first, _ := d.redirected(order("key-1", "cart", ""))
	d.pass(10 * time.Second)
	require.Equal(t, codes.Pending, d.said(first.Ref))
	d.pass(10 * time.Second)
	_, _ = d.redirected(order("key-2", "other", first.Ref))
	second := d.record(first.Ref).Attempts[1].OrderID
	d.pass(10 * time.Second)
	d.said(first.Ref)
	d.status[second] = complete
	d.answer = func(endpoint konnektive.Endpoint, form url.Values) (konnektive.Reply, bool) {
		return noOrders, endpoint == konnektive.OrderQuery && form.Get("orderId") == "L1"
	}
	said := ""
	for range 30 {
		d.pass(2 * time.Second)
		said = d.said(first.Ref)
	}
	assert.Equal(t, codes.Paid, said)
}

// What a browser posted as its order is nothing that Order Query takes for an orderId.
func TestAHintThatOrderQueryRefusesDoesNotBlockThePurchase(t *testing.T) {
	ctx := context.Background()
	for _, text := range []string{`"Invalid orderId"`, `{"orderId":"is not valid"}`} {
		d := newDesk(t)
		_, err := d.hold(ctx, "shop.example", "L1", "another purchase")
		require.NoError(t, err)
		first, session := d.redirected(order("key", "cart", ""))
		require.Empty(t, d.record(first.Ref).Attempts[0].OrderID)
		d.answer = func(endpoint konnektive.Endpoint, form url.Values) (konnektive.Reply, bool) {
			return reply(`{"result":"ERROR","message":%s}`, text), endpoint == konnektive.OrderQuery && form.Get("orderId") == "77"
		}
		d.pass(time.Minute)
		_, err = d.another().ComeBack(ctx, Back{Lander: "shop.example", Session: session, CampaignID: "12",
			PrepaidType: "KLARNA", Hint: func() string { return "77" }})
		require.NoError(t, err)
		d.failed(session)
		for _, wait := range []time.Duration{time.Minute, 49 * time.Hour} {
			d.pass(wait)
			_, code := d.imported(order("key-2"+wait.String(), "other"+wait.String(), first.Ref))
			assert.Equal(t, codes.Redirect, code, "%s after %s", text, wait)
		}
	}
}

// twicePaid is a purchase with two sessions, of which the second was found paid. bothPaid has the first, whose order is
// x1, found paid too.
func twicePaid(t *testing.T, answer func(*desk, konnektive.Endpoint, url.Values) (konnektive.Reply, bool)) (d *desk,
	ref, x1 string, bothPaid func()) {
	d = newDesk(t)
	d.answer = func(endpoint konnektive.Endpoint, form url.Values) (konnektive.Reply, bool) {
		if answer == nil || x1 == "" {
			return konnektive.Reply{}, false
		}
		return answer(d, endpoint, form)
	}
	first, _ := d.redirected(order("key-1", "cart", ""))
	d.pass(time.Minute)
	_, second := d.redirected(order("key-2", "other", first.Ref))
	r := d.record(first.Ref)
	x1 = r.Attempts[0].OrderID
	d.status[r.Attempts[1].OrderID] = complete
	d.pass(time.Minute)
	back, err := d.another().ComeBack(context.Background(), Back{Lander: "shop.example", Session: second})
	require.NoError(t, err)
	require.Equal(t, codes.Paid, back.Code)
	return d, first.Ref, x1, func() {
		d.status[x1] = complete
		d.pass(6 * time.Hour)
		_, _, err := d.another().Watch(context.Background(), first.Ref)
		require.NoError(t, err)
		require.Len(t, d.record(first.Ref).PaidOrders(), 2)
	}
}

// The operator refunds one of two payments. The upsale goes to the other.
func TestAnUpsaleAfterOneOfTwoPaymentsWasRefunded(t *testing.T) {
	d, ref, x1, bothPaid := twicePaid(t, nil)
	bothPaid()
	d.status[x1] = konnektive.StatusRefunded
	d.pass(time.Minute)
	_, code := d.imported(upsale("key-u", ref))
	assert.Equal(t, codes.Redirect, code)
}

// The other payment of a purchase is found while an upsale is tried again.
func TestAnUpsaleStaysOnTheOrderThatItBeganOn(t *testing.T) {
	var x1 string
	d, ref, x1, bothPaid := twicePaid(t, func(d *desk, at konnektive.Endpoint, form url.Values) (konnektive.Reply, bool) {
		id := form.Get("orderId")
		return reply(`{"result":"SUCCESS","message":{"data":[{"orderId":%q,"orderStatus":%q,
			"items":[{"productId":"40","qty":1}]}]}}`, id, d.status[id]), at == konnektive.OrderQuery && id == x1 && d.status[id] != ""
	})
	u, session := d.redirected(upsale("key-u1", ref))
	d.pass(time.Minute)
	d.failed(session)
	bothPaid()
	d.pass(time.Minute)
	_, _ = d.redirected(upsale("key-u2", ref))
	r := d.record(u.Ref)
	assert.Equal(t, r.Attempts[0].OrderID, r.Attempts[1].OrderID, "an upsale's sessions share the order they belong to")
	d.pass(time.Minute)
	d.said(u.Ref)
	d.pass(time.Minute)
	assert.NotContains(t, d.said(u.Ref), "paid", "nobody paid the upsale")
}

// The first import of an upsale is declined, the session of the second is paid.
func TestAPaidUpsaleIsPutDownToTheSessionAtKlarna(t *testing.T) {
	d := newDesk(t)
	paid, _ := d.paidOrder("key-1")
	d.pass(time.Minute)
	d.refuse(konnektive.ImportUpsale, reply(`{"result":"ERROR","message":"Transaction Declined: no"}`))
	_, code := d.imported(upsale("key-u1", paid.Ref))
	require.Equal(t, codes.Declined, code)
	d.answer = nil
	d.pass(time.Minute)
	u, _ := d.redirected(upsale("key-u2", paid.Ref))
	d.pass(time.Minute)
	require.Equal(t, codes.Pending, d.said(u.Ref)) // the page polls once, before it is paid
	d.events = nil
	d.items = `{"productId":"40","qty":1}`
	d.pass(time.Minute)
	require.Equal(t, codes.Paid, d.said(u.Ref))
	r := d.record(u.Ref)
	assert.False(t, r.Attempts[0].Paid, "the declined one")
	assert.True(t, r.Attempts[1].Paid, "the one at Klarna")
	assert.NotContains(t, strings.Join(d.events, ","), EventPaidWithoutKlarna)
}

// A request of a page without keys, and its repeat by the network, which is held up until the first has come to nothing.
func TestWithoutAKeyARepeatThatWasHeldUpIsNoNewTry(t *testing.T) {
	d := newDesk(t)
	in := order("", "cart", "")
	in.Derived = "derived"
	d.refuse(konnektive.ImportOrder, reply(`{"result":"SUCCESS","message":{}}`))
	first, code := d.imported(in)
	require.Equal(t, codes.Pending, code)
	d.store.before = func(op, ref string) {
		if op == "read" && ref == first.Ref {
			d.store.before = nil
			d.pass(timeout + Grace)
			require.Equal(t, codes.Retry, d.said(first.Ref))
		}
	}
	_, code = d.imported(in)
	assert.Equal(t, codes.Retry, code)
	d.answer = nil
	d.pass(time.Second)
	_, code = d.imported(in)
	assert.Equal(t, codes.Redirect, code, "whoever was told so tries again")
}

// A page without keys, whose import came to nothing.
func TestWithoutAKeyARetryMayBeTriedAgain(t *testing.T) {
	d := newDesk(t)
	in := order("", "cart", "")
	in.Derived = "derived"
	d.refuse(konnektive.ImportOrder, lost)
	_, code := d.imported(in)
	require.Equal(t, codes.Unknown, code)
	d.answer = nil
	for range 9 {
		d.pass(time.Minute)
		_, code = d.imported(in)
	}
	assert.Equal(t, codes.Redirect, code)
}

// Two sessions whose order is not known; both browsers name the same order at the same time.
func TestAnOrderIsAdoptedByOneSession(t *testing.T) {
	ctx := context.Background()
	d := newDesk(t)
	d.answer = func(endpoint konnektive.Endpoint, form url.Values) (konnektive.Reply, bool) {
		if endpoint == konnektive.ImportLead {
			return reply(`{"result":"SUCCESS","message":{"orderId":"HELD","orderStatus":"PARTIAL"}}`), true
		}
		return reply(`{"result":"SUCCESS","message":{"data":[{"orderId":"X","orderStatus":"COMPLETE","campaignId":"12",
			"paySource":"PREPAID","prepaidType":"KLARNA","dateCreated":"2026-11-02 12:00:10"}]}}`), endpoint == konnektive.OrderQuery
	}
	_, err := d.hold(ctx, "shop.example", "HELD", "another")
	require.NoError(t, err)
	first, s1 := d.redirected(order("key-1", "cart", ""))
	_, s2 := d.redirected(order("key-2", "other", first.Ref))
	d.pass(time.Minute)
	back := func(session string) Back {
		return Back{Lander: "shop.example", Session: session, CampaignID: "12", PrepaidType: "KLARNA",
			Hint: func() string { return "X" }}
	}
	d.events = nil
	d.during(konnektive.OrderQuery, func() {
		_, err := d.another().ComeBack(ctx, back(s2))
		require.NoError(t, err)
	})
	_, err = d.another().ComeBack(ctx, back(s1))
	require.NoError(t, err)
	assert.NotContains(t, strings.Join(d.events, ","), EventPaidTwice)
}

// The platform delivers alarms at least once.
func TestAnAlarmThatComesTwiceUsesUpNoLook(t *testing.T) {
	d := newDesk(t)
	first, _ := d.redirected(order("key-1", "cart", ""))
	for _, at := range []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour,
		16 * time.Hour, 30 * time.Hour} {
		d.now = noon.Add(at)
		_, ok, err := d.another().Watch(context.Background(), first.Ref)
		require.NoError(t, err)
		require.True(t, ok)
	}
	require.False(t, d.record(first.Ref).Alarm().IsZero())
	d.pass(5 * time.Second)
	_, _, err := d.another().Watch(context.Background(), first.Ref)
	require.NoError(t, err)
	assert.False(t, d.record(first.Ref).Alarm().IsZero(), "the look at 48 hours is still to come")
}

// A purchase that lives on by later attempts outlives the note of whose order its first one was. Konnektive gives that
// order, which nobody paid, to another shopper.
func TestAPurchaseThatOutlivesTheNoteOfItsOrder(t *testing.T) {
	d := newDesk(t)
	expire := func() { d.store.Due(d.now) } // forgets what has expired
	d.refuse(konnektive.ImportOrder, lost)  // it never arrived, so L1 is PARTIAL and nobody has paid for it in any way
	first, code := d.imported(order("key-1", "cart 1", ""))
	require.Equal(t, codes.Unknown, code)
	d.answer = nil
	x1 := d.record(first.Ref).Attempts[0].OrderID
	for _, n := range []string{"2", "3"} {
		d.pass(71 * time.Hour)
		expire()
		_, code := d.imported(order("key-"+n, "cart "+n, first.Ref))
		require.Equal(t, codes.Redirect, code)
	}
	d.pass(3 * time.Hour) // 145 h after the first
	expire()
	// The CRM gives another shopper the order that was never paid.
	d.answer = func(endpoint konnektive.Endpoint, form url.Values) (konnektive.Reply, bool) {
		return reply(`{"result":"SUCCESS","message":{"orderId":%q,"orderStatus":"PARTIAL"}}`, x1), endpoint == konnektive.ImportLead
	}
	d.redirected(order("key-other", "other's cart", ""))
	d.answer = nil
	d.status[x1] = complete
	said := ""
	for range 10 {
		d.pass(time.Minute)
		said = d.said(first.Ref)
		_, _ = d.imported(order("key-9"+d.now.String(), "cart 9", first.Ref))
	}
	assert.NotContains(t, said, "paid", "the other one paid")
}

// An order by its ref alone, refused for a fault of the operator's, has no other order to try again with. Its order must
// not get another cart.
func TestAfterAFaultOfTheOperatorsTheSameCartAloneUsesItsOrderAgain(t *testing.T) {
	byRef := func(key, digest, ref string) Import {
		in := order(key, digest, ref)
		in.Lead = nil
		return in
	}
	d := newDesk(t)
	lead, err := d.Lead(t.Context(), Lead{Lander: "shop.example", Whole: true, Country: "DE"})
	require.NoError(t, err)
	d.refuse(konnektive.ImportOrder, reply(`{"result":"ERROR","message":"No products exist in the order"}`))
	_, code := d.imported(byRef("key", "cart", lead.Ref))
	require.Equal(t, codes.Misconfigured, code)
	d.answer, d.calls = nil, nil

	opened, err := d.Opened(t.Context(), "shop.example", lead.Ref)
	require.NoError(t, err)
	assert.True(t, opened.Whole("cart"))
	assert.False(t, opened.Whole("other cart"))

	again, session := d.redirected(byRef("key", "cart", lead.Ref))
	assert.Equal(t, lead.Ref, again.Ref)
	assert.Equal(t, []string{"order/query L1", "order/import L1"}, d.calls)
	_, code = d.imported(byRef("other", "other cart", lead.Ref))
	assert.Equal(t, codes.Invalid, code)
	assert.Equal(t, "order/query L1", d.calls[len(d.calls)-1], "nothing is imported")
	_, err = d.another().Failed(t.Context(), Back{Lander: "shop.example", Session: session})
	require.NoError(t, err)
	d.pass(time.Minute)
	_, code = d.imported(byRef("key-2", "cart", lead.Ref))
	assert.Equal(t, codes.Invalid, code, "an order that had a session is used up")
}

func TestAnUpsaleIsPutDownToTheSessionThatOrderedAsManyAsCame(t *testing.T) {
	for _, third := range []string{"was opened too", "was declined"} {
		t.Run("the third "+third, func(t *testing.T) {
			d := newDesk(t)
			paid, _ := d.paidOrder("key-1")
			cart := func(key string, qty int) Import {
				in := upsale(key, paid.Ref)
				in.Digest, in.Qty = key, qty
				return in
			}
			first, session := d.redirected(cart("one", 1))
			_, err := d.another().Failed(t.Context(), Back{Lander: "shop.example", Session: session})
			require.NoError(t, err)
			d.pass(time.Minute)
			_, session = d.redirected(cart("two", 2))
			d.pass(time.Minute)
			if third == "was declined" {
				d.refuse(konnektive.ImportUpsale, reply(`{"result":"ERROR","message":"Transaction Declined: no"}`))
			}
			d.imported(cart("three", 1))
			d.answer = nil
			d.pass(time.Minute)
			_, err = d.another().ComeBack(t.Context(), Back{Lander: "shop.example", Session: session})
			require.NoError(t, err)
			d.pass(time.Second)
			require.NotEqual(t, codes.Paid, d.said(first.Ref), "Order Query does not know it yet")
			d.pass(time.Second)
			d.events = nil

			d.items = `{"productId":"40","qty":2}`
			require.Equal(t, codes.Paid, d.said(first.Ref))
			for _, a := range d.record(first.Ref).Attempts {
				assert.Equal(t, a.Qty == 2, a.Paid, a.Digest)
			}
			assert.Len(t, d.events, 1)
		})
	}
}

func TestAnUpsaleStaysOnItsOrderWhateverItsAnswerNames(t *testing.T) {
	d := newDesk(t)
	paid, _ := d.paidOrder("key-1")
	d.refuse(konnektive.ImportUpsale, reply(`{"result":"SUCCESS","message":{"orderId":"ELSE"}}`))
	result, _ := d.imported(upsale("key-2", paid.Ref))
	assert.Equal(t, "L1", d.record(result.Ref).Attempts[0].OrderID)
}
