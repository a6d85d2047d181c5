//go:build e2e

package test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// languages are the folders of the sample pages. The long words are German and French.
var languages = []string{"", "/de", "/fr", "/nl"}

// states are all that the landers can look like, and how to get there.
var states = []struct {
	name  string
	paths []string // in each language
	reach func(s *shopper)
}{
	{"product", []string{"/"}, func(*shopper) {}},
	{"not found", []string{"/nowhere"}, func(*shopper) {}},
	{"legal", []string{"/legal"}, func(*shopper) {}},
	{"languages", []string{"/"}, func(s *shopper) { s.do(`document.querySelector(".languages").open = true`) }},
	{"unfolded", []string{"/checkout"}, func(
		s *shopper) {
		s.do(`for (const fold of document.querySelectorAll("details")) fold.open = true`)
	}},
	{"empty", []string{"/checkout"}, func(*shopper) {}},
	{"filling, with a delivery address", []string{"/checkout"}, func(s *shopper) {
		s.fill(s.tab)
		s.do(`document.querySelector("[name=billShipSame]").click()`)
	}},
	{"filling, with long words", []string{"/checkout"}, func(s *shopper) {
		s.fill(s.tab, "firstName", "عبد الرحمن بن محمد", "lastName", "Müller-Lüdenscheidt von und zu", "city",
			"Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch")
		s.do(`document.querySelector(".choice strong").textContent = "Donaudampfschifffahrtsgesellschaftskapitänsmützenlampe";
			for (const amount of document.querySelectorAll(".amount")) amount.textContent = "123.456.789,90 €"`)
		s.set(map[string]string{"product1_qty": "10"})
		require.Equal(s.t, "rtl", s.text(`document.querySelector("[name=firstName]").matches(":dir(rtl)") ? "rtl" : "ltr"`))
	}},
	{"problems at fields", []string{"/checkout"}, func(s *shopper) {
		s.fill(s.tab, "firstName", "", "postalCode", "1", "country", "")
		s.pay()
		s.state("invalid")
	}},
	{"sending", []string{"/checkout"}, func(s *shopper) {
		s.intercept(orders, false, never)
		s.holdTimers()
		s.reload()
		s.fill(s.tab)
		s.pay()
		s.state("sending")
	}},
	{"leaving", []string{"/checkout"}, func(s *shopper) {
		s.intercept("https://"+KlarnaHost+"/*", false, always(cut{status: 204}))
		s.fill(s.tab)
		s.pay()
		s.state("leaving")
	}},
	{"come back", []string{"/checkout"}, func(s *shopper) {
		s.fill(s.tab)
		s.pay()
		s.klarna("")
		s.back()
		s.state("back")
	}},
	{"declined", []string{"/checkout?klarna=declined"}, func(s *shopper) { s.state("declined") }},
	{"unknown", []string{"/checkout"}, func(s *shopper) {
		s.is("lost")
		s.fill(s.tab)
		s.pay()
		s.state("checking")
	}},
	{"offline", []string{"/checkout"}, func(s *shopper) {
		s.fill(s.tab)
		s.offline(true)
		s.pay()
		s.state("offline")
	}},
	{"retry", []string{"/checkout"}, answered(answer(200, "retry", ""), "retry")},
	{"network", []string{"/checkout"}, answered(cut{}, "network")},
	{"rate limited", []string{"/checkout"},
		answered(answer(429, "rate_limited", "", "Retry-After", "60"), "rate_limited")},
	{"http refused", []string{"/checkout"}, answered(answer(403, "https_required", ""), "insecure")},
	{"country refused", []string{"/checkout"},
		answered(cut{status: 422,
			body: `{"result":"ERROR","code":"country_refused","message":{"country":"Not in this country."}}`},
			"country_refused")},
	{"misconfigured", []string{"/checkout"},
		answered(answer(503, "misconfigured", "The shop cannot take orders."), "misconfigured")},
	{"upsell", []string{"/upsell?ref=0123456789"}, shown("paid", "paid")},
	{"upsell without an order", []string{"/upsell"},
		func(s *shopper) { s.until(`document.querySelector("[data-klarna-when~=none]").checkVisibility()`) }},
	{"thank-you", []string{"/thank-you"}, func(*shopper) {}},
	{"paid", []string{"/thank-you?ref=0123456789"}, shown("paid", "paid")},
	{"paid, with long words", []string{"/thank-you?ref=0123456789"}, func(s *shopper) {
		s.intercept("*/api/order/status/*", false, func(*http.Request) *cut {
			return &cut{status: 200, body: `{"result":"SUCCESS","code":"paid","ref":"0123456789","message":{
				"total":"1234567890.95","currency":"EUR","items":[
				{"name":"Donaudampfschifffahrtsgesellschaftskapitänsmützenbeleuchtung","qty":10,"price":"1234567890.12"},
				{"name":"مصباح الرأس","qty":1,"price":"49.90"}]}}`}
		})
		s.reload()
		s.until(`document.querySelectorAll("[data-klarna-items] li").length === 2`)
	}},
	{"pending", []string{"/thank-you?ref=0123456789"}, shown("pending", "pending")},
	{"unknown afterwards", []string{"/thank-you?ref=0123456789"}, shown("unknown", "unknown")},
	{"declined afterwards", []string{"/thank-you?ref=0123456789"}, shown("declined", "declined")},
	{"retry afterwards", []string{"/thank-you?ref=0123456789"}, shown("retry", "retry")},
	{"too late", []string{"/thank-you?ref=0123456789"}, shown("ref_unknown", "ref_unknown")},
}

// moreStates have the parts of others with other words, and are looked at in one language and at one width, in turn.
var moreStates = []struct {
	name, path string
	reach      func(s *shopper)
}{
	{"earlier paid", "/checkout", answered(earlierPaid("0123456789"), "earlier_paid")},
	{"already paid", "/checkout", func(s *shopper) {
		s.do(`localStorage.setItem("klarna:at:order", JSON.stringify({ ref: "x", paid: true, at: Date.now() + 6e4 }))`)
		s.reload()
		s.state("already_paid")
	}},
	{"elsewhere", "/checkout", func(s *shopper) {
		s.do(`void navigator.locks.request("klarna:order", () => new Promise(() => {}))`)
		s.fill(s.tab)
		s.pay()
		s.state("elsewhere")
	}},
	{"expired", "/thank-you?ref=x", told("retry", "expired")},
	{"review", "/thank-you?ref=x", told("pending", "review")},
	{"refunded", "/thank-you?ref=x", told("declined", "refunded")},
	{"unproven", "/thank-you?ref=x", told("declined", "unproven")},
	{"extra not ordered", "/thank-you?ref=x", told("retry", "upsale_retry")},
}

// told answers every status request with this code and reason, and the longest text there is.
func told(code, reason string) func(*shopper) {
	return func(s *shopper) {
		s.intercept("*/api/order/status/*", false, always(standing(code, reason, strings.Repeat("twelve signs ", 18))))
		s.reload()
		s.until(`document.querySelector("[data-klarna-when~=` + reason + `]").checkVisibility()`)
	}
}

// movedByTest are the states in which things move because the test changes the page, where a shopper would press something.
var movedByTest = []string{"unfolded", "filling, with long words"}

// answered fills and sends the form, whose order is answered with this cut.
func answered(c cut, state string) func(*shopper) {
	return func(s *shopper) {
		s.intercept(orders, false, always(c))
		s.fill(s.tab)
		s.pay()
		s.state(state)
	}
}

// shown answers every status request with this code.
func shown(code, when string) func(*shopper) {
	return func(s *shopper) {
		s.intercept("*/api/order/status/*", false, func(*http.Request) *cut {
			c := answer(200, code, "")
			if code == "paid" {
				c.body = `{"result":"SUCCESS","code":"paid","ref":"0123456789","message":{"total":"54.80","currency":"EUR",
					"items":[{"name":"Trail headlamp","qty":1,"price":"49.90"}]}}`
			}
			return &c
		})
		s.reload()
		s.until(`[...document.querySelectorAll("[data-klarna-when~=` + when + `]")].some((part) => part.checkVisibility())`)
	}
}

// shifts notes what moves in the page without the shopper's doing, by Chromium's own measure (Cumulative Layout
// Shift).
const shifts = `globalThis.shifts = [];
new PerformanceObserver((list) => {
	for (const { value, hadRecentInput, sources } of list.getEntries()) {
		if (hadRecentInput) continue;
		shifts.push([value, ...sources.map(({ node }) => node?.outerHTML?.slice(0, 80) ?? node?.textContent)]);
	}
}).observe({ type: "layout-shift", buffered: true })`

// nothing is the largest layout shift that Chromium's own tools show as 0.000. A part of the page that is parsed late
// moves by less than a pixel.
const nothing = 0.0005

// screens are a phone and a large screen.
var screens = []struct{ width, height int64 }{{360, 740}, {1280, 900}}

// Every state in each language, on a phone and on a large screen: whether anything moves while it comes about, whether
// anything sticks out of the page, and what axe finds. The translations have the markup and the colours of the English
// pages, so each comes about on one of the screens, and axe looks at it once. All of them together are looked at light
// and dark on both screens.
func TestEveryStateOfTheLanders(t *testing.T) {
	t.Parallel()
	axe, err := os.ReadFile(filepath.Join(Root(), "worker/node_modules/axe-core/axe.min.js"))
	require.NoError(t, err)
	market := NewMarket(t, simulator.Options{}, Options{Pages: www(t)})
	browser := market.Browser(t)
	for _, state := range states {
		for i, language := range languages {
			for j, screen := range screens {
				if (i+j)%2 == 1 && language != "" {
					continue
				}
				t.Run(fmt.Sprintf("%s%s, %d wide", state.name, language, screen.width), func(t *testing.T) {
					s := newShopper(t, market, browser, "url")
					s.beforePage(shifts)
					look(t, s, screen.width, screen.height, "light")
					for _, path := range state.paths {
						s.open(language + path)
						state.reach(s)
					}
					if !slices.Contains(movedByTest, state.name) {
						nothingHasMoved(t, s)
					}
					examine(t, s, string(axe), i, j)
				})
			}
		}
	}
	for i, state := range moreStates {
		language, width := languages[i%len(languages)], []int64{360, 768, 1280}[i%3]
		t.Run(fmt.Sprintf("%s%s, %d wide", state.name, language, width), func(t *testing.T) {
			s := newShopper(t, market, browser, "url")
			s.beforePage(shifts)
			look(t, s, width, 800, []string{"light", "dark"}[i%2])
			s.open(language + state.path)
			state.reach(s)
			nothingHasMoved(t, s)
			bring(t, s, string(axe))
			judge(t, s)
			fits(t, s)
		})
	}
}

func nothingHasMoved(t *testing.T, s *shopper) {
	t.Helper()
	s.do(`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`)
	moved, err := strconv.ParseFloat(s.text(`String(shifts.reduce((sum, [value]) => sum + value, 0))`), 64)
	require.NoError(t, err)
	assert.Less(t, moved, nothing, s.text(`JSON.stringify(shifts)`))
}

// examine looks at a state that has come about on a screen, in a language, both by their numbers.
func examine(t *testing.T, s *shopper, axe string, language, screen int) {
	t.Helper()
	bring(t, s, axe)
	for j, size := range screens {
		scheme := []string{"light", "dark"}[(language+j)%2]
		look(t, s, size.width, size.height, scheme)
		if language == 0 && j == screen || language > 0 && j == language/2 {
			judge(t, s)
		}
		fits(t, s)
	}
	// 200 % zoom of a large screen, and 400 % of a small one: a page of half and of a quarter of the width.
	look(t, s, 320, 450, "light")
	assert.Equal(t, "true", s.text(`document.documentElement.scrollWidth <= 320`), "nothing sticks out at 400 %%")
}

// bring has axe in the page: a script of its own, which the pages' policy is right to refuse.
func bring(t *testing.T, s *shopper, axe string) {
	t.Helper()
	_, err := chromedp.Call(Within(s.ctx), page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})
	require.NoError(t, err)
	s.do(axe + "\n;0")
}

// judge is what axe finds.
func judge(t *testing.T, s *shopper) {
	t.Helper()
	assert.Equal(t, "[]", s.text(`axe.run(document, { resultTypes: ["violations"] })
		.then(({ violations }) => JSON.stringify(violations.map(({ id, nodes }) =>
			[id, nodes.map(({ target, failureSummary }) => target + ": " + failureSummary)])))`))
}

func fits(t *testing.T, s *shopper) {
	t.Helper()
	assert.Equal(t, "true", s.text(`document.documentElement.scrollWidth <= innerWidth`), "nothing sticks out at %s",
		s.text(`innerWidth`))
	assert.Equal(t, "1", s.text(`[...document.querySelectorAll("h1")].filter((h1) => h1.checkVisibility()).length`),
		"one heading")
}

// look sets the size of the window and the colours that the shopper prefers.
func look(t *testing.T, s *shopper, width, height int64, scheme string) {
	t.Helper()
	_, err := chromedp.Call(Within(s.ctx), emulation.SetDeviceMetricsOverride,
		emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
	require.NoError(t, err)
	_, err = chromedp.Call(Within(s.ctx), emulation.SetEmulatedMedia,
		emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	require.NoError(t, err)
	s.until(fmt.Sprintf(`innerWidth === %d && matchMedia("(prefers-color-scheme: %s)").matches`, width, scheme))
}
