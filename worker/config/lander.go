package config

import (
	"slices"
	"strconv"
	"strings"

	"klarna-relay/worker/json"
	"klarna-relay/worker/rules"
)

// Keys of one entry of LANDERS, and of its table of pages.
var (
	landerKeys = []string{
		"campaignId", "forceMerchantId", "prepaidType", "products", "upsales", "maxQuantity", "countries",
		"allowedOrigins", "origin", "pages", "dialect", "refField", "hstsIncludeSubDomains", "hstsPreload",
	}
	pageKeys = []string{"checkout", "upsell", "thankYou"}
)

func (r *report) landers(text string, loopbackHTTP bool) map[string]Lander {
	if text == "" {
		r.add("landers_missing", NameLanders, `add a table [vars.LANDERS."*"] with campaignId, forceMerchantId and products`)
		return nil
	}
	o, err := json.Parse(text)
	if err != nil || o.Kind() != json.Object {
		r.add("landers_invalid", NameLanders, `write it as tables: [vars.LANDERS."*"] for every host, or [vars.LANDERS."shop.example"] for one`)
		return nil
	}
	if o.Len() == 0 {
		r.add("landers_missing", NameLanders, `add a table [vars.LANDERS."*"] with campaignId, forceMerchantId and products`)
		return nil
	}
	keys := make(map[string]bool)
	for i := range o.Len() {
		key, _ := o.At(i)
		keys[key] = true
	}

	all := make(map[string]Lander)
	for i := range o.Len() {
		key, v := o.At(i)
		l := landerReader{report: r, name: key, where: NameLanders + "." + shown(key), hosts: keys, loopbackHTTP: loopbackHTTP, object: v}
		l.checkName()
		if v.Kind() != json.Object {
			r.add("lander_invalid", l.where, "write it as a table with campaignId, forceMerchantId and products")
			continue
		}
		lander := l.read()
		if name := strings.ToLower(l.name); name == AnyHost || validHost(name) {
			all[name] = lander
		}
	}
	return all
}

// landerReader reads one entry of LANDERS.
type landerReader struct {
	*report
	name         string
	where        string          // LANDERS."name"
	hosts        map[string]bool // all keys of LANDERS
	loopbackHTTP bool
	object       *json.Value
}

func (l *landerReader) read() Lander {
	l.unknownKeys(l.object, l.where, landerKeys)
	lander := Lander{
		Name:       l.name,
		CampaignID: l.id("campaignId", "campaign_id", "the id of the campaign in Konnektive"),
		MerchantID: l.id("forceMerchantId", "merchant_id", "the id of the Klarna gateway in Konnektive"),
		Shop:       rules.Shop{MaxQuantity: l.maxQuantity()},
	}
	lander.Shop.Products = l.ids("products", "products")
	if lander.Shop.Products == nil && l.object.Get("products") == nil {
		l.add("products_missing", l.where+".products", "list the campaign product ids that a checkout may order, one-time products only")
	}
	lander.Shop.Upsales = l.ids("upsales", "upsales")
	for i, id := range lander.Shop.Upsales {
		if slices.Contains(lander.Shop.Products, id) {
			l.add("product_in_both", l.item("upsales", i), "a product is for the checkout or an upsale: take it out of one of the lists")
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
		l.add("hsts_preload_alone", l.where+".hstsPreload", "the preload list takes only hosts that set hstsIncludeSubDomains = true as well: add it, or remove hstsPreload")
		lander.HSTSPreload = false
	}
	return lander
}

func (l *landerReader) checkName() {
	const code = "host_invalid"
	switch {
	case l.name == AnyHost:
	case strings.Contains(l.name, "/"):
		l.add(code, l.where, "give the host name alone, without https:// and without a path")
	case strings.Contains(l.name, ":"):
		l.add(code, l.where, "give the host name alone, without a port: it holds for every port")
	case strings.Contains(l.name, "*"):
		l.add(code, l.where, `name the hosts one by one, or use "*" alone for every host without an entry of its own`)
	case l.name != strings.ToLower(l.name):
		l.add(code, l.where, "write the host name in small letters")
	case !validHost(l.name):
		l.add(code, l.where, "this is not a host name (write foreign ones in punycode: xn--…)")
	case len(l.name) > maxHost:
		l.add(code, l.where, "the host name is too long: Konnektive takes return addresses of 300 characters only")
	}
}

func (r *report) unknownKeys(o *json.Value, where string, known []string) {
	for i := range o.Len() {
		name, _ := o.At(i)
		if slices.Contains(known, name) {
			continue
		}
		cure := "there is no such key: remove it, or choose one of " + strings.Join(known, ", ")
		for _, k := range known {
			if strings.EqualFold(k, name) {
				cure = "write it " + k
			}
		}
		r.add("key_unknown", where+"."+shown(name), cure)
	}
}

// item is where the element i of a list stands.
func (l *landerReader) item(key string, i int) string {
	return l.where + "." + key + "[" + strconv.Itoa(i) + "]"
}

func (l *landerReader) id(key, code, what string) string {
	v := l.object.Get(key)
	if v == nil {
		l.add(code+"_missing", l.where+"."+key, "give "+what+", a whole number")
		return ""
	}
	id, ok := idText(v)
	if !ok {
		l.add(code+"_invalid", l.where+"."+key, "give "+what+" as a whole number above 0, at most 15 digits")
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
	v := l.object.Get(key)
	if v == nil {
		return nil
	}
	where := l.where + "." + key
	if v.Kind() != json.Array {
		l.add(code+"_invalid", where, "write a list of campaign product ids, like [34, 35]")
		return nil
	}
	if v.Len() == 0 && key == "products" {
		l.add("products_missing", where, "list the campaign product ids that a checkout may order, one-time products only")
	}
	var ids []string
	for i := range v.Len() {
		_, item := v.At(i)
		id, ok := idText(item)
		switch {
		case !ok:
			l.add(code+"_invalid", l.item(key, i), "give a campaign product id: a whole number above 0, at most 15 digits")
		case slices.Contains(ids, id):
			l.add("product_duplicate", l.item(key, i), "this id stands in the list already: remove it or correct it")
		default:
			ids = append(ids, id)
		}
	}
	return ids
}

func (l *landerReader) maxQuantity() int {
	v := l.object.Get("maxQuantity")
	if v == nil {
		return rules.DefaultMaxQuantity
	}
	n, ok := wholeNumber(scalar(v))
	if !ok || n > MaxQuantity {
		l.add("max_quantity_invalid", l.where+".maxQuantity", "give a whole number from 1 to 999, or remove it for 10")
		return rules.DefaultMaxQuantity
	}
	return int(n)
}

// oneOf reads a text that is one of the choices, or "".
func (l *landerReader) oneOf(key, code string, choices ...string) string {
	text, _ := l.text(l.object, l.where, key, code)
	if text == "" || slices.Contains(choices, text) {
		return text
	}
	l.add(code, l.where+"."+key, `choose one of "`+strings.Join(choices, `", "`)+`", or remove it`)
	return ""
}

func (l *landerReader) flag(key string) bool {
	v := l.object.Get(key)
	if v == nil || v.Kind() == json.False {
		return false
	}
	if v.Kind() != json.True {
		l.add("hsts_invalid", l.where+"."+key, "write true or false, without quotes")
	}
	return v.Kind() == json.True
}

// texts reads a list of texts. Elements that are not text are reported and come as "".
func (l *landerReader) texts(key, code, like string) []string {
	v := l.object.Get(key)
	if v == nil {
		return nil
	}
	if v.Kind() != json.Array {
		l.add(code, l.where+"."+key, "write a list, like "+like)
		return nil
	}
	texts := make([]string, v.Len())
	for i := range texts {
		_, item := v.At(i)
		if item.Kind() != json.String || item.Text() == "" {
			l.add(code, l.item(key, i), "write it as text, like in "+like)
			continue
		}
		texts[i] = item.Text()
	}
	return texts
}

// text reads a text; given is false when it is absent or not a text.
func (r *report) text(o *json.Value, where, key, code string) (text string, given bool) {
	v := o.Get(key)
	if v == nil {
		return "", false
	}
	if v.Kind() != json.String {
		r.add(code, where+"."+key, "write it as text in quotes")
		return "", false
	}
	return v.Text(), true
}

func (l *landerReader) allowedOrigins() []string {
	var origins []string
	for i, text := range l.texts("allowedOrigins", "allowed_origin_invalid", `["https://www.shop.example"]`) {
		if text == "" {
			continue // reported
		}
		why := ""
		switch u, reason := parseURL(text, l.loopbackHTTP); {
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
			l.add("allowed_origin_invalid", l.item("allowedOrigins", i), why)
			continue
		}
		origins = append(origins, text)
	}
	return origins
}

func (l *landerReader) origin() string {
	const code = "origin_invalid"
	text, _ := l.text(l.object, l.where, "origin", code)
	if text == "" {
		return ""
	}
	u, why := parseURL(text, true)
	if why == "" && u.Path != "" && u.Path != "/" {
		why = "it holds a path"
	}
	if why != "" {
		l.add(code, l.where+".origin", why+`: write the server alone, like https://origin.shop.example, or "" for www/`)
		return ""
	}
	// Its own host is where a Worker on a route finds the zone's origin. On a custom domain there is none behind the Worker, which
	// cannot be seen here; make check-config sees it.
	if host := u.Hostname(); l.hosts[host] && host != l.name && !IsLoopback(host) {
		l.add("origin_other_lander", l.where+".origin", "this host is another lander's: give the address of the server that has this lander's pages")
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func (l *landerReader) pages(lander *Lander) {
	lander.Checkout, lander.ThankYou = DefaultCheckout, DefaultThankYou
	if len(lander.Shop.Upsales) > 0 {
		lander.Upsell = DefaultUpsell // without upsales there is nothing to show there
	}
	v := l.object.Get("pages")
	if v == nil {
		return
	}
	where := l.where + ".pages"
	if v.Kind() != json.Object {
		l.add("pages_invalid", where, `write a table, like { checkout = "/checkout", upsell = "/upsell", thankYou = "/thank-you" }`)
		return
	}
	l.unknownKeys(v, where, pageKeys)
	for _, page := range []struct {
		key string
		to  *string
	}{{"checkout", &lander.Checkout}, {"upsell", &lander.Upsell}, {"thankYou", &lander.ThankYou}} {
		text, given := l.text(v, where, page.key, "page_invalid")
		if !given {
			continue
		}
		if text == "" && page.key == "upsell" {
			*page.to = "" // said in so many words: no upsell page
			continue
		}
		if why := l.checkPage(text); why != "" {
			l.add("page_invalid", where+"."+page.key, why)
			continue
		}
		*page.to = text
	}
}

// checkPage says what is wrong with the address of a page. The relay appends "?ref=…" to it, and sends the checkout's as salesUrl.
func (l *landerReader) checkPage(text string) (why string) {
	if !strings.HasPrefix(text, "/") {
		u, why := parseURL(text, l.loopbackHTTP)
		switch {
		case why != "":
			return why + ": write a path like /checkout, or an https URL for a page on another origin"
		case u.Hostname() == l.name && !IsLoopback(l.name):
			return "this page is on the lander's own host: write its path alone, like /checkout"
		case len(text) > maxURL:
			return "it is longer than the 300 characters that Konnektive takes"
		}
		return ""
	}
	host := len(l.name)
	if l.name == AnyHost {
		host = anyHostLength
	}
	switch {
	case strings.HasPrefix(text, "//") || !plain(text) || strings.ContainsAny(text, "?#"):
		return "write a path that begins with one slash, without a query, a fragment, spaces or backslashes, like /checkout"
	case text == "/api" || strings.HasPrefix(text, "/api/"):
		return "paths under /api/ belong to the relay: choose another one"
	case len("https://")+host+len(text) > maxURL:
		return "with the host it is longer than the 300 characters that Konnektive takes"
	}
	return ""
}
