package relay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"klarna-relay/worker/json"
	"klarna-relay/worker/rules"
)

// turnstileAction is what the landers' widget is rendered with.
const turnstileAction = "order"

// turnstileField is the name of the widget's field.
const turnstileField = "cf-turnstile-response"

// ownHost says whether a page of this host may order here: the lander's own, or one of allowedOrigins.
func (rq *request) ownHost(host string) bool {
	if host == rq.host {
		return host != ""
	}
	for _, origin := range rq.lander.AllowedOrigins {
		if u, err := url.Parse(origin); err == nil && host != "" && strings.EqualFold(u.Hostname(), host) {
			return true
		}
	}
	return false
}

// challenge returns what asks Turnstile about the page's token, or nil when the bot check is off. A token is good
// for one answer, so it is asked once per attempt, by the request that has claimed it; and no answer is a no.
// Source: https://developers.cloudflare.com/turnstile/get-started/server-side-validation/
func (rl *Relay) challenge(rq *request, page rules.Fields) func(context.Context) error {
	if rl.config.TurnstileSecret == "" || rq.server {
		return nil
	}
	token := page[turnstileField]
	return func(ctx context.Context) error {
		if token == "" || len(token) > 2048 {
			return fmt.Errorf("bot check: a token of %d characters", len(token))
		}
		form := url.Values{
			"secret":   {rl.config.TurnstileSecret},
			"response": {token},
			"remoteip": {rq.address},
		}
		status, text, err := rl.platform.Transport.Post(ctx, rl.config.TurnstileURL, form.Encode(), rl.config.Timeout)
		if err != nil {
			return fmt.Errorf("bot check: %w", err)
		}
		v, err := json.Parse(text)
		if status != http.StatusOK || err != nil {
			return fmt.Errorf("bot check: HTTP %d, %d bytes", status, len(text))
		}
		action := v.Get("action").Text()
		switch {
		case !v.Get("success").True():
			return errors.New("bot check: refused")
		case !rq.ownHost(v.Get("hostname").Text()):
			return errors.New("bot check: the token is another host's")
		case action != "" && action != turnstileAction:
			return errors.New("bot check: the token is for something else")
		}
		return nil
	}
}
