//go:build e2e

package test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// A shopper is a browser profile with a network of its own, and one tab to begin with.
type shopper struct {
	*tab
	market *Market
	email  string
}

// paidProbe notes the purchases that a page tells of, where a test finds them after the page has been left.
// In a browser that blocks storage it notes nothing.
const paidProbe = `document.addEventListener("klarna:paid", (event) => {
  try {
    const told = JSON.parse(localStorage.getItem("told") ?? "[]");
    localStorage.setItem("told", JSON.stringify([...told, event.detail]));
  } catch (error) {
    if (error.name !== "SecurityError") throw error;
  }
});`

// newShopper uses Chromium. The e-mail address begins with a word that the simulator may have its own ideas about.
func newShopper(t testing.TB, market *Market, browser context.Context, word string) *shopper {
	t.Helper()
	return market.shopper(t, chromiumEngine{browser}, word)
}

// shopper comes with an engine.
func (m *Market) shopper(t testing.TB, e engine, word string) *shopper {
	t.Helper()
	l := newLine(t, m.Shop)
	l.beforePage(paidProbe)
	s := &shopper{market: m, tab: newTab(t, l, e.profile(t, l))}
	s.is(word)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the console said: %q", s.messages())
		}
	})
	return s
}

// holdTimers has timers of two seconds and more wait in every page that is opened from now on, until releaseTimers
// ends them: what a page shows for some time is then shown for as long as a test looks.
func (s *shopper) holdTimers() {
	s.beforePage(`{
		const { setTimeout: set, clearTimeout: clear } = globalThis;
		globalThis.held = [];
		globalThis.setTimeout = (work, ms, ...rest) =>
			(ms >= 2000 ? -held.push(() => work(...rest)) : set(work, ms, ...rest));
		globalThis.clearTimeout = (id) => (id < 0 ? delete held[-id - 1] : clear(id));
	}`)
}

func (b *tab) releaseTimers() {
	b.t.Helper()
	b.do(`held.splice(0).forEach((work) => work())`)
}

// noise is what the console has shown, but for what tests make fail.
func (s *shopper) noise() []string {
	return slices.DeleteFunc(s.messages(), failedOnPurpose.MatchString)
}

var failedOnPurpose = regexp.MustCompile(`Failed to load resource.*/(api|build|nowhere)\b|` +
	`Loading module from .*/build/.*disallowed MIME type`)

// is gives the shopper another address, for other ideas of the simulator's.
func (s *shopper) is(word string) {
	s.email = fmt.Sprintf("%s+%d@example.com", word, time.Now().UnixNano())
}

// another opens a second tab of the same profile.
func (s *shopper) another() *tab {
	s.t.Helper()
	return newTab(s.t, s.line, s.driver.another(s.t))
}

// orders are the shopper's, as the CRM has them.
func (s *shopper) orders() []simulator.Order { return s.market.CRM.OrdersOf(s.email) }

// order is the only one there may be.
func (s *shopper) order() simulator.Order {
	s.t.Helper()
	orders := s.orders()
	require.Len(s.t, orders, 1, "orders in the CRM")
	return orders[0]
}

// fault makes calls of this shopper go wrong, by kind of call.
func (s *shopper) fault(faults map[simulator.Op]simulator.Fault) {
	s.market.CRM.SetFault(func(c simulator.Call) simulator.Fault {
		if c.Email == s.email {
			return faults[c.Op]
		}
		return simulator.Fault{}
	})
	s.t.Cleanup(func() { s.market.CRM.SetFault(nil) })
}

// fill types a whole order, but for what is given otherwise, and takes as long over it as the page's lead takes.
func (s *shopper) fill(on *tab, other ...string) {
	s.t.Helper()
	fields := map[string]string{
		"emailAddress": s.email, "firstName": "Änne", "lastName": "O’Neill", "phoneNumber": "+49 30 12345678",
		"address1": "Hauptstraße 1", "postalCode": "10115", "city": "Berlin", "country": "DE",
	}
	for i := 0; i < len(other); i += 2 {
		fields[other[i]] = other[i+1]
	}
	on.set(fields)
	if !s.intercepts("https://" + Host + "/api/leads/import/") {
		on.until(leadAnswered)
	}
}

// lead holds once the shopper's lead has been answered with a ref; leadAnswered holds once it has been answered at
// all, or when there is none.
const (
	lead         = `JSON.parse(localStorage.getItem("klarna:at:order"))?.ref`
	leadAnswered = `(() => {
		try {
			const { lead, key, ref } = JSON.parse(localStorage.getItem("klarna:at:order")) ?? {};
			return !lead || key || ref ||
				performance.getEntriesByType("resource").some(({ name }) => name.includes("/api/leads/import/"));
		} catch {
			return true; // no storage
		}
	})()`
)
