package main

import (
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

// lay puts a Worker's modules and a configuration that names them into a folder. The first module is the entry;
// modules are given as name, path.
func lay(binary, folder, name, www, crmURL string, ledger bool, modules ...[2]string) (kind, error) {
	k := kind{name: name, folder: folder, ledger: ledger}
	if err := os.MkdirAll(filepath.Join(folder, "objects"), 0o755); err != nil {
		return k, err
	}
	list, err := k.copy(modules)
	if err != nil {
		return k, err
	}
	landers, err := json.Marshal(map[string]any{"*": map[string]any{
		"campaignId": 12, "forceMerchantId": 7, "products": []int{34, 35}, "upsales": []int{40},
		"maxQuantity": 10, "allowedOrigins": []string{}, "origin": "",
		"pages": map[string]string{"checkout": "/checkout", "upsell": "/upsell", "thankYou": "/thank-you"},
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
	return k, k.compile(binary, fmt.Sprintf(configuration, www, filepath.Join(folder, "objects"), list, landers, crmURL,
		binding, objects))
}

// copy puts modules into the folder, and returns them as workerd's configuration lists them.
func (k kind) copy(modules [][2]string) (list string, err error) {
	for i, m := range modules {
		file := fmt.Sprintf("%d%s", i, filepath.Ext(m[1]))
		text, err := os.ReadFile(m[1])
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(k.folder, file), text, 0o644); err != nil {
			return "", err
		}
		format := "esModule"
		if filepath.Ext(m[1]) == ".wasm" {
			format = "wasm"
		}
		list += fmt.Sprintf("    (name = %q, %s = embed %q),\n", m[0], format, file)
	}
	return list, nil
}

// configuration is workerd's, with places for the folder of the pages, the folder of the Durable Objects, the modules,
// the landers, Konnektive's URL, the ledger's binding and its namespace.
const configuration = `using Workerd = import "/workerd/workerd.capnp";

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
`

// compile writes the configuration in workerd's binary form. While workerd reads a text configuration, it copies every
// embedded file four times, which a Worker that is deployed does not do when it starts.
func (k kind) compile(binary, config string) error {
	if err := os.WriteFile(filepath.Join(k.folder, "config.capnp"), []byte(config), 0o644); err != nil {
		return err
	}
	cmd := exec.Command(binary, "compile", "--config-only", "config.capnp")
	cmd.Dir = k.folder
	cmd.Stderr = os.Stderr
	compiled, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("workerd compile: %w", err)
	}
	return os.WriteFile(filepath.Join(k.folder, "config.bin"), compiled, 0o644)
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

// tail keeps the last 4 to 8 KiB of what is written to it: the Workers log a line for every order.
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
