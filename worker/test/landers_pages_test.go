//go:build e2e

package test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
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

// Every state in each language, on a phone and on a large screen: whether anything sticks out of the page, and what axe
// finds. The translations have the markup and the colours of the English pages, so axe looks at each of them once, and
// all of them together are looked at light and dark on both screens.
func TestAxeFindsNothingInAnyStateOfTheLanders(t *testing.T) {
	t.Parallel()
	axe, err := os.ReadFile(filepath.Join(Root(), "worker/node_modules/axe-core/axe.min.js"))
	require.NoError(t, err)
	market := NewMarket(t, simulator.Options{}, Options{Pages: www(t)})
	browser := market.Browser(t)
	checked := 0
	for _, state := range states {
		for i, language := range languages {
			t.Run(state.name+language, func(t *testing.T) {
				s := newShopper(t, market, browser, "url")
				for _, path := range state.paths {
					s.open(language + path)
					state.reach(s)
				}
				// The checker is a script of its own, which the pages' policy is right to refuse.
				_, err := chromedp.Call(Within(s.ctx), page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})
				require.NoError(t, err)
				s.do(string(axe) + "\n;0")
				for j, size := range []struct{ width, height int64 }{{360, 740}, {1280, 900}} {
					scheme := []string{"light", "dark"}[(i+j)%2]
					look(t, s.ctx, size.width, size.height, scheme)
					s.until(fmt.Sprintf(`innerWidth === %d && matchMedia("(prefers-color-scheme: %s)").matches`, size.width, scheme))
					if i == 0 || j == i/2 {
						assert.Equal(t, "[]", s.text(`axe.run(document, { resultTypes: ["violations"] })
							.then(({ violations }) => JSON.stringify(violations.map(({ id, nodes }) =>
								[id, nodes.map(({ target, failureSummary }) => target + ": " + failureSummary)])))`),
							"%d %s", size.width, scheme)
						checked++
					}
					assert.Equal(t, "true", s.text(`document.documentElement.scrollWidth <= innerWidth`), "nothing sticks out at %d",
						size.width)
					assert.Equal(t, "1", s.text(`[...document.querySelectorAll("h1")].filter((h1) => h1.checkVisibility()).length`),
						"one heading")
				}
				// 200 % zoom of a large screen, and 400 % of a small one: a page of half and of a quarter of the width.
				look(t, s.ctx, 320, 450, "light")
				assert.Equal(t, "true", s.text(`document.documentElement.scrollWidth <= 320`), "nothing sticks out at 400 %%")
			})
		}
	}
	t.Logf("%d looks at %d states in %d languages", checked, len(states), len(languages))
}

// look sets the size of the window and the colours that the shopper prefers.
func look(t *testing.T, ctx context.Context, width, height int64, scheme string) {
	t.Helper()
	_, err := chromedp.Call(Within(ctx), emulation.SetDeviceMetricsOverride,
		emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
	require.NoError(t, err)
	_, err = chromedp.Call(Within(ctx), emulation.SetEmulatedMedia,
		emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	require.NoError(t, err)
}

func TestTheCheckoutsFirstLoadIsSmall(t *testing.T) {
	t.Parallel()
	const most = 35 << 10 // bytes, compressed
	market := NewMarket(t, simulator.Options{}, Options{Pages: www(t)})
	s := newShopper(t, market, market.Browser(t), "url")
	s.open("/checkout")
	s.until(`document.readyState === "complete"`)
	total := 0
	for _, address := range strings.Fields(
		s.text(`[location.href, ...performance.getEntriesByType("resource").map((entry) => entry.name)].join(" ")`)) {
		require.True(t, strings.HasPrefix(address, "https://"+Host+"/"), "a request to somebody else: %s", address)
		if strings.Contains(address, "/api/") || strings.Contains(address, "/.line/") { // the second is the test harness
			continue
		}
		got := Send(t, market.Client(), http.MethodGet, address, "")
		require.Equal(t, http.StatusOK, got.Status, address)
		size := squeezed(t, got.Body)
		t.Logf("%6d %s", size, address)
		total += size
	}
	t.Logf("%6d in all", total)
	assert.LessOrEqual(t, total, most)
	assert.Greater(t, total, 10<<10, "something was loaded")
}

// squeezed is the size of a file as gzip sends it.
func squeezed(t *testing.T, body string) int {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.DefaultCompression)
	require.NoError(t, err)
	_, err = w.Write([]byte(body))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Len()
}

func TestTheW3CsCheckerFindsNothing(t *testing.T) {
	t.Parallel()
	java, err := exec.LookPath("java")
	if err != nil {
		t.Skip("the W3C's checker needs Java; html-validate has looked at the pages")
	}
	jar := filepath.Join(Root(), "worker/node_modules/vnu-jar/build/dist/vnu.jar")
	for kind, pattern := range map[string]string{"--html": "*.html", "--css": "*.css", "--svg": "img/*.svg"} {
		files, err := filepath.Glob(filepath.Join(SamplePages(), pattern))
		require.NoError(t, err)
		if kind == "--html" {
			more, err := filepath.Glob(filepath.Join(SamplePages(), "[a-z][a-z]/*.html"))
			require.NoError(t, err)
			files = append(files, more...)
		}
		require.NotEmpty(t, files)
		out, err := exec.Command(java, append([]string{"-jar", jar, kind}, files...)...).CombinedOutput()
		assert.NoError(t, err, "%s", out)
		assert.Empty(t, string(out))
	}
}
