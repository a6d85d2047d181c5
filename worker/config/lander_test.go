package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const ids = `"campaignId":12,"forceMerchantId":7`

func TestLanders(t *testing.T) {
	for _, test := range []struct {
		name    string
		landers string
		want    []string
	}{
		{"none", ``, []string{"landers_missing at LANDERS"}},
		{"an empty table", `{}`, []string{"landers_missing at LANDERS"}},
		{"a text", `"*"`, []string{"landers_invalid at LANDERS"}},
		{"a list", `[{"campaignId":12}]`, []string{"landers_invalid at LANDERS"}},
		{"JSON that breaks off", `{"*":{"campaignId":12`, []string{"landers_invalid at LANDERS"}},
		{"something after the JSON", `{"*":{}} x`, []string{"landers_invalid at LANDERS"}},
		{"the lander's keys without a host around them", `{"campaignId":12,"products":[34]}`, []string{
			`host_invalid at LANDERS."campaignId"`, `lander_invalid at LANDERS."campaignId"`,
			`lander_invalid at LANDERS."products"`,
		}},
		{"an empty lander", `{"*":{}}`, []string{
			`campaign_id_missing at LANDERS."*".campaignId`, `merchant_id_missing at LANDERS."*".forceMerchantId`,
			`products_missing at LANDERS."*".products`,
		}},
		{"faults in one lander do not hide those of another",
			`{"a.example":{` + ids + `},"b.example":{` + ids + `,"products":[1],"maxQuantity":0},"c.example":{` + ids +
				`,"products":[1]}}`, []string{
				`products_missing at LANDERS."a.example".products`, `max_quantity_invalid at LANDERS."b.example".maxQuantity`,
			}},
		{"a host in capitals", `{"Shop.example":{` + ids + `,"products":[34]}}`,
			[]string{`host_invalid at LANDERS."Shop.example"`}},
		{"a host with a port", `{"shop.example:8443":{` + ids + `,"products":[34]}}`,
			[]string{`host_invalid at LANDERS."shop.example:8443"`}},
		{"a whole URL for a host", `{"https://shop.example":{` + ids + `,"products":[34]}}`,
			[]string{`host_invalid at LANDERS."https://shop.example"`}},
		{"a pattern for a host", `{"*.example":{` + ids + `,"products":[34]}}`,
			[]string{`host_invalid at LANDERS."*.example"`}},
		{"a host in its own script", `{"bücher.example":{` + ids + `,"products":[34]}}`,
			[]string{`host_invalid at LANDERS."bücher.example"`}},
		{"a host without a name", `{"":{` + ids + `,"products":[34]}}`, []string{`host_invalid at LANDERS.""`}},
		{"a host too long for return addresses",
			`{"` + strings.Repeat("abcdefghi.", 18) + `example":{` + ids + `,"products":[34]}}`, []string{
				`host_invalid at LANDERS."` + strings.Repeat("abcdefghi.", 6) + `…"`,
			}},
		{"a page too long for a host of usual length",
			`{"*":{` + ids + `,"products":[34],"pages":{"checkout":"/` + strings.Repeat("a", 192) + `"}}}`, []string{
				`page_invalid at LANDERS."*".pages.checkout`,
			}},
		{"a page as long as may be", `{"*":{` + ids + `,"products":[34],"pages":{"checkout":"/` + strings.Repeat("a", 191) +
			`"}}}`, nil},
		{"a host by its address", `{"127.0.0.1":{` + ids + `,"products":[34]}}`, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, faults := parse(with(map[string]string{"LANDERS": test.landers}))
			assert.Equal(t, test.want, codes(faults))
		})
	}
}

func TestOneLander(t *testing.T) {
	for _, test := range []struct {
		name string
		keys string   // of LANDERS."shop.example", besides nothing
		want []string // without the place's beginning LANDERS."shop.example".
	}{
		{"ids as text", `"campaignId":"12","forceMerchantId":"7","products":["34"]`, nil},
		{"a campaign id of 0", `"campaignId":0,"forceMerchantId":7,"products":[34]`,
			[]string{"campaign_id_invalid at campaignId"}},
		{"a negative one", `"campaignId":-12,"forceMerchantId":7,"products":[34]`,
			[]string{"campaign_id_invalid at campaignId"}},
		{"one with a fraction", `"campaignId":12.5,"forceMerchantId":7,"products":[34]`,
			[]string{"campaign_id_invalid at campaignId"}},
		{"one in powers of ten", `"campaignId":1e3,"forceMerchantId":7,"products":[34]`,
			[]string{"campaign_id_invalid at campaignId"}},
		{"one with zeros before it", `"campaignId":"012","forceMerchantId":7,"products":[34]`,
			[]string{"campaign_id_invalid at campaignId"}},
		{"an empty one", `"campaignId":"","forceMerchantId":7,"products":[34]`,
			[]string{"campaign_id_invalid at campaignId"}},
		{"one with spaces", `"campaignId":" 12","forceMerchantId":7,"products":[34]`,
			[]string{"campaign_id_invalid at campaignId"}},
		{"one larger than JavaScript's whole numbers", `"campaignId":9007199254740993,"forceMerchantId":7,"products":[34]`,
			[]string{"campaign_id_invalid at campaignId"}},
		{"a list for an id", `"campaignId":[12],"forceMerchantId":7,"products":[34]`,
			[]string{"campaign_id_invalid at campaignId"}},
		{"a gateway by its name", `"campaignId":12,"forceMerchantId":"NomuPay","products":[34]`,
			[]string{"merchant_id_invalid at forceMerchantId"}},
		{"null for an id", `"campaignId":12,"forceMerchantId":null,"products":[34]`,
			[]string{"merchant_id_invalid at forceMerchantId"}},

		{"no products", ids + `,"products":[]`, []string{"products_missing at products"}},
		{"one product outside a list", ids + `,"products":34`, []string{"products_invalid at products"}},
		{"a product that is no id", ids + `,"products":[34,"x",true]`,
			[]string{"products_invalid at products[1]", "products_invalid at products[2]"}},
		{"a product twice, once as text", ids + `,"products":[34,35,"34"]`, []string{"product_duplicate at products[2]"}},
		{"an upsale twice", ids + `,"products":[34],"upsales":[40,40]`, []string{"product_duplicate at upsales[1]"}},
		{"a product that is an upsale too", ids + `,"products":[34,40],"upsales":[41,40]`,
			[]string{"product_in_both at upsales[1]"}},
		{"no upsales", ids + `,"products":[34],"upsales":[]`, nil},
		{"an upsale outside a list", ids + `,"products":[34],"upsales":"40"`, []string{"upsales_invalid at upsales"}},

		{"the largest quantity", ids + `,"products":[34],"maxQuantity":999`, nil},
		{"a larger one", ids + `,"products":[34],"maxQuantity":1000`, []string{"max_quantity_invalid at maxQuantity"}},
		{"a quantity of nothing", ids + `,"products":[34],"maxQuantity":0`, []string{"max_quantity_invalid at maxQuantity"}},
		{"a quantity in words", ids + `,"products":[34],"maxQuantity":"ten"`,
			[]string{"max_quantity_invalid at maxQuantity"}},

		{"countries", ids + `,"products":[34],"countries":["AT","DE"]`, nil},
		{"no countries count as all", ids + `,"products":[34],"countries":[]`, nil},
		{"a country in small letters", ids + `,"products":[34],"countries":["de"]`,
			[]string{"country_unknown at countries[0]"}},
		{"a country without Klarna", ids + `,"products":[34],"countries":["DE","JP"]`,
			[]string{"country_unknown at countries[1]"}},
		{"a country twice", ids + `,"products":[34],"countries":["DE","DE"]`, []string{"country_unknown at countries[1]"}},
		{"a country outside a list", ids + `,"products":[34],"countries":"DE"`, []string{"countries_invalid at countries"}},
		{"a country that is no text", ids + `,"products":[34],"countries":[49,""]`,
			[]string{"countries_invalid at countries[0]", "countries_invalid at countries[1]"}},
		{"a method that is not known", ids + `,"products":[34],"prepaidType":"CASH","countries":["DE"]`,
			[]string{"prepaid_type_unknown at prepaidType"}},
		{"a method in small letters", ids + `,"products":[34],"prepaidType":"klarna"`,
			[]string{"prepaid_type_unknown at prepaidType"}},
		{"a method that is no text", ids + `,"products":[34],"prepaidType":1`,
			[]string{"prepaid_type_unknown at prepaidType"}},

		{"no dialect", ids + `,"products":[34],"dialect":""`, nil},
		{"another dialect", ids + `,"products":[34],"dialect":"shopify"`, []string{"dialect_unknown at dialect"}},
		{"a dialect that is no text", ids + `,"products":[34],"dialect":true`, []string{"dialect_unknown at dialect"}},
		{"a ref in a custom field", ids + `,"products":[34],"refField":"custom1"`, nil},
		{"a ref in a field that Konnektive does not have", ids + `,"products":[34],"refField":"custom6"`,
			[]string{"ref_field_unknown at refField"}},

		{"any origin allowed", ids + `,"products":[34],"allowedOrigins":["*"]`,
			[]string{"allowed_origin_invalid at allowedOrigins[0]"}},
		{"the origin of sandboxed pages allowed", ids + `,"products":[34],"allowedOrigins":["null"]`,
			[]string{"allowed_origin_invalid at allowedOrigins[0]"}},
		{"an allowed origin with a slash", ids + `,"products":[34],"allowedOrigins":["https://a.example/"]`,
			[]string{"allowed_origin_invalid at allowedOrigins[0]"}},
		{"an allowed origin with a path", ids + `,"products":[34],"allowedOrigins":["https://a.example/shop"]`,
			[]string{"allowed_origin_invalid at allowedOrigins[0]"}},
		{"an allowed origin in capitals", ids + `,"products":[34],"allowedOrigins":["https://A.example"]`,
			[]string{"allowed_origin_invalid at allowedOrigins[0]"}},
		{"an allowed origin with a scheme in capitals", ids + `,"products":[34],"allowedOrigins":["HTTPS://a.example"]`,
			[]string{"allowed_origin_invalid at allowedOrigins[0]"}},
		{"an allowed origin with the usual port", ids + `,"products":[34],"allowedOrigins":["https://a.example:443"]`,
			[]string{"allowed_origin_invalid at allowedOrigins[0]"}},
		{"an allowed origin over plain http", ids + `,"products":[34],"allowedOrigins":["http://a.example"]`,
			[]string{"allowed_origin_invalid at allowedOrigins[0]"}},
		{"an allowed origin on this machine, deployed", ids + `,"products":[34],"allowedOrigins":["http://localhost:3000"]`,
			[]string{"allowed_origin_invalid at allowedOrigins[0]"}},
		{"an allowed origin by a pattern", ids + `,"products":[34],"allowedOrigins":["https://*.a.example"]`,
			[]string{"allowed_origin_invalid at allowedOrigins[0]"}},
		{"an allowed origin without a scheme", ids + `,"products":[34],"allowedOrigins":["a.example"]`,
			[]string{"allowed_origin_invalid at allowedOrigins[0]"}},
		{"an allowed origin twice", ids + `,"products":[34],"allowedOrigins":["https://a.example","https://a.example"]`,
			[]string{"allowed_origin_invalid at allowedOrigins[1]"}},
		{"an allowed origin outside a list", ids + `,"products":[34],"allowedOrigins":"https://a.example"`,
			[]string{"allowed_origin_invalid at allowedOrigins"}},

		{"no origin", ids + `,"products":[34],"origin":""`, nil},
		{"an origin on this machine", ids + `,"products":[34],"origin":"http://127.0.0.1:8080"`, nil},
		{"an origin over plain http", ids + `,"products":[34],"origin":"http://origin.example"`,
			[]string{"origin_invalid at origin"}},
		{"an origin with a path", ids + `,"products":[34],"origin":"https://origin.example/shop"`,
			[]string{"origin_invalid at origin"}},
		{"an origin with credentials", ids + `,"products":[34],"origin":"https://me:you@origin.example"`,
			[]string{"origin_invalid at origin"}},
		{"an origin that is a host name", ids + `,"products":[34],"origin":"origin.example"`,
			[]string{"origin_invalid at origin"}},
		{"an origin that is no text", ids + `,"products":[34],"origin":false`, []string{"origin_invalid at origin"}},
		{"the lander's own host as its origin, as behind a route", ids + `,"products":[34],"origin":"https://shop.example"`,
			nil},

		{"a page with a query", ids + `,"products":[34],"pages":{"thankYou":"/done?a=b"}`,
			[]string{"page_invalid at pages.thankYou"}},
		{"a page with a fragment", ids + `,"products":[34],"pages":{"thankYou":"/done#top"}`,
			[]string{"page_invalid at pages.thankYou"}},
		{"a page on another host in disguise", ids + `,"products":[34],"pages":{"thankYou":"//evil.example/"}`,
			[]string{"page_invalid at pages.thankYou"}},
		{"a page on another host in a worse disguise", ids + `,"products":[34],"pages":{"thankYou":"/\\evil.example/"}`,
			[]string{"page_invalid at pages.thankYou"}},
		{"a page with a space", ids + `,"products":[34],"pages":{"thankYou":"/thank you"}`,
			[]string{"page_invalid at pages.thankYou"}},
		{"a page without a slash", ids + `,"products":[34],"pages":{"checkout":"checkout"}`,
			[]string{"page_invalid at pages.checkout"}},
		{"a page where the relay is", ids + `,"products":[34],"pages":{"checkout":"/api/checkout"}`,
			[]string{"page_invalid at pages.checkout"}},
		{"a page that only begins like the relay", ids + `,"products":[34],"pages":{"checkout":"/apiary"}`, nil},
		{"a page at the root", ids + `,"products":[34],"pages":{"checkout":"/"}`, nil},
		{"an empty checkout page", ids + `,"products":[34],"pages":{"checkout":""}`,
			[]string{"page_invalid at pages.checkout"}},
		{"an empty thank-you page", ids + `,"products":[34],"pages":{"thankYou":""}`,
			[]string{"page_invalid at pages.thankYou"}},
		{"a page on another origin", ids + `,"products":[34],"pages":{"checkout":"https://pages.example/checkout"}`, nil},
		{"a page on another origin over plain http",
			ids + `,"products":[34],"pages":{"checkout":"http://pages.example/checkout"}`,
			[]string{"page_invalid at pages.checkout"}},
		{"a page on this machine, deployed", ids + `,"products":[34],"pages":{"checkout":"http://localhost/checkout"}`,
			[]string{"page_invalid at pages.checkout"}},
		{"a page on another origin with a query",
			ids + `,"products":[34],"pages":{"checkout":"https://pages.example/checkout?a=b"}`,
			[]string{"page_invalid at pages.checkout"}},
		{"a page by a script", ids + `,"products":[34],"pages":{"checkout":"javascript:alert(1)"}`,
			[]string{"page_invalid at pages.checkout"}},
		{"a page on the lander's own host, written as a URL",
			ids + `,"products":[34],"pages":{"checkout":"https://shop.example/checkout"}`,
			[]string{"page_invalid at pages.checkout"}},
		{"a path longer than Konnektive takes",
			ids + `,"products":[34],"pages":{"checkout":"/` + strings.Repeat("a", 280) + `"}`,
			[]string{"page_invalid at pages.checkout"}},
		{"a URL longer than Konnektive takes", ids + `,"products":[34],"pages":{"checkout":"https://pages.example/` +
			strings.Repeat("a", 280) + `"}`, []string{"page_invalid at pages.checkout"}},
		{"a page that is no text", ids + `,"products":[34],"pages":{"checkout":1}`,
			[]string{"page_invalid at pages.checkout"}},
		{"pages that are no table", ids + `,"products":[34],"pages":"/checkout"`, []string{"pages_invalid at pages"}},
		{"a page of another name", ids + `,"products":[34],"pages":{"thankyou":"/done"}`,
			[]string{`key_unknown at pages."thankyou"`}},

		{"preload without subdomains", ids + `,"products":[34],"hstsPreload":true`,
			[]string{"hsts_preload_alone at hstsPreload"}},
		{"subdomains without preload", ids + `,"products":[34],"hstsIncludeSubDomains":true`, nil},
		{"a switch in words", ids + `,"products":[34],"hstsIncludeSubDomains":"true"`,
			[]string{"hsts_invalid at hstsIncludeSubDomains"}},
		{"switches off", ids + `,"products":[34],"hstsIncludeSubDomains":false,"hstsPreload":false`, nil},

		{"a key that is written otherwise", `"campaignID":12,"forceMerchantId":7,"products":[34]`, []string{
			`key_unknown at "campaignID"`,
		}},
		{"a key that does not exist", ids + `,"products":[34],"password":"x"`, []string{`key_unknown at "password"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, faults := parse(with(map[string]string{"LANDERS": `{"shop.example":{` + test.keys + `}}`}))
			var got []string
			for _, c := range codes(faults) {
				got = append(got, strings.Replace(c, `LANDERS."shop.example".`, "", 1))
			}
			assert.Equal(t, test.want, got)
		})
	}
}

func TestATypoIsToldTheRightSpelling(t *testing.T) {
	_, faults := parse(with(map[string]string{"LANDERS": `{"*":{` + ids + `,"products":[34],"maxquantity":3}}`}))
	require.Len(t, faults, 1)

	assert.Equal(t, "write it maxQuantity", faults[0].Cure)
}

func TestAllowingEveryOriginIsToldItsDanger(t *testing.T) {
	_, faults := parse(with(map[string]string{"LANDERS": `{"*":{` + ids + `,"products":[34],"allowedOrigins":["*"]}}`}))
	require.Len(t, faults, 1)

	assert.Contains(t, faults[0].Cure, "any page of the world")
}

func TestAnotherLandersHostIsNoOriginEither(t *testing.T) {
	_, faults := parse(with(map[string]string{
		"LANDERS": `{"a.example":{` + ids + `,"products":[34],"origin":"https://b.example"},"b.example":{` + ids +
			`,"products":[34],"origin":"https://a.example"}}`,
	}))

	assert.Equal(t, []string{`origin_other_lander at LANDERS."a.example".origin`,
		`origin_other_lander at LANDERS."b.example".origin`}, codes(faults))
}

func TestTheUpsellPage(t *testing.T) {
	for _, test := range []struct{ name, keys, want string }{
		{"is the default when something is sold there", `"upsales":[40]`, "/upsell"},
		{"is none by default when nothing is", `"upsales":[]`, ""},
		{"is none when that is said", `"upsales":[40],"pages":{"upsell":""}`, ""},
		{"is what the configuration says even so", `"pages":{"upsell":"/more"}`, "/more"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, faults := parse(with(map[string]string{"LANDERS": `{"*":{` + ids + `,"products":[34],` + test.keys + `}}`}))
			require.Empty(t, faults)
			l, _ := c.Lander("shop.example")
			assert.Equal(t, test.want, l.Upsell)
		})
	}
}

func TestPlainHTTPOnThisMachineIsForDevelopmentOnly(t *testing.T) {
	keys := `{"*":{` + ids +
		`,"products":[34],"allowedOrigins":["http://localhost:3000"],"pages":{"checkout":"http://127.0.0.1:3000/checkout"}}}`

	_, faults := parse(with(map[string]string{"LANDERS": keys, "ALLOW_LOOPBACK_HTTP": "1"}))
	assert.Empty(t, faults)

	_, faults = parse(with(map[string]string{"LANDERS": keys}))
	assert.Len(t, faults, 2)
}

func TestPagesAreServedInSpiteOfFaults(t *testing.T) {
	c, faults := parse(with(map[string]string{
		"KONNEKTIVE_LOGIN_ID": "",
		"LANDERS":             `{"Shop.example":{"origin":"https://origin.example","products":[]},"b.example":{"origin":"nonsense","pages":{"checkout":"/buy"}}}`,
	}))
	require.NotEmpty(t, faults)

	lander, ok := c.Lander("shop.example")
	require.True(t, ok)
	assert.Equal(t, "https://origin.example", lander.Origin)

	lander, ok = c.Lander("b.example")
	require.True(t, ok)
	assert.Empty(t, lander.Origin, "www/ is served when the origin cannot be used")
	assert.Equal(t, "/buy", lander.Checkout)
}
