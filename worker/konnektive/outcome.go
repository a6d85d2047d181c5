package konnektive

import (
	"net/url"
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
	// RedirectInvalid: a redirect that leads nowhere one may send a shopper.
	RedirectInvalid
	// Accepted: SUCCESS. For a PREPAID order that proves no payment.
	Accepted
	// Declined: the payment was refused.
	Declined
	// Invalid: Konnektive found fields at fault.
	Invalid
	// AlreadyTaken: this upsale is on the order already.
	AlreadyTaken
	// Misconfigured: the operator's fault; neither shown to a shopper nor retried.
	Misconfigured
)

// operatorFaults are parts of ERROR texts, in lower case, that only the
// operator can cure. The first two and the last are known from live calls;
// the others are guesses at how a missing grant or a wrong campaign is worded.
var operatorFaults = []string{
	"ip must be whitelisted",
	"could not authenticate",
	"authenticate credentials",
	"not authorized",
	"not permitted",
	"permission",
	"invalid campaign",
	"campaignid",
	"forcemerchantid",
	"merchant not found",
	"no products exist in the order",
}

// workerParams are the parameters that the Worker sets: when Konnektive
// complains of one of them, no shopper can do anything about it.
var workerParams = map[string]bool{
	"loginId": true, "password": true, "campaignId": true, "forceMerchantId": true, "paySource": true, "prepaidType": true,
	"ipAddress": true, "userAgent": true, "redirectsTo": true, "errorRedirectsTo": true, "salesUrl": true, "orderId": true,
}

// Classify says what the answer to an import means. allowHTTP admits redirects
// to a plain http url, which only the local set-up does.
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
		return classifyError(r)
	}
	return Unknown
}

func classifyError(r Reply) Outcome {
	if fields := r.Fields(); len(fields) > 0 {
		for name := range fields {
			if workerParams[name] {
				return Misconfigured
			}
		}
		return Invalid
	}
	lower := strings.ToLower(r.Text)
	if strings.Contains(lower, "upsale was already taken") {
		return AlreadyTaken
	}
	if strings.HasPrefix(lower, "transaction declined") {
		return Declined
	}
	for _, part := range operatorFaults {
		if strings.Contains(lower, part) {
			return Misconfigured
		}
	}
	if strings.Contains(lower, "required field") {
		return Invalid
	}
	// GUESS: an ERROR with a text that nobody has noted yet is a refusal by the
	// gateway. Nothing was ordered, which is what the caller must know.
	return Declined
}

// usableURL tells whether a shopper may be sent to this address: absolute,
// https, a host, and no credentials in it.
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
