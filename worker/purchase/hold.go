package purchase

import (
	"context"
	"errors"
)

var errNoName = errors.New("ledger: no object could be named; is the binding LEDGER there?")

// hold notes that a purchase has an order of Konnektive's, and tells whether it has: another purchase may have it
// since before. The note never changes hands, and outlives every session of the order.
//
// An order is held only by the purchase whose lead made it, whose import made it, or whose shopper brings proof of it.
// So an order that an import has reached must never be held for the sake of a lead: see leadIsFresh.
func (s *Service) hold(ctx context.Context, lander, orderID, ref string) (bool, error) {
	name := s.Store.Named("order\n" + orderID)
	if name == "" {
		return false, errNoName
	}
	note := &tracked{ref: name, Record: &Record{Kind: KindHold, Lander: lander, Created: s.Now(), Target: ref}}
	won, current, err := s.write(ctx, note)
	if err != nil || won {
		return won, err
	}
	there, err := parse(name, current)
	if err != nil {
		return false, err
	}
	return there.Target == ref, nil
}

// owns tells whether the order of an attempt can prove its payment, and takes it from the attempt if it is another
// purchase's. An attempt is recorded as Sent while its order is held, so its request may have died before it knew
// whether the order was its own. Nothing was imported then.
func (s *Service) owns(ctx context.Context, t *tracked, a *Attempt) (bool, error) {
	if t.Kind != KindOrder || a.State != Sent {
		return true, nil
	}
	held, err := s.hold(ctx, t.Lander, a.OrderID, t.ref)
	if err != nil || held {
		return held, err
	}
	return false, s.forget(ctx, t, a.Token)
}

// forget takes an order from an attempt that it does not belong to.
func (s *Service) forget(ctx context.Context, t *tracked, token string) error {
	return s.change(ctx, t, func(t *tracked) bool {
		a := t.ByToken(token)
		if a == nil || a.State != Sent {
			return false
		}
		a.OrderID = ""
		return true
	})
}
