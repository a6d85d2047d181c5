package relay

import (
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/ledger"
	"klarna-relay/worker/rules"
)

// importOrder relays a Klarna order. Konnektive is asked for an order id first,
// by a lead, unless the page's own lead has one already: so that whatever
// happens to the import, there is something to ask Order Query about.
func (rl *Relay) importOrder(rq *request) *answer {
	page, order, refusal, ok := rl.accept(rq, func(page rules.Fields) (rules.Order, rules.Problems) {
		return rules.CheckOrder(page, rq.lander.Shop)
	})
	if !ok {
		return refusal
	}
	given, refusal, ok := rq.key()
	if !ok {
		return refusal
	}

	at := attempt{
		kind:   ledger.KindOrder,
		digest: digest("order", order.Canonical()),
		fresh:  rl.fresh(rq, ledger.KindOrder),
		lead: func() konnektive.Reply {
			return rl.call(rq, konnektive.ImportLead, rl.params(rq, order))
		},
		send: func(orderID, ref string) konnektive.Reply {
			params := rl.paymentParams(rq, order, ref)
			params["orderId"] = orderID
			return rl.call(rq, konnektive.ImportOrder, params)
		},
		challenge: rl.challenge(rq, page),
	}
	name := given
	if given == "" {
		name = digest("derived", rq.addressKey(), at.digest, page["ref"])
	}

	ref, stored := page["ref"], ledger.Stored{}
	if ref != "" {
		s, found, err := rl.load(rq, ref)
		if err != nil {
			return rl.internal("")
		}
		if !found || s.Kind != ledger.KindOrder {
			return say(codeRefUnknown)
		}
		stored = ledger.Stored{Version: s.version, Data: s.Encode()}
	}
	ref, at.key, refusal, ok = rl.bind(rq, name, given == "", ref)
	if !ok {
		return refusal
	}
	return rl.run(rq, ref, at, stored)
}

func (rl *Relay) fresh(rq *request, kind ledger.Kind) *ledger.Purchase {
	return &ledger.Purchase{Kind: kind, Lander: rq.host, Created: rl.platform.Now()}
}

// params are what every import says of the shopper, the order and the lander.
func (rl *Relay) params(rq *request, order rules.Order) map[string]string {
	params := make(map[string]string, len(order.Fields)+12)
	for name, value := range order.Fields {
		params[name] = value
	}
	params["campaignId"] = rq.lander.CampaignID
	params["ipAddress"] = rq.address
	params["userAgent"] = rq.userAgent
	return params
}

// paymentParams are params with what makes it a Klarna order that is answered
// by a redirect. The state is in the path: Konnektive adds a query of its own.
func (rl *Relay) paymentParams(rq *request, order rules.Order, ref string) map[string]string {
	params := rl.params(rq, order)
	params["paySource"] = "PREPAID"
	params["prepaidType"] = rq.lander.PrepaidType
	params["forceMerchantId"] = rq.lander.MerchantID
	params["redirectsTo"] = rq.base + "/api/klarna/return/" + ref
	params["errorRedirectsTo"] = rq.base + "/api/klarna/failed/" + ref
	params["salesUrl"] = rq.page(rq.lander.Checkout)
	return params
}
