package words_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/words"
	"klarna-relay/worker/words/catalogue"
)

func TestTheTablesHoldWhatTheCatalogueSays(t *testing.T) {
	all, err := catalogue.All()
	require.NoError(t, err)
	var languages []string
	said := 0
	for _, c := range all {
		languages = append(languages, c.Lang)
		for _, text := range c.Texts {
			switch group, _, _ := strings.Cut(text.Key, "."); group {
			case "label", "rule", "answer", "page":
				assert.Equal(t, text.Text, words.Text(c.Lang, text.Key), "%s %s: go generate ./worker/words", c.Lang, text.Key)
				said++
			default:
				assert.Empty(t, words.Text(c.Lang, text.Key), "%s is a page's own", text.Key)
			}
		}
	}
	assert.Equal(t, languages, words.Languages(), "go generate ./worker/words")
	assert.Greater(t, said, 80*len(all))
}

func TestATextIsFilledIn(t *testing.T) {
	for _, c := range []struct {
		name, lang, key string
		args            []string
		want            string
	}{
		{"with an argument", "en", "rule.too_long", []string{"30"}, "This is too long: at most 30 characters, please."},
		{"in another language", "de", "rule.too_long", []string{"30"}, "Das ist zu lang: bitte höchstens 30 Zeichen."},
		{"with none, it stays as it is", "en", "rule.too_long", nil,
			"This is too long: at most {limit} characters, please."},
		{"with one too many", "en", "rule.too_long", []string{"30", "40"},
			"This is too long: at most 30 characters, please."},
		{"what is filled in is not filled in itself", "en", "rule.bad_postal_code", []string{"{x}", "y"},
			"Please check the postcode: in this country it looks like {x}."},
		{"a text without a place for it", "en", "rule.bad_country", []string{"30"},
			"Please choose a country from the list."},
		{"a language that is none is English", "xx", "page.sorry", nil, "Sorry"},
		{"no language is English", "", "page.sorry", nil, "Sorry"},
		{"a key that is none", "en", "page", nil, ""},
		{"the end of a key", "en", "sorry", nil, ""},
		{"no key", "en", "", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, words.Text(c.lang, c.key, c.args...)) })
	}
}

func TestAProblemIsSaidInTheWordsOfItsField(t *testing.T) {
	for _, c := range []struct{ name, lang, field, code, detail, want string }{
		{"a field with words of its own", "en", "firstName", "required", "", "Please enter your first name."},
		{"the same of a delivery address", "de", "shipFirstName", "required", "", "Bitte geben Sie Ihren Vornamen ein."},
		{"a field without", "en", "ship", "required", "", "Please fill this in."},
		{"a field that is none", "en", "?", "required", "", "Please fill this in."},
		{"with a detail", "en", "city", "too_long", "30", "This is too long: at most 30 characters, please."},
		{"a code that is none", "en", "city", "", "", ""},
		{"a name that looks like a key", "en", "firstName\nrule.bad_name", "required", "", "Please fill this in."},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, words.Problem(c.lang, c.field, c.code, c.detail)) })
	}
}

func TestALabelSaysWhichAddressItIsOf(t *testing.T) {
	assert.Equal(t, "Ort", words.Label("de", "city", false))
	assert.Equal(t, "Ort (Lieferung)", words.Label("de", "city", true))
	assert.Empty(t, words.Label("de", "campaignId", true))
}

func TestACodeForDevelopersHasNoTextForShoppers(t *testing.T) {
	assert.Equal(t, "Your order is paid. Thank you!", words.Answer("en", "paid"))
	assert.Empty(t, words.Answer("de", "malformed"))
}

func TestTheNearestLanguage(t *testing.T) {
	for tag, want := range map[string]string{
		"de": "de", "DE-at": "de", "de-CH-1996": "de", " de ": "de", "en-GB": "en", "nb-NO": "nb", "no": "nb", "nn-NO": "nb",
		"": "", "d": "", "deu": "", "den": "", "xx": "", "*": "", "de en": "", "e d": "", "\n": "",
	} {
		assert.Equal(t, want, words.Language(tag), "%q", tag)
	}
}

func TestTheLanguageFollowsAcceptLanguage(t *testing.T) {
	for header, want := range map[string]string{
		"": "en", "de": "de", "DE-at": "de", "en": "en", "xx": "en", "xx, de;q=0.5": "de", "xx, de;q=0.5, en;q=0.4": "de",
		"en;q=0.4,de;q=0.45": "de", "de;q=0.5, en": "en", "de, en": "de", "en, de": "en", "*": "en", "de;q=0": "en",
		"de; q=0.9, en; q=0.8": "de", "den": "en", "xx,*;q=0.1,de;q=0.2": "de", ",,;": "en", "de;q=x": "de", "de;q=": "de",
		"de;q=0.45, en;q=0.5": "en", "en;q=0.5, de;q=0.501": "de", "de;q=0.001": "de", "en-US,en;q=0.9,de;q=0.8": "en",
		"nn, de;q=0.9": "nb", "de;q=0.5;x=y, nb;q=0.4": "de",
	} {
		assert.Equal(t, want, words.Accepted(header), header)
	}
}

func FuzzALookUpNeverFails(f *testing.F) {
	f.Add("de", "answer.paid", "x")
	f.Add("\n", "{", "}")
	f.Fuzz(func(t *testing.T, lang, key, arg string) {
		words.Text(lang, key, arg)
		words.Problem(lang, key, arg, "1")
		words.Label(lang, key, true)
		language := words.Accepted(lang)
		assert.Contains(t, words.Languages(), language)
		assert.Contains(t, append(words.Languages(), ""), words.Language(key))
	})
}
