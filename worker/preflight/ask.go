package preflight

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"klarna-relay/worker/config"
	"klarna-relay/worker/konnektive"
)

// Ask makes the one call that Examine reads: Campaign Query for the lander's campaign. It changes nothing at
// Konnektive, so it may be repeated; but wrong credentials are not to be tried often, since Konnektive may lock the
// user out.
func Ask(ctx context.Context, client *konnektive.Client, lander config.Lander) Answer {
	form := url.Values{
		"loginId":    {client.LoginID},
		"password":   {client.Password},
		"campaignId": {lander.CampaignID},
	}
	answer := Answer{Hide: []string{client.Password, client.LoginID}}
	var err error
	answer.Status, answer.Body, err = client.Transport.Post(ctx,
		strings.TrimSuffix(client.BaseURL, "/")+string(konnektive.CampaignQuery), form.Encode(), client.Timeout)
	switch {
	case errors.Is(err, konnektive.ErrNotSent):
		answer.Failure = NotSent
	case err != nil:
		answer.Failure = NoAnswer
	}
	return answer
}
