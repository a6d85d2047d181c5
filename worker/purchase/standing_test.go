package purchase

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
)

const (
	timeout  = 30 * time.Second
	inTime   = timeout - time.Millisecond
	overdue  = timeout + Grace
	complete = konnektive.StatusComplete
	partial  = konnektive.StatusPartial
	declined = konnektive.StatusDeclined
)

// of is the record of an order with these attempts, the newest last.
func of(attempts ...Attempt) *Record {
	return &Record{Kind: KindOrder, Lander: "shop.example", Created: after(-time.Second), Attempts: attempts}
}

// upsaleOf is the record of an upsale of product 40.
func upsaleOf(attempts ...Attempt) *Record {
	r := of(attempts...)
	r.Kind, r.OrderRef, r.Product = KindUpsale, "order", "40"
	return r
}

// opened is an attempt that was just begun, under the key and token of this name, for the cart "cart".
func opened(name string, at time.Time) Attempt {
	return Attempt{Keys: []string{name}, Digest: "cart", State: Open, Token: name, Begun: at}
}

// sent is one whose import may have left, for an order of the same name in capitals.
func sent(name string, at time.Time) Attempt {
	a := opened(name, at.Add(-time.Second))
	a.State, a.OrderID, a.Sent, a.Deadline = Sent, "ORDER"+name, at, at.Add(timeout)
	return a
}

// answered is one whose import was answered.
func answered(name, code string, at time.Time) Attempt {
	a := sent(name, at)
	a.State, a.Code, a.AnsweredAt = Answered, code, at.Add(time.Second)
	if code == codes.Redirect {
		a.URL = "https://klarna.example/" + name
	}
	return a
}

// cart gives the attempt another cart.
func cart(digest string, a Attempt) Attempt {
	a.Digest = digest
	return a
}

// known is an attempt of which Order Query said this when it was asked.
func known(status string, at time.Time, a Attempt) Attempt {
	r := of(a)
	r.observe(&r.Attempts[0], lamp(status), at)
	return r.Attempts[0]
}

// failed is an attempt whose shopper came back by the address for failures.
func failed(at time.Time, a Attempt) Attempt {
	a.End, a.Ended = EndFailed, at
	return a
}

func without(a Attempt) Attempt {
	a.OrderID = ""
	return a
}

func lamp(status string) konnektive.Order {
	return konnektive.Order{ID: "A1", Status: status, Total: "49.95", Currency: "EUR",
		Items: []konnektive.Item{{ProductID: "34", Name: "Lamp", Qty: 1, Price: "49.95"}}}
}

func TestHowAnAttemptStands(t *testing.T) {
	redirect, sessionOver := answered("a", codes.Redirect, noon), time.Second+SessionLife
	for _, c := range []struct {
		name string
		a    Attempt
		at   time.Duration
		want Standing
	}{
		{"begun", opened("a", noon), Lease - 1, Running},
		{"begun, and its request died", opened("a", noon), Lease, Untried},
		{"sent", sent("a", noon), inTime, Running},
		{"sent, and no answer came", sent("a", noon), timeout, InDoubt},
		{"sent, DECLINED before its answer", known(declined, after(1), sent("a", noon)), inTime, Running},
		{"no answer, DECLINED", known(declined, after(1), sent("a", noon)), timeout, Declined},
		{"no answer, CANCELLED", known("CANCELLED", after(1), sent("a", noon)), timeout, Left},
		{"no answer, PARTIAL, too early", known(partial, after(overdue-1), sent("a", noon)), overdue, InDoubt},
		{"no answer, PARTIAL", known(partial, after(overdue), sent("a", noon)), overdue, Retry},
		{"no answer, in review", known("PENDING", after(overdue), sent("a", noon)), overdue, Reviewed},
		{"no answer, a status of before it was sent", known(partial, after(-1), sent("a", noon)), overdue, InDoubt},
		{"no answer, in review before it was sent", known("PENDING", after(-1), sent("a", noon)), overdue, InDoubt},
		{"no answer, and no order to ask about", without(sent("a", noon)), overdue - 1, InDoubt},
		{"no answer, no order to ask about, and its time is over", without(sent("a", noon)), overdue, Retry},
		{"a doubt", answered("a", codes.Unknown, noon), time.Minute, InDoubt},
		{"a redirect to nowhere", answered("a", codes.RedirectInvalid, noon), time.Minute, InDoubt},
		{"SUCCESS", answered("a", codes.Pending, noon), time.Minute, Waiting},
		{"SUCCESS, PARTIAL", known(partial, after(overdue), answered("a", codes.Pending, noon)), overdue, Retry},
		{"taken before", answered("a", codes.AlreadyTaken, noon), time.Hour, Waiting},
		{"fields at fault", answered("a", codes.Invalid, noon), time.Minute, Refused},
		{"declined at the import", answered("a", codes.Declined, noon), time.Minute, Declined},
		{"at Klarna", redirect, time.Minute, AtKlarna},
		{"at Klarna, PARTIAL", known(partial, after(overdue), redirect), overdue, AtKlarna},
		{"at Klarna, in review", known("PENDING", after(1), redirect), time.Minute, Reviewed},
		{"at Klarna, DECLINED", known(declined, after(1), redirect), time.Minute, Declined},
		{"at Klarna, DECLINED, and PARTIAL later", known(partial, after(2), known(declined, after(1), redirect)),
			time.Minute, Declined},
		{"at Klarna, CANCELLED", known("CANCELLED", after(1), redirect), time.Minute, Left},
		{"at Klarna, refunded", known("REFUNDED", after(1), redirect), time.Minute, Closed},
		{"at Klarna, a status that is not known", known("COD_PENDING", after(1), redirect), time.Minute, AtKlarna},
		{"came back, not asked since", known(partial, after(time.Minute-1), failed(after(time.Minute), redirect)), time.Hour,
			AtKlarna},
		{"came back, asked since", known(partial, after(time.Minute), failed(after(time.Minute), redirect)), time.Hour,
			Left},
		{"came back, and nobody can ask", without(failed(after(time.Minute), redirect)), time.Hour, Left},
		{"about to expire", known(partial, after(sessionOver-1), redirect), sessionOver - 1, AtKlarna},
		{"expired, not asked since", known(partial, after(sessionOver-1), redirect), sessionOver, AtKlarna},
		{"expired, asked since", known(partial, after(sessionOver), redirect), sessionOver, Expired},
		{"expired, and nobody can ask", without(redirect), sessionOver, Expired},
		{"paid", known(complete, after(1), redirect), time.Minute, Paid},
		{"paid, after it came back", known(complete, after(2*time.Minute), failed(after(time.Minute), redirect)), time.Hour,
			Paid},
		{"paid, after it was declined", known(complete, after(2), known(declined, after(1), redirect)), time.Hour, Paid},
		{"paid, and refunded later", known("REFUNDED", after(2), known(complete, after(1), redirect)), time.Hour, Paid},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := of(c.a)
			assert.Equal(t, c.want, r.standing(&r.Attempts[0], after(c.at)))
		})
	}
}

func TestHowAPurchaseStands(t *testing.T) {
	at := after(time.Hour)
	redirect := func(name string) Attempt { return answered(name, codes.Redirect, noon) }
	for _, c := range []struct {
		name     string
		r        *Record
		want     Standing
		decisive string
	}{
		{"nothing was tried", of(), Untried, ""},
		{"a request died", of(opened("a", noon)), Untried, ""},
		{"a request died after a decline", of(answered("a", codes.Declined, noon), opened("b", noon)), Declined, "a"},
		{"a request died before the one that is at Klarna", of(opened("a", noon), redirect("b")), AtKlarna, "b"},
		{"the latest of those that are over decides",
			of(answered("a", codes.Declined, noon), answered("b", codes.Invalid, noon)), Refused, "b"},
		{"and the other way round", of(answered("a", codes.Invalid, noon), answered("b", codes.Declined, noon)), Declined,
			"b"},
		{"one that is open before those that are over", of(redirect("a"), answered("b", codes.Declined, noon)), AtKlarna,
			"a"},
		{"and after them", of(answered("a", codes.Declined, noon), redirect("b")), AtKlarna, "b"},
		{"the latest of those that are open", of(redirect("a"), redirect("b")), AtKlarna, "b"},
		{"a doubt before one that is open", of(answered("a", codes.Unknown, noon), redirect("b")), InDoubt, "a"},
		{"paid before all others", of(known(complete, after(1), redirect("a")), sent("b", at)), Paid, "a"},
		{"under way before a doubt", of(sent("a", noon), sent("b", at)), Running, "b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			standing, a := c.r.Standing(at)
			assert.Equal(t, c.want, standing)
			if c.decisive == "" {
				assert.Nil(t, a)
				return
			}
			require.NotNil(t, a)
			assert.Equal(t, c.decisive, a.Token)
		})
	}
}

func TestTheContractsWordsForStandings(t *testing.T) {
	for standing, want := range map[Standing][3]string{
		Untried:  {codes.Retry, "", ""},
		Refused:  {codes.Retry, "", ""},
		Declined: {codes.Declined, "", TextUpsaleDeclined},
		Left:     {codes.Declined, TextCancelled, TextUpsaleCancelled},
		Expired:  {codes.Retry, TextExpired, TextUpsaleExpired},
		Retry:    {codes.Retry, "", TextUpsaleRetry},
		Closed:   {codes.Declined, TextRefunded, TextRefunded},
		AtKlarna: {codes.Pending, "", ""},
		Waiting:  {codes.Pending, "", ""},
		Reviewed: {codes.Pending, TextReview, TextReview},
		InDoubt:  {codes.Unknown, "", ""},
		Running:  {codes.Unknown, "", ""},
		Paid:     {codes.Paid, "", ""},
	} {
		assert.Equal(t, want, [3]string{standing.Code(), standing.Text(KindOrder, true), standing.Text(KindUpsale, true)},
			standing)
		unasked := standing.Text(KindOrder, false)
		if standing == Left || standing == Expired {
			assert.Equal(t, TextUnproven, unasked, "nobody may say that nothing was charged")
		} else {
			assert.Equal(t, want[1], unasked)
		}
	}
}

func TestWhatARequestForAnImportMayDo(t *testing.T) {
	at := after(time.Hour)
	redirect := answered("a", codes.Redirect, noon)
	asked := func(a Attempt) Attempt { return known(partial, at, a) }
	full := func() *Record {
		r := of()
		for i := range maxAttempts {
			r.Attempts = append(r.Attempts, asked(answered(fmt.Sprint("n", i), codes.Declined, noon)))
		}
		return r
	}
	fewer := full()
	fewer.Attempts = fewer.Attempts[1:]
	for _, c := range []struct {
		name      string
		r         *Record
		key, cart string
		at        time.Time
		asked     bool
		want      Verdict
		answer    string
	}{
		{"the first request", of(), "a", "cart", at, false, Begin, ""},
		{"the key's own request is under way", of(opened("a", at)), "a", "cart", at, false, Busy, ""},
		{"another key's request is under way", of(opened("a", at)), "b", "cart", at, false, Busy, ""},
		{"another cart's request is under way", of(opened("a", at)), "b", "other", at, false, Busy, ""},
		{"the key is another cart's", of(redirect), "a", "other", at, true, KeyReused, ""},
		{"the key is another cart's, though that is paid", of(known(complete, at, redirect)), "a", "other", at, true,
			KeyReused, ""},
		{"a dead request's key", of(opened("a", noon)), "a", "cart", at, false, Begin, ""},
		{"another key after a dead request", of(opened("a", noon)), "b", "cart", at, false, Begin, ""},
		{"a dead request's key after a decline", of(answered("a", codes.Declined, noon), opened("b", noon)), "b", "cart", at,
			false, Ask, ""},

		{"the same key while the session is open", of(redirect), "a", "cart", at, false, Answer, "a"},
		{"the same cart while the session is open", of(redirect), "b", "cart", at, false, Answer, "a"},
		{"for 24 hours", of(redirect), "b", "cart", after(time.Second + HandOut - 1), false, Answer, "a"},
		{"then it is asked", of(redirect), "b", "cart", after(time.Second + HandOut), false, Ask, ""},
		{"and stands", of(redirect), "b", "cart", after(time.Second + HandOut), true, Stand, "a"},
		{"and for its own key", of(redirect), "a", "cart", after(time.Second + HandOut), true, Stand, "a"},
		{"another cart while the session is open", of(redirect), "b", "other", at, false, Ask, ""},
		{"gets a session of its own", of(redirect), "b", "other", at, true, Begin, ""},
		{"back to the first cart", of(redirect, cart("other", answered("b", codes.Redirect, noon))), "c", "cart", at, false,
			Answer, "a"},
		{"the first of two sessions of one cart, which has been handed out", of(redirect, answered("b", codes.Redirect, noon)),
			"c", "cart", at, false, Answer, "a"},
		{"though a later attempt was answered before it", of(answered("b", codes.Redirect, at), redirect), "c", "cart", at,
			false, Answer, "a"},
		{"an old key whose cart has a new session", of(failed(noon, redirect), answered("b", codes.Redirect, noon)), "a",
			"cart", at, false, Answer, "b"},

		{"the same cart after it was left, not asked", of(failed(noon, redirect)), "b", "cart", at, false, Ask, ""},
		{"the same cart after it was left", of(asked(failed(noon, redirect))), "b", "cart", at, true, Begin, ""},
		{"its own key after it was left", of(asked(failed(noon, redirect))), "a", "cart", at, true, Stand, "a"},
		{"its own key after it was left is asked about first", of(asked(failed(noon, redirect))), "a", "cart", at, false,
			Ask, ""},
		{"the same cart after a decline at Klarna", of(known(declined, at, redirect)), "b", "cart", at, true, Begin, ""},
		{"the same cart after the session expired", of(known(partial, after(3*SessionLife), redirect)), "b", "cart",
			after(3 * SessionLife), true, Begin, ""},

		{"the same key after a decline at the import, not asked", of(answered("a", codes.Declined, noon)), "a", "cart", at,
			false, Ask, ""},
		{"the same key after a decline at the import", of(answered("a", codes.Declined, noon)), "a", "cart", at, true,
			Answer, "a"},
		{"another key after a decline at the import", of(answered("a", codes.Declined, noon)), "b", "cart", at, true, Begin,
			""},
		{"the same key after fields at fault needs no question", of(answered("a", codes.Invalid, noon)), "a", "cart", at,
			false, Answer, "a"},
		{"another key after fields at fault", of(answered("a", codes.Invalid, noon)), "b", "cart", at, false, Begin, ""},
		{"a refused key while another one's session is open",
			of(answered("a", codes.Invalid, noon), answered("b", codes.Redirect, noon)), "a", "cart", at, true, Answer, "a"},
		{"the same key after it was taken before", of(answered("a", codes.AlreadyTaken, noon)), "a", "cart", at, true,
			Answer, "a"},
		{"another key after it was taken before", of(answered("a", codes.AlreadyTaken, noon)), "b", "cart", at, true,
			PaidBefore, "a"},
		{"another key after it was taken before, and the order was refunded",
			of(known("REFUNDED", at, answered("a", codes.AlreadyTaken, noon))), "b", "cart", at, true, Stand, "a"},

		{"the same key in doubt", of(answered("a", codes.Unknown, noon)), "a", "cart", at, false, Ask, ""},
		{"the same key in doubt, asked", of(answered("a", codes.Unknown, noon)), "a", "cart", at, true, Stand, "a"},
		{"another key in doubt", of(answered("a", codes.Unknown, noon)), "b", "cart", at, true, Stand, "a"},
		{"another cart in doubt", of(answered("a", codes.Unknown, noon)), "b", "other", at, true, Stand, "a"},
		{"another key after SUCCESS", of(answered("a", codes.Pending, noon)), "b", "cart", at, true, Stand, "a"},
		{"another cart in doubt without an order to ask about", of(without(answered("a", codes.Unknown, noon))), "b",
			"other", after(time.Minute), false, Stand, "a"},
		{"another key once the doubt came to nothing", of(asked(answered("a", codes.Unknown, noon))), "b", "cart", at, true,
			Begin, ""},
		{"the same key once the doubt came to nothing", of(asked(answered("a", codes.Unknown, noon))), "a", "cart", at, true,
			Stand, "a"},
		{"the same key after a redirect to nowhere", of(answered("a", codes.RedirectInvalid, noon)), "a", "cart", at, true,
			Answer, "a"},
		{"the same key once that came to nothing", of(asked(answered("a", codes.RedirectInvalid, noon))), "a", "cart", at,
			true, Stand, "a"},
		{"another cart while the order is reviewed", of(known("PENDING", at, answered("a", codes.Pending, noon))), "b",
			"other", at, true, Stand, "a"},
		{"another key after a refund", of(known("REFUNDED", at, redirect)), "b", "cart", at, true, Stand, "a"},

		{"the cart under another key once it is paid", of(known(complete, at, redirect)), "b", "cart", at, false, Stand, "a"},
		{"another cart once it is paid", of(known(complete, at, redirect)), "b", "other", at, false, PaidBefore, "a"},
		{"another cart's own key once the purchase is paid", of(known(complete, at, redirect), cart("other",
			answered("b", codes.Redirect, noon))), "b", "other", at, false, Stand, "a"},
		{"the same key once it is paid", of(known(complete, at, redirect)), "a", "cart", at, false, Stand, "a"},
		{"a refused key once another is paid", of(answered("x", codes.Invalid, noon), known(complete, at, redirect)), "x",
			"cart", at, false, Stand, "a"},

		{"one attempt less than the most", fewer, "z", "cart", at, true, Begin, ""},
		{"the most attempts", full(), "z", "cart", at, true, TooMany, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			verdict, a := c.r.Decide(c.key, c.cart, c.at, c.asked)
			require.Equal(t, c.want, verdict)
			if c.answer == "" {
				assert.Nil(t, a)
				return
			}
			require.NotNil(t, a)
			assert.Equal(t, c.answer, a.Token)
		})
	}
}

func TestANewAttemptTakesThePlaceOfDeadOnes(t *testing.T) {
	r := of(answered("a", codes.Declined, noon), opened("b", noon), opened("c", after(Lease)))
	a := r.begin(Attempt{Token: "d", Digest: "cart"}, after(Lease))
	assert.Equal(t, Open, a.State)
	assert.Equal(t, after(Lease), a.Begun)
	var tokens []string
	for _, a := range r.Attempts {
		tokens = append(tokens, a.Token)
	}
	assert.Equal(t, []string{"a", "c", "d"}, tokens)
	assert.Same(t, a, r.ByToken("d"))
}

func TestKeysThatJoinAnAttemptAreNotedUpToABound(t *testing.T) {
	a := answered("a", codes.Redirect, noon)
	assert.False(t, a.join("a"), "it is noted already")
	for i := range maxKeys - 1 {
		assert.True(t, a.join(fmt.Sprint("key", i)))
	}
	assert.False(t, a.join("one more"))
	assert.Len(t, a.Keys, maxKeys)
	r := of(a)
	assert.Same(t, r.ByKey("a"), r.ByKey("key0"))
	assert.Nil(t, r.ByKey("one more"))
	assert.Nil(t, r.ByToken("one more"))
}

func TestWhatOrderQuerySays(t *testing.T) {
	t.Run("COMPLETE proves a payment, once and for good", func(t *testing.T) {
		r := of(answered("a", codes.Redirect, noon))
		assert.Len(t, r.observe(&r.Attempts[0], lamp(complete), after(1)), 1)
		assert.Empty(t, r.observe(&r.Attempts[0], lamp(complete), after(2)))
		assert.Empty(t, r.observe(&r.Attempts[0], lamp("REFUNDED"), after(3)))
		assert.True(t, r.Attempts[0].Paid)
		assert.Equal(t, "REFUNDED", r.Attempts[0].Known.Status)
		assert.Empty(t, r.Attempts[0].End)
	})
	t.Run("an older observation is not taken for a newer one", func(t *testing.T) {
		a := known(declined, after(1), known(partial, after(2), answered("a", codes.Redirect, noon)))
		assert.Equal(t, partial, a.Known.Status)
		assert.Equal(t, after(2), a.KnownAt)
		assert.Empty(t, a.End)
	})
	t.Run("but it proves a payment", func(t *testing.T) {
		a := known(complete, after(1), known(partial, after(2), answered("a", codes.Redirect, noon)))
		assert.True(t, a.Paid)
	})
	t.Run("of the same moment the second one counts", func(t *testing.T) {
		a := known(declined, after(2), known(partial, after(2), answered("a", codes.Redirect, noon)))
		assert.Equal(t, EndDeclined, a.End)
		assert.Equal(t, after(2), a.Ended)
	})
	t.Run("the first end of a session counts", func(t *testing.T) {
		a := known("CANCELLED", after(2), failed(after(1), answered("a", codes.Redirect, noon)))
		assert.Equal(t, EndFailed, a.End)
		assert.Equal(t, after(1), a.Ended)
	})
}

func TestAnUpsaleIsPaidWhenItIsOnTheOrder(t *testing.T) {
	holding := func(status string, qty int) konnektive.Order {
		order := lamp(status)
		order.Items = append(order.Items, konnektive.Item{ProductID: "40", Qty: qty})
		return order
	}
	upsale := func(name string, qty int) Attempt {
		a := answered(name, codes.Redirect, noon)
		a.OrderID, a.Qty = "A1", qty
		return a
	}
	refused, paidOne, elsewhere, died := upsale("a", 1), upsale("c", 1), upsale("d", 1), opened("e", noon)
	refused.Code, paidOne.Paid, elsewhere.OrderID, died.OrderID = codes.Declined, true, "B2", "A1"
	for _, c := range []struct {
		name     string
		baseline int
		attempts []Attempt
		order    konnektive.Order
		paid     string // tokens
		standing Standing
	}{
		{"the order is COMPLETE, as it was before", 0, []Attempt{upsale("a", 1)}, lamp(complete), "", AtKlarna},
		{"the product is there", 0, []Attempt{upsale("a", 1)}, holding(complete, 1), "a", Paid},
		{"one of two pieces is there", 0, []Attempt{upsale("a", 2)}, holding(complete, 1), "a", Paid},
		{"the product was there before", 1, []Attempt{upsale("a", 1)}, holding(complete, 1), "", AtKlarna},
		{"there is one more of it", 1, []Attempt{upsale("a", 1)}, holding(complete, 2), "a", Paid},
		{"the product is on an order that is not paid", 0, []Attempt{upsale("a", 1)}, holding(partial, 1), "", AtKlarna},
		{"the order was refunded", 0, []Attempt{upsale("a", 1)}, holding("REFUNDED", 1), "", Closed},
		{"the order was cancelled", 0, []Attempt{upsale("a", 1)}, holding("CANCELLED", 1), "", Left},
		{"one of two sessions was paid: the one asked about", 0, []Attempt{upsale("a", 1), upsale("b", 1)},
			holding(complete, 1), "a", Paid},
		{"both sessions were paid", 0, []Attempt{upsale("a", 1), upsale("b", 1)}, holding(complete, 2), "ab", Paid},
		{"two pieces in one session, and one in another", 0, []Attempt{upsale("a", 2), upsale("b", 1)}, holding(complete, 2),
			"a", Paid},
		{"two pieces in each session, three are there", 0, []Attempt{upsale("a", 2), upsale("b", 2)}, holding(complete, 3),
			"a", Paid},
		{"a request that died is not paid", 0, []Attempt{upsale("a", 1), opened("b", noon)}, holding(complete, 2), "a",
			Paid},
		{"of three sessions the one that ordered as many", 0, []Attempt{upsale("a", 1), upsale("b", 2), upsale("c", 1)},
			holding(complete, 2), "b", AtKlarna},
		{"a declined import gives way to a session of its order that is not paid", 0,
			[]Attempt{refused, upsale("b", 1), paidOne, elsewhere, died}, holding(complete, 2), "b", Declined},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := upsaleOf(c.attempts...)
			r.Baseline = c.baseline
			paid := ""
			for _, a := range r.observe(&r.Attempts[0], c.order, after(time.Minute)) {
				paid += a.Token
			}
			assert.Equal(t, c.paid, paid)
			assert.Equal(t, c.standing, r.standing(&r.Attempts[0], after(time.Hour)))
			assert.Empty(t, r.observe(&r.Attempts[0], c.order, after(2*time.Minute)), "once")
		})
	}
	t.Run("the order is COMPLETE as before, and the import in doubt came to nothing", func(t *testing.T) {
		r := upsaleOf(upsale("a", 1))
		r.Attempts[0].Code = codes.Unknown
		assert.Empty(t, r.observe(&r.Attempts[0], lamp(complete), after(overdue)))
		assert.Equal(t, Retry, r.standing(&r.Attempts[0], after(overdue)))
	})
	t.Run("what the order says counts for all that were sent to it, and for no other attempt", func(t *testing.T) {
		preparing, elsewhere := opened("b", noon), answered("c", codes.Redirect, noon)
		preparing.OrderID = "A1"
		r := upsaleOf(upsale("a", 1), preparing, elsewhere, upsale("d", 1))
		r.observe(&r.Attempts[0], lamp("CANCELLED"), after(time.Minute))
		var learned []string
		for _, a := range r.Attempts {
			if !a.KnownAt.IsZero() {
				learned = append(learned, a.Token)
			}
		}
		assert.Equal(t, []string{"a", "d"}, learned)
	})
	t.Run("taken before, and there", func(t *testing.T) {
		r := upsaleOf(upsale("a", 1))
		r.Baseline, r.Attempts[0].Code = 1, codes.AlreadyTaken
		assert.Len(t, r.observe(&r.Attempts[0], holding(complete, 1), after(1)), 1)
	})
	t.Run("taken before, said Konnektive, but it is not there", func(t *testing.T) {
		r := upsaleOf(upsale("a", 1))
		r.Attempts[0].Code = codes.AlreadyTaken
		assert.Empty(t, r.observe(&r.Attempts[0], lamp(complete), after(1)))
	})
	t.Run("taken before, but the order is not paid any more", func(t *testing.T) {
		r := upsaleOf(upsale("a", 1))
		r.Attempts[0].Code = codes.AlreadyTaken
		assert.Empty(t, r.observe(&r.Attempts[0], holding(partial, 1), after(1)))
	})
	t.Run("a session that was paid after another one was", func(t *testing.T) {
		r := upsaleOf(upsale("a", 1), upsale("b", 1))
		r.observe(&r.Attempts[0], holding(complete, 1), after(1))
		paid := r.observe(&r.Attempts[0], holding(complete, 2), after(2))
		require.Len(t, paid, 1)
		assert.Equal(t, "b", paid[0].Token)
		assert.Equal(t, []string{"A1", "A1"}, r.PaidOrders())
	})
	t.Run("an older observation ends no session", func(t *testing.T) {
		r := upsaleOf(upsale("a", 1))
		r.observe(&r.Attempts[0], lamp(complete), after(2))
		r.observe(&r.Attempts[0], lamp(declined), after(1))
		assert.Equal(t, complete, r.Attempts[0].Known.Status)
	})
}

func TestEachSessionIsWatchedToItsEnd(t *testing.T) {
	r := of(answered("a", codes.Redirect, noon))
	var alarms []time.Duration
	for ; !r.Alarm().IsZero(); r.Attempts[0].Looks++ {
		alarms = append(alarms, r.Alarm().Sub(noon))
	}
	assert.Equal(t, []time.Duration{
		time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, 16 * time.Hour, 30 * time.Hour,
		48 * time.Hour,
	}, alarms)

	ended := of(failed(after(1), answered("a", codes.Redirect, noon)))
	alarms = nil
	for !ended.Alarm().IsZero() {
		alarms = append(alarms, ended.Alarm().Sub(noon))
		ended.Attempts[0].Looks = ended.Attempts[0].pendingLook() + 1
	}
	assert.Equal(t, []time.Duration{15 * time.Minute, 6 * time.Hour, 48 * time.Hour}, alarms,
		"less often once it has ended")

	late := answered("b", codes.Redirect, after(30*time.Second))
	paid := known(complete, after(1), answered("a", codes.Redirect, noon))
	off := answered("a", codes.Redirect, noon)
	off.NotBefore = after(11 * time.Minute)
	soon := off
	soon.NotBefore = after(time.Second)
	for name, c := range map[string]struct {
		r    *Record
		want time.Duration // 0: none
	}{
		"nothing was tried":              {of(), 0},
		"nothing has left":               {of(opened("a", noon)), 0},
		"it is paid":                     {of(paid), 0},
		"fields at fault":                {of(answered("a", codes.Invalid, noon)), 0},
		"there is no order to ask about": {of(without(answered("a", codes.Redirect, noon))), 0},
		"declined at the import":         {of(answered("a", codes.Declined, noon)), time.Minute},
		"declined at Klarna": {of(known(declined, after(1), answered("a", codes.Redirect, noon))),
			15 * time.Minute},
		"came back":                           {of(failed(after(1), answered("a", codes.Redirect, noon))), 15 * time.Minute},
		"another session was paid":            {of(paid, late), 90 * time.Second},
		"the first one comes first":           {of(late, answered("a", codes.Redirect, noon)), time.Minute},
		"the first one comes first, in order": {of(answered("a", codes.Redirect, noon), late), time.Minute},
		"a look failed":                       {of(off), 11 * time.Minute},
		"a look failed long ago":              {of(soon), time.Minute},
	} {
		want := time.Time{}
		if c.want != 0 {
			want = after(c.want)
		}
		assert.Equal(t, want, c.r.Alarm(), name)
	}
}

func TestALookThatFailedIsNotUsedUp(t *testing.T) {
	r := of(known(partial, after(time.Minute), answered("a", codes.Redirect, noon)), answered("b", codes.Redirect, noon),
		answered("c", codes.Redirect, noon))
	r.Attempts[2].Looks = 3
	assert.True(t, r.looked(map[string]int{"a": 0, "b": 0, "c": 2}, after(time.Minute)))
	assert.Equal(t, 1, r.Attempts[0].Looks)
	assert.Zero(t, r.Attempts[0].NotBefore)
	assert.Equal(t, 0, r.Attempts[1].Looks, "it was not asked about")
	assert.Equal(t, after(11*time.Minute), r.Attempts[1].NotBefore)
	assert.Equal(t, 3, r.Attempts[2].Looks, "somebody else has looked")
	assert.Zero(t, r.Attempts[2].NotBefore)
	assert.False(t, r.looked(map[string]int{"a": 0, "d": 0}, after(time.Minute)))
}

func TestARecordIsKeptForThreeDaysAfterItsLastAttempt(t *testing.T) {
	assert.Equal(t, after(-time.Second).Add(72*time.Hour), of().Expires())
	assert.Equal(t, after(72*time.Hour), of(opened("a", noon)).Expires())
	assert.Equal(t, after(73*time.Hour), of(opened("a", noon), opened("b", after(time.Hour))).Expires())
	assert.Equal(t, after(73*time.Hour), of(opened("b", after(time.Hour)), opened("a", noon)).Expires())
	assert.Equal(t, after(-time.Second).Add(72*time.Hour), of(opened("a", after(-time.Minute))).Expires())
}

func TestTheNameOfASession(t *testing.T) {
	ref := "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for session, want := range map[string]string{
		Session(ref, "token"): ref + " token true", ref: ref + "  true", ref[1:]: "  false", "": "  false",
	} {
		gotRef, token, ok := splitSession(session)
		assert.Equal(t, want, fmt.Sprint(gotRef, " ", token, " ", ok))
	}
	r := of(sent("a", noon), opened("b", noon))
	assert.NotNil(t, r.session("a"))
	assert.Nil(t, r.session("b"), "nobody can come back from there")
	assert.Nil(t, r.session("c"))
}

func TestTheTimesFitTogether(t *testing.T) {
	// An import leaves at the latest SendWithin after it was recorded, and may take its whole time from then on. Only
	// after that may another one be made.
	assert.Equal(t, 30*time.Second, SendWithin)
	assert.Equal(t, 60*time.Second, Grace)
	assert.Equal(t, 90*time.Second, Lease)
	assert.Equal(t, 24*time.Hour, HandOut)
	assert.Equal(t, 48*time.Hour, SessionLife)
	assert.Equal(t, 72*time.Hour, Life, "longer than a session, for those who come back late")
	assert.Equal(t, 10*time.Minute, derivedFor)
	assert.Equal(t, SessionLife, looks[len(looks)-1].after)
	assert.True(t, looks[len(looks)-1].ended)
}
