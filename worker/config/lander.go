package config

import (
	"slices"
	"strconv"
	"strings"

	"klarna-relay/worker/json"
	"klarna-relay/worker/rules"
)

// Keys of one entry, and of its table of pages.
var (
	landerKeys = []string{
		"campaignId", "forceMerchantId", "prepaidType", "products", "upsales", "maxQuantity", "countries",
		"allowedOrigins", "origin", "pages", "dialect", "refField", "like", "hstsIncludeSubDomains", "hstsPreload",
	}
	pageKeys = []string{"checkout", "upsell", "thankYou"}
)

// landerReader reads one entry.
type landerReader struct {
	*report
	landers *Landers
	name    string
	host    string // the host whose entry it is
	place   string // LANDERS."name"
	object  *json.Value
	like    *landerReader // has what this one leaves out; nil: nobody
}

// read reads the lander of a host with all its faults.
func (ls *Landers) read(host string, entries []entry) Lander {
	var r report
	l := ls.reader(&r, host, entries[0])
	l.checkName(entries[0])
	if len(entries) > 1 {
		for _, e := range entries {
			r.add("host_twice", e.where(), "this host has another entry: keep one of them")
		}
	}
	if entries[0].unquoted {
		return Lander{Name: host, Faults: r.faults, Checkout: DefaultCheckout, ThankYou: DefaultThankYou}
	}
	if l.object.Kind() != json.Object {
		r.add("lander_invalid", l.place, "write it as a table with campaignId, forceMerchantId and products")
		return Lander{Name: l.name, Faults: r.faults, Checkout: DefaultCheckout, ThankYou: DefaultThankYou}
	}
	l.takeOver()
	lander := l.read()
	lander.Faults = r.faults
	return lander
}

func (ls *Landers) reader(r *report, host string, e entry) *landerReader {
	return &landerReader{report: r, landers: ls, name: e.name, host: host, place: e.where(), object: e.value}
}

// takeOver finds the landers that this one is like.
func (l *landerReader) takeOver() {
	seen := []string{l.host}
	for own := l; ; own = own.like {
		name, given := own.text(own.object.Get("like"), own.place+".like", "like_invalid")
		if !given {
			return
		}
		entries := l.landers.entries(name)
		switch {
		case slices.Contains(seen, name):
			l.add("like_invalid", own.place+".like",
				"landers are like each other in a circle: let one of them say everything itself")
			return
		case len(entries) == 0:
			l.add("like_invalid", own.place+".like",
				"there is no lander of this name: give the key of another one, as it is written there")
			return
		}
		seen = append(seen, name)
		own.like = l.landers.reader(l.report, name, entries[0])
		own.like.unknownKeys(own.like.object, own.like.place, landerKeys)
	}
}

// get is the value of a key, of this lander or of the one that it is like, and where it stands; nil when neither
// has it.
func (l *landerReader) get(key string) (v *json.Value, where string) {
	for from := l; from != nil; from = from.like {
		if v := from.object.Get(key); v != nil {
			return v, from.place + "." + key
		}
	}
	return nil, l.place + "." + key
}

func (l *landerReader) read() Lander {
	l.unknownKeys(l.object, l.place, landerKeys)
	lander := Lander{
		Name:       l.name,
		CampaignID: l.id("campaignId", "campaign_id", "the id of the campaign in Konnektive"),
		MerchantID: l.id("forceMerchantId", "merchant_id", "the id of the Klarna gateway in Konnektive"),
		Shop:       rules.Shop{MaxQuantity: l.maxQuantity()},
	}
	lander.Shop.Products = l.ids("products", "products")
	if v, where := l.get("products"); v == nil && !slices.Contains(l.misspelt, where) {
		l.add("products_missing", where, "list the campaign product ids that a checkout may order, one-time products only")
	}
	lander.Shop.Upsales = l.ids("upsales", "upsales")
	for i, id := range lander.Shop.Upsales {
		if slices.Contains(lander.Shop.Products, id) {
			_, where := l.get("upsales")
			l.add("product_in_both", item(where, i),
				"a product is for the checkout or an upsale: take it out of one of the lists")
		}
	}
	var method rules.Method
	lander.PrepaidType, method = l.prepaidType()
	lander.Shop.Countries = l.countries(method)
	lander.AllowedOrigins = l.allowedOrigins()
	lander.Origin = l.origin()
	l.pages(&lander)
	lander.Dialect = l.oneOf("dialect", "dialect_unknown", DialectKonnektive)
	lander.RefField = l.oneOf("refField", "ref_field_unknown", "custom1", "custom2", "custom3", "custom4", "custom5")
	lander.HSTSIncludeSubDomains = l.flag("hstsIncludeSubDomains")
	lander.HSTSPreload = l.flag("hstsPreload")
	if lander.HSTSPreload && !lander.HSTSIncludeSubDomains {
		_, where := l.get("hstsPreload")
		l.add("hsts_preload_alone", where, "the preload list takes only hosts that set hstsIncludeSubDomains = true as "+
			"well: add it, or remove hstsPreload")
		lander.HSTSPreload = false
	}
	return lander
}

func (l *landerReader) checkName(e entry) {
	const code = "host_invalid"
	name, wildcard := strings.CutPrefix(e.name, "*.")
	switch {
	case e.name == AnyHost:
	case e.inFile && strings.HasPrefix(e.name, "vars.LANDERS."):
		l.add("host_unquoted", l.place, `write it ["`+strings.TrimPrefix(l.host, "vars.landers.")+
			`"]: in this file a table has the host alone for a name`)
	case e.unquoted:
		l.add("host_unquoted", l.place, `put the host into quotes, ["`+l.host+`"]: without them its dots make tables of it`)
	case strings.Contains(name, "/"):
		l.add(code, l.place, "give the host name alone, without https:// and without a path")
	case strings.Contains(name, ":"):
		l.add(code, l.place, "give the host name alone, without a port: it holds for every port")
	case strings.Contains(name, "*"):
		l.add(code, l.place,
			`use "*." at the beginning alone, as in "*.brand.example", or "*" for every host without an entry of its own`)
	case name != strings.ToLower(name):
		l.add(code, l.place, "write the host name in small letters")
	case !validHost(name):
		l.add(code, l.place, "this is not a host name (write foreign ones in punycode: xn--…)")
	case wildcard && strings.IndexByte(name, '.') < 0:
		l.add(code, l.place, "this covers a whole top-level domain: name a domain below it, as in \"*.brand.example\"")
	case len(name) > maxHost:
		l.add(code, l.place, "the host name is too long: Konnektive takes return addresses of 300 characters only")
	}
}

func (r *report) unknownKeys(o *json.Value, where string, known []string) {
	for i := range o.Len() {
		name, _ := o.At(i)
		if slices.Contains(known, name) {
			continue
		}
		cure := "there is no such key: remove it, or choose one of " + strings.Join(known, ", ")
		if k := Nearest(name, known); k != "" {
			cure = "write it " + k
			r.misspelt = append(r.misspelt, where+"."+k)
		}
		r.add("key_unknown", where+"."+shown(name), cure)
	}
}

// item is where the element i of a list stands.
func item(where string, i int) string { return where + "[" + strconv.Itoa(i) + "]" }

func (l *landerReader) id(key, code, what string) string {
	v, where := l.get(key)
	if v == nil && slices.Contains(l.misspelt, where) {
		return "" // reported
	}
	if v == nil {
		l.add(code+"_missing", where, "give "+what+", a whole number")
		return ""
	}
	id, ok := idText(v)
	if !ok {
		l.add(code+"_invalid", where, "give "+what+" as a whole number above 0, at most 15 digits")
	}
	return id
}

// idText reads an id of Konnektive, written as a number or as text, as it is sent: plain decimal digits.
func idText(v *json.Value) (string, bool) {
	text := scalar(v)
	if _, ok := wholeNumber(text); !ok {
		return "", false
	}
	return text, true
}

// scalar is the text of a number or a string, "" for anything else.
func scalar(v *json.Value) string {
	return v.Text()
}

// ids reads a list of product ids; nil when it is absent or not usable.
func (l *landerReader) ids(key, code string) []string {
	v, where := l.get(key)
	if v == nil {
		return nil
	}
	if v.Kind() != json.Array {
		l.add(code+"_invalid", where, "write a list of campaign product ids, like [34, 35]")
		return nil
	}
	if v.Len() == 0 && key == "products" {
		l.add("products_missing", where, "list the campaign product ids that a checkout may order, one-time products only")
	}
	var ids []string
	for i := range v.Len() {
		_, element := v.At(i)
		id, ok := idText(element)
		switch {
		case !ok:
			l.add(code+"_invalid", item(where, i), "give a campaign product id: a whole number above 0, at most 15 digits")
		case slices.Contains(ids, id):
			l.add("product_duplicate", item(where, i), "this id stands in the list already: remove it or correct it")
		default:
			ids = append(ids, id)
		}
	}
	return ids
}

func (l *landerReader) maxQuantity() int {
	v, where := l.get("maxQuantity")
	if v == nil {
		return rules.DefaultMaxQuantity
	}
	n, ok := wholeNumber(scalar(v))
	if !ok || n > MaxQuantity {
		l.add("max_quantity_invalid", where, "give a whole number from 1 to 999, or remove it for 10")
		return rules.DefaultMaxQuantity
	}
	return int(n)
}

// oneOf reads a text that is one of the choices, or "".
func (l *landerReader) oneOf(key, code string, choices ...string) string {
	v, where := l.get(key)
	text, _ := l.text(v, where, code)
	if text == "" || slices.Contains(choices, text) {
		return text
	}
	l.add(code, where, `choose one of "`+strings.Join(choices, `", "`)+`", or remove it`)
	return ""
}

func (l *landerReader) flag(key string) bool {
	v, where := l.get(key)
	if v == nil || v.Kind() == json.False {
		return false
	}
	if v.Kind() != json.True {
		l.add("hsts_invalid", where, "write true or false, without quotes")
	}
	return v.Kind() == json.True
}

// texts reads a list of texts, and says where it stands. Elements that are not text are reported and come as "".
func (l *landerReader) texts(key, code, like string) (texts []string, where string) {
	v, where := l.get(key)
	if v == nil {
		return nil, where
	}
	if v.Kind() != json.Array {
		l.add(code, where, "write a list, like "+like)
		return nil, where
	}
	texts = make([]string, v.Len())
	for i := range texts {
		_, element := v.At(i)
		if element.Kind() != json.String || element.Text() == "" {
			l.add(code, item(where, i), "write it as text, like in "+like)
			continue
		}
		texts[i] = element.Text()
	}
	return texts, where
}

// text reads a text; given is false when it is absent or not a text.
func (r *report) text(v *json.Value, where, code string) (text string, given bool) {
	if v == nil {
		return "", false
	}
	if v.Kind() != json.String {
		r.add(code, where, "write it as text in quotes")
		return "", false
	}
	return v.Text(), true
}

func (l *landerReader) allowedOrigins() []string {
	var origins []string
	texts, where := l.texts("allowedOrigins", "allowed_origin_invalid", `["https://www.shop.example"]`)
	for i, text := range texts {
		if text == "" {
			continue // reported
		}
		why := ""
		switch u, reason := parseURL(text, l.landers.loopbackHTTP); {
		case text == "*":
			why = "any page of the world could order then: name the origins one by one"
		case reason != "":
			why = reason + ": write an origin as browsers send it, like https://www.shop.example"
		case text != u.Scheme+"://"+u.Host:
			why = "write the origin alone, without a path and without a slash at its end, like https://www.shop.example"
		case u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80":
			why = "leave the port out: browsers do not send the usual one"
		case slices.Contains(origins, text):
			why = "this origin stands in the list already: remove it or correct it"
		}
		if why != "" {
			l.add("allowed_origin_invalid", item(where, i), why)
			continue
		}
		origins = append(origins, text)
	}
	return origins
}

func (l *landerReader) origin() string {
	const code = "origin_invalid"
	v, where := l.get("origin")
	text, _ := l.text(v, where, code)
	if text == "" {
		return ""
	}
	u, why := parseURL(text, true)
	if why == "" && u.Path != "" && u.Path != "/" {
		why = "it holds a path"
	}
	if why != "" {
		l.add(code, where, why+`: write the server alone, like https://origin.shop.example, or "" for www/`)
		return ""
	}
	// Its own host is where a Worker on a route finds the zone's origin. On a custom domain there is none behind the
	// Worker, which cannot be seen here; make check-config sees it.
	if host := u.Hostname(); host != l.host && len(l.landers.entries(host)) > 0 && !IsLoopback(host) {
		l.add("origin_other_lander", where,
			"this host is another lander's: give the address of the server that has this lander's pages")
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func (l *landerReader) pages(lander *Lander) {
	lander.Checkout, lander.ThankYou = DefaultCheckout, DefaultThankYou
	if len(lander.Shop.Upsales) > 0 {
		lander.Upsell = DefaultUpsell // without upsales there is nothing to show there
	}
	for from := l; from != nil; from = from.like {
		v := from.object.Get("pages")
		switch {
		case v == nil:
		case v.Kind() != json.Object:
			l.add("pages_invalid", from.place+".pages",
				`write a table, like { checkout = "/checkout", upsell = "/upsell", thankYou = "/thank-you" }`)
		default:
			l.unknownKeys(v, from.place+".pages", pageKeys)
		}
	}
	for _, page := range []struct {
		key string
		to  *string
	}{{"checkout", &lander.Checkout}, {"upsell", &lander.Upsell}, {"thankYou", &lander.ThankYou}} {
		v, where := l.pageValue(page.key)
		text, given := l.text(v, where, "page_invalid")
		if !given {
			continue
		}
		if text == "" && page.key == "upsell" {
			*page.to = "" // an explicit empty text: no upsell page
			continue
		}
		if why := l.checkPage(text); why != "" {
			l.add("page_invalid", where, why)
			continue
		}
		*page.to = text
	}
}

// pageValue is the value of one of the pages, each of which may be taken over by itself.
func (l *landerReader) pageValue(key string) (v *json.Value, where string) {
	for from := l; from != nil; from = from.like {
		if v := from.object.Get("pages").Get(key); v != nil {
			return v, from.place + ".pages." + key
		}
	}
	return nil, ""
}

// checkPage says what is wrong with the address of a page. The relay appends "?ref=…" to it, and sends the
// checkout's as salesUrl.
func (l *landerReader) checkPage(text string) (why string) {
	if !strings.HasPrefix(text, "/") {
		u, why := parseURL(text, l.landers.loopbackHTTP)
		switch {
		case why != "":
			return why + ": write a path like /checkout, or an https URL for a page on another origin"
		case u.Hostname() == l.host && !IsLoopback(l.host):
			return "this page is on the lander's own host: write its path alone, like /checkout"
		case len(text) > maxURL:
			return "it is longer than the 300 characters that Konnektive takes"
		}
		return ""
	}
	host := len(l.host)
	if strings.HasPrefix(l.host, AnyHost) {
		host = max(host, anyHostLength)
	}
	switch {
	case strings.HasPrefix(text, "//") || !rules.FitsURL(text) || strings.ContainsAny(text, "?#"):
		return "write a path that begins with one slash, without a query, a fragment, spaces or backslashes, like /checkout"
	case text == "/api" || strings.HasPrefix(text, "/api/"):
		return "paths under /api/ belong to the relay: choose another one"
	case len("https://")+host+len(text) > maxURL:
		return "with the host it is longer than the 300 characters that Konnektive takes"
	}
	return ""
}
