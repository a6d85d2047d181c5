package purchase

import (
	"time"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
)

const (
	// Lease is how long an attempt that has not been sent keeps others away:
	// the time for its lead, with some to spare. Whoever held it and comes
	// back later finds the record changed and stops.
	Lease = 90 * time.Second
	// Grace is how long after an import's deadline an order that is still
	// PARTIAL is left alone, before it counts as never begun.
	Grace = 60 * time.Second
	// Haste is how soon after it was recorded as sent an import must leave.
	// Whoever was held up for longer must not send it any more: by the record,
	// the next attempt may be made once deadline and Grace are over.
	Haste = Grace / 2
	// HandOut is how long a url of Klarna's is handed out again.
	HandOut = 24 * time.Hour
	// Life is how long a record is kept after its last attempt: Klarna's
	// sessions live for 48 hours, and the shopper may come back after that.
	Life = 72 * time.Hour
	// maxAttempts bounds what one ref can make the CRM do.
	maxAttempts = 40
)

// watch says when the truth about an attempt is read without being asked for,
// counted from the moment it was sent. A shopper may pay and never come back.
var watch = []time.Duration{
	1 * time.Minute, 5 * time.Minute, 15 * time.Minute, 60 * time.Minute,
	7 * time.Hour, 13 * time.Hour, 19 * time.Hour, 25 * time.Hour, 31 * time.Hour, 37 * time.Hour, 43 * time.Hour, 48 * time.Hour,
}

// Kind tells what a record is about.
type Kind string

// The kinds of records.
const (
	KindOrder  Kind = "order"
	KindUpsale Kind = "upsale"
	// KindKey is a record that only says which purchase an idempotency key is for.
	KindKey Kind = "key"
)

// State is how far an attempt has come.
type State string

// The states of an attempt, in their order.
const (
	// Open: claimed by a request, and nothing has been imported.
	Open State = "open"
	// Sent: the import may have left at any moment since.
	Sent State = "sent"
	// Answered: the answer to the import is recorded.
	Answered State = "answered"
)

// A Purchase is the record of one order, or of one upsale of it. It holds no
// data of the shopper's.
type Purchase struct {
	Kind   Kind
	Lander string // the host it was made on
	// OrderIDs are the orders in Konnektive that this purchase has come to
	// know, newest last. There is more than one only when an import was
	// answered with another id than it was given.
	OrderIDs []string
	Created  time.Time

	// Of an upsale: its order's ref, the product, and how many of that product
	// the order held before, which is what a paid upsale must exceed.
	OrderRef string
	Product  string
	Baseline int

	Attempts []Attempt
	// Paid is set when Order Query has proven it, and never taken back.
	Paid bool
	// Known is what Order Query said last, at KnownAt.
	Known   konnektive.Order
	KnownAt time.Time
	// Confirmed is set before Confirm Order is sent, which happens once.
	Confirmed bool
	// Watched counts the times the alarm has asked for the truth.
	Watched int

	// Of a key: the purchase and the attempt's key there. Until is when a
	// derived key stops to stand for it (zero: it does not stop).
	Target    string
	TargetKey string
	Until     time.Time
}

// An Attempt is one import of a purchase.
type Attempt struct {
	// Keys are the idempotency keys that stand for this attempt.
	Keys []string
	// Digest is what the order is told from another one by.
	Digest string
	State  State
	Begun  time.Time
	// Sent is when the import was about to leave, Deadline when its answer
	// must have come.
	Sent     time.Time
	Deadline time.Time
	// Code is the contract's code for the answer, Fields its texts by field.
	Code   string
	Fields map[string]string
	// URL or Script is what the shopper was to be sent to Klarna with, at
	// Answered.
	URL        string
	Script     string
	AnsweredAt time.Time
}

func (a *Attempt) has(key string) bool {
	for _, k := range a.Keys {
		if k == key {
			return true
		}
	}
	return false
}

// Redirects tells whether the shopper was handed a way to Klarna.
func (a *Attempt) Redirects() bool { return a.Code == codes.Redirect }

// OrderID is the order that the next call is about: the one that is paid, else
// the newest; "" before a lead.
func (p *Purchase) OrderID() string {
	if p.Paid && p.Known.ID != "" {
		return p.Known.ID
	}
	if len(p.OrderIDs) == 0 {
		return ""
	}
	return p.OrderIDs[len(p.OrderIDs)-1]
}

// Learn notes the id that Konnektive gave the order.
func (p *Purchase) Learn(orderID string) {
	if orderID == "" {
		return
	}
	for _, known := range p.OrderIDs {
		if known == orderID {
			return
		}
	}
	p.OrderIDs = append(p.OrderIDs, orderID)
}

// Current is the latest attempt, or nil.
func (p *Purchase) Current() *Attempt {
	if len(p.Attempts) == 0 {
		return nil
	}
	return &p.Attempts[len(p.Attempts)-1]
}

// left is the latest attempt that may have left, or nil.
func (p *Purchase) left() *Attempt {
	for i := len(p.Attempts) - 1; i >= 0; i-- {
		if p.Attempts[i].State != Open {
			return &p.Attempts[i]
		}
	}
	return nil
}

// ByKey is the attempt a key stands for, or nil.
func (p *Purchase) ByKey(key string) *Attempt {
	for i := range p.Attempts {
		if p.Attempts[i].has(key) {
			return &p.Attempts[i]
		}
	}
	return nil
}

// Observe takes in what Order Query said of the order when it was asked. An
// observation older than the one known proves a payment, and nothing else.
func (p *Purchase) Observe(order konnektive.Order, asked time.Time) {
	proof := order.Status == konnektive.StatusComplete
	if proof && p.Kind == KindUpsale {
		// The order was COMPLETE before, so its status says nothing about the
		// upsale. GUESS: a paid upsale is on the order's items.
		if proof = order.Qty(p.Product) > p.Baseline || p.takenBefore(order); !proof {
			order.Status = konnektive.StatusPartial
		}
	}
	if p.KnownAt.After(asked) && (p.Paid || !proof) {
		return
	}
	p.Paid = p.Paid || proof
	p.Known, p.KnownAt = order, asked
}

// takenBefore: Konnektive called the upsale taken already, and it is there.
func (p *Purchase) takenBefore(order konnektive.Order) bool {
	last := p.left()
	return last != nil && last.Code == codes.AlreadyTaken && order.Qty(p.Product) > 0
}

// Standing is how a purchase stands, all things known.
type Standing int

const (
	// Untried: no attempt has been made, or none that left.
	Untried Standing = iota
	// Running: an attempt is on its way right now.
	Running
	// Paid: proven by Order Query.
	Paid
	// AtKlarna: the shopper was handed a url, and nothing more is known.
	AtKlarna
	// InDoubt: an import may have left, and its answer is not known.
	InDoubt
	// Waiting: Konnektive said SUCCESS, which proves no payment.
	Waiting
	// Declined: refused by the gateway.
	Declined
	// Refused: not imported, for reasons that a new attempt may mend.
	Refused
	// Retry: nothing can have been paid, a new attempt may be made.
	Retry
	// Closed: refunded in the CRM; not to be tried again.
	Closed
)

// Code is the word of the contract for it, as the status route says it.
func (s Standing) Code() string {
	switch s {
	case Paid:
		return codes.Paid
	case AtKlarna, Waiting:
		return codes.Pending
	case Declined, Closed:
		return codes.Declined
	case Running, InDoubt:
		return codes.Unknown
	default: // Untried, Refused, Retry
		return codes.Retry
	}
}

// Standing says how the purchase stands at this moment.
func (p *Purchase) Standing(now time.Time) Standing {
	if p.Paid {
		return Paid
	}
	current := p.Current()
	if current == nil {
		return Untried
	}
	if current.State == Open {
		if now.Before(current.Begun.Add(Lease)) {
			return Running
		}
		return p.before(now)
	}
	known := ""
	if !p.KnownAt.Before(current.Sent) {
		known = p.Known.Status
	}
	over := !p.KnownAt.Before(current.Deadline.Add(Grace))
	switch known {
	case konnektive.StatusDeclined, konnektive.StatusCancelled:
		// GUESS: Klarna's cancel leaves one of them behind. While nobody knows
		// whether this attempt has arrived, it may be the one before it that was
		// declined.
		if over || len(p.Attempts) == 1 || current.State == Answered && current.Code != codes.Unknown {
			return Declined
		}
	case konnektive.StatusRefunded:
		return Closed
	}
	if current.State == Sent && now.Before(current.Deadline) {
		return Running
	}
	if current.State == Answered {
		switch current.Code {
		case codes.Redirect:
			return AtKlarna
		case codes.Declined:
			return Declined
		case codes.Invalid, codes.Misconfigured:
			return Refused
		case codes.AlreadyTaken:
			return Waiting
		}
	}
	if known == konnektive.StatusPartial && over {
		// No url of this attempt was ever handed out. One of an earlier attempt
		// may have been, for another cart: see revive.
		return Retry
	}
	if current.State == Answered && current.Code == codes.Pending {
		return Waiting
	}
	return InDoubt
}

// before is how the purchase stood before its current attempt, which never left.
func (p *Purchase) before(now time.Time) Standing {
	earlier := *p
	earlier.Attempts = p.Attempts[:len(p.Attempts)-1]
	return earlier.Standing(now)
}

// Verdict is what a request for an import is to do.
type Verdict int

const (
	// Begin: the attempt has been added to the purchase, as open; once that is
	// written it may go on.
	Begin Verdict = iota
	// Busy: an attempt is on its way.
	Busy
	// Answer: the request's own attempt has been answered already.
	Answer
	// Ask: Order Query has to be asked before this can be decided.
	Ask
	// Stand: no new attempt; the answer is how the purchase stands.
	Stand
	// KeyReused: the key stands for another order.
	KeyReused
	// TooMany: more attempts than any shopper makes.
	TooMany
)

// Claim decides about a request to import the order with this digest under
// this key. asked tells that Order Query has just been observed. The returned
// attempt is the one to answer from.
func (p *Purchase) Claim(key, digest string, now time.Time, asked bool) (Verdict, *Attempt) {
	standing := p.Standing(now)
	if own := p.ByKey(key); own != nil {
		if own.Digest != digest {
			return KeyReused, nil
		}
		if own.State != Open || own != p.Current() || standing == Running || standing == Paid {
			return p.repeat(own, standing, now, asked)
		}
		// Its request died before anything was imported: it begins anew.
	}
	switch standing {
	case Running:
		return Busy, nil
	case Paid:
		return Stand, nil
	case Untried:
		return p.begin(key, digest, now)
	}
	last := p.left()
	if standing == AtKlarna && last.Digest == digest && now.Before(last.AnsweredAt.Add(HandOut)) {
		return Answer, p.revive(key, digest, now)
	}
	// Whatever was tried before, it may have been paid in the meantime.
	if !asked {
		return Ask, nil
	}
	switch standing {
	case Declined:
		if last.Redirects() {
			// What was declined at Klarna leads there no more.
			last.Code, last.URL, last.Script = codes.Declined, "", ""
		}
		return p.begin(key, digest, now)
	case Refused, Retry:
		if earlier := p.revive(key, digest, now); earlier != nil {
			return Answer, earlier
		}
		return p.begin(key, digest, now)
	case AtKlarna:
		if last.Digest != digest {
			return p.begin(key, digest, now)
		}
	}
	return Stand, nil
}

// revive finds the attempt by which a shopper was sent to Klarna with this very
// order, and makes it the current one, in place of those that came to nothing:
// a second way to pay for the same order must not be opened while that one is
// there.
func (p *Purchase) revive(key, digest string, now time.Time) *Attempt {
	for i := len(p.Attempts) - 1; i >= 0; i-- {
		a := p.Attempts[i]
		if a.Redirects() && a.Digest == digest && now.Before(a.AnsweredAt.Add(HandOut)) {
			p.dropOpen()
			a.Keys = append(a.Keys[:len(a.Keys):len(a.Keys)], key)
			p.Attempts = append(append(p.Attempts[:i:i], p.Attempts[i+1:]...), a)
			return p.Current()
		}
	}
	return nil
}

// repeat answers a key that has been here before.
func (p *Purchase) repeat(own *Attempt, standing Standing, now time.Time, asked bool) (Verdict, *Attempt) {
	if standing == Paid {
		return Stand, nil
	}
	if own != p.Current() {
		// A later attempt has taken its place. What was answered for good is
		// answered so again, a way to Klarna that has been replaced is not.
		if own.State == Answered && !own.Redirects() && own.Code != codes.Unknown && own.Code != codes.Pending {
			return Answer, own
		}
		if last := p.left(); standing == AtKlarna && last.Digest == own.Digest && now.Before(last.AnsweredAt.Add(HandOut)) {
			return Answer, last
		}
		if !asked {
			return Ask, nil
		}
		return Stand, nil
	}
	switch standing {
	case Running:
		return Busy, nil
	case AtKlarna:
		if now.Before(own.AnsweredAt.Add(HandOut)) {
			return Answer, own
		}
	case Declined:
		if own.Code == codes.Declined {
			return Answer, own
		}
	case Refused:
		return Answer, own
	case Waiting:
		if own.Code == codes.AlreadyTaken {
			return Answer, own
		}
	case InDoubt:
		if own.Code == codes.RedirectInvalid {
			return Answer, own
		}
	}
	if !asked {
		return Ask, nil
	}
	return Stand, nil
}

func (p *Purchase) begin(key, digest string, now time.Time) (Verdict, *Attempt) {
	p.dropOpen()
	if len(p.Attempts) >= maxAttempts {
		return TooMany, nil
	}
	p.Attempts = append(p.Attempts, Attempt{Keys: []string{key}, Digest: digest, State: Open, Begun: now})
	return Begin, p.Current()
}

// dropOpen has an attempt that never left make room.
func (p *Purchase) dropOpen() {
	if current := p.Current(); current != nil && current.State == Open {
		p.Attempts = p.Attempts[:len(p.Attempts)-1]
	}
}

// Release takes back an attempt that was begun and has imported nothing, so
// that its key may try again.
func (p *Purchase) Release(key string) {
	if current := p.Current(); current != nil && current.State == Open && current.has(key) {
		p.Attempts = p.Attempts[:len(p.Attempts)-1]
	}
}

// Alarm is when the truth is to be read next without being asked for; the zero
// time when there is no need.
func (p *Purchase) Alarm() time.Time {
	last := p.left()
	if last == nil || p.Paid || p.Watched >= len(watch) {
		return time.Time{}
	}
	return last.Sent.Add(watch[p.Watched])
}

// Expires is when the record is to be forgotten.
func (p *Purchase) Expires() time.Time {
	last := p.Created
	for i := range p.Attempts {
		if begun := p.Attempts[i].Begun; begun.After(last) {
			last = begun
		}
	}
	return last.Add(Life)
}
