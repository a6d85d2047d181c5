package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// A kind is one of the Workers that are compared, as files for workerd.
type kind struct {
	name   string
	folder string // where its configuration and modules are
	ledger bool
}

// A worker is a kind in a workerd process of its own.
type worker struct {
	name    string
	address string
	pid     int
	cmd     *exec.Cmd
	printed *tail
}

// lay puts a Worker's modules and a configuration that names them into a
// folder. The first module is the entry; modules are given as name, path.
//
// The configuration is compiled: workerd copies what a text embeds four times
// while it reads it, which is no part of a Worker's start.
func lay(binary, folder, name, www, crmURL string, ledger bool, modules ...[2]string) (kind, error) {
	k := kind{name: name, folder: folder, ledger: ledger}
	if err := os.MkdirAll(filepath.Join(folder, "objects"), 0o755); err != nil {
		return k, err
	}
	var list bytes.Buffer
	for i, m := range modules {
		file := fmt.Sprintf("%d%s", i, filepath.Ext(m[1]))
		text, err := os.ReadFile(m[1])
		if err != nil {
			return k, err
		}
		if err := os.WriteFile(filepath.Join(folder, file), text, 0o644); err != nil {
			return k, err
		}
		format := "esModule"
		if filepath.Ext(m[1]) == ".wasm" {
			format = "wasm"
		}
		fmt.Fprintf(&list, "    (name = %q, %s = embed %q),\n", m[0], format, file)
	}
	landers, err := json.Marshal(map[string]any{"*": map[string]any{
		"campaignId": 12, "forceMerchantId": 7, "products": []int{34,
			35}, "upsales": []int{40}, "maxQuantity": 10, "allowedOrigins": []string{},
		"origin": "", "pages": map[string]string{"checkout": "/checkout", "upsell": "/upsell", "thankYou": "/thank-you"},
	}})
	if err != nil {
		return k, err
	}
	binding, objects := "", ""
	if ledger {
		binding = `(name = "LEDGER", durableObjectNamespace = "Ledger"),`
		objects = `durableObjectNamespaces = [(className = "Ledger", uniqueKey = "ledger", enableSql = true)],
  durableObjectStorage = (localDisk = "objects"),`
	}
	config := fmt.Sprintf(`using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "pages", disk = %q),
    (name = "objects", disk = (path = %q, writable = true)),
    (name = "internet", network = (allow = ["local"])),
  ],
  sockets = [(name = "http", http = (forwardedProtoHeader = "X-Forwarded-Proto"), service = "main")],
);

const main :Workerd.Worker = (
  compatibilityDate = "2026-10-01",
  modules = [
%s  ],
  bindings = [
    (name = "ASSETS", service = "pages"),
    (name = "LANDERS", json = %q),
    (name = "KONNEKTIVE_URL", text = %q),
    (name = "KONNEKTIVE_TIMEOUT_MS", text = "30000"),
    (name = "KONNEKTIVE_LOGIN_ID", text = "relay-bench"),
    (name = "KONNEKTIVE_PASSWORD", text = "no-secret-at-all"),
    %s
  ],
  %s
);
`, www, filepath.Join(folder, "objects"), list.String(), landers, crmURL, binding, objects)
	if err := os.WriteFile(filepath.Join(folder, "config.capnp"), []byte(config), 0o644); err != nil {
		return k, err
	}
	cmd := exec.Command(binary, "compile", "--config-only", "config.capnp")
	cmd.Dir = folder
	cmd.Stderr = os.Stderr
	compiled, err := cmd.Output()
	if err != nil {
		return k, fmt.Errorf("workerd compile: %w", err)
	}
	return k, os.WriteFile(filepath.Join(folder, "config.bin"), compiled, 0o644)
}

// start runs workerd. The socket is opened here, before workerd starts, so that an early connection waits instead of
// being refused.
func (k kind) start(binary string) (*worker, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	cmd := exec.Command(binary, "serve", "--experimental", "--binary", "--socket-fd=http=3", "config.bin")
	cmd.Dir = k.folder
	cmd.ExtraFiles = []*os.File{socket}
	cmd.SysProcAttr = dieWithUs()
	w := &worker{name: k.name, address: listener.Addr().String(), cmd: cmd, printed: &tail{}}
	cmd.Stdout, cmd.Stderr = w.printed, w.printed
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	w.pid = cmd.Process.Pid
	return w, nil
}

func (w *worker) stop() {
	_ = w.cmd.Process.Kill()
	_ = w.cmd.Wait()
}

// why adds what workerd printed last to an error of the Worker's.
func (w *worker) why(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(err, fmt.Errorf("%s printed:\n%s", w.name, w.printed))
}

// tail keeps the end of what is written to it: the Workers log a line for
// every order.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	const kept = 4 << 10
	if t.b = append(t.b, p...); len(t.b) > 2*kept {
		t.b = append(t.b[:0], t.b[len(t.b)-kept:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
