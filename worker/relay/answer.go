package relay

import (
	"io"
	"net/http"
	"sort"
	"strconv"
	"time"

	"klarna-relay/worker/jsonwriter"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/ledger"
)

// Codes of the contract that no ledger record ends with.
const (
	codeAccepted       = "accepted"  // a lead or a click was taken
	codeConfirmed      = "confirmed" // Confirm Order was taken
	codeProduct        = "product_refused"
	codeCountry        = "country_refused"
	codeCard           = "card_data"
	codeNotPaid        = "order_not_paid"
	codeUnreachable    = "upstream_unreachable"
	codeInProgress     = "in_progress"
	codeKeyReused      = "key_reused"
	codeOrigin         = "origin_refused"
	codeTooLarge       = "too_large"
	codeType           = "unsupported_type"
	codeMalformed      = "malformed"
	codeRateLimited    = "rate_limited"
	codeChallenge      = "challenge_failed"
	codeRefUnknown     = "ref_unknown"
	codeInternal       = "internal"
	codeNotFound       = "not_found"
	codeMethod         = "method_not_allowed"
	codeUnauthorized   = "unauthorized"
	codeOptions        = "options"        // for the log only
	codeHTTPS          = "https_required" // for the log only: the gate answers it
	codeBadKey         = "bad_key"        // names a text only
	codeContinue       = "continue"       // names a text only
	retryAfterSeconds  = 2
	rateRetrySeconds   = 60
	unreachableSeconds = 5
)

// meanings is the table of the contract: which HTTP status and which of
// Konnektive's results goes with a code.
var meanings = map[string]struct {
	status     int
	result     string
	retryAfter int // seconds
}{
	ledger.CodeRedirect:        {status: http.StatusOK, result: "MERC_REDIRECT"},
	ledger.CodeRedirectInvalid: {status: http.StatusBadGateway, result: "ERROR"},
	ledger.CodePaid:            {status: http.StatusOK, result: "SUCCESS"},
	ledger.CodePending:         {status: http.StatusAccepted, result: "PENDING"},
	ledger.CodeUnknown:         {status: http.StatusAccepted, result: "PENDING"},
	ledger.CodeRetry:           {status: http.StatusOK, result: "PENDING"},
	ledger.CodeDeclined:        {status: http.StatusPaymentRequired, result: "ERROR"},
	ledger.CodeInvalid:         {status: http.StatusUnprocessableEntity, result: "ERROR"},
	ledger.CodeMisconfigured:   {status: http.StatusServiceUnavailable, result: "ERROR"},
	ledger.CodeAlreadyTaken:    {status: http.StatusOK, result: "SUCCESS"},
	codeAccepted:               {status: http.StatusOK, result: "SUCCESS"},
	codeConfirmed:              {status: http.StatusOK, result: "SUCCESS"},
	codeProduct:                {status: http.StatusUnprocessableEntity, result: "ERROR"},
	codeCountry:                {status: http.StatusUnprocessableEntity, result: "ERROR"},
	codeCard:                   {status: http.StatusUnprocessableEntity, result: "ERROR"},
	codeNotPaid:                {status: http.StatusConflict, result: "ERROR"},
	codeUnreachable:            {status: http.StatusServiceUnavailable, result: "ERROR", retryAfter: unreachableSeconds},
	codeInProgress:             {status: http.StatusConflict, result: "ERROR", retryAfter: retryAfterSeconds},
	codeKeyReused:              {status: http.StatusUnprocessableEntity, result: "ERROR"},
	codeOrigin:                 {status: http.StatusForbidden, result: "ERROR"},
	codeTooLarge:               {status: http.StatusRequestEntityTooLarge, result: "ERROR"},
	codeType:                   {status: http.StatusUnsupportedMediaType, result: "ERROR"},
	codeMalformed:              {status: http.StatusBadRequest, result: "ERROR"},
	codeRateLimited:            {status: http.StatusTooManyRequests, result: "ERROR", retryAfter: rateRetrySeconds},
	codeChallenge:              {status: http.StatusForbidden, result: "ERROR"},
	codeRefUnknown:             {status: http.StatusNotFound, result: "ERROR"},
	codeInternal:               {status: http.StatusInternalServerError, result: "ERROR"},
	codeNotFound:               {status: http.StatusNotFound, result: "ERROR"},
	codeMethod:                 {status: http.StatusMethodNotAllowed, result: "ERROR"},
	codeUnauthorized:           {status: http.StatusUnauthorized, result: "ERROR"},
}

// An answer is what a route says. Its code decides status and result.
type answer struct {
	code string
	ref  string
	// The message is the first of these that is set, else the code's text.
	url    string            // {"url": …}
	fields map[string]string // {field: text}
	order  *konnektive.Order // {"total": …, "currency": …, "items": […]}
	single [2]string         // {name: value}

	// status overrides the code's: the status route answers 200 for what it
	// finds out, whatever that is. plain is a whole body of the route's own.
	status int
	// found: the answer says how a purchase stands, which is a success of its own.
	found    bool
	replayed bool

	// A page for people, or where to send them, instead of JSON.
	location string
	html     string
	csp      string
	plain    string
	allow    []string
	// preflight: the answer to a CORS preflight.
	preflight bool
}

func say(code string) *answer { return &answer{code: code} }

func (a *answer) httpStatus() int {
	switch {
	case a.status != 0:
		return a.status
	case a.location != "":
		return http.StatusSeeOther
	}
	return meanings[a.code].status
}

// body is the envelope: Konnektive's result and message, and the relay's code
// and ref.
func (a *answer) body(lang string) string {
	if a.plain != "" {
		return a.plain
	}
	w := jsonwriter.New(256)
	w.Open('{')
	result := meanings[a.code].result
	if a.found {
		result = "SUCCESS"
		if a.code == ledger.CodeRetry {
			result = "PENDING"
		}
	}
	w.Text("result", result)
	w.Text("code", a.code)
	w.OptionalText("ref", a.ref)
	w.Key("message")
	switch {
	case a.url != "":
		w.Open('{')
		w.Text("url", a.url)
		w.Close('}')
	case a.single[0] != "":
		w.Open('{')
		w.Text(a.single[0], a.single[1])
		w.Close('}')
	case len(a.fields) > 0:
		w.Open('{')
		for _, name := range sortedNames(a.fields) {
			w.Text(name, a.fields[name])
		}
		w.Close('}')
	case a.order != nil:
		writeOrder(w, a.order)
	default:
		w.Value(text(a.code, lang))
	}
	w.Close('}')
	return w.String()
}

// writeOrder writes what a shopper may see of an order. Amounts stay decimal
// text, as Konnektive writes them.
func writeOrder(w *jsonwriter.Writer, order *konnektive.Order) {
	w.Open('{')
	w.OptionalText("total", order.Total)
	w.OptionalText("currency", order.Currency)
	w.Key("items")
	w.Open('[')
	for _, item := range order.Items {
		w.Element()
		w.Open('{')
		w.Text("name", item.Name)
		w.Number("qty", int64(item.Qty))
		w.Text("price", item.Price)
		w.Close('}')
	}
	w.Close(']')
	w.Close('}')
}

func sortedNames(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
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
	if seconds := meanings[a.code].retryAfter; seconds != 0 && a.location == "" {
		h.Set("Retry-After", strconv.Itoa(seconds))
	}
	if a.code == codeUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	if a.replayed {
		h.Set("Idempotent-Replayed", "true")
	}
	if a.preflight {
		h.Set("Access-Control-Allow-Methods", join(rq.route.methods))
		h.Set("Access-Control-Allow-Headers", "Content-Type, Idempotency-Key")
		h.Set("Access-Control-Max-Age", "7200")
	}
	if len(a.allow) > 0 {
		h.Set("Allow", join(a.allow))
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

func join(list []string) string {
	joined := ""
	for i, element := range list {
		if i > 0 {
			joined += ", "
		}
		joined += element
	}
	return joined
}
