package purchase

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
)

func TestWhenASessionIsLookedAt(t *testing.T) {
	sent := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	session := func(change func(a *Attempt)) Attempt {
		a := Attempt{State: Answered, Code: codes.Redirect, OrderID: "A1", Sent: sent}
		change(&a)
		return a
	}
	for _, c := range []struct {
		name string
		a    Attempt
		want time.Duration // after it was sent; 0: not at all
	}{
		{"a minute after it was sent", session(func(*Attempt) {}), time.Minute},
		{"at the next time in the list after each look", session(func(a *Attempt) { a.Looks = 3 }), time.Hour},
		{"for the last time when it can be paid no more", session(func(a *Attempt) { a.Looks = len(looks) - 1 }),
			SessionLife},
		{"no more after that", session(func(a *Attempt) { a.Looks = len(looks) }), 0},
		{"less often once it has ended", session(func(a *Attempt) { a.End = EndFailed }), 15 * time.Minute},
		{"less often once it has ended, later on", session(func(a *Attempt) { a.End, a.Looks = EndDeclined, 3 }),
			6 * time.Hour},
		{"to the end of its time though it has ended", session(func(a *Attempt) { a.End, a.Looks = EndFailed, 5 }),
			SessionLife},
		{"a while after a look that failed", session(func(a *Attempt) { a.NotBefore = sent.Add(2 * time.Minute) }),
			2 * time.Minute},
		{"not any more when it is paid", session(func(a *Attempt) { a.Paid = true }), 0},
		{"not while nothing has been sent", session(func(a *Attempt) { a.State = Open }), 0},
		{"not without an order to ask about", session(func(a *Attempt) { a.OrderID = "" }), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := time.Time{}
			if c.want != 0 {
				want = sent.Add(c.want)
			}
			assert.Equal(t, want, c.a.nextLook())
		})
	}
}

func TestALookThatCameToSomethingIsCountedOnce(t *testing.T) {
	sent := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	then := sent.Add(time.Minute)
	r := &Record{Attempts: []Attempt{{Token: "t", State: Answered, Code: codes.Redirect, OrderID: "A1", Sent: sent,
		KnownAt: then}}}
	due := map[string]int{"t": r.Attempts[0].pendingLook()}
	assert.True(t, r.looked(due, then))
	assert.Equal(t, 1, r.Attempts[0].Looks)
	assert.False(t, r.looked(due, then), "another alarm has counted it")
	r.Attempts[0].End, r.Attempts[0].KnownAt = EndFailed, sent.Add(15*time.Minute)
	due = map[string]int{"t": r.Attempts[0].pendingLook()}
	assert.True(t, r.looked(due, sent.Add(15*time.Minute)))
	assert.Equal(t, 3, r.Attempts[0].Looks, "the looks that were left out are over")
	due = map[string]int{"t": r.Attempts[0].pendingLook()}
	assert.True(t, r.looked(due, sent.Add(6*time.Hour)), "nothing was heard")
	assert.Equal(t, 3, r.Attempts[0].Looks, "so it is made again")
	assert.Equal(t, sent.Add(6*time.Hour+lookAgain), r.Attempts[0].NotBefore)
}

func TestOfSeveralAttemptsEachLookIsCountedByItself(t *testing.T) {
	then := after(time.Minute)
	at := func(token string, looks int, knownAt time.Time) Attempt {
		return Attempt{Token: token, State: Answered, Code: codes.Redirect, OrderID: token, Sent: noon, Looks: looks,
			KnownAt: knownAt}
	}
	r := &Record{Attempts: []Attempt{
		at("not due", 0, then), at("counted by another alarm", 1, then), at("came to nothing", 0, noon), at("heard", 0, then),
	}}
	require.True(t, r.looked(map[string]int{"counted by another alarm": 0, "came to nothing": 0, "heard": 0}, then))
	var looks []int
	var again []bool
	for _, a := range r.Attempts {
		looks, again = append(looks, a.Looks), append(again, !a.NotBefore.IsZero())
	}
	assert.Equal(t, []int{0, 1, 0, 1}, looks)
	assert.Equal(t, []bool{false, false, true, false}, again)
}

func TestTheAlarmWatchesUpsalesToo(t *testing.T) {
	d := newDesk(t)
	paid, _ := d.paidOrder("key-1")
	extra, _ := d.redirected(upsale("key-2", paid.Ref))
	d.items = `{"productId":"40","qty":1}`
	d.pass(time.Minute)
	result, ok, err := d.another().Watch(context.Background(), extra.Ref)
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, codes.Paid, result.Code)
}

func TestAnAlarmThatCannotBeWrittenIsTriedAgain(t *testing.T) {
	ctx := context.Background()
	d := newDesk(t)
	first, _ := d.redirected(order("key", "cart", ""))
	d.pass(time.Minute)
	d.store.fails = func(op, _ string) error {
		if op == "write" {
			return errBroken
		}
		return nil
	}
	_, ok, err := d.another().Watch(ctx, first.Ref)
	assert.ErrorIs(t, err, errBroken)
	assert.False(t, ok)
	assert.Zero(t, d.record(first.Ref).Attempts[0].Looks)

	d.store.fails = nil
	d.during(konnektive.OrderQuery, func() {
		_, _, err := d.store.Memory.Write(ctx, first.Ref, 3, `{"v":3}`, time.Time{}, after(Life))
		require.NoError(t, err)
	})
	_, ok, err = d.another().Watch(ctx, first.Ref)
	assert.ErrorIs(t, err, ErrNewer, "a newer version has taken over meanwhile")
	assert.False(t, ok)
}
