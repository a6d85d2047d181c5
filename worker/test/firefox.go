//go:build e2e

package test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/stretchr/testify/require"
)

// firefox is a running Firefox, driven by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/). A shopper's
// profile is a user context of its: what Firefox calls a container, with storage and network of its own.
type firefox struct {
	socket *websocket.Conn

	mu      sync.Mutex
	last    int
	waiting map[int]chan bidiMessage
	said    map[string][]string // by browsing context
	ended   error
}

type bidiMessage struct {
	ID      int             `json:"id"`
	Type    string          `json:"type"`
	Error   string          `json:"error"`
	Message string          `json:"message"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
}

// quietFirefox keeps Firefox from asking for anything by itself.
const quietFirefox = `user_pref("app.normandy.enabled", false);
user_pref("app.update.disabledForTesting", true);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.region.network.url", "");
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("browser.safebrowsing.update.enabled", false);
user_pref("browser.search.update", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.page", 0);
user_pref("browser.topsites.contile.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("dom.push.connection.enabled", false);
user_pref("extensions.getAddons.cache.enabled", false);
user_pref("extensions.update.enabled", false);
user_pref("media.gmp-manager.updateEnabled", false);
user_pref("messaging-system.rsexperimentloader.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("network.dns.disablePrefetch", true);
user_pref("network.prefetch-next", false);
user_pref("network.http.speculative-parallel-limit", 0);
user_pref("security.certerrors.mitm.priming.enabled", false);
user_pref("services.settings.server", "data:,#remote-settings-dummy/v1");
user_pref("toolkit.telemetry.server", "");
`

func startFirefox(t testing.TB) engine {
	t.Helper()
	path := firefoxPath(t)
	profile := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(profile, "user.js"), []byte(quietFirefox), 0o600))
	cmd := exec.Command(path, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0")
	cmd.Env = append(os.Environ(), "MOZ_CRASHREPORTER_DISABLE=1", "HOME="+profile)
	cmd.SysProcAttr = group()
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	address := make(chan string, 1)
	go func() {
		listening := regexp.MustCompile(`WebDriver BiDi listening on (ws://\S+)`)
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			if found := listening.FindStringSubmatch(lines.Text()); found != nil {
				address <- found[1]
			}
		}
		_, _ = io.Copy(io.Discard, stderr)
		close(address)
	}()
	f := &firefox{waiting: map[int]chan bidiMessage{}, said: map[string][]string{}}
	t.Cleanup(func() {
		if f.socket != nil {
			_ = f.socket.CloseNow()
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	select {
	case at := <-address:
		require.NotEmpty(t, at, "Firefox ended at once")
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		f.socket, _, err = websocket.Dial(ctx, at+"/session", nil)
		require.NoError(t, err)
	case <-time.After(patience):
		require.FailNow(t, "Firefox did not start")
	}
	f.socket.SetReadLimit(-1)
	go f.listen()
	_, err = f.call("session.new",
		map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{"acceptInsecureCerts": true}}})
	require.NoError(t, err)
	_, err = f.call("session.subscribe", map[string]any{"events": []string{"log.entryAdded"}})
	require.NoError(t, err)
	return f
}

func firefoxPath(t testing.TB) string {
	t.Helper()
	for _, name := range []string{os.Getenv("FIREFOX"), "firefox-esr", "firefox"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	require.FailNow(t, "no Firefox found",
		"`make browsers` installs it, FIREFOX names one, and ENGINES=chromium does without")
	return ""
}

// listen hands every answer to the call that waits for it, and keeps what consoles show.
func (f *firefox) listen() {
	for {
		var m bidiMessage
		err := wsjson.Read(context.Background(), f.socket, &m)
		f.mu.Lock()
		if err != nil {
			f.ended = fmt.Errorf("the browser has ended: %w", err)
			for id, waiting := range f.waiting {
				close(waiting)
				delete(f.waiting, id)
			}
			f.mu.Unlock()
			return
		}
		switch {
		case m.Type == "event" && m.Method == "log.entryAdded":
			var entry struct {
				Level, Text string
				Source      struct{ Context string }
			}
			if json.Unmarshal(m.Params, &entry) == nil && (entry.Level == "error" || entry.Level == "warn") {
				f.said[entry.Source.Context] = append(f.said[entry.Source.Context], entry.Level+": "+entry.Text)
			}
		case f.waiting[m.ID] != nil:
			f.waiting[m.ID] <- m
			delete(f.waiting, m.ID)
		}
		f.mu.Unlock()
	}
}

// call runs a command to its end.
func (f *firefox) call(method string, params map[string]any) (json.RawMessage, error) {
	answer := make(chan bidiMessage, 1)
	f.mu.Lock()
	if f.ended != nil {
		defer f.mu.Unlock()
		return nil, f.ended
	}
	f.last++
	id := f.last
	f.waiting[id] = answer
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := wsjson.Write(ctx, f.socket, map[string]any{"id": id, "method": method, "params": params}); err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	select {
	case m, ok := <-answer:
		switch {
		case !ok:
			return nil, errors.New(method + ": Firefox has ended")
		case m.Error != "":
			return nil, fmt.Errorf("%s: %s: %s", method, m.Error, m.Message)
		}
		return m.Result, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: no answer within %s", method, patience)
	}
}

func (f *firefox) profile(t testing.TB, l *line) driver {
	t.Helper()
	created, err := f.call("browser.createUserContext", map[string]any{
		"acceptInsecureCerts": true,
		"proxy":               map[string]any{"proxyType": "manual", "httpProxy": l.address, "sslProxy": l.address},
	})
	require.NoError(t, err)
	var user struct{ UserContext string }
	require.NoError(t, json.Unmarshal(created, &user))
	t.Cleanup(func() { _, _ = f.call("browser.removeUserContext", map[string]any{"userContext": user.UserContext}) })
	return f.window(t, user.UserContext)
}

// window opens a window with one tab. In one window, opening a tab and bringing it to the front both wait until the
// one that was in front says that it is hidden, which it never does when it is being left for another page.
func (f *firefox) window(t testing.TB, user string) driver {
	t.Helper()
	created, err := f.call("browsingContext.create", map[string]any{"type": "window", "userContext": user})
	require.NoError(t, err)
	var tab struct{ Context string }
	require.NoError(t, json.Unmarshal(created, &tab))
	_, err = f.call("browsingContext.setViewport", map[string]any{"context": tab.Context,
		"viewport": map[string]any{"width": 800, "height": 600}})
	require.NoError(t, err)
	return &firefoxTab{firefox: f, user: user, id: tab.Context}
}

// A firefoxTab is a tab of Firefox, or a frame in one.
type firefoxTab struct {
	firefox  *firefox
	user, id string
}

func (b *firefoxTab) another(t testing.TB) driver {
	t.Helper()
	return b.firefox.window(t, b.user)
}

func (b *firefoxTab) navigate(address string) error {
	_, err := b.firefox.call("browsingContext.navigate",
		map[string]any{"context": b.id, "url": address, "wait": "complete"})
	return err
}

func (b *firefoxTab) evaluate(expression string) (string, error) {
	answer, err := b.firefox.call("script.evaluate", map[string]any{
		"expression": expression, "awaitPromise": true, "target": map[string]any{"context": b.id},
	})
	if err != nil {
		return "", err
	}
	var evaluated struct {
		Type             string
		Result           struct{ Value json.RawMessage }
		ExceptionDetails struct{ Text string }
	}
	if err := json.Unmarshal(answer, &evaluated); err != nil {
		return "", err
	}
	if evaluated.Type == "exception" {
		return "", errors.New(evaluated.ExceptionDetails.Text)
	}
	var text string
	err = json.Unmarshal(evaluated.Result.Value, &text)
	return text, err
}

// act has the mouse or the keyboard do something.
func (b *firefoxTab) act(kind string, actions ...map[string]any) error {
	_, err := b.firefox.call("input.performActions", map[string]any{"context": b.id, "actions": actionsOf(kind, actions)})
	return err
}

func (b *firefoxTab) down(x, y float64) error { return b.act("pointer", moved(x, y), pressed) }
func (b *firefoxTab) up(x, y float64) error   { return b.act("pointer", moved(x, y), released) }
func (b *firefoxTab) keys(text string) error  { return b.act("key", typed(text)...) }

func (b *firefoxTab) frame() (driver, error) {
	answer, err := b.firefox.call("browsingContext.getTree", map[string]any{"root": b.id})
	if err != nil {
		return nil, err
	}
	var tree struct {
		Contexts []struct{ Children []struct{ Context string } }
	}
	if err := json.Unmarshal(answer, &tree); err != nil {
		return nil, err
	}
	if len(tree.Contexts) != 1 || len(tree.Contexts[0].Children) != 1 {
		return nil, fmt.Errorf("not one frame: %s", answer)
	}
	return &firefoxTab{b.firefox, b.user, tree.Contexts[0].Children[0].Context}, nil
}

func (b *firefoxTab) front() error {
	_, err := b.firefox.call("browsingContext.activate", map[string]any{"context": b.id})
	return err
}

func (b *firefoxTab) screenshot() ([]byte, error) {
	answer, err := b.firefox.call("browsingContext.captureScreenshot", map[string]any{"context": b.id})
	if err != nil {
		return nil, err
	}
	var shot struct{ Data string }
	if err := json.Unmarshal(answer, &shot); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(shot.Data)
}

func (b *firefoxTab) messages() []string {
	b.firefox.mu.Lock()
	defer b.firefox.mu.Unlock()
	return append([]string{}, b.firefox.said[b.id]...)
}

// What both kinds of WebDriver call actions: https://www.w3.org/TR/webdriver2/#actions.
var (
	pressed  = map[string]any{"type": "pointerDown", "button": 0}
	released = map[string]any{"type": "pointerUp", "button": 0}
)

// moved goes to a place in the window, which is measured in whole pixels.
func moved(x, y float64) map[string]any {
	return map[string]any{"type": "pointerMove", "x": int(x), "y": int(y), "duration": 0}
}

// webDriverKeys has WebDriver's names for the keys that Chromium's driver calls otherwise.
var webDriverKeys = map[string]string{kb.Tab: "\uE004", kb.Enter: "\uE007", kb.ArrowDown: "\uE015"}

func typed(text string) (actions []map[string]any) {
	for _, letter := range text {
		key := string(letter)
		if name, ok := webDriverKeys[key]; ok {
			key = name
		}
		actions = append(actions, map[string]any{"type": "keyDown", "value": key},
			map[string]any{"type": "keyUp", "value": key})
	}
	return actions
}

func actionsOf(kind string, actions []map[string]any) []map[string]any {
	source := map[string]any{"type": kind, "id": kind, "actions": actions}
	if kind == "pointer" {
		source["parameters"] = map[string]any{"pointerType": "mouse"}
	}
	return []map[string]any{source}
}
