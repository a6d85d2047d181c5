package main

import (
	"fmt"
	"slices"
	"strings"
)

// environment is one set of settings that can be deployed: the top level of wrangler.toml, or an [env.NAME] with
// what it inherits.
type environment struct {
	name     string         // "" for the top level
	settings map[string]any // own and inherited
	own      map[string]any // own alone; nil for the top level
	top      map[string]any // what an environment inherits from; nil for the top level
}

// prefix is how the tables of the environment are named in wrangler.toml.
func (e environment) prefix() string {
	if e.name == "" {
		return ""
	}
	return "env." + e.name + "."
}

// notInherited are the settings that an environment must repeat. Source:
// https://developers.cloudflare.com/workers/wrangler/configuration/#non-inheritable-keys
var notInherited = []string{
	"vars", "secrets", "define", "durable_objects", "ratelimits", "analytics_engine_datasets", "version_metadata",
	"kv_namespaces", "r2_buckets", "d1_databases", "queues", "services", "workflows", "tail_consumers", "send_email",
	"hyperdrive", "browser", "ai", "images", "unsafe",
}

// choose lists what is to be checked: everything, or the one environment asked for.
func choose(top map[string]any, only string) ([]environment, error) {
	envs := table(top, "env")
	names := make([]string, 0, len(envs))
	for name := range envs {
		names = append(names, name)
	}
	slices.Sort(names)
	if only != "" {
		if !slices.Contains(names, only) {
			return nil, fmt.Errorf("there is no [env.%s]; environments: %s", only,
				strings.Join(append([]string{"(top level: without -env)"}, names...), ", "))
		}
		return []environment{inherit(top, only)}, nil
	}
	all := []environment{{settings: top}}
	for _, name := range names {
		all = append(all, inherit(top, name))
	}
	return all, nil
}

func inherit(top map[string]any, name string) environment {
	settings := make(map[string]any)
	for key, value := range top {
		if key != "env" && !slices.Contains(notInherited, key) {
			settings[key] = value
		}
	}
	own := table(table(top, "env"), name)
	for key, value := range own {
		settings[key] = value
	}
	if own["name"] == nil && top["name"] != nil {
		settings["name"] = fmt.Sprintf("%v-%s", top["name"], name) // as wrangler names it
	}
	return environment{name: name, settings: settings, own: own, top: top}
}

// table is a table within a table; nil (which reads as empty) when it is absent or something else.
func table(t map[string]any, key string) map[string]any {
	sub, _ := t[key].(map[string]any)
	return sub
}

// tables is an array of tables, [[key]] or key = [{…}].
func tables(t map[string]any, key string) []map[string]any {
	if list, ok := t[key].([]map[string]any); ok {
		return list
	}
	var list []map[string]any
	items, _ := t[key].([]any)
	for _, item := range items {
		if sub, ok := item.(map[string]any); ok {
			list = append(list, sub)
		}
	}
	return list
}

// named finds the table of a list by the text of one of its keys.
func named(list []map[string]any, key, name string) map[string]any {
	for _, t := range list {
		if t[key] == name {
			return t
		}
	}
	return nil
}
