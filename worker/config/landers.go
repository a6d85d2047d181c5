package config

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"klarna-relay/worker/json"
)

// NameFile is how messages call the file of landers beside the variable LANDERS: worker/landers.toml.
const NameFile = "landers.toml"

// File gives what landers.toml says of a host: one line for each entry, which is the entry's name, a tab, and its
// table as JSON. An empty name is the host itself; a name that begins with a dot was written without quotes. For the
// empty host it gives the hosts of all entries, one a line. It gives "" when there is no entry.
//
// The file is bundled as sorted lines (package landersfile) in which a host is found without reading the rest: a
// thousand landers cost a start no more than one does.
type File func(host string) string

// Landers finds the lander of a host. Each one is read when it is first asked for, and kept.
type Landers struct {
	// Report is told of the faults of a lander when it is first read; nil tells nobody.
	Report func([]Fault)

	table        map[string][]entry // of the variable LANDERS, by host
	wildcards    bool               // the table has some
	file         File               // nil: there is none
	loopbackHTTP bool

	mu   sync.Mutex
	kept map[string]Lander // by the host of the entry
}

// entry is one table of landers as it was written.
type entry struct {
	name     string // the key
	value    *json.Value
	unquoted bool // the key was written without quotes, so that its dots made tables of it
	inFile   bool
}

// where is the entry's place in messages.
func (e entry) where() string {
	source := NameLanders
	if e.inFile {
		source = NameFile
	}
	if e.unquoted {
		return source + "." + e.name
	}
	return source + "." + shown(e.name)
}

// landers takes LANDERS apart, without reading its entries.
func (r *report) landers(text string, file File, loopbackHTTP bool) *Landers {
	ls := &Landers{table: map[string][]entry{}, file: file, loopbackHTTP: loopbackHTTP, kept: map[string]Lander{}}
	if text != "" {
		o, err := json.Parse(text)
		if err != nil || o.Kind() != json.Object {
			r.add("landers_invalid", NameLanders,
				`write it as tables: [vars.LANDERS."*"] for every host, or [vars.LANDERS."shop.example"] for one`)
			return ls
		}
		Entries(o, func(host, name string, value *json.Value) {
			name, unquoted := strings.CutPrefix(name, ".")
			ls.table[host] = append(ls.table[host], entry{name: cmp.Or(name, host), value: value, unquoted: unquoted})
			ls.wildcards = ls.wildcards || strings.HasPrefix(host, "*.")
		})
	}
	if len(ls.table) == 0 && (file == nil || file("") == "") {
		r.add("landers_missing", NameLanders, `add a table [vars.LANDERS."*"] with campaignId, forceMerchantId and products`)
	}
	return ls
}

// Entries calls each for every table of landers in an object: the host it is meant for, and its name and value as
// in [File].
func Entries(o *json.Value, each func(host, name string, value *json.Value)) {
	for i := range o.Len() {
		name, value := o.At(i)
		if name == AnyHost || strings.ContainsAny(name, ".:/") || !splitByDots(value) {
			host := hostOf(name)
			if name == host {
				name = ""
			}
			each(host, name, value)
			continue
		}
		unquoted(name, value, each)
	}
}

// splitByDots tells whether a table holds nothing but tables that are none of a lander's: [LANDERS.shop.example] is
// read as shop, which has example.
func splitByDots(v *json.Value) bool {
	for i := range v.Len() {
		if key, item := v.At(i); item.Kind() != json.Object || slices.Contains(landerKeys, key) {
			return false
		}
	}
	return v.Kind() == json.Object && v.Len() > 0
}

func unquoted(name string, v *json.Value, each func(host, name string, value *json.Value)) {
	for i := range v.Len() {
		key, item := v.At(i)
		if below := name + "." + key; splitByDots(item) {
			unquoted(below, item, each)
		} else {
			each(hostOf(below), "."+below, item)
		}
	}
}

// hostOf is the host that a key is meant for, also where it is not written as it should be: that host must not be
// served by "*" then.
func hostOf(name string) string {
	if _, after, ok := strings.Cut(name, "://"); ok {
		name = after
	}
	name, _, _ = strings.Cut(name, "/")
	return hostname(name)
}

// hostname strips the port and the root's dot of a request's host and lowers its letters.
func hostname(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// Of returns the lander of a request's host (any case, with or without port): the one of that name, else of the
// most exact of *.b.example and *.example, else the one for every other host. Without any, ok is false and the
// lander has the default pages only.
func (ls *Landers) Of(host string) (l Lander, ok bool) {
	if ls == nil {
		return noLander, false
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	host = hostname(host)
	if l, ok = ls.named(host); ok {
		return l, true
	}
	if ls.wildcards || ls.file != nil {
		for rest := host; ; {
			if _, rest, ok = strings.Cut(rest, "."); !ok {
				break
			}
			if l, ok = ls.named("*." + rest); ok {
				return l, true
			}
		}
	}
	if l, ok = ls.named(AnyHost); ok {
		return l, true
	}
	return noLander, false
}

// noLander is for hosts without a lander: a shopper who comes back from Klarna must find a page there too.
var noLander = Lander{Checkout: DefaultCheckout, ThankYou: DefaultThankYou}

// Named returns the lander of exactly this key.
func (ls *Landers) Named(key string) (Lander, bool) {
	if ls == nil {
		return noLander, false
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return ls.named(key)
}

// named returns the lander of exactly this key.
func (ls *Landers) named(host string) (Lander, bool) {
	if l, ok := ls.kept[host]; ok {
		return l, true
	}
	entries := ls.entries(host)
	if len(entries) == 0 {
		return Lander{}, false
	}
	l := ls.read(host, entries)
	ls.kept[host] = l
	if len(l.Faults) > 0 && ls.Report != nil {
		ls.Report(l.Faults)
	}
	return l, true
}

// entries are all that is written of exactly this key.
func (ls *Landers) entries(host string) []entry {
	if ls.file == nil || host == "" {
		return ls.table[host]
	}
	lines := ls.file(host)
	if lines == "" {
		return ls.table[host]
	}
	all := slices.Clone(ls.table[host])
	for line := range strings.SplitSeq(lines, "\n") {
		name, text, _ := strings.Cut(line, "\t")
		name, unquoted := strings.CutPrefix(name, ".")
		value, _ := json.Parse(text) // a value that is not JSON is reported as one that is not a table
		all = append(all, entry{name: cmp.Or(name, host), value: value, unquoted: unquoted, inFile: true})
	}
	return all
}

// Hosts are the keys of all landers, sorted.
func (ls *Landers) Hosts() []string {
	if ls == nil {
		return nil
	}
	hosts := make([]string, 0, len(ls.table))
	for host := range ls.table {
		hosts = append(hosts, host)
	}
	if ls.file != nil {
		for host := range strings.SplitSeq(ls.file(""), "\n") {
			if host != "" {
				hosts = append(hosts, host)
			}
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// All reads every lander, in the order of their hosts.
func (ls *Landers) All() []Lander {
	hosts := ls.Hosts()
	all := make([]Lander, 0, len(hosts))
	for _, host := range hosts {
		ls.mu.Lock()
		l, _ := ls.named(host)
		ls.mu.Unlock()
		all = append(all, l)
	}
	return all
}

// Faults are those of all landers, each once: what a lander takes over from a faulty one is that one's fault.
func (ls *Landers) Faults() []Fault {
	var all []Fault
	seen := map[Fault]bool{}
	for _, l := range ls.All() {
		for _, f := range l.Faults {
			if !seen[f] {
				seen[f] = true
				all = append(all, f)
			}
		}
	}
	return all
}
