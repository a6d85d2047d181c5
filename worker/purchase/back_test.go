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
