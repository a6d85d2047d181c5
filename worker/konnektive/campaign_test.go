package konnektive

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestACampaignIsReadInEveryShapeItComesIn(t *testing.T) {
	want := Campaign{
		ID: "12", Currency: "EUR", Symbol: "€", Countries: []string{"DE", "AT"},
		Products: []Product{
			{ID: "34", Name: "Lamp", Type: "OFFER", Price: "49.90", Shipping: "4.90", MaxQty: 10,
				Variants: []Variant{{ID: "351", Name: "Black", Price: "1.00"}, {ID: "352", Name: "Orange"}}},
			{ID: "40", Name: "Battery", Type: "UPSALE", Price: "14.90"},
		},
		ShipProfiles: []ShipProfile{{ID: "3", Name: "Express", Price: "9.90"}},
	}
	for name, data := range map[string]string{
		"arrays, and ids and amounts as text": `[{"campaignId":"11"},{"campaignId":"12","currency":"EUR","currencySymbol":"€",
			"countries":["DE",{"countryCode":"at"}],
			"products":[{"campaignProductId":"34","productName":"Lamp","productType":"OFFER","price":"49.90","shippingPrice":"4.90","maxOrderQty":"10",
				"variants":[{"variantDetailId":"351","title":"Black","price":"1.00"},{"productVariantId":"352","name":"Orange"}]},
				{"campaignProductId":"40","productName":"Battery","productType":"upsale","price":"14.90","maxOrderQty":0}],
			"shipProfiles":[{"shipProfileId":"3","profileName":"Express","shipPrice":"9.90"}]}]`,
		"objects, keyed by ids": `{"12":{"currencyCode":"eur","currencySymbol":"€",
			"countries":{"DE":"Germany","x":{"country":"Austria","iso":" at "}},
			"products":{"34":{"name":"Lamp","productType":"Offer","price":49.90,"shipPrice":4.90,"maxOrderQty":10.0,
				"variants":{"351":{"variantName":"Black","price":1.00},"352":{"title":"Orange"}}},
				"40":{"productName":"Battery","productType":"UPSALE","price":14.90}},
			"shipProfiles":{"3":{"name":"Express","price":9.90}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			campaign, ok := ReadCampaign(Read(200, `{"result":"SUCCESS","message":{"data":`+data+`}}`), "12")
			require.True(t, ok)
			assert.Equal(t, want, campaign)
		})
	}
}

func TestWhatIsNoCampaign(t *testing.T) {
	for _, body := range []string{
		`{"result":"SUCCESS","message":{"data":[{"campaignId":"11"}]}}`,
		`{"result":"SUCCESS","message":{"data":{"12":null}}}`, `{"result":"SUCCESS","message":{"data":[]}}`,
		`{"result":"SUCCESS","message":"none"}`, `{"result":"ERROR","message":{"data":[{"campaignId":"12"}]}}`, `<html>`,
	} {
		_, ok := ReadCampaign(Read(200, body), "12")
		assert.False(t, ok, body)
	}
}

func TestWhatACampaignLeavesOutIsLeftOut(t *testing.T) {
	campaign, ok := ReadCampaign(Read(200, `{"result":"SUCCESS","message":{"data":[{"campaignId":12,"currency":"€","countries":["Germany",7,null,{"name":"x"},"4D","D4"],
		"products":[{"productName":"no id"},null,{"campaignProductId":7,"variants":[{"title":"no id"}]}],"shipProfiles":[{"name":"no id"}]}]}}`), "12")
	require.True(t, ok)
	assert.Equal(t, Campaign{ID: "12", Products: []Product{{ID: "7"}}}, campaign)
}
