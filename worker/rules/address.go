package rules

import (
	"strings"
	"unicode/utf8"
)

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

// The fields of a billing address. shipName makes those of a delivery address of them.
var (
	firstAndLast = [...]string{"firstName", "lastName"}
	names        = [...]string{"firstName", "lastName", "companyName"}
	places       = [...]string{"address1", "address2", "city", "state", "postalCode", "country"}
)

// shipNames are the names that the fields of a billing address have in a delivery address.
var shipNames = [...][2]string{
	{"firstName", "shipFirstName"}, {"lastName", "shipLastName"}, {"companyName", "shipCompanyName"},
	{"address1", "shipAddress1"}, {"address2", "shipAddress2"}, {"city", "shipCity"}, {"state", "shipState"},
	{"postalCode", "shipPostalCode"}, {"country", "shipCountry"},
}

// shipName is the name of a field in a delivery address; "" when it has none there.
func shipName(name string) string {
	for i := range shipNames {
		if shipNames[i][0] == name {
			return shipNames[i][1]
		}
	}
	return ""
}

// any says whether the page has something in one of the fields; ship says of which address.
func (c *checker) any(ship bool, names ...string) bool {
	for _, name := range names {
		if ship {
			name = shipName(name)
		}
		if c.get(name) != "" {
			return true
		}
	}
	return false
}

// addresses checks who gets the bill and who the goods. Pages leave out whichever address is the same: each is
// copied from the other.
func (c *checker) addresses() {
	elsewhere := c.any(true, names[:]...) || c.any(true, places[:]...)
	billed := c.any(false, "address1", "address2", "city", "postalCode")
	same := false
	switch said := lower(c.get("billShipSame")); said {
	case "":
		same = !elsewhere || !billed // one address alone is both
	case "1", "true", "yes", "on":
		same = true
	case "0", "false", "no", "off":
		elsewhere = true
	default:
		c.problem("billShipSame", BadValue, "")
		return
	}
	fromShip := same && !billed && c.any(true, "address1", "address2", "city", "postalCode")
	if same && !c.any(false, firstAndLast[:]...) && c.any(true, firstAndLast[:]...) {
		c.names(true, true)
	} else {
		c.names(false, c.known == "" || c.any(false, firstAndLast[:]...))
	}
	if fromShip {
		c.billFromShip()
	} else {
		c.line("companyName", false)
		c.bill()
	}
	if same {
		c.copyToBill()
	} else if c.shipElsewhere() {
		if c.lead && !billed {
			c.out["billShipSame"] = "0" // or the half of an address that there is would be taken for both
		}
		return
	}
	// A lead that says "elsewhere" but not yet where counts as one without a delivery address: Konnektive asks for one
	// or the other.
	if c.known == "" || c.out["address1"] != "" {
		c.out["billShipSame"] = "1"
	}
}

func (c *checker) names(ship, required bool) {
	for _, name := range firstAndLast {
		if ship {
			name = shipName(name)
		}
		c.name(name, required)
	}
}

// bill checks where the bill goes.
func (c *checker) bill() {
	required := !c.lead
	if c.known != "" {
		required = c.any(false, places[:]...)
		if !required && !c.shop.Offers(c.known) {
			c.problem("country", CountryRefused, "")
		}
	}
	c.place(false, "country", required)
}

// billFromShip takes the delivery address for the billing address, where the page has no other. A problem is named
// after the field that the shopper filled in.
func (c *checker) billFromShip() {
	company, country := shipName("companyName"), shipName("country")
	if c.get(company) == "" {
		company = "companyName"
	}
	if c.get(country) == "" {
		country = "country"
	}
	c.line(company, false)
	c.place(true, country, !c.lead)
}

// copyToBill moves what was read from ship fields to those of the billing address.
func (c *checker) copyToBill() {
	for _, group := range [...][]string{names[:], places[:]} {
		for _, name := range group {
			if value := c.out[shipName(name)]; value != "" {
				c.out[name] = value
				c.out[shipName(name)] = "" // which is left out
			}
		}
	}
}

// shipElsewhere checks the delivery address. It returns false when nothing is known of it.
func (c *checker) shipElsewhere() bool {
	c.line("shipCompanyName", false)
	c.place(true, "shipCountry", !c.lead)
	if c.any(true, firstAndLast[:]...) {
		c.names(true, !c.lead)
	} else if c.any(true, places[:]...) {
		// The goods go to the one who orders, when nobody else is named.
		for _, name := range firstAndLast {
			if c.out[name] != "" {
				c.out[shipName(name)] = c.out[name]
			}
		}
	}
	for _, group := range [...][]string{names[:], places[:]} {
		for _, name := range group {
			if c.out[shipName(name)] != "" {
				return true
			}
		}
	}
	return false
}

// place checks where an address is. country is the field that names its country.
func (c *checker) place(ship bool, country string, required bool) {
	field := func(name string) string {
		if ship {
			return shipName(name)
		}
		return name
	}
	code := ""
	if value, ok := c.raw(country, required); ok {
		code, ok = c.countryCode(value)
		switch {
		case !ok:
			c.problem(country, BadCountry, "")
			code = ""
		case code == "":
		case !c.shop.Offers(code):
			c.problem(country, CountryRefused, "")
		default:
			c.out[country] = code
		}
	}
	c.line(field("address1"), required)
	c.line(field("address2"), false)
	c.line(field("city"), required)
	c.state(field("state"), code, required)
	if value, ok := c.text(field("postalCode"), required); ok {
		if formatted, ok := PostalCode(value, code); !ok {
			c.problem(field("postalCode"), BadPostalCode, postalExample(code))
		} else if hasAngleBracket(formatted) {
			c.problem(field("postalCode"), BadCharacters, "")
		} else {
			c.out[field("postalCode")] = formatted
		}
	}
}

// state checks the state of an address. It is required, and must be one, where the post needs it: in Australia,
// Canada and the United States. Elsewhere a longer value than Konnektive keeps is left out instead of refused:
// browsers fill in regions that no address there needs, and that must not lose a sale. (Mexico has states too, but
// its postal codes name them.)
func (c *checker) state(field, code string, required bool) {
	states := statesOf(code)
	value, ok := c.raw(field, states != "" && required)
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
