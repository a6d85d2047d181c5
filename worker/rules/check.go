package rules

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Order is what a page may say of an order, normalised: exactly these fields go to Konnektive, beside the Worker's own. It never
// holds `ref`, the bot check's token or a parameter of the Worker, and checking it again changes nothing.
type Order struct{ Fields Fields }

// CheckOrder checks what Admit passed as an order: a person, an address, something to deliver to, products.
//
// Where the contract is silent: without billShipSame and without any ship field the goods go to the billing address. A line without
// an id (an option not chosen) is no line; a line without a quantity is one piece. Two lines of one product and variant become
// one. Lines are renumbered from 1. The cap counts a product, not a line, so that splitting lines does not lift it.
func CheckOrder(page Fields, shop Shop) (Order, Problems) {
	c := checker{in: page, out: make(Fields, len(page)), shop: shop}
	c.person()
	c.addresses()
	c.products(shop.Products, MaxLines)
	c.coupon()
	c.shipProfile()
	c.tracking(source[:]...)
	return c.order()
}

// CheckUpsale checks an upsale: one product of the shop's upsales. Everything else Konnektive knows from the order.
func CheckUpsale(page Fields, shop Shop) (Order, Problems) {
	c := checker{in: page, out: Fields{}, shop: shop}
	c.products(shop.Upsales, 1)
	c.tracking("sessionId")
	return c.order()
}

// CheckLead checks a lead: names, and an e-mail address or a phone number, as Konnektive asks; whatever else is present must be valid,
// since it becomes part of the order.
func CheckLead(page Fields, shop Shop) (Order, Problems) {
	c := checker{in: page, out: make(Fields, len(page)), shop: shop, lead: true}
	c.person()
	c.addresses()
	c.products(shop.Products, MaxLines)
	c.coupon()
	c.shipProfile()
	c.tracking(source[:]...)
	return c.order()
}

// source are the tracking fields of an order.
var source = [...]string{
	"sessionId", "affId", "sourceValue1", "sourceValue2", "sourceValue3", "sourceValue4", "sourceValue5",
	"custom1", "custom2", "custom3", "custom4", "custom5", "httpReferer",
}

// pageTypes are those of Konnektive's Import Click.
var pageTypes = [...]string{"presellPage", "leadPage", "checkoutPage", "upsellPage1", "upsellPage2", "upsellPage3", "upsellPage4", "thankyouPage"}

// CheckClick checks the visit of a page. Only pageType is required; the rest is tracking and never a problem.
func CheckClick(page Fields) (Order, Problems) {
	c := checker{in: page, out: Fields{}}
	if t := c.get("pageType"); among(t, pageTypes[:]) {
		c.out["pageType"] = t
	} else if t == "" {
		c.problem("pageType", Required, "")
	} else {
		c.problem("pageType", BadValue, "")
	}
	c.tracking("sessionId", "httpReferer", "requestUri")
	return c.order()
}

// checker collects an order and what is wrong with it.
type checker struct {
	in, out  Fields
	shop     Shop
	lead     bool // nothing but the names and one way to reach the shopper is required
	problems Problems
}

func (c *checker) order() (Order, Problems) {
	for name, value := range c.out {
		// Admit looked already, but at what was sent: this looks at what would be handed on.
		if name != "phoneNumber" && cardIn(value) {
			c.problem(name, CardData, "")
		}
	}
	if len(c.problems) > 0 {
		return Order{}, c.problems.sorted()
	}
	return Order{Fields: c.out}, nil
}

func (c *checker) problem(field string, code Code, detail string) {
	c.problems = c.problems.add(Problem{field, code, detail})
}

func (c *checker) get(name string) string { return clean(c.in[name]) }

// raw takes a value that the shopper typed, of any length. ok says that there is one to check.
func (c *checker) raw(name string, required bool) (value string, ok bool) {
	value = c.in[name]
	if !plain(value) {
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

func (c *checker) person() {
	c.name("firstName", true)
	c.name("lastName", true)
	email, hasEmail := c.text("emailAddress", !c.lead)
	if hasEmail {
		if isEmail(email) {
			c.out["emailAddress"] = email
		} else {
			c.problem("emailAddress", BadEmail, "")
		}
	}
	phone, hasPhone := c.raw("phoneNumber", !c.lead)
	if !hasPhone {
		if c.lead && !hasEmail {
			c.problem("emailAddress", Required, "")
		}
		return
	}
	code, ok := countryCode(c.get("country"))
	if e164, valid := Phone(phone, code); valid {
		c.out["phoneNumber"] = e164
	} else if ok && c.shop.offers(code) || c.lead || countryless(phone) {
		c.problem("phoneNumber", BadPhone, phoneExample(code))
	} // else: the country is a problem already, and a national number cannot be judged without it
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

// line takes a line of an address: anything that is written on a parcel.
func (c *checker) line(field string, required bool) {
	value, ok := c.text(field, required)
	if !ok {
		return
	}
	meaning := false
	for _, r := range value {
		if r == '<' || r == '>' || symbol(r) {
			c.problem(field, BadCharacters, "")
			return
		}
		_, digit := asciiDigit(r)
		meaning = meaning || digit || nameLetter(r)
	}
	if !meaning || strings.Contains(value, "://") {
		c.problem(field, BadValue, "")
		return
	}
	c.out[field] = value
}

var shipFields = [...]string{"shipFirstName", "shipLastName", "shipCompanyName", "shipAddress1", "shipAddress2", "shipCity", "shipState", "shipPostalCode", "shipCountry"}

func (c *checker) addresses() {
	c.line("companyName", false)
	c.address("")
	elsewhere := false
	for _, f := range shipFields {
		elsewhere = elsewhere || c.get(f) != ""
	}
	switch same := lower(c.get("billShipSame")); same {
	case "":
	case "1", "true", "yes", "on":
		elsewhere = false
	case "0", "false", "no", "off":
		elsewhere = true
	default:
		c.problem("billShipSame", BadValue, "")
		return
	}
	if elsewhere {
		c.name("shipFirstName", !c.lead)
		c.name("shipLastName", !c.lead)
		c.line("shipCompanyName", false)
		c.address("ship")
		for _, f := range shipFields {
			if c.out[f] != "" {
				return
			}
		}
	}
	// A lead that says "elsewhere" but not yet where counts as one without a delivery address: Konnektive asks for one or the other.
	c.out["billShipSame"] = "1"
}

// address checks the lines of a place; prefix is "" or "ship".
func (c *checker) address(prefix string) {
	field := func(name string) string {
		if prefix == "" {
			return name
		}
		return prefix + upper(name[:1]) + name[1:]
	}
	code := ""
	if value, ok := c.raw(field("country"), !c.lead); ok {
		code, ok = countryCode(value)
		switch {
		case !ok:
			c.problem(field("country"), BadCountry, "")
			code = ""
		case !c.shop.offers(code):
			c.problem(field("country"), CountryRefused, "")
		default:
			c.out[field("country")] = code
		}
	}
	c.line(field("address1"), !c.lead)
	c.line(field("address2"), false)
	c.line(field("city"), !c.lead)
	c.state(field("state"), code)
	if value, ok := c.text(field("postalCode"), !c.lead); ok {
		if formatted, ok := PostalCode(value, code); !ok {
			c.problem(field("postalCode"), BadPostalCode, postalExample(code))
		} else if angular(formatted) {
			c.problem(field("postalCode"), BadCharacters, "")
		} else {
			c.out[field("postalCode")] = formatted
		}
	}
}

// state checks the state of an address. It is required, and must be one, where the post needs it: in Australia, Canada and the United
// States. Elsewhere a longer value than Konnektive keeps is left out instead of refused: browsers fill in regions that no
// address there needs, and that must not lose a sale. (Mexico has states too, but its postal codes name them.)
func (c *checker) state(field, code string) {
	states := statesOf(code)
	value, ok := c.raw(field, states != "" && !c.lead)
	if !ok {
		return
	}
	if states == "" {
		if utf8.RuneCountInString(value) <= limit(field) {
			c.line(field, false)
		}
		return
	}
	if short := stateCode(states, value); short != "" {
		c.out[field] = short
	} else {
		c.problem(field, BadState, states[:strings.IndexByte(states, '=')])
	}
}

// angular says whether s holds what begins or ends an HTML tag.
func angular(s string) bool { return strings.IndexByte(s, '<') >= 0 || strings.IndexByte(s, '>') >= 0 }

func (c *checker) coupon() {
	if value, ok := c.text("couponCode", false); ok {
		if angular(value) {
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

// product is a line of an order.
type product struct {
	id, variant string
	quantity    int
	field       string // the page's own name for id
}

// products checks the lines, most of which can be at most lines long, against the ids allowed.
func (c *checker) products(allowed []string, most int) {
	var lines []product
	// Pages number lines with gaps. Looking every number up would make a
	// hundred names for one line.
	var there [maxLineNumber + 1]bool
	for name := range c.in {
		if row, n, _ := lookup(name); row != nil && row.name == "product#_id" {
			there[n] = true
		}
	}
	for i := 1; i <= maxLineNumber; i++ {
		if !there[i] {
			continue
		}
		n := strconv.Itoa(i)
		id := "product" + n + "_id"
		raw := c.in[id]
		if raw == "" {
			continue
		}
		line := product{id: clean(raw), quantity: 1, field: id}
		if line.id == "" && plain(raw) {
			continue
		}
		if !plain(raw) || !among(line.id, allowed) {
			c.problem(id, ProductRefused, "")
			continue
		}
		quantity, variant := "product"+n+"_qty", "variant"+n+"_id"
		if typed := clean(c.in[quantity]); typed != "" {
			line.quantity = number(typed)
			if line.quantity < 0 && allDigits(typed) {
				line.quantity = c.shop.cap() + 1 // more digits than any cap has
			}
			if line.quantity < 1 {
				c.problem(quantity, BadQuantity, "")
				continue
			}
		}
		var ok bool
		if line.variant, ok = c.text(variant, false); ok && !allDigits(line.variant) {
			c.problem(variant, BadValue, "")
			continue
		}
		pieces, merged := line.quantity, false
		for i := range lines {
			if lines[i].id != line.id {
				continue
			}
			pieces += lines[i].quantity
			if lines[i].variant == line.variant {
				lines[i].quantity += line.quantity
				merged = true
			}
		}
		if pieces > c.shop.cap() {
			c.problem(quantity, QuantityCap, strconv.Itoa(c.shop.cap()))
			continue
		}
		if !merged {
			lines = append(lines, line)
		}
	}
	switch {
	case len(lines) > most:
		c.problem(lines[most].field, TooManyLines, strconv.Itoa(most))
	case len(lines) == 0 && len(c.problems.ofProducts()) == 0 && !c.lead:
		c.problem("product1_id", Required, "")
	}
	for i, line := range lines {
		n := strconv.Itoa(i + 1)
		c.out["product"+n+"_id"] = line.id
		c.out["product"+n+"_qty"] = strconv.Itoa(line.quantity)
		if line.variant != "" {
			c.out["variant"+n+"_id"] = line.variant
		}
	}
}

// ofProducts are the problems with product lines.
func (p Problems) ofProducts() (found Problems) {
	for _, q := range p {
		if strings.HasPrefix(q.Field, "product") || strings.HasPrefix(q.Field, "variant") {
			found = append(found, q)
		}
	}
	return found
}

// tracking takes fields that say where the shopper came from. None of them may lose a sale, so what is too long is shortened to what
// Konnektive keeps, and what it would falsify (half an id is another id) or cannot be what the field is for is left out.
func (c *checker) tracking(names ...string) {
	for _, name := range names {
		if c.in[name] != "" {
			c.track(name)
		}
	}
}

func (c *checker) track(name string) {
	value, ok := c.raw(name, false)
	if !ok {
		return
	}
	max := limit(name)
	switch name {
	case "sessionId":
		for i := 0; i < len(value); i++ {
			if !isDigit(value[i]) && !isLetter(value[i]) {
				return
			}
		}
		fallthrough
	case "affId":
		if utf8.RuneCountInString(value) > max {
			return
		}
	case "httpReferer", "requestUri":
		if !isURL(value) {
			return
		}
	}
	if short := shorten(value, max); short != value {
		value = clean(wholeEscapes(short))
	}
	if value == "" || strings.IndexByte(value, '<') >= 0 || cardIn(value) {
		return
	}
	c.out[name] = value
}

// wholeEscapes removes half a "%XX" from the end of a text that was cut.
func wholeEscapes(s string) string {
	for cut := 1; cut <= 2 && cut <= len(s); cut++ {
		if s[len(s)-cut] == '%' {
			return s[:len(s)-cut]
		}
	}
	return s
}

// isURL says whether s looks like the address of a page (or of the Android app that a click came from).
func isURL(s string) bool {
	for _, scheme := range [...]string{"https://", "http://", "android-app://"} {
		if len(s) > len(scheme) && lower(s[:len(scheme)]) == scheme {
			return strings.IndexByte(s, ' ') < 0
		}
	}
	return false
}

// Canonical is a stable text of what makes two orders the same: person, addresses, lines, coupon, shipping profile, and nothing of
// where the shopper came from. Different orders have different texts.
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
