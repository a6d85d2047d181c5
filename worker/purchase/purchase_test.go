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

// noon is when the first attempt is sent, in every test.
var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// after is a moment after noon.
func after(d time.Duration) time.Time { return noon.Add(d) }

const (
	timeout = 30 * time.Second
	inTime  = timeout - time.Second
	late    = timeout + time.Second
	overdue = timeout + Grace
)

func lamp(status string) konnektive.Order {
	return konnektive.Order{ID: "A1", Status: status, Total: "49.95", Currency: "EUR", Items: []konnektive.Item{{ProductID: "34", Name: "Lamp", Qty: 1, Price: "49.95"}}}
}

// purchase is one of an order with these attempts, the newest last.
func purchase(attempts ...Attempt) *Purchase {
	return &Purchase{Kind: KindOrder, Lander: "shop.example", Created: after(-time.Second), OrderIDs: []string{"A1"}, Attempts: attempts}
}

// known is a purchase of which Order Query said this when it was asked.
func known(p *Purchase, status string, asked time.Time) *Purchase {
	p.Observe(lamp(status), asked)
	return p
}

func isOpen(key string, begun time.Time) Attempt {
	return Attempt{Keys: []string{key}, Digest: "cart", State: Open, Begun: begun}
}

func isSent(key string, at time.Time) Attempt {
	return Attempt{Keys: []string{key}, Digest: "cart", State: Sent, Begun: at, Sent: at, Deadline: at.Add(timeout)}
}

func isAnswered(key, code string, at time.Time) Attempt {
	a := isSent(key, at)
	a.State, a.Code, a.AnsweredAt = Answered, code, at.Add(time.Second)
	if code == codes.Redirect {
		a.URL = "https://klarna.example/of/" + key
	}
	return a
}

func of(cart string, a Attempt) Attempt {
	a.Digest = cart
	return a
}

func TestHowAPurchaseStands(t *testing.T) {
	const partial, declined, cancelled, refunded, complete = konnektive.StatusPartial, konnektive.StatusDeclined, konnektive.StatusCancelled, konnektive.StatusRefunded, konnektive.StatusComplete
	for _, c := range []struct {
		name string
		p    *Purchase
		at   time.Duration // after noon
		want Standing
	}{
		{"nothing has been tried", purchase(), 0, Untried},
		{"a request is at its lead", purchase(isOpen("a", noon)), Lease - 1, Running},
		{"a request died at its lead", purchase(isOpen("a", noon)), Lease, Untried},
		{"a request died at its second attempt, the first is at Klarna", purchase(isAnswered("a", codes.Redirect, noon), isOpen("b", noon)), Lease, AtKlarna},
		{"a request died at its third attempt, after a second one that died too", purchase(isAnswered("a", codes.Invalid, noon), isOpen("b", noon), isOpen("c", noon)), Lease, Refused},
		{"an import is under way", purchase(isSent("a", noon)), inTime, Running},
		{"an import has not been answered in time", purchase(isSent("a", noon)), timeout, InDoubt},
		{"long after, nobody has asked", purchase(isSent("a", noon)), 24 * time.Hour, InDoubt},
		{"PARTIAL just before the time is over", known(purchase(isSent("a", noon)), partial, after(overdue-1)), overdue, InDoubt},
		{"PARTIAL when the time is over", known(purchase(isSent("a", noon)), partial, after(overdue)), overdue, Retry},
		{"a doubtful answer, PARTIAL when the time is over", known(purchase(isAnswered("a", codes.Unknown, noon)), partial, after(overdue)), overdue, Retry},
		{"a doubtful answer, PARTIAL too early", known(purchase(isAnswered("a", codes.Unknown, noon)), partial, after(late)), overdue, InDoubt},
		{"an unusable redirect", purchase(isAnswered("a", codes.RedirectInvalid, noon)), late, InDoubt},
		{"an unusable redirect, PARTIAL when the time is over", known(purchase(isAnswered("a", codes.RedirectInvalid, noon)), partial, after(overdue)), overdue, Retry},
		{"SUCCESS, which proves nothing", purchase(isAnswered("a", codes.Pending, noon)), late, Waiting},
		{"SUCCESS, PARTIAL when the time is over", known(purchase(isAnswered("a", codes.Pending, noon)), partial, after(overdue)), overdue, Retry},
		{"at Klarna", purchase(isAnswered("a", codes.Redirect, noon)), late, AtKlarna},
		{"at Klarna, PARTIAL for ever", known(purchase(isAnswered("a", codes.Redirect, noon)), partial, after(40*time.Hour)), 40 * time.Hour, AtKlarna},
		{"at Klarna, and a status nobody knows", known(purchase(isAnswered("a", codes.Redirect, noon)), "COD_PENDING", after(late)), late, AtKlarna},
		{"in doubt, and a status nobody knows", known(purchase(isSent("a", noon)), "COD_PENDING", after(overdue)), overdue, InDoubt},
		{"declined by the answer", purchase(isAnswered("a", codes.Declined, noon)), inTime, Declined},
		{"declined at Klarna", known(purchase(isAnswered("a", codes.Redirect, noon)), declined, after(late)), late, Declined},
		{"cancelled at Klarna", known(purchase(isAnswered("a", codes.Redirect, noon)), cancelled, after(late)), late, Declined},
		{"declined while the answer is awaited", known(purchase(isSent("a", noon)), declined, after(inTime)), inTime, Declined},
		{"DECLINED, but asked before the attempt", known(purchase(isAnswered("a", codes.Redirect, noon)), declined, after(-1)), late, AtKlarna},
		{"DECLINED of an earlier attempt while the second is under way", known(purchase(isAnswered("a", codes.Declined, after(-time.Minute)), isSent("b", noon)), declined, after(inTime)), inTime, Running},
		{"DECLINED of an earlier attempt while the second is in doubt", known(purchase(isAnswered("a", codes.Declined, after(-time.Minute)), isSent("b", noon)), declined, after(late)), late, InDoubt},
		{"DECLINED of an earlier attempt after a doubtful answer", known(purchase(isAnswered("a", codes.Declined, after(-time.Minute)), isAnswered("b", codes.Unknown, noon)), declined, after(late)), late, InDoubt},
		{"DECLINED of either attempt when the time is over", known(purchase(isAnswered("a", codes.Declined, after(-time.Minute)), isSent("b", noon)), declined, after(overdue)), overdue, Declined},
		{"the second attempt declined at Klarna", known(purchase(isAnswered("a", codes.Declined, after(-time.Minute)), isAnswered("b", codes.Redirect, noon)), declined, after(late)), late, Declined},
		{"fields at fault", purchase(isAnswered("a", codes.Invalid, noon)), late, Refused},
		{"the operator's fault", purchase(isAnswered("a", codes.Misconfigured, noon)), late, Refused},
		{"an upsale taken before", purchase(isAnswered("a", codes.AlreadyTaken, noon)), late, Waiting},
		{"refunded", known(purchase(isAnswered("a", codes.Redirect, noon)), refunded, after(late)), late, Closed},
		{"paid", known(purchase(isAnswered("a", codes.Redirect, noon)), complete, after(late)), late, Paid},
		{"paid, and refunded later", known(known(purchase(isAnswered("a", codes.Redirect, noon)), complete, after(late)), refunded, after(2*late)), 2 * late, Paid},
		{"paid before anything was answered", known(purchase(isSent("a", noon)), complete, after(1)), inTime, Paid},
		{"another cart in doubt whose time is over, the first at Klarna", known(purchase(isAnswered("a", codes.Redirect, after(-time.Hour)), of("other", isSent("b", noon))), partial, after(overdue)), overdue, Retry},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, c.p.Standing(after(c.at))) })
	}
}

func TestTheWordForHowAPurchaseStands(t *testing.T) {
	for standing, want := range map[Standing]string{
		Untried: "retry", Refused: "retry", Retry: "retry", Running: "unknown", InDoubt: "unknown",
		AtKlarna: "pending", Waiting: "pending", Declined: "declined", Closed: "declined", Paid: "paid",
	} {
		assert.Equal(t, want, standing.Code(), standing)
	}
}

func TestAClaimIsDecidedByWhatIsKnown(t *testing.T) {
	const partial, declined, refunded, complete = konnektive.StatusPartial, konnektive.StatusDeclined, konnektive.StatusRefunded, konnektive.StatusComplete
	redirected := func() *Purchase { return purchase(isAnswered("a", codes.Redirect, noon)) }
	retry := func() *Purchase { return known(purchase(isSent("a", noon)), partial, after(overdue)) }
	swapped := func() *Purchase { // another cart was tried after the first was at Klarna
		return purchase(isAnswered("a", codes.Redirect, after(-time.Hour)), of("other", isAnswered("b", codes.Redirect, noon)))
	}
	swappedInDoubt := func() *Purchase {
		return known(purchase(isAnswered("a", codes.Redirect, after(-time.Hour)), of("other", isSent("b", noon))), partial, after(overdue))
	}
	full := func(state Attempt) *Purchase {
		p := purchase()
		for i := range maxAttempts {
			state.Keys = []string{fmt.Sprint("key", i)}
			p.Attempts = append(p.Attempts, state)
		}
		return p
	}
	for _, c := range []struct {
		name  string
		p     *Purchase
		key   string
		cart  string
		at    time.Duration
		asked bool
		want  Verdict
		// answered is the key of the attempt to answer from, or that begins.
		answered string
	}{
		{"the first attempt", purchase(), "a", "cart", 0, false, Begin, "a"},
		{"the same key while its request is at the lead", purchase(isOpen("a", noon)), "a", "cart", Lease - 1, false, Busy, ""},
		{"another key meanwhile", purchase(isOpen("a", noon)), "b", "cart", Lease - 1, false, Busy, ""},
		{"the same key after its request died", purchase(isOpen("a", noon)), "a", "cart", Lease, false, Begin, "a"},
		{"another key after the request died: there is nothing to ask about", purchase(isOpen("a", noon)), "b", "other", Lease, false, Begin, "b"},
		{"the same key for another cart", purchase(isOpen("a", noon)), "a", "other", 0, false, KeyReused, ""},
		{"the same key for another cart after its request died", purchase(isOpen("a", noon)), "a", "other", Lease, false, KeyReused, ""},
		{"the same key for another cart, paid", known(redirected(), complete, after(late)), "a", "other", late, true, KeyReused, ""},
		{"the same key while the import is under way", purchase(isSent("a", noon)), "a", "cart", inTime, false, Busy, ""},
		{"another key while the import is under way", purchase(isSent("a", noon)), "b", "other", inTime, false, Busy, ""},
		{"the same key after the deadline", purchase(isSent("a", noon)), "a", "cart", late, false, Ask, ""},
		{"the same key after the deadline, asked", known(purchase(isSent("a", noon)), partial, after(late)), "a", "cart", late, true, Stand, ""},
		{"another key while in doubt", purchase(isSent("a", noon)), "b", "cart", late, false, Ask, ""},
		{"another key while in doubt, asked", known(purchase(isSent("a", noon)), partial, after(late)), "b", "cart", late, true, Stand, ""},
		{"another cart while in doubt, asked", known(purchase(isSent("a", noon)), partial, after(late)), "b", "other", late, true, Stand, ""},
		{"the same key of an attempt that came to nothing", retry(), "a", "cart", overdue, true, Stand, ""},
		{"another key after it came to nothing, not asked", retry(), "b", "cart", overdue, false, Ask, ""},
		{"another key after it came to nothing", retry(), "b", "cart", overdue, true, Begin, "b"},

		{"the same key at Klarna", redirected(), "a", "cart", late, false, Answer, "a"},
		{"the same key just before the url is old", redirected(), "a", "cart", time.Second + HandOut - 1, false, Answer, "a"},
		{"the same key when the url is old", redirected(), "a", "cart", time.Second + HandOut, false, Ask, ""},
		{"the same key when the url is old, asked", redirected(), "a", "cart", time.Second + HandOut, true, Stand, ""},
		{"another key for the same cart at Klarna", redirected(), "b", "cart", late, false, Answer, "a"},
		{"another key for the same cart when the url is old", redirected(), "b", "cart", time.Second + HandOut, false, Ask, ""},
		{"another key for the same cart when the url is old, asked", redirected(), "b", "cart", time.Second + HandOut, true, Stand, ""},
		{"another cart at Klarna", redirected(), "b", "other", late, false, Ask, ""},
		{"another cart at Klarna, asked", redirected(), "b", "other", late, true, Begin, "b"},
		{"another cart of a paid order", known(redirected(), complete, after(late)), "b", "other", late, true, Stand, ""},
		{"the same key of a paid order", known(redirected(), complete, after(late)), "a", "cart", late, false, Stand, ""},
		{"a dead request's key of an order that was paid meanwhile", known(purchase(isAnswered("a", codes.Redirect, noon), of("other", isOpen("b", after(late)))), complete, after(2*late)), "b", "other", time.Hour, true, Stand, ""},

		{"the same key after a decline", purchase(isAnswered("a", codes.Declined, noon)), "a", "cart", late, false, Answer, "a"},
		{"another key after a decline, not asked", purchase(isAnswered("a", codes.Declined, noon)), "b", "cart", late, false, Ask, ""},
		{"another key after a decline", purchase(isAnswered("a", codes.Declined, noon)), "b", "cart", late, true, Begin, "b"},
		{"the same key after a decline at Klarna, not asked", known(redirected(), declined, after(late)), "a", "cart", late, false, Ask, ""},
		{"the same key after a decline at Klarna", known(redirected(), declined, after(late)), "a", "cart", late, true, Stand, ""},
		{"another key after a decline at Klarna: its url is not handed out again", known(redirected(), declined, after(late)), "b", "cart", late, true, Begin, "b"},
		{"the same key after fields at fault", purchase(isAnswered("a", codes.Invalid, noon)), "a", "cart", late, false, Answer, "a"},
		{"another key after fields at fault", purchase(isAnswered("a", codes.Invalid, noon)), "b", "mended", late, true, Begin, "b"},
		{"the same key after the operator's fault", purchase(isAnswered("a", codes.Misconfigured, noon)), "a", "cart", late, false, Answer, "a"},
		{"the same key after SUCCESS", purchase(isAnswered("a", codes.Pending, noon)), "a", "cart", late, false, Ask, ""},
		{"the same key after SUCCESS, asked", purchase(isAnswered("a", codes.Pending, noon)), "a", "cart", late, true, Stand, ""},
		{"another key after SUCCESS, asked", purchase(isAnswered("a", codes.Pending, noon)), "b", "cart", late, true, Stand, ""},
		{"the same key of an upsale taken before", purchase(isAnswered("a", codes.AlreadyTaken, noon)), "a", "cart", late, false, Answer, "a"},
		{"the same key after an unusable redirect", purchase(isAnswered("a", codes.RedirectInvalid, noon)), "a", "cart", late, false, Answer, "a"},
		{"another key after an unusable redirect, asked", purchase(isAnswered("a", codes.RedirectInvalid, noon)), "b", "cart", late, true, Stand, ""},
		{"the same key after a refund", known(redirected(), refunded, after(late)), "a", "cart", late, true, Stand, ""},
		{"another key after a refund", known(redirected(), refunded, after(late)), "b", "other", late, true, Stand, ""},

		{"the first key after another cart went to Klarna, not asked", swapped(), "a", "cart", late, false, Ask, ""},
		{"the first key after another cart went to Klarna", swapped(), "a", "cart", late, true, Stand, ""},
		{"the first cart again after another cart went to Klarna", swapped(), "c", "cart", late, true, Begin, "c"},
		{"the first cart again after another cart came to nothing: its url is still good", swappedInDoubt(), "c", "cart", overdue, true, Answer, "a"},
		{"the other cart again after it came to nothing", swappedInDoubt(), "c", "other", overdue, true, Begin, "c"},
		{"the first cart again, but its url is old", swappedInDoubt(), "c", "cart", HandOut, true, Begin, "c"},
		{"the first cart again after another cart was refused", purchase(isAnswered("a", codes.Redirect, noon), of("other", isAnswered("b", codes.Invalid, after(1)))), "c", "cart", late, true, Answer, "a"},
		{"a first key in doubt, and the same cart is at Klarna under a later one", purchase(isSent("a", after(-time.Hour)), isAnswered("b", codes.Redirect, noon)), "a", "cart", late, false, Answer, "b"},
		{"the same, but that url is old", purchase(isSent("a", after(-time.Hour)), isAnswered("b", codes.Redirect, noon)), "a", "cart", time.Second + HandOut, true, Stand, ""},
		{"a first key in doubt, and another cart is at Klarna", purchase(isSent("a", after(-time.Hour)), of("other", isAnswered("b", codes.Redirect, noon))), "a", "cart", late, true, Stand, ""},
		{"a first key that was refused, and a later one is at Klarna", purchase(isAnswered("a", codes.Invalid, after(-time.Hour)), isAnswered("b", codes.Redirect, noon)), "a", "cart", late, false, Answer, "a"},
		{"a first key with SUCCESS, and a later one in doubt", purchase(isAnswered("a", codes.Pending, after(-time.Hour)), isSent("b", noon)), "a", "cart", late, false, Ask, ""},
		{"a first key with a doubtful answer, and a later one in doubt", purchase(isAnswered("a", codes.Unknown, after(-time.Hour)), isSent("b", noon)), "a", "cart", late, true, Stand, ""},
		{"a key whose attempt turned out not to have left after a later one began", purchase(isOpen("a", after(-time.Hour)), isSent("b", noon)), "a", "cart", late, true, Stand, ""},

		{"the first cart again while a later cart's request is dead", purchase(isAnswered("a", codes.Redirect, noon), of("other", isOpen("b", noon))), "c", "cart", Lease, false, Answer, "a"},
		{"the dead request's cart under another key", purchase(isAnswered("a", codes.Redirect, noon), of("other", isOpen("b", noon))), "c", "other", Lease, true, Begin, "c"},
		{"the dead request's own key, not asked", purchase(isAnswered("a", codes.Redirect, noon), of("other", isOpen("b", noon))), "b", "other", Lease, false, Ask, ""},
		{"the dead request's own key", purchase(isAnswered("a", codes.Redirect, noon), of("other", isOpen("b", noon))), "b", "other", Lease, true, Begin, "b"},
		{"the dead request's own key after a refusal", purchase(isAnswered("a", codes.Invalid, noon), of("other", isOpen("b", noon))), "b", "other", Lease, true, Begin, "b"},

		{"one attempt less than anybody needs", func() *Purchase {
			p := full(isAnswered("", codes.Declined, noon))
			p.Attempts = p.Attempts[1:]
			return p
		}(), "z", "cart", late, true, Begin, "z"},
		{"more attempts than anybody needs", full(isAnswered("", codes.Declined, noon)), "z", "cart", late, true, TooMany, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			verdict, attempt := c.p.Claim(c.key, c.cart, after(c.at), c.asked)
			require.Equal(t, c.want, verdict)
			if c.answered == "" {
				assert.Nil(t, attempt)
				return
			}
			require.NotNil(t, attempt)
			assert.Equal(t, c.answered, attempt.Keys[0])
			if verdict == Begin {
				assert.Equal(t, Attempt{Keys: []string{c.key}, Digest: c.cart, State: Open, Begun: after(c.at)}, *attempt)
				assert.Same(t, attempt, c.p.Current())
				for _, earlier := range c.p.Attempts[:len(c.p.Attempts)-1] {
					assert.NotEqual(t, Open, earlier.State, "who died makes room")
				}
			}
		})
	}
}

func TestAKeyThatJoinsAnAttemptStandsForIt(t *testing.T) {
	p := purchase(isAnswered("a", codes.Redirect, noon))
	_, attempt := p.Claim("b", "cart", after(late), false)
	assert.Equal(t, []string{"a", "b"}, attempt.Keys)
	assert.Same(t, p.ByKey("a"), p.ByKey("b"))
	require.Len(t, p.Attempts, 1)
	assert.Nil(t, p.ByKey("c"))
}

func TestAnAttemptThatIsHandedOutAgainIsTheCurrentOneAgain(t *testing.T) {
	p := known(purchase(isAnswered("a", codes.Redirect, after(-time.Hour)), of("other", isSent("b", noon))), konnektive.StatusPartial, after(overdue))
	_, attempt := p.Claim("c", "cart", after(overdue), true)
	assert.Same(t, p.Current(), attempt)
	assert.Equal(t, []string{"a", "c"}, attempt.Keys)
	require.Len(t, p.Attempts, 2)
	assert.Equal(t, []string{"b"}, p.Attempts[0].Keys)
	assert.Equal(t, AtKlarna, p.Standing(after(overdue)))
	verdict, attempt := p.Claim("c", "cart", after(overdue), false)
	assert.Equal(t, Answer, verdict)
	assert.Equal(t, "https://klarna.example/of/a", attempt.URL)
	verdict, _ = p.Claim("b", "other", after(overdue), true)
	assert.Equal(t, Stand, verdict, "the other cart's attempt has been replaced")
}

func TestWhatWasDeclinedAtKlarnaIsNoWayThereAnyMore(t *testing.T) {
	p := known(purchase(isAnswered("a", codes.Redirect, noon)), konnektive.StatusDeclined, after(late))
	p.Attempts[0].Script = "location"
	verdict, _ := p.Claim("b", "cart", after(late), true)
	require.Equal(t, Begin, verdict)
	assert.Equal(t, codes.Declined, p.Attempts[0].Code)
	assert.Empty(t, p.Attempts[0].URL)
	assert.Empty(t, p.Attempts[0].Script)
	verdict, attempt := p.Claim("a", "cart", after(time.Hour), false)
	assert.Equal(t, Answer, verdict)
	assert.Equal(t, codes.Declined, attempt.Code, "the old key hears so for good")

	t.Run("while a doubt stays a doubt", func(t *testing.T) {
		p := known(purchase(isSent("a", noon)), konnektive.StatusDeclined, after(late))
		verdict, _ := p.Claim("b", "cart", after(late), true)
		require.Equal(t, Begin, verdict)
		assert.Empty(t, p.Attempts[0].Code)
	})
}

func TestReleaseTakesBackOnlyWhatHasNotLeft(t *testing.T) {
	p := purchase(isAnswered("a", codes.Invalid, noon), isOpen("b", noon))
	p.Release("a")
	p.Release("c")
	require.Len(t, p.Attempts, 2)
	p.Release("b")
	require.Len(t, p.Attempts, 1)
	p.Release("a")
	assert.Len(t, p.Attempts, 1, "answered")
	p = purchase(isSent("a", noon))
	p.Release("a")
	assert.Len(t, p.Attempts, 1, "sent")
	p = purchase()
	p.Release("a")
	assert.Empty(t, p.Attempts)
	p = purchase(isOpen("a", noon), isSent("b", noon))
	p.Release("a")
	assert.Len(t, p.Attempts, 2, "not the current one")
}

func TestWhatOrderQuerySays(t *testing.T) {
	const partial, complete = konnektive.StatusPartial, konnektive.StatusComplete
	t.Run("COMPLETE proves a payment, for good", func(t *testing.T) {
		p := known(purchase(isSent("a", noon)), complete, after(1))
		require.True(t, p.Paid)
		known(p, konnektive.StatusRefunded, after(2))
		assert.True(t, p.Paid)
		assert.Equal(t, konnektive.StatusRefunded, p.Known.Status)
	})
	t.Run("an older observation is not taken for a newer one", func(t *testing.T) {
		p := known(known(purchase(isSent("a", noon)), partial, after(2)), konnektive.StatusDeclined, after(1))
		assert.Equal(t, partial, p.Known.Status)
		assert.Equal(t, after(2), p.KnownAt)
	})
	t.Run("an observation of the same moment is", func(t *testing.T) {
		assert.Equal(t, konnektive.StatusDeclined, known(known(purchase(), partial, after(2)), konnektive.StatusDeclined, after(2)).Known.Status)
	})
	t.Run("an older observation proves a payment all the same", func(t *testing.T) {
		p := known(known(purchase(isSent("a", noon)), partial, after(2)), complete, after(1))
		assert.True(t, p.Paid)
		assert.Equal(t, complete, p.Known.Status)
	})
	t.Run("an older observation changes nothing of what is paid", func(t *testing.T) {
		p := known(known(purchase(isSent("a", noon)), complete, after(2)), partial, after(1))
		assert.True(t, p.Paid)
		assert.Equal(t, complete, p.Known.Status)
		newer := lamp(complete)
		newer.Total = "59.95"
		p.Observe(newer, after(3))
		known(p, complete, after(1))
		assert.Equal(t, "59.95", p.Known.Total)
	})
}

func TestAnUpsaleIsPaidWhenItIsOnTheOrder(t *testing.T) {
	upsale := func(baseline int) *Purchase {
		return &Purchase{Kind: KindUpsale, OrderIDs: []string{"A1"}, OrderRef: "order", Product: "40", Baseline: baseline, Attempts: []Attempt{isSent("a", noon)}}
	}
	holding := func(status string, qty int) konnektive.Order {
		order := lamp(status)
		order.Items = append(order.Items, konnektive.Item{ProductID: "40", Qty: qty})
		return order
	}
	for _, c := range []struct {
		name     string
		baseline int
		order    konnektive.Order
		paid     bool
		known    string
	}{
		{"the order is COMPLETE, as it was before", 0, lamp("COMPLETE"), false, "PARTIAL"},
		{"the product is there", 0, holding("COMPLETE", 1), true, "COMPLETE"},
		{"the product was there before", 1, holding("COMPLETE", 1), false, "PARTIAL"},
		{"there is one more of it", 1, holding("COMPLETE", 2), true, "COMPLETE"},
		{"the product is on an order that is not paid", 0, holding("PARTIAL", 1), false, "PARTIAL"},
		{"the order was refunded", 0, holding("REFUNDED", 1), false, "REFUNDED"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := upsale(c.baseline)
			p.Observe(c.order, after(1))
			assert.Equal(t, c.paid, p.Paid)
			assert.Equal(t, c.known, p.Known.Status)
		})
	}
	t.Run("taken before, and there", func(t *testing.T) {
		p := upsale(1)
		p.Attempts[0] = isAnswered("a", codes.AlreadyTaken, noon)
		p.Observe(holding("COMPLETE", 1), after(1))
		assert.True(t, p.Paid)
	})
	t.Run("taken before, said Konnektive, but it is not there", func(t *testing.T) {
		p := upsale(0)
		p.Attempts[0] = isAnswered("a", codes.AlreadyTaken, noon)
		p.Observe(lamp("COMPLETE"), after(1))
		assert.False(t, p.Paid)
	})
	t.Run("nothing has been tried", func(t *testing.T) {
		p := upsale(1)
		p.Attempts = nil
		p.Observe(holding("COMPLETE", 1), after(1))
		assert.False(t, p.Paid)
	})
}

func TestTheTruthIsLookedForWithGrowingPauses(t *testing.T) {
	p := purchase(isSent("a", noon))
	var alarms []time.Duration
	for ; !p.Alarm().IsZero(); p.Watched++ {
		alarms = append(alarms, p.Alarm().Sub(noon))
	}
	assert.Equal(t, []time.Duration{
		time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 7 * time.Hour, 13 * time.Hour, 19 * time.Hour, 25 * time.Hour,
		31 * time.Hour, 37 * time.Hour, 43 * time.Hour, 48 * time.Hour,
	}, alarms)

	assert.Zero(t, purchase().Alarm(), "nothing has been tried")
	assert.Zero(t, purchase(isOpen("a", noon)).Alarm(), "nothing has left")
	assert.Zero(t, known(purchase(isSent("a", noon)), konnektive.StatusComplete, noon).Alarm(), "it is paid")
	assert.Equal(t, after(time.Minute), purchase(isSent("a", noon), isOpen("b", after(time.Hour))).Alarm(), "a later attempt that has not left changes nothing")
	assert.Equal(t, after(time.Minute), purchase(isSent("a", after(-time.Hour)), isSent("b", noon)).Alarm(), "a later one that has begins anew")
}

func TestARecordIsKeptForThreeDaysAfterItsLastAttempt(t *testing.T) {
	assert.Equal(t, after(-time.Second).Add(72*time.Hour), purchase().Expires())
	assert.Equal(t, after(72*time.Hour), purchase(isSent("a", noon)).Expires())
	assert.Equal(t, after(73*time.Hour), purchase(isSent("a", noon), isOpen("b", after(time.Hour))).Expires())
	assert.Equal(t, after(73*time.Hour), purchase(isSent("b", after(time.Hour)), isSent("a", noon)).Expires(), "whichever is the current one")
	assert.Equal(t, after(-time.Second).Add(72*time.Hour), purchase(isOpen("a", after(-time.Minute))).Expires())
}

func TestTheOrderInKonnektive(t *testing.T) {
	p := &Purchase{}
	assert.Empty(t, p.OrderID())
	p.Learn("")
	assert.Empty(t, p.OrderIDs)
	p.Learn("A1")
	p.Learn("B2")
	p.Learn("A1")
	assert.Equal(t, []string{"A1", "B2"}, p.OrderIDs)
	assert.Equal(t, "B2", p.OrderID(), "the newest")
	p.Observe(konnektive.Order{ID: "A1", Status: konnektive.StatusComplete}, noon)
	assert.Equal(t, "A1", p.OrderID(), "the one that is paid")
}

func TestTheTimesFitTogether(t *testing.T) {
	// An import leaves at the latest Haste after it was recorded, and may take
	// its whole time from then on. Only after that may another one be made.
	assert.Equal(t, 30*time.Second, Haste)
	assert.Equal(t, 60*time.Second, Grace)
	assert.Equal(t, 90*time.Second, Lease)
	assert.Equal(t, 24*time.Hour, HandOut)
	assert.Equal(t, 72*time.Hour, Life, "longer than a session at Klarna, which may be two days")
}
