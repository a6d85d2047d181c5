package relay

import (
	"net/http"
	"strings"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/config"
	"klarna-relay/worker/json"
	"klarna-relay/worker/preflight"
)

// faultsOf are the faults that keep this host from selling: everybody's and its lander's, or that it has no lander.
func (rl *Relay) faultsOf(rq *request) []config.Fault {
	faults := append(rl.faults[:len(rl.faults):len(rl.faults)], rq.lander.Faults...)
	if len(faults) == 0 && rq.lander.Name == "" {
		faults = []config.Fault{{Code: "lander_missing", Where: config.NameLanders + `."` + rq.host + `"`,
			Cure: `no lander is configured for this host, so its orders are refused: add this table, or one for "*", or ask ` +
				"the host that shoppers use"}}
	}
	return faults
}

// health says whether this host can sell by the configuration, and names the faults by code.
func (rl *Relay) health(rq *request) *answer {
	if rq.http.URL.Query().Has("deep") {
		return rl.deepHealth(rq)
	}
	faults := rl.faultsOf(rq)
	a := &answer{code: codes.Accepted, status: http.StatusOK}
	w := json.NewWriter(128)
	w.Open('{')
	if len(faults) == 0 {
		w.Text("status", "ok")
	} else {
		a.code, a.status = codes.Misconfigured, http.StatusServiceUnavailable
		w.Text("status", "misconfigured")
		codes := make([]string, 0, len(faults))
		seen := map[string]bool{}
		for _, fault := range faults {
			if !seen[fault.Code] {
				seen[fault.Code] = true
				codes = append(codes, fault.Code)
			}
		}
		w.OptionalTexts("faults", codes)
	}
	w.Text("version", rl.config.Version)
	w.OptionalTrue("startedLate", rl.platform.StartedLate)
	w.Close('}')
	a.rawBody = w.String()
	return a
}

// operator admits requests with the admin token; refusal is the answer to all others.
func (rl *Relay) operator(rq *request) (refusal *answer, ok bool) {
	if rl.config.AdminToken == "" {
		return say(codes.NotFound), false
	}
	if !rl.authorized(rq) {
		return rl.wrong(rq, "token"), false
	}
	return nil, true
}

// authorized tells whether the request has the ADMIN_TOKEN.
func (rl *Relay) authorized(rq *request) bool {
	scheme, token, _ := strings.Cut(rq.http.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") { // RFC 9110, section 11.1: in any case
		return false
	}
	return same(token, rl.config.AdminToken)
}

// operatorSays is an answer in words, for the operator's tools.
func operatorSays(status int, text string) *answer {
	w := json.NewWriter(256)
	w.Open('{')
	w.Text("error", text)
	w.Close('}')
	return &answer{code: codes.Accepted, status: status, rawBody: w.String()}
}

// preflight tells the operator what works: with faults in the configuration
// all of them with their cures, else what Konnektive says of this host's
// lander. It is asked once, since a user with wrong credentials may get locked.
func (rl *Relay) preflight(rq *request) *answer {
	if refusal, ok := rl.operator(rq); !ok {
		return refusal
	}
	lander, findings := rq.host, []preflight.Finding(nil)
	for _, fault := range rl.faultsOf(rq) {
		findings = append(findings, preflight.Finding{Check: fault.Code, Level: preflight.Fail, Text: fault.Where,
			Cure: fault.Cure})
	}
	if len(findings) == 0 {
		lander = rq.lander.Name
		began := rl.platform.Now()
		said := preflight.Ask(rq.ctx, &rl.client, rq.lander)
		rl.note(rq, began, said.Kind())
		findings = preflight.Examine(rq.lander, said)
		if rl.config.ServerPassword != "" {
			findings = append(findings, preflight.Finding{Check: "server", Level: preflight.OK,
				Text: config.NameServerPassword + " is set: landers' own servers that send it may order."})
		}
	}
	w := json.NewWriter(2048)
	preflight.Write(w, lander, findings)
	return &answer{code: codes.Accepted, status: http.StatusOK, rawBody: w.String()}
}
