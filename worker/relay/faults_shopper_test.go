package relay

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"klarna-relay/worker/simulator"
	"klarna-relay/worker/simulator/audit"
)

// A shopper wants one thing, is patient, and does what the landers' pages do:
// repeats a request with its key until there is an answer that counts, follows
// the status of what is in doubt, and makes a new attempt when told so.
type shopper struct {
	v       *visit
	email   string
	route   string
	path    string
	cart    fields
	keyless bool

	tries int
	key   string
	sent  string // the ref that the attempt's requests carry
	ref   string // the ref that answers named
	url   string // Klarna's
	code  string // of the last answer
}

// shopper comes in with an empty cart of one lamp.
func (v *visit) shopper(name string) *shopper {
	return (&shopper{v: v, email: name + "@example.com", route: "order", path: "/api/order/import/",
		cart: order()}).next()
}

// upsale is the same shopper's purchase of an upsale of a paid order.
func (p *shopper) upsale() *shopper {
	return (&shopper{
		v: p.v, email: p.email, route: "upsale", path: "/api/upsale/import/", keyless: p.keyless, ref: p.ref,
		cart: fields{"product1_id": "40", "product1_qty": "1"},
	}).next()
}

// next begins a new attempt at the same purchase.
func (p *shopper) next() *shopper {
	p.tries++
	p.key = fmt.Sprintf("key of %s for %s %d", p.email, p.route, p.tries)
	p.key = strings.NewReplacer(" ", "-", "@example.com", "").Replace(p.key)
	p.sent = p.ref
	return p
}

func (p *shopper) ask(route, ref string, r *http.Request) (reply, bool) {
	got, ok := p.v.ask(route, p.email, ref, r)
	p.code = got.Code
	if !ok {
		p.code = "no answer"
	}
	return got, ok
}

// order sends the current attempt once.
func (p *shopper) order() reply {
	key, label := p.key, p.key
	if p.keyless {
		key, label = "", fmt.Sprintf("%s after %v", p.key, p.v.clock().Format("15:04:05"))
	}
	body := p.cart.with(audit.LabelField, label, "ref", p.sent, "cf-turnstile-response", "a-token-of-the-widget")
	if p.route == "order" {
		body["emailAddress"] = p.email
	}
	ref := p.sent
	if p.route == "upsale" {
		ref = ""
	}
	got, _ := p.ask(p.route, ref, p.v.request(http.MethodPost, p.path, key, body))
	if got.Ref != "" && (p.route == "order" || got.Ref != p.sent) {
		p.ref = got.Ref
		p.v.keep(*p)
	}
	return got
}

// keep notes a purchase with what was ordered last.
func (v *visit) keep(p shopper) {
	for i := range v.purchases {
		if v.purchases[i].ref == p.ref {
			v.purchases[i] = p
			return
		}
	}
	v.purchases = append(v.purchases, p)
}

// buyAgain has everybody who has not paid order the same cart again, with a new key. That must lead to a session that
// can be paid, or to what the story says. It tells whether there was anybody.
func (v *visit) buyAgain(when string) (anybody bool) {
	for i, p := range slices.Clone(v.purchases) {
		if v.book.Paid(p.email, p.ref) {
			continue
		}
		anybody = true
		p.key, p.sent, p.keyless = fmt.Sprintf("key-%d-%s", i, strings.ReplaceAll(when, " ", "-")), p.ref, false
		got := p.order()
		if got.Code == "ref_unknown" { // it was never recorded, and the page begins another one
			p.sent, p.key = "", p.key+"-without-ref"
			got = p.order()
		}
		if got.Code != v.again {
			v.book.Find("%s, an unpaid %s was answered %s", when, p.route, got.Code)
		}
		if got.Code != "redirect" {
			continue
		}
		url := v.unwrap(&p, got.url())
		if session, _ := v.sim.Session(sessionOf(url)); session.State != simulator.SessionOpen ||
			v.clock().Sub(session.Opened) >= simulator.SessionLife {
			v.book.Find("%s, an unpaid %s was sent to a session that is over", when, p.route)
		}
	}
	return anybody
}

// sessionOf is the session of a url of Klarna's.
func sessionOf(url string) string { return url[strings.LastIndex(url, "/")+1:] }

// reach goes on until Klarna's url is there, or there is nothing left to buy.
func (p *shopper) reach() string {
	p.url = ""
	pause := 2 * time.Second
	for round := range 90 {
		// What was to go wrong has gone wrong by then.
		p.v.calm = p.v.calm || round > 70
		got := p.order()
		switch got.Code {
		case "redirect":
			p.url = p.v.unwrap(p, got.url())
			return p.url
		case "paid", "already_taken":
			return ""
		case "pending", "unknown", "redirect_invalid":
			if got.Ref != "" && p.follow(12) == "paid" {
				return ""
			}
		}
		switch p.code {
		case "ref_unknown":
			p.ref = ""
			p.next()
		case "retry", "declined", "invalid":
			p.next()
		}
		p.v.pass(pause)
		pause = min(pause*2, 30*time.Second)
	}
	p.v.book.Find("%s never got to Klarna: %s", p.route, p.code)
	return ""
}

// follow asks for the status until it is final.
func (p *shopper) follow(rounds int) string {
	pause := 2 * time.Second
	for range rounds {
		if p.status(); p.code == "paid" || p.code == "retry" || p.code == "declined" {
			return p.code
		}
		p.v.pass(pause)
		pause = min(pause*2, 30*time.Second)
	}
	return p.code
}

func (p *shopper) status() reply {
	got, _ := p.ask("status", p.ref, httptest.NewRequest(http.MethodGet, "https://"+p.v.host+"/api/order/status/"+p.ref,
		nil))
	return got
}

// seePaid: the shopper has paid, and wants to be told so.
func (p *shopper) seePaid() {
	for round := range 30 {
		p.v.calm = p.v.calm || round > 20
		if p.status(); p.code == "paid" {
			return
		}
		p.v.pass(10 * time.Second)
	}
	// Where the CRM never names the order, a fault may lose the only hint there is.
	if len(p.v.plan) == 0 || p.v.book.Told(p.ref) {
		p.v.book.Find("%s was paid, and status says %s", p.route, p.code)
	}
}

// klarna has the shopper do something on Klarna's page.
func (p *shopper) klarna(act func(session string) (simulator.Return, error)) (back simulator.Return) {
	if p.url == "" {
		return back
	}
	id := sessionOf(p.url)
	back, err := act(id)
	if errors.Is(err, simulator.ErrSessionOver) {
		// Klarna knows better than the ledger, and sends the shopper away.
		session, _ := p.v.sim.Session(id)
		return simulator.Return{Method: http.MethodGet, URL: session.ErrorRedirectsTo + "?errorMsg=over"}
	}
	if err != nil {
		p.v.book.Find("at Klarna's page: %v", err)
	}
	return back
}

// comeBack sends what the browser sends after Klarna's page, again when there
// is no answer, and returns where that led.
func (p *shopper) comeBack(back simulator.Return) (location string) {
	if back.URL == "" {
		return ""
	}
	route := "return"
	if strings.Contains(back.URL, "/failed/") {
		route = "failed"
	}
	for round := range 20 {
		p.v.calm = p.v.calm || round > 15
		r := httptest.NewRequest(back.Method, back.URL, strings.NewReader(back.Form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://klarna.example")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.URL, _ = url.Parse(back.URL)
		got, ok := p.ask(route, p.ref, r)
		if ok && got.StatusCode == http.StatusSeeOther {
			return got.Header.Get("Location")
		}
		p.v.pass(5 * time.Second)
	}
	p.v.book.Find("the way back from Klarna leads nowhere: %s", p.code)
	return ""
}

// buy is the whole purchase as it should be.
func (p *shopper) buy() *shopper {
	for range 4 {
		if p.reach() == "" {
			break
		}
		p.comeBack(p.klarna(p.v.sim.Approve))
		if state := p.follow(3); state != "declined" && state != "retry" {
			break
		}
		p.next()
	}
	p.seePaid()
	return p
}

func (p *shopper) confirm(ref string) string {
	p.ask("confirm", ref, p.v.request(http.MethodPost, "/api/order/confirm/", "", fields{"ref": ref}))
	return p.code
}

// lead sends what the shopper has typed so far. The order goes on when that fails.
func (p *shopper) lead(key string) {
	for range 3 {
		body := fields{"firstName": "Zoë", "lastName": "O’Neill-Müller", "emailAddress": p.email, "ref": p.ref}.with()
		if p.ref == "" {
			delete(body, "ref")
		}
		got, ok := p.ask("lead", p.ref, p.v.request(http.MethodPost, "/api/leads/import/", key, body))
		if ok && got.Code == "accepted" {
			p.ref, p.sent = got.Ref, got.Ref
			return
		}
		p.v.pass(2 * time.Second)
	}
}

var klarnaURL = regexp.MustCompile(`https://klarna\.example/klarna/[0-9a-f]{32}`)

// unwrap opens the page that runs a script answer, and finds the url in it.
func (v *visit) unwrap(p *shopper, url string) string {
	if !strings.Contains(url, "/api/klarna/continue/") {
		return url
	}
	for round := range 20 {
		v.calm = v.calm || round > 15
		got, ok := p.ask("continue", p.ref, httptest.NewRequest(http.MethodGet, url, nil))
		if found := klarnaURL.FindString(got.body); ok && found != "" {
			v.book.Hear(audit.Heard{At: v.clock(), Email: p.email, Route: "continue", Ref: p.ref, Code: "redirect", URL: found})
			return found
		}
		v.pass(5 * time.Second)
	}
	v.book.Find("the page of a script leads nowhere: %s", p.code)
	return ""
}

// A story is what a shopper does, and what Konnektive does by itself.
type story struct {
	name      string
	settings  simulator.Settings
	challenge bool
	tell      func(*visit)
	// again is what who has not paid is answered at the end, with a new key; "": a redirect.
	again string
}

// onFirst has a call with the first key turn out in some way.
func onFirst(op simulator.Op, fault simulator.Fault) func(simulator.Call) simulator.Fault {
	return func(c simulator.Call) simulator.Fault {
		if c.Op == op && strings.HasSuffix(c.Fields[audit.LabelField], "-1") {
			return fault
		}
		return simulator.Fault{}
	}
}

var stories = []story{
	{name: "an order", tell: func(v *visit) { v.shopper("zoe").buy() }},
	{name: "an order without a key", tell: func(v *visit) {
		p := v.shopper("zoe")
		p.keyless = true
		p.buy()
	}},
	{name: "an order after two leads", tell: func(v *visit) {
		p := v.shopper("zoe")
		p.lead("lead-key-0001")
		p.lead("")
		p.buy()
	}},
	{name: "an order with a bot check", challenge: true, tell: func(v *visit) { v.shopper("zoe").buy() }},
	{name: "a script instead of a url", settings: simulator.Settings{Redirect: simulator.RedirectForm, NumbersAsNumbers: true}, tell: func(v *visit) { v.shopper("zoe").buy() }},
	{name: "everything is asked for twice", tell: func(v *visit) {
		p := v.shopper("zoe")
		p.order()
		p.reach()
		p.order()
		back := p.klarna(v.sim.Approve)
		p.order()
		p.comeBack(back)
		p.comeBack(back)
		p.seePaid()
		p.order()
		p.seePaid()
	}},
	{name: "a second tab", tell: func(v *visit) {
		p := v.shopper("zoe")
		p.reach()
		p.next().reach()
		p.comeBack(p.klarna(v.sim.Approve))
		p.seePaid()
	}},
	{name: "a changed cart", tell: func(v *visit) {
		p := v.shopper("zoe")
		p.reach()
		p.cart = p.cart.with("product1_qty", "2")
		p.next().buy()
	}},
	{name: "a changed cart with a bot check", challenge: true, tell: func(v *visit) {
		p := v.shopper("zoe")
		p.reach()
		p.cart = p.cart.with("product1_qty", "2")
		p.next().buy()
	}},
	{name: "a changed cart while the first is in doubt", tell: func(v *visit) {
		v.usual = onFirst(simulator.OpOrder, simulator.Fault{Answer: simulator.AnswerSilence})
		p := v.shopper("zoe")
		p.order()
		p.cart = p.cart.with("product1_qty", "2")
		p.next().buy()
	}},
	{name: "declined at Klarna, then paid", tell: func(v *visit) {
		p := v.shopper("zoe")
		if p.reach() != "" {
			p.comeBack(p.klarna(v.sim.Decline))
			p.follow(6)
			p.next().buy()
		}
	}},
	{name: "declined at once, then paid", tell: func(v *visit) {
		v.usual = onFirst(simulator.OpOrder, simulator.Fault{Verdict: simulator.VerdictDecline})
		v.shopper("zoe").buy()
	}},
	{name: "fields at fault, then paid", tell: func(v *visit) {
		v.usual = onFirst(simulator.OpOrder, simulator.Fault{Verdict: simulator.VerdictFields})
		v.shopper("zoe").buy()
	}},
	{name: "success without a redirect, then paid", tell: func(v *visit) {
		v.usual = onFirst(simulator.OpOrder, simulator.Fault{Verdict: simulator.VerdictNoRedirect})
		v.shopper("zoe").buy()
	}},
	{name: "a redirect to nowhere, then paid", tell: func(v *visit) {
		v.usual = onFirst(simulator.OpOrder, simulator.Fault{Redirect: simulator.RedirectEmpty})
		v.shopper("zoe").buy()
	}},
	{name: "paid without a redirect", tell: func(v *visit) {
		v.usual = onFirst(simulator.OpOrder, simulator.Fault{Verdict: simulator.VerdictPaid})
		v.shopper("zoe").buy()
	}},
	{name: "an import whose answer is lost, then paid", tell: func(v *visit) {
		v.usual = onFirst(simulator.OpOrder, simulator.Fault{Answer: simulator.AnswerSilence})
		v.shopper("zoe").buy()
	}},
	{name: "cancelled at Klarna, which makes the order DECLINED, then paid",
		settings: simulator.Settings{CancelStatus: simulator.StatusDeclined}, tell: func(v *visit) {
			p := v.shopper("zoe")
			if p.reach() != "" {
				p.comeBack(p.klarna(v.sim.Cancel))
				p.follow(6)
				p.next().buy()
			}
		}},
	{name: "cancelled at Klarna, which makes the order CANCELLED, then paid",
		settings: simulator.Settings{CancelStatus: simulator.StatusCancelled, RedirectNamesOrder: true, ItemsAsArray: true},
		tell: func(v *visit) {
			p := v.shopper("zoe")
			if p.reach() != "" {
				p.comeBack(p.klarna(v.sim.Cancel))
				p.follow(6)
				p.next().buy()
			}
		}},
	{name: "back from Klarna by the wrong ways", settings: simulator.Settings{ReturnByGET: true}, tell: func(v *visit) {
		p := v.shopper("zoe")
		p.reach()
		p.comeBack(p.klarna(v.sim.Forge))
		p.follow(2)
		back := p.klarna(v.sim.Approve)
		failed := strings.Replace(back.URL, "/return/", "/failed/", 1)
		p.comeBack(simulator.Return{Method: http.MethodGet, URL: failed})
		p.comeBack(back)
		p.seePaid()
	}},
	{name: "paid, and never came back", tell: func(v *visit) {
		p := v.shopper("zoe")
		p.reach()
		p.klarna(v.sim.Approve)
		v.pass(50 * time.Hour)
		settled := false
		for _, line := range v.logs {
			settled = settled || strings.Contains(line, `"settled":true`)
		}
		if !v.book.Told(p.ref) {
			return // the CRM never named the order, and nobody came back
		}
		if !settled && !v.lostLog {
			v.book.Find("a shopper paid and never came back, and nobody noticed")
		}
		p.seePaid()
	}},
	{name: "an upsale", tell: func(v *visit) { v.shopper("zoe").buy().upsale().buy() }},
	{name: "an upsale without a key", tell: func(v *visit) {
		p := v.shopper("zoe").buy().upsale()
		p.keyless = true
		p.buy()
	}},
	{name: "an upsale in two tabs", tell: func(v *visit) {
		p := v.shopper("zoe").buy()
		one, two := p.upsale(), p.upsale()
		two.key += "-in-the-other-tab"
		one.reach()
		two.reach()
		if one.url != two.url {
			v.book.Find("two tabs, two ways to pay for one upsale")
		}
		two.comeBack(two.klarna(v.sim.Approve))
		one.ref = two.ref
		one.seePaid()
		p.seePaid()
	}},
	{name: "an upsale declined at Klarna, then paid", tell: func(v *visit) {
		p := v.shopper("zoe").buy()
		u := p.upsale()
		if u.reach() != "" {
			u.comeBack(u.klarna(v.sim.Decline))
			u.follow(6)
			u.next().buy()
		}
		p.seePaid()
	}},
	{name: "two carts of an upsale, both paid", tell: func(v *visit) {
		p := v.shopper("zoe").buy()
		one := p.upsale()
		one.reach()
		two := *one
		two.cart = one.cart.with("product1_qty", "2")
		two.next().reach()
		back := one.klarna(v.sim.Approve)
		one.comeBack(two.klarna(v.sim.Approve))
		one.comeBack(back)
		one.seePaid()
	}},
	{name: "an upsale refused at once, then paid", tell: func(v *visit) {
		v.usual = onFirst(simulator.OpUpsale, simulator.Fault{Verdict: simulator.VerdictDecline})
		p := v.shopper("zoe").buy()
		p.upsale().buy()
		p.seePaid()
	}},
	{name: "an upsale whose answer is lost, then paid", tell: func(v *visit) {
		v.usual = onFirst(simulator.OpUpsale, simulator.Fault{Answer: simulator.AnswerReset})
		p := v.shopper("zoe").buy()
		p.upsale().buy()
		p.seePaid()
	}},
	{name: "an upsale already taken", again: "already_taken", tell: func(v *visit) {
		v.usual = func(c simulator.Call) simulator.Fault {
			if c.Op == simulator.OpUpsale {
				return simulator.Fault{Verdict: simulator.VerdictTaken}
			}
			return simulator.Fault{}
		}
		p := v.shopper("zoe").buy()
		u := p.upsale()
		for range 3 {
			u.order()
		}
		p.seePaid()
	}},
	{name: "confirmed", tell: func(v *visit) {
		p := v.shopper("zoe")
		p.reach()
		p.confirm(p.ref)
		if p.url != "" {
			p.comeBack(p.klarna(v.sim.Approve))
		}
		for range 4 {
			p.confirm(p.ref)
			v.pass(time.Second)
		}
		v.calm = true
		p.seePaid()
		if p.confirm(p.ref); p.code != "confirmed" {
			v.book.Find("confirm says %s of a paid order", p.code)
		}
		p.seePaid()
	}},
	{name: "confirmed from the upsale's page", tell: func(v *visit) {
		p := v.shopper("zoe").buy()
		u := p.upsale()
		u.reach()
		p.confirm(u.ref)
		p.confirm(p.ref)
		u.comeBack(u.klarna(v.sim.Approve))
		u.confirm(u.ref)
		u.seePaid()
		p.seePaid()
	}},
	{name: "two shoppers, and the CRM gives the second one's lead the order of the first",
		settings: simulator.Settings{Merge: simulator.MergeAddress, RedirectNamesOrder: true}, tell: func(v *visit) {
			p, other := v.shopper("zoe"), v.shopper("bob")
			p.lead("lead-key-0001")
			other.order()
			p.buy()
			other.buy()
		}},
	{name: "two shoppers, and the CRM gives each lead any order", settings: takenForOne, tell: func(v *visit) {
		p, other := v.shopper("zoe"), v.shopper("bob")
		p.reach()
		other.lead("lead-key-0001")
		other.order()
		p.buy()
		other.buy()
	}},
	{name: "a click, a lead, an order", tell: func(v *visit) {
		p := v.shopper("zoe")
		p.ask("click", "", v.request(http.MethodPost, "/api/landers/clicks/import/", "",
			fields{"pageType": "checkoutPage", "requestUri": "https://shop.example/checkout?affId=7"}))
		p.lead("")
		p.buy()
	}},
}
