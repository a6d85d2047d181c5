package rules

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// Order is what a page may say of an order, normalised: exactly these fields go to Konnektive, beside the Worker's
// own. It never holds `ref`, the bot check's token or a parameter of the Worker, and checking it again changes
// nothing.
type Order struct{ Fields Fields }

// CheckOrder checks what Admit passed as an order: a person, an address, something to deliver to, products.
//
// Where the contract is silent: without billShipSame and without any ship field the goods go to the billing
// address. A line without an id (an option not chosen) is no line; a line without a quantity is one piece. Two
// lines of one product and variant become one. Lines are renumbered from 1. The cap counts a product, not a line,
// so that splitting lines does not lift it.
func CheckOrder(page Fields, shop Shop) (Order, Problems) {
	c := checker{in: page, out: make(Fields, len(page)), shop: shop, edge: &theEdge}
	c.everything()
	return c.order()
}

// CheckOrderAfterLead checks an order of a purchase whose lead was whole, so that Konnektive has the shopper's data:
// products are enough. country is the one that the lead's billing address had (ISO 3166-1 alpha-2). What the page
// says of the shopper all the same must be right; and of a name or an address it must say all, since a mix of the
// new one and the lead's would be wrong.
func CheckOrderAfterLead(page Fields, shop Shop, country string) (Order, Problems) {
	c := checker{in: page, out: make(Fields, len(page)), shop: shop, edge: &theEdge, known: country}
	c.everything()
	return c.order()
}

// CheckUpsale checks an upsale: one product of the shop's upsales. Everything else Konnektive knows from the order.
func CheckUpsale(page Fields, shop Shop) (Order, Problems) {
	c := checker{in: page, out: Fields{}, shop: shop, edge: &theEdge}
	c.products(shop.Upsales, 1)
	c.tracking("sessionId")
	return c.order()
}

// CheckLead checks a lead: names, and an e-mail address or a phone number, as Konnektive asks; whatever else is
// present must be valid, since it becomes part of the order.
func CheckLead(page Fields, shop Shop) (Order, Problems) {
	c := checker{in: page, out: make(Fields, len(page)), shop: shop, edge: &theEdge, lead: true}
	c.everything()
	return c.order()
}

// everything checks what an order or a lead may hold.
func (c *checker) everything() {
	c.addresses()
	c.person()
	c.products(c.shop.Products, MaxLines)
	c.coupon()
	c.shipProfile()
	c.tracking(source[:]...)
	c.customFields()
}

// Whole says whether Konnektive knows from this lead all that an order needs but products. (Of an order it always
// does.)
func (o Order) Whole() bool {
	fields := [...]string{"firstName", "lastName", "emailAddress", "phoneNumber", "address1", "city", "postalCode",
		"country"}
	for _, name := range fields {
		if o.Fields[name] == "" {
			return false
		}
	}
	if statesOf(o.Fields["country"]) != "" && o.Fields["state"] == "" {
		return false
	}
	if o.Fields["billShipSame"] == "1" {
		return true
	}
	for _, name := range fields {
		if name = shipName(name); name != "" && o.Fields[name] == "" {
			return false
		}
	}
	return statesOf(o.Fields["shipCountry"]) == "" || o.Fields["shipState"] != ""
}

// Country is the country of the billing address (ISO 3166-1 alpha-2), or "" when there is none.
func (o Order) Country() string { return o.Fields["country"] }

// source are the tracking fields of an order.
var source = [...]string{
	"sessionId", "affId", "sourceValue1", "sourceValue2", "sourceValue3", "sourceValue4", "sourceValue5",
	"custom1", "custom2", "custom3", "custom4", "custom5", "httpReferer",
}

// pageTypes are those of Konnektive's Import Click.
var pageTypes = [...]string{"presellPage", "leadPage", "checkoutPage", "upsellPage1", "upsellPage2", "upsellPage3",
	"upsellPage4", "thankyouPage"}

// CheckClick checks the visit of a page. Only pageType is required; the rest is tracking and never a problem.
func CheckClick(page Fields) (Order, Problems) {
	c := checker{in: page, out: Fields{}}
	if t := c.get("pageType"); slices.Contains(pageTypes[:], t) {
		c.out["pageType"] = t
	} else if t == "" {
		c.problem("pageType", Required, "")
	} else {
		c.problem("pageType", NotOneOf, strings.Join(pageTypes[:], ", "))
	}
	c.tracking("sessionId", "httpReferer", "requestUri")
	return c.order()
}

// edge is what the page leaves to the edge, since a page's form has no need of it: names of countries instead of
// codes, and lines in the way of the vendor's PHP SDK. Without them the browser module is 4 KB smaller.
type edge struct {
	country func(name string) (code string)
	lines   func(*checker) []product
}

var theEdge = edge{country: countryNamed, lines: (*checker).orderItems}

// checker collects an order and what is wrong with it.
type checker struct {
	in, out    Fields
	shop       Shop
	lead       bool   // nothing but the names and one way to reach the shopper is required
	known      string // the country of a lead that was whole: nothing but products is required. Else ""
	anyProduct bool   // which products there are is not known
	edge       *edge  // nil in a page
	problems   Problems
}

func (c *checker) order() (Order, Problems) {
	c.cards()
	if len(c.problems) > 0 {
		return Order{}, c.problems.sorted()
	}
	return Order{Fields: kept(c.out)}, nil
}

// cards looks for card numbers once more. Admit looked already, but at what was sent: this looks at what would be
// handed on.
func (c *checker) cards() {
	for name, value := range c.out {
		if name != "phoneNumber" && cardIn(value) {
			c.problem(name, CardData, "")
		}
	}
}

// kept is fields without the empty ones, and in memory of its own, so that an order which waits for Konnektive does
// not keep the request's body.
func kept(fields Fields) Fields {
	size, same := 0, true // same: the map can stay
	for name, value := range fields {
		size += len(name) + len(value)
		same = same && value != "" && !isCustom(name)
	}
	all, copied := make([]byte, 0, size), fields
	if !same {
		copied = make(Fields, len(fields))
	}
	for name, value := range fields {
		if value == "" {
			continue
		}
		at := len(all)
		all = append(append(all, name...), value...)
		text := unsafe.String(&all[at], len(all)-at) // all never grows, and nothing of it changes
		copied[text[:len(name)]] = text[len(name):]
	}
	return copied
}

func (c *checker) problem(field string, code Code, detail string) {
	c.problems = c.problems.add(Problem{field, code, detail})
}

func (c *checker) get(name string) string { return clean(c.in[name]) }

// raw takes a value that the shopper typed, of any length. ok says that there is one to check.
func (c *checker) raw(name string, required bool) (value string, ok bool) {
	value = c.in[name]
	if !printable(value) {
		c.problem(name, BadCharacters, "")
		return "", false
	}
	if value = clean(value); value == "" {
		if required {
			c.problem(name, Required, "")
		}
		return "", false
	}
	return value, true
}

// text is raw for fields of limited length.
func (c *checker) text(name string, required bool) (value string, ok bool) {
	if value, ok = c.raw(name, required); !ok {
		return "", false
	}
	if max := limit(name); utf8.RuneCountInString(value) > max {
		c.problem(name, TooLong, strconv.Itoa(max))
		return "", false
	}
	return value, true
}

// limit is how many characters of a parameter Konnektive keeps.
func limit(name string) int {
	row, _, _ := lookup(name)
	return row.max
}

// person checks who orders, once the country is known.
func (c *checker) person() {
	needed := !c.lead && c.known == ""
	email, hasEmail := c.text("emailAddress", needed)
	if hasEmail {
		if isEmail(email) {
			c.out["emailAddress"] = email
		} else {
			c.problem("emailAddress", BadEmail, "")
		}
	}
	phone, hasPhone := c.raw("phoneNumber", needed)
	if !hasPhone {
		if c.lead && !hasEmail {
			c.problem("emailAddress", Required, "")
		}
		return
	}
	code, ok := c.country()
	if e164, valid := Phone(phone, code); valid {
		c.out["phoneNumber"] = e164
	} else if ok && c.shop.Offers(code) || c.lead || countryless(phone) {
		c.problem("phoneNumber", BadPhone, phoneExample(code))
	} // else: the country is a problem already, and a national number cannot be judged without it
}

// country is that of the billing address: as it was found right, else as it was typed, else that of the lead.
func (c *checker) country() (code string, ok bool) {
	for _, typed := range [...]string{c.out["country"], c.get("country"), c.get("shipCountry"), c.known} {
		if typed != "" {
			return c.countryCode(typed)
		}
	}
	return "", false
}

// countryCode is the code of a country that was typed; ok says whether it can be one. In a page a name is left to
// the edge: code is "".
func (c *checker) countryCode(typed string) (code string, ok bool) {
	switch code, ok = countryCode(typed); {
	case ok:
	case c.edge == nil:
		return "", len(typed) > 2
	default:
		code = c.edge.country(typed)
		ok = code != ""
	}
	return code, ok
}

// countryless says whether a phone number is wrong in every country.
func countryless(phone string) bool {
	_, international, ok := phoneDigits(phone)
	return international || !ok
}

func (c *checker) name(field string, required bool) {
	value, ok := c.text(field, required)
	if !ok {
		return
	}
	letters := false
	for _, r := range value {
		switch {
		case nameMark(r):
		case nameLetter(r):
			letters = true
		default:
			if _, digit := asciiDigit(r); !digit {
				c.problem(field, BadCharacters, "")
				return
			}
		}
	}
	if !letters || strings.Contains(lower(value), "www.") {
		c.problem(field, BadName, "")
		return
	}
	c.out[field] = value
}

// hasAngleBracket says whether s holds what begins or ends an HTML tag.
func hasAngleBracket(s string) bool {
	return strings.IndexByte(s, '<') >= 0 || strings.IndexByte(s, '>') >= 0
}

func (c *checker) coupon() {
	if value, ok := c.text("couponCode", false); ok {
		if hasAngleBracket(value) {
			c.problem("couponCode", BadCharacters, "")
			return
		}
		c.out["couponCode"] = value
	}
}

func (c *checker) shipProfile() {
	if value, ok := c.text("shipProfileId", false); ok {
		if !allDigits(value) {
			c.problem("shipProfileId", BadValue, "")
			return
		}
		c.out["shipProfileId"] = value
	}
}

// Canonical is a stable text of what makes two orders the same: person, addresses, lines, coupon, shipping profile,
// and nothing of where the shopper came from. Different orders have different texts.
func (o Order) Canonical() string {
	var names []string
	for name := range o.Fields {
		if row, _, known := lookup(name); known && row.kind == identity {
			names = insert(names, name)
		}
	}
	var b strings.Builder
	for _, name := range names {
		value := o.Fields[name]
		b.WriteString(name)
		b.WriteByte('=')
		b.WriteString(strconv.Itoa(len(value)))
		b.WriteByte(':')
		b.WriteString(value)
		b.WriteByte('\n')
	}
	return b.String()
}
