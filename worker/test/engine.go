//go:build e2e

package test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// An engine is a browser that is running.
type engine interface {
	// profile opens a new profile, whose network is the line, with one tab.
	profile(t testing.TB, l *line) driver
}

// A driver is one tab of an engine: the little that the engines do each in their own way. Everything else is
// JavaScript in the page, see [tab].
type driver interface {
	// navigate goes to an address and returns when the page has loaded.
	navigate(address string) error
	// evaluate returns what a JavaScript expression comes to, a text or the promise of one. It works whatever the
	// page's policy is.
	evaluate(expression string) (string, error)
	// down moves the mouse to a place in the window and presses its button, up lets it go there.
	down(x, y float64) error
	up(x, y float64) error
	// frame is the page's only frame, which may be of another site: evaluate, down and up are within it.
	frame() (driver, error)
	// keys types on the keyboard, wherever the focus is.
	keys(text string) error
	// front makes this the tab that the shopper looks at.
	front() error
	// screenshot is the window's content as PNG.
	screenshot() ([]byte, error)
	// messages are the warnings and errors that the console has shown so far.
	messages() []string
	// another opens a second tab of the same profile.
	another(t testing.TB) driver
}

// engines are the names of all engines, in the order of their tests.
var engines = []string{"chromium", "firefox", "webkit"}

// wanted are the engines to test with: ENGINES, or all.
func wantedEngines(t testing.TB) []string {
	t.Helper()
	names := strings.FieldsFunc(os.Getenv("ENGINES"), func(r rune) bool { return r == ',' || r == ' ' })
	if len(names) == 0 {
		return engines
	}
	for _, name := range names {
		require.Contains(t, engines, name, "ENGINES")
	}
	return slices.DeleteFunc(slices.Clone(engines), func(name string) bool { return !slices.Contains(names, name) })
}

// launch starts an engine for a shop.
func launch(t testing.TB, name string, shop *Shop) engine {
	t.Helper()
	switch name {
	case "firefox":
		return startFirefox(t)
	case "webkit":
		return startWebKit(t)
	}
	// Klarna's frame in the shop's page is looked into, which Chromium's protocol allows within one process alone.
	return chromiumEngine{shop.Browser(t, chromedp.Flag("disable-features", "IsolateOrigins,site-per-process,Translate"),
		chromedp.Flag("disable-site-isolation-trials", true))}
}
