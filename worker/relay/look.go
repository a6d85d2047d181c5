package relay

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"klarna-relay/worker/alert"
	"klarna-relay/worker/codes"
	"klarna-relay/worker/config"
	"klarna-relay/worker/json"
	"klarna-relay/worker/ledger"
	"klarna-relay/worker/preflight"
)

// alertsName is the ledger's record of what is known of the Worker from one look to the next.
const alertsName = "alerts"

const (
	// lookEvery is how often the cron trigger has the relay look. A last look that is older than three of these means
	// that nobody looks.
	lookEvery = 5 * time.Minute
	// maxCampaigns is how many campaigns one look asks Konnektive about; a Worker on the Free plan may make 50 calls.
	maxCampaigns = 30
	alertLife    = 30 * 24 * time.Hour
)

// Look looks at what happened since the last time, on the cron trigger's behalf, and tells the webhook of ALERT_URL
// what has begun and what is over. It does nothing without one. It returns false when the look itself failed.
func (rl *Relay) Look(ctx context.Context) bool {
	if rl.config.AlertURL == "" {
		return true
	}
	rq := &request{ctx: ctx, began: rl.platform.Now(), id: rl.platform.Random(), route: &route{name: "look"}}
	a := rl.caught(func() *answer { return rl.look(rq) })
	rl.log(rq, a)
	return a.code == codes.Accepted
}

func (rl *Relay) look(rq *request) *answer {
	found, unseen := rl.problems(rq)
	name := rl.platform.Store.Named(alertsName)
	if name == "" {
		return &answer{code: codes.Internal, cause: errors.New("the ledger is not bound")}
	}
	stored, _, err := rl.platform.Store.Read(rq.ctx, name, 0)
	if err != nil {
		return &answer{code: codes.Internal, cause: err}
	}
	now := rl.platform.Now()
	state := alert.Decode(stored.Data).After(found, unseen, now)
	// Written before it is told: of two looks at once one tells.
	won, stored, err := rl.keep(rq.ctx, name, stored, state)
	if err != nil || !won {
		return &answer{code: codes.Accepted, cause: err}
	}
	news := state.News()
	if len(news) == 0 {
		return &answer{code: codes.Accepted}
	}
	delivery, cause := rl.post(rq, news, now)
	if _, _, err = rl.keep(rq.ctx, name, stored, state.Told(delivery)); err != nil {
		cause = err
	}
	a := &answer{code: codes.Accepted, cause: cause}
	if cause != nil {
		a.code = codes.Internal
	}
	return a
}

func (rl *Relay) keep(ctx context.Context, name string, stored ledger.Stored, state alert.State) (bool, ledger.Stored,
	error) {
	return rl.platform.Store.Write(ctx, name, stored.Version, state.Encode(), time.Time{},
		rl.platform.Now().Add(alertLife))
}

// post sends the news to the webhook.
func (rl *Relay) post(rq *request, news []alert.Open, now time.Time) (alert.Delivery, error) {
	worst := alert.Arrived
	var cause error
	for _, body := range alert.Messages(rl.config.AlertURL, "klarna-relay "+rl.config.Version, news, now) {
		status, err := rl.platform.Tell(rq.ctx, rl.config.AlertURL, body)
		switch {
		case err != nil:
			worst, cause = max(worst, alert.Doubt), errors.New(
				"the webhook of ALERT_URL did not answer in time, or could not be reached")
		case status < 200 || status > 299:
			worst, cause = max(worst, alert.Refused), errors.New("the webhook of ALERT_URL answered "+strconv.Itoa(status))
		}
	}
	return worst, cause
}

// problems are what is wrong at this moment. unseen tells what was not looked at.
func (rl *Relay) problems(rq *request) (found []alert.Problem, unseen func(alert.Problem) bool) {
	add := func(code, about, text string) {
		found = append(found, alert.Problem{Code: code, About: about, Text: text})
	}
	nothing := func(alert.Problem) bool { return false }
	for _, fault := range rl.faults {
		add("misconfigured", fault.Where, fault.Code+": "+fault.Cure)
	}
	landers := rl.config.Landers.All()
	for _, l := range landers {
		for _, fault := range l.Faults {
			add("misconfigured", fault.Where, fault.Code+": "+fault.Cure)
		}
	}
	counts, err := rl.platform.Outcomes(rq.ctx)
	if err != nil {
		add("counts_unreadable", "", "the Worker's own counts could not be read: "+cut(err.Error(), 200))
	}
	found = append(found, alert.Judge(counts)...)
	if len(rl.faults) > 0 {
		return found, nothing // Konnektive is not to be asked with a configuration that is not whole
	}
	asked := map[string]bool{}
	for _, campaign := range rl.dueCampaigns(landers, rq.began) {
		if !rl.examine(rq, campaign, add) {
			break
		}
		asked[campaign[0].CampaignID] = true
	}
	return found, func(p alert.Problem) bool {
		campaign, ok := strings.CutPrefix(p.About, "campaign ")
		campaign, _, _ = strings.Cut(campaign, ",")
		return ok && !asked[campaign]
	}
}

// dueCampaigns are the landers by their campaign, of as many campaigns as one look can ask about: with more of
// them, each look takes the next ones.
func (rl *Relay) dueCampaigns(landers []config.Lander, now time.Time) [][]config.Lander {
	var campaigns [][]config.Lander
	place := map[string]int{}
	for _, l := range landers {
		if len(l.Faults) > 0 {
			continue
		}
		i, ok := place[l.CampaignID]
		if !ok {
			i = len(campaigns)
			place[l.CampaignID] = i
			campaigns = append(campaigns, nil)
		}
		campaigns[i] = append(campaigns[i], l)
	}
	if len(campaigns) <= maxCampaigns {
		return campaigns
	}
	first := int(now.Unix()/int64(lookEvery.Seconds())) * maxCampaigns % len(campaigns)
	return append(campaigns[first:], campaigns[:first]...)[:maxCampaigns]
}

// examine asks Konnektive about one campaign and holds the answer against each of its landers. It returns false
// when the next campaign need not be asked about: what is wrong is the same for all, and wrong credentials must not
// be tried often.
func (rl *Relay) examine(rq *request, landers []config.Lander, add func(code, about, text string)) bool {
	began := rl.platform.Now()
	said := preflight.Ask(rq.ctx, &rl.client, landers[0])
	rl.note(rq, began, said.Kind())
	for _, l := range landers {
		for _, f := range preflight.Examine(l, said) {
			if f.Level != preflight.Fail {
				continue
			}
			switch f.Check {
			case "address": // which is preflight's to name
				add("konnektive_address", "", "Konnektive refuses the address that the Worker's calls come from; make "+
					"preflight names it and says what to do.")
				return false
			case "reach", "credentials", "grant":
				add("konnektive_"+f.Check, "", f.Text+" "+f.Cure)
				return false
			}
			add("preflight", "campaign "+l.CampaignID+", "+l.Name+", "+f.Check, f.Text+" "+f.Cure)
		}
	}
	return true
}

// deepHealth says what the last look found, for uptime monitors: 503 while a problem is there, or when nobody has
// looked.
func (rl *Relay) deepHealth(rq *request) *answer {
	if refusal, ok := rl.operator(rq); !ok {
		return refusal
	}
	var state alert.State
	status := "off"
	if rl.config.AlertURL != "" {
		stored, _, err := rl.platform.Store.Read(rq.ctx, rl.platform.Store.Named(alertsName), 0)
		if err != nil {
			return &answer{code: codes.Internal, cause: err}
		}
		state = alert.Decode(stored.Data)
		switch {
		case rl.platform.Now().Sub(state.Looked) > 3*lookEvery:
			status = "not_looked"
		case len(state.Problems()) > 0:
			status = "failing"
		default:
			status = "ok"
		}
	}
	a := &answer{code: codes.Accepted, status: http.StatusOK}
	if status != "ok" {
		a.status = http.StatusServiceUnavailable
	}
	w := json.NewWriter(512)
	w.Open('{')
	w.Text("status", status)
	if status == "off" {
		w.Text("text", "The cron trigger looks at nothing without ALERT_URL.")
	}
	if !state.Looked.IsZero() {
		w.Text("looked", state.Looked.UTC().Format(time.RFC3339))
	}
	w.Key("problems")
	w.Open('[')
	for _, o := range state.Problems() {
		w.Element()
		w.Open('{')
		o.WriteMembers(w)
		w.Close('}')
	}
	w.Close(']')
	w.Text("version", rl.config.Version)
	w.Close('}')
	a.rawBody = w.String()
	return a
}
