package config

import (
	"slices"
	"strings"

	"klarna-relay/worker/rules"
)

// DefaultPrepaidType is the one redirect method this relay promises; the others of the rules' table work alike by
// Konnektive's documentation.
const DefaultPrepaidType = "KLARNA"

// prepaidType reads the lander's redirect method. A faulty one counts as the default, so that the countries are
// checked all the same.
func (l *landerReader) prepaidType() (string, rules.Method) {
	const code = "prepaid_type_unknown"
	v, where := l.get("prepaidType")
	name, given := l.text(v, where, code)
	if !given {
		name = DefaultPrepaidType
	}
	method, ok := rules.MethodNamed(name)
	if !ok {
		l.add(code, where, "choose one of "+strings.Join(rules.MethodNames(), ", ")+", or remove it for "+DefaultPrepaidType)
		name = DefaultPrepaidType
		method, _ = rules.MethodNamed(name)
	}
	return name, method
}

// countries reads the lander's billing and delivery countries; all of the method's when there are none. An empty list
// counts as none: a shop that sells nowhere makes no sense.
func (l *landerReader) countries(method rules.Method) []string {
	var countries []string
	texts, where := l.texts("countries", "countries_invalid", `["DE", "NL"]`)
	for i, text := range texts {
		why := ""
		_, known := method.Currency(text)
		_, knownInCapitals := method.Currency(strings.ToUpper(text))
		switch {
		case text == "":
			continue // reported
		case !known && knownInCapitals:
			why = "write the country's code in capitals"
		case !known:
			why = "choose a country that " + method.Name + " serves, by its code of two capital letters: " +
				strings.Join(method.Countries(), " ")
		case slices.Contains(countries, text):
			why = "this country stands in the list already: remove it or correct it"
		}
		if why != "" {
			l.add("country_unknown", item(where, i), why)
			continue
		}
		countries = append(countries, text)
	}
	if countries == nil {
		return method.Countries()
	}
	return countries
}
