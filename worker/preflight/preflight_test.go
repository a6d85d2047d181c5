package preflight_test

import (
	stdjson "encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/config"
	"klarna-relay/worker/json"
	"klarna-relay/worker/preflight"
	"klarna-relay/worker/rules"
)

func shop() config.Lander {
	return config.Lander{
		Name: "shop.example", CampaignID: "12", MerchantID: "7", PrepaidType: "KLARNA",
		Shop: rules.Shop{Products: []string{"34"}, Upsales: []string{"40"}, MaxQuantity: 10,
			Countries: []string{"AT", "DE"}},
	}
}

// campaign is a campaign that fits shop, as one member of message.data.
const campaign = `{"campaignId":12,"campaignName":"Tea","currency":"EUR","currencySymbol":"€","countries":[{"countryCode":"AT"},{"countryCode":"DE"}],
	"products":[{"campaignProductId":34,"productName":"Green","productType":"OFFER","price":"49.95","maxOrderQty":"0"},
		{"campaignProductId":"40","productName":"Cup","productType":"UPSALE","price":9.5,"maxOrderQty":20}]}`

// answered is Konnektive's SUCCESS with this message.data.
func answered(data string) preflight.Answer {
	return preflight.Answer{Status: 200, Body: `{"result":"SUCCESS","message":{"totalResults":1,"data":` + data + `}}`}
}

func refused(message string) preflight.Answer {
	return preflight.Answer{Status: 200, Body: `{"result":"ERROR","message":` + message + `}`}
}

// bad lists the findings that are not ok, as "level check".
func bad(findings []preflight.Finding) []string {
	var all []string
	for _, f := range findings {
		if f.Level != preflight.OK {
			all = append(all, string(f.Level)+" "+f.Check)
		}
	}
	return all
}

func TestACampaignThatFits(t *testing.T) {
	for _, test := range []struct{ name, data string }{
		{"in a map by campaign id", `{"12":` + campaign + `}`},
		{"in a list", `[` + campaign + `]`},
		{"in a list behind another one", `[{"campaignId":"13"},` + campaign + `]`},
		{"in a map without an id inside", `{"12":` + strings.Replace(campaign, `"campaignId":12,`, "", 1) + `}`},
		{"alone", campaign},
		{"with its id as text", `[` + strings.Replace(campaign, `"campaignId":12`, `"campaignId":"12"`, 1) + `]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			findings := preflight.Examine(shop(), answered(test.data))

			var checks []string
			for _, f := range findings {
				checks = append(checks, f.Check)
			}
			assert.Equal(t, []string{"reach", "address", "credentials", "grant", "campaign", "gateway", "product 34",
				"upsale 40", "countries", "currency"}, checks)
			assert.Equal(t, []string{"warn gateway"}, bad(findings), "that alone cannot be seen from Campaign Query")
		})
	}
}

func TestOtherShapesOfTheSameCampaign(t *testing.T) {
	for _, test := range []struct{ name, old, new string }{
		{"products in a map by their ids", `"products":[{"campaignProductId":34,"productName":"Green"`,
			`"products":{"34":{"productName":"Green"`},
		{"countries as plain codes", `[{"countryCode":"AT"},{"countryCode":"DE"}]`, `["AT","DE","FR"]`},
		{"countries in a map by their codes", `[{"countryCode":"AT"},{"countryCode":"DE"}]`,
			`{"AT":"Austria","DE":{"countryName":"Germany"}}`},
		{"countries in small letters under another name", `[{"countryCode":"AT"},{"countryCode":"DE"}]`,
			`[{"code":"at"},{"country":"de"}]`},
		{"a currency by its sign alone", `"currency":"EUR",`, ``},
		{"no product types", `"productType":"OFFER",`, ``},
		{"no largest quantity", `,"maxOrderQty":"0"`, ``},
		{"a largest quantity of null", `"maxOrderQty":"0"`, `"maxOrderQty":null`},
		{"fields that speak of billing once", `"price":"49.95"`,
			`"price":"49.95","billingCycleType":"ONE_TIME","isRecurring":"0","recurringPrice":"0.00","billingCycles":[{"price":1}],"rebillDays":null,"recurringStatus":"INACTIVE"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := strings.Replace(campaign, test.old, test.new, 1)
			require.NotEqual(t, campaign, data)
			if strings.HasPrefix(test.name, "products in a map") {
				data = strings.Replace(strings.Replace(data, `},
		{"campaignProductId":"40",`, `},"40":{`, 1), `20}]}`, `20}}}`, 1)
			}
			require.True(t, stdjson.Valid([]byte(data)), data)

			assert.Equal(t, []string{"warn gateway"}, bad(preflight.Examine(shop(), answered(`[`+data+`]`))))
		})
	}
}

func TestWhatDoesNotFit(t *testing.T) {
	for _, test := range []struct {
		name, old, new string
		want           []string // besides the gateway
		says           string
	}{
		{"a product that the campaign lacks", `"campaignProductId":34`, `"campaignProductId":35`,
			[]string{"fail product 34"}, "no product 34"},
		{"a campaign without products", `"products":[`, `"products":[],"others":[`,
			[]string{"fail product 34", "fail upsale 40"}, "no product 40"},
		{"a product that is a subscription by its type", `"productType":"OFFER"`, `"productType":"SUBSCRIPTION"`,
			[]string{"fail product 34"}, "is a subscription"},
		{"a product that is billed in cycles by its type", `"price":"49.95"`,
			`"price":"49.95","billingCycleType":"RECURRING"`, []string{"fail product 34"}, "billingCycleType: RECURRING"},
		{"a product marked as recurring by true", `"price":"49.95"`, `"price":"49.95","recurring":true`,
			[]string{"fail product 34"}, "is a subscription"},
		{"a product marked as recurring by 1", `"price":"49.95"`, `"price":"49.95","isRecurring":"1"`,
			[]string{"fail product 34"}, "is a subscription"},
		{"a product with days between bills", `"price":"49.95"`, `"price":"49.95","billingIntervalDays":"30"`,
			[]string{"warn product 34"}, "may be a subscription"},
		{"a product with a price of its renewal", `"price":"49.95"`, `"price":"49.95","rebillPrice":19.5`,
			[]string{"warn product 34"}, "rebillPrice: 19.5"},
		{"a product with several billing cycles", `"price":"49.95"`, `"price":"49.95","billingCycles":{"1":{},"2":{}}`,
			[]string{"warn product 34"}, "may be a subscription"},
		{"an upsale that is an offer", `"productType":"UPSALE"`, `"productType":"OFFER"`, []string{"warn upsale 40"},
			"it is an OFFER"},
		{"an offer that is an upsale", `"productType":"OFFER"`, `"productType":"upsale"`, []string{"warn product 34"},
			"it is an UPSALE"},
		{"a largest quantity under the lander's", `"maxOrderQty":"0"`, `"maxOrderQty":"5"`, []string{"warn product 34"},
			"at most 5 of product 34"},
		{"a product with two faults", `"productType":"OFFER","price":"49.95","maxOrderQty":"0"`,
			`"productType":"UPSALE","maxOrderQty":1`, []string{"warn product 34", "warn product 34"}, "at most 1"},
		{"a country that the campaign lacks", `,{"countryCode":"DE"}`, ``, []string{"warn countries"}, `countries = ["AT"]`},
		{"no country in common", `[{"countryCode":"AT"},{"countryCode":"DE"}]`, `["US","CA"]`, []string{"fail countries"},
			"US CA"},
		{"countries by names", `[{"countryCode":"AT"},{"countryCode":"DE"}]`, `["Austria","Germany"]`,
			[]string{"warn countries"}, "AT DE"},
		{"no countries", `[{"countryCode":"AT"},{"countryCode":"DE"}]`, `null`, []string{"warn countries"}, "does not name"},
		{"another currency", `"currency":"EUR"`, `"currency":"USD"`, []string{"fail currency"}, "AT EUR, DE EUR"},
		{"a currency by a sign of many", `"currency":"EUR","currencySymbol":"€"`, `"currencySymbol":"$"`,
			[]string{"warn currency"}, "does not name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := strings.Replace(campaign, test.old, test.new, 1)
			require.NotEqual(t, campaign, data)
			require.True(t, stdjson.Valid([]byte(data)), data)

			findings := preflight.Examine(shop(), answered(`{"12":`+data+`}`))
			assert.Equal(t, append([]string{"warn gateway"}, test.want...), bad(findings))
			assert.Contains(t, told(t, findings), test.says)
		})
	}
}

// told is all that is said of what is not ok; each of those must come with a cure.
func told(t *testing.T, findings []preflight.Finding) string {
	t.Helper()
	var b strings.Builder
	for _, f := range findings {
		if f.Level != preflight.OK {
			assert.NotEmpty(t, f.Cure, f.Check)
			b.WriteString(f.Text + " " + f.Cure + "\n")
		}
	}
	return b.String()
}

func TestSomeCountriesInAnotherCurrency(t *testing.T) {
	lander := shop()
	lander.Shop.Countries = []string{"AT", "CH", "DE", "GB"}
	data := strings.Replace(campaign, `[{"countryCode":"AT"},{"countryCode":"DE"}]`, `["AT","CH","DE","GB"]`, 1)

	findings := preflight.Examine(lander, answered(`[`+data+`]`))
	assert.Equal(t, []string{"warn gateway", "warn currency"}, bad(findings))
	assert.Contains(t, told(t, findings), `CH CHF, GB GBP. Give the lander countries = ["AT", "DE"]`)
}

func TestTheMethodOfTheLanderDecidesTheCurrency(t *testing.T) {
	lander := shop()
	lander.PrepaidType, lander.Shop.Countries = "P24", []string{"PL"}
	data := strings.NewReplacer(`[{"countryCode":"AT"},{"countryCode":"DE"}]`, `["PL"]`, `"currency":"EUR"`,
		`"currency":"PLN"`).Replace(campaign)

	findings := preflight.Examine(lander, answered(`[`+data+`]`))
	assert.Equal(t, []string{"warn gateway"}, bad(findings))
	assert.Contains(t, told(t, findings), "P24")
}

func TestCallsThatDoNotSucceed(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer preflight.Answer
		want   []string
		says   string
	}{
		{"the request never left", preflight.Answer{Failure: preflight.NotSent}, []string{"fail reach"},
			"could not be reached"},
		{"Cloudflare could not reach it", preflight.Answer{Status: 523, Body: "<html>"}, []string{"fail reach"},
			"could not be reached"},
		{"no answer in time", preflight.Answer{Failure: preflight.NoAnswer}, []string{"fail reach"},
			"KONNEKTIVE_TIMEOUT_MS"},
		{"a page instead of JSON", preflight.Answer{Status: 404, Body: "<html>not found</html>"}, []string{"fail reach"},
			"HTTP 404 and no JSON"},
		{"nothing", preflight.Answer{Status: 200}, []string{"fail reach"}, "no JSON"},
		{"JSON that breaks off", preflight.Answer{Status: 200, Body: `{"result":"SUCCESS","message":{"data":[`},
			[]string{"fail reach"}, "no JSON"},
		{"JSON without end to its depth", preflight.Answer{Status: 200,
			Body: strings.Repeat("[", 400) + strings.Repeat("]", 400)}, []string{"fail reach"}, "no JSON"},
		{"JSON of something else", preflight.Answer{Status: 200, Body: `{"result":"MAYBE"}`}, []string{"fail reach"},
			"“MAYBE”"},
		{"JSON that is no object", preflight.Answer{Status: 200, Body: `[1]`}, []string{"fail reach"}, "no result"},
		{"an address that is not whitelisted", refused(`"IP must be whitelisted - 203.0.113.7"`), []string{"fail address"},
			"came from: 203.0.113.7."},
		{"an IPv6 address that is not whitelisted", refused(`"IP must be whitelisted - 2a06:98c0:3600::103."`),
			[]string{"fail address"}, "2a06:98c0:3600::103"},
		{"an address that is not named", refused(`"Your IP must be whitelisted"`), []string{"fail address"}, "CLOUDFLARE"},
		{"wrong credentials", refused(`"Request failed. Could not authenticate credentials. Please check the loginId and password."`), []string{"fail credentials"}, `make secrets SECRETS="KONNEKTIVE_LOGIN_ID KONNEKTIVE_PASSWORD"`},
		{"a call that is not granted", refused(`"You do not have permission to use campaign/query"`), []string{"fail grant"},
			"grant Import Lead"},
		{"a campaign that does not exist", refused(`"No campaigns matching those parameters could be found"`),
			[]string{"fail campaign"}, "no campaign 12"},
		{"a campaign that does not exist, as a field", refused(`{"campaignId":"is not valid"}`), []string{"fail campaign"},
			"no campaign 12"},
		{"another campaign", answered(`{"13":{"campaignId":13}}`), []string{"fail campaign"}, "no campaign 12"},
		{"a campaign under the id of another", answered(`{"12":{"campaignId":13}}`), []string{"fail campaign"},
			"no campaign 12"},
		{"no campaigns", answered(`[]`), []string{"fail campaign"}, "no campaign 12"},
		{"campaigns that are no objects", answered(`{"12":"Tea"}`), []string{"fail campaign"}, "no campaign 12"},
		{"success without a message", preflight.Answer{Status: 200, Body: `{"result":"SUCCESS"}`}, []string{"fail campaign"},
			"no campaign 12"},
		{"success with a text", preflight.Answer{Status: 200, Body: `{"result":"SUCCESS","message":"done"}`},
			[]string{"fail campaign"}, "no campaign 12"},
		{"a refusal that nobody has seen", refused(`"Moon phase\nwrong"`), []string{"fail answer"}, "“Moon phase wrong”"},
		{"a refusal without words", preflight.Answer{Status: 200, Body: `{"result":"ERROR"}`}, []string{"fail answer"},
			"support"},
	} {
		t.Run(test.name, func(t *testing.T) {
			findings := preflight.Examine(shop(), test.answer)
			assert.Equal(t, test.want, bad(findings))
			assert.Contains(t, told(t, findings), test.says)
		})
	}
}

func TestCredentialsAreNotRepeated(t *testing.T) {
	answer := refused(`"Moon phase wrong for relay / pass word"`)
	answer.Hide = []string{"relay", "pass word", ""}

	findings := preflight.Examine(shop(), answer)
	assert.Contains(t, told(t, findings), "“Moon phase wrong for … / …”")
}

func TestLongTextsFromOutsideAreCut(t *testing.T) {
	findings := preflight.Examine(shop(), refused(`"`+strings.Repeat("ü", 5000)+`"`))

	assert.Less(t, len(told(t, findings)), 700)
}

func TestTheWorstOfFindings(t *testing.T) {
	ok, warn := preflight.Finding{Level: preflight.OK}, preflight.Finding{Level: preflight.Warn}
	fail := preflight.Finding{Level: preflight.Fail}

	assert.Equal(t, preflight.OK, preflight.Worst(nil))
	assert.Equal(t, preflight.OK, preflight.Worst([]preflight.Finding{ok, ok}))
	assert.Equal(t, preflight.Warn, preflight.Worst([]preflight.Finding{ok, warn, ok}))
	assert.Equal(t, preflight.Fail, preflight.Worst([]preflight.Finding{warn, fail, warn, ok}))
}

func TestFindingsAsJSON(t *testing.T) {
	w := json.NewWriter(0)
	preflight.Write(w, "*", []preflight.Finding{
		{Check: "campaign", Level: preflight.OK, Text: "Campaign 12, “Te\"a</script>”, is there."},
		{Check: "gateway", Level: preflight.Warn, Text: "Unseen.", Cure: "Look."},
	})

	assert.JSONEq(t, `{"lander":"*","level":"warn","checks":[
		{"check":"campaign","level":"ok","text":"Campaign 12, “Te\"a</script>”, is there."},
		{"check":"gateway","level":"warn","text":"Unseen.","cure":"Look."}]}`, w.String())
}

func TestNoFindingsAsJSON(t *testing.T) {
	w := json.NewWriter(0)
	preflight.Write(w, "shop.example", nil)

	assert.JSONEq(t, `{"lander":"shop.example","level":"ok","checks":[]}`, w.String())
}

func FuzzExamine(f *testing.F) {
	f.Add(200, answered(`[`+campaign+`]`).Body)
	f.Add(200, `{"result":"ERROR","message":"IP must be whitelisted - ::"}`)
	f.Add(200, `{"result":"SUCCESS","message":[{"campaignId":12,"products":{"34":[],"40":null},"countries":[[],{}]}]}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		findings := preflight.Examine(shop(), preflight.Answer{Status: status, Body: body})
		if len(findings) == 0 || preflight.Worst(findings) == preflight.OK {
			t.Errorf("the gateway is never proven, so something must be said: %v", findings)
		}
		w := json.NewWriter(0)
		preflight.Write(w, "*", findings)
		if !stdjson.Valid([]byte(w.String())) {
			t.Errorf("not JSON: %s", w.String())
		}
	})
}
