package relay

import (
	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/purchase"
	"klarna-relay/worker/rules"
)

// importUpsale relays an upsale of a paid order: a purchase of its own, on the
// same order in Konnektive, through a whole round at Klarna.
func (rl *Relay) importUpsale(rq *request) *answer {
	page, upsale, refusal, ok := rl.accept(rq, func(page rules.Fields) (rules.Order, rules.Problems) {
		upsale, problems := rules.CheckUpsale(page, rq.lander.Shop)
		return upsale, needsRef(page).And(problems)
	})
	if !ok {
		return refusal
	}
	given, refusal, ok := rq.key()
	if !ok {
		return refusal
	}
	order, refusal, ok := rl.orderOf(rq, page["ref"], codes.NotPaid)
	if !ok {
		return refusal
	}

	// One record for each product of an order: two tabs, two keys, one upsale.
	product := upsale.Fields["product1_id"]
	ref := rl.platform.Store.Named("upsale\n" + order.ref + "\n" + product)
	if ref == "" {
		return rl.internal("")
	}
	name := given
	if given == "" {
		name = digest("derived", rq.addressKey(), order.ref, upsale.Canonical())
	}
	ref, key, refusal, ok := rl.bind(rq, name, given == "", ref)
	if !ok {
		return refusal
	}
	stored, err := rl.platform.Store.Read(rq.ctx, ref)
	if err != nil {
		return rl.internal("")
	}

	at := attempt{
		kind:      purchase.KindUpsale,
		key:       key,
		digest:    digest("upsale", order.ref, upsale.Canonical()),
		challenge: rl.challenge(rq, page),
		send: func(orderID, ref string) konnektive.Reply {
			return rl.call(rq, konnektive.ImportUpsale, rl.payment(rq, rl.params(rq, upsale), orderID, ref))
		},
	}
	if stored.Version == 0 {
		// How many the order holds now is what a paid upsale must exceed.
		seen, ok := rl.truth(rq, order.Purchase)
		if !ok {
			return say(codes.Unreachable)
		}
		if order = rl.settle(rq, order, seen); !order.Paid {
			return say(codes.NotPaid)
		}
		at.fresh = rl.fresh(rq, purchase.KindUpsale)
		at.fresh.Learn(order.OrderID())
		at.fresh.OrderRef, at.fresh.Product, at.fresh.Baseline = order.ref, product, seen.order.Qty(product)
	}
	return rl.run(rq, ref, at, stored)
}

// orderOf finds the order that an upsale, or a confirmation, is for: the ref is
// the order's, or that of an upsale of it. One of another lander is answered
// with foreign.
func (rl *Relay) orderOf(rq *request, ref, foreign string) (saved, *answer, bool) {
	for range 2 {
		s, found, err := rl.read(rq, ref)
		switch {
		case err != nil:
			return saved{}, rl.internal(""), false
		case !found:
			return saved{}, say(codes.RefUnknown), false
		case s.Lander != rq.host:
			return saved{}, say(foreign), false
		case s.Kind == purchase.KindOrder:
			return s, nil, true
		}
		ref = s.OrderRef
	}
	return saved{}, say(codes.RefUnknown), false
}
