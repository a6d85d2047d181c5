//go:build e2e

package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"klarna-relay/worker/simulator"
)

// Workers must not print what shoppers enter or what is secret. So the tests note the value of every field of every
// request to a Worker and of every call to the simulated CRM, except those that [harmless] lists. When all tests are
// over, everything that was printed is searched for these values.
var (
	everything   prints // what all Workers of this run have printed
	confidential = secrets{values: map[string]string{}}
)

// prints are texts by the test that caused them.
type prints struct {
	mu   sync.Mutex
	list []struct{ test, text string }
}

func (p *prints) add(test, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, struct{ test, text string }{test, text})
}

// leaks lists the lines that hold something confidential, and what.
func (p *prints) leaks(s *secrets) (found []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, print := range p.list {
		for _, leak := range s.leaks(print.text) {
			found = append(found, print.test+": "+leak)
		}
	}
	return found
}

// secrets are values that must not come out, and what each is.
type secrets struct {
	mu     sync.Mutex
	values map[string]string
}

// spoken is how many characters of a value are searched for, since a leaked value may be cut short.
const spoken = 40

func (s *secrets) add(what, value string) {
	value = strings.TrimSpace(value)
	if utf8.RuneCountInString(value) < 3 { // a quantity, a country: found in any text
		return
	}
	switch value {
	case "true", "false", "null", "undefined": // words of JSON, and what libraries write for what they have not
		return
	}
	if len(value) > spoken {
		end := spoken
		for !utf8.RuneStart(value[end]) {
			end--
		}
		value = value[:end]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[value] = what
}

// harmless fields say what is sold, how, and from which page; anybody may read
// them in the lander's own code. orderId is in the log on purpose: support
// finds an order by it. So is the total of an order that was found paid.
var harmless = regexp.MustCompile(`^(product\d+_(id|qty)|variant\d+_id|billShipSame|country|shipCountry|` +
	`shipProfileId|pageType|salesUrl|campaignId|paySource|prepaidType|forceMerchantId|orderId|orderNumber|` +
	`finalizeTransaction|items?|orderStatus|orderType|totalAmount|currency(Code|Symbol)?|name|qty|price|productId)$`)

func (s *secrets) addField(name, value string) {
	if !harmless.MatchString(name) {
		s.add(name, value)
	}
}

// addBooks adds what a simulated CRM was told and what it answered.
func (s *secrets) addBooks(sim *simulator.Simulator) {
	for _, call := range sim.Calls() {
		for name, value := range call.Fields {
			s.addField(name, value)
		}
	}
	for _, session := range sim.Sessions() {
		s.add("Klarna session", session.ID)
	}
}

// overhear adds what a request says, and leaves the request as it is.
func overhear(r *http.Request) {
	for _, name := range []string{"Idempotency-Key", "Authorization", "Cookie", "CF-Connecting-IP"} {
		for _, value := range r.Header.Values(name) {
			confidential.add(name, strings.TrimPrefix(value, "Bearer "))
		}
	}
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		return
	}
	for name, values := range r.URL.Query() {
		for _, value := range values {
			confidential.addField(name, value)
		}
	}
	if r.ContentLength <= 0 || r.ContentLength > 64<<10 {
		return
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
	if values, err := url.ParseQuery(string(body)); err == nil && !bytes.HasPrefix(body, []byte("{")) {
		for name, list := range values {
			for _, value := range list {
				confidential.addField(name, value)
			}
		}
		body = []byte(values.Get("orderData"))
	}
	var fields map[string]any
	if json.Unmarshal(body, &fields) == nil {
		for name, value := range fields {
			if text, ok := value.(string); ok {
				confidential.addField(name, text)
			}
		}
	}
}

// failing is the end of a body that was read with this error; nil: a good one.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}

// shapes are patterns of personal data, which must not be in any line.
var shapes = map[string]*regexp.Regexp{
	"an e-mail address": regexp.MustCompile(`[^\s"@/]+@[^\s"@/]+\.\pL{2,}`),
	"a whole reference": regexp.MustCompile(`[0-9a-fA-F]{32,}`),
	"an address":        regexp.MustCompile(`\b(?:\d{1,3}\.){3}\d{1,3}\b`),
	"an IPv6 address":   regexp.MustCompile(`\b2001:[0-9a-fA-F:]+`),
}

// alarmCanceled is a line of workerd's own, about an alarm that was set anew while its handler ran. It names the
// object. Cloudflare does not show such lines to anybody who has a Worker.
var alarmCanceled = regexp.MustCompile(`(SQLite alarm handler canceled .*; actorId = )[0-9a-f]{64}\b`)

// leaks lists the lines of a text that hold a value, in any of the ways in which
// one is written into JSON, URLs and forms.
func (s *secrets) leaks(text string) (found []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text = alarmCanceled.ReplaceAllString(text, "${1}…")
	folded := strings.ToLower(text)
	for value, what := range s.values {
		for _, written := range writings(value) {
			if line, ok := lineWith(folded, strings.ToLower(written)); ok {
				found = append(found, fmt.Sprintf("%s %q in: %s", what, value, line))
				break
			}
		}
	}
	for line := range strings.Lines(text) {
		for what, shape := range shapes {
			if hit := shape.FindString(line); hit != "" && !strings.HasPrefix(hit, "127.") {
				found = append(found, fmt.Sprintf("%s %q in: %s", what, hit, strings.TrimSpace(line)))
			}
		}
	}
	slices.Sort(found)
	return found
}

// writings are the ways to write a value.
func writings(value string) []string {
	ascii := strconv.QuoteToASCII(value)
	all := []string{value, url.QueryEscape(value), url.PathEscape(value), ascii[1 : len(ascii)-1]}
	slices.Sort(all)
	return slices.Compact(all)
}

// lineWith finds the first line in which a value stands by itself, not as a part
// of a longer word. A short number must not be the value of a number in JSON,
// which are milliseconds and counts.
func lineWith(text, value string) (string, bool) {
	for from := 0; ; {
		i := strings.Index(text[from:], value)
		if i < 0 {
			return "", false
		}
		start, end := from+i, from+i+len(value)
		before, _ := utf8.DecodeLastRuneInString(text[:start])
		after, _ := utf8.DecodeRuneInString(text[end:])
		first, _ := utf8.DecodeRuneInString(value)
		last, _ := utf8.DecodeLastRuneInString(value)
		inWord := wordRune(before) && wordRune(first) || wordRune(last) && wordRune(after)
		counts := before == ':' && len(value) < 6 && strings.Trim(value, "0123456789") == ""
		if !inWord && !counts {
			line := text[strings.LastIndexByte(text[:start], '\n')+1:]
			line, _, _ = strings.Cut(line, "\n")
			return line, true
		}
		from = start + 1
	}
}

func wordRune(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
