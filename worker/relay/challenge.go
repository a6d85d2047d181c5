package relay

import (
	"net/url"

	"klarna-relay/worker/json"
	"klarna-relay/worker/rules"
)

// turnstileAction is what the landers' widget is rendered with.
const turnstileAction = "order"

// turnstileField is the name of the widget's field.
const turnstileField = "cf-turnstile-response"

// challenge returns what asks Turnstile about the page's token, or nil when
// the bot check is off. A token is good for one answer, so it is asked once
// per attempt, by the request that has claimed it; and no answer is a no.
// Source: https://developers.cloudflare.com/turnstile/get-started/server-side-validation/
func (rl *Relay) challenge(rq *request, page rules.Fields) func() bool {
	if rl.config.TurnstileSecret == "" {
		return nil
	}
	token := page[turnstileField]
	return func() bool {
		if token == "" || len(token) > 2048 {
			return false
		}
		form := url.Values{
			"secret":   {rl.config.TurnstileSecret},
			"response": {token},
			"remoteip": {rq.address},
		}
		status, text, err := rl.platform.Transport.Post(rq.ctx, rl.config.TurnstileURL, form.Encode(), rl.config.Timeout)
		if err != nil || status != 200 {
			return false
		}
		v, err := json.Parse(text)
		if err != nil || !v.Get("success").True() || v.Get("hostname").Text() != rq.host {
			return false
		}
		action := v.Get("action").Text()
		return action == "" || action == turnstileAction
	}
}
