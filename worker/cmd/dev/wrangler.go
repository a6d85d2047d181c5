//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"klarna-relay/worker/config"
	"klarna-relay/worker/simulator"
)

// minNode is the oldest Node that the pinned wrangler runs on.
const minNode = 22

// adminToken opens /api/preflight and the operator's other routes on this machine, where there is nothing to protect.
const adminToken = "make-dev-operator"

// optionalSecrets are those that make dev takes from its environment.
var optionalSecrets = []string{config.NameServerPassword, config.NameTurnstileSecret, config.NameAlertURL}

// stopTime is how long wrangler may take to end before it is killed.
const stopTime = 10 * time.Second

// wrangler is `wrangler dev`, in a process group of its own with the workerd and the builds it starts.
type wrangler struct {
	root           string // repository
	folder         string // temporary: the ledger's data and the secrets file
	port           int
	settings       settings
	simulator      string      // base URL of the simulated CRM; "": the real one
	certificate    certificate // the zero one: plain http
	everywhere     bool        // other machines may come
	secrets        map[string]string
	stdout, stderr io.Writer

	cmd  *exec.Cmd
	done chan struct{} // closed once it has ended
	err  error         // of its end; read after done
}

func (w *wrangler) start() error {
	bin := filepath.Join(w.root, "worker", "node_modules", ".bin")
	program := filepath.Join(bin, "wrangler")
	if _, err := os.Stat(program); err != nil {
		return errors.New("wrangler is not installed: run make dev, which installs it (or npm ci --ignore-scripts in " +
			"worker/)")
	}
	env := append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		// nothing here needs a network
		"WRANGLER_SEND_METRICS=false", "WRANGLER_HIDE_BANNER=true", "CLOUDFLARE_CF_FETCH_ENABLED=false")
	if err := checkNode(bin); err != nil {
		return err
	}
	args, err := w.args()
	if err != nil {
		return err
	}
	w.cmd = exec.Command(program, args...)
	w.cmd.Dir, w.cmd.Env, w.cmd.Stdout, w.cmd.Stderr = w.root, env, w.stdout, w.stderr
	w.cmd.SysProcAttr = ownGroup()
	w.cmd.WaitDelay = time.Second // a grandchild that outlives wrangler must not keep us
	if err := w.cmd.Start(); err != nil {
		return fmt.Errorf("start wrangler: %w", err)
	}
	w.done = make(chan struct{})
	go func() {
		w.err = w.cmd.Wait()
		close(w.done)
	}()
	return nil
}

// args is wrangler's command line. It writes the files that it names.
func (w *wrangler) args() ([]string, error) {
	if err := w.settings.read(); err != nil {
		return nil, err
	}
	if err := w.settings.write(0); err != nil {
		return nil, err
	}
	args := []string{
		"dev", "--config", w.settings.file(), "--port", strconv.Itoa(w.port), "--inspector-port", "0",
		"--show-interactive-dev-session=false", "--var", config.NameLoopbackHTTP + ":1",
	}
	if w.certificate.key != "" {
		args = append(args, "--local-protocol", "https", "--https-key-path", w.certificate.key, "--https-cert-path",
			w.certificate.chain)
	} else {
		args = append(args, "--local-protocol", "http")
	}
	if w.everywhere {
		args = append(args, "--ip", "0.0.0.0")
	}
	if w.simulator == "" {
		// The record of real orders is kept.
		return append(args, "--persist-to", filepath.Join(w.root, ".wrangler", "state"), "--env-file",
			filepath.Join(w.root, ".dev.vars")), nil
	}
	secrets := filepath.Join(w.folder, "secrets.env")
	text := config.NameLoginID + "=" + simulator.DefaultLoginID + "\n" + config.NamePassword + "=" +
		simulator.DefaultPassword + "\n" +
		config.NameAdminToken + "=" + adminToken + "\n"
	for _, name := range optionalSecrets {
		if value := w.secrets[name]; value != "" {
			line, err := envLine(name, value)
			if err != nil {
				return nil, err
			}
			text += line
		}
	}
	if err := os.WriteFile(secrets, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("write the simulator's credentials: %w", err)
	}
	// The ledger is forgotten together with the simulator's books.
	return append(args, "--persist-to", filepath.Join(w.folder, "state"), "--env-file", secrets, "--var",
		config.NameKonnektiveURL+":"+w.simulator), nil
}

// envLine is a line of a file of secrets, as wrangler reads it: text in any of three quotes, in which $ begins the name
// of another variable.
func envLine(name, value string) (string, error) {
	for _, quote := range []string{"'", `"`, "`"} {
		if !strings.ContainsAny(value, quote+"\n\r") {
			return name + "=" + quote + strings.ReplaceAll(value, "$", `\$`) + quote + "\n", nil
		}
	}
	return "", fmt.Errorf("%s: take another value for make dev, in one line and without one of the three quotes", name)
}

// exit is why wrangler ended, which it never does by itself.
func (w *wrangler) exit() error {
	if w.err == nil {
		return errors.New("without an error")
	}
	return w.err
}

// stop ends wrangler and everything it started: politely, and by force when that takes too long or another signal
// comes.
func (w *wrangler) stop(signals <-chan os.Signal) {
	group := -w.cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	select {
	case <-w.done:
	case <-signals:
	case <-time.After(stopTime):
	}
	_ = syscall.Kill(group, syscall.SIGKILL) // whatever is left of the group
	<-w.done
}

// checkNode makes sure that the Node that wrangler will find is new enough.
func checkNode(bin string) error {
	node := filepath.Join(bin, "node")
	if _, err := os.Stat(node); err != nil {
		if node, err = exec.LookPath("node"); err != nil {
			return fmt.Errorf("node is missing: install Node %d or newer (https://nodejs.org)", minNode)
		}
	}
	out, err := exec.Command(node, "--version").Output()
	if err != nil {
		return fmt.Errorf("run %s --version: %w", node, err)
	}
	version := strings.TrimSpace(string(out))
	major, err := strconv.Atoi(strings.SplitN(strings.TrimPrefix(version, "v"), ".", 2)[0])
	if err != nil || major < minNode {
		return fmt.Errorf("wrangler needs Node %d or newer, but this is %s: install it (https://nodejs.org)", minNode,
			version)
	}
	return nil
}
