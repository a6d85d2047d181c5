package purchase

import (
	"context"
	"time"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/ledger"
)

// derivedFor is how long an order that came without a key is recognised when it comes again.
const derivedFor = 10 * time.Minute

// A place is where an attempt is to be made: the purchase, the name of the key there, and the record as it was read
// last (version 0: none).
type place struct {
	ref    string
	key    string
	stored ledger.Stored
}

// keyRecord is the ref of the record that bears a key's name, and the key's name in a purchase. Keys that are sent and
// keys that are derived have names of different kinds, so that none can equal one of the other kind.
func (s *Service) keyRecord(in *Import) (ref, key string) {
	kind, name := "key", in.Key
	if name == "" {
		kind, name = "derived", in.Derived
	}
	return s.Store.Named(kind + "\n" + in.Lander + "\n" + name), Digest(kind, name)
}

// locate finds the purchase that an import is for. A key that comes without a ref opens, or finds, the purchase that
// bears its name; this costs no record of its own. Every other key is tied to a purchase by a record of its own.
func (s *Service) locate(ctx context.Context, in *Import, ref string) (place, error) {
	record, key := s.keyRecord(in)
	if record == "" {
		return place{}, fail(codes.Internal, "", errNoName)
	}
	if ref == "" && in.Key != "" {
		return place{ref: record, key: key}, nil
	}
	tie := &tracked{ref: record, Record: &Record{
		Kind: KindKey, Lander: in.Lander, Created: s.Now(), Target: ref, TargetKey: key, Digest: in.Digest,
	}}
	if in.Key == "" {
		tie.Until = tie.Created.Add(derivedFor)
		tie.TargetKey = s.Store.New()
		if ref == "" {
			tie.Target = s.Store.New()
		}
	}
	if tie.Target == "" || tie.TargetKey == "" {
		return place{}, fail(codes.Internal, "", errNoName)
	}
	return s.tie(ctx, in, tie, ref)
}

// tie writes the record of a key, or follows the one that is there.
func (s *Service) tie(ctx context.Context, in *Import, tie *tracked, ref string) (place, error) {
	for range writeTries {
		won, current, err := s.write(ctx, tie)
		if err != nil {
			return place{}, broken("", err)
		}
		if won {
			return place{ref: tie.Target, key: tie.TargetKey}, nil
		}
		there, err := parse(tie.ref, current)
		if err != nil {
			return place{}, broken("", err)
		}
		if in.Key == "" && !tie.Created.Before(there.Until) {
			tie.version = there.version
			continue
		}
		at := place{ref: there.Target, key: there.TargetKey}
		if there.Kind != KindKey { // it opened the purchase itself
			_, at.key = s.keyRecord(in)
			at.ref, at.stored = there.ref, current
		} else if there.Digest != "" && there.Digest != in.Digest {
			return place{}, fail(codes.KeyReused, "", nil)
		}
		if ref != "" && at.ref != ref {
			return place{}, fail(codes.KeyReused, "", nil)
		}
		return at, nil
	}
	return place{}, broken("", errContended)
}

// follow resolves a key that turned out to be tied to a purchase that it did not open. A key that is tied to a
// purchase that is not there is free again.
func (s *Service) follow(ctx context.Context, in *Import, at *place, t *tracked) (*tracked, error) {
	if t.Kind != KindKey {
		return t, nil
	}
	target, _, err := s.read(ctx, t.Target, 0)
	if err != nil {
		return nil, broken("", err)
	}
	if !s.visible(target, in.Lander, KindOrder, KindUpsale) {
		return &tracked{ref: t.ref, version: t.version, Record: s.blank(in)}, nil
	}
	if t.Digest != "" && t.Digest != in.Digest {
		return nil, fail(codes.KeyReused, "", nil)
	}
	at.ref, at.key = t.Target, t.TargetKey
	return target, nil
}

// blank is the record of a purchase that an import is about to open.
func (s *Service) blank(in *Import) *Record {
	return &Record{Kind: in.Kind, Lander: in.Lander, Created: s.Now()}
}

// afterEnds is the key of a request that came without one. Once the session that it opened has ended without a payment,
// or the import had no effect, the shopper's next try is an attempt of its own: else a page that sends no keys could not
// sell the same cart again for as long as the order is recognised. Requests that come at the same time get the same
// key: what happened after one had arrived was not known to whoever sent it.
func (r *Record) afterEnds(key string, arrived time.Time) string {
	for range r.Attempts { // a key may be noted with an earlier attempt: no more than each once
		a := r.ByKey(key)
		if a == nil {
			return key
		}
		ended := a.Redirected() && a.End != "" && !a.Ended.After(arrived)
		if !ended && (r.standing(a, arrived) != Retry || a.KnownAt.After(arrived)) {
			return key
		}
		key = Digest("again", a.Token)
	}
	return key
}
