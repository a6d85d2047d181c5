package relay

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/ledger"
	"klarna-relay/worker/purchase"
	"klarna-relay/worker/rules"
)

// derivedFor is how long an order that came without an Idempotency-Key is
// recognised when it comes again.
const derivedFor = 10 * time.Minute

// writeTries bounds how often a write is tried again because somebody else
// wrote first. Every loss means that another request got on with it.
const writeTries = 12

var errRecord = errors.New("the ledger could not be read or written")

// A saved purchase is one together with the version it was read at.
type saved struct {
	ref     string
	version int64
	*purchase.Purchase
}

func decode(ref string, stored ledger.Stored) (saved, error) {
	p, err := purchase.Decode(stored.Data)
	if err != nil {
		return saved{}, fmt.Errorf("record %s: %w", shorten(ref), err)
	}
	return saved{ref, stored.Version, p}, nil
}

// save writes the purchase. When somebody else has written first, it returns
// false and what is there now.
func (rl *Relay) save(rq *request, s *saved) (won bool, current ledger.Stored, err error) {
	won, current, err = rl.platform.Store.Write(rq.ctx, s.ref, s.version, s.Encode(), s.Alarm(), s.Expires())
	if err == nil && won {
		s.version++
	}
	return won, current, err
}

// change applies what is to be changed, again on what somebody else has
// written in the meantime, until it is written. apply returns false when there
// is nothing left to change.
func (rl *Relay) change(rq *request, s saved, apply func(*purchase.Purchase) bool) (saved, error) {
	for range writeTries {
		if !apply(s.Purchase) {
			return s, nil
		}
		won, current, err := rl.save(rq, &s)
		if err != nil {
			return s, err
		}
		if won {
			return s, nil
		}
		there, err := decode(s.ref, current)
		if err != nil {
			return s, err
		}
		s = there
	}
	return s, errRecord
}

// load reads the purchase of a ref, as this lander may see it.
func (rl *Relay) load(rq *request, ref string) (s saved, found bool, err error) {
	s, found, err = rl.read(rq, ref)
	return s, found && s.Lander == rq.host, err
}

// read reads the purchase of a ref, whichever lander's it is.
func (rl *Relay) read(rq *request, ref string) (s saved, found bool, err error) {
	stored, err := rl.platform.Store.Read(rq.ctx, ref)
	if errors.Is(err, ledger.ErrUnknownRef) || err == nil && stored.Version == 0 {
		return saved{}, false, nil
	}
	if err != nil {
		return saved{}, false, err
	}
	if s, err = decode(ref, stored); err != nil {
		return saved{}, false, err
	}
	return s, s.Kind != purchase.KindKey && rl.platform.Now().Before(s.Expires()), nil
}

// An attempt is one request to import something, before it is known what has
// become of it.
type attempt struct {
	kind   purchase.Kind
	key    string
	digest string
	// fresh is the record to begin with when there is none.
	fresh *purchase.Purchase
	// lead makes sure of an order id; nil when there is one.
	lead func() konnektive.Reply
	// send is the import itself.
	send func(orderID, ref string) konnektive.Reply
	// challenge is asked before anything is sent on the shopper's behalf.
	challenge func() bool
}

// run is the heart of the relay: it decides about one attempt by the ledger,
// and imports at most once, after that has been recorded.
func (rl *Relay) run(rq *request, ref string, at attempt, stored ledger.Stored) *answer {
	rq.logged = ref
	var seen *observation
	for range writeTries {
		s := saved{ref, 0, at.fresh}
		if stored.Version > 0 {
			var err error
			if s, err = decode(ref, stored); err != nil {
				return rl.internal(ref)
			}
			if s.Kind == purchase.KindKey {
				// The key is tied to a purchase that it did not open.
				ref, at.key = s.Target, s.TargetKey
				if stored, err = rl.platform.Store.Read(rq.ctx, ref); err != nil {
					return rl.internal("")
				}
				if stored.Version == 0 {
					return say(codes.KeyReused)
				}
				rq.logged = ref
				continue
			}
			if s.Kind != at.kind || s.Lander != rq.host {
				return say(codes.KeyReused)
			}
		} else {
			blank := *at.fresh
			s.Purchase = &blank
		}
		now := rl.platform.Now()
		if seen != nil {
			rl.observe(rq, s.Purchase, *seen)
		}
		verdict, own := s.Claim(at.key, at.digest, now, seen != nil)
		switch verdict {
		case purchase.Begin:
			won, current, err := rl.open(rq, &s, at)
			if err != nil {
				return rl.internal(ref)
			}
			if !won {
				stored, seen = current, nil
				continue
			}
			a, current, lost := rl.proceed(rq, s, at)
			if lost {
				stored, seen = current, nil
				continue
			}
			return a

		case purchase.Ask:
			order, ok := rl.truth(rq, s.Purchase)
			if !ok {
				if own := s.ByKey(at.key); own == nil || own.State == purchase.Open {
					// Nothing of this attempt has left.
					return rl.withRef(codes.Unreachable, ref)
				}
				return rl.stand(rq, s, true)
			}
			seen = &order

		case purchase.Answer:
			// The key may be new to this attempt: then it is noted.
			won, current, err := true, ledger.Stored{}, error(nil)
			if stored.Data != s.Encode() {
				won, current, err = rl.save(rq, &s)
			}
			if err != nil {
				return rl.internal(ref)
			}
			if !won {
				stored, seen = current, nil
				continue
			}
			return rl.replay(rq, s, own)

		case purchase.Stand:
			if seen != nil {
				s, _ = rl.change(rq, s, func(p *purchase.Purchase) bool { return rl.observe(rq, p, *seen) })
			}
			return rl.stand(rq, s, true)
		case purchase.Busy:
			return rl.withRef(codes.InProgress, ref)
		case purchase.KeyReused:
			return say(codes.KeyReused)
		case purchase.TooMany:
			return rl.withRef(codes.RateLimited, ref)
		}
	}
	// Others keep writing: they are getting on with this very purchase.
	return rl.withRef(codes.InProgress, ref)
}

// open records a new attempt. When nothing has to be done before the import,
// it is recorded as sent at once.
func (rl *Relay) open(rq *request, s *saved, at attempt) (bool, ledger.Stored, error) {
	if s.OrderID() != "" && at.challenge == nil {
		rl.markSent(s.Purchase)
	}
	return rl.save(rq, s)
}

func (rl *Relay) markSent(p *purchase.Purchase) {
	current := p.Current()
	current.State = purchase.Sent
	current.Sent = rl.platform.Now()
	current.Deadline = current.Sent.Add(rl.config.Timeout)
	p.Watched = 0
}

// proceed takes an attempt that is recorded as open through its lead and its
// import. lost means that another request took it over in the meantime: then
// nothing was imported here, and current is the record it left.
func (rl *Relay) proceed(rq *request, s saved, at attempt) (a *answer, current ledger.Stored, lost bool) {
	if s.Current().State == purchase.Open {
		if at.challenge != nil && !at.challenge() {
			return rl.release(rq, s, at.key, say(codes.Challenge)), current, false
		}
		if s.OrderID() == "" {
			reply := at.lead()
			orderID := reply.OrderID()
			if reply.Kind != konnektive.Success || orderID == "" {
				return rl.release(rq, s, at.key, rq.leadFailed(reply)), current, false
			}
			s.Learn(orderID)
		}
		rl.markSent(s.Purchase)
		won, current, err := rl.save(rq, &s)
		if err != nil {
			return rl.internal(s.ref), current, false
		}
		if !won {
			return nil, current, true
		}
	}

	// From here on the import may have left, whatever happens. Only whoever was
	// held up knows that it has not, and that it must not any more.
	reply := konnektive.Reply{Kind: konnektive.NotSent}
	if rl.platform.Now().Before(s.Current().Sent.Add(purchase.Haste)) {
		reply = at.send(s.OrderID(), s.ref)
	}
	return rl.conclude(rq, s, at.key, reply), current, false
}

// release gives an attempt back of which nothing has been imported.
func (rl *Relay) release(rq *request, s saved, key string, a *answer) *answer {
	// A failure to write leaves the attempt open, and its lease runs out.
	_, _ = rl.change(rq, s, func(p *purchase.Purchase) bool {
		own := p.ByKey(key)
		if own == nil || own.State != purchase.Open {
			return false
		}
		p.Release(key)
		return true
	})
	a.ref = s.ref
	return a
}

// leadFailed: nothing was ordered, and the same key may try again.
func (rq *request) leadFailed(reply konnektive.Reply) *answer {
	switch konnektive.ClassifyLead(reply) {
	case konnektive.Invalid:
		a := say(codes.Invalid)
		a.fields = rq.konnektiveFields(reply)
		return a
	case konnektive.Misconfigured:
		return say(codes.Misconfigured)
	}
	return say(codes.Unreachable)
}

// konnektiveFields are the texts of Konnektive's by field.
func (rq *request) konnektiveFields(reply konnektive.Reply) map[string]string {
	fields := reply.Fields()
	for name, text := range fields {
		if text == "" { // not a text, but a list or an object of them
			text = rules.Problem{Field: name, Code: rules.BadValue}.Text(rq.lang)
		}
		fields[name] = cut(text, 200)
	}
	if len(fields) == 0 && strings.Contains(strings.ToLower(reply.Text), "first and last name") {
		problem := rules.Problem{Field: "firstName", Code: rules.Required}
		fields = map[string]string{"firstName": problem.Text(rq.lang), "lastName": problem.Text(rq.lang)}
	}
	return fields
}

// conclude records what the import was answered, and only then tells the
// shopper. An answer that could not be recorded is told as a doubt: a url that
// the ledger does not know of must not be handed out.
func (rl *Relay) conclude(rq *request, s saved, key string, reply konnektive.Reply) *answer {
	outcome := konnektive.Classify(reply, rl.config.LoopbackHTTP)
	if outcome == konnektive.AlreadyTaken && s.Kind != purchase.KindUpsale {
		outcome = konnektive.Accepted
	}
	s.Learn(reply.OrderID())
	var seen *observation
	if outcome == konnektive.Accepted {
		if order, ok := rl.truth(rq, s.Purchase); ok {
			seen = &order
		}
	}
	fields := map[string]string(nil)
	if outcome == konnektive.Invalid {
		fields = rq.konnektiveFields(reply)
	}
	now := rl.platform.Now()
	s, err := rl.change(rq, s, func(p *purchase.Purchase) bool {
		own := p.ByKey(key)
		if own == nil || own.State != purchase.Sent {
			return false
		}
		p.Learn(reply.OrderID())
		if outcome == konnektive.Unreachable {
			// Surely not sent: as if it had not been tried.
			own.State = purchase.Open
			p.Release(key)
			return true
		}
		own.State, own.AnsweredAt, own.Fields = purchase.Answered, now, fields
		own.Code = outcomeCodes[outcome]
		switch outcome {
		case konnektive.RedirectURL:
			own.URL = reply.Field("url")
		case konnektive.RedirectScript:
			own.Script = reply.Field("script")
		}
		if seen != nil {
			rl.observe(rq, p, *seen)
		}
		return true
	})
	if err != nil {
		return rl.withRef(codes.Unknown, s.ref)
	}
	if outcome == konnektive.Unreachable {
		return rl.withRef(codes.Unreachable, s.ref)
	}
	own := s.ByKey(key)
	if own == nil || own != s.Current() || s.Paid {
		return rl.stand(rq, s, false)
	}
	return rl.tell(rq, s, own)
}

var outcomeCodes = map[konnektive.Outcome]string{
	konnektive.RedirectURL:     codes.Redirect,
	konnektive.RedirectScript:  codes.Redirect,
	konnektive.RedirectInvalid: codes.RedirectInvalid,
	konnektive.Accepted:        codes.Pending,
	konnektive.Declined:        codes.Declined,
	konnektive.Invalid:         codes.Invalid,
	konnektive.AlreadyTaken:    codes.AlreadyTaken,
	konnektive.Misconfigured:   codes.Misconfigured,
	konnektive.Unknown:         codes.Unknown,
}

// tell is the answer to an attempt, the first time and every time after.
func (rl *Relay) tell(rq *request, s saved, own *purchase.Attempt) *answer {
	a := rl.withRef(own.Code, s.ref)
	a.fields = own.Fields
	if own.Redirects() {
		a.url = own.URL
		if own.URL == "" {
			a.url = rq.base + "/api/klarna/continue/" + s.ref
		}
	}
	return a
}

func (rl *Relay) replay(rq *request, s saved, own *purchase.Attempt) *answer {
	a := rl.tell(rq, s, own)
	a.replayed = true
	return a
}

// stand answers with how the purchase stands.
func (rl *Relay) stand(rq *request, s saved, replayed bool) *answer {
	standing := s.Standing(rl.platform.Now())
	a := rl.withRef(standing.Code(), s.ref)
	if standing == purchase.Paid {
		a.order = &s.Known
	}
	a.replayed = replayed
	return a
}

func (rl *Relay) withRef(code, ref string) *answer { return &answer{code: code, ref: ref} }

func (rl *Relay) internal(ref string) *answer { return rl.withRef(codes.Internal, ref) }

// digest tells one order from another.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:16])
}
