package json

import (
	stdjson "encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMembersAreSeparatedAndEmptyOnesLeftOut(t *testing.T) {
	w := NewWriter(0)
	w.Open('{')
	w.OptionalText("none", "")
	w.Text("a", "1")
	w.OptionalNumber("zero", 0)
	w.Number("n", -7)
	w.OptionalTrue("no", false)
	w.OptionalTrue("yes", true)
	w.OptionalTexts("nothing", nil)
	w.OptionalTexts("list", []string{"x", "y"})
	w.Key("raw")
	w.JSON(`{"b":[]}`)
	w.Close('}')
	assert.Equal(t, `{"a":"1","n":-7,"yes":true,"list":["x","y"],"raw":{"b":[]}}`, w.String())
}

func FuzzValueIsReadBackByTheStandardLibrary(f *testing.F) {
	for _, seed := range []string{"", "plain", `q"\`, "\x00\x1f\x7f", "</script>&", "ü€😀", "\xff\xc3", "\u2028"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w := NewWriter(0)
		w.Value(s)
		var back string
		require.NoError(t, stdjson.Unmarshal([]byte(w.String()), &back))
		assert.Equal(t, strings.ToValidUTF8(strings.Map(func(r rune) rune { return r }, s), "\ufffd"),
			strings.ToValidUTF8(back, "\ufffd"))
		assert.NotContains(t, w.String(), "<")
	})
}
