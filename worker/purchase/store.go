package purchase

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/ledger"
)

// writeTries bounds how often a write is tried again because another request wrote first. Each loss means that the
// other one got on with the purchase.
const writeTries = 12

var errContended = errors.New("other requests keep changing the record")

// tracked is a record together with the version that it was read at.
type tracked struct {
	ref     string
	version int64
	*Record
	// stored is what was read.
	stored ledger.Stored
}

// parse reads a stored record.
func parse(ref string, stored ledger.Stored) (*tracked, error) {
	record, err := Decode(stored.Data)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return &tracked{ref: ref, version: stored.Version, Record: record, stored: stored}, nil
}

// read reads a record; nil when there is none. It takes allowance for up to this many questions to Konnektive, and
// says for how many there was some.
func (s *Service) read(ctx context.Context, ref string, questions int) (t *tracked, allowed int, err error) {
	stored, allowed, err := s.Store.Read(ctx, ref, questions)
	if errors.Is(err, ledger.ErrUnknownRef) || err == nil && stored.Version == 0 {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("ledger, reading: %w", err)
	}
	t, err = parse(ref, stored)
	return t, allowed, err
}

// load reads the purchase of a ref as a lander may see it. Another lander's, and one that has expired, is not known.
func (s *Service) load(ctx context.Context, lander, ref string, questions int) (*tracked, int, error) {
	t, allowed, err := s.read(ctx, ref, questions)
	switch {
	case err != nil:
		return nil, 0, broken(ref, err)
	case !s.visible(t, lander, KindOrder, KindUpsale):
		return nil, 0, fail(codes.RefUnknown, "", nil)
	}
	return t, allowed, nil
}

// visible tells whether a record is a purchase that this lander may see.
func (s *Service) visible(t *tracked, lander string, kinds ...Kind) bool {
	return t != nil && t.Lander == lander && slices.Contains(kinds, t.Kind) && s.Now().Before(t.Expires())
}

// write writes the record. When another request has written first it returns false and what is there now.
func (s *Service) write(ctx context.Context, t *tracked) (won bool, current ledger.Stored, err error) {
	won, current, err = s.Store.Write(ctx, t.ref, t.version, t.Encode(), t.Alarm(), t.Expires())
	if err != nil {
		return false, current, fmt.Errorf("ledger, writing: %w", err)
	}
	if won {
		t.version++
	}
	return won, current, nil
}

// change applies a change, again on what another request has written in the meantime, until it is written. apply
// returns false when there is nothing to change.
func (s *Service) change(ctx context.Context, t *tracked, apply func(*tracked) bool) error {
	for range writeTries {
		if !apply(t) {
			return nil
		}
		won, current, err := s.write(ctx, t)
		if err != nil || won {
			return err
		}
		there, err := parse(t.ref, current)
		if err != nil {
			return err
		}
		t.Record, t.version = there.Record, there.version
	}
	return errContended
}
