package relay

import (
	"crypto/sha256"
	"crypto/subtle"

	"klarna-relay/worker/codes"
)

// same compares digests, so that the time it takes tells nothing of the secret, not even its length.
func same(given, secret string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// wrong refuses a request that does not have the secret of this name. A client that tries secrets is limited by its
// own address. Whoever has the secret is not counted here, so that nobody behind the same address can keep him out.
func (rl *Relay) wrong(rq *request, secret string) *answer {
	if within, err := rl.platform.Limit(rq.ctx, "IMPORTS", secret+" "+rq.addressKey()); !within && err == nil {
		return say(codes.RateLimited)
	}
	return say(codes.Unauthorized)
}
