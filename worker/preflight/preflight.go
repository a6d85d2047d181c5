// Package preflight reads one answer to Campaign Query and tells the operator what of a lander's configuration
// works at Konnektive, what does not, and what to do about it.
//
// Policy: it says "ok" only of what the answer shows, "warn" of what may be meant or cannot be seen from here, and
// "fail" of what will refuse orders. It never shows what Answer.Hide names.
//
// The package is part of the edge program, and pure but for the transport that Ask is given.
package preflight

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode"

	"klarna-relay/worker/config"
	"klarna-relay/worker/json"
	"klarna-relay/worker/konnektive"
)

// Level says how bad a finding is.
type Level string

// The levels, from good to bad.
const (
	OK   Level = "ok"
	Warn Level = "warn"
	Fail Level = "fail"
)

// Finding is one thing that was looked at.
type Finding struct {
	// stable: "reach", "address", "credentials", "grant", "campaign", "gateway", "product 34", "upsale 40",
	// "countries", "currency", "server"
	Check string
	Level Level
	Text  string // what was found
	Cure  string // what to do; "" when there is nothing to do
}

// Failure says why there is no answer to read.
type Failure int

// The failures of a call.
const (
	None     Failure = iota
	NotSent          // the request surely never left
	NoAnswer         // no answer, or not all of it, in time
)

// Answer is the outcome of one Campaign Query for the lander's campaign.
type Answer struct {
	Failure Failure
	Status  int      // HTTP status; 0 with a failure
	Body    string   // as it came
	Hide    []string // texts that are never shown, should Konnektive repeat them: the credentials
}

// Kind is what the log calls the answer.
func (a Answer) Kind() konnektive.Kind {
	switch a.Failure {
	case NotSent:
		return konnektive.NotSent
	case NoAnswer:
		return konnektive.Doubt
	}
	return konnektive.Read(a.Status, a.Body).Kind
}

// Examine holds the answer against the lander's configuration. Its findings come in the order in which a person
// would look: is Konnektive reached, does it let the Worker in, is the campaign there, then what is sold, where,
// and in which currency.
func Examine(lander config.Lander, answer Answer) []Finding {
	e := &examination{lander: lander, hide: answer.Hide}
	if message, ok := e.read(answer); ok {
		e.add("reach", OK, "Konnektive was reached and answered.", "")
		e.add("address", OK, "Konnektive accepts the address that the Worker's calls came from.", "")
		e.add("credentials", OK, "Konnektive knows the login id and the password.", "")
		e.add("grant", OK, "The API user may make this call, Campaign Query. Whether it may make the others shows only "+
			"when they are made.", "")
		if campaign := e.campaign(message); campaign != nil {
			e.gateway()
			e.products(campaign)
			e.countries(campaign)
			e.currency(campaign)
		}
	}
	return e.findings
}

// Worst is the level of the worst finding.
func Worst(findings []Finding) Level {
	worst := OK
	for _, f := range findings {
		if f.Level == Fail || worst == OK {
			worst = f.Level
		}
	}
	return worst
}

// Write appends the findings of one lander as a JSON object:
// {"lander":…,"level":…,"checks":[{"check":…,"level":…,"text":…,"cure":…}]}.
func Write(w *json.Writer, lander string, findings []Finding) {
	w.Open('{')
	w.Text("lander", lander)
	w.Text("level", string(Worst(findings)))
	w.Key("checks")
	w.Open('[')
	for _, f := range findings {
		w.Element()
		w.Open('{')
		w.Text("check", f.Check)
		w.Text("level", string(f.Level))
		w.Text("text", f.Text)
		w.OptionalText("cure", f.Cure)
		w.Close('}')
	}
	w.Close(']')
	w.Close('}')
}

type examination struct {
	lander   config.Lander
	hide     []string
	findings []Finding
}

// add is kept out of line: it is called from dozens of places, and each copy of an append makes the Wasm larger (14
// KB in all, compressed).
//
//go:noinline
func (e *examination) add(check string, level Level, text, cure string) {
	e.findings = append(e.findings, Finding{check, level, text, cure})
}

// read finds the message of a SUCCESS. Anything else becomes a finding.
func (e *examination) read(answer Answer) (message *json.Value, ok bool) {
	const check = "reach"
	switch {
	case answer.Failure == NotSent || konnektive.NotSentStatus(answer.Status):
		e.add(check, Fail, "Konnektive could not be reached.",
			"Check "+config.NameKonnektiveURL+": it is the address of your account's API, "+
				config.DefaultKonnektiveURL+" unless you were given another one.")
		return nil, false
	case answer.Failure != None:
		e.add(check, Fail, "Konnektive did not answer in time.",
			"Try again; if it stays so, raise "+config.NameTimeout+" (at most 60000) and ask Konnektive's support.")
		return nil, false
	}
	envelope, err := json.Parse(answer.Body)
	if err != nil {
		e.add(check, Fail, "What answered is not Konnektive's API: HTTP "+strconv.Itoa(answer.Status)+" and no JSON.",
			"Check "+config.NameKonnektiveURL+": the API's host, without a path. If it is right, Konnektive may be down for "+
				"maintenance.")
		return nil, false
	}
	switch result := text(envelope, "result"); result {
	case "SUCCESS":
		return envelope.Get("message"), true
	case "ERROR":
		e.refused(envelope)
	default:
		e.add(check, Fail, "Konnektive's answer has no result that is known: HTTP "+strconv.Itoa(
			answer.Status)+", result "+e.quote(result)+".",
			"Check "+config.NameKonnektiveURL+", then ask Konnektive's support.")
	}
	return nil, false
}

// refusals sort the ERROR texts that only the operator can cure, by a part of them in small letters; the first
// match counts. The first two are known from live calls. GUESS: the wording of the others; what matches none is
// shown as it is.
var refusals = []struct{ part, check, text, cure string }{
	{"must be whitelisted", "address", "Konnektive refused the address that the Worker's call came from",
		"In Konnektive, open the API user and add CLOUDFLARE to its whitelist: a Worker has no address of its own. That " +
			"admits every Worker of everybody, so let the user have a long password and only the grants it needs."},
	{"authenticate", "credentials", "Konnektive refused the login id or the password.",
		"Set both again: make secrets SECRETS=\"" + config.NameLoginID + " " + config.NamePassword +
			"\". They are those of an API user, not of a person."},
	{"permission", "grant", grantText, grantCure},
	{"not permitted", "grant", grantText, grantCure},
	{"not authorized", "grant", grantText, grantCure},
	{"not allowed", "grant", grantText, grantCure},
	{"access denied", "grant", grantText, grantCure},
	{"does not have access", "grant", grantText, grantCure},
	{"campaign", "campaign", "", ""}, // last, since a missing grant may name the call; the words are those of noCampaign
}

const (
	grantText = "Konnektive does not let the API user make this call, Campaign Query."
	grantCure = "In Konnektive, open the API user and grant Import Lead, Import Click, Import Order, Import Upsale, " +
		"Confirm Order, Order Query and Campaign Query, and nothing else."
)

// refused sorts an ERROR.
func (e *examination) refused(envelope *json.Value) {
	said := text(envelope, "message")
	if message := envelope.Get("message"); message != nil && message.Kind() == json.Object {
		message.Each(func(key string, v *json.Value) {
			said = strings.TrimPrefix(said+"; "+key+" "+scalar(v), "; ")
		})
	}
	e.add("reach", OK, "Konnektive was reached and answered.", "")
	small := strings.ToLower(said)
	for _, r := range refusals {
		if !strings.Contains(small, r.part) {
			continue
		}
		switch r.check {
		case "campaign":
			e.noCampaign()
		case "address":
			what := r.text
			if address := addressIn(said); address != "" {
				what += ": " + address
			}
			e.add(r.check, Fail, what+".", r.cure)
		default:
			e.add(r.check, Fail, r.text, r.cure)
		}
		return
	}
	e.add("answer", Fail, "Konnektive refused the call: "+e.quote(said)+".",
		"Ask Konnektive's support what this means for the API user and Campaign Query.")
}

// addressIn finds the IP address that a refusal names.
func addressIn(said string) string {
	for _, word := range strings.FieldsFunc(said,
		func(r rune) bool { return r != '.' && r != ':' && !unicode.Is(unicode.ASCII_Hex_Digit, r) }) {
		if a, err := netip.ParseAddr(strings.TrimRight(word, ".")); err == nil {
			return a.String()
		}
	}
	return ""
}

func (e *examination) noCampaign() {
	e.add("campaign", Fail, "Konnektive has no campaign "+e.lander.CampaignID+", or does not show it to this API user.",
		"Correct campaignId of the lander: it is the number in the list of campaigns, not the campaign's name.")
}

// campaign finds the lander's campaign in message.data, a map by campaign id or a list. A lone campaign without a
// map around it will do.
func (e *examination) campaign(message *json.Value) *json.Value {
	var found *json.Value
	data := message.Get("data")
	if data == nil {
		data = message
	}
	look := func(key string, v *json.Value) {
		if v.Kind() != json.Object {
			return
		}
		id := text(v, "campaignId")
		if id == "" {
			id = key
		}
		if found == nil && id == e.lander.CampaignID {
			found = v
		}
	}
	if data != nil {
		look("", data)
		data.Each(look)
	}
	if found == nil {
		e.noCampaign()
		return nil
	}
	name := text(found, "campaignName")
	if name != "" {
		name = ", " + e.quote(name)
	}
	e.add("campaign", OK, "Campaign "+e.lander.CampaignID+name+" is there.", "")
	return found
}

func (e *examination) gateway() {
	e.add("gateway", Warn,
		"Campaign Query does not tell whether gateway "+e.lander.MerchantID+" is the one for "+e.lander.PrepaidType+".",
		"In Konnektive, compare forceMerchantId with the id in the list of gateways, see that it is active and in the "+
			"campaign's currency; then place one order on the lander and cancel it at "+e.lander.PrepaidType+".")
}

// quote shows a text that came from outside: in quotes, short, without line breaks, and without what is to be hidden.
func (e *examination) quote(s string) string {
	for _, secret := range e.hide {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "…")
		}
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	if runes := []rune(s); len(runes) > 160 {
		s = string(runes[:160]) + "…"
	}
	return "“" + s + "”"
}

// text gives a member as text, whether it came as a string or as a number.
func text(v *json.Value, key string) string { return scalar(v.Get(key)) }

func scalar(v *json.Value) string { return strings.TrimSpace(v.Text()) }
