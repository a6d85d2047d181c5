package purchase

import (
	"context"
	"slices"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
)

// A Lead is what a page knows of a shopper before there is an order.
type Lead struct {
	Lander string
	// Ref is the purchase to add to, or "". Key names the purchase to open, when it is given.
	Ref string
	Key string
	// Form is the lead. Again is it without the cart, for an order that a lead has opened before: its import may be on
	// the way, and must not get another cart.
	Form  konnektive.Form
	Again konnektive.Form
	// Whole: the lead has everything that an order needs of the shopper. Country is its billing country.
	Whole   bool
	Country string
}

// Lead opens a purchase, or adds to one. It is no order, and nothing is lost when it fails.
func (s *Service) Lead(ctx context.Context, in Lead) (Result, error) {
	ref := in.Ref
	if ref == "" && in.Key != "" {
		ref = s.Store.Named("lead\n" + in.Lander + "\n" + in.Key)
	}
	t := &tracked{Record: &Record{Kind: KindOrder, Lander: in.Lander, Created: s.Now()}}
	if ref != "" {
		there, _, err := s.read(ctx, ref, 0)
		switch {
		case err != nil:
			return Result{}, broken(ref, err)
		case s.visible(there, in.Lander, KindOrder):
			t = there
		case in.Ref != "":
			return Result{}, fail(codes.RefUnknown, "", nil)
		}
	}
	if len(t.Attempts) > 0 {
		// The order is under way: what was imported with it counts.
		return Result{Code: codes.Accepted, Ref: t.ref, Kind: KindOrder}, nil
	}
	form := in.Form
	if t.LeadOrderID != "" {
		form = in.Again.Add("orderId", t.LeadOrderID)
	}
	reply := s.CRM.Call(ctx, konnektive.ImportLead, form)
	orderID := reply.OrderID()
	if orderID == "" {
		orderID = t.LeadOrderID
	}
	if reply.Kind != konnektive.Success || orderID == "" {
		return Result{}, s.leadFailed(in.Lander, ref, reply)
	}
	if t.version == 0 {
		if t.ref = ref; ref == "" {
			t.ref = s.Store.New()
		}
		if t.ref == "" {
			return Result{}, fail(codes.Internal, "", errNoName)
		}
	}
	return s.noteLead(ctx, t, in, orderID, reply)
}

// noteLead writes what a lead was answered. An order that is another purchase's, or finished, is not used: the first
// import then begins with a lead of its own.
func (s *Service) noteLead(ctx context.Context, t *tracked, in Lead, orderID string,
	reply konnektive.Reply) (Result, error) {
	usable := false
	if t.LeadOrderID == "" {
		fresh, err := s.pageLeadIsFresh(ctx, t.ref, reply)
		if err != nil {
			return Result{}, err
		}
		usable = fresh
	}
	if usable {
		held, err := s.hold(ctx, in.Lander, orderID, t.ref)
		if err != nil {
			return Result{}, broken(t.ref, err)
		}
		usable = held
	}
	err := s.change(ctx, t, func(t *tracked) bool {
		if len(t.Attempts) > 0 {
			return false
		}
		known := t.version > 0
		if usable && t.LeadOrderID == "" {
			t.LeadOrderID, t.LeadPartial = orderID, reply.OrderStatus() == konnektive.StatusPartial
			known = false
		}
		if in.Whole && (!t.LeadWhole || t.LeadCountry != in.Country) {
			t.LeadWhole, t.LeadCountry = true, in.Country
			known = false
		}
		return !known
	})
	if err != nil {
		return Result{}, broken(t.ref, err)
	}
	return Result{Code: codes.Accepted, Ref: t.ref, Kind: KindOrder, OrderID: t.LeadOrderID}, nil
}

// pageLeadIsFresh is leadIsFresh for a page's lead. A page may repeat its lead as often as it likes, so the question
// takes allowance. Without allowance the order is not used.
func (s *Service) pageLeadIsFresh(ctx context.Context, ref string, reply konnektive.Reply) (bool, error) {
	if hidesStatus(reply) {
		_, allowed, err := s.Store.Read(ctx, ref, 1)
		switch {
		case err != nil:
			return false, broken(ref, err)
		case allowed == 0:
			return false, nil
		}
	}
	fresh, err := s.leadIsFresh(ctx, reply)
	if err != nil {
		return false, unasked(ref, err)
	}
	return fresh, nil
}

// Opened is what leads have told about the purchase that they opened.
type Opened struct {
	// Country is the billing country of a whole lead, by which it passed the rules.
	Country string
	whole   bool
	unused  bool     // the lead's order waits for its first import
	carts   []string // the digests of the carts that were imported
}

// Opened says what the leads of an order's purchase have told. A ref that is not known, or an upsale's, is an error.
func (s *Service) Opened(ctx context.Context, lander, ref string) (Opened, error) {
	t, _, err := s.read(ctx, ref, 0)
	switch {
	case err != nil:
		return Opened{}, broken(ref, err)
	case !s.visible(t, lander, KindOrder):
		return Opened{}, fail(codes.RefUnknown, "", nil)
	}
	opened := Opened{Country: t.LeadCountry, whole: t.LeadWhole, unused: t.LeadOrderID != ""}
	for _, a := range t.Attempts {
		opened.carts = append(opened.carts, a.Digest)
	}
	return opened, nil
}

// Whole tells whether Konnektive has all that an order with this cart needs of the shopper. Its order takes one cart,
// so another cart needs a lead of its own. The same cart once more must find its attempt.
func (o Opened) Whole(digest string) bool {
	return o.whole && (o.unused || slices.Contains(o.carts, digest))
}
