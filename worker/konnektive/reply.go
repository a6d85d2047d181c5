package konnektive

import (
	"errors"
	"fmt"
	"strings"

	"klarna-relay/worker/json"
)

// Kind is what came back from a call. What that means for an order is an [Outcome].
type Kind int

const (
	// Doubt: the call may have arrived and may have been carried out. Every answer that cannot be read is a doubt.
	Doubt Kind = iota
	// NotSent: the call surely did not arrive.
	NotSent
	// Success, Error and Redirect are Konnektive's own results SUCCESS, ERROR and MERC_REDIRECT.
	Success
	Error
	Redirect
)

// String is the result class that the log shows.
func (k Kind) String() string {
	switch k {
	case NotSent:
		return "NOT_SENT"
	case Success:
		return "SUCCESS"
	case Error:
		return "ERROR"
	case Redirect:
		return "MERC_REDIRECT"
	default:
		return "DOUBT"
	}
}

// A Reply is one answer of the CRM. Konnektive answers HTTP 200 and an unreliable Content-Type for success and failure
// alike, so only the body counts.
type Reply struct {
	Kind Kind
	// Text is the message when it is a string.
	Text string
	// Err says why the answer is a Doubt or NotSent, in the transport's or the reader's words; nil otherwise. It may be
	// logged: it holds nothing of the form, and of the answer nothing but its length and its kind.
	Err error
	// message is the message when it is an object (nil otherwise).
	message *json.Value
	// typed are texts of the shopper's that the call sent, which an ERROR may repeat.
	typed []string
}

// NotSentStatus tells the answers that Cloudflare itself gives for an origin it could not reach, so that the request
// surely did not arrive. 520 (an odd answer) and 524 (no answer in time) are missing on purpose: there the request did
// arrive.
// Source: https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/
func NotSentStatus(status int) bool {
	switch status {
	case 521, 522, 523, 525, 526, 530:
		return true
	}
	return false
}

// Read makes a reply of an HTTP answer.
func Read(status int, body string) Reply {
	if NotSentStatus(status) {
		return Reply{Kind: NotSent, Err: fmt.Errorf("HTTP %d: Cloudflare did not reach Konnektive", status)}
	}
	if status < 200 || status > 499 || status >= 300 && status < 400 {
		return Reply{Kind: Doubt, Err: fmt.Errorf("HTTP %d, %s", status, describe(body))}
	}
	// A PHP file that was saved with a byte order mark begins its answers with one.
	envelope, err := json.Parse(strings.TrimPrefix(body, "\ufeff"))
	if err != nil {
		return Reply{Kind: Doubt, Err: fmt.Errorf("HTTP %d, %s: %w", status, describe(body), err)}
	}
	var reply Reply
	switch result := text(envelope, "result"); result {
	case "SUCCESS":
		reply.Kind = Success
	case "ERROR":
		reply.Kind = Error
	case "MERC_REDIRECT":
		reply.Kind = Redirect
	case "":
		return Reply{Kind: Doubt, Err: fmt.Errorf("HTTP %d, %d bytes of JSON without a result", status, len(body))}
	default:
		return Reply{Kind: Doubt, Err: fmt.Errorf("HTTP %d, the result is unknown: %s", status, Scrub(result))}
	}
	switch message := envelope.Get("message"); message.Kind() {
	case json.String:
		reply.Text = message.Text()
	case json.Object:
		reply.message = message
	}
	return reply
}

// describe says what an answer looks like that cannot be read, without a word of it.
func describe(body string) string {
	kind := "bytes"
	switch start := strings.TrimLeft(body, "\ufeff \t\r\n"); {
	case body == "":
		return "an empty body"
	case strings.HasPrefix(start, "<"):
		kind = "bytes of HTML"
	case strings.HasPrefix(start, "{"), strings.HasPrefix(start, "["):
		kind = "bytes that begin as JSON"
	}
	return fmt.Sprintf("%d %s", len(body), kind)
}

// Cause says what went wrong, for the log: [Reply.Err], or what an answer said that was not the one hoped for. It
// never holds what a shopper typed: texts are scrubbed, also of the words that the call sent, and of the fields at
// fault it has the names.
func (r Reply) Cause() error {
	switch {
	case r.Err != nil:
		return r.Err
	case r.Kind != Error:
		return errors.New("the answer " + r.Kind.String() + " lacks what was asked for")
	case r.message == nil:
		return errors.New("ERROR: " + Scrub(r.Text, r.typed...))
	}
	var names []string
	for i := range r.message.Len() {
		name, _ := r.message.At(i)
		names = append(names, Scrub(name))
	}
	return errors.New("ERROR about fields: " + strings.Join(names, ", "))
}

// text gives a member as text, whether it came as a string or as a number; "" when there is none.
func text(v *json.Value, key string) string { return v.Get(key).Text() }

// firstText gives the first of the members that is not empty.
func firstText(v *json.Value, keys ...string) string {
	for _, key := range keys {
		if found := text(v, key); found != "" {
			return found
		}
	}
	return ""
}

// Field gives a member of the message as text: Konnektive sends numbers as numbers or as strings.
func (r Reply) Field(name string) string { return text(r.message, name) }

// Fields are the members of an ERROR message that is an object: a text for each parameter at fault.
func (r Reply) Fields() map[string]string {
	fields := make(map[string]string, r.message.Len())
	r.message.Each(func(name string, value *json.Value) { fields[name] = value.Text() })
	return fields
}

// OrderID is the order that the answer names, or "" when it names none or names something that is no order id.
func (r Reply) OrderID() string {
	id := r.Field("orderId")
	if !IsOrderID(id) {
		return ""
	}
	return id
}

// OrderStatus is the status of the order that the answer of a lead or an import describes, in capitals; "" when it
// tells none. A lead that is answered with an order that is not PARTIAL was given somebody's finished order.
func (r Reply) OrderStatus() string { return strings.ToUpper(r.Field("orderStatus")) }

// OrderImported tells whether the order that a lead's answer describes was imported before: it says how it is paid,
// which no lead does. A lead may be answered with an order of before, see worker/docs/unknowns.md.
func (r Reply) OrderImported() bool {
	return r.Field("paySource") != "" || r.Field("prepaidType") != ""
}

// IsOrderID tells whether a text can be the id of an order: letters and digits, at most 32. Konnektive's are 10
// hexadecimal digits in capitals.
func IsOrderID(id string) bool {
	if id == "" || len(id) > 32 {
		return false
	}
	for _, c := range []byte(id) {
		if !isDigit(c) && !isLetter(c) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
