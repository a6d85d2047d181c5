package body_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/body"
	"klarna-relay/worker/rules"
)

// aRef has the form of a ref.
var aRef = strings.Repeat("0123456789abcdef", 4)

// client is a request as a public lander makes it.
type client struct {
	Name, Method, Path, Body string
	Headers                  map[string]string
}

// verdict is what the edge says to a client before it asks anybody: the problems by field, and the order when there
// are none.
func verdict(t *testing.T, c client) (rules.Order, map[string]rules.Code) {
	t.Helper()
	placed := strings.NewReplacer("{host}", "shop.example", "{base}", "https://shop.example")
	u, err := url.Parse(placed.Replace(c.Path))
	require.NoError(t, err)
	contentType := ""
	for name, value := range c.Headers {
		if strings.EqualFold(name, "content-type") {
			contentType = value
		}
	}
	in, err := body.Decode(contentType, u.RawQuery, []byte(placed.Replace(c.Body)))
	var fault *body.FieldError
	if errors.As(err, &fault) {
		assert.Contains(t, fault.Text("de"), fault.Field)
		return rules.Order{}, map[string]rules.Code{fault.Field: fault.Code}
	}
	require.NoError(t, err)
	own := rules.Fields{"campaignId": "12", "forceMerchantId": "7", "paySource": "PREPAID", "prepaidType": "KLARNA"}
	page, _, problems := rules.Admit(in, own)
	shop := rules.Shop{Products: []string{"34", "35"}, Upsales: []string{"40"}}
	var order rules.Order
	var more rules.Problems
	switch strings.TrimSuffix(u.Path, "/") {
	case "/api/order/import":
		order, more = rules.CheckOrder(page, shop)
	case "/api/leads/import":
		order, more = rules.CheckLead(page, shop)
	case "/api/upsale/import":
		order, more = rules.CheckUpsale(page, shop)
	case "/api/landers/clicks/import":
		order, more = rules.CheckClick(page)
	}
	found := map[string]rules.Code{}
	for _, p := range problems.And(more) {
		found[p.Field] = p.Code
		assert.NotEmpty(t, p.Text("de"))
		if p.Code >= rules.FieldRefused {
			assert.Contains(t, p.Text("de"), p.Field, "the developer reads which field it is")
		}
	}
	return order, found
}

// What landers send works, or is refused because it would choose a price, a gateway or an order, or says two things.
func TestRequestsOfRealLanders(t *testing.T) {
	type codes = map[string]rules.Code
	nobody := codes{"firstName": rules.Required, "lastName": rules.Required, "emailAddress": rules.Required,
		"phoneNumber": rules.Required, "address1": rules.Required,
		"city": rules.Required, "postalCode": rules.Required, "country": rules.Required}
	want := map[string]codes{
		"01": nil, "02": nil,
		"04": {"orderId": rules.NotARef}, // an orderId of Konnektive's could be another shopper's
		"05": {"product1_price": rules.FieldRefused},
		"07": nil, "08": nil, "10": nil, "11": nil, "13": nil,
		"14": {"params": rules.Nested},
		"16": nil, "17": nil,
		"19": nobody, // an orderId "undefined" counts as missing, so no lead's data are known
		"20": nil, "22": nil,
		"23": {"paySource": rules.FieldRefused},
		"25": nil, "26": nil,
		"28": {"orderId": rules.NotARef},
		"29": nil, "31": nil, "32": nil,
		"34": {"orderId": rules.NotARef},
		"35": nil,
		"37": {"product1_price": rules.FieldRefused, "product1_shipPrice": rules.FieldRefused},
		"38": {"product1_price": rules.FieldRefused, "product1_shipPrice": rules.FieldRefused},
		"41": nil, "43": nil, "44": nil, "46": nil, "47": nil, "49": nil, "50": nil, "52": nil, "53": nil,
		"55": {"product1_shipPrice": rules.FieldRefused}, // a shipping price of 0 is a price
		"56": nil, "58": nil,
		"64": {"emailAddress": rules.Required, "phoneNumber": rules.Required, "address1": rules.Required,
			"city": rules.Required, "postalCode": rules.Required,
			"country": rules.Required, "product1_id": rules.Required},
	}
	// what HTTP says to them is tested there
	otherwise := map[string]string{"40": "a GET", "59": "no import", "61": "no import", "62": "no import"}
	files, err := filepath.Glob("testdata/clients/*.json")
	require.NoError(t, err)
	require.Len(t, files, len(want)+len(otherwise))
	for _, file := range files {
		number := strings.TrimSuffix(filepath.Base(file), ".json")
		if otherwise[number] != "" {
			continue
		}
		t.Run(number, func(t *testing.T) {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			var c client
			require.NoError(t, json.Unmarshal(content, &c))
			expected, known := want[number]
			require.True(t, known)
			order, problems := verdict(t, c)
			if len(expected) == 0 {
				expected = codes{}
				assert.NotEmpty(t, order.Fields)
			}
			assert.Equal(t, expected, problems, c.Name)
		})
	}
}

// ada is an order in a form; more is put behind it.
func ada(more string) client {
	return client{Path: "/api/order/import/", Headers: map[string]string{"Content-Type": formType},
		Body: "firstName=Ada&lastName=Lovelace&emailAddress=ada@example.com" +
			"&phoneNumber=3125550143&address1=12+Main+Street&city=Chicago&postalCode=60601&country=US&state=IL&" + more}
}

func TestOtherWaysToSayTheSame(t *testing.T) {
	base, problems := verdict(t, ada("product1_id=34&product1_qty=2"))
	require.Empty(t, problems)
	for name, more := range map[string]string{
		"an older reference's names":             "productId=34&productQty=2",
		"the SDK's lines":                        "orderItems=%7B%2234%22%3A2%7D",
		"the SDK's lines as texts":               "orderItems=%7B+%2234%22+%3A+%222%22+%7D",
		"the SDK's lines as PHP writes an array": "orderItems[34]=2",
		"…and escapes it":                        "orderItems%5B34%5D=2",
		"lines named twice, alike": "product1_id=34&product1_qty=2&productId=34&productQty=2" +
			"&orderItems=%7B%2234%22%3A2%7D",
		"a library's null and undefined": "product1_id=34&product1_qty=2&orderId=undefined&sessionId=null" +
			"&couponCode=null&shipProfileId=undefined&address2=&product2_id=null",
		"a flag that says no": "product1_id=34&product1_qty=2&insureShipment=0&skipQA=false&forceQA=0",
		"empty fields of other ways to pay": "product1_id=34&product1_qty=2&cardNumber=&cardMonth=null&iban=" +
			"&achAccountType=undefined&paypalBillerId=&customerId=null&product1_price=",
		"what the Worker sends anyway": "product1_id=34&product1_qty=2&campaignId=12&paySource=PREPAID" +
			"&prepaidType=KLARNA&forceMerchantId=7",
		"what the Worker knows better": "product1_id=34&product1_qty=2&ipAddress=203.0.113.9&userAgent=x" +
			"&salesUrl=https://shop.example/c?affId=1",
		"targets of its own": "product1_id=34&product1_qty=2&redirectsTo=/up1" +
			"&errorRedirectsTo=https://elsewhere.example/",
		"the other address's names are left out": "product1_id=34&product1_qty=2&billShipSame=true",
		"a box that is ticked":                   "product1_id=34&product1_qty=2&billShipSame=on",
		"a delivery address of nothing": "product1_id=34&product1_qty=2&shipFirstName=&shipAddress1=" +
			"&shipCountry=null",
		"fields that nobody knows": "product1_id=34&product1_qty=2&call_type=order_import" +
			"&marketingOptIn=false&browserData=%7B%7D&amount=49.9",
		"a quantity of something that is nothing": "product1_id=34&product1_qty=2&productQty=1",
		"an order item of nothing":                "product1_id=34&product1_qty=2&orderItems=%7B%7D",
		"the state as a code of ISO 3166-2":       "product1_id=34&product1_qty=2&state=IL",
		"unknown fields whose names begin alike": "product1_id=34&product1_qty=2&achievement=x&walletName_x=null" +
			"&paySourceNote=",
		"a percent-encoded name":            "%70roduct1_id=34&product1_qty=2",
		"an ampersand too many":             "&product1_id=34&&product1_qty=2&",
		"numbers with zeros in front":       "product1_id=34&product1_qty=02",
		"a second line that was not chosen": "product1_id=34&product1_qty=2&product2_id=&product2_qty=1",
		"a name twice, with one value":      "product1_id=34&product1_qty=2&product1_id=34",
		"a click's page type in an order": "product1_id=34&product1_qty=2&pageType=checkoutPage" +
			"&requestUri=https%3A%2F%2Fshop.example%2F",
		"JSON text of a browser's data in a field": "product1_id=34&product1_qty=2&fingerprint=%7B%22a%22%3A%5B1%5D%7D",
	} {
		t.Run(name, func(t *testing.T) {
			order, problems := verdict(t, ada(more))
			assert.Empty(t, problems)
			assert.Equal(t, base, order)
		})
	}
	for name, c := range map[string]client{
		"JSON": {Headers: map[string]string{"Content-Type": jsonType},
			Body: `{"firstName":"Ada","lastName":"Lovelace","emailAddress":"ada@example.com","phoneNumber":3125550143,"address1":"12 Main Street","city":"Chicago","postalCode":60601,"country":"US","state":"IL","orderItems":{"34":2},"billShipSame":true,"forceQA":false}`},
		"text that is JSON": {Headers: map[string]string{"content-type": "text/plain;charset=UTF-8"},
			Body: `{"firstName":"Ada","lastName":"Lovelace","emailAddress":"ada@example.com","phoneNumber":"3125550143","address1":"12 Main Street","city":"Chicago","postalCode":"60601","country":"usa","state":"Illinois","productId":34,"productQty":2}`},
		"half in the query": {Path: "/api/order/import/?firstName=Ada&lastName=Lovelace&emailAddress=ada@example.com" +
			"&phoneNumber=3125550143&product1_id=34", Headers: map[string]string{"Content-Type": formType},
			Body: "address1=12+Main+Street&city=Chicago&postalCode=60601&country=United+States+of+America&state=il" +
				"&product1_qty=2"},
		"ship fields only": {Headers: map[string]string{"Content-Type": formType}, Body: "shipFirstName=Ada" +
			"&shipLastName=Lovelace&emailAddress=ada@example.com&phoneNumber=3125550143&shipAddress1=12+Main+Street" +
			"&shipCity=Chicago&shipPostalCode=60601&shipCountry=US&shipState=IL&billShipSame=1&product1_id=34&product1_qty=2"},
		"names of the bill and an address to ship to": {Headers: map[string]string{"Content-Type": formType},
			Body: "firstName=Ada&lastName=Lovelace&emailAddress=ada@example.com&phoneNumber=3125550143" +
				"&shipAddress1=12+Main+Street&shipCity=Chicago&shipPostalCode=60601&country=US&shipState=IL&billShipSame=1" +
				"&product1_id=34&product1_qty=2"},
		"an address to ship to, and not a word about the bill": {Headers: map[string]string{"Content-Type": formType},
			Body: "shipFirstName=Ada&shipLastName=Lovelace&emailAddress=ada@example.com&phoneNumber=3125550143" +
				"&shipAddress1=12+Main+Street&shipCity=Chicago&shipPostalCode=60601&shipCountry=US&shipState=IL&product1_id=34" +
				"&product1_qty=2"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.Path == "" {
				c.Path = "/api/order/import/"
			}
			order, problems := verdict(t, c)
			assert.Empty(t, problems)
			assert.Equal(t, base, order)
		})
	}
}

func TestWhatProtectsSomebodyIsRefusedInEverySpelling(t *testing.T) {
	for more, want := range map[string]string{
		"product1_id=34&PaySource=CREDITCARD":                        "PaySource field_refused",
		"product1_id=34&paysource=CREDITCARD":                        "paysource field_refused",
		"product1_id=34&+paySource=CREDITCARD":                       " paySource field_refused",
		"product1_id=34&paySource%00x=CREDITCARD":                    "? field_refused",
		"product1_id=34&paySource[]=CREDITCARD":                      "paySource[] field_refused",
		"product1_id=34&paySource%5B0%5D=CREDITCARD":                 "paySource[0] field_refused",
		"product1_id=34&%2570aySource=CREDITCARD":                    "? field_refused",
		"product1_id=34&paySource=CREDITCARD&paySource=PREPAID":      "paySource duplicate",
		"product1_id=34&product1.price=0":                            "product1.price field_refused",
		"product1_id=34&product1+price=0":                            "product1 price field_refused",
		"product1_id=34&product1[price=0":                            "product1[price field_refused",
		"product1_id=34&PRODUCT1_PRICE=0":                            "PRODUCT1_PRICE field_refused",
		"product1_id=34&product1_shipprice=0":                        "product1_shipprice field_refused",
		"product1_id=34&productPrice=1":                              "productPrice field_refused",
		"product1_id=34&salesTax=0":                                  "salesTax field_refused",
		"product1_id=34&SALESTAX=0":                                  "SALESTAX field_refused",
		"product1_id=34&forceMerchantId=8":                           "forceMerchantId field_refused",
		"product1_id=34&forceMerchantId=07":                          "forceMerchantId field_refused",
		"product1_id=34&forcemerchantid=7":                           "forcemerchantid field_refused",
		"product1_id=34&campaignId[]=13":                             "campaignId[] field_refused",
		"product1_id=34&CampaignID=13":                               "CampaignID field_refused",
		"product1_id=34&customerId=5":                                "customerId field_refused",
		"product1_id=34&customerID=5":                                "customerID field_refused",
		"product1_id=34&skipQA=1":                                    "skipQA field_refused",
		"product1_id=34&SkipQA=1":                                    "SkipQA field_refused",
		"product1_id=34&forceqa=yes":                                 "forceqa field_refused",
		"product1_id=34&insureShipment=1":                            "insureShipment field_refused",
		"product1_id=34&payPalToken=x":                               "payPalToken field_refused",
		"product1_id=34&PAYPALBILLERID=x":                            "PAYPALBILLERID field_refused",
		"product1_id=34&achaccountnumber=x":                          "achaccountnumber field_refused",
		"product1_id=34&threeDSVersion=2":                            "threeDSVersion field_refused",
		"product1_id=34&3ds=1":                                       "3ds field_refused",
		"product1_id=34&cavv=0":                                      "cavv field_refused",
		"product1_id=34&loginId=x&password=y":                        "loginId field_refused",
		"product1_id=34&cardNumber=0":                                "cardNumber card_data",
		"product1_id=34&card_cvv=***":                                "card_cvv card_data",
		"product1_id=34&payment[cardNumber]=1":                       "payment[cardNumber] card_data",
		"product1_id=34&custom_cardNumber=1":                         "custom_cardNumber card_data",
		"product1_id=34&custom1=4111.1111.1111.1111":                 "custom1 card_data",
		"product1_id=34&userAgent=4111_1111_1111_1111":               "userAgent card_data",
		"product1_id=34&whatever=4111/1111/1111/1111":                "whatever card_data",
		"product1_id=34&orderId=63A9FBD226":                          "orderId not_a_ref",
		"product1_id=34&orderId=" + strings.ToUpper(aRef):            "orderId not_a_ref",
		"product1_id=34&ref=" + aRef + "&orderId=" + aRef[:63] + "0": "orderId conflict",
		"product1_id=34&productId=35":                                "productId conflict",
		"product1_id=34&orderItems={\"34\":2}":                       "orderItems conflict",
		"product1_id=34&productQty=3":                                "productId required",
		"orderItems={\"34\":1,\"34\":1}":                             "orderItems not_one_of",
		"orderItems=[34]":                                            "orderItems not_one_of",
		"orderItems={\"34\":0}":                                      "orderItems bad_quantity",
		"orderItems={\"36\":1}":                                      "orderItems product_refused",
		"orderItems={\"34\":11}":                                     "orderItems quantity_cap",
		"orderItems={\"34\":1.5}":                                    "orderItems not_one_of",
		"orderItems[34][qty]=2":                                      "orderItems[34][qty] nested",
		"orderItems[0]=34":                                           "orderItems[0] field_refused",
		"product1_id=34&couponCode[]=TEN":                            "couponCode[] nested",
		"product1_ID=34":                                             "product1_ID field_refused",
		"product01_id=34":                                            "product01_id field_refused",
		"product1_id=34&firstName=Bob":                               "firstName duplicate",
		"product1_id=34&couponCode=50%OFF":                           "couponCode bad_encoding",
	} {
		_, problems := verdict(t, ada(more))
		at := strings.LastIndexByte(want, ' ')
		field, code := want[:at], want[at+1:]
		assert.Equal(t, code, problems[field].String(), "%s: %v", more, problems)
	}
}
