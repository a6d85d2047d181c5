package relay

import (
	"errors"
	"strconv"
	"strings"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/purchase"
	"klarna-relay/worker/rules"
)

// importOrder relays a Klarna order.
func (rl *Relay) importOrder(rq *request) *answer {
	accepted, refusal, ok := rl.acceptOrder(rq)
	if !ok {
		return refusal
	}
	in, refusal, ok := rl.importOf(rq, accepted.page, accepted.order, orderDigest(accepted.order))
	if !ok {
		return refusal
	}
	in.Kind = purchase.KindOrder
	if len(accepted.lacking) > 0 {
		in.Lead = nil
	}
	result, err := rl.purchases(rq).Import(rq.ctx, in)
	if errors.Is(err, purchase.ErrNoLead) {
		return rq.refuse(accepted.lacking)
	}
	return rl.told(rq, result, err)
}

// checkOrder says what importOrder would say to an order before it asks anybody. Nothing is sent or kept.
func (rl *Relay) checkOrder(rq *request) *answer {
	accepted, refusal, ok := rl.acceptOrder(rq)
	if !ok {
		return refusal
	}
	if ref := accepted.page["ref"]; ref != "" && len(accepted.lacking) == 0 { // else acceptOrder has looked it up
		rq.logged = ref
		if _, err := rl.purchases(rq).Opened(rq.ctx, rq.host, ref); err != nil {
			return rl.failed(rq, err)
		}
	}
	return say(codes.Accepted)
}

// An acceptedOrder has passed the rules.
type acceptedOrder struct {
	page  rules.Fields
	order rules.Order
	// lacking is what the page did not say of the shopper, because the lead before has said it.
	lacking rules.Problems
}

// acceptOrder is accept for an order. One that names its purchase and its products alone is enough when the
// purchase's lead was whole.
func (rl *Relay) acceptOrder(rq *request) (accepted acceptedOrder, refusal *answer, ok bool) {
	var unknown error
	accepted.page, accepted.order, refusal, ok = rl.accept(rq, func(page rules.Fields) (rules.Order, rules.Problems) {
		order, problems := rules.CheckOrder(page, rq.lander.Shop)
		if page["ref"] == "" || !problems.Lack() {
			return order, problems
		}
		rq.logged = page["ref"]
		opened, err := rl.purchases(rq).Opened(rq.ctx, rq.host, page["ref"])
		if unknown = err; err != nil {
			return order, problems
		}
		afterLead, more := rules.CheckOrderAfterLead(page, rq.lander.Shop, opened.Country)
		if !opened.Whole(orderDigest(afterLead)) {
			return order, problems
		}
		accepted.lacking = problems
		return afterLead, more
	})
	if unknown != nil {
		return acceptedOrder{}, rl.failed(rq, unknown), false
	}
	return accepted, refusal, ok
}

// orderDigest tells an order's cart and shopper from others.
func orderDigest(order rules.Order) string { return purchase.Digest("order", order.Canonical()) }

// importUpsale relays an upsale of a paid order: a purchase of its own, on the same order in Konnektive, through a
// whole round at Klarna.
func (rl *Relay) importUpsale(rq *request) *answer {
	page, upsale, refusal, ok := rl.accept(rq, func(page rules.Fields) (rules.Order, rules.Problems) {
		upsale, problems := rules.CheckUpsale(page, rq.lander.Shop)
		return upsale, needsRef(page).And(problems)
	})
	if !ok {
		return refusal
	}
	digest := purchase.Digest("upsale", upsale.Canonical())
	in, refusal, ok := rl.importOf(rq, page, upsale, digest)
	if !ok {
		return refusal
	}
	in.Kind = purchase.KindUpsale
	in.Product = upsale.Fields["product1_id"]
	in.Qty, _ = strconv.Atoi(upsale.Fields["product1_qty"])
	result, err := rl.purchases(rq).Import(rq.ctx, in)
	return rl.told(rq, result, err)
}

// importOf is what imports of orders and of upsales have in common.
func (rl *Relay) importOf(rq *request, page rules.Fields, order rules.Order, digest string) (in purchase.Import,
	refusal *answer, ok bool) {
	key, refusal, ok := rq.key()
	if !ok {
		return in, refusal, false
	}
	rq.logged = page["ref"]
	if rq.logged != "" && !rules.IsRef(rq.logged) {
		return in, say(codes.RefUnknown), false // before its key is tied to it
	}
	// The relay's own lead goes without the cart: Konnektive may take it for a lead of an order that the shopper is just
	// paying, and must not change that order's cart.
	lead := rl.params(rq, order, noCart)
	in = purchase.Import{
		Lander: rq.host, Ref: page["ref"], Key: key, Digest: digest,
		Lead:    lead,
		Form:    lead.All(order.Fields, isCart),
		Gateway: rl.gateway(rq),
		Admit:   rl.challenge(rq, page),

		NextPage: rq.target(page, "redirectsTo"), FailedPage: rq.target(page, "errorRedirectsTo"),
	}
	if key == "" {
		in.Derived = purchase.Digest(rq.addressKey(), digest, page["ref"])
	}
	return in, nil, true
}

// isCart tells whether a field is about what is bought.
func isCart(name string) bool {
	return strings.HasPrefix(name, "product") || strings.HasPrefix(name, "variant") || name == "couponCode" ||
		name == "shipProfileId"
}

func noCart(name string) bool { return !isCart(name) }

// params are what every call says of the shopper and the lander, and of the order what is wanted. The field in which the
// ref comes is left out.
func (rl *Relay) params(rq *request, order rules.Order, wanted func(name string) bool) konnektive.Form {
	return konnektive.Form(nil).All(order.Fields, func(name string) bool {
		return name != rq.lander.RefField && wanted(name)
	}).With(
		"campaignId", rq.lander.CampaignID,
		"ipAddress", rq.address,
		"userAgent", rq.userAgent,
	)
}

func all(string) bool { return true }

// gateway is what makes an import a Klarna order that is answered by a redirect.
func (rl *Relay) gateway(rq *request) purchase.Gateway {
	return purchase.Gateway{
		PrepaidType: rq.lander.PrepaidType,
		RefField:    rq.lander.RefField,
		MerchantID:  rq.lander.MerchantID,
		SalesURL:    rq.pageURL(rq.lander.Checkout),
		Return:      rq.base + "/api/klarna/return/",
		Failed:      rq.base + "/api/klarna/failed/",
	}
}
