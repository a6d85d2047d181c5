package simulator

import (
	"flag"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lead sends a lead and gives the order it is answered with.
func lead(t *testing.T, sim *Simulator, fields ...map[string]string) string {
	t.Helper()
	answer := post(sim, OpLead, with(append([]map[string]string{person()}, fields...)...))
	require.Equal(t, "SUCCESS", answer.Result, answer.Body)
	return answer.Message["orderId"].(string)
}

// imported sends an order and gives its session at Klarna.
func imported(t *testing.T, sim *Simulator, fields ...map[string]string) Session {
	t.Helper()
	answer := post(sim, OpOrder, with(append([]map[string]string{goodOrder()}, fields...)...))
	require.Equal(t, "MERC_REDIRECT", answer.Result, answer.Body)
	sessions := sim.Sessions()
	return sessions[len(sessions)-1]
}

func status(t *testing.T, sim *Simulator, order string) string {
	t.Helper()
	return post(sim, OpQuery, map[string]string{"orderId": order}).first(t)["orderStatus"].(string)
}

func clocked(settings Settings) (*Simulator, *time.Time) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	return New(Options{Settings: settings, Now: func() time.Time { return now }, Sleep: noSleep(&now)}), &now
}

func TestEveryVariationSellsAnOrder(t *testing.T) {
	names := map[string]bool{}
	for _, v := range Variations() {
		t.Run(v.Name, func(t *testing.T) {
			assert.False(t, names[v.Name], "named once")
			names[v.Name] = true
			var settings Settings
			v.Apply(&settings)
			sim, now := clocked(settings)
			session := imported(t, sim, map[string]string{"orderId": lead(t, sim)})
			_, err := sim.Approve(session.ID)
			require.NoError(t, err)
			*now = now.Add(time.Hour)
			order, _ := sim.Order(session.OrderID)
			assert.Equal(t, StatusComplete, order.Status)
			assert.Equal(t, order.Total, order.Paid)
			assertNoViolations(t, sim)
		})
	}
}

func TestEverySettingIsAFlag(t *testing.T) {
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	var settings Settings
	require.NoError(t, settings.Flags(flags))
	count := 0
	flags.VisitAll(func(*flag.Flag) { count++ })
	assert.Equal(t, reflect.TypeFor[Settings]().NumField(), count)
}

func TestWhichOrderALeadIsGiven(t *testing.T) {
	bo := map[string]string{"emailAddress": "bo@example.com"}
	elsewhere := map[string]string{"emailAddress": "cy@example.com", "ipAddress": "2001:db8::1"}
	for merge, want := range map[Merge]struct{ again, other, elsewhere, afterPayment bool }{
		MergeNever: {}, MergeShopper: {again: true}, MergeAddress: {again: true, other: true}, MergeAny: {again: true,
			other: true, afterPayment: true},
	} {
		t.Run(string(merge), func(t *testing.T) {
			sim := New(Options{Settings: Settings{Merge: merge}})
			first := lead(t, sim)
			assert.Equal(t, want.again, first == lead(t, sim), "of the same shopper")
			assert.Equal(t, want.other, first == lead(t, sim, bo), "of another one behind the same address")
			assert.Equal(t, want.elsewhere, first == lead(t, sim, elsewhere), "of another one elsewhere")
			assert.Equal(t, first, lead(t, sim, map[string]string{"orderId": first}), "that names the order")

			sim.Reset()
			session := imported(t, sim, map[string]string{"orderId": lead(t, sim)})
			_, err := sim.Approve(session.ID)
			require.NoError(t, err)
			assert.Equal(t, want.afterPayment, session.OrderID == lead(t, sim), "once the order is paid")
			assert.Len(t, sim.OrdersOf("zoe@example.com"), len(sim.Orders()))
		})
	}
	t.Run("an order that was given to two shoppers is found by both", func(t *testing.T) {
		sim := New(Options{Settings: Settings{Merge: MergeAddress}})
		first := lead(t, sim)
		lead(t, sim, bo)
		assert.Equal(t, first, sim.OrdersOf("zoe@example.com")[0].ID)
		assert.Equal(t, first, sim.OrdersOf("bo@example.com")[0].ID)
	})
}

func TestWhatAnAnswerHides(t *testing.T) {
	sim := New(Options{Settings: Settings{LeadHidesStatus: true, ImportHidesOrder: true}})
	answer := post(sim, OpLead, person())
	assert.NotContains(t, answer.Message, "orderStatus")
	order := answer.Message["orderId"].(string)
	answer = post(sim, OpOrder, with(goodOrder(),
		map[string]string{"orderId": order, "emailAddress": "paid@example.com"}))
	assert.Equal(t, "SUCCESS", answer.Result)
	assert.NotContains(t, answer.Message, "orderId")
	assert.Equal(t, "COMPLETE", answer.Message["orderStatus"])
}

func TestWhatASecondImportDoes(t *testing.T) {
	t.Run("nothing, where an order takes one", func(t *testing.T) {
		sim := New(Options{Settings: Settings{ImportOnce: true}})
		order := map[string]string{"orderId": lead(t, sim)}
		imported(t, sim, order)
		answer := post(sim, OpOrder, with(goodOrder(), order, map[string]string{"product1_qty": "9"}))
		assert.Equal(t, "ERROR", answer.Result)
		assert.Equal(t, textImported, answer.Text)
		assert.Equal(t, 2, sim.Orders()[0].Items[0].Qty)
	})
	for sticks, want := range map[bool]string{false: StatusPartial, true: StatusDeclined} {
		t.Run("to a declined order, "+want, func(t *testing.T) {
			sim := New(Options{Settings: Settings{DeclineSticks: sticks}})
			session := imported(t, sim)
			_, err := sim.Decline(session.ID)
			require.NoError(t, err)
			again := imported(t, sim, map[string]string{"orderId": session.OrderID})
			assert.Equal(t, want, status(t, sim, session.OrderID))
			_, err = sim.Approve(again.ID)
			require.NoError(t, err)
			assert.Equal(t, StatusComplete, status(t, sim, session.OrderID))
		})
	}
	for asIs, want := range map[bool]int{false: 2, true: 9} {
		t.Run("when the first session is paid", func(t *testing.T) {
			sim := New(Options{Settings: Settings{CompleteAsIs: asIs}})
			session := imported(t, sim)
			imported(t, sim, map[string]string{"orderId": session.OrderID, "product1_qty": "9"})
			_, err := sim.Approve(session.ID)
			require.NoError(t, err)
			order, _ := sim.Order(session.OrderID)
			assert.Equal(t, want, order.Items[0].Qty)
			assert.Equal(t, session.Amount, order.Paid)
			assert.Equal(t, asIs, order.Paid != order.Total, "nine at the price of two")
		})
	}
}

func TestHowAnOrderStandsMeanwhile(t *testing.T) {
	t.Run("in quality assurance, and COMPLETE after it", func(t *testing.T) {
		sim, now := clocked(Settings{Review: time.Minute})
		session := imported(t, sim)
		_, err := sim.Approve(session.ID)
		require.NoError(t, err)
		*now = now.Add(time.Minute - time.Second)
		assert.Equal(t, StatusPending, status(t, sim, session.OrderID))
		_, err = sim.Cancel(session.ID)
		require.ErrorIs(t, err, ErrSessionOver)
		*now = now.Add(time.Second)
		assert.Equal(t, StatusComplete, status(t, sim, session.OrderID))
	})
	t.Run("an operator decides about it", func(t *testing.T) {
		sim, now := clocked(Settings{Review: time.Minute})
		session := imported(t, sim)
		_, err := sim.Approve(session.ID)
		require.NoError(t, err)
		require.NoError(t, sim.SetStatus(session.OrderID, StatusDeclined))
		*now = now.Add(time.Hour)
		assert.Equal(t, StatusDeclined, status(t, sim, session.OrderID))
	})
	t.Run("declined at Klarna, and PARTIAL", func(t *testing.T) {
		sim := New(Options{Settings: Settings{DeclineStatus: StatusPartial}})
		session := imported(t, sim)
		_, err := sim.Decline(session.ID)
		require.NoError(t, err)
		assert.Equal(t, StatusPartial, status(t, sim, session.OrderID))
	})
	t.Run("expired", func(t *testing.T) {
		sim, now := clocked(Settings{ExpiredStatus: StatusCancelled})
		session, paid := imported(t, sim), imported(t, sim)
		_, err := sim.Approve(paid.ID)
		require.NoError(t, err)
		*now = now.Add(SessionLife)
		assert.Equal(t, StatusPartial, status(t, sim, session.OrderID))
		*now = now.Add(time.Second)
		assert.Equal(t, StatusCancelled, status(t, sim, session.OrderID))
		assert.Equal(t, StatusComplete, status(t, sim, paid.OrderID))
		require.NoError(t, sim.SetStatus(session.OrderID, StatusPartial))
		assert.Equal(t, StatusPartial, status(t, sim, session.OrderID), "an operator has the last word")
	})
}

func TestWhatIsRefused(t *testing.T) {
	sim := New(Options{Settings: Settings{RefuseIPv6: true, RefusePlus: true}})
	answer := post(sim, OpOrder, with(goodOrder(), map[string]string{"ipAddress": "2001:db8::1"}))
	assert.Equal(t, map[string]any{"ipAddress": "is not a valid IP address",
		"phoneNumber": "is not a valid phone number"}, answer.Message)
	imported(t, sim, map[string]string{"phoneNumber": "31612345678"})
}

func TestTextsThatNobodyKnows(t *testing.T) {
	for email, want := range map[string]string{
		"odd-error@example.com": "Processor 17 refused 'Zoë O’Brien' (odd-error@example.com): do not honour",
		"grant@example.com":     textGrant,
		"decline@example.com":   "Processor 17 refused 'Zoë O’Brien' (decline@example.com): do not honour",
	} {
		sim := New(Options{Settings: Settings{OddErrors: true}})
		assert.Equal(t, want, post(sim, OpOrder, with(goodOrder(), map[string]string{"emailAddress": email})).Text)
		want = strings.Replace(want, email, "lead-"+email, 1)
		assert.Equal(t, want, post(sim, OpLead, with(person(), map[string]string{"emailAddress": "lead-" + email})).Text)
	}
}

func TestOrderQueryOfADay(t *testing.T) {
	sim, now := clocked(Settings{})
	var ids []string
	for i := range 30 {
		if i == 20 {
			*now = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
		}
		ids = append(ids, imported(t, sim).OrderID)
	}
	_, err := sim.Approve(sim.Sessions()[3].ID)
	require.NoError(t, err)
	query := func(fields ...map[string]string) reply {
		return post(sim, OpQuery, with(append([]map[string]string{{"startDate": "11/25/2026", "endDate": "11/25/2026"}},
			fields...)...))
	}
	orders := func(r reply) (found []string) {
		data, _ := r.Message["data"].([]any)
		for _, order := range data {
			found = append(found, order.(map[string]any)["orderId"].(string))
		}
		return found
	}
	assert.Equal(t, ids[:20], orders(query()))
	assert.Equal(t, ids[20:], orders(query(map[string]string{"startDate": "11/26/2026", "endDate": "11/30/2026"})))
	assert.Equal(t, ids[3:4], orders(query(map[string]string{"orderStatus": "COMPLETE"})))
	assert.Equal(t, ids[:20], orders(query(map[string]string{"campaignId": "12"})))
	both := map[string]string{"endDate": "11/26/2026"}
	assert.Equal(t, ids[:25], orders(query(both)), "25 a page")
	assert.Equal(t, ids[25:], orders(query(both, map[string]string{"page": "2"})))
	assert.Empty(t, orders(query(both, map[string]string{"page": "3"})))
	assert.Equal(t, ids[8:12], orders(query(both, map[string]string{"page": "3", "resultsPerPage": "4"})))
	assert.Equal(t, ids, orders(query(both, map[string]string{"resultsPerPage": "9999"})))
	assert.EqualValues(t, 30, query(both).Message["totalResults"])
	for _, none := range []map[string]string{
		{"startDate": "11/24/2026", "endDate": "11/24/2026"}, {"startDate": "-"}, {"endDate": "-"},
		{"startDate": "2026-11-25"}, {"campaignId": "99"},
	} {
		assert.Equal(t, textNoOrders, query(none).Text, none)
	}
	assertNoViolations(t, sim)
}

func TestShippingProfiles(t *testing.T) {
	sim := New(Options{})
	cart := map[string]string{"product2_id": "35", "product2_qty": "1", "shipProfileId": "4"}
	order, _ := sim.Order(imported(t, sim, cart).OrderID)
	assert.Equal(t, []Cents{990, 0}, []Cents{order.Items[0].Shipping, order.Items[1].Shipping},
		"instead of the products' own")
	assert.Equal(t, Cents(2*4990+8990+990), order.Total)
	refused := post(sim, OpOrder, with(goodOrder(), map[string]string{"shipProfileId": "9"}))
	assert.Contains(t, refused.Message, "shipProfileId")
	told := post(sim, OpCampaign,
		map[string]string{"campaignId": "12"}).Message["data"].(map[string]any)["12"].(map[string]any)
	assert.Equal(t, []any{
		map[string]any{"shipProfileId": 3.0, "profileName": "Standard",
			"shipPrice": "4.90"}, map[string]any{"shipProfileId": 4.0, "profileName": "Express", "shipPrice": "9.90"},
	}, told["shipProfiles"])
	assertNoViolations(t, sim)
}

func TestFieldsOfAnAccountsOwn(t *testing.T) {
	sim := New(Options{})
	imported(t, sim, map[string]string{"custom_giftNote": "for you"})
	assertNoViolations(t, sim)
	imported(t, sim, map[string]string{"custom_": "x", "custom_a-b": "x"})
	assert.Len(t, sim.Violations(), 2)
}

func TestComingBackWithNothing(t *testing.T) {
	for byGET, want := range map[bool]string{false: "POST", true: "GET"} {
		sim := New(Options{Settings: Settings{ReturnBare: true, ReturnByGET: byGET}})
		session := imported(t, sim)
		back, err := sim.Approve(session.ID)
		require.NoError(t, err)
		assert.Equal(t, Return{Method: want, URL: session.RedirectsTo, Form: back.Form}, back)
		assert.Empty(t, maps.Clone(back.Form))
	}
}
