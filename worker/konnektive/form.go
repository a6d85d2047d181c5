package konnektive

import (
	"net/url"
	"slices"
)

// A Form is a form as it is sent (application/x-www-form-urlencoded). Its methods leave it unchanged and return a
// copy, so that a lead and the import after it can begin with the same form.
type Form []byte

// With returns the form with more parameters, given as name, value, name, value. Parameters with an empty value are
// left out.
func (f Form) With(namesAndValues ...string) Form {
	size := len(f)
	for _, text := range namesAndValues {
		size += len(text) + len(text)/2 + 1
	}
	form := append(make(Form, 0, size), f...)
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		form = form.append(namesAndValues[i], namesAndValues[i+1])
	}
	return form
}

// Add returns the form with one more parameter, unless the value is empty.
func (f Form) Add(name, value string) Form { return f.With(name, value) }

// All returns the form with those of these parameters that are wanted, in no order.
func (f Form) All(params map[string]string, wanted func(name string) bool) Form {
	const usual = 1024 // bytes of an order's parameters
	form := append(make(Form, 0, len(f)+usual), f...)
	for name, value := range params {
		if wanted(name) {
			form = form.append(name, value)
		}
	}
	return form
}

// typed are the values of a form, less those that the Worker sets.
func (f Form) typed() (values []string) {
	all, _ := url.ParseQuery(string(f)) // which a Form always is
	for name, list := range all {
		if !slices.Contains(workerFields, name) {
			values = append(values, list...)
		}
	}
	return values
}

// append adds a parameter in place, as the built-in function does.
func (f Form) append(name, value string) Form {
	if value == "" {
		return f
	}
	if len(f) > 0 {
		f = append(f, '&')
	}
	f = append(appendEscaped(f, name), '=')
	return appendEscaped(f, value)
}

// unreserved are the bytes that need no escape: RFC 3986, section 2.3.
var unreserved = func() (is [256]bool) {
	for _, c := range []byte("-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
		is[c] = true
	}
	return is
}()

// appendEscaped appends a text percent-encoded. [net/url.QueryEscape] makes a copy of each text that has something to
// escape: with it an order takes 12 allocations more of about 130, and the compressed Worker is 0.3 KB smaller.
func appendEscaped(f Form, s string) Form {
	const digits = "0123456789ABCDEF"
	for {
		n := unreservedPrefix(s)
		f = append(f, s[:n]...)
		if n == len(s) {
			return f
		}
		if c := s[n]; c == ' ' {
			f = append(f, '+')
		} else {
			f = append(f, '%', digits[c>>4], digits[c&15])
		}
		s = s[n+1:]
	}
}

// unreservedPrefix is how many bytes need no escape before the first that does.
func unreservedPrefix(s string) (n int) {
	for n < len(s) && unreserved[s[n]] {
		n++
	}
	return n
}
