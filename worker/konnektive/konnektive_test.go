package konnektive

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type transport func(url, form string) (int, string, error)

func (t transport) Post(_ context.Context, url, form string, _ time.Duration) (int, string, error) {
	return t(url, form)
}

func answering(status int, body string) *Client {
	return &Client{BaseURL: "https://crm.example/", LoginID: "login", Password: "p w=1", Transport: transport(
		func(string, string) (int, string, error) { return status, body, nil })}
}

func TestACallCarriesTheCredentialsInItsBodyAndNowhereElse(t *testing.T) {
	var sentTo, sent string
	c := &Client{BaseURL: "https://crm.example/", LoginID: "login", Password: "p w=1", Transport: transport(
		func(url, form string) (int, string, error) {
			sentTo, sent = url, form
			return 200, `{"result":"SUCCESS","message":"ok"}`, nil
		})}
	reply := c.Call(context.Background(), ImportLead, Form{}.All(map[string]string{"firstName": "Zoë & Co", "empty": ""}, all))
	assert.Equal(t, Success, reply.Kind)
	assert.Equal(t, "ok", reply.Text)
	assert.Equal(t, "https://crm.example/leads/import/", sentTo, "the trailing slash is kept, the base's is not doubled")
	form, err := url.ParseQuery(sent)
	require.NoError(t, err)
	assert.Equal(t, url.Values{"firstName": {"Zoë & Co"}, "loginId": {"login"}, "password": {"p w=1"}}, form)
}

func TestWhatAnImportsAnswerMeans(t *testing.T) {
	script := `{"result":"MERC_REDIRECT","message":{"script":"var f=document.createElement('iframe')"}}`
	for _, c := range []struct {
		name   string
		status int
		body   string
		dev    bool
		want   Outcome
	}{
		{"a redirect to a https url", 200, `{"result":"MERC_REDIRECT","message":{"url":"https://pay.example/x?a=1&b=2"}}`,
			false, RedirectURL},
		{"a redirect with url and script takes the url", 200,
			`{"result":"MERC_REDIRECT","message":{"url":"https://pay.example/","script":"x"}}`, false, RedirectURL},
		{"a redirect by script", 200, script, false, RedirectScript},
		{"a redirect to plain http", 200, `{"result":"MERC_REDIRECT","message":{"url":"http://pay.example/"}}`, false,
			RedirectInvalid},
		{"a redirect to plain http in the local set-up", 200,
			`{"result":"MERC_REDIRECT","message":{"url":"http://127.0.0.1:1/"}}`, true, RedirectURL},
		{"a redirect with credentials in it", 200, `{"result":"MERC_REDIRECT","message":{"url":"https://u:p@pay.example/"}}`,
			false, RedirectInvalid},
		{"a redirect to javascript", 200, `{"result":"MERC_REDIRECT","message":{"url":"javascript:alert(1)"}}`, true,
			RedirectInvalid},
		{"a redirect to a path", 200, `{"result":"MERC_REDIRECT","message":{"url":"/pay"}}`, false, RedirectInvalid},
		{"a redirect to a url without a host", 200, `{"result":"MERC_REDIRECT","message":{"url":"https:///pay"}}`, false,
			RedirectInvalid},
		{"a redirect with a line break in its url", 200,
			`{"result":"MERC_REDIRECT","message":{"url":"https://pay.example/\r\nX: y"}}`, false, RedirectInvalid},
		{"a redirect to nowhere", 200, `{"result":"MERC_REDIRECT","message":{"url":"","script":" "}}`, false,
			RedirectInvalid},
		{"a redirect without a message", 200, `{"result":"MERC_REDIRECT"}`, false, RedirectInvalid},
		{"success with an object", 200, `{"result":"SUCCESS","message":{"orderId":"63A9FBD226"}}`, false, Accepted},
		{"success with a text", 200, `{"result":"SUCCESS","message":"done"}`, false, Accepted},
		{"a decline", 200, `{"result":"ERROR","message":"Transaction Declined: Card Declined"}`, false, Declined},
		{"a decline whose reason sounds like an operator's fault", 200,
			`{"result":"ERROR","message":"Transaction Declined: not permitted"}`, false, Declined},
		{"a field at fault", 200, `{"result":"ERROR","message":{"shipAddress1":"is a required field"}}`, false, Invalid},
		{"names missing", 200, `{"result":"ERROR","message":"First and last name are required fields."}`, false, Invalid},
		{"a field of the Worker's at fault", 200,
			`{"result":"ERROR","message":{"campaignId":"is a required field","city":"x"}}`, false, Misconfigured},
		{"an address that is not whitelisted", 200, `{"result":"ERROR","message":"IP must be whitelisted - 203.0.113.7"}`,
			false, Misconfigured},
		{"wrong credentials", 200, `{"result":"ERROR","message":"Api Error: Could not authenticate credentials"}`, false,
			Misconfigured},
		{"no such products", 200, `{"result":"ERROR","message":"No products exist in the order"}`, false, Misconfigured},
		{"an upsale taken before", 200, `{"result":"ERROR","message":"This upsale was already taken."}`, false,
			AlreadyTaken},
		{"an error that nobody knows", 200, `{"result":"ERROR","message":"Gateway says no"}`, false, Declined},
		{"an error with an empty object", 200, `{"result":"ERROR","message":{}}`, false, Declined},
		{"an envelope under a 4xx status", 400, `{"result":"ERROR","message":{"city":"x"}}`, false, Invalid},
		{"an envelope under a 5xx status", 500, `{"result":"ERROR","message":{"city":"x"}}`, false, Unknown},
		{"a redirect by HTTP", 301, `{"result":"SUCCESS"}`, false, Unknown},
		{"a byte order mark before it", 200, "\ufeff" + script, false, RedirectScript},
		{"an unknown result", 200, `{"result":"MAYBE"}`, false, Unknown},
		{"no result", 200, `{}`, false, Unknown},
		{"HTML", 200, `<html>Error</html>`, false, Unknown},
		{"nothing", 200, ``, false, Unknown},
		{"cut-off JSON", 200, `{"result":"SUCCESS","message":{"orderId":"63A9`, false, Unknown},
		{"JSON with something after it", 200, `{"result":"SUCCESS"}<br>`, false, Unknown},
		{"an array", 200, `[{"result":"SUCCESS"}]`, false, Unknown},
		{"an odd answer noticed by Cloudflare (520)", 520, ``, false, Unknown},
		{"an origin that is down (521)", 521, ``, false, Unreachable},
		{"a connection that timed out (522)", 522, ``, false, Unreachable},
		{"an unreachable origin (523)", 523, ``, false, Unreachable},
		{"no answer in time (524)", 524, ``, false, Unknown},
		{"no TLS handshake (525)", 525, ``, false, Unreachable},
		{"an invalid certificate (526)", 526, ``, false, Unreachable},
		{"a name that does not resolve (530)", 530, ``, false, Unreachable},
	} {
		t.Run(c.name, func(t *testing.T) {
			reply := answering(c.status, c.body).Call(context.Background(), ImportOrder, nil)
			assert.Equal(t, c.want, Classify(reply, c.dev))
		})
	}
}

func TestATransportErrorIsADoubtUnlessItSurelyWasNotSent(t *testing.T) {
	c := &Client{Transport: transport(func(string, string) (int, string, error) { return 0, "", errors.New("reset") })}
	assert.Equal(t, Unknown, Classify(c.Call(context.Background(), ImportOrder, nil), false))
	c.Transport = transport(func(string, string) (int, string, error) {
		return 0, "",
			fmt.Errorf("dial: %w", ErrNotSent)
	})
	assert.Equal(t, Unreachable, Classify(c.Call(context.Background(), ImportOrder, nil), false))
}

func TestAnOrderIsReadInEveryShapeItComesIn(t *testing.T) {
	want := Order{ID: "63A9FBD226", Status: "COMPLETE", Total: "49.95", Currency: "EUR", Items: []Item{
		{ProductID: "34", Name: "Lamp", Qty: 2, Price: "19.95"}, {ProductID: "40", Name: "Bulb", Qty: 1, Price: "10.05"}}}
	for name, body := range map[string]string{
		"array of items, numbers as text": `{"result":"SUCCESS","message":{"data":[{"orderId":"63A9FBD226","orderStatus":"COMPLETE","totalAmount":"49.95","currencySymbol":"€",
			"items":[{"productId":"34","name":"Lamp","qty":"2","price":"19.95"},{"productId":"40","name":"Bulb","qty":"1","price":"10.05"}]}]}}`,
		"object of items, numbers as numbers": `{"result":"SUCCESS","message":{"data":{"0":{"orderId":"63a9fbd226","orderStatus":"Complete","totalAmount":49.95,"currencyCode":"EUR","currencySymbol":"€",
			"items":{"7":{"productId":34,"name":"Lamp","qty":2,"price":19.95},"8":{"productId":1,"campaignProductId":40,"name":"Bulb","price":10.05}}}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			order, ok := ReadOrder(answering(200, body).Call(context.Background(), OrderQuery, nil), "63A9FBD226")
			require.True(t, ok)
			order.ID = "63A9FBD226"
			assert.Equal(t, want, order)
			assert.Equal(t, 2, order.Qty("34"))
			assert.Zero(t, order.Qty("99"))
		})
	}
}

func TestAnotherOrdersDataProvesNothing(t *testing.T) {
	for name, body := range map[string]string{
		"another order":    `{"result":"SUCCESS","message":{"data":[{"orderId":"AAAAAAAAAA","orderStatus":"COMPLETE"}]}}`,
		"no order":         `{"result":"SUCCESS","message":{"data":[]}}`,
		"no data":          `{"result":"SUCCESS","message":{"orderStatus":"COMPLETE","orderId":"63A9FBD226"}}`,
		"nothing matched":  `{"result":"ERROR","message":"No orders matching those parameters could be found"}`,
		"an error":         `{"result":"ERROR","message":{"data":[{"orderId":"63A9FBD226","orderStatus":"COMPLETE"}]}}`,
		"a cut-off answer": `{"result":"SUCCESS","message":{"data":[{"orderId":"63A9FBD226","orderStatus":"COMPLETE"`,
	} {
		t.Run(name, func(t *testing.T) {
			_, ok := ReadOrder(answering(200, body).Call(context.Background(), OrderQuery, nil), "63A9FBD226")
			assert.False(t, ok)
		})
	}
}

func TestAnOrderIDIsTakenOnlyWhenItLooksLikeOne(t *testing.T) {
	for id, want := range map[string]string{
		`"63A9FBD226"`: "63A9FBD226", `123`: "123", `""`: "", `"a b"`: "", `"../x"`: "", `null`: "", `{"a":1}`: "", `"` +
			string(make([]byte, 0)) + `x&y=1"`: "",
	} {
		reply := answering(200, `{"result":"SUCCESS","message":{"orderId":`+id+`}}`).Call(context.Background(), ImportLead,
			nil)
		assert.Equal(t, want, reply.OrderID(), id)
	}
}

func FuzzAnyAnswerIsReadWithoutPanic(f *testing.F) {
	for _, seed := range []string{
		`{"result":"MERC_REDIRECT","message":{"url":"https://a.example"}}`, `{"result":"ERROR","message":{"a":{"b":[1]}}}`,
		`{"result":"SUCCESS","message":{"data":{"1":{"orderId":1,"items":[{}]}}}}`, `<html>`,
		`{"result":"SUCCESS","message":{"data":[null,1,"x"]}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		reply := Read(200, body)
		outcome := Classify(reply, false)
		if outcome == RedirectURL {
			u, err := url.Parse(reply.Field("url"))
			require.NoError(t, err)
			assert.Equal(t, "https", u.Scheme)
			assert.Nil(t, u.User)
			assert.NotEmpty(t, u.Hostname())
		}
		order, ok := ReadOrder(reply, "63A9FBD226")
		if ok {
			assert.Equal(t, Success, reply.Kind)
			assert.NotEmpty(t, order.ID)
		}
		reply.Fields()
		reply.OrderID()
	})
}
