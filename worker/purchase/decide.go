package purchase

import (
	"slices"
	"time"

	"klarna-relay/worker/codes"
)

// Verdict is what a request for an import is to do.
type Verdict int

const (
	// Begin: a new attempt may be made.
	Begin Verdict = iota
	// Busy: an attempt is under way.
	Busy
	// Answer: the answer is that of the attempt.
	Answer
	// Stand: no new attempt; the answer is how the attempt stands, or the purchase where there is none.
	Stand
	// Ask: Order Query has to be asked before this can be decided.
	Ask
	// KeyReused: the key stands for another cart.
	KeyReused
	// PaidBefore: the purchase is paid with another cart. Of an upsale also: Konnektive says that it was taken before.
	PaidBefore
	// TooMany: more attempts than any shopper makes.
	TooMany
)

// Decide judges a request to import the cart with this digest under this key. asked tells that Order Query has just
// been asked about the attempts that may be paid, as far as that is allowed. The attempt is the one to answer from.
func (r *Record) Decide(key, digest string, now time.Time, asked bool) (Verdict, *Attempt) {
	own := r.ByKey(key)
	if own != nil && own.Digest != digest {
		return KeyReused, nil
	}
	if paid := r.Paid(); paid != nil {
		if own == nil && r.find(func(a *Attempt) bool { return a.Paid && a.Digest == digest }) == nil {
			return PaidBefore, paid
		}
		return Stand, paid
	}
	if own != nil && r.standing(own, now) != Untried {
		return r.decideRepeat(own, now, asked)
	}
	return r.decideNew(digest, now, asked)
}

// decideRepeat judges a key that has been here before.
func (r *Record) decideRepeat(own *Attempt, now time.Time, asked bool) (Verdict, *Attempt) {
	if r.standing(own, now) == Running {
		return Busy, nil
	}
	if !own.hasFinalAnswer() {
		if open := r.openSession(own.Digest, now); open != nil {
			return Answer, open
		}
	}
	switch {
	case !asked && r.mayBePaid():
		return Ask, nil
	case own.hasFinalAnswer(), own.Code == codes.RedirectInvalid && r.standing(own, now) == InDoubt:
		return Answer, own
	}
	return Stand, own
}

// hasFinalAnswer tells whether the import was answered by something that no later event can change but a payment.
func (a *Attempt) hasFinalAnswer() bool {
	switch a.Code {
	case codes.Declined, codes.Invalid, codes.AlreadyTaken:
		return true
	}
	return false
}

// decideNew judges a key that has not been here, or whose request died before anything was imported.
func (r *Record) decideNew(digest string, now time.Time, asked bool) (Verdict, *Attempt) {
	if r.anyStands(now, Running) != nil {
		return Busy, nil
	}
	if open := r.openSession(digest, now); open != nil {
		return Answer, open
	}
	if !asked && r.mayBePaid() {
		return Ask, nil
	}
	if unresolved := r.anyStands(now, InDoubt, Waiting, Closed); unresolved != nil {
		if unresolved.Code == codes.AlreadyTaken && r.standing(unresolved, now) == Waiting {
			return PaidBefore, unresolved
		}
		return Stand, unresolved
	}
	if same := r.latest(func(a *Attempt) bool { return a.Digest == digest && r.isOpen(a, now) }); same != nil {
		return Stand, same // its address is too old to be handed out
	}
	if reviewed := r.anyStands(now, Reviewed); reviewed != nil {
		return Stand, reviewed
	}
	if len(r.Attempts) >= maxAttempts {
		return TooMany, nil
	}
	return Begin, nil
}

// stillAllows tells whether an attempt that has not been sent may be made, as the other attempts stand now.
func (r *Record) stillAllows(token string, now time.Time) bool {
	others := *r
	others.Attempts = slices.Clone(r.Attempts)
	others.remove(token)
	verdict, _ := others.decideNew(r.ByToken(token).Digest, now, true)
	return verdict == Begin
}

// openSession is the session with this cart that the shopper can still pay in and may be sent to. There can be several
// when an import was answered after another attempt had been made. Then it is the one whose answer was recorded first,
// since that one has been handed out.
func (r *Record) openSession(digest string, now time.Time) *Attempt {
	var first *Attempt
	for i := range r.Attempts {
		a := &r.Attempts[i]
		if a.Digest == digest && r.isOpen(a, now) && (first == nil || a.AnsweredAt.Before(first.AnsweredAt)) {
			first = a
		}
	}
	if first == nil || !now.Before(first.AnsweredAt.Add(HandOut)) {
		return nil
	}
	return first
}

// anyStands is the newest attempt that stands in one of these ways, or nil.
func (r *Record) anyStands(now time.Time, ways ...Standing) *Attempt {
	return r.latest(func(a *Attempt) bool {
		s := r.standing(a, now)
		for _, way := range ways {
			if s == way {
				return true
			}
		}
		return false
	})
}

// mayBePaid tells whether Order Query can say something new about the purchase.
func (r *Record) mayBePaid() bool {
	return r.find((*Attempt).mayBePaid) != nil
}

// begin adds a new attempt, in place of those whose requests died before they imported anything.
func (r *Record) begin(a Attempt, now time.Time) *Attempt {
	r.Attempts = slices.DeleteFunc(r.Attempts, func(a Attempt) bool { return r.standing(&a, now) == Untried })
	a.State, a.Begun = Open, now
	r.Attempts = append(r.Attempts, a)
	return &r.Attempts[len(r.Attempts)-1]
}

// join notes with an attempt that a key stands for it, and tells whether that is new.
func (a *Attempt) join(key string) bool {
	if a.has(key) || len(a.Keys) >= maxKeys {
		return false
	}
	a.Keys = append(a.Keys, key)
	return true
}
