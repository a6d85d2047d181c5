package purchase

import (
	"cmp"
	"context"
	"time"
)

// looks says when an attempt is asked about without anybody's request, counted from the moment it was sent: a shopper
// may pay and never come back. Most shoppers pay within the hour. The last look is when no session can be paid any
// more. A session that has ended is looked at less often: a payment that arrives all the same is rare.
var looks = []struct {
	after time.Duration
	ended bool // also made for a session that has ended
}{
	{1 * time.Minute, false},
	{5 * time.Minute, false},
	{15 * time.Minute, true},
	{time.Hour, false},
	{6 * time.Hour, true},
	{16 * time.Hour, false},
	{30 * time.Hour, false},
	{SessionLife, true},
}

// lookAgain is how long after a look that failed the next one is made. A look that failed does not count.
const lookAgain = 10 * time.Minute

// otherClock is by how much the clock that raises alarms may be ahead of this one.
const otherClock = time.Minute / 2

// pendingLook is the index of the next look at the attempt; the number of looks when there is no need.
func (a *Attempt) pendingLook() int {
	if !a.mayBePaid() {
		return len(looks)
	}
	next := a.Looks
	for next < len(looks) && a.End != "" && !looks[next].ended {
		next++
	}
	return next
}

// nextLook is when the attempt is to be asked about next; the zero time when there is no need.
func (a *Attempt) nextLook() time.Time {
	next := a.pendingLook()
	if next >= len(looks) {
		return time.Time{}
	}
	due := a.Sent.Add(looks[next].after)
	if due.Before(a.NotBefore) {
		return a.NotBefore
	}
	return due
}

// Alarm is when Order Query is to be asked next without anybody's request; the zero time when there is no need. Each
// session is watched to its end, also after another one of the purchase was paid.
func (r *Record) Alarm() time.Time {
	var first time.Time
	for i := range r.Attempts {
		if due := r.Attempts[i].nextLook(); !due.IsZero() && (first.IsZero() || due.Before(first)) {
			first = due
		}
	}
	return first
}

// Watch takes the ledger's alarm: it asks about the attempts that are due, and records what it found together with the
// time of the next look. ok is false when there was nothing to do. An error means that it has to be tried again.
func (s *Service) Watch(ctx context.Context, ref string) (result Result, ok bool, err error) {
	t, allowed, err := s.read(ctx, ref, 1)
	if err != nil {
		return Result{}, false, broken(ref, err)
	}
	if t == nil || t.Kind != KindOrder && t.Kind != KindUpsale || t.Alarm().IsZero() {
		return Result{}, false, nil
	}
	now := s.Now()
	next := t.Alarm()
	if next.After(now.Add(otherClock)) {
		// The platform may deliver an alarm twice. Writing the record sets the next one again.
		if _, _, err := s.write(ctx, t); err != nil {
			return Result{}, false, broken(ref, err)
		}
		return Result{}, false, nil
	}
	until := now
	if next.After(until) {
		until = next // the alarm's clock is not this one
	}
	due := map[string]int{} // the look that is due, by token
	var attempts []*Attempt
	orders := map[string]bool{}
	for i := range t.Attempts {
		a := &t.Attempts[i]
		if next := a.nextLook(); !next.IsZero() && !next.After(until) {
			due[a.Token] = a.pendingLook()
			order := cmp.Or(a.OrderID, a.Hint.OrderID)
			if !orders[order] {
				attempts = append(attempts, a)
			}
			orders[order] = true
		}
	}
	seen, failed := s.ask(ctx, t, attempts, allowed)
	err = s.change(ctx, t, func(t *tracked) bool {
		changed := s.apply(t, seen)
		return t.looked(due, now) || changed
	})
	if err != nil {
		return Result{}, false, broken(ref, err)
	}
	result = s.stand(t, nil)
	result.Cause = failed
	return result, true, nil
}

// looked counts the looks that came to something since then, and puts the others off.
func (r *Record) looked(due map[string]int, then time.Time) (changed bool) {
	for i := range r.Attempts {
		a := &r.Attempts[i]
		look, was := due[a.Token]
		if !was || a.Looks > look {
			continue
		}
		changed = true
		if a.KnownAt.Before(then) {
			a.NotBefore = then.Add(lookAgain)
			continue
		}
		a.Looks = look + 1
	}
	return changed
}
