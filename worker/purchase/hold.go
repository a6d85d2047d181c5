package purchase

import (
	"context"
	"errors"
)

var errNoName = errors.New("ledger: no object could be named; is the binding LEDGER there?")

// hold notes that a purchase has an order of Konnektive's, and tells whether it has: another purchase may have it
// since before. The note outlives every session of the order.
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
