// Package body reads the fields of a request: those in its query, and those of its body, which is a flat JSON
// object or a form.
//
// It is stricter than the formats ask for. Whatever two readers could understand differently (a name given twice
// with two values, half a surrogate pair, an invalid escape) is refused, so that what was checked is what is handed
// on. It reads no more than a request may hold. The work grows linearly with the request. Only the fields are kept,
// and they share the body's memory.
package body

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"klarna-relay/worker/percent"
	"klarna-relay/worker/rules"
)

// MaxBytes is how large a body with its query may be, and MaxFields how many fields both may hold together.
const (
	MaxBytes  = 64 << 10
	MaxFields = 250
)

// The reasons why a body is not read. What is wrong with one of its fields is a [FieldError].
var (
	ErrMalformed       = errors.New("body is neither a flat JSON object nor a form")
	ErrUnsupportedType = errors.New("content type is neither JSON nor a form in utf-8")
	ErrTooLarge        = errors.New("body is larger than 64 KiB")
)

// FieldError is what is wrong with one field. It wraps ErrMalformed, or ErrUnsupportedType for a file.
type FieldError struct{ rules.Problem }

// Error says what is wrong, in English.
func (e *FieldError) Error() string { return "body: " + e.Text("en") }

// Unwrap is the class of the error.
func (e *FieldError) Unwrap() error {
	if e.Code == rules.FileSent {
		return ErrUnsupportedType
	}
	return ErrMalformed
}

// The kinds of bodies.
const (
	typeJSON      = "application/json"
	typeText      = "text/plain"
	typeForm      = "application/x-www-form-urlencoded"
	typeMultipart = "multipart/form-data"
)

// Decode reads the fields of a request's query (as it was sent, without "?") and of its body, by the body's
// Content-Type. A name may come twice when the values are equal.
//
// JSON (RFC 8259): one object whose values are strings, numbers, booleans (true is "1", false is "0") or null,
// which counts as absent. A whole number is taken without its zeros behind the point (34.0 is "34"), any other one
// as it is written, and the rules say what is wrong with it. An object in orderItems is taken as its text, as a
// form would have it: it has one meaning. A byte order mark is malformed. text/plain that holds a JSON object is
// JSON: such is a fetch without a header.
//
// Forms (WHATWG URL, application/x-www-form-urlencoded) and the query: pairs are separated by "&" alone, ";" is
// data, "+" is a space; a "%" without two hexadecimal digits is malformed. multipart/form-data (RFC 7578) may hold
// no files.
//
// All of it is UTF-8. The type of an empty body does not matter when the query has fields. Without them an empty
// body is malformed JSON, or an empty form. The fields lie in b, which must not be changed as long as they are used.
// The errors are this package's.
func Decode(contentType, query string, b []byte) (rules.Fields, error) {
	if len(b)+len(query) > MaxBytes {
		return nil, ErrTooLarge
	}
	kind, boundary, err := mediaType(contentType)
	bodiless := len(b) == 0 && query != ""
	if err != nil && !bodiless {
		return nil, err
	}
	if !utf8.Valid(b) || !utf8.ValidString(query) {
		return nil, ErrMalformed
	}
	text := unsafe.String(unsafe.SliceData(b), len(b))
	r := reader{fields: make(rules.Fields, 32)}
	if err := r.form(query); err != nil {
		return nil, err
	}
	switch {
	case bodiless:
		err = nil
	case kind == typeForm:
		err = r.form(text)
	case kind == typeMultipart:
		err = r.multipart(text, boundary)
	case kind == typeText && !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{"):
		err = ErrUnsupportedType
	default:
		err = r.json(text)
	}
	if err != nil {
		return nil, err
	}
	return r.fields, nil
}

// mediaType takes the type out of a Content-Type header (RFC 9110, section 8.3.1), and the boundary of a multipart
// type. A charset, when given, has to be UTF-8; other parameters mean nothing to these types.
func mediaType(header string) (kind, boundary string, err error) {
	kind, params, _ := strings.Cut(header, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if kind != typeJSON && kind != typeText && kind != typeForm && kind != typeMultipart {
		return "", "", ErrUnsupportedType
	}
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		name, value = strings.TrimSpace(name), strings.Trim(strings.TrimSpace(value), `"`)
		switch {
		case strings.EqualFold(name, "charset"):
			if !strings.EqualFold(value, "utf-8") && !strings.EqualFold(value, "utf8") {
				return "", "", ErrUnsupportedType
			}
		case strings.EqualFold(name, "boundary"):
			boundary = value
		}
	}
	if kind == typeMultipart && (boundary == "" || len(boundary) > 70) { // RFC 2046, section 5.1.1
		return "", "", ErrUnsupportedType
	}
	return kind, boundary, nil
}

// reader collects the fields of one request.
type reader struct {
	fields rules.Fields
	read   int // how many fields came, equal ones included
}

func failed(name string, code rules.Code, detail string) error {
	return &FieldError{rules.NewProblem(name, code, detail)}
}

// count takes note of one more field, before anything of it is kept.
func (r *reader) count(name string) error {
	if r.read++; r.read > MaxFields {
		return failed(name, rules.TooManyFields, strconv.Itoa(MaxFields))
	}
	return nil
}

func (r *reader) add(name, value string) error {
	if other, twice := r.fields[name]; twice {
		if other != value {
			return failed(name, rules.Duplicate, "")
		}
		return nil
	}
	r.fields[name] = value
	return nil
}

// form reads an urlencoded form, or a query.
func (r *reader) form(s string) error {
	// encodeURI, which many landers use, leaves a "+" as it is and writes a space as %20. Nobody who writes %20 means
	// a space by "+" in an e-mail address, which holds none, or before a phone number.
	plus := strings.Contains(s, "%20")
	for s != "" {
		var pair string
		if pair, s, _ = strings.Cut(s, "&"); pair == "" {
			continue
		}
		raw, value, _ := strings.Cut(pair, "=")
		name, ok := unescape(raw, false)
		if err := r.count(name); err != nil {
			return err
		}
		if ok {
			value, ok = unescape(value, plus && (name == "emailAddress" || name == "phoneNumber"))
		}
		if !ok {
			return failed(name, rules.BadEncoding, "")
		}
		if err := r.add(name, value); err != nil {
			return err
		}
	}
	return nil
}

// unescape decodes "+", which plus leaves as it is, and %XX. Most names and values have neither and are not copied. ok
// is false for a "%" without two hexadecimal digits, and when the result is not valid UTF-8.
func unescape(s string, plus bool) (text string, ok bool) {
	if !plus && strings.IndexByte(s, '+') >= 0 {
		s = strings.ReplaceAll(s, "+", " ")
	}
	if strings.IndexByte(s, '%') < 0 {
		return s, true
	}
	text, ok = percent.Strict(s)
	return text, ok && utf8.ValidString(text)
}
