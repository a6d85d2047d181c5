package relay

import (
	"net/http"

	"klarna-relay/worker/codes"
)

// status says how a purchase stands, and reads it anew while it is not final.
func (rl *Relay) status(rq *request) *answer {
	result, err := rl.purchases(rq).Status(rq.ctx, rq.host, rq.ref)
	a := rl.told(rq, result, err)
	if err != nil && a.code != codes.Unknown {
		return a
	}
	a.found, a.status = true, http.StatusOK
	a.order = result.Known
	return a
}
