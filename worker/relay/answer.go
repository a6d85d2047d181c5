package relay

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/json"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/rules"
)

// An answer is what a route says. Its code decides status and result.
type answer struct {
	code string
	text string // the name of the text that says more than the code's own
	ref  string
	// The message is the first of these that is set, else the code's text.
	url    string            // {"url": …}
	fields map[string]string // {field: text}
	order  *konnektive.Order // {"total": …, "currency": …, "items": […]}
	detail string            // a text of its own
	// sessionID is the one of a click.
	sessionID string
	// orderNumber is the order's id in Konnektive, once it is proven paid.
	orderNumber string
	// message is JSON.
	message string
	// problems are the codes beside the texts of fields.
	problems rules.Problems

	// status overrides the code's: the status route answers 200 for what it
	// finds out, whatever that is. rawBody is a whole body of the route's own.
	status int
	// found: the answer says how a purchase stands, which is a success of its own.
	found    bool
	replayed bool

	// For the log: why it is so, and the order in Konnektive.
	cause   error
	orderID string

	// A page for people, or where to send them, instead of JSON.
	location string
	html     string
	csp      string
	rawBody  string
	allow    []string
	// preflight are the methods that the answer to a CORS preflight names.
	preflight []string
}

func say(code string) *answer { return &answer{code: code} }

func (a *answer) httpStatus() int {
	switch {
	case a.status != 0:
		return a.status
	case a.location != "":
		return http.StatusSeeOther
	}
	return codes.Meanings[a.code].Status
}

// body is the envelope: Konnektive's result and message, and the relay's code
// and ref. lang is asked only by an answer with words.
func (a *answer) body(lang func() string) string {
	if a.rawBody != "" {
		return a.rawBody
	}
	w := json.NewWriter(256)
	w.Open('{')
	result := codes.Meanings[a.code].Result
	if a.found {
		result = "SUCCESS"
		if a.code == codes.Retry {
			result = "PENDING"
		}
	}
	w.Text("result", result)
	w.Text("code", a.code)
	w.OptionalText("ref", a.ref)
	w.Key("message")
	a.writeMessage(w, lang)
	a.writeProblems(w)
	w.Close('}')
	return w.String()
}

// writeMessage writes what the envelope's message is: an object, or a text.
func (a *answer) writeMessage(w *json.Writer, lang func() string) {
	switch {
	case a.message != "":
		w.JSON(a.message)
	case a.url != "":
		w.Open('{')
		w.Text("url", a.url)
		w.Text("orderId", a.ref)
		w.Close('}')
	case a.sessionID != "":
		w.Open('{')
		w.Text("sessionId", a.sessionID)
		w.Close('}')
	case len(a.fields) > 0:
		w.Open('{')
		for _, name := range slices.Sorted(maps.Keys(a.fields)) {
			w.Text(name, a.fields[name])
		}
		w.Close('}')
	case a.found, a.code == codes.Paid, a.code == codes.Pending:
		a.writePurchase(w, lang())
	case a.code == codes.Accepted && a.ref != "":
		w.Open('{')
		w.Text("orderId", a.ref)
		w.Close('}')
	default:
		w.Value(a.said(lang()))
	}
}

// said is the text of an answer that has no details.
func (a *answer) said(lang string) string {
	if a.detail != "" {
		return a.detail
	}
	return a.words(lang)
}

// writeProblems writes the problems of fields by code, for pages with words of their own. What Konnektive finds
// wrong with a field has no code of its own.
func (a *answer) writeProblems(w *json.Writer) {
	if len(a.problems) == 0 && len(a.fields) == 0 {
		return
	}
	w.Key("problems")
	w.Open('{')
	for _, p := range a.problems {
		writeProblem(w, p)
	}
	if len(a.problems) == 0 {
		for _, name := range slices.Sorted(maps.Keys(a.fields)) {
			writeProblem(w, rules.Problem{Field: name, Code: rules.BadValue})
		}
	}
	w.Close('}')
}

func writeProblem(w *json.Writer, p rules.Problem) {
	w.Key(p.Field)
	w.Open('{')
	w.Text("code", p.Code.String())
	w.Text("detail", p.Detail)
	w.Close('}')
}

// words is what the answer says to the shopper, or to the page's developer.
func (a *answer) words(lang string) string {
	if words := text(a.text, lang); words != "" {
		return words
	}
	return text(a.code, lang)
}

// writePurchase writes what a shopper may see of a purchase: how it stands, in words and by the name of the text where
// that says more than the code, and the order. Amounts stay decimal text, as Konnektive writes them. The order's id there
// is the shopper's to know once it is paid.
func (a *answer) writePurchase(w *json.Writer, lang string) {
	w.Open('{')
	w.Text("orderId", a.ref)
	w.OptionalText("orderNumber", a.orderNumber)
	w.Text("text", a.words(lang))
	w.OptionalText("reason", a.text)
	if a.order != nil {
		w.OptionalText("total", a.order.Total)
		w.OptionalText("currency", a.order.Currency)
		w.OptionalText("shipping", a.order.Shipping)
		w.OptionalText("tax", a.order.Tax)
		w.OptionalText("discount", a.order.Discount)
		w.Key("items")
		w.Open('[')
		for _, item := range a.order.Items {
			w.Element()
			w.Open('{')
			w.Text("name", item.Name)
			w.Number("qty", int64(item.Qty))
			w.Text("price", item.Price)
			w.Close('}')
		}
		w.Close(']')
	}
	w.Close('}')
}

// write is the one place where an answer becomes HTTP.
func (rl *Relay) write(w http.ResponseWriter, rq *request, a *answer) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Request-Id", rq.id)
	h.Set("Server-Timing", serverTiming(rq.upstream, rl.platform.Now().Sub(rq.began)))
	if rq.corsOrigin != "" {
		h.Set("Access-Control-Allow-Origin", rq.corsOrigin)
		h.Set("Access-Control-Expose-Headers", "Idempotent-Replayed, Retry-After, X-Request-Id")
	}
	if rq.variesByOrigin {
		h.Set("Vary", "Origin")
	}
	if seconds := codes.Meanings[a.code].RetryAfter; seconds != 0 && a.location == "" {
		h.Set("Retry-After", strconv.Itoa(seconds))
	}
	if a.code == codes.Unauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	if a.replayed {
		h.Set("Idempotent-Replayed", "true")
	}
	if len(a.preflight) > 0 {
		h.Set("Access-Control-Allow-Methods", strings.Join(a.preflight, ", "))
		h.Set("Access-Control-Allow-Headers", "Content-Type, Idempotency-Key")
		h.Set("Access-Control-Max-Age", "7200")
	}
	if len(a.allow) > 0 {
		h.Set("Allow", strings.Join(a.allow, ", "))
	}
	if rq.route != nil && (rq.route.name == "return" || rq.route.name == "failed" || rq.route.name == "continue") {
		h.Set("Referrer-Policy", "no-referrer")
	}
	body := ""
	switch {
	case a.location != "":
		h.Set("Location", a.location)
	case a.html != "":
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", a.csp)
		body = a.html
	case rq.inDialect(a):
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		a.status, body = http.StatusOK, a.dialectBody(rq.lang) // which the log says too
	case a.httpStatus() != http.StatusNoContent:
		h.Set("Content-Type", "application/json")
		body = a.body(rq.lang)
	}
	w.WriteHeader(a.httpStatus())
	if body != "" && rq.method != http.MethodHead {
		_, _ = io.WriteString(w, body)
	}
}

// serverTiming tells a developer in the browser's network panel how long
// Konnektive took, and how long the rest. A Worker's clock stands still while
// it computes, so the edge's own time shows what was waited for.
func serverTiming(upstream, total time.Duration) string {
	return "crm;dur=" + strconv.FormatInt(upstream.Milliseconds(), 10) +
		", edge;dur=" + strconv.FormatInt((total-upstream).Milliseconds(), 10)
}
