package json

import (
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// A Writer appends one JSON value. Members named with an empty value by the
// Optional methods are left out. The zero value is ready for use.
type Writer struct{ b []byte }

// NewWriter returns a writer with room for size bytes.
func NewWriter(size int) *Writer { return &Writer{make([]byte, 0, size)} }

// String is what has been written so far. It is not copied: what is written later comes behind it.
func (w *Writer) String() string { return unsafe.String(unsafe.SliceData(w.b), len(w.b)) }

// Open begins an object '{' or an array '['; Close ends it.
func (w *Writer) Open(bracket byte) { w.b = append(w.b, bracket) }

// Close ends what Open began.
func (w *Writer) Close(bracket byte) { w.b = append(w.b, bracket) }

// Element separates the next element of an array from the one before.
func (w *Writer) Element() {
	if n := len(w.b); n > 0 && w.b[n-1] != '{' && w.b[n-1] != '[' {
		w.b = append(w.b, ',')
	}
}

// Key begins a member of an object; its value is written next.
func (w *Writer) Key(name string) {
	w.Element()
	w.Value(name)
	w.b = append(w.b, ':')
}

// Text writes a member that is a string.
func (w *Writer) Text(name, value string) {
	w.Key(name)
	w.Value(value)
}

// OptionalText writes a member that is a string, unless it is empty.
func (w *Writer) OptionalText(name, value string) {
	if value != "" {
		w.Text(name, value)
	}
}

// Number writes a member that is a whole number.
func (w *Writer) Number(name string, value int64) {
	w.Key(name)
	w.b = strconv.AppendInt(w.b, value, 10)
}

// OptionalNumber writes a member that is a whole number, unless it is 0.
func (w *Writer) OptionalNumber(name string, value int64) {
	if value != 0 {
		w.Number(name, value)
	}
}

// OptionalTrue writes a member that is true, unless it is false.
func (w *Writer) OptionalTrue(name string, value bool) {
	if value {
		w.Key(name)
		w.b = append(w.b, "true"...)
	}
}

// JSON writes a value that is JSON already.
func (w *Writer) JSON(value string) { w.b = append(w.b, value...) }

// OptionalTexts writes a member that is an array of strings, unless it is empty.
func (w *Writer) OptionalTexts(name string, values []string) {
	if len(values) == 0 {
		return
	}
	w.Key(name)
	w.Open('[')
	for _, value := range values {
		w.Element()
		w.Value(value)
	}
	w.Close(']')
}

const hex = "0123456789abcdef"

// pastPlain is where the first byte is, from at on, that is not plain. Most bytes are, so this is a small function with
// a table: where Go runs as Wasm, a branch costs several times what it costs natively, and the more, the larger the
// function around it is.
func pastPlain(s string, at int) int {
	for at < len(s) && plain[s[at]] {
		at++
	}
	return at
}

// plain are the bytes of ASCII that stand for themselves in a string, and that no HTML takes for its own.
var plain = func() (is [256]bool) {
	for c := ' '; c < 0x7f; c++ {
		is[c] = c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
	}
	return is
}()

// Value writes a string. What is not UTF-8 becomes U+FFFD. The characters that
// would end a script or a comment in HTML are escaped, so that the text stays
// harmless wherever it is pasted.
func (w *Writer) Value(s string) {
	b := append(w.b, '"')
	from := 0
	for i := 0; ; {
		if i = pastPlain(s, i); i == len(s) {
			break
		}
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[from:i]...), `\ufffd`...)
				from = i + 1
			}
			i += size
			continue
		}
		b = append(b, s[from:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		from = i
	}
	w.b = append(append(b, s[from:]...), '"')
}
