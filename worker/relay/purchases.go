package relay

import (
	"context"
	"strings"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/json"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/ledger"
	"klarna-relay/worker/purchase"
	"klarna-relay/worker/rules"
)

// purchases is the service that works on purchases for one request.
func (rl *Relay) purchases(rq *request) *purchase.Service {
	return &purchase.Service{
		Store: refsOnly{rl.platform.Store}, CRM: noted{rl, rq}, Now: rl.platform.Now, Random: rl.platform.Random,
		AtOnce: rl.platform.AtOnce, Timeout: rl.config.Timeout, AllowHTTP: rl.config.LoopbackHTTP,
		Event: func(e purchase.Event) {
			if e.Name == purchase.EventPaid {
				rq.settled = true // a part of the request's line
				rq.sales = append(rq.sales, saleOf(e, rl.platform.Now()))
				return
			}
			rl.logEvent(rq, e)
		},
	}
}

// refsOnly is a store that is asked about refs only. A text that is no ref is unknown at once.
type refsOnly struct{ ledger.Store }

// Read implements [ledger.Store].
func (s refsOnly) Read(ctx context.Context, ref string, questions int) (ledger.Stored, int, error) {
	if !rules.IsRef(ref) {
		return ledger.Stored{}, 0, ledger.ErrUnknownRef
	}
	return s.Store.Read(ctx, ref, questions)
}

// noted makes calls to Konnektive for a request and notes them for its log line.
type noted struct {
	rl *Relay
	rq *request
}

// Call implements [purchase.CRM].
func (n noted) Call(ctx context.Context, endpoint konnektive.Endpoint, form konnektive.Form) konnektive.Reply {
	began := n.rl.platform.Now()
	reply := n.rl.client.Call(ctx, endpoint, form)
	n.rl.note(n.rq, began, reply.Kind)
	return reply
}

// told is the answer for what became of a request about a purchase.
func (rl *Relay) told(rq *request, r purchase.Result, err error) *answer {
	if err != nil {
		return rl.failed(rq, err)
	}
	a := &answer{
		code: r.Code, text: r.Text, ref: r.Ref, url: r.URL, fields: rq.crmFields(r.Fields), replayed: r.Replayed,
		orderID: r.OrderID, cause: r.Cause,
	}
	if r.Session != "" {
		a.url = rq.base + "/api/klarna/continue/" + r.Session
	}
	switch r.Code {
	case codes.Paid:
		a.order, a.orderNumber = r.Known, r.OrderNumber
	case codes.Pending:
		a.order = r.Known
	}
	return a
}

// failed is the answer for an error. This is the one place where errors become answers; the log line has the cause.
func (rl *Relay) failed(rq *request, err error) *answer {
	coded := codes.As(err)
	return &answer{code: coded.Code, ref: coded.Ref, fields: rq.crmFields(coded.Fields), cause: coded.Cause}
}

// crmFields are Konnektive's texts by field, fit to be shown.
func (rq *request) crmFields(texts map[string]string) map[string]string {
	if len(texts) == 0 {
		return nil
	}
	fields := make(map[string]string, len(texts))
	for name, text := range texts {
		if text == "" { // not a text, but a list or an object of them, or a field that is missing
			code := rules.BadValue
			if name == "firstName" || name == "lastName" {
				code = rules.Required
			}
			text = rules.Problem{Field: name, Code: code}.Text(rq.lang())
		}
		fields[name] = cut(text, 200)
	}
	return fields
}

// logEvent writes the line of what an operator has to know about a purchase.
func (rl *Relay) logEvent(rq *request, e purchase.Event) {
	w := json.NewWriter(256)
	w.Open('{')
	w.Text("level", "error")
	w.Text("event", e.Name)
	w.Text("time", rl.platform.Now().UTC().Format(timeFormat))
	w.Text("requestId", rq.id)
	w.Text("lander", strings.ToLower(e.Lander))
	w.OptionalText("ref", shownRef(e.Ref))
	w.OptionalTexts("orderIds", e.Orders)
	w.OptionalText("what", e.What)
	w.Close('}')
	rl.platform.Log(w.String())
}
