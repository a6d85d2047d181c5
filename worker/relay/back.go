package relay

import (
	"net/http"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/json"
	"klarna-relay/worker/purchase"
	"klarna-relay/worker/words"
)

// comeBack is where Klarna sends the shopper after success. What the browser
// posts (orderData) proves nothing and is not even read: Order Query tells.
func (rl *Relay) comeBack(rq *request) *answer { return rl.backFrom(rq, true) }

// comeBackFailed is where the shopper is sent after a failure, with a text that
// anybody could have written. The order may be paid all the same.
func (rl *Relay) comeBackFailed(rq *request) *answer { return rl.backFrom(rq, false) }

func (rl *Relay) backFrom(rq *request, succeeded bool) *answer {
	s, found, err := rl.load(rq, rq.ref)
	if err != nil {
		return rl.internal("")
	}
	if !found {
		return say(codes.RefUnknown)
	}
	s = rl.refresh(rq, s)
	upsale := s.Kind == purchase.KindUpsale
	standing := s.Standing(rl.platform.Now())
	a := rl.withRef(standing.Code(), s.ref)
	switch {
	case standing == purchase.Paid:
		a.location = rl.nextPage(rq, s.ref, upsale || !succeeded)
	case upsale && !succeeded:
		// The upsale is off, the order it was for is paid.
		a.location = withRef(rq.lander.ThankYou, s.OrderRef)
	case standing == purchase.Declined, standing == purchase.Closed:
		a.location = rq.lander.Checkout + "?klarna=declined"
	default:
		a.location = withRef(rq.lander.ThankYou, s.ref)
	}
	if rq.http.Header.Get("Sec-Fetch-Dest") == "iframe" {
		// A gateway that works in a frame comes back in that frame, where the
		// lander's pages refuse to be shown.
		nonce := rl.platform.Random()
		a.html, a.csp = breakOutPage(rq.lang, nonce, a.location), "default-src 'none'; script-src 'nonce-"+nonce+"'; base-uri 'none'; form-action 'none'"
		a.location, a.status = "", http.StatusOK
	}
	return a
}

func breakOutPage(lang, nonce, location string) string {
	href := escaped(location)
	return `<!doctype html><html lang="` + lang + `"><head><meta charset="utf-8"><title>Klarna</title></head><body><p><a id="on" target="_top" href="` + href + `">` +
		escaped(words.Text(lang, "page.continue")) + `</a></p><script nonce="` + nonce + `">top.location.replace(document.getElementById("on").href)</script></body></html>`
}

// nextPage is where a shopper goes who has paid: to the upsell while there is
// one, else to the end of the funnel.
func (rl *Relay) nextPage(rq *request, ref string, last bool) string {
	if !last && rq.lander.Upsell != "" && len(rq.lander.Shop.Upsales) > 0 {
		return withRef(rq.lander.Upsell, ref)
	}
	return withRef(rq.lander.ThankYou, ref)
}

// continueAtKlarna is the page that runs the script of a redirect that came
// without a url. It is not part of any lander: a document of its own, in a
// sandbox without our origin, so that the script finds no cookie and no
// storage, and may do what such scripts do: open a frame, send a form, go on.
//
// GUESS: a script of the gateway's needs no more than that. If one does, this
// is the place.
func (rl *Relay) continueAtKlarna(rq *request) *answer {
	// A page that embeds or fetches this one is not the shopper's browser
	// going there.
	if dest := rq.http.Header.Get("Sec-Fetch-Dest"); dest != "" && dest != "document" {
		return say(codes.Origin)
	}
	s, found, err := rl.load(rq, rq.ref)
	if err != nil {
		return rl.internal("")
	}
	if !found {
		return say(codes.RefUnknown)
	}
	a := rl.withRef(codes.Redirect, s.ref)
	current := s.Current()
	now := rl.platform.Now()
	switch {
	case s.Paid:
		a.code, a.location = codes.Paid, rl.nextPage(rq, s.ref, s.Kind == purchase.KindUpsale)
	case current == nil || !current.Redirects() || !now.Before(current.AnsweredAt.Add(purchase.HandOut)):
		a.code, a.location = s.Standing(now).Code(), withRef(rq.lander.ThankYou, s.ref)
	case current.URL != "":
		a.location = current.URL
	default:
		nonce := rl.platform.Random()
		a.html = scriptPage(rq.lang, nonce, current.Script)
		a.csp = rl.scriptPolicy(nonce)
	}
	return a
}

func (rl *Relay) scriptPolicy(nonce string) string {
	targets := "https:"
	if rl.config.LoopbackHTTP {
		targets = "https: http://localhost:* http://127.0.0.1:*"
	}
	return "default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'nonce-" + nonce + "'; frame-src " + targets +
		"; form-action " + targets + "; base-uri 'none'; frame-ancestors 'none'" +
		"; sandbox allow-scripts allow-forms allow-popups allow-top-navigation"
}

// scriptPage runs exactly the given script: as text of an element, so that
// nothing in it can end the page's own script, and without eval.
func scriptPage(lang, nonce, script string) string {
	title := escaped(words.Text(lang, "page.to_klarna"))
	literal := json.NewWriter(len(script) + 16)
	literal.Value(script)
	return `<!doctype html><html lang="` + lang + `"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex"><title>` +
		title + `</title><style nonce="` + nonce + `">` + pageStyle + `iframe{position:fixed;inset:0;width:100%;height:100%;border:0;background:#fff}</style></head><body><main><h1>` + title + `</h1><noscript><p>` + escaped(words.Text(lang, "page.no_script")) +
		`</p></noscript></main><script nonce="` + nonce + `">(function(){var s=document.createElement("script");s.nonce="` + nonce + `";s.text=` + literal.String() +
		`;document.body.appendChild(s)})()</script></body></html>`
}
