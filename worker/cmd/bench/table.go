package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// sizes is what is uploaded and what a browser downloads.
func (b *bench) sizes() error {
	edge, err := os.ReadFile(filepath.Join(b.root, "worker/build/edge.wasm"))
	if err != nil {
		return err
	}
	stock, err := os.ReadFile(filepath.Join(b.work, "assets/app.wasm"))
	if err != nil {
		return err
	}
	modules, err := filepath.Glob(filepath.Join(b.root, "www/build/check-*.wasm"))
	if err != nil || len(modules) != 1 {
		return fmt.Errorf("one browser module expected in www/build, there are %d: run `make build`", len(modules))
	}
	browser, err := os.ReadFile(modules[0])
	if err != nil {
		return err
	}
	sizes := map[string]string{}
	// quality 11
	const brotli = "const z=require('zlib');process.stdin.toArray().then(a=>process.stdout.write(z.brotliCompressSync" +
		"(Buffer.concat(a))))"
	for _, file := range []struct {
		name    string
		content []byte
		program []string
	}{
		{"edge", edge, []string{"gzip", "-9"}}, {"stock", stock, []string{"gzip", "-9"}}, {"browser", browser,
			[]string{b.node(), "-e", brotli}},
	} {
		n, err := b.compressed(file.content, file.program[0], file.program[1:]...)
		if err != nil {
			return err
		}
		sizes[file.name] = fmt.Sprintf("%.3f MB", float64(n)/1e6)
	}
	b.row("edge module, gzip -9", "–", sizes["stock"], sizes["edge"], "", "≤ 1.6 MB")
	b.row("browser module, brotli 11", "–", "–", sizes["browser"], "", "≤ 0.470 MB")
	return nil
}

// compressed is how much a program makes of something.
func (b *bench) compressed(content []byte, name string, args ...string) (int, error) {
	cmd := exec.CommandContext(b.ctx, name, args...)
	cmd.Stdin = bytes.NewReader(content)
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return len(out), nil
}

// node is the one of the npm tools, or the machine's.
func (b *bench) node() string {
	if own := filepath.Join(b.root, "worker/node_modules/.bin/node"); exec.Command(own, "-v").Run() == nil {
		return own
	}
	return "node"
}

// table is everything found, as Markdown.
func (b *bench) table(began time.Time) string {
	version := func(name string, args ...string) string {
		out, err := exec.Command(name, args...).Output()
		if err != nil {
			return "?"
		}
		return strings.TrimSpace(string(out))
	}
	var t strings.Builder
	fmt.Fprintf(&t, "Measured %s with %s, %s, node %s, on %d cores (%s/%s). Medians of %d interleaved rounds of %v "+
		"each; CPU is that of the workerd process.\n\n",
		began.Format("2006-01-02"), runtime.Version(), version(b.binary,
			"--version"), strings.TrimPrefix(version(b.node(), "-v"), "v"),
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, b.rounds, b.stretch)
	t.WriteString("| | plain JavaScript | stock Go | this relay | relay : JavaScript | goal " +
		"|\n|---|--:|--:|--:|--:|--:|\n")
	for _, r := range b.rows {
		fmt.Fprintf(&t, "| %s | %s | %s | %s | %s | %s |\n", r.what, r.plain, r.stock, r.ours, r.ratio, r.goal)
	}
	t.WriteString("\nThe ledger is a Map in the Worker on both sides (stock: none), except in the rows that name the " +
		"Durable Object.\n")
	return t.String()
}
