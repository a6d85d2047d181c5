//go:build unix

// Dev starts everything a developer needs on this machine: a simulated Konnektive and Klarna, and the relay under
// wrangler, which rebuilds on save. It prints the address of the checkout page and stops all of it on Ctrl-C.
//
//	dev [-port 8787] [-real] [-lander shop.example] [-https] [-host 192.168.1.5] [settings of the simulator]
//
// -port, -lander, -https and -host can come from PORT, LANDER, HTTPS=1 and HOST, and each setting of the simulator,
// such as -redirect script, from a variable like SIMULATOR_REDIRECT=script. SERVER_PASSWORD, TURNSTILE_SECRET and
// ALERT_URL become secrets of the relay, unless -real takes those of .dev.vars.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
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
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"klarna-relay/worker/config"
	"klarna-relay/worker/landersfile"
	"klarna-relay/worker/simulator"
)

const (
	defaultPort = 8787
	// startTime is how long the first answer may take: a cold build of two Wasm programs on a small machine, and more.
	startTime = 10 * time.Minute
)

func init() {
	// A child gets its signal (see ownGroup) when the thread that started it ends. So children are started from the
	// main thread, which lives as long as the program.
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
	port   int
	real   bool
	lander string // which one this machine stands for
	https  bool
	host   string // by which a phone or a tunnel finds this machine
	// secrets are those that the caller adds to the ones of the simulator.
	secrets map[string]string
	simulator.Options
}

func parse(args []string, getenv func(string) string, stderr io.Writer) (options, error) {
	o := options{port: defaultPort, lander: getenv("LANDER"), host: getenv("HOST"),
		https: getenv("HTTPS") != "" && getenv("HTTPS") != "0", secrets: map[string]string{}}
	for _, name := range optionalSecrets {
		if value := getenv(name); value != "" {
			o.secrets[name] = value
		}
	}
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
	flags.StringVar(&o.lander, "lander", o.lander, "which lander localhost stands for, by its key")
	flags.BoolVar(&o.https, "https", o.https, "serve https, with a certificate that no browser knows")
	flags.StringVar(&o.host, "host", o.host,
		"name or address by which a phone or a tunnel finds this machine; with https")
	flags.BoolVar(&o.real, "real", false, "no simulator: the Konnektive of wrangler.toml, with the credentials of "+
		".dev.vars. Orders are real")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is not understood; -help lists the flags", flags.Arg(0))
	}
	if o.host != "" {
		host, err := publicHost(o.host)
		if err != nil {
			return o, err
		}
		o.host = host
		o.https = o.https || !config.IsLoopback(host) // plain http is for this machine alone
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
	shop, err := o.shop(root, stderr)
	if err != nil {
		return err
	}
	if o.port, err = freePort(o.port); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "klarna-relay-dev-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer os.RemoveAll(folder)
	w := wrangler{root: root, folder: folder, port: o.port, secrets: o.secrets, stdout: stdout, stderr: stderr}
	w.settings = settings{root: root, folder: folder,
		hosts: slices.Compact([]string{"127.0.0.1", "localhost", shop.host}), lander: shop.lander}
	if o.https {
		if w.certificate, err = makeCertificate(folder, append(w.settings.hosts, "::1")); err != nil {
			return err
		}
	}
	w.everywhere = !config.IsLoopback(shop.host)

	k := &keeper{o: o, root: root, stdout: stdout, stderr: stderr, shop: shop}
	crm := "the real one of wrangler.toml, with .dev.vars: orders are real"
	if o.real {
		if _, err := os.Stat(filepath.Join(root, ".dev.vars")); err != nil {
			return errors.New("-real needs the credentials in .dev.vars: copy .dev.vars.example and fill it in")
		}
	} else {
		o.Campaigns = shop.campaigns()
		books, err := startSimulator(o, shop.host, w.certificate)
		if err != nil {
			return err
		}
		defer books.server.Close()
		k.simulator, w.simulator, crm = books.simulator, books.api, books.pages+"/_simulator/"
	}
	since := w.settings.look()
	if err := w.start(); err != nil {
		return err
	}
	defer w.stop(signals)
	go w.settings.watch(since, w.done, k.renew, func(err error) { fmt.Fprintln(stderr, "dev:", err) })
	return w.serve(signals, shop.ready(o.base("localhost")), func() { k.announce(crm) })
}

// shop is what wrangler.toml says of the lander that this machine stands for. Faults of the file are printed.
func (o options) shop(root string, stderr io.Writer) (shop, error) {
	secrets := o.secrets
	if o.real {
		secrets = nil // those of .dev.vars count
	}
	s, err := readShop(root, secrets)
	if err != nil {
		return s, err
	}
	for _, fault := range s.faults {
		file, where := "wrangler.toml", fault.Where
		if name, ok := strings.CutPrefix(where, config.NameFile+"."); ok {
			file, where = landersfile.Path, name
		}
		if o.secrets[where] != "" {
			file = "the environment"
		}
		fmt.Fprintf(stderr, "%s: %s (%s): %s\n", file, where, fault.Code, fault.Cure)
	}
	if s.host = o.host; s.host == "" {
		s.host = "localhost"
	}
	s.lander, err = s.choose(o.lander, s.host)
	return s, err
}

// serve calls opened once this page answers, and returns when a signal comes or wrangler ends.
func (w *wrangler) serve(signals <-chan os.Signal, page string, opened func()) error {
	ready := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	go func() { ready <- waitFor(ctx, page, w.certificate.roots) }()
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
	opened()
	select {
	case <-signals:
		return nil
	case <-w.done:
		return fmt.Errorf("wrangler ended: %w", w.exit())
	}
}

// base is the address of the relay.
func (o options) base(host string) string {
	scheme := "http://"
	if o.https {
		scheme = "https://"
	}
	return scheme + net.JoinHostPort(host, strconv.Itoa(o.port))
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

// freePort is the port itself when nothing listens there, and any free one for 0. localhost has two addresses, and
// a browser may take either.
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
		return 0, fmt.Errorf("port %d is not free (%w): stop the other program, or take another port with "+
			"PORT=0 make dev", port, err)
	}
	return port, nil
}

// books are a simulated CRM that is served: its API on this machine, and its pages, which are the same but for https
// and other machines where those are asked for.
type books struct {
	api, pages string
	simulator  *simulator.Simulator
	server     *http.Server
}

// startSimulator serves a simulated CRM on free ports.
func startSimulator(o options, host string, c certificate) (books, error) {
	listen := func(address string) (net.Listener, error) {
		listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
		if err != nil {
			return nil, fmt.Errorf("start the simulated Konnektive: %w", err)
		}
		return listener, nil
	}
	first, err := listen("127.0.0.1")
	if err != nil {
		return books{}, err
	}
	b := books{api: "http://" + first.Addr().String()}
	b.pages = b.api
	listeners := []net.Listener{first}
	if o.https {
		address := "127.0.0.1"
		if !config.IsLoopback(host) {
			address = "" // every address of this machine
		}
		second, err := listen(address)
		if err != nil {
			first.Close()
			return books{}, err
		}
		b.pages = "https://" + net.JoinHostPort(host, strconv.Itoa(second.Addr().(*net.TCPAddr).Port))
		listeners = append(listeners, tls.NewListener(second, &tls.Config{Certificates: []tls.Certificate{c.tls}}))
	}
	o.Seed = uint64(time.Now().UnixNano())
	o.BaseURL = b.pages
	b.simulator = simulator.New(o.Options)
	b.server = &http.Server{Handler: b.simulator, ReadHeaderTimeout: 10 * time.Second}
	for _, listener := range listeners {
		go func() { _ = b.server.Serve(listener) }()
	}
	return b, nil
}

// waitFor waits until a page answers 200.
func waitFor(ctx context.Context, page string, roots *x509.CertPool) error {
	client := http.Client{Timeout: 30 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
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
