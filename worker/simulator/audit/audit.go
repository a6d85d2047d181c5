// Package audit balances what a relay did and said against the simulator's
// books: the checks that must hold after whatever has gone wrong. The fault run
// in worker/relay and the soak test in workerd share it.
//
// A relay under audit is told apart by what its shoppers send: every shopper
// has an e-mail address of its own, and every attempt says its idempotency key
// in the tracking field custom1, which changes nothing about an order.
package audit

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"klarna-relay/worker/simulator"
)

// LabelField carries the name of the attempt, the same as its idempotency key.
const LabelField = "custom1"

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
	// Again is how long after an import another one may follow that is for the
	// same cart, when no url was ever handed out. Zero: a minute and a half.
	Again time.Duration
	// Secret are texts that no answer and no log line may hold.
	Secret []string

	mu       sync.Mutex
	findings []string
	handed   map[string]handing // by url
}

type handing struct {
	at  time.Time
	ref string
}

// New returns an empty book for a simulator.
func New(sim *simulator.Simulator) *Book {
	return &Book{sim: sim, Again: 90 * time.Second, handed: map[string]handing{}}
}

// Find notes something that is wrong.
func (b *Book) Find(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.findings = append(b.findings, fmt.Sprintf(format, args...))
}

// Findings is everything noted so far.
func (b *Book) Findings() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.findings)
}

// Paid tells whether the books have the purchase with this ref as paid: its
// order is COMPLETE, or its upsale's product is on the order.
func (b *Book) Paid(email, ref string) bool {
	if ref == "" {
		return false
	}
	for _, order := range b.sim.OrdersOf(email) {
		for _, imported := range order.Imports {
			if refOf(imported.Fields) != ref {
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
	if saysUnpaid && h.PaidBefore {
		b.Find("%s said %s%s of a purchase that was paid", h.Route, h.Code, h.Location)
	}
	if h.Code != "redirect" || strings.Contains(h.URL, "/api/klarna/continue/") {
		return // what that page leads to is heard when it is opened
	}
	b.mu.Lock()
	_, again := b.handed[h.URL]
	if !again {
		b.handed[h.URL] = handing{h.At, h.Ref}
	}
	b.mu.Unlock()
	if !again {
		b.oneWayToPay(h)
	}
}

// oneWayToPay: a shopper who was given a url and can still pay there must not
// be given another one, unless the cart has changed in between.
func (b *Book) oneWayToPay(h Heard) {
	fresh, ok := b.session(h.URL)
	if !ok {
		b.Find("%s handed out %s, which nobody opened", h.Route, h.URL)
		return
	}
	var imports []simulator.Import
	for _, order := range b.sim.OrdersOf(h.Email) {
		imports = append(imports, order.Imports...)
	}
	slices.SortFunc(imports, func(a, b simulator.Import) int { return a.Call - b.Call })
	earlier := false
	for _, imported := range slices.Backward(imports) {
		if imported.Session == fresh.ID {
			earlier = true
			continue
		}
		session, opened := b.sim.Session(imported.Session)
		if !earlier || !opened || refOf(imported.Fields) != h.Ref {
			continue
		}
		same := sameItems(session.Items, fresh.Items)
		b.mu.Lock()
		_, handed := b.handed[session.URL]
		b.mu.Unlock()
		if handed && same && session.State == simulator.SessionOpen {
			b.Find("%s handed out a second way to pay for the same cart", h.Route)
		}
		if handed || !same && b.sim.Calls()[imported.Call-1].Lost == "" {
			return
		}
	}
}

func (b *Book) session(url string) (simulator.Session, bool) {
	return b.sim.Session(sessionID(url))
}

func sessionID(url string) string { return url[strings.LastIndex(url, "/")+1:] }

func sameItems(a, b []simulator.Item) bool {
	return slices.EqualFunc(a, b, func(a, b simulator.Item) bool { return a.ProductID == b.ProductID && a.Qty == b.Qty })
}

// Logged checks a line of the relay's log.
func (b *Book) Logged(line string) {
	for _, secret := range b.Secret {
		if strings.Contains(line, secret) {
			b.Find("the log holds %q: %s", secret, line)
		}
	}
}

// Balance checks the books as a whole, once all is quiet.
func (b *Book) Balance() {
	for _, violation := range b.sim.Violations() {
		b.Find("%s", violation)
	}
	b.attempts()
	b.purchases()
}

// attempts: an import that may have arrived is never sent again, and of an
// order only one Confirm Order is sent that may have arrived.
func (b *Book) attempts() {
	sent := map[string]int{}
	for _, call := range b.sim.Calls(simulator.OpOrder, simulator.OpUpsale, simulator.OpConfirm) {
		if Unsent(call) {
			continue
		}
		about := string(call.Op) + " of " + call.Fields[LabelField]
		switch {
		case call.Op == simulator.OpConfirm:
			about = "order/confirm of " + call.OrderID
		case call.Fields[LabelField] == "":
			continue // of an upsale, which carries no such field
		}
		if sent[about]++; sent[about] == 2 {
			b.Find("%s was sent more than once", about)
		}
	}
}

// purchases: each import of an order has an order of its own, and a second
// attempt is made only where the first one cannot be paid by mistake.
func (b *Book) purchases() {
	byRef := map[string][]simulator.Call{}
	for _, call := range b.sim.Calls(simulator.OpOrder, simulator.OpUpsale) {
		if ref := refOf(call.Fields); !Unsent(call) {
			byRef[ref] = append(byRef[ref], call)
		}
	}
	imports := map[int]simulator.Import{}
	opened := map[string]simulator.Call{} // by session
	all := b.sim.Calls()
	for _, order := range b.sim.Orders() {
		for _, imported := range order.Imports {
			imports[imported.Call] = imported
			if imported.Session != "" {
				opened[imported.Session] = all[imported.Call-1]
			}
		}
		if order.Payments > 1+len(upsales(order)) {
			b.Find("order %s was paid %d times and has %d upsales", order.ID, order.Payments, len(upsales(order)))
		}
	}
	for ref, calls := range byRef {
		for i, next := range calls {
			if next.OrderID == "" {
				b.Find("an import without an order: %s", ref)
			}
			if i == 0 {
				continue
			}
			last := calls[i-1]
			if next.Op == simulator.OpOrder && last.OrderID == next.OrderID {
				b.Find("attempts %s and %s share an order", last.Fields[LabelField], next.Fields[LabelField])
			}
			if !b.justified(ref, last, next, imports[last.N], opened) {
				b.Find("attempt %s came %v after %s, which may be paid", next.Fields[LabelField], next.At.Sub(last.At), last.Fields[LabelField])
			}
		}
	}
}

// justified: a changed cart, an attempt that was refused, or one that nobody
// can pay since its time is over and no url was ever handed out.
func (b *Book) justified(ref string, last, next simulator.Call, done simulator.Import, opened map[string]simulator.Call) bool {
	if cart(last) != cart(next) || done.Result == "ERROR" {
		return true
	}
	if b.over(done.Session) {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for url, handed := range b.handed {
		id := sessionID(url)
		if before := opened[id]; handed.ref == ref && before.N < next.N && !handed.at.After(next.At) && cart(before) == cart(next) && !b.over(id) {
			return false
		}
	}
	return next.At.Sub(last.At) >= b.Again
}

// over: the shopper cannot pay in this session any more, and has not.
func (b *Book) over(id string) bool {
	session, ok := b.sim.Session(id)
	return ok && (session.State == simulator.SessionDeclined || session.State == simulator.SessionCancelled)
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
	return call.Delivered == 0 && (call.Lost == "unreached" || slices.Contains([]int{521, 522, 523, 525, 526, 530}, call.Status))
}

// refDigits is the length of a ref, which the name of a session begins with.
const refDigits = 64

// refOf is the purchase that an import is for, by the way back it names.
func refOf(fields map[string]string) string {
	_, session, _ := strings.Cut(fields["redirectsTo"], "/api/klarna/return/")
	return session[:min(len(session), refDigits)]
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
