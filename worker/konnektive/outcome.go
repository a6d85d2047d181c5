package konnektive

import (
	"net/url"
	"slices"
	"strings"
)

// Outcome is what the answer to an import means for the order.
type Outcome int

const (
	// Unknown: the import may have been carried out; only Order Query can tell.
	Unknown Outcome = iota
	// Unreachable: the import surely did not arrive.
	Unreachable
	// RedirectURL and RedirectScript: the shopper is to go to the gateway.
	RedirectURL
	RedirectScript
	// RedirectInvalid: a redirect that leads to no address that a shopper may be sent to.
	RedirectInvalid
	// Accepted: SUCCESS. For a PREPAID order that proves no payment.
	Accepted
	// Declined: the payment was refused.
	Declined
	// Invalid: Konnektive found fields at fault.
	Invalid
	// AlreadyTaken: this upsale is on the order already.
	AlreadyTaken
	// Misconfigured: the operator's fault. Shoppers are not told the cause, and the call is not repeated.
	Misconfigured
)

// A meaning is what ERROR texts with a part in them (in lower case) mean.
type meaning struct {
	part    string
	outcome Outcome
}

// meanings are the ERROR texts that are known, the more telling part first. MEASURED and SEEN are explained in
// worker/docs/unknowns.md.
var meanings = []meaning{
	{"upsale was already taken", AlreadyTaken},        // SEEN
	{"ip must be whitelisted", Misconfigured},         // MEASURED
	{"authenticate credentials", Misconfigured},       // MEASURED
	{"could not authenticate", Misconfigured},         // GUESS: as above, worded differently
	{"no products exist in the order", Misconfigured}, // MEASURED
	{"api user", Misconfigured},                       // GUESS: a right of it is missing; no gateway knows of API users
	{"not authorized", Misconfigured},                 // GUESS: a missing grant of the API user
	{"not permitted", Misconfigured},                  // GUESS: likewise
	{"permission", Misconfigured},                     // GUESS: likewise
	{"invalid campaign", Misconfigured},               // GUESS
	{"campaignid", Misconfigured},                     // GUESS
	{"forcemerchantid", Misconfigured},                // GUESS
	{"merchant not found", Misconfigured},             // GUESS
	{"required field", Invalid},                       // MEASURED
}

// operatorWords are parts of texts about rights, in lower case. A lead that is refused with one of them is the
// operator's fault. A gateway may refuse an import with such words too, so for imports they do not count.
var operatorWords = []string{
	"access", "allowed", "api user", "authoriz", "authoris", "credential", "endpoint", "grant", "login", "password",
	"privilege", "right", "whitelist",
}

// workerFields are the parameters that the Worker sets. When Konnektive complains of one of them, no shopper can do
// anything about it.
var workerFields = []string{
	"loginId", "password", "campaignId", "forceMerchantId", "paySource", "prepaidType", "ipAddress", "userAgent",
	"redirectsTo", "errorRedirectsTo", "salesUrl", "orderId",
}

// Classify says what the answer to an import means. allowHTTP admits redirects to a plain http url, which only the
// local set-up does.
func Classify(r Reply, allowHTTP bool) Outcome {
	switch r.Kind {
	case NotSent:
		return Unreachable
	case Redirect:
		if target := r.Field("url"); target != "" {
			if usableURL(target, allowHTTP) {
				return RedirectURL
			}
			return RedirectInvalid
		}
		if strings.TrimSpace(r.Field("script")) != "" {
			return RedirectScript
		}
		return RedirectInvalid
	case Success:
		return Accepted
	case Error:
		outcome, _ := classifyError(r)
		return outcome
	}
	return Unknown
}

// ClassifyLead says what the answer to a lead or a click means. Nothing can have been ordered by it. A text that is not
// among meanings is the operator's fault when it names a field of the Worker's or a right, and else a doubt.
func ClassifyLead(r Reply) Outcome {
	if r.Kind != Error {
		return Classify(r, false)
	}
	outcome, known := classifyError(r)
	if known {
		return outcome
	}
	lower := strings.ToLower(r.Text)
	named := func(part string) bool { return strings.Contains(lower, strings.ToLower(part)) }
	if slices.ContainsFunc(workerFields, named) || slices.ContainsFunc(operatorWords, named) {
		return Misconfigured
	}
	return Unknown
}

// Unreadable tells whether the answer is an ERROR whose text is not known, so that [Classify] and [ClassifyLead] can
// only guess what it means. The operator should see it, by [Reply.Cause].
func (r Reply) Unreadable() bool {
	if r.Kind != Error {
		return false
	}
	_, known := classifyError(r)
	return !known
}

// NoOrders tells the answer of Order Query when nothing matched, which is no fault. GUESS: an orderId that Konnektive
// cannot have given is refused by its name.
func (r Reply) NoOrders() bool {
	if r.Kind != Error {
		return false
	}
	if fields := r.Fields(); len(fields) > 0 {
		_, named := fields["orderId"]
		return named && len(fields) == 1
	}
	lower := strings.ToLower(r.Text)
	return strings.Contains(lower, "no orders matching") || strings.Contains(lower, "orderid")
}

// classifyError finds the meaning of an ERROR. known is false when its text is in no table, and the outcome is a
// guess.
func classifyError(r Reply) (outcome Outcome, known bool) {
	if fields := r.Fields(); len(fields) > 0 {
		for name := range fields {
			if slices.Contains(workerFields, name) {
				return Misconfigured, true
			}
		}
		return Invalid, true
	}
	lower := strings.ToLower(r.Text)
	if strings.HasPrefix(lower, "transaction declined") { // MEASURED; its reason may sound like any of the others
		return Declined, true
	}
	for _, m := range meanings {
		if strings.Contains(lower, m.part) {
			return m.outcome, true
		}
	}
	if strings.Contains(lower, "already") {
		// GUESS: refused because the order was imported before. Only Order Query can say whether it was paid then.
		return Unknown, false
	}
	// GUESS: refused by the gateway, so nothing was ordered.
	return Declined, false
}

// usableURL tells whether a shopper may be sent to this address: absolute, https, a host, and no credentials in it.
func usableURL(raw string, allowHTTP bool) bool {
	if len(raw) > 4096 || strings.ContainsAny(raw, " \t\r\n\\\"<>") {
		return false
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return false
	}
	return u.Scheme == "https" || allowHTTP && u.Scheme == "http"
}
