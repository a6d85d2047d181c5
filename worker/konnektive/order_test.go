package konnektive

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// orderOf is an order with these members, as Order Query tells it.
func orderOf(t *testing.T, members string) Order {
	order, ok := ReadOrder(Read(200, `{"result":"SUCCESS","message":{"data":[{"orderId":"A1",`+members+`}]}}`), "A1")
	require.True(t, ok, members)
	return order
}

func TestWhoseOrderItIs(t *testing.T) {
	order := orderOf(t, `"campaignId":12,"paySource":"prepaid","prepaidType":"Klarna","orderStatus":"pending"`)
	assert.Equal(t, []string{"12", "PREPAID", "KLARNA", StatusPending},
		[]string{order.CampaignID, order.PaySource, order.PrepaidType, order.Status})
}

func TestThePartsOfATotal(t *testing.T) {
	for members, want := range map[string][4]string{
		`"totalAmount":"49.80","shipTotal":"4.90","taxTotal":1.5,"totalDiscount":"-5.00"`: {"49.80", "4.90", "1.5", "5.00"},
		`"orderTotal":49.8,"baseShipping":4.9,"salesTax":"1.50","discountTotal":5`:        {"49.8", "4.9", "1.50", "5"},
		`"totalShipping":"4.90","totalTax":"0.00","discount":"5.00"`:                      {"", "4.90", "0.00", "5.00"},
		`"discountPrice":"5.00"`: {"", "", "", "5.00"},
		`"x":1`:                  {},
	} {
		order := orderOf(t, members)
		assert.Equal(t, want, [4]string{order.Total, order.Shipping, order.Tax, order.Discount}, members)
	}
	order := orderOf(t, `"items":[{"productId":"34","name":"Lamp","price":"49.90","shipping":"4.90"},
		{"productId":"35","shippingPrice":"1.00"}]`)
	assert.Equal(t, []Item{{ProductID: "34", Name: "Lamp", Qty: 1, Price: "49.90", Shipping: "4.90"},
		{ProductID: "35", Qty: 1, Shipping: "1.00"}}, order.Items)
}

func TestWhenAnOrderWasMade(t *testing.T) {
	evening := time.Date(2026, 11, 25, 19, 5, 9, 0, time.UTC)
	for written, want := range map[string]struct {
		at      time.Time
		anyZone bool
	}{
		`"2026-11-25 19:05:09"`:       {evening, true},
		`"2026-11-25T19:05:09"`:       {evening, true},
		`"2026-11-25 19:05:09.123"`:   {evening, true},
		`"2026-11-25T19:05:09Z"`:      {evening, false},
		`"2026-11-25T19:05:09.5Z"`:    {evening, false},
		`"2026-11-25T20:35:09+01:30"`: {evening, false},
		`"2026-11-25T14:05:09-05:00"`: {evening, false},
		`"2026-11-25"`:                {time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC), true},
		`{"date":"2026-11-25 19:05:09.000000","timezone_type":3,"timezone":"UTC"}`:              {evening, false},
		`{"date":"2026-11-25 19:05:09.000000","timezone_type":1,"timezone":"+00:00"}`:           {evening, false},
		`{"date":"2026-11-25 19:05:09.000000","timezone_type":3,"timezone":"America/New_York"}`: {evening, true},
		`{"date":"2026-11-25 19:05:09"}`:                                                        {evening, true},
		`"2026-11-25T19:05:09+1:00"`: {evening,
			true}, `"2026-11-25T19:05:09+01:0x"`: {evening, true}, `"2026-11-25T19:05:09*01:00"`: {evening, true},
		`"2026-11-25T19:05:09-0x:00"`: {evening, true}, `"2026-11-25T19:05:09+00:0-"`: {evening,
			true}, `"2026-11-25T19:05:09-01:0"`: {evening, true},
		`"2026-11-25x19:05:09"`: {time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC), true},
		`"2026-11-25 19:05"`:    {time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC), true},
		`""`:                    {}, `null`: {}, `17`: {}, `[]`: {}, `{}`: {}, `"yesterday"`: {}, `"0000-00-00 00:00:00"`: {},
		`"2026-02-30"`: {}, `"2026-13-01"`: {}, `"2026-11-25 25:05:09"`: {}, `"2026-11-25 19:60:09"`: {},
		`"2026-11-25 19:05:60"`: {}, `"2026-11-25 1x:05:09"`: {}, `"2026-1-25"`: {}, `"11/25/2026"`: {}, `"2026-11-2"`: {},
	} {
		order := orderOf(t, `"dateCreated":`+written)
		assert.Equal(t, want.at, order.Created, written)
		assert.Equal(t, want.anyZone, order.anyZone, written)
	}
}

func TestWhichOrderWasSurelyMadeBefore(t *testing.T) {
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		order Order
		want  bool
	}{
		{"one that does not say when", Order{}, false},
		{"at the same time", Order{Created: noon}, false},
		{"within the clocks' difference", Order{Created: noon.Add(-time.Minute)}, false},
		{"before", Order{Created: noon.Add(-time.Minute - time.Second)}, true},
		{"after", Order{Created: noon.Add(time.Hour)}, false},
		{"before, if it were UTC", Order{Created: noon.Add(-14*time.Hour - time.Minute), anyZone: true}, false},
		{"before, wherever it was written", Order{Created: noon.Add(-14*time.Hour - 61*time.Second), anyZone: true}, true},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, c.order.CreatedBefore(noon)) })
	}
}

func TestTheOrdersOfADay(t *testing.T) {
	orders, total := ReadOrders(Read(200, `{"result":"SUCCESS","message":{"totalResults":"27","data":[
		{"orderId":"A1","totalAmount":"1.00"},{"orderId":"../x"},7,null,{"orderId":"B2"}]}}`))
	assert.Equal(t, 27, total)
	require.Len(t, orders, 2)
	assert.Equal(t, []string{"A1", "B2"}, []string{orders[0].ID, orders[1].ID})
	assert.Equal(t, "1.00", orders[0].Total)

	orders, total = ReadOrders(Read(200, `{"result":"SUCCESS","message":{"data":{"7":{"orderId":"A1"}}}}`))
	assert.Len(t, orders, 1)
	assert.Zero(t, total)
	orders, _ = ReadOrders(Read(200, `{"result":"ERROR","message":{"data":[{"orderId":"A1"}]}}`))
	assert.Empty(t, orders)
}
