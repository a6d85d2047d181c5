package purchase

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"klarna-relay/worker/codes"
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
