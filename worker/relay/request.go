package relay

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"klarna-relay/worker/body"
	"klarna-relay/worker/codes"
	"klarna-relay/worker/config"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/rules"
)

// A request is one request to /api and what is found out about it on its way.
type request struct {
	ctx    context.Context
	http   *http.Request
	method string
	route  *route
	ref    string // of the path
	id     string
	began  time.Time
	spoken string // what lang has found

	host   string // without port; the identity of the lander
	base   string // scheme://host[:port], as the shopper sees it
	lander config.Lander
	// server: the request is a lander's own server's, and address and userAgent are its shopper's.
	server bool
	// in are the fields, once they have been read; unreadable is why they could not be.
	in         rules.Fields
	unreadable *answer
	// address is the shopper's, as Cloudflare saw it.
	address   string
	userAgent string
	country   string // where the shopper is, by Cloudflare; only asked for by a campaign query

	corsOrigin     string
	variesByOrigin bool
	// forPeople: a browser shows the answer as it is, so it gets pages.
	forPeople bool

	read int // bytes of the body

	// For the log.
	logged   string // ref
	kinds    []string
	upstream time.Duration
	dropped  []string
	settled  bool
	sales    []sale // what has just been proven paid
}

// loopbackAddress stands for the shopper's where there is no Cloudflare in
// front that names it, which is so on a developer's machine only.
const loopbackAddress = "127.0.0.1"

func (rl *Relay) begin(r *http.Request) *request {
	rq := &request{
		ctx: r.Context(), http: r, method: r.Method, began: rl.platform.Now(),
		address: r.RemoteAddr, userAgent: cut(r.Header.Get("User-Agent"), 300),
		country: r.Header.Get("CF-IPCountry"),
		host:    strings.ToLower(r.URL.Hostname()), base: r.URL.Scheme + "://" + strings.ToLower(r.URL.Host),
	}
	rq.id = r.Header.Get("Cf-Ray")
	if rq.id == "" || len(rq.id) > 64 || !visible(rq.id) {
		rq.id = rl.platform.Random()
	}
	if rq.address == "" {
		rq.address = loopbackAddress
	}
	return rq
}

// ServeHTTP answers one request to /api. The chain of checks is here, in order.
func (rl *Relay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rq := rl.begin(r)
	a := rl.caught(func() *answer { return rl.answer(rq) })
	a.text = rq.said(a)
	if rq.forPeople {
		a = rl.asPage(rq, a)
	}
	rl.write(w, rq, a)
	rl.log(rq, a)
}

// caught turns a panic into an answer.
func (rl *Relay) caught(work func() *answer) (a *answer) {
	defer func() {
		if p := recover(); p != nil {
			rl.platform.Caught(p)
			a = &answer{code: codes.Internal, cause: errPanic}
		}
	}()
	return work()
}

var errPanic = errors.New("a panic, whose line comes before this one")

func (rl *Relay) answer(rq *request) *answer {
	rq.route, rq.ref = find(rq.http.URL.EscapedPath())
	rq.forPeople = rq.shown()
	rq.lander, _ = rl.config.Lander(rq.host)
	if rq.route == nil {
		return rq.notFound()
	}
	rq.logged = rq.ref
	if !rq.route.navigated {
		rq.crossOrigin()
	}
	if rq.method == http.MethodOptions {
		return rq.options()
	}
	if !slices.Contains(rq.route.methods, rq.method) {
		a := say(codes.Method)
		a.allow = rq.route.methods
		return a
	}
	closed := !rq.route.open && !rq.route.navigated && len(rl.faultsOf(rq)) > 0
	if !closed && rl.mayBeServer(rq) {
		if refusal := rl.fromServer(rq); refusal != nil {
			return refusal
		}
	}
	if !rq.server && !rq.route.navigated && !rq.mayCall() {
		return say(codes.Origin)
	}
	if closed {
		return say(codes.Misconfigured)
	}
	if rq.route.limited != "" && !rl.withinLimit(rq) {
		return say(codes.RateLimited)
	}
	return rq.route.serve(rl, rq)
}

// notFound says what to use instead of a call of the CRM's that is not relayed. A page on another origin gets to read
// it: its preflight is answered as if there were such a route.
func (rq *request) notFound() *answer {
	rq.crossOrigin()
	if rq.method == http.MethodOptions && rq.preflight() {
		return &answer{code: codes.Options, status: http.StatusNoContent, preflight: methodsBoth}
	}
	a := say(codes.NotFound)
	a.detail = instead(rq.http.URL.Path)
	return a
}

// shown tells whether a browser shows the answer to a person: to a form that
// it posted by itself, without JavaScript, or on the way to and from Klarna.
func (rq *request) shown() bool {
	header := rq.http.Header
	if rq.method == http.MethodOptions || !strings.Contains(header.Get("Accept"), "text/html") {
		return false
	}
	// A script may ask for HTML too: jQuery does with dataType "html". It would be redirected to Klarna alone.
	// (Apps name themselves in X-Requested-With when they show a page.)
	if header.Get("Sec-Fetch-Dest") == "empty" || header.Get("X-Requested-With") == "XMLHttpRequest" {
		return false
	}
	return rq.route != nil && rq.route.navigated && !rq.route.open ||
		rq.method == http.MethodPost && strings.HasPrefix(strings.ToLower(header.Get("Content-Type")), formType)
}

const formType = "application/x-www-form-urlencoded"

// fields reads the body, once.
func (rq *request) fields() (rules.Fields, *answer, bool) {
	if rq.in == nil && rq.unreadable == nil {
		rq.in, rq.unreadable = rq.decode()
	}
	return rq.in, rq.unreadable, rq.unreadable == nil
}

func (rq *request) decode() (rules.Fields, *answer) {
	contentType := rq.http.Header.Get("Content-Type")
	raw, err := whole(rq.http.Body)
	if err != nil {
		return nil, say(codes.Malformed)
	}
	rq.read = len(raw)
	fields, err := body.Decode(contentType, rq.http.URL.RawQuery, raw)
	if err != nil {
		a := say(bodyCode(err))
		if fault := new(body.FieldError); errors.As(err, &fault) {
			a.detail, a.problems = fault.Text(rq.lang()), rules.Problems{fault.Problem}
		}
		return nil, a
	}
	rq.http.Body = http.NoBody // which lets go of what was read
	return fields, nil
}

// empty tells whether the request, whose fields have been read, had neither a body nor a query: no type is wrong then.
func (rq *request) empty() bool { return rq.read == 0 && rq.http.URL.RawQuery == "" }

// whole reads a body, and one byte more than it may have. A body that is there in one piece is not copied.
func whole(b io.Reader) ([]byte, error) {
	if b, ok := b.(interface{ Whole() ([]byte, error) }); ok {
		return b.Whole()
	}
	return io.ReadAll(io.LimitReader(b, body.MaxBytes+1))
}

func bodyCode(err error) string {
	switch {
	case errors.Is(err, body.ErrTooLarge):
		return codes.TooLarge
	case errors.Is(err, body.ErrUnsupportedType):
		return codes.Type
	}
	return codes.Malformed // a field that is named twice, too
}

// accept reads what a page sent, sorts it by who may set what, and has it
// checked. A shopper is told of everything that is wrong at once.
func (rl *Relay) accept(rq *request, check func(rules.Fields) (rules.Order, rules.Problems)) (page rules.Fields,
	order rules.Order, refusal *answer, ok bool) {
	in, refusal, ok := rq.fields()
	if !ok {
		return nil, order, refusal, false
	}
	rq.in = nil // and so the body is let go once the order has been checked
	admit := rules.Admit
	if rq.server {
		admit = rules.AdmitServer
	}
	page, dropped, problems := admit(in, rl.workerFields(rq))
	rq.dropped = dropped
	order, more := check(page)
	if problems = problems.And(more); len(problems) > 0 {
		return nil, order, rq.refuse(problems), false
	}
	if rq.read > largeBody {
		for i, name := range dropped {
			dropped[i] = strings.Clone(name)
		}
		fields := make(rules.Fields, len(order.Fields))
		for name, value := range order.Fields {
			fields[strings.Clone(name)] = strings.Clone(value)
		}
		order.Fields = fields
	}
	return rules.Passed(page), order, nil, true
}

// largeBody is the size in bytes from which on fields are copied, so that they do not keep the body in memory. An
// ordinary order has some 600 bytes, and to copy its fields would cost more than to keep it.
const largeBody = 4 << 10

// needsRef is the problem of a request about an order that does not say which.
func needsRef(page rules.Fields) rules.Problems {
	if page["ref"] != "" {
		return nil
	}
	return rules.Problems{{Field: "ref", Code: rules.Required}}
}

// workerFields are the values that the Worker sets, which a page may repeat.
func (rl *Relay) workerFields(rq *request) rules.Fields {
	return rules.Fields{
		"campaignId":      rq.lander.CampaignID,
		"paySource":       "PREPAID",
		"prepaidType":     rq.lander.PrepaidType,
		"forceMerchantId": rq.lander.MerchantID,
	}
}

func (rq *request) refuse(problems rules.Problems) *answer {
	a := say(problems.Answer())
	if rq.forPeople {
		// A shopper can do nothing about what the page sends.
		if problems = rules.ForShoppers(problems); len(problems) == 0 {
			a.text = textPageBroken
		}
	}
	a.fields, a.problems = problems.Texts(rq.lang()), problems
	return a
}

// note keeps for the log what a call took, and what came of it.
func (rl *Relay) note(rq *request, began time.Time, kind konnektive.Kind) {
	rq.upstream += rl.platform.Now().Sub(began)
	rq.kinds = append(rq.kinds, kind.String())
}

// target is where a page wants the shopper to go after the return; "" when it names no address, or one that is not
// allowed. A page that names its own address may have been reached after a failure. The parameters that tell of it are
// taken away, so that the next attempt does not return to them. An address that is not used is logged as dropped.
func (rq *request) target(page rules.Fields, name string) string {
	value := page[name]
	origins := append([]string{rq.base, rq.lander.Origin}, rq.lander.AllowedOrigins...)
	target, ok := rules.Target(withoutParameters(strings.TrimSpace(value), "errorMsg", "klarna"), origins...)
	if !ok && value != "" {
		rq.dropped = append(rq.dropped, name)
	}
	return target
}

// pageURL is the address of a lander's page: a path on this host, or a URL of its own.
func (rq *request) pageURL(configured string) string {
	if strings.HasPrefix(configured, "/") {
		return rq.base + configured
	}
	return configured
}

// addressKey is what the rate limit counts by: an IPv6 customer has a /64.
func (rq *request) addressKey() string {
	address, err := netip.ParseAddr(rq.address)
	if err != nil {
		return rq.address
	}
	address = address.Unmap()
	if address.Is6() {
		prefix, err := address.WithZone("").Prefix(64)
		if err == nil {
			return prefix.Masked().String()
		}
	}
	return address.String()
}

// withinLimit counts the request against the shopper's rate. A limiter that is down must not cost a sale.
func (rl *Relay) withinLimit(rq *request) bool {
	within, err := rl.platform.Limit(rq.ctx, rq.route.limiter(), rq.route.limited+" "+rq.addressKey())
	return within || err != nil
}

func visible(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// cut shortens a text to at most n characters.
func cut(s string, n int) string {
	count := 0
	for i := range s {
		if count == n {
			return s[:i]
		}
		count++
	}
	return s
}

// withRef adds the ref to the address of a page.
func withRef(address, ref string) string { return withQuery(address, "ref="+url.QueryEscape(ref)) }

// withQuery gives the address of a page a parameter, in place of one of that name. The address may have a query and a
// fragment.
func withQuery(page, parameter string) string {
	name, _, _ := strings.Cut(parameter, "=")
	page, fragment, found := strings.Cut(withoutParameters(page, name), "#")
	separator := "?"
	if strings.Contains(page, "?") {
		separator = "&"
	}
	page += separator + parameter
	if found {
		page += "#" + fragment
	}
	return page
}

// withoutParameters removes parameters from the query of an address, and leaves everything else of it as it is.
func withoutParameters(address string, names ...string) string {
	page, fragment, hasFragment := strings.Cut(address, "#")
	path, query, hasQuery := strings.Cut(page, "?")
	if !hasQuery {
		return address
	}
	kept := slices.DeleteFunc(strings.Split(query, "&"), func(parameter string) bool {
		name, _, _ := strings.Cut(parameter, "=")
		return slices.Contains(names, name)
	})
	if len(kept) > 0 {
		path += "?" + strings.Join(kept, "&")
	}
	if hasFragment {
		path += "#" + fragment
	}
	return path
}
