// Package landersfile reads worker/landers.toml for the build and for tools: any number of landers in the tables of
// [vars.LANDERS], each under its host. The Worker gets it as sorted lines, in which it finds a host without a TOML
// parser and without reading the rest.
package landersfile

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"klarna-relay/worker/config"
	"klarna-relay/worker/json"
)

// Path is where the file is, from the top of the repository.
const Path = "worker/landers.toml"

// A Table is what landers.toml says: sorted lines "host TAB name TAB table", where an empty name is the host
// itself, a name that begins with a dot was written without quotes, and a table is JSON. "" is a file that is not
// there.
type Table string

// Read reads the file. There need not be one.
func Read(file string) (Table, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return Parse(text)
}

// Parse reads the text of a file. Errors are of the TOML alone: what a lander says is for package config to judge.
func Parse(text []byte) (Table, error) {
	var all map[string]any
	if err := toml.Unmarshal(text, &all); err != nil {
		return "", err
	}
	finite(all)
	object, err := json.Parse(encode(all))
	if err != nil {
		return "", fmt.Errorf("write it as JSON: %w", err)
	}
	tables := map[*json.Value]string{}
	collect(all, object, tables)
	var lines []string
	config.Entries(object, func(host, name string, value *json.Value) {
		if host == "" {
			host = "?" // the empty host stands for all of them
		}
		lines = append(lines, host+"\t"+name+"\t"+tables[value]+"\n")
	})
	slices.Sort(lines)
	return Table(strings.Join(lines, "")), nil
}

// collect finds the JSON of every value by its place in the object.
func collect(of any, v *json.Value, tables map[*json.Value]string) {
	tables[v] = encode(of)
	members, _ := of.(map[string]any)
	for i := range v.Len() {
		if key, item := v.At(i); members[key] != nil {
			collect(members[key], item, tables)
		}
	}
}

// finite makes null of the numbers that JSON does not have, as JavaScript does.
func finite(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, item := range v {
			v[key] = finite(item)
		}
	case []any:
		for i, item := range v {
			v[i] = finite(item)
		}
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return nil
		}
	}
	return v
}

// encode is a value of TOML as JSON.
func encode(v any) string {
	var b bytes.Buffer
	e := stdjson.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "null"
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// File is the table as package config wants it; nil when there is none.
func (t Table) File() config.File {
	if t == "" {
		return nil
	}
	byHost := map[string]string{}
	var hosts []string
	for line := range strings.SplitSeq(strings.TrimSuffix(string(t), "\n"), "\n") {
		host, entry, _ := strings.Cut(line, "\t")
		if byHost[host] == "" {
			hosts = append(hosts, host)
			byHost[host] = entry
		} else {
			byHost[host] += "\n" + entry
		}
	}
	list := strings.Join(hosts, "\n")
	return func(host string) string {
		if host == "" {
			return list
		}
		return byHost[host]
	}
}
