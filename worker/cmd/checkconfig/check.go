package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"klarna-relay/worker/config"
)

// Names that the Worker's program relies on.
const (
	assetsBinding  = "ASSETS"
	ledgerBinding  = "LEDGER"
	ledgerClass    = "Ledger"
	limiterBinding = "IMPORTS"
	limiterPeriod  = 60 // seconds: the contract counts imports by the minute
)

// findings are what is wrong with one environment, and what is worth a thought.
type findings struct {
	faults []config.Fault
	hints  []string
	config config.Config
}

func (f *findings) fault(code, where, cure string) {
	f.faults = append(f.faults, config.Fault{Code: code, Where: where, Cure: cure})
}

func (f *findings) hint(format string, args ...any) {
	f.hints = append(f.hints, fmt.Sprintf(format, args...))
}

// check examines one environment. What config.Parse finds comes first, since most mistakes are made there.
func check(e environment, s secrets) *findings {
	f := &findings{}
	f.checkValues(e, s)
	f.checkVarNames(e)
	f.checkLoopback(e)
	f.checkWorker(e)
	f.checkAssets(e)
	f.checkLedger(e)
	f.checkLimiter(e)
	f.checkExposure(e)
	f.checkLogs(e)
	f.adviseLanders(e)
	return f
}

// checkValues runs the Worker's own check on the vars and on the secrets at hand.
func (f *findings) checkValues(e environment, s secrets) {
	vars := table(e.settings, "vars")
	parsed, faults := config.Parse(func(name string) string {
		if slices.Contains(config.Secrets, name) {
			return s.values[name]
		}
		return asBinding(vars[name])
	})
	faults = append(faults, parsed.Landers.Faults()...)
	f.config = parsed
	var unseen []string
	for _, fault := range faults {
		isSecret := slices.Contains(config.Secrets, fault.Where)
		switch {
		case isSecret && s.values[fault.Where] == "" && !s.complete:
			unseen = append(unseen, fault.Where)
			continue
		case isSecret && s.from != "":
			fault.Where += " (" + s.from + ")"
		case !isSecret:
			fault.Where = e.prefix() + "vars." + fault.Where
		}
		if e.name != "" && vars[config.NameLanders] == nil && fault.Code == "landers_missing" {
			fault.Cure = fmt.Sprintf("environments do not inherit vars: repeat them, as [env.%s.vars] and [env.%s.vars.LANDERS.\"*\"]", e.name, e.name)
		}
		f.faults = append(f.faults, fault)
	}
	if len(unseen) > 0 {
		f.hint("not at hand here, so not checked: %s. Each is set once at Cloudflare: wrangler secret put NAME%s", strings.Join(unseen, ", "), e.flag())
	}
}

// asBinding is a var as the Worker sees it: text as it is, anything else as JSON.
func asBinding(value any) string {
	if value == nil {
		return ""
	}
	if text, ok := value.(string); ok {
		return text
	}
	b, err := json.Marshal(value)
	if err != nil { // an infinite number; its JSON in JavaScript
		return "null"
	}
	return string(b)
}

// checkVarNames refuses secrets in the file, which is in the repository, and names that nothing reads.
func (f *findings) checkVarNames(e environment) {
	for _, name := range sorted(table(e.settings, "vars")) {
		where := e.prefix() + "vars." + name
		switch {
		case slices.Contains(config.Secrets, name):
			f.fault("secret_in_vars", where, "take it out, change it at its source (it may be in the history of the repository already), then: wrangler secret put "+name+e.flag())
		case !slices.Contains(config.Vars, name):
			f.fault("var_unknown", where, "the Worker reads no such variable: correct the name or remove it; there are "+strings.Join(config.Vars, ", "))
		}
	}
}

// checkLoopback refuses what only a local set-up may have.
func (f *findings) checkLoopback(e environment) {
	vars := table(e.settings, "vars")
	where := e.prefix() + "vars."
	if vars[config.NameLoopbackHTTP] != nil && f.config.LoopbackHTTP {
		f.fault("loopback_http_deployed", where+config.NameLoopbackHTTP, "remove it: make dev sets it for itself, a deployed Worker never has it")
	}
	for _, v := range []struct{ name, value string }{
		{config.NameKonnektiveURL, f.config.KonnektiveURL}, {config.NameTurnstileURL, f.config.TurnstileURL},
	} {
		if isLoopbackURL(v.value) {
			f.fault("loopback_url_deployed", where+v.name, "a deployed Worker cannot reach this machine: remove it, make dev sets it for itself")
		}
	}
	for _, l := range f.config.Landers.All() {
		if isLoopbackURL(l.Origin) {
			f.fault("loopback_url_deployed", fmt.Sprintf("%s%s.%q.origin", where, config.NameLanders, l.Name), "a deployed Worker cannot reach this machine: give the origin's public address")
		}
	}
}

func isLoopbackURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && config.IsLoopback(u.Hostname())
}

func (f *findings) checkWorker(e environment) {
	for _, key := range []struct{ name, cure string }{
		{"name", `give the Worker a name: name = "klarna-relay"`},
		{"main", `name the JS entry: main = "worker/js/entry.mjs"`},
	} {
		if text, _ := e.settings[key.name].(string); text == "" {
			f.fault(key.name+"_missing", e.prefix()+key.name, key.cure)
		}
	}
	if e.top != nil && e.settings["name"] == e.top["name"] && e.top["name"] != nil {
		f.fault("name_shared", e.prefix()+"name", "give it another name than the top level has: a deploy of one would replace the other")
	}
	where := e.prefix() + "compatibility_date"
	date, ok := e.settings["compatibility_date"].(string)
	if _, err := time.Parse(time.DateOnly, date); !ok || err != nil {
		f.fault("compatibility_date_invalid", where, `set the date of the runtime's behaviour that the tests ran with, in quotes: "2026-01-31"`)
	}
}

func (f *findings) checkAssets(e environment) {
	where := e.prefix() + "assets"
	assets := table(e.settings, "assets")
	if assets["binding"] != assetsBinding {
		f.fault("assets_binding", where+".binding", `set binding = "ASSETS": the Worker serves the landers of www/ by it`)
	}
	if text, _ := assets["directory"].(string); text == "" {
		f.fault("assets_directory", where+".directory", `set directory = "./www"`)
	}
	if assets["run_worker_first"] != true {
		f.fault("assets_run_worker_first", where+".run_worker_first", "set it to true: with anything else pages are served without the https check and the security headers")
	}
}

func (f *findings) checkLedger(e environment) {
	where := e.prefix() + "durable_objects.bindings"
	binding := named(tables(table(e.settings, "durable_objects"), "bindings"), "name", ledgerBinding)
	switch {
	case binding == nil:
		f.fault("ledger_binding", where, `add { name = "LEDGER", class_name = "Ledger" }: without it no purchase can be recorded`+e.repeat())
	case binding["class_name"] != ledgerClass || binding["script_name"] != nil:
		f.fault("ledger_binding", where, `LEDGER must be the class of this Worker: { name = "LEDGER", class_name = "Ledger" } and nothing else`)
	}
	sqlite := false
	for _, m := range tables(e.settings, "migrations") {
		sqlite = sqlite || lists(m, "new_sqlite_classes", ledgerClass)
		if lists(m, "new_classes", ledgerClass) {
			f.fault("ledger_migration", e.prefix()+"migrations", "Ledger stands under new_classes, the old storage: write new_sqlite_classes (this cannot be changed after the first deploy)")
			return
		}
	}
	if !sqlite {
		f.fault("ledger_migration", e.prefix()+"migrations", `add [[migrations]] with tag = "v1" and new_sqlite_classes = ["Ledger"]`)
	}
}

func lists(t map[string]any, key, text string) bool {
	items, _ := t[key].([]any)
	return slices.Contains(items, any(text))
}

func (f *findings) checkLimiter(e environment) {
	where := e.prefix() + "ratelimits"
	limiter := named(tables(e.settings, "ratelimits"), "name", limiterBinding)
	if limiter == nil {
		f.fault("limiter_binding", where, `add [[ratelimits]] with name = "IMPORTS", a namespace_id and simple = { limit = 20, period = 60 }: without it nothing slows down somebody who tries addresses`+e.repeat())
		return
	}
	if text, _ := limiter["namespace_id"].(string); text == "" {
		f.fault("limiter_namespace", where+".namespace_id", `give a number of your choice in quotes, another one for every Worker and environment of the account: "1001"`)
	}
	if above := named(tables(e.top, "ratelimits"), "name", limiterBinding); above != nil && above["namespace_id"] == limiter["namespace_id"] {
		f.hint("%s.namespace_id is the one of the top level: both count the same shoppers together", where)
	}
	simple := table(limiter, "simple")
	if simple["period"] != int64(limiterPeriod) {
		f.fault("limiter_period", where+".simple.period", "set it to 60: the limit is one by the minute")
	}
	if limit, _ := simple["limit"].(int64); limit < 1 {
		f.fault("limiter_limit", where+".simple.limit", "give a whole number above 0: how many imports one shopper's address may start in a minute, usually 20")
	}
}

// checkExposure closes the addresses besides the landers' own hosts that Cloudflare would open by itself.
func (f *findings) checkExposure(e environment) {
	for _, name := range []string{"workers_dev", "preview_urls"} {
		if e.settings[name] != false {
			f.fault(name+"_open", e.prefix()+name, "set it to false: orders are to be taken on the landers' own hosts only")
		}
	}
	for _, name := range []string{"route", "routes"} {
		if e.top[name] != nil && e.own["route"] == nil && e.own["routes"] == nil {
			f.fault("routes_inherited", e.prefix()+name, fmt.Sprintf("give [env.%s] hosts of its own, or routes = []: it inherits those of the top level, and a deploy of it would take them over", e.name))
		}
	}
	f.checkOwnOrigins(e)
	if e.settings["route"] == nil && e.settings["routes"] == nil {
		f.hint("%sroutes: there are none, so after a deploy no host leads to this Worker unless the dashboard has some. "+
			`For example routes = [{ pattern = "shop.example", custom_domain = true }]`, e.prefix())
	}
}

// checkOwnOrigins finds landers whose origin is their own host, although the host is a custom domain: there is no server behind the Worker
// then, and it would ask itself. On a route the same setting is right: Cloudflare sends such a request to the zone's origin.
// https://developers.cloudflare.com/workers/configuration/routing/
func (f *findings) checkOwnOrigins(e environment) {
	for _, route := range tables(e.settings, "routes") {
		host, _ := route["pattern"].(string)
		if route["custom_domain"] != true {
			continue
		}
		lander := table(table(table(e.settings, "vars"), "LANDERS"), host)
		if origin, _ := lander["origin"].(string); origin == "https://"+host {
			f.fault("origin_custom_domain", fmt.Sprintf("%svars.LANDERS.%q.origin", e.prefix(), host),
				"this host is a custom domain, so the Worker would ask itself: give the server a host name of its own, or use a route with zone_name")
		}
	}
}

// checkLogs wants the relay's own log lines kept and everything kept out that holds whole URLs, which name purchases.
func (f *findings) checkLogs(e environment) {
	where := e.prefix() + "observability"
	observability := table(e.settings, "observability")
	logs := table(observability, "logs")
	if observability["enabled"] != true && logs["enabled"] != true {
		f.hint("%s.enabled is not true: the relay's log lines are kept nowhere, unless they are pushed elsewhere", where)
	}
	if logs["invocation_logs"] != false {
		f.fault("invocation_logs_on", where+".logs.invocation_logs", "set it to false: Cloudflare's own lines hold whole URLs, and those name purchases")
	}
	if table(observability, "traces")["enabled"] == true {
		f.fault("traces_on", where+".traces.enabled", "set it to false: traces hold whole URLs, and those name purchases")
	}
}

// adviseLanders points out what is allowed and still is rarely meant.
func (f *findings) adviseLanders(e environment) {
	for _, l := range f.config.Landers.All() {
		where := fmt.Sprintf("%svars.%s.%q", e.prefix(), config.NameLanders, l.Name)
		if len(l.Shop.Upsales) > 0 && l.Upsell == "" {
			f.hint("%s has upsales, but no upsell page: nobody is shown them", where)
		}
		if len(l.Shop.Upsales) == 0 && l.Upsell != "" {
			f.hint("%s has an upsell page, but no upsales: every order made there is refused", where)
		}
		if u, err := url.Parse(l.Checkout); err == nil && u.Host != "" && !slices.Contains(l.AllowedOrigins, u.Scheme+"://"+u.Host) {
			f.hint("%s.pages.checkout is on another origin that allowedOrigins does not list: its orders are refused", where)
		}
	}
}

// flag is the wrangler option for the environment.
func (e environment) flag() string {
	if e.name == "" {
		return ""
	}
	return " --env " + e.name
}

// repeat explains why a binding that stands at the top is missing here.
func (e environment) repeat() string {
	if e.name == "" {
		return ""
	}
	return " (environments do not inherit bindings: repeat it under env." + e.name + ")"
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
