package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/config"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/ledger"
	"klarna-relay/worker/simulator"
)

// A shop is a relay with everything around it: the simulated Konnektive, a
// ledger in memory, and a clock that stands still until it is moved.
type shop struct {
	t     testing.TB
	sim   *simulator.Simulator
	store *ledger.Memory
	relay *Relay

	mu      sync.Mutex
	now     time.Time
	logs    []string
	limit   int // imports left; below zero: no limit
	serial  int
	panics  int
	address string
	host    string
}

const (
	login, password = simulator.DefaultLoginID, simulator.DefaultPassword
	adminToken      = "a-token-of-some-characters"
	otherHost       = "other.example"
)

func settings() map[string]string {
	return map[string]string{
		config.NameLoginID: login, config.NamePassword: password, config.NameAdminToken: adminToken,
		config.NameKonnektiveURL: "https://api.konnektive.com",
		config.NameLanders: `{"*":{"campaignId":12,"forceMerchantId":7,"products":[34,35],"upsales":[40],"maxQuantity":10,
			"allowedOrigins":["https://pages.example"],"pages":{"checkout":"/checkout","upsell":"/upsell","thankYou":"/thank-you"}},
			"plain.example":{"campaignId":12,"forceMerchantId":7,"products":[34],"upsales":[],"pages":{"upsell":""}}}`,
	}
}

func open(t testing.TB) *shop {
	return openWith(t, settings(), simulator.Options{})
}

func openWith(t testing.TB, vars map[string]string, options simulator.Options) *shop {
	s := &shop{t: t, store: ledger.NewMemory(), now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), limit: -1,
		address: "203.0.113.7", host: "shop.example"}
	s.store.Now = s.clock
	options.Now = s.clock
	options.Sleep = func(_ context.Context, d time.Duration) error { s.pass(d); return nil }
	c, faults := config.Parse(func(name string) string { return vars[name] })
	faults = append(faults, c.Landers.Faults()...)
	if vars["faulty"] == "" {
		require.Empty(t, config.List(faults))
	}
	options.BaseURL = "https://klarna.example"
	s.sim = simulator.New(options)
	s.relay = s.start(vars, s.sim, s.store)
	return s
}

// start makes another relay on the same books, as another isolate would be.
func (s *shop) start(vars map[string]string, transport konnektive.Transport, store ledger.Store) *Relay {
	c, faults := config.Parse(func(name string) string { return vars[name] })
	return New(c, faults, Platform{
		Transport: transport,
		Store:     store,
		Limit: func(context.Context, string, string) (bool, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.limit--
			return s.limit != -1, nil
		},
		Now: s.clock,
		Log: func(line string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.logs = append(s.logs, line)
		},
		Count:  func(Point) {},
		Caught: func(any) { s.panics++ },
		Random: func() string {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.serial++
			return fmt.Sprintf("random-%012d", s.serial)
		},
	})
}

func (s *shop) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *shop) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// A reply is an answer of the relay's, taken apart.
type reply struct {
	*http.Response
	body    string
	Result  string          `json:"result"`
	Code    string          `json:"code"`
	Ref     string          `json:"ref"`
	Message json.RawMessage `json:"message"`
}

func (r reply) url() string {
	var m struct{ URL string }
	_ = json.Unmarshal(r.Message, &m)
	return m.URL
}

func (r reply) fields() map[string]string {
	var m map[string]string
	_ = json.Unmarshal(r.Message, &m)
	return m
}

func (s *shop) send(r *http.Request) reply {
	return s.sendTo(s.relay, r)
}

func (s *shop) sendTo(relay *Relay, r *http.Request) reply {
	r.RemoteAddr = s.address
	w := httptest.NewRecorder()
	relay.ServeHTTP(w, r)
	got := reply{Response: w.Result(), body: w.Body.String()}
	if got.body != "" && strings.HasPrefix(got.Header.Get("Content-Type"), "application/json") {
		require.NoError(s.t, json.Unmarshal([]byte(got.body), &got), got.body)
	}
	assert.Equal(s.t, "no-store", got.Header.Get("Cache-Control"))
	assert.NotEmpty(s.t, got.Header.Get("X-Request-Id"))
	return got
}

type fields map[string]string

// with returns the same fields with some changed; an empty one is left out.
func (f fields) with(changes ...string) fields {
	changed := fields{}
	for name, value := range f {
		changed[name] = value
	}
	for i := 0; i < len(changes); i += 2 {
		changed[changes[i]] = changes[i+1]
		if changes[i+1] == "" {
			delete(changed, changes[i])
		}
	}
	return changed
}

func order() fields {
	return fields{
		"firstName": "Zoë", "lastName": "O’Neill-Müller", "emailAddress": "zoe@example.com",
		"phoneNumber": "+49 151 23456789", "address1": "Hauptstraße 5", "city": "Köln", "postalCode": "50667",
		"country": "DE", "billShipSame": "1", "product1_id": "34", "product1_qty": "1",
	}
}

func (s *shop) request(method, path, key string, body fields) *http.Request {
	text, err := json.Marshal(body)
	require.NoError(s.t, err)
	r := httptest.NewRequest(method, "https://"+s.host+path, strings.NewReader(string(text)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	return r
}

func (s *shop) post(path, key string, body fields) reply {
	return s.send(s.request(http.MethodPost, path, key, body))
}

func (s *shop) get(path string) reply {
	return s.send(httptest.NewRequest(http.MethodGet, "https://"+s.host+path, nil))
}

func (s *shop) order(key string, body fields) reply { return s.post("/api/order/import/", key, body) }
func (s *shop) upsale(key, ref string) reply {
	return s.post("/api/upsale/import/", key, fields{"ref": ref, "product1_id": "40", "product1_qty": "1"})
}
func (s *shop) status(ref string) reply { return s.get("/api/order/status/" + ref) }
func (s *shop) confirm(ref string) reply {
	return s.post("/api/order/confirm/", "", fields{"ref": ref})
}

// comeBack follows what the browser would send after Klarna's page.
func (s *shop) comeBack(back simulator.Return, err error) reply {
	require.NoError(s.t, err)
	u, err := url.Parse(back.URL)
	require.NoError(s.t, err)
	r := httptest.NewRequest(back.Method, back.URL, strings.NewReader(back.Form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://klarna.example")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.URL = u
	return s.send(r)
}

// session is the session at Klarna that a url leads to.
func (s *shop) session(klarnaURL string) string {
	for _, session := range s.sim.Sessions() {
		if session.URL == klarnaURL {
			return session.ID
		}
	}
	require.Fail(s.t, "no session", klarnaURL)
	return ""
}

// back is the path that Klarna sends a shopper back to from the page at this url, such as /api/klarna/return/….
func (s *shop) back(klarnaURL, route string) string {
	session, ok := s.sim.Session(s.session(klarnaURL))
	require.True(s.t, ok)
	u, err := url.Parse(session.RedirectsTo)
	require.NoError(s.t, err)
	return strings.Replace(u.Path, "/return/", "/"+route+"/", 1)
}

func (s *shop) pay(klarnaURL string) reply {
	return s.comeBack(s.sim.Approve(s.session(klarnaURL)))
}

// reading is what the ledger hands over with the alarm of a record.
func (s *shop) reading(ref string) ledger.Reading {
	stored, allowed, err := s.store.Read(context.Background(), ref, 1)
	if err != nil {
		require.ErrorIs(s.t, err, ledger.ErrUnknownRef)
	}
	return ledger.Reading{Ref: ref, Stored: stored, Allowed: allowed}
}

// paidOrder makes an order and pays it.
func (s *shop) paidOrder(key string, body fields) string {
	first := s.order(key, body)
	require.Equal(s.t, "redirect", first.Code, first.body)
	require.Equal(s.t, http.StatusSeeOther, s.pay(first.url()).StatusCode)
	return first.Ref
}

// imports is how many imports of an order, or of an upsale, Konnektive has
// been sent, whether it answered or not.
func (s *shop) imports(op simulator.Op) int { return len(s.sim.Calls(op)) }

// expect checks status, result and code in one go.
func (s *shop) expect(got reply, status int, result, code string) {
	s.t.Helper()
	require.Equal(s.t, fmt.Sprint(status, " ", result, " ", code),
		fmt.Sprint(got.StatusCode, " ", got.Result, " ", got.Code), got.body)
}
