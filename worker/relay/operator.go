package relay

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"klarna-relay/worker/jsonwriter"
	"klarna-relay/worker/ledger"
	"klarna-relay/worker/preflight"
)

// health says whether the Worker is configured, and names the faults by code.
func (rl *Relay) health(*request) *answer {
	a := &answer{code: codeAccepted, status: http.StatusOK}
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

// preflight tells the operator what works: with faults in the configuration
// all of them with their cures, else what Konnektive says of this host's
// lander. It is asked once, since a user with wrong credentials may get locked.
func (rl *Relay) preflight(rq *request) *answer {
	if rl.config.AdminToken == "" {
		return say(codeNotFound)
	}
	if !rl.authorized(rq) {
		return say(codeUnauthorized)
	}
	a := &answer{code: codeAccepted, status: http.StatusOK}
	w := jsonwriter.New(2048)
	if len(rl.faults) > 0 {
		w.Open('{')
		w.Text("lander", rq.host)
		w.Text("level", string(preflight.Fail))
		w.Key("checks")
		w.Open('[')
		for _, fault := range rl.faults {
			w.Element()
			w.Open('{')
			w.Text("check", fault.Code)
			w.Text("level", string(preflight.Fail))
			w.Text("text", fault.Where)
			w.Text("cure", fault.Cure)
			w.Close('}')
		}
		w.Close(']')
		w.Close('}')
	} else {
		preflight.Write(w, rq.lander.Name, preflight.Examine(rq.lander, preflight.Ask(rq.ctx, &rl.client, rq.lander)))
	}
	a.plain = w.String()
	return a
}
