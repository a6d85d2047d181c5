package relay

import (
	"time"

	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/purchase"
)

// An observation is what Order Query said, and when it was asked.
type observation struct {
	order konnektive.Order
	asked time.Time
}

// observe takes in what Order Query said, and tells whether that changes the
// record.
func (rl *Relay) observe(rq *request, p *purchase.Purchase, seen observation) bool {
	paid, status := p.Paid, p.Known.Status
	p.Observe(seen.order, seen.asked)
	if p.Paid && !paid {
		rq.settled = true
	}
	return p.Paid != paid || p.Known.Status != status
}

// truth asks Konnektive how the order stands. ok is false when it could not be
// found out.
func (rl *Relay) truth(rq *request, p *purchase.Purchase) (latest observation, ok bool) {
	asked := rl.platform.Now()
	failed := false
	for i := len(p.OrderIDs) - 1; i >= 0; i-- {
		id := p.OrderIDs[i]
		reply := rl.call(rq, konnektive.OrderQuery, konnektive.Form{}.Add("orderId", id))
		order, found := konnektive.ReadOrder(reply, id)
		switch {
		case found && order.Status == konnektive.StatusComplete:
			return observation{order, asked}, true
		case found && !ok:
			latest, ok = observation{order, asked}, true
		case !found && reply.Kind != konnektive.Error:
			// It might be this one that is paid.
			failed = true
		}
	}
	return latest, ok && !failed
}

// settle records what Order Query said. A record that could not be written is
// written the next time: what was seen holds for this request all the same.
func (rl *Relay) settle(rq *request, s saved, seen observation) saved {
	changed, err := rl.change(rq, s, func(p *purchase.Purchase) bool { return rl.observe(rq, p, seen) })
	if err != nil {
		rl.observe(rq, s.Purchase, seen)
		return s
	}
	return changed
}

// refresh reads the truth about a purchase that is not final yet.
func (rl *Relay) refresh(rq *request, s saved) saved {
	if s.Paid || len(s.OrderIDs) == 0 {
		return s
	}
	seen, ok := rl.truth(rq, s.Purchase)
	if !ok {
		return s
	}
	return rl.settle(rq, s, seen)
}
