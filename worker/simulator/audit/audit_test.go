package audit

import (
	"context"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// Refs of purchases, which the names of their sessions begin with.
var (
	refA = strings.Repeat("a", refDigits)
	refB = strings.Repeat("b", refDigits)
)

// A relay under audit, which does whatever a test wants.
type relay struct {
	t    *testing.T
	sim  *simulator.Simulator
	book *Book
	now  time.Time
}

func newRelay(t *testing.T, settings simulator.Settings) *relay {
	r := &relay{t: t, now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)}
	r.sim = simulator.New(simulator.Options{
		Settings: settings, BaseURL: "https://klarna.example", Now: func() time.Time { return r.now },
		Sleep: func(_ context.Context, d time.Duration) error { r.now = r.now.Add(d); return nil },
	})
	r.book = New(r.sim)
	return r
}

func (r *relay) call(op simulator.Op, fields map[string]string) string {
	form := url.Values{"loginId": {simulator.DefaultLoginID}, "password": {simulator.DefaultPassword},
		"campaignId": {"12"}}
	for name, value := range fields {
		form.Set(name, value)
	}
	_, body, _ := r.sim.Post(context.Background(), "https://crm.example/"+string(op)+"/", form.Encode(), time.Minute)
	return body
}

// An attempt is one import. It names the purchase, and what is particular about it by pairs of name and value.
type attempt struct {
	ref, key string
	fields   []string
}

func (r *relay) order(a attempt) (url string) {
	fields := map[string]string{
		"firstName": "Zoë", "lastName": "O’Brien", "emailAddress": "zoe@example.com", "phoneNumber": "+31612345678",
		"address1": "Keizersgracht 1", "city": "Amsterdam", "postalCode": "1015 CJ", "country": "NL", "billShipSame": "1",
		"ipAddress": "203.0.113.9", "product1_id": "34", "product1_qty": "1",
	}
	return r.sell(simulator.OpOrder, fields, a)
}

func (r *relay) sell(op simulator.Op, fields map[string]string, a attempt) (url string) {
	maps.Copy(fields, map[string]string{
		"paySource": "PREPAID", "prepaidType": "KLARNA", "forceMerchantId": "7", "salesUrl": "https://shop.example/checkout",
		"ipAddress": "203.0.113.9",
		"redirectsTo": "https://shop.example/api/klarna/return/" + a.ref +
			a.key, "errorRedirectsTo": "https://shop.example/api/klarna/failed/" + a.ref + a.key,
		LabelField: a.key,
	})
	for i := 0; i+1 < len(a.fields); i += 2 {
		fields[a.fields[i]] = a.fields[i+1]
	}
	before := len(r.sim.Sessions())
	r.call(op, fields)
	if sessions := r.sim.Sessions(); len(sessions) > before {
		url = sessions[len(sessions)-1].URL
	}
	return url
}

// twoUpsales pays an order and two carts of one upsale of it.
func (r *relay) twoUpsales() (order string) {
	order = r.pays(r.order(attempt{ref: refA, key: "key-1"}))
	var urls []string
	for _, qty := range []string{"1", "2"} {
		urls = append(urls, r.sell(simulator.OpUpsale, map[string]string{"product1_id": "40", "product1_qty": qty},
			attempt{refB, "key-of-" + qty, []string{"orderId", order}}))
	}
	for _, url := range urls {
		r.pays(url)
	}
	return order
}

// hands is the relay handing a url to the shopper.
func (r *relay) hands(ref, url string) {
	r.book.Hear(Heard{At: r.now, Email: "zoe@example.com", Route: "order", Ref: ref, Code: "redirect", URL: url})
}

func (r *relay) pays(url string) string {
	_, err := r.sim.Approve(sessionID(url))
	require.NoError(r.t, err)
	session, _ := r.sim.Session(sessionID(url))
	return session.OrderID
}

// says is the relay's answer about a purchase.
func (r *relay) says(route, ref, code, location string) {
	paid := r.book.Paid("zoe@example.com", ref)
	r.book.Hear(Heard{At: r.now, Email: "zoe@example.com", Route: route, Ref: ref, Code: code, Location: location,
		PaidBefore: paid, PaidAfter: paid})
}

func (r *relay) findings() []string {
	r.book.Balance()
	return r.book.Findings()
}

func TestWhatTheAuditFinds(t *testing.T) {
	lead := func(r *relay) string {
		r.call(simulator.OpLead, map[string]string{"firstName": "Zoë", "lastName": "O’Brien",
			"emailAddress": "zoe@example.com", "ipAddress": "203.0.113.9"})
		orders := r.sim.Orders()
		return orders[len(orders)-1].ID
	}
	const minute = time.Minute
	for _, c := range []struct {
		name     string
		settings simulator.Settings
		do       func(r *relay)
		want     []string // parts of the findings; none: it is in order
	}{
		{"an order, paid", simulator.Settings{}, func(r *relay) {
			url := r.order(attempt{refA, "key-1", []string{"orderId", lead(r)}})
			r.hands(refA, url)
			r.pays(url)
			r.says("status", refA, "paid", "")
		}, nil},
		{"paid, and it is not", simulator.Settings{}, func(r *relay) {
			r.hands(refA, r.order(attempt{ref: refA, key: "key-1"}))
			r.says("status", refA, "paid", "")
			r.says("return", refA, "", "/upsell?ref="+refA)
		}, []string{"status said paid, and it is not", "return said paid, and it is not"}},
		{"declined, and it is paid", simulator.Settings{}, func(r *relay) {
			url := r.order(attempt{refA, "key-1", []string{"orderId", lead(r)}})
			r.pays(url)
			r.says("status", refA, "declined", "")
			r.says("failed", refA, "", "/checkout?klarna=declined")
		}, []string{"status said declined of a purchase that was paid", "failed said /checkout?klarna=declined of a " +
			"purchase that was paid"}},
		{"declined, and it is paid by an order that nobody was told of", simulator.Settings{}, func(r *relay) {
			r.pays(r.order(attempt{ref: refA, key: "key-1"}))
			r.says("status", refA, "declined", "")
		}, nil},
		{"an import sent twice", simulator.Settings{}, func(r *relay) {
			r.order(attempt{ref: refA, key: "key-1"})
			r.now = r.now.Add(time.Hour)
			r.order(attempt{ref: refA, key: "key-1"})
		}, []string{"order/import of key-1 was sent more than once"}},
		{"an import sent again after an operator's fault", simulator.Settings{}, func(r *relay) {
			r.order(attempt{refA, "key-1", []string{"emailAddress", "credentials@example.com"}})
			r.order(attempt{ref: refA, key: "key-1"})
		}, nil},
		{"two carts on one order, at the price of the first", simulator.Settings{CompleteAsIs: true}, func(r *relay) {
			id := lead(r)
			cheap := r.order(attempt{refA, "key-1", []string{"orderId", id}})
			r.hands(refA, cheap)
			r.hands(refA, r.order(attempt{refA, "key-2", []string{"orderId", id, "product1_qty", "9"}}))
			r.pays(cheap)
		}, []string{"was imported by 2 calls", "costs 454.00, and 54.80 was paid for it"}},
		{"one order for two purchases", simulator.Settings{}, func(r *relay) {
			id := lead(r)
			r.order(attempt{refA, "key-1", []string{"orderId", id}})
			r.order(attempt{refB, "key-2", []string{"orderId", id}})
		}, []string{"was imported by 2 calls", "belongs to two purchases"}},
		{"one call that arrives twice", simulator.Settings{}, func(r *relay) {
			r.order(attempt{refA, "key-1", []string{"orderId", lead(r), "emailAddress", "twice@example.com"}})
		}, nil},
		{"a second way to pay for the same cart", simulator.Settings{}, func(r *relay) {
			r.hands(refA, r.order(attempt{ref: refA, key: "key-1"}))
			r.now = r.now.Add(time.Hour)
			r.hands(refA, r.order(attempt{ref: refA, key: "key-2"}))
		}, []string{"order handed out a second way to pay for the same cart", "attempt key-2 came 1h0m0s after key-1 for " +
			"the same cart"}},
		{"a second session for the same cart that nobody is handed", simulator.Settings{}, func(r *relay) {
			r.hands(refA, r.order(attempt{ref: refA, key: "key-1"}))
			r.now = r.now.Add(time.Hour)
			r.order(attempt{ref: refA, key: "key-2"})
		}, []string{"attempt key-2 came 1h0m0s after key-1 for the same cart"}},
		{"a second session for the same cart that was recorded before the first was handed", simulator.Settings{},
			func(r *relay) {
				url := r.order(attempt{ref: refA, key: "key-1"})
				r.now = r.now.Add(2 * minute)
				r.book.Recorded(refA+"key-2", r.now)
				r.now = r.now.Add(1)
				r.hands(refA, url)
				r.book.Recorded(refA+"key-2", r.now) // once more, which changes nothing
				r.order(attempt{ref: refA, key: "key-2"})
			}, nil},
		{"a second session for the same cart that was recorded when the first was handed", simulator.Settings{},
			func(r *relay) {
				url := r.order(attempt{ref: refA, key: "key-1"})
				r.now = r.now.Add(2 * minute)
				r.hands(refA, url)
				r.book.Recorded(refA+"key-2", r.now)
				r.order(attempt{ref: refA, key: "key-2"})
			}, []string{"attempt key-2 came 2m0s after key-1 for the same cart"}},
		{"the same url again", simulator.Settings{}, func(r *relay) {
			url := r.order(attempt{ref: refA, key: "key-1"})
			r.hands(refA, url)
			r.hands(refA, url)
		}, nil},
		{"a url that nobody opened", simulator.Settings{},
			func(r *relay) { r.hands(refA, "https://klarna.example/klarna/none") },
			[]string{"which nobody opened"}},
		{"another cart", simulator.Settings{}, func(r *relay) {
			r.hands(refA, r.order(attempt{ref: refA, key: "key-1"}))
			r.hands(refA, r.order(attempt{refA, "key-2", []string{"product1_qty", "2"}}))
		}, nil},
		{"the same cart of another purchase", simulator.Settings{}, func(r *relay) {
			r.hands(refA, r.order(attempt{ref: refA, key: "key-1"}))
			r.hands(refB, r.order(attempt{ref: refB, key: "key-2"}))
		}, nil},
		{"the same cart after a decline at Klarna", simulator.Settings{DeclineStatus: simulator.StatusPartial},
			func(r *relay) {
				url := r.order(attempt{ref: refA, key: "key-1"})
				r.hands(refA, url)
				_, err := r.sim.Decline(sessionID(url))
				require.NoError(r.t, err)
				r.hands(refA, r.order(attempt{ref: refA, key: "key-2"}))
			}, nil},
		{"the same cart after a return that failed", simulator.Settings{}, func(r *relay) {
			r.hands(refA, r.order(attempt{ref: refA, key: "key-1"}))
			r.says("failed", refA, "", "/checkout?klarna=declined")
			r.hands(refA, r.order(attempt{ref: refA, key: "key-2"}))
		}, nil},
		{"the same cart after a day", simulator.Settings{}, func(r *relay) {
			r.hands(refA, r.order(attempt{ref: refA, key: "key-1"}))
			r.now = r.now.Add(HandOut)
			r.hands(refA, r.order(attempt{ref: refA, key: "key-2"}))
		}, nil},
		{"the same cart while orders read as declined", simulator.Settings{OpenStatus: simulator.StatusDeclined},
			func(r *relay) {
				r.hands(refA, r.order(attempt{ref: refA, key: "key-1"}))
				r.hands(refA, r.order(attempt{ref: refA, key: "key-2"}))
			}, nil},
		{"the same cart too soon after a doubt", simulator.Settings{}, func(r *relay) {
			r.order(attempt{refA, "key-1", []string{"emailAddress", "lost@example.com"}})
			r.now = r.now.Add(minute)
			r.order(attempt{refA, "key-2", []string{"emailAddress", "lost@example.com"}})
		}, []string{"attempt key-2 came 1m0s after key-1 for the same cart"}},
		{"the same cart once the doubt is over", simulator.Settings{}, func(r *relay) {
			r.order(attempt{refA, "key-1", []string{"emailAddress", "lost@example.com"}})
			r.now = r.now.Add(90 * time.Second)
			r.order(attempt{refA, "key-2", []string{"emailAddress", "lost@example.com"}})
		}, nil},
		{"the same cart after a refusal", simulator.Settings{}, func(r *relay) {
			r.order(attempt{refA, "key-1", []string{"emailAddress", "decline@example.com"}})
			r.order(attempt{refA, "key-2", []string{"emailAddress", "decline@example.com"}})
		}, nil},
		{"the same cart after a refusal that made no order", simulator.Settings{}, func(r *relay) {
			r.order(attempt{refA, "key-1", []string{"emailAddress", "fields@example.com"}})
			r.order(attempt{refA, "key-2", []string{"emailAddress", "fields@example.com"}})
		}, nil},
		{"the same cart too soon after a doubt that made no order", simulator.Settings{}, func(r *relay) {
			r.order(attempt{refA, "key-1", []string{"emailAddress", "reset@example.com"}})
			r.order(attempt{refA, "key-2", []string{"emailAddress", "reset@example.com"}})
		}, []string{"attempt key-2 came 0s after key-1 for the same cart"}},
		{"declined, and it is paid by an order that only another shopper's lead was told",
			simulator.Settings{Merge: simulator.MergeAny}, func(r *relay) {
				url := r.order(attempt{ref: refA, key: "key-1"})
				lead(r)
				r.pays(url)
				r.says("status", refA, "declined", "")
			}, nil},
		{"two carts paid, and nobody notices", simulator.Settings{RedirectNamesOrder: true}, func(r *relay) {
			r.pays(r.order(attempt{ref: refA, key: "key-1"}))
			r.pays(r.order(attempt{refA, "key-2", []string{"product1_qty", "2"}}))
		}, []string{"purchase aaaaaaaa was paid by orders"}},
		{"two carts paid, and one of the orders is named", simulator.Settings{RedirectNamesOrder: true}, func(r *relay) {
			first := r.pays(r.order(attempt{ref: refA, key: "key-1"}))
			r.pays(r.order(attempt{refA, "key-2", []string{"product1_qty", "2"}}))
			r.book.Logged(`{"event":"paid_twice","ref":"aaaaaaaa","orders":["` + first + `"]}`)
		}, []string{"purchase aaaaaaaa was paid by orders"}},
		{"two carts paid, and noticed", simulator.Settings{RedirectNamesOrder: true}, func(r *relay) {
			first := r.pays(r.order(attempt{ref: refA, key: "key-1"}))
			second := r.pays(r.order(attempt{refA, "key-2", []string{"product1_qty", "2"}}))
			r.book.Logged(`{"event":"settled"}` + "\n" + `{"event":"paid_twice","ref":"aaaaaaaa","orders":["` + second + `","` +
				first + `"]}`)
		}, nil},
		{"two carts paid, and another purchase's two are noticed", simulator.Settings{RedirectNamesOrder: true},
			func(r *relay) {
				first := r.pays(r.order(attempt{ref: refA, key: "key-1"}))
				second := r.pays(r.order(attempt{refA, "key-2", []string{"product1_qty", "2"}}))
				r.book.Logged(`{"event":"paid_twice","ref":"bbbbbbbb","orders":["` + second + `","` + first + `"]}`)
			}, []string{"purchase aaaaaaaa was paid by orders"}},
		{"two carts paid, and the log is lost", simulator.Settings{RedirectNamesOrder: true}, func(r *relay) {
			r.pays(r.order(attempt{ref: refA, key: "key-1"}))
			r.pays(r.order(attempt{refA, "key-2", []string{"product1_qty", "2"}}))
			r.book.LogIncomplete = true
		}, nil},
		{"an upsale, paid", simulator.Settings{}, func(r *relay) {
			id := r.pays(r.order(attempt{ref: refA, key: "key-1"}))
			url := r.sell(simulator.OpUpsale, map[string]string{"product1_id": "40", "product1_qty": "1"},
				attempt{refB, "key-2", []string{"orderId", id}})
			r.hands(refB, url)
			r.says("status", refB, "unknown", "")
			assert.False(r.t, r.book.Paid("zoe@example.com", refB))
			r.pays(url)
			r.says("status", refB, "paid", "")
		}, nil},
		{"two carts of an upsale paid, and nobody notices", simulator.Settings{}, func(r *relay) { r.twoUpsales() },
			[]string{"purchase bbbbbbbb was paid by orders"}},
		{"two carts of an upsale paid, and noticed", simulator.Settings{}, func(r *relay) {
			id := r.twoUpsales()
			r.book.Logged(`{"event":"paid_twice","ref":"bbbbbbbb","orders":["` + id + `","` + id + `"]}`)
		}, nil},
		{"a field of a card", simulator.Settings{},
			func(r *relay) { r.order(attempt{refA, "key-1", []string{"cardNumber", "1"}}) },
			[]string{"is a field of a card"}},
		{"two confirmations", simulator.Settings{}, func(r *relay) {
			id := r.pays(r.order(attempt{ref: refA, key: "key-1"}))
			r.call(simulator.OpConfirm, map[string]string{"orderId": id})
			r.call(simulator.OpConfirm, map[string]string{"orderId": id})
		}, []string{"the order was confirmed more than once", "was sent more than once"}},
		{"a secret in an answer and in the log", simulator.Settings{}, func(r *relay) {
			r.book.Secret = []string{"Zoë"}
			r.book.Hear(Heard{Route: "status", Text: "Dear Zoë"})
			r.book.Logged("Zoë was here")
		}, []string{`the answer to status holds "Zoë"`, `the log holds "Zoë"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRelay(t, c.settings)
			c.do(r)
			found := r.findings()
			assert.Len(t, found, len(c.want), "%q", found)
			for _, part := range c.want {
				assert.Contains(t, strings.Join(found, "\n"), part)
			}
		})
	}
}

func TestWhatWasImported(t *testing.T) {
	r := newRelay(t, simulator.Settings{})
	r.order(attempt{ref: refA, key: "key-1"})
	assert.True(t, r.book.Imported("zoe@example.com", refA))
	assert.False(t, r.book.Imported("zoe@example.com", refB))
	assert.False(t, r.book.Imported("zoe@example.com", ""))
	assert.False(t, r.book.Paid("zoe@example.com", ""))
}
