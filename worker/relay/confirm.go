package relay

import "klarna-relay/worker/rules"

// confirmOrder has the confirmation mails sent at once, for an order that is proven paid, and once.
func (rl *Relay) confirmOrder(rq *request) *answer {
	page, _, refusal, ok := rl.accept(rq, func(page rules.Fields) (rules.Order, rules.Problems) {
		return rules.Order{}, needsRef(page)
	})
	if !ok {
		return refusal
	}
	rq.logged = page["ref"]
	result, err := rl.purchases(rq).Confirm(rq.ctx, rq.host, page["ref"])
	return rl.told(rq, result, err)
}
