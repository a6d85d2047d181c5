package preflight_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/config"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/preflight"
	"klarna-relay/worker/simulator"
)

// examine asks the simulated CRM about the lander of the example configuration, with these changes.
func examine(options simulator.Options, password string, change func(*config.Lander)) []preflight.Finding {
	lander := shop()
	if change != nil {
		change(&lander)
	}
	client := &konnektive.Client{
		BaseURL: "https://crm.example", LoginID: simulator.DefaultLoginID, Password: password, Timeout: time.Second,
		Transport: simulator.New(options),
	}
	return preflight.Examine(lander, preflight.Ask(context.Background(), client, lander))
}

func TestTheSimulatedCRMFits(t *testing.T) {
	for _, settings := range []simulator.Settings{{}, {CampaignsAsArray: true}, {NumbersAsNumbers: true},
		{CampaignsAsArray: true, NumbersAsNumbers: true}} {
		t.Run(fmt.Sprintf("campaigns as array %v, numbers as numbers %v", settings.CampaignsAsArray,
			settings.NumbersAsNumbers), func(t *testing.T) {
			findings := examine(simulator.Options{Settings: settings}, simulator.DefaultPassword, nil)
			// Its spare battery, 40, is sold five at a time.
			assert.Equal(t, []string{"warn gateway", "warn upsale 40"}, bad(findings))

			findings = examine(simulator.Options{Settings: settings}, simulator.DefaultPassword, func(l *config.Lander) {
				l.Shop.Products, l.Shop.MaxQuantity = []string{"34", "36", "99"}, 5
			})
			assert.Equal(t, []string{"warn gateway", "fail product 36", "fail product 99"}, bad(findings),
				"36 is a subscription, 99 does not exist")
		})
	}
}

func TestTheSimulatedCRMRefuses(t *testing.T) {
	findings := examine(simulator.Options{Settings: simulator.Settings{RefusedAddress: "203.0.113.7"}},
		simulator.DefaultPassword, nil)
	assert.Equal(t, []string{"fail address"}, bad(findings))
	assert.Contains(t, told(t, findings), "203.0.113.7")

	findings = examine(simulator.Options{}, "wrong", nil)
	assert.Equal(t, []string{"fail credentials"}, bad(findings))

	findings = examine(simulator.Options{}, simulator.DefaultPassword, func(l *config.Lander) { l.CampaignID = "99" })
	assert.Equal(t, []string{"fail campaign"}, bad(findings))
}

func TestTheSimulatedCRMDoesNotAnswer(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault simulator.Fault
		says  string
	}{
		{"it is not reached", simulator.Fault{Answer: simulator.AnswerUnreached}, "could not be reached"},
		{"it resets the connection", simulator.Fault{Answer: simulator.AnswerReset}, "in time"},
		{"it answers a page", simulator.Fault{Answer: simulator.AnswerHTML}, "no JSON"},
		{"it answers half of it", simulator.Fault{Answer: simulator.AnswerCut}, "no JSON"},
		{"it answers nothing", simulator.Fault{Answer: simulator.AnswerEmpty}, "no JSON"},
		{"it answers something new", simulator.Fault{Answer: simulator.AnswerUnknownResult}, "no result that is known"},
	} {
		t.Run(test.name, func(t *testing.T) {
			findings := examine(simulator.Options{Fault: func(simulator.Call) simulator.Fault { return test.fault }},
				simulator.DefaultPassword, nil)
			assert.Equal(t, []string{"fail reach"}, bad(findings))
			assert.Contains(t, told(t, findings), test.says)
		})
	}
}

// post is a transport that is one function.
type post func(url, form string) (int, string, error)

func (p post) Post(_ context.Context, url, form string, _ time.Duration) (int, string, error) {
	return p(url, form)
}

func TestTheCallIsCampaignQueryAndNothingElse(t *testing.T) {
	var calls []string
	client := &konnektive.Client{BaseURL: "https://crm.example/", LoginID: "re lay", Password: "a+b=c",
		Transport: post(func(url, form string) (int, string, error) {
			calls = append(calls, url+" "+form)
			return 200, "{}", nil
		})}
	answer := preflight.Ask(context.Background(), client, shop())

	require.Equal(t, []string{"https://crm.example/campaign/query/ campaignId=12&loginId=re+lay&password=a%2Bb%3Dc"},
		calls)
	assert.Equal(t, preflight.Answer{Status: 200, Body: "{}", Hide: []string{"a+b=c", "re lay"}}, answer)
}

func TestAFailedCall(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want preflight.Failure
		kind konnektive.Kind
	}{
		{"surely not sent", fmt.Errorf("dial: %w", konnektive.ErrNotSent), preflight.NotSent, konnektive.NotSent},
		{"anything else", errors.New("reset"), preflight.NoAnswer, konnektive.Doubt},
	} {
		t.Run(test.name, func(t *testing.T) {
			client := &konnektive.Client{Transport: post(func(string, string) (int, string, error) { return 0, "", test.err })}
			answer := preflight.Ask(context.Background(), client, shop())
			assert.Equal(t, test.want, answer.Failure)
			assert.Equal(t, test.kind, answer.Kind())
		})
	}
}
