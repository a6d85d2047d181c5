package relay

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/ledger"
	"klarna-relay/worker/simulator"
)

// nextVersion is the ledger as the next version of the program has it: its records are of the next format, and it
// reads those of this one too.
type nextVersion struct{ ledger.Store }

const thisFormat, nextFormat = `{"v":2`, `{"v":3`

func swap(s ledger.Stored, from, to string) ledger.Stored {
	if rest, ok := strings.CutPrefix(s.Data, from); ok {
		s.Data = to + rest
	}
	return s
}

func (n nextVersion) Read(ctx context.Context, ref string, questions int) (ledger.Stored, int, error) {
	stored, allowed, err := n.Store.Read(ctx, ref, questions)
	return swap(stored, nextFormat, thisFormat), allowed, err
}

func (n nextVersion) Write(ctx context.Context, ref string, version int64, data string, alarm,
	expires time.Time) (bool, ledger.Stored, error) {
	won, current, err := n.Store.Write(ctx, ref, version, swap(ledger.Stored{Data: data}, thisFormat, nextFormat).Data,
		alarm, expires)
	return won, swap(current, nextFormat, thisFormat), err
}

// sent is how many imports Konnektive was sent.
func (s *shop) sent() int { return len(s.sim.Calls(simulator.OpOrder, simulator.OpUpsale)) }

func TestTwoVersionsOfTheProgramWorkOnOneLedger(t *testing.T) {
	s := open(t)
	old := s.relay
	next := s.start(settings(), s.sim, nextVersion{s.store})
	as := func(relay *Relay) { s.relay = relay }
	pay := func(a reply) {
		_, err := s.sim.Approve(s.session(a.url()))
		require.NoError(t, err)
		s.pass(time.Minute)
	}

	t.Run("a purchase of the old one goes on at the new one", func(t *testing.T) {
		as(old)
		a := s.order("key-00000001", order())
		require.Equal(t, "redirect", a.Code)
		as(next)
		again := s.order("key-00000001", order())
		assert.Equal(t, a.url(), again.url(), "the same session")
		assert.Equal(t, 1, s.sent())
		pay(a)
		assert.Equal(t, "paid", s.status(a.Ref).Code)
		assert.Equal(t, "redirect", s.upsale("key-00000002", a.Ref).Code)

		as(old) // rolled back: what the new one wrote is neither judged nor written over
		assert.Equal(t, "unknown", s.status(a.Ref).Code)
		before := s.sent()
		assert.Equal(t, "unknown", s.order("key-00000001", order()).Code)
		assert.Equal(t, before, s.sent(), "and nothing is sent twice")
		as(next)
		assert.Equal(t, "paid", s.status(a.Ref).Code)
	})
	t.Run("a purchase of the new one waits, at the old one, for the new one", func(t *testing.T) {
		as(next)
		a := s.order("key-00000003", order().with("emailAddress", "new@example.com"))
		require.Equal(t, "redirect", a.Code)
		before := s.sent()
		as(old)
		assert.Equal(t, "unknown", s.order("key-00000003", order().with("emailAddress", "new@example.com")).Code)
		back := s.comeBack(s.sim.Approve(s.session(a.url())))
		assert.Equal(t, 303, back.StatusCode)
		assert.Contains(t, back.Header.Get("Location"), "/thank-you?ref="+a.Ref)
		assert.Equal(t, "unknown", s.status(a.Ref).Code, "no proof, and no denial")
		assert.False(t, old.Watch(t.Context(), s.reading(a.Ref)), "the alarm comes again")
		assert.Equal(t, before, s.sent())
		as(next)
		s.pass(time.Minute)
		assert.Equal(t, "paid", s.status(a.Ref).Code)
	})
	t.Run("orders of both at once stay apart", func(t *testing.T) {
		as(old)
		a := s.order("key-00000004", order().with("emailAddress", "a@example.com"))
		as(next)
		b := s.order("key-00000005", order().with("emailAddress", "b@example.com"))
		assert.Equal(t, []string{"redirect", "redirect"}, []string{a.Code, b.Code})
		assert.NotEqual(t, a.Ref, b.Ref)
	})
	assert.Empty(t, s.sim.Violations())
}
