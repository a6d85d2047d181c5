package relay

import (
	"context"
	"strings"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/purchase"
	"klarna-relay/worker/words"
)

// Settle is called by the ledger's alarm: it reads the truth about a purchase
// that nobody has asked about, since a shopper may pay and never come back.
// Whatever it finds, it records, together with the next time to look. It returns
// false when that could not be done, and should be tried again.
func (rl *Relay) Settle(ctx context.Context, ref string) bool {
	if len(rl.faults) > 0 {
		return false
	}
	rq := &request{ctx: ctx, began: rl.platform.Now(), id: rl.platform.Random(), lang: words.English, logged: ref, route: &route{name: "alarm"}}
	a := func() (a *answer) {
		defer func() {
			if p := recover(); p != nil {
				rl.platform.Caught(p)
				a = rl.internal(ref)
			}
		}()
		return rl.settleNow(rq, ref)
	}()
	if a != nil {
		rl.log(rq, a)
	}
	return a == nil || a.code != codes.Internal
}

func (rl *Relay) settleNow(rq *request, ref string) *answer {
	stored, err := rl.platform.Store.Read(rq.ctx, ref)
	if err != nil {
		return rl.internal(ref)
	}
	if stored.Version == 0 {
		return nil
	}
	s, err := decode(ref, stored)
	if err != nil {
		return rl.internal(ref)
	}
	rq.host = s.Lander
	if s.Kind == purchase.KindKey || s.Paid || s.Alarm().IsZero() {
		return nil
	}
	seen, ok := rl.truth(rq, s.Purchase)
	watched := s.Watched
	s, err = rl.change(rq, s, func(p *purchase.Purchase) bool {
		if ok {
			rl.observe(rq, p, seen)
		}
		if p.Watched == watched {
			p.Watched++
		}
		return true
	})
	if err != nil {
		return rl.internal(ref)
	}
	// The host of a log line has no port, a ref no meaning elsewhere.
	rq.host = strings.ToLower(s.Lander)
	return rl.stand(rq, s, false)
}
