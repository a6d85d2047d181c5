package purchase

import (
	"cmp"
	"time"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
)

// Standing is how an attempt, or a whole purchase, stands. The package's doc has all ways that lead to each.
type Standing int

const (
	// Untried: nothing has been imported.
	Untried Standing = iota
	// Refused: Konnektive found fields at fault.
	Refused
	// Declined: refused by the gateway or by Klarna.
	Declined
	// Left: the shopper came back from Klarna without having paid.
	Left
	// Expired: the session was not paid while it could be.
	Expired
	// Retry: the import had no effect, and nobody was handed a way to pay.
	Retry
	// Closed: the order was refunded in Konnektive; it is not to be tried again.
	Closed
	// AtKlarna: the shopper was handed a way to Klarna, and nothing more is known.
	AtKlarna
	// Waiting: Konnektive said SUCCESS, which proves no payment.
	Waiting
	// Reviewed: the order is in Konnektive's quality assurance.
	Reviewed
	// InDoubt: the import may have left, and what became of it is not known.
	InDoubt
	// Running: a request is at work on it right now.
	Running
	// Paid: proven by Order Query.
	Paid
)

// standingCodes are the contract's words for standings, as the status route says them.
var standingCodes = map[Standing]string{
	Untried: codes.Retry, Refused: codes.Retry, Expired: codes.Retry, Retry: codes.Retry,
	Declined: codes.Declined, Left: codes.Declined, Closed: codes.Declined,
	AtKlarna: codes.Pending, Waiting: codes.Pending, Reviewed: codes.Pending,
	Running: codes.Unknown, InDoubt: codes.Unknown,
	Paid: codes.Paid,
}

// Code is the contract's word for it.
func (s Standing) Code() string { return standingCodes[s] }

// Texts that say more than the code does. Each is the name of a text for shoppers.
const (
	TextCancelled       = "cancelled"        // came back from Klarna without having paid
	TextExpired         = "expired"          // the session is over
	TextReview          = "review"           // Konnektive's quality assurance looks at the order
	TextRefunded        = "refunded"         // the order was refunded
	TextUnproven        = "unproven"         // came back, and nobody can ask whether it was paid
	TextUpsaleDeclined  = "upsale_declined"  // the order is paid, the upsale was declined
	TextUpsaleCancelled = "upsale_cancelled" // the order is paid, the shopper came back without having paid the upsale
	TextUpsaleExpired   = "upsale_expired"   // the order is paid, the upsale's session is over
	TextUpsaleRetry     = "upsale_retry"     // the order is paid, the upsale was not ordered
)

// standingTexts are the texts of standings, of an order and of an upsale.
var standingTexts = map[Standing][2]string{
	Declined: {"", TextUpsaleDeclined},
	Left:     {TextCancelled, TextUpsaleCancelled},
	Expired:  {TextExpired, TextUpsaleExpired},
	Retry:    {"", TextUpsaleRetry},
	Reviewed: {TextReview, TextReview},
	Closed:   {TextRefunded, TextRefunded},
}

// Text is the name of the text for shoppers that says how it stands; "" where the code's own text does. askable tells
// that Order Query could be asked about it.
func (s Standing) Text(kind Kind, askable bool) string {
	if (s == Left || s == Expired) && !askable {
		return TextUnproven
	}
	if kind == KindUpsale {
		return standingTexts[s][1]
	}
	return standingTexts[s][0]
}

// knownStatus is what Order Query has said of the attempt's order since the import was sent; "" when nothing.
func (r *Record) knownStatus(a *Attempt) string {
	if a.KnownAt.IsZero() || a.KnownAt.Before(a.Sent) {
		return ""
	}
	if r.Kind == KindUpsale && a.Known.Status == konnektive.StatusComplete {
		// The order was COMPLETE before, and the upsale is not on it: see observe.
		return konnektive.StatusPartial
	}
	return a.Known.Status
}

// standing says how one attempt stands at this moment.
func (r *Record) standing(a *Attempt, now time.Time) Standing {
	known := r.knownStatus(a)
	switch {
	case a.Paid:
		return Paid
	case a.State == Open && now.Before(a.Begun.Add(Lease)), a.State == Sent && now.Before(a.Deadline):
		return Running
	case a.State == Open:
		return Untried
	case known == konnektive.StatusRefunded:
		return Closed
	case a.End == EndDeclined:
		return Declined
	case a.End == EndCancelled:
		return Left
	case known == konnektive.StatusPending:
		return Reviewed
	case a.Redirected():
		return a.sessionStanding(now)
	case a.Code == codes.Declined:
		return Declined
	case a.Code == codes.Invalid:
		return Refused
	case a.Code == codes.AlreadyTaken:
		return Waiting
	}
	return a.doubtStanding(known, now)
}

// sessionStanding is how a session at Klarna stands that no status has ended. It counts as over only once Order Query
// has been asked after its end, where it can be asked.
func (a *Attempt) sessionStanding(now time.Time) Standing {
	askedSince := func(t time.Time) bool { return a.OrderID == "" || !a.KnownAt.Before(t) }
	over := a.AnsweredAt.Add(SessionLife)
	switch {
	case a.End == EndFailed && askedSince(a.Ended):
		return Left
	case !now.Before(over) && askedSince(over):
		return Expired
	}
	return AtKlarna
}

// doubtStanding is how an import stands whose answer is not known or proves nothing. Nobody was handed a way to
// pay, so when the order is still PARTIAL after deadline and Grace, or not there at all, the import had no effect.
// Without an order there is nothing to ask about, and the time alone decides.
func (a *Attempt) doubtStanding(known string, now time.Time) Standing {
	over := a.Deadline.Add(Grace)
	untouched := known == konnektive.StatusPartial || known == konnektive.StatusNotFound
	switch {
	case untouched && !a.KnownAt.Before(over), a.OrderID == "" && !now.Before(over):
		return Retry
	case a.Code == codes.Pending:
		return Waiting
	}
	return InDoubt
}

// Standing says how the purchase stands at this moment: an attempt that is paid decides, then one whose fate is open,
// then the latest. The returned attempt is the one that decided, or nil.
func (r *Record) Standing(now time.Time) (Standing, *Attempt) {
	standing, decisive := Untried, (*Attempt)(nil)
	for i := range r.Attempts {
		a := &r.Attempts[i]
		s := r.standing(a, now)
		if s == Untried || s < AtKlarna && standing >= AtKlarna || s >= AtKlarna && s < standing {
			continue
		}
		standing, decisive = s, a
	}
	return standing, decisive
}

// isOpen tells whether the shopper can still pay in the attempt's session, as far as is known.
func (r *Record) isOpen(a *Attempt, now time.Time) bool {
	if !a.Redirected() || a.End != "" {
		return false
	}
	s := r.standing(a, now)
	return s == AtKlarna || s == Reviewed
}

// mayBePaid tells whether Order Query can say something new about the attempt.
func (a *Attempt) mayBePaid() bool {
	return a.State != Open && !a.Paid && (a.OrderID != "" || a.Hint.OrderID != "") && a.Code != codes.Invalid
}

// observe takes in what Order Query said of the attempt's order when it was asked. An observation that is older than
// the one known proves a payment, and nothing else. It returns the attempts that turned out to be paid.
func (r *Record) observe(a *Attempt, order konnektive.Order, asked time.Time) (paid []*Attempt) {
	if r.Kind == KindUpsale {
		return r.observeUpsale(a, order, asked)
	}
	proof := order.Status == konnektive.StatusComplete && !a.Paid
	if asked.Before(a.KnownAt) && !proof {
		return nil
	}
	a.learn(order, asked)
	if proof {
		a.Paid = true
		return []*Attempt{a}
	}
	return nil
}

// learn keeps what Order Query said, and ends the session where the status says so.
func (a *Attempt) learn(order konnektive.Order, asked time.Time) {
	a.Known, a.KnownAt = order, asked
	if a.Paid || a.End != "" {
		return
	}
	switch order.Status {
	case konnektive.StatusDeclined:
		a.End, a.Ended = EndDeclined, asked
	case konnektive.StatusCancelled:
		a.End, a.Ended = EndCancelled, asked
	}
}

// observeUpsale: all attempts of an upsale are on the same order, which was COMPLETE before, so its status says
// nothing about the upsale. GUESS: what was paid is on the order's items. The attempt that was asked about counts
// as paid first, then the newest. One that led nobody to Klarna gives way to one that did, or that Konnektive called
// taken before.
func (r *Record) observeUpsale(asked *Attempt, order konnektive.Order, at time.Time) (paid []*Attempt) {
	taken := func(a *Attempt) bool { return a.Code == codes.AlreadyTaken }
	unpaid := func(is func(*Attempt) bool) *Attempt {
		return r.latest(func(a *Attempt) bool {
			return a.State != Open && !a.Paid && a.OrderID == asked.OrderID && is(a)
		})
	}
	if !asked.Redirected() && !taken(asked) { // nobody was sent to Klarna by it
		asked = cmp.Or(unpaid((*Attempt).Redirected), unpaid(taken), asked)
	}
	more := order.Qty(r.Product) - r.Baseline // how many were paid, by the order
	if order.Status != konnektive.StatusComplete {
		more = 0
	}
	if taken(asked) && order.Status == konnektive.StatusComplete && order.Qty(r.Product) > 0 {
		more = max(more, 1)
	}
	for i := range r.Attempts {
		if a := &r.Attempts[i]; a.State != Open && a.OrderID == asked.OrderID && !at.Before(a.KnownAt) {
			a.learn(order, at)
		}
		if r.Attempts[i].Paid {
			more -= max(r.Attempts[i].Qty, 1)
		}
	}
	if !taken(asked) && max(asked.Qty, 1) != more {
		// Of several that led to Klarna, the one that ordered as many as came is meant.
		asked = cmp.Or(unpaid(func(a *Attempt) bool { return a.Redirected() && max(a.Qty, 1) == more }), asked)
	}
	for next := asked; more > 0; {
		if next == nil || next.Paid {
			next = unpaid(func(*Attempt) bool { return true })
		}
		// A second one needs all that it ordered; the first one only something that was not there before.
		if next == nil || r.Paid() != nil && more < max(next.Qty, 1) {
			break
		}
		next.Paid = true
		next.Known, next.KnownAt = order, at
		paid = append(paid, next)
		more -= max(next.Qty, 1)
	}
	return paid
}
