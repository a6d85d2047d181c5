package body_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/url"
	"runtime"
	"slices"
	"strconv"
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
		name, contentType, query, body string
		want                           rules.Fields
		err                            error
	}{
		{name: "a flat object of strings and numbers is read", contentType: jsonType,
			body: `{"firstName":"Zoë","product1_id":34,"product1_qty":"2"}`,
			want: rules.Fields{"firstName": "Zoë", "product1_id": "34", "product1_qty": "2"}},
		{name: "null is as if the name were absent", contentType: jsonType, body: `{"ref":null,"a":"b"}`,
			want: rules.Fields{"a": "b"}},
		{name: "an empty object is an empty set", contentType: jsonType, body: ` {} `, want: rules.Fields{}},
		{name: "escapes are read, pairs of surrogates included", contentType: jsonType,
			body: `{"a":"\u00e9\n\"\\\/","\u0062":"\ud83d\ude00"}`, want: rules.Fields{"a": "é\n\"\\/", "b": "😀"}},
		{name: "zeros behind the point do not make a number another one", contentType: jsonType,
			body: `{"a":34.0,"b":34.00}`, want: rules.Fields{"a": "34", "b": "34"}},
		{name: "a long ad id keeps every digit", contentType: jsonType, body: `{"a":23851234567890123456}`,
			want: rules.Fields{"a": "23851234567890123456"}},
		{name: "a number that is not whole stays as written, for the rules to refuse", contentType: jsonType,
			body: `{"a":1.50,"b":-1,"c":1e2,"d":1.0e2}`, want: rules.Fields{"a": "1.50", "b": "-1", "c": "1e2", "d": "1.0e2"}},
		{name: "the type's case and its charset do not matter", contentType: `Application/JSON ; Charset="UTF-8"`,
			body: `{}`, want: rules.Fields{}},
		{name: "other parameters of the type do not matter", contentType: `application/json; profile=x`, body: `{}`,
			want: rules.Fields{}},

		{name: "a name given twice with one value is one field", contentType: jsonType, body: `{"a":"1","a":1.0}`,
			want: rules.Fields{"a": "1"}},
		{name: "a name given twice in different escapes is refused", contentType: jsonType, body: `{"a":"1","\u0061":"2"}`,
			err: body.ErrMalformed},
		{name: "null before a value is absent", contentType: jsonType, body: `{"a":null,"a":"1"}`,
			want: rules.Fields{"a": "1"}},
		{name: "null behind a value is absent too", contentType: jsonType, body: `{"a":"1","a":null}`,
			want: rules.Fields{"a": "1"}},
		{name: "null between two values makes them no less two", contentType: jsonType,
			body: `{"a":"1","a":null,"a":"2"}`, err: body.ErrMalformed},
		{name: "true is 1 and false is 0", contentType: jsonType, body: `{"a":true,"b":false}`,
			want: rules.Fields{"a": "1", "b": "0"}},
		{name: "the lines of the vendor's SDK are taken as an object too, as their text", contentType: jsonType,
			body: `{"orderItems": {"34": 2, "35":"1"} }`, want: rules.Fields{"orderItems": `{"34": 2, "35":"1"}`}},
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
		{name: "the second half of a surrogate pair alone is refused", contentType: jsonType, body: `{"a":"\ude00"}`,
			err: body.ErrMalformed},
		{name: "half a surrogate pair followed by a letter is refused", contentType: jsonType, body: `{"a":"\ud83d\u0041"}`,
			err: body.ErrMalformed},
		{name: "a control character within a string is refused", contentType: jsonType, body: "{\"a\":\"\n\"}",
			err: body.ErrMalformed},
		{name: "a byte that is no UTF-8 is refused", contentType: jsonType, body: "{\"a\":\"\xff\"}",
			err: body.ErrMalformed},
		{name: "a byte order mark is refused", contentType: jsonType, body: "\ufeff{}", err: body.ErrMalformed},
		{name: "brackets as deep as the body is long are refused", contentType: jsonType,
			body: strings.Repeat("[", body.MaxBytes), err: body.ErrMalformed},
		{name: "objects as deep as the body is long are refused", contentType: jsonType,
			body: strings.Repeat(`{"a":`, body.MaxBytes/5), err: body.ErrMalformed},
		{name: "64 KiB and a byte are too large", contentType: jsonType, body: strings.Repeat(" ", body.MaxBytes+1),
			err: body.ErrTooLarge},

		{name: "a form is read", contentType: formType, body: "firstName=Zo%C3%AB&lastName=O%27Neil+Smith&empty=",
			want: rules.Fields{"firstName": "Zoë", "lastName": "O'Neil Smith", "empty": ""}},
		{name: "a name without a value has an empty one", contentType: formType, body: "a&b=1",
			want: rules.Fields{"a": "", "b": "1"}},
		{name: "empty pairs of a form mean nothing", contentType: formType, body: "&a=1&&b=2&",
			want: rules.Fields{"a": "1", "b": "2"}},
		{name: "a semicolon is data", contentType: formType, body: "a=1;b=2", want: rules.Fields{"a": "1;b=2"}},
		{name: "an equals sign in a value is data", contentType: formType, body: "a=b=c", want: rules.Fields{"a": "b=c"}},
		{name: "an empty form is an empty set", contentType: formType, body: "", want: rules.Fields{}},
		{name: "a form's charset may be named", contentType: formType + "; charset=utf-8", body: "a=1",
			want: rules.Fields{"a": "1"}},
		{name: "a form's name given twice with one value is one field", contentType: formType, body: "a=1&a=1",
			want: rules.Fields{"a": "1"}},
		{name: "a form's name given twice with two values is refused", contentType: formType, body: "a=1&a=2",
			err: body.ErrMalformed},
		{name: "a form's name given twice in different escapes is refused", contentType: formType, body: "a=1&%61=2",
			err: body.ErrMalformed},
		{name: "a percent sign without two digits is refused", contentType: formType, body: "a=100%",
			err: body.ErrMalformed},
		{name: "a percent sign with one digit is refused", contentType: formType, body: "a=%4", err: body.ErrMalformed},
		{name: "a percent sign with one digit and a letter is refused", contentType: formType, body: "a=%4g&b=%g4%8f%bf%bf",
			err: body.ErrMalformed},
		{name: "a letter and a digit behind a percent sign are refused", contentType: formType, body: "a=%g4%8f%bf%bf",
			err: body.ErrMalformed},
		{name: "every hexadecimal digit is one", contentType: formType, body: "a=%F0%9f%98%80%2f",
			want: rules.Fields{"a": "😀/"}},
		{name: "a percent sign with letters beyond f is refused", contentType: formType, body: "a=%zz",
			err: body.ErrMalformed},
		{name: "an escape in a name that is none is refused", contentType: formType, body: "a%zz=1", err: body.ErrMalformed},
		{name: "escapes that make no UTF-8 are refused", contentType: formType, body: "a=%ff", err: body.ErrMalformed},
		{name: "a form of 64 KiB and a byte is too large", contentType: formType,
			body: "a=" + strings.Repeat("b", body.MaxBytes-1), err: body.ErrTooLarge},

		{name: "fields in the query count", contentType: formType, query: "a=1&b=%C3%AB+x", body: "c=3",
			want: rules.Fields{"a": "1", "b": "ë x", "c": "3"}},
		{name: "fields in the query count without a body, whatever its type", contentType: jsonType, query: "a=1",
			want: rules.Fields{"a": "1"}},
		{name: "fields in the query count without a body and a type", query: "a=1", want: rules.Fields{"a": "1"}},
		{name: "fields in the query count beside JSON", contentType: jsonType, query: "a=1", body: `{"a":1,"b":2}`,
			want: rules.Fields{"a": "1", "b": "2"}},
		{name: "query and body may not say different things", contentType: jsonType, query: "a=1", body: `{"a":2}`,
			err: body.ErrMalformed},
		{name: "a broken escape in the query is refused", contentType: jsonType, query: "a=%zz", body: `{}`,
			err: body.ErrMalformed},
		{name: "escapes in the query that make no UTF-8 are refused", contentType: jsonType, query: "a=%ff", body: `{}`,
			err: body.ErrMalformed},
		{name: "bytes in the query that are no UTF-8 are refused", contentType: jsonType, query: "a=\xff", body: `{}`,
			err: body.ErrMalformed},
		{name: "query and body together may have 64 KiB", contentType: formType,
			query: "a=" + strings.Repeat("b", body.MaxBytes/2), body: "c=" + strings.Repeat("d", body.MaxBytes/2),
			err: body.ErrTooLarge},
		{name: "who writes spaces as %20 means a plus by + in an address, and a space elsewhere",
			query: "emailAddress=ada+1@example.com&phoneNumber=+49%2030&city=New+York%20City",
			want:  rules.Fields{"emailAddress": "ada+1@example.com", "phoneNumber": "+49 30", "city": "New York City"}},
		{name: "who does not means a space", query: "emailAddress=ada+1@example.com&phoneNumber=+49+30",
			want: rules.Fields{"emailAddress": "ada 1@example.com", "phoneNumber": " 49 30"}},

		{name: "text that holds a JSON object is JSON", contentType: "text/plain;charset=UTF-8", body: " \n{\"a\":1}",
			want: rules.Fields{"a": "1"}},
		{name: "other text is not supported", contentType: "text/plain", body: "a=1", err: body.ErrUnsupportedType},
		{name: "text that begins like JSON has to be JSON", contentType: "text/plain", body: "{a}", err: body.ErrMalformed},

		{name: "a form in parts is read", contentType: "multipart/form-data; boundary=x",
			body: part("a", "1") + part("b", "x\r\ny") + part("c", "") + "--x--\r\n",
			want: rules.Fields{"a": "1", "b": "x\r\ny", "c": ""}},
		{name: "the boundary may be quoted, and the end may lack its line end",
			contentType: `multipart/form-data; charset=utf-8; boundary="x"`, body: part("a", "ë") + "--x--",
			want: rules.Fields{"a": "ë"}},
		{name: "an empty form in parts is an empty set", contentType: "multipart/form-data; boundary=x", body: "--x--\r\n",
			want: rules.Fields{}},
		{name: "parts as curl writes them", contentType: "multipart/form-data; boundary=x", body: "--x\r\nContent-Dispos" +
			"ition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: " +
			"8bit\r\n\r\n1\r\n--x--\r\n", want: rules.Fields{"a": "1"}},
		{name: "a name without quotation marks", contentType: "multipart/form-data; boundary=x",
			body: "--x\r\ncontent-disposition: form-data; name=a\r\n\r\n1\r\n--x--", want: rules.Fields{"a": "1"}},
		{name: "a file input in which none was chosen is nothing", contentType: "multipart/form-data; boundary=x",
			body: part("a", "1") + "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\nContent-Type: " +
				"application/octet-stream\r\n\r\n\r\n--x--", want: rules.Fields{"a": "1"}},
		{name: "a file is not supported", contentType: "multipart/form-data; boundary=x",
			body: "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nx\r\n--x--",
			err:  body.ErrUnsupportedType},
		{name: "a part without a name is refused", contentType: "multipart/form-data; boundary=x",
			body: "--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--", err: body.ErrMalformed},
		{name: "a part with two names is refused", contentType: "multipart/form-data; boundary=x",
			body: "--x\r\nContent-Disposition: form-data; name=\"a\"; name=\"b\"\r\n\r\n1\r\n--x--", err: body.ErrMalformed},
		{name: "a part that is encoded once more is refused", contentType: "multipart/form-data; boundary=x",
			body: "--x\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64\r\n\r\nMQ==\r\n--x--",
			err:  body.ErrMalformed},
		{name: "a part of another charset is refused", contentType: "multipart/form-data; boundary=x",
			body: "--x\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; " +
				"charset=latin1\r\n\r\n1\r\n--x--", err: body.ErrMalformed},
		{name: "a part that goes on over a line is refused", contentType: "multipart/form-data; boundary=x",
			body: "--x\r\nContent-Disposition: form-data;\r\n name=\"a\"\r\n\r\n1\r\n--x--", err: body.ErrMalformed},
		{name: "parts without an end are refused", contentType: "multipart/form-data; boundary=x", body: part("a", "1"),
			err: body.ErrMalformed},
		{name: "something behind the end is refused", contentType: "multipart/form-data; boundary=x",
			body: part("a", "1") + "--x--\r\n--x", err: body.ErrMalformed},
		{name: "something before the first part is refused", contentType: "multipart/form-data; boundary=x",
			body: "hello\r\n" + part("a", "1") + "--x--", err: body.ErrMalformed},
		{name: "parts without a boundary are not supported", contentType: "multipart/form-data", body: "--x--",
			err: body.ErrUnsupportedType},
		{name: "a body without a type is not supported", contentType: "", body: "{}", err: body.ErrUnsupportedType},
		{name: "a type that only begins like JSON's is not supported", contentType: "application/json-patch+json",
			body: "{}", err: body.ErrUnsupportedType},
		{name: "another charset is not supported", contentType: "application/json; charset=iso-8859-1", body: "{}",
			err: body.ErrUnsupportedType},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := body.Decode(c.contentType, c.query, []byte(c.body))
			assert.ErrorIs(t, err, c.err)
			if c.err == nil {
				require.NoError(t, err)
			}
			assert.Equal(t, c.want, got)
		})
	}
}

// part is a part of a form whose boundary is x.
func part(name, value string) string {
	return "--x\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
}

func TestWhatIsWrongWithAFieldNamesIt(t *testing.T) {
	many := make([]string, body.MaxFields+1)
	for i := range many {
		many[i] = "f" + strconv.Itoa(i) + "=1"
	}
	for _, c := range []struct {
		name, contentType, query, body, field string
		code                                  rules.Code
	}{
		{"two values", formType, "", "affId=1&affId=2", "affId", rules.Duplicate},
		{"two values in query and parts", "multipart/form-data; boundary=x", "affId=2", part("affId", "1") + "--x--",
			"affId", rules.Duplicate},
		{"an object", jsonType, "", `{"params":{"firstName":"Ada"}}`, "params", rules.Nested},
		{"a list", jsonType, "", `{"a":1,"items":[34]}`, "items", rules.Nested},
		{"a list of the SDK's lines", jsonType, "", `{"orderItems":[34]}`, "orderItems", rules.Nested},
		{"a field too many", formType, "", strings.Join(many, "&"), "f250", rules.TooManyFields},
		{"a field too many over query and body", formType, strings.Join(many[:200], "&"), strings.Join(many[200:], "&"),
			"f250", rules.TooManyFields},
		{"fields of one name too many", formType, "", strings.Repeat("a=1&", 250) + "b=1", "b", rules.TooManyFields},
		{"members too many", jsonType, "", "{" + strings.Repeat(`"a":1,`, 250) + `"b":1}`, "b", rules.TooManyFields},
		{"parts too many", "multipart/form-data; boundary=x", "",
			strings.Repeat(part("a", "1"), 250) + part("b", "1") + "--x--", "b", rules.TooManyFields},
		{"a percent sign", formType, "couponCode=50%OFF", "", "couponCode", rules.BadEncoding},
		{"a file", "multipart/form-data; boundary=x", "",
			"--x\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\n\r\nx\r\n--x--", "photo",
			rules.FileSent},
		{"a name in another alphabet", formType, "", "größe=1&größe=2", "größe", rules.Duplicate},
		{"a name of signs", jsonType, "", `{"a$b:{detail}":[]}`, "a$b:{detail}", rules.Nested},
		{"a name of HTML", formType, "", "<b>=1&<b>=2", "<b>", rules.Duplicate},
		{"a name of 60 characters", formType, "", strings.Repeat("ß", 60) + "=%", strings.Repeat("ß", 60), rules.BadEncoding},
		{"a longer name", formType, "", strings.Repeat("ß", 61) + "=%", "?", rules.BadEncoding},
		{"a name that cannot be shown", jsonType, "", `{"a\u0000":[]}`, "?", rules.Nested},
		{"a name that is empty", jsonType, "", `{"":[]}`, "?", rules.Nested},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := body.Decode(c.contentType, c.query, []byte(c.body))
			var fault *body.FieldError
			require.ErrorAs(t, err, &fault)
			assert.Equal(t, c.field, fault.Field)
			assert.Equal(t, c.code, fault.Code)
			assert.Contains(t, err.Error(), c.field)
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
			_, err := body.Decode(jsonType, "", []byte(bomb))
			runtime.ReadMemStats(&after)
			assert.Error(t, err)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4*body.MaxBytes),
				"bytes of memory, which stand for the time it takes")
		})
	}
}

// errLines: the body has an object that is taken as its text, which the oracle does not know how to do.
var errLines = errors.New("an object of lines")

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
	fields, duplicate, count := rules.Fields{}, false, 0
	for d.More() {
		if count++; count > body.MaxFields {
			return nil, body.ErrMalformed
		}
		key, err := d.Token()
		if err != nil {
			return nil, body.ErrMalformed
		}
		name := key.(string)
		before, twice := fields[name]
		value, err := d.Token()
		if err != nil {
			return nil, body.ErrMalformed
		}
		switch v := value.(type) {
		case nil:
			duplicate = duplicate || twice
			continue
		case bool:
			fields[name] = map[bool]string{true: "1", false: "0"}[v]
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
			if name == "orderItems" && v == json.Delim('{') {
				return nil, errLines
			}
			return nil, body.ErrMalformed
		}
		duplicate = duplicate || twice && fields[name] != before
	}
	if _, err := d.Token(); err != nil {
		return nil, body.ErrMalformed
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, body.ErrMalformed
	}
	if duplicate {
		return nil, body.ErrMalformed
	}
	return fields, nil
}

// halfSurrogate says whether valid JSON escapes a surrogate that is not part of a pair: encoding/json reads U+FFFD
// there. It looks for characters that reading adds to those which stand there unescaped or escaped as themselves.
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
		`{}`, `{"a":"b"}`, `{"a":1,"b":-0.0,"c":1e5}`, `{"a":null,"a":"1"}`, `{"\u0061":"1","a":"\ud83d\ude00"}`,
		`{"a":"\ud83d"}`, `{"a":{}}`, `{"a":[1]}`, `{"a":true}`, `[1]`, `"x"`, "\ufeff{}", `{"a":"\\ud800"}`, `{"a":00}`,
		`{"a":.5}`, `{"a":1.}`, `{"a":+1}`, "{\"a\x01\":1}", `{"a" : "b" , }`, `{"a":"\u00"}`, `{"":""}`, `{"a":"�"}`,
		`{"a":"\ufffd"}`, `{"a\ud800":1}`, `{"\x":1}`, `{"a":nul}`, `{"a":"\uD83D\uDE00\uDE00"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := body.Decode(jsonType, "", b)
		want, wantErr := oracle(b)
		if errors.Is(wantErr, errLines) {
			return
		}
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
	for _, seed := range []string{"", "a=b", "a=b&c=d", "a=%41+%zz", "a;b=c", "=", "&&", "a=b=c", "%61=1&a=2", "a=%ff",
		"a=%00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := body.Decode(formType, "", []byte(s))
		if err != nil {
			return
		}
		values := url.Values{}
		for name, value := range got {
			require.True(t, utf8.ValidString(name) && utf8.ValidString(value))
			values.Set(name, value)
		}
		again, err := body.Decode(formType, "", []byte(values.Encode()))
		if len(values.Encode()) > body.MaxBytes {
			return
		}
		require.NoError(t, err)
		assert.Equal(t, got, again)
		if !strings.Contains(s, ";") {
			parsed, err := url.ParseQuery(s)
			require.NoError(t, err, "net/url takes whatever is taken here, but for semicolons")
			for name, all := range parsed {
				assert.Equal(t, values[name], slices.Compact(all), "equal values of one name are one")
			}
		}
	})
}

func TestABrokenEscapeIsPutDownToItsField(t *testing.T) {
	for form, field := range map[string]string{"a=1&b=%zz": "b", "a%zz=1": "a%zz", "a%20b%=1": "a b%", "%ff=1": "?"} {
		_, err := body.Decode(formType, "", []byte(form))
		var wrong *body.FieldError
		require.ErrorAs(t, err, &wrong, form)
		assert.Equal(t, field, wrong.Field, form)
		assert.Equal(t, rules.BadEncoding, wrong.Code, form)
	}
}
