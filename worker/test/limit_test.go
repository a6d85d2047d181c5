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

// A spender sends orders from addresses, and counts those that were accepted. The limiter counts by the minutes of
// the clock, one of which may end at any time: so an address is spent until it is refused, as often as the minute
// has changed meanwhile.
type spender struct {
	m        *Market
	sent     int
	accepted int
}

func (s *spender) order(t *testing.T, address string) Answer {
	t.Helper()
	s.sent++
	a := s.m.Order(t, fmt.Sprintf("limited%d@example.com", s.sent), "CF-Connecting-IP", address)
	if a.Status == http.StatusOK {
		s.accepted++
	}
	return a
}

// spend sends orders until one is refused, and then whatever else should be refused within the same minute. It
// returns the last answer.
func (s *spender) spend(t *testing.T, limit int, address func(n int) string, then func() Answer) Answer {
	t.Helper()
	minute := func() time.Time { return time.Now().Truncate(time.Minute) }
	for {
		began, within := minute(), 0
		for n := 0; s.order(t, address(n)).Status == http.StatusOK; n++ {
			if now := minute(); !now.Equal(began) {
				began, within = now, 0
				continue
			}
			within++
			require.LessOrEqual(t, within, limit, "orders accepted within a minute")
		}
		if a := then(); a.Status != http.StatusOK || minute().Equal(began) {
			return a
		}
	}
}

func TestImportsAreLimitedForOneShoppersAddress(t *testing.T) {
	t.Parallel()
	const limit = 20 // as wrangler.toml has it
	m := NewMarket(t, simulator.Options{}, Options{ImportsPerMinute: -1})
	s := &spender{m: m}
	refused := func(t *testing.T, a Answer) {
		t.Helper()
		assert.Equal(t, http.StatusTooManyRequests, a.Status, a.Body)
		assert.Equal(t, "rate_limited", a.Envelope(t).Code)
		seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
		require.NoError(t, err, "Retry-After")
		assert.Positive(t, seconds)
	}
	from := func(address string) func(int) string { return func(int) string { return address } }

	for range limit {
		require.Equal(t, http.StatusOK, s.order(t, "198.51.100.1").Status)
	}
	refused(t, s.spend(t, limit, from("198.51.100.1"), func() Answer { return s.order(t, "198.51.100.1") }))
	refused(t, s.spend(t, limit, from("198.51.100.1"), func() Answer {
		return Send(t, m.Client(), http.MethodPost, "https://"+Host+"/api/upsale/import/", "product1_id=40", "Content-Type",
			Form, "CF-Connecting-IP", "198.51.100.1")
	}))
	assert.Len(t, m.CRM.Calls(), 2*s.accepted, "a lead and an import each; what is refused costs Konnektive nothing")

	t.Run("somebody else is not concerned", func(t *testing.T) {
		assert.Equal(t, http.StatusOK, s.order(t, "198.51.100.2").Status)
	})
	t.Run("nor is who only asks how the order stands", func(t *testing.T) {
		a := Send(t, m.Client(), http.MethodGet, "https://"+Host+"/api/order/status/none", "", "CF-Connecting-IP",
			"198.51.100.1")
		assert.Equal(t, http.StatusNotFound, a.Status)
	})
	t.Run("a household with IPv6 is one shopper, however many addresses it has", func(t *testing.T) {
		for i := range limit {
			require.Equal(t, http.StatusOK, s.order(t, fmt.Sprintf("2001:db8:1:2:%x::%x", i, i+1)).Status)
		}
		household := func(n int) string { return fmt.Sprintf("2001:db8:1:2:%x::%x", 0x100+n, n+1) }
		refused(t, s.spend(t, limit, household, func() Answer { return s.order(t, "2001:db8:1:2:ffff:ffff:ffff:ffff") }))
		assert.Equal(t, http.StatusOK, s.order(t, "2001:db8:1:3::1").Status, "the neighbours")
	})
	t.Run("an IPv4 address written as IPv6 is the same address", func(t *testing.T) {
		refused(t, s.spend(t, limit, from("198.51.100.1"), func() Answer { return s.order(t, "::ffff:198.51.100.1") }))
	})
}

func TestALimiterThatIsNotThereCostsNoSale(t *testing.T) {
	t.Parallel()
	m := NewMarket(t, simulator.Options{}, Options{Without: []string{"IMPORTS"}})
	a := m.Order(t, "unlimited@example.com")
	assert.Equal(t, http.StatusOK, a.Status, a.Body)
}
