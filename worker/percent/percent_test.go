package percent_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"

	"klarna-relay/worker/percent"
)

func TestEveryByteHasItsEscapes(t *testing.T) {
	for n := range 256 {
		for _, form := range []string{"x%%%02x", "x%%%02X", "x%%%02xy"} {
			s := fmt.Sprintf(form, n)
			c, ok := percent.Byte(s, 1)
			assert.True(t, ok, s)
			assert.Equal(t, byte(n), c, s)
		}
	}
}

func TestWhatIsNoEscape(t *testing.T) {
	for _, s := range []string{"", "%", "%4", "%4g", "%g4", "%zz", "%/0", "%:0", "%@0", "%G0", "%`0", "% 0", "%%4", "x41",
		"411"} {
		_, ok := percent.Byte(s, 0)
		assert.False(t, ok, s)
	}
}

func TestDecodeLeavesWhatIsNoEscape(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "plain+text": "plain+text", "%41%42": "AB", "a%2Fb%2fc": "a/b/c", "100%": "100%", "%4": "%4",
		"%zz%41": "%zzA", "%%41": "%A", "%2541": "%41", "%c3%A4": "ä",
	} {
		assert.Equal(t, want, percent.Decode(s), s)
	}
}

func TestStrictSaysWhatIsNoEscape(t *testing.T) {
	for _, s := range []string{"", "plain", "%41", "a%2Fb%2fc", "100%", "%4", "%zz%41", "%%41", "%41%", "%2541", "%c3%A4%"} {
		decoded, ok := percent.Strict(s)
		want, err := url.PathUnescape(s)
		assert.Equal(t, err == nil, ok, s)
		if ok {
			assert.Equal(t, want, decoded, s)
		}
	}
}
