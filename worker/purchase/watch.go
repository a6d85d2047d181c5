package purchase

import (
	"context"
	"time"
)

// looks says when an attempt is asked about without anybody's request, counted from the moment it was sent: a shopper
// may pay and never come back. The last look is when no session can be paid any more.
var looks = []time.Duration{
	1 * time.Minute, 5 * time.Minute, 15 * time.Minute, 60 * time.Minute,
	7 * time.Hour, 13 * time.Hour, 19 * time.Hour, 25 * time.Hour, 31 * time.Hour, 37 * time.Hour, 43 * time.Hour, SessionLife,
}

// lookAgain is how long after a look that failed the next one is made. A look that failed does not count.
const lookAgain = 10 * time.Minute

// nextLook is when the attempt is to be asked about next; the zero time when there is no need.
func (a *Attempt) nextLook() time.Time {
	if !a.mayBePaid() || a.Looks >= len(looks) {
		return time.Time{}
	}
	due := a.Sent.Add(looks[a.Looks])
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
	until := now
	if next := t.Alarm(); next.After(until) {
		until = next // the alarm's clock is not this one
	}
	due := map[string]int{} // looks so far, by token
	var attempts []*Attempt
	orders := map[string]bool{}
	for i := range t.Attempts {
		a := &t.Attempts[i]
		if next := a.nextLook(); !next.IsZero() && !next.After(until) {
			due[a.Token] = a.Looks
			if !orders[a.OrderID] {
				attempts = append(attempts, a)
			}
			orders[a.OrderID] = true
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
		before, was := due[a.Token]
		if !was || a.Looks != before {
			continue
		}
		changed = true
		if a.KnownAt.Before(then) {
			a.NotBefore = then.Add(lookAgain)
			continue
		}
		a.Looks++
	}
	return changed
}
