package rules

import "strings"

// setter says who sets a parameter.
type setter uint8

const (
	page   setter = iota // the page; the checks decide
	pass                 // the page, for the relay itself: never part of an order
	worker               // the Worker alone: a page's value is ignored when it changes nothing, else refused
	never                // nobody: it would change what is charged, or to whom. Ignored when empty, else refused
)

// field is one row of the policy. A "#" in the name stands for a number from 1 to count.
type field struct {
	name  string
	by    setter
	max   int // characters; 0 where a rule of its own bounds the value
	count int
	kind  kind
}

// kind groups the parameters by what becomes of a value that does not fit, and by what makes two orders the same.
type kind uint8

const (
	identity kind = iota // part of what is bought, by whom and for where: a value that does not fit is a problem
	tracking             // where the shopper came from: a value that does not fit is shortened or dropped
)

// maxLineNumber bounds the N of productN_id. Pages number lines with gaps (one number per product on offer), hence more than MaxLines.
const maxLineNumber = 99

// The table of Konnektive's parameters, in the order of a form. Lengths are those of the Direct API's reference as its public
// clients state them: where these differ the longer one is taken, since Konnektive answers for itself.
//
// Exact spelling counts, as it does for Konnektive: "PaySource" is an unknown name and dropped, so it never reaches Konnektive.
var table = [...]field{
	{name: "firstName", max: 30},
	{name: "lastName", max: 30},
	{name: "companyName", max: 30},
	{name: "emailAddress", max: 255},
	{name: "phoneNumber", max: 20},
	{name: "address1", max: 50},
	{name: "address2", max: 50},
	{name: "city", max: 30},
	{name: "state", max: 6},
	{name: "postalCode", max: 20},
	{name: "country", max: 2},
	{name: "billShipSame", max: 5},
	{name: "shipFirstName", max: 30},
	{name: "shipLastName", max: 30},
	{name: "shipCompanyName", max: 30},
	{name: "shipAddress1", max: 50},
	{name: "shipAddress2", max: 50},
	{name: "shipCity", max: 30},
	{name: "shipState", max: 6},
	{name: "shipPostalCode", max: 20},
	{name: "shipCountry", max: 2},
	{name: "product#_id", max: 10, count: maxLineNumber},
	{name: "product#_qty", max: 6, count: maxLineNumber},
	{name: "variant#_id", max: 10, count: maxLineNumber},
	{name: "couponCode", max: 30},
	{name: "shipProfileId", max: 10},

	{name: "sessionId", max: 32, kind: tracking},
	{name: "affId", max: 20, kind: tracking},
	{name: "sourceValue#", max: 30, count: 5, kind: tracking},
	{name: "custom#", max: 50, count: 5, kind: tracking},
	{name: "httpReferer", max: 300, kind: tracking},
	{name: "requestUri", max: 500, kind: tracking},
	{name: "pageType", max: 20, kind: tracking},

	{name: "ref", by: pass, kind: tracking},                   // the relay's handle of a purchase
	{name: "cf-turnstile-response", by: pass, kind: tracking}, // the bot check's token, for the relay to verify

	// Who is asked, as whom, about which campaign.
	{name: "loginId", by: worker},
	{name: "password", by: worker},
	{name: "campaignId", by: worker},
	// How the money comes. PREPAID without a redirecting prepaidType records an order as paid although nobody was charged.
	{name: "paySource", by: worker},
	{name: "prepaidType", by: worker},
	{name: "forceMerchantId", by: worker},
	// Where the shopper is sent after paying: an open redirect, and the page that believes in the payment.
	{name: "redirectsTo", by: worker},
	{name: "errorRedirectsTo", by: worker},
	{name: "salesUrl", by: worker},
	// Who the shopper is. A shared address mixes up shoppers' partial orders; a chosen id reaches into somebody else's order.
	{name: "ipAddress", by: worker},
	{name: "userAgent", by: worker},
	{name: "orderId", by: worker},
	{name: "customerId", by: worker},
	// Prices and tax override the CRM's own.
	{name: "product#_price", by: never, count: maxLineNumber},
	{name: "product#_shipPrice", by: never, count: maxLineNumber},
	{name: "salesTax", by: never},
	{name: "taxExemption", by: never},
	{name: "insureShipment", by: never}, // adds a fee
	// Quality assurance and the merging of customers are the operator's decisions.
	{name: "forceQA", by: never},
	{name: "skipQA", by: never},
	{name: "SkipQA", by: never}, // so spelled in a public client
	{name: "disableCustomerDedup", by: never},
	// Proofs of payment made elsewhere.
	{name: "preAuthBillerId", by: never},
	{name: "preAuthMerchantTxnId", by: never},
	{name: "eci", by: never}, // these three: 3-D Secure
	{name: "xid", by: never},
	{name: "cavv", by: never},
	{name: "rebill_eci", by: never},
	{name: "rebill_xid", by: never},
	{name: "rebill_cavv", by: never},
	// Bank accounts.
	{name: "iban", by: never},
	{name: "ddibc", by: never},
	{name: "accountHolder", by: never},
}

// families are the beginnings of further parameters that nobody sets: other ways to pay, whose names differ from gateway to
// gateway. They count where the name ends or a new word begins, so "achievement" is only an unknown name.
var families = [...]string{"ach", "paypal", "payPal", "applePay", "googlePay", "wallet", "threeDS", "threeds", "3ds", "3DS", "3D", "directDebit"}

// legacy are values that existing landers send for parameters of the Worker, and that ask for nothing the Worker would not do.
var legacy = [...][2]string{{"paySource", "PREPAID"}, {"prepaidType", "KLARNA"}}

// MaxDropped is how many names of unknown fields Admit returns for the log.
const MaxDropped = 10

// Admit sorts what a page sent by the table of parameters.
//
// page gets what the page may set (not yet checked), with `ref` and `cf-turnstile-response` for the relay. Parameters of the
// Worker are ignored when empty, equal to own (what the Worker is going to send) or a harmless legacy value; otherwise they are
// problems. Card data is a problem anywhere but in phoneNumber, whose numbers may look like it by chance; so are control characters
// and broken UTF-8 in a value that would pass. Unknown names are dropped and returned for the log, sorted, at most MaxDropped
// of them, the rest and every name that is no plain identifier of at most 40 characters as one "?".
func Admit(in, own Fields) (admitted Fields, dropped []string, problems Problems) {
	admitted = make(Fields, len(in))
	odd := false
	for name, value := range in {
		row, number, known := lookup(name)
		if !known && cardName(name) { // no row has the name of a card field
			problems = problems.add(Problem{Field: sane(name), Code: CardData})
			continue
		}
		if name != "phoneNumber" && holdsCard(row, value) {
			problems = problems.add(Problem{Field: sane(name), Code: CardData})
			continue
		}
		switch {
		case !known && refusedFamily(name):
			if strings.TrimSpace(value) != "" {
				problems = problems.add(Problem{Field: sane(name), Code: FieldRefused})
			}
		case !known:
			if s := sane(name); s == "?" {
				odd = true
			} else {
				if dropped = insert(dropped, s); len(dropped) > MaxDropped {
					dropped, odd = dropped[:MaxDropped], true
				}
			}
		case row.by == worker || row.by == never:
			if v := strings.TrimSpace(value); v != "" && v != strings.TrimSpace(own[name]) && !isLegacy(name, v) {
				problems = problems.add(Problem{Field: name, Code: FieldRefused})
			}
		case row.count > 0 && (number < 1 || number > row.count):
			// Dropping such a line would sell less than the page showed.
			problems = problems.add(Problem{Field: sane(name), Code: FieldRefused})
		case !plain(value):
			problems = problems.add(Problem{Field: name, Code: BadCharacters})
		default:
			admitted[name] = value
		}
	}
	if odd {
		dropped = append(dropped, "?")
	}
	return admitted, dropped, problems.sorted()
}

func isLegacy(name, value string) bool {
	for _, l := range legacy {
		if l[0] == name && l[1] == value {
			return true
		}
	}
	return false
}

// lookup finds the row of a name. For a numbered row it returns the number, and 0 when that is out of range or badly
// written ("01") on a product line; such numbers of other rows make the name an unknown one.
func lookup(name string) (row *field, n int, known bool) {
	if name == "" {
		return nil, 0, false
	}
	for i := range table {
		row := &table[i]
		if row.name[0] != name[0] {
			continue // which spares nearly all of what follows
		}
		if row.count == 0 {
			if row.name == name {
				return row, 0, true
			}
			continue
		}
		head, tail, _ := strings.Cut(row.name, "#")
		if len(name) <= len(head)+len(tail) || name[:len(head)] != head || name[len(name)-len(tail):] != tail {
			continue
		}
		digits := name[len(head) : len(name)-len(tail)]
		if !allDigits(digits) {
			continue
		}
		n := number(digits)
		if n < 0 || n > row.count || digits[0] == '0' {
			n = 0
		}
		if n == 0 && row.kind == tracking {
			continue
		}
		return row, n, true
	}
	return nil, 0, false
}

// refusedFamily says whether a name without a row belongs to parameters that nobody sets.
func refusedFamily(name string) bool {
	for _, f := range families {
		if strings.HasPrefix(name, f) && (len(name) == len(f) || !isLower(name[len(f)])) {
			return true
		}
	}
	// productN_anything and variantN_anything: prices, billing cycles and trials have such names.
	for _, head := range [...]string{"product", "variant"} {
		if rest, ok := strings.CutPrefix(name, head); ok && rest != "" && isDigit(rest[0]) {
			return true
		}
	}
	return false
}

// sane is a name fit for a log and an answer: a letter, then letters, digits and underscores, at most 40; "?" otherwise.
func sane(name string) string {
	if name == "cf-turnstile-response" {
		return name
	}
	if name == "" || len(name) > 40 || !isLetter(name[0]) {
		return "?"
	}
	for i := 1; i < len(name); i++ {
		if c := name[i]; !isLetter(c) && !isDigit(c) && c != '_' {
			return "?"
		}
	}
	return name
}

// insert adds s to a sorted list.
func insert(list []string, s string) []string {
	at := 0
	for at < len(list) && list[at] < s {
		at++
	}
	list = append(list, "")
	copy(list[at+1:], list[at:])
	list[at] = s
	return list
}

// rank is a name's place in a form: that of the table, product lines by their numbers, unknown names last.
func rank(name string) int {
	row, number, known := lookup(name)
	if !known {
		return 1 << 30
	}
	at, first := 0, 0
	for i := range table {
		if &table[i] == row {
			at = i
		}
		if table[i].name == "product#_id" {
			first = i
		}
	}
	if row.count == maxLineNumber && row.by == page {
		return first<<16 + number<<8 + at
	}
	return at<<16 + number<<8
}
