package rules

import "strings"

// PostalCode is a postal code in its country's official form ("1234ab" is "1234 AB" in the Netherlands). Of
// countries outside Klarna's nothing is known: there, any text is taken as it is.
func PostalCode(text, code string) (formatted string, ok bool) {
	s := clean(text)
	c := countryOf(code)
	if c == nil {
		return s, s != ""
	}
	var b strings.Builder
	for _, r := range s {
		if d, ok := asciiDigit(r); ok {
			b.WriteByte(d)
		} else if r < 0x80 && isLetter(byte(r)) {
			b.WriteString(upper(string(r)))
		} else if !isSpace(r) && !dash(r) && r != '.' {
			return "", false
		}
	}
	s = b.String()
	for _, form := range strings.Split(c.postal, "|") {
		if formatted := fill(form, s); formatted != "" {
			return formatted, true
		}
		// "D-10115", "SE-111 22": codes of the country, or of its cars, that people write before a number.
		if form[0] == '#' || form[0] == '^' {
			rest, ok := strings.CutPrefix(s, code)
			if !ok {
				rest, ok = strings.CutPrefix(s, code[:1])
			}
			if ok {
				if formatted := fill(form, rest); formatted != "" {
					return formatted, true
				}
			}
		}
	}
	return "", false
}

// fill puts the letters and digits of s into a form: "#" is a digit, "^" a digit but 0, "@" a letter, "*" either;
// everything else stands for itself, and its letters may be missing in s. It returns "" when s does not fit, or is
// nothing but zeros.
func fill(form, s string) string {
	var b strings.Builder
	fixed := 0
	for isLetter(form[fixed]) {
		fixed++
	}
	s = strings.TrimPrefix(s, form[:fixed])
	i, zeros := 0, true
	for j := 0; j < len(form); j++ {
		f := form[j]
		if f != '#' && f != '^' && f != '@' && f != '*' {
			b.WriteByte(f)
			continue
		}
		if i == len(s) {
			return ""
		}
		c := s[i]
		i++
		if f == '@' && !isUpper(c) || f == '#' && !isDigit(c) || f == '^' && (!isDigit(c) || c == '0') {
			return ""
		}
		zeros = zeros && c == '0'
		b.WriteByte(c)
	}
	if i < len(s) || zeros {
		return ""
	}
	return b.String()
}

// postalExample is a code of the country's first form, made up of 1, 2, 3 … and A, B, C ….
func postalExample(code string) string {
	c := countryOf(code)
	if c == nil {
		return ""
	}
	form, _, _ := strings.Cut(c.postal, "|")
	b := []byte(form)
	digit, letter := byte('1'), byte('A')
	for i, f := range b {
		switch f {
		case '#', '^', '*':
			b[i] = digit
			digit++
		case '@':
			b[i] = letter
			letter++
		}
	}
	return string(b)
}
