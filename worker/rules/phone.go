package rules

import "strings"

// Phone makes a phone number E.164 ("+" and 8 to 15 digits), which is what Klarna integrations send. A national
// number is read by the country's numbering plan (code: ISO 3166-1 alpha-2); of a country outside Klarna's, or of
// none, only numbers with "+" or "00" are taken. ok is false when the text is no phone number, or can be read in two
// ways.
func Phone(text, code string) (e164 string, ok bool) {
	digits, international, ok := phoneDigits(clean(text))
	if !ok {
		return "", false
	}
	c := countryOf(code)
	if !international {
		digits, international = cutInternational(digits, code)
	}
	switch {
	case international:
	case c == nil:
		return "", false
	default:
		if digits = c.international(digits); digits == "" {
			return "", false
		}
	}
	if digits = withoutTrunk(digits); len(digits) < 8 || len(digits) > 15 || digits[0] == '0' {
		return "", false
	}
	return "+" + digits, true
}

// phoneDigits takes the digits out of a phone number as people write it. A "(0)" after an international prefix is
// the trunk prefix and goes. An extension makes the number one that Klarna cannot reach.
func phoneDigits(s string) (digits string, international, ok bool) {
	var b strings.Builder
	for _, r := range s {
		d, isDigit := asciiDigit(r)
		switch {
		case isDigit:
			b.WriteByte(d)
		case (r == '+' || r == '＋') && b.Len() == 0 && !international:
			international = true
		case isSpace(r) || dash(r) || r == '.' || r == '/' || r == '(' || r == ')' || r == '·' || r == ',':
		default:
			return "", false, false
		}
		if b.Len() > 20 {
			return "", false, false
		}
	}
	return b.String(), international, b.Len() > 0
}

// cutInternational removes what is dialled before a country code.
func cutInternational(digits, code string) (rest string, international bool) {
	prefix := "00"
	switch code {
	case "US", "CA":
		prefix = "011"
	case "AU":
		prefix = "0011"
	}
	if rest, ok := strings.CutPrefix(digits, prefix); ok {
		return rest, true
	}
	return strings.CutPrefix(digits, "00")
}

// international is a number without "+" or "00" with its country code, or "" when it is no number of the country or
// can be read in two ways.
func (c *country) international(digits string) string {
	for _, trunk := range strings.Split(c.trunk, "|") {
		if rest, ok := strings.CutPrefix(digits, trunk); trunk != "" && ok && c.national(rest) {
			return c.calling + rest
		}
	}
	national := c.national(digits)
	withCode := false
	if rest, ok := strings.CutPrefix(digits, c.calling); ok {
		withCode = c.national(rest)
	}
	switch {
	case national && withCode && c.trunk != "":
		return "" // either the trunk prefix is missing or the "+"
	case national:
		return c.calling + digits
	case withCode:
		return digits
	}
	return ""
}

// national says whether digits can be a number of the country, without any prefix.
func (c *country) national(digits string) bool {
	if len(digits) < c.min || len(digits) > c.max {
		return false
	}
	if c.calling == "1" { // North American numbering plan: the area code begins with 2 to 9
		return digits[0] >= '2'
	}
	return c.trunk == "" || digits[0] != '0'
}

// withoutTrunk checks an international number against the plan of a country it knows, and takes out a national
// prefix left in it ("+49 (0)30 …"). It returns "" when the number is none.
func withoutTrunk(digits string) string {
	known := false
	for i := range countries {
		c := &countries[i]
		rest, ok := strings.CutPrefix(digits, c.calling)
		if !ok {
			continue
		}
		known = true
		if c.national(rest) {
			return digits
		}
		for _, trunk := range strings.Split(c.trunk, "|") {
			if cut, ok := strings.CutPrefix(rest, trunk); trunk != "" && ok && c.national(cut) {
				return c.calling + cut
			}
		}
		if c.code == "MX" && strings.HasPrefix(rest, "1") && c.national(rest[1:]) { // mobile numbers until 2019
			return c.calling + rest[1:]
		}
	}
	if known {
		return ""
	}
	return digits
}

// phoneExample shows how to write a number so that it can be read in one way only.
func phoneExample(code string) string {
	if c := countryOf(code); c != nil {
		return "+" + c.calling + " …"
	}
	return "+44 …"
}
