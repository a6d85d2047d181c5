package rules

import (
	"strings"

	"klarna-relay/worker/percent"
)

// Konnektive is a PHP application, and PHP reads more spellings of a name than one: it cuts a name at a NUL, drops
// spaces before it, makes "_" of a space, a dot or a stray "[", and takes what stands in brackets for the key of an
// array. Whether Konnektive's own code minds capitals, or decodes a name once more, is not known. No unknown name
// ever reaches Konnektive; but a page that writes "PaySource=CREDITCARD" wants something that it does not get, and
// is told so instead of being served another order.

// families are the beginnings of further parameters that nobody sets: other ways to pay, whose names differ from
// gateway to gateway. They are compared in lower case. Where word is set they count only where the name ends or a
// new word begins, so that "achievement" is only an unknown name.
var families = [...]struct {
	head string
	word bool
}{
	{"paypal", false}, {"applepay", false}, {"googlepay", false}, {"threeds", false}, {"directdebit",
		false}, {"achaccount", false},
	{"achrouting", false}, {"ach", true}, {"wallet", true}, {"3ds", true}, {"3d", true},
}

// family is the row that stands for all of them.
var family = field{name: "family", by: flag, reason: reasonPayment}

// respelled says whether a name that is not in the table is another spelling of one that is, or of a family that is
// refused. code is the problem with it, and 0 when there is none.
func respelled(name string) (row *field, code Code) {
	folded, array := fold(name)
	row, number := lookupFolded(folded)
	switch {
	case row == nil:
	case row.by >= worker:
		return row, FieldRefused
	case array:
		return row, Nested
	case row.count == maxLineNumber && number >= 0:
		// Dropping such a line would sell less than the page showed.
		return row, FieldRefused
	}
	// productN_anything and variantN_anything: prices, billing cycles and trials have such names.
	for _, head := range [...]string{"product", "variant"} {
		if rest, ok := strings.CutPrefix(folded, head); ok && rest != "" && isDigit(rest[0]) {
			return &field{by: never, reason: reasonPrice}, FieldRefused
		}
	}
	if inFamily(name, folded) {
		return &family, FieldRefused
	}
	return nil, 0
}

// inFamily says whether a name, and its folded form, is of a family.
func inFamily(name, folded string) bool {
	for _, f := range families {
		if !strings.HasPrefix(folded, f.head) {
			continue
		}
		// Where a word ends is seen in the name as it was written, which folding may have cut.
		at := len(f.head)
		if !f.word || at == len(folded) || len(folded) != len(name) || !isLower(name[at]) {
			return true
		}
	}
	return false
}

// fold is the name that PHP, with capitals made small and escapes decoded twice more, would make of a name. array
// says that it would be an array's.
func fold(name string) (folded string, array bool) {
	if len(name) > 128 {
		name = name[:128] // no name of the table is nearly as long
	}
	for range 2 {
		name = percent.Decode(name)
	}
	if at := strings.IndexByte(name, 0); at >= 0 {
		name = name[:at]
	}
	name = trimSpace(name)
	if at := strings.IndexByte(name, '['); at > 0 && strings.IndexByte(name[at:], ']') > 0 {
		name, array = trimSpace(name[:at]), true
	}
	b := []byte(name)
	for i, c := range b {
		switch {
		case isUpper(c):
			b[i] = c - 'A' + 'a'
		case c == ' ' || c == '.' || c == '[' || c == '+':
			b[i] = '_'
		}
	}
	return string(b), array
}

// trimSpace removes the spaces and control characters around a name.
func trimSpace(s string) string {
	for s != "" && s[0] <= ' ' {
		s = s[1:]
	}
	for s != "" && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	return s
}

// lookupFolded finds the row of a name in small letters. n is that of a numbered row, 0 when it is out of range,
// and -1 for the other rows.
func lookupFolded(name string) (row *field, n int) {
	for i := range table {
		row := &table[i]
		if row.count == 0 {
			if equalFold(row.name, name) {
				return row, -1
			}
			continue
		}
		head, tail, _ := strings.Cut(row.name, "#")
		if len(name) <= len(head)+len(tail) || !equalFold(name[:len(head)], head) ||
			!equalFold(name[len(name)-len(tail):], tail) {
			continue
		}
		if digits := name[len(head) : len(name)-len(tail)]; allDigits(digits) {
			return row, max(0, number(digits))
		}
	}
	return nil, -1
}

// equalFold compares ASCII without regard to capitals.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		c, d := a[i], b[i]
		if c != d && (c|0x20 != d|0x20 || !isLetter(c)) {
			return false
		}
	}
	return true
}

// reasonFor is why a field is refused.
func reasonFor(name string) reason {
	if row, _, known := lookup(name); known {
		return row.reason
	}
	if row, _ := respelled(name); row != nil {
		return row.reason
	}
	return reasonOther
}
