//go:build e2e

package test

import (
	"crypto/tls"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"klarna-relay/worker/simulator"
)

// KlarnaHost is where a browser finds the simulated Klarna.
const KlarnaHost = "klarna.example"

// A Market is a shop with a simulated Konnektive and a simulated Klarna.
type Market struct {
	*Shop
	CRM *simulator.Simulator
}

// NewMarket opens one. The CRM's API is on loopback, Klarna's page on https
// under a host name of its own, so that the shopper comes back from another
// site, as in real life. The test fails if the relay does what it must never do.
func NewMarket(t testing.TB, crm simulator.Options, worker Options) *Market {
	t.Helper()
	crm.BaseURL = "https://" + KlarnaHost
	crm.LoginID, crm.Password = LoginID, Password
	sim := simulator.New(crm)
	api := httptest.NewServer(sim)
	t.Cleanup(api.Close)
	page := httptest.NewUnstartedServer(sim)
	page.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	page.StartTLS()
	t.Cleanup(page.Close)
	t.Cleanup(func() {
		assert.Empty(t, sim.Violations(), "what a relay must never do")
		confidential.addBooks(sim)
	})
	if worker.KonnektiveURL == "" {
		worker.KonnektiveURL = api.URL
	}
	shop := Open(t, Start(t, worker))
	shop.Elsewhere[KlarnaHost] = page.Listener.Addr().String()
	return &Market{Shop: shop, CRM: sim}
}
