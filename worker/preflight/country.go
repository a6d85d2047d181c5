package preflight

import (
	"slices"
	"strings"

	"klarna-relay/worker/json"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/rules"
)

// countries compares the lander's countries with the campaign's.
func (e *examination) countries(campaign *json.Value) {
	const check = "countries"
	theirs := countryCodes(campaign.Get("countries"))
	if len(theirs) == 0 {
		e.add(check, Warn, "The answer does not name the campaign's countries in a way that is known.",
			"In Konnektive, see that the campaign sells to: "+strings.Join(e.lander.Shop.Countries, " ")+".")
		return
	}
	var both, ours []string
	for _, country := range e.lander.Shop.Countries {
		if slices.Contains(theirs, country) {
			both = append(both, country)
		} else {
			ours = append(ours, country)
		}
	}
	cure := "Add them to the campaign, or give the lander countries = " + list(both) + "."
	switch {
	case len(both) == 0:
		e.add(check, Fail, "The campaign sells to none of the lander's countries ("+strings.Join(ours, " ")+").",
			"Add them to the campaign, or give the lander countries that the campaign has: "+strings.Join(theirs, " ")+".")
	case len(ours) > 0:
		e.add(check, Warn, "The lander sells to countries that the campaign does not: "+strings.Join(ours, " ")+
			". Konnektive refuses orders from there.", cure)
	default:
		e.add(check, OK, "The campaign sells to every country of the lander.", "")
	}
}

// countryCodes are the campaign's countries.
func countryCodes(v *json.Value) []string {
	var codes []string
	v.Each(func(key string, item *json.Value) {
		if code := konnektive.CountryCode(key, item); code != "" {
			codes = append(codes, code)
		}
	})
	return codes
}

// symbols are the currency signs that mean one currency of the table alone: "$" and "kr" mean several.
var symbols = map[string]string{"€": "EUR", "£": "GBP", "zł": "PLN", "Kč": "CZK", "Ft": "HUF", "CHF": "CHF",
	"lei": "RON"}

// currency compares the campaign's currency with the ones that the method settles in.
func (e *examination) currency(campaign *json.Value) {
	const check = "currency"
	method, _ := rules.MethodNamed(e.lander.PrepaidType)
	theirs := strings.ToUpper(text(campaign, "currency"))
	if !konnektive.IsCode(theirs, 3) {
		theirs = symbols[text(campaign, "currencySymbol")]
	}
	if theirs == "" {
		e.add(check, Warn, "The answer does not name the campaign's currency in a way that is known.",
			"In Konnektive, see that the campaign's currency is the one that "+method.Name+" settles in for each of the "+
				"lander's countries.")
		return
	}
	var good, other []string
	for _, country := range e.lander.Shop.Countries {
		switch currency, _ := method.Currency(country); currency {
		case theirs:
			good = append(good, country)
		case "": // not offered there; the configuration does not let it pass
		default:
			other = append(other, country+" "+currency)
		}
	}
	switch {
	case len(good) == 0:
		e.add(check, Fail,
			"The campaign charges "+theirs+", but "+method.Name+" settles in other currencies: "+strings.Join(other, ", ")+".",
			"Give the lander a campaign in the currency of its countries.")
	case len(other) > 0:
		e.add(check, Warn, "The campaign charges "+theirs+", but "+method.Name+" settles in other currencies in some of "+
			"the lander's countries: "+strings.Join(other, ", ")+".",
			"Give the lander countries = "+list(good)+", and the others a lander with a campaign in their currency.")
	default:
		e.add(check, OK, "The campaign charges "+theirs+", in which "+method.Name+" settles in every country of the lander.",
			"")
	}
}

// list is a list of texts as wrangler.toml takes it.
func list(texts []string) string { return `["` + strings.Join(texts, `", "`) + `"]` }
