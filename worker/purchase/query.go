package purchase

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
)

// An observation is what Order Query said of an attempt's order, and when it was asked.
type observation struct {
	token   string
	orderID string
	order   konnektive.Order
	at      time.Time
}

// query asks Konnektive about one order. When Konnektive gives no answer about it, the error has the contract's code.
// That no order matches is an answer: its status is [konnektive.StatusNotFound].
func (s *Service) query(ctx context.Context, orderID string) (konnektive.Order, time.Time, error) {
	asked := s.Now()
	reply := s.CRM.Call(ctx, konnektive.OrderQuery, konnektive.Form{}.Add("orderId", orderID))
	order, found := konnektive.ReadOrder(reply, orderID)
	switch {
	case found:
		return order, asked, nil
	case reply.NoOrders():
		return konnektive.Order{Status: konnektive.StatusNotFound}, asked, nil
	case konnektive.ClassifyLead(reply) == konnektive.Misconfigured:
		return order, asked, fail(codes.Misconfigured, "", reply.Cause())
	}
	return order, asked, fail(codes.Unreachable, "", reply.Cause())
}

var errGone = errors.New("an order that Order Query has found before is not found any more")

// plausible tells whether an answer about an attempt's order can be believed. An order that was found once, or that an
// upsale belongs to, is not gone because one answer does not find it. Once the attempt's session is over it is: else
// nothing could be bought any more where Konnektive drops such orders.
func (r *Record) plausible(a *Attempt, order konnektive.Order, asked time.Time) bool {
	if order.Status != konnektive.StatusNotFound {
		return true
	}
	never := a.Known.Status == "" || a.Known.Status == konnektive.StatusNotFound
	return r.Kind == KindOrder && !a.Paid && (never || a.over(asked))
}

// over tells whether the attempt's session has ended, by an end or by its time.
func (a *Attempt) over(now time.Time) bool {
	return a.End != "" || a.Redirected() && !now.Before(a.AnsweredAt.Add(SessionLife))
}

// ask puts the question about attempts to Order Query, as far as that is allowed: first comes the attempt that matters
// most. It returns what was found out, and an error when a question was not answered.
//
// allowed is the number of questions for which the read of the record took allowance. Further allowance is taken here.
func (s *Service) ask(ctx context.Context, t *tracked, attempts []*Attempt, allowed int) (seen []observation,
	failed error) {
	if more := len(attempts) - allowed; more > 0 && allowed > 0 {
		if _, extra, err := s.Store.Read(ctx, t.ref, more); err == nil {
			allowed += extra
		}
	}
	for _, a := range attempts[:min(len(attempts), allowed)] {
		if a.OrderID == "" {
			failed = errors.Join(failed, s.adopt(ctx, t, a))
			continue
		}
		if mine, err := s.owns(ctx, t, a); err != nil || !mine {
			failed = errors.Join(failed, err)
			continue
		}
		order, at, err := s.query(ctx, a.OrderID)
		if err == nil && !t.plausible(a, order, at) {
			err = fail(codes.Unreachable, "", errGone)
		}
		if err != nil {
			failed = err
			continue
		}
		seen = append(seen, observation{a.Token, a.OrderID, order, at})
	}
	return seen, failed
}

// look asks about attempts and writes what was found out.
func (s *Service) look(ctx context.Context, t *tracked, attempts []*Attempt, allowed int) error {
	seen, failed := s.ask(ctx, t, attempts, allowed)
	s.note(ctx, t, seen)
	return failed
}

// note writes observations, where they change anything. An observation that could not be written still holds for
// this request; the next request asks again.
func (s *Service) note(ctx context.Context, t *tracked, seen []observation) {
	err := s.change(ctx, t, func(t *tracked) bool { return s.apply(t, seen) })
	if err != nil {
		s.apply(t, seen)
	}
}

// apply takes observations in, tells the operator what he has to know, and says whether they change how the purchase
// stands.
func (s *Service) apply(t *tracked, seen []observation) (changed bool) {
	for _, o := range seen {
		a := t.find(func(a *Attempt) bool { return a.Token == o.token && a.OrderID == o.orderID })
		if a == nil {
			continue
		}
		before, status, end := t.standing(a, o.at), a.Known.Status, a.End
		paid := t.observe(a, o.order, o.at)
		for _, p := range paid {
			s.tell(Event{Name: EventPaid, Lander: t.Lander, Ref: t.ref, Orders: []string{p.OrderID}, Kind: t.Kind,
				Order: p.Known, Product: t.Product})
			if !p.Redirected() && p.Code != codes.AlreadyTaken {
				s.tell(Event{Name: EventPaidWithoutKlarna, Lander: t.Lander, Ref: t.ref, Orders: []string{p.OrderID}})
			}
		}
		if orders := t.PaidOrders(); len(paid) > 0 && len(orders) > 1 {
			s.tell(Event{Name: EventPaidTwice, Lander: t.Lander, Ref: t.ref, Orders: orders})
		}
		// Of several, the next to be asked about is told by when each was asked.
		changed = changed || len(paid) > 0 || len(t.unsettled(o.at)) > 1 || t.standing(a, o.at) != before ||
			a.Known.Status != status || a.End != end
	}
	return changed
}

// unsettled are the attempts that Order Query can say something new about, one for each order, those asked longest ago
// first. A purchase may live on by later attempts. What one of before has come to is known by then, and the note of
// whose order it is does not live as long.
func (t *tracked) unsettled(now time.Time) []*Attempt {
	attempts := t.all(func(a *Attempt) bool { return a.mayBePaid() && now.Before(a.Sent.Add(Life)) })
	slices.SortStableFunc(attempts, func(a, b *Attempt) int { return a.KnownAt.Compare(b.KnownAt) })
	seen := map[string]bool{}
	return slices.DeleteFunc(attempts, func(a *Attempt) bool {
		order := cmp.Or(a.OrderID, a.Hint.OrderID)
		double := seen[order]
		seen[order] = true
		return double
	})
}

// inquire asks about an attempt of a purchase that is not paid.
func (s *Service) inquire(ctx context.Context, t *tracked, a *Attempt, allowed int) error {
	if t.Paid() != nil || a == nil || !a.mayBePaid() {
		return nil
	}
	return s.look(ctx, t, []*Attempt{a}, allowed)
}

// inTurn are the attempts to ask about when the purchase as a whole is asked for: first those whose fate is open, and of
// them the one asked longest ago.
func (t *tracked) inTurn(now time.Time) []*Attempt {
	attempts := t.unsettled(now)
	open := func(a *Attempt) int {
		if t.standing(a, now) >= AtKlarna {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(attempts, func(a, b *Attempt) int { return open(a) - open(b) })
	return attempts
}

// inquireNext asks about the attempt whose turn it is. Where that question is not answered, it asks about the one after
// it too: else the same question would fail each time, and nobody would find out that another session was paid.
func (s *Service) inquireNext(ctx context.Context, t *tracked, allowed int) error {
	attempts := t.inTurn(s.Now())
	if t.Paid() != nil || len(attempts) == 0 {
		return nil
	}
	err := s.look(ctx, t, attempts[:1], allowed)
	if err == nil || len(attempts) == 1 || attempts[1].Token == "" {
		return err
	}
	second := t.ByToken(attempts[1].Token) // in the record as it is now
	if second == nil {
		return err
	}
	if _, allowed, read := s.Store.Read(ctx, t.ref, 1); read == nil {
		_ = s.inquire(ctx, t, second, allowed) // how the purchase stands says what came of it
	}
	return err
}
