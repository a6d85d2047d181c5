package relay

import (
	"flag"
	"fmt"
	"math/rand/v2"

	"strings"
	"sync"
	"testing"
	"time"

	"klarna-relay/worker/simulator"
)

var (
	raceOrders   = flag.Int("races.orders", 200, "orders of events to try of each race, at most")
	raceFaults   = flag.Int("races.faults", 1500, "races by chance in which something fails besides")
	raceSwitches = flag.Int("races.switches", 3,
		"how often a request may be interrupted by another one before it waits for nothing")
)

// A race is requests that are under way at the same time. Whenever one of them
// asks something of the platform, any other may come first.
type race struct {
	name      string
	settings  simulator.Settings
	challenge bool
	// ready is what happens before, go who takes part, and after what the
	// shopper does when all is over.
	ready func(*visit) *shopper
	start func(*visit, *shopper) []func()
	after func(*visit, *shopper)
}

// An ordering is one of all the ways in which a race can go: at each turn, who goes on. The first is tried first:
// the request under way goes on, and then the next one starts.
type ordering struct {
	turns []turn
	n     int // turns taken in this run
}

type turn struct{ pick, options, switches int }

// pick chooses among those who can go on; the first of them is under way when
// busy is true, and to choose another one is a switch.
func (o *ordering) pick(options int, busy bool) int {
	if o.n == len(o.turns) {
		spent := 0
		if o.n > 0 {
			spent = o.turns[o.n-1].switches
		}
		if busy && spent >= *raceSwitches {
			options = 1
		}
		o.turns = append(o.turns, turn{0, options, spent})
	}
	t := &o.turns[o.n]
	if o.n++; t.pick == 1 && busy && (o.n == 1 || o.turns[o.n-2].switches == t.switches) {
		t.switches++
	}
	return t.pick
}

// next turns to the next ordering, and tells whether there is one.
func (o *ordering) next() bool {
	o.n = 0
	for len(o.turns) > 0 {
		last := &o.turns[len(o.turns)-1]
		if last.pick++; last.pick < last.options {
			return true
		}
		o.turns = o.turns[:len(o.turns)-1]
	}
	return false
}

// race lets everybody run by turns.
func (v *visit) race(runners []func(), pick func(options int, busy bool) int) {
	v.racing = true
	defer func() { v.racing = false }()
	type runner struct {
		thread *thread
		do     func()
	}
	var left []runner
	for _, do := range runners {
		left = append(left, runner{do: do})
	}
	busy := false
	for len(left) > 0 {
		i := pick(len(left), busy)
		r := left[i]
		left = append(left[:i:i], left[i+1:]...)
		if r.thread == nil {
			r.thread = newThread()
			v.enter(r.thread, func() { r.thread.start(r.do) })
		} else {
			v.enter(r.thread, r.thread.goOn)
		}
		if busy = !r.thread.over; busy {
			left = append([]runner{r}, left...)
		}
	}
}

// another is the same shopper with another attempt, or in another tab.
func (p *shopper) another(key string, cart ...string) *shopper {
	other := *p
	other.next()
	other.key += key
	other.cart = p.cart.with(cart...)
	return &other
}

// orders are requests that send an attempt; what they learn is the shopper's.
func orders(attempts ...*shopper) (runners []func()) {
	for _, p := range attempts {
		runners = append(runners, func() { p.order() })
	}
	return runners
}

func atKlarna(v *visit) *shopper {
	p := v.shopper("zoe")
	p.reach()
	return p
}

func paid(v *visit) *shopper { return v.shopper("zoe").buy() }

func inDoubt(v *visit) *shopper {
	v.usual = onFirst(simulator.OpOrder, simulator.Fault{Answer: simulator.AnswerSilence})
	p := v.shopper("zoe")
	p.order()
	v.pass(2 * time.Minute)
	return p
}

// buys is a shopper who, after all of it, still wants the thing.
func buys(_ *visit, p *shopper) { p.next().buy() }

func backBy(p *shopper, act func(string) (simulator.Return, error)) func() {
	back := p.klarna(act)
	return func() { p.comeBack(back) }
}

var races = []race{
	{name: "one key, two requests", ready: func(v *visit) *shopper { return v.shopper("zoe") },
		start: func(_ *visit, p *shopper) []func() { return orders(p, p) }},
	{name: "one key, three requests", ready: func(v *visit) *shopper { return v.shopper("zoe") },
		start: func(_ *visit, p *shopper) []func() { return orders(p, p, p) }},
	{name: "no key, two requests", ready: func(v *visit) *shopper { p := v.shopper("zoe"); p.keyless = true; return p },
		start: func(_ *visit, p *shopper) []func() { return orders(p, p) }},
	{name: "one key, two orders", ready: func(v *visit) *shopper { return v.shopper("zoe") },
		start: func(_ *visit, p *shopper) []func() {
			other := *p
			other.cart = p.cart.with("product1_qty", "3")
			return orders(p, &other)
		}},
	{name: "two keys on a lead's order", ready: func(v *visit) *shopper { p := v.shopper("zoe"); p.lead(""); return p },
		start: func(_ *visit, p *shopper) []func() { return orders(p, p.another("-tab"), p.another("-third")) }},
	{name: "an order with and without its lead's ref",
		ready: func(v *visit) *shopper { p := v.shopper("zoe"); p.lead(""); return p.next() },
		start: func(v *visit, p *shopper) []func() {
			return append(orders(p), func() { p.lead("") }, func() { p.status() })
		}},
	{name: "one key for two leads", ready: func(v *visit) *shopper { return v.shopper("zoe") },
		start: func(_ *visit, p *shopper) []func() {
			other := *p
			return []func(){func() { p.lead("lead-key-0001") }, func() { other.lead("lead-key-0001") }}
		}},
	{name: "a bot check", challenge: true, ready: func(v *visit) *shopper { p := v.shopper("zoe"); p.lead(""); return p },
		start: func(_ *visit, p *shopper) []func() { return orders(p, p.another("-tab")) }},
	{name: "two new carts", ready: atKlarna,
		start: func(_ *visit, p *shopper) []func() {
			return append(orders(p.another("-b", "product1_qty", "2"), p.another("-c", "product1_qty", "3")),
				func() { p.status() })
		},
		after: func(_ *visit, p *shopper) { p.cart = p.cart.with("product1_qty", "3"); p.next().buy() }},
	{name: "a new cart in two tabs, and the old one again", ready: atKlarna,
		start: func(_ *visit, p *shopper) []func() {
			return orders(p, p.another("-b", "product1_qty", "2"), p.another("-c", "product1_qty", "2"))
		},
		after: func(_ *visit, p *shopper) { p.cart = p.cart.with("product1_qty", "2"); p.next().buy() }},
	{name: "declined, and two tabs try again", ready: func(v *visit) *shopper {
		p := atKlarna(v)
		p.comeBack(p.klarna(v.sim.Decline))
		return p
	}, start: func(v *visit, p *shopper) []func() { return orders(p, p.another("-b"), p.another("-c")) }},
	{name: "declined, found out while two tabs try again", ready: atKlarna,
		start: func(v *visit, p *shopper) []func() {
			return append(orders(p.another("-b"), p.another("-c")), backBy(p, v.sim.Decline))
		}},
	{name: "a doubt whose time is over, in two tabs", ready: inDoubt,
		start: func(_ *visit, p *shopper) []func() { return orders(p, p.another("-b"), p.another("-c")) }},
	{name: "an answer that is recorded late, while another tab tries again",
		ready: func(v *visit) *shopper { p := v.shopper("zoe"); p.lead(""); return p.next() },
		start: func(v *visit, p *shopper) []func() {
			return append(orders(p), func() { v.wait(); v.pass(2 * time.Minute); p.another("-b").order() })
		}},
	{name: "an upsale's answer that is recorded late, while another tab tries again", ready: paid,
		start: func(v *visit, p *shopper) []func() {
			u := p.upsale()
			return append(orders(u), func() { v.wait(); v.pass(2 * time.Minute); u.another("-b").order() })
		},
		after: func(_ *visit, p *shopper) { p.upsale().buy() }},
	{name: "a doubt whose time is over, the alarm and another cart", ready: inDoubt,
		start: func(v *visit, p *shopper) []func() {
			return append(orders(p.another("-b"), p.another("-c", "product1_qty", "2")), func() { v.alarm(p.ref) })
		}},
	{name: "another cart in doubt, and the first again", ready: func(v *visit) *shopper {
		p := atKlarna(v)
		v.usual = func(c simulator.Call) simulator.Fault {
			if strings.HasSuffix(c.Fields["custom1"], "-b") {
				return simulator.Fault{Delivery: simulator.DeliverNever, Answer: simulator.AnswerReset}
			}
			return simulator.Fault{}
		}
		p.another("-b", "product1_qty", "2").order()
		v.pass(2 * time.Minute)
		return p
	}, start: func(_ *visit, p *shopper) []func() {
		return orders(p.another("-c"), p.another("-d", "product1_qty", "2"), p.another("-e"))
	}},
	{name: "a dead request's key, and another one", ready: func(v *visit) *shopper {
		p := v.shopper("zoe")
		v.plan = map[int]way{len(v.trace) + 2: {before: gone}} // within the lead
		p.order()
		p.order()
		v.pass(2 * time.Minute)
		return p
	}, start: func(_ *visit, p *shopper) []func() { return orders(p, p, p.another("-b")) }},
	{name: "paid, and everybody looks", ready: atKlarna,
		start: func(v *visit, p *shopper) []func() {
			return []func(){backBy(p, v.sim.Approve), func() { p.status() }, func() { v.alarm(p.ref) }}
		}},
	{name: "paid, and the key comes again", ready: atKlarna,
		start: func(v *visit, p *shopper) []func() {
			return append(orders(p, p.another("-b")), backBy(p, v.sim.Approve))
		}},
	{name: "paid within the race", ready: atKlarna,
		start: func(v *visit, p *shopper) []func() {
			return []func(){func() { v.wait(); p.klarna(v.sim.Approve) }, func() { p.status() },
				func() { p.another("-b").order() }}
		}},
	{name: "three confirmations", ready: atKlarna,
		start: func(v *visit, p *shopper) []func() {
			p.klarna(v.sim.Approve)
			return []func(){func() { p.confirm(p.ref) }, func() { p.confirm(p.ref) }, func() { p.confirm(p.ref) }}
		}},
	{name: "confirmed while Konnektive cannot be reached at first", ready: atKlarna,
		start: func(v *visit, p *shopper) []func() {
			p.klarna(v.sim.Approve)
			first := true
			v.usual = func(c simulator.Call) simulator.Fault {
				if c.Op == simulator.OpConfirm && first {
					first = false
					return simulator.Fault{Answer: simulator.AnswerUnreached}
				}
				return simulator.Fault{}
			}
			return []func(){func() { p.confirm(p.ref) }, func() { p.confirm(p.ref) }, func() { p.status(); p.confirm(p.ref) }}
		}},
	{name: "an upsale in two tabs", ready: paid,
		start: func(_ *visit, p *shopper) []func() { return orders(p.upsale(), p.upsale().another("-b")) },
		after: func(_ *visit, p *shopper) { p.upsale().buy() }},
	{name: "one key for an upsale, the confirmation and the order's return", ready: paid,
		start: func(v *visit, p *shopper) []func() {
			u := p.upsale()
			return append(orders(u, u), func() { p.confirm(p.ref) })
		},
		after: func(_ *visit, p *shopper) { p.upsale().buy() }},
	{name: "an upsale is paid, and everybody looks", ready: func(v *visit) *shopper {
		u := paid(v).upsale()
		u.reach()
		return u
	}, start: func(v *visit, p *shopper) []func() {
		back := backBy(p, v.sim.Approve)
		return []func(){back, func() { p.status() }, func() { p.confirm(p.ref) }}
	}, after: func(_ *visit, p *shopper) { p.seePaid() }},
	{name: "two shoppers whom the CRM takes for one", settings: takenForOne, ready: besideAnother,
		start: func(v *visit, p *shopper) []func() { return orders(p, v.shopper("bob")) },
		after: func(v *visit, p *shopper) { v.shopper("bob").buy(); p.payAndLeave() }},
	{name: "a lead and an order of two shoppers whom the CRM takes for one", settings: takenForOne, ready: besideAnother,
		start: func(v *visit, p *shopper) []func() {
			return append(orders(p), func() { v.shopper("bob").lead("lead-key-0001") })
		},
		after: func(_ *visit, p *shopper) { p.payAndLeave() }},
}

// takenForOne is the CRM that gives a lead whatever order came last from the shopper's address.
var takenForOne = simulator.Settings{Merge: simulator.MergeAny, LeadHidesStatus: true, RedirectNamesOrder: true}

// run tells the whole of a race and returns what is wrong in the end.
func (r *race) run(t testing.TB, pick func(options int, busy bool) int, plan map[int]way) ([]string, *visit) {
	v := newVisit(t, nil, &story{settings: r.settings, challenge: r.challenge})
	p := r.ready(v)
	v.plan = map[int]way{}
	for n, w := range plan {
		v.plan[len(v.trace)+n] = w
	}
	v.race(r.start(v, p), pick)
	if r.after != nil {
		r.after(v, p)
	} else {
		buys(v, p)
	}
	return v.settleDown(), v
}

// Every race is run in every order of events, as far as the number of
// interruptions is bounded, and in the end the shopper has paid once.
func TestNothingIsDoubledWhateverOrderThingsHappenIn(t *testing.T) {
	var mu sync.Mutex
	total, cut := 0, 0
	spread(len(races), func(i int) {
		r, o, runs := &races[i], &ordering{}, 0
		for more := true; more && runs < *raceOrders; runs++ {
			if findings, _ := r.run(t, o.pick, nil); len(findings) > 0 {
				t.Errorf("%s, after %d others (%v): %s", r.name, runs, o.turns, strings.Join(findings, "\n  "))
				break
			}
			if more = o.next(); more && runs+1 == *raceOrders {
				mu.Lock()
				cut++
				mu.Unlock()
			}
		}
		mu.Lock()
		defer mu.Unlock()
		total += runs
	})
	fmt.Printf("races: %d races in %d orders of events, %d of them not in all orders with %d interruptions\n", len(races),
		total, cut, *raceSwitches)
}

// Races by chance, in which one step or two go wrong besides.
func TestNothingIsDoubledWhateverOrderThingsHappenInAndWhateverFails(t *testing.T) {
	spread(*raceFaults, func(i int) {
		chance := rand.New(rand.NewPCG(*faultSeed, uint64(i)))
		plan := map[int]way{chance.IntN(20): {drawn: 1 + chance.IntN(1000)}, chance.IntN(40): {drawn: 1 + chance.IntN(1000)}}
		r := &races[chance.IntN(len(races))]
		findings, v := r.run(t, func(options int, _ bool) int { return chance.IntN(options) }, plan)
		if len(findings) > 0 {
			t.Errorf("%s, draw %d (%s): %s", r.name, i, v.explain(), strings.Join(findings, "\n  "))
		}
	})
	fmt.Printf("races with faults: %d\n", *raceFaults)
}

// besideAnother is a shopper whose leads may be given the order of another one.
func besideAnother(v *visit) *shopper {
	v.shopper("ann").reach()
	return v.shopper("zoe")
}

// payAndLeave: the shopper pays and never comes back, so that the ledger must know the order by itself.
func (p *shopper) payAndLeave() {
	if p.reach() != "" {
		p.klarna(p.v.sim.Approve)
		p.v.pass(2 * time.Hour)
	}
	p.seePaid()
}
