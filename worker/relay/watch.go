package relay

import (
	"context"
	"strings"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/ledger"
	"klarna-relay/worker/words"
)

// Watch takes the ledger's alarm and the record that raised it: it finds out about a purchase that nobody has asked
// about, because a shopper may pay and never come back. It returns false when that has to be tried again.
func (rl *Relay) Watch(ctx context.Context, reading ledger.Reading) bool {
	if len(rl.faults) > 0 {
		return false
	}
	rq := &request{ctx: ctx, began: rl.platform.Now(), id: rl.platform.Random(), spoken: words.English, logged: reading.Ref,
		route: &route{name: "alarm"}}
	again := false
	a := rl.caught(func() (a *answer) { a, again = rl.watch(rq, reading); return a })
	if a == nil {
		return true
	}
	rl.log(rq, a)
	return !again && a.code != codes.Internal
}

// watch is the alarm's work. again tells that it has to be tried again; there is no answer when there was nothing
// to do.
func (rl *Relay) watch(rq *request, reading ledger.Reading) (a *answer, again bool) {
	purchases := rl.purchases(rq)
	purchases.Store = reading.Over(purchases.Store)
	result, ok, err := purchases.Watch(rq.ctx, rq.logged)
	if err == nil && !ok {
		return nil, false
	}
	rq.host = strings.ToLower(result.Lander)
	return rl.told(rq, result, err), err != nil
}
