package alert

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"klarna-relay/worker/json"
)

// maxText is what Discord takes in one message, less a little; the others take more.
const maxText = 1900 // bytes

// Messages are the bodies to be posted, as JSON, for the service at an address: one for all news, but one for each
// where a service keeps incidents apart. Slack reads `text`, Discord `content`, Teams the card of `attachments`
// (and the older connectors `text`), PagerDuty's Events API `routing_key` (from the address's query),
// `event_action`, `dedup_key` and `payload`; anything else finds all of it in `events`.
func Messages(address, source string, news []Open, now time.Time) []string {
	if len(news) == 0 {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	if key := u.Query().Get("routing_key"); key != "" {
		bodies := make([]string, len(news))
		for i, o := range news {
			bodies[i] = incident(key, source, o)
		}
		return bodies
	}
	text := summary(source, news)
	w := json.NewWriter(1024)
	w.Open('{')
	w.Text("text", text)
	if host := u.Hostname(); strings.HasSuffix(host, ".logic.azure.com") ||
		strings.HasSuffix(host, ".powerplatform.com") || strings.HasSuffix(host, ".office.com") {
		card(w, text)
	} else {
		w.Text("content", text)
		w.Text("source", source)
		w.Text("time", now.UTC().Format(time.RFC3339))
		w.Key("events")
		w.Open('[')
		for _, o := range news {
			w.Element()
			w.Open('{')
			w.Text("state", o.state())
			o.WriteMembers(w)
			w.Close('}')
		}
		w.Close(']')
	}
	w.Close('}')
	return []string{w.String()}
}

// state is "begins" or "over".
func (o Open) state() string {
	if o.Over {
		return "over"
	}
	return "begins"
}

// summary is all news as one text, a line each.
func summary(source string, news []Open) string {
	var b strings.Builder
	for i, o := range news {
		line := "\n" + strings.ToUpper(o.state()[:1]) + o.state()[1:] + ": " + about(o.Problem)
		if b.Len()+len(line) > maxText {
			b.WriteString("\nand " + plural(len(news)-i))
			break
		}
		b.WriteString(line)
	}
	return source + b.String()
}

func about(p Problem) string {
	if p.About == "" {
		return p.Code + ": " + p.Text
	}
	return p.Code + " (" + p.About + "): " + p.Text
}

func plural(n int) string {
	if n == 1 {
		return "one more"
	}
	return strconv.Itoa(n) + " more"
}

// card is an Adaptive Card, which a Teams workflow posts.
// https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
func card(w *json.Writer, text string) {
	w.Text("type", "message")
	w.Key("attachments")
	w.Open('[')
	w.Open('{')
	w.Text("contentType", "application/vnd.microsoft.card.adaptive")
	w.Key("content")
	w.Open('{')
	w.Text("type", "AdaptiveCard")
	w.Text("version", "1.2")
	w.Key("body")
	w.Open('[')
	w.Open('{')
	w.Text("type", "TextBlock")
	w.Text("text", strings.ReplaceAll(text, "\n", "\n\n"))
	w.OptionalTrue("wrap", true)
	w.Close('}')
	w.Close(']')
	w.Close('}')
	w.Close('}')
	w.Close(']')
}

// incident is an event of PagerDuty's Events API, version 2.
// https://developer.pagerduty.com/docs/events-api-v2-overview
func incident(key, source string, o Open) string {
	w := json.NewWriter(512)
	w.Open('{')
	w.Text("routing_key", key)
	if o.Over {
		w.Text("event_action", "resolve")
	} else {
		w.Text("event_action", "trigger")
	}
	w.Text("dedup_key", source+" "+o.Code+" "+o.About)
	w.Key("payload")
	w.Open('{')
	text := about(o.Problem)
	w.Text("summary", text[:min(len(text), 1000)])
	w.Text("source", source)
	w.Text("severity", "critical")
	w.Close('}')
	w.Close('}')
	return w.String()
}
