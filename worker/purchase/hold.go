package purchase

import (
	"context"
	"errors"
)

var errNoName = errors.New("ledger: no object could be named; is the binding LEDGER there?")

// hold notes that a purchase has an order of Konnektive's, and tells whether it has: another purchase may have it
// since before. The note outlives every session of the order, unless it is let go.
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
	if err != nil || there.Target != "" {
		return err == nil && there.Target == ref, err
	}
	note.version = there.version // it was let go
	won, _, err = s.write(ctx, note)
	return won, err
}

// letGo takes the note back that a purchase has an order: it turned out to be no order of its own, and nothing was
// imported to it.
func (s *Service) letGo(ctx context.Context, orderID, ref string) error {
	note, _, err := s.read(ctx, s.Store.Named("order\n"+orderID), 0)
	if err != nil || note == nil || note.Target != ref {
		return err
	}
	note.Target = ""
	_, _, err = s.write(ctx, note)
	return err
}
