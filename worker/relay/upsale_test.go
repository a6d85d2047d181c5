package relay

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

func TestAnUpsaleGoesToKlarnaAgainAndIsProvenByTheOrdersItems(t *testing.T) {
	s := open(t)
	ref := s.paidOrder("key-00000001", order())
	first := s.upsale("key-00000002", ref)
	s.expect(first, 200, "MERC_REDIRECT", "redirect")
	assert.NotEqual(t, ref, first.Ref, "a purchase of its own")
	s.expect(s.status(first.Ref), 200, "SUCCESS", "pending")
	s.expect(s.status(ref), 200, "SUCCESS", "paid")

	sent := s.sim.Orders()[0].UpsaleImports()[0].Fields
	for name, want := range map[string]string{
		"orderId": s.sim.Orders()[0].ID, "paySource": "PREPAID", "prepaidType": "KLARNA", "forceMerchantId": "7",
		"campaignId": "12", "product1_id": "40", "product1_qty": "1",
		"redirectsTo": "https://shop.example" + s.back(first.url(), "return"),
	} {
		assert.Equal(t, want, sent[name], name)
	}

	again := s.upsale("key-00000002", ref)
	assert.Equal(t, first.url(), again.url())
	assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
	assert.Equal(t, first.url(), s.upsale("key-00000003", ref).url(), "another tab, another key, the same upsale")
	assert.Equal(t, 1, s.imports(simulator.OpUpsale))

	back := s.pay(first.url())
	assert.Equal(t, "/thank-you?ref="+first.Ref, back.Header.Get("Location"))
	s.expect(s.status(first.Ref), 200, "SUCCESS", "paid")
	s.expect(s.confirm(first.Ref), 200, "SUCCESS", "confirmed")
	assert.Equal(t, "true", s.confirm(ref).Header.Get("Idempotent-Replayed"), "one order, one confirmation")
	assert.Empty(t, s.sim.Violations())
}

func TestAFailedUpsaleLeavesTheOrderAlone(t *testing.T) {
	s := open(t)
	ref := s.paidOrder("key-00000001", order())
	first := s.upsale("key-00000002", ref)
	back := s.comeBack(s.sim.Decline(s.session(first.url())))
	assert.Equal(t, "/thank-you?ref="+ref, back.Header.Get("Location"), "the order it was for is paid")
	declined := s.status(first.Ref)
	s.expect(declined, 200, "SUCCESS", "declined")
	assert.Contains(t, declined.body, "Your first order is paid and stays as it is.")
	assert.NotContains(t, declined.body, "charged")
	s.expect(s.status(ref), 200, "SUCCESS", "paid")
	assert.Equal(t, "COMPLETE", s.sim.Orders()[0].Status)
	assert.Len(t, s.sim.Orders()[0].Items, 1)

	s.expect(s.upsale("key-00000002", ref), 402, "ERROR", "declined")
	again := s.upsale("key-00000003", ref)
	s.expect(again, 200, "MERC_REDIRECT", "redirect")
	s.pass(time.Second)
	assert.Equal(t, "/thank-you?ref="+first.Ref, s.pay(again.url()).Header.Get("Location"))
	s.expect(s.status(first.Ref), 200, "SUCCESS", "paid")
	assert.Empty(t, s.sim.Violations())
}

func TestAnUpsaleIsRefused(t *testing.T) {
	s := open(t)
	unpaid := s.order("key-00000001", order()).Ref
	s.expect(s.upsale("key-00000002", unpaid), 409, "ERROR", "order_not_paid")
	s.expect(s.upsale("key-00000002", strings.Repeat("0", 64)), 404, "ERROR", "ref_unknown")
	nameless := s.upsale("key-00000002", "")
	s.expect(nameless, 422, "ERROR", "invalid")
	assert.Contains(t, nameless.fields(), "ref")
	assert.Zero(t, s.imports(simulator.OpUpsale))

	_, err := s.sim.Approve(s.sim.Sessions()[0].ID)
	require.NoError(t, err)
	notAnUpsale := s.post("/api/upsale/import/", "key-00000003",
		fields{"ref": unpaid, "product1_id": "34", "product1_qty": "1"})
	s.expect(notAnUpsale, 422, "ERROR", "product_refused")
	s.expect(s.upsale("key-00000002", unpaid), 200, "MERC_REDIRECT", "redirect")
}

func TestAnUpsaleTakenBeforeGoesOn(t *testing.T) {
	s := open(t)
	ref := s.paidOrder("key-00000001", order())
	s.sim.SetFault(func(c simulator.Call) simulator.Fault {
		if c.Op == simulator.OpUpsale {
			return simulator.Fault{Verdict: simulator.VerdictTaken}
		}
		return simulator.Fault{}
	})
	s.expect(s.upsale("key-00000002", ref), 200, "SUCCESS", "already_taken")
	again := s.upsale("key-00000002", ref)
	s.expect(again, 200, "SUCCESS", "already_taken")
	assert.Equal(t, 1, s.imports(simulator.OpUpsale))
}

func TestMoreOfAnUpsaleThatIsPaidIsNotImported(t *testing.T) {
	s := open(t)
	ref := s.paidOrder("key-00000001", order())
	require.Equal(t, http.StatusSeeOther, s.pay(s.upsale("key-00000002", ref).url()).StatusCode)
	s.expect(s.upsale("key-00000003", ref), 200, "SUCCESS", "paid")
	more := fields{"ref": ref, "product1_id": "40", "product1_qty": "2"}
	s.expect(s.post("/api/upsale/import/", "key-00000004", more), 200, "SUCCESS", "already_taken")
	assert.Equal(t, 1, s.imports(simulator.OpUpsale))
}

func TestADoubtAboutAnUpsaleIsNeverTakenForPaid(t *testing.T) {
	s := open(t)
	ref := s.paidOrder("key-00000001", order())
	s.sim.SetFault(func(c simulator.Call) simulator.Fault {
		if c.Op == simulator.OpUpsale {
			return simulator.Fault{Answer: simulator.AnswerReset}
		}
		return simulator.Fault{}
	})
	first := s.upsale("key-00000002", ref)
	s.expect(first, 202, "PENDING", "unknown")
	s.expect(s.status(first.Ref), 200, "SUCCESS", "unknown")
	s.expect(s.upsale("key-00000003", ref), 202, "PENDING", "unknown")
	s.pass(91e9)
	s.expect(s.status(first.Ref), 200, "PENDING", "retry")
	s.sim.SetFault(nil)
	s.expect(s.upsale("key-00000003", ref), 200, "MERC_REDIRECT", "redirect")
}

func TestAnUpsaleWithoutJavaScriptEndsAtTheThankYouPage(t *testing.T) {
	s := open(t)
	ref := s.paidOrder("key-00000001", order())
	got := s.form("/api/upsale/import/", fields{"ref": ref, "product1_id": "40", "product1_qty": "1"})
	assert.Equal(t, http.StatusSeeOther, got.StatusCode)
	s.pay(got.Header.Get("Location"))
	again := s.form("/api/upsale/import/", fields{"ref": ref, "product1_id": "40", "product1_qty": "1"})
	assert.Regexp(t, `^/thank-you\?ref=[0-9a-f]{64}$`, again.Header.Get("Location"))
}
