package relay

import (
	"net/url"
	"strings"
	"time"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/gate"
	"klarna-relay/worker/json"
)

// timeFormat is how the log writes times, in UTC.
const timeFormat = time.RFC3339Nano

// shownRef is as much of a ref as the log shows: enough to find a request again, too little to ask for the order. A
// text that is not a ref, or the name of a session that begins with one, may be anything that a shopper typed, and
// is not shown.
func shownRef(ref string) string {
	const refDigits, shown = 64, 8
	if len(ref) < refDigits || strings.Trim(ref, "0123456789abcdef") != "" {
		return ""
	}
	return ref[:shown]
}

// log writes the one line of a request. It names no shopper: the address, the order's fields and what was posted
// stay out, and unknown fields appear by name only. What went wrong is said in the words of the ledger, the
// transport or the parser.
func (rl *Relay) log(rq *request, a *answer) {
	total := rl.platform.Now().Sub(rq.began)
	name, kind := "none", ""
	if rq.route != nil {
		name = rq.route.name
	}
	if n := len(rq.kinds); n > 0 {
		kind = rq.kinds[n-1]
	}
	ref := a.ref
	if ref == "" {
		ref = rq.logged
	}
	w := json.NewWriter(256)
	w.Open('{')
	w.Text("time", rq.began.UTC().Format(timeFormat))
	w.Text("requestId", rq.id)
	w.Text("lander", rq.host)
	w.Text("route", name)
	w.Number("status", int64(a.httpStatus()))
	w.Text("code", a.code)
	w.OptionalText("konnektive", kind)
	w.Number("calls", int64(len(rq.kinds)))
	w.Number("upstreamMs", rq.upstream.Milliseconds())
	w.Number("totalMs", total.Milliseconds())
	w.OptionalText("ref", shownRef(ref))
	w.OptionalText("orderId", a.orderID)
	w.OptionalTrue("replayed", a.replayed)
	w.OptionalTrue("settled", rq.settled)
	if len(rq.sales) > 0 {
		w.OptionalText("amount", rq.sales[0].amount)
		w.OptionalText("currency", rq.sales[0].currency)
	}
	w.OptionalTexts("droppedFields", rq.dropped)
	if a.cause != nil {
		w.Text("what", cut(a.cause.Error(), 500))
	}
	w.Close('}')
	rl.platform.Log(w.String())
	rl.platform.Count(Point{
		Lander: rq.host, Route: name, Code: a.code, HTTPStatus: a.httpStatus(), Upstream: len(rq.kinds),
		UpstreamMS: rq.upstream.Milliseconds(), TotalMS: total.Milliseconds(),
	})
	rl.countPayments(rq)
}

// TurnedBack writes the line of a request to /api that came over plain http: the
// gate has answered it, so nothing of it was read but its URL.
func (rl *Relay) TurnedBack(rawURL, id string, status int) {
	if !gate.Reserved(rawURL) {
		return
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		u = &url.URL{} // such as a broken escape: no route has one
	}
	rq := &request{began: rl.platform.Now(), id: id, host: strings.ToLower(u.Hostname())}
	rq.route, rq.logged = find(u.EscapedPath())
	rl.log(rq, &answer{code: codes.HTTPS, status: status})
}
