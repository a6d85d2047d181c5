package landersfile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/landersfile"
)

func TestLinesAreSortedByHost(t *testing.T) {
	table, err := landersfile.Parse([]byte(`
# comments stay behind
["shop.example"]
campaignId = 12
products = [34, "35"]
pages = { checkout = "/a&b<c>" }

["*.brand.example"]
like = "shop.example"

["Shop.example"]
campaignId = 1

[bare.example]
campaignId = 2

["*"]
campaignId = inf
`))
	require.NoError(t, err)
	assert.Equal(t, "*\t\t{\"campaignId\":null}\n"+
		"*.brand.example\t\t{\"like\":\"shop.example\"}\n"+
		"bare.example\t.bare.example\t{\"campaignId\":2}\n"+
		"shop.example\t\t{\"campaignId\":12,\"pages\":{\"checkout\":\"/a&b<c>\"},\"products\":[34,\"35\"]}\n"+
		"shop.example\tShop.example\t{\"campaignId\":1}\n", string(table))

	file := table.File()
	assert.Equal(t, "*\n*.brand.example\nbare.example\nshop.example", file(""))
	assert.Equal(t, "\t{\"like\":\"shop.example\"}", file("*.brand.example"))
	assert.Equal(t, "\t{\"campaignId\":12,\"pages\":{\"checkout\":\"/a&b<c>\"},\"products\":[34,"+
		"\"35\"]}\nShop.example\t{\"campaignId\":1}", file("shop.example"))
	assert.Empty(t, file("other.example"))
}

func TestThereNeedBeNoFile(t *testing.T) {
	table, err := landersfile.Read(filepath.Join(t.TempDir(), "landers.toml"))
	require.NoError(t, err)
	assert.Empty(t, table)
	assert.Nil(t, table.File())
}

func TestWhatIsNoTOMLIsSaid(t *testing.T) {
	file := filepath.Join(t.TempDir(), "landers.toml")
	require.NoError(t, os.WriteFile(file, []byte("[\"shop.example\"\n"), 0o600))
	_, err := landersfile.Read(file)
	assert.Error(t, err)
}

func TestAThousandLandersStayACompactText(t *testing.T) {
	var text strings.Builder
	text.WriteString("[\"shop.example\"]\ncampaignId = 12\nforceMerchantId = 7\nproducts = [34]\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "[\"shop-%d.example\"]\nlike = \"shop.example\"\ncampaignId = %d\n", i, 100+i)
	}
	table, err := landersfile.Parse([]byte(text.String()))
	require.NoError(t, err)
	assert.Less(t, len(table), 70_000)
}
