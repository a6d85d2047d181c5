package relay

import (
	"net/http"

	"klarna-relay/worker/codes"
)

// status says how a purchase stands, and reads it anew while it is not final.
func (rl *Relay) status(rq *request) *answer {
	s, found, err := rl.load(rq, rq.ref)
	if err != nil {
		return rl.internal("")
	}
	if !found {
		return say(codes.RefUnknown)
	}
	s = rl.refresh(rq, s)
	a := rl.stand(rq, s, false)
	a.found, a.status = true, http.StatusOK
	a.order = &s.Known
	return a
}
