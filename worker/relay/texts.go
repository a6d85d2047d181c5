package relay

import (
	"strings"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/words"
)

// developerTexts are the answers that only a page's developer can do something about, in English. What a shopper
// reads is in package words.
var developerTexts = map[string]string{
	codes.KeyReused: "This Idempotency-Key was used for another order. Send a new one.",
	codes.Origin:    "This page may not send orders here.",
	codes.TooLarge:  "The request is larger than 64 KiB.",
	codes.Type: "Send application/json, application/x-www-form-urlencoded or multipart/form-data without " +
		"files, in UTF-8.",
	codes.Malformed:    "The request is neither a flat JSON object of strings, numbers and booleans nor a form.",
	codes.Method:       "This address does not take that method.",
	codes.Unauthorized: "Send the ADMIN_TOKEN as a bearer token.",
}

// badKeyText is what is wrong with an Idempotency-Key.
const badKeyText = "An Idempotency-Key has 8 to 128 visible ASCII characters."

// textPageBroken is the name of the text for a shopper whose page sends what it should not.
const textPageBroken = "page_broken"

// text is what an answer says: to the shopper, or to the page's developer.
func text(code, lang string) string {
	if developer := developerTexts[code]; developer != "" {
		return developer
	}
	return words.Answer(lang, code)
}

// pageText is what a page for people says of an answer. A shopper can do nothing about a page that is wrong.
func pageText(code, lang string) string {
	if developerTexts[code] != "" {
		return words.Answer(lang, textPageBroken)
	}
	return words.Answer(lang, code)
}

// said is the name of the text that is true of an answer where the code's own text is not: an upsale belongs to an
// order that is paid, and of a route that sends no order it is not known what was ordered.
func (rq *request) said(a *answer) string {
	switch {
	case a.text != "" || rq.route == nil:
		return a.text
	case rq.route.name == "upsale" && words.Answer(words.English, "upsale_"+a.code) != "":
		return "upsale_" + a.code
	case a.code == codes.Misconfigured && rq.route.name != "order" && rq.route.name != "lead":
		return "unavailable"
	}
	return ""
}

// formFields are the fields of an order in the form's order, as the checkout of www/ has them, and the keys of
// their labels. A number in a name stands as "#". A field of a delivery address is called as the same one of the
// billing address.
var formFields = [...]struct{ field, label string }{
	{"product#_id", "product"},
	{"variant#_id", "variant"},
	{"product#_qty", "quantity"},
	{"emailAddress", "emailAddress"},
	{"firstName", "firstName"},
	{"lastName", "lastName"},
	{"companyName", "companyName"},
	{"phoneNumber", "phoneNumber"},
	{"country", "country"},
	{"address1", "address1"},
	{"address2", "address2"},
	{"postalCode", "postalCode"},
	{"city", "city"},
	{"state", "state"},
	{"billShipSame", "billShipSame"},
	{"shipProfileId", "shipProfileId"},
	{"couponCode", "couponCode"},
}

// place is where a form has a field: its index in formFields, as far again behind for a delivery address, and after
// all of them for a field that no form has.
func place(field string) int {
	if line, what, ok := strings.Cut(field, "_"); ok {
		field = strings.TrimRight(line, "0123456789") + "#_" + what
	}
	delivery, ship := strings.CutPrefix(field, "ship")
	for i, f := range formFields {
		switch {
		case f.field == field:
			return i
		case ship && strings.EqualFold(f.field, delivery):
			return len(formFields) + i
		}
	}
	return 2 * len(formFields)
}

// label is the shopper's word for a field; "" when there is none.
func label(field, lang string) string {
	at := place(field)
	if at == 2*len(formFields) {
		return ""
	}
	return words.Label(lang, formFields[at%len(formFields)].label, at >= len(formFields))
}

// unauthorizedText is what is wrong with a server's password.
const unauthorizedText = "The password is not the Worker's secret SERVER_PASSWORD."

const callTheCRM = " It is not relayed: where you need it, call the CRM itself from a server, with credentials of " +
	"its own."

// notRelayed are calls of the Direct API that landers make. A path that ends in "/" is everything below it.
var notRelayed = [...]struct{ path, instead string }{
	{"order/query", "Ask GET /api/order/status/{ref} how an order stands: order/query needs credentials and shows " +
		"shoppers' data."},
	{"order/coupon", "Send couponCode with the order: the CRM takes the discount off, and the status of the paid " +
		"order has the total."},
	{"order/salestax", "Send the address with the order: the CRM adds the tax, and the status of the paid order has " +
		"the total."},
	{"order/preauth", "Send the order to POST /api/order/import/: Klarna authorises it, and there is no card to " +
		"authorise before."},
	{"order/", "This call changes or shows orders." + callTheCRM},
	{"upsale/", "Only upsale/import is relayed." + callTheCRM},
	{"campaign/", "Only campaign/query is relayed." + callTheCRM},
	{"landers/", "Only landers/clicks/import is relayed." + callTheCRM},
	{"leads/", "Only leads/import is relayed." + callTheCRM},
	{"customer/", "This call shows or changes customers." + callTheCRM},
	{"transactions/", "This call shows or changes payments." + callTheCRM},
	{"purchase/", "This call is about subscriptions, which Klarna does not pay here." + callTheCRM},
	{"fulfillment/", "This call is about shipping." + callTheCRM},
	{"reports/", "This call shows the shop's figures." + callTheCRM},
	{"members/", "This call is about memberships." + callTheCRM},
	{"product/", "POST /api/campaign/query/ says what this lander sells." + callTheCRM},
}
