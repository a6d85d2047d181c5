package purchase

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/ledger"
)

func TestTheBeginningOfTheRefIsInTheFieldThatTheShopNames(t *testing.T) {
	for _, c := range []struct{ name, field, session, want string }{
		{"a session", "custom5", "0123456789abcdef", "01234567"},
		{"the shortest that has a beginning", "custom5", "01234567", "01234567"},
		{"a text that is too short", "custom5", "0123456", ""},
		{"no field is named", "", "0123456789abcdef", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			form, err := url.ParseQuery(string(Gateway{RefField: c.field}.add(konnektive.Form{}, "A1", c.session)))
			require.NoError(t, err)
			assert.Equal(t, c.want, form.Get("custom5"))
			assert.NotContains(t, form, "")
		})
	}
}

func TestTheFieldsAtFault(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       map[string]string
	}{
		{"each with its text", `{"result":"ERROR","message":{"city":"no"}}`, map[string]string{"city": "no"}},
		{"the names, which Konnektive names in a sentence",
			`{"result":"ERROR","message":"First and Last Name are required"}`,
			map[string]string{"firstName": "", "lastName": ""}},
		{"none in any other sentence", `{"result":"ERROR","message":"Something new"}`, map[string]string{}},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, Fields(reply("%s", c.body))) })
	}
}

func TestAnAttemptThatAnotherRequestChangesDuringItsImport(t *testing.T) {
	ref := func(d *desk) string { return d.store.Named("key\nshop.example\nkey") }
	gone := func(r *Record) { r.Attempts = nil }
	answeredBefore := func(r *Record) {
		a := &r.Attempts[0]
		a.State, a.Code, a.AnsweredAt, a.URL = Answered, codes.Redirect, a.Sent, "https://klarna.example/before"
	}
	redirects := reply(`{"result":"MERC_REDIRECT","message":{"url":"https://klarna.example/x"}}`)
	leftBefore := func(r *Record) {
		answeredBefore(r)
		r.Attempts[0].End, r.Attempts[0].Ended = EndCancelled, r.Attempts[0].Sent
	}
	for _, c := range []struct {
		name   string
		change func(*Record)
		reply  konnektive.Reply
		want   string
		kept   []string // addresses of the attempts
		lead   string   // the order that is left for the next attempt
	}{
		{"it is gone, and Konnektive redirects",
			gone, redirects, codes.Unknown, nil, ""},
		{"it is gone, and was not sent", gone, notSent, codes.Unreachable, nil, ""},
		{"it was answered before",
			answeredBefore, redirects, codes.Redirect,
			[]string{"https://klarna.example/before"}, ""},
		{"it was answered before, and was not sent",
			answeredBefore, notSent, codes.Unreachable, []string{"https://klarna.example/before"}, ""},
		{"its session is over",
			leftBefore, redirects, codes.Declined,
			[]string{"https://klarna.example/before"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			d.refuse(konnektive.ImportOrder, c.reply)
			d.during(konnektive.ImportOrder, func() { d.rewrite(ref(d), c.change) })
			result, code := d.imported(order("key", "cart", ""))
			assert.Equal(t, c.want, code)
			assert.NotEqual(t, "https://klarna.example/x", result.URL, "an address that is not recorded is not handed out")
			r := d.record(ref(d))
			var kept []string
			for _, a := range r.Attempts {
				kept = append(kept, a.URL)
			}
			assert.Equal(t, c.kept, kept)
			assert.Equal(t, c.lead, r.LeadOrderID)
		})
	}
	t.Run("it is gone before the import leaves", func(t *testing.T) {
		d := newDesk(t)
		_, err := d.hold(context.Background(), "shop.example", "L1", "another purchase") // so that its order is taken from it
		require.NoError(t, err)
		d.store.before = func(op, name string) {
			if op == "write" && name == d.store.Named("order\nL1") {
				d.rewrite(ref(d), gone)
			}
		}
		_, code := d.imported(order("key", "cart", ""))
		assert.Equal(t, codes.InProgress, code)
		assert.Equal(t, []string{"leads/import"}, d.calls)
	})
}

func TestASUCCESSIsAskedAboutOnlyWithAllowance(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(d *desk)
		want    string
		asked   bool
	}{
		{"with allowance", func(*desk) {}, codes.Paid, true},
		{"without allowance", func(d *desk) {
			d.during(konnektive.ImportOrder, func() {
				_, n, err := d.store.Memory.Read(context.Background(), d.store.Named("key\nshop.example\nkey"), 3)
				require.NoError(d.t, err)
				require.Equal(d.t, 3, n)
			})
		}, codes.Pending, false},
		{"while the ledger cannot be read", func(d *desk) {
			d.store.fails = func(op, _ string) error {
				if op == "read" {
					return errBroken
				}
				return nil
			}
		}, codes.Pending, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			d.status["L1"] = complete
			d.refuse(konnektive.ImportOrder, reply(`{"result":"SUCCESS","message":{}}`))
			c.prepare(d)
			_, code := d.imported(order("key", "cart", ""))
			assert.Equal(t, c.want, code)
			assert.Equal(t, c.asked, strings.Contains(strings.Join(d.calls, " "), "order/query"))
		})
	}
	t.Run("and nothing is proven when the question comes to nothing", func(t *testing.T) {
		d := newDesk(t)
		d.answer = func(endpoint konnektive.Endpoint, _ url.Values) (konnektive.Reply, bool) {
			if endpoint == konnektive.ImportOrder {
				return reply(`{"result":"SUCCESS","message":{}}`), true
			}
			return lost, endpoint == konnektive.OrderQuery
		}
		_, code := d.imported(order("key", "cart", ""))
		assert.Equal(t, codes.Pending, code)
	})
}

func TestAnOrderOfTheAnswersThatCouldNotBeHeld(t *testing.T) {
	for _, c := range []struct {
		name  string
		taken bool // the lead's order is another purchase's, so that the import goes without one
		want  string
	}{
		{"the attempt keeps the order that it had", false, "L1"},
		{"an attempt without one takes the answer's word", true, "NEW"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			d.refuse(konnektive.ImportOrder,
				reply(`{"result":"MERC_REDIRECT","message":{"url":"https://klarna.example/x","orderId":"NEW"}}`))
			if c.taken {
				_, err := d.hold(context.Background(), "shop.example", "L1", "another purchase")
				require.NoError(t, err)
			}
			held := d.store.Named("order\nNEW")
			d.store.fails = func(op, ref string) error {
				if op == "write" && ref == held {
					return errBroken
				}
				return nil
			}
			result, _ := d.redirected(order("key", "cart", ""))
			assert.Equal(t, c.want, d.record(result.Ref).Attempts[0].OrderID)
		})
	}
}

func TestAnImportThatMayNotBegin(t *testing.T) {
	t.Run("under the key of an upsale", func(t *testing.T) {
		d := newDesk(t)
		paid, _ := d.paidOrder("key-1")
		d.redirected(upsale("key-2", paid.Ref))
		_, code := d.imported(order("key-2", "extra", ""))
		assert.Equal(t, codes.KeyReused, code)
	})
	t.Run("after more attempts than any shopper makes", func(t *testing.T) {
		d := newDesk(t)
		first, _ := d.redirected(order("key", "cart", ""))
		d.rewrite(first.Ref, func(r *Record) {
			for len(r.Attempts) < maxAttempts {
				r.Attempts = append(r.Attempts, failed(noon, known(partial, noon, answered("a", codes.Invalid, noon))))
			}
		})
		d.pass(time.Minute)
		_, code := d.imported(order("key-2", "other", first.Ref))
		assert.Equal(t, codes.RefUnknown, code, "which has a page begin another purchase")
	})
	t.Run("for a purchase that expires while it is asked about", func(t *testing.T) {
		d := newDesk(t)
		first, _ := d.redirected(order("key", "cart", ""))
		reads := 0
		d.store.before = func(op, ref string) {
			if op == "read" && ref == first.Ref {
				if reads++; reads == 2 {
					d.pass(Life)
					d.store.Due(d.now)
				}
			}
		}
		_, code := d.imported(order("key-2", "other", first.Ref))
		assert.Equal(t, codes.Internal, code)
		assert.Equal(t, 2, reads)
	})
	t.Run("for the ref of a record that its order's ref leads back to", func(t *testing.T) {
		d := newDesk(t)
		paid, _ := d.paidOrder("key-1")
		extra, _ := d.redirected(upsale("key-2", paid.Ref))
		d.rewrite(extra.Ref, func(r *Record) { r.OrderRef = extra.Ref })
		_, code := d.imported(upsale("key-3", extra.Ref))
		assert.Equal(t, codes.RefUnknown, code)
	})
}

func TestALedgerThatNamesNothing(t *testing.T) {
	ctx := context.Background()
	d := newDesk(t)
	paid, _ := d.paidOrder("key")
	lead, err := d.Lead(ctx, Lead{Lander: "shop.example"})
	require.NoError(t, err)
	d.store.nameless, d.store.barren = true, true
	calls := len(d.calls)
	derived := order("", "cart", lead.Ref)
	derived.Derived = "of this shopper"
	for name, in := range map[string]Import{
		"an order":               order("key", "cart", ""),
		"an order with a ref":    order("key-2", "cart", lead.Ref),
		"an order without a key": derived,
		"an upsale":              upsale("key-3", paid.Ref),
	} {
		result, code := d.imported(in)
		assert.Equal(t, codes.Internal, code, name)
		assert.ErrorIs(t, result.Cause, errNoName, name)
	}
	assert.Len(t, d.calls, calls, "nothing is sent")
	_, err = d.Lead(ctx, Lead{Lander: "shop.example"})
	assert.ErrorIs(t, err, errNoName)
	_, err = d.hold(ctx, "shop.example", "L9", "ref")
	assert.ErrorIs(t, err, errNoName)

	// The key has a name, and the attempt gets none.
	d.store.nameless = false
	result, code := d.imported(derived)
	assert.Equal(t, codes.Internal, code)
	assert.ErrorIs(t, result.Cause, errNoName)
	assert.Len(t, d.calls, calls+1)
}

func TestWhichPurchaseHoldsAnOrder(t *testing.T) {
	ctx := context.Background()
	d := newDesk(t)
	for _, c := range []struct {
		name, ref string
		want      bool
	}{
		{"the first one", "one", true},
		{"another one does not", "other", false},
		{"the first one still", "one", true},
	} {
		held, err := d.hold(ctx, "shop.example", "A1", c.ref)
		require.NoError(t, err, c.name)
		assert.Equal(t, c.want, held, c.name)
	}
	_, _, err := d.store.Write(ctx, d.store.Named("order\nB2"), 0, `{"v":3,"kind":"hold","target":"one"}`, time.Time{},
		after(time.Hour))
	require.NoError(t, err)
	held, err := d.hold(ctx, "shop.example", "B2", "one")
	assert.ErrorIs(t, err, ErrNewer)
	assert.False(t, held, "what cannot be read is nobody's")
}

func TestAnOrderWithoutAShopperNeedsTheOrderOfTheLeadBefore(t *testing.T) {
	bare := func(key, cart, ref string) Import {
		in := order(key, cart, ref)
		in.Lead = nil
		return in
	}
	opened := func(t *testing.T, d *desk, ref string) (unused bool) {
		o, err := d.Opened(context.Background(), "shop.example", ref)
		require.NoError(t, err)
		return o.Whole("a cart that was never imported")
	}
	refused := func(t *testing.T, d *desk, in Import) {
		t.Helper()
		calls := len(d.calls)
		_, err := d.another().Import(context.Background(), in)
		assert.Equal(t, codes.Invalid, codes.As(err).Code)
		assert.ErrorIs(t, err, ErrNoLead)
		for _, call := range d.calls[calls:] {
			assert.NotContains(t, call, "import", "nothing is imported without a shopper")
		}
	}
	setUp := func(t *testing.T) (*desk, string) {
		d := newDesk(t)
		lead, err := d.Lead(context.Background(), Lead{Lander: "shop.example", Whole: true, Country: "DE"})
		require.NoError(t, err)
		return d, lead.Ref
	}
	t.Run("the first one completes it, and the same once more is its repeat", func(t *testing.T) {
		d, ref := setUp(t)
		first, _ := d.redirected(bare("key", "cart", ref))
		assert.Equal(t, []string{"leads/import", "order/import L1"}, d.calls)
		again, _ := d.redirected(bare("key", "cart", ref))
		assert.Equal(t, first.URL, again.URL)
		assert.Len(t, d.calls, 2)
	})
	t.Run("another cart is refused, and its key is free for the whole order", func(t *testing.T) {
		d, ref := setUp(t)
		d.redirected(bare("key", "cart", ref))
		d.pass(time.Minute)
		refused(t, d, bare("key-2", "other", ref))
		d.redirected(order("key-2", "other", ref))
		assert.Len(t, d.record(ref).Attempts, 2)
	})
	t.Run("the same cart after a decline is refused", func(t *testing.T) {
		d, ref := setUp(t)
		d.status["L1"] = declined
		d.redirected(bare("key", "cart", ref))
		d.pass(time.Minute)
		require.Equal(t, codes.Declined, d.said(ref))
		refused(t, d, bare("key-2", "cart", ref))
	})
	t.Run("an order that turns out to be finished is not used", func(t *testing.T) {
		d := newDesk(t)
		d.refuse(konnektive.ImportLead, reply(`{"result":"SUCCESS","message":{"orderId":"SAME"}}`))
		lead, err := d.Lead(context.Background(), Lead{Lander: "shop.example", Whole: true, Country: "DE"})
		require.NoError(t, err)
		d.answer, d.status["SAME"] = nil, complete
		refused(t, d, bare("key", "cart", lead.Ref))
		assert.False(t, opened(t, d, lead.Ref))
		d.redirected(order("key", "cart", lead.Ref))
	})
}

func TestALeadThatTellsLittle(t *testing.T) {
	ctx := context.Background()
	t.Run("opens a purchase though its order is another's", func(t *testing.T) {
		d := newDesk(t)
		_, err := d.hold(ctx, "shop.example", "L1", "another purchase")
		require.NoError(t, err)
		lead, err := d.Lead(ctx, Lead{Lander: "shop.example"})
		require.NoError(t, err)
		assert.Equal(t, codes.Retry, d.said(lead.Ref))
	})
	t.Run("is not whole", func(t *testing.T) {
		d := newDesk(t)
		lead, err := d.Lead(ctx, Lead{Lander: "shop.example"})
		require.NoError(t, err)
		opened, err := d.Opened(ctx, "shop.example", lead.Ref)
		require.NoError(t, err)
		assert.False(t, opened.Whole("cart"))
		assert.Empty(t, opened.Country)
	})
	t.Run("takes nothing back that an earlier one told", func(t *testing.T) {
		d := newDesk(t)
		lead, err := d.Lead(ctx, Lead{Lander: "shop.example", Whole: true, Country: "DE"})
		require.NoError(t, err)
		_, err = d.Lead(ctx, Lead{Lander: "shop.example", Ref: lead.Ref, Country: "AT"})
		require.NoError(t, err)
		opened, err := d.Opened(ctx, "shop.example", lead.Ref)
		require.NoError(t, err)
		assert.True(t, opened.Whole("cart"))
		assert.Equal(t, "DE", opened.Country)
	})
	t.Run("comes while the order is imported, and changes nothing", func(t *testing.T) {
		d := newDesk(t)
		lead, err := d.Lead(ctx, Lead{Lander: "shop.example"})
		require.NoError(t, err)
		d.during(konnektive.ImportLead, func() { d.redirected(order("key", "cart", lead.Ref)) })
		late, err := d.another().Lead(ctx, Lead{Lander: "shop.example", Ref: lead.Ref, Whole: true, Country: "DE"})
		require.NoError(t, err)
		assert.Equal(t, codes.Accepted, late.Code)
		assert.False(t, d.record(lead.Ref).LeadWhole)
	})
	t.Run("asks about an order that is not free within the allowance, however often it comes", func(t *testing.T) {
		for _, in := range []Lead{{Lander: "shop.example", Key: "key"}, {Lander: "shop.example"}} {
			d := newDesk(t)
			d.status["SAME"] = complete // another shopper's
			d.refuse(konnektive.ImportLead, reply(`{"result":"SUCCESS","message":{"orderId":"SAME"}}`))
			ref := ""
			for range 10 {
				lead, err := d.another().Lead(ctx, in)
				require.NoError(t, err)
				ref, in.Ref = lead.Ref, lead.Ref
			}
			assert.Equal(t, ledger.Burst, strings.Count(strings.Join(d.calls, "\n"), "order/query SAME"))
			assert.Empty(t, d.record(ref).LeadOrderID)
			d.answer = nil
			first, _ := d.redirected(order("key", "cart", ref))
			assert.NotEqual(t, "SAME", d.record(first.Ref).Attempts[0].OrderID)
		}
	})
	t.Run("does not take an order that there is no allowance to ask about", func(t *testing.T) {
		d := newDesk(t)
		d.refuse(konnektive.ImportLead, reply(`{"result":"SUCCESS","message":{"orderId":"SAME"}}`))
		ref := d.store.Named("lead\nshop.example\nkey")
		_, _, err := d.store.Memory.Read(ctx, ref, ledger.Burst)
		require.NoError(t, err)
		lead, err := d.Lead(ctx, Lead{Lander: "shop.example", Key: "key"})
		require.NoError(t, err)
		assert.Equal(t, []string{"leads/import"}, d.calls)
		assert.Empty(t, d.record(lead.Ref).LeadOrderID, "it is free, but nobody knows")
		d.pass(time.Second)
		_, err = d.another().Lead(ctx, Lead{Lander: "shop.example", Ref: lead.Ref})
		require.NoError(t, err)
		assert.Equal(t, "SAME", d.record(lead.Ref).LeadOrderID)
	})
	t.Run("has an order that the ledger gives no allowance to ask about", func(t *testing.T) {
		d := newDesk(t)
		d.refuse(konnektive.ImportLead, reply(`{"result":"SUCCESS","message":{"orderId":"SAME"}}`))
		d.store.fails = func(string, string) error { return errBroken }
		_, err := d.Lead(ctx, Lead{Lander: "shop.example"})
		assert.ErrorIs(t, err, errBroken)
		assert.Equal(t, []string{"leads/import"}, d.calls)
	})
	t.Run("cannot be noted", func(t *testing.T) {
		for _, n := range []int{1, 2} { // the hold, the purchase
			d := newDesk(t)
			writes := 0
			d.store.fails = func(string, string) error {
				if writes++; writes == n {
					return errBroken
				}
				return nil
			}
			_, err := d.Lead(ctx, Lead{Lander: "shop.example"})
			assert.ErrorIs(t, err, errBroken)
		}
	})
}

func TestAnAnswerThatComesAfterAnotherSessionWasHandedOut(t *testing.T) {
	for _, lateOnes := range []int{1, 2} {
		t.Run(fmt.Sprintf("%d late", lateOnes), func(t *testing.T) {
			d := newDesk(t)
			paid, _ := d.paidOrder("paid")
			urls := map[string]bool{}
			var begin func(n int)
			begin = func(n int) {
				in := upsale(fmt.Sprintf("key-%d", n), paid.Ref)
				if n < lateOnes {
					d.during(konnektive.ImportUpsale, func() {
						d.pass(overdue + time.Second)
						begin(n + 1)
						d.pass(11 * time.Minute)
					})
				}
				result, code := d.imported(in)
				if code == codes.Unknown { // the order has just been asked about
					d.pass(time.Second)
					require.Equal(t, codes.Retry, d.said(result.Ref))
					result, code = d.imported(upsale(fmt.Sprintf("key-%d-again", n), paid.Ref))
				}
				require.Equal(t, codes.Redirect, code, "%v", result.Cause)
				urls[result.URL] = true
			}
			begin(0)
			last, code := d.imported(upsale("key-last", paid.Ref))
			require.Equal(t, codes.Redirect, code)
			urls[last.URL] = true
			assert.Len(t, d.record(last.Ref).Attempts, lateOnes+1, "all of them were imported")
			assert.Len(t, urls, 1, "the shopper has one way to pay for this cart")
		})
	}
}

// The answer was there before the other session was opened, and only its record was late.
func TestAnAnswerThatIsRecordedAfterAnotherSessionWasHandedOut(t *testing.T) {
	for name, clock := range map[string]time.Duration{
		"a moment later": time.Second, "in the same moment": 0, "in the same millisecond": time.Millisecond / 2,
		"by a clock that is behind": -time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			ref := d.store.Named("key\nshop.example\nkey-1")
			var handed Result
			d.store.before = func(op, name string) {
				if op != "write" || name != ref || !slices.Contains(d.calls, "order/import L1") {
					return
				}
				d.store.before = nil
				d.pass(overdue + time.Second)
				handed, _ = d.redirected(order("key-2", "cart", ref))
				d.pass(clock)
			}
			late, code := d.imported(order("key-1", "cart", ""))
			assert.Equal(t, codes.Redirect, code)
			assert.Equal(t, handed.URL, late.URL)
			d.pass(time.Minute)
			again, _ := d.imported(order("key-3", "cart", ref))
			assert.Equal(t, handed.URL, again.URL)
			assert.Len(t, d.record(ref).Attempts, 2)
		})
	}
}

func TestAnAttemptIsTakenBackWhenNewsOfAnEarlierOneForbidsIt(t *testing.T) {
	answered := func(r *Record) {
		a := &r.Attempts[0]
		a.State, a.Code, a.AnsweredAt, a.URL = Answered, codes.Redirect, a.Deadline, "https://klarna.example/first"
	}
	refused := func(r *Record) {
		a := &r.Attempts[0]
		a.State, a.Code, a.AnsweredAt = Answered, codes.Declined, a.Deadline
	}
	reviewed := func(r *Record) {
		a := &r.Attempts[0]
		a.Known.Status, a.KnownAt = konnektive.StatusPending, a.Deadline.Add(Grace)
	}
	for _, c := range []struct {
		name, cart string
		news       func(*Record)
		fails      bool // the ledger, once the attempt is to be taken back
		want       string
		attempts   int
		imports    int
	}{
		{"it opened a session with the same cart", "cart", answered, false, codes.Redirect, 1, 1},
		{"it opened a session with another cart", "other", answered, false, codes.Redirect, 2, 2},
		{"it was refused", "cart", refused, false, codes.Redirect, 2, 2},
		{"its order is in quality assurance", "cart", reviewed, false, codes.Pending, 1, 1},
		{"and the ledger fails", "cart", answered, true, codes.Internal, 2, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			d.store.fails = func(op, _ string) error {
				if op == "write" && slices.Contains(d.calls, "order/import L1") {
					return errBroken
				}
				return nil
			}
			first, code := d.imported(order("key-1", "cart", ""))
			require.Equal(t, codes.Unknown, code, "its answer is not recorded")
			d.store.fails = nil
			d.pass(overdue + time.Second)
			d.during(konnektive.ImportLead, func() {
				d.pass(2 * time.Second)
				d.rewrite(first.Ref, c.news)
				if c.name == "its order is in quality assurance" {
					d.status["L1"] = konnektive.StatusPending
				}
				writes := 0
				d.store.fails = func(op, ref string) error {
					if op == "write" && ref == first.Ref {
						writes++
					}
					if c.fails && writes == 2 {
						return errBroken
					}
					return nil
				}
			})
			second, code := d.imported(order("key-2", c.cart, first.Ref))
			assert.Equal(t, c.want, code)
			if c.want == codes.Redirect {
				assert.Equal(t, c.imports == 1, second.URL == "https://klarna.example/first")
			}
			assert.Len(t, d.record(first.Ref).Attempts, c.attempts)
			imports := 0
			for _, call := range d.calls {
				if strings.HasPrefix(call, "order/import") {
					imports++
				}
			}
			assert.Equal(t, c.imports, imports)
		})
	}
}

// A CRM that gives a lead any order, and does not say how it stands, may name the order of another shopper's import
// before that shopper's purchase has noted it.
func TestAnOrderThatIsNotUsedIsNotHeldForAMoment(t *testing.T) {
	ctx := context.Background()
	for name, send := range map[string]func(d *desk){
		"by an order": func(d *desk) {
			first, _ := d.redirected(order("key", "cart", ""))
			assert.Empty(d.t, d.record(first.Ref).Attempts[0].OrderID)
		},
		"by a page's lead": func(d *desk) {
			lead, err := d.Lead(ctx, Lead{Lander: "shop.example", Whole: true, Country: "DE"})
			require.NoError(d.t, err)
			assert.Empty(d.t, d.record(lead.Ref).LeadOrderID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.refuse(konnektive.ImportLead, reply(`{"result":"SUCCESS","message":{"orderId":"SAME"}}`))
			d.status["SAME"] = complete
			d.store.before = func(_, ref string) { assert.NotEqual(t, d.store.Named("order\nSAME"), ref) }
			send(d)
			d.store.before = nil
			held, err := d.another().hold(ctx, "shop.example", "SAME", "its own purchase")
			require.NoError(t, err)
			assert.True(t, held)
		})
	}
	t.Run("a page's lead whose order nobody can ask about may be sent again", func(t *testing.T) {
		d := newDesk(t)
		d.answer = finding(lost)
		_, err := d.Lead(ctx, Lead{Lander: "shop.example", Key: "key"})
		assert.Equal(t, codes.Unreachable, codes.As(err).Code)
		d.answer = hidden
		lead, err := d.Lead(ctx, Lead{Lander: "shop.example", Key: "key"})
		require.NoError(t, err)
		assert.Equal(t, "NEW", d.record(lead.Ref).LeadOrderID)
	})
}

// The record that the import is about to leave names the lead's order before it is known whose that is.
func TestAnOrderOfAnotherPurchaseProvesNothingForARequestThatDied(t *testing.T) {
	died := func(t *testing.T) (*desk, string) {
		d := newDesk(t)
		held, err := d.hold(context.Background(), "shop.example", "L1", "another purchase")
		require.NoError(t, err)
		require.True(t, held)
		writes := 0
		d.store.fails = func(op, _ string) error {
			if writes++; op == "write" && writes > 3 { // opened, sent and held at once
				return errBroken
			}
			return nil
		}
		result, code := d.imported(order("key", "cart", ""))
		require.Equal(t, codes.Internal, code)
		require.Equal(t, []string{"leads/import"}, d.calls, "nothing was imported")
		require.Equal(t, "L1", d.record(result.Ref).Attempts[0].OrderID)
		d.store.fails = nil
		d.status["L1"] = complete // paid by the other shopper
		return d, result.Ref
	}
	t.Run("when its status is asked for", func(t *testing.T) {
		d, ref := died(t)
		d.pass(time.Second)
		assert.Equal(t, codes.Unknown, d.said(ref))
		assert.Equal(t, []string{"leads/import"}, d.calls, "there is nothing to ask about")
		d.pass(overdue)
		assert.Equal(t, codes.Retry, d.said(ref))
		d.redirected(order("key-2", "cart", ref))
		assert.Empty(t, d.events)
	})
	t.Run("when another session is asked about with it", func(t *testing.T) {
		d, ref := died(t)
		d.pass(overdue)
		require.Equal(t, codes.Retry, d.said(ref))
		d.redirected(order("key-2", "cart", ref))
		d.rewrite(ref, func(r *Record) { r.Attempts[0].OrderID = "L1" })
		other := d.record(ref).Attempts[1].OrderID
		d.calls = nil
		d.pass(time.Minute)
		d.imported(order("key-3", "other", ref))
		assert.Contains(t, d.calls, "order/query "+other)
		assert.NotContains(t, d.calls, "order/query L1")
	})
	t.Run("when the alarm comes", func(t *testing.T) {
		d, ref := died(t)
		d.now = d.record(ref).Alarm()
		result, ok, err := d.another().Watch(context.Background(), ref)
		require.NoError(t, err)
		assert.True(t, ok)
		assert.NotEqual(t, codes.Paid, result.Code)
		assert.Empty(t, d.record(ref).Attempts[0].OrderID)
		assert.Zero(t, d.record(ref).Alarm(), "there is nothing to ask about any more")
	})
	t.Run("while nobody can tell whose the order is", func(t *testing.T) {
		d, ref := died(t)
		d.pass(overdue)
		d.store.fails = func(_, name string) error {
			if name == d.store.Named("order\nL1") {
				return errBroken
			}
			return nil
		}
		assert.Equal(t, codes.Unknown, d.said(ref))
		d.store.fails = nil
		d.pass(time.Second)
		assert.Equal(t, codes.Retry, d.said(ref))
	})
}

func TestAnOrderOfItsOwnProvesAPaymentThoughTheRequestDied(t *testing.T) {
	d := newDesk(t)
	writes := 0
	d.store.fails = func(op, _ string) error {
		if writes++; op == "write" && writes > 3 {
			return errBroken
		}
		return nil
	}
	result, code := d.imported(order("key", "cart", ""))
	require.Equal(t, codes.Unknown, code)
	require.Contains(t, d.calls, "order/import L1")
	d.store.fails, d.status["L1"] = nil, complete
	d.pass(time.Minute)
	assert.Equal(t, codes.Paid, d.said(result.Ref))
}
