package konnektive

import (
	"strings"

	"klarna-relay/worker/json"
)

// A Campaign is what Campaign Query says of a campaign. Amounts are texts as Konnektive writes them, such as "49.95",
// and "" where the answer does not name them.
type Campaign struct {
	ID       string
	Currency string // ISO 4217, "" when only the symbol is known
	Symbol   string
	// Countries are ISO 3166-1 alpha-2 codes in capitals.
	Countries    []string
	Products     []Product
	ShipProfiles []ShipProfile
}

// A Product is one product of a campaign.
type Product struct {
	ID       string // campaignProductId, by which it is ordered
	Name     string
	Type     string // OFFER or UPSALE
	Price    string // of one
	Shipping string
	MaxQty   int // 0: not named
	Variants []Variant
}

// A Variant is one variant of a product, such as a colour.
type Variant struct {
	ID    string
	Name  string
	Price string // "": the product's
}

// A ShipProfile is a way of shipping that an order may name by shipProfileId.
type ShipProfile struct {
	ID    string
	Name  string
	Price string
}

// ReadCampaign finds the campaign with this id in the answer of Campaign Query. ok is false when there is none.
//
// GUESS: the names of members. campaignProductId, productName, productType, price, shippingPrice, maxOrderQty,
// variants, countries, shipProfiles, currency and currencySymbol are those that public clients read; the ones tried
// after them are likely.
func ReadCampaign(r Reply, id string) (campaign Campaign, ok bool) {
	r.data().Each(func(key string, v *json.Value) {
		found := text(v, "campaignId")
		if found == "" {
			found = key
		}
		if !ok && found == id && v.Kind() == json.Object {
			campaign, ok = readCampaign(v), true
			campaign.ID = id
		}
	})
	return campaign, ok
}

func readCampaign(v *json.Value) Campaign {
	campaign := Campaign{
		Currency: strings.ToUpper(firstText(v, "currency", "currencyCode")),
		Symbol:   text(v, "currencySymbol"),
	}
	if !IsCode(campaign.Currency, 3) {
		campaign.Currency = ""
	}
	v.Get("countries").Each(func(key string, item *json.Value) {
		if code := CountryCode(key, item); code != "" {
			campaign.Countries = append(campaign.Countries, code)
		}
	})
	v.Get("products").Each(func(key string, item *json.Value) {
		if product := readProduct(key, item); product.ID != "" {
			campaign.Products = append(campaign.Products, product)
		}
	})
	v.Get("shipProfiles").Each(func(key string, item *json.Value) {
		profile := ShipProfile{
			ID:    orKey(firstText(item, "shipProfileId", "campaignShipProfileId", "id"), key),
			Name:  firstText(item, "profileName", "shipProfileName", "name"),
			Price: firstText(item, "shipPrice", "shippingPrice", "price", "rate"),
		}
		if profile.ID != "" {
			campaign.ShipProfiles = append(campaign.ShipProfiles, profile)
		}
	})
	return campaign
}

func readProduct(key string, v *json.Value) Product {
	product := Product{
		ID:       orKey(text(v, "campaignProductId"), key),
		Name:     firstText(v, "productName", "name"),
		Type:     strings.ToUpper(text(v, "productType")),
		Price:    text(v, "price"),
		Shipping: firstText(v, "shippingPrice", "shipPrice"),
		MaxQty:   count(text(v, "maxOrderQty"), 0),
	}
	v.Get("variants").Each(func(key string, item *json.Value) {
		variant := Variant{
			ID:    orKey(firstText(item, "variantDetailId", "productVariantId", "variantId", "id"), key),
			Name:  firstText(item, "title", "name", "variantName"),
			Price: text(item, "price"),
		}
		if variant.ID != "" {
			product.Variants = append(product.Variants, variant)
		}
	})
	return product
}

// orKey is the id of a member of a list: the one that it names, else the key it stands under.
func orKey(id, key string) string {
	if id == "" {
		return key
	}
	return id
}

// CountryCode reads an element of a list of countries, in capitals: a code, an object with a code, or a member whose
// key is the code. It is "" where there is none.
func CountryCode(key string, v *json.Value) string {
	candidates := []string{v.Text()}
	if v.Kind() == json.Object {
		candidates = []string{text(v, "countryCode"), text(v, "code"), text(v, "country"), text(v, "countryId"),
			text(v, "iso")}
	}
	for _, code := range append(candidates, key) {
		if code = strings.TrimSpace(code); IsCode(code, 2) {
			return strings.ToUpper(code)
		}
	}
	return ""
}

// IsCode tells whether a text is a code of so many letters, such as that of a country or a currency.
func IsCode(text string, length int) bool {
	return len(text) == length && strings.IndexFunc(text,
		func(r rune) bool { return r >= 0x80 || !isLetter(byte(r)) }) < 0
}
