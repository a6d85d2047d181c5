package rules

// Method is a payment method of Konnektive that redirects the shopper: paySource=PREPAID with the method's name as
// prepaidType. Klarna is the one this relay promises. The others are documented by Konnektive for the Cardstream
// gateway (help page "Cardstream - Alternate Payments": same parameters, same standard redirect handling, one-time
// payments by Direct API only) and are here so that a lander can try them without new code. Giropay and Sofort
// stand on that page too; their operators have closed them since. Affirm is left out: its page wants a transaction
// id of an authorisation made elsewhere.
type Method struct {
	Name   string // the value of prepaidType
	places []place
}

// place is a country with the currency (ISO 4217) the method settles in there.
type place struct{ country, currency string }

var otherMethods = [...]Method{
	{"BANCONTACT", []place{{"BE", "EUR"}}},
	{"EPS", []place{{"AT", "EUR"}}},
	{"IDEAL", []place{{"NL", "EUR"}}},
	{"P24", []place{{"PL", "PLN"}}},
}

const klarna = "KLARNA"

// MethodNamed finds a method by its prepaidType, exactly as Konnektive spells it.
func MethodNamed(name string) (Method, bool) {
	if name == klarna {
		return Method{Name: klarna}, true
	}
	for _, m := range otherMethods {
		if m.Name == name {
			return m, true
		}
	}
	return Method{}, false
}

// MethodNames are the prepaidTypes of the table, Klarna first.
func MethodNames() []string {
	names := []string{klarna}
	for _, m := range otherMethods {
		names = append(names, m.Name)
	}
	return names
}

// Countries are the ISO 3166-1 alpha-2 codes of the countries where the method is offered, sorted.
func (m Method) Countries() []string {
	var codes []string
	if m.Name == klarna {
		for i := range countries {
			codes = append(codes, countries[i].code)
		}
	}
	for _, p := range m.places {
		codes = append(codes, p.country)
	}
	return codes
}

// Currency is the currency (ISO 4217) the method settles in for a country (ISO 3166-1 alpha-2, upper case).
func (m Method) Currency(country string) (currency string, offered bool) {
	if m.Name == klarna {
		return KlarnaCurrency(country)
	}
	for _, p := range m.places {
		if p.country == country {
			return p.currency, true
		}
	}
	return "", false
}
