//go:build e2e

package test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// landersAt is the configuration of a lander whose pages are hosted elsewhere.
func landersAt(origin string) map[string]any {
	return map[string]any{"*": map[string]any{
		"campaignId": 12, "forceMerchantId": 7, "products": []int{34, 35}, "upsales": []int{40}, "origin": origin,
		"pages": map[string]string{"checkout": "/checkout", "upsell": "/upsell", "thankYou": "/thank-you"},
	}}
}

// recorder is an origin that keeps every request and answers 418, which the relay itself never does.
type recorder struct {
	mu   sync.Mutex
	seen []*http.Request
}

func (o *recorder) start(t testing.TB) string {
	s := httptest.NewServer(o)
	t.Cleanup(s.Close)
	return s.URL
}

func (o *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.seen = append(o.seen, r)
	o.mu.Unlock()
	w.WriteHeader(http.StatusTeapot)
}

func (o *recorder) requests() []*http.Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen
}
