package purchase

import (
	"context"
	"errors"
	"strings"
	"time"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/ledger"
)

// An Import is a request to import a cart.
type Import struct {
	Kind   Kind
	Lander string
	// Ref is the purchase that the attempt belongs to, or "". Of an upsale it is the order's, or that of an upsale of it.
	Ref string
	// Key is the Idempotency-Key; without one, Derived tells the order and its shopper from others.
	Key     string
	Derived string
	// Digest tells the cart from another one.
	Digest string
	// Lead and Form are what the lead and the import say of shopper, cart and lander. The gateway's part is added.
	// Without a Lead, the import completes the order of a whole lead that was sent before, or fails with ErrNoLead.
	Lead    konnektive.Form
	Form    konnektive.Form
	Gateway Gateway
	// Product and Qty are those of an upsale.
	Product string
	Qty     int
	// NextPage and FailedPage are where the page wants the shopper to go after the return.
	NextPage   string
	FailedPage string
	// Admit is asked before anything is sent on the shopper's behalf, once per attempt; nil: nothing is asked.
	Admit func(context.Context) error

	arrived time.Time // set by [Service.Import]
}

// ErrNoLead is the cause of an error: the import needs a lead of its own, and the request has no data for one.
var ErrNoLead = errors.New("the order of the lead before has been used")

// shortRef is how much of a ref stands in the log and in Konnektive: enough to find the purchase, too little to ask
// for it.
const shortRef = 8

// A Gateway is what an import says of the payment.
type Gateway struct {
	// RefField is the custom field that gets the beginning of the ref; "": none.
	RefField    string
	PrepaidType string
	MerchantID  string
	SalesURL    string
	// Return and Failed are the addresses that Klarna sends the shopper back to, without the session's name, which
	// follows. The state is in the path, because Konnektive adds a query of its own.
	Return string
	Failed string
}

// add gives a form with the payment's part.
func (g Gateway) add(form konnektive.Form, orderID, session string) konnektive.Form {
	if g.RefField != "" && len(session) >= shortRef {
		form = form.With(g.RefField, session[:shortRef])
	}
	return form.With(
		"orderId", orderID,
		"paySource", "PREPAID",
		"prepaidType", g.PrepaidType,
		"forceMerchantId", g.MerchantID,
		"redirectsTo", g.Return+session,
		"errorRedirectsTo", g.Failed+session,
		"salesUrl", g.SalesURL,
	)
}

// Import imports a cart once, or repeats what its key was answered.
func (s *Service) Import(ctx context.Context, in Import) (Result, error) {
	in.arrived = s.Now()
	ref, orderRef := in.Ref, ""
	if in.Kind == KindUpsale {
		order, err := s.orderOf(ctx, in.Lander, in.Ref, codes.NotPaid)
		if err != nil {
			return Result{}, err
		}
		// One record for each product of an order: two tabs, two keys, one upsale.
		orderRef = order.ref
		if ref = s.Store.Named("upsale\n" + orderRef + "\n" + in.Product); ref == "" {
			return Result{}, fail(codes.Internal, "", errNoName)
		}
	}
	at, err := s.start(ctx, &in, ref)
	if err != nil {
		return Result{}, err
	}
	return s.run(ctx, &in, at, orderRef)
}

// start ties the key and reads the purchase that the request names, at the same time. A key that is tied to a purchase
// that does not exist is free again: see follow.
func (s *Service) start(ctx context.Context, in *Import, ref string) (place, error) {
	if ref == "" {
		return s.locate(ctx, in, "")
	}
	var at place
	var t *tracked
	var untied, unread error
	s.AtOnce(ctx,
		func(ctx context.Context) { at, untied = s.locate(ctx, in, ref) },
		func(ctx context.Context) { t, _, unread = s.read(ctx, ref, 0) },
	)
	switch {
	case unread != nil:
		return at, broken(ref, unread)
	case in.Kind == KindOrder && !s.visible(t, in.Lander, KindOrder):
		return at, fail(codes.RefUnknown, "", nil)
	case untied != nil:
		return at, untied
	case at.ref == ref && at.stored.Version == 0 && t != nil:
		at.stored = t.stored
	}
	return at, nil
}

// run decides about a request, again on what another request has written in the meantime, until it is settled.
func (s *Service) run(ctx context.Context, in *Import, at place, orderRef string) (Result, error) {
	asked := false
	for range writeTries {
		t, err := s.current(ctx, in, &at)
		if err != nil {
			return Result{}, err
		}
		if in.Key == "" {
			at.key = t.afterEnds(at.key, in.arrived)
		}
		verdict, a := t.Decide(at.key, in.Digest, s.Now(), asked)
		switch verdict {
		case Begin:
			result, lost, err := s.attempt(ctx, in, t, at.key, orderRef)
			if lost == nil {
				return result, err
			}
			at.stored, asked = *lost, false
		case Ask:
			result, done, err := s.askBefore(ctx, t, at.key)
			if done {
				return result, err
			}
			at.stored, asked = ledger.Stored{Version: t.version, Data: t.Encode()}, true // with what was heard
		case Answer:
			if !a.join(at.key) {
				return s.repeat(t, a), nil
			}
			won, current, err := s.write(ctx, t)
			if err != nil {
				return Result{}, broken(at.ref, err)
			}
			if won {
				return s.repeat(t, a), nil
			}
			at.stored, asked = current, false
		case Stand:
			result := s.stand(t, a)
			result.Replayed = true
			return result, nil
		case Busy:
			return Result{}, fail(codes.InProgress, at.ref, nil)
		case KeyReused:
			return Result{}, fail(codes.KeyReused, "", nil)
		case PaidBefore:
			return Result{}, fail(paidBefore[t.Kind], at.ref, nil)
		case TooMany:
			return Result{}, fail(usedUp[t.Kind], at.ref, nil)
		}
	}
	// Other requests keep writing, so they are making progress with this purchase.
	return Result{}, fail(codes.InProgress, at.ref, nil)
}

// paidBefore is what a new cart is told when the purchase is paid with another one. Nothing was placed.
var paidBefore = map[Kind]string{KindOrder: codes.EarlierPaid, KindUpsale: codes.AlreadyTaken}

// usedUp is what is said of a purchase that takes no more attempts. Of an order it is what has a page begin another
// one, so that a stranger who has the ref cannot keep its shopper from buying.
var usedUp = map[Kind]string{KindOrder: codes.RefUnknown, KindUpsale: codes.RateLimited}

func (s *Service) repeat(t *tracked, a *Attempt) Result {
	result := s.answer(t, a)
	result.Replayed = true
	return result
}

// current is the record to decide by: what was read last, or a new one.
func (s *Service) current(ctx context.Context, in *Import, at *place) (*tracked, error) {
	if at.stored.Version == 0 {
		return &tracked{ref: at.ref, Record: s.blank(in)}, nil
	}
	t, err := parse(at.ref, at.stored)
	if err != nil {
		return nil, broken(at.ref, err)
	}
	if t, err = s.follow(ctx, in, at, t); err != nil {
		return nil, err
	}
	if t.Kind != in.Kind || t.Lander != in.Lander {
		return nil, fail(codes.KeyReused, "", nil)
	}
	return t, nil
}

// askBefore asks Order Query before a request is decided. done is true when that failed: then nothing of a new attempt
// has left, and an earlier one stands as it did. A request that finds no allowance goes by what is known.
func (s *Service) askBefore(ctx context.Context, t *tracked, key string) (Result, bool, error) {
	there, allowed, err := s.read(ctx, t.ref, 1)
	if err != nil || there == nil {
		return Result{}, true, broken(t.ref, err)
	}
	*t = *there
	if err := s.look(ctx, t, t.unsettled(s.Now()), allowed); err != nil {
		if own := t.ByKey(key); own != nil && own.State != Open {
			result := s.stand(t, own)
			result.Replayed, result.Cause = true, err
			return result, true, nil
		}
		return Result{}, true, unasked(t.ref, err)
	}
	return Result{}, false, nil
}

// unasked is the error when Order Query gave no answer, without which nothing may be imported.
func unasked(ref string, err error) error {
	if coded := codes.As(err); coded.Code == codes.Misconfigured {
		return fail(codes.Misconfigured, ref, coded.Cause)
	}
	return fail(codes.Unreachable, ref, err)
}

// attempt makes a new attempt. lost is set when another request changed the record first: it is what is there now, and
// nothing was imported here.
func (s *Service) attempt(ctx context.Context, in *Import, t *tracked, key, orderRef string) (result Result,
	lost *ledger.Stored, err error) {
	orderID := t.LeadOrderID
	switch {
	case in.Kind == KindUpsale:
		if orderID, err = s.payable(ctx, in, t, orderRef); err != nil {
			return Result{}, nil, err
		}
	case orderID == "" && in.Lead == nil:
		orderID = t.refused(in.Digest)
	}
	a := t.begin(Attempt{
		Keys: []string{key}, Digest: in.Digest, Token: s.newToken(), Qty: in.Qty,
		NextPage: in.NextPage, FailedPage: in.FailedPage, OrderID: orderID,
	}, s.Now())
	token := a.Token
	prepared := a.OrderID != "" && in.Admit == nil
	if !prepared {
		won, current, err := s.write(ctx, t)
		if err != nil {
			return Result{}, nil, broken(t.ref, err)
		}
		if !won {
			return Result{}, &current, nil
		}
	}
	ready, err := s.prepare(ctx, in, t, token)
	if err != nil {
		return Result{}, nil, s.release(ctx, t, token, err)
	}
	if lost, err = s.markSent(ctx, t, token, ready); lost != nil || err != nil {
		return Result{}, lost, err
	}
	result, err = s.send(ctx, in, t, token)
	return result, nil, err
}

// refused is the order of an attempt with this cart whose import was refused for a fault of the operator's; "" without
// one.
func (r *Record) refused(digest string) string {
	if a := r.find(func(a *Attempt) bool { return a.State == Open && a.Digest == digest }); a != nil {
		return a.OrderID
	}
	return ""
}

// A source is the order that an attempt is to complete; "": the import makes one.
type source struct {
	orderID string
	hold    bool // it has to be noted that the purchase has it
}

// prepare does what comes before the import: the bot check, and a lead where there is no order yet. The lead is not
// sent while the attempt is being recorded: a repeated request would leave an order behind that nobody wants.
func (s *Service) prepare(ctx context.Context, in *Import, t *tracked, token string) (source, error) {
	if in.Admit != nil {
		if err := in.Admit(ctx); err != nil {
			return source{}, fail(codes.Challenge, "", err)
		}
	}
	if a := t.ByToken(token); a.OrderID != "" {
		return s.orderBefore(ctx, in, t, a.OrderID)
	}
	if in.Lead == nil {
		return source{}, fail(codes.Invalid, "", ErrNoLead)
	}
	reply := s.CRM.Call(ctx, konnektive.ImportLead, in.Lead)
	orderID := reply.OrderID()
	if reply.Kind != konnektive.Success || orderID == "" {
		return source{}, s.leadFailed(t.Lander, t.ref, reply)
	}
	// A lead may be answered with the order of an earlier attempt, whose session can still be paid.
	if t.hasOrder(orderID) {
		return source{}, nil
	}
	fresh, err := s.leadIsFresh(ctx, reply)
	if err != nil || !fresh {
		return source{}, err
	}
	return source{orderID: orderID, hold: true}, nil
}

// orderBefore is the order that was there before the attempt: an upsale's, or that of the page's lead. What that lead was
// answered is believed for a moment only: Konnektive may have completed its order in another way since.
func (s *Service) orderBefore(ctx context.Context, in *Import, t *tracked, orderID string) (source, error) {
	if in.Kind == KindUpsale || t.LeadPartial && s.Now().Before(t.Created.Add(Lease)) {
		return source{orderID: orderID}, nil
	}
	fresh, err := s.fresh(ctx, orderID)
	switch {
	case err != nil:
		return source{}, err
	case fresh:
		return source{orderID: orderID}, nil
	}
	t.LeadOrderID = ""
	if in.Lead == nil {
		return source{}, fail(codes.Invalid, "", ErrNoLead)
	}
	return source{}, nil
}

// leadIsFresh tells whether a lead was answered with an order that an import may complete: it is PARTIAL, and no import
// has reached it. This is found out before the order is held, since an order that is not used must stay free: the
// purchase that it belongs to may not have noted it yet.
func (s *Service) leadIsFresh(ctx context.Context, reply konnektive.Reply) (bool, error) {
	if hidesStatus(reply) {
		return s.fresh(ctx, reply.OrderID())
	}
	return !reply.OrderImported() && reply.OrderStatus() == konnektive.StatusPartial, nil
}

// hidesStatus tells whether Order Query has to be asked if an import may complete the order of a lead's answer.
func hidesStatus(lead konnektive.Reply) bool {
	return !lead.OrderImported() && lead.OrderStatus() == ""
}

// fresh asks Order Query whether an import may complete an order. Without an answer nothing may be imported: an order
// that was paid before would show as paid by this shopper.
//
// An attempt asks this once at most, and takes no allowance: to take it would cost another call to the ledger. For a
// page's lead, pageLeadIsFresh has taken allowance before.
func (s *Service) fresh(ctx context.Context, orderID string) (bool, error) {
	order, _, err := s.query(ctx, orderID)
	if err != nil {
		return false, unasked("", err)
	}
	switch order.Status {
	case "", konnektive.StatusPartial, konnektive.StatusNotFound: // one of this moment may not be found yet
		return !order.Imported(), nil
	}
	return false, nil
}

// leadFailed tells the operator of a lead that gave no order, and says what it means.
func (s *Service) leadFailed(lander, ref string, reply konnektive.Reply) error {
	if reply.Unreadable() {
		s.tell(Event{Name: EventUnreadable, Lander: lander, Ref: ref, What: reply.Cause().Error()})
	}
	return NothingOrdered(reply)
}

// NothingOrdered says what it means that a call gave nothing by which nothing is ordered: a lead, a click or Campaign
// Query.
func NothingOrdered(reply konnektive.Reply) error {
	failed := &codes.Error{Code: codes.Unreachable, Cause: reply.Cause()}
	switch konnektive.ClassifyLead(reply) {
	case konnektive.Invalid:
		failed.Code, failed.Fields = codes.Invalid, Fields(reply)
	case konnektive.Misconfigured:
		failed.Code = codes.Misconfigured
	}
	return failed
}

// release takes an attempt back of which nothing was imported, so that its key may try again, and gives the reason
// back with the purchase's ref. When that cannot be written, the attempt stays, and its time runs out.
func (s *Service) release(ctx context.Context, t *tracked, token string, why error) error {
	err := s.withdraw(ctx, t, token)
	coded := *codes.As(why)
	coded.Ref, coded.Cause = t.ref, errors.Join(coded.Cause, err)
	return &coded
}

// withdraw removes an attempt of which nothing was imported from the record.
func (s *Service) withdraw(ctx context.Context, t *tracked, token string) error {
	return s.change(ctx, t, func(t *tracked) bool {
		if t.ByToken(token) == nil {
			return false
		}
		t.remove(token)
		return true
	})
}

// markSent records that the import is about to leave, and at the same time notes the order for the purchase. An order
// that is another purchase's is not used.
func (s *Service) markSent(ctx context.Context, t *tracked, token string, from source) (*ledger.Stored, error) {
	var lost *ledger.Stored
	var failed, notHeld error
	lander, held := t.Lander, true
	tasks := []func(context.Context){func(ctx context.Context) { lost, failed = s.writeSent(ctx, t, token, from) }}
	if from.hold {
		tasks = append(tasks, func(ctx context.Context) { held, notHeld = s.hold(ctx, lander, from.orderID, t.ref) })
	}
	s.AtOnce(ctx, tasks...)
	switch {
	case failed != nil:
		return nil, broken(t.ref, failed)
	case lost != nil:
		return lost, nil
	case notHeld != nil:
		return nil, s.release(ctx, t, token, broken("", notHeld))
	case held:
		return nil, nil
	}
	if err := s.forget(ctx, t, token); err != nil {
		return nil, s.release(ctx, t, token, broken("", err))
	}
	return nil, nil
}

// writeSent writes that the attempt is sent, again on what was written about other attempts in the meantime. lost is
// what is there when that decides otherwise: the attempt is not this request's any more, or another one was paid, or
// how another one stands forbids it. The answer to an earlier import can be recorded as late as that.
func (s *Service) writeSent(ctx context.Context, t *tracked, token string, from source) (lost *ledger.Stored,
	err error) {
	for range writeTries {
		a := t.ByToken(token)
		a.State, a.OrderID = Sent, from.orderID
		a.Sent = s.Now()
		a.Deadline = a.Sent.Add(s.Timeout)
		if t.LeadOrderID == from.orderID {
			t.LeadOrderID, t.LeadPartial = "", false
		}
		won, current, err := s.write(ctx, t)
		if err != nil || won {
			return nil, err
		}
		there, err := parse(t.ref, current)
		if err != nil {
			return &current, nil // which is judged when it is decided anew
		}
		if mine := there.ByToken(token); mine == nil || mine.State != Open || there.Paid() != nil {
			return &current, nil
		}
		t.Record, t.version = there.Record, there.version
		if !t.stillAllows(token, s.Now()) {
			if err := s.withdraw(ctx, t, token); err != nil {
				return nil, err
			}
			return &ledger.Stored{Version: t.version, Data: t.Encode()}, nil
		}
	}
	return nil, errContended
}

// send sends the import, unless too much time has gone by since it was recorded: then the record may already allow
// another attempt.
func (s *Service) send(ctx context.Context, in *Import, t *tracked, token string) (Result, error) {
	a := t.ByToken(token)
	if a == nil {
		return Result{}, fail(codes.InProgress, t.ref, errContended)
	}
	reply := konnektive.Reply{Kind: konnektive.NotSent, Err: errLate}
	if s.Now().Before(a.Sent.Add(SendWithin)) {
		endpoint := konnektive.ImportOrder
		if in.Kind == KindUpsale {
			endpoint = konnektive.ImportUpsale
		}
		reply = s.CRM.Call(ctx, endpoint, in.Gateway.add(in.Form, a.OrderID, Session(t.ref, token)))
	}
	return s.conclude(ctx, in, t, token, reply)
}

var errLate = errors.New("too much time went by between the record of the import and the import itself")

// outcomeCodes are the contract's codes for what an import was answered.
var outcomeCodes = map[konnektive.Outcome]string{
	konnektive.RedirectURL:     codes.Redirect,
	konnektive.RedirectScript:  codes.Redirect,
	konnektive.RedirectInvalid: codes.RedirectInvalid,
	konnektive.Accepted:        codes.Pending,
	konnektive.Declined:        codes.Declined,
	konnektive.Invalid:         codes.Invalid,
	konnektive.AlreadyTaken:    codes.AlreadyTaken,
	konnektive.Unknown:         codes.Unknown,
}

// conclude records what the import was answered, and only then tells the shopper. An answer that could not be recorded
// is told as a doubt: an address that the ledger does not know must not be handed out.
func (s *Service) conclude(ctx context.Context, in *Import, t *tracked, token string, reply konnektive.Reply) (Result,
	error) {
	outcome := konnektive.Classify(reply, s.AllowHTTP)
	if outcome == konnektive.AlreadyTaken && t.Kind != KindUpsale {
		outcome = konnektive.Accepted
	}
	if reply.Unreadable() {
		s.tell(Event{Name: EventUnreadable, Lander: t.Lander, Ref: t.ref, What: reply.Cause().Error()})
	}
	switch outcome {
	case konnektive.Unreachable:
		return Result{}, s.takeBack(ctx, in, t, token, fail(codes.Unreachable, "", reply.Cause()))
	case konnektive.Misconfigured:
		return Result{}, s.takeBack(ctx, in, t, token, fail(codes.Misconfigured, "", reply.Cause()))
	}
	orderID := s.ownOrder(ctx, t, token, in.Gateway.PrepaidType, outcome, reply.OrderID())
	seen := s.proof(ctx, t, token, orderID, outcome)
	err := s.change(ctx, t, func(t *tracked) bool {
		a := t.ByToken(token)
		if a == nil || a.State != Sent {
			return false
		}
		a.State, a.AnsweredAt, a.Code, a.OrderID = Answered, t.afterAnswers(s.Now()), outcomeCodes[outcome], orderID
		switch outcome {
		case konnektive.RedirectURL:
			a.URL = reply.Field("url")
		case konnektive.RedirectScript:
			a.Script = reply.Field("script")
		case konnektive.Invalid:
			a.Fields = Fields(reply)
		}
		s.apply(t, seen)
		return true
	})
	result := s.concluded(t, token, err)
	if result.Code == codes.Unknown || result.Code == codes.RedirectInvalid {
		result.Cause = errors.Join(reply.Cause(), err)
	}
	return result, nil
}

// afterAnswers is this moment, or the one after the last answer that is recorded, whichever is later. So the answers
// have the order in which they were recorded, whatever the clocks say. An address is handed out once it is recorded.
func (r *Record) afterAnswers(now time.Time) time.Time {
	now = now.Truncate(time.Millisecond) // as the record keeps it
	for _, a := range r.Attempts {
		if !a.AnsweredAt.Before(now) {
			now = a.AnsweredAt.Add(time.Millisecond)
		}
	}
	return now
}

// concluded is the result of an import that may have left.
func (s *Service) concluded(t *tracked, token string, err error) Result {
	a := t.ByToken(token)
	switch {
	case err != nil || a == nil:
		result := t.result(a)
		result.Code = codes.Unknown
		return result
	case t.Paid() != nil:
		return s.stand(t, t.Paid())
	case a.State != Answered, a.End != "":
		return s.stand(t, a)
	case !a.Redirected():
		return s.answer(t, a)
	}
	// The answer may have come so late that there is another session with this cart.
	if open := t.openSession(a.Digest, s.Now()); open != nil {
		return s.answer(t, open)
	}
	return s.stand(t, a)
}

// takeBack removes an attempt whose import was not carried out. An order that no import has reached is kept for the
// next attempt. One whose import was refused for a fault of the operator's is kept for the same cart, where the request
// has no data for a lead, and so no other order.
func (s *Service) takeBack(ctx context.Context, in *Import, t *tracked, token string, why error) error {
	coded := *codes.As(why)
	err := s.change(ctx, t, func(t *tracked) bool {
		a := t.ByToken(token)
		if a == nil || a.State != Sent {
			return false
		}
		refused := coded.Code == codes.Misconfigured
		if refused && in.Kind == KindOrder && in.Lead == nil {
			a.State, a.Begun, t.LeadPartial = Open, s.Now().Add(-Lease), false
			return true
		}
		if !refused && in.Kind == KindOrder && t.LeadOrderID == "" {
			t.LeadOrderID, t.LeadPartial = a.OrderID, false
		}
		t.remove(token)
		return true
	})
	coded.Ref, coded.Cause = t.ref, errors.Join(coded.Cause, err)
	return &coded
}

// ownOrder is the attempt's order after its import: the one that the answer names, unless another purchase has it,
// or it was there before.
func (s *Service) ownOrder(ctx context.Context, t *tracked, token, prepaidType string, outcome konnektive.Outcome,
	named string) string {
	a := t.ByToken(token)
	switch {
	case a == nil:
		return ""
	case named == "" || t.Kind == KindUpsale, t.hasOrder(named),
		!s.begunBy(ctx, a, prepaidType, outcome, named):
		return a.OrderID
	}
	held, err := s.hold(ctx, t.Lander, named, t.ref)
	switch {
	case err == nil && !held, err != nil && a.OrderID != "":
		return a.OrderID
	}
	return named // the hold could not be written, so the answer is believed
}

// begunBy tells whether the order that an import's answer names can have been begun by it: Konnektive may take one
// shopper for another and name an order of before, whose payment is not this shopper's. Nobody has paid in a
// session whose address was answered this moment. Where it cannot be found out, the answer's word has to do. The
// question takes no allowance, as the one before the import.
func (s *Service) begunBy(ctx context.Context, a *Attempt, prepaidType string, outcome konnektive.Outcome,
	named string) bool {
	order, _, err := s.query(ctx, named)
	if err != nil {
		return true
	}
	if outcome == konnektive.RedirectURL || outcome == konnektive.RedirectScript {
		if order.Status == konnektive.StatusComplete || order.Status == konnektive.StatusRefunded {
			return false
		}
	}
	return !order.Contradicts("", prepaidType, a.Begun)
}

// hasOrder tells whether an attempt has this order.
func (r *Record) hasOrder(orderID string) bool {
	return r.find(func(a *Attempt) bool { return a.OrderID == orderID }) != nil
}

// proof asks Order Query after a SUCCESS, which by itself proves no payment.
func (s *Service) proof(ctx context.Context, t *tracked, token, orderID string,
	outcome konnektive.Outcome) []observation {
	if outcome != konnektive.Accepted || orderID == "" {
		return nil
	}
	if _, allowed, err := s.Store.Read(ctx, t.ref, 1); err != nil || allowed == 0 {
		return nil
	}
	order, at, err := s.query(ctx, orderID)
	if err != nil {
		return nil
	}
	return []observation{{token, orderID, order, at}}
}

// payable makes sure that the order of an upsale is proven paid at this moment, and notes how many of the product it
// holds. It returns the order's id. Without allowance to ask, what is known counts.
func (s *Service) payable(ctx context.Context, in *Import, t *tracked, orderRef string) (string, error) {
	order, allowed, err := s.read(ctx, orderRef, 1)
	switch {
	case err != nil:
		return "", broken("", err) // of the order, and this is about the upsale
	case !s.visible(order, in.Lander, KindOrder):
		return "", fail(codes.RefUnknown, "", nil)
	}
	on := t.begunOn()
	candidate := func(a *Attempt) bool { return a.Paid && (on == "" || a.OrderID == on) }
	attempts := order.all(candidate)
	if len(attempts) == 0 {
		attempts = order.unsettled(s.Now())
	}
	if err := s.look(ctx, order, attempts, allowed); err != nil {
		return "", unasked("", err)
	}
	paid := order.find(func(a *Attempt) bool {
		return candidate(a) && a.Known.Status == konnektive.StatusComplete
	})
	if paid == nil {
		return "", fail(codes.NotPaid, "", nil)
	}
	if on == "" {
		t.OrderRef, t.Product, t.Baseline = order.ref, in.Product, paid.Known.Qty(in.Product)
	}
	return paid.OrderID, nil
}

// begunOn is the order that an upsale has been imported to; "" when none has left yet. An order of a purchase that was
// paid twice is one of two, and the upsale stays on the one that it began on.
func (r *Record) begunOn() string {
	if a := r.find(func(a *Attempt) bool { return a.State != Open }); a != nil {
		return a.OrderID
	}
	return ""
}

// orderOf finds the order that an upsale, or a confirmation, is for: the ref is the order's, or that of an upsale
// of it. One of another lander is answered with foreign. It takes no allowance: that of an upsale is for the questions
// about the upsale.
func (s *Service) orderOf(ctx context.Context, lander, ref, foreign string) (*tracked, error) {
	for range 2 {
		t, _, err := s.read(ctx, ref, 0)
		switch {
		case err != nil:
			return nil, broken("", err)
		case t != nil && t.Lander != lander && s.visible(t, t.Lander, KindOrder, KindUpsale):
			return nil, fail(foreign, "", nil)
		case !s.visible(t, lander, KindOrder, KindUpsale):
			return nil, fail(codes.RefUnknown, "", nil)
		case t.Kind == KindOrder:
			return t, nil
		}
		ref = t.OrderRef
	}
	return nil, fail(codes.RefUnknown, "", nil)
}

// Fields are Konnektive's texts by field, for an answer that finds fields at fault. A text may be empty.
func Fields(reply konnektive.Reply) map[string]string {
	fields := reply.Fields()
	if len(fields) == 0 && strings.Contains(strings.ToLower(reply.Text), "first and last name") {
		return map[string]string{"firstName": "", "lastName": ""}
	}
	return fields
}
