package konnektive

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWhyThereIsNoAnswerIsSaidWithoutAWordOfTheForm(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"Cloudflare did not reach it", 522, "", "HTTP 522: Cloudflare did not reach Konnektive"},
		{"a server's fault", 500, "<html>Zoe Neill</html>", "HTTP 500, 22 bytes of HTML"},
		{"a fault with an empty body", 524, "", "HTTP 524, an empty body"},
		{"HTML", 200, "\ufeff <html>", "HTTP 200, 10 bytes of HTML: not JSON"},
		{"cut off", 200, `{"result":"SUCC`, "HTTP 200, 15 bytes that begin as JSON: not JSON"},
		{"cut off list", 200, `[1`, "HTTP 200, 2 bytes that begin as JSON: not JSON"},
		{"a text", 200, "Zoe", "HTTP 200, 3 bytes: not JSON"},
		{"no result", 200, `{"message":"Zoe"}`, "HTTP 200, 17 bytes of JSON without a result"},
		{"an unknown result", 200, `{"result":"QUEUED for zoe@example.com"}`, "HTTP 200, the result is unknown: QUEUED for …"},
	} {
		t.Run(c.name, func(t *testing.T) {
			reply := Read(c.status, c.body)
			assert.EqualError(t, reply.Err, c.want)
			assert.Equal(t, reply.Err, reply.Cause())
		})
	}
	assert.NoError(t, Read(200, `{"result":"SUCCESS","message":"ok"}`).Err)
}

func TestTheTransportsOwnWordsAreKept(t *testing.T) {
	reset := errors.New("connection reset by peer")
	for _, err := range []error{reset, fmt.Errorf("%w: no such host", ErrNotSent)} {
		c := &Client{LoginID: "an-id", Password: "a-password",
			Transport: transport(func(string, string) (int, string, error) { return 0, "", err })}
		reply := c.Call(context.Background(), ImportOrder, Form(nil).Add("firstName", "Zoe"))
		assert.ErrorIs(t, reply.Err, err)
		assert.EqualError(t, reply.Cause(), "/order/import/: "+err.Error())
	}
}

func TestACauseDoesNotRepeatWhatTheShopperTyped(t *testing.T) {
	c := answering(200, `{"result":"ERROR","message":"Zoe Neill of Saint-Lo may not pay by PREPAID KLARNA in campaign twelve"}`)
	form := Form(nil).With("firstName", "Zoe", "lastName", "O Neill", "city", "Saint-Lo", "shipCity", "Lower&Upper=Lo",
		"paySource", "PREPAID", "prepaidType", "KLARNA", "campaignId", "twelve")
	assert.EqualError(t, c.Call(context.Background(), ImportOrder, form).Cause(),
		"ERROR: … of … may not pay by PREPAID KLARNA in campaign twelve")
}

func TestWhatAnAnswerSaidThatWasNotTheOneHopedFor(t *testing.T) {
	for body, want := range map[string]string{
		`{"result":"ERROR","message":"Blocked: \"Zoe\" 63A9"}`: "ERROR: Blocked: …",
		`{"result":"ERROR"}`: "ERROR: ",
		`{"result":"ERROR","message":{"city":"Zoe","zoe@example.com":"is bad"}}`: "ERROR about fields: city, …",
		`{"result":"SUCCESS","message":"Zoe"}`:                                   "the answer SUCCESS lacks what was asked for",
		`{"result":"MERC_REDIRECT","message":{}}`:                                "the answer MERC_REDIRECT lacks what was asked for",
	} {
		assert.EqualError(t, Read(200, body).Cause(), want)
	}
}

func TestWhichTextsOfALeadAreTheOperatorsBusiness(t *testing.T) {
	for text, want := range map[string]Outcome{
		"IP must be whitelisted - 203.0.113.7":     Misconfigured,
		"The value of ipAddress cannot be used":    Misconfigured,
		"This API User has no grant for Leads":     Misconfigured,
		"Access denied":                            Misconfigured,
		"No CampaignId was found":                  Misconfigured,
		"First and last name are required fields.": Invalid,
		"Transaction Declined: access denied":      Declined,
		"The customer is on a blacklist":           Unknown,
		"This lead was already imported":           Unknown,
		"":                                         Unknown,
	} {
		assert.Equal(t, want, ClassifyLead(Read(200, `{"result":"ERROR","message":"`+text+`"}`)), text)
	}
	assert.Equal(t, Misconfigured, ClassifyLead(Read(200, `{"result":"ERROR","message":{"campaignId":"x"}}`)))
	assert.Equal(t, Invalid, ClassifyLead(Read(200, `{"result":"ERROR","message":{"city":"x"}}`)))
	assert.Equal(t, Accepted, ClassifyLead(Read(200, `{"result":"SUCCESS","message":{}}`)))
	assert.Equal(t, Unreachable, ClassifyLead(Read(521, "")))
	assert.Equal(t, Unknown, ClassifyLead(Read(500, "")))
}

func TestWhichAnswersNobodyKnows(t *testing.T) {
	for body, want := range map[string]bool{
		`{"result":"ERROR","message":"Gateway says no"}`:             true,
		`{"result":"ERROR","message":"This order was already paid"}`: true,
		`{"result":"ERROR"}`: true,
		`{"result":"ERROR","message":"Transaction Declined: no"}`:       false,
		`{"result":"ERROR","message":"This upsale was already taken."}`: false,
		`{"result":"ERROR","message":{"city":"x"}}`:                     false,
		`{"result":"SUCCESS","message":"Gateway says no"}`:              false,
		`{"result":"QUEUED"}`: false,
	} {
		assert.Equal(t, want, Read(200, body).Unreadable(), body)
	}
	reply := Read(200, `{"result":"ERROR","message":"This order was already paid"}`)
	assert.Equal(t, Unknown, Classify(reply, false), "it may be paid, so nobody is told that it was declined")
}

func TestWhichOrdersWereImported(t *testing.T) {
	for members, want := range map[string]bool{
		`"orderStatus":"PARTIAL"`: false, `"paySource":""`: false, `"paySource":"PREPAID"`: true,
		`"prepaidType":"KLARNA"`: true,
	} {
		assert.Equal(t, want, Read(200, `{"result":"SUCCESS","message":{`+members+`}}`).OrderImported(), members)
		assert.Equal(t, want, orderOf(t, members).Imported(), members)
	}
}

func TestTheStatusOfTheOrderThatALeadIsAnsweredWith(t *testing.T) {
	assert.Equal(t, "COMPLETE", Read(200, `{"result":"SUCCESS","message":{"orderStatus":"Complete"}}`).OrderStatus())
	assert.Empty(t, Read(200, `{"result":"SUCCESS","message":{"orderId":"A1"}}`).OrderStatus())
	assert.Empty(t, Read(200, `{"result":"SUCCESS","message":"COMPLETE"}`).OrderStatus())
}
