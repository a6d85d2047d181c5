package preflight

import (
	"strconv"
	"strings"

	"klarna-relay/worker/json"
)

// Types of campaign products.
const (
	typeOffer  = "OFFER"
	typeUpsale = "UPSALE"
)

func (e *examination) products(campaign *json.Value) {
	known := make(map[string]*json.Value)
	campaign.Get("products").Each(func(key string, v *json.Value) {
		id := text(v, "campaignProductId")
		if id == "" {
			id = key
		}
		known[id] = v
	})
	for _, id := range e.lander.Shop.Products {
		e.product("product "+id, id, typeOffer, "products", known[id])
	}
	for _, id := range e.lander.Shop.Upsales {
		e.product("upsale "+id, id, typeUpsale, "upsales", known[id])
	}
}

// product examines one allowed product. A product has one finding when it is in order, and one for each thing that
// is not.
func (e *examination) product(check, id, wanted, list string, p *json.Value) {
	if p == nil {
		e.add(check, Fail, "The campaign has no product "+id+".",
			"Correct "+list+" of the lander: it takes campaign product ids, as the campaign's list of products shows them, "+
				"not ids of products outside a campaign.")
		return
	}
	before := len(e.findings)
	if sign, sure := recurring(p); sign != "" {
		level, said := Warn, "may be"
		if sure {
			level, said = Fail, "is"
		}
		e.add(check, level, "Product "+id+" "+said+" a subscription ("+e.quote(sign)+"); "+e.lander.PrepaidType+
			" takes one-time purchases only.",
			"In Konnektive, see that it is billed once, or make a one-time campaign product for it and put that "+
				"one's id into "+list+".")
	}
	if kind := strings.ToUpper(text(p, "productType")); (kind == typeOffer || kind == typeUpsale) && kind != wanted {
		e.add(check, Warn, "Product "+id+" stands under "+list+", but in the campaign it is an "+kind+".",
			"Move it to the other list of the lander, or change its type in the campaign.")
	}
	if most := number(text(p, "maxOrderQty")); most > 0 && most < e.lander.Shop.MaxQuantity {
		e.add(check, Warn, "Konnektive takes at most "+text(p, "maxOrderQty")+" of product "+id+
			" in an order; the lander allows "+strconv.Itoa(e.lander.Shop.MaxQuantity)+".",
			"Lower maxQuantity of the lander, or raise the maximum order quantity in the campaign.")
	}
	if len(e.findings) > before {
		return
	}
	what := "Product " + id
	if name := text(p, "productName"); name != "" {
		what += ", " + e.quote(name) + ","
	}
	e.add(check, OK, what+" is in the campaign, and nothing in the answer marks it as a subscription.", "")
}

// recurring looks for a sign that a product is billed again and again: the field that says so, and whether it says
// it in so many words.
//
// GUESS: no public client and no public page shows how Campaign Query marks such a product. So every field whose
// name may stand for it is looked at. Only a word for it, or true, as the value is sure.
func recurring(p *json.Value) (sign string, sure bool) {
	p.Each(func(key string, v *json.Value) {
		name := strings.ToLower(key)
		value := strings.ToLower(scalar(v))
		switch {
		case sure:
		case hasAny(name, "type", "frequency") && hasAny(value, "recurring", "subscription", "continuity", "rebill"):
			sign, sure = key+": "+scalar(v), true
		case hasAny(name, "recurring", "subscription", "continuity", "rebill") &&
			(v.Kind() == json.True || value == "true" || value == "yes" || value == "active" || value == "recurring" ||
				value == "1" && strings.HasPrefix(name, "is")):
			sign, sure = key, true
		case hasAny(name, "recurring", "subscription", "continuity", "rebill", "trialdays", "intervaldays",
			"billinginterval") && number(value) > 0:
			sign = key + ": " + scalar(v)
		case hasAny(name, "billingcycle", "cyclecount", "numcycles", "maxcycles", "totalcycles") &&
			(number(value) > 1 || v.Len() > 1):
			sign = key
		}
	})
	return sign, sure
}

func hasAny(text string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// number is the whole part of a number, 0 for any other text.
func number(text string) int {
	whole, _, _ := strings.Cut(text, ".")
	n, err := strconv.Atoi(whole)
	if err != nil {
		return 0
	}
	return n
}
