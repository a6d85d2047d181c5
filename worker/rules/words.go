package rules

import "strings"

// words is a text in the languages the landers speak. "{}" is filled in with a problem's detail.
type words struct{ en, de string }

// required says what is missing, field by field; those of a delivery address are found without their "ship".
var required = [...]struct {
	field string
	words words
}{
	{"firstName", words{"Please enter your first name.", "Bitte geben Sie Ihren Vornamen ein."}},
	{"lastName", words{"Please enter your last name.", "Bitte geben Sie Ihren Nachnamen ein."}},
	{"emailAddress", words{"Please enter your e-mail address.", "Bitte geben Sie Ihre E-Mail-Adresse ein."}},
	{"phoneNumber", words{"Please enter your phone number.", "Bitte geben Sie Ihre Telefonnummer ein."}},
	{"address1", words{"Please enter your street and house number.", "Bitte geben Sie Straße und Hausnummer ein."}},
	{"city", words{"Please enter your town or city.", "Bitte geben Sie Ihren Ort ein."}},
	{"state", words{"Please choose your state or province.", "Bitte wählen Sie Ihren Bundesstaat oder Ihre Provinz."}},
	{"postalCode", words{"Please enter your postcode.", "Bitte geben Sie Ihre Postleitzahl ein."}},
	{"country", words{"Please choose your country.", "Bitte wählen Sie Ihr Land."}},
	{"product1_id", words{"Please choose a product.", "Bitte wählen Sie ein Produkt."}},
}

// texts is the one place of wording for page and edge, by code.
var texts = [...]words{
	Required:       {"Please fill this in.", "Bitte füllen Sie dieses Feld aus."},
	TooLong:        {"This is too long: at most {} characters, please.", "Das ist zu lang: bitte höchstens {} Zeichen."},
	BadCharacters:  {"There are characters in it that we cannot use. Please type it again.", "Darin sind Zeichen, die wir nicht verwenden können. Bitte geben Sie es noch einmal ein."},
	BadName:        {"Please enter the name as it is written on letters to you.", "Bitte geben Sie den Namen so ein, wie er auf Briefen an Sie steht."},
	BadEmail:       {"Please check the e-mail address: it should look like name@example.com.", "Bitte prüfen Sie die E-Mail-Adresse: Sie sollte wie name@beispiel.de aussehen."},
	BadPhone:       {"Please check the phone number. With the country code it is always clear: {}", "Bitte prüfen Sie die Telefonnummer. Mit Ländervorwahl ist sie immer eindeutig: {}"},
	BadPostalCode:  {"Please check the postcode: in this country it looks like {}.", "Bitte prüfen Sie die Postleitzahl: In diesem Land sieht sie aus wie {}."},
	BadState:       {"Please choose a state or province of the country, such as {}.", "Bitte wählen Sie einen Bundesstaat oder eine Provinz des Landes, zum Beispiel {}."},
	BadCountry:     {"Please choose a country from the list.", "Bitte wählen Sie ein Land aus der Liste."},
	BadValue:       {"Please check this entry.", "Bitte prüfen Sie diese Angabe."},
	BadQuantity:    {"Please enter a whole number, 1 or more.", "Bitte geben Sie eine ganze Zahl ab 1 ein."},
	TooManyLines:   {"Please choose at most {} of the products.", "Bitte wählen Sie höchstens {} der Produkte."},
	ProductRefused: {"This product cannot be ordered here.", "Dieses Produkt kann hier nicht bestellt werden."},
	QuantityCap:    {"Please order at most {} of this product.", "Bitte bestellen Sie von diesem Produkt höchstens {} Stück."},
	CountryRefused: {"We cannot offer this payment method in this country.", "In diesem Land können wir diese Zahlungsart nicht anbieten."},
	CardData:       {"Please do not enter card details here. You pay on the next page.", "Bitte geben Sie hier keine Kartendaten ein. Sie bezahlen auf der nächsten Seite."},
	FieldRefused:   {"This field cannot be set by the page.", "Dieses Feld kann die Seite nicht setzen."},
}

// Text says what the shopper can do about the problem, in German when lang begins with "de", in English otherwise. Plain text, no
// HTML.
func (p Problem) Text(lang string) string {
	w := words{}
	if int(p.Code) < len(texts) {
		w = texts[p.Code]
	}
	if p.Code == Required {
		field := p.Field
		if rest, ok := strings.CutPrefix(field, "ship"); ok && rest != "" {
			field = lower(rest[:1]) + rest[1:]
		}
		for _, r := range required {
			if r.field == field {
				w = r.words
			}
		}
	}
	text := w.en
	if len(lang) >= 2 && lower(lang[:2]) == "de" {
		text = w.de
	}
	if head, tail, ok := strings.Cut(text, "{}"); ok {
		text = head + p.Detail + tail
	}
	return text
}

// Lang picks "de" or "en" by an Accept-Language header (RFC 9110, section 12.5.4): the one of the two with the higher weight, the first
// one of equals, "en" when neither is wanted.
func Lang(acceptLanguage string) string {
	best, weight := "en", -1
	for _, part := range strings.Split(acceptLanguage, ",") {
		tag, params, _ := strings.Cut(part, ";")
		tag = lower(strings.TrimSpace(tag))
		if tag == "*" {
			tag = "en"
		}
		if len(tag) < 2 || len(tag) > 2 && tag[2] != '-' || tag[:2] != "de" && tag[:2] != "en" {
			continue
		}
		if q := thousandths(params); q > weight && q > 0 {
			best, weight = tag[:2], q
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
	for i := 0; i < len(decimals) && i < 3 && isDigit(decimals[i]); i++ {
		n += int(decimals[i]-'0') * unit
		unit /= 10
	}
	return n
}
