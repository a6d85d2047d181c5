//go:build e2e

package test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// point is what Analytics Engine is given for one request.
type point struct {
	Indexes, Blobs []string
	Doubles        []float64
}

func (w *Worker) points(t testing.TB, query string) []point {
	t.Helper()
	var found struct{ Points []point }
	a := Send(t, w.Client(), http.MethodGet, "https://"+Host+"/__probe/metrics"+query, "")
	require.NoError(t, json.Unmarshal([]byte(a.Body), &found), a.Body)
	return found.Points
}

func TestEveryRequestToTheAPIIsCounted(t *testing.T) {
	t.Parallel()
	const slow = 150 * time.Millisecond
	m := NewMarket(t, simulator.Options{Settings: simulator.Settings{Latency: slow}}, Options{Probe: true})
	paid := m.Order(t, "counted@example.com")
	require.Equal(t, http.StatusOK, paid.Status, paid.Body)
	sessions := m.CRM.Sessions()
	require.Len(t, sessions, 1)
	Send(t, m.Client(), http.MethodPost, "https://"+Host+"/api/order/import/", "firstName=Nobody", "Content-Type", Form)
	Send(t, m.Client(), http.MethodGet, sessions[0].ErrorRedirectsTo+"?errorMsg=counted+by+nobody", "")
	Send(t, m.Client(), http.MethodGet, "https://"+Host+"/api/nothing", "")
	Send(t, m.Client(), http.MethodGet, "https://"+Host+"/checkout", "")

	until(t, "every request is counted, which may be after its answer", func() bool { return len(m.points(t, "")) >= 4 })
	points := m.points(t, "")
	require.Len(t, points, 4, "one for each request to the API, none for a page: %v", points)
	for i, want := range [][]string{{Host, "order", "redirect"}, {Host, "order", "invalid"}, {Host, "failed", "declined"},
		{Host, "none", "not_found"}} {
		assert.Equal(t, []string{Host}, points[i].Indexes, "the lander")
		assert.Equal(t, want, points[i].Blobs, "lander, route, outcome")
		require.Len(t, points[i].Doubles, 4, "upstream ms, total ms, HTTP status, calls")
	}
	order, invalid := points[0].Doubles, points[1].Doubles
	assert.GreaterOrEqual(t, order[0], float64(2*slow.Milliseconds()), "a lead and an import")
	assert.GreaterOrEqual(t, order[1], order[0])
	assert.Equal(t, []float64{200, 2}, order[2:])
	assert.Equal(t, []float64{0, 422, 0}, []float64{invalid[0], invalid[2], invalid[3]})

	t.Run("a payment is a point of its own, with its amount", func(t *testing.T) {
		sold := m.Order(t, "sold@example.com").Envelope(t)
		require.Equal(t, "redirect", sold.Code)
		for _, session := range m.CRM.Sessions() {
			if session.ID != sessions[0].ID {
				_, err := m.CRM.Approve(session.ID)
				require.NoError(t, err)
				require.Equal(t, http.StatusSeeOther, Send(t, m.Client(), http.MethodGet, session.RedirectsTo, "").Status)
			}
		}
		var settled []point
		until(t, "it is counted", func() bool {
			settled = slices.DeleteFunc(m.points(t, ""), func(p point) bool { return p.Blobs[1] != "settled" })
			return len(settled) > 0
		})
		require.Len(t, settled, 1)
		assert.Equal(t, []string{Host, "settled", "order", "EUR", sold.Ref[:8]}, settled[0].Blobs)
		assert.Greater(t, settled[0].Doubles[4], 100.0, "hundredths")
	})
	t.Run("without anything about the shopper", func(t *testing.T) {
		confidential.addBooks(m.CRM)
		text, err := json.Marshal(points)
		require.NoError(t, err)
		assert.Empty(t, confidential.leaks(string(text)))
	})
	t.Run("and says in the answer how long Konnektive took, and how long the edge", func(t *testing.T) {
		times := regexp.MustCompile(`^crm;dur=(\d+), edge;dur=(\d+)$`).FindStringSubmatch(paid.Header.Get("Server-Timing"))
		require.NotNil(t, times, paid.Header.Get("Server-Timing"))
		crm, err := strconv.ParseFloat(times[1], 64)
		require.NoError(t, err)
		assert.Equal(t, order[0], crm)
		edge, err := strconv.ParseFloat(times[2], 64)
		require.NoError(t, err)
		assert.LessOrEqual(t, edge, order[1]-order[0], "said a little before it was counted")
		health := Send(t, m.Client(), http.MethodGet, "https://"+Host+"/api/health", "")
		assert.Regexp(t, `^crm;dur=0, edge;dur=\d+$`, health.Header.Get("Server-Timing"))
	})
	t.Run("a counter that fails costs no order", func(t *testing.T) {
		before := m.points(t, "?break=1")
		a := m.Order(t, "uncounted@example.com")
		assert.Equal(t, http.StatusOK, a.Status, a.Body)
		assert.Equal(t, "redirect", a.Envelope(t).Code)
		until(t, "the operator is told", func() bool {
			return regexp.MustCompile(`metrics: Error: Analytics Engine is down`).MatchString(m.Output())
		})
		assert.Len(t, m.points(t, ""), len(before))
	})
}

func TestWithoutAnalyticsEngineOrdersGoTheSameWay(t *testing.T) {
	t.Parallel()
	m := NewMarket(t, simulator.Options{}, Options{Without: []string{"METRICS"}})
	a := m.Order(t, "nowhere-counted@example.com")
	assert.Equal(t, http.StatusOK, a.Status, a.Body)
	until(t, "its line is there", func() bool {
		return regexp.MustCompile(`"route":"order","status":200`).MatchString(
			m.Output())
	})
	assert.NotContains(t, m.Output(), "metrics")
}
