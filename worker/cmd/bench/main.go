// Command bench holds the relay against plain JavaScript and against the stock
// way of running Go in a Worker, side by side in one run, on workerd itself.
//
//	go run ./worker/cmd/bench [-quick] [-only order,cold] [-o file]
//
// `make bench` builds what is measured first. Everything stays on loopback, and
// it takes less than ten minutes.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"klarna-relay/worker/landersfile"
)

func main() {
	quick := flag.Bool("quick", false, "fewer and shorter rounds, for somebody who is changing something")
	only := flag.String("only", "", "measure only these, separated by commas: ratios, ledger, crossings, up, cold, "+
		"landers, costs, flood, beset, memory, growth, leave, sizes")
	output := flag.String("o", "", "write the table to this file too")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *quick, *only, *output); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, quick bool, only, output string) error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(root, "worker/build/edge.wasm")); err != nil {
		return fmt.Errorf("run `make bench` in the repository's folder: %w", err)
	}
	work, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	b := &bench{ctx: ctx, root: root, work: work, crm: newCRM(), rounds: 7, stretch: 1500 * time.Millisecond,
		under: 30 * time.Second, orders: 50000, leavers: 2000}
	defer b.crm.Close()
	if quick {
		b.rounds, b.stretch, b.under, b.orders, b.leavers = 3, 700*time.Millisecond, 6*time.Second, 5000, 200
	}
	b.binary = filepath.Join(root, "worker/node_modules/@cloudflare/workerd-linux-64/bin/workerd")
	if _, err := os.Stat(b.binary); err != nil { // another kind of machine: the npm wrapper finds the right one
		b.binary = filepath.Join(root, "worker/node_modules/.bin/workerd")
	}
	if err := b.lay(); err != nil {
		return err
	}
	defer b.stop()

	began := time.Now()
	for _, part := range []struct {
		name string
		do   func() error
	}{
		{"ratios", b.ratios}, {"ledger", b.ledger}, {"crossings", b.crossings}, {"up", b.up}, {"cold", b.cold},
		{"landers", b.manyLanders}, {"costs",
			b.costs}, {"flood", b.flood}, {"beset", b.beset},
		{"memory", b.memory}, {"growth", b.growth}, {"leave", b.leave}, {"sizes", b.sizes},
	} {
		if only != "" && !strings.Contains(","+only+",", ","+part.name+",") {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s %s\n", time.Since(began).Round(time.Second), part.name)
		if err := part.do(); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	table := b.table(began)
	fmt.Print(table)
	if output != "" {
		return os.WriteFile(output, []byte(table), 0o644)
	}
	return nil
}

// lay builds the stock Worker and writes the configuration of all Workers.
func (b *bench) lay() error {
	own := filepath.Join(b.root, "worker/cmd/bench")
	www := filepath.Join(b.root, "www")
	in := func(name string) string { return filepath.Join(own, name) }
	from := func(name string) string { return filepath.Join(b.root, "worker", name) }

	stock := filepath.Join(b.work, "assets")
	if err := b.command(nil, "go", "run", "github.com/syumai/workers/cmd/workers-assets-gen", "-mode=go", "-o",
		stock); err != nil {
		return err
	}
	program := filepath.Join(stock, "app.wasm")
	if err := b.command([]string{"GOOS=js", "GOARCH=wasm"}, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program,
		"./worker/cmd/bench/stock"); err != nil {
		return err
	}
	memory := [2]string{"memory.mjs", in("memory.mjs")}
	one, err := b.landers(1)
	if err != nil {
		return err
	}
	thousand, err := b.landers(1000)
	if err != nil {
		return err
	}
	ours := [][2]string{{"ours/worker.mjs", in("ours/worker.mjs")}, {"ours/instances.mjs", in("ours/instances.mjs")},
		memory}
	for _, name := range []string{"js/entry.mjs", "js/instance.mjs", "js/body.mjs", "js/host.mjs", "js/pages.mjs",
		"js/ledger.mjs", "js/landers.mjs", "js/outcomes.mjs", "js/process.mjs", "js/rehearsal.mjs", "js/seed.mjs",
		"build/landers.mjs", "build/wasm_exec.js", "build/edge.wasm"} {
		ours = append(ours, [2]string{"worker/" + name, from(name)})
	}
	plain := [][2]string{{"plain/worker.mjs", in("plain/worker.mjs")}, {"plain/ledger.mjs", in("plain/ledger.mjs")},
		memory}
	for _, l := range []struct {
		to      *kind
		name    string
		ledger  bool
		modules [][2]string
	}{
		{&b.plainKind, "plain JavaScript", false, plain},
		{&b.plainLedgerKind, "plain JavaScript with a ledger", true, plain},
		{&b.stockKind, "stock", false, [][2]string{
			{"worker.mjs", filepath.Join(stock, "worker.mjs")}, {"runtime.mjs", filepath.Join(stock, "runtime.mjs")},
			{"wasm_exec.js", filepath.Join(stock, "wasm_exec.js")}, {"app.wasm", program},
		}},
		{&b.oursKind, "the relay", false, ours},
		{&b.ledgerKind, "the relay with its ledger", true, ours},
		{&b.oneKind, "one lander in a file", false, with(ours, one)},
		{&b.thousandKind, "a thousand landers in a file", false, with(ours, thousand)},
	} {
		k, err := lay(b.binary, filepath.Join(b.work, strings.ReplaceAll(l.name, " ", "-")), l.name, www, b.crm.URL,
			l.ledger, l.modules...)
		if err != nil {
			return err
		}
		*l.to = k
	}
	return nil
}

// landers writes the module that is built from a worker/landers.toml with so many landers, among them that of the
// benchmark's host.
func (b *bench) landers(n int) (file string, err error) {
	var text strings.Builder
	for i := range n {
		host := "shop.example"
		if i > 0 {
			host = fmt.Sprintf("shop-%d.example", i)
		}
		fmt.Fprintf(&text, "[%q]\ncampaignId = %d\nforceMerchantId = 7\nproducts = [34, 35]\nupsales = [40]\n\n", host, 12+i)
	}
	table, err := landersfile.Parse([]byte(text.String()))
	if err != nil {
		return "", err
	}
	lines, err := json.Marshal(table)
	if err != nil {
		return "", err
	}
	file = filepath.Join(b.work, fmt.Sprintf("landers-%d.mjs", n))
	return file, os.WriteFile(file, fmt.Appendf(nil, "export default %s;\n", lines), 0o644)
}

// with is a Worker's modules with another file of landers.
func with(modules [][2]string, landers string) [][2]string {
	modules = slices.Clone(modules)
	for i, m := range modules {
		if m[0] == "worker/build/landers.mjs" {
			modules[i][1] = landers
		}
	}
	return modules
}

func (b *bench) command(env []string, name string, args ...string) error {
	cmd := exec.CommandContext(b.ctx, name, args...)
	cmd.Dir = b.root
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}
