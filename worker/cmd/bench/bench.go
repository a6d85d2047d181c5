package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// bench is one run and what it has found.
type bench struct {
	ctx        context.Context
	root, work string
	binary     string // workerd
	crm        *crm

	rounds  int
	stretch time.Duration // of load, per round
	under   time.Duration // hostile load, half of it without
	orders  int64         // before the memory is looked at for the last time
	leavers int

	plainKind, stockKind, oursKind, ledgerKind, plainLedgerKind, oneKind, thousandKind kind

	plain, stock, ours *worker // running

	rows []row
}

type row struct{ what, plain, stock, ours, ratio, goal string }

func (b *bench) row(what, plain, stock, ours, ratio, goal string) {
	b.rows = append(b.rows, row{what, plain, stock, ours, ratio, goal})
}

// running starts a Worker that is not running yet, and warms it up, so that V8 has compiled what is measured.
func (b *bench) running(w **worker, k kind, orders int64) (*worker, error) {
	if *w != nil {
		return *w, nil
	}
	started, err := k.start(b.binary)
	if err != nil {
		return nil, err
	}
	*w = started
	for _, request := range []func([]byte) []byte{page, order} {
		if _, err := started.run(request, 8, time.Minute, orders); err != nil {
			return nil, started.why(err)
		}
	}
	return started, nil
}

func (b *bench) stop() {
	for _, w := range []*worker{b.plain, b.stock, b.ours} {
		if w != nil {
			w.stop()
		}
	}
}

const warm = 15000

// three are the Workers compared, running.
func (b *bench) three() ([]*worker, error) {
	plain, err := b.running(&b.plain, b.plainKind, warm)
	if err != nil {
		return nil, err
	}
	stock, err := b.running(&b.stock, b.stockKind, 100)
	if err != nil {
		return nil, err
	}
	ours, err := b.running(&b.ours, b.oursKind, warm)
	return []*worker{plain, stock, ours}, err
}

// ratios compares the Workers by a page and by an order. In each round every Worker is measured once.
func (b *bench) ratios() error {
	three, err := b.three()
	if err != nil {
		return err
	}
	for _, what := range []struct {
		name    string
		request func([]byte) []byte
	}{{"page", page}, {"order", order}} {
		for _, connections := range []int{1, 16} {
			var p50, cpu [3][]float64
			for range b.rounds {
				for i, w := range three {
					s, err := w.run(what.request, connections, b.stretch, 0)
					if err != nil {
						return w.why(err)
					}
					p50[i] = append(p50[i], us(s.p50))
					cpu[i] = append(cpu[i], us(s.cpu))
				}
			}
			goal := ""
			if connections == 16 {
				goal = map[string]string{"page": "≤ 1.1", "order": "≤ 1.35"}[what.name]
			}
			b.compare(fmt.Sprintf("%s, %s: p50", what.name, connected(connections)), "µs", p50, "")
			b.compare(fmt.Sprintf("%s, %s: CPU", what.name, connected(connections)), "µs", cpu, goal)
		}
	}
	return nil
}

func connected(n int) string {
	if n == 1 {
		return "1 connection"
	}
	return fmt.Sprintf("%d connections", n)
}

// compare adds the row of a quantity that was measured once a round. Each
// ratio is the median of the rounds' own ratios, so that what else the machine
// did in a round is in both of its parts.
func (b *bench) compare(what, unit string, values [3][]float64, goal string) {
	b.compareTo(what, unit, 0, values, goal)
}

// compareTo is compare with so many digits behind the point. The stock way may be left out.
func (b *bench) compareTo(what, unit string, digits int, values [3][]float64, goal string) {
	ratio := func(i int) float64 {
		var all []float64
		for round, v := range values[i] {
			all = append(all, v/values[0][round])
		}
		return median(all)
	}
	show := func(i int) string { return fmt.Sprintf("%.*f %s", digits, median(values[i]), unit) }
	stock := "–"
	if len(values[1]) > 0 {
		stock = fmt.Sprintf("%s (%.0f×)", show(1), ratio(1))
	}
	b.row(what, show(0), stock, show(2), fmt.Sprintf("**%.2f**", ratio(2)), goal)
}

// ledger is an order with the Durable Object, which workerd keeps in a file for each order, beside plain JavaScript
// with the same Durable Object. Both are warmed up as for an order without it. A minute after an order the ledger's
// alarm asks what became of it; those questions must stay out of the measurement, which has to be through by then.
func (b *bench) ledger() error {
	var pair [2]*worker
	for i, k := range []kind{b.plainLedgerKind, b.ledgerKind} {
		w, err := b.running(&pair[i], k, warm)
		if err != nil {
			return err
		}
		defer w.stop()
	}
	for _, w := range pair {
		if _, err := w.own("objects"); err != nil {
			return w.why(err)
		}
		if _, err := w.run(order, 8, time.Minute, 300); err != nil {
			return w.why(err)
		}
	}
	asked := b.crm.queries.Load()
	for _, level := range []struct {
		connections int
		goal        string
	}{{1, "≤ 1.3"}, {16, "≤ 1.15"}} {
		var p50, cpu [3][]float64
		for range min(b.rounds, 5) {
			for i, w := range pair {
				s, err := w.run(order, level.connections, b.stretch, 0)
				if err != nil {
					return w.why(err)
				}
				p50[2*i], cpu[2*i] = append(p50[2*i], us(s.p50)), append(cpu[2*i], us(s.cpu))
			}
		}
		name := "order with the Durable Object, " + connected(level.connections)
		if n := b.crm.queries.Load() - asked; n > 0 {
			b.row(name, "–", "–", fmt.Sprintf("not measured: %d alarms came in between", n), "", "")
			continue
		}
		b.compare(name+": p50", "µs", p50, "")
		b.compare(name+": CPU", "µs", cpu, level.goal)
	}
	return nil
}

// crossings is how often an order goes over the border between JavaScript and Go, and to the ledger.
func (b *bench) crossings() error {
	cmd := exec.CommandContext(b.ctx, b.node(), filepath.Join(b.root, "worker/test/cost.mjs"), "500")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("cost.mjs: %w", err)
	}
	var cost struct{ Order, Page, Ledger float64 }
	if err := json.Unmarshal(out, &cost); err != nil {
		return fmt.Errorf("cost.mjs: %w: %s", err, out)
	}
	b.row("calls between JavaScript and Go: an order, a page", "–", "–", fmt.Sprintf("%.0f, %.0f", cost.Order, cost.Page),
		"", "")
	b.row("calls to the ledger: an order", "4", "–", fmt.Sprintf("%.0f", cost.Ledger), "", "")
	return nil
}

// up is the first page and the first order of an isolate that has been started and has served no request yet: the
// cost of a shopper's request without that of the start.
func (b *bench) up() error {
	kinds := []kind{b.plainKind, b.stockKind, b.oursKind}
	for _, what := range []struct {
		name    string
		request func([]byte) []byte
	}{{"page", page}, {"order", order}} {
		var took, cpu, serving, start [3][]float64
		for range b.rounds {
			for i, k := range kinds {
				w, err := k.start(b.binary)
				if err != nil {
					return err
				}
				started, err := w.idle()
				if err != nil {
					return errors.Join(err, w.why(err))
				}
				t, spent, own, err := w.first(what.request)
				w.stop()
				if err != nil {
					return w.why(err)
				}
				took[i], cpu[i] = append(took[i], us(t)/1000), append(cpu[i], us(spent)/1000)
				serving[i], start[i] = append(serving[i], us(own)/1000), append(start[i], us(started)/1000)
			}
		}
		b.compareTo("isolate up, first "+what.name+": time", "ms", 1, took, "≤ 2")
		b.compareTo("isolate up, first "+what.name+": CPU", "ms", 1, cpu, "≤ 2, < 10 ms")
		b.compareTo("isolate up, first "+what.name+": CPU of the thread that serves", "ms", 1, serving, "")
		if what.name == "page" {
			b.row("CPU of workerd from its start until it is idle", fmt.Sprintf("%.0f ms", median(start[0])),
				fmt.Sprintf("%.0f ms", median(start[1])), fmt.Sprintf("%.0f ms", median(start[2])),
				fmt.Sprintf("%+.0f ms", median(start[2])-median(start[0])), "≤ 150 ms")
		}
	}
	return nil
}

// idle waits until a process has done nothing for a while, and returns the CPU it has used.
func (w *worker) idle() (time.Duration, error) {
	last, quiet := time.Duration(0), 0
	for range 400 {
		now, err := cpuTime(w.pid)
		if err != nil {
			return 0, err
		}
		if quiet++; now-last > time.Millisecond {
			quiet = 0
		}
		if last = now; quiet == 8 {
			return now, nil
		}
		time.Sleep(25 * time.Millisecond)
	}
	return 0, errors.New("the process never came to rest")
}

// first sends one request on a connection that is there already. cpu is what the process has used by the answer;
// serving is the part of the thread that runs the Worker, with what it did after the answer.
func (w *worker) first(request func([]byte) []byte) (took, cpu, serving time.Duration, err error) {
	c, err := dial(w.address)
	if err != nil {
		return 0, 0, 0, err
	}
	defer c.conn.Close()
	before, err := cpuTime(w.pid)
	if err != nil {
		return 0, 0, 0, err
	}
	servingBefore, err := servingTime(w.pid)
	if err != nil {
		return 0, 0, 0, err
	}
	began := time.Now()
	if _, err = c.do(request); err != nil {
		return 0, 0, 0, err
	}
	took = time.Since(began)
	after, err := cpuTime(w.pid)
	if err != nil {
		return 0, 0, 0, err
	}
	if _, err := w.idle(); err != nil {
		return 0, 0, 0, err
	}
	servingAfter, err := servingTime(w.pid)
	return took, after - before, servingAfter - servingBefore, err
}

// cold is the time from the start of the process to its first answer.
func (b *bench) cold() error {
	kinds := []kind{b.plainKind, b.stockKind, b.oursKind}
	for _, what := range []struct {
		name    string
		request func([]byte) []byte
	}{{"page", page}, {"order", order}} {
		var took [3][]float64
		for range b.rounds {
			for i, k := range kinds {
				t, err := b.fromStart(k, what.request)
				if err != nil {
					return err
				}
				took[i] = append(took[i], t)
			}
		}
		b.compare("cold start to the first "+what.name, "ms", took, "≤ 2.8")
	}
	return nil
}

// manyLanders is the time from the start of the process to its first order, with one lander in worker/landers.toml and
// with a thousand.
func (b *bench) manyLanders() error {
	var took [2][]float64
	for range 3 * b.rounds {
		for i, k := range []kind{b.oneKind, b.thousandKind} {
			t, err := b.fromStart(k, order)
			if err != nil {
				return err
			}
			took[i] = append(took[i], t)
		}
	}
	one, thousand := median(took[0]), median(took[1])
	b.row("cold start to the first order, 1 and 1,000 landers in a file", "–", "–",
		fmt.Sprintf("%.0f ms, %.0f ms", one, thousand), fmt.Sprintf("%+.0f ms", thousand-one), "≤ +10 ms")
	return nil
}

// fromStart is the time, in milliseconds, from the start of a process to its first answer.
func (b *bench) fromStart(k kind, request func([]byte) []byte) (float64, error) {
	began := time.Now()
	w, err := k.start(b.binary)
	if err != nil {
		return 0, err
	}
	defer w.stop()
	c, err := dial(w.address)
	if err != nil {
		return 0, w.why(err)
	}
	defer c.conn.Close()
	_, err = c.do(request)
	return float64(time.Since(began)) / float64(time.Millisecond), w.why(err)
}

type state struct{ Instances, Goroutines, Memory int }

func (w *worker) state() (s state, err error) {
	body, err := w.own("state")
	if err == nil {
		err = json.Unmarshal(body, &s)
	}
	return s, err
}

// own asks a Worker for what it has for the benchmark alone: its state, or (objects) to keep its orders in Durable
// Objects from now on.
func (w *worker) own(what string) ([]byte, error) {
	c, err := dial(w.address)
	if err != nil {
		return nil, err
	}
	defer c.conn.Close()
	return c.do(func(b []byte) []byte {
		return append(append(append(b, "GET /__bench/"+what+" HTTP/1.1\r\n"...), headers...), "\r\n"...)
	})
}

func mib(bytes int) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

// memory is what Go's Wasm memory has grown to. It never shrinks.
func (b *bench) memory() error {
	w, err := b.oursKind.start(b.binary)
	if err != nil {
		return err
	}
	defer w.stop()
	var at []string
	var sent int64
	last := state{}
	for _, orders := range []int64{b.orders / 50, b.orders / 5, b.orders / 5 * 2, b.orders} {
		if _, err := w.run(order, 16, 5*time.Minute, orders-sent); err != nil {
			return w.why(err)
		}
		sent = orders
		if last, err = w.state(); err != nil {
			return w.why(err)
		}
		at = append(at, fmt.Sprintf("%s after %d", mib(last.Memory), orders))
	}
	if last.Instances != 1 {
		return fmt.Errorf("there were %d instances where one should have lived", last.Instances)
	}
	b.row("Wasm memory, orders at 16 connections", "–", "–", strings.Join(at, ", "),
		fmt.Sprintf("**%s**", mib(last.Memory)), "≤ 16 MB, flat")
	return nil
}

// slow is how long each of an order's two calls takes in growth and leave.
const slow = 300 * time.Millisecond

// growth is what an order costs when many are on their way at once.
func (b *bench) growth() error {
	plain, err := b.running(&b.plain, b.plainKind, warm)
	if err != nil {
		return err
	}
	ours, err := b.running(&b.ours, b.oursKind, warm)
	if err != nil {
		return err
	}
	b.crm.every(slow)
	defer b.crm.every(0)
	const rounds = 3
	levels := []int{1, 16, 64}
	var first float64
	for _, connections := range levels {
		var p50, cpu [2][]float64
		for range rounds {
			for i, w := range []*worker{plain, ours} {
				s, err := w.spread(order, connections, 2*b.stretch+2*slow, 0, 2*slow)
				if err != nil {
					return w.why(err)
				}
				p50[i] = append(p50[i], us(s.p50-2*slow)/1000)
				cpu[i] = append(cpu[i], us(s.cpu))
			}
		}
		both := func(i int) string { return fmt.Sprintf("+%.1f ms, %.0f µs", median(p50[i]), median(cpu[i])) }
		mine := median(cpu[1])
		if first == 0 {
			first = mine
		}
		b.row(fmt.Sprintf("order, CRM of 2 × %v, %s: p50 over the CRM's, CPU", slow, connected(connections)), both(0), "–",
			both(1),
			fmt.Sprintf("%.2f (%.2f of 1 connection)", mine/median(cpu[0]), mine/first), "flat, +30 ms")
	}
	return nil
}

// together is how many orders may be on their way at once while shoppers leave.
// What the memory grows to depends on that number, so it is the same before and
// after; it is the number of orders under way, not of connections, since nobody
// waits for the answers.
const together = 64

// leave has shoppers go away while their order is at the CRM.
func (b *bench) leave() error {
	w, err := b.oursKind.start(b.binary)
	if err != nil {
		return err
	}
	defer w.stop()
	if _, err := w.run(order, together, time.Minute, 1000); err != nil {
		return w.why(err)
	}
	b.crm.every(slow)
	defer b.crm.every(0)
	// Shoppers who stay, as many at once and as slow: what that needs.
	if _, err := w.run(order, together, time.Minute, 5*together); err != nil {
		return w.why(err)
	}
	before, err := w.state()
	if err != nil {
		return w.why(err)
	}
	after, err := b.wave(w, b.leavers, together, before.Goroutines)
	if err != nil {
		return w.why(err)
	}
	b.row(fmt.Sprintf("%d shoppers who leave, %d orders at once: goroutines, memory", b.leavers, together), "–", "–",
		fmt.Sprintf("%d → %d, %s → %s", before.Goroutines, after.Goroutines, mib(before.Memory),
			mib(after.Memory)), "", "flat")

	// And a rush, in which as many leave as can: twice, since the second one
	// tells a leak from what the first one needed.
	const rush = 400
	var at []state
	for range 3 {
		s, err := b.wave(w, b.leavers/2, rush, before.Goroutines)
		if err != nil {
			return w.why(err)
		}
		at = append(at, s)
	}
	if at[2].Instances != 1 {
		return fmt.Errorf("there were %d instances where one should have lived", at[2].Instances)
	}
	b.row(fmt.Sprintf("three rushes of %d who leave, %d orders at once: goroutines, memory", b.leavers/2, rush), "–", "–",
		fmt.Sprintf("%d, %d, %d; %s, %s, %s", at[0].Goroutines, at[1].Goroutines, at[2].Goroutines, mib(at[0].Memory),
			mib(at[1].Memory), mib(at[2].Memory)),
		"", "flat from the first on")
	return nil
}

// wave has so many shoppers leave, with so many orders under way at once, and
// waits until there are no more goroutines than that, or for half a minute.
func (b *bench) wave(w *worker, shoppers, together, goroutines int) (after state, err error) {
	var group sync.WaitGroup
	failed := make(chan error, shoppers)
	began := b.crm.imports.Load()
	for i := range shoppers {
		for patience := time.Now().Add(20 * time.Second); int64(i)-(b.crm.imports.Load()-began) >= int64(
			together); time.Sleep(time.Millisecond) {
			if time.Now().After(patience) {
				return after, fmt.Errorf("of %d orders of shoppers who left, %d have come to the CRM", i,
					b.crm.imports.Load()-began)
			}
		}
		group.Go(func() {
			if err := w.leave(time.Duration(20+i%200) * time.Millisecond); err != nil {
				failed <- err
			}
		})
	}
	group.Wait()
	close(failed)
	for err := range failed {
		return after, err
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if after, err = w.state(); err != nil || after.Goroutines <= goroutines {
			break
		}
	}
	return after, err
}

func us(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
