//go:build e2e

package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

type state struct{ Instances, Goroutines, Memory int }

func (w *Worker) probe(t testing.TB, name string) (s state) {
	t.Helper()
	a := Send(t, w.Client(), http.MethodGet, "https://"+Host+"/__probe/"+name, "")
	require.Equal(t, http.StatusOK, a.Status, a.Body)
	require.NoError(t, json.Unmarshal([]byte(a.Body), &s), a.Body)
	return s
}

// until waits for a condition on a busy machine.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, patience, 5*time.Millisecond, what)
}

// holding is a Konnektive that keeps calls of one kind until it may let them go.
func holding(op simulator.Op, hold <-chan struct{}) simulator.Options {
	return simulator.Options{Fault: func(c simulator.Call) simulator.Fault {
		if c.Op == op {
			return simulator.Fault{Hold: hold}
		}
		return simulator.Fault{}
	}}
}

func TestADeadInstanceIsReplaced(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"exhaust", "scramble"} {
		t.Run(end, func(t *testing.T) {
			hold := make(chan struct{})
			m := NewMarket(t, simulator.Options{Fault: func(c simulator.Call) simulator.Fault {
				if c.Op == simulator.OpOrder && c.Email == "held@example.com" {
					return simulator.Fault{Hold: hold}
				}
				return simulator.Fault{}
			}}, Options{Probe: true})
			require.Equal(t, http.StatusOK, m.Order(t, "before@example.com").Status)
			require.Equal(t, 1, m.probe(t, "state").Instances, "one instance serves them all")

			held := make(chan Answer, 1)
			go func() { held <- m.Order(t, "held@example.com") }()
			until(t, "the order is at Konnektive", func() bool { return len(m.CRM.Calls(simulator.OpOrder)) == 2 })

			m.probe(t, end) // kills it
			next := m.Order(t, "after@example.com")
			assert.Equal(t, http.StatusOK, next.Status, next.Body)
			assert.Equal(t, http.StatusOK, Send(t, m.Client(), http.MethodGet, "https://"+Host+"/checkout", "").Status)
			assert.Equal(t, 2, m.probe(t, "state").Instances)

			close(hold)
			answer := <-held
			assert.Equal(t, http.StatusInternalServerError, answer.Status, "what was in flight is told so")
			assert.Equal(t, "internal", answer.Envelope(t).Code)
			assert.Equal(t, "no-store", answer.Header.Get("Cache-Control"))
			assert.NotEmpty(t, answer.Header.Get("X-Request-Id"))
			for name := range security {
				assert.Len(t, answer.Header.Values(name), 1, name)
			}

			t.Run("and the order that was in flight is not sent again", func(t *testing.T) {
				again := m.Order(t, "held@example.com")
				assert.Contains(t, []string{"unknown", "in_progress"}, again.Envelope(t).Code)
				assert.Len(t, m.CRM.Calls(simulator.OpOrder), 3, "one for each of three shoppers")
			})
		})
	}
}

func TestAPanicThatIsCaughtHarmsNobodyAndIsLogged(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	m := NewMarket(t, holding(simulator.OpOrder, hold), Options{Probe: true})
	held := make(chan Answer, 1)
	go func() { held <- m.Order(t, "undisturbed@example.com") }()
	until(t, "the order is at Konnektive", func() bool { return len(m.CRM.Calls(simulator.OpOrder)) == 1 })
	m.probe(t, "panic")
	close(hold)
	answer := <-held
	assert.Equal(t, http.StatusOK, answer.Status, answer.Body)
	assert.Equal(t, 1, m.probe(t, "state").Instances)
	until(t, "the operator is told", func() bool { return strings.Contains(m.Output(), `"event":"panic"`) })
	assert.Contains(t, m.Output(), "index out of range")
	assert.Contains(t, m.Output(), "gate.go", "where it was")
}

func TestWithoutItsLedgerTheRelaySendsNothing(t *testing.T) {
	t.Parallel()
	m := NewMarket(t, simulator.Options{}, Options{Without: []string{"LEDGER"}})
	a := m.Order(t, "unrecorded@example.com")
	assert.Equal(t, http.StatusInternalServerError, a.Status, a.Body)
	assert.Equal(t, "internal", a.Envelope(t).Code)
	assert.Equal(t, http.StatusInternalServerError,
		m.Order(t, "unrecorded@example.com", "Idempotency-Key", "a-key-of-the-unrecorded").Status)
	assert.Empty(t, m.CRM.Calls(simulator.OpOrder), "what cannot be recorded is not sent")
	assert.Equal(t, http.StatusOK, Send(t, m.Client(), http.MethodGet, "https://"+Host+"/checkout", "").Status)
}

func TestAnOrderOnceBegunIsFinishedWhenTheShopperLeaves(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	m := NewMarket(t, holding(simulator.OpLead, hold), Options{Probe: true})
	Send(t, m.Client(), http.MethodGet, "https://"+Host+"/api/health", "") // starts the instance
	before := m.probe(t, "state")

	key := "a-key-of-the-leaving-shopper"
	leave := m.postAndLeave(t, OrderForm("leaves@example.com").Encode(), key)
	until(t, "the lead is at Konnektive", func() bool { return len(m.CRM.Calls(simulator.OpLead)) == 1 })
	leave()
	close(hold)
	until(t, "the import goes out all the same", func() bool { return len(m.CRM.Sessions()) == 1 })

	again := m.Order(t, "leaves@example.com", "Idempotency-Key", key)
	until(t, "the answer is recorded", func() bool {
		again = m.Order(t, "leaves@example.com", "Idempotency-Key", key)
		return again.Status != http.StatusConflict
	})
	assert.Equal(t, http.StatusOK, again.Status, again.Body)
	assert.Equal(t, "redirect", again.Envelope(t).Code)
	assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
	assert.Len(t, m.CRM.Calls(simulator.OpOrder), 1)
	until(t, "nothing is left of it", func() bool { return m.probe(t, "state").Goroutines <= before.Goroutines })
}

func TestManyOrdersAtOnceKeepApart(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	var arrived sync.WaitGroup
	// more than there are carriers that wait for work: the others end, each in whichever request is there
	const orders = 24
	arrived.Add(orders)
	m := NewMarket(t, simulator.Options{Fault: func(c simulator.Call) simulator.Fault {
		if c.Op == simulator.OpLead {
			arrived.Done()
			return simulator.Fault{Hold: gate}
		}
		return simulator.Fault{}
	}}, Options{Probe: true})
	Send(t, m.Client(), http.MethodGet, "https://"+Host+"/api/health", "") // starts the instance
	before := m.probe(t, "state")
	answers := make([]Answer, orders)
	var done sync.WaitGroup
	for i := range orders {
		done.Go(func() {
			form := OrderForm(fmt.Sprintf("shopper%d@example.com", i))
			form.Set("firstName", fmt.Sprintf("Number%c", 'A'+i))
			answers[i] = Send(t, m.Client(), http.MethodPost, "https://"+Host+"/api/order/import/", form.Encode(),
				"Content-Type", Form, "CF-Connecting-IP", fmt.Sprintf("198.51.100.%d",
					i+1), "User-Agent", fmt.Sprintf("Browser/%d (K, like G)", i))
		})
	}
	arrived.Wait() // all of them are inside of the one instance
	assert.GreaterOrEqual(t, m.probe(t, "state").Goroutines, before.Goroutines+2*orders)
	close(gate)
	done.Wait()
	for i, a := range answers {
		require.Equal(t, http.StatusOK, a.Status, a.Body)
		found := m.CRM.OrdersOf(fmt.Sprintf("shopper%d@example.com", i))
		require.Len(t, found, 1)
		assert.Equal(t, fmt.Sprintf("Number%c", 'A'+i), found[0].Fields["firstName"])
		assert.Equal(t, fmt.Sprintf("198.51.100.%d", i+1), found[0].Fields["ipAddress"])
		assert.Equal(t, fmt.Sprintf("Browser/%d (K, like G)", i), found[0].Fields["userAgent"], "whole, commas and all")
		session, ok := m.CRM.LatestSession(found[0].ID)
		require.True(t, ok)
		assert.Contains(t, a.Body, session.ID, "everybody gets his own Klarna page")
	}
	until(t, "nothing is left of them", func() bool { return m.probe(t, "state").Goroutines == before.Goroutines })
	assert.Equal(t, 1, m.probe(t, "state").Instances)
	for line := range strings.Lines(m.Output()) {
		assert.True(t, strings.HasPrefix(line, "log: "), "workerd has nothing to remark: %s", line)
	}
}
