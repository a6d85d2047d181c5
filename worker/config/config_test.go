package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"klarna-relay/worker/config"
)

func TestTheLanderOfAHost(t *testing.T) {
	c := config.Config{Landers: map[string]config.Lander{
		"shop.example": {Name: "shop.example"},
		"127.0.0.1":    {Name: "127.0.0.1"},
		"*":            {Name: "*"},
	}}
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
	} {
		t.Run(test.name, func(t *testing.T) {
			lander, ok := c.Lander(test.host)
			assert.True(t, ok)
			assert.Equal(t, test.want, lander.Name)
		})
	}
}

func TestAHostWithoutALander(t *testing.T) {
	c := config.Config{Landers: map[string]config.Lander{"shop.example": {Name: "shop.example"}}}

	_, ok := c.Lander("other.example")
	assert.False(t, ok)

	_, ok = config.Config{}.Lander("shop.example")
	assert.False(t, ok)
}
