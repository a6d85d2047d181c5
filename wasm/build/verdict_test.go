package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/rules"
	"klarna-relay/worker/words"
)

// question is one call of the module, in the form verdict_test.js reads.
type question struct {
	Ask     string         `json:"ask"`
	Fields  map[string]any `json:"fields,omitempty"`
	Shop    map[string]any `json:"shop,omitempty"`
	Text    string         `json:"text,omitempty"`
	Country string         `json:"country,omitempty"`
}

// values are what a form's fields hold in the generated orders, right and wrong.
var values = map[string][]string{
	"firstName": {"Erika", " Anna  Maria ", "O’Neil", "王小明", "علی\u200cرضا", "", "123", "<b>", "😀",
		strings.Repeat("a", 31), "a\x00b", "4111 1111 1111 1111"},
	"lastName": {"Mustermann", "van der Berg", "Müller-Lüdenscheidt", "", "www.x.example",
		strings.Repeat("ß", 30)},
	"companyName": {"", "", "", "ACME & Söhne", strings.Repeat("b", 31)},
	"emailAddress": {"erika@example.com", "user@müller.de", "a@b", "", "a b@c.de", "\ufeffx@y.example ",
		"müller@gmx.de"},
	"phoneNumber": {"+4930123456", "030 123456", "06 12 34 56 78", "(212) 555-0123", "", "123", "0170/1234567",
		"+52 1 55 1234 5678", "4111111111111111", "x"},
	"address1": {"Heidestraße 17", "c/o Meier", "", "...", "<script>", strings.Repeat("c", 51), "№ 5"},
	"address2": {"", "", "2. OG", "Konto 5555 5555 5555 4444"},
	"city":     {"Berlin", "東京", "", "Ber\u2028lin", strings.Repeat("d", 31)},
	"state":    {"", "", "CA", "California", "Nordrhein-Westfalen", "NSW", "ON", "XX"},
	"postalCode": {"10557", "D-10557", "1234ab", "1010", "sw1a1aa", "90210", "K1A0B1", "00-950", "", "abc",
		"1000205"},
	"billShipSame":    {"1", "", "0", "on", "perhaps"},
	"shipFirstName":   {"", "", "Max"},
	"shipLastName":    {"", "", "Muster"},
	"shipAddress1":    {"", "", "Gasse 1"},
	"shipCity":        {"", "", "Wien"},
	"shipPostalCode":  {"", "", "1010", "A-1010", "x"},
	"shipCountry":     {"", "", "AT", "BR"},
	"product1_id":     {"34", "35", "36", "", "034"},
	"product1_qty":    {"1", "2", "", "0", "11", "1.5", "x"},
	"product2_id":     {"", "", "34", "35"},
	"product2_qty":    {"", "", "3", "10"},
	"variant2_id":     {"", "", "", "7", "red"},
	"product100_id":   {"", "", "", "", "", "", "", "34"},
	"product1_price":  {"", "", "", "", "", "", "", "0.01"},
	"couponCode":      {"", "", "TEN", strings.Repeat("e", 31)},
	"shipProfileId":   {"", "", "3", "fast"},
	"affId":           {"", "A1", strings.Repeat("7", 40)},
	"custom1":         {"", "x", strings.Repeat("ä", 60), "120210000000000013", "a\nb"},
	"httpReferer":     {"", "https://ads.example/?x=1", "javascript:1", "https://a.example/?c=4111%201111%201111%201111"},
	"paySource":       {"", "PREPAID", "PREPAID"},
	"prepaidType":     {"", "KLARNA"},
	"campaignId":      {"", "12", "12"},
	"forceMerchantId": {"", "7"},
	"cvv":             {"", "", "", "", "", "", "", "", "", "123"},
	"utm_source":      {"", "x", "4111111111111111"},
}

var own = rules.Fields{"campaignId": "12", "forceMerchantId": "7", "paySource": "PREPAID", "prepaidType": "KLARNA"}

// edge is the edge's verdict: the rules that the relay applies before it calls Konnektive.
func edge(in rules.Fields, shop rules.Shop) rules.Problems {
	page, _, problems := rules.Admit(in, own)
	_, more := rules.CheckOrder(page, shop)
	return problems.And(more)
}

// inThePage are the texts of the catalogue for problems: a page has no others, where the edge tells a developer
// what to do.
func inThePage(problems rules.Problems) rules.Fields {
	texts := rules.Fields{}
	for _, p := range problems {
		texts[p.Field] = cmp.Or(words.Problem("de", p.Field, p.Code.String(), p.Detail), words.Text("de", "rule.bad_value"))
	}
	return texts
}

func TestPageAndEdgeSayTheSame(t *testing.T) {
	folder := t.TempDir()
	_, err := build(folder)
	require.NoError(t, err)
	// The browser takes every script of a module graph for a module; node is told so.
	require.NoError(t, os.WriteFile(filepath.Join(folder, "package.json"), []byte(`{"type":"module"}`), 0o644))
	harness, err := os.ReadFile("verdict_test.js")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "harness.js"), harness, 0o644))

	random := rand.New(rand.NewPCG(2026, 1))
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	klarna, _ := rules.MethodNamed("KLARNA")
	countries := append(klarna.Countries(), "BR", "de", "UK", "", "4", "DE", "DE", "DE", "US", "US")

	names := slices.Sorted(maps.Keys(values)) // in one order, so that the seed means the same orders every time
	var questions []question
	var want []any
	accepted, refused := 0, map[string]int{}
	for range 6000 {
		in := rules.Fields{}
		// Mostly right, so that the verdicts are about one or two fields and some orders pass whole.
		for _, field := range names {
			list := values[field]
			value := list[0]
			if random.IntN(12) == 0 {
				value = pick(list)
			}
			if value != "" || random.IntN(2) == 0 {
				in[field] = value
			}
		}
		in["country"] = "DE"
		if random.IntN(3) == 0 {
			in["country"] = pick(countries)
		}
		shop := rules.Shop{Products: []string{"34", "35"}, MaxQuantity: 10}
		asJSON := map[string]any{"products": []any{34, "35"}, "maxQuantity": 10}
		switch random.IntN(4) {
		case 0:
			shop.Countries = []string{"AT", "DE", "US"}
			asJSON["countries"] = "AT, DE US"
		case 1:
			shop.Products = []string{"34", "35", "36"}
			asJSON["products"] = "34 35,36"
		}
		fields := map[string]any{}
		for name, value := range in {
			fields[name] = value
			if value == "34" && random.IntN(2) == 0 {
				fields[name] = 34
			}
		}
		verdict := edge(in, shop)
		if len(verdict) == 0 {
			accepted++
		}
		codes := map[string]any{}
		for _, p := range verdict {
			refused[p.Field]++
			codes[p.Field] = map[string]string{"code": p.Code.String(), "detail": p.Detail}
		}
		questions = append(questions, question{Ask: "problems", Fields: fields, Shop: asJSON},
			question{Ask: "check", Fields: fields, Shop: asJSON})
		want = append(want, codes, inThePage(verdict))
	}
	assert.Greater(t, accepted, 300, "orders that pass")
	assert.Greater(t, len(refused), 25, "fields that are refused: %v", refused)

	orNull := func(s string, ok bool) any {
		if !ok {
			return nil
		}
		return s
	}
	for _, country := range countries {
		code := strings.ToUpper(country)
		for _, text := range append(append([]string{}, values["phoneNumber"]...), values["postalCode"]...) {
			questions = append(questions, question{Ask: "phone", Text: text, Country: country},
				question{Ask: "postalCode", Text: text, Country: country})
			want = append(want, orNull(rules.Phone(text, code)), orNull(rules.PostalCode(text, code)))
		}
		questions = append(questions, question{Ask: "klarna", Country: country})
		if currency, ok := rules.KlarnaCurrency(code); ok {
			want = append(want, map[string]any{"currency": currency})
		} else {
			want = append(want, nil)
		}
	}

	var input bytes.Buffer
	for _, q := range questions {
		line, err := json.Marshal(q)
		require.NoError(t, err)
		input.Write(append(line, '\n'))
	}
	cmd := exec.Command("node", filepath.Join(folder, "harness.js"), folder)
	cmd.Stdin = &input
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	output, err := cmd.Output()
	require.NoError(t, err, complaints.String())

	answers := bufio.NewScanner(bytes.NewReader(output))
	answers.Buffer(nil, 1<<20)
	different := 0
	for i, q := range questions {
		require.True(t, answers.Scan(), "an answer to question %d", i)
		expected, err := json.Marshal(want[i])
		require.NoError(t, err)
		if !assert.JSONEq(t, string(expected), answers.Text(), "%+v", q) {
			if different++; different > 5 {
				t.FailNow()
			}
		}
	}
	t.Logf("%d orders (%d taken) and %d other questions answered alike", 6000, accepted, len(questions)-2*6000)

	require.True(t, answers.Scan())
	var end struct {
		Failed, Alive            string
		Plain, English           string
		Same                     bool
		Fetches, Held, HeldAtEnd int
		Thrown                   []string
	}
	require.NoError(t, json.Unmarshal(answers.Bytes(), &end))
	assert.Contains(t, end.Failed, "404", "a failed load says so")
	assert.True(t, end.Same, "two loads are one module")
	assert.Equal(t, 2, end.Fetches, "one fetch for the page, one for the copy of the loader")
	assert.Empty(t, end.Thrown, "nothing is thrown, whatever is passed")
	assert.Equal(t, "EUR", end.Alive, "and the module lives on")
	assert.Equal(t, "CHF", end.Plain, "a server that does not know the type will do")
	assert.Equal(t, "Please enter your first name.", end.English, "a page in a language without texts has English ones")
	assert.LessOrEqual(t, end.HeldAtEnd, end.Held+10, "thousands of calls hold no more values than a hundred")
}

func TestTheModuleIsWithinItsBudget(t *testing.T) {
	folder := t.TempDir()
	size, err := build(folder)
	require.NoError(t, err)
	assert.LessOrEqual(t, size, budget)

	t.Run("it holds no texts of the catalogue", func(t *testing.T) {
		found, err := filepath.Glob(filepath.Join(folder, "check-*.wasm"))
		require.NoError(t, err)
		require.Len(t, found, 1)
		module, err := os.ReadFile(found[0])
		require.NoError(t, err)
		for _, lang := range []string{"en", "de", "el"} {
			assert.False(t, bytes.Contains(module, []byte(words.Text(lang, "rule.bad_email"))), lang)
		}
	})
	t.Run("building again changes nothing and needs no measuring", func(t *testing.T) {
		before := contents(t, folder)
		again, err := build(folder)
		require.NoError(t, err)
		assert.Equal(t, size, again)
		assert.Equal(t, before, contents(t, folder))
	})
	t.Run("modules of earlier builds go", func(t *testing.T) {
		old := filepath.Join(folder, "check-0000000000000000.wasm")
		require.NoError(t, os.WriteFile(old, nil, 0o644))
		_, err := build(folder)
		require.NoError(t, err)
		assert.NoFileExists(t, old)
	})
}

// contents are the files of a folder with the time of their last change.
func contents(t *testing.T, folder string) map[string]string {
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	found := map[string]string{}
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		found[e.Name()] = info.ModTime().String()
	}
	return found
}
