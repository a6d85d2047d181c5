package purchase

import (
	"slices"
	"time"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
)

const (
	// Lease is how long an attempt that has not been sent keeps others away: the time for its bot check, its lead, and a
	// question about that.
	// A request that comes back later finds the record changed and stops.
	Lease = 90 * time.Second
	// Grace is how long after an import's deadline an order that is still PARTIAL counts as possibly begun.
	Grace = 60 * time.Second
	// SendWithin is the time within which the import of an attempt that was recorded as Sent must be sent. A request
	// that was delayed for longer must not send it any more, because the record allows the next attempt after Deadline
	// and Grace.
	SendWithin = Grace / 2
	// HandOut is how long the address of an open session is handed out again.
	HandOut = 24 * time.Hour
	// SessionLife is how long a session at Klarna can be paid.
	SessionLife = 48 * time.Hour
	// Life is how long a record is kept after its last attempt: longer than a session, for shoppers who come back late.
	Life = 72 * time.Hour

	// maxAttempts bounds what one ref can make Konnektive do. An attempt that is removed does not count.
	maxAttempts = 40
	// maxKeys bounds the keys that are noted with an attempt. A further key gets the same answers as long as the session
	// is open, and counts as a new one afterwards.
	maxKeys = 8
)

// Kind tells what a record is about.
type Kind string

// The kinds of records.
const (
	KindOrder  Kind = "order"
	KindUpsale Kind = "upsale"
	// KindKey says which purchase an idempotency key is for.
	KindKey Kind = "key"
	// KindHold says which purchase has an order of Konnektive's.
	KindHold Kind = "hold"
)

// State is how far an attempt has come.
type State string

// The states of an attempt, in their order.
const (
	// Open: a request is preparing it, and nothing has been imported.
	Open State = "open"
	// Sent: the import may have left at any moment since.
	Sent State = "sent"
	// Answered: the answer to the import is recorded.
	Answered State = "answered"
)

// End is how a session ended without a payment. Expiry is not among them: it follows from the time.
type End string

// The ends of a session.
const (
	EndDeclined  End = "declined"  // by the order's status
	EndCancelled End = "cancelled" // by the order's status
	EndFailed    End = "failed"    // by the shopper's return to the failure address
)

// A Record is what the ledger keeps about an order, an upsale, a key or a hold. It holds no data of the shopper's.
type Record struct {
	Kind    Kind
	Lander  string // the host it was made on
	Created time.Time

	// LeadOrderID is the order that the page's lead made. The first import uses it and clears it.
	LeadOrderID string
	// LeadPartial: the lead's answer said that this order is PARTIAL.
	LeadPartial bool
	// LeadWhole: a lead had everything that an order needs of the shopper. LeadCountry is its billing country.
	LeadWhole   bool
	LeadCountry string

	// Of an upsale: its order's ref, the product, and how many of that product the order held before.
	OrderRef string
	Product  string
	Baseline int

	Attempts []Attempt
	// Confirmed is set before Confirm Order is sent, which happens once.
	Confirmed bool

	// Of a key: the purchase, the name of the key there, and the cart that it stands for. Until is when a derived key
	// stops to stand for it (zero: it does not stop). Of a hold: Target is the purchase.
	Target    string
	TargetKey string
	Digest    string
	Until     time.Time
}

// An Attempt is one import of a purchase, and the session that it opened.
type Attempt struct {
	Keys []string
	// Digest is what the cart is told from another one by.
	Digest string
	State  State
	// Token is the secret part of the session's name: see [Session].
	Token string
	// OrderID is the attempt's order in Konnektive; "" while it is not known.
	OrderID string
	// Hint is the order that a browser named, while OrderID is not known.
	Hint Hint
	// Qty is how many of an upsale's product were ordered.
	Qty int

	Begun time.Time
	// Sent is when the import was about to leave, Deadline when its answer must have come.
	Sent     time.Time
	Deadline time.Time
	// Code is the contract's code for the answer, Fields its texts by field.
	Code       string
	Fields     map[string]string
	URL        string
	Script     string
	AnsweredAt time.Time

	// NextPage and FailedPage are where the page wants the shopper to go after the return; "": the lander's pages.
	NextPage   string
	FailedPage string

	End   End
	Ended time.Time
	// Paid is set when Order Query has proven it, and never taken back.
	Paid bool
	// Known is what Order Query said last, at KnownAt.
	Known   konnektive.Order
	KnownAt time.Time
	// Looks is how far the alarm has come in the list of looks. NotBefore is when to try again a look that failed.
	Looks     int
	NotBefore time.Time
}

// Redirected tells whether the shopper was handed a way to Klarna.
func (a *Attempt) Redirected() bool { return a.State == Answered && a.Code == codes.Redirect }

// has tells whether the key is noted with the attempt.
func (a *Attempt) has(key string) bool { return slices.Contains(a.Keys, key) }

// ByKey is the attempt that a key stands for, or nil.
func (r *Record) ByKey(key string) *Attempt {
	return r.find(func(a *Attempt) bool { return a.has(key) })
}

// ByToken is the attempt with this token, or nil.
func (r *Record) ByToken(token string) *Attempt {
	return r.find(func(a *Attempt) bool { return a.Token == token })
}

func (r *Record) find(match func(*Attempt) bool) *Attempt {
	for i := range r.Attempts {
		if match(&r.Attempts[i]) {
			return &r.Attempts[i]
		}
	}
	return nil
}

// all are the attempts that match.
func (r *Record) all(match func(*Attempt) bool) (attempts []*Attempt) {
	for i := range r.Attempts {
		if match(&r.Attempts[i]) {
			attempts = append(attempts, &r.Attempts[i])
		}
	}
	return attempts
}

// latest is the newest attempt that matches, or nil.
func (r *Record) latest(match func(*Attempt) bool) *Attempt {
	for i := len(r.Attempts) - 1; i >= 0; i-- {
		if match(&r.Attempts[i]) {
			return &r.Attempts[i]
		}
	}
	return nil
}

// Paid is the first attempt that is proven paid, or nil.
func (r *Record) Paid() *Attempt {
	return r.find(func(a *Attempt) bool { return a.Paid })
}

// PaidOrders are the orders of all attempts that are proven paid.
func (r *Record) PaidOrders() (ids []string) {
	for _, a := range r.all(func(a *Attempt) bool { return a.Paid }) {
		ids = append(ids, a.OrderID)
	}
	return ids
}

// remove takes an attempt back of which nothing was imported.
func (r *Record) remove(token string) {
	r.Attempts = slices.DeleteFunc(r.Attempts, func(a Attempt) bool { return a.Token == token })
}

// Expires is when the record is to be forgotten.
func (r *Record) Expires() time.Time {
	last := r.Created
	for i := range r.Attempts {
		if begun := r.Attempts[i].Begun; begun.After(last) {
			last = begun
		}
	}
	if r.Kind == KindHold {
		last = last.Add(Life) // of the purchase, whose import may begin a session until then
	}
	return last.Add(Life)
}

// Session is the name of an attempt's session in the addresses that Klarna sends the shopper back to: the ref, by
// which the record is found, and a token that does not follow from it.
func Session(ref, token string) string { return ref + token }

// refDigits is the length of a ref.
const refDigits = 64

// splitSession takes the name of a session apart.
func splitSession(session string) (ref, token string, ok bool) {
	if len(session) < refDigits {
		return "", "", false
	}
	return session[:refDigits], session[refDigits:], true
}
