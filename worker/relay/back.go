package relay

import (
	"cmp"
	"io"
	"net/http"
	"net/url"
	"strings"

	"klarna-relay/worker/body"
	"klarna-relay/worker/codes"
	"klarna-relay/worker/config"
	"klarna-relay/worker/json"
	"klarna-relay/worker/purchase"
	"klarna-relay/worker/words"
)

// comeBack is where Klarna sends the shopper after success. What the browser posts proves nothing: Order Query tells.
func (rl *Relay) comeBack(rq *request) *answer { return rl.backFrom(rq, true) }

// comeBackFailed is where the shopper is sent after a failure, with a text that anybody could have written. The order
// may be paid all the same.
func (rl *Relay) comeBackFailed(rq *request) *answer { return rl.backFrom(rq, false) }

func (rl *Relay) backFrom(rq *request, succeeded bool) *answer {
	service := rl.purchases(rq)
	back := purchase.Back{
		Lander: rq.host, Session: rq.ref, Hint: rq.namedOrder, CampaignID: rq.lander.CampaignID,
		PrepaidType: rq.lander.PrepaidType,
	}
	take := service.ComeBack
	if !succeeded {
		take = service.Failed
	}
	result, err := take(rq.ctx, back)
	a := rl.told(rq, result, err)
	switch {
	case err == nil && result.Code == codes.Paid && result.NextPage != "" &&
		rq.lander.Dialect == config.DialectKonnektive:
		return rl.finalized(rq, result)
	case err == nil:
		a.location = rl.after(rq, result, succeeded)
	case a.code == codes.Unknown:
		a.location = withRef(rq.lander.ThankYou, a.ref)
	default:
		return a
	}
	if rq.http.Header.Get("Sec-Fetch-Dest") == "iframe" {
		// A gateway that works in a frame comes back in that frame, where the lander's pages refuse to be shown.
		nonce := rl.platform.Random()
		a.html, a.csp = breakOutPage(rq.lang(), nonce,
			a.location), "default-src 'none'; script-src 'nonce-"+nonce+"'; base-uri 'none'; form-action 'none'"
		a.location, a.status = "", http.StatusOK
	}
	return a
}

// after is the page that a shopper gets to who comes back from Klarna.
func (rl *Relay) after(rq *request, r purchase.Result, succeeded bool) string {
	upsale := r.Kind == purchase.KindUpsale
	switch {
	case r.Code == codes.Paid && r.NextPage != "":
		return withRef(r.NextPage, r.Ref)
	case r.Code == codes.Paid:
		return rl.nextPage(rq, r.Ref, upsale || !succeeded)
	case r.Code == codes.Declined && r.FailedPage != "" && rq.lander.Dialect == config.DialectKonnektive:
		return withQuery(r.FailedPage, "errorMsg="+url.QueryEscape(words.Answer(rq.lang(), codes.Declined)))
	case r.Code == codes.Declined && r.FailedPage != "":
		return withQuery(r.FailedPage, "klarna=declined")
	case upsale && (r.Code == codes.Declined || !succeeded):
		// The upsale is off, the order that it was for is paid.
		return withRef(rq.lander.ThankYou, r.OrderRef)
	case r.Code == codes.Declined:
		return withQuery(rq.lander.Checkout, "klarna=declined")
	}
	return withRef(rq.lander.ThankYou, r.Ref)
}

// namedOrder is the order that the browser names, in what it posts or in its address. It is a hint and no more: anybody
// can have written it.
func (rq *request) namedOrder() string {
	text := rq.http.URL.Query().Get("orderData")
	if rq.method == http.MethodPost {
		text = cmp.Or(rq.postedData(), text)
	}
	data, err := json.Parse(text)
	if err != nil {
		return ""
	}
	return data.Get("orderId").Text()
}

// postedData is the orderData of a posted form, whose other fields may be anything.
func (rq *request) postedData() string {
	raw, err := io.ReadAll(io.LimitReader(rq.http.Body, body.MaxBytes))
	if err != nil {
		return ""
	}
	contentType := rq.http.Header.Get("Content-Type")
	if strings.HasPrefix(strings.ToLower(contentType), formType) {
		form, _ := url.ParseQuery(string(raw))
		return form.Get("orderData")
	}
	fields, _ := body.Decode(contentType, "", raw)
	return fields["orderData"]
}

func breakOutPage(lang, nonce, location string) string {
	href := escaped(location)
	return `<!doctype html><html lang="` + lang +
		`"><head><meta charset="utf-8"><title>Klarna</title></head><body><p><a id="on" target="_top" href="` + href + `">` +
		escaped(words.Text(lang, "page.continue")) + `</a></p><script nonce="` + nonce +
		`">top.location.replace(document.getElementById("on").href)</script></body></html>`
}

// nextPage is where a shopper goes who has paid: to the upsell while there is
// one, else to the end of the funnel.
func (rl *Relay) nextPage(rq *request, ref string, last bool) string {
	if !last && rq.lander.Upsell != "" && len(rq.lander.Shop.Upsales) > 0 {
		return withRef(rq.lander.Upsell, ref)
	}
	return withRef(rq.lander.ThankYou, ref)
}

// continueAtKlarna is the page that runs the script of a redirect that came without a url. It is not part of any
// lander: a document of its own, in a sandbox without our origin, so that the script finds no cookie and no
// storage, and may do what such scripts do: open a frame, send a form, go on.
//
// GUESS: a script of the gateway's needs no more than that. If one does, this is the place.
func (rl *Relay) continueAtKlarna(rq *request) *answer {
	// A page that embeds or fetches this one is not the shopper's browser going there.
	if dest := rq.http.Header.Get("Sec-Fetch-Dest"); dest != "" && dest != "document" {
		return say(codes.Origin)
	}
	result, err := rl.purchases(rq).Resume(rq.ctx, rq.host, rq.ref)
	a := rl.told(rq, result, err)
	switch {
	case err != nil && a.code == codes.Unknown:
		a.location = withRef(rq.lander.ThankYou, a.ref)
	case err != nil:
	case result.Script != "":
		nonce := rl.platform.Random()
		a.html = scriptPage(rq.lang(), nonce, result.Script)
		a.csp = rl.scriptPolicy(nonce)
	case result.Code == codes.Paid:
		a.location = rl.nextPage(rq, result.Ref, result.Kind == purchase.KindUpsale)
	default:
		a.location = withRef(rq.lander.ThankYou, result.Ref)
	}
	return a
}

func (rl *Relay) scriptPolicy(nonce string) string {
	targets := "https:"
	if rl.config.LoopbackHTTP {
		targets = "https: http://localhost:* http://127.0.0.1:*"
	}
	return "default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'nonce-" + nonce +
		"'; img-src data:; frame-src " + targets +
		"; form-action " + targets + "; base-uri 'none'; frame-ancestors 'none'" +
		"; sandbox allow-scripts allow-forms allow-popups allow-top-navigation"
}

// scriptPage runs exactly the given script: as text of an element, so that
// nothing in it can end the page's own script, and without eval.
func scriptPage(lang, nonce, script string) string {
	title := escaped(words.Text(lang, "page.to_klarna"))
	literal := json.NewWriter(len(script) + 16)
	literal.Value(script)
	return `<!doctype html><html lang="` + lang +
		`"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">` +
		`<meta name="robots" content="noindex">` + noIcon + `<title>` +
		title + `</title><style nonce="` + nonce + `">` + pageStyle +
		`iframe{position:fixed;inset:0;width:100%;height:100%;border:0;background:#fff}</style></head><body><main><h1>` +
		title + `</h1><noscript><p>` + escaped(words.Text(lang, "page.no_script")) +
		`</p></noscript></main><script nonce="` + nonce + `">(function(){var s=document.createElement("script");s.nonce="` +
		nonce + `";s.text=` + literal.String() +
		`;document.body.appendChild(s)})()</script></body></html>`
}
