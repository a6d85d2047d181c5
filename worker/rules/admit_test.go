package rules_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/rules"
)

var own = rules.Fields{
	"campaignId": "12", "paySource": "PREPAID", "prepaidType": "KLARNA", "forceMerchantId": "7",
	"ipAddress": "203.0.113.9", "userAgent": "Mozilla/5.0", "salesUrl": "https://shop.example/checkout",
}

func TestOnlyThePagesParametersPass(t *testing.T) {
	for _, name := range []string{
		"firstName", "lastName", "companyName", "emailAddress", "phoneNumber", "address1", "address2", "city", "state",
		"postalCode", "country", "billShipSame", "shipFirstName", "shipLastName", "shipCompanyName", "shipAddress1",
		"shipAddress2", "shipCity", "shipState", "shipPostalCode", "shipCountry", "product1_id", "product1_qty",
		"product99_id", "variant1_id", "couponCode", "shipProfileId", "sessionId", "affId", "sourceValue1", "sourceValue5",
		"custom1", "custom5", "httpReferer", "requestUri", "pageType", "ref", "cf-turnstile-response", "productId",
		"productQty", "orderItems", "orderItems[34]", "custom_transaction_id", "custom_A", "redirectsTo", "errorRedirectsTo",
		"lang",
	} {
		page, dropped, problems := rules.Admit(rules.Fields{name: "x"}, own)
		assert.Equal(t, rules.Fields{name: "x"}, page, name)
		assert.Empty(t, dropped, name)
		assert.Empty(t, problems, name)
	}
}

func TestARefHasNoSpacesAroundIt(t *testing.T) {
	ref := strings.Repeat("0a", 32)
	for _, in := range []rules.Fields{{"ref": " " + ref + "\n"}, {"orderId": "\t" + ref + " "},
		{"ref": ref + " ", "orderId": " " + ref}} {
		page, _, problems := rules.Admit(in, own)
		assert.Equal(t, rules.Fields{"ref": ref}, page, "%q", in)
		assert.Empty(t, problems, "%q", in)
	}
}

func TestWhatDecidesWhoIsChargedAndHowMuchIsRefused(t *testing.T) {
	for _, name := range []string{
		"loginId", "password", "campaignId", "forceMerchantId", "paySource", "prepaidType", "customerId", "productPrice",
		"productShipPrice", "paySourceId", "ddbic", "product1_price", "product7_shipPrice", "product1_billingCycle",
		"product1", "variant1_price", "salesTax", "taxExemption", "insureShipment", "forceQA", "skipQA", "SkipQA",
		"disableCustomerDedup", "preAuthBillerId", "preAuthMerchantTxnId", "eci", "xid", "cavv", "rebill_eci",
		"threeDSVersion", "paypalBillerId", "payPalToken", "achAccountNumber", "achRoutingNumber", "ach", "iban", "ddibc",
		"accountHolder", "walletToken", "applePayToken", "googlePayToken", "directDebitBank", "achAccountHolderType",
		"product0_id", "product100_id", "orderItems[0]", "orderItems[034]", "product01_id", "product99999999999999999999_id",
		"variant100_id", "product100_qty",
	} {
		page, dropped, problems := rules.Admit(rules.Fields{name: "KLARNA-1"}, own)
		assert.Equal(t, rules.Problems{{Field: name, Code: rules.FieldRefused}}, problems, name)
		assert.Equal(t, "invalid", problems.Answer())
		assert.Empty(t, page, name)
		assert.Empty(t, dropped, name)
	}
}

func TestAParameterOfTheWorkerIsIgnoredWhenItChangesNothing(t *testing.T) {
	for _, c := range []struct {
		name, field, value string
		own                rules.Fields
		refused            bool
	}{
		{name: "the lander's own campaign", field: "campaignId", value: "12", own: own},
		{name: "the lander's own campaign with spaces around it", field: "campaignId", value: " 12 ", own: own},
		{name: "another campaign", field: "campaignId", value: "13", own: own, refused: true},
		{name: "the gateway's own id", field: "forceMerchantId", value: "7", own: own},
		{name: "another gateway", field: "forceMerchantId", value: "8", own: own, refused: true},
		{name: "PREPAID, as landers have always sent it", field: "paySource", value: "PREPAID"},
		{name: "another source of payment", field: "paySource", value: "CREDITCARD", own: own, refused: true},
		{name: "KLARNA on a lander with another method", field: "prepaidType", value: "KLARNA",
			own: rules.Fields{"prepaidType": "IDEAL"}},
		{name: "a method of another lander", field: "prepaidType", value: "IDEAL", own: own, refused: true},
		{name: "an empty price", field: "product1_price", value: ""},
		{name: "a price of nothing", field: "product1_price", value: "0", refused: true},
		{name: "an empty order id", field: "orderId", value: " "},
		{name: "a customer of nothing", field: "customerId", value: "null"},
		{name: "a customer", field: "customerId", value: "0", refused: true},
		{name: "no insurance", field: "insureShipment", value: "0"},
		{name: "no insurance, in words", field: "insureShipment", value: "False"},
		{name: "an insurance", field: "insureShipment", value: "1", refused: true},
		{name: "a shipping price of nothing", field: "product1_shipPrice", value: "0", refused: true},
		{name: "an older reference's price of nothing", field: "productPrice", value: "0.00", refused: true},
		{name: "no tax", field: "salesTax", value: "0", refused: true},
		{name: "quality assurance left on", field: "skipQA", value: "0"},
		{name: "no 3-D Secure", field: "threeDSRequired", value: "false"},
		{name: "an address of another protocol", field: "ipAddress", value: "2001:db8::1", own: own},
		{name: "a browser's name of another spelling", field: "userAgent", value: "UA/2", own: own},
		{name: "a page's address with the parameters of an ad", field: "salesUrl",
			value: "https://shop.example/checkout?affId=1", own: own},
		{name: "a password that a library has not", field: "password", value: "undefined", own: own},
		{name: "an empty family member", field: "paypalBillerId", value: ""},
		{name: "a password that nobody sent along", field: "password", value: "secret", own: own, refused: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			page, dropped, problems := rules.Admit(rules.Fields{c.field: c.value}, c.own)
			assert.Empty(t, page)
			assert.Empty(t, dropped)
			if c.refused {
				assert.Equal(t, rules.Problems{{Field: c.field, Code: rules.FieldRefused}}, problems)
			} else {
				assert.Empty(t, problems)
			}
		})
	}
}

func TestUnknownNamesAreDroppedAndSanitised(t *testing.T) {
	in := rules.Fields{"utm_source": "x", "FIRSTNAME": "x", "<script>": "x", "a b": "x", "": "x", "_x": "x", "naïve": "x",
		strings.Repeat("a", 41): "x", "achievement": "x", "custom6": "x", "sourceValue0": "x", "price": "1"}
	page, dropped, problems := rules.Admit(in, own)
	assert.Empty(t, page)
	assert.Empty(t, problems)
	assert.Equal(t, []string{"FIRSTNAME", "achievement", "custom6", "price", "sourceValue0", "utm_source", "?"}, dropped)

	in = rules.Fields{}
	for i := range 500 {
		in["field"+strconv.Itoa(100+i)] = "x"
	}
	_, dropped, _ = rules.Admit(in, nil)
	assert.Len(t, dropped, rules.MaxDropped+1)
	assert.Equal(t, "field100", dropped[0])
	assert.Equal(t, "?", dropped[rules.MaxDropped])
}

func TestControlCharactersAndBrokenTextAreRefused(t *testing.T) {
	for _, value := range []string{"a\x00", "a\nb", "a\tb", "\x7f", "a\u0085b", "a\u2028b", "a\xff", "\xed\xa0\x80"} {
		for _, name := range []string{"firstName", "custom1", "ref", "cf-turnstile-response"} {
			page, _, problems := rules.Admit(rules.Fields{name: value}, own)
			assert.Empty(t, page)
			assert.Equal(t, rules.Problems{{Field: name, Code: rules.BadCharacters}}, problems, "%q", value)
		}
	}
}

func TestCardFieldsAreRefusedInAnySpelling(t *testing.T) {
	for _, name := range []string{
		"cardNumber", "card_number", "CARDNUMBER", "card-number", "Card Number", "cardSecurityCode", "cardCvv", "cardCVC",
		"card_cvv2", "cardMonth", "cardYear", "cardExpiryDate", "cardExpMonth", "cardExpiry", "creditCardNumber",
		"credit_card", "debitCard", "ccNumber", "cc-number", "cc_number", "ccNum", "ccNo", "ccExpMonth", "cc-exp", "ccMonth",
		"ccYear", "cc-csc", "ccCvc", "CCNumber", "wc-gateway-cc-number", "cvv", "CVV2", "cvc", "cvn", "csc", "securityCode",
		"cardHolder", "nameOnCard", "cardholderName", "expiryDate", "expMonth", "exp_year", "expirationDate", "pan", "card",
		"cardPin", "payment[cardNumber]",
	} {
		_, _, problems := rules.Admit(rules.Fields{name: "0"}, own)
		if assert.Len(t, problems, 1, name) {
			assert.Equal(t, rules.CardData, problems[0].Code, name)
			assert.Equal(t, name, problems[0].Field)
		}
		assert.Equal(t, "card_data", problems.Answer())
		for _, nothing := range []string{"", " ", "null", "undefined"} {
			_, _, problems := rules.Admit(rules.Fields{name: nothing}, own)
			assert.Empty(t, problems, "%s of a form with several methods", name)
		}
	}
	for _, name := range []string{"giftCardMessage", "accountName", "ccEmail", "cc", "notes", "discount", "postcard",
		"companyName", "expired", "accessories", "ACCNum", "ACCNumber"} {
		_, _, problems := rules.Admit(rules.Fields{name: "x"}, own)
		assert.Empty(t, problems, name)
	}
}

func TestCardNumbersAreRefusedWhereverTheyAre(t *testing.T) {
	numbers := map[string]string{
		"Visa": "4111111111111111", "Visa of 13": "4222222222222", "Visa of 19": "4000000000000000006",
		"Mastercard": "5555555555554444", "Mastercard of the 2 series": "2223003122003222",
		"American Express": "378282246310005", "Discover": "6011111111111117", "Diners Club": "30569309025904",
		"Diners Club 38": "38520000023237", "JCB": "3530111333300000", "UnionPay": "6200000000000005",
		"Maestro": "6759649826438453", "Mir": "2200000000000004",
	}
	for network, number := range numbers {
		for _, field := range []string{"firstName", "address2", "couponCode", "custom1", "affId", "unknown", "product1_id",
			"password"} {
			_, _, problems := rules.Admit(rules.Fields{field: number}, own)
			assert.Equal(t, rules.Problems{{Field: field, Code: rules.CardData}}, problems, "%s in %s", network, field)
		}
		_, _, problems := rules.Admit(rules.Fields{"phoneNumber": number}, own)
		assert.Empty(t, problems, "%s in the phone field", network)
	}
	for _, text := range []string{
		"4111 1111 1111 1111", "4111-1111-1111-1111", " 4111  1111 - 1111 1111 ", "41 11 11 11 11 11 11 11",
		"4111\u00a01111\u20111111\u20131111", "4111\u200b111111111111", "４１１１１１１１１１１１１１１１", "٤١١١١١١١١١١١١١١١",
		"3782 822463 10005", "3056 930902 5904", "my card: 4111111111111111", "4111 1111 1111 1111, 12/27, 123",
		"No. 12 4111 1111 1111 1111", "(4111-1111-1111-1111)", "+4111111111111111", "4111111111111111;5555555555554444",
		"4000 0000 0000 0000 006", "4111.1111.1111.1111", "4111/1111/1111/1111", "4111_1111_1111_1111",
		"4111 / 1111 / 1111 / 1111", "4111.1111-1111_1111", "3782.822463.10005", "3056_930902_5904",
		"my card 4111.1111.1111.1111.", "x=4111_1111_1111_1111;", "17/4111/1111/1111/1111/3", "4000.0000.0000.0000.006",
		"my card 3782 822463 10005 please", "mine: 3056 930902 5904 thanks", "the old one 4222222222222 too",
		"the one 3782 8224 6310 005 here", "this 4000 0000 0000 0000 006 one",
		"at last 4111\u20101111\u20101111\u20101111 it is", "or so 4111\u20151111\u20151111\u20151111 then",
	} {
		_, _, problems := rules.Admit(rules.Fields{"custom1": text}, own)
		assert.Equal(t, "card_data", problems.Answer(), text)
	}
	for _, uri := range []string{"https://shop.example/?card=4111111111111111",
		"https://shop.example/?c=4111%201111%201111%201111", "https://shop.example/?c=4111+1111+1111+1111&d=1",
		"https://shop.example/?c=4111%2D1111%2d1111-1111&d=%ff%zz%",
		"https%3A%2F%2Fshop.example%2F%3Fc%3D4111%201111%201111%201111", "https%3A%2F%2Fshop.example%2F%3Fc%3D4111%2B111" +
			"1%2B1111%2B1111", "https%3A%2F%2Fshop.example%2F%3Fc%3D4111%252F1111%252F1111%252F1111"} {
		_, _, problems := rules.Admit(rules.Fields{"requestUri": uri}, own)
		assert.Equal(t, "card_data", problems.Answer(), uri)
	}
}

func TestAnAddressThatEndsWithinAnEscapeIsReadToItsEnd(t *testing.T) {
	for _, end := range []string{"%", "%4", "%4g", "%g4"} {
		uri := "https://shop.example/?id=123456789012&x=" + end
		page, _, problems := rules.Admit(rules.Fields{"requestUri": uri}, own)
		assert.Empty(t, problems, uri)
		assert.Equal(t, rules.Fields{"requestUri": uri}, page)
	}
}

func TestAdIdsAndOtherLongNumbersAreNoCards(t *testing.T) {
	for _, value := range []string{
		"120210000000000013", // passes Luhn, no network
		"23851234567890124",  // 17 digits
		"1712345678901237",   // passes Luhn, no network
		"4111111111111112",   // no Luhn digit
		"411111111111111",    // no length of Visa's
		"41111111111111111",
		"6011111111111111111111117", // longer than any card
		// a phone number; it would be a Visa of 13 digits
		"+4917612345679",
		"a4111111111111111b", "x_4111111111111111", "4111111111111111e", "4111-1111-1111-1111f", // within a random id
		// ids and coordinates
		"f4111111111111111e9d0c3a", "102345678901234_4512345678901236", "52.520008 13.404954", "52.520008/13.404954",
		"41.11.11.11.11.11.11.11", "id_4111_1111_1111_1111",
		"fb.1.1612345678901.1098115397",        // a browser id
		"41111111-1111-1111-8000-00805f9b34fb", // a UUID
		"12 41 11 11 11 11 11 11 11 11 units",  // no groups that cards have
		"lot 3782 8224631 0005 of ten", "lot 3782 82246 310005 of ten", "lot 37828 2246 310005 of ten", "lot 3782 822463 " +
			"10 005 of ten",
		"2024-05-12 10:11:12", "192.168.100.200", "GA1.2.1234567890.1612345678",
	} {
		page, _, problems := rules.Admit(rules.Fields{"custom1": value}, own)
		assert.Empty(t, problems, value)
		assert.Equal(t, rules.Fields{"custom1": value}, page)
	}
}

// luhn is the check of ISO/IEC 7812, written down once more.
func luhn(digits string) bool {
	sum, double := 0, false
	for i := len(digits) - 1; i >= 0; i-- {
		n := int(digits[i] - '0')
		if double {
			n *= 2
		}
		sum += n/10 + n%10
		double = !double
	}
	return sum%10 == 0
}

func TestAdIdsOfTheLargePlatformsPassEvenWithALuhnDigit(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	passing := 0
	for _, form := range []struct {
		start  string
		digits int
	}{{"1202", 18}, {"2384", 17}, {"2385", 17}, {"17", 16}, {"18", 19}, {"1", 19}, {"2", 15}, {"21", 11}, {"7", 19}} {
		for range 3000 {
			id := form.start
			for len(id) < form.digits {
				id += string(rune('0' + random.IntN(10)))
			}
			if luhn(id) {
				passing++
			}
			_, _, problems := rules.Admit(rules.Fields{"sourceValue1": id}, own)
			require.Empty(t, problems, id)
		}
	}
	assert.Greater(t, passing, 2000, "one in ten passes the Luhn check, or this proves nothing")
}

func TestProblemsAreInTheFormsOrderOnceAField(t *testing.T) {
	in := rules.Fields{"zzz_cvv": "1", "firstName": "\x00", "product10_price": "1", "product2_id": "4111111111111111",
		"custom1": "\x01", "<cvv>": "1", "salesTax": "1", "3dsx": "1", "3DS": "1"}
	_, _, problems := rules.Admit(in, nil)
	assert.Equal(t, rules.Problems{
		{Field: "firstName", Code: rules.BadCharacters},
		{Field: "product2_id", Code: rules.CardData},
		{Field: "custom1", Code: rules.BadCharacters},
		{Field: "product10_price", Code: rules.FieldRefused},
		{Field: "salesTax", Code: rules.FieldRefused},
		{Field: "3DS", Code: rules.FieldRefused},
		{Field: "?", Code: rules.CardData},
		{Field: "zzz_cvv", Code: rules.CardData},
	}, problems)
}

func TestALongValueIsNotLookedThroughToItsEnd(t *testing.T) {
	long := strings.Repeat("ä", 5000)
	page, _, problems := rules.Admit(rules.Fields{"custom1": long, "address2": long, "unknown": long}, own)
	assert.Equal(t, rules.Problems{{Field: "address2", Code: rules.TooLong, Detail: "50"}}, problems)
	assert.Equal(t, rules.Fields{"custom1": strings.Repeat("ä", 500)}, page)
}

var cardSamples = flag.Int("cards.samples", 50_000, "samples of each kind, of what is a card number and what is none")

// What cardIn misses and what it takes by mistake. By a million samples of each kind, these parts of a hundred are
// refused by mistake: of 16 random digits 2.5 (a quarter of them begin like a network's numbers, and one in ten of
// those has the check digit), of 10 to 19 random digits 0.6, of UUIDs 0.0002, of hexadecimal ids 0.001; of
// coordinates, dates with times and browser ids none. Card numbers in the groups that they are printed in, with any
// of the separators, are never missed: 0 of a million.
func TestHowOftenCardNumbersAreMistaken(t *testing.T) {
	random := rand.New(rand.NewPCG(16, 12))
	digits := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('0' + random.IntN(10))
		}
		return string(b)
	}
	refused := func(value string) bool {
		_, _, problems := rules.Admit(rules.Fields{"sourceValue1": value}, nil)
		return len(problems) > 0
	}
	samples := *cardSamples
	for _, c := range []struct {
		name string
		make func() string
		most float64 // in a hundred
	}{
		{"16 random digits", func() string { return digits(16) }, 2.6},
		{"10 to 19 random digits", func() string { return digits(10 + random.IntN(10)) }, 1.3},
		{"UUIDs", func() string {
			h := fmt.Sprintf("%016x%016x", random.Uint64(), random.Uint64())
			return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
		}, 0.01},
		{"hexadecimal ids", func() string { return fmt.Sprintf("%016x", random.Uint64()) }, 0.01},
		{"coordinates", func() string { return digits(2) + "." + digits(6) + "/" + digits(2) + "." + digits(6) }, 0.01},
		{"dates with times", func() string {
			return "2026/" + digits(2) + "/" + digits(2) + " " + digits(2) + "." + digits(2) + "." + digits(2)
		}, 0.01},
		{"browser ids", func() string { return "GA1.2." + digits(10) + ".17" + digits(8) }, 0.01},
	} {
		found := 0
		for range samples {
			if refused(c.make()) {
				found++
			}
		}
		share := 100 * float64(found) / float64(samples)
		t.Logf("%s: %.4f of a hundred are taken for a card number", c.name, share)
		assert.LessOrEqual(t, share, c.most, c.name)
	}

	networks := []struct {
		start  string
		length int
	}{{"4", 16}, {"51", 16}, {"2221", 16}, {"34", 15}, {"37", 15}, {"6011", 16}, {"65", 16}, {"3056", 14}, {"36",
		14}, {"3528", 16}, {"62", 16}, {"6759", 16}, {"2200", 16}}
	missed := 0
	for range samples {
		network := networks[random.IntN(len(networks))]
		number := network.start + digits(network.length-len(network.start)-1)
		for check := '0'; ; check++ {
			if luhn(number + string(check)) {
				number += string(check)
				break
			}
		}
		sizes := []int{4, 4, 4, 4}
		if len(number) < 16 {
			sizes = []int{4, 6, len(number) - 10}
		}
		separator := []string{"", " ", "-", ".", "/", "_", " - "}[random.IntN(7)]
		grouped, rest := "", number
		for _, size := range sizes {
			grouped, rest = grouped+rest[:size]+separator, rest[size:]
		}
		if !refused(strings.TrimSuffix(grouped, separator)) {
			missed++
		}
	}
	assert.Zero(t, missed, "of card numbers")
}
