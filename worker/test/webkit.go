//go:build e2e

package test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// webkit drives WebKitGTK's MiniBrowser by W3C WebDriver. Every profile is a session of the driver's, and so a
// browser of its own.
type webkit struct {
	driver, browser, display string
}

func startWebKit(t testing.TB) engine {
	t.Helper()
	driver, err := exec.LookPath("WebKitWebDriver")
	if err != nil {
		require.FailNow(t, "no WebKit found", "`make browsers` installs it, and ENGINES=chromium does without")
	}
	found, err := filepath.Glob("/usr/lib/*/webkit2gtk-4.*/MiniBrowser")
	require.NoError(t, err)
	if path := os.Getenv("MINIBROWSER"); path != "" {
		found = []string{path}
	}
	require.NotEmpty(t, found, "no MiniBrowser found: `make browsers` installs it, and MINIBROWSER names one")
	return &webkit{driver, found[len(found)-1], display(t)}
}

// display starts a screen that nobody sees, on a number that is free.
func display(t testing.TB) string {
	t.Helper()
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	defer reader.Close()
	// Without -noreset the server starts anew when its last browser has gone, and refuses the next one meanwhile.
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1280x1024x24", "-nolisten", "tcp", "-noreset")
	cmd.ExtraFiles = []*os.File{writer}
	cmd.SysProcAttr = group()
	err = cmd.Start()
	writer.Close()
	require.NoError(t, err, "`make browsers` installs Xvfb")
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	number, err := bufio.NewReader(reader).ReadString('\n')
	require.NoError(t, err, "Xvfb has ended")
	return ":" + strings.TrimSpace(number)
}

// consoleProbe tells the line what the console shows: this engine's driver has no command for it.
const consoleProbe = `{
	const tell = (...what) => navigator.sendBeacon("` + consolePath + `", what.map(String).join(" "));
	for (const level of ["error", "warn"]) {
		const say = console[level];
		console[level] = (...what) => {
			tell(level + ":", ...what);
			say.apply(console, what);
		};
	}
	addEventListener("error", ({ message }) => message && tell("exception:", message));
	addEventListener("unhandledrejection", ({ reason }) => tell("rejection:", reason));
}`

// profile starts a driver of its own, since a driver has one session.
func (w *webkit) profile(t testing.TB, l *line) driver {
	t.Helper()
	home := t.TempDir()
	env := append(os.Environ(), "DISPLAY="+w.display, "HOME="+home, "XDG_RUNTIME_DIR="+home, "NO_AT_BRIDGE=1",
		"LIBGL_ALWAYS_SOFTWARE=1", "GTK_A11Y=none")
	start := func(env []string, name string, args ...string) (pid int) {
		cmd := exec.Command(name, args...)
		said, err := os.Create(filepath.Join(home, filepath.Base(name)+".log"))
		require.NoError(t, err)
		cmd.Stdout, cmd.Stderr = said, said
		cmd.Env, cmd.SysProcAttr = env, group()
		require.NoError(t, cmd.Start())
		t.Cleanup(func() {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			_ = cmd.Wait()
			said.Close()
			if t.Failed() {
				text, _ := os.ReadFile(said.Name())
				t.Logf("%s said: %s", name, text)
			}
		})
		return cmd.Process.Pid
	}
	l.beforePage(consoleProbe)
	// Were it the driver that starts the browser, it would choose the port on which they meet, and wait for ever when
	// somebody else got it first.
	meeting := quietPort(t)
	browser := start(append(env, "WEBKIT_INSPECTOR_SERVER="+meeting), w.browser, "--automation", "--proxy=http://"+l.address)
	listening(t, browser)
	driver := "http://" + listening(t, start(env, w.driver, "--port=0", "--target="+meeting))
	s := &webkitSession{client: &http.Client{Timeout: patience}, line: l}
	created, err := s.call(http.MethodPost, driver+"/session",
		map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
			"acceptInsecureCerts": true,
			// The driver would wait for a page that is shown again as it was left, which never "loads": so it waits for none.
			"pageLoadStrategy": "none",
			// A time-out of scripts would be one of the page's own timers, which tests replace.
			"timeouts": map[string]any{"script": nil},
		}}})
	require.NoError(t, err)
	var session struct{ SessionID string }
	require.NoError(t, json.Unmarshal(created, &session))
	s.at = driver + "/session/" + session.SessionID
	var handle string
	require.NoError(t, s.get("/window", &handle))
	_, err = s.call(http.MethodPost, "/window/rect", map[string]any{"width": 800, "height": 700})
	require.NoError(t, err)
	return &webkitTab{session: s, handle: handle}
}

// quietPort is an address on this machine whose port is free, and is none of those that the system gives to whoever
// asks for any.
func quietPort(t testing.TB) string {
	t.Helper()
	for range 2000 {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
		if listener, err := net.Listen("tcp", address); err == nil {
			require.NoError(t, listener.Close())
			return address
		}
	}
	require.FailNow(t, "no port is free")
	return ""
}

// listening is the address at which a process listens, once it does: the driver takes a free port, and does not say
// which.
func listening(t testing.TB, pid int) (address string) {
	t.Helper()
	require.Eventually(t, func() bool {
		sockets, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		open := map[string]bool{}
		for _, socket := range sockets {
			if to, err := os.Readlink(socket); err == nil {
				open[to] = true
			}
		}
		table, _ := os.ReadFile("/proc/net/tcp")
		for line := range strings.Lines(string(table)) {
			field := strings.Fields(line)
			const local, state, inode, listen = 1, 3, 9, "0A"
			if len(field) > inode && field[state] == listen && open["socket:["+field[inode]+"]"] {
				_, port, _ := strings.Cut(field[local], ":")
				number, err := strconv.ParseUint(port, 16, 16)
				address = fmt.Sprintf("127.0.0.1:%d", number)
				return err == nil
			}
		}
		return false
	}, patience, 10*time.Millisecond, "the WebKit driver does not listen")
	return address
}

// scriptTime is how long a script that returns at once may take before it counts as lost.
const scriptTime = 5 * time.Second

// A webkitSession is a browser with its windows, one of which is spoken to at a time.
type webkitSession struct {
	client *http.Client
	at     string // the session's address
	line   *line

	scripts atomic.Int64 // how many have been run

	mu      sync.Mutex
	current string
}

// call sends a command, to a path of the session or a whole address.
func (s *webkitSession) call(method, path string, params any) (json.RawMessage, error) {
	if !strings.HasPrefix(path, "http") {
		path = s.at + path
	}
	var body io.Reader
	if params != nil {
		text, err := json.Marshal(params)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequest(method, path, body)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(path, "/execute/sync") {
		within, cancel := context.WithTimeout(r.Context(), scriptTime)
		defer cancel()
		r = r.WithContext(within)
	}
	res, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var answer struct{ Value json.RawMessage }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("%s %s: %s: %w", method, path, res.Status, err)
	}
	if res.StatusCode != http.StatusOK {
		var failure struct{ Error, Message string }
		_ = json.Unmarshal(answer.Value, &failure)
		return nil, fmt.Errorf("%s: %s", failure.Error, failure.Message)
	}
	return answer.Value, nil
}

func (s *webkitSession) get(path string, into any) error {
	answer, err := s.call(http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

// A webkitTab is a window of WebKit's.
type webkitTab struct {
	session *webkitSession
	handle  string
}

// call speaks to this window.
func (b *webkitTab) call(method, path string, params any) (json.RawMessage, error) {
	b.session.mu.Lock()
	defer b.session.mu.Unlock()
	if b.session.current != b.handle {
		if _, err := b.session.call(http.MethodPost, "/window", map[string]any{"handle": b.handle}); err != nil {
			return nil, err
		}
		b.session.current = b.handle
	}
	return b.session.call(method, path, params)
}

func (b *webkitTab) post(path string, params any) error {
	_, err := b.call(http.MethodPost, path, params)
	return err
}

// another is a window, since a tab in the background draws no frames and cannot be brought to the front.
func (b *webkitTab) another(t testing.TB) driver {
	t.Helper()
	answer, err := b.call(http.MethodPost, "/window/new", map[string]any{"type": "window"})
	require.NoError(t, err)
	var window struct{ Handle string }
	require.NoError(t, json.Unmarshal(answer, &window))
	return &webkitTab{session: b.session, handle: window.Handle}
}

func (b *webkitTab) navigate(address string) error {
	_, _ = b.evaluate(`String(globalThis.old = true)`)
	if err := b.post("/url", map[string]any{"url": address}); err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(pause) {
		loaded, err := b.evaluate(`globalThis.old || document.readyState !== "complete" ? "" : "yes"`)
		if err == nil && loaded != "" {
			return nil
		}
	}
	return fmt.Errorf("%s did not load within %s", address, patience)
}

// evaluate keeps the result in the page until it is fetched. The driver has a command that waits for a script, but it
// waits for ever when the page is left meanwhile.
func (b *webkitTab) evaluate(expression string) (string, error) {
	id := b.session.scripts.Add(1)
	_, err := b.run(fmt.Sprintf(`globalThis.answers ??= {};
		if (%[1]d in answers) return "";
		answers[%[1]d] = null;
		(async () => (%[2]s))().then((text) => { answers[%[1]d] = { text }; }, (error) => { answers[%[1]d] = { error: String(error) }; });
		return "";`, id, expression))
	for deadline := time.Now().Add(patience); err == nil && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		var text string
		text, err = b.run(fmt.Sprintf(`const answer = globalThis.answers?.[%d];
			return answer ? JSON.stringify(answer) : answer === null ? "" : JSON.stringify({ error: %q });`, id, errLeft))
		if err != nil || text == "" {
			continue
		}
		var evaluated struct{ Text, Error string }
		if err := json.Unmarshal([]byte(text), &evaluated); err != nil {
			return "", err
		}
		switch evaluated.Error {
		case "":
			return evaluated.Text, nil
		case errLeft.Error():
			return "", errLeft
		}
		return "", errors.New(evaluated.Error)
	}
	return "", cmp.Or(err, errors.New("no answer in time: "+expression))
}

// run runs a script that returns a text at once. A script that is sent while one page's process takes over from
// another's gets lost, and is sent again; so it may be run twice.
func (b *webkitTab) run(script string) (text string, err error) {
	for deadline := time.Now().Add(patience); ; {
		answer, err := b.call(http.MethodPost, "/execute/sync", map[string]any{"args": []any{}, "script": script})
		if err == nil {
			return text, json.Unmarshal(answer, &text)
		}
		if !os.IsTimeout(err) || time.Now().After(deadline) {
			// What the script throws is caught in it, so a JavaScript error is one of its syntax.
			return "", errors.New(strings.Replace(err.Error(), "javascript error: ", "SyntaxError: ", 1))
		}
	}
}

func (b *webkitTab) act(kind string, actions ...map[string]any) error {
	return b.post("/actions", map[string]any{"actions": actionsOf(kind, actions)})
}

func (b *webkitTab) down(x, y float64) error { return b.act("pointer", moved(x, y), pressed) }
func (b *webkitTab) up(x, y float64) error   { return b.act("pointer", moved(x, y), released) }
func (b *webkitTab) keys(text string) error  { return b.act("key", typed(text)...) }

func (b *webkitTab) frame() (driver, error) { return framed{b, b.evaluateInFrame}, nil }

func (b *webkitTab) evaluateInFrame(expression string) (string, error) {
	if err := b.post("/frame", map[string]any{"id": 0}); err != nil {
		return "", err
	}
	defer func() { _ = b.post("/frame", map[string]any{"id": nil}) }()
	return b.evaluate(expression)
}

func (b *webkitTab) front() error {
	var handle string
	answer, err := b.call(http.MethodGet, "/window", nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, &handle)
}

func (b *webkitTab) screenshot() ([]byte, error) {
	answer, err := b.call(http.MethodGet, "/screenshot", nil)
	if err != nil {
		return nil, err
	}
	var text string
	if err := json.Unmarshal(answer, &text); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(text)
}

// messages are those of all windows.
func (b *webkitTab) messages() []string { return b.session.line.console() }
