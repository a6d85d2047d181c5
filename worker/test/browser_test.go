//go:build e2e

package test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

func TestABrowserFindsTheShopUnderItsOwnNameOverHTTPS(t *testing.T) {
	t.Parallel()
	m := NewMarket(t, simulator.Options{}, Options{})
	ctx := m.Browser(t)
	require.NoError(t, chromedp.Do(Within(ctx), chromedp.Navigate("http://"+Host+"/checkout?a=1")))
	where, err := chromedp.Run(Within(ctx), chromedp.Location())
	require.NoError(t, err)
	assert.Equal(t, "https://"+Host+"/checkout?a=1", where, "redirected to https")
	title, err := chromedp.Run(Within(ctx), chromedp.Title())
	require.NoError(t, err)
	assert.NotEmpty(t, title)
	secure, err := chromedp.Run(Within(ctx), chromedp.Evaluate[bool]("isSecureContext"))
	require.NoError(t, err)
	assert.True(t, secure)
}
