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

func TestWhatAnObservationChanges(t *testing.T) {
	at := after(time.Hour)
	redirect := func(name string) Attempt { return answered(name, codes.Redirect, noon) }
	said := func(name, status string) observation { return observation{name, "ORDER" + name, lamp(status), at} }
	paid := func(name string) Attempt { return known(complete, after(time.Minute), redirect(name)) }
	extra := func(name string) Attempt {
		a := redirect(name)
		a.OrderID, a.Qty = "A1", 1
		return a
	}
	paidExtra := extra("a")
	paidExtra.Paid, paidExtra.Known, paidExtra.KnownAt = true, lamp(complete), after(time.Minute)
	twoExtras := lamp(complete)
	twoExtras.Items = []konnektive.Item{{ProductID: "40", Qty: 2}}
	for _, c := range []struct {
		name   string
		r      *Record
		seen   []observation
		want   bool
		events []string
	}{
		{"nothing", of(redirect("a")), nil, false, nil},
		{"nothing new of one session",
			of(known(partial, after(1), redirect("a"))), []observation{said("a", partial)}, false, nil},
		{"nothing new of the one session that is not paid",
			of(paid("a"), paid("b"), known(partial, after(1), redirect("c"))),
			[]observation{said("c", partial)}, false, nil},
		{"when it was asked, where there are several sessions",
			of(known(partial, after(1), redirect("a")), redirect("b")),
			[]observation{said("a", partial)}, true, nil},
		{"a first status", of(redirect("a")), []observation{said("a", partial)}, true, nil},
		{"that it was asked since the shopper came back",
			of(failed(after(time.Minute), known(partial, after(1), redirect("a")))),
			[]observation{said("a", partial)}, true, nil},
		{"a decline", of(known(partial, after(1), redirect("a"))), []observation{said("a", declined)}, true, nil},
		{"a payment", of(redirect("a")), []observation{said("a", complete)}, true, []string{EventPaid + " ORDERa"}},
		{"a second payment", of(paid("a"), redirect("b")), []observation{said("b", complete)}, true,
			[]string{EventPaid + " ORDERb", EventPaidTwice + " ORDERa ORDERb"}},
		{"the payment of another attempt on the same order",
			upsaleOf(paidExtra, extra("b")), []observation{{"a", "A1", twoExtras, at}}, true,
			[]string{EventPaid + " A1", EventPaidTwice + " A1 A1"}},
		{"of an attempt that is gone nothing, of the next one a status", of(redirect("a")),
			[]observation{said("gone", complete), said("a", partial)}, true, nil},
		{"of an attempt that has another order by now",
			of(redirect("a")), []observation{{"a", "OTHER", lamp(complete), at}}, false, nil},
		{"a first status, and then nothing new",
			of(redirect("a")), []observation{said("a", partial), said("a", partial)}, true, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			assert.Equal(t, c.want, d.apply(&tracked{ref: "ref", Record: c.r}, c.seen))
			assert.Equal(t, c.events, d.events)
		})
	}
}

func TestHowManyAttemptsAreAskedAbout(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name              string
		attempts, allowed int
		broken            bool
		reads, asked      int
	}{
		{"none without allowance", 3, 0, false, 0, 0},
		{"all, when there is allowance for the others", 3, 1, false, 1, 3},
		{"no more than there is allowance for", 6, 1, false, 1, 4},
		{"one alone needs no more allowance", 1, 1, false, 0, 1},
		{"as many as were allowed", 2, 2, false, 0, 2},
		{"the first one alone, when the ledger fails", 3, 1, true, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			r := of()
			for _, name := range []string{"a", "b", "c", "d", "e", "f"}[:c.attempts] {
				r.Attempts = append(r.Attempts, answered(name, codes.Redirect, noon))
			}
			if c.broken {
				d.store.fails = func(string, string) error { return errBroken }
			}
			record := &tracked{ref: d.store.New(), Record: r}
			seen, err := d.ask(ctx, record, record.unsettled(d.now), c.allowed)
			require.NoError(t, err)
			assert.Len(t, seen, c.asked)
			assert.Len(t, d.calls, c.asked)
			assert.Len(t, d.store.counted, c.reads)
		})
	}
	t.Run("a question that came to nothing does not keep the others from being asked", func(t *testing.T) {
		d := newDesk(t)
		d.answer = func(_ konnektive.Endpoint, form url.Values) (konnektive.Reply, bool) {
			return lost, form.Get("orderId") == "ORDERb"
		}
		hinted := without(answered("a", codes.Redirect, noon))
		hinted.Hint = Hint{"HINT", "12", "KLARNA"}
		record := &tracked{ref: d.store.New(), Record: of(hinted, answered("b", codes.Redirect, noon),
			answered("c", codes.Redirect, noon))}
		seen, err := d.ask(ctx, record, record.unsettled(d.now), 3)
		assert.Error(t, err)
		require.Len(t, seen, 1)
		assert.Equal(t, "ORDERc", seen[0].orderID)
	})
}

func TestWhichAttemptsAreAskedAboutInTurn(t *testing.T) {
	at := after(time.Hour)
	redirect := func(name string, asked time.Duration) Attempt {
		return known(partial, after(asked), answered(name, codes.Redirect, noon))
	}
	over := func(name string, asked time.Duration) Attempt {
		return known(declined, after(asked), redirect(name, 0))
	}
	for _, c := range []struct {
		name string
		r    *Record
		want string
	}{
		{"the one whose fate is open", of(over("a", 1), redirect("b", 2)), "ba"},
		{"of two, the one asked longest ago", of(redirect("a", 2), redirect("b", 1)), "ba"},
		{"of those that are over, the one asked longest ago", of(over("a", 2), over("b", 1)), "ba"},
		{"none, when nothing was imported", of(opened("a", noon)), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			names := ""
			for _, a := range (&tracked{Record: c.r}).inTurn(at) {
				names += a.Token
			}
			assert.Equal(t, c.want, names)
		})
	}
}

func TestAnEventIsToldOnceInARequest(t *testing.T) {
	d := newDesk(t)
	d.tell(Event{Name: EventPaid, Orders: []string{"A1"}})
	d.tell(Event{Name: EventPaid, Orders: []string{"A1"}})
	d.tell(Event{Name: EventPaid, Orders: []string{"B2"}})
	assert.Equal(t, []string{EventPaid + " A1", EventPaid + " B2"}, d.events)
	assert.NotPanics(t, func() { (&Service{}).tell(Event{Name: EventPaid}) }, "nobody listens")
}

func TestWhenAnAnswerThatFindsNoOrderIsBelieved(t *testing.T) {
	never := answered("a", codes.Redirect, noon)
	found, missed, paid := never, never, never
	found.Known.Status, missed.Known.Status, paid.Paid = partial, konnektive.StatusNotFound, true
	left, paidAndLeft, doubt := found, paid, found
	left.End, paidAndLeft.End, doubt.Code = EndFailed, EndFailed, codes.Unknown
	for _, c := range []struct {
		name   string
		r      *Record
		status string
		want   bool
	}{
		{"an order that was found before, of a session that has ended", of(left), konnektive.StatusNotFound, true},
		{"a paid one, of a session that had ended", of(paidAndLeft), konnektive.StatusNotFound, false},
		{"one that was found before, of an import in doubt", of(doubt), konnektive.StatusNotFound, false},
		{"an order that was never found", of(never), konnektive.StatusNotFound, true},
		{"one that was not found before", of(missed), konnektive.StatusNotFound, true},
		{"one that was found before", of(found), konnektive.StatusNotFound, false},
		{"one that was found before, with a status", of(found), partial, true},
		{"one that is paid", of(paid), konnektive.StatusNotFound, false},
		{"the order of an upsale", upsaleOf(never), konnektive.StatusNotFound, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, c.r.plausible(&c.r.Attempts[0], lamp(c.status), after(time.Hour)))
		})
	}
	r := of(found)
	for wait, want := range map[time.Duration]bool{SessionLife - time.Second: false, SessionLife: true} {
		assert.Equal(t, want, r.plausible(&r.Attempts[0], lamp(konnektive.StatusNotFound),
			r.Attempts[0].AnsweredAt.Add(wait)), wait)
	}
}
