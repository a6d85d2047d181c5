package purchase

import (
	"context"
	"errors"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
)

// Back is a shopper who comes back from Klarna.
type Back struct {
	Lander  string
	Session string
	// Hint gives the order that the browser's post names; nil: none. It is used where the session's order is not known,
	// and only when Order Query agrees that it can be that order: see adopt.
	Hint        func() string
	CampaignID  string
	PrepaidType string
}

// ComeBack takes a shopper back whom Klarna sent to the address for success. That proves nothing: Order Query tells.
func (s *Service) ComeBack(ctx context.Context, in Back) (Result, error) {
	t, a, allowed, err := s.session(ctx, in.Lander, in.Session)
	if err != nil {
		return Result{}, err
	}
	token := a.Token
	if a.OrderID == "" && in.Hint != nil && t.Paid() == nil {
		err = s.noteHint(ctx, t, token, in)
	}
	failed := s.inquire(ctx, t, t.session(token), allowed)
	result := s.back(t, token)
	result.Cause = errors.Join(err, failed)
	return result, nil
}

// Failed takes a shopper back whom Klarna sent to the address for failures. It ends the session, unless the order is
// COMPLETE in truth; a payment that arrives all the same is found, and counts.
func (s *Service) Failed(ctx context.Context, in Back) (Result, error) {
	t, a, allowed, err := s.session(ctx, in.Lander, in.Session)
	if err != nil {
		return Result{}, err
	}
	token := a.Token
	ended := s.Now()
	if a.Redirected() && a.End == "" && !a.Paid {
		// Written before Order Query is asked: the answer then is about an ended session.
		err := s.change(ctx, t, func(t *tracked) bool {
			a := t.session(token)
			if a == nil || a.End != "" || a.Paid {
				return false
			}
			a.End, a.Ended = EndFailed, ended
			return true
		})
		if err != nil {
			return Result{}, broken(t.ref, err)
		}
	}
	err = s.inquire(ctx, t, t.session(token), allowed)
	result := s.back(t, token)
	result.Cause = err
	return result, nil
}

// Resume is the session whose script has to be run. A session that was answered with an address has none: its result
// says how it stands, and never leads to Klarna.
func (s *Service) Resume(ctx context.Context, lander, session string) (Result, error) {
	t, a, _, err := s.session(ctx, lander, session)
	if err != nil {
		return Result{}, err
	}
	if t.Paid() == nil && a.Script != "" && t.isOpen(a, s.Now()) && s.Now().Before(a.AnsweredAt.Add(HandOut)) {
		result := t.result(a)
		result.Code, result.Script = codes.Redirect, a.Script
		return result, nil
	}
	return s.back(t, a.Token), nil
}

// Status says how a purchase stands, and asks Order Query while that is not final.
func (s *Service) Status(ctx context.Context, lander, ref string) (Result, error) {
	t, allowed, err := s.load(ctx, lander, ref, 1)
	if err != nil {
		return Result{}, err
	}
	err = s.inquireNext(ctx, t, allowed)
	result := s.stand(t, nil)
	result.Cause = err
	return result, nil
}

// session finds the attempt that a session's name is for.
func (s *Service) session(ctx context.Context, lander, session string) (*tracked, *Attempt, int, error) {
	ref, token, ok := splitSession(session)
	if !ok {
		return nil, nil, 0, fail(codes.RefUnknown, "", nil)
	}
	t, allowed, err := s.load(ctx, lander, ref, 1)
	if err != nil {
		return nil, nil, 0, err
	}
	a := t.session(token)
	if a == nil {
		return nil, nil, 0, fail(codes.RefUnknown, "", nil)
	}
	return t, a, allowed, nil
}

// session is the attempt with this token that has left, or nil. In format 1 sessions had no token: the newest counts.
func (r *Record) session(token string) *Attempt {
	return r.latest(func(a *Attempt) bool { return a.Token == token && a.State != Open })
}

// back says how the purchase stands for a shopper who was in this session: paid, when any session was, else how this
// one stands.
func (s *Service) back(t *tracked, token string) Result {
	a := t.session(token)
	if paid := t.Paid(); paid != nil {
		result := s.stand(t, paid)
		if a != nil {
			result.NextPage, result.FailedPage = a.NextPage, a.FailedPage
		}
		return result
	}
	return s.stand(t, a)
}

// A Hint is the order that a browser said is its session's, and what an order must be to be it.
type Hint struct {
	OrderID     string
	CampaignID  string
	PrepaidType string
}

// noteHint keeps the order that a browser's post names, where the session's own is not known: Order Query may have no
// time for it at this moment.
func (s *Service) noteHint(ctx context.Context, t *tracked, token string, in Back) error {
	named := in.Hint()
	if !konnektive.IsOrderID(named) {
		return nil
	}
	return s.change(ctx, t, func(t *tracked) bool {
		a := t.session(token)
		hint := Hint{named, in.CampaignID, in.PrepaidType}
		if a == nil || a.OrderID != "" || a.Hint == hint {
			return false
		}
		a.Hint = hint
		return true
	})
}

// adopt makes the order of the hint the session's own, if Order Query says that it can be: it is of this campaign,
// prepaid by this method, made after the attempt, and no purchase has it. A hint that is wrong is forgotten; one that
// could not be examined is kept, and the error says why. One that Order Query does not find yet is kept too.
func (s *Service) adopt(ctx context.Context, t *tracked, a *Attempt) error {
	token, hint := a.Token, a.Hint
	order, at, err := s.query(ctx, hint.OrderID)
	if err != nil {
		return err
	}
	if order.Status == konnektive.StatusNotFound {
		return s.change(ctx, t, func(t *tracked) bool {
			a := t.session(token)
			if a == nil || a.Hint != hint {
				return false
			}
			a.KnownAt = at // and so this look counts
			return true
		})
	}
	right := order.CampaignID == hint.CampaignID && order.PaySource == "PREPAID" &&
		order.PrepaidType == hint.PrepaidType &&
		!order.Created.IsZero() && !order.CreatedBefore(a.Sent) && !t.hasOrder(order.ID)
	if right {
		if right, err = s.hold(ctx, t.Lander, order.ID, t.ref); err != nil {
			return err
		}
	}
	learned := func(t *tracked) bool {
		a := t.session(token)
		if a == nil || a.OrderID != "" {
			return false
		}
		a.Hint = Hint{}
		if right && !t.hasOrder(order.ID) {
			a.OrderID = order.ID
			s.apply(t, []observation{{token, order.ID, order, at}})
		}
		return true
	}
	if err := s.change(ctx, t, learned); err != nil {
		learned(t)
		return err
	}
	return nil
}
