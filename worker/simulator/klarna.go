package simulator

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// Return is the request a shopper's browser makes when it comes back from Klarna.
type Return struct {
	Method string     // POST with a Form, or GET
	URL    string     // redirectsTo, or errorRedirectsTo with its errorMsg
	Form   url.Values // finalizeTransaction and orderData
}

// Errors of a shopper's doings at Klarna.
var (
	ErrNoSession      = errors.New("no such Klarna session")
	ErrSessionOver    = errors.New("the Klarna session is over")
	ErrSessionExpired = errors.New("the Klarna session has expired")
)

// Approve pays at Klarna: an order becomes COMPLETE, an upsale is added to its order. Approving again pays nothing and
// returns once more.
func (s *Simulator) Approve(session string) (Return, error) {
	return s.visit(session, func(visited *Session, order *Order) (Return, error) {
		if visited.State != SessionApproved {
			if err := s.payable(visited); err != nil {
				return Return{}, err
			}
			visited.State, visited.Ended = SessionApproved, s.now()
			op := OpOrder
			if visited.Upsale {
				op = OpUpsale
			}
			s.pay(order, visited.Items, op, s.settings)
		}
		return s.returned(visited, order, s.settings.ReturnByGET), nil
	})
}

// Decline has Klarna refuse the shopper, which leaves the order in Settings.DeclineStatus; an upsale leaves its
// order as it was.
func (s *Simulator) Decline(session string) (Return, error) {
	s.mu.Lock()
	status := s.settings.DeclineStatus
	s.mu.Unlock()
	return s.fail(session, SessionDeclined, status, "Klarna declined the purchase")
}

// Cancel has the shopper cancel at Klarna, which leaves the order in Settings.CancelStatus.
func (s *Simulator) Cancel(session string) (Return, error) {
	s.mu.Lock()
	status := s.settings.CancelStatus
	s.mu.Unlock()
	return s.fail(session, SessionCancelled, status, "Cancelled by the customer")
}

func (s *Simulator) fail(session string, state SessionState, status, message string) (Return, error) {
	return s.visit(session, func(visited *Session, order *Order) (Return, error) {
		if visited.State != state {
			if err := s.payable(visited); err != nil {
				return Return{}, err
			}
			visited.State, visited.Ended = state, s.now()
			if !visited.Upsale && order.Status != StatusComplete && order.Payments == 0 {
				order.Status, order.Updated = status, s.now()
			}
		}
		return Return{Method: http.MethodGet, URL: visited.ErrorRedirectsTo + "?errorMsg=" + url.QueryEscape(message)}, nil
	})
}

// Forge returns as if paid, without paying: what anybody can send who knows the address.
func (s *Simulator) Forge(session string) (Return, error) {
	return s.visit(session, func(visited *Session, order *Order) (Return, error) {
		lie := order.clone()
		lie.Status = StatusComplete
		return s.returned(visited, &lie, s.settings.ReturnByGET), nil
	})
}

func (s *Simulator) visit(session string, do func(*Session, *Order) (Return, error)) (Return, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passTime()
	visited := s.sessions[session]
	if visited == nil {
		return Return{}, fmt.Errorf("%w: %q", ErrNoSession, session)
	}
	return do(visited, s.orders[visited.OrderID])
}

// payable says whether the shopper can still decide.
func (s *Simulator) payable(session *Session) error {
	switch {
	case session.State != SessionOpen:
		return fmt.Errorf("%w: %s", ErrSessionOver, session.State)
	case session.expired(s.now()):
		return ErrSessionExpired
	}
	return nil
}

// returned is the way back after a success.
func (s *Simulator) returned(session *Session, order *Order, byGET bool) Return {
	if s.settings.ReturnBare && byGET {
		return Return{Method: http.MethodGet, URL: session.RedirectsTo}
	}
	if s.settings.ReturnBare {
		return Return{Method: http.MethodPost, URL: session.RedirectsTo, Form: url.Values{}}
	}
	form := url.Values{"finalizeTransaction": {"1"}, "orderData": {asPHP(encode(s.orderMessage(order, s.settings)))}}
	if byGET {
		return Return{Method: http.MethodGet, URL: session.RedirectsTo + "?" + form.Encode()}
	}
	return Return{Method: http.MethodPost, URL: session.RedirectsTo, Form: form}
}
