package rules

import "strings"

// The faults of a page are told in English alone, to the developer who can mend them. Each text names the field and
// the cure.

// faults are the texts by code. "{}" is the field, "{detail}" the problem's detail.
var faults = [...]string{
	NotARef:       "{}: send the ref that the lead or the order was answered with (message.orderId holds it too).",
	Conflict:      "{} says something else than {detail}: send one of the two.",
	NotOneOf:      "{} has to be one of: {detail}.",
	Duplicate:     "{} was sent twice, with two values: send it once. An & within a value has to be percent-encoded.",
	Nested:        "{} holds a list or an object: send flat fields whose values are texts or numbers.",
	TooManyFields: "{} is one field too many: a request may have at most {detail}, query and body together.",
	BadEncoding:   "{} is not percent-encoded UTF-8: encode it with URLSearchParams or encodeURIComponent.",
	FileSent:      "{} is a file: send the form without files.",
}

// cures say what to do with a field that a page may not set, by the reason for it.
var cures = [...]string{
	reasonOther:     "Leave {} out: only the Worker sets it.",
	reasonPrice:     "Leave {} out: prices, shipping, tax and fees are those of the CRM.",
	reasonPayment:   "Leave {} out or empty: the shopper pays at Klarna and in no other way.",
	reasonPaySource: "Leave {} out, or send PREPAID.",
	reasonMethod:    "Leave {} out, or send KLARNA.",
	reasonGateway:   "Leave {} out, or send the id in the Worker's configuration.",
	reasonCredentials: "Leave {} out: credentials are secrets of the Worker. A lander's own server needs the secret " +
		"SERVER_PASSWORD.",
	reasonCustomer: "Leave {} out: the CRM tells its customers apart by itself.",
	reasonQuality:  "Leave {} out: the CRM's own settings decide about quality assurance.",
	reasonLine:     "Write {} as product1_id, product1_qty or variant1_id, with a number from 1 to 99.",
}

// reason is why a page may not set a field.
type reason uint8

const (
	reasonOther reason = iota
	reasonPrice
	reasonPayment
	reasonPaySource
	reasonMethod
	reasonGateway
	reasonCredentials
	reasonCustomer
	reasonQuality
	reasonLine
)

// forDevelopers is the text of a problem that is a page's fault; "" when a shopper can do something about it.
func (p Problem) forDevelopers() string {
	text := ""
	switch {
	case p.Code == FieldRefused:
		text = cures[reasonFor(p.Field)]
	case int(p.Code) < len(faults):
		text = faults[p.Code]
	}
	return strings.Replace(strings.Replace(text, "{detail}", p.Detail, 1), "{}", p.Field, 1) // a name may be "{detail}"
}
