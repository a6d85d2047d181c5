//go:build js && wasm

// The edge program. It wires the packages together and does nothing else.
package main

import (
	"time"

	"klarna-relay/worker/config"
	"klarna-relay/worker/edge"
	"klarna-relay/worker/gate"
	"klarna-relay/worker/json"
	"klarna-relay/worker/relay"
)

// version is set by the build.
var version = "dev"

func main() {
	edge.Serve(edge.Program{Configure: configure, Rehearsal: rehearsal})
}

func configure(get func(name string) string, late bool) (edge.Relay, *gate.Gate) {
	c, faults := config.ParseWith(get, edge.LandersFile())
	if c.Version == "" {
		c.Version = version
	}
	report(faults)
	c.Landers.Report = report
	p := platform()
	p.StartedLate = late
	r := relay.New(c, faults, p)
	return r, gate.New(func(host string) gate.Host {
		l, _ := c.Lander(host)
		return gate.Host{
			Name: l.Name, Origin: l.Origin, Turnstile: c.TurnstileSecret != "",
			HSTSIncludeSubDomains: l.HSTSIncludeSubDomains, HSTSPreload: l.HSTSPreload,
		}
	}, c.LoopbackHTTP)
}

// rehearsal is the relay that js/rehearsal.mjs sends an order to. It has nothing of the operator's configuration.
func rehearsal() edge.Relay {
	vars := map[string]string{
		config.NameKonnektiveURL: "https://rehearsal.invalid",
		config.NameLoginID:       "rehearsal",
		config.NamePassword:      "rehearsal",
		config.NameLanders:       `{"*":{"campaignId":1,"forceMerchantId":1,"products":[1]}}`,
	}
	c, faults := config.Parse(func(name string) string { return vars[name] })
	return relay.New(c, faults, platform())
}

func platform() relay.Platform {
	return relay.Platform{
		Transport: edge.Transport{},
		Store:     edge.Ledger{},
		Limit:     edge.Limit,
		AtOnce:    edge.AtOnce,
		Now:       time.Now,
		Log:       edge.Log,
		Caught:    edge.Caught,
		Count: func(p relay.Point) {
			if p.Route == relay.RouteSettled {
				edge.Count(p.Lander, []string{p.Lander, p.Route, p.Code, p.Currency, p.Ref}, []int64{0, 0, 0, 0, p.Amount})
				return
			}
			edge.Count(p.Lander, []string{p.Lander, p.Route, p.Code},
				[]int64{p.UpstreamMS, p.TotalMS, int64(p.HTTPStatus), int64(p.Upstream)})
		},
		Random:   edge.Random,
		Tell:     edge.Tell,
		Outcomes: edge.Outcomes,
	}
}

// report writes the configuration's faults to the log, once for those that are everybody's and once for each lander's.
func report(faults []config.Fault) {
	if len(faults) == 0 {
		return
	}
	w := json.NewWriter(1024)
	w.Open('{')
	w.Text("level", "error")
	w.Text("event", "misconfigured")
	w.Text("faults", config.Explain(faults))
	w.Close('}')
	edge.Log(w.String())
}
