package rules

import (
	"slices"
	"strings"

	"klarna-relay/worker/percent"
)

// network is a range of card numbers: the leading digits from low to high (equally many of both), and the lengths
// in use.
type network struct {
	low, high string
	lengths   string // each character is a length: 'a' = 12 … 'h' = 19
}

// The networks' issuer ranges (ISO/IEC 7812 prefixes as the networks publish them). Lengths matter as much: ad and
// campaign ids have 10 to 19 digits, one in ten passes the Luhn check, and a refused ad id is a lost sale.
var networks = [...]network{
	{"4", "4", "beh"},                        // Visa: 13, 16, 19
	{"51", "55", "e"}, {"2221", "2720", "e"}, // Mastercard
	{"34", "34", "d"}, {"37", "37", "d"}, // American Express
	{"6011", "6011", "efgh"},                     // Discover
	{"644", "659", "efgh"},                       // Discover
	{"300", "305", "ce"}, {"3095", "3095", "ce"}, // Diners Club
	// Diners Club: longer numbers are allotted and not in use, and many ids would be some
	{"36", "36", "c"}, {"38", "39", "c"},
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
	return sum%10 == 0 && ofNetwork(digits)
}

// ofNetwork says whether a network has numbers that begin so and are so long.
func ofNetwork(digits []byte) bool {
	for i := range networks {
		w := &networks[i]
		head := digits[:len(w.low)]
		if string(head) >= w.low && string(head) <= w.high && strings.IndexByte(w.lengths, byte('a'+len(digits)-12)) >= 0 {
			return true
		}
	}
	return false
}

// maxScanned is how many bytes of a value are looked through for a card number. What is longer is no card number,
// and nothing of it is handed on beyond 500 characters.
const maxScanned = 8 << 10

// holdsCard says whether a value is or contains a card number. Fields that hold URLs are read unescaped as well,
// and once more, since present landers escape them twice.
func holdsCard(row *field, value string) bool {
	value = value[:min(len(value), maxScanned)]
	if cardIn(value) {
		return true
	}
	if row != nil && row.name != "httpReferer" && row.name != "requestUri" {
		return false
	}
	for range 2 {
		if strings.IndexByte(value, '%') < 0 && strings.IndexByte(value, '+') < 0 {
			return false
		}
		value = percent.Decode(strings.ReplaceAll(value, "+", " "))
		if cardIn(value) {
			return true
		}
	}
	return false
}

// cardIn says whether a text is a card number, or has one in it.
//
// A text of nothing but digits, spaces and dashes is one number, however it is grouped. Within other text, and with
// dots, slashes or underscores, only the ways in which cards are embossed count: one group of digits, groups of
// four, or 4-6-5 and 4-6-4; and no group that touches a letter, since that is part of a hexadecimal or random id.
// Tracking fields are full of digits, and every tenth row of them passes the Luhn check. What this misses and what
// it takes by mistake is measured in TestHowOftenCardNumbersAreMistaken.
func cardIn(s string) bool {
	if len(s) < 12 || !hasDigits(s, 12) {
		return false
	}
	var scan cardScan
	pure := cardScan{whole: true} // the text as one number
	onlyDigits := true
	for _, r := range s {
		if invisible(r) || joiner(r) {
			continue
		}
		d, digit := asciiDigit(r)
		switch {
		case digit:
			pure.digit(d)
			scan.digit(d)
		case isSpace(r) || dash(r):
			scan.separator(r)
		case r == '.' || r == '/' || r == '_':
			onlyDigits = false
			scan.separator(r)
		default:
			onlyDigits = false
			scan.other(r)
		}
		if scan.found {
			return true
		}
	}
	scan.endGroup(0)
	return scan.found || onlyDigits && pure.isNumber(pure.total)
}

// hasDigits says whether s may hold n digits: bytes from 0xC0 on begin characters that may be some.
func hasDigits(s string, n int) bool {
	for i := 0; i < len(s); i++ {
		if isDigit(s[i]) || s[i] >= 0xC0 {
			if n--; n == 0 {
				return true
			}
		}
	}
	return false
}

// longestCard is how many digits a card number has at most, and mostGroups how many groups of them.
const (
	longestCard = 19
	mostGroups  = 5
)

// cardScan reads a text once. It keeps no more of it than one card number, whatever its length.
type cardScan struct {
	digits [longestCard]byte // the last ones of the run, the newest at the end
	total  int               // digits in the run, which is a row of digits and separators
	group  int               // digits in the group that is being read; 0 between groups
	sizes  [mostGroups]int   // of the groups of the run, the newest at the end
	groups int               // how many groups the run has
	// touched: the newest group is next to a letter, or to an underscore that separates nothing.
	touched, firstTouched bool
	afterPlus             bool // "+" stands before the run: a phone number, unless it is too long for one
	before                rune
	whole                 bool // the groups do not count
	found                 bool
}

func (c *cardScan) digit(d byte) {
	if c.group == 0 && !c.whole {
		if c.groups == 0 {
			c.afterPlus = c.before == '+'
			c.firstTouched = letterOrSign(c.before)
		}
		c.touched = letterOrSign(c.before)
	}
	copy(c.digits[:], c.digits[1:])
	c.digits[longestCard-1] = d
	c.group, c.total = c.group+1, c.total+1
	c.before = '0'
}

// separator takes a character that may stand between two groups.
func (c *cardScan) separator(r rune) {
	c.endGroup(r)
	c.before = r
}

// other takes a character that ends a run.
func (c *cardScan) other(r rune) {
	c.endGroup(r)
	*c = cardScan{before: r, found: c.found}
}

// endGroup looks whether a card number ends with the group that ends before the character after.
func (c *cardScan) endGroup(after rune) {
	if c.group == 0 {
		return
	}
	copy(c.sizes[:], c.sizes[1:])
	c.sizes[mostGroups-1] = c.group
	c.groups, c.group = c.groups+1, 0
	alone := !c.touched && !letterOrSign(after)
	if letter(after) {
		return
	}
	length := 0
	for n := 1; n <= min(c.groups, mostGroups) && length <= longestCard; n++ {
		length += c.sizes[mostGroups-n]
		first := n == c.groups // the run begins with these groups
		switch {
		case n == 1 && !alone, first && c.firstTouched, first && c.afterPlus && length <= 13, !c.embossed(n):
		case c.isNumber(length):
			c.found = true
			return
		}
	}
}

// isNumber says whether the last digits are a card number.
func (c *cardScan) isNumber(length int) bool {
	return length <= longestCard && isCardNumber(c.digits[longestCard-length:])
}

// embossed says whether the last n groups have lengths that cards are printed with.
func (c *cardScan) embossed(n int) bool {
	sizes := c.sizes[mostGroups-n:]
	if n == 1 || n == 3 && sizes[0] == 4 && sizes[1] == 6 {
		return true
	}
	for _, size := range sizes[:n-1] {
		if size != 4 {
			return false
		}
	}
	return sizes[n-1] <= 4
}

func letter(r rune) bool { return r < 0x80 && isLetter(byte(r)) }

func letterOrSign(r rune) bool { return letter(r) || r == '_' }

func dash(r rune) bool {
	return r == '-' || r >= 0x2010 && r <= 0x2015 || r == 0x2212 || r == 0xFE58 || r == 0xFE63 || r == 0xFF0D
}

// Parts of names that card fields have in any spelling, compared without separators and case.
var (
	cardParts = [...]string{"cardnum", "cardsec", "cardcv", "cardexp", "cardmonth", "cardyear", "cardpin", "cardtrack",
		"creditcard", "debitcard", "nameoncard", "cardholder", "cvv", "securitycode"}
	cardNames = [...]string{"card", "cardno", "cardcode", "cardcid", "cvc", "cvc2", "cvn", "cvn2", "cvd", "csc", "pan",
		"expiry", "expirydate", "expirationdate", "expmonth", "expyear", "expdate", "expirymonth", "expiryyear",
		"expirationmonth", "expirationyear"}
	ccParts = [...]string{"num", "exp", "cv", "month", "year", "csc", "sec"} // after "cc" at the beginning of a word
)

// cardName says whether a field's name is that of a card field: cardNumber, card_security_code, ccExpMonth, CVV2,
// cc-number, …
func cardName(name string) bool {
	if len(name) > 128 {
		name = name[len(name)-128:] // of longer names the end says what they are
	}
	joined := make([]byte, 0, 64) // letters and digits, lower case
	words := make([]int, 0, 16)   // where a word begins in letters
	fresh := true
	for i := 0; i < len(name); i++ {
		c := name[i]
		switch {
		case isUpper(c):
			if fresh || i > 0 && !isUpper(name[i-1]) {
				words = append(words, len(joined))
			}
			joined, fresh = append(joined, c-'A'+'a'), false
		case isLower(c) || isDigit(c):
			if fresh {
				words = append(words, len(joined))
			}
			joined, fresh = append(joined, c), false
		default:
			fresh = true
		}
	}
	s := string(joined)
	if slices.Contains(cardNames[:], s) {
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
