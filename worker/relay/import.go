package relay

import (
	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/ledger"
	"klarna-relay/worker/purchase"
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

	params := rl.params(rq, order) // the lead's, and the beginning of the import's
	at := attempt{
		kind:   purchase.KindOrder,
		digest: digest("order", order.Canonical()),
		fresh:  rl.fresh(rq, purchase.KindOrder),
		lead: func() konnektive.Reply {
			return rl.call(rq, konnektive.ImportLead, params)
		},
		send: func(orderID, ref string) konnektive.Reply {
			return rl.call(rq, konnektive.ImportOrder, rl.payment(rq, params, orderID, ref))
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
		if !found || s.Kind != purchase.KindOrder {
			return say(codes.RefUnknown)
		}
		stored = ledger.Stored{Version: s.version, Data: s.Encode()}
	}
	ref, at.key, refusal, ok = rl.bind(rq, name, given == "", ref)
	if !ok {
		return refusal
	}
	return rl.run(rq, ref, at, stored)
}

func (rl *Relay) fresh(rq *request, kind purchase.Kind) *purchase.Purchase {
	return &purchase.Purchase{Kind: kind, Lander: rq.host, Created: rl.platform.Now()}
}

// params are what every import says of the shopper, the order and the lander.
func (rl *Relay) params(rq *request, order rules.Order) konnektive.Form {
	return konnektive.Form{}.All(order.Fields).With(
		"campaignId", rq.lander.CampaignID,
		"ipAddress", rq.address,
		"userAgent", rq.userAgent,
	)
}

// payment adds to params what makes it a Klarna order that is answered by a
// redirect. The state is in the path: Konnektive adds a query of its own.
func (rl *Relay) payment(rq *request, params konnektive.Form, orderID, ref string) konnektive.Form {
	return params.With(
		"orderId", orderID,
		"paySource", "PREPAID",
		"prepaidType", rq.lander.PrepaidType,
		"forceMerchantId", rq.lander.MerchantID,
		"redirectsTo", rq.base+"/api/klarna/return/"+ref,
		"errorRedirectsTo", rq.base+"/api/klarna/failed/"+ref,
		"salesUrl", rq.page(rq.lander.Checkout),
	)
}
