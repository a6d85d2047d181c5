package purchase

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/ledger"
)

// CRM makes calls to Konnektive. [konnektive.Client] is one.
type CRM interface {
	Call(ctx context.Context, endpoint konnektive.Endpoint, form konnektive.Form) konnektive.Reply
}

// A Service works on purchases. One of it serves one request, or one alarm.
type Service struct {
	Store ledger.Store
	CRM   CRM
	Now   func() time.Time
	// Random gives a fresh unguessable text of at least 16 characters.
	Random func() string
	// AtOnce runs functions at the same time and returns when all have ended. Each must use the context that it is given.
	AtOnce func(ctx context.Context, do ...func(context.Context))
	// Timeout is how long a call to Konnektive may take.
	Timeout time.Duration
	// AllowHTTP admits redirects to plain http, as on a developer's machine.
	AllowHTTP bool
	// Event is told of payments and of what an operator has to know, before it is recorded, so that it is not lost.
	// The same event may come again, in another request.
	Event func(Event)

	told []string // events of this request
}

// The names of events.
const (
	EventPaid              = "paid"                // Order Query has just proven a payment; no fault
	EventPaidTwice         = "paid_twice"          // two sessions of one purchase were paid
	EventPaidWithoutKlarna = "paid_without_klarna" // COMPLETE, though nobody was sent to Klarna
	EventUnreadable        = "order_unreadable"    // an ERROR whose text is not known
)

// An Event is what an operator has to know about a purchase.
type Event struct {
	Name   string
	Lander string
	Ref    string
	// Orders are the ids in Konnektive that it is about.
	Orders []string
	// Of a payment: what was paid, and what Order Query said of it.
	Kind    Kind
	Product string
	Order   konnektive.Order
	// What is the cause, scrubbed of what a shopper typed; "" where the name says it all.
	What string
}

func (s *Service) tell(e Event) {
	id := e.Name + " " + e.Ref + " " + strings.Join(e.Orders, " ") + " " + e.What
	if s.Event != nil && !slices.Contains(s.told, id) {
		s.told = append(s.told, id)
		s.Event(e)
	}
}

// A Result is how a request about a purchase ended.
type Result struct {
	Code   string
	Ref    string
	Lander string
	// Text is the key of a text for the shopper that says more than the code's own; "" where there is none.
	Text string
	// URL is Klarna's address. Session is the name of the session whose script has to be run instead.
	URL     string
	Session string
	Script  string
	Fields  map[string]string
	// Known is what Order Query said of the order, or nil.
	Known *konnektive.Order
	// OrderNumber is Konnektive's id of the order, once it is proven paid.
	OrderNumber string
	Replayed    bool

	// Kind of the purchase, and of an upsale the order that it is for.
	Kind     Kind
	OrderRef string
	// NextPage and FailedPage are the page's own targets after the return; "" where it named none.
	NextPage   string
	FailedPage string

	// For the log: Konnektive's id of the order, and the cause of a doubt.
	OrderID string
	Cause   error
}

func fail(code, ref string, cause error) error {
	return &codes.Error{Code: code, Ref: ref, Cause: cause}
}

// broken is the error for a ledger that could not be read or written, or that holds what cannot be read.
func broken(ref string, cause error) error {
	if errors.Is(cause, ErrNewer) {
		return fail(codes.Unknown, ref, cause)
	}
	return fail(codes.Internal, ref, cause)
}

// newToken makes the secret part of a session's name: 32 hexadecimal digits.
func (s *Service) newToken() string { return Digest("session", s.Random())[:32] }

// Digest tells one list of texts from another one: 32 hexadecimal digits.
func Digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:16])
}

// stand is the result that says how the purchase stands, or one attempt of it.
func (s *Service) stand(t *tracked, a *Attempt) Result {
	now := s.Now()
	standing := Untried
	if a != nil {
		standing = t.standing(a, now)
	} else {
		standing, a = t.Standing(now)
	}
	result := t.result(a)
	result.Code = standing.Code()
	result.Text = standing.Text(t.Kind, a == nil || a.OrderID != "")
	if standing == Paid {
		result.OrderNumber = a.OrderID
	}
	return result
}

// answer is the result that repeats what the import of the attempt was answered.
func (s *Service) answer(t *tracked, a *Attempt) Result {
	result := t.result(a)
	result.Code, result.Fields, result.URL = a.Code, a.Fields, a.URL
	if a.Redirected() && a.URL == "" {
		result.Session = Session(t.ref, a.Token)
	}
	if t.Kind == KindUpsale && a.Code == codes.Declined {
		result.Text = TextUpsaleDeclined
	}
	return result
}

// result is what every result about a purchase has.
func (t *tracked) result(a *Attempt) Result {
	result := Result{Ref: t.ref, Lander: t.Lander, Kind: t.Kind, OrderRef: t.OrderRef, OrderID: t.LeadOrderID}
	if a != nil {
		result.Known, result.OrderID = &a.Known, a.OrderID
		result.NextPage, result.FailedPage = a.NextPage, a.FailedPage
	}
	return result
}
