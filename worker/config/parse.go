package config

// Parse reads and checks the configuration. get returns the text of a variable or secret, "" when it is absent; LANDERS is the JSON text of the
// nested table (`JSON.stringify` of the binding).
//
// With faults the Config is for serving pages and for reporting only: every entry of LANDERS that is a table with a usable host is in Landers,
// with its Origin when that is right ("" otherwise: www/).
func Parse(get func(name string) string) (Config, []Fault) {
	var r report
	c := Config{
		Timeout: DefaultTimeout,
		Version: get(NameVersion),
	}
	return c, r.faults
}

type report struct{ faults []Fault }

func (r *report) add(code, where, cure string) {
	r.faults = append(r.faults, Fault{Code: code, Where: where, Cure: cure})
}
