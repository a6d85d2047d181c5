package json

import (
	stdjson "encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestADocumentIsReadIntoATree(t *testing.T) {
	v, err := Parse(` {"a":"x\n\u00e9\ud83d\ude00","n":-12.50e3,"i":-7,"t":true,"f":false,"z":null,"l":[1,"two",{"k":[]}],"a":"last"} `)
	require.NoError(t, err)
	assert.Equal(t, Object, v.Kind())
	assert.Equal(t, 8, v.Len())
	assert.Equal(t, "last", v.Get("a").Text(), "as everywhere, the last of a name counts")
	key, first := v.At(0)
	assert.Equal(t, "a", key)
	assert.Equal(t, "x\né😀", first.Text())
	assert.Equal(t, "-12.50e3", v.Get("n").Text(), "a number stays as it was written")
	assert.Equal(t, int64(-7), v.Get("i").Int())
	assert.Zero(t, v.Get("n").Int())
	assert.True(t, v.Get("t").True())
	assert.False(t, v.Get("f").True())
	assert.Equal(t, Null, v.Get("z").Kind())
	_, second := v.Get("l").At(1)
	assert.Equal(t, "two", second.Text())
	assert.Equal(t, None, v.Get("none").Get("deeper").Kind(), "what is not there has nothing in it")
	assert.Zero(t, v.Get("none").Len())
}

func TestAWholeNumberIsReadWithin18Digits(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "999999999999999999": 999999999999999999, "1000000000000000000": 0,
		"-5": -5, "1e3": 0, `"5"`: 0} {
		v, err := Parse(text)
		require.NoError(t, err)
		assert.Equal(t, want, v.Int(), text)
	}
}

func TestAnEscapeThatIsNoneIsRefused(t *testing.T) {
	for _, text := range []string{`"\x"`, `"\u12"`, `"\uZZZZ"`, `"\ud83d\uZZZZ"`, `"\ud83d\u"`} {
		_, err := Parse(text)
		assert.Error(t, err, text)
	}
}

func TestDepthIsBounded(t *testing.T) {
	_, err := Parse(strings.Repeat("[", 64) + strings.Repeat("]", 64))
	assert.NoError(t, err)
	_, err = Parse(strings.Repeat("[", 65) + strings.Repeat("]", 65))
	assert.Error(t, err)
}

func TestStrictlyHalfASurrogatePairIsNoCharacter(t *testing.T) {
	for _, text := range []string{`"\ud800"`, `"\udc00"`, `"\ud800\ud800"`, `"\ud800x"`, `"\ud83d\n"`, "\"\xff\""} {
		assert.Error(t, EachMember(`{"x":`+text+`}`, anything), text)
		v, err := Parse(text)
		require.NoError(t, err, text)
		assert.Contains(t, v.Text(), "\ufffd")
	}
	require.NoError(t, EachMember(`{"x":"\ud83d\ude00"}`, func(_ string, _ Kind, text string) bool {
		assert.Equal(t, "😀", text)
		return true
	}))
}

func anything(string, Kind, string) bool { return true }

// plain turns a value into what encoding/json makes of it.
func anyOf(v *Value) any {
	switch v.Kind() {
	case False, True:
		return v.True()
	case Number:
		return stdjson.Number(v.Text())
	case String:
		return v.Text()
	case Array:
		list := []any{}
		for i := range v.Len() {
			_, item := v.At(i)
			list = append(list, anyOf(item))
		}
		return list
	case Object:
		members := map[string]any{}
		for i := range v.Len() {
			key, item := v.At(i)
			members[key] = anyOf(item)
		}
		return members
	}
	return nil
}

func FuzzItAgreesWithTheStandardLibrary(f *testing.F) {
	for _, seed := range []string{
		`{"result":"SUCCESS","message":{"orderId":"63A9FBD226","n":[1,2.5e-3,-0]}}`, `"\ud83d\ude00\ud83d\u0041\/"`, "[1,]",
		"01", "-", `{"a":1,"a":2}`, "\"\x1f\"", "\"\xff\"", "nul", "[[[[]]]]", ` "a" x`, `{"a" : [ ] , "b":{ } }`, "1.",
		"1e+", "\ufeff1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		decoder := stdjson.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		var want any
		ok := stdjson.Valid([]byte(text)) && decoder.Decode(&want) == nil
		got, err := Parse(text)
		if deep := strings.Count(text, "[")+strings.Count(text, "{") > maxDepth; deep {
			if err == nil {
				require.True(t, ok)
			}
			return
		}
		require.Equal(t, ok, err == nil)
		if !ok {
			return
		}
		require.Equal(t, want, anyOf(got))
		if EachMember(`{"x":`+text+`}`, anything) == nil {
			assert.True(t, utf8.ValidString(text))
		}
	})
}
