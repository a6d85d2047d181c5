package rules_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"klarna-relay/worker/rules"
)

func TestWhereAPageMaySendTheShopper(t *testing.T) {
	for _, value := range []string{
		"/", "/thanks", "/thanks?x=1#top", "/apiary", "https://shop.example", "https://shop.example/t?x=1",
		"HTTPS://SHOP.example/t",
		"https://shop.example:443/t", "https://pages.example/t", "https://origin.example:8443/t", "/" +
			strings.Repeat("a", 299),
	} {
		target, ok := rules.Target(" "+value+" ", "https://shop.example", "https://origin.example:8443",
			"https://pages.example")
		assert.True(t, ok, value)
		assert.Equal(t, value, target)
	}
	for _, value := range []string{
		"", "thanks", "?x=1", "#top", "//evil.example", "/\\evil.example", "/\t/evil.example", "https://evil.example/",
		"https://shop.example@evil.example/", "https://user:password@shop.example/", "https://shop.example.evil.example/",
		"https://shop.example\\@evil.example/", "https://shop.example:8443/t", "http://pages.example/t",
		"https:shop.example/t", "https:///shop.example/t", "javascript:alert(1)", "javascript://shop.example/%0aalert(1)",
		"data:text/html,x", "/a b", "/ä", "/api", "/api/health", "/API/health", "/%61pi/health", "/./api/health",
		"/a/../api/health", "/%2e%2e//evil.example", "https://shop.example/api/health", "/" + strings.Repeat("a", 300),
	} {
		target, ok := rules.Target(value, "https://shop.example", "https://origin.example:8443", "https://pages.example",
			"http://pages.example")
		assert.False(t, ok, value)
		assert.Empty(t, target, "what is no target means nothing, whoever forgets to look at ok")
	}
}
