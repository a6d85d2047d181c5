package konnektive

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAFormIsWrittenAsTheStandardWritesIt(t *testing.T) {
	every := make([]byte, 0, 256)
	for b := range 256 {
		every = append(every, byte(b))
	}
	for _, text := range []string{string(every), "azAZ09-_.~", "a b+c&d=e%f", "Zoë 💶", "@[`{/:", "x"} {
		values := url.Values{text: {text}}
		assert.Equal(t, values.Encode(), string(Form(nil).Add(text, text)))
	}
	assert.Empty(t, Form(nil).Add("nothing", ""))
	assert.Equal(t, "a=1&b=2", string(Form(nil).Add("a", "1").Add("c", "").Add("b", "2")))
	assert.Equal(t, "a=1", string(Form(nil).All(map[string]string{"a": "1", "b": ""}, all)))
	assert.Equal(t, "a=1&c=3", string(Form(nil).With("a", "1", "b", "", "c", "3")))
	assert.Equal(t, "a=1", string(Form(nil).With("a", "1", "b")), "a name without a value")
}

func TestTwoFormsThatBeginAlikeShareNothing(t *testing.T) {
	begun := Form(nil).All(map[string]string{"a": "1"}, all)
	lead, order := begun.Add("b", "2"), begun.With("c", "3")
	again := begun.All(map[string]string{"d": "4"}, all)
	assert.Equal(t, []string{"a=1", "a=1&b=2", "a=1&c=3", "a=1&d=4"},
		[]string{string(begun), string(lead), string(order), string(again)})
	begun[0] = 'x'
	assert.Equal(t, []string{"a=1&b=2", "a=1&c=3", "a=1&d=4"}, []string{string(lead), string(order), string(again)})
}

func TestWhichStatusesAreAnswers(t *testing.T) {
	for status, want := range map[int]Outcome{
		0: Unknown, 100: Unknown, 199: Unknown, 200: Accepted, 299: Accepted, 300: Unknown, 399: Unknown, 400: Accepted,
		499: Accepted, 500: Unknown, 519: Unknown, 520: Unknown, 521: Unreachable, 524: Unknown, 527: Unknown, 529: Unknown,
		530: Unreachable, 531: Unknown, 599: Unknown,
	} {
		reply := answering(status, `{"result":"SUCCESS","message":"ok"}`).Call(context.Background(), ImportOrder, nil)
		assert.Equal(t, want, Classify(reply, false), status)
	}
}

func TestWhichOrderIDsLookLikeOne(t *testing.T) {
	for id, ok := range map[string]bool{
		"0": true, "9": true, "A": true, "Z": true, "a": true, "z": true, "0aZ9": true,
		"/": false, ":": false, "@": false, "[": false, "`": false, "{": false, "A-1": false, "Ä": false,
		strings.Repeat("A", 32): true, strings.Repeat("A", 33): false,
	} {
		reply := answering(200, `{"result":"SUCCESS","message":{"orderId":"`+id+`"}}`).Call(context.Background(), ImportLead,
			nil)
		if ok {
			assert.Equal(t, id, reply.OrderID())
		} else {
			assert.Empty(t, reply.OrderID(), id)
		}
	}
}

func TestHowManyOfAnItemThereAre(t *testing.T) {
	for qty, want := range map[string]int{
		`1`: 1, `"3"`: 3, `"2.00"`: 2, `0`: 0, `"0"`: 0, `999999`: 999999, // as they are
		`-1`: 1, `1000000`: 1, `"many"`: 1, `""`: 1, `null`: 1, `[]`: 1, // what is not a quantity counts as one
	} {
		said := `{"result":"SUCCESS","message":{"data":[{"orderId":"A1","items":[{"productId":"34","qty":` + qty + `}]}]}}`
		order, ok := ReadOrder(answering(200, said).Call(context.Background(), OrderQuery, nil), "A1")
		require.True(t, ok)
		assert.Equal(t, want, order.Qty("34"), qty)
	}
	order := Order{Items: []Item{{ProductID: "34", Qty: 2}, {ProductID: "35", Qty: 5}, {ProductID: "34", Qty: 1}}}
	assert.Equal(t, 3, order.Qty("34"), "the same product in two lines")
}

func TestOnlyTheOrderThatWasAskedForCounts(t *testing.T) {
	order, ok := ReadOrder(answering(200, `{"result":"SUCCESS","message":{"data":[
		{"orderId":"B2","orderStatus":"COMPLETE"},{"orderId":"A1","orderStatus":"PARTIAL"},
		{"orderId":"A1","orderStatus":"COMPLETE"}]}}`).Call(context.Background(), OrderQuery, nil), "A1")
	require.True(t, ok)
	assert.Equal(t, StatusPartial, order.Status, "the first of that id")
}

func TestTheLongestURLThatAShopperIsSentTo(t *testing.T) {
	start := "https://pay.example/"
	for length, want := range map[int]Outcome{4096: RedirectURL, 4097: RedirectInvalid} {
		body := `{"result":"MERC_REDIRECT","message":{"url":"` + start + strings.Repeat("a", length-len(start)) + `"}}`
		assert.Equal(t, want, Classify(answering(200, body).Call(context.Background(), ImportOrder, nil), false), length)
	}
	for _, odd := range []string{"https://pay.example/a b", `https://pay.example/\\`, "https://pay.example/<x>",
		`https://pay.example/\"`, "https://pay.example/%zz", "ftp://pay.example/", "http://", "https://@pay.example/"} {
		body := `{"result":"MERC_REDIRECT","message":{"url":"` + odd + `"}}`
		assert.Equal(t, RedirectInvalid, Classify(answering(200, body).Call(context.Background(), ImportOrder, nil), true),
			odd)
	}
}

func TestCurrenciesByCodeOrSymbol(t *testing.T) {
	for body, want := range map[string]struct{ code, symbol string }{
		`"currencySymbol":"€"`: {"EUR", "€"}, `"currencySymbol":"£"`: {"GBP", "£"}, `"currencySymbol":"kr"`: {"kr", "kr"},
		`"currencyCode":"EUR"`: {"EUR", "€"}, `"currencyCode":"SEK"`: {"SEK", "SEK"}, `"x":1`: {"", ""},
		`"currencyCode":"GBP","currencySymbol":"x"`: {"GBP", "£"},
	} {
		said := `{"result":"SUCCESS","message":{"data":[{"orderId":"A1",` + body + `}]}}`
		order, _ := ReadOrder(answering(200, said).Call(context.Background(), OrderQuery, nil), "A1")
		assert.Equal(t, want.code, order.Currency, body)
		assert.Equal(t, want.symbol, order.CurrencySymbol(), body)
	}
}

func TestTheLogsWordForAnAnswer(t *testing.T) {
	for kind, want := range map[Kind]string{Doubt: "DOUBT", NotSent: "NOT_SENT", Success: "SUCCESS", Error: "ERROR",
		Redirect: "MERC_REDIRECT"} {
		assert.Equal(t, want, kind.String())
	}
}

func all(string) bool { return true }
