package body_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/body"
	"klarna-relay/worker/rules"
)

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

func TestABodyIsReadByItsContentType(t *testing.T) {
	for _, c := range []struct {
		name, contentType, body string
		want                    rules.Fields
		err                     error
	}{
		{name: "a flat object of strings and numbers is read", contentType: jsonType,
			body: `{"firstName":"Zoë","product1_id":34,"product1_qty":"2"}`,
			want: rules.Fields{"firstName": "Zoë", "product1_id": "34", "product1_qty": "2"}},
		{name: "null is as if the name were absent", contentType: jsonType, body: `{"ref":null,"a":"b"}`, want: rules.Fields{"a": "b"}},
		{name: "an empty object is an empty set", contentType: jsonType, body: ` {} `, want: rules.Fields{}},
		{name: "escapes are read, pairs of surrogates included", contentType: jsonType,
			body: `{"a":"\u00e9\n\"\\\/","\u0062":"\ud83d\ude00"}`, want: rules.Fields{"a": "é\n\"\\/", "b": "😀"}},
		{name: "zeros behind the point do not make a number another one", contentType: jsonType, body: `{"a":34.0,"b":34.00}`, want: rules.Fields{"a": "34", "b": "34"}},
		{name: "a long ad id keeps every digit", contentType: jsonType, body: `{"a":23851234567890123456}`, want: rules.Fields{"a": "23851234567890123456"}},
		{name: "a number that is not whole stays as written, for the rules to refuse", contentType: jsonType,
			body: `{"a":1.50,"b":-1,"c":1e2,"d":1.0e2}`, want: rules.Fields{"a": "1.50", "b": "-1", "c": "1e2", "d": "1.0e2"}},
		{name: "the type's case and its charset do not matter", contentType: `Application/JSON ; Charset="UTF-8"`, body: `{}`, want: rules.Fields{}},
		{name: "other parameters of the type do not matter", contentType: `application/json; profile=x`, body: `{}`, want: rules.Fields{}},

		{name: "a name given twice is refused", contentType: jsonType, body: `{"a":"1","a":"1"}`, err: body.ErrDuplicate},
		{name: "a name given twice in different escapes is refused", contentType: jsonType, body: `{"a":"1","\u0061":"2"}`, err: body.ErrDuplicate},
		{name: "a name given twice is refused, even as null", contentType: jsonType, body: `{"a":null,"a":"1"}`, err: body.ErrDuplicate},
		{name: "true is no value of any parameter", contentType: jsonType, body: `{"a":true}`, err: body.ErrMalformed},
		{name: "an inner object is refused", contentType: jsonType, body: `{"a":{"b":"c"}}`, err: body.ErrMalformed},
		{name: "an array as a value is refused", contentType: jsonType, body: `{"a":["b"]}`, err: body.ErrMalformed},
		{name: "an array as the body is refused", contentType: jsonType, body: `[]`, err: body.ErrMalformed},
		{name: "a string as the body is refused", contentType: jsonType, body: `"a"`, err: body.ErrMalformed},
		{name: "null as the body is refused", contentType: jsonType, body: `null`, err: body.ErrMalformed},
		{name: "nothing as the body is refused", contentType: jsonType, body: ``, err: body.ErrMalformed},
		{name: "something after the object is refused", contentType: jsonType, body: `{} {}`, err: body.ErrMalformed},
		{name: "a comma too many is refused", contentType: jsonType, body: `{"a":"b",}`, err: body.ErrMalformed},
		{name: "single quotation marks are refused", contentType: jsonType, body: `{'a':'b'}`, err: body.ErrMalformed},
		{name: "a leading zero is refused", contentType: jsonType, body: `{"a":034}`, err: body.ErrMalformed},
		{name: "an unknown escape is refused", contentType: jsonType, body: `{"a":"\x41"}`, err: body.ErrMalformed},
		{name: "half a surrogate pair is refused", contentType: jsonType, body: `{"a":"\ud83d"}`, err: body.ErrMalformed},
		{name: "the second half of a surrogate pair alone is refused", contentType: jsonType, body: `{"a":"\ude00"}`, err: body.ErrMalformed},
		{name: "half a surrogate pair followed by a letter is refused", contentType: jsonType, body: `{"a":"\ud83d\u0041"}`, err: body.ErrMalformed},
		{name: "a control character within a string is refused", contentType: jsonType, body: "{\"a\":\"\n\"}", err: body.ErrMalformed},
		{name: "a byte that is no UTF-8 is refused", contentType: jsonType, body: "{\"a\":\"\xff\"}", err: body.ErrMalformed},
		{name: "a byte order mark is refused", contentType: jsonType, body: "\ufeff{}", err: body.ErrMalformed},
		{name: "brackets as deep as the body is long are refused", contentType: jsonType, body: strings.Repeat("[", body.MaxBytes), err: body.ErrMalformed},
		{name: "objects as deep as the body is long are refused", contentType: jsonType, body: strings.Repeat(`{"a":`, body.MaxBytes/5), err: body.ErrMalformed},
		{name: "64 KiB and a byte are too large", contentType: jsonType, body: strings.Repeat(" ", body.MaxBytes+1), err: body.ErrTooLarge},

		{name: "a form is read", contentType: formType, body: "firstName=Zo%C3%AB&lastName=O%27Neil+Smith&empty=",
			want: rules.Fields{"firstName": "Zoë", "lastName": "O'Neil Smith", "empty": ""}},
		{name: "a name without a value has an empty one", contentType: formType, body: "a&b=1", want: rules.Fields{"a": "", "b": "1"}},
		{name: "empty pairs of a form mean nothing", contentType: formType, body: "&a=1&&b=2&", want: rules.Fields{"a": "1", "b": "2"}},
		{name: "a semicolon is data", contentType: formType, body: "a=1;b=2", want: rules.Fields{"a": "1;b=2"}},
		{name: "an equals sign in a value is data", contentType: formType, body: "a=b=c", want: rules.Fields{"a": "b=c"}},
		{name: "an empty form is an empty set", contentType: formType, body: "", want: rules.Fields{}},
		{name: "a form's charset may be named", contentType: formType + "; charset=utf-8", body: "a=1", want: rules.Fields{"a": "1"}},
		{name: "a form's name given twice is refused", contentType: formType, body: "a=1&a=1", err: body.ErrDuplicate},
		{name: "a form's name given twice in different escapes is refused", contentType: formType, body: "a=1&%61=2", err: body.ErrDuplicate},
		{name: "a percent sign without two digits is refused", contentType: formType, body: "a=100%", err: body.ErrMalformed},
		{name: "a percent sign with one digit is refused", contentType: formType, body: "a=%4", err: body.ErrMalformed},
		{name: "a percent sign with one digit and a letter is refused", contentType: formType, body: "a=%4g&b=%g4%8f%bf%bf", err: body.ErrMalformed},
		{name: "a letter and a digit behind a percent sign are refused", contentType: formType, body: "a=%g4%8f%bf%bf", err: body.ErrMalformed},
		{name: "every hexadecimal digit is one", contentType: formType, body: "a=%F0%9f%98%80%2f", want: rules.Fields{"a": "😀/"}},
		{name: "a percent sign with letters beyond f is refused", contentType: formType, body: "a=%zz", err: body.ErrMalformed},
		{name: "an escape in a name that is none is refused", contentType: formType, body: "a%zz=1", err: body.ErrMalformed},
		{name: "escapes that make no UTF-8 are refused", contentType: formType, body: "a=%ff", err: body.ErrMalformed},
		{name: "a form of 64 KiB and a byte is too large", contentType: formType, body: "a=" + strings.Repeat("b", body.MaxBytes-1), err: body.ErrTooLarge},

		{name: "a form with files is not supported", contentType: "multipart/form-data; boundary=x", body: "--x--", err: body.ErrUnsupportedType},
		{name: "text is not supported, whatever it looks like", contentType: "text/plain", body: "{}", err: body.ErrUnsupportedType},
		{name: "a body without a type is not supported", contentType: "", body: "{}", err: body.ErrUnsupportedType},
		{name: "a type that only begins like JSON's is not supported", contentType: "application/json-patch+json", body: "{}", err: body.ErrUnsupportedType},
		{name: "another charset is not supported", contentType: "application/json; charset=iso-8859-1", body: "{}", err: body.ErrUnsupportedType},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := body.Decode(c.contentType, []byte(c.body))
			assert.ErrorIs(t, err, c.err)
			if c.err == nil {
				require.NoError(t, err)
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestABodyIsRefusedWithoutMuchWork(t *testing.T) {
	for name, bomb := range map[string]string{
		"brackets":            strings.Repeat("[", body.MaxBytes),
		"brackets in a field": `{"a":` + strings.Repeat("[", body.MaxBytes-5),
		"objects":             strings.Repeat(`{"a":`, body.MaxBytes/5),
		"names":               `{` + strings.Repeat(`"":0,`, body.MaxBytes/5-1) + `}`,
		"escapes":             `{"a":"` + strings.Repeat(`\ud83d`, body.MaxBytes/6-2) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := body.Decode(jsonType, []byte(bomb))
			runtime.ReadMemStats(&after)
			assert.Error(t, err)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(200*body.MaxBytes), "bytes of memory, which stand for the time it takes")
		})
	}
}

// oracle reads a body with encoding/json, token by token so that names given twice are seen.
func oracle(b []byte) (rules.Fields, error) {
	if len(b) > body.MaxBytes {
		return nil, body.ErrTooLarge
	}
	if !utf8.Valid(b) || !json.Valid(b) || halfSurrogate(b) {
		return nil, body.ErrMalformed
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, body.ErrMalformed
	}
	fields, seen, duplicate := rules.Fields{}, map[string]bool{}, false
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, body.ErrMalformed
		}
		name := key.(string)
		duplicate = duplicate || seen[name]
		seen[name] = true
		value, err := d.Token()
		if err != nil {
			return nil, body.ErrMalformed
		}
		switch v := value.(type) {
		case nil:
		case string:
			fields[name] = v
		case json.Number:
			fields[name] = v.String()
			if r, ok := new(big.Rat).SetString(v.String()); ok && r.IsInt() && !strings.ContainsAny(v.String(), "eE") {
				fields[name] = r.Num().String()
				if r.Sign() == 0 && strings.HasPrefix(v.String(), "-") {
					fields[name] = "-0"
				}
			}
		default:
			return nil, body.ErrMalformed
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, body.ErrMalformed
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, body.ErrMalformed
	}
	if duplicate {
		return nil, body.ErrDuplicate
	}
	return fields, nil
}

// halfSurrogate says whether valid JSON escapes a surrogate that is not part of a pair: encoding/json reads U+FFFD there. It looks for
// characters that reading adds to those which stand there unescaped or escaped as themselves.
func halfSurrogate(b []byte) bool {
	s := strings.ToLower(string(b))
	written := strings.Count(s, "\ufffd") + strings.Count(strings.ReplaceAll(s, `\\`, ""), `\ufffd`)
	read := 0
	d := json.NewDecoder(bytes.NewReader(b))
	for {
		token, err := d.Token()
		if err != nil {
			break
		}
		if text, ok := token.(string); ok {
			read += strings.Count(text, "\ufffd")
		}
	}
	return read != written
}

func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":"b"}`, `{"a":1,"b":-0.0,"c":1e5}`, `{"a":null,"a":"1"}`, `{"\u0061":"1","a":"\ud83d\ude00"}`, `{"a":"\ud83d"}`, `{"a":{}}`, `{"a":[1]}`,
		`{"a":true}`, `[1]`, `"x"`, "\ufeff{}", `{"a":"\\ud800"}`, `{"a":00}`, `{"a":.5}`, `{"a":1.}`, `{"a":+1}`, "{\"a\x01\":1}", `{"a" : "b" , }`, `{"a":"\u00"}`, `{"":""}`,
		`{"a":"�"}`, `{"a":"\ufffd"}`, `{"a\ud800":1}`, `{"\x":1}`, `{"a":nul}`, `{"a":"\uD83D\uDE00\uDE00"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := body.Decode(jsonType, b)
		want, wantErr := oracle(b)
		if wantErr != nil {
			// A body can be wrong in two ways; which one is said first does not matter.
			assert.Error(t, err, "encoding/json would not take %q: %v", b, wantErr)
			return
		}
		require.NoError(t, err, "encoding/json takes %q", b)
		assert.Equal(t, want, got)
	})
}

func FuzzDecodeForm(f *testing.F) {
	for _, seed := range []string{"", "a=b", "a=b&c=d", "a=%41+%zz", "a;b=c", "=", "&&", "a=b=c", "%61=1&a=2", "a=%ff", "a=%00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := body.Decode(formType, []byte(s))
		if err != nil {
			return
		}
		values := url.Values{}
		for name, value := range got {
			require.True(t, utf8.ValidString(name) && utf8.ValidString(value))
			values.Set(name, value)
		}
		again, err := body.Decode(formType, []byte(values.Encode()))
		if len(values.Encode()) > body.MaxBytes {
			return
		}
		require.NoError(t, err)
		assert.Equal(t, got, again)
		if !strings.Contains(s, ";") {
			parsed, err := url.ParseQuery(s)
			require.NoError(t, err, "net/url takes whatever is taken here, but for semicolons")
			assert.Equal(t, values, parsed)
		}
	})
}
