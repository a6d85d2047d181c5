package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"klarna-relay/worker/config"
)

// route is one place of Cloudflare's that leads to the Worker.
type route struct {
	host   string // may begin with "*." or "*"
	path   string // "/…", may end with "*"; "" for a custom domain, which is all of a host
	custom bool
}

// patternsOf are route and routes, which may be texts or tables.
func patternsOf(e environment) []any {
	var patterns []any
	if one := e.settings["route"]; one != nil {
		patterns = append(patterns, one)
	}
	if list, ok := e.settings["routes"].([]any); ok {
		patterns = append(patterns, list...)
	}
	if list, ok := e.settings["routes"].([]map[string]any); ok {
		for _, t := range list {
			patterns = append(patterns, t)
		}
	}
	return patterns
}

func routesOf(e environment) []route {
	var routes []route
	for _, p := range patternsOf(e) {
		text, _ := p.(string)
		var r route
		if t, ok := p.(map[string]any); ok {
			text, _ = t["pattern"].(string)
			r.custom = t["custom_domain"] == true
		}
		if _, after, ok := strings.Cut(text, "://"); ok {
			text = after
		}
		if i := strings.IndexByte(text, '/'); i >= 0 {
			text, r.path = text[:i], text[i:]
		}
		r.host = strings.ToLower(text)
		routes = append(routes, r)
	}
	return routes
}

// covers tells whether some hosts of a pattern are those of a lander's key.
func (r route) covers(key string) bool {
	if key == config.AnyHost {
		return true
	}
	if r.host == key {
		return true
	}
	within := func(pattern, host string) bool {
		suffix, ok := strings.CutPrefix(pattern, "*")
		return ok && strings.HasSuffix(strings.TrimPrefix(host, "*"), suffix)
	}
	return within(r.host, key) || strings.HasPrefix(key, "*.") && within(key, r.host)
}

// routeKeys are all that wrangler knows of a route; with another one it refuses the file.
var routeKeys = []string{"pattern", "custom_domain", "zone_name", "zone_id", "enabled", "previews_enabled"}

// checkRouteTables finds what wrangler refuses in a table of routes.
func (f *findings) checkRouteTables(e environment) {
	for _, p := range patternsOf(e) {
		t, ok := p.(map[string]any)
		if !ok {
			continue
		}
		pattern, _ := t["pattern"].(string)
		where := fmt.Sprintf("%sroutes %q", e.prefix(), pattern)
		unknown := slices.Sorted(maps.Keys(t))
		unknown = slices.DeleteFunc(unknown, func(key string) bool { return slices.Contains(routeKeys, key) })
		for _, key := range unknown {
			cure := "wrangler refuses a route with this key: remove it; there are " + strings.Join(routeKeys, ", ")
			if meant := config.Nearest(key, routeKeys); meant != "" || key == "zone" {
				meant = cmp.Or(meant, "zone_name")
				cure = "wrangler refuses a route with this key: write it " + meant
			}
			f.fault("route_key_unknown", where+"."+key, cure)
		}
		switch host, _, path := strings.Cut(pattern, "/"); {
		case len(unknown) > 0:
		case t["custom_domain"] == true && strings.Contains(host, "*"):
			f.fault("route_custom_domain", where, "a custom domain is one whole host, and wrangler refuses a * there: write "+
				zoneRoute(pattern))
		case t["custom_domain"] == true && path:
			f.fault("route_custom_domain", where, fmt.Sprintf("a custom domain is one whole host, and wrangler refuses a path "+
				"there: write pattern = %q, or, for a part of a host, %s", host, zoneRoute(pattern)))
		case t["custom_domain"] == nil && t["zone_name"] == nil && t["zone_id"] == nil:
			f.fault("route_without_zone", where, "wrangler refuses a route that says no more: add custom_domain = true for a "+
				"host that this Worker alone serves, or the zone of the host, such as "+zoneRoute(pattern))
		}
	}
}

// zoneRoute is a route of a zone as it is written; the zone is a guess.
func zoneRoute(pattern string) string {
	host, _, path := strings.Cut(pattern, "/")
	if !path {
		pattern = host + "/*"
	}
	return fmt.Sprintf("{ pattern = %q, zone_name = %q }", pattern, strings.TrimLeft(host, "*."))
}

// checkRoutes compares the hosts that lead to the Worker with those that it sells on.
func (f *findings) checkRoutes(e environment) {
	f.checkRouteTables(e)
	routes := routesOf(e)
	if len(routes) == 0 || len(f.faults) > 0 && len(f.config.Landers.Hosts()) == 0 {
		return
	}
	where := e.prefix() + "routes"
	hosts := f.config.Landers.Hosts()
	for _, r := range routes {
		shown := r.host + r.path
		if !slices.ContainsFunc(hosts, r.covers) {
			f.fault("route_without_lander", fmt.Sprintf("%s %q", where, shown),
				fmt.Sprintf("no lander has this host, so that its orders are refused: add [%svars.LANDERS.%q], or take the "+
					"route away", e.prefix(), r.host))
		}
		if !r.custom && !takesAPI(r, routes) {
			f.fault("route_without_api", fmt.Sprintf("%s %q", where, shown),
				fmt.Sprintf("/api is not on it, so that orders never reach the Worker: write it %q, or add %q", r.host+"/*",
					r.host+"/api/*"))
		}
	}
	f.checkRoutesOfLanders(e, routes, hosts)
	f.checkSharedHosts(e, routes)
}

// checkRoutesOfLanders finds landers that no route leads to, and one for every host that nobody meant.
func (f *findings) checkRoutesOfLanders(e environment, routes []route, hosts []string) {
	for _, host := range hosts {
		if host == config.AnyHost || slices.ContainsFunc(routes, func(r route) bool { return r.covers(host) }) {
			continue
		}
		if e.top != nil && f.inFile(host) {
			continue // every environment has it, those too that are not to serve it
		}
		if l, _ := f.config.Landers.Named(host); slices.ContainsFunc(l.Faults,
			func(f config.Fault) bool { return f.Code == "host_unquoted" }) {
			continue // this is no host
		}
		cure := fmt.Sprintf("{ pattern = %q, custom_domain = true }, or, for a host that has a server already, %s", host,
			zoneRoute(host))
		if strings.HasPrefix(host, "*.") {
			cure = zoneRoute(host)
		}
		f.fault("lander_without_route", f.at(e, host), "no route leads to this host: add to routes "+cure+
			", or take the lander away")
	}
	if named := slices.DeleteFunc(slices.Clone(hosts),
		func(host string) bool { return host == config.AnyHost }); len(named) < len(hosts) &&
		!slices.ContainsFunc(routes, func(r route) bool { return !slices.ContainsFunc(named, r.covers) }) {
		f.fault("lander_left_over", f.at(e, config.AnyHost), "every route has a lander of its own, "+
			"so that this one, perhaps the sample, would sell on hosts that nobody meant: remove it")
	}
}

// takesAPI tells whether the route, or another one of its host, has /api on it.
func takesAPI(r route, all []route) bool {
	for _, other := range all {
		if other.host != r.host {
			continue
		}
		if other.custom || other.path == "" {
			return true
		}
		if prefix, ok := strings.CutSuffix(other.path, "*"); ok && (strings.HasPrefix("/api/", prefix) || prefix == "/api") {
			return true
		}
	}
	return false
}

// checkSharedHosts finds an environment on the hosts of the top level: the last deploy would take them over.
func (f *findings) checkSharedHosts(e environment, routes []route) {
	if e.top == nil || e.own["route"] == nil && e.own["routes"] == nil {
		return
	}
	above := routesOf(environment{settings: e.top})
	for _, r := range routes {
		if slices.Contains(above, r) {
			f.fault("route_shared", fmt.Sprintf("%sroutes %q", e.prefix(), r.host+r.path), "it is the top level's too, so "+
				"that a deploy of one takes it from the other: give this environment a host of its own")
		}
	}
}

// checkPages looks for the pages of landers that have none but those of www/.
func (f *findings) checkPages(e environment, p place) {
	folder, _ := table(e.settings, "assets")["directory"].(string)
	folder = filepath.Join(p.folder, folder)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return // another machine's
	}
	missing := map[string][]string{}
	for _, l := range f.config.Landers.All() {
		if l.Origin != "" || len(l.Faults) > 0 {
			continue
		}
		for _, page := range []struct{ key, path string }{{"checkout", l.Checkout}, {"upsell", l.Upsell},
			{"thankYou", l.ThankYou}} {
			if u, err := url.Parse(page.path); err != nil || page.path == "" || u.Host != "" || isPage(folder, u.Path) {
				continue
			}
			at := page.key + " " + page.path
			missing[at] = append(missing[at], f.at(e, l.Name))
		}
	}
	for _, at := range slices.Sorted(maps.Keys(missing)) {
		key, path, _ := strings.Cut(at, " ")
		f.fault("page_missing", missing[at][0]+".pages."+key,
			fmt.Sprintf("there is no page %s in %s%s: put it there, or correct the path; where the pages are on a server of "+
				"their own, say origin", path, filepath.Base(folder), others(missing[at])))
	}
}

// others says for how many more landers it is so.
func others(names []string) string {
	if len(names) == 1 {
		return ""
	}
	return fmt.Sprintf(" (nor for %d other landers)", len(names)-1)
}

// isPage tells whether a path is a file of the folder, as Cloudflare finds it: /a is a.html, a/index.html or a itself.
// https://developers.cloudflare.com/workers/static-assets/routing/advanced/html-handling/
func isPage(folder, path string) bool {
	path = strings.TrimSuffix(path, "/")
	for _, candidate := range []string{path, path + ".html", path + "/index.html"} {
		if info, err := os.Stat(filepath.Join(folder, filepath.FromSlash(candidate))); err == nil && !info.IsDir() {
			return true
		}
	}
	return false
}
