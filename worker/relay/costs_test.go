package relay

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/ledger"
	"klarna-relay/worker/simulator"
)

// A counted store counts what Cloudflare bills of Durable Objects: calls and rows written.
type countedStore struct {
	ledger.Store
	calls, rows int
	refs        map[string]bool // of the objects that were written
}

func (c *countedStore) Read(ctx context.Context, ref string, questions int) (ledger.Stored, int, error) {
	c.calls++
	return c.Store.Read(ctx, ref, questions)
}

func (c *countedStore) Write(ctx context.Context, ref string, version int64, data string, alarm,
	expires time.Time) (bool, ledger.Stored, error) {
	c.calls++
	c.rows += 2 // the record, and the time of its alarm
	c.refs[ref] = true
	return c.Store.Write(ctx, ref, version, data, alarm, expires)
}

// usage is what a kind of visit uses, counted in a shop of its own.
func usage(t *testing.T, play func(s *shop)) string {
	s := open(t)
	counted := &countedStore{Store: s.store, refs: map[string]bool{}}
	s.relay = s.start(settings(), s.sim, counted)
	play(s)
	looks := 0
	for range int(60 * 24 * time.Hour / time.Minute) { // longer than any record lives, the day's books too
		s.pass(time.Minute)
		for _, ref := range s.store.Due(s.clock()) {
			looks++
			counted.rows++ // the time of the next alarm, in case this one fails: alarm() in ledger.mjs
			before := counted.rows
			require.True(t, s.relay.Watch(context.Background(), s.reading(ref)))
			if counted.rows == before {
				counted.rows++ // the time when it is forgotten
			}
		}
	}
	for ref := range counted.refs {
		stored, _, err := s.store.Read(context.Background(), ref, 0)
		require.NoError(t, err)
		require.Zero(t, stored.Version, "a record is not forgotten")
		counted.rows++ // that of the record, deleted
	}
	alarms := looks + len(counted.refs)
	queries := len(s.sim.Calls(simulator.OpQuery))
	crm := len(s.sim.Calls()) - queries
	return fmt.Sprintf("%d | %d | %d | %d | %d | %d |", len(s.logs)-looks, crm, queries, counted.calls+alarms, alarms,
		counted.rows)
}

func TestTheGuideToCostsSaysWhatEachVisitUses(t *testing.T) {
	guide, err := os.ReadFile("../docs/costs.md")
	require.NoError(t, err)
	for _, c := range []struct {
		name string
		play func(s *shop)
	}{
		{"an order that is paid", func(s *shop) {
			ref := s.paidOrder("key-00000001", order())
			s.expect(s.status(ref), http.StatusOK, "SUCCESS", "paid")
			s.expect(s.confirm(ref), http.StatusOK, "SUCCESS", "confirmed")
		}},
		{"an order and one upsale, both paid", func(s *shop) {
			ref := s.paidOrder("key-00000001", order())
			upsale := s.upsale("key-00000002", ref)
			s.pay(upsale.url())
			s.expect(s.status(upsale.Ref), http.StatusOK, "SUCCESS", "paid")
			s.expect(s.confirm(ref), http.StatusOK, "SUCCESS", "confirmed")
		}},
		{"an order that is left at Klarna, the tab closed", func(s *shop) {
			s.expect(s.order("key-00000001", order()), http.StatusOK, "MERC_REDIRECT", "redirect")
		}},
		{"an order that is cancelled at Klarna", func(s *shop) {
			first := s.order("key-00000001", order())
			s.get(s.back(first.url(), "failed"))
		}},
		{"an order whose fields are refused", func(s *shop) {
			s.expect(s.order("key-00000001", order().with("city", "")), http.StatusUnprocessableEntity, "ERROR", "invalid")
		}},
		{"a view of the sample checkout", func(s *shop) {
			s.expect(s.get("/api/campaign/query/"), http.StatusOK, "SUCCESS", "accepted")
			s.post("/api/landers/clicks/import/", "", fields{"pageType": "checkoutPage",
				"requestUri": "https://shop.example/checkout"})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			row := ""
			for line := range strings.Lines(string(guide)) {
				if rest, ok := strings.CutPrefix(line, "| "+c.name+" | "); ok {
					row = strings.TrimSpace(rest)
				}
			}
			assert.Equal(t, usage(t, c.play), row, "worker/docs/costs.md")
		})
	}
}
