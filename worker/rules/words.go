package rules

import "klarna-relay/worker/words"

// codeNames are the codes as answers have them in `problems`, and as the keys of their texts have them after
// "rule.". They never change: pages have words of their own for them.
var codeNames = [...]string{
	Required:       "required",
	TooLong:        "too_long",
	BadCharacters:  "bad_characters",
	BadName:        "bad_name",
	BadEmail:       "bad_email",
	BadPhone:       "bad_phone",
	BadPostalCode:  "bad_postal_code",
	BadState:       "bad_state",
	BadCountry:     "bad_country",
	BadValue:       "bad_value",
	BadQuantity:    "bad_quantity",
	TooManyLines:   "too_many_lines",
	ProductRefused: "product_refused",
	QuantityCap:    "quantity_cap",
	CountryRefused: "country_refused",
	CardData:       "card_data",
	FieldRefused:   "field_refused",
	NotARef:        "not_a_ref",
	Conflict:       "conflict",
	NotOneOf:       "not_one_of",
	Duplicate:      "duplicate",
	Nested:         "nested",
	TooManyFields:  "too_many_fields",
	BadEncoding:    "bad_encoding",
	FileSent:       "file",
}

// String is the code's name ("bad_email"); "" for what is no code.
func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return ""
}

// Text says what the shopper can do about the problem, in one of the languages of package words; or, in English,
// what the page's developer can. Plain text, no HTML.
func (p Problem) Text(lang string) string {
	if text := p.forDevelopers(); text != "" {
		return text
	}
	return words.Problem(lang, p.Field, p.Code.String(), p.Detail)
}

// ForShoppers are the problems that a shopper can do something about.
func ForShoppers(p Problems) (found Problems) {
	for _, q := range p {
		if q.forDevelopers() == "" {
			found = append(found, q)
		}
	}
	return found
}
