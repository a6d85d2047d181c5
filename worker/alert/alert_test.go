package alert

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func nothing(Problem) bool { return false }

func told(news []Open) (lines []string) {
	for _, o := range news {
		lines = append(lines, o.state()+" "+o.Code)
	}
	return lines
}

var down = Problem{Code: "konnektive_reach", Text: "Konnektive does not answer."}

func TestTheBeginningAndTheEndAreToldOnceEach(t *testing.T) {
	var s State
	heard := []string{}
	at := noon
	look := func(found ...Problem) {
		s = Decode(s.Encode()).After(found, nothing, at)
		if news := s.News(); len(news) > 0 {
			heard = append(heard, told(news)...)
			s = s.Told(Arrived)
		}
		at = at.Add(5 * time.Minute)
	}
	look()
	look(down)
	look(down)
	look() // gone, perhaps for a moment
	look(down)
	assert.Equal(t, []string{"begins konnektive_reach"}, heard)
	assert.Len(t, s.Problems(), 1)
	look()
	assert.Empty(t, s.Problems(), "not there now, though not over")
	look()
	assert.Equal(t, []string{"begins konnektive_reach"}, heard)
	look()
	assert.Equal(t, []string{"begins konnektive_reach", "over konnektive_reach"}, heard)
	look()
	look()
	assert.Len(t, heard, 2)
	assert.Empty(t, s.Open)
	look(down)
	assert.Len(t, heard, 3, "a new one is told anew")
}

func TestWhatCouldNotBeToldIsToldLater(t *testing.T) {
	begun := State{}.After([]Problem{down}, nothing, noon)
	for _, test := range []struct {
		name string
		d    Delivery
		n    int
		want int
	}{
		{"a receiver that refuses is tried again", Refused, 10, 1},
		{"one that may have heard it is tried twice more", Doubt, 2, 1},
		{"and not at once after that", Doubt, 3, 0},
		{"one that took it is left alone", Arrived, 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := begun
			for range test.n {
				s = Decode(s.Told(test.d).Encode())
			}
			assert.Len(t, s.News(), test.want)
		})
	}
	t.Run("one that may have heard it is tried again after an hour", func(t *testing.T) {
		s, sent := begun, 0
		for n := range 36 { // looks of three hours
			s = Decode(s.Encode()).After([]Problem{down}, nothing, noon.Add(time.Duration(n)*5*time.Minute))
			if len(s.News()) > 0 {
				sent++
				s = s.Told(Doubt)
			}
		}
		assert.Equal(t, 3+2, sent)
		assert.Empty(t, s.After([]Problem{down}, nothing, noon.Add(4*time.Hour)).Told(Arrived).News())
	})
	t.Run("an end that nobody hears of is forgotten after a day", func(t *testing.T) {
		s := begun.Told(Arrived)
		for n := range 30 {
			s = s.After(nil, nothing, noon.Add(time.Duration(n)*time.Hour)).Told(Doubt)
		}
		assert.Empty(t, s.Open)
	})
	t.Run("what began and ended before anybody heard of it is not told", func(t *testing.T) {
		assert.Empty(t, begun.Told(Refused).After(nil, nothing, noon.Add(time.Hour)).Open)
	})
	t.Run("the end is told again after a refusal", func(t *testing.T) {
		s := begun.Told(Arrived).After(nil, nothing, noon.Add(time.Hour))
		require.Equal(t, []string{"over konnektive_reach"}, told(s.News()))
		assert.Len(t, s.Told(Refused).News(), 1)
		assert.Empty(t, s.Told(Arrived).Open)
	})
}

func TestWhatWasNotLookedAtStaysAsItWas(t *testing.T) {
	campaign := Problem{Code: "preflight", About: "campaign 12"}
	s := State{}.After([]Problem{campaign}, nothing, noon).Told(Arrived)
	s = s.After(nil, func(p Problem) bool { return p.About == "campaign 12" }, noon.Add(time.Hour))
	assert.Empty(t, s.News())
	assert.Len(t, s.Problems(), 1)
}

func TestAFloodIsBounded(t *testing.T) {
	var found []Problem
	for i := range 1000 {
		found = append(found, Problem{Code: "misconfigured", About: strings.Repeat("x", i+1),
			Text: strings.Repeat("word ", 20)})
	}
	s := State{}.After(found, nothing, noon)
	assert.Len(t, s.Open, maxOpen)
	bodies := Messages("https://discord.com/api/webhooks/1/x", "relay", s.News(), noon)
	require.Len(t, bodies, 1)
	var message struct{ Content string }
	require.NoError(t, json.Unmarshal([]byte(bodies[0]), &message))
	assert.LessOrEqual(t, len(message.Content), 2000)
	assert.Contains(t, message.Content, " more")
}

func TestWhatIsNoStateIsNone(t *testing.T) {
	assert.Equal(t, State{}, Decode(""))
	assert.Equal(t, State{}, Decode("{"))
}

func TestJudge(t *testing.T) {
	for _, test := range []struct {
		name   string
		counts map[string]int64
		want   []string
	}{
		{"nothing", nil, nil},
		{"a quiet day", map[string]int64{"order redirect": 20, "order declined": 3, "order invalid": 9, "order unknown": 1},
			nil},
		{"two that failed are chance", map[string]int64{"order internal": 2}, nil},
		{"three and nothing else are not", map[string]int64{"order upstream_unreachable": 2, "upsale internal": 1},
			[]string{"orders_fail"}},
		{"half of all", map[string]int64{"order redirect": 5, "order misconfigured": 5}, []string{"orders_fail"}},
		{"fewer", map[string]int64{"order redirect": 6, "order misconfigured": 5}, nil},
		{"a form that is filled in wrongly is no order", map[string]int64{"order invalid": 50, "order unknown": 3},
			[]string{"orders_fail"}},
		{"paid twice", map[string]int64{"event paid_twice": 1}, []string{"paid_twice"}},
		{"an event that has an answer of its own", map[string]int64{"event misconfigured": 1}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var codes []string
			for _, p := range Judge(test.counts) {
				codes = append(codes, p.Code)
				assert.NotEmpty(t, p.Text)
			}
			assert.Equal(t, test.want, codes)
		})
	}
}

func TestEveryServiceGetsItsShape(t *testing.T) {
	over := Open{Problem: Problem{Code: "preflight", About: "campaign 12, shop.example, product 34",
		Text: "It is not there."}, Since: noon, Over: true}
	news := []Open{{Problem: down, Since: noon}, over}
	read := func(t *testing.T, address string) (all []map[string]any) {
		for _, body := range Messages(address, "klarna-relay 1.2", news, noon) {
			var m map[string]any
			require.NoError(t, json.Unmarshal([]byte(body), &m), body)
			all = append(all, m)
		}
		return all
	}
	const text = "klarna-relay 1.2\nBegins: konnektive_reach: Konnektive does not answer.\nOver: preflight (campaign " +
		"12, shop.example, product 34): It is not there."
	t.Run("Slack, Discord and plain JSON", func(t *testing.T) {
		for _, address := range []string{"https://hooks.slack.com/services/T/B/x", "https://discord.com/api/webhooks/1/x",
			"http://127.0.0.1:9/hook"} {
			m := read(t, address)
			require.Len(t, m, 1)
			assert.Equal(t, text, m[0]["text"])
			assert.Equal(t, text, m[0]["content"])
			assert.Equal(t, map[string]any{"state": "begins", "code": "konnektive_reach", "text": "Konnektive does not answer.",
				"since": "2026-11-01T12:00:00Z"}, m[0]["events"].([]any)[0])
		}
	})
	t.Run("Teams", func(t *testing.T) {
		m := read(t, "https://prod-1.westeurope.logic.azure.com:443/workflows/x?sig=y")
		require.Len(t, m, 1)
		assert.Equal(t, "message", m[0]["type"])
		card := m[0]["attachments"].([]any)[0].(map[string]any)
		assert.Equal(t, "application/vnd.microsoft.card.adaptive", card["contentType"])
		assert.NotContains(t, m[0], "content")
	})
	t.Run("PagerDuty, an incident each", func(t *testing.T) {
		m := read(t, "https://events.pagerduty.com/v2/enqueue?routing_key=R0UT1NG")
		require.Len(t, m, 2)
		assert.Equal(t, []any{"R0UT1NG", "trigger"}, []any{m[0]["routing_key"], m[0]["event_action"]})
		assert.Equal(t, "resolve", m[1]["event_action"])
		assert.NotEqual(t, m[0]["dedup_key"], m[1]["dedup_key"])
		assert.Equal(t, "critical", m[0]["payload"].(map[string]any)["severity"])
	})
	t.Run("nothing new, nothing said", func(t *testing.T) {
		assert.Empty(t, Messages("https://hooks.slack.com/x", "relay", nil, noon))
	})
}
