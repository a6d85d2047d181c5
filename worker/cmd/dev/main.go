//go:build unix

// Dev starts everything a developer needs on this machine: a simulated Konnektive and Klarna, and the relay under wrangler, which rebuilds
// on save. It prints the address of the checkout page and stops all of it on Ctrl-C.
//
//	dev [-port 8787] [-real] [settings of the simulator, such as -redirect script]
//
// The port can come from PORT, and each setting of the simulator from the environment (SIMULATOR_REDIRECT=script).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"klarna-relay/worker/simulator"
)

const (
	defaultPort = 8787
	// startTime is how long the first answer may take: a cold build of two Wasm programs on a small machine, and more.
	startTime = 10 * time.Minute
)

func init() {
	// A child is told of the end of the thread that started it, so that thread has to be the one that lives as long as the program.
	runtime.LockOSThread()
}

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr, signals)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dev:", err)
		os.Exit(1)
	}
}

// options are what the caller may choose.
type options struct {
	port int
	real bool
	simulator.Options
}

func parse(args []string, getenv func(string) string, stderr io.Writer) (options, error) {
	o := options{port: defaultPort}
	if text := getenv("PORT"); text != "" {
		port, err := strconv.Atoi(text)
		if err != nil || port < 0 || port > 65535 {
			return o, fmt.Errorf("PORT=%s is not a port: give a number up to 65535, or 0 for a free one", text)
		}
		o.port = port
	}
	flags := flag.NewFlagSet("dev", flag.ContinueOnError)
	flags.SetOutput(stderr)
	if err := o.Settings.Flags(flags); err != nil {
		return o, err
	}
	flags.IntVar(&o.port, "port", o.port, "port of the shop; 0 takes a free one")
	flags.BoolVar(&o.real, "real", false, "no simulator: the Konnektive of wrangler.toml, with the credentials of .dev.vars. Orders are real")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is not understood; -help lists the flags", flags.Arg(0))
	}
	return o, nil
}

// run keeps everything going until a signal comes or the relay ends.
func run(args []string, getenv func(string) string, stdout, stderr io.Writer, signals <-chan os.Signal) error {
	o, err := parse(args, getenv, stderr)
	if err != nil {
		return err
	}
	root, err := findRoot()
	if err != nil {
		return err
	}
	shop, err := readShop(filepath.Join(root, "wrangler.toml"))
	if err != nil {
		return err
	}
	for _, fault := range shop.faults {
		fmt.Fprintf(stderr, "wrangler.toml: %s (%s): %s\n", fault.Where, fault.Code, fault.Cure)
	}
	if o.port, err = freePort(o.port); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "klarna-relay-dev-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer os.RemoveAll(folder)

	w := wrangler{root: root, folder: folder, port: o.port, stdout: stdout, stderr: stderr}
	crm := "the real one of wrangler.toml, with .dev.vars: orders are real"
	if o.real {
		if _, err := os.Stat(filepath.Join(root, ".dev.vars")); err != nil {
			return errors.New("-real needs the credentials in .dev.vars: copy .dev.vars.example and fill it in")
		}
	} else {
		o.Campaigns = shop.campaigns()
		address, stop, err := startSimulator(o.Options)
		if err != nil {
			return err
		}
		defer stop()
		w.simulator = "http://" + address
		crm = w.simulator + "/_simulator/"
	}
	if err := w.start(); err != nil {
		return err
	}
	defer w.stop(signals)

	base := "http://localhost:" + strconv.Itoa(o.port)
	page := shop.checkout(base)
	ready := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	go func() { ready <- waitFor(ctx, shop.ready(base)) }()
	select {
	case <-signals:
		return nil
	case <-w.done:
		return fmt.Errorf("wrangler ended before the shop answered: %w; what it printed stands above", w.exit())
	case err := <-ready:
		if err != nil {
			return err
		}
	}
	fmt.Fprintf(stdout, `
  The shop   %s
  The CRM    %s
`, page, crm)
	if !o.real {
		fmt.Fprint(stdout, `  Faults     order as decline@example.com, lost@example.com, script@example.com …; the CRM's page lists them all
`)
	}
	fmt.Fprint(stdout, `  Stop       Ctrl-C

`)
	select {
	case <-signals:
		return nil
	case <-w.done:
		return fmt.Errorf("wrangler ended: %w", w.exit())
	}
}

// findRoot is the nearest folder upwards that holds wrangler.toml.
func findRoot() (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for dir := here; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "wrangler.toml")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no wrangler.toml in %s or above it: go to the repository first", here)
		}
	}
}

// freePort is the port itself when nothing listens there, and any free one for 0. localhost has two addresses, and a browser may take either.
func freePort(port int) (int, error) {
	first, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err == nil {
		defer first.Close()
		port = first.Addr().(*net.TCPAddr).Port
		var second net.Listener
		if second, err = net.Listen("tcp", net.JoinHostPort("::1", strconv.Itoa(port))); err == nil {
			second.Close()
		} else if !errors.Is(err, syscall.EADDRINUSE) {
			err = nil // no IPv6 here
		}
	}
	if err != nil {
		return 0, fmt.Errorf("port %d is not free (%w): stop the other program, or take another port with PORT=0 make dev", port, err)
	}
	return port, nil
}

// startSimulator serves a simulated CRM on a free port of this machine.
func startSimulator(o simulator.Options) (address string, stop func(), err error) {
	o.Seed = uint64(time.Now().UnixNano())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("start the simulated Konnektive: %w", err)
	}
	server := &http.Server{Handler: simulator.New(o), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().String(), func() { _ = server.Close() }, nil
}

// waitFor waits until a page answers 200.
func waitFor(ctx context.Context, page string) error {
	client := http.Client{Timeout: 30 * time.Second}
	last := "nothing listens"
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
		if err != nil {
			return fmt.Errorf("wait for the shop: %w", err)
		}
		if response, err := client.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
			last = "it answers " + response.Status
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s did not answer in %s (%s)", page, startTime, last)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
