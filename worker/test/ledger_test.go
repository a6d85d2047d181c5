//go:build e2e

package test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

type entry struct {
	Ref     string
	Won     bool
	Record  string
	Allowed string
	Thrown  string
}

func (w *Worker) ledger(t testing.TB, name string, query ...string) (e entry) {
	t.Helper()
	q := url.Values{}
	for i := 0; i < len(query); i += 2 {
		q.Set(query[i], query[i+1])
	}
	a := Send(t, w.Client(), http.MethodGet, "https://"+Host+"/__probe/"+name+"?"+q.Encode(), "")
	require.NoError(t, json.Unmarshal([]byte(a.Body), &e), a.Body)
	require.Empty(t, e.Thrown)
	return e
}

const hour = "3600000"

func TestTheLedgerComparesAndSets(t *testing.T) {
	t.Parallel()
	kept := t.TempDir()
	w := Start(t, Options{Probe: true, Persist: kept})
	ref := w.ledger(t, "fresh").Ref

	t.Run("reading what nobody wrote finds and stores nothing", func(t *testing.T) {
		assert.Equal(t, "0\x00", w.ledger(t, "ledger", "call", "read", "ref", ref).Record)
	})
	t.Run("only the stored version can be written over", func(t *testing.T) {
		e := w.ledger(t, "ledger", "call", "write", "ref", ref, "version", "1", "data", "too early", "expires", hour)
		assert.False(t, e.Won)
		assert.Equal(t, "0\x00", e.Record)
		e = w.ledger(t, "ledger", "call", "write", "ref", ref, "version", "0", "data", "first ä", "expires", hour)
		assert.True(t, e.Won)
		assert.Equal(t, "1\x00first ä", e.Record)
		e = w.ledger(t, "ledger", "call", "write", "ref", ref, "version", "0", "data", "late", "expires", hour)
		assert.False(t, e.Won)
		assert.Equal(t, "1\x00first ä", e.Record)
		assert.Equal(t, "1\x00first ä", w.ledger(t, "ledger", "call", "read", "ref", ref).Record)
	})
	t.Run("of many writers at once one wins", func(t *testing.T) {
		var won atomic.Int32
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if w.ledger(t, "ledger", "call", "write", "ref", ref, "version", "1", "data", "second", "expires", hour).Won {
					won.Add(1)
				}
			})
		}
		all.Wait()
		assert.EqualValues(t, 1, won.Load())
	})
	t.Run("there is allowance for three questions at once, and for one more each second", func(t *testing.T) {
		asked := w.ledger(t, "fresh").Ref
		ask := func(questions string) string {
			return w.ledger(t, "ledger", "call", "ask", "ref", asked, "questions", questions).Allowed
		}
		assert.Equal(t, "2", ask("2"))
		assert.Equal(t, "1", ask("2"), "what there is of it")
		assert.Equal(t, "0", ask("0"))
		until(t, "a second later there is more", func() bool { return ask("1") == "1" })
	})
	t.Run("an expired record is forgotten by itself", func(t *testing.T) {
		gone := w.ledger(t, "fresh").Ref
		w.ledger(t, "ledger", "call", "write", "ref", gone, "version", "0", "data", "short-lived", "expires", "50")
		until(t, "the alarm empties the object", func() bool {
			return w.ledger(t, "ledger", "call", "read", "ref", gone).Record == "0\x00"
		})
	})
	t.Run("a purchase outlives the Worker", func(t *testing.T) {
		files := 0
		require.NoError(t, filepath.WalkDir(kept, func(path string, d os.DirEntry, err error) error {
			if strings.HasSuffix(path, ".sqlite") {
				files++
			}
			return err
		}))
		assert.Positive(t, files)
	})
}

func TestARefHasOneSpelling(t *testing.T) {
	t.Parallel()
	m := NewMarket(t, simulator.Options{}, Options{})
	ref := m.Order(t, "spelling@example.com").Envelope(t).Ref
	_, err := m.CRM.Approve(m.CRM.Sessions()[0].ID)
	require.NoError(t, err)
	at := "https://" + Host
	capitals := strings.ToUpper(ref)
	assert.Equal(t, http.StatusNotFound, Send(t, m.Client(), http.MethodGet, at+"/api/order/status/"+capitals, "").Status)
	upsale := func(of, key string) Answer {
		return Send(t, m.Client(), http.MethodPost, at+"/api/upsale/import/", "product1_id=40&ref="+of, "Content-Type", Form,
			"Idempotency-Key", key)
	}
	require.Equal(t, http.StatusOK, upsale(ref, "upsale-key-1").Status)
	again := upsale(capitals, "upsale-key-2")
	assert.Equal(t, http.StatusNotFound, again.Status, "a second way to pay for the same upsale: %s", again.Body)
	assert.Equal(t, http.StatusNotFound, upsale(ref+"+3", "upsale-key-3").Status)
	assert.Equal(t, http.StatusOK, upsale("+"+ref+"+", "upsale-key-4").Status, "with spaces around it")
	assert.Len(t, m.CRM.Calls(simulator.OpUpsale), 1)
}

func TestTheAlarmHasTheRelayLookAfterAPurchase(t *testing.T) {
	t.Parallel()
	m := NewMarket(t, simulator.Options{}, Options{Probe: true})
	a := m.Order(t, "closes-the-tab@example.com")
	require.Equal(t, http.StatusOK, a.Status, a.Body)
	ref := a.Envelope(t).Ref
	_, err := m.CRM.Approve(m.CRM.Sessions()[0].ID) // paid, and the shopper never comes back
	require.NoError(t, err)
	require.Empty(t, m.CRM.Calls(simulator.OpQuery))

	record := m.ledger(t, "ledger", "call", "read", "ref", ref).Record
	version, data, _ := strings.Cut(record, "\x00")
	require.True(t, m.ledger(t, "ledger", "call", "write", "ref", ref, "version", version, "data", data, "alarm", "10",
		"expires", hour).Won)
	until(t, "the relay asks Konnektive by itself", func() bool { return len(m.CRM.Calls(simulator.OpQuery)) > 0 })
	until(t, "and records what it learned", func() bool {
		return m.ledger(t, "ledger", "call", "read", "ref", ref).Record != "" &&
			!strings.HasPrefix(m.ledger(t, "ledger", "call", "read", "ref", ref).Record, version+"\x00") &&
			strings.Contains(m.Output(), `"route":"alarm"`)
	})
	assert.Contains(t, Send(t, m.Client(), http.MethodGet, "https://"+Host+"/api/order/status/"+ref, "").Body, `"paid"`)
}

func TestNobodyOutsideCanRaiseAnAlarm(t *testing.T) {
	t.Parallel()
	m := NewMarket(t, simulator.Options{}, Options{})
	a := m.Order(t, "alarm@example.com")
	ref := a.Envelope(t).Ref
	for _, path := range []string{"/api/alarm/" + ref, "/alarm", "/api/settle/" + ref, "/cdn-cgi/alarm"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			Send(t, m.Client(), method, "https://"+Host+path, ref, "X-Kind", "alarm", "X-Call", "1")
		}
	}
	assert.Empty(t, m.CRM.Calls(simulator.OpQuery))
}
