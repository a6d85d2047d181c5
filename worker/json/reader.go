// Package json reads JSON (RFC 8259) into a small tree and writes it, both without reflection.
//
// The standard library's encoding/json would add 0.3 MB to the compressed Worker. The reader refuses what
// encoding/json refuses, and the writer's texts are read back by it unchanged; fuzz targets hold both to that.
package json

import (
	"errors"
	"unicode/utf8"
)

// Kind is what a value is.
type Kind byte

// The kinds of values. None is the kind of a member that is not there.
const (
	None Kind = iota
	Null
	False
	True
	Number
	String
	Array
	Object
)

// A Value is one value of a document. All methods may be called on nil, which is an absent value.
type Value struct {
	kind Kind
	// text is a string's content or a number as it was written.
	text  string
	keys  []string // of an object
	items []Value  // of an array or an object
}

// errJSON does not say where the fault is: what is read here was written by programs, not by people.
var errJSON = errors.New("not JSON")

// maxDepth bounds what a document can make the reader recurse into.
const maxDepth = 64

// Parse reads one document, with nothing but white space around it. Half a
// surrogate pair and bytes that are not UTF-8 become U+FFFD, as everywhere.
func Parse(s string) (*Value, error) {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	p := parser{s: s}
	v := new(Value)
	p.space()
	if !p.value(v, 0) {
		return nil, errJSON
	}
	p.space()
	if p.at != len(s) {
		return nil, errJSON
	}
	return v, nil
}

// EachMember reads one object, and hands over each member, until member returns false. It refuses half surrogate
// pairs and bytes that are not UTF-8, which no two readers take alike. It keeps nothing: text is the content of a
// string, a number as it was written, or the whole of an inner array or object, in the memory of s where no escape
// forbids it. The error is that of the part that was read.
func EachMember(s string, member func(name string, kind Kind, text string) bool) error {
	if !utf8.ValidString(s) {
		return errJSON
	}
	p := parser{s: s, strict: true, skip: true}
	p.space()
	if p.next() != '{' {
		return errJSON
	}
	stopped, ok := p.members(member)
	if stopped {
		return nil
	}
	p.space()
	if !ok || p.at != len(s) {
		return errJSON
	}
	return nil
}

// members reads an object, whose bracket is next, for EachMember.
func (p *parser) members(member func(name string, kind Kind, text string) bool) (stopped, ok bool) {
	p.at++
	p.space()
	if p.next() == '}' {
		p.at++
		return false, true
	}
	for {
		var name string
		if p.next() != '"' || !p.text(&name) {
			return false, false
		}
		p.space()
		if p.next() != ':' {
			return false, false
		}
		p.at++
		p.space()
		var v Value
		from := p.at
		if !p.value(&v, 1) {
			return false, false
		}
		if v.kind == Array || v.kind == Object {
			v.text = p.s[from:p.at]
		}
		if !member(name, v.kind, v.text) {
			return true, true
		}
		p.space()
		switch p.next() {
		case ',':
			p.at++
			p.space()
		case '}':
			p.at++
			return false, true
		default:
			return false, false
		}
	}
}

// Kind is what the value is.
func (v *Value) Kind() Kind {
	if v == nil {
		return None
	}
	return v.kind
}

// Text is the content of a string, or a number as it was written; else "".
func (v *Value) Text() string {
	if v == nil {
		return ""
	}
	return v.text
}

// True tells whether the value is true.
func (v *Value) True() bool { return v.Kind() == True }

// Int is a whole number within 18 digits; else 0.
func (v *Value) Int() int64 {
	if v.Kind() != Number || len(v.text) > 19 {
		return 0
	}
	digits, negative := v.text, false
	if digits[0] == '-' {
		digits, negative = digits[1:], true
	}
	var n int64
	for i := 0; i < len(digits); i++ {
		if digits[i] < '0' || digits[i] > '9' || i == 18 {
			return 0
		}
		n = n*10 + int64(digits[i]-'0')
	}
	if negative {
		n = -n
	}
	return n
}

// Get is a member of an object, the last one of that name; nil when there is
// none.
func (v *Value) Get(key string) *Value {
	if v == nil || v.kind != Object {
		return nil
	}
	for i := len(v.keys) - 1; i >= 0; i-- {
		if v.keys[i] == key {
			return &v.items[i]
		}
	}
	return nil
}

// Len is how many elements or members there are.
func (v *Value) Len() int {
	if v == nil {
		return 0
	}
	return len(v.items)
}

// At is the element, or the member, at a position, with its key.
func (v *Value) At(i int) (key string, item *Value) {
	if v.kind == Object {
		key = v.keys[i]
	}
	return key, &v.items[i]
}

// Each visits the elements of an array, or the members of an object with their keys, in their order.
func (v *Value) Each(visit func(key string, item *Value)) {
	for i := range v.Len() {
		visit(v.At(i))
	}
}

type parser struct {
	s      string
	at     int
	strict bool
	// skip: what is in arrays and objects is read, into skipped, and not kept.
	skip    bool
	skipped Value
}

func (p *parser) space() {
	for p.at < len(p.s) {
		switch p.s[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

func (p *parser) next() byte {
	if p.at < len(p.s) {
		return p.s[p.at]
	}
	return 0
}

func (p *parser) value(v *Value, depth int) bool {
	switch c := p.next(); c {
	case '"':
		v.kind = String
		return p.text(&v.text)
	case '{', '[':
		if depth == maxDepth {
			return false
		}
		return p.container(v, c, depth)
	case 't':
		v.kind = True
		return p.word("true")
	case 'f':
		v.kind = False
		return p.word("false")
	case 'n':
		v.kind = Null
		return p.word("null")
	}
	v.kind = Number
	return p.number(&v.text)
}

func (p *parser) word(word string) bool {
	if len(p.s)-p.at < len(word) || p.s[p.at:p.at+len(word)] != word {
		return false
	}
	p.at += len(word)
	return true
}

// container reads an object or an array, whose bracket is next.
func (p *parser) container(v *Value, bracket byte, depth int) bool {
	closing := byte(']')
	v.kind = Array
	if bracket == '{' {
		v.kind, closing = Object, '}'
	}
	p.at++
	p.space()
	if p.next() == closing {
		p.at++
		return true
	}
	for {
		if v.kind == Object {
			var key string
			if p.next() != '"' || !p.text(&key) {
				return false
			}
			p.space()
			if p.next() != ':' {
				return false
			}
			p.at++
			p.space()
			if !p.skip {
				v.keys = append(v.keys, key)
			}
		}
		item := &p.skipped
		if !p.skip {
			v.items = append(v.items, Value{})
			item = &v.items[len(v.items)-1]
		}
		if !p.value(item, depth+1) {
			return false
		}
		p.space()
		switch p.next() {
		case ',':
			p.at++
			p.space()
		case closing:
			p.at++
			return true
		default:
			return false
		}
	}
}

func (p *parser) digits() bool {
	from := p.at
	for p.at < len(p.s) && p.s[p.at] >= '0' && p.s[p.at] <= '9' {
		p.at++
	}
	return p.at > from
}

func (p *parser) number(text *string) bool {
	from := p.at
	if p.next() == '-' {
		p.at++
	}
	if p.next() == '0' {
		p.at++
	} else if !p.digits() {
		return false
	}
	if p.next() == '.' {
		p.at++
		if !p.digits() {
			return false
		}
	}
	if c := p.next(); c == 'e' || c == 'E' {
		p.at++
		if c := p.next(); c == '+' || c == '-' {
			p.at++
		}
		if !p.digits() {
			return false
		}
	}
	*text = p.s[from:p.at]
	return true
}

// text reads a string, whose quotation mark is next. Most have no escape and
// are not copied.
func (p *parser) text(text *string) bool {
	p.at++
	from := p.at
	var b []byte
	for {
		if p.at = pastPlain(p.s, p.at); p.at == len(p.s) {
			return false
		}
		switch c := p.s[p.at]; {
		case c == '"':
			if b == nil {
				*text = p.s[from:p.at]
			} else {
				*text = string(append(b, p.s[from:p.at]...))
			}
			p.at++
			return true
		case c < ' ':
			return false
		case c == '\\':
			b = append(b, p.s[from:p.at]...)
			r, ok := p.escape()
			if !ok {
				return false
			}
			b = utf8.AppendRune(b, r)
			from = p.at
		default:
			p.at++
		}
	}
}

// escapes are the characters after a backslash and what they stand for.
const escapes = "\"\"\\\\//b\bf\fn\nr\rt\t"

func (p *parser) escape() (rune, bool) {
	p.at++
	c := p.next()
	p.at++
	for i := 0; i < len(escapes); i += 2 {
		if escapes[i] == c {
			return rune(escapes[i+1]), true
		}
	}
	if c != 'u' {
		return 0, false
	}
	r, ok := p.unit()
	if !ok || r < 0xD800 || r > 0xDFFF {
		return r, ok
	}
	// Half a pair stands for nothing without the other half behind it.
	if r < 0xDC00 && p.at+1 < len(p.s) && p.s[p.at] == '\\' && p.s[p.at+1] == 'u' {
		behind := p.at
		p.at += 2
		low, ok := p.unit()
		if !ok {
			return 0, false
		}
		if low >= 0xDC00 && low <= 0xDFFF {
			return (r-0xD800)<<10 + (low - 0xDC00) + 0x10000, true
		}
		p.at = behind
	}
	return utf8.RuneError, !p.strict
}

// unit reads four hexadecimal digits.
func (p *parser) unit() (r rune, ok bool) {
	if p.at+4 > len(p.s) {
		return 0, false
	}
	for _, c := range []byte(p.s[p.at : p.at+4]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	p.at += 4
	return r, true
}
