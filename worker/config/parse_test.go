package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/config"
	"klarna-relay/worker/rules"
)

// whole is a configuration without faults; with returns it with some values replaced.
func whole() map[string]string {
	return map[string]string{
		"KONNEKTIVE_LOGIN_ID": "relay",
		"KONNEKTIVE_PASSWORD": "correct horse battery",
		"LANDERS":             `{"*":{"campaignId":12,"forceMerchantId":7,"products":[34,35],"upsales":[40]}}`,
	}
}

func with(changes map[string]string) func(string) string {
	values := whole()
	for name, value := range changes {
		values[name] = value
	}
	return func(name string) string { return values[name] }
}

// parse reads a configuration and every lander of it.
func parse(get func(string) string) (config.Config, []config.Fault) {
	c, faults := config.Parse(get)
	return c, append(faults, c.Landers.Faults()...)
}

// codes is each fault as "code at where".
func codes(faults []config.Fault) []string {
	var all []string
	for _, f := range faults {
		all = append(all, f.Code+" at "+f.Where)
	}
	return all
}

func TestTheSmallestConfigurationGetsTheDefaults(t *testing.T) {
	c, faults := parse(with(nil))
	require.Empty(t, faults)

	method, ok := rules.MethodNamed("KLARNA")
	require.True(t, ok)
	assert.Equal(t, config.Config{
		KonnektiveURL: "https://api.konnektive.com",
		Timeout:       30 * time.Second,
		LoginID:       "relay",
		Password:      "correct horse battery",
		TurnstileURL:  "https://challenges.cloudflare.com/turnstile/v0/siteverify",
		Landers:       c.Landers,
	}, c)
	assert.Equal(t, []config.Lander{{
		Name: "*", CampaignID: "12", MerchantID: "7", PrepaidType: "KLARNA",
		Shop: rules.Shop{Products: []string{"34", "35"}, Upsales: []string{"40"}, MaxQuantity: 10,
			Countries: method.Countries()},
		Checkout: "/checkout", Upsell: "/upsell", ThankYou: "/thank-you",
	}}, c.Landers.All())
}

func TestAFullConfigurationIsTakenAsWritten(t *testing.T) {
	c, faults := parse(with(map[string]string{
		"KONNEKTIVE_URL":        "https://api.checkoutchamp.com/",
		"KONNEKTIVE_TIMEOUT_MS": "12000",
		"ADMIN_TOKEN":           "0123456789abcdef",
		"TURNSTILE_SECRET":      "0x4AAA",
		"TURNSTILE_URL":         "http://127.0.0.1:9/siteverify",
		"ALLOW_LOOPBACK_HTTP":   "1",
		"VERSION":               "1.2.3",
		"SERVER_PASSWORD":       "0123456789abcdef01234567",
		"ALERT_URL":             "https://hooks.example/T/B/x",
		"LANDERS": `{"shop.example": {
			"campaignId": "12", "forceMerchantId": "7", "prepaidType": "KLARNA", "products": ["34", 35], "upsales": [40],
			"maxQuantity": 3, "countries": ["DE", "AT"],
			"allowedOrigins": ["https://www.shop.example", "https://a.example:8443", "http://localhost:3000"],
			"origin": "https://origin.shop.example/",
			"pages": {"checkout": "/buy/now.html", "upsell": "https://more.example/offer", "thankYou": "/done/"},
			"dialect": "konnektive", "refField": "custom5",
			"hstsIncludeSubDomains": true, "hstsPreload": true
		}}`,
	}))
	require.Empty(t, faults)

	assert.Equal(t, config.Config{
		KonnektiveURL: "https://api.checkoutchamp.com", Timeout: 12 * time.Second, LoginID: "relay",
		Password: "correct horse battery", AdminToken: "0123456789abcdef", TurnstileSecret: "0x4AAA",
		TurnstileURL: "http://127.0.0.1:9/siteverify", Version: "1.2.3", LoopbackHTTP: true,
		ServerPassword: "0123456789abcdef01234567", AlertURL: "https://hooks.example/T/B/x",
		Landers: c.Landers,
	}, c)
	assert.Equal(t, []config.Lander{{
		Name: "shop.example", CampaignID: "12", MerchantID: "7", PrepaidType: "KLARNA",
		Shop: rules.Shop{Products: []string{"34", "35"}, Upsales: []string{"40"}, MaxQuantity: 3,
			Countries: []string{"DE", "AT"}},
		AllowedOrigins: []string{"https://www.shop.example", "https://a.example:8443", "http://localhost:3000"},
		Origin:         "https://origin.shop.example",
		Checkout:       "/buy/now.html", Upsell: "https://more.example/offer", ThankYou: "/done/",
		Dialect: "konnektive", RefField: "custom5",
		HSTSIncludeSubDomains: true, HSTSPreload: true,
	}}, c.Landers.All())
}

func TestVariablesAndSecrets(t *testing.T) {
	for _, test := range []struct {
		name   string
		change map[string]string
		want   []string // none: accepted
	}{
		{"a missing login id", map[string]string{"KONNEKTIVE_LOGIN_ID": ""},
			[]string{"login_id_missing at KONNEKTIVE_LOGIN_ID"}},
		{"a login id of 32 characters", map[string]string{"KONNEKTIVE_LOGIN_ID": strings.Repeat("ü", 32)}, nil},
		{"a login id of 33", map[string]string{"KONNEKTIVE_LOGIN_ID": strings.Repeat("u", 33)},
			[]string{"login_id_too_long at KONNEKTIVE_LOGIN_ID"}},
		{"a login id piped with its line break", map[string]string{"KONNEKTIVE_LOGIN_ID": "relay\n"},
			[]string{"login_id_invalid at KONNEKTIVE_LOGIN_ID"}},
		{"a login id that is not UTF-8", map[string]string{"KONNEKTIVE_LOGIN_ID": "relay\xff"},
			[]string{"login_id_invalid at KONNEKTIVE_LOGIN_ID"}},
		{"a missing password", map[string]string{"KONNEKTIVE_PASSWORD": ""},
			[]string{"password_missing at KONNEKTIVE_PASSWORD"}},
		{"a password with an ampersand", map[string]string{"KONNEKTIVE_PASSWORD": "a&b"},
			[]string{"password_ampersand at KONNEKTIVE_PASSWORD"}},
		{"a password with every fault", map[string]string{"KONNEKTIVE_PASSWORD": strings.Repeat("x", 40) + "& "}, []string{
			"password_too_long at KONNEKTIVE_PASSWORD", "password_invalid at KONNEKTIVE_PASSWORD", "password_ampersand at " +
				"KONNEKTIVE_PASSWORD",
		}},
		{"a password with a tab inside", map[string]string{"KONNEKTIVE_PASSWORD": "a\tb"},
			[]string{"password_invalid at KONNEKTIVE_PASSWORD"}},
		{"a password with the signs that forms escape", map[string]string{"KONNEKTIVE_PASSWORD": "a b+c%d=e#f;g"}, nil},

		{"another API host", map[string]string{"KONNEKTIVE_URL": "https://api.checkoutchamp.com"}, nil},
		{"an API behind a path", map[string]string{"KONNEKTIVE_URL": "https://proxy.example/konnektive//"}, nil},
		{"the simulated CRM on this machine", map[string]string{"KONNEKTIVE_URL": "http://127.0.0.1:9000"}, nil},
		{"the simulated CRM by IPv6", map[string]string{"KONNEKTIVE_URL": "http://[::1]:9000"}, nil},
		{"the simulated CRM by name", map[string]string{"KONNEKTIVE_URL": "http://crm.localhost:9000"}, nil},
		{"an API over plain http", map[string]string{"KONNEKTIVE_URL": "http://api.konnektive.com"},
			[]string{"konnektive_url_invalid at KONNEKTIVE_URL"}},
		{"a host that only begins like this machine", map[string]string{"KONNEKTIVE_URL": "http://127.0.0.1.evil.example"},
			[]string{"konnektive_url_invalid at KONNEKTIVE_URL"}},
		{"an API with credentials in its address",
			map[string]string{"KONNEKTIVE_URL": "https://me:secret@api.konnektive.com"},
			[]string{"konnektive_url_invalid at KONNEKTIVE_URL"}},
		{"an API with a query", map[string]string{"KONNEKTIVE_URL": "https://api.konnektive.com/?a=b"},
			[]string{"konnektive_url_invalid at KONNEKTIVE_URL"}},
		{"an API with an empty query", map[string]string{"KONNEKTIVE_URL": "https://api.konnektive.com?"},
			[]string{"konnektive_url_invalid at KONNEKTIVE_URL"}},
		{"an API with a fragment", map[string]string{"KONNEKTIVE_URL": "https://api.konnektive.com/#x"},
			[]string{"konnektive_url_invalid at KONNEKTIVE_URL"}},
		{"an API with a space", map[string]string{"KONNEKTIVE_URL": " https://api.konnektive.com"},
			[]string{"konnektive_url_invalid at KONNEKTIVE_URL"}},
		{"an API without a scheme", map[string]string{"KONNEKTIVE_URL": "api.konnektive.com"},
			[]string{"konnektive_url_invalid at KONNEKTIVE_URL"}},
		{"an API without a host", map[string]string{"KONNEKTIVE_URL": "https:///order"},
			[]string{"konnektive_url_invalid at KONNEKTIVE_URL"}},
		{"an API without slashes", map[string]string{"KONNEKTIVE_URL": "https:api.konnektive.com"},
			[]string{"konnektive_url_invalid at KONNEKTIVE_URL"}},
		{"an API by another protocol", map[string]string{"KONNEKTIVE_URL": "ftp://api.konnektive.com"},
			[]string{"konnektive_url_invalid at KONNEKTIVE_URL"}},
		{"an API whose host is a number in disguise", map[string]string{"KONNEKTIVE_URL": "http://2130706433"},
			[]string{"konnektive_url_invalid at KONNEKTIVE_URL"}},
		{"an API whose host is no name", map[string]string{"KONNEKTIVE_URL": "https://api_.konnektive..com"},
			[]string{"konnektive_url_invalid at KONNEKTIVE_URL"}},
		{"an API on an impossible port", map[string]string{"KONNEKTIVE_URL": "https://api.konnektive.com:99999"},
			[]string{"konnektive_url_invalid at KONNEKTIVE_URL"}},
		{"an API on an empty port", map[string]string{"KONNEKTIVE_URL": "https://api.konnektive.com:"},
			[]string{"konnektive_url_invalid at KONNEKTIVE_URL"}},

		{"the shortest timeout", map[string]string{"KONNEKTIVE_TIMEOUT_MS": "1000"}, nil},
		{"the longest timeout", map[string]string{"KONNEKTIVE_TIMEOUT_MS": "60000"}, nil},
		{"a timeout under a tenth of a second", map[string]string{"KONNEKTIVE_TIMEOUT_MS": "99"},
			[]string{"timeout_invalid at KONNEKTIVE_TIMEOUT_MS"}},
		{"a timeout over a minute", map[string]string{"KONNEKTIVE_TIMEOUT_MS": "60001"},
			[]string{"timeout_invalid at KONNEKTIVE_TIMEOUT_MS"}},
		{"a timeout in other words", map[string]string{"KONNEKTIVE_TIMEOUT_MS": "30s"},
			[]string{"timeout_invalid at KONNEKTIVE_TIMEOUT_MS"}},
		{"a timeout with a fraction", map[string]string{"KONNEKTIVE_TIMEOUT_MS": "30000.5"},
			[]string{"timeout_invalid at KONNEKTIVE_TIMEOUT_MS"}},
		{"a timeout beyond all numbers", map[string]string{"KONNEKTIVE_TIMEOUT_MS": strings.Repeat("9", 40)},
			[]string{"timeout_invalid at KONNEKTIVE_TIMEOUT_MS"}},
		{"a timeout that would overflow into range", map[string]string{"KONNEKTIVE_TIMEOUT_MS": "999999999999999"},
			[]string{"timeout_invalid at KONNEKTIVE_TIMEOUT_MS"}},

		{"an admin token of 8 characters", map[string]string{"ADMIN_TOKEN": "01234567"}, nil},
		{"an admin token of 7", map[string]string{"ADMIN_TOKEN": "0123456"}, []string{"admin_token_short at ADMIN_TOKEN"}},
		{"an admin token that no header can carry", map[string]string{"ADMIN_TOKEN": "0123456789 abcdef"},
			[]string{"admin_token_invalid at ADMIN_TOKEN"}},

		{"a bot check secret with a line break", map[string]string{"TURNSTILE_SECRET": "0x4AAA\n"},
			[]string{"turnstile_secret_invalid at TURNSTILE_SECRET"}},
		{"a server's password of 24 characters", map[string]string{"SERVER_PASSWORD": strings.Repeat("ü", 24)}, nil},
		{"a server's password of 23", map[string]string{"SERVER_PASSWORD": strings.Repeat("u", 23)},
			[]string{"server_password_short at SERVER_PASSWORD"}},
		{"a server's password piped with its line break",
			map[string]string{"SERVER_PASSWORD": strings.Repeat("u", 24) + "\n"},
			[]string{"server_password_invalid at SERVER_PASSWORD"}},

		{"a webhook with a key in its query", map[string]string{"ALERT_URL": "https://hooks.example/a/b?routing_key=1"},
			nil},
		{"a webhook on this machine", map[string]string{"ALERT_URL": "http://127.0.0.1:9/hook"}, nil},
		{"a webhook over plain http", map[string]string{"ALERT_URL": "http://hooks.example/a"},
			[]string{"alert_url_invalid at ALERT_URL"}},
		{"a webhook with a space in its query", map[string]string{"ALERT_URL": "https://hooks.example/a?b c"},
			[]string{"alert_url_invalid at ALERT_URL"}},
		{"a webhook with a fragment", map[string]string{"ALERT_URL": "https://hooks.example/a?b#c"},
			[]string{"alert_url_invalid at ALERT_URL"}},
		{"a webhook that is too long", map[string]string{"ALERT_URL": "https://hooks.example/" + strings.Repeat("a", 2000)},
			[]string{"alert_url_invalid at ALERT_URL"}},

		{"a bot check elsewhere over plain http", map[string]string{"TURNSTILE_URL": "http://turnstile.example/"},
			[]string{"turnstile_url_invalid at TURNSTILE_URL"}},

		{"loopback http switched on in other words", map[string]string{"ALLOW_LOOPBACK_HTTP": "true"},
			[]string{"allow_loopback_http_invalid at ALLOW_LOOPBACK_HTTP"}},
		{"loopback http switched off in other words", map[string]string{"ALLOW_LOOPBACK_HTTP": "0"},
			[]string{"allow_loopback_http_invalid at ALLOW_LOOPBACK_HTTP"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, faults := parse(with(test.change))
			assert.Equal(t, test.want, codes(faults))
		})
	}
}

func TestAFaultyValueIsNeverUsed(t *testing.T) {
	c, faults := parse(with(map[string]string{
		"KONNEKTIVE_URL": "http://evil.example", "KONNEKTIVE_TIMEOUT_MS": "0", "KONNEKTIVE_LOGIN_ID": " x",
		"KONNEKTIVE_PASSWORD": "a&b", "ADMIN_TOKEN": "short", "TURNSTILE_SECRET": " x",
		"TURNSTILE_URL": "http://evil.example", "ALLOW_LOOPBACK_HTTP": "yes", "SERVER_PASSWORD": "short",
		"ALERT_URL": "http://evil.example",
	}))
	require.Len(t, faults, 10)

	c.Landers = nil
	assert.Equal(t, config.Config{Timeout: 30 * time.Second}, c)
}

func TestNoFaultRepeatsASecretOrAnAddress(t *testing.T) {
	const canary = "c4nary"
	_, faults := parse(with(map[string]string{
		"KONNEKTIVE_LOGIN_ID": canary + "\n", "KONNEKTIVE_PASSWORD": canary +
			"&", "ADMIN_TOKEN": canary, "TURNSTILE_SECRET": canary + "\n",
		"KONNEKTIVE_URL": "https://" + canary + ":" + canary +
			"@api.konnektive.com/", "TURNSTILE_URL": "https://x.example/?" + canary,
		"KONNEKTIVE_TIMEOUT_MS": canary, "ALLOW_LOOPBACK_HTTP": canary,
		"SERVER_PASSWORD": canary, "ALERT_URL": "http://hooks.example/" + canary,
		"LANDERS": `{"*":{"campaignId":"` + canary + `","forceMerchantId":"` + canary + `","products":["` + canary +
			`"],"origin":"https://` + canary +
			`@x.example","allowedOrigins":["https://x.example/?` + canary + `"],"pages":{"checkout":"/?` + canary +
			`"},"countries":["` + canary + `"],"prepaidType":"` + canary + `"}}`,
	}))
	require.Len(t, faults, 18)

	assert.NotContains(t, config.Explain(faults), canary)
}

func TestEveryFaultHasACodeAPlaceAndACure(t *testing.T) {
	_, faults := parse(func(string) string { return "\x00 &" })
	require.NotEmpty(t, faults)

	for _, f := range faults {
		assert.Regexp(t, `^[a-z]+(_[a-z]+)*$`, f.Code)
		assert.NotEmpty(t, f.Where)
		assert.Greater(t, len(f.Cure), 20, f.Code)
	}
}

func TestAllFaultsAreExplainedInOneMessage(t *testing.T) {
	_, faults := parse(with(map[string]string{"KONNEKTIVE_LOGIN_ID": "", "LANDERS": ""}))

	assert.Equal(t, "2 faults in the configuration: "+
		"login_id_missing at KONNEKTIVE_LOGIN_ID: set it with: make secrets SECRETS=KONNEKTIVE_LOGIN_ID (for make dev: in .dev.vars) | "+
		`landers_missing at LANDERS: add a table [vars.LANDERS."*"] with campaignId, forceMerchantId and products`, config.Explain(faults))
	assert.Equal(t, "2 faults in the configuration:\n"+
		"  - login_id_missing at KONNEKTIVE_LOGIN_ID: set it with: make secrets SECRETS=KONNEKTIVE_LOGIN_ID (for make dev: in .dev.vars)\n"+
		`  - landers_missing at LANDERS: add a table [vars.LANDERS."*"] with campaignId, forceMerchantId and products`+"\n", config.List(faults))
}

func TestOneFaultIsNotCalledFaults(t *testing.T) {
	assert.Equal(t, "1 fault in the configuration: c at W: cure",
		config.Explain([]config.Fault{{Code: "c", Where: "W", Cure: "cure"}}))
}

func TestNoFaultsNeedNoExplanation(t *testing.T) {
	assert.Empty(t, config.Explain(nil))
	assert.Empty(t, config.List(nil))
}

func FuzzParse(f *testing.F) {
	f.Add("relay", "secret", "https://api.konnektive.com", "30000", "https://x.example",
		`{"*":{"campaignId":12,"forceMerchantId":7,"products":[34]}}`)
	f.Add("", "&", "http://[::1]:9", "1e3", "1", `{"A.b":{"products":{},"pages":[],"origin":"http://"}}`)
	f.Add("\x00", "\xff", "https://%zz", "-1", "//",
		`{"":{"upsales":[[]],"countries":[1,"de"],"allowedOrigins":["*","null"]}}`)
	f.Fuzz(func(t *testing.T, login, password, url, timeout, page, landers string) {
		values := map[string]string{
			"KONNEKTIVE_LOGIN_ID": login, "KONNEKTIVE_PASSWORD": password, "KONNEKTIVE_URL": url,
			"KONNEKTIVE_TIMEOUT_MS": timeout, "TURNSTILE_URL": url, "ALLOW_LOOPBACK_HTTP": page, "LANDERS": landers,
		}
		c, faults := parse(func(name string) string { return values[name] })
		if len(faults) > 0 {
			return
		}
		// What passes must be usable as it is.
		if c.LoginID == "" || c.Password == "" || !strings.HasPrefix(c.KonnektiveURL, "http") || len(c.Landers.All()) == 0 {
			t.Errorf("incomplete without a fault: %+v", c.Landers.All())
		}
		for _, l := range c.Landers.All() {
			if l.Name == "" || l.CampaignID == "" || l.MerchantID == "" || len(l.Shop.Products) == 0 ||
				len(l.Shop.Countries) == 0 ||
				l.Shop.MaxQuantity < 1 || l.Checkout == "" || l.ThankYou == "" ||
				strings.ContainsAny(l.Checkout+l.Upsell+l.ThankYou, "?#\\ \n") {
				t.Errorf("incomplete lander without a fault: %+v", l)
			}
		}
	})
}
