package purchase

import (
	"context"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
)

// Confirm has the confirmation mails sent at once, for an order that is proven paid, and once: that it was asked
// for is recorded before it is. The ref is the order's, or that of an upsale of it.
func (s *Service) Confirm(ctx context.Context, lander, ref string) (Result, error) {
	t, err := s.orderOf(ctx, lander, ref, codes.RefUnknown)
	if err != nil {
		return Result{}, err
	}
	if t.Paid() == nil {
		var allowed int
		if t, allowed, err = s.load(ctx, lander, t.ref, 1); err != nil {
			return Result{}, err
		}
		err = s.inquireNext(ctx, t, allowed)
	}
	paid := t.Paid()
	if paid == nil {
		return Result{}, fail(codes.NotPaid, ref, err)
	}
	orderID, mine := paid.OrderID, false
	err = s.change(ctx, t, func(t *tracked) bool {
		mine = !t.Confirmed
		t.Confirmed = true
		return mine
	})
	if err != nil {
		return Result{}, broken(ref, err)
	}
	result := Result{Code: codes.Confirmed, Ref: ref, Kind: KindOrder, OrderID: orderID}
	if !mine {
		result.Replayed = true
		return result, nil
	}
	reply := s.CRM.Call(ctx, konnektive.ConfirmOrder, konnektive.Form{}.Add("orderId", orderID))
	switch konnektive.Classify(reply, false) {
	case konnektive.Accepted:
		return result, nil
	case konnektive.Unreachable:
		return Result{}, s.unconfirm(ctx, t, fail(codes.Unreachable, ref, reply.Cause()))
	case konnektive.Misconfigured:
		return Result{}, s.unconfirm(ctx, t, fail(codes.Misconfigured, ref, reply.Cause()))
	}
	// In doubt it is not repeated: Konnektive sends the mails by itself later.
	result.Code, result.Cause = codes.Unknown, reply.Cause()
	return result, nil
}

// unconfirm notes that a confirmation was not carried out, so that it may be asked for again.
func (s *Service) unconfirm(ctx context.Context, t *tracked, why error) error {
	err := s.change(ctx, t, func(t *tracked) bool { t.Confirmed = false; return true })
	if err != nil {
		return broken(codes.As(why).Ref, err)
	}
	return why
}
