package simulator

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	productID  = regexp.MustCompile(`^product([1-9]\d*)_id$`)
	numbered   = regexp.MustCompile(`^(product[1-9]\d*_(id|qty)|variant[1-9]\d*_id)$`)
	custom     = regexp.MustCompile(`^custom_[A-Za-z0-9_]{1,43}$`) // an account's own fields of an order
	priceField = regexp.MustCompile(`^(product\d+_(price|shipPrice)|salesTax|taxRate|shipPrice|shippingPrice|` +
		`totalAmount|price|insurance.*)$`)
	cardField = regexp.MustCompile(`(?i)card|cvv|cvc|securitycode|expir|iban|^ach|routing|accountnumber`)
)

// customerFields are the fields of a person and where they live.
var customerFields = []string{"firstName", "lastName", "companyName", "emailAddress", "phoneNumber", "address1",
	"address2", "city", "state", "postalCode", "country",
	"shipFirstName", "shipLastName", "shipCompanyName", "shipAddress1", "shipAddress2", "shipCity", "shipState",
	"shipPostalCode", "shipCountry"}

var (
	credentialFields = []string{"loginId", "password"}
	trackingFields   = []string{"campaignId", "sessionId", "affId", "sourceValue1", "sourceValue2", "sourceValue3",
		"sourceValue4", "sourceValue5",
		"custom1", "custom2", "custom3", "custom4", "custom5", "ipAddress", "userAgent", "httpReferer"}
	paymentFields = []string{"paySource", "prepaidType", "forceMerchantId", "redirectsTo", "errorRedirectsTo", "salesUrl"}
)

// allowed are the fields a relay may send with each call, besides the credentials and the lines of an order.
var allowed = map[Op][]string{
	OpOrder: slices.Concat(customerFields, trackingFields, paymentFields,
		[]string{"billShipSame", "couponCode", "shipProfileId", "orderId"}),
	OpUpsale: slices.Concat(trackingFields, paymentFields, []string{"orderId", "couponCode", "shipProfileId"}),
	OpLead: slices.Concat(customerFields, trackingFields,
		[]string{"billShipSame", "couponCode", "shipProfileId", "orderId"}),
	OpClick:    slices.Concat(trackingFields, []string{"pageType", "requestUri"}),
	OpQuery:    {"orderId", "campaignId", "startDate", "endDate", "orderStatus", "resultsPerPage", "page"},
	OpConfirm:  {"orderId", "campaignId"},
	OpCampaign: {"campaignId"},
}

// longest is the length in characters that each field may have, from old references of the API.
var longest = map[string]int{
	"loginId": 32, "password": 32,
	"firstName": 30, "lastName": 30, "companyName": 30, "emailAddress": 255, "phoneNumber": 20,
	"address1": 50, "address2": 50, "city": 30, "state": 6, "postalCode": 20, "country": 2,
	"shipFirstName": 30, "shipLastName": 30, "shipCompanyName": 30, "shipAddress1": 50, "shipAddress2": 50,
	"shipCity": 30, "shipState": 6, "shipPostalCode": 20, "shipCountry": 2,
	"sessionId": 32, "affId": 20,
	"sourceValue1": 30, "sourceValue2": 30, "sourceValue3": 30, "sourceValue4": 30, "sourceValue5": 30,
	"custom1": 50, "custom2": 50, "custom3": 50, "custom4": 50, "custom5": 50,
	"userAgent": 300, "httpReferer": 300, "requestUri": 500,
	"couponCode": 30, "redirectsTo": 300, "errorRedirectsTo": 300, "salesUrl": 300,
}

var (
	requiredOfOrder = []string{"campaignId", "firstName", "lastName", "emailAddress", "phoneNumber", "address1", "city",
		"postalCode", "country", "ipAddress"}
	requiredOfUpsale = []string{"orderId", "campaignId"}
	requiredOfClick  = []string{"campaignId", "pageType"}
	// requiredOfPayment are missed by the CRM only once it is too late, so they are violations instead of errors.
	requiredOfPayment = []string{"paySource", "prepaidType", "forceMerchantId", "redirectsTo", "errorRedirectsTo",
		"salesUrl"}
)

// withStates are countries whose addresses need a state.
var withStates = []string{"US", "CA", "AU"}

var pageTypes = []string{"presellPage", "leadPage", "checkoutPage", "upsellPage1", "upsellPage2", "upsellPage3",
	"upsellPage4", "thankyouPage"}

// missing is the CRM's complaint about each field that is required and absent, or wrong. A field that an earlier call
// set on the order is not missing: many landers send all fields with the lead, and then only orderId and products.
func (b *booking) missing(order *Order, required []string) map[string]string {
	problems := b.wrong()
	told := func(name string) string {
		if value := b.fields[name]; value != "" || order == nil {
			return value
		}
		return order.Fields[name]
	}
	for _, name := range required {
		if told(name) == "" {
			problems[name] = textRequired
		}
	}
	if b.call.Op != OpOrder {
		return problems
	}
	if slices.Contains(withStates, told("country")) && told("state") == "" {
		problems["state"] = textRequired
	}
	if told("billShipSame") != "1" {
		for _, name := range []string{"shipAddress1", "shipCity", "shipPostalCode", "shipCountry"} {
			if told(name) == "" {
				problems[name] = textRequired
			}
		}
		if slices.Contains(withStates, told("shipCountry")) && told("shipState") == "" {
			problems["shipState"] = textRequired
		}
	}
	return problems
}

// wrong is the CRM's complaint about each field that is there and cannot be right.
func (b *booking) wrong() map[string]string {
	problems := map[string]string{}
	for name, value := range b.fields {
		if most, ok := longest[name]; ok && utf8.RuneCountInString(value) > most {
			problems[name] = fmt.Sprintf("must not be longer than %d characters", most)
		}
	}
	if email := b.fields["emailAddress"]; email != "" && !strings.Contains(strings.Trim(email, "@"), "@") {
		problems["emailAddress"] = "is not a valid email address"
	}
	if campaign := b.campaign(); campaign != nil {
		for _, name := range []string{"country", "shipCountry"} {
			if code := b.fields[name]; code != "" && !slices.Contains(campaign.Countries, code) {
				problems[name] = "is not a country of this campaign"
			}
		}
	}
	if b.settings.RefuseIPv6 && strings.Contains(b.fields["ipAddress"], ":") {
		problems["ipAddress"] = "is not a valid IP address"
	}
	if b.settings.RefusePlus && strings.HasPrefix(b.fields["phoneNumber"], "+") {
		problems["phoneNumber"] = "is not a valid phone number"
	}
	if page := b.fields["pageType"]; page != "" && !slices.Contains(pageTypes, page) {
		problems["pageType"] = "is not a valid page type"
	}
	return problems
}

// violationsOf is everything about a call that a relay must never do, whatever the CRM makes of it.
func (s *Simulator) violationsOf(call *Call) []Violation {
	var found []Violation
	violate := func(field, text string) { found = append(found, Violation{Field: field, Text: text}) }

	names, known := allowed[call.Op]
	if !known {
		violate("path", "is not a call a relay makes")
	}
	for _, name := range slices.Sorted(maps.Keys(call.Fields)) {
		value := call.Fields[name]
		switch {
		case slices.Contains(names, name), slices.Contains(credentialFields, name):
		case custom.MatchString(name) && slices.Contains(names, "custom1"):
		case numbered.MatchString(name) && (call.Op == OpOrder || call.Op == OpUpsale || call.Op == OpLead):
		case cardField.MatchString(name):
			violate(name, "is a field of a card or an account")
		case priceField.MatchString(name):
			violate(name, "overrides a price of the CRM")
		case known:
			violate(name, "is not a field a relay sends with this call")
		}
		if most, ok := longest[name]; ok && utf8.RuneCountInString(value) > most {
			violate(name, fmt.Sprintf("is longer than %d characters", most))
		}
		if name != "phoneNumber" && looksLikeCard(value) {
			violate(name, "holds a card number")
		}
	}
	switch call.Op {
	case OpOrder, OpUpsale, OpLead, OpClick:
		if _, err := netip.ParseAddr(call.Fields["ipAddress"]); err != nil {
			violate("ipAddress", "is not the shopper's address")
		}
	}
	if call.Op != OpOrder && call.Op != OpUpsale {
		return found
	}
	for _, name := range requiredOfPayment {
		if call.Fields[name] == "" {
			violate(name, "is missing")
		}
	}
	if source := call.Fields["paySource"]; source != "" && source != "PREPAID" {
		violate("paySource", "is not PREPAID")
	}
	if merchant := call.Fields["forceMerchantId"]; merchant != "" && !s.isMerchant(call.Fields["campaignId"], merchant) {
		violate("forceMerchantId", "is not a gateway of the campaign")
	}
	for _, name := range []string{"redirectsTo", "errorRedirectsTo", "salesUrl"} {
		if value := call.Fields[name]; value != "" && !isHTTPS(value) {
			violate(name, "is not a https address")
		}
	}
	if strings.Contains(call.Fields["errorRedirectsTo"], "?") {
		violate("errorRedirectsTo", "has a query string already, which a second ? would break")
	}
	return found
}

// isMerchant says whether a gateway belongs to the campaign; of an unknown campaign nothing is known.
func (s *Simulator) isMerchant(campaignID, merchant string) bool {
	for _, c := range s.campaigns {
		if c.ID == campaignID {
			return slices.Contains(c.Merchants, merchant)
		}
	}
	return true
}

// isHTTPS says whether an address is absolute and safe: https, or on this machine.
func isHTTPS(text string) bool {
	target, err := url.Parse(text)
	if err != nil || target.Host == "" || target.User != nil {
		return false
	}
	return target.Scheme == "https" || target.Scheme == "http" && isLoopback(target.Hostname())
}

// isLoopback says whether a host is this machine. It is written apart from config.IsLoopback, because the simulator
// judges what the relay sends: with the relay's own check it would miss the relay's mistakes.
func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// looksLikeCard finds card numbers by the prefix and the length of the big networks and the Luhn digit.
func looksLikeCard(value string) bool {
	var digits []byte
	for i := range len(value) {
		switch c := value[i]; {
		case c >= '0' && c <= '9':
			digits = append(digits, c)
		case c != ' ' && c != '-':
			return false
		}
	}
	if len(digits) < 13 || len(digits) > 19 {
		return false
	}
	two, _ := strconv.Atoi(string(digits[:2]))
	four, _ := strconv.Atoi(string(digits[:4]))
	visa := digits[0] == '4' && (len(digits) == 13 || len(digits) == 16 || len(digits) == 19)
	mastercard := len(digits) == 16 && (two >= 51 && two <= 55 || four >= 2221 && four <= 2720)
	amex := len(digits) == 15 && (two == 34 || two == 37)
	if !visa && !mastercard && !amex {
		return false
	}
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
