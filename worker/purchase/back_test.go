package purchase

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
)

func TestAnOrderThatABrowserNamesCountsOnlyWhenOrderQueryAgrees(t *testing.T) {
	ctx := context.Background()
	const right = `"orderId":"HINT","orderStatus":"COMPLETE","campaignId":"12","paySource":"PREPAID","prepaidType":"KLARNA","dateCreated":"2026-11-02 03:00:00"`
	for _, c := range []struct {
		name, order, hint string
		heldBy            string
		want              string // code
		adopted           bool
	}{
		{"everything agrees", right, "HINT", "", codes.Paid, true},
		{"it is another campaign's", `"orderId":"HINT","orderStatus":"COMPLETE","campaignId":"13","paySource":"PREPAID","prepaidType":"KLARNA","dateCreated":"2026-11-02 03:00:00"`, "HINT", "", codes.Pending, false},
		{"it is paid by card", `"orderId":"HINT","orderStatus":"COMPLETE","campaignId":"12","paySource":"CREDITCARD","prepaidType":"KLARNA","dateCreated":"2026-11-02 03:00:00"`, "HINT", "", codes.Pending, false},
		{"it is prepaid by another method", `"orderId":"HINT","orderStatus":"COMPLETE","campaignId":"12","paySource":"PREPAID","prepaidType":"OTHER","dateCreated":"2026-11-02 03:00:00"`, "HINT", "", codes.Pending, false},
		{"it was made long before", `"orderId":"HINT","orderStatus":"COMPLETE","campaignId":"12","paySource":"PREPAID","prepaidType":"KLARNA","dateCreated":"2026-10-01 03:00:00"`, "HINT", "", codes.Pending, false},
		{"nobody knows when it was made", `"orderId":"HINT","orderStatus":"COMPLETE","campaignId":"12","paySource":"PREPAID","prepaidType":"KLARNA"`, "HINT", "", codes.Pending, false},
		{"another purchase has it", right, "HINT", "another purchase", codes.Pending, false},
		{"it is no order", right, "<script>", "", codes.Pending, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			_, err := d.hold(ctx, "shop.example", "L1", "another purchase") // so that the import goes without an order
			require.NoError(t, err)
			if c.heldBy != "" {
				_, err = d.hold(ctx, "shop.example", "HINT", c.heldBy)
				require.NoError(t, err)
			}
			first, session := d.redirected(order("key", "cart", ""))
			require.Empty(t, d.record(first.Ref).Attempts[0].OrderID)
			d.answer = func(endpoint konnektive.Endpoint, _ url.Values) (konnektive.Reply, bool) {
				return reply(`{"result":"SUCCESS","message":{"data":[{%s}]}}`, c.order), endpoint == konnektive.OrderQuery
			}
			d.pass(time.Minute)
			asked := 0
			back := Back{Lander: "shop.example", Session: session, CampaignID: "12", PrepaidType: "KLARNA",
				Hint: func() string { asked++; return c.hint }}
			result, err := d.another().ComeBack(ctx, back)
			require.NoError(t, err)
			assert.Equal(t, c.want, result.Code)
			assert.Equal(t, 1, asked)
			adopted := d.record(first.Ref).Attempts[0].OrderID
			assert.Equal(t, c.adopted, adopted == "HINT", adopted)
			if c.adopted {
				assert.Equal(t, first.Ref, d.record(d.store.Named("order\nHINT")).Target)
			}
		})
	}
}

func TestASessionWhoseOrderIsKnownNeedsNoHint(t *testing.T) {
	d := newDesk(t)
	_, session := d.redirected(order("key", "cart", ""))
	_, err := d.ComeBack(context.Background(), Back{Lander: "shop.example", Session: session, Hint: func() string {
		assert.Fail(t, "what was posted is not even read")
		return ""
	}})
	require.NoError(t, err)
}

func TestOnlyASessionThatIsOpenEndsByItsReturn(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name, body string
		end        End
	}{
		{"a session", `{"result":"MERC_REDIRECT","message":{"url":"https://klarna.example/x"}}`, EndFailed},
		{"an import that was declined", `{"result":"ERROR","message":"Transaction Declined: no"}`, ""},
		{"an import in doubt", `<html>`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			d.refuse(konnektive.ImportOrder, konnektive.Read(200, c.body))
			result, _ := d.imported(order("key", "cart", ""))
			a := d.record(result.Ref).Attempts[0]
			_, err := d.another().Failed(ctx, Back{Lander: "shop.example", Session: Session(result.Ref, a.Token)})
			require.NoError(t, err)
			assert.Equal(t, c.end, d.record(result.Ref).Attempts[0].End)
		})
	}
	t.Run("one that was paid", func(t *testing.T) {
		d := newDesk(t)
		paid, session := d.paidOrder("key")
		_, err := d.another().Failed(ctx, Back{Lander: "shop.example", Session: session})
		require.NoError(t, err)
		assert.Empty(t, d.record(paid.Ref).Attempts[0].End)
	})
}

func TestAReturnWhileAnotherRequestWrites(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name   string
		change func(a *Attempt)
		want   string
		end    End
		ended  time.Time
	}{
		{"the session has ended: the first end counts", func(a *Attempt) { a.End, a.Ended = EndFailed, noon }, codes.Declined, EndFailed, noon},
		{"the session was paid: it has no end", func(a *Attempt) { a.Paid = true }, codes.Paid, "", time.Time{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			first, session := d.redirected(order("key", "cart", ""))
			d.pass(time.Minute)
			once := false
			d.store.before = func(op, _ string) {
				if op == "write" && !once {
					once = true
					d.rewrite(first.Ref, func(r *Record) { c.change(&r.Attempts[0]) })
				}
			}
			back, err := d.another().Failed(ctx, Back{Lander: "shop.example", Session: session})
			require.NoError(t, err)
			assert.Equal(t, c.want, back.Code)
			a := d.record(first.Ref).Attempts[0]
			assert.Equal(t, c.end, a.End)
			assert.Equal(t, c.ended, a.Ended)
		})
	}
	t.Run("the session is gone", func(t *testing.T) {
		d := newDesk(t)
		first, session := d.redirected(order("key", "cart", ""))
		d.store.before = func(op, _ string) {
			if op == "write" {
				d.rewrite(first.Ref, func(r *Record) { r.Attempts = nil })
			}
		}
		back, err := d.Failed(ctx, Back{Lander: "shop.example", Session: session})
		require.NoError(t, err)
		assert.Equal(t, codes.Retry, back.Code)
	})
}

func TestOfSeveralSessionsAReturnSaysHowItsOwnStands(t *testing.T) {
	ctx := context.Background()
	in := func(key, cart, ref string) Import {
		in := order(key, cart, ref)
		in.NextPage, in.FailedPage = "/next-"+key, "/again-"+key
		return in
	}
	d := newDesk(t)
	first, left := d.redirected(in("a", "cart", ""))
	d.pass(time.Minute)
	_, open := d.redirected(in("b", "other", first.Ref))
	d.pass(time.Minute)
	back, err := d.another().Failed(ctx, Back{Lander: "shop.example", Session: left})
	require.NoError(t, err)
	assert.Equal(t, codes.Declined+" "+TextCancelled, back.Code+" "+back.Text, "though the other one is open")
	d.pass(time.Minute)
	d.status[d.record(first.Ref).Attempts[1].OrderID] = complete
	paid, err := d.another().ComeBack(ctx, Back{Lander: "shop.example", Session: open})
	require.NoError(t, err)
	require.Equal(t, codes.Paid, paid.Code)
	back, err = d.another().Failed(ctx, Back{Lander: "shop.example", Session: left})
	require.NoError(t, err)
	assert.Equal(t, []string{codes.Paid, paid.OrderNumber}, []string{back.Code, back.OrderNumber}, "what is paid is paid")
	assert.Equal(t, []string{"/next-a", "/again-a"}, []string{back.NextPage, back.FailedPage},
		"with the pages of the session that he was in")
}

// hinted is an order at Klarna whose own id is not known, and the return whose post names one.
func (d *desk) hinted() (Result, Back) {
	_, err := d.hold(context.Background(), "shop.example", "L1", "another purchase")
	require.NoError(d.t, err)
	first, session := d.redirected(order("key", "cart", ""))
	require.Empty(d.t, d.record(first.Ref).Attempts[0].OrderID)
	d.refuse(konnektive.OrderQuery,
		reply(`{"result":"SUCCESS","message":{"data":[{"orderId":"HINT","orderStatus":"COMPLETE",`+
			`"campaignId":"12","paySource":"PREPAID","prepaidType":"KLARNA","dateCreated":"2026-11-02 03:00:00"}]}}`))
	return first, Back{Lander: "shop.example", Session: session, CampaignID: "12", PrepaidType: "KLARNA",
		Hint: func() string { return "HINT" }}
}

func TestAHintWhileAnotherRequestWritesOrTheLedgerFails(t *testing.T) {
	ctx := context.Background()
	other := func(d *desk, ref string) {
		d.rewrite(ref, func(r *Record) { r.Attempts[0].OrderID = "OTHER" })
	}
	gone := func(d *desk, ref string) { d.rewrite(ref, func(r *Record) { r.Attempts = nil }) }
	t.Run("the order was learned before the hint is noted", func(t *testing.T) {
		d := newDesk(t)
		first, back := d.hinted()
		once := false
		d.store.before = func(op, _ string) {
			if op == "write" && !once {
				once = true
				other(d, first.Ref)
			}
		}
		_, err := d.another().ComeBack(ctx, back)
		require.NoError(t, err)
		a := d.record(first.Ref).Attempts[0]
		assert.Equal(t, "OTHER", a.OrderID)
		assert.Empty(t, a.Hint)
	})
	t.Run("the order was learned while the hint is examined", func(t *testing.T) {
		d := newDesk(t)
		first, back := d.hinted()
		d.during(konnektive.OrderQuery, func() { other(d, first.Ref) })
		_, err := d.another().ComeBack(ctx, back)
		require.NoError(t, err)
		assert.Equal(t, "OTHER", d.record(first.Ref).Attempts[0].OrderID)
	})
	t.Run("the session is gone", func(t *testing.T) {
		d := newDesk(t)
		first, back := d.hinted()
		d.during(konnektive.OrderQuery, func() { gone(d, first.Ref) })
		result, err := d.another().ComeBack(ctx, back)
		require.NoError(t, err)
		assert.Equal(t, codes.Retry, result.Code)
		d = newDesk(t)
		first, back = d.hinted()
		once := false
		d.store.before = func(op, _ string) {
			if op == "write" && !once {
				once = true
				gone(d, first.Ref)
			}
		}
		result, err = d.another().ComeBack(ctx, back)
		require.NoError(t, err)
		assert.Equal(t, codes.Retry, result.Code)
	})
	t.Run("what could not be examined is kept, and not written again", func(t *testing.T) {
		d := newDesk(t)
		first, back := d.hinted()
		d.refuse(konnektive.OrderQuery, lost)
		for range 2 {
			result, err := d.another().ComeBack(ctx, back)
			require.NoError(t, err)
			assert.Error(t, result.Cause)
		}
		assert.Equal(t, Hint{"HINT", "12", "KLARNA"}, d.record(first.Ref).Attempts[0].Hint)
		stored, _, err := d.store.Memory.Read(ctx, first.Ref, 0)
		require.NoError(t, err)
		assert.EqualValues(t, 5, stored.Version, "opened, sent, its order taken from it, answered, the hint")
	})
	for name, n := range map[string]int{"the order cannot be held": 2, "what was found out cannot be written": 3} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			first, back := d.hinted()
			writes := 0
			d.store.fails = func(op, _ string) error {
				if op == "write" {
					writes++
				}
				if writes == n {
					return errBroken
				}
				return nil
			}
			result, err := d.another().ComeBack(ctx, back)
			require.NoError(t, err)
			assert.ErrorIs(t, result.Cause, errBroken)
			// What was seen holds for this request all the same.
			assert.Equal(t, map[int]string{2: codes.Pending, 3: codes.Paid}[n], result.Code)
			assert.Equal(t, "HINT", d.record(first.Ref).Attempts[0].Hint.OrderID)
			d.store.fails = nil
			assert.Equal(t, codes.Paid, d.said(first.Ref))
		})
	}
}

func TestAHintThatOrderQueryDoesNotFindYetIsAskedAboutAgain(t *testing.T) {
	ctx := context.Background()
	newer := Hint{"NEWER", "12", "KLARNA"}
	for _, c := range []struct {
		name      string
		meanwhile func(r *Record)
		hint      Hint
		asked     bool // noted as asked about
	}{
		{"it is kept", func(*Record) {}, Hint{"HINT", "12", "KLARNA"}, true},
		{"a newer one has not been asked about", func(r *Record) { r.Attempts[0].Hint = newer }, newer, false},
		{"the session is gone", func(r *Record) { r.Attempts = nil }, Hint{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			hint := Hint{"HINT", "12", "KLARNA"}
			hinted := without(answered("a", codes.Redirect, noon))
			hinted.Hint = hint
			record := &tracked{ref: d.store.New(), Record: of(hinted)}
			won, _, err := d.write(ctx, record)
			require.NoError(t, err)
			require.True(t, won)
			d.refuse(konnektive.OrderQuery, noOrders)
			d.during(konnektive.OrderQuery, func() { d.rewrite(record.ref, c.meanwhile) })
			require.NoError(t, d.adopt(ctx, record, &record.Attempts[0]))
			r := d.record(record.ref)
			if len(r.Attempts) == 0 {
				return
			}
			assert.Equal(t, c.hint, r.Attempts[0].Hint)
			assert.Equal(t, c.asked, !r.Attempts[0].KnownAt.IsZero())
		})
	}
}
