// Package audit balances what a relay did and said against the simulator's books: the checks that must hold after
// whatever has gone wrong. The fault run in worker/relay and the soak test in workerd share it.
//
// A relay under audit is told apart by what its shoppers send: every shopper has an e-mail address of its own, and
// every attempt says its idempotency key in the tracking field custom1, which changes nothing about an order. Its
// purchases are told apart by the return addresses: /api/klarna/return/ and the name of a session, which begins
// with the ref.
package audit

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/simulator"
)

// LabelField carries the name of the attempt, the same as its idempotency key.
const LabelField = "custom1"

// HandOut is how long an open session keeps the shopper from another one for the same cart: the contract's 24 hours.
const HandOut = 24 * time.Hour

// refDigits is the length of a ref. The name of a session is longer.
const refDigits = 64

// Heard is one answer of the relay's, as somebody got it.
type Heard struct {
	At     time.Time
	Email  string // the shopper's
	Route  string // order, upsale, lead, click, status, return, failed, confirm
	Ref    string // what was asked about, or what the answer named
	Status int
	Code   string // "" for a redirect of the browser
	URL    string // message.url
	// Location is where the browser was sent.
	Location string
	// Text is the answer as it came, headers and body.
	Text string
	// PaidBefore and PaidAfter tell whether the books had the purchase as paid
	// when the request was sent, and when the answer was there.
	PaidBefore, PaidAfter bool
}

// A Book collects what was heard and compares it with the simulator's books.
type Book struct {
	sim *simulator.Simulator
	// Again is how long after an import another one may follow that is for the same cart, when no url was ever handed
	// out. Zero: a minute and a half.
	Again time.Duration
	// Secret are texts that no answer and no log line may hold.
	Secret []string
	// LogIncomplete: lines of the log may be missing, so a line that is not there is no finding.
	LogIncomplete bool

	mu       sync.Mutex
	findings []string
	handed   map[string]handing     // by session of Klarna's
	recorded map[string]time.Time   // by the relay's name of the session
	failed   map[string][]time.Time // by ref: when the shopper came back by failed/
	twice    []string               // log lines about two payments
}

// done is what an import did, and the status of its order in the end.
type done struct {
	simulator.Import
	status string
}

type handing struct {
	at  time.Time
	ref string
}

// New returns an empty book for a simulator.
func New(sim *simulator.Simulator) *Book {
	return &Book{sim: sim, Again: 90 * time.Second, handed: map[string]handing{},
		recorded: map[string]time.Time{}, failed: map[string][]time.Time{}}
}

// Find notes something that is wrong.
func (b *Book) Find(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.findings = append(b.findings, fmt.Sprintf(format, args...))
}

// Recorded notes when the relay recorded that the import with this name of a session is about to leave. What another
// request hands out after that comes too late to keep the import back. Of an import that is not noted, the moment of its
// arrival counts.
func (b *Book) Recorded(session string, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, before := b.recorded[session]; !before {
		b.recorded[session] = at
	}
}

// Findings is everything noted so far.
func (b *Book) Findings() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.findings)
}

// Paid tells whether the books have the purchase with this ref as paid: an order of it is COMPLETE, or its upsale's
// product is on the order.
func (b *Book) Paid(email, ref string) bool {
	for _, order := range b.sim.OrdersOf(email) {
		for _, imported := range order.Imports {
			if ref == "" || refOf(imported.Fields) != ref {
				continue
			}
			if imported.Op == simulator.OpOrder && order.Status == simulator.StatusComplete {
				return true
			}
			if imported.Op == simulator.OpUpsale && hasUpsale(order, imported.Fields["product1_id"]) {
				return true
			}
		}
	}
	return false
}

// Imported tells whether the books have an import for the purchase with this ref.
func (b *Book) Imported(email, ref string) bool {
	for _, order := range b.sim.OrdersOf(email) {
		for _, imported := range order.Imports {
			if ref != "" && refOf(imported.Fields) == ref {
				return true
			}
		}
	}
	return false
}

// Hear checks an answer and keeps what it handed out.
func (b *Book) Hear(h Heard) {
	for _, secret := range b.Secret {
		if strings.Contains(h.Text, secret) {
			b.Find("the answer to %s holds %q", h.Route, secret)
		}
	}
	saysPaid := h.Code == "paid" || strings.HasPrefix(h.Location, "/upsell")
	if saysPaid && !h.PaidAfter {
		b.Find("%s said paid, and it is not", h.Route)
	}
	saysUnpaid := h.Code == "retry" || h.Code == "declined" || strings.Contains(h.Location, "klarna=declined")
	// with such an OpenStatus the CRM itself calls the order unpaid, and the relay asks it once a second at most
	if saysUnpaid && h.PaidBefore && b.Told(h.Ref) && !refused(b.sim.Settings().OpenStatus) {
		b.Find("%s said %s%s of a purchase that was paid", h.Route, h.Code, h.Location)
	}
	if h.Route == "failed" && h.Location != "" {
		b.mu.Lock()
		b.failed[h.Ref] = append(b.failed[h.Ref], h.At)
		b.mu.Unlock()
	}
	// the url that this page leads to is noted when the page is opened
	if h.Code == "redirect" && !strings.Contains(h.URL, "/api/klarna/continue/") {
		b.hand(h)
	}
}

// hand notes a url that a shopper was given. A shopper who can still pay by an earlier url must not be given another
// one for the same cart.
func (b *Book) hand(h Heard) {
	id := sessionID(h.URL)
	fresh, ok := b.sim.Session(id)
	if !ok {
		b.Find("%s handed out %s, which nobody opened", h.Route, h.URL)
		return
	}
	b.mu.Lock()
	_, again := b.handed[id]
	if !again {
		b.handed[id] = handing{h.At, h.Ref}
	}
	b.mu.Unlock()
	if again {
		return
	}
	for _, other := range b.openFor(h.Ref, h.At) {
		if other.ID != id && sameItems(other.Items, fresh.Items) {
			b.Find("%s handed out a second way to pay for the same cart", h.Route)
		}
	}
}

// openFor are the sessions of a purchase that were handed to its shopper before a moment and that, as far as the relay
// could know, could still be paid at that moment.
func (b *Book) openFor(ref string, at time.Time) (open []simulator.Session) {
	settings := b.sim.Settings()
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, handed := range b.handed {
		if handed.ref != ref || handed.at.After(at) || at.Sub(handed.at) >= HandOut || refused(settings.OpenStatus) {
			continue
		}
		session, _ := b.sim.Session(id)
		order, _ := b.sim.Order(session.OrderID)
		over := !session.Ended.IsZero() && !session.Ended.After(at) || refused(order.Status)
		for _, failed := range b.failed[ref] {
			over = over || !failed.Before(handed.at) && !failed.After(at)
		}
		if !over {
			open = append(open, session)
		}
	}
	return open
}

// refused: a status that ends a session, whatever its shopper could still do.
func refused(status string) bool {
	return status == simulator.StatusDeclined || status == simulator.StatusCancelled
}

func sessionID(url string) string { return url[strings.LastIndex(url, "/")+1:] }

func sameItems(a, b []simulator.Item) bool {
	return slices.EqualFunc(a, b, func(a, b simulator.Item) bool { return a.ProductID == b.ProductID && a.Qty == b.Qty })
}

// Logged checks the relay's log, or a line of it.
func (b *Book) Logged(text string) {
	for _, secret := range b.Secret {
		if strings.Contains(text, secret) {
			b.Find("the log holds %q: %s", secret, text)
		}
	}
	for line := range strings.Lines(text) {
		if strings.Contains(line, "paid_twice") {
			b.mu.Lock()
			b.twice = append(b.twice, line)
			b.mu.Unlock()
		}
	}
}

// Balance checks the books as a whole, once all is quiet and everything was watched to its end.
func (b *Book) Balance() {
	for _, violation := range b.sim.Violations() {
		b.Find("%s", violation)
	}
	calls := b.sim.Calls()
	b.sentOnce(calls)
	b.orders()
	b.purchases(calls)
	if !b.LogIncomplete {
		b.noticed()
	}
}

// sentOnce: an import that may have arrived is never sent again, unless it was refused for the operator's fault,
// and of an order only one Confirm Order is sent that may have arrived.
func (b *Book) sentOnce(calls []simulator.Call) {
	sent := map[string]int{}
	for _, call := range calls {
		about := ""
		switch call.Op {
		case simulator.OpConfirm:
			about = "order/confirm of " + call.OrderID
		case simulator.OpOrder, simulator.OpUpsale:
			if label := call.Fields[LabelField]; label != "" { // an upsale may carry none
				about = string(call.Op) + " of " + label
			}
		}
		if about == "" || Unsent(call) || operatorsFault(call) {
			continue
		}
		if sent[about]++; sent[about] == 2 {
			b.Find("%s was sent more than once", about)
		}
	}
}

func operatorsFault(call simulator.Call) bool {
	return call.Lost == "" && konnektive.Classify(konnektive.Read(call.Status, call.Answer),
		true) == konnektive.Misconfigured
}

// orders: an order belongs to one purchase, carries one cart, and was paid at the price of that cart.
func (b *Book) orders() {
	for _, order := range b.sim.Orders() {
		imports := slices.CompactFunc(order.OrderImports(), func(a, b simulator.Import) bool { return a.Call == b.Call })
		if len(imports) > 1 {
			b.Find("order %s was imported by %d calls", order.ID, len(imports))
		}
		for _, imported := range imports[:min(1, len(imports))] {
			for _, other := range imports[1:] {
				if refOf(imported.Fields) != refOf(other.Fields) {
					b.Find("order %s belongs to two purchases", order.ID)
				}
			}
		}
		if order.Payments > 1+len(upsales(order)) {
			b.Find("order %s was paid %d times and has %d upsales", order.ID, order.Payments, len(upsales(order)))
		}
		if order.Payments > 0 && order.Paid != order.Total {
			b.Find("order %s costs %s, and %s was paid for it", order.ID, order.Total, order.Paid)
		}
	}
}

// purchases: a second import of one cart is made only where the first one cannot be paid by mistake.
func (b *Book) purchases(calls []simulator.Call) {
	byRef := map[string][]simulator.Call{}
	for _, call := range calls {
		if call.Op != simulator.OpOrder && call.Op != simulator.OpUpsale || Unsent(call) {
			continue
		}
		if ref := refOf(call.Fields); ref != "" {
			byRef[ref] = append(byRef[ref], call)
		}
	}
	made := map[int][]done{} // by call
	for _, order := range b.sim.Orders() {
		for _, imported := range order.Imports {
			made[imported.Call] = append(made[imported.Call], done{imported, order.Status})
		}
	}
	for ref, calls := range byRef {
		for i, next := range calls {
			for _, last := range calls[:i] {
				if cart(last) == cart(next) && !b.justified(ref, next, last, made[last.N]) {
					b.Find("attempt %s came %v after %s for the same cart", next.Fields[LabelField], next.At.Sub(last.At),
						last.Fields[LabelField])
				}
			}
		}
	}
}

// justified tells whether the same cart may be imported again: the last import was refused, its order or its
// session is over, or it never handed out a url and its time is over.
func (b *Book) justified(ref string, next, last simulator.Call, made []done) bool {
	if refused(b.sim.Settings().OpenStatus) {
		return true // whatever was imported reads as declined at once
	}
	if len(made) == 0 && answeredError(last) {
		return true // no order has it in its history
	}
	handed := false
	for _, imported := range made {
		if imported.Result == "ERROR" || imported.Op == simulator.OpOrder && refused(imported.status) {
			return true
		}
		session, opened := b.sim.Session(imported.Session)
		if !opened {
			continue
		}
		if !session.Ended.IsZero() && !session.Ended.After(next.At) {
			return true
		}
		b.mu.Lock()
		decided, known := b.recorded[sessionOf(next.Fields)]
		if !known {
			decided = next.At
		}
		h, ok := b.handed[session.ID]
		b.mu.Unlock()
		handed = handed || ok && !h.at.After(decided)
	}
	if !handed {
		return next.At.Sub(last.At) >= b.Again
	}
	return !slices.ContainsFunc(b.openFor(ref, next.At), func(s simulator.Session) bool {
		return slices.ContainsFunc(made, func(i done) bool { return i.Session == s.ID })
	})
}

func answeredError(call simulator.Call) bool {
	return call.Lost == "" && konnektive.Read(call.Status, call.Answer).Kind == konnektive.Error
}

// Told tells whether the relay was told the id of each order of a purchase that was paid, before its shopper came back.
// Of an order that is not told, it can know only by the browser that comes back.
func (b *Book) Told(ref string) bool {
	for _, session := range b.sim.Sessions() {
		if session.State == simulator.SessionApproved &&
			refOf(map[string]string{"redirectsTo": session.RedirectsTo}) == ref && !b.toldOrder(session.OrderID) {
			return false
		}
	}
	return true
}

// toldOrder: the import that reached the order named it, or was answered with it. What another shopper's lead was
// answered with tells nobody whose order it is.
func (b *Book) toldOrder(id string) bool {
	order, _ := b.sim.Order(id)
	calls := b.sim.Calls()
	return slices.ContainsFunc(order.Imports, func(i simulator.Import) bool {
		call := calls[i.Call-1]
		return call.Fields["orderId"] == id || call.Lost == "" && strings.Contains(call.Answer, id)
	})
}

// PaidTwice are the purchases for which more than one session was paid, with the order of each. The sessions of an
// upsale have one order. Of orders whose ids the relay was never told nothing can be known.
func (b *Book) PaidTwice() map[string][]string {
	paid := map[string][]string{}
	for _, session := range b.sim.Sessions() {
		if session.State == simulator.SessionApproved && b.toldOrder(session.OrderID) {
			if ref := refOf(map[string]string{"redirectsTo": session.RedirectsTo}); ref != "" {
				paid[ref] = append(paid[ref], session.OrderID)
			}
		}
	}
	for ref, orders := range paid {
		if len(orders) < 2 {
			delete(paid, ref)
		}
	}
	return paid
}

// noticed: two payments for one purchase are in the log, with its ref and both orders.
func (b *Book) noticed() {
	for ref, orders := range b.PaidTwice() {
		b.mu.Lock()
		noticed := slices.ContainsFunc(b.twice, func(line string) bool {
			return !slices.ContainsFunc(append(orders, ref[:8]), func(text string) bool { return !strings.Contains(line, text) })
		})
		b.mu.Unlock()
		if !noticed {
			b.Find("purchase %s was paid by orders %s, and nobody noticed", ref[:8], strings.Join(orders, " and "))
		}
	}
}

// cart is what an import is for.
func cart(call simulator.Call) string {
	var lines []string
	for name, value := range call.Fields {
		if strings.HasPrefix(name, "product") || name == "emailAddress" {
			lines = append(lines, name+"="+value)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "&")
}

// Unsent tells whether the caller could know that the call never arrived: it
// was not connected, or Cloudflare said so.
func Unsent(call simulator.Call) bool {
	return call.Delivered == 0 && (call.Lost == "unreached" || konnektive.NotSentStatus(call.Status))
}

// refOf is the purchase that an import is for, by the way back it names.
func refOf(fields map[string]string) string {
	session := sessionOf(fields)
	return session[:min(len(session), refDigits)]
}

// sessionOf is the relay's name of the session that an import is for.
func sessionOf(fields map[string]string) string {
	_, session, _ := strings.Cut(fields["redirectsTo"], "/api/klarna/return/")
	return session
}

func upsales(order simulator.Order) (found []string) {
	for _, item := range order.Items {
		if item.Upsale {
			found = append(found, item.ProductID)
		}
	}
	return found
}

func hasUpsale(order simulator.Order, product string) bool {
	return slices.Contains(upsales(order), product)
}
