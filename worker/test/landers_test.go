//go:build e2e

package test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// The landers of www/ as the built Worker serves them, in a real browser, with
// a simulated Konnektive and Klarna. Every case has a browser profile of its
// own (storage and all) and an e-mail address of its own to find its orders by.

// A landerCase is one thing that the landers promise.
type landerCase struct {
	name string
	run  func(t *testing.T, s *shopper)
}

func TestTheLanders(t *testing.T) {
	market := NewMarket(t, simulator.Options{}, Options{Pages: www(t)})
	browser := market.Browser(t, chromedp.Flag("disable-features", "IsolateOrigins,site-per-process,Translate"), chromedp.Flag("disable-site-isolation-trials", true))
	for _, cases := range [][]landerCase{buying, once, comingBack, saying, withoutHelp} {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) { c.run(t, newShopper(t, market, browser, "url")) })
		}
	}
}

// www is a copy of the landers, so that a build that goes on at the same time
// takes no file away from under the Worker.
func www(t testing.TB) string {
	t.Helper()
	pages := t.TempDir()
	require.NoError(t, os.CopyFS(pages, os.DirFS(filepath.Join(Root(), "www"))))
	return pages
}

// A shopper is a browser profile, with one tab to begin with.
type shopper struct {
	*tab
	market *Market
	email  string
}

// newShopper's e-mail address begins with a word that the simulator may have
// its own ideas about.
func newShopper(t testing.TB, market *Market, browser context.Context, word string) *shopper {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx))
	s := &shopper{market: market, tab: newTab(t, ctx)}
	s.is(word)
	return s
}

// is gives the shopper another address, for other ideas of the simulator's.
func (s *shopper) is(word string) {
	s.email = fmt.Sprintf("%s+%d@example.com", word, time.Now().UnixNano())
}

// another opens a second tab of the same profile.
func (s *shopper) another() *tab {
	s.t.Helper()
	ctx, cancel := chromedp.NewContext(s.ctx)
	s.t.Cleanup(cancel)
	require.NoError(s.t, chromedp.Do(ctx))
	return newTab(s.t, ctx)
}

// orders are the shopper's, as the CRM has them.
func (s *shopper) orders() []simulator.Order { return s.market.CRM.OrdersOf(s.email) }

// order is the only one there may be.
func (s *shopper) order() simulator.Order {
	s.t.Helper()
	orders := s.orders()
	require.Len(s.t, orders, 1, "orders in the CRM")
	return orders[0]
}

// fault makes calls of this shopper go wrong, by kind of call.
func (s *shopper) fault(faults map[simulator.Op]simulator.Fault) {
	s.market.CRM.SetFault(func(c simulator.Call) simulator.Fault {
		if c.Email == s.email {
			return faults[c.Op]
		}
		return simulator.Fault{}
	})
	s.t.Cleanup(func() { s.market.CRM.SetFault(nil) })
}

// fill types a whole order, but for what is given otherwise.
func (s *shopper) fill(on *tab, other ...string) {
	s.t.Helper()
	fields := map[string]string{
		"emailAddress": s.email, "firstName": "Änne", "lastName": "O’Neill", "phoneNumber": "+49 30 12345678", "address1": "Hauptstraße 1",
		"postalCode": "10115", "city": "Berlin", "country": "DE",
	}
	for i := 0; i < len(other); i += 2 {
		fields[other[i]] = other[i+1]
	}
	on.set(fields)
}

// A tab of a shopper's browser.
type tab struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	seen     []string // what happened in it: requests to /api, errors
	requests map[string]int
}

// paidProbe notes the purchases that a page tells of, where a test finds them
// after the page has been left.
const paidProbe = `document.addEventListener("klarna:paid", (event) => {
  const told = JSON.parse(localStorage.getItem("told") ?? "[]");
  localStorage.setItem("told", JSON.stringify([...told, event.detail]));
});`

func newTab(t testing.TB, ctx context.Context) *tab {
	t.Helper()
	b := &tab{t: t, ctx: ctx, requests: map[string]int{}}
	_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: paidProbe})
	require.NoError(t, err)
	_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	require.NoError(t, err)
	require.NoError(t, chromedp.Listen(ctx, func(ev any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if sent, ok := ev.(*network.EventRequestWillBeSent); ok {
			_, path, _ := strings.Cut(strings.TrimPrefix(sent.Request.URL, "https://"), "/")
			path = "/" + path
			b.requests[path]++
			b.seen = append(b.seen, sent.Request.Method+" "+sent.Request.URL)
		}
	}))
	t.Cleanup(func() {
		if t.Failed() {
			b.mu.Lock()
			defer b.mu.Unlock()
			t.Logf("the tab asked for:\n%s", strings.Join(b.seen, "\n"))
		}
	})
	return b
}

// requested counts the requests for paths with this beginning.
func (b *tab) requested(prefix string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for path, times := range b.requests {
		if strings.HasPrefix(path, prefix) {
			n += times
		}
	}
	return n
}

// open goes to a page of the shop, or to a whole address.
func (b *tab) open(path string) {
	b.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = "https://" + Host + path
	}
	require.NoError(b.t, chromedp.Do(Within(b.ctx), chromedp.Navigate(path)), path)
}

// reload loads the page again, and returns once the old one is gone.
func (b *tab) reload() {
	b.t.Helper()
	b.do(`globalThis.old = true; setTimeout(() => location.reload())`)
	b.until(`!globalThis.old && document.readyState === "complete"`)
}

// back goes back in the tab's history, and returns once the page is gone.
func (b *tab) back() {
	b.t.Helper()
	here := b.text(`location.href`)
	b.do(`setTimeout(() => history.back())`)
	b.until(fmt.Sprintf("location.href !== %q && document.readyState === 'complete'", here))
}

// do runs JavaScript in the page.
func (b *tab) do(script string) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(Within(b.ctx), chromedp.Evaluate[chromedp.Void](script, chromedp.EvalAwaitPromise)), script)
}

// text evaluates to a text; "" for nothing.
func (b *tab) text(expression string) string {
	b.t.Helper()
	got, err := chromedp.Run(Within(b.ctx), chromedp.Evaluate[string](`(async () => String((await (`+expression+`)) ?? ""))()`, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err, expression)
	return got
}

// until waits for a condition, through navigations.
func (b *tab) until(condition string) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		limited, cancel := context.WithTimeout(b.ctx, 10*time.Second)
		ok, err := chromedp.Run(limited, chromedp.Evaluate[bool](`Boolean(`+condition+`)`))
		cancel()
		if err == nil && ok {
			return
		}
		time.Sleep(30 * time.Millisecond)
	}
	limited, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	got, _ := chromedp.Run(limited, chromedp.Evaluate[string](`location.href + "\n" + document.documentElement.innerText + "\nform: " + document.querySelector("form")?.dataset.klarnaState`))
	require.FailNow(b.t, "waited in vain for "+condition, "%s", got)
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

// click clicks as a mouse does: where the element is seen, and on whatever is
// in front of it there.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.until(fmt.Sprintf("document.querySelector(%q)?.checkVisibility()", selector))
	var at struct{ X, Y float64 }
	place := b.text(fmt.Sprintf(`(() => {
		const element = document.querySelector(%q);
		element.scrollIntoView({ block: "center" });
		const { left, top, width, height } = element.getBoundingClientRect();
		return JSON.stringify({ x: left + width / 2, y: top + height / 2 });
	})()`, selector))
	require.NoError(b.t, json.Unmarshal([]byte(place), &at))
	require.NoError(b.t, chromedp.Do(Within(b.ctx), chromedp.MouseClickXY(at.X, at.Y)), selector)
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
	b.until(`location.host === "` + KlarnaHost + `" && document.querySelector("#approve, #again")`)
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

// toldOnce waits until pages have told of one purchase: a page tells when it has
// loaded, which may be after everything that it shows is there.
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
		Price string
	}
}) {
	b.t.Helper()
	require.NoError(b.t, json.Unmarshal([]byte(b.text(`localStorage.getItem("told") ?? "[]"`)), &told))
	return told
}

// An interception says what becomes of a request; nil lets it pass.
type interception func(request *network.Request) *cut

// A cut ends a request in the browser: with an answer, or without one.
type cut struct {
	status int // with this answer; 0: the connection breaks
	body   string
	header map[string]string
}

// intercept looks at every request for these paths. after tells that some are
// to reach the Worker first.
func (b *tab) intercept(pattern string, after bool, decide interception) {
	b.t.Helper()
	stage := fetch.RequestStageRequest
	if after {
		stage = fetch.RequestStageResponse
	}
	require.NoError(b.t, chromedp.Listen(b.ctx, func(ev any) {
		paused, ok := ev.(*fetch.EventRequestPaused)
		if !ok {
			return
		}
		go func() { // the caller must not wait for anything
			switch c := decide(paused.Request); {
			case c == nil:
				_, _ = chromedp.Call(b.ctx, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: paused.RequestID})
			case c.status == 0:
				_, _ = chromedp.Call(b.ctx, fetch.FailRequest, fetch.FailRequestParams{RequestID: paused.RequestID, ErrorReason: network.ErrorReasonConnectionReset})
			default:
				params := fetch.FulfillRequestParams{RequestID: paused.RequestID, ResponseCode: int64(c.status), Body: []byte(c.body)}
				params.ResponseHeaders = append(params.ResponseHeaders, &fetch.HeaderEntry{Name: "Content-Type", Value: "application/json"})
				for name, value := range c.header {
					params.ResponseHeaders = append(params.ResponseHeaders, &fetch.HeaderEntry{Name: name, Value: value})
				}
				_, _ = chromedp.Call(b.ctx, fetch.FulfillRequest, params)
			}
		}()
	}))
	_, err := chromedp.Call(b.ctx, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: pattern, RequestStage: stage}}})
	require.NoError(b.t, err)
}

// times lets an interception happen so often, and nothing after that.
func times(n int, c cut) interception {
	var mu sync.Mutex
	return func(*network.Request) *cut {
		mu.Lock()
		defer mu.Unlock()
		if n == 0 {
			return nil
		}
		n--
		return &c
	}
}

// answer is one of the relay's, for what cannot be had from it within a test.
func answer(status int, code, message string, header ...string) cut {
	text, err := json.Marshal(map[string]any{"result": "ERROR", "code": code, "message": message})
	if err != nil {
		panic(err)
	}
	c := cut{status: status, body: string(text), header: map[string]string{}}
	for i := 0; i < len(header); i += 2 {
		c.header[header[i]] = header[i+1]
	}
	return c
}

const orders = "*/api/order/import/*"

// before runs JavaScript in every document before the page's own.
func (b *tab) before(script string) {
	b.t.Helper()
	_, err := chromedp.Call(Within(b.ctx), page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	require.NoError(b.t, err)
}
