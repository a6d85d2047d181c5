package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"klarna-relay/worker/config"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/ledger"
	"klarna-relay/worker/purchase"
	"klarna-relay/worker/simulator"
	"klarna-relay/worker/simulator/audit"
)

// A visit is one run of a shopper through the shop in which chosen steps go
// wrong. A step is anything that the relay asks of its platform: a call to
// Konnektive, a read or a write of the ledger. The steps of a visit are
// numbered as they come, nothing in it depends on real time or on chance, so
// that the same plan always gives the same run.
type visit struct {
	*shop
	plan  map[int]way
	calm  bool     // the faults are over
	trace []string // kinds of the steps so far
	book  *audit.Book

	events []event
	active *thread
	fault  simulator.Fault // of the call that is just being made
	// usual is what Konnektive makes of a call in this story anyway.
	usual func(simulator.Call) simulator.Fault
	// lostLog: an isolate went away, and a log line may have gone with it.
	lostLog bool
	// racing: every step waits for its turn.
	racing bool
	// purchases are those that shoppers were told a ref of, each with what was ordered last.
	purchases []shopper
	again     string // see story
}

// An event happens when its time has come, within [visit.pass].
type event struct {
	at time.Time
	do func()
}

// A thread is one request, or alarm, inside an isolate. At most one runs at any
// time; a frozen one goes on when its event comes.
type thread struct {
	yield  chan bool // true: it has ended by itself
	resume chan struct{}
	over   bool // ended, or gone
}

// A way is one way in which a step goes wrong.
type way struct {
	name   string
	fault  simulator.Fault // of a call
	before func(*visit)    // instead of beginning the step at once
	after  func(*visit)    // when it is done, instead of hearing so at once
	skip   bool            // it is not done, and fails
	lost   bool            // it is done, and fails
	twice  bool            // the second time's result counts
	late   time.Duration   // it fails, and is done this much later
	forged bool            // it is done, and what it gives is rubbish
	newer  bool            // it is done, and what it gives is of a newer version of the relay
	drawn  int             // by chance, among all ways for such a step
}

var errBroken = errors.New("this step fails")

// gone ends the isolate, so that the request is not answered.
func gone(v *visit) {
	v.lostLog = true
	runtime.Goexit()
}

// frozen: the isolate stops here and goes on later.
func frozen(d time.Duration) func(*visit) {
	return func(v *visit) {
		me := v.active
		v.at(d, func() { v.enter(me, me.goOn) })
		v.wait()
	}
}

// wait stops the thread that is running until it is entered again.
func (v *visit) wait() {
	me := v.active
	me.resume = make(chan struct{})
	me.yield <- false
	<-me.resume
}

func (t *thread) goOn() { close(t.resume) }

func slow(d time.Duration) func(*visit) { return func(v *visit) { v.pass(d) } }

// Times around the ones that decide: the deadline of a call (30 seconds), the
// lease (90), the end of the retry window (30+60), and long after all of them.
const (
	soon, past, long = 45 * time.Second, 100 * time.Second, 11 * time.Minute
)

var callWays = []way{
	{name: "refused", fault: simulator.Fault{Answer: simulator.AnswerUnreached}},
	{name: "521", fault: simulator.Fault{Delivery: simulator.DeliverNever, Status: 521, Answer: simulator.AnswerHTML}},
	{name: "reset before", fault: simulator.Fault{Delivery: simulator.DeliverNever, Answer: simulator.AnswerReset}},
	{name: "done, reset", fault: simulator.Fault{Answer: simulator.AnswerReset}},
	{name: "done, silence", fault: simulator.Fault{Answer: simulator.AnswerSilence}},
	{name: "done, slow", fault: simulator.Fault{Delay: 20 * time.Second}},
	{name: "done late", fault: simulator.Fault{Delivery: simulator.DeliverLate}},
	{name: "done twice", fault: simulator.Fault{Delivery: simulator.DeliverTwice}},
	{name: "HTML", fault: simulator.Fault{Answer: simulator.AnswerHTML}},
	{name: "cut off", fault: simulator.Fault{Answer: simulator.AnswerCut}},
	{name: "empty", fault: simulator.Fault{Answer: simulator.AnswerEmpty}},
	{name: "unknown result", fault: simulator.Fault{Answer: simulator.AnswerUnknownResult}},
	{name: "bare success", fault: simulator.Fault{Answer: simulator.AnswerText,
		Body: `{"result":"SUCCESS","message":"ok"}`}},
	{name: "500", fault: simulator.Fault{Answer: simulator.AnswerHTML, Status: 500}},
	{name: "524", fault: simulator.Fault{Answer: simulator.AnswerHTML, Status: 524}},
	{name: "gone before", before: gone},
	{name: "gone after", after: gone},
	{name: "frozen before, past", before: frozen(past), skip: true},
	{name: "frozen before, long", before: frozen(long), skip: true},
	{name: "frozen after, soon", after: frozen(soon)},
	{name: "frozen after, past", after: frozen(past)},
	{name: "frozen after, long", after: frozen(long)},
}

var readWays = []way{
	{name: "fails", skip: true},
	{name: "slow", before: slow(past)},
	{name: "rubbish", forged: true},
	{name: "a newer format", newer: true},
	{name: "gone", before: gone},
	{name: "frozen before, past", before: frozen(past)},
	{name: "frozen after, past", after: frozen(past)},
	{name: "frozen after, long", after: frozen(long)},
}

var writeWays = []way{
	{name: "fails", skip: true},
	{name: "done, answer lost", lost: true},
	{name: "done twice", twice: true},
	{name: "done late", late: 20 * time.Second},
	{name: "done very late", late: past},
	{name: "slow before", before: slow(past)},
	{name: "slow after", after: slow(past)},
	{name: "rubbish", forged: true},
	{name: "a newer format", newer: true},
	{name: "gone before", before: gone},
	{name: "gone after", after: gone},
	{name: "frozen before, past", before: frozen(past)},
	{name: "frozen before, long", before: frozen(long)},
	{name: "frozen after, soon", after: frozen(soon)},
	{name: "frozen after, past", after: frozen(past)},
	{name: "frozen after, long", after: frozen(long)},
}

var nameWays = []way{{name: "fails", skip: true}}

var limitWays = []way{{name: "fails", skip: true}, {name: "gone", before: gone}, {name: "slow", before: slow(soon)}}

// waysOf are the ways in which a step of this kind goes wrong.
func waysOf(kind string) []way {
	switch kind {
	case "read":
		return readWays
	case "write":
		return writeWays
	case "name":
		return nameWays
	case "limit":
		return limitWays
	}
	return callWays
}

func newVisit(t testing.TB, plan map[int]way, story *story) *visit {
	v := &visit{plan: plan, again: cmp.Or(story.again, "redirect")}
	v.shop = &shop{t: t, store: ledger.NewMemory(), now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), limit: -1,
		address: "203.0.113.7", host: "shop.example"}
	v.store.Now = v.clock
	v.sim = simulator.New(simulator.Options{
		Settings: story.settings,
		BaseURL:  "https://klarna.example", NoMagic: true, Now: v.clock,
		Sleep: func(_ context.Context, d time.Duration) error { v.pass(d); return nil },
		Fault: func(c simulator.Call) simulator.Fault {
			fault := v.fault
			v.fault = simulator.Fault{}
			if v.usual != nil {
				usual := v.usual(c)
				fault.Verdict, fault.Redirect = usual.Verdict, usual.Redirect
				if fault.Verdict == simulator.VerdictPaid && fault.Delivery == simulator.DeliverTwice {
					fault.Delivery = simulator.DeliverOnce // nobody can help that
				}
				if fault.Answer == 0 && fault.Delivery == 0 && fault.Delay == 0 && fault.Status == 0 {
					fault.Answer, fault.Delivery = usual.Answer, usual.Delivery
				}
			}
			if fault.Delivery == simulator.DeliverLate {
				// After the relay has given up, within the time it allows for that.
				v.at(80*time.Second, func() { v.sim.Release() })
			}
			return fault
		},
	})
	v.book = audit.New(v.sim)
	v.book.Secret = []string{login, password, "Zoë", "Neill", "Hauptstra", "23456789", "@example.com", v.address,
		turnstileSecret}
	c := plainConfig()
	if story.challenge {
		c = challengedConfig()
	}
	v.relay = New(c, nil, Platform{
		Transport: brokenTransport{v}, Store: brokenStore{v}, Limit: v.limiter, Now: v.clock,
		Log: func(line string) { v.logs = append(v.logs, line); v.book.Logged(line) }, Count: func(Point) {},
		Random: func() string { v.serial++; return fmt.Sprintf("random-%012d", v.serial) },
	})
	return v
}

const turnstileSecret = "a-secret-of-the-widget"

var (
	plainConfig      = sync.OnceValue(func() config.Config { return parsed(settings()) })
	challengedConfig = sync.OnceValue(func() config.Config {
		vars := settings()
		vars[config.NameTurnstileSecret] = turnstileSecret
		return parsed(vars)
	})
)

func parsed(vars map[string]string) config.Config {
	c, _ := config.Parse(func(name string) string { return vars[name] })
	return c
}

// step counts a step and says how it is to go wrong.
func (v *visit) step(kind string) way {
	n := len(v.trace)
	v.trace = append(v.trace, kind)
	if v.racing && kind != "name" && kind != "limit" {
		v.wait()
	}
	// Nothing that is waited for takes no time at all.
	v.pass(time.Millisecond)
	w, planned := v.plan[n]
	if !planned || v.calm {
		return way{}
	}
	if w.drawn > 0 {
		ways := waysOf(kind)
		w = ways[w.drawn%len(ways)]
		if strings.HasPrefix(w.name, "frozen") {
			return way{} // threads of a race are stopped at every step anyway
		}
		v.plan[n] = w
	}
	return w
}

// at has something happen after a while.
func (v *visit) at(d time.Duration, do func()) {
	e := event{v.clock().Add(d), do}
	i, _ := slices.BinarySearchFunc(v.events, e, func(a, b event) int {
		if a.at.After(b.at) {
			return 1
		}
		return -1
	})
	v.events = slices.Insert(v.events, i, e)
}

// pass lets time pass, with all that happens in it.
func (v *visit) pass(d time.Duration) {
	until := v.clock().Add(d)
	for len(v.events) > 0 && !v.events[0].at.After(until) {
		next := v.events[0]
		v.events = v.events[1:]
		if next.at.After(v.now) {
			v.now = next.at
		}
		next.do()
	}
	if until.After(v.now) {
		v.now = until
	}
}

// clock needs no lock here: one thread at a time.
func (v *visit) clock() time.Time { return v.now }

// run runs something inside an isolate, and tells whether it came to its end.
func (v *visit) run(do func()) bool {
	if v.racing {
		do() // in the thread of the request that takes part in the race
		return true
	}
	t := newThread()
	return v.enter(t, func() { t.start(do) })
}

func newThread() *thread { return &thread{yield: make(chan bool)} }

func (t *thread) start(do func()) {
	go func() {
		ended := false
		defer func() { t.over = true; t.yield <- ended }()
		do()
		ended = true
	}()
}

// enter lets a thread run until it ends or freezes.
func (v *visit) enter(t *thread, start func()) bool {
	outer := v.active
	v.active = t
	start()
	ended := <-t.yield
	v.active = outer
	return ended
}

type brokenTransport struct{ v *visit }

// kinds of calls, by path; what is none of them is the bot check.
func kindOf(url string) string {
	for _, op := range []simulator.Op{simulator.OpOrder, simulator.OpUpsale, simulator.OpLead, simulator.OpQuery,
		simulator.OpConfirm, simulator.OpClick} {
		if strings.HasSuffix(url, "/"+string(op)+"/") {
			return string(op)
		}
	}
	return "challenge"
}

// Post implements [konnektive.Transport].
func (b brokenTransport) Post(ctx context.Context, url, form string, timeout time.Duration) (status int, body string,
	err error) {
	v, kind := b.v, kindOf(url)
	began := v.clock()
	w := v.step(kind)
	if v.clock().Sub(began) >= timeout {
		return 0, "", context.DeadlineExceeded // in a race: it has waited too long for its turn, and never left
	}
	if w.before != nil {
		w.before(v)
	}
	if w.skip {
		return 0, "", errBroken
	}
	if kind == "challenge" {
		if w.fault.Answer != 0 || w.fault.Delivery != 0 {
			return 0, "", errBroken
		}
		status, body = http.StatusOK, `{"success":true,"hostname":"shop.example","action":"order"}`
	} else {
		v.fault = w.fault
		status, body, err = v.sim.Post(ctx, url, form, timeout)
	}
	if w.after != nil {
		w.after(v)
	}
	return status, body, err
}

var _ konnektive.Transport = brokenTransport{}

// newerRecord is one that a version of the relay wrote which is yet to come.
const newerRecord = `{"v":9}`

type brokenStore struct{ v *visit }

var _ ledger.Store = brokenStore{}

// Named implements [ledger.Store]; like the Worker's it gives "" when it fails.
func (b brokenStore) Named(name string) string {
	if b.v.step("name").skip {
		return ""
	}
	return b.v.store.Named(name)
}

// New implements [ledger.Store].
func (b brokenStore) New() string {
	if b.v.step("name").skip {
		return ""
	}
	return b.v.store.New()
}

// Read implements [ledger.Store].
func (b brokenStore) Read(ctx context.Context, ref string, questions int) (ledger.Stored, int, error) {
	w := b.v.step("read")
	if w.before != nil {
		w.before(b.v)
	}
	if w.skip {
		return ledger.Stored{}, 0, errBroken
	}
	stored, allowed, err := b.v.store.Read(ctx, ref, questions)
	if w.forged && stored.Version > 0 {
		stored.Data = stored.Data[:len(stored.Data)/2]
	}
	if w.newer && stored.Version > 0 {
		stored.Data = newerRecord
	}
	if w.after != nil {
		w.after(b.v)
	}
	return stored, allowed, err
}

// Write implements [ledger.Store].
func (b brokenStore) Write(ctx context.Context, ref string, version int64, data string, alarm,
	expires time.Time) (won bool, current ledger.Stored, err error) {
	v := b.v
	w := v.step("write")
	if w.before != nil {
		w.before(v)
	}
	if w.skip {
		return false, ledger.Stored{}, errBroken
	}
	write := func() {
		won, current, err = v.store.Write(ctx, ref, version, data, alarm, expires)
		if won && !alarm.IsZero() {
			v.at(alarm.Sub(v.clock()), v.ring)
		}
		if won {
			v.recorded(ref, data)
		}
	}
	if w.late > 0 {
		v.at(w.late, write)
		return false, ledger.Stored{}, errBroken
	}
	write()
	if w.twice {
		write()
	}
	if w.after != nil {
		w.after(v)
	}
	switch {
	case w.lost:
		return false, ledger.Stored{}, errBroken
	case w.forged:
		return false, ledger.Stored{Version: 9, Data: `{"v":2`}, nil
	case w.newer:
		return false, ledger.Stored{Version: 9, Data: newerRecord}, nil
	}
	return won, current, err
}

// recorded tells the audit of the imports that are about to leave, by a record that was written.
func (v *visit) recorded(ref, data string) {
	record, err := purchase.Decode(data)
	if err != nil {
		return // it is of another kind
	}
	for _, a := range record.Attempts {
		if a.State == purchase.Sent {
			v.book.Recorded(purchase.Session(ref, a.Token), v.clock())
		}
	}
}

func (v *visit) limiter(context.Context, string, string) (bool, error) {
	w := v.step("limit")
	if w.before != nil {
		w.before(v)
	}
	if w.skip {
		return false, errBroken
	}
	return true, nil
}

// ring wakes the relay for the alarms that are due, as the Durable Objects do.
func (v *visit) ring() {
	refs := v.store.Due(v.clock())
	slices.Sort(refs)
	for _, ref := range refs {
		v.alarm(ref)
	}
}

// alarm is one alarm. When the relay could not finish its work, another one follows.
func (v *visit) alarm(ref string) {
	done := false
	if v.run(func() { done = v.relay.Watch(context.Background(), v.reading(ref)) }); !done {
		v.at(10*time.Minute, func() { v.alarm(ref) })
	}
}

// ask sends a request; ok is false when no answer comes.
func (v *visit) ask(route, email, ref string, r *http.Request) (got reply, ok bool) {
	h := audit.Heard{Email: email, Route: route, PaidBefore: v.book.Paid(email, ref)}
	calm := v.calm
	ok = v.run(func() {
		answer := v.sendTo(v.relay, r)
		got = answer
		h.At, h.Ref, h.Status, h.Code = v.clock(), answer.Ref, answer.StatusCode, answer.Code
		h.URL, h.Location = answer.url(), answer.Header.Get("Location")
		if h.Ref == "" {
			h.Ref = ref
		}
		h.PaidAfter = v.book.Paid(email, h.Ref)
		h.Text = fmt.Sprint(answer.Header, answer.body)
		v.book.Hear(h)
		for _, order := range v.sim.OrdersOf(email) {
			if strings.Contains(h.Text, order.ID) && answer.Code != "paid" {
				v.book.Find("the answer to %s holds the order id", route)
			}
		}
		if calm && (answer.StatusCode >= 500 && answer.Code != "redirect_invalid" && answer.Code != "misconfigured" ||
			answer.Code == "ref_unknown" && v.book.Imported(email, h.Ref)) {
			v.book.Find("%s was answered %d %s when everything worked", route, answer.StatusCode, answer.Code)
		}
	})
	return got, ok
}

// settleDown has everything work again, whatever is frozen go on, and 25 more minutes pass. Nobody may be left without a
// way to buy, neither then nor once every session is over. Then it balances the books.
func (v *visit) settleDown() []string {
	const over = 49 * time.Hour // every session was watched to its end
	v.calm = true
	v.pass(25 * time.Minute)
	if v.buyAgain("after the story") || len(v.book.PaidTwice()) > 0 {
		v.pass(over)
		v.buyAgain("after every session")
	}
	v.book.LogIncomplete = v.lostLog
	v.book.Balance()
	return v.book.Findings()
}

func (v *visit) explain() string {
	var said []string
	for n, w := range v.plan {
		kind := "never reached"
		if n < len(v.trace) {
			kind = v.trace[n]
		}
		said = append(said, fmt.Sprintf("%03d %s: %s", n, kind, w.name))
	}
	slices.Sort(said)
	return strings.Join(said, "; ")
}
