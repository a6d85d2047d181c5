package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"path"
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
	limiterPeriod  = 60 // seconds: the contract counts by the minute
	metricsBinding = "METRICS"

	// A variable holds 5 KB at Cloudflare; a little is left for the next lander.
	// https://developers.cloudflare.com/workers/platform/limits/#environment-variables
	maxVar = 4800 // bytes

	// testedDate is the compatibility date that the tests run with.
	testedDate = "2026-10-01"
)

// findings are what is wrong with one environment, and what is worth a thought.
type findings struct {
	faults  []config.Fault
	hints   []string
	config  config.Config
	landers config.File
}

// inFile tells whether a lander is one of landers.toml.
func (f *findings) inFile(name string) bool { return f.landers != nil && f.landers(name) != "" }

// at is the place of a lander.
func (f *findings) at(e environment, name string) string {
	if f.inFile(name) {
		return fmt.Sprintf("%s.%q", config.NameFile, name)
	}
	return fmt.Sprintf("%svars.%s.%q", e.prefix(), config.NameLanders, name)
}

func (f *findings) fault(code, where, cure string) {
	f.faults = append(f.faults, config.Fault{Code: code, Where: where, Cure: cure})
}

func (f *findings) hint(format string, args ...any) {
	f.hints = append(f.hints, fmt.Sprintf(format, args...))
}

// check examines one environment. What config.Parse finds comes first, since it finds most mistakes.
func check(e environment, s secrets, p place) *findings {
	f := &findings{landers: p.landers}
	f.checkValues(e, s, p)
	f.checkVarNames(e)
	f.checkSecretNames(s)
	f.checkLikes(e, p)
	f.checkLoopback(e)
	f.checkWorker(e, p)
	f.checkAssets(e)
	f.checkLedger(e)
	for _, l := range limiters {
		f.checkLimiter(e, l)
	}
	f.checkMetrics(e)
	f.checkExposure(e)
	f.checkRoutes(e)
	f.checkLogs(e)
	f.checkAlerts(e)
	f.checkPages(e, p)
	f.adviseLanders(e, s)
	return f
}

// place is where wrangler.toml is, and when.
type place struct {
	folder  string
	landers config.File
	today   time.Time
	alone   bool // one environment is checked, and not the top level
}

// checkValues runs the Worker's own check on the vars and on the secrets at hand.
func (f *findings) checkValues(e environment, s secrets, p place) {
	parsed, faults := parse(e.settings, s, p)
	f.config = parsed
	var above []config.Fault
	if e.top != nil {
		_, above = parse(e.top, s, p)
	}
	var unseen []string
	for _, fault := range faults {
		isSecret := slices.Contains(config.Secrets, fault.Where)
		switch {
		case isSecret && s.values[fault.Where] == "" && !s.complete:
			unseen = append(unseen, fault.Where)
			continue
		case isSecret:
			fault.Cure = strings.Replace(fault.Cure, secretCure(fault.Where), secretCure(fault.Where)+e.flag(), 1)
			if s.from != "" {
				fault.Where += " (" + s.from + ")"
			}
		case strings.HasPrefix(fault.Where, config.NameFile):
			if e.top != nil && !(p.alone && slices.Contains(above, fault)) {
				continue // told once, for the top level; see checkLikes for the others
			}
		default:
			fault.Where = e.prefix() + "vars." + fault.Where
		}
		if e.name != "" && table(e.settings, "vars")[config.NameLanders] == nil && fault.Code == "landers_missing" {
			fault.Cure = fmt.Sprintf("environments do not inherit vars: repeat them, as [env.%s.vars] and "+
				"[env.%s.vars.LANDERS.\"*\"]", e.name, e.name)
		}
		f.faults = append(f.faults, fault)
	}
	if len(unseen) == 1 {
		f.hint("not at hand here, so not checked: %s. It is set once at Cloudflare: %s", unseen[0],
			secretCure(unseen[0])+e.flag())
	} else if len(unseen) > 1 {
		f.hint("not at hand here, so not checked: %s. They are set once at Cloudflare: make secrets%s",
			strings.Join(unseen, ", "), e.flag())
	}
}

// secretCure is the command that sets a secret.
func secretCure(name string) string { return "make secrets SECRETS=" + name }

// parse reads the settings of one environment as the Worker does, with all landers.
func parse(settings map[string]any, s secrets, p place) (config.Config, []config.Fault) {
	vars := table(settings, "vars")
	parsed, faults := config.ParseWith(func(name string) string {
		if slices.Contains(config.Secrets, name) {
			return s.values[name]
		}
		return asBinding(vars[name])
	}, p.landers)
	return parsed, append(faults, parsed.Landers.Faults()...)
}

// checkLikes finds landers of landers.toml that are like one of wrangler.toml which this environment has not. That is
// a fault where a route leads to the lander.
func (f *findings) checkLikes(e environment, p place) {
	if e.top == nil {
		return
	}
	above, _ := parse(e.top, secrets{}, p)
	var lacking []string
	for _, l := range f.config.Landers.All() {
		faulty := func(l config.Lander) bool {
			return slices.ContainsFunc(l.Faults, func(f config.Fault) bool { return f.Code == "like_invalid" })
		}
		if same, _ := above.Landers.Named(l.Name); !f.inFile(l.Name) || !faulty(l) || faulty(same) {
			continue
		}
		if !slices.ContainsFunc(routesOf(e), func(r route) bool { return r.covers(l.Name) }) {
			lacking = append(lacking, fmt.Sprintf("%q", l.Name))
		} else {
			f.fault("like_invalid", f.at(e, l.Name)+".like", fmt.Sprintf("[env.%s] has no lander of this name: add it as "+
				"[env.%s.vars.LANDERS.\"…\"], or move it from [vars.LANDERS] to landers.toml, which every environment has",
				e.name, e.name))
		}
	}
	if len(lacking) > 0 {
		more := ""
		if n := len(lacking) - 1; n > 0 {
			more = fmt.Sprintf(" (and %s)", plural(n, "other lander"))
		}
		f.hint("landers.toml.%s%s is like a lander that [env.%s] has not. No route of this environment leads to it, so that "+
			"does no harm; to serve it here too, move that lander from [vars.LANDERS] to landers.toml", lacking[0], more, e.name)
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
	for _, name := range slices.Sorted(maps.Keys(table(e.settings, "vars"))) {
		where := e.prefix() + "vars." + name
		switch {
		case slices.Contains(config.Secrets, name):
			f.fault("secret_in_vars", where, "take it out, change it at its source (it may be in the history of the "+
				"repository already), then: "+secretCure(name)+e.flag())
		case !slices.Contains(config.Vars, name):
			cure := "the Worker reads no such variable: correct the name or remove it; there are " +
				strings.Join(config.Vars, ", ")
			if meant := config.Nearest(name, append(config.Vars, config.Secrets...)); meant != "" {
				cure = "the Worker reads no such variable: write it " + meant
				if slices.Contains(config.Secrets, meant) {
					cure = "take it out of the file: " + meant + " is meant, and that is a secret: " + secretCure(meant) + e.flag()
				}
			}
			f.fault("var_unknown", where, cure)
		case len(asBinding(table(e.settings, "vars")[name])) > maxVar:
			f.fault("var_too_large", where, fmt.Sprintf(
				"it is %d bytes, and Cloudflare takes 5 KB: move landers to worker/landers.toml, which holds any number",
				len(asBinding(table(e.settings, "vars")[name]))))
		}
	}
}

// checkSecretNames finds misspelt names in the file of secrets, which would otherwise count as not set.
func (f *findings) checkSecretNames(s secrets) {
	for _, name := range s.names {
		if slices.Contains(config.Secrets, name) || slices.Contains(config.Vars, name) {
			continue
		}
		cure := "nothing reads it: remove it; there are " + strings.Join(config.Secrets, ", ")
		if meant := config.Nearest(name, config.Secrets); meant != "" {
			cure = "nothing reads it: write it " + meant
		}
		f.fault("secret_unknown", name+" ("+s.from+")", cure)
	}
}

// checkLoopback refuses what only a local set-up may have.
func (f *findings) checkLoopback(e environment) {
	vars := table(e.settings, "vars")
	where := e.prefix() + "vars."
	if vars[config.NameLoopbackHTTP] != nil && f.config.LoopbackHTTP {
		f.fault("loopback_http_deployed", where+config.NameLoopbackHTTP,
			"remove it: make dev sets it for itself, a deployed Worker never has it")
	}
	if u, err := url.Parse(f.config.KonnektiveURL); err == nil && u.Path != "" && vars[config.NameKonnektiveURL] != nil {
		f.fault("konnektive_url_path", where+config.NameKonnektiveURL,
			"give the host alone, like "+config.DefaultKonnektiveURL+": the paths of the calls are appended by the Worker")
	}
	for _, v := range []struct{ name, value string }{
		{config.NameKonnektiveURL, f.config.KonnektiveURL}, {config.NameTurnstileURL, f.config.TurnstileURL},
	} {
		if isLoopbackURL(v.value) {
			f.fault("loopback_url_deployed", where+v.name,
				"a deployed Worker cannot reach this machine: remove it, make dev sets it for itself")
		}
	}
	for _, l := range f.config.Landers.All() {
		if isLoopbackURL(l.Origin) {
			f.fault("loopback_url_deployed", f.at(e, l.Name)+".origin",
				"a deployed Worker cannot reach this machine: give the origin's public address")
		}
	}
}

func isLoopbackURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && config.IsLoopback(u.Hostname())
}

func (f *findings) checkWorker(e environment, p place) {
	for _, key := range []struct{ name, cure string }{
		{"name", `give the Worker a name: name = "klarna-relay"`},
		{"main", `name the JS entry: main = "worker/js/entry.mjs"`},
	} {
		if text, _ := e.settings[key.name].(string); text == "" {
			f.fault(key.name+"_missing", e.prefix()+key.name, key.cure)
		}
	}
	if e.top != nil && e.settings["name"] == e.top["name"] && e.top["name"] != nil {
		f.fault("name_shared", e.prefix()+"name",
			"give it another name than the top level has: a deploy of one would replace the other")
	}
	where := e.prefix() + "compatibility_date"
	date, ok := e.settings["compatibility_date"].(string)
	day, err := time.Parse(time.DateOnly, date)
	switch {
	case !ok || err != nil:
		f.fault("compatibility_date_invalid", where,
			`set the date of the runtime's behaviour that the tests ran with, in quotes: "`+testedDate+`"`)
	case day.After(p.today):
		f.fault("compatibility_date_future", where,
			"it is in the future, which Cloudflare refuses: set \""+testedDate+"\", with which the tests run")
	case date < testedDate:
		f.fault("compatibility_date_old", where,
			"it is older than what the tests run with: set \""+testedDate+"\", and run make test")
	case date > testedDate:
		f.hint("%s is newer than the one that the tests were written for (%s): run make test before a deploy", where,
			testedDate)
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
	f.checkWorkerFirst(where+".run_worker_first", assets["run_worker_first"])
}

// static are the endings of files that need no decision of the Worker's: images and fonts.
var static = []string{".avif", ".gif", ".ico", ".jpeg", ".jpg", ".png", ".svg", ".ttf", ".webp", ".woff", ".woff2"}

// checkWorkerFirst wants every page to go through the Worker. A list may except files that are no pages: images, fonts
// and the hashed files of /build/. Source: https://developers.cloudflare.com/workers/static-assets/binding/
func (f *findings) checkWorkerFirst(where string, value any) {
	const cure = `set it to true, or to a list such as ["/*", "!/build/*", "!/img/*.png"]: `
	patterns, isList := value.([]any)
	if value == true {
		return
	}
	if !isList || !slices.Contains(patterns, any("/*")) {
		f.fault("assets_run_worker_first", where,
			cure+"with anything else pages are served without the https check and the security headers")
		return
	}
	for _, pattern := range patterns {
		text, _ := pattern.(string)
		excepted, isException := strings.CutPrefix(text, "!")
		if isException && !strings.HasPrefix(excepted, "/build/") && !slices.Contains(static, path.Ext(excepted)) {
			f.fault("assets_run_worker_first", where,
				cure+text+" may hold pages, which would be served without the https check and the security headers")
		}
	}
	f.hint("%s: what it excepts is served without the Worker, over plain http too, unless a redirect rule of the zone "+
		"sends GET and HEAD to https", where)
}

func (f *findings) checkLedger(e environment) {
	where := e.prefix() + "durable_objects.bindings"
	binding := named(tables(table(e.settings, "durable_objects"), "bindings"), "name", ledgerBinding)
	switch {
	case binding == nil:
		f.fault("ledger_binding", where,
			`add { name = "LEDGER", class_name = "Ledger" }: without it no purchase can be recorded`+e.repeat())
	case binding["class_name"] != ledgerClass || binding["script_name"] != nil:
		f.fault("ledger_binding", where,
			`LEDGER must be the class of this Worker: { name = "LEDGER", class_name = "Ledger" } and nothing else`)
	}
	sqlite := false
	for _, m := range tables(e.settings, "migrations") {
		sqlite = sqlite || lists(m, "new_sqlite_classes", ledgerClass)
		if lists(m, "new_classes", ledgerClass) {
			f.fault("ledger_migration", e.prefix()+"migrations", "Ledger stands under new_classes, the old storage: write "+
				"new_sqlite_classes (this cannot be changed after the first deploy)")
			return
		}
	}
	if !sqlite {
		f.fault("ledger_migration", e.prefix()+"migrations",
			`add [[migrations]] with tag = "v1" and new_sqlite_classes = ["Ledger"]`)
	}
}

func lists(t map[string]any, key, text string) bool {
	items, _ := t[key].([]any)
	return slices.Contains(items, any(text))
}

// limiter is one of the rate limits.
type limiter struct {
	name   string
	usual  int64 // requests a minute
	least  int64 // fewer stop honest shoppers
	limits string
	stops  string // what it does without
}

var limiters = []limiter{
	{"IMPORTS", 20, 5, "how many imports one shopper's address may start in a minute",
		"nothing slows down somebody who tries addresses"},
	{"READS", 120, 40, "how many questions for a status and ways back from Klarna one shopper's address may send in a " +
		"minute", "nothing slows down somebody who guesses refs"},
}

func (f *findings) checkLimiter(e environment, l limiter) {
	where := e.prefix() + "ratelimits." + l.name
	of := func(settings map[string]any) map[string]any {
		return named(tables(settings, "ratelimits"), "name", l.name)
	}
	found := of(e.settings)
	if found == nil {
		f.fault("limiter_binding", e.prefix()+"ratelimits",
			fmt.Sprintf("add [[ratelimits]] with name = %q, a namespace_id and simple = { limit = %d, period = 60 }: "+
				"without it %s%s", l.name, l.usual, l.stops, e.repeat()))
		return
	}
	id, _ := found["namespace_id"].(string)
	if id == "" {
		f.fault("limiter_namespace", where+".namespace_id",
			`give a number of your choice in quotes, another one for every limit, Worker and environment of the account: "1001"`)
	}
	for _, other := range tables(e.settings, "ratelimits") {
		if other["name"] != l.name && other["namespace_id"] == found["namespace_id"] && id != "" &&
			fmt.Sprint(other["name"]) < l.name {
			f.fault("limiter_namespace", where+".namespace_id",
				fmt.Sprintf("%v has the same one, so that both count together: give another number", other["name"]))
		}
	}
	for _, other := range tables(e.top, "ratelimits") {
		if other["namespace_id"] == found["namespace_id"] && id != "" {
			f.fault("limiter_namespace_shared", where+".namespace_id",
				"it is one of the top level's, so that tests here use up the limit of real shoppers: give another number")
		}
	}
	simple := table(found, "simple")
	if simple["period"] != int64(limiterPeriod) {
		f.fault("limiter_period", where+".simple.period", "set it to 60: the limit is one by the minute")
	}
	switch limit, _ := simple["limit"].(int64); {
	case limit < 1:
		f.fault("limiter_limit", where+".simple.limit",
			fmt.Sprintf("give a whole number above 0: %s, usually %d", l.limits, l.usual))
	case limit < l.least:
		f.fault("limiter_limit_low", where+".simple.limit",
			fmt.Sprintf("fewer than %d stop honest shoppers, who press twice and share an address with others: %d is usual",
				l.least, l.usual))
	case limit > 50*l.usual:
		f.hint("%s.simple.limit is so high that it limits nobody; %d is usual", where, l.usual)
	}
}

// checkMetrics wants the counters under the name that the Worker looks for, and apart from those of other
// environments.
func (f *findings) checkMetrics(e environment) {
	datasets := tables(e.settings, "analytics_engine_datasets")
	for _, d := range datasets {
		binding, _ := d["binding"].(string)
		if binding == metricsBinding {
			continue
		}
		if config.Nearest(binding, []string{metricsBinding}) != "" {
			f.fault("metrics_binding", e.prefix()+"analytics_engine_datasets.binding",
				"write it METRICS: the Worker counts under no other name")
		}
	}
	own := named(datasets, "binding", metricsBinding)
	if own == nil {
		return
	}
	above := named(tables(e.top, "analytics_engine_datasets"), "binding", metricsBinding)
	if above != nil && datasetOf(above) == datasetOf(own) {
		f.fault("metrics_dataset_shared", e.prefix()+"analytics_engine_datasets.dataset",
			"it is the top level's, so that tests here are counted among real orders: give another name")
	}
}

// datasetOf is a dataset's name; wrangler takes the binding's where there is none.
func datasetOf(t map[string]any) any {
	if t["dataset"] == nil {
		return t["binding"]
	}
	return t["dataset"]
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
			f.fault("routes_inherited", e.prefix()+name, fmt.Sprintf("give [env.%s] hosts of its own, or routes = []: it "+
				"inherits those of the top level, and a deploy of it would take them over", e.name))
		}
	}
	f.checkOwnOrigins(e)
	if len(routesOf(e)) == 0 {
		f.hint("%sroutes: there are none, so after a deploy no host leads to this Worker unless the dashboard has some. "+
			`For example routes = [{ pattern = "shop.example", custom_domain = true }]`, e.prefix())
	}
}

// checkOwnOrigins finds landers whose origin is their own host, although the host is a custom domain: there is no
// server behind the Worker then, and it would ask itself. On a route the same setting is right: Cloudflare sends
// such a request to the zone's origin. https://developers.cloudflare.com/workers/configuration/routing/
func (f *findings) checkOwnOrigins(e environment) {
	for _, route := range tables(e.settings, "routes") {
		host, _ := route["pattern"].(string)
		if route["custom_domain"] != true {
			continue
		}
		lander := table(table(table(e.settings, "vars"), "LANDERS"), host)
		if origin, _ := lander["origin"].(string); origin == "https://"+host {
			f.fault("origin_custom_domain", fmt.Sprintf("%svars.LANDERS.%q.origin", e.prefix(), host),
				"this host is a custom domain, so the Worker would ask itself: give the server a host name of its own, or use "+
					"a route with zone_name")
		}
	}
}

// checkLogs wants the relay's own log lines kept. It refuses every other log that holds whole URLs, since they name
// purchases.
func (f *findings) checkLogs(e environment) {
	where := e.prefix() + "observability"
	observability := table(e.settings, "observability")
	logs := table(observability, "logs")
	if observability["enabled"] != true && logs["enabled"] != true {
		f.hint("%s.enabled is not true: the relay's log lines are kept nowhere, unless they are pushed elsewhere", where)
	}
	for _, t := range []struct {
		name string
		of   map[string]any
	}{{where, observability}, {where + ".logs", logs}} {
		rate, given := t.of["head_sampling_rate"]
		if number, ok := asNumber(rate); given && (!ok || number < 0 || number > 1) {
			f.fault("sampling_invalid", t.name+".head_sampling_rate",
				"give a number from 0 to 1, or remove it for 1, which keeps every line")
		} else if given && number < 1 {
			f.fault("sampling_partial", t.name+".head_sampling_rate",
				"remove it: with less than 1 the line of the order that somebody asks for may be missing")
		}
	}
	if logs["invocation_logs"] != false {
		f.fault("invocation_logs_on", where+".logs.invocation_logs",
			"set it to false: Cloudflare's own lines hold whole URLs, and those name purchases")
	}
	if table(observability, "traces")["enabled"] == true {
		f.fault("traces_on", where+".traces.enabled", "set it to false: traces hold whole URLs, and those name purchases")
	}
}

func asNumber(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// checkAlerts wants a cron trigger where a webhook is set: the Worker looks for news only when one runs it.
func (f *findings) checkAlerts(e environment) {
	crons, given := table(e.settings, "triggers")["crons"].([]any)
	switch where := e.prefix() + "triggers.crons"; {
	case len(crons) > 0:
	case f.config.AlertURL != "":
		f.fault("alerts_without_trigger", where,
			config.NameAlertURL+` is set, and nothing has the Worker look: add crons = ["*/5 * * * *"]`)
	case given:
		f.hint("%s is empty, so the Worker never looks, and nobody is told when orders stop, whatever %s says: "+
			`set crons = ["*/5 * * * *"]`, where, config.NameAlertURL)
	}
}

// adviseLanders points out what is allowed but rarely intended.
func (f *findings) adviseLanders(e environment, s secrets) {
	if f.config.TurnstileSecret != "" {
		for _, l := range f.config.Landers.All() {
			if len(l.AllowedOrigins) > 0 {
				f.hint("%s is set, and %q takes orders from pages of other origins: each of them needs Turnstile's widget, or "+
					"its orders are refused", config.NameTurnstileSecret, l.Name)
			}
		}
	}
	for _, l := range f.config.Landers.All() {
		where := f.at(e, l.Name)
		if len(l.Shop.Upsales) > 0 && l.Upsell == "" {
			f.hint("%s has upsales, but no upsell page: nobody is shown them", where)
		}
		if len(l.Shop.Upsales) == 0 && l.Upsell != "" {
			f.hint("%s has an upsell page, but no upsales: every order made there is refused", where)
		}
		if u, err := url.Parse(l.Checkout); err == nil && u.Host != "" &&
			!slices.Contains(l.AllowedOrigins, u.Scheme+"://"+u.Host) {
			f.hint("%s.pages.checkout is on another origin that allowedOrigins does not list: its orders are refused", where)
		}
	}
}

// flag names the environment to make.
func (e environment) flag() string {
	if e.name == "" {
		return ""
	}
	return " ENVIRONMENT=" + e.name
}

// repeat explains why a binding that stands at the top is missing here.
func (e environment) repeat() string {
	if e.name == "" {
		return ""
	}
	return " (environments do not inherit bindings: repeat it under env." + e.name + ")"
}
