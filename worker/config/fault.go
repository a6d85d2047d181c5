package config

import (
	"strconv"
	"strings"

	"klarna-relay/worker/rules"
)

// Fault is one mistake in the configuration. It never holds the value of a secret, nor of an address (which may
// hold credentials by mistake).
type Fault struct {
	Code  string // stable, snake_case, e.g. "login_id_missing"; the only part that /api/health shows
	Where string // the variable, or the key within LANDERS: LANDERS."shop.example".products[2]
	Cure  string // one sentence that says what to do
}

// String is the fault as one line.
func (f Fault) String() string { return f.Code + " at " + f.Where + ": " + f.Cure }

// Explain is all faults in one line, for the log; "" without faults.
func Explain(faults []Fault) string {
	if len(faults) == 0 {
		return ""
	}
	return count(faults) + ": " + strings.Join(lines(faults), " | ")
}

// List is all faults for a terminal: one line each under a heading; "" without faults.
func List(faults []Fault) string {
	if len(faults) == 0 {
		return ""
	}
	return count(faults) + ":\n  - " + strings.Join(lines(faults), "\n  - ") + "\n"
}

func lines(faults []Fault) []string {
	all := make([]string, len(faults))
	for i, f := range faults {
		all[i] = f.String()
	}
	return all
}

func count(faults []Fault) string {
	if len(faults) == 1 {
		return "1 fault in the configuration"
	}
	return strconv.Itoa(len(faults)) + " faults in the configuration"
}

// report collects the faults of one Parse.
type report struct {
	faults   []Fault
	misspelt []string // places of keys that are there under another name
}

// add is kept out of line: it is called from dozens of places, and each copy of an append makes the Wasm larger (6
// KB in all, compressed).
//
//go:noinline
func (r *report) add(code, where, cure string) {
	r.faults = append(r.faults, Fault{Code: code, Where: where, Cure: cure})
}

// shown makes a name that somebody wrote fit to be repeated in a message: quoted, printable, short.
func shown(name string) string {
	if len(name) > 60 {
		name = strings.ToValidUTF8(name[:60], "") + "…"
	}
	if rules.FitsURL(name) {
		return `"` + name + `"` // as strconv would: its code stays out of every cold start
	}
	return strconv.Quote(name)
}
