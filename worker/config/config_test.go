package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/config"
	"klarna-relay/worker/landersfile"
)

// landers is a configuration of these hosts in LANDERS, and of others in landers.toml.
func landers(t *testing.T, hosts []string, file ...string) config.Config {
	t.Helper()
	var entries []string
	for _, host := range hosts {
		entries = append(entries, `"`+host+`":{`+ids+`,"products":[34]}`)
	}
	var text string
	for _, host := range file {
		text += `["` + host + `"]` + "\ncampaignId = 13\nforceMerchantId = 7\nproducts = [34]\n"
	}
	table, err := landersfile.Parse([]byte(text))
	require.NoError(t, err)
	c, faults := config.ParseWith(with(map[string]string{"LANDERS": "{" + strings.Join(entries, ",") + "}"}),
		table.File())
	require.Empty(t, faults)
	require.Empty(t, config.List(c.Landers.Faults()))
	return c
}

func TestTheLanderOfAHost(t *testing.T) {
	c := landers(t, []string{"shop.example", "127.0.0.1", "*", "*.brand.example"}, "filed.example", "*.de.brand.example",
		"exact.de.brand.example")
	for _, test := range []struct{ name, host, want string }{
		{"the name itself", "shop.example", "shop.example"},
		{"a port does not matter", "shop.example:8443", "shop.example"},
		{"nor does the case", "Shop.EXAMPLE", "shop.example"},
		{"nor the dot of the root", "shop.example.:443", "shop.example"},
		{"an address has no labels to take off", "127.0.0.1:8787", "127.0.0.1"},
		{"a subdomain is another host", "www.shop.example", "*"},
		{"a host that ends alike is another host", "evilshop.example", "*"},
		{"an IPv6 address with a port", "[::1]:8787", "*"},
		{"an IPv6 address without one", "[::1]", "*"},
		{"no host at all", "", "*"},
		{"a host of the file", "filed.example", "filed.example"},
		{"a host below a wildcard", "a.brand.example", "*.brand.example"},
		{"a host further below it", "a.b.brand.example", "*.brand.example"},
		{"the wildcard's own domain is not below it", "brand.example", "*"},
		{"a host that ends like the wildcard", "evilbrand.example", "*"},
		{"the longer wildcard counts", "a.de.brand.example", "*.de.brand.example"},
		{"the name itself counts before every wildcard", "exact.de.brand.example", "exact.de.brand.example"},
		{"a host that is written like a wildcard", "*.brand.example", "*.brand.example"},
	} {
		t.Run(test.name, func(t *testing.T) {
			lander, ok := c.Lander(test.host)
			assert.True(t, ok)
			assert.Equal(t, test.want, lander.Name)
			again, _ := c.Lander(test.host)
			assert.Equal(t, lander, again)
		})
	}
}

func TestAHostWithoutALanderHasPagesToComeBackTo(t *testing.T) {
	for name, c := range map[string]config.Config{"another's": landers(t, []string{"shop.example"}), "nobody's": {}} {
		lander, ok := c.Lander("other.example")
		assert.False(t, ok, name)
		assert.Equal(t, config.Lander{Checkout: "/checkout", ThankYou: "/thank-you"}, lander, name)
	}
}

func TestAFaultOfOneLanderIsThatOnesAlone(t *testing.T) {
	table, err := landersfile.Parse([]byte(`
["good.example"]
campaignId = 1
forceMerchantId = 2
products = [3]
["bad.example"]
campaignId = 1
forceMerchantId = 2
products = []
["Capital.example"]
campaignId = 1
forceMerchantId = 2
products = [3]
[bare.example]
campaignId = 1
forceMerchantId = 2
products = [3]
["https://whole.example/shop"]
campaignId = 1
forceMerchantId = 2
products = [3]
["both.example"]
campaignId = 1
forceMerchantId = 2
products = [3]
["infinite.example"]
campaignId = inf
forceMerchantId = 2
products = [3]
["bücher.example"]
`))
	require.NoError(t, err)
	c, faults := config.ParseWith(with(map[string]string{"LANDERS": `{"*":{` + ids +
		`,"products":[34]},"both.example":{` + ids + `,"products":[34]}}`}), table.File())
	require.Empty(t, faults, "none of them is everybody's")
	var reported []config.Fault
	c.Landers.Report = func(faults []config.Fault) { reported = append(reported, faults...) }

	for host, want := range map[string][]string{
		"good.example": nil, "other.example": nil,
		"bad.example":      {`products_missing at landers.toml."bad.example".products`},
		"capital.example":  {`host_invalid at landers.toml."Capital.example"`},
		"bare.example":     {`host_unquoted at landers.toml.bare.example`},
		"whole.example":    {`host_invalid at landers.toml."https://whole.example/shop"`},
		"both.example":     {`host_twice at LANDERS."both.example"`, `host_twice at landers.toml."both.example"`},
		"infinite.example": {`campaign_id_invalid at landers.toml."infinite.example".campaignId`},
	} {
		t.Run(host, func(t *testing.T) {
			reported = nil
			for range 2 {
				lander, ok := c.Lander(host)
				assert.True(t, ok)
				assert.Equal(t, want, codes(lander.Faults))
				assert.NotEmpty(t, lander.ThankYou)
			}
			assert.Equal(t, want, codes(reported), "told once")
		})
	}
	assert.Len(t, c.Landers.All(), 9)
	assert.Len(t, c.Landers.Faults(), 11)
}

func TestALanderThatIsLikeAnother(t *testing.T) {
	const base = `"base.example":{` + ids +
		`,"products":[34],"upsales":[40],"countries":["DE"],"maxQuantity":3,"refField":"custom5","allowedOrigins":["https://a.example"],` +
		`"origin":"https://o.example","pages":{"checkout":"/buy","thankYou":"/done"},"hstsIncludeSubDomains":true}`
	read := func(t *testing.T, entries string) (config.Lander, []string) {
		t.Helper()
		c, faults := config.Parse(with(map[string]string{"LANDERS": "{" + base + "," + entries + "}"}))
		require.Empty(t, faults)
		l, ok := c.Lander("shop.example")
		require.True(t, ok)
		return l, codes(l.Faults)
	}
	t.Run("has everything of that one", func(t *testing.T) {
		c, _ := config.Parse(with(map[string]string{"LANDERS": "{" + base + `,"shop.example":{"like":"base.example"}}`}))
		l, _ := c.Lander("shop.example")
		want, _ := c.Lander("base.example")
		want.Name = "shop.example"
		assert.Equal(t, want, l)
	})
	t.Run("but what it says itself, page by page", func(t *testing.T) {
		l, faults := read(t,
			`"shop.example":{"like":"base.example","campaignId":99,"upsales":[],"pages":{"checkout":"/kaufen"}}`)
		assert.Empty(t, faults)
		assert.Equal(t, "99", l.CampaignID)
		assert.Empty(t, l.Shop.Upsales)
		assert.Equal(t, []string{"/kaufen", "", "/done"}, []string{l.Checkout, l.Upsell, l.ThankYou})
	})
	t.Run("that is like a third one", func(t *testing.T) {
		l, faults := read(t, `"shop.example":{"like":"*"},"*":{"like":"base.example","maxQuantity":1}`)
		assert.Empty(t, faults)
		assert.Equal(t, 1, l.Shop.MaxQuantity)
		assert.Equal(t, []string{"DE"}, l.Shop.Countries)
	})
	for _, test := range []struct{ name, entries, want string }{
		{"that does not exist", `"shop.example":{"like":"nobody.example"}`, `like_invalid at LANDERS."shop.example".like`},
		{"that is itself", `"shop.example":{"like":"shop.example"}`, `like_invalid at LANDERS."shop.example".like`},
		{"in a circle", `"shop.example":{"like":"b.example"},"b.example":{"like":"shop.example"}`,
			`like_invalid at LANDERS."b.example".like`},
		{"by a number", `"shop.example":{"like":12}`, `like_invalid at LANDERS."shop.example".like`},
		{"that has a fault, which is that one's",
			`"shop.example":{"like":"b.example"},"b.example":{"like":"base.example","maxQuantity":0}`,
			`max_quantity_invalid at LANDERS."b.example".maxQuantity`},
		{"that has a key which does not exist",
			`"shop.example":{"like":"b.example"},"b.example":{"like":"base.example","colour":0}`,
			`key_unknown at LANDERS."b.example"."colour"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, faults := read(t, test.entries)
			assert.Contains(t, faults, test.want)
		})
	}
	t.Run("a fault that many take over is told once", func(t *testing.T) {
		c, _ := config.Parse(with(map[string]string{"LANDERS": `{"a.example":{` + ids +
			`,"products":[34],"maxQuantity":0},"b.example":{"like":"a.example"},"c.example":{"like":"a.example"}}`}))
		assert.Equal(t, []string{`max_quantity_invalid at LANDERS."a.example".maxQuantity`}, codes(c.Landers.Faults()))
	})
}

func TestTheKeyThatWasMeant(t *testing.T) {
	keys := []string{"campaignId", "forceMerchantId", "products", "upsales", "maxQuantity", "countries", "origin", "like"}
	for name, want := range map[string]string{
		"upsells": "upsales", "upsell": "upsales", "merchantId": "forceMerchantId", "product": "products",
		"campaignid": "campaignId", "campaign": "campaignId", "gatewayId": "forceMerchantId", "country": "countries",
		"orgin": "origin", "colour": "", "x": "", "": "", "password": "", "maxQty": "maxQuantity",
	} {
		assert.Equal(t, want, config.Nearest(name, keys), name)
	}
}
