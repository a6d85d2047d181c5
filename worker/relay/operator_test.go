package relay

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/config"
	"klarna-relay/worker/simulator"
)

// operate asks one of the operator's routes.
func (s *shop) operate(path, token string) reply {
	r := httptest.NewRequest(http.MethodGet, "https://"+s.host+path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return s.send(r)
}

func TestTheOperatorsRoutesAreForWhoeverHasTheToken(t *testing.T) {
	s := open(t)
	for _, path := range []string{"/api/operator/purchase/63A9FBD226", "/api/operator/books?day=2026-11-01",
		"/api/health?deep"} {
		assert.Equal(t, http.StatusUnauthorized, s.operate(path, "").StatusCode, path)
		assert.Equal(t, http.StatusUnauthorized, s.operate(path, adminToken+"x").StatusCode, path)
	}
	vars := settings()
	delete(vars, config.NameAdminToken)
	s = openWith(t, vars, simulator.Options{})
	for _, path := range []string{"/api/operator/purchase/63A9FBD226", "/api/operator/books?day=2026-11-01",
		"/api/health?deep"} {
		assert.Equal(t, http.StatusNotFound, s.operate(path, adminToken).StatusCode, path)
	}
}

func TestATokenIsNotTriedOften(t *testing.T) {
	paths := []string{"/api/preflight", "/api/health?deep", "/api/operator/books?day=2026-11-01",
		"/api/operator/purchase/63A9FBD226"}
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			s := open(t)
			left := map[string]int{}
			s.relay.platform.Limit = func(_ context.Context, binding, key string) (bool, error) {
				if strings.HasPrefix(key, "token ") {
					left[binding+" "+key]++
				}
				return left[binding+" "+key] <= 2, nil
			}
			for range 2 {
				s.expect(s.operate(path, adminToken+"x"), 401, "ERROR", "unauthorized")
			}
			s.expect(s.operate(path, adminToken+"x"), 429, "ERROR", "rate_limited")
			s.expect(s.operate(path, ""), 429, "ERROR", "rate_limited")
			assert.NotContains(t, []int{401, 429}, s.operate(path, adminToken).StatusCode, "the right one is not counted")
			s.address = "203.0.113.8"
			s.expect(s.operate(path, adminToken+"x"), 401, "ERROR", "unauthorized")
			assert.Equal(t, map[string]int{"IMPORTS token 203.0.113.7": 4, "IMPORTS token 203.0.113.8": 1}, left)
			s.relay.platform.Limit = func(context.Context, string, string) (bool, error) { return false, assert.AnError }
			s.expect(s.operate(path, adminToken+"x"), 401, "ERROR", "unauthorized")
			assert.NotContains(t, []int{401, 429}, s.operate(path, adminToken).StatusCode, "the limiter is down")
		})
	}
}

func TestAPurchaseIsFoundFromEitherSide(t *testing.T) {
	vars := settings()
	vars[config.NameLanders] = strings.Replace(vars[config.NameLanders], `"campaignId":12,`,
		`"campaignId":12,"refField":"custom5",`, 1)
	s := openWith(t, vars, simulator.Options{})
	first := s.order("key-00000001", order().with("custom5", "the page's own"))
	require.Equal(t, "redirect", first.Code)
	orders := s.sim.Orders()
	require.Len(t, orders, 1)
	var sent string
	for _, call := range s.sim.Calls() {
		if call.Op == simulator.OpOrder {
			sent = call.Fields["custom5"]
		}
	}
	assert.Equal(t, first.Ref[:8], sent, "the order leads to the ref")

	type found struct {
		Ref, Code string
		Words     []string
		Attempts  []struct {
			OrderID, Answer, Stands string
			SessionOpen, Paid       bool
			OrderQuery              struct{ Status, Total string }
		}
	}
	find := func(id string) (f found) {
		s.pass(time.Second) // until there is allowance for a question
		said := s.operate("/api/operator/purchase/"+id, adminToken)
		require.Equal(t, http.StatusOK, said.StatusCode, said.body)
		require.NoError(t, json.Unmarshal([]byte(said.body), &f))
		for _, personal := range []string{"Neill", "zoe@", "Hauptstra", "50667", "4915123456789", "203.0.113.7", first.Ref} {
			assert.NotContains(t, said.body, personal)
		}
		return f
	}
	for name, id := range map[string]string{"the ref": first.Ref, "Konnektive's id": orders[0].ID,
		"its small letters": strings.ToLower(orders[0].ID), "the session": s.backSession(first.url())} {
		t.Run("by "+name, func(t *testing.T) {
			f := find(id)
			assert.Equal(t, first.Ref[:8], f.Ref)
			assert.Equal(t, "pending", f.Code)
			require.Len(t, f.Attempts, 1)
			assert.True(t, f.Attempts[0].SessionOpen)
			assert.Equal(t, "PARTIAL", f.Attempts[0].OrderQuery.Status)
			assert.Contains(t, f.Words[0], "sent to Klarna")
		})
	}
	t.Run("paid, and nobody has come back", func(t *testing.T) {
		_, err := s.sim.Approve(s.session(first.url()))
		require.NoError(t, err)
		f := find(orders[0].ID)
		assert.Contains(t, strings.Join(f.Words, " "), "has become COMPLETE just now")
	})
	t.Run("paid, and known", func(t *testing.T) {
		s.pass(time.Minute)
		require.Equal(t, "paid", s.status(first.Ref).Code)
		f := find(orders[0].ID)
		assert.Equal(t, "paid", f.Code)
		assert.Contains(t, strings.Join(f.Words, " "), "The order number is "+orders[0].ID)
	})
	t.Run("one that nobody made", func(t *testing.T) {
		for _, id := range []string{"0000000000", strings.Repeat("0", 64), "x"} {
			said := s.operate("/api/operator/purchase/"+id, adminToken)
			assert.Equal(t, http.StatusNotFound, said.StatusCode)
			assert.Contains(t, said.body, "knows no such purchase")
		}
	})
}

// backSession is the name of the session in the address that Klarna sends a shopper back to.
func (s *shop) backSession(klarnaURL string) string {
	path := s.back(klarnaURL, "return")
	return path[strings.LastIndexByte(path, '/')+1:]
}

type books struct {
	Settled, Konnektive int
	Revenue             map[string]string
	OnlyAtKonnektive    []struct{ OrderID string }
	OnlyAtTheRelay      []struct{ OrderID, Lander string }
}

func (s *shop) books(day string) (b books) {
	said := s.operate("/api/operator/books?day="+day, adminToken)
	require.Equal(s.t, http.StatusOK, said.StatusCode, said.body)
	require.NoError(s.t, json.Unmarshal([]byte(said.body), &b))
	return b
}

func TestADaysBooks(t *testing.T) {
	s := open(t)
	pay := func(key, email string) reply {
		a := s.order(key, order().with("emailAddress", email))
		require.Equal(t, "redirect", a.Code)
		_, err := s.sim.Approve(s.session(a.url()))
		require.NoError(t, err)
		return a
	}
	assert.Equal(t, books{Revenue: map[string]string{}, OnlyAtKonnektive: []struct{ OrderID string }{},
		OnlyAtTheRelay: []struct{ OrderID, Lander string }{}}, s.books("2026-11-01"))

	a := pay("key-00000001", "a@example.com")
	require.Equal(t, "paid", s.status(a.Ref).Code)
	require.Equal(t, "paid", s.status(a.Ref).Code)
	line := s.logs[len(s.logs)-2]
	assert.Regexp(t, `"settled":true,"amount":"[0-9]+\.[0-9]{2}","currency":"EUR"`, line)
	assert.Regexp(t, `"orderId":"[0-9A-F]{10}"`, line)
	both := s.books("2026-11-01")
	assert.Equal(t, []int{1, 1}, []int{both.Settled, both.Konnektive})
	assert.Len(t, both.Revenue, 1)
	assert.Empty(t, both.OnlyAtKonnektive)
	assert.Empty(t, both.OnlyAtTheRelay)

	pay("key-00000002", "b@example.com") // and nobody has asked
	missing := s.books("2026-11-01")
	require.Len(t, missing.OnlyAtKonnektive, 1)
	assert.Equal(t, []int{1, 2}, []int{missing.Settled, missing.Konnektive})

	t.Run("a payment around midnight is no difference", func(t *testing.T) {
		assert.Empty(t, s.books("2026-11-02").OnlyAtTheRelay)
	})
	t.Run("an order that was refunded since is the relay's alone", func(t *testing.T) {
		for _, o := range s.sim.Orders() {
			require.NoError(t, s.sim.SetStatus(o.ID, simulator.StatusRefunded))
		}
		only := s.books("2026-11-01")
		require.Len(t, only.OnlyAtTheRelay, 1)
		assert.Equal(t, "shop.example", only.OnlyAtTheRelay[0].Lander)
	})
	t.Run("a day that is none", func(t *testing.T) {
		assert.Equal(t, http.StatusBadRequest, s.operate("/api/operator/books?day=today", adminToken).StatusCode)
	})
}

func TestAnUpsaleIsBookedWithWhatItAdded(t *testing.T) {
	s := open(t)
	first := s.order("key-00000001", order())
	s.expect(s.comeBack(s.sim.Approve(s.session(first.url()))), 303, "", "")
	up := s.upsale("key-00000002", first.Ref)
	require.Equal(t, "redirect", up.Code, up.body)
	s.pass(time.Minute)
	s.expect(s.comeBack(s.sim.Approve(s.session(up.url()))), 303, "", "")
	sales, err := s.relay.sales(context.Background(), s.clock().Add(-time.Hour), s.clock().Add(time.Hour))
	require.NoError(t, err)
	require.Len(t, sales, 2)
	assert.Equal(t, sales[0].orderID, sales[1].orderID)
	assert.Less(t, hundredths(sales[1].amount), hundredths(sales[0].amount))
	assert.Positive(t, hundredths(sales[1].amount))
}

func TestHundredths(t *testing.T) {
	for text, want := range map[string]int64{"29.90": 2990, "29.9": 2990, "29": 2900, "1,299.99": 129999, "0.00": 0,
		"": 0, "free": 0, "29.999": 2999} {
		assert.Equal(t, want, hundredths(text), text)
	}
}

// A hook is a webhook that answers as it is told.
type hook struct {
	status int
	err    error
	heard  []string
	counts map[string]int64
	failed error
}

// watched opens a shop whose cron trigger has a webhook.
func watched(t *testing.T, landers string) (*shop, *hook) {
	vars := settings()
	vars[config.NameAlertURL] = "https://hooks.example/T/B/x"
	if landers != "" {
		vars[config.NameLanders] = landers
		vars["faulty"] = "yes"
	}
	s := openWith(t, vars, simulator.Options{})
	h := &hook{status: 200}
	s.relay.platform.Tell = func(_ context.Context, address, body string) (int, error) {
		assert.Equal(t, "https://hooks.example/T/B/x", address)
		h.heard = append(h.heard, body)
		return h.status, h.err
	}
	s.relay.platform.Outcomes = func(context.Context) (map[string]int64, error) { return h.counts, h.failed }
	return s, h
}

func (s *shop) deep() (status int, body string) {
	said := s.operate("/api/health?deep", adminToken)
	return said.StatusCode, said.body
}

func TestALookTellsTheWebhookWhatBeginsAndWhatIsOver(t *testing.T) {
	s, h := watched(t, "")
	status, body := s.deep()
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Contains(t, body, `"status":"not_looked"`)

	look := func() bool { defer s.pass(5 * time.Minute); return s.relay.Look(context.Background()) }
	require.True(t, look())
	assert.Empty(t, h.heard, "all is well")
	status, body = s.deep()
	assert.Equal(t, http.StatusOK, status, body)

	h.counts = map[string]int64{"order internal": 4, "event paid_twice": 1}
	h.status = 500
	assert.False(t, look(), "the webhook refuses")
	h.status, h.err = 0, errors.New("TimeoutError")
	assert.False(t, look(), "it does not answer")
	h.status, h.err = 204, nil
	require.True(t, look())
	require.Len(t, h.heard, 3, "until it has heard")
	require.True(t, look())
	assert.Len(t, h.heard, 3, "once")
	assert.Contains(t, h.heard[2], "Begins: orders_fail")
	assert.Contains(t, h.heard[2], "paid_twice")
	status, body = s.deep()
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Contains(t, body, `"code":"orders_fail"`)

	h.counts = nil
	for range 4 {
		require.True(t, look())
	}
	require.Len(t, h.heard, 4)
	assert.Contains(t, h.heard[3], "Over: orders_fail")
	status, _ = s.deep()
	assert.Equal(t, http.StatusOK, status)
	s.pass(20 * time.Minute)
	status, _ = s.deep()
	assert.Equal(t, http.StatusServiceUnavailable, status, "nobody looks any more")
	assert.NotContains(t, strings.Join(s.logs, ""), "hooks.example")
}

func TestALookAsksKonnektiveAboutEveryCampaign(t *testing.T) {
	s, h := watched(t, `{"a.example":{"campaignId":12,"forceMerchantId":7,"products":[34]},"b.example":{"like":"a.example"},"c.example":{"campaignId":99,"forceMerchantId":7,"products":[34]},
		"d.example":{"campaignId":12,"forceMerchantId":7,"products":[]}}`)
	require.True(t, s.relay.Look(context.Background()))
	queries := 0
	for _, call := range s.sim.Calls() {
		if call.Op == simulator.OpCampaign {
			queries++
		}
	}
	assert.Equal(t, 2, queries, "each campaign once")
	require.Len(t, h.heard, 1)
	assert.Contains(t, h.heard[0], "campaign 99, c.example")
	assert.Contains(t, h.heard[0], `products_missing`)
	assert.NotContains(t, h.heard[0], "a.example,")
}

func TestAKonnektiveThatRefusesIsOneProblemAndIsAskedOnce(t *testing.T) {
	s, h := watched(t, `{"a.example":{"campaignId":12,"forceMerchantId":7,"products":[34]},"c.example":{"campaignId":99,"forceMerchantId":7,"products":[34]}}`)
	s.sim.Set(func(o *simulator.Settings) { o.RefusedAddress = "203.0.113.9" })
	require.True(t, s.relay.Look(context.Background()))
	require.Len(t, h.heard, 1)
	assert.Equal(t, 1, strings.Count(h.heard[0], `"code"`))
}

func TestWithoutAWebhookNobodyLooks(t *testing.T) {
	s := open(t)
	before := len(s.sim.Calls())
	assert.True(t, s.relay.Look(context.Background()))
	assert.Len(t, s.sim.Calls(), before)
	status, body := s.deep()
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Contains(t, body, `"status":"off"`)
}

func TestCountsThatCannotBeReadAreAProblem(t *testing.T) {
	s, h := watched(t, "")
	h.failed = errors.New("Error: overloaded")
	require.True(t, s.relay.Look(context.Background()))
	assert.Contains(t, h.heard[0], "counts_unreadable")
}

func TestPreflightKnowsWhetherServersMayOrder(t *testing.T) {
	assert.NotContains(t, open(t).operate("/api/preflight", adminToken).body, `"check":"server"`)
	vars := settings()
	vars[config.NameServerPassword] = strings.Repeat("s", 24)
	assert.Contains(t, openWith(t, vars, simulator.Options{}).operate("/api/preflight", adminToken).body,
		`{"check":"server","level":"ok"`)
}
