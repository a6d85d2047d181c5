package relay

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"klarna-relay/worker/jsonwriter"
	"klarna-relay/worker/ledger"
)

// health says whether the Worker is configured, and names the faults by code.
func (rl *Relay) health(*request) answer {
	a := answer{code: codeAccepted, status: http.StatusOK}
	w := jsonwriter.New(128)
	w.Open('{')
	if len(rl.faults) == 0 {
		w.Text("status", "ok")
	} else {
		a.code, a.status = ledger.CodeMisconfigured, http.StatusServiceUnavailable
		w.Text("status", "misconfigured")
		codes := make([]string, 0, len(rl.faults))
		seen := map[string]bool{}
		for _, fault := range rl.faults {
			if !seen[fault.Code] {
				seen[fault.Code] = true
				codes = append(codes, fault.Code)
			}
		}
		w.OptionalTexts("faults", codes)
	}
	w.Text("version", rl.config.Version)
	w.Close('}')
	a.plain = w.String()
	return a
}

// authorized compares digests, so that the time it takes tells nothing of the
// token, not even its length.
func (rl *Relay) authorized(rq *request) bool {
	token, ok := strings.CutPrefix(rq.http.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return false
	}
	given, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(rl.config.AdminToken))
	return subtle.ConstantTimeCompare(given[:], want[:]) == 1
}

func (rl *Relay) preflight(rq *request) answer {
	if rl.config.AdminToken == "" {
		return say(codeNotFound)
	}
	if !rl.authorized(rq) {
		return say(codeUnauthorized)
	}
	return say(codeInternal)
}
