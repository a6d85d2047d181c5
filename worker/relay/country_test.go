package relay

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"klarna-relay/worker/config"
	"klarna-relay/worker/rules"
)

func TestACampaignQuerySaysWhereTheShopperIs(t *testing.T) {
	for country, want := range map[string]string{
		"DE": `{"country":"DE","campaignId":"12"}`, "BR": `{"campaignId":"12"}`, "": `{"campaignId":"12"}`,
		`X"`: `{"campaignId":"12"}`,
	} {
		rq := &request{country: country, lander: config.Lander{Shop: rules.Shop{Countries: []string{"DE", "NL"}}}}
		assert.Equal(t, want, rq.offer(`{"campaignId":"12"}`).message, country)
	}
}
