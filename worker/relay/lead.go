package relay

import (
	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/purchase"
	"klarna-relay/worker/rules"
)

// importLead opens a purchase, or adds to one, with what the page knows of the shopper so far. It is no order, and
// nothing is lost when it fails.
func (rl *Relay) importLead(rq *request) *answer {
	page, lead, refusal, ok := rl.accept(rq, func(page rules.Fields) (rules.Order, rules.Problems) {
		return rules.CheckLead(page, rq.lander.Shop)
	})
	if !ok {
		return refusal
	}
	key, refusal, ok := rq.key()
	if !ok {
		return refusal
	}
	rq.logged = page["ref"]
	result, err := rl.purchases(rq).Lead(rq.ctx, purchase.Lead{
		Lander: rq.host, Ref: page["ref"], Key: key, Form: rl.params(rq, lead, all), Again: rl.params(rq, lead, noCart),
		Whole: lead.Whole(), Country: lead.Country(),
	})
	return rl.told(rq, result, err)
}

// importClick tells Konnektive that a page was seen. The answer's pixel is HTML from elsewhere and is not passed on.
func (rl *Relay) importClick(rq *request) *answer {
	_, click, refusal, ok := rl.accept(rq, rules.CheckClick)
	if !ok {
		return refusal
	}
	reply := noted{rl, rq}.Call(rq.ctx, konnektive.ImportClick, rl.params(rq, click, all))
	sessionID := reply.Field("sessionId")
	if reply.Kind != konnektive.Success || sessionID == "" || len(sessionID) > 32 || !visible(sessionID) {
		return rl.failed(rq, purchase.NothingOrdered(reply))
	}
	a := say(codes.Accepted)
	a.sessionID = sessionID
	return a
}
