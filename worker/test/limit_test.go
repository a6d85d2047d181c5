//go:build e2e

package test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

func TestImportsAreLimitedForOneShoppersAddress(t *testing.T) {
	t.Parallel()
	const limit = 20 // as wrangler.toml has it
	m := NewMarket(t, simulator.Options{}, Options{ImportsPerMinute: -1})
	// The limit counts by the minutes of the clock, so one that is about to end would start a new count in the middle.
	if left := time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)); left < 20*time.Second {
		time.Sleep(left)
	}
	n := 0
	order := func(address string) Answer {
		n++
		return m.Order(t, fmt.Sprintf("limited%d@example.com", n), "CF-Connecting-IP", address)
	}
	refused := func(t *testing.T, a Answer) {
		t.Helper()
		assert.Equal(t, http.StatusTooManyRequests, a.Status, a.Body)
		assert.Equal(t, "rate_limited", a.Envelope(t).Code)
		seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
		require.NoError(t, err, "Retry-After")
		assert.Positive(t, seconds)
	}

	for range limit {
		require.Equal(t, http.StatusOK, order("198.51.100.1").Status)
	}
	calls := len(m.CRM.Calls())
	require.Equal(t, 2*limit, calls, "a lead and an import each")
	for range 5 {
		refused(t, order("198.51.100.1"))
	}
	refused(t, Send(t, m.Client(), http.MethodPost, "https://"+Host+"/api/upsale/import/", "product1_id=40", "Content-Type", Form, "CF-Connecting-IP", "198.51.100.1"))
	assert.Len(t, m.CRM.Calls(), calls, "what is refused costs Konnektive nothing")

	t.Run("somebody else is not concerned", func(t *testing.T) {
		assert.Equal(t, http.StatusOK, order("198.51.100.2").Status)
	})
	t.Run("nor is who only asks how the order stands", func(t *testing.T) {
		a := Send(t, m.Client(), http.MethodGet, "https://"+Host+"/api/order/status/none", "", "CF-Connecting-IP", "198.51.100.1")
		assert.Equal(t, http.StatusNotFound, a.Status)
	})
	t.Run("a household with IPv6 is one shopper, however many addresses it has", func(t *testing.T) {
		for i := range limit {
			require.Equal(t, http.StatusOK, order(fmt.Sprintf("2001:db8:1:2:%x::%x", i, i+1)).Status)
		}
		refused(t, order("2001:db8:1:2:ffff:ffff:ffff:ffff"))
		assert.Equal(t, http.StatusOK, order("2001:db8:1:3::1").Status, "the neighbours")
	})
	t.Run("an IPv4 address written as IPv6 is the same address", func(t *testing.T) {
		refused(t, order("::ffff:198.51.100.1"))
	})
}

func TestALimiterThatIsNotThereCostsNoSale(t *testing.T) {
	t.Parallel()
	m := NewMarket(t, simulator.Options{}, Options{Without: []string{"IMPORTS"}})
	a := m.Order(t, "unlimited@example.com")
	assert.Equal(t, http.StatusOK, a.Status, a.Body)
}
