package purchase

import (
	"context"
	"slices"
	"strings"
	"time"

	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/ledger"
)

// An Inspection is all that the ledger has of a purchase, for the operator.
type Inspection struct {
	Ref      string
	Record   *Record
	Standing Standing
	Attempts []Inspected
}

// Inspected is one attempt, how it stands, and what Order Query said of its order just now.
type Inspected struct {
	*Attempt
	Standing Standing
	Open     bool // the shopper can still pay in its session
	Asked    bool
	Now      konnektive.Order
	Failed   error // of the question
}

// Inspect finds a purchase by its ref, by the name of a session, or by an order's id in Konnektive, whichever
// lander's it is, and asks how its orders stand, as far as there is allowance, the newest first. ok is false when
// the ledger has none: it may have expired.
func (s *Service) Inspect(ctx context.Context, id string) (in Inspection, ok bool, err error) {
	ref := id
	if konnektive.IsOrderID(id) {
		hold, _, err := s.read(ctx, s.Store.Named("order\n"+strings.ToUpper(id)), 0)
		if err != nil || hold == nil {
			return in, false, err
		}
		ref = hold.Target
	} else if named, _, ok := splitSession(id); ok {
		ref = named
	}
	t, _, err := s.read(ctx, ref, 0)
	if err != nil || t == nil || t.Kind != KindOrder && t.Kind != KindUpsale {
		return in, false, err
	}
	askable := func(a *Attempt) bool { return a.OrderID != "" && a.State != Open }
	questions := 0
	for i := range t.Attempts {
		if askable(&t.Attempts[i]) {
			questions++
		}
	}
	_, allowed, err := s.Store.Read(ctx, ref, min(questions, ledger.Burst))
	if err != nil {
		return in, false, err
	}
	now := s.Now()
	in = Inspection{Ref: ref, Record: t.Record}
	in.Standing, _ = t.Standing(now)
	for i := range slices.Backward(t.Attempts) {
		a := &t.Attempts[i]
		seen := Inspected{Attempt: a, Standing: t.standing(a, now), Open: t.isOpen(a, now)}
		if askable(a) && allowed > 0 {
			allowed--
			seen.Asked = true
			seen.Now, _, seen.Failed = s.query(ctx, a.OrderID)
		}
		in.Attempts = append(in.Attempts, seen)
	}
	slices.Reverse(in.Attempts)
	return in, true, nil
}

// Until is when the attempt's session ends by itself; the zero time without one.
func (a *Attempt) Until() time.Time {
	if !a.Redirected() {
		return time.Time{}
	}
	return a.AnsweredAt.Add(SessionLife)
}
