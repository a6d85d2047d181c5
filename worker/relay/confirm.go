package relay

import (
	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/purchase"
	"klarna-relay/worker/rules"
)

// confirmOrder has the confirmation mails sent at once, for an order that is
// proven paid, and once: that it was asked for is recorded before it is.
func (rl *Relay) confirmOrder(rq *request) *answer {
	page, _, refusal, ok := rl.accept(rq, func(page rules.Fields) (rules.Order, rules.Problems) {
		return rules.Order{}, needsRef(page)
	})
	if !ok {
		return refusal
	}
	rq.logged = page["ref"]
	s, refusal, ok := rl.orderOf(rq, page["ref"], codes.RefUnknown)
	if !ok {
		return refusal
	}
	if s = rl.refresh(rq, s); !s.Paid {
		return rl.withRef(codes.NotPaid, page["ref"])
	}
	mine := false
	s, err := rl.change(rq, s, func(p *purchase.Purchase) bool {
		mine = !p.Confirmed
		p.Confirmed = true
		return mine
	})
	if err != nil {
		return rl.internal(page["ref"])
	}
	a := rl.withRef(codes.Confirmed, page["ref"])
	if !mine {
		a.replayed = true
		return a
	}
	reply := rl.call(rq, konnektive.ConfirmOrder, konnektive.Form{}.Add("orderId", s.OrderID()))
	refusedAs := ""
	switch konnektive.Classify(reply, false) {
	case konnektive.Accepted:
		return a
	case konnektive.Unreachable:
		refusedAs = codes.Unreachable
	case konnektive.Misconfigured:
		refusedAs = codes.Misconfigured
	default:
		// In doubt it is not repeated: Konnektive sends the mails by itself later.
		return rl.withRef(codes.Unknown, page["ref"])
	}
	// It was surely not carried out, so whoever asks again must not be told that it was.
	if _, err := rl.change(rq, s, func(p *purchase.Purchase) bool { p.Confirmed = false; return true }); err != nil {
		return rl.internal(page["ref"])
	}
	return rl.withRef(refusedAs, page["ref"])
}
