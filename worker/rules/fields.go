package rules

import (
	"strconv"
	"strings"
)

// setter says who sets a parameter.
type setter uint8

const (
	page    setter = iota // the page; the checks decide
	pass                  // the page, for the relay itself: never part of an order
	ignored               // the Worker: a page's value is ignored, whatever it is
	worker                // the Worker: a page's value is ignored when empty or equal to the Worker's, else refused
	never                 // nobody, since it would change what is charged, or to whom: ignored when empty, else refused
	flag                  // nobody; a value that means "no" counts as empty
)

// field is one row of the policy. A "#" in the name stands for a number from 1 to count.
type field struct {
	name   string
	by     setter
	kind   kind
	reason reason // why a page may not set it
	max    int    // characters; 0 where a rule of its own bounds the value
	count  int
}

// kind groups the parameters by what becomes of a value that does not fit, and by what makes two orders the same.
type kind uint8

const (
	identity kind = iota // part of what is bought, by whom and for where: a value that does not fit is a problem
	tracking             // where the shopper came from: a value that does not fit is shortened or dropped
)

// maxLineNumber bounds the N of productN_id. Pages number lines with gaps (one number per product on offer), hence
// more than MaxLines.
const maxLineNumber = 99

// The table of Konnektive's parameters, in the order of a form. Lengths are those of the Direct API's reference as
// its public clients state them: where these differ the longer one is taken, since Konnektive checks them too.
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
	{name: "product#_id", max: 10, count: maxLineNumber, reason: reasonLine},
	{name: "product#_qty", max: 6, count: maxLineNumber, reason: reasonLine},
	{name: "variant#_id", max: 10, count: maxLineNumber, reason: reasonLine},
	{name: "productId", max: 10}, // the vendor's older reference has these two, for one product
	{name: "productQty", max: 6},
	{name: "orderItems", max: 400},                                  // {"34":2}: the vendor's PHP SDK
	{name: "orderItems[#]", max: 6, count: 1e9, reason: reasonLine}, // the same, as PHP writes an array into a form
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
	{name: "orderId", by: pass, kind: tracking},               // where a present lander has the ref
	{name: "cf-turnstile-response", by: pass, kind: tracking}, // the bot check's token, for the relay to verify
	{name: "redirectsTo", by: pass, kind: tracking},           // where the shopper goes after the return; see Target
	{name: "errorRedirectsTo", by: pass, kind: tracking},
	{name: "lang", by: pass, kind: tracking}, // the language of the texts, in the query

	// Who the shopper is, and where he ordered. A shared address mixes up shoppers' partial orders.
	{name: "ipAddress", by: ignored},
	{name: "userAgent", by: ignored},
	{name: "salesUrl", by: ignored},
	// Who is asked, as whom, about which campaign.
	{name: "loginId", by: worker, reason: reasonCredentials},
	{name: "password", by: worker, reason: reasonCredentials},
	{name: "campaignId", by: worker, reason: reasonGateway},
	// How the money comes. PREPAID without a redirecting prepaidType records an order as paid although nobody was
	// charged.
	{name: "paySource", by: worker, reason: reasonPaySource},
	{name: "prepaidType", by: worker, reason: reasonMethod},
	{name: "forceMerchantId", by: worker, reason: reasonGateway},
	// With a customerId, a page could add to another customer's orders.
	{name: "customerId", by: never, reason: reasonCustomer},
	// Prices and tax override the CRM's own. The insurance adds a fee.
	{name: "product#_price", by: never, count: maxLineNumber, reason: reasonPrice},
	{name: "product#_shipPrice", by: never, count: maxLineNumber, reason: reasonPrice},
	{name: "productPrice", by: never, reason: reasonPrice},
	{name: "productShipPrice", by: never, reason: reasonPrice},
	{name: "salesTax", by: never, reason: reasonPrice},
	{name: "taxExemption", by: flag, reason: reasonPrice},
	{name: "insureShipment", by: flag, reason: reasonPrice},
	// Quality assurance and the merging of customers are the operator's decisions.
	{name: "forceQA", by: flag, reason: reasonQuality},
	{name: "skipQA", by: flag, reason: reasonQuality},
	{name: "disableCustomerDedup", by: flag, reason: reasonCustomer},
	// Proofs of payment made elsewhere.
	{name: "paySourceId", by: never, reason: reasonPayment},
	{name: "preAuthBillerId", by: never, reason: reasonPayment},
	{name: "preAuthMerchantTxnId", by: never, reason: reasonPayment},
	{name: "eci", by: never, reason: reasonPayment}, // these three: 3-D Secure
	{name: "xid", by: never, reason: reasonPayment},
	{name: "cavv", by: never, reason: reasonPayment},
	{name: "rebill_eci", by: never, reason: reasonPayment},
	{name: "rebill_xid", by: never, reason: reasonPayment},
	{name: "rebill_cavv", by: never, reason: reasonPayment},
	// Bank accounts.
	{name: "iban", by: never, reason: reasonPayment},
	{name: "ddbic", by: never, reason: reasonPayment},
	{name: "ddibc", by: never, reason: reasonPayment}, // so spelled in a public client
	{name: "accountHolder", by: never, reason: reasonPayment},
}

// customOrderField is the row of custom_…, the CRM's custom order fields, whose names the operator makes.
var customOrderField = field{name: "custom_", max: 255, kind: tracking}

// MaxCustom is how many custom order fields an order may hold, the first ones by name, and maxCustomName how long a
// name may be.
const (
	MaxCustom     = 20
	maxCustomName = 50
)

// legacy are values that existing landers send for parameters of the Worker, and that ask for nothing the Worker
// would not do.
var legacy = [...][2]string{{"paySource", "PREPAID"}, {"prepaidType", "KLARNA"}}

// MaxDropped is how many names of unknown fields Admit returns for the log.
const MaxDropped = 10

// Admit sorts what a page sent by the table of parameters.
//
// admitted gets what the page may set (not yet checked), and what is for the relay itself: `ref` (which may have
// come as orderId), the bot check's token, and the two redirect targets. Parameters of the Worker are ignored when
// empty, equal to workers (what the Worker is going to send) or a harmless legacy value; otherwise they are problems,
// in every spelling that PHP could read as their name. Card data is a problem anywhere but in phoneNumber, whose
// numbers may look like it by chance; so are control characters and broken UTF-8 in a value that would pass. The
// texts "null" and "undefined" count as missing, except where they can be a name.
//
// Unknown names are dropped and returned for the log, sorted, at most MaxDropped of them; the rest, and every name
// that could be something a shopper typed, are one "?"; so are custom order fields beyond MaxCustom, which the
// checks leave out.
func Admit(in, workers Fields) (admitted Fields, dropped []string, problems Problems) {
	return admit(in, admission{workers: workers, log: (*admission).drop})
}

// AdmitServer is Admit for a lander's own server that has proven itself: ipAddress and userAgent are the shopper's,
// as the server says, and its credentials are left out.
func AdmitServer(in, workers Fields) (admitted Fields, dropped []string, problems Problems) {
	return admit(in, admission{workers: workers, log: (*admission).drop, server: true})
}

func admit(in Fields, a admission) (Fields, []string, Problems) {
	a.page = make(Fields, len(in))
	for name, value := range in {
		a.field(name, value)
	}
	a.orderIsRef()
	a.odd = a.odd || a.custom > MaxCustom
	if a.odd {
		a.dropped = append(a.dropped, "?")
	}
	return a.page, a.dropped, a.problems.sorted()
}

// admission is one run of Admit.
type admission struct {
	workers, page Fields
	server        bool
	orderID       string
	// log takes note of a dropped name; nil in a page.
	log      func(a *admission, name string)
	custom   int // how many custom order fields there are
	dropped  []string
	odd      bool // names were dropped that the log must not have
	problems Problems
}

func (a *admission) problem(name string, code Code) {
	q := Problem{Field: quoted(name), Code: code}
	if q.Field == "?" {
		a.problems = a.problems.add(q)
		return
	}
	a.problems = append(a.problems, q) // no name comes twice
}

func (a *admission) field(name, value string) {
	row, number, known := lookup(name)
	if name == "ref" || name == "orderId" {
		value = strings.TrimSpace(value)
	}
	empty := nothing(row, value)
	switch {
	case (!known || row == &customOrderField) && !empty && cardName(name): // no other row has the name of a card field
		a.problem(name, CardData)
	case name != "phoneNumber" && holdsCard(row, value):
		a.problem(name, CardData)
	case !known:
		a.unknown(name, value, empty)
	case empty:
	case row.by == ignored:
		if a.server && name != "salesUrl" && printable(value) {
			a.page[name] = value
		}
	case row.by >= worker:
		if !(a.server && row.reason == reasonCredentials) && !harmless(row, name, value, a.workers) {
			a.problem(name, FieldRefused)
		}
	case row.count > 0 && number < 1:
		// Dropping such a line would sell less than the page showed.
		a.problem(name, FieldRefused)
	case name == "orderId":
		a.orderID = value
	case name == "redirectsTo" || name == "errorRedirectsTo":
		if len(value) <= MaxTarget && printable(value) {
			a.page[name] = value
		}
	case len(value) > maxScanned && row.kind == identity:
		a.problems = append(a.problems, Problem{Field: name, Code: TooLong, Detail: strconv.Itoa(row.max)})
	default:
		if len(value) > maxScanned {
			value = shorten(value[:maxScanned], 500) // as the checks would; no character is cut in two
		}
		if !printable(value) {
			a.problem(name, BadCharacters)
			return
		}
		if row == &customOrderField {
			a.custom++
		}
		a.page[name] = value
	}
}

// Absent says whether the value of a field that is no name counts as missing: spaces, "null" or "undefined".
func Absent(value string) bool { return nothing(nil, value) }

// nothing says whether a value counts as missing: spaces, or what programs write for a missing value. In a field for
// a name or a place "null" counts as a value, since there are people of that name.
func nothing(row *field, value string) bool {
	value = strings.TrimSpace(value)
	if value != "null" && value != "undefined" {
		return value == ""
	}
	if row == nil {
		return true
	}
	name := strings.TrimPrefix(row.name, "ship")
	for _, free := range [...]string{"firstName", "lastName", "companyName", "address1", "address2", "city"} {
		if equalFold(name, free) {
			return false
		}
	}
	return true
}

// harmless says whether a value for a parameter that no page sets changes nothing.
func harmless(row *field, name, value string, workers Fields) bool {
	value = strings.TrimSpace(value)
	switch row.by {
	case flag:
		return saysNo(value)
	case worker:
		return value == strings.TrimSpace(workers[name]) || isLegacy(name, value)
	}
	return false
}

func saysNo(value string) bool {
	switch lower(value) {
	case "0", "false", "no", "off":
		return true
	}
	return false
}

func isLegacy(name, value string) bool {
	for _, l := range legacy {
		if l[0] == name && l[1] == value {
			return true
		}
	}
	return false
}

// unknown takes a name that is not in the table as it is written.
func (a *admission) unknown(name, value string, empty bool) {
	row, code := respelled(name)
	switch {
	case code != 0 && (empty || row != nil && row.by == flag && saysNo(strings.TrimSpace(value))):
	case code != 0:
		a.problem(name, code)
	case a.log != nil:
		a.log(a, name)
	}
}

func (a *admission) drop(name string) {
	if !loggable(name) {
		a.odd = true
		return
	}
	if a.dropped = insert(a.dropped, strings.Clone(name)); len(a.dropped) > MaxDropped {
		a.dropped, a.odd = a.dropped[:MaxDropped], true
	}
}

// orderIsRef makes the ref of an orderId. Konnektive's own ids stay on the server, so any other orderId is an
// attempt to reach somebody's order.
func (a *admission) orderIsRef() {
	ref := a.page["ref"]
	switch id := a.orderID; {
	case id == "":
	case !IsRef(id):
		a.problem("orderId", NotARef)
	case ref != "" && ref != id:
		a.problems = append(a.problems, Problem{Field: "orderId", Code: Conflict, Detail: "ref"})
	default:
		a.page["ref"] = id
	}
}

// IsRef says whether a text has the form of a ref: 64 hexadecimal digits, in small letters.
func IsRef(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) && (s[i] < 'a' || s[i] > 'f') {
			return false
		}
	}
	return true
}

// Passed is the part of what Admit admitted that the relay still needs once the order has been checked, as a copy
// of its own: nothing of it keeps the request's body in memory.
func Passed(page Fields) Fields {
	var passed Fields
	for name, value := range page {
		if row, _, known := lookup(name); known && (row.by == pass || row.by == ignored) && name != "lang" {
			if passed == nil {
				passed = make(Fields, 4)
			}
			passed[strings.Clone(name)] = strings.Clone(value)
		}
	}
	return passed
}

// byLetter are the table's rows by the lowest five bits of their names' first byte, as indexes: an order has twenty names
// to look up, and the table some eighty rows.
var byLetter = func() (rows [32][]uint8) {
	for i := range table {
		letter := table[i].name[0] & 31
		rows[letter] = append(rows[letter], uint8(i))
	}
	return rows
}()

// lookup finds the row of a name. For a numbered row it returns the number, and 0 when that is out of range or badly
// written ("01") on a product line; such numbers of other rows make the name an unknown one.
func lookup(name string) (row *field, n int, known bool) {
	if name == "" {
		return nil, 0, false
	}
	for _, i := range byLetter[name[0]&31] {
		row := &table[i]
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
	if isCustom(name) {
		return &customOrderField, 0, true
	}
	return nil, 0, false
}

// isCustom says whether a name is that of a custom order field: custom_, then letters, digits and underscores.
func isCustom(name string) bool {
	head := len(customOrderField.name)
	return len(name) > head && len(name) <= maxCustomName && name[:head] == customOrderField.name && isIdentifier(name)
}

// isIdentifier says whether a name is a letter, then letters, digits and underscores.
func isIdentifier(name string) bool {
	for i := 0; i < len(name); i++ {
		if c := name[i]; !isLetter(c) && (i == 0 || !isDigit(c) && c != '_') {
			return false
		}
	}
	return name != ""
}

// loggable says whether a name of a dropped field may be logged: an identifier of at most 40 characters, without
// the rows of digits of which phone numbers and ids are made.
func loggable(name string) bool {
	if len(name) > 40 || !isIdentifier(name) {
		return false
	}
	row, all := 0, 0
	for i := 0; i < len(name); i++ {
		if !isDigit(name[i]) {
			row = 0
			continue
		}
		row, all = row+1, all+1
		if row > 3 || all > 6 {
			return false
		}
	}
	return true
}

// maxShown is how many characters of a field's name an answer shows.
const maxShown = 60

// quoted is a name fit for an answer that may have many: the characters of names, of arrays within forms (address[city])
// and of headers (cc-number), which both JSON and HTML write as they are; "?" otherwise.
func quoted(name string) string {
	if name == "" || len(name) > maxShown {
		return "?"
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; !isLetter(c) && !isDigit(c) && strings.IndexByte("_-.[] ", c) < 0 {
			return "?"
		}
	}
	return name
}

// insert adds s to a sorted list.
func insert(list []string, s string) []string {
	at := len(list)
	for at > 0 && list[at-1] > s {
		at--
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
		return 1 << 60
	}
	if row == &customOrderField {
		return len(table) << 40
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
		return first<<40 + number<<8 + at
	}
	return at<<40 + number<<8
}
