package rules

import (
	"strings"
	"unicode/utf8"

	"klarna-relay/worker/percent"
)

// tracking takes fields that say where the shopper came from. None of them may lose a sale, so what is too long is
// shortened to what Konnektive keeps, and what it would falsify (half an id is another id) or cannot be what the
// field is for is left out.
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
		// The vendor's guide has the address encoded before the form encodes it once more. Taken as it stands, its affId
		// and c1 to c5 would be lost.
		if !isURL(value) {
			value = percent.Decode(value)
		}
		if !isURL(value) || !printable(value) {
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

// customFields takes the CRM's custom order fields.
func (c *checker) customFields() {
	var found []string
	for name := range c.in {
		if row, _, _ := lookup(name); row == &customOrderField {
			found = insert(found, name)
		}
	}
	for _, name := range found[:min(len(found), MaxCustom)] {
		c.track(name)
	}
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
