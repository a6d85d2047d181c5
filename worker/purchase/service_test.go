package purchase

import (
	"context"
	"errors"
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

// A desk is a service with a ledger in memory, a clock that is moved by hand, and a CRM that answers what it is
// told to.
type desk struct {
	*Service
	t      *testing.T
	store  *faultyStore
	now    time.Time
	serial int
	events []string

	calls  []string          // endpoint and what decides of its form
	status map[string]string // of orders, by id; "": as after a lead
	// answer is asked before the usual answer.
	answer func(endpoint konnektive.Endpoint, form url.Values) (konnektive.Reply, bool)
	// meanwhile happens while a call is under way.
	meanwhile func(konnektive.Endpoint)
	items     string
}

// faultyStore fails where it is told to, and counts.
type faultyStore struct {
	*ledger.Memory
	fails   func(op, ref string) error
	before  func(op, ref string)
	counted []string
	// nameless: no object can be named, as when the binding is missing. barren: none can be made.
	nameless, barren bool
}

func (s *faultyStore) Named(name string) string {
	if s.nameless {
		return ""
	}
	return s.Memory.Named(name)
}

func (s *faultyStore) New() string {
	if s.barren {
		return ""
	}
	return s.Memory.New()
}

func (s *faultyStore) step(op, ref string) error {
	s.counted = append(s.counted, op)
	if s.before != nil {
		s.before(op, ref)
	}
	if s.fails != nil {
		return s.fails(op, ref)
	}
	return nil
}

func (s *faultyStore) Read(ctx context.Context, ref string, questions int) (ledger.Stored, int, error) {
	if err := s.step("read", ref); err != nil {
		return ledger.Stored{}, 0, err
	}
	return s.Memory.Read(ctx, ref, questions)
}

func (s *faultyStore) Write(ctx context.Context, ref string, version int64, data string, alarm,
	expires time.Time) (bool, ledger.Stored, error) {
	if err := s.step("write", ref); err != nil {
		return false, ledger.Stored{}, err
	}
	return s.Memory.Write(ctx, ref, version, data, alarm, expires)
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, now: noon, status: map[string]string{}, store: &faultyStore{Memory: ledger.NewMemory()}}
	d.store.Now = func() time.Time { return d.now }
	d.Service = d.another()
	return d
}

// another is the service of another request.
func (d *desk) another() *Service {
	return &Service{
		Store: d.store, CRM: d, Now: func() time.Time { return d.now }, Timeout: timeout,
		Random: func() string { d.serial++; return fmt.Sprintf("random %d", d.serial) },
		AtOnce: func(ctx context.Context, do ...func(context.Context)) {
			for _, f := range do {
				f(ctx)
			}
		},
		Event: func(e Event) { d.events = append(d.events, strings.TrimSpace(e.Name+" "+strings.Join(e.Orders, " "))) },
	}
}

func reply(body string, args ...any) konnektive.Reply {
	return konnektive.Read(200, fmt.Sprintf(body, args...))
}

// Call answers as Konnektive does: a lead makes the next order, an import is answered by a redirect.
func (d *desk) Call(_ context.Context, endpoint konnektive.Endpoint, form konnektive.Form) konnektive.Reply {
	values, err := url.ParseQuery(string(form))
	require.NoError(d.t, err)
	d.calls = append(d.calls, strings.TrimSpace(strings.Trim(string(endpoint), "/")+" "+values.Get("orderId")))
	number := len(d.calls)
	if d.meanwhile != nil {
		d.meanwhile(endpoint)
	}
	if d.answer != nil {
		if given, ok := d.answer(endpoint, values); ok {
			return given
		}
	}
	id := values.Get("orderId")
	switch endpoint {
	case konnektive.ImportLead:
		if id == "" {
			id = fmt.Sprintf("L%d", len(d.calls))
		}
		return reply(`{"result":"SUCCESS","message":{"orderId":%q,"orderStatus":"PARTIAL"}}`, id)
	case konnektive.OrderQuery:
		status := d.status[id]
		if status == "" {
			status = partial
		}
		return reply(`{"result":"SUCCESS","message":{"data":[{"orderId":%q,"orderStatus":%q,"totalAmount":"49.95","items":[%s]}]}}`,
			id, status, d.items)
	case konnektive.ConfirmOrder:
		return reply(`{"result":"SUCCESS","message":"ok"}`)
	}
	return reply(`{"result":"MERC_REDIRECT","message":{"url":"https://klarna.example/%d"}}`, number)
}

// refuse has calls to one endpoint answered with this.
func (d *desk) refuse(at konnektive.Endpoint, with konnektive.Reply) {
	d.answer = func(endpoint konnektive.Endpoint, _ url.Values) (konnektive.Reply, bool) { return with, endpoint == at }
}

var (
	notSent   = konnektive.Reply{Kind: konnektive.NotSent, Err: errors.New("connection refused")}
	lost      = konnektive.Reply{Kind: konnektive.Doubt, Err: errors.New("connection reset")}
	errBroken = errors.New("the ledger is down")
)

func order(key, cart, ref string) Import {
	return Import{
		Kind: KindOrder, Lander: "shop.example", Key: key, Digest: cart, Ref: ref,
		Lead: konnektive.Form{}.Add("firstName", "Zoë"), Form: konnektive.Form{}.Add("firstName", "Zoë"),
		Gateway: Gateway{Return: "https://shop.example/return/", Failed: "https://shop.example/failed/",
			PrepaidType: "KLARNA"},
	}
}

// imported sends an import by a request of its own and gives its code and, where there is one, its address.
func (d *desk) imported(in Import) (Result, string) {
	result, err := d.another().Import(context.Background(), in)
	if err != nil {
		coded := codes.As(err)
		return Result{Ref: coded.Ref, Fields: coded.Fields, Cause: coded.Cause}, coded.Code
	}
	return result, result.Code
}

// redirected is an order at Klarna, with the name of its session.
func (d *desk) redirected(in Import) (Result, string) {
	result, code := d.imported(in)
	require.Equal(d.t, codes.Redirect, code, "%v", result.Cause)
	r := d.record(result.Ref)
	return result, Session(result.Ref, r.Attempts[len(r.Attempts)-1].Token)
}

func (d *desk) record(ref string) *Record {
	stored, _, err := d.store.Memory.Read(context.Background(), ref, 0)
	require.NoError(d.t, err)
	r, err := Decode(stored.Data)
	require.NoError(d.t, err)
	return r
}

// rewrite is another request that changes a record.
func (d *desk) rewrite(ref string, change func(*Record)) {
	ctx := context.Background()
	stored, _, err := d.store.Memory.Read(ctx, ref, 0)
	require.NoError(d.t, err)
	r, err := Decode(stored.Data)
	require.NoError(d.t, err)
	change(r)
	won, _, err := d.store.Memory.Write(ctx, ref, stored.Version, r.Encode(), r.Alarm(), r.Expires())
	require.NoError(d.t, err)
	require.True(d.t, won)
}

// during has another request do something while a call to this endpoint is under way, once.
func (d *desk) during(at konnektive.Endpoint, do func()) {
	d.meanwhile = func(endpoint konnektive.Endpoint) {
		if endpoint == at {
			d.meanwhile = nil
			do()
		}
	}
}

func (d *desk) pass(by time.Duration) { d.now = d.now.Add(by) }

func (d *desk) said(ref string) string {
	result, err := d.another().Status(context.Background(), "shop.example", ref)
	if err != nil {
		return codes.As(err).Code
	}
	return strings.TrimSpace(result.Code + " " + result.Text)
}

// paidOrder is an order that was paid at Klarna and found so.
func (d *desk) paidOrder(key string) (Result, string) {
	first, session := d.redirected(order(key, "cart", ""))
	d.status[d.record(first.Ref).Attempts[0].OrderID] = complete
	back, err := d.another().ComeBack(context.Background(), Back{Lander: "shop.example", Session: session})
	require.NoError(d.t, err)
	require.Equal(d.t, codes.Paid, back.Code)
	return back, session
}

func TestAnOrderMakesFourCallsToTheLedgerAndTwoToKonnektive(t *testing.T) {
	d := newDesk(t)
	in := order("key", "cart", "")
	in.NextPage, in.FailedPage = "/next", "/again"
	result, code := d.imported(in)
	require.Equal(t, codes.Redirect, code)
	assert.Equal(t, "https://klarna.example/2", result.URL)
	assert.Equal(t, "L1", result.OrderID)
	assert.False(t, result.Replayed)
	assert.Equal(t, []string{"leads/import", "order/import L1"}, d.calls)
	assert.Equal(t, []string{"write", "write", "write", "write"}, d.store.counted,
		"opened, sent and held at once, answered")
	r := d.record(result.Ref)
	require.Len(t, r.Attempts, 1)
	a := r.Attempts[0]
	assert.Equal(t, Answered, a.State)
	assert.Regexp(t, "^[0-9a-f]{32}$", a.Token)
	assert.Equal(t, []string{"/next", "/again"}, []string{a.NextPage, a.FailedPage})
	assert.Equal(t, noon.Add(timeout), a.Deadline)
	assert.Equal(t, result.Ref, d.record(d.store.Named("order\nL1")).Target)
	assert.Empty(t, d.events)
}

func TestWhatAnImportSaysOfTheReturn(t *testing.T) {
	d := newDesk(t)
	var form url.Values
	d.answer = func(endpoint konnektive.Endpoint, values url.Values) (konnektive.Reply, bool) {
		if endpoint == konnektive.ImportOrder {
			form = values
		}
		return konnektive.Reply{}, false
	}
	in := order("key", "cart", "")
	in.Gateway.MerchantID, in.Gateway.SalesURL = "7", "https://shop.example/checkout"
	_, session := d.redirected(in)
	assert.Equal(t, url.Values{
		"firstName": {"Zoë"}, "orderId": {"L1"}, "paySource": {"PREPAID"}, "prepaidType": {"KLARNA"},
		"forceMerchantId": {"7"}, "salesUrl": {"https://shop.example/checkout"},
		"redirectsTo":      {"https://shop.example/return/" + session},
		"errorRedirectsTo": {"https://shop.example/failed/" + session},
	}, form)
}

func TestAnOrderThatIsAnothersOrNotPARTIALIsNotUsed(t *testing.T) {
	lead := func(status string) func(konnektive.Endpoint, url.Values) (konnektive.Reply, bool) {
		return func(endpoint konnektive.Endpoint, _ url.Values) (konnektive.Reply, bool) {
			if status == "" {
				return reply(`{"result":"SUCCESS","message":{"orderId":"SAME"}}`), endpoint == konnektive.ImportLead
			}
			return reply(`{"result":"SUCCESS","message":{"orderId":"SAME","orderStatus":%q}}`, status),
				endpoint == konnektive.ImportLead
		}
	}
	for _, c := range []struct {
		name, leadStatus, status string
		held                     bool
		want                     []string
	}{
		{"a PARTIAL order of nobody's", partial, "", false, []string{"leads/import", "order/import SAME"}},
		{"another purchase's", partial, "", true, []string{"leads/import", "order/import"}},
		{"another purchase's, whose status is not told", "", partial, true, []string{"leads/import", "order/query SAME", "order/import"}},
		{"a finished one, as the lead says", complete, "", false, []string{"leads/import", "order/import"}},
		{"a finished one, as Order Query says", "", declined, false,
			[]string{"leads/import", "order/query SAME", "order/import"}},
		{"a PARTIAL one, as Order Query says", "", partial, false,
			[]string{"leads/import", "order/query SAME", "order/import SAME"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			d.answer, d.status["SAME"] = lead(c.leadStatus), c.status
			if c.held {
				ok, err := d.hold(context.Background(), "other.example", "SAME", "another purchase")
				require.NoError(t, err)
				require.True(t, ok)
			}
			result, _ := d.redirected(order("key", "cart", ""))
			assert.Equal(t, c.want, d.calls)
			wanted := ""
			if strings.HasSuffix(c.want[len(c.want)-1], "SAME") {
				wanted = "SAME"
			}
			assert.Equal(t, wanted, d.record(result.Ref).Attempts[0].OrderID)
		})
	}
	t.Run("an order of an earlier attempt of the same purchase", func(t *testing.T) {
		d := newDesk(t)
		d.answer = lead(partial)
		first, _ := d.redirected(order("key-1", "cart", ""))
		d.pass(time.Minute)
		second, _ := d.redirected(order("key-2", "other", first.Ref))
		require.Equal(t, first.Ref, second.Ref)
		r := d.record(first.Ref)
		assert.Equal(t, "SAME", r.Attempts[0].OrderID)
		assert.NotEqual(t, "SAME", r.Attempts[1].OrderID)
	})
}

func TestAnOrderThatTheImportsAnswerNames(t *testing.T) {
	answer := func(id string) func(konnektive.Endpoint, url.Values) (konnektive.Reply, bool) {
		return func(endpoint konnektive.Endpoint, _ url.Values) (konnektive.Reply, bool) {
			return reply(`{"result":"MERC_REDIRECT","message":{"url":"https://klarna.example/x","orderId":%q}}`, id),
				endpoint == konnektive.ImportOrder
		}
	}
	t.Run("is the attempt's from then on", func(t *testing.T) {
		d := newDesk(t)
		d.answer = answer("NEW")
		result, _ := d.redirected(order("key", "cart", ""))
		assert.Equal(t, "NEW", d.record(result.Ref).Attempts[0].OrderID)
		assert.Equal(t, result.Ref, d.record(d.store.Named("order\nNEW")).Target)
	})
	t.Run("unless another purchase has it", func(t *testing.T) {
		d := newDesk(t)
		d.answer = answer("NEW")
		_, err := d.hold(context.Background(), "shop.example", "NEW", "another purchase")
		require.NoError(t, err)
		result, _ := d.redirected(order("key", "cart", ""))
		assert.Equal(t, "L1", d.record(result.Ref).Attempts[0].OrderID)
	})
	t.Run("unless an earlier attempt has it", func(t *testing.T) {
		d := newDesk(t)
		d.answer = answer("NEW")
		first, _ := d.redirected(order("key-1", "cart", ""))
		d.pass(time.Minute)
		d.redirected(order("key-2", "other", first.Ref))
		r := d.record(first.Ref)
		assert.Equal(t, "NEW", r.Attempts[0].OrderID)
		assert.NotEqual(t, "NEW", r.Attempts[1].OrderID)
	})
}

func TestALeadThatFailsOrdersNothingAndTheSameKeyMayTryAgain(t *testing.T) {
	for _, c := range []struct {
		name   string
		reply  konnektive.Reply
		code   string
		fields map[string]string
		events int
	}{
		{"not sent", notSent, codes.Unreachable, nil, 0},
		{"lost", lost, codes.Unreachable, nil, 0},
		{"without an order", reply(`{"result":"SUCCESS","message":"ok"}`), codes.Unreachable, nil, 0},
		{"fields at fault", reply(`{"result":"ERROR","message":{"city":"is a required field"}}`), codes.Invalid,
			map[string]string{"city": "is a required field"}, 0},
		{"names are missing", reply(`{"result":"ERROR","message":"First and last name are required fields."}`),
			codes.Invalid, map[string]string{"firstName": "", "lastName": ""}, 0},
		{"the operator's fault", reply(`{"result":"ERROR","message":"IP must be whitelisted - 203.0.113.7"}`),
			codes.Misconfigured, nil, 0},
		{"a text that nobody knows", reply(`{"result":"ERROR","message":"Something new"}`), codes.Unreachable, nil, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			d.refuse(konnektive.ImportLead, c.reply)
			result, code := d.imported(order("key", "cart", ""))
			assert.Equal(t, c.code, code)
			assert.Equal(t, c.fields, result.Fields)
			assert.NotEmpty(t, result.Ref)
			assert.Error(t, result.Cause)
			assert.Len(t, d.events, c.events)
			assert.Empty(t, d.record(result.Ref).Attempts)
			assert.Equal(t, []string{"leads/import"}, d.calls)
			d.answer = nil
			again, _ := d.redirected(order("key", "cart", ""))
			assert.Equal(t, result.Ref, again.Ref)
			assert.False(t, again.Replayed)
		})
	}
}

func TestWhatAnImportIsAnswered(t *testing.T) {
	for _, c := range []struct {
		name, body string
		code       string
		state      State // "": the attempt is gone
		kept       string
		events     []string
	}{
		{"an address", `{"result":"MERC_REDIRECT","message":{"url":"https://klarna.example/x"}}`, codes.Redirect, Answered,
			"", nil},
		{"a script", `{"result":"MERC_REDIRECT","message":{"script":"go()"}}`, codes.Redirect, Answered, "", nil},
		{"neither", `{"result":"MERC_REDIRECT","message":{}}`, codes.RedirectInvalid, Answered, "", nil},
		{"SUCCESS", `{"result":"SUCCESS","message":{}}`, codes.Pending, Answered, "", nil},
		{"taken like an upsale", `{"result":"ERROR","message":"This upsale was already taken."}`, codes.Pending, Answered,
			"", nil},
		{"a decline", `{"result":"ERROR","message":"Transaction Declined: no"}`, codes.Declined, Answered, "", nil},
		{"fields at fault", `{"result":"ERROR","message":{"city":"no"}}`, codes.Invalid, Answered, "", nil},
		{"nonsense", `<html>`, codes.Unknown, Answered, "", nil},
		{"the operator's fault", `{"result":"ERROR","message":"No products exist in the order"}`, codes.Misconfigured, "",
			"", nil},
		{"a text that nobody knows", `{"result":"ERROR","message":"Something new"}`, codes.Declined, Answered, "",
			[]string{EventUnreadable}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			d.refuse(konnektive.ImportOrder, konnektive.Read(200, c.body))
			result, code := d.imported(order("key", "cart", ""))
			require.Equal(t, c.code, code)
			assert.Equal(t, c.events, d.events)
			r := d.record(result.Ref)
			assert.Equal(t, c.kept, r.LeadOrderID)
			if c.state == "" {
				assert.Empty(t, r.Attempts)
				assert.Error(t, result.Cause)
				return
			}
			require.Len(t, r.Attempts, 1)
			assert.Equal(t, c.code, r.Attempts[0].Code)
			assert.Equal(t, "L1", r.Attempts[0].OrderID)
			assert.Equal(t, code == codes.Unknown || code == codes.RedirectInvalid, result.Cause != nil, "%v", result.Cause)
			assert.Empty(t, result.Text, "the code's own text does")
			if code == codes.Invalid {
				assert.Equal(t, map[string]string{"city": "no"}, r.Attempts[0].Fields)
			}
			if strings.Contains(c.body, "script") {
				assert.Equal(t, "go()", r.Attempts[0].Script)
				assert.Equal(t, Session(result.Ref, r.Attempts[0].Token), result.Session)
			} else {
				assert.Empty(t, result.Session)
			}
			again, code := d.imported(order("key", "cart", ""))
			assert.Equal(t, c.code, code)
			assert.True(t, again.Replayed)
			assert.Equal(t, 1, strings.Count(strings.Join(d.calls, "\n"), "order/import"), "never sent twice")
		})
	}
	t.Run("surely not sent: its order is kept for the next attempt", func(t *testing.T) {
		d := newDesk(t)
		d.refuse(konnektive.ImportOrder, notSent)
		result, code := d.imported(order("key", "cart", ""))
		require.Equal(t, codes.Unreachable, code)
		assert.Equal(t, "L1", d.record(result.Ref).LeadOrderID)
		d.answer = nil
		again, _ := d.redirected(order("key", "cart", ""))
		assert.Equal(t, result.Ref, again.Ref)
		assert.Equal(t, []string{"leads/import", "order/import L1", "order/query L1", "order/import L1"}, d.calls)
		assert.Empty(t, d.record(result.Ref).LeadOrderID)
	})
	t.Run("SUCCESS of an order that is paid", func(t *testing.T) {
		d := newDesk(t)
		d.refuse(konnektive.ImportOrder, reply(`{"result":"SUCCESS","message":{}}`))
		d.status["L1"] = complete
		result, code := d.imported(order("key", "cart", ""))
		assert.Equal(t, codes.Paid, code)
		assert.Equal(t, "L1", result.OrderNumber)
		assert.Equal(t, []string{EventPaid + " L1", EventPaidWithoutKlarna + " L1"}, d.events)
	})
}

func TestAnImportThatWasHeldUpDoesNotLeave(t *testing.T) {
	for after, want := range map[time.Duration]string{SendWithin - 1: codes.Redirect, SendWithin: codes.Unreachable} {
		d := newDesk(t)
		writes := 0
		d.store.before = func(op, _ string) {
			if writes++; op == "write" && writes == 3 {
				d.pass(after) // while the order is noted, after the import was recorded
			}
		}
		result, code := d.imported(order("key", "cart", ""))
		assert.Equal(t, want, code)
		if want == codes.Unreachable {
			assert.ErrorIs(t, result.Cause, errLate)
			assert.Equal(t, []string{"leads/import"}, d.calls)
		}
	}
}

func TestTheBotCheckIsAskedOnceByTheRequestThatClaimedTheAttempt(t *testing.T) {
	d := newDesk(t)
	asked := 0
	in := order("key", "cart", "")
	in.Admit = func(context.Context) error { asked++; return errBroken }
	result, code := d.imported(in)
	assert.Equal(t, codes.Challenge, code)
	assert.ErrorIs(t, result.Cause, errBroken)
	assert.Empty(t, d.calls)
	assert.Empty(t, d.record(result.Ref).Attempts)
	in.Admit = func(context.Context) error { asked++; return nil }
	d.redirected(in)
	d.redirected(in)
	assert.Equal(t, 2, asked)

	lead, err := d.Lead(context.Background(), Lead{Lander: "shop.example"})
	require.NoError(t, err)
	in = order("key-2", "cart", lead.Ref)
	in.Admit = func(context.Context) error { return errBroken }
	_, code = d.imported(in)
	assert.Equal(t, codes.Challenge, code)
	assert.NotEmpty(t, d.record(lead.Ref).LeadOrderID, "the lead's order is still there")
	in.Admit = nil
	_, session := d.redirected(in)
	assert.Contains(t, session, lead.Ref)
}

func TestALedgerThatFails(t *testing.T) {
	// The writes of an order: opened, sent, held, answered.
	for n, want := range []struct {
		code  string
		calls int
		left  State // of the attempt: "" when there is none
		again string
	}{
		{codes.Internal, 0, "", codes.Redirect},
		{codes.Internal, 1, Open, codes.InProgress},
		{codes.Internal, 1, "", codes.Redirect},
		{codes.Unknown, 2, Sent, codes.InProgress},
	} {
		t.Run(fmt.Sprint("at write ", n+1), func(t *testing.T) {
			d := newDesk(t)
			writes := 0
			d.store.fails = func(op, _ string) error {
				if writes++; writes == n+1 {
					return errBroken
				}
				return nil
			}
			result, code := d.imported(order("key", "cart", ""))
			assert.Equal(t, want.code, code)
			assert.ErrorIs(t, result.Cause, errBroken)
			assert.Len(t, d.calls, want.calls)
			if n > 0 {
				r := d.record(result.Ref)
				if want.left == "" {
					assert.Empty(t, r.Attempts)
				} else {
					require.Len(t, r.Attempts, 1)
					assert.Equal(t, want.left, r.Attempts[0].State)
				}
			}
			_, code = d.imported(order("key", "cart", ""))
			assert.Equal(t, want.again, code)
		})
	}
	t.Run("for good: nothing is sent", func(t *testing.T) {
		d := newDesk(t)
		d.store.fails = func(string, string) error { return errBroken }
		for _, ref := range []string{"", d.store.New()} {
			result, code := d.imported(order("key", "cart", ref))
			assert.Equal(t, codes.Internal, code)
			assert.ErrorIs(t, result.Cause, errBroken)
		}
		_, code := d.imported(Import{Kind: KindUpsale, Lander: "shop.example", Ref: d.store.New(), Key: "key"})
		assert.Equal(t, codes.Internal, code)
		_, err := d.Lead(context.Background(), Lead{Lander: "shop.example", Key: "key"})
		assert.ErrorIs(t, err, errBroken)
		_, err = d.Confirm(context.Background(), "shop.example", d.store.New())
		assert.ErrorIs(t, err, errBroken)
		_, _, err = d.Watch(context.Background(), d.store.New())
		assert.ErrorIs(t, err, errBroken)
		assert.Equal(t, codes.Internal, d.said(d.store.New()))
		assert.Empty(t, d.calls)
	})
}

func TestARecordOfANewerVersionIsLeftAlone(t *testing.T) {
	d := newDesk(t)
	ctx := context.Background()
	ref := d.store.Named("key\nshop.example\nkey")
	const newer = `{"v":3,"kind":"order","lander":"shop.example"}`
	_, _, err := d.store.Write(ctx, ref, 0, newer, time.Time{}, after(time.Hour))
	require.NoError(t, err)
	_, code := d.imported(order("key", "cart", ""))
	assert.Equal(t, codes.Unknown, code)
	_, code = d.imported(order("other", "cart", ref))
	assert.Equal(t, codes.Unknown, code)
	assert.Equal(t, codes.Unknown, d.said(ref))
	for _, take := range []func(context.Context, Back) (Result, error){d.ComeBack, d.Failed} {
		_, err := take(ctx, Back{Lander: "shop.example", Session: Session(ref, "token")})
		assert.Equal(t, codes.Unknown, codes.As(err).Code)
		assert.Equal(t, ref, codes.As(err).Ref)
	}
	_, _, err = d.Watch(ctx, ref)
	assert.ErrorIs(t, err, ErrNewer)
	stored, _, _ := d.store.Read(ctx, ref, 0)
	assert.Equal(t, newer, stored.Data)
	assert.Empty(t, d.calls)
}

func TestKeysAreForOnePurchaseAndOneCart(t *testing.T) {
	d := newDesk(t)
	first, _ := d.redirected(order("key-1", "cart", ""))
	_, code := d.imported(order("key-1", "other", ""))
	assert.Equal(t, codes.KeyReused, code)
	_, code = d.imported(order("key-1", "other", first.Ref))
	assert.Equal(t, codes.KeyReused, code)

	joined, _ := d.redirected(order("key-2", "cart", first.Ref))
	assert.Equal(t, first.URL, joined.URL)
	assert.True(t, joined.Replayed)
	without, _ := d.redirected(order("key-2", "cart", ""))
	assert.Equal(t, first.Ref, without.Ref, "a key that was tied needs no ref")
	_, code = d.imported(order("key-2", "other", ""))
	assert.Equal(t, codes.KeyReused, code)

	second, _ := d.redirected(order("key-3", "cart", ""))
	_, code = d.imported(order("key-3", "cart", first.Ref))
	assert.Equal(t, codes.KeyReused, code, "it opened a purchase of its own")
	_, code = d.imported(order("key-2", "cart", second.Ref))
	assert.Equal(t, codes.KeyReused, code, "it was tied to another purchase")

	_, code = d.imported(order("key-4", "cart", strings.Repeat("0", 64)))
	assert.Equal(t, codes.RefUnknown, code)
	_, _ = d.redirected(order("key-4", "cart", ""))
	in := order("key-1", "cart", "")
	in.Lander = "other.example"
	other, _ := d.redirected(in)
	assert.NotEqual(t, first.Ref, other.Ref)
	_, code = d.imported(order("key-5", "cart", other.Ref))
	assert.Equal(t, codes.RefUnknown, code, "another lander's")
	_, code = d.imported(order("key-6", "cart", d.store.Named("order\nL1")))
	assert.Equal(t, codes.RefUnknown, code, "a record that is no purchase")
}

func TestARecordDoesNotGrowByRepeatsWithNewKeys(t *testing.T) {
	d := newDesk(t)
	first, _ := d.redirected(order("key", "cart", ""))
	for i := range 30 {
		again, _ := d.redirected(order(fmt.Sprint("another-key-", i), "cart", first.Ref))
		assert.Equal(t, first.URL, again.URL)
	}
	assert.Len(t, d.record(first.Ref).Attempts[0].Keys, maxKeys)
	_, code := d.imported(order("another-key-29", "other", first.Ref))
	assert.Equal(t, codes.KeyReused, code, "it is known all the same which cart a key is for")
	_, code = d.imported(order("another-key-29", "other", ""))
	assert.Equal(t, codes.KeyReused, code, "without a ref, too")
}

func TestAnOrderWithoutAKeyIsRecognisedForTenMinutes(t *testing.T) {
	d := newDesk(t)
	in := order("", "cart", "")
	in.Derived = "of this shopper"
	first, _ := d.redirected(in)
	d.pass(derivedFor - 1)
	again, _ := d.redirected(in)
	assert.Equal(t, first.Ref, again.Ref)
	assert.True(t, again.Replayed)
	given := in
	given.Key, given.Derived = "of this shopper", ""
	other, _ := d.redirected(given)
	assert.NotEqual(t, first.Ref, other.Ref, "no key that is sent equals a derived one")
	d.pass(1)
	fresh, _ := d.redirected(in)
	assert.NotEqual(t, first.Ref, fresh.Ref)
	d.pass(time.Minute)
	tied := in
	tied.Ref, tied.Derived = fresh.Ref, "with a ref"
	joined, _ := d.redirected(tied)
	assert.Equal(t, fresh.Ref, joined.Ref)
	assert.Len(t, d.record(fresh.Ref).Attempts[0].Keys, 2)
}

func TestAnOrderWithoutAKeyMayBeTriedAgainOnceItsSessionHasEnded(t *testing.T) {
	d := newDesk(t)
	in := order("", "cart", "")
	in.Derived = "of this shopper"
	sessions, urls := map[string]bool{}, map[string]bool{}
	for range 3 {
		result, session := d.redirected(in)
		again, _ := d.redirected(in)
		assert.Equal(t, result.URL, again.URL, "a double click is one attempt, after an end as before")
		sessions[session], urls[result.URL] = true, true
		d.pass(time.Minute)
		back, err := d.Failed(context.Background(), Back{Lander: "shop.example", Session: session})
		require.NoError(t, err)
		assert.Equal(t, codes.Declined, back.Code)
		d.pass(time.Minute)
	}
	assert.Len(t, sessions, 3)
	assert.Len(t, urls, 3)
	last, _ := d.redirected(in)
	attempts := d.record(last.Ref).Attempts
	require.Len(t, attempts, 4, "all of one purchase")
	d.status[attempts[3].OrderID] = complete
	d.pass(time.Minute)
	require.Equal(t, codes.Paid, d.said(last.Ref))
	_, code := d.imported(in)
	assert.Equal(t, codes.Paid, code, "what is paid is not sold again")
}

func TestAShopperWhoComesBack(t *testing.T) {
	ctx := context.Background()
	t.Run("without having paid, and buys again at once", func(t *testing.T) {
		d := newDesk(t)
		first, session := d.redirected(order("key-1", "cart", ""))
		d.pass(time.Minute)
		back, err := d.another().Failed(ctx, Back{Lander: "shop.example", Session: session})
		require.NoError(t, err)
		assert.Equal(t, codes.Declined+" "+TextCancelled, back.Code+" "+back.Text)
		assert.Equal(t, codes.Declined+" "+TextCancelled, d.said(first.Ref))
		again, err := d.another().Failed(ctx, Back{Lander: "shop.example", Session: session})
		require.NoError(t, err)
		assert.Equal(t, codes.Declined, again.Code)
		assert.Equal(t, after(time.Minute), d.record(first.Ref).Attempts[0].Ended)
		d.pass(time.Minute)
		same, code := d.imported(order("key-1", "cart", ""))
		assert.Equal(t, codes.Declined+" "+TextCancelled, code+" "+same.Text)
		d.pass(time.Minute)
		second, _ := d.redirected(order("key-2", "cart", first.Ref))
		assert.NotEqual(t, first.URL, second.URL)
		r := d.record(first.Ref)
		assert.NotEqual(t, r.Attempts[0].OrderID, r.Attempts[1].OrderID)

		d.status[r.Attempts[0].OrderID] = complete
		d.status[r.Attempts[1].OrderID] = complete
		for range 2 {
			d.pass(time.Hour)
			_, _, err = d.another().Watch(ctx, first.Ref)
			require.NoError(t, err)
		}
		assert.Equal(t, 1, strings.Count(strings.Join(d.events, "\n"), EventPaidTwice))
		assert.Contains(t, d.events, EventPaidTwice+" "+r.Attempts[0].OrderID+" "+r.Attempts[1].OrderID)
		assert.NotContains(t, strings.Join(d.events, "\n"), EventPaidWithoutKlarna)
	})
	t.Run("by the address for failures, and has paid", func(t *testing.T) {
		d := newDesk(t)
		first, session := d.redirected(order("key", "cart", ""))
		d.status["L1"] = complete
		back, err := d.Failed(ctx, Back{Lander: "shop.example", Session: session})
		require.NoError(t, err)
		assert.Equal(t, codes.Paid, back.Code)
		assert.Equal(t, "L1", back.OrderNumber)
		d.status["L1"] = "REFUNDED"
		calls := len(d.calls)
		assert.Equal(t, codes.Paid, d.said(first.Ref))
		assert.Len(t, d.calls, calls, "what is final is not asked again")
	})
	t.Run("while Konnektive cannot be asked: nobody says that nothing was charged", func(t *testing.T) {
		d := newDesk(t)
		first, session := d.redirected(order("key", "cart", ""))
		d.refuse(konnektive.OrderQuery, lost)
		back, err := d.Failed(ctx, Back{Lander: "shop.example", Session: session})
		require.NoError(t, err)
		assert.Equal(t, codes.Pending, back.Code)
		assert.Error(t, back.Cause)
		assert.Equal(t, codes.Pending, d.said(first.Ref))
		_, code := d.imported(order("key-2", "cart", first.Ref))
		assert.Equal(t, codes.Unreachable, code)
		d.pass(time.Second)
		own, code := d.imported(order("key", "cart", ""))
		assert.Equal(t, codes.Pending, code)
		assert.True(t, own.Replayed)
		assert.Error(t, own.Cause)
		d.answer = nil
		d.pass(3 * time.Second)
		assert.Equal(t, codes.Declined+" "+TextCancelled, d.said(first.Ref))
	})
	t.Run("to the pages that the page named", func(t *testing.T) {
		d := newDesk(t)
		in := order("key", "cart", "")
		in.NextPage, in.FailedPage = "/next", "/again"
		_, session := d.redirected(in)
		d.status["L1"] = complete
		back, err := d.ComeBack(ctx, Back{Lander: "shop.example", Session: session})
		require.NoError(t, err)
		assert.Equal(t, []string{"/next", "/again"}, []string{back.NextPage, back.FailedPage})
	})
	t.Run("from a session that is not known", func(t *testing.T) {
		d := newDesk(t)
		first, session := d.redirected(order("key", "cart", ""))
		for _, wrong := range []string{"", first.Ref, first.Ref[1:], first.Ref + "00", strings.Repeat("0", 96),
			session + "0"} {
			for _, take := range []func(context.Context, Back) (Result, error){d.ComeBack, d.Failed} {
				_, err := take(ctx, Back{Lander: "shop.example", Session: wrong})
				assert.Equal(t, codes.RefUnknown, codes.As(err).Code, wrong)
			}
		}
		_, err := d.ComeBack(ctx, Back{Lander: "other.example", Session: session})
		assert.Equal(t, codes.RefUnknown, codes.As(err).Code)
		d.pass(Life)
		_, err = d.ComeBack(ctx, Back{Lander: "shop.example", Session: session})
		assert.Equal(t, codes.RefUnknown, codes.As(err).Code)
	})
}

func TestASessionIsResumedByItsScriptAlone(t *testing.T) {
	ctx := context.Background()
	d := newDesk(t)
	_, address := d.redirected(order("key-1", "cart", ""))
	result, err := d.Resume(ctx, "shop.example", address)
	require.NoError(t, err)
	assert.Equal(t, codes.Pending, result.Code, "it was answered with an address")
	assert.Empty(t, result.Script+result.URL)

	d.refuse(konnektive.ImportOrder, reply(`{"result":"MERC_REDIRECT","message":{"script":"go()"}}`))
	first, session := d.redirected(order("key-2", "cart", ""))
	result, err = d.Resume(ctx, "shop.example", session)
	require.NoError(t, err)
	assert.Equal(t, codes.Redirect+" go()", result.Code+" "+result.Script)
	_, err = d.Resume(ctx, "other.example", session)
	assert.Equal(t, codes.RefUnknown, codes.As(err).Code)
	d.pass(HandOut - 1)
	result, _ = d.Resume(ctx, "shop.example", session)
	assert.Equal(t, "go()", result.Script)
	d.pass(1)
	result, _ = d.Resume(ctx, "shop.example", session)
	assert.Empty(t, result.Script)
	d.status[d.record(first.Ref).Attempts[0].OrderID] = complete
	d.said(first.Ref)
	result, _ = d.Resume(ctx, "shop.example", session)
	assert.Equal(t, codes.Paid, result.Code)
}

func TestOrderQueryIsAskedOnceASecondWithABurstOfThree(t *testing.T) {
	d := newDesk(t)
	first, session := d.redirected(order("key", "cart", ""))
	queries := func() int {
		return len(slices.DeleteFunc(slices.Clone(d.calls),
			func(c string) bool { return !strings.HasPrefix(c, "order/query") }))
	}
	for range 10 {
		assert.Equal(t, codes.Pending, d.said(first.Ref))
		_, err := d.another().ComeBack(context.Background(), Back{Lander: "shop.example", Session: session})
		require.NoError(t, err)
		d.imported(order("key-2", "other", first.Ref))
	}
	assert.LessOrEqual(t, queries(), 3)
	d.status["L1"] = complete
	assert.Equal(t, codes.Pending, d.said(first.Ref), "what is known counts meanwhile")
	d.pass(3 * time.Second)
	d.said(first.Ref)
	assert.Equal(t, codes.Paid, d.said(first.Ref))
}

func TestOfSeveralSessionsAllAreAskedInTurn(t *testing.T) {
	d := newDesk(t)
	first, _ := d.redirected(order("key-1", "cart", ""))
	d.pass(time.Minute)
	d.redirected(order("key-2", "other", first.Ref))
	d.pass(time.Minute)
	d.status[d.record(first.Ref).Attempts[0].OrderID] = complete
	d.said(first.Ref)
	d.pass(time.Second)
	assert.Equal(t, codes.Paid, strings.TrimSpace(d.said(first.Ref)))
}

func TestADoubtBecomesARetryOrAPayment(t *testing.T) {
	d := newDesk(t)
	d.refuse(konnektive.ImportOrder, lost)
	result, code := d.imported(order("key", "cart", ""))
	require.Equal(t, codes.Unknown, code)
	assert.ErrorContains(t, result.Cause, "connection reset")
	d.answer = nil
	d.pass(overdue - time.Second)
	assert.Equal(t, codes.Unknown, d.said(result.Ref))
	d.pass(time.Second)
	assert.Equal(t, codes.Retry, d.said(result.Ref))
	_, code = d.imported(order("key", "cart", ""))
	assert.Equal(t, codes.Retry, code)
	d.pass(3 * time.Second)
	second, _ := d.redirected(order("key-2", "cart", result.Ref))
	assert.Equal(t, result.Ref, second.Ref)
	assert.Equal(t, []string{"leads/import", "order/import L1"}, d.calls[:2])
}

func TestALeadOpensAPurchaseForItsFirstImport(t *testing.T) {
	ctx := context.Background()
	t.Run("the first import uses its order, and the next one has a lead of its own", func(t *testing.T) {
		d := newDesk(t)
		lead, err := d.Lead(ctx, Lead{Lander: "shop.example", Whole: true, Country: "DE"})
		require.NoError(t, err)
		assert.Equal(t, codes.Accepted, lead.Code)
		opened, err := d.Opened(ctx, "shop.example", lead.Ref)
		require.NoError(t, err)
		assert.True(t, opened.Whole("cart"))
		assert.Equal(t, "DE", opened.Country)
		assert.Equal(t, codes.Retry, d.said(lead.Ref))
		more, err := d.Lead(ctx, Lead{Lander: "shop.example", Ref: lead.Ref})
		require.NoError(t, err)
		assert.Equal(t, lead.Ref, more.Ref)
		assert.Equal(t, []string{"leads/import", "leads/import L1"}, d.calls)
		d.store.counted = nil
		first, _ := d.redirected(order("key", "cart", lead.Ref))
		assert.Equal(t, lead.Ref, first.Ref)
		assert.Equal(t, []string{"write", "read", "write", "write"}, d.store.counted,
			"tied and read at once, sent, answered")
		assert.Equal(t, "order/import L1", d.calls[2])
		late, err := d.Lead(ctx, Lead{Lander: "shop.example", Ref: lead.Ref})
		require.NoError(t, err)
		assert.Equal(t, codes.Accepted, late.Code)
		assert.Len(t, d.calls, 3, "an order under way is not touched by a late lead")
		d.pass(time.Minute)
		opened, err = d.Opened(ctx, "shop.example", lead.Ref)
		require.NoError(t, err)
		assert.True(t, opened.Whole("cart"), "a repeat finds its attempt")
		assert.False(t, opened.Whole("other"), "its order has a cart")
		d.redirected(order("key-2", "other", lead.Ref))
		assert.Equal(t, []string{"order/query L1", "leads/import", "order/import L5"}, d.calls[3:])
	})
	t.Run("a key names it", func(t *testing.T) {
		d := newDesk(t)
		one, err := d.Lead(ctx, Lead{Lander: "shop.example", Key: "key"})
		require.NoError(t, err)
		two, err := d.Lead(ctx, Lead{Lander: "shop.example", Key: "key", Whole: true, Country: "AT"})
		require.NoError(t, err)
		assert.Equal(t, one.Ref, two.Ref)
		assert.Equal(t, "AT", d.record(one.Ref).LeadCountry)
		three, err := d.Lead(ctx, Lead{Lander: "shop.example", Key: "key", Whole: true, Country: "DE"})
		require.NoError(t, err)
		assert.Equal(t, "DE", d.record(three.Ref).LeadCountry)
		keyless, err := d.Lead(ctx, Lead{Lander: "shop.example"})
		require.NoError(t, err)
		assert.NotEqual(t, one.Ref, keyless.Ref)
	})
	t.Run("an order that is another's, or finished, gives nobody anything", func(t *testing.T) {
		for status, held := range map[string]bool{partial: true, complete: false} {
			d := newDesk(t)
			d.refuse(konnektive.ImportLead, reply(`{"result":"SUCCESS","message":{"orderId":"SAME","orderStatus":%q}}`, status))
			if held {
				_, err := d.hold(ctx, "shop.example", "SAME", "another purchase")
				require.NoError(t, err)
			}
			lead, err := d.Lead(ctx, Lead{Lander: "shop.example", Whole: true, Country: "DE"})
			require.NoError(t, err)
			assert.Empty(t, d.record(lead.Ref).LeadOrderID)
			opened, err := d.Opened(ctx, "shop.example", lead.Ref)
			require.NoError(t, err)
			assert.False(t, opened.Whole("cart"), "an order needs the shopper's data once more")
			d.answer = nil
			d.redirected(order("key", "cart", lead.Ref))
			assert.Equal(t, "order/import L2", d.calls[2])
		}
	})
	t.Run("one whose status is not told is asked about before it is held, and before its import", func(t *testing.T) {
		d := newDesk(t)
		d.refuse(konnektive.ImportLead, reply(`{"result":"SUCCESS","message":{"orderId":"SAME"}}`))
		lead, err := d.Lead(ctx, Lead{Lander: "shop.example"})
		require.NoError(t, err)
		assert.Equal(t, "SAME", d.record(lead.Ref).LeadOrderID)
		d.answer, d.status["SAME"] = nil, declined
		first, _ := d.redirected(order("key", "cart", lead.Ref))
		assert.Equal(t, []string{"leads/import", "order/query SAME", "order/query SAME", "order/import"}, d.calls)
		assert.Empty(t, d.record(first.Ref).Attempts[0].OrderID)
	})
	t.Run("a lead that fails", func(t *testing.T) {
		d := newDesk(t)
		d.refuse(konnektive.ImportLead, lost)
		_, err := d.Lead(ctx, Lead{Lander: "shop.example"})
		assert.Equal(t, codes.Unreachable, codes.As(err).Code)
		_, err = d.Lead(ctx, Lead{Lander: "shop.example", Ref: strings.Repeat("0", 64)})
		assert.Equal(t, codes.RefUnknown, codes.As(err).Code)
		_, err = d.Opened(ctx, "shop.example", strings.Repeat("0", 64))
		assert.Equal(t, codes.RefUnknown, codes.As(err).Code)
	})
	t.Run("an answer without an order adds to the one that is known", func(t *testing.T) {
		d := newDesk(t)
		lead, err := d.Lead(ctx, Lead{Lander: "shop.example"})
		require.NoError(t, err)
		d.refuse(konnektive.ImportLead, reply(`{"result":"SUCCESS","message":"ok"}`))
		_, err = d.Lead(ctx, Lead{Lander: "shop.example", Ref: lead.Ref})
		require.NoError(t, err)
		_, err = d.Lead(ctx, Lead{Lander: "shop.example"})
		assert.Equal(t, codes.Unreachable, codes.As(err).Code)
	})
}

func upsale(key, ref string) Import {
	in := order(key, "extra", ref)
	in.Kind, in.Product, in.Qty = KindUpsale, "40", 1
	return in
}

func TestAnUpsaleIsAPurchaseOfItsOwnOnTheOrderThatWasPaid(t *testing.T) {
	d := newDesk(t)
	paid, _ := d.paidOrder("key-1")
	d.pass(time.Minute)
	first, session := d.redirected(upsale("key-2", paid.Ref))
	assert.NotEqual(t, paid.Ref, first.Ref)
	assert.Equal(t, "upsale/import L1", d.calls[len(d.calls)-1])
	r := d.record(first.Ref)
	assert.Equal(t, []string{paid.Ref, "40", "L1"}, []string{r.OrderRef, r.Product, r.Attempts[0].OrderID})
	again, _ := d.redirected(upsale("key-3", first.Ref))
	assert.Equal(t, first.URL, again.URL, "by the ref of the upsale, too")
	assert.Equal(t, codes.Pending, d.said(first.Ref))

	d.pass(time.Minute)
	back, err := d.another().Failed(context.Background(), Back{Lander: "shop.example", Session: session})
	require.NoError(t, err)
	assert.Equal(t, []string{codes.Declined, TextUpsaleCancelled, paid.Ref},
		[]string{back.Code, back.Text, back.OrderRef})
	d.pass(time.Minute)
	second, _ := d.redirected(upsale("key-4", paid.Ref))
	assert.NotEqual(t, first.URL, second.URL)
	d.items = `{"productId":"40","qty":1}`
	d.pass(time.Minute)
	assert.Equal(t, codes.Paid, d.said(first.Ref))
}

func TestARepeatOfAnUpsaleLeavesTheAllowanceToThoseWhoAsk(t *testing.T) {
	d := newDesk(t)
	paid, _ := d.paidOrder("key-1")
	first, session := d.redirected(upsale("key-2", paid.Ref))
	d.pass(time.Minute)
	for range ledger.Burst + 1 {
		again, _ := d.redirected(upsale("key-3", first.Ref))
		assert.Equal(t, first.URL, again.URL)
	}
	d.items = `{"productId":"40","qty":1}`
	back, err := d.ComeBack(context.Background(), Back{Lander: "shop.example", Session: session})
	require.NoError(t, err)
	assert.Equal(t, codes.Paid, back.Code)
	for range ledger.Burst + 1 {
		_, err = d.Confirm(context.Background(), "shop.example", first.Ref)
		require.NoError(t, err)
	}
	_, allowed, err := d.store.Read(context.Background(), first.Ref, 2)
	require.NoError(t, err)
	assert.Equal(t, 2, allowed, "and so does a confirmation")
}

func TestAnUpsaleOfAnOrderThatIsNotPaidNow(t *testing.T) {
	for name, c := range map[string]struct {
		status, want string
	}{
		"cancelled since":  {"CANCELLED", codes.NotPaid},
		"refunded since":   {"REFUNDED", codes.NotPaid},
		"still paid":       {complete, codes.Redirect},
		"cannot be asked":  {"", codes.Unreachable},
		"in review since":  {"PENDING", codes.NotPaid},
		"declined somehow": {declined, codes.NotPaid},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			paid, _ := d.paidOrder("key-1")
			d.pass(time.Minute)
			d.status["L1"] = c.status
			if c.status == "" {
				d.refuse(konnektive.OrderQuery, lost)
			}
			_, code := d.imported(upsale("key-2", paid.Ref))
			assert.Equal(t, c.want, code)
		})
	}
	d := newDesk(t)
	unpaid, _ := d.redirected(order("key-1", "cart", ""))
	_, code := d.imported(upsale("key-2", unpaid.Ref))
	assert.Equal(t, codes.NotPaid, code)
	_, code = d.imported(upsale("key-2", strings.Repeat("0", 64)))
	assert.Equal(t, codes.RefUnknown, code)
	in := upsale("key-2", unpaid.Ref)
	in.Lander = "other.example"
	_, code = d.imported(in)
	assert.Equal(t, codes.NotPaid, code)
	d.status["L1"] = complete
	d.pass(time.Minute)
	_, code = d.imported(upsale("key-2", unpaid.Ref))
	assert.Equal(t, codes.Redirect, code, "it is found out just now")
	d.pass(Life)
	_, code = d.imported(upsale("key-3", unpaid.Ref))
	assert.Equal(t, codes.RefUnknown, code, "too long ago")
}

func TestTheOrderOfAnUpsaleChangesWhileTheUpsaleIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		change func(d *desk, ref string)
		want   string
	}{
		"expires": {func(d *desk, _ string) { d.pass(Life) }, codes.RefUnknown},
		"is written by a newer version": {func(d *desk, ref string) {
			stored, _, _ := d.store.Memory.Read(context.Background(), ref, 0)
			_, _, err := d.store.Memory.Write(context.Background(), ref, stored.Version, `{"v":99}`, time.Time{}, after(Life))
			require.NoError(t, err)
		}, codes.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			paid, _ := d.paidOrder("key-1")
			reads := 0
			d.store.before = func(op, ref string) {
				if op == "read" && ref == paid.Ref {
					if reads++; reads == 2 {
						c.change(d, ref)
					}
				}
			}
			_, err := d.Import(context.Background(), upsale("key-2", paid.Ref))
			assert.Equal(t, c.want, codes.As(err).Code)
			assert.Empty(t, codes.As(err).Ref, "the order's ref is none of the upsale")
		})
	}
}

func TestAnUpsaleThatIsDeclinedOrTakenBefore(t *testing.T) {
	d := newDesk(t)
	paid, _ := d.paidOrder("key-1")
	d.refuse(konnektive.ImportUpsale, reply(`{"result":"ERROR","message":"Transaction Declined: no"}`))
	result, code := d.imported(upsale("key-2", paid.Ref))
	assert.Equal(t, codes.Declined+" "+TextUpsaleDeclined, code+" "+result.Text)
	d.pass(time.Minute)
	d.refuse(konnektive.ImportUpsale, reply(`{"result":"ERROR","message":"This upsale was already taken."}`))
	_, code = d.imported(upsale("key-3", paid.Ref))
	assert.Equal(t, codes.AlreadyTaken, code)
	d.refuse(konnektive.ImportUpsale, notSent)
	d.pass(time.Minute)
	_, code = d.imported(upsale("another-tab", paid.Ref))
	assert.Equal(t, codes.AlreadyTaken, code, "in another tab it is as well")
	d.pass(time.Minute)
	d.items = `{"productId":"40","qty":1}`
	result, code = d.imported(upsale("key-4", paid.Ref))
	assert.Equal(t, codes.Paid, code, "%v", result.Cause)
	assert.NotContains(t, strings.Join(d.events, "\n"), EventPaidWithoutKlarna, "taken before is nobody's fault")
}

func TestTheAlarmFindsOutWhoPaidAndNeverCameBack(t *testing.T) {
	ctx := context.Background()
	d := newDesk(t)
	first, _ := d.redirected(order("key", "cart", ""))
	queries := len(d.calls)
	d.pass(time.Minute)
	result, ok, err := d.another().Watch(ctx, first.Ref)
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, codes.Pending, result.Code)
	assert.Equal(t, "shop.example", result.Lander)
	assert.Len(t, d.calls, queries+1)
	assert.Equal(t, 1, d.record(first.Ref).Attempts[0].Looks)

	d.refuse(konnektive.OrderQuery, lost)
	d.pass(4 * time.Minute)
	result, ok, err = d.another().Watch(ctx, first.Ref)
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Error(t, result.Cause)
	assert.Equal(t, 1, d.record(first.Ref).Attempts[0].Looks, "a look that failed is not used up")
	assert.Equal(t, d.now.Add(lookAgain), d.record(first.Ref).Alarm())

	d.answer, d.status["L1"] = nil, complete
	// The ledger's clock may be a little ahead of this one: what it rings for is due.
	d.pass(lookAgain - time.Second)
	_, ok, err = d.another().Watch(ctx, first.Ref)
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Contains(t, d.events, EventPaid+" L1")
	_, ok, err = d.another().Watch(ctx, first.Ref)
	require.NoError(t, err)
	assert.False(t, ok, "there is nothing left to look for")

	for _, ref := range []string{d.store.New(), d.store.Named("order\nL1")} {
		_, ok, err = d.another().Watch(ctx, ref)
		require.NoError(t, err)
		assert.False(t, ok)
	}
}

func TestTheAlarmAsksAboutWhatIsDueAlone(t *testing.T) {
	d := newDesk(t)
	first, _ := d.redirected(order("key-1", "cart", ""))
	d.pass(30 * time.Second)
	d.redirected(order("key-2", "other", first.Ref))
	d.pass(30 * time.Second)
	before := len(d.calls)
	_, _, err := d.another().Watch(context.Background(), first.Ref)
	require.NoError(t, err)
	assert.Equal(t, []string{"order/query L1"}, d.calls[before:])
	r := d.record(first.Ref)
	assert.Equal(t, []int{1, 0}, []int{r.Attempts[0].Looks, r.Attempts[1].Looks})
	assert.Equal(t, after(90*time.Second), r.Alarm())
}

func TestAConfirmationIsSentOnceForAPaidOrder(t *testing.T) {
	ctx := context.Background()
	d := newDesk(t)
	unpaid, _ := d.redirected(order("key", "cart", ""))
	_, err := d.another().Confirm(ctx, "shop.example", unpaid.Ref)
	assert.Equal(t, codes.NotPaid, codes.As(err).Code)
	assert.Equal(t, unpaid.Ref, codes.As(err).Ref)
	_, err = d.another().Confirm(ctx, "other.example", unpaid.Ref)
	assert.Equal(t, codes.RefUnknown, codes.As(err).Code)

	d.status["L1"] = complete
	d.pass(time.Minute)
	for _, c := range []struct {
		reply  konnektive.Reply
		code   string
		undone bool
	}{
		{notSent, codes.Unreachable, true},
		{reply(`{"result":"ERROR","message":"IP must be whitelisted - 203.0.113.7"}`), codes.Misconfigured, true},
		{reply(`{"result":"SUCCESS","message":"ok"}`), codes.Confirmed, false},
	} {
		d.refuse(konnektive.ConfirmOrder, c.reply)
		result, err := d.another().Confirm(ctx, "shop.example", unpaid.Ref)
		code := result.Code
		if err != nil {
			code = codes.As(err).Code
		}
		assert.Equal(t, c.code, code)
		assert.Equal(t, !c.undone, d.record(unpaid.Ref).Confirmed)
	}
	assert.Equal(t, "order/confirm L1", d.calls[len(d.calls)-1])
	calls := len(d.calls)
	again, err := d.another().Confirm(ctx, "shop.example", unpaid.Ref)
	require.NoError(t, err)
	assert.True(t, again.Replayed)
	assert.Len(t, d.calls, calls)

	d = newDesk(t)
	paid, _ := d.paidOrder("key")
	d.refuse(konnektive.ConfirmOrder, lost)
	result, err := d.another().Confirm(ctx, "shop.example", paid.Ref)
	require.NoError(t, err)
	assert.Equal(t, codes.Unknown, result.Code)
	assert.Error(t, result.Cause)
	assert.True(t, d.record(paid.Ref).Confirmed, "in doubt it is not repeated")
}

func TestAConfirmationThatTheLedgerCannotNote(t *testing.T) {
	ctx := context.Background()
	for n, want := range []struct {
		calls     int
		confirmed bool
	}{{0, false}, {1, true}} { // before it is sent; when it is to be taken back
		d := newDesk(t)
		paid, _ := d.paidOrder("key")
		d.refuse(konnektive.ConfirmOrder, notSent)
		calls, writes := len(d.calls), 0
		d.store.fails = func(op, _ string) error {
			if op == "write" {
				writes++
			}
			if writes == n+1 {
				return errBroken
			}
			return nil
		}
		_, err := d.another().Confirm(ctx, "shop.example", paid.Ref)
		assert.ErrorIs(t, err, errBroken)
		assert.Equal(t, paid.Ref, codes.As(err).Ref)
		assert.Len(t, d.calls, calls+want.calls)
		assert.Equal(t, want.confirmed, d.record(paid.Ref).Confirmed)
	}
}

func TestWhatIsWrittenMeanwhileIsNotOverwritten(t *testing.T) {
	t.Run("two requests of one key", func(t *testing.T) {
		d := newDesk(t)
		var code string
		d.meanwhile = func(endpoint konnektive.Endpoint) {
			if endpoint == konnektive.ImportLead {
				d.meanwhile = nil
				_, code = d.imported(order("key", "cart", ""))
			}
		}
		d.redirected(order("key", "cart", ""))
		assert.Equal(t, codes.InProgress, code)
		assert.Len(t, d.calls, 2)
	})
	t.Run("a request that was taken for dead", func(t *testing.T) {
		d := newDesk(t)
		var other Result
		d.meanwhile = func(endpoint konnektive.Endpoint) {
			if endpoint == konnektive.ImportLead {
				d.meanwhile = nil
				d.pass(Lease)
				other, _ = d.redirected(order("key", "cart", ""))
			}
		}
		result, _ := d.redirected(order("key", "cart", ""))
		assert.Equal(t, other.URL, result.URL)
		assert.True(t, result.Replayed)
		assert.Len(t, d.record(result.Ref).Attempts, 1)
	})
	t.Run("a payment found out while the answer is on its way", func(t *testing.T) {
		d := newDesk(t)
		d.meanwhile = func(endpoint konnektive.Endpoint) {
			if endpoint == konnektive.ImportOrder {
				d.meanwhile = nil
				d.status["L1"] = complete
				d.said(d.store.Named("key\nshop.example\nkey"))
			}
		}
		result, code := d.imported(order("key", "cart", ""))
		assert.Equal(t, codes.Paid, code)
		assert.Equal(t, Answered, d.record(result.Ref).Attempts[0].State)
	})
	t.Run("a record that never stops changing", func(t *testing.T) {
		d := newDesk(t)
		first, session := d.redirected(order("key", "cart", ""))
		d.store.before = func(op, ref string) {
			if op == "write" && ref == first.Ref {
				stored, _, _ := d.store.Memory.Read(context.Background(), ref, 0)
				_, _, _ = d.store.Memory.Write(context.Background(), ref, stored.Version, stored.Data, time.Time{}, after(Life))
			}
		}
		_, code := d.imported(order("key-2", "cart", first.Ref))
		assert.Equal(t, codes.InProgress, code)
		_, err := d.another().Failed(context.Background(), Back{Lander: "shop.example", Session: session})
		assert.ErrorIs(t, err, errContended)
		d.status["L1"] = complete
		assert.Equal(t, codes.Paid, d.said(first.Ref), "what was seen holds for this request all the same")
	})
}

func TestErrorsAreOneLine(t *testing.T) {
	err := fail(codes.Internal, "ref", errBroken)
	assert.ErrorIs(t, err, errBroken)
	assert.Equal(t, "internal: the ledger is down", err.Error())
	assert.Equal(t, "ref_unknown", fail(codes.RefUnknown, "", nil).Error())
	assert.Equal(t, codes.Internal, codes.As(errBroken).Code)
	assert.Equal(t, "ref", codes.As(fmt.Errorf("wrapped: %w", err)).Ref)
}
