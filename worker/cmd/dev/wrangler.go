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

// stopTime is how long wrangler may take to end before it is killed.
const stopTime = 10 * time.Second

// wrangler is `wrangler dev`, in a process group of its own with the workerd and the builds it starts.
type wrangler struct {
	root           string // repository
	folder         string // temporary: the ledger's data and the secrets file
	port           int
	simulator      string // base URL of the simulated CRM; "": the real one
	stdout, stderr io.Writer

	cmd  *exec.Cmd
	done chan struct{} // closed once it has ended
	err  error         // of its end; read after done
}

func (w *wrangler) start() error {
	bin := filepath.Join(w.root, "worker", "node_modules", ".bin")
	program := filepath.Join(bin, "wrangler")
	if _, err := os.Stat(program); err != nil {
		return errors.New("wrangler is not installed: run make dev, which installs it (or npm ci --ignore-scripts in worker/)")
	}
	env := append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"WRANGLER_SEND_METRICS=false", "WRANGLER_HIDE_BANNER=true", "CLOUDFLARE_CF_FETCH_ENABLED=false") // nothing here needs a network
	if err := checkNode(bin); err != nil {
		return err
	}
	args := []string{
		"dev", "--config", filepath.Join(w.root, "wrangler.toml"), "--env", "", "--port", strconv.Itoa(w.port), "--inspector-port", "0",
		"--local-protocol", "http", "--show-interactive-dev-session=false",
		"--var", config.NameLoopbackHTTP + ":1",
	}
	if w.simulator != "" {
		secrets := filepath.Join(w.folder, "secrets.env")
		text := config.NameLoginID + "=" + simulator.DefaultLoginID + "\n" + config.NamePassword + "=" + simulator.DefaultPassword + "\n"
		if err := os.WriteFile(secrets, []byte(text), 0o600); err != nil {
			return fmt.Errorf("write the simulator's credentials: %w", err)
		}
		// The ledger is forgotten together with the simulator's books; that of real orders stays in .wrangler.
		args = append(args, "--persist-to", filepath.Join(w.folder, "state"), "--env-file", secrets, "--var", config.NameKonnektiveURL+":"+w.simulator)
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

// exit is why wrangler ended, which it never does by itself.
func (w *wrangler) exit() error {
	if w.err == nil {
		return errors.New("without an error")
	}
	return w.err
}

// stop ends wrangler and everything it started: politely, and by force when that takes too long or another signal comes.
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
		return fmt.Errorf("wrangler needs Node %d or newer, but this is %s: install it (https://nodejs.org)", minNode, version)
	}
	return nil
}
