package words

import "strings"

// Language is the language of the texts that is nearest to a language tag (BCP 47): "de" for "de-AT", "nb" for
// "nn-NO"; "" when there is none.
func Language(tag string) string {
	tag, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
	switch tag {
	case "no", "nn": // Norwegian as a whole, and its other written form
		tag = "nb"
	}
	if len(tag) == 2 && strings.Contains(" "+languages+" ", " "+tag+" ") {
		return tag
	}
	return ""
}

// Accepted picks a language by an Accept-Language header (RFC 9110, section 12.5.4): the one with the highest
// weight, the first one of equals, English when none is wanted.
func Accepted(header string) string {
	best, weight := English, 0
	for part := range strings.SplitSeq(header, ",") {
		tag, params, _ := strings.Cut(part, ";")
		language := Language(tag)
		if strings.TrimSpace(tag) == "*" {
			language = English
		}
		if q := thousandths(params); language != "" && q > weight {
			best, weight = language, q
		}
	}
	return best
}

// thousandths is the weight "q=0.8" as 800; 1000 when there is none or it cannot be read.
func thousandths(params string) int {
	q, ok := strings.CutPrefix(strings.TrimSpace(params), "q=")
	if !ok || q == "" || q[0] != '0' {
		return 1000
	}
	_, decimals, _ := strings.Cut(q, ".")
	n, unit := 0, 100
	for i := 0; i < len(decimals) && i < 3 && '0' <= decimals[i] && decimals[i] <= '9'; i++ {
		n += int(decimals[i]-'0') * unit
		unit /= 10
	}
	return n
}
