package rules

import (
	"strings"

	"klarna-relay/worker/percent"
)

// network is a range of card numbers: the leading digits from low to high (equally many of both), and the lengths in use.
type network struct {
	low, high string
	lengths   string // each character is a length: 'a' = 12 … 'h' = 19
}

// The networks' issuer ranges (ISO/IEC 7812 prefixes as the networks publish them). Lengths matter as much: ad and campaign ids have
// 10 to 19 digits, one in ten passes the Luhn check, and a refused ad id is a lost sale.
var networks = [...]network{
	{"4", "4", "beh"},                        // Visa: 13, 16, 19
	{"51", "55", "e"}, {"2221", "2720", "e"}, // Mastercard
	{"34", "34", "d"}, {"37", "37", "d"}, // American Express
	{"6011", "6011", "efgh"},                             // Discover
	{"644", "659", "efgh"},                               // Discover
	{"300", "305", "cdefgh"}, {"3095", "3095", "cdefgh"}, // Diners Club
	{"36", "36", "cdefgh"}, {"38", "39", "cdefgh"}, // Diners Club
	{"3528", "3589", "efgh"},                   // JCB
	{"62", "62", "efgh"}, {"81", "81", "efgh"}, // UnionPay
	{"5018", "5018", "abcdefgh"}, {"5020", "5020", "abcdefgh"}, // Maestro
	{"5038", "5038", "abcdefgh"}, {"5893", "5893", "abcdefgh"},
	{"6304", "6304", "abcdefgh"}, {"6759", "6759", "abcdefgh"}, {"6761", "6763", "abcdefgh"},
	{"2200", "2204", "efgh"},                                                           // Mir
	{"5067", "5067", "e"},                                                              // Elo
	{"508", "508", "e"}, {"607", "608", "e"}, {"353", "353", "e"}, {"356", "356", "e"}, // RuPay
	{"9792", "9792", "e"}, // Troy
	{"6375", "6376", "e"}, // Hipercard
}

// isCardNumber says whether ASCII digits are a card number: a network's prefix, a length it uses, and the Luhn digit.
func isCardNumber(digits []byte) bool {
	n := len(digits)
	if n < 12 || n > 19 {
		return false
	}
	known := false
	for _, w := range networks {
		head := string(digits[:len(w.low)])
		if w.low <= head && head <= w.high && strings.IndexByte(w.lengths, byte('a'+n-12)) >= 0 {
			known = true
			break
		}
	}
	if !known {
		return false
	}
	sum := 0
	for i, c := range digits {
		d := int(c - '0')
		if (n-i)%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// holdsCard says whether a value is or contains a card number. Fields that hold URLs are read unescaped as well.
func holdsCard(row *field, value string) bool {
	if cardIn(value) {
		return true
	}
	if row == nil || row.name == "httpReferer" || row.name == "requestUri" {
		if plain := percent.Decode(strings.ReplaceAll(value, "+", " ")); plain != value {
			return cardIn(plain)
		}
	}
	return false
}

// cardIn says whether a text is a card number, spaces and dashes aside, or has one in it.
//
// Within a text only the ways in which cards are embossed count: one group of digits, groups of four, or 4-6-5 and 4-6-4; and no group
// that touches a letter, since that is part of a hexadecimal or random id. Tracking fields are full of digits, and every tenth row of
// them passes the Luhn check.
func cardIn(s string) bool {
	if len(s) < 12 {
		return false
	}
	digits := 0
	for i := 0; i < len(s); i++ {
		if isDigit(s[i]) || s[i] >= 0xC0 { // what begins a character that may be a digit
			digits++
		}
	}
	if digits < 12 {
		return false
	}
	var run digitRun
	pure := true // nothing but digits, spaces and dashes so far
	var before rune
	for _, r := range s {
		d, isDigit := asciiDigit(r)
		switch {
		case isDigit:
			run.digit(d, before)
		case invisible(r) || joiner(r):
			continue
		case isSpace(r) || dash(r):
			run.separated = true
		default:
			pure = false
			if run.hasCard(r) {
				return true
			}
			run = digitRun{digits: run.digits[:0], groups: run.groups[:0]}
		}
		before = r
	}
	return run.hasCard(0) || pure && isCardNumber(run.digits)
}

// digitRun is a row of digits with spaces and dashes between them.
type digitRun struct {
	digits    []byte
	groups    []int // where in digits each group begins
	separated bool  // the next digit begins a group
	afterPlus bool  // "+" stands before the run: a phone number, unless it is too long for one
	inWord    bool  // a letter stands before the run
}

func (d *digitRun) digit(c byte, before rune) {
	if len(d.digits) == 0 {
		d.afterPlus = before == '+'
		d.inWord = letterOrSign(before)
	}
	if len(d.digits) == 0 || d.separated {
		d.groups = append(d.groups, len(d.digits))
	}
	d.digits, d.separated = append(d.digits, c), false
}

func letterOrSign(r rune) bool { return r < 0x80 && isLetter(byte(r)) || r == '_' }

// hasCard says whether some of the groups are a card number; after is the character behind the run.
func (d *digitRun) hasCard(after rune) bool {
	if len(d.digits) < 12 {
		return false
	}
	for i, from := range d.groups {
		if i == 0 && d.inWord {
			continue
		}
		for j := i; j < len(d.groups) && j < i+5; j++ {
			to := d.end(j)
			if j == len(d.groups)-1 && !d.separated && letterOrSign(after) {
				continue
			}
			if i == 0 && d.afterPlus && to <= 13 {
				continue
			}
			if d.embossed(i, j) && isCardNumber(d.digits[from:to]) {
				return true
			}
		}
	}
	return false
}

// end is where in digits group j ends.
func (d *digitRun) end(j int) int {
	if j+1 < len(d.groups) {
		return d.groups[j+1]
	}
	return len(d.digits)
}

// embossed says whether groups i to j have lengths that cards are printed with.
func (d *digitRun) embossed(i, j int) bool {
	size := func(k int) int { return d.end(k) - d.groups[k] }
	if j == i {
		return true
	}
	if j == i+2 && size(i) == 4 && size(i+1) == 6 {
		return true
	}
	for k := i; k < j; k++ {
		if size(k) != 4 {
			return false
		}
	}
	return size(j) <= 4
}

func dash(r rune) bool {
	return r == '-' || r >= 0x2010 && r <= 0x2015 || r == 0x2212 || r == 0xFE58 || r == 0xFE63 || r == 0xFF0D
}

// Parts of names that card fields have in any spelling, compared without separators and case.
var (
	cardParts = [...]string{"cardnum", "cardsec", "cardcv", "cardexp", "cardmonth", "cardyear", "cardpin", "cardtrack", "creditcard", "debitcard", "nameoncard", "cardholder", "cvv", "securitycode"}
	cardNames = [...]string{"card", "cardno", "cardcode", "cardcid", "cvc", "cvc2", "cvn", "cvn2", "cvd", "csc", "pan", "expiry", "expirydate", "expirationdate", "expmonth", "expyear", "expdate", "expirymonth", "expiryyear", "expirationmonth", "expirationyear"}
	ccParts   = [...]string{"num", "exp", "cv", "month", "year", "csc", "sec"} // after "cc" at the beginning of a word
)

// cardName says whether a field's name is that of a card field: cardNumber, card_security_code, ccExpMonth, CVV2, cc-number, …
func cardName(name string) bool {
	plain := make([]byte, 0, 64) // letters and digits, lower case
	words := make([]int, 0, 16)  // where in plain a word begins
	fresh := true
	for i := 0; i < len(name); i++ {
		c := name[i]
		switch {
		case isUpper(c):
			if fresh || i > 0 && !isUpper(name[i-1]) {
				words = append(words, len(plain))
			}
			plain, fresh = append(plain, c-'A'+'a'), false
		case isLower(c) || isDigit(c):
			if fresh {
				words = append(words, len(plain))
			}
			plain, fresh = append(plain, c), false
		default:
			fresh = true
		}
	}
	s := string(plain)
	if among(s, cardNames[:]) {
		return true
	}
	for _, part := range cardParts {
		if strings.Contains(s, part) {
			return true
		}
	}
	for _, at := range words {
		rest, ok := strings.CutPrefix(s[at:], "cc")
		if !ok {
			continue
		}
		if rest == "no" {
			return true
		}
		for _, part := range ccParts {
			if strings.HasPrefix(rest, part) {
				return true
			}
		}
	}
	return false
}
