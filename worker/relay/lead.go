package relay

import (
	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/purchase"
	"klarna-relay/worker/rules"
)

// importLead opens a purchase, or adds to one, with what the page knows of the
// shopper so far. It is no order, and nothing is lost when it fails.
func (rl *Relay) importLead(rq *request) *answer {
	page, lead, refusal, ok := rl.accept(rq, func(page rules.Fields) (rules.Order, rules.Problems) {
		return rules.CheckLead(page, rq.lander.Shop)
	})
	if !ok {
		return refusal
	}
	given, refusal, ok := rq.key()
	if !ok {
		return refusal
	}
	ref := page["ref"]
	if ref == "" && given != "" {
		ref = rl.platform.Store.Named("lead\n" + rq.host + "\n" + given)
	}
	s := saved{Purchase: rl.fresh(rq, purchase.KindOrder)}
	if ref != "" {
		there, found, err := rl.load(rq, ref)
		switch {
		case err != nil:
			return rl.internal("")
		case found && there.Kind == purchase.KindOrder:
			s = there
		case page["ref"] != "":
			return say(codes.RefUnknown)
		}
	}
	rq.logged = ref
	if len(s.Attempts) > 0 {
		// The order is on its way: what was imported with it counts.
		return rl.withRef(codes.Accepted, s.ref)
	}
	reply := rl.call(rq, konnektive.ImportLead, rl.params(rq, lead).Add("orderId", s.OrderID()))
	orderID := reply.OrderID()
	if orderID == "" {
		orderID = s.OrderID()
	}
	if reply.Kind != konnektive.Success || orderID == "" {
		return rq.leadFailed(reply)
	}
	if s.version == 0 {
		if s.ref = ref; ref == "" {
			s.ref = rl.platform.Store.New()
		}
	}
	s, err := rl.change(rq, s, func(p *purchase.Purchase) bool {
		if len(p.OrderIDs) > 0 {
			return false
		}
		p.Learn(orderID)
		return true
	})
	if err != nil {
		return rl.internal("")
	}
	return rl.withRef(codes.Accepted, s.ref)
}

// importClick tells Konnektive that a page was seen. Its pixel is HTML of
// somebody else's and is not passed on.
func (rl *Relay) importClick(rq *request) *answer {
	_, click, refusal, ok := rl.accept(rq, rules.CheckClick)
	if !ok {
		return refusal
	}
	reply := rl.call(rq, konnektive.ImportClick, rl.params(rq, click))
	sessionID := reply.Field("sessionId")
	if reply.Kind != konnektive.Success || sessionID == "" || len(sessionID) > 32 || !visible(sessionID) {
		return rq.leadFailed(reply)
	}
	a := say(codes.Accepted)
	a.single = [2]string{"sessionId", sessionID}
	return a
}
