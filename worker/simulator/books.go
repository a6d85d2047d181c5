package simulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Statuses of an order.
const (
	StatusComplete   = "COMPLETE"
	StatusPartial    = "PARTIAL"
	StatusDeclined   = "DECLINED"
	StatusRefunded   = "REFUNDED"
	StatusCancelled  = "CANCELLED"
	StatusCODPending = "COD_PENDING"
	StatusPending    = "PENDING" // in quality assurance
)

var statuses = []string{StatusComplete, StatusPartial, StatusDeclined, StatusRefunded, StatusCancelled, StatusPending,
	StatusCODPending}

// Op is a call of the Direct API: its path without the outer slashes.
type Op string

// The calls the simulator knows.
const (
	OpOrder    Op = "order/import"
	OpUpsale   Op = "upsale/import"
	OpLead     Op = "leads/import"
	OpClick    Op = "landers/clicks/import"
	OpQuery    Op = "order/query"
	OpConfirm  Op = "order/confirm"
	OpCampaign Op = "campaign/query"
)

// Call is one request to the API, as it came.
type Call struct {
	N           int // 1 for the first call, in order of arrival
	At          time.Time
	Op          Op
	Method      string
	Path        string
	Query       string // the query string, which must be empty
	ContentType string
	Fields      map[string]string // exactly as sent, credentials included
	Email       string            // emailAddress of the call, or else of the order it names
	OrderID     string            // the order it named or made

	Delivered int    // how often it was processed
	Status    int    // HTTP status of the answer; 0 without one
	Answer    string // body of the answer
	Lost      string // what a fault gave the caller instead of an answer: "reset", "silence" or "unreached"
}

// Result is the result of the answer's envelope, and empty when there was none.
func (c Call) Result() string {
	rest, ok := strings.CutPrefix(c.Answer, `{"result":"`)
	if !ok {
		return ""
	}
	result, _, _ := strings.Cut(rest, `"`)
	return result
}

// Order is an order of the books.
type Order struct {
	ID         string // 10 upper-case hexadecimal digits
	Status     string
	CampaignID string
	Email      string
	Currency   string            // ISO 4217
	Fields     map[string]string // the latest of every field it was told, without credentials
	Items      []Item
	Total      Cents // of the items and their shipping, less the coupon
	Leads      int   // how many leads it had
	Confirms   int   // how often it was confirmed
	Payments   int   // how often it was paid, upsales included
	Paid       Cents // what was paid for it, upsales included
	Imports    []Import
	Created    time.Time
	Updated    time.Time

	emails   map[string]bool // of everybody it was told of
	reviewed time.Time       // when its quality assurance is over; zero when it has none
	lapsed   bool            // the status is that of an expired session already
}

// Item is a line of an order.
type Item struct {
	ID         string // orderItemId
	ProductID  string // campaign product id
	Name       string
	MerchantID string
	Qty        int
	Price      Cents // of one
	Shipping   Cents // of the line
	Discount   Cents // of the line, by a coupon
	Upsale     bool
}

// Line is what all of the line cost, without shipping and discount.
func (i Item) Line() Cents { return i.Price * Cents(i.Qty) }

// Import is an order or upsale import that was processed for an order, whatever its result.
type Import struct {
	Call    int // number of the Call
	Op      Op
	Fields  map[string]string // without credentials
	Result  string            // result of the answer as booked
	Session string            // the Klarna session it opened, if any
}

// OrderImports are the imports of the order itself.
func (o Order) OrderImports() []Import { return o.importsBy(OpOrder) }

// UpsaleImports are the imports of its upsales.
func (o Order) UpsaleImports() []Import { return o.importsBy(OpUpsale) }

func (o Order) importsBy(op Op) []Import {
	var found []Import
	for _, i := range o.Imports {
		if i.Op == op {
			found = append(found, i)
		}
	}
	return found
}

func (o Order) clone() Order {
	o.Fields, o.emails = maps.Clone(o.Fields), nil
	o.Items = slices.Clone(o.Items)
	o.Imports = slices.Clone(o.Imports)
	return o
}

// Violation is something a relay must never do.
type Violation struct {
	Call  int // number of the Call; 0 when a shopper's doing made it visible
	Op    Op
	Field string
	Text  string
}

// String is the violation in a line.
func (v Violation) String() string {
	return fmt.Sprintf("call %d to %s: %s: %s", v.Call, v.Op, v.Field, v.Text)
}

// SessionState is what became of a Klarna session.
type SessionState string

// States of a Klarna session.
const (
	SessionOpen      SessionState = "open"
	SessionApproved  SessionState = "approved"
	SessionDeclined  SessionState = "declined"
	SessionCancelled SessionState = "cancelled"
)

// SessionLife is how long a shopper can pay after the import; Klarna gives 48 hours.
const SessionLife = 48 * time.Hour

// Session is a shopper's visit to Klarna, opened by one import.
type Session struct {
	ID               string // 32 hexadecimal digits
	OrderID          string
	URL              string
	Upsale           bool
	State            SessionState
	Amount           Cents
	Currency         string
	Method           string // prepaidType
	Items            []Item
	RedirectsTo      string
	ErrorRedirectsTo string
	Opened           time.Time
	Ended            time.Time // when the shopper decided; zero before

	redirect Redirect
	call     int
}

// Settings are the settings for the calls to come.
func (s *Simulator) Settings() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings
}

// Calls are the calls in order of arrival, those included that a fault kept from being processed. Without ops: all
// of them.
func (s *Simulator) Calls(ops ...Op) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Call
	for _, c := range s.calls {
		if len(ops) == 0 || slices.Contains(ops, c.Op) {
			copied := *c
			copied.Fields = maps.Clone(c.Fields)
			found = append(found, copied)
		}
	}
	return found
}

// Orders are all orders, the oldest first.
func (s *Simulator) Orders() []Order {
	return s.ordersWhere(func(*Order) bool { return true })
}

// OrdersOf are the orders that were ever said to be of an e-mail address, the oldest first.
func (s *Simulator) OrdersOf(email string) []Order {
	return s.ordersWhere(func(o *Order) bool { return o.emails[email] })
}

func (s *Simulator) ordersWhere(wanted func(*Order) bool) []Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Order
	s.passTime()
	for _, id := range s.orderIDs {
		if o := s.orders[id]; wanted(o) {
			found = append(found, o.clone())
		}
	}
	return found
}

// Order is the order of that id, and whether there is one.
func (s *Simulator) Order(id string) (Order, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passTime()
	o, ok := s.orders[id]
	if !ok {
		return Order{}, false
	}
	return o.clone(), true
}

// Sessions are all Klarna sessions, the oldest first.
func (s *Simulator) Sessions() []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := make([]Session, 0, len(s.sessionIDs))
	for _, id := range s.sessionIDs {
		found = append(found, *s.sessions[id])
	}
	return found
}

// Session is the Klarna session of that id, and whether there is one.
func (s *Simulator) Session(id string) (Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.sessions[id]
	if !ok {
		return Session{}, false
	}
	return *found, true
}

// LatestSession is the newest Klarna session of an order, and whether it has any.
func (s *Simulator) LatestSession(orderID string) (Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Backward(s.sessionIDs) {
		if s.sessions[id].OrderID == orderID {
			return *s.sessions[id], true
		}
	}
	return Session{}, false
}

// Violations are all calls, and consequences of calls, that a relay must never cause.
func (s *Simulator) Violations() []Violation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}

// SetStatus gives an order another status, as an operator of the CRM can.
func (s *Simulator) SetStatus(orderID, status string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.orders[orderID]
	if !ok {
		return fmt.Errorf("no order %q", orderID)
	}
	o.Status, o.Updated, o.reviewed = status, s.now(), time.Time{}
	return nil
}

// passTime changes what changes by itself: reviews end, and sessions expire.
func (s *Simulator) passTime() {
	for _, order := range s.orders {
		if order.Status == StatusPending && !order.reviewed.IsZero() && !s.now().Before(order.reviewed) {
			order.Status, order.Updated, order.reviewed = StatusComplete, order.reviewed, time.Time{}
		}
	}
	if s.settings.ExpiredStatus == "" {
		return
	}
	for _, session := range s.sessions {
		order := s.orders[session.OrderID]
		if session.Upsale || session.State != SessionOpen || !session.expired(s.now()) || order.lapsed ||
			order.Payments > 0 {
			continue
		}
		order.Status, order.Updated, order.lapsed = s.settings.ExpiredStatus, s.now(), true
	}
}

// expired tells whether the shopper's time is over.
func (s *Session) expired(now time.Time) bool { return now.Sub(s.Opened) > SessionLife }

// Reset empties the books and keeps the options. Calls that wait for Release are forgotten.
func (s *Simulator) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
}
