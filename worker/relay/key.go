package relay

import (
	"klarna-relay/worker/codes"
	"klarna-relay/worker/purchase"
)

// key is the request's Idempotency-Key; "" when it has none.
func (rq *request) key() (string, *answer, bool) {
	values := rq.http.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil, true
	}
	key := values[0]
	if len(values) > 1 || len(key) < 8 || len(key) > 128 || !visible(key) {
		a := say(codes.Invalid)
		a.fields = map[string]string{"Idempotency-Key": badKeyText}
		return "", a, false
	}
	return key, nil, true
}

// bind finds the purchase that a key is for. A key with a ref is tied to that
// purchase, by a record of its own; a key without one opens, or finds, the
// purchase that bears its name. A derived key stands for a purchase for ten
// minutes only, so it is always tied.
func (rl *Relay) bind(rq *request, name string, derived bool, ref string) (target, key string, refusal *answer, ok bool) {
	store := rl.platform.Store
	record := store.Named("key\n" + rq.host + "\n" + name)
	key = digest("key", name)
	if ref == "" && !derived {
		// The usual case costs no record of its own: the key's record is the
		// purchase, unless the key is tied to another.
		return record, key, nil, true
	}
	tie := saved{ref: record, Purchase: rl.fresh(rq, purchase.KindKey)}
	tie.Target, tie.TargetKey = ref, key
	if derived {
		tie.Until = tie.Created.Add(derivedFor)
		tie.TargetKey = store.New()
		if ref == "" {
			tie.Target = store.New()
		}
	}
	if tie.Target == "" || tie.TargetKey == "" {
		return "", "", rl.internal(""), false
	}
	for range writeTries {
		won, current, err := rl.save(rq, &tie)
		if err != nil {
			return "", "", rl.internal(""), false
		}
		if won {
			return tie.Target, tie.TargetKey, nil, true
		}
		there, err := decode(record, current)
		if err != nil {
			return "", "", rl.internal(""), false
		}
		if derived && !tie.Created.Before(there.Until) {
			tie.version = there.version
			continue
		}
		target, key = there.Target, there.TargetKey
		if there.Kind != purchase.KindKey {
			target, key = record, digest("key", name)
		}
		if ref != "" && target != ref {
			return "", "", say(codes.KeyReused), false
		}
		return target, key, nil, true
	}
	return "", "", rl.internal(""), false
}
