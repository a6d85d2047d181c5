//go:build e2e

package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// The relay's program is started with the isolate, when there is no request yet: no randomness, no clock, nobody
// who reads the log.

func health(t *testing.T, w *Worker) (answer struct {
	Status      string
	StartedLate bool
}) {
	t.Helper()
	a := Send(t, w.Client(), http.MethodGet, "https://"+Host+"/api/health", "")
	require.NoError(t, json.Unmarshal([]byte(a.Body), &answer), a.Body)
	return answer
}

func TestGoIsStartedWithTheIsolate(t *testing.T) {
	t.Parallel()
	m := NewMarket(t, simulator.Options{}, Options{Probe: true, Vars: map[string]any{"MODULE_SCOPE": "production"}})
	assert.Equal(t, 1, m.probe(t, "state").Instances, "before the first request to the relay")
	a := m.Order(t, "early@example.com")
	assert.Equal(t, http.StatusOK, a.Status, a.Body)
	assert.False(t, health(t, m.Worker).StartedLate)
	assert.Equal(t, 1, m.probe(t, "state").Instances)
	until(t, "the order is logged", func() bool { return strings.Contains(m.Output(), `"route":"order"`) })
	t.Run("nothing that was rehearsed is seen", func(t *testing.T) {
		assert.Len(t, m.CRM.Calls(), 2, "the lead and the import of the one order")
		assert.Equal(t, 1, strings.Count(m.Output(), `"route":"order"`))
		assert.NotContains(t, m.Output(), "rehearsal")
		assert.NotContains(t, m.Output(), `"level":"error"`)
	})
	t.Run("the clock is right from the first request on", func(t *testing.T) {
		said := regexp.MustCompile(`"time":"([^"]+)"`).FindStringSubmatch(m.Output())
		require.Len(t, said, 2)
		at, err := time.Parse(time.RFC3339Nano, said[1])
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now(), at, patience)
	})
}

func TestAStartThatFailsBeforeTheFirstRequestIsTriedAgainInIt(t *testing.T) {
	t.Parallel()
	for scope, c := range map[string]struct {
		what      string
		instances int
	}{
		"fails": {"Error: not before the first request", 1},
		"draws": {"Error: random data is needed before the first request", 2},
		"hangs": {"Error: the rehearsal did not end", 2},
	} {
		t.Run(scope, func(t *testing.T) {
			m := NewMarket(t, simulator.Options{}, Options{Probe: true, Vars: map[string]any{"MODULE_SCOPE": scope}})
			for i := range 3 {
				a := m.Order(t, fmt.Sprintf("late%d@example.com", i))
				assert.Equal(t, http.StatusOK, a.Status, a.Body)
			}
			assert.Equal(t, http.StatusOK, Send(t, m.Client(), http.MethodGet, "https://"+Host+"/checkout", "").Status)
			assert.True(t, health(t, m.Worker).StartedLate)
			assert.Equal(t, "ok", health(t, m.Worker).Status, "all that it costs is the first shopper's time")
			assert.Equal(t, c.instances, m.probe(t, "state").Instances)
			assert.Equal(t, 1, strings.Count(m.Output(), `"event":"start_failed","what":"`+c.what+`"`))
			assert.NotContains(t, m.Output(), "instance_died")
		})
	}
}

func TestARehearsalThatFailsCostsNothing(t *testing.T) {
	t.Parallel()
	m := NewMarket(t, simulator.Options{}, Options{Probe: true, Vars: map[string]any{"MODULE_SCOPE": "refuses"}})
	for i := range 2 {
		a := m.Order(t, fmt.Sprintf("rehearsed%d@example.com", i))
		assert.Equal(t, http.StatusOK, a.Status, a.Body)
	}
	assert.False(t, health(t, m.Worker).StartedLate)
	assert.Equal(t, 1, m.probe(t, "state").Instances)
	assert.Equal(t, 1, strings.Count(m.Output(), `{"level":"error","event":"rehearsal_failed","what":"another answer"}`))
}

func TestRefsAndNoncesOfTwoIsolatesHaveNothingInCommon(t *testing.T) {
	t.Parallel()
	sim := simulator.New(simulator.Options{LoginID: LoginID, Password: Password, BaseURL: "https://" + KlarnaHost})
	crm := httptest.NewServer(sim)
	t.Cleanup(crm.Close)
	seen := map[string]bool{}
	nonce := regexp.MustCompile(`'nonce-([^']+)'`)
	for range 2 { // with the same secrets, and so with the same seed
		w := Start(t, Options{KonnektiveURL: crm.URL})
		for i := range 3 {
			ordered := w.Order(t, fmt.Sprintf("random%d@example.com", i))
			page := Send(t, w.Client(), http.MethodPost, "https://"+Host+"/api/order/import/", "firstName=", "Content-Type",
				Form, "Accept", "text/html")
			found := nonce.FindStringSubmatch(page.Header.Get("Content-Security-Policy"))
			require.Len(t, found, 2)
			for _, random := range []string{ordered.Envelope(t).Ref, ordered.Header.Get("X-Request-Id"), found[1]} {
				require.GreaterOrEqual(t, len(random), 16)
				assert.False(t, seen[random], "%s was there before", random)
				seen[random] = true
			}
		}
	}
}

func TestFaultsOfTheConfigurationAreSaidWithTheFirstRequest(t *testing.T) {
	t.Parallel()
	w := Start(t, Options{Vars: map[string]any{"KONNEKTIVE_LOGIN_ID": ""}})
	for range 3 {
		assert.Equal(t, "misconfigured", health(t, w).Status)
	}
	assert.Equal(t, 1, strings.Count(w.Output(), `"event":"misconfigured"`))
	assert.Contains(t, w.Output(), "KONNEKTIVE_LOGIN_ID")
}

func TestAFreshIsolateLooksAfterAnAlarm(t *testing.T) {
	t.Parallel()
	sim := simulator.New(simulator.Options{LoginID: LoginID, Password: Password, BaseURL: "https://" + KlarnaHost})
	crm := httptest.NewServer(sim)
	t.Cleanup(crm.Close)
	options := Options{KonnektiveURL: crm.URL, Persist: t.TempDir(), Probe: true}
	t.Run("an order is paid and the shopper never comes back", func(t *testing.T) {
		w := Start(t, options)
		ref := w.Order(t, "alarm@example.com").Envelope(t).Ref
		_, err := sim.Approve(sim.Sessions()[0].ID)
		require.NoError(t, err)
		version, data, _ := strings.Cut(w.ledger(t, "ledger", "call", "read", "ref", ref).Record, "\x00")
		require.True(t, w.ledger(t, "ledger", "call", "write", "ref", ref, "version", version, "data", data, "alarm", "3000",
			"expires", hour).Won)
	})
	require.Empty(t, sim.Calls(simulator.OpQuery))
	w := Start(t, options) // a fresh isolate, which the alarm is the first to enter
	until(t, "the relay asks Konnektive by itself", func() bool { return len(sim.Calls(simulator.OpQuery)) > 0 })
	until(t, "and logs what it learned", func() bool {
		return strings.Contains(w.Output(),
			`"route":"alarm","status":200,"code":"paid"`)
	})
	assert.NotContains(t, w.Output(), `"level":"error"`)
}
