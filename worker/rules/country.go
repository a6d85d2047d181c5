package rules

// country is what the rules know of a country where Klarna is offered.
type country struct {
	code     string // ISO 3166-1 alpha-2
	currency string // ISO 4217: Klarna settles in the local currency
	calling  string // ITU-T E.164 country code
	trunk    string // national prefixes that are not dialled from abroad, separated by "|"
	min, max int    // digits of a national number without the prefix, by the national numbering plan
	postal   string // forms of the postal code as the Universal Postal Union writes them, separated by "|"; see formatPostal
}

// Klarna's countries and currencies, as Klarna names them. Phone: ITU national numbering plans, rounded up where a plan has
// odd short or long numbers. Postal codes: Universal Postal Union.
var countries = [...]country{
	{"AT", "EUR", "43", "0", 4, 13, "^###"},
	{"AU", "AUD", "61", "0", 9, 9, "####"},
	{"BE", "EUR", "32", "0", 8, 9, "^###"},
	{"CA", "CAD", "1", "1", 10, 10, "@#@ #@#"},
	{"CH", "CHF", "41", "0", 9, 9, "^###"},
	{"CY", "EUR", "357", "", 8, 8, "####"},
	{"CZ", "CZK", "420", "", 9, 9, "### ##"},
	{"DE", "EUR", "49", "0", 5, 11, "#####"},
	{"DK", "DKK", "45", "", 8, 8, "####"},
	{"EE", "EUR", "372", "", 7, 8, "#####"},
	{"ES", "EUR", "34", "", 9, 9, "#####"},
	{"FI", "EUR", "358", "0", 5, 12, "#####"},
	{"FR", "EUR", "33", "0", 9, 9, "#####"},
	{"GB", "GBP", "44", "0", 9, 10, "@# #@@|@## #@@|@@# #@@|@@## #@@|@#@ #@@|@@#@ #@@"},
	{"GR", "EUR", "30", "", 10, 10, "### ##"},
	{"HU", "HUF", "36", "06", 8, 9, "^###"},
	{"IE", "EUR", "353", "0", 7, 10, "@#* ****"},
	{"IT", "EUR", "39", "", 6, 11, "#####"},
	{"LT", "EUR", "370", "0|8", 8, 8, "#####"},
	{"LU", "EUR", "352", "", 5, 9, "####"},
	{"LV", "EUR", "371", "", 8, 8, "LV-####"},
	{"MT", "EUR", "356", "", 8, 8, "@@@ ####"},
	{"MX", "MXN", "52", "01|044|045", 10, 10, "#####"},
	{"NL", "EUR", "31", "0", 9, 9, "^### @@"},
	{"NO", "NOK", "47", "", 8, 8, "####"},
	{"NZ", "NZD", "64", "0", 8, 10, "####"},
	{"PL", "PLN", "48", "", 9, 9, "##-###"},
	{"PT", "EUR", "351", "", 9, 9, "####-###"},
	{"RO", "RON", "40", "0", 9, 9, "######"},
	{"SE", "SEK", "46", "0", 7, 10, "### ##"},
	{"SI", "EUR", "386", "0", 8, 8, "^###"},
	{"SK", "EUR", "421", "0", 9, 9, "### ##"},
	{"US", "USD", "1", "1", 10, 10, "#####|#####-####"},
}

func countryOf(code string) *country {
	for i := range countries {
		if countries[i].code == code {
			return &countries[i]
		}
	}
	return nil
}

// KlarnaCurrency is the currency (ISO 4217) in which Klarna is offered in a country (ISO 3166-1 alpha-2, upper case).
func KlarnaCurrency(code string) (currency string, offered bool) {
	c := countryOf(code)
	if c == nil {
		return "", false
	}
	return c.currency, true
}

// countryCode makes "de", "UK" and "EL" the codes of ISO 3166-1; ok says whether it can be one at all.
func countryCode(s string) (code string, ok bool) {
	code = upper(s)
	switch code {
	case "UK": // reserved in ISO 3166-1 for the United Kingdom
		code = "GB"
	case "EL": // the European Union's own code for Greece
		code = "GR"
	}
	return code, len(code) == 2 && isUpper(code[0]) && isUpper(code[1])
}
