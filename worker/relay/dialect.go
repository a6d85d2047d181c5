package relay

import (
	"net/http"
	"net/url"
	"strings"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/config"
	"klarna-relay/worker/json"
	"klarna-relay/worker/purchase"
	"klarna-relay/worker/words"
)

// The dialect of Konnektive is for landers that nobody can change. They read result and message alone. Many take any
// status but 200 for a broken connection. Many parse the answer themselves, which fails where jQuery has parsed it
// already because its type is JSON's. Many run message.script.

// inDialect tells whether the answer is one for a lander that expects Konnektive's own. An answer that is not the
// outcome of a call keeps its status: a page of another shop, or an address or a method that does not exist.
func (rq *request) inDialect(a *answer) bool {
	if rq.lander.Dialect != config.DialectKonnektive || rq.route == nil || rq.route.navigated || a.location != "" ||
		a.html != "" {
		return false
	}
	switch a.code {
	case codes.Options, codes.Origin, codes.Method, codes.NotFound:
		return false
	}
	return true
}

// dialectBody is the envelope as Konnektive has it: SUCCESS only for what is done, and a redirect has a script
// beside its url, one assignment.
func (a *answer) dialectBody(lang func() string) string {
	w := json.NewWriter(256)
	w.Open('{')
	result := codes.Meanings[a.code].Result
	if result == "PENDING" {
		result = "ERROR"
	}
	w.Text("result", result)
	w.Text("code", a.code)
	w.OptionalText("ref", a.ref)
	w.Key("message")
	switch {
	case a.url != "":
		literal := json.NewWriter(len(a.url) + 16)
		literal.Value(a.url)
		w.Open('{')
		w.Text("url", a.url)
		w.Text("script", "window.top.location.href="+literal.String()+";")
		w.Text("orderId", a.ref)
		w.Close('}')
	case result == "ERROR" && len(a.fields) == 0:
		w.Value(a.said(lang()))
	default:
		a.writeMessage(w, lang)
	}
	a.writeProblems(w)
	w.Close('}')
	return w.String()
}

// finalized is the page by which the browser posts a paid order to the page's own redirectsTo, as the gateway does
// for Konnektive. Its fields come from Order Query, and none of them holds the shopper's data.
func (rl *Relay) finalized(rq *request, r purchase.Result) *answer {
	order := json.NewWriter(512)
	order.Open('{')
	order.Text("orderId", r.Ref)
	order.OptionalText("orderNumber", r.OrderNumber)
	order.Text("orderStatus", "COMPLETE")
	order.Text("campaignId", rq.lander.CampaignID)
	order.Text("paySource", "PREPAID")
	order.Text("prepaidType", rq.lander.PrepaidType)
	if r.Known != nil {
		order.OptionalText("totalAmount", r.Known.Total)
		order.OptionalText("currencySymbol", r.Known.CurrencySymbol())
		order.Key("items")
		order.Open('[')
		for _, item := range r.Known.Items {
			order.Element()
			order.Open('{')
			order.Text("productId", item.ProductID)
			order.Text("name", item.Name)
			order.Number("qty", int64(item.Qty))
			order.Text("price", item.Price)
			order.Close('}')
		}
		order.Close(']')
	}
	order.Close('}')
	nonce := rl.platform.Random()
	onward := escaped(words.Text(rq.lang(), "page.continue"))
	return &answer{
		code: r.Code, ref: r.Ref, status: http.StatusOK, orderID: r.OrderID,
		html: `<!doctype html><html lang="` + rq.lang() +
			`"><head><meta charset="utf-8"><meta name="robots" content="noindex"><title>Klarna</title></head><body>` +
			`<form method="post" target="_top" action="` + escaped(r.NextPage) +
			`"><input type="hidden" name="finalizeTransaction" value="1">` +
			`<input type="hidden" name="orderData" value="` + escaped(order.String()) + `"><button>` + onward +
			`</button></form>` +
			`<script nonce="` + nonce + `">document.forms[0].submit()</script></body></html>`,
		csp: "default-src 'none'; script-src 'nonce-" + nonce + "'; form-action " + formAction(rq.base, r.NextPage) +
			"; base-uri 'none'",
	}
}

// formAction is where the page may post to: the target's origin, and any address over https, since the lander may
// redirect the shopper from there and Chromium applies form-action to redirects too. The page has one form, and nothing
// in it comes from the shopper.
func formAction(base, target string) string {
	if strings.HasPrefix(target, "/") {
		target = base
	}
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return "'none'"
	}
	return u.Scheme + "://" + u.Host + " https:"
}
