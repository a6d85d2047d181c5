//go:build e2e

// Package test runs the built Worker in workerd and shops at it, by HTTP and in browsers. What can be shown without
// workerd is tested beside the code.
package test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"klarna-relay/worker/landersfile"
)

// patience is how long anything may take on a busy machine before a test calls
// it broken.
const patience = 120 * time.Second

// Host is where the shop is.
const Host = "shop.example"

// Options is how a Worker differs from wrangler.toml.
type Options struct {
	// Vars are variables and secrets, over those of wrangler.toml. Without
	// them there are Credentials and nothing else.
	Vars map[string]any
	// KonnektiveURL is the simulated CRM's address.
	KonnektiveURL string
	// ImportsPerMinute is the rate limit; 0: high enough for any test, -1: the
	// one of wrangler.toml.
	ImportsPerMinute int
	// ReadsPerMinute is the rate limit of status and return routes; as ImportsPerMinute.
	ReadsPerMinute int
	// Landers is the landers.toml to have instead of the repository's.
	Landers string
	// Without names bindings to leave out.
	Without []string
	// Probe adds the paths of probe.mjs.
	Probe bool
	// Pages is a folder to serve instead of www/.
	Pages string
	// Persist is where the ledger is kept; "": a folder of its own.
	Persist string
}

// Credentials of the simulated API user.
const (
	LoginID  = "relay-simulated"
	Password = "simulated-password"
)

// A Worker is the built Worker in a workerd of its own.
type Worker struct {
	URL    string // Miniflare's address, where MF-Original-URL is believed
	Direct string // workerd's own address: plain http, paths exactly as sent

	output   bytes.Buffer
	outputMu sync.Mutex
}

// Root is the repository's folder.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// SamplePages is the folder of the pages that the tests shop at: the copy of the sample pages that `make samples`
// keeps, so that an adopter's own pages in www/ do not concern the tests.
func SamplePages() string { return filepath.Join(Root(), "worker/build/pages") }

// sampleLanders is what the tests sell, whatever wrangler.toml does.
func sampleLanders() map[string]any {
	return map[string]any{"*": map[string]any{
		"campaignId": 12, "forceMerchantId": 7, "products": []int{34, 35}, "upsales": []int{40},
		"maxQuantity": 10, "allowedOrigins": []string{}, "origin": "",
		"pages": map[string]string{"checkout": "/checkout", "upsell": "/upsell", "thankYou": "/thank-you"},
	}}
}

// Start starts a Worker that ends with the test.
func Start(t testing.TB, o Options) *Worker {
	t.Helper()
	cmd := runner(t, o)
	stdin, err := cmd.StdinPipe() // its end tells the runner that we are gone
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	w := &Worker{}
	cmd.Stderr = writer(w.add)
	require.NoError(t, cmd.Start())

	ready, done := w.read(stdout)
	t.Cleanup(func() {
		if folder := counters(); folder != "" {
			w.keepCounters(t, folder)
		}
		_ = stdin.Close()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
		_ = cmd.Wait()
		everything.add(t.Name(), w.Output())
		if t.Failed() {
			t.Logf("the Worker printed:\n%s", w.Output())
		}
	})
	select {
	case <-ready:
	case <-done:
		require.FailNow(t, "workerd did not start", w.Output())
	case <-time.After(patience):
		require.FailNow(t, "workerd did not start in time", w.Output())
	}
	return w
}

// runner is the command that runs the Worker, run.mjs with these options.
func runner(t testing.TB, o Options) *exec.Cmd {
	t.Helper()
	if o.ImportsPerMinute == 0 {
		o.ImportsPerMinute = 100000
	}
	if o.ReadsPerMinute == 0 {
		o.ReadsPerMinute = 100000
	}
	if o.Persist == "" {
		o.Persist = t.TempDir()
	}
	if o.Pages == "" {
		o.Pages = SamplePages()
	}
	landers, err := landersfile.Parse([]byte(o.Landers))
	require.NoError(t, err)
	wanted, err := json.Marshal(map[string]any{
		"bundle": bundle(t), "vars": o.vars(), "importsPerMinute": o.ImportsPerMinute, "readsPerMinute": o.ReadsPerMinute,
		"without": o.Without, "landers": landers, "probe": o.Probe || counters() != "", "pages": o.Pages,
		"persist": o.Persist,
	})
	require.NoError(t, err)
	cmd := exec.Command(filepath.Join(Root(), "worker/node_modules/.bin/node"),
		filepath.Join(Root(), "worker/test/run.mjs"), string(wanted))
	if _, err := os.Stat(cmd.Path); err != nil { // where npm brings no Node, the machine has one
		cmd.Path, err = exec.LookPath("node")
		require.NoError(t, err)
	}
	cmd.SysProcAttr = group()
	return cmd
}

// vars are the variables and secrets of the Worker. The secrets are noted as [confidential].
func (o Options) vars() map[string]any {
	vars := map[string]any{
		"KONNEKTIVE_LOGIN_ID": LoginID, "KONNEKTIVE_PASSWORD": Password, "KONNEKTIVE_URL": o.KonnektiveURL,
		"LANDERS": sampleLanders(),
	}
	if o.KonnektiveURL == "" {
		vars["KONNEKTIVE_URL"] = "http://127.0.0.1:9" // nothing listens at the discard port
	}
	maps.Copy(vars, o.Vars)
	for _, name := range []string{"KONNEKTIVE_LOGIN_ID", "KONNEKTIVE_PASSWORD", "ADMIN_TOKEN", "TURNSTILE_SECRET",
		"SERVER_PASSWORD", "ALERT_URL"} {
		if secret, ok := vars[name].(string); ok {
			confidential.add(name, secret)
		}
	}
	return vars
}

// read takes the Worker's addresses from the first line that the runner prints, and keeps the others. ready is closed
// when the addresses are known, done when the runner has ended.
func (w *Worker) read(stdout io.Reader) (ready, done chan struct{}) {
	ready, done = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewReader(stdout)
		for first := true; ; first = false {
			line, err := lines.ReadBytes('\n')
			if first && json.Unmarshal(line, &struct {
				URL    *string
				Direct *string
			}{&w.URL, &w.Direct}) == nil {
				close(ready)
			} else {
				w.add(line)
			}
			if err != nil {
				return
			}
		}
	}()
	return ready, done
}

// bundle is the folder with what is tested. It is built once, which `make e2e`
// has done already; `make cover` names another one, which counts.
func bundle(t testing.TB) string {
	t.Helper()
	if folder := os.Getenv("BUNDLE"); folder != "" {
		return folder
	}
	built.Do(func() {
		if os.Getenv("BUNDLE_IS_FRESH") == "1" {
			return
		}
		cmd := exec.Command("make", "bundle")
		cmd.Dir = Root()
		var out []byte
		out, buildErr = cmd.CombinedOutput()
		if buildErr != nil {
			t.Logf("%s", out)
		}
	})
	require.NoError(t, buildErr, "make bundle")
	return filepath.Join(Root(), "worker/build/bundle")
}

var (
	built    sync.Once
	buildErr error
)

type writer func([]byte)

func (f writer) Write(p []byte) (int, error) { f(p); return len(p), nil }

func (w *Worker) add(p []byte) {
	w.outputMu.Lock()
	defer w.outputMu.Unlock()
	w.output.Write(p)
}

// Output is everything that the Worker has printed so far.
func (w *Worker) Output() string {
	w.outputMu.Lock()
	defer w.outputMu.Unlock()
	return w.output.String()
}

// Client returns a client for which every host is this Worker's, on https and
// http alike, as it is behind Cloudflare's edge. It follows no redirect, keeps
// no cookie, and says that it calls from 203.0.113.7 unless the request says
// otherwise.
func (w *Worker) Client() *http.Client {
	return &http.Client{
		Transport:     edge{w, fresh},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       patience,
	}
}

// fresh connects anew for every request: one that goes out on a connection that the Worker is just closing gets
// lost, and a POST is not sent again.
var fresh = &http.Transport{DisableCompression: true, DisableKeepAlives: true}

// edge plays the part of Cloudflare's edge for a Go client.
type edge struct {
	worker *Worker
	next   http.RoundTripper
}

func (e edge) RoundTrip(r *http.Request) (*http.Response, error) {
	target, err := url.Parse(e.worker.URL)
	if err != nil {
		return nil, err
	}
	overhear(r)
	out := r.Clone(r.Context())
	out.Header.Set("MF-Original-URL", r.URL.String())
	if out.Header.Get("CF-Connecting-IP") == "" {
		out.Header.Set("CF-Connecting-IP", "203.0.113.7")
	}
	out.URL.Scheme, out.URL.Host, out.Host = target.Scheme, target.Host, ""
	return e.next.RoundTrip(out)
}

// group has a child live in a process group of its own and die with us.
func group() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
