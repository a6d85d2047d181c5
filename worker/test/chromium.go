//go:build e2e

package test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// chromiumEngine is Chromium, driven by its own protocol.
type chromiumEngine struct{ ctx context.Context }

func (c chromiumEngine) profile(t testing.TB, l *line) driver {
	t.Helper()
	return chromiumTab(t, c.ctx, chromedp.WithNewBrowserContext(
		func(p *target.CreateBrowserContextParams) { p.ProxyServer = "http://" + l.address }))
}

// A chromiumDriver is a tab of Chromium.
type chromiumDriver struct {
	ctx context.Context

	mu   sync.Mutex
	said []string
}

func chromiumTab(t testing.TB, parent context.Context, options ...chromedp.ContextOption) *chromiumDriver {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, options...)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx))
	c := &chromiumDriver{ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, c.hear))
	_, err := chromedp.Call(Within(ctx), cdplog.Enable, cdp.Empty{})
	require.NoError(t, err)
	return c
}

// hear keeps what the console shows.
func (c *chromiumDriver) hear(ev any) {
	var text string
	switch said := ev.(type) {
	case *cdplog.EventEntryAdded:
		if said.Entry.Level == cdplog.EntryLevelError || said.Entry.Level == cdplog.EntryLevelWarning {
			text = fmt.Sprintf("%s: %s %s", said.Entry.Level, said.Entry.Text, said.Entry.URL)
		}
	case *cdpruntime.EventConsoleAPICalled:
		if said.Type == cdpruntime.ConsoleAPICalledTypeError || said.Type == cdpruntime.ConsoleAPICalledTypeWarning {
			text = string(said.Type)
			for _, arg := range said.Args {
				text += " " + string(arg.Value) + arg.Description
			}
		}
	case *cdpruntime.EventExceptionThrown:
		text = "exception: " + said.ExceptionDetails.Text
	}
	if text == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, text)
}

func (c *chromiumDriver) messages() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string{}, c.said...)
}

func (c *chromiumDriver) another(t testing.TB) driver {
	t.Helper()
	return chromiumTab(t, c.ctx)
}

func (c *chromiumDriver) navigate(address string) error {
	return chromedp.Do(Within(c.ctx), chromedp.Navigate(address))
}

func (c *chromiumDriver) evaluate(expression string) (string, error) {
	return chromedp.Run(Within(c.ctx), chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
}

func (c *chromiumDriver) mouse(kind input.DispatchMouseEventType, x, y float64) error {
	_, err := chromedp.Call(Within(c.ctx), input.DispatchMouseEvent,
		input.DispatchMouseEventParams{Type: kind, X: x, Y: y, Button: input.MouseButtonLeft, ClickCount: 1})
	return err
}

func (c *chromiumDriver) down(x, y float64) error { return c.mouse(chromedp.MousePressed, x, y) }
func (c *chromiumDriver) up(x, y float64) error   { return c.mouse(chromedp.MouseReleased, x, y) }

func (c *chromiumDriver) frame() (driver, error) { return framed{c, c.evaluateInFrame}, nil }

// evaluateInFrame does so in a world of its own, which one frame has once by its name.
func (c *chromiumDriver) evaluateInFrame(expression string) (string, error) {
	within := Within(c.ctx)
	all, err := chromedp.Call(within, page.GetFrameTree, cdp.Empty{})
	if err != nil {
		return "", err
	}
	frames := all.FrameTree.ChildFrames
	if len(frames) != 1 {
		return "", fmt.Errorf("%d frames", len(frames))
	}
	world, err := chromedp.Call(within, page.CreateIsolatedWorld,
		page.CreateIsolatedWorldParams{FrameID: frames[0].Frame.ID, WorldName: "test"})
	if err != nil {
		return "", err
	}
	return chromedp.Run(within, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise,
		func(p *cdpruntime.EvaluateParams) { p.ContextID = world.ExecutionContextID }))
}

func (c *chromiumDriver) keys(text string) error {
	return chromedp.Do(Within(c.ctx), chromedp.KeyEvent(text))
}

func (c *chromiumDriver) front() error { return nil } // without a window every tab is in front

func (c *chromiumDriver) screenshot() ([]byte, error) {
	return chromedp.Run(Within(c.ctx), chromedp.CaptureScreenshot())
}
