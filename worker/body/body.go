// Package body reads the body of a request: a flat JSON object or a form, into parameters.
//
// It is stricter than both formats ask for. Whatever two readers could understand differently (a name given twice, half a surrogate
// pair, an escape that is none) is refused, so that what was checked is what is handed on.
package body

import (
	"errors"
	"strings"
	"unicode/utf8"

	"klarna-relay/worker/json"
	"klarna-relay/worker/percent"
	"klarna-relay/worker/rules"
)

// MaxBytes is how large a body may be.
const MaxBytes = 64 << 10

// The reasons why a body is not read.
var (
	ErrMalformed       = errors.New("body is not a flat object of strings and numbers, or not a form")
	ErrUnsupportedType = errors.New("content type is neither application/json nor application/x-www-form-urlencoded in utf-8")
	ErrDuplicate       = errors.New("body names a parameter twice")
	ErrTooLarge        = errors.New("body is larger than 64 KiB")
)

// Decode reads a body by its Content-Type.
//
// JSON (RFC 8259): one object whose values are strings, numbers or null; null counts as absent. A whole number is taken without its
// zeros behind the point (34.0 is "34"), any other one as it is written, and the rules say what is wrong with it. Booleans, arrays and
// objects are malformed, and so is a byte order mark: no parameter takes any of them.
//
// Forms (WHATWG URL, application/x-www-form-urlencoded): pairs are separated by "&" alone, ";" is data, "+" is a space; a "%" without two
// hexadecimal digits is malformed.
//
// Both are UTF-8; a parameter named twice is an error even when both values are the same. The errors are this package's.
func Decode(contentType string, b []byte) (rules.Fields, error) {
	kind, err := mediaType(contentType)
	if err != nil {
		return nil, err
	}
	if len(b) > MaxBytes {
		return nil, ErrTooLarge
	}
	if !utf8.Valid(b) {
		return nil, ErrMalformed
	}
	if kind == "application/json" {
		return decodeJSON(b)
	}
	return decodeForm(string(b))
}

// mediaType takes the type out of a Content-Type header (RFC 9110, section 8.3.1). A charset, when given, has to be UTF-8; other
// parameters mean nothing to these types.
func mediaType(header string) (string, error) {
	kind, params, _ := strings.Cut(header, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if kind != "application/json" && kind != "application/x-www-form-urlencoded" {
		return "", ErrUnsupportedType
	}
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "charset") {
			continue
		}
		value = strings.Trim(strings.TrimSpace(value), `"`)
		if !strings.EqualFold(value, "utf-8") && !strings.EqualFold(value, "utf8") {
			return "", ErrUnsupportedType
		}
	}
	return kind, nil
}

func decodeForm(s string) (rules.Fields, error) {
	fields := make(rules.Fields, min(strings.Count(s, "="), 64))
	for s != "" {
		var pair string
		if pair, s, _ = strings.Cut(s, "&"); pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, fine := unescape(name)
		if !fine {
			return nil, ErrMalformed
		}
		if value, fine = unescape(value); !fine {
			return nil, ErrMalformed
		}
		if _, twice := fields[name]; twice {
			return nil, ErrDuplicate
		}
		fields[name] = value
	}
	return fields, nil
}

// unescape reads "+" and %XX. Most names and values have none and are not copied. ok is false for a "%" without two hexadecimal digits,
// and for what is not UTF-8 any more.
func unescape(s string) (text string, ok bool) {
	at := 0
	for at < len(s) && s[at] != '%' && s[at] != '+' {
		at++
	}
	if at == len(s) {
		return s, true
	}
	b := append(make([]byte, 0, len(s)), s[:at]...)
	for ; at < len(s); at++ {
		c := s[at]
		switch c {
		case '+':
			c = ' '
		case '%':
			if c, ok = percent.Byte(s, at); !ok {
				return "", false
			}
			at += 2
		}
		b = append(b, c)
	}
	return string(b), utf8.Valid(b)
}

func decodeJSON(b []byte) (rules.Fields, error) {
	object, err := json.ParseStrict(string(b))
	if err != nil || object.Kind() != json.Object {
		return nil, ErrMalformed
	}
	fields := make(rules.Fields, object.Len())
	seen := make(map[string]bool, object.Len())
	for i := range object.Len() {
		name, v := object.At(i)
		if seen[name] {
			return nil, ErrDuplicate
		}
		seen[name] = true
		switch v.Kind() {
		case json.Null:
		case json.String:
			fields[name] = v.Text()
		case json.Number:
			fields[name] = number(v.Text())
		default:
			return nil, ErrMalformed
		}
	}
	return fields, nil
}

// number is the text of a JSON number: without zeros behind the point, else as written. Ad ids have more digits than a float keeps, so
// nothing is computed here.
func number(literal string) string {
	whole, decimals, _ := strings.Cut(literal, ".")
	if strings.Trim(decimals, "0") == "" {
		return whole
	}
	return literal
}
