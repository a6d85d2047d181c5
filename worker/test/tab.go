//go:build e2e

package test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A tab of a shopper's browser.
type tab struct {
	*line
	driver
	t testing.TB
	// ctx is for what only Chromium can do; nil in other engines.
	ctx context.Context

	presses int
}

// pause is between two looks at a page that is waited for.
const pause = 30 * time.Millisecond

// onlyChromium skips a test in every other engine.
func (b *tab) onlyChromium(what string) {
	b.t.Helper()
	if b.ctx == nil {
		b.t.Skip("only Chromium " + what)
	}
}

func newTab(t testing.TB, l *line, d driver) *tab {
	b := &tab{t: t, line: l, driver: d}
	if c, ok := d.(*chromiumDriver); ok {
		b.ctx = c.ctx
	}
	return b
}

// open goes to a page of the shop, or to a whole address.
func (b *tab) open(path string) {
	b.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = "https://" + Host + path
	}
	require.NoError(b.t, b.front())
	require.NoError(b.t, b.navigate(path), path)
}

// look brings the tab to the front: a page that nobody looks at does not ask for its order.
func (b *tab) look() {
	b.t.Helper()
	require.NoError(b.t, b.front())
}

// reload loads the page again, and returns once the old one is gone.
func (b *tab) reload() {
	b.t.Helper()
	b.leave(`globalThis.old = true; setTimeout(() => location.reload())`)
	b.until(`!globalThis.old && document.readyState === "complete"`)
}

// back goes back in the tab's history, and returns once the page is gone.
func (b *tab) back() {
	b.t.Helper()
	here := b.text(`location.href`)
	b.leave(`setTimeout(() => history.back())`)
	b.until(fmt.Sprintf("location.href !== %q && document.readyState === 'complete'", here))
}

// errLeft is the error of a script whose answer has gone with its page.
var errLeft = errors.New("the page has gone")

// leave runs JavaScript by which the page is left, maybe before it has answered.
func (b *tab) leave(script string) {
	b.t.Helper()
	if _, err := b.evaluate("(async () => { " + script + "\n; return '' })()"); !errors.Is(err, errLeft) {
		require.NoError(b.t, err, script)
	}
}

// do runs JavaScript in the page: statements, which may use await, or an expression, whose promise is awaited.
func (b *tab) do(script string) {
	b.t.Helper()
	_, err := b.evaluate("(async () => { await (" + script + "\n); return '' })()")
	if err != nil && strings.Contains(err.Error(), "SyntaxError") {
		_, err = b.evaluate("(async () => { " + script + "\n; return '' })()")
	}
	require.NoError(b.t, err, script)
}

// text evaluates to a text; "" for nothing.
func (b *tab) text(expression string) string {
	b.t.Helper()
	got, err := b.evaluate(`(async () => String((await (` + expression + `)) ?? ""))()`)
	require.NoError(b.t, err, expression)
	return got
}

// until waits for a condition, through navigations.
func (b *tab) until(condition string) {
	b.t.Helper()
	b.found(condition, `(async () => (await (`+condition+`)) ? "yes" : "")()`)
}

// found waits until an expression comes to a text that is not empty, through navigations.
func (b *tab) found(what, expression string) string {
	b.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(pause) {
		if got, err := b.evaluate(expression); err == nil && got != "" {
			return got
		}
	}
	got, _ := b.evaluate(`String(location.href + "\n" + document.documentElement.innerText +
		"\nform: " + document.querySelector("form")?.dataset.klarnaState)`)
	require.FailNow(b.t, "waited in vain for "+what, "%s", got)
	return ""
}

// at waits until the tab has come to a page, by its path and query.
func (b *tab) at(prefix string) {
	b.t.Helper()
	if strings.HasPrefix(prefix, "/") {
		prefix = "https://" + Host + prefix
	}
	b.until(fmt.Sprintf("location.href.startsWith(%q) && document.readyState === 'complete'", prefix))
}

// state waits for a state of the form.
func (b *tab) state(name string) {
	b.t.Helper()
	b.until(fmt.Sprintf("document.querySelector('form[data-klarna]')?.dataset.klarnaState === %q", name))
}

// set types into fields, as far as a page notices.
func (b *tab) set(fields map[string]string) {
	b.t.Helper()
	literal, err := json.Marshal(fields)
	require.NoError(b.t, err)
	b.do(`for (const [name, value] of Object.entries(` + string(literal) + `)) {
		const field = document.querySelector("[name=" + name + "]");
		field.focus();
		field.value = value;
		field.dispatchEvent(new Event("input", { bubbles: true }));
		field.dispatchEvent(new Event("change", { bubbles: true }));
	}`)
}

// still comes to the middle of an element as soon as a hand could press it there: the page has loaded, the element
// has not moved for two frames, and nothing is in front of it. From then on it is noted where the mouse's button
// goes down and what is clicked.
const still = `(async (selector, press) => {
	const element = document.querySelector(selector);
	if (document.readyState !== "complete" || !element?.checkVisibility()) return "";
	element.scrollIntoView({ block: "center", behavior: "instant" });
	const place = () => JSON.stringify(element.getBoundingClientRect());
	const before = place();
	for (let frame = 0; frame < 2; frame++) {
		await new Promise(requestAnimationFrame);
		if (place() !== before) return "";
	}
	const { left, top, width, height } = element.getBoundingClientRect();
	const x = left + width / 2, y = top + height / 2;
	const mine = (target) => element.contains(target) || target?.closest?.("label")?.control === element;
	if (!mine(document.elementFromPoint(x, y))) return "";
	globalThis.press = { press, at: JSON.stringify({ x, y }) };
	for (const kind of ["mousedown", "click"]) {
		addEventListener(kind, ({ target }) => {
			globalThis.press[kind] ??= mine(target) ? "here" : target.outerHTML ?? "nowhere";
		}, { capture: true, once: true });
	}
	return globalThis.press.at;
})`

// click presses as a hand does, once: what has stood still, on whatever is in front there. It fails when the press
// went elsewhere.
func (b *tab) click(selector string) {
	b.t.Helper()
	require.NoError(b.t, b.front())
	b.press(selector)
	// A page that has been left meanwhile was left by the press.
	arrived := b.found("the click on "+selector,
		fmt.Sprintf(`String(globalThis.press?.press === %d ? press.click ?? "" : "here")`, b.presses))
	require.Equal(b.t, "here", arrived, "the click on %s went elsewhere", selector)
}

// press is a click that fails when the button went down elsewhere, and does not look what became of it.
func (b *tab) press(selector string) {
	b.t.Helper()
	b.presses++
	place := b.found(selector+", to be seen and standing still", fmt.Sprintf("%s(%q, %d)", still, selector, b.presses))
	var at struct{ X, Y float64 }
	require.NoError(b.t, json.Unmarshal([]byte(place), &at))
	require.NoError(b.t, b.down(at.X, at.Y), selector)
	require.Equal(b.t, "here", b.found("the press on "+selector,
		`String(globalThis.press ? press.mousedown ?? "" : "the page has gone")`), "the press on %s went elsewhere",
		selector)
	require.NoError(b.t, b.up(at.X, at.Y), selector)
}

// inFrame presses a button in the page's frame, which is gone after that.
func (b *tab) inFrame(selector string) {
	b.t.Helper()
	require.NoError(b.t, b.front())
	b.found("a frame that stands still", still+`("iframe", 0)`)
	inside, err := b.frame()
	require.NoError(b.t, err)
	frame := *b
	frame.driver = inside
	frame.press(selector)
}

// framed is a tab's only frame, for engines whose mouse knows places in the window alone.
type framed struct {
	driver
	inside func(expression string) (string, error)
}

func (f framed) evaluate(expression string) (string, error) { return f.inside(expression) }
func (f framed) down(x, y float64) error                    { return f.at(x, y, f.driver.down) }
func (f framed) up(x, y float64) error                      { return f.at(x, y, f.driver.up) }

// at does something at a place in the frame, by its place in the window.
func (f framed) at(x, y float64, do func(x, y float64) error) error {
	corner, err := f.driver.evaluate(`(() => {
		const frame = document.querySelector("iframe"), { left, top } = frame.getBoundingClientRect();
		return JSON.stringify({ x: left + frame.clientLeft, y: top + frame.clientTop });
	})()`)
	if err != nil {
		return err
	}
	var from struct{ X, Y float64 }
	if err := json.Unmarshal([]byte(corner), &from); err != nil {
		return err
	}
	return do(from.X+x, from.Y+y)
}

const payButton = "form[data-klarna] :is([type=submit], button:not([type]))"

// pay presses the button of the form.
func (b *tab) pay() {
	b.t.Helper()
	b.click(payButton)
}

// klarna waits for Klarna's page and presses one of its buttons; "" presses none.
func (b *tab) klarna(button string) {
	b.t.Helper()
	// Konnektive is asked about a purchase once a second at most. A shopper spends longer than that at Klarna, and so the
	// return may ask.
	b.until(`location.host === "` + KlarnaHost +
		`" && document.querySelector("#approve, #again") && performance.now() > 1100`)
	if button != "" {
		b.click(button)
	}
}

// alert is what the form says at once, status what it says when there is time.
func (b *tab) alert() string {
	b.t.Helper()
	return b.text(`document.querySelector("[role=alert]").textContent`)
}

func (b *tab) status() string {
	b.t.Helper()
	return b.text(`document.querySelector("[role=status]").textContent`)
}

// toldOnce waits until pages have told of one purchase: a page tells when it has loaded, which may be after
// everything that it shows is there.
func (b *tab) toldOnce() {
	b.t.Helper()
	b.until(`JSON.parse(localStorage.getItem("told") ?? "[]").length >= 1`)
	require.Len(b.t, b.told(), 1)
}

// told are the purchases that pages told of, in order.
func (b *tab) told() (told []struct {
	Ref, Currency string
	Total         float64
	Items         []struct {
		Name  string
		Qty   int
		Price float64
	}
}) {
	b.t.Helper()
	require.NoError(b.t, json.Unmarshal([]byte(b.text(`localStorage.getItem("told") ?? "[]"`)), &told))
	return told
}
