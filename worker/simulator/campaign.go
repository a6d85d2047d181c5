package simulator

import (
	"fmt"
	"slices"
)

// Cents is an amount of money in hundredths of its currency.
type Cents int64

// String is the amount as the CRM writes it: 1234.50.
func (c Cents) String() string {
	if c < 0 {
		return "-" + (-c).String()
	}
	return fmt.Sprintf("%d.%02d", c/100, c%100)
}

// Product is a campaign product.
type Product struct {
	ID        string // campaignProductId, decimal
	Name      string
	Type      string // TypeOffer or TypeUpsale
	Price     Cents  // of one
	Shipping  Cents  // of a line
	MaxQty    int    // 0: no limit
	Recurring bool   // a subscription, which cannot be paid with Klarna
	Variants  map[string]string
}

// ShipProfile is a way of shipping. Its price takes the place of that of the products.
type ShipProfile struct {
	ID    string // decimal
	Name  string
	Price Cents // of an order
}

// Types of products.
const (
	TypeOffer  = "OFFER"
	TypeUpsale = "UPSALE"
)

// Campaign is what a funnel sells.
type Campaign struct {
	ID             string // decimal
	Name           string
	Currency       string // ISO 4217
	CurrencySymbol string
	Merchants      []string       // ids of the gateways that forceMerchantId may name
	Countries      []string       // ISO 3166-1 alpha-2
	Products       []Product      // offers and upsales
	Coupons        map[string]int // code to per cent off
	ShipProfiles   []ShipProfile  // ways of shipping that an order may name
}

// DefaultCampaign is the campaign of the example configuration: 12, in euro, gateway 7, offers 34 and 35, upsales
// 40 and 41, and a subscription, 36, which a careful operator does not allow for Klarna.
func DefaultCampaign() Campaign {
	return Campaign{
		ID: "12", Name: "Headlamp funnel", Currency: "EUR", CurrencySymbol: "€", Merchants: []string{"7"},
		Countries: []string{"AT", "AU", "BE", "CA", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HU",
			"IE", "IT",
			"LT", "LU", "LV", "MT", "MX", "NL", "NO", "NZ", "PL", "PT", "RO", "SE", "SI", "SK", "US"},
		Products: []Product{
			{ID: "34", Name: "Trail headlamp", Type: TypeOffer, Price: 4990, Shipping: 490, MaxQty: 10},
			{ID: "35", Name: "Trail headlamp, twin pack", Type: TypeOffer, Price: 8990, Shipping: 490, MaxQty: 10,
				Variants: map[string]string{"351": "Black", "352": "Orange"}},
			{ID: "36", Name: "Battery club", Type: TypeOffer, Price: 990, Recurring: true},
			{ID: "40", Name: "Spare battery", Type: TypeUpsale, Price: 1490, MaxQty: 5},
			{ID: "41", Name: "Travel case", Type: TypeUpsale, Price: 1990},
		},
		Coupons:      map[string]int{"WELCOME10": 10},
		ShipProfiles: []ShipProfile{{ID: "3", Name: "Standard", Price: 490}, {ID: "4", Name: "Express", Price: 990}},
	}
}

func (c *Campaign) product(id string) (Product, bool) {
	i := slices.IndexFunc(c.Products, func(p Product) bool { return p.ID == id })
	if i < 0 {
		return Product{}, false
	}
	return c.Products[i], true
}
