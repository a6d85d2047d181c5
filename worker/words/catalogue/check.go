package catalogue

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// places are the lengths, in characters, that fit where a text is shown on a screen of 360 px: a label or link in
// one line, a heading or the button in two, a problem in four below its field, a message in eight above the button.
// The first prefix that fits counts.
var places = []struct {
	prefix string
	limit  int
}{
	{"label.", 34},
	{"page.continue", 34},
	{"page.to_klarna", 34},
	{"klarna.onward", 34},
	{"klarna.recheck", 34},
	{"klarna.secure", 34},
	{"klarna.see", 34},
	{"button.", 44},
	{"page.incomplete", 60},
	{"page.sorry", 60},
	{"page.wait", 60},
	{"page.thanks", 60},
	{"page.unavailable", 60},
	{"rule.", 130},
	{"", 240},
}

// letters are the letters of each alphabet that are not among a to z, in lower case.
var letters = map[string]string{
	"cs": "áčďéěíňóřšťúůýž", "da": "æøåé", "de": "äöüß", "el": "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰ", "en": "",
	"es": "áéíñóúü", "et": "äõöüšž", "fi": "äöåšž", "fr": "àâæçéèêëîïôœùûüÿ", "hu": "áéíóöőúüű", "it": "àèéìòù",
	"lt": "ąčęėįšųūž", "lv": "āčēģīķļņšūž", "nb": "æøåéòô", "nl": "áéëïóöü", "pl": "ąćęłńóśźż", "pt": "áàâãçéêíóôõú",
	"ro": "ăâîșț", "sk": "áäčďéíĺľňóôŕšťúýž", "sl": "čšž", "sv": "åäöé",
}

// signs are the other characters of the texts. Combining marks and characters that show nothing are not among them.
const signs = " .,:;!?/@{}()'’‘\"„“”«»-–…0123456789_ \u00a0\u202f\u00bf\u00a1"

// international are the texts that are rightly the same as in English in some languages.
var international = []string{"label.emailAddress", "label.product", "label.variant"}

// leftover are words that are in no other language's texts.
var leftover = regexp.MustCompile(`(?i)\b(the|please|your|you|this|order|payment|again|with|cannot|charged)\b`)

var placeholder = regexp.MustCompile(`\{[a-z]*\}`)

// Check finds what is wrong with the catalogues, one line a fault.
func Check(all []Catalogue) (faults []string) {
	var english Catalogue
	for _, c := range all {
		if c.Lang == "en" {
			english = c
		}
	}
	for _, c := range all {
		for _, t := range english.Texts {
			if c.Text(t.Key) == "" {
				faults = append(faults, fmt.Sprintf("%s: %s is missing", c.Lang, t.Key))
			}
		}
		for _, t := range c.Texts {
			for _, what := range c.faults(t, english) {
				faults = append(faults, fmt.Sprintf("%s: %s %s: %s", c.Lang, t.Key, what, t.Text))
			}
		}
	}
	return faults
}

func (c Catalogue) faults(t Text, english Catalogue) (faults []string) {
	source := english.Text(t.Key)
	if source == "" {
		return []string{"is not in the English file"}
	}
	if !slices.Equal(placeholder.FindAllString(t.Text, -1), placeholder.FindAllString(source, -1)) ||
		braces(t.Text) != braces(placeholder.ReplaceAllString(source, "{}")) {
		faults = append(faults, "has other placeholders than in English")
	}
	for _, place := range places {
		if strings.HasPrefix(t.Key, place.prefix) {
			if n := utf8.RuneCountInString(t.Text); n > place.limit {
				faults = append(faults, fmt.Sprintf("has %d characters, %d more than its place", n, n-place.limit))
			}
			break
		}
	}
	if odd := c.odd(t.Text); odd != "" {
		faults = append(faults, "has characters that its language has not ("+odd+")")
	}
	if strings.Contains(t.Text, "  ") || strings.Contains(t.Text, "...") {
		faults = append(faults, "has two spaces, or three dots for an ellipsis")
	}
	if c.Lang == "en" {
		return faults
	}
	if t.Text == source && !slices.Contains(international, t.Key) ||
		leftover.MatchString(placeholder.ReplaceAllString(t.Text, "")) {
		faults = append(faults, "is still in English")
	}
	for _, f := range english.Texts {
		if !strings.HasPrefix(f.Key, "fixed.") {
			continue
		}
		if strings.Contains(source, f.Text) != strings.Contains(t.Text, c.Text(f.Key)) {
			faults = append(faults, "must contain "+f.Key+" where English does, and nowhere else")
		}
	}
	return faults
}

// braces is what is left of a text's braces.
func braces(text string) int { return strings.Count(text, "{") + strings.Count(text, "}") }

// odd are the characters of a text that belong neither to the alphabet of its language nor to the signs. Latin
// letters are in all of them: Klarna, JavaScript.
func (c Catalogue) odd(text string) (odd string) {
	for _, r := range text {
		lower := strings.ToLower(string(r))
		latin := lower >= "a" && lower <= "z" && len(lower) == 1
		if !latin && !strings.Contains(letters[c.Lang], lower) && !strings.ContainsRune(signs, r) {
			odd += string(r)
		}
	}
	return odd
}
