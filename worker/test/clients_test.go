//go:build e2e

package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// serverPassword is the secret of landers' own servers.
const serverPassword = "a-password-for-servers-alone"

// Requests as public landers make them, sent to the built Worker. Which fields are refused is tested beside the
// rules (worker/body).
func TestRequestsOfRealLandersOverHTTP(t *testing.T) {
	t.Parallel()
	campaign := simulator.DefaultCampaign()
	for _, id := range []string{"1", "153"} { // shipping profiles that the requests name
		campaign.ShipProfiles = append(campaign.ShipProfiles, simulator.ShipProfile{ID: id, Name: "Standard", Price: 490})
	}
	m := NewMarket(t, simulator.Options{Campaigns: []simulator.Campaign{campaign}}, Options{})
	c := m.Client()
	want := map[string]string{
		"01": "200 accepted", "02": "200 redirect", "04": "422 invalid", "05": "422 invalid", "07": "200 redirect",
		"08": "200 redirect", "10": "402 declined", "11": "200 accepted", "13": "200 redirect", "14": "400 malformed",
		"16": "200 accepted", "17": "200 accepted", "19": "422 invalid", "20": "200 accepted", "22": "200 redirect",
		"23": "422 invalid", "25": "200 redirect", "26": "503 misconfigured", "28": "422 invalid", "29": "200 accepted",
		"31": "200 redirect", "32": "200 accepted", "34": "422 invalid", "35": "200 redirect", "37": "422 invalid",
		"38": "422 invalid", "40": "405 method_not_allowed", "41": "200 redirect", "43": "200 accepted", "44": "200 redirect",
		"46": "200 redirect", "47": "200 redirect", "49": "200 redirect", "50": "200 redirect", "52": "200 redirect",
		"53": "200 redirect", "55": "422 invalid", "56": "200 redirect", "58": "200 accepted", "59": "200 accepted",
		"61": "404 not_found", "62": "404 not_found",
		"64": "422 invalid",
	}
	files, err := filepath.Glob(filepath.Join(Root(), "worker/body/testdata/clients/*.json"))
	require.NoError(t, err)
	require.Len(t, files, len(want))
	// The name of the shop, which the log has as the host, is not a secret.
	placed := strings.NewReplacer("{host}", Host, "{base}", "https://"+Host, "customDescriptor=SHOP",
		"customDescriptor=Headlamps24")
	for i, file := range files {
		number := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(number, func(t *testing.T) {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			var request struct {
				Method, Path, Body string
				Headers            map[string]string
			}
			require.NoError(t, json.Unmarshal(content, &request))
			headers := []string{"CF-Connecting-IP", fmt.Sprintf("198.51.100.%d", i+1)}
			for name, value := range request.Headers {
				headers = append(headers, name, placed.Replace(value))
			}
			a := Send(t, c, request.Method, "https://"+Host+placed.Replace(request.Path), placed.Replace(request.Body),
				headers...)
			assert.Equal(t, want[number], fmt.Sprint(a.Status, " ", a.Envelope(t).Code), a.Body)
			if number == "58" {
				clicks := m.CRM.Calls(simulator.OpClick)
				assert.Equal(t, "https://shop.example/nutra/?affId=AF54B33412&c1=fb", clicks[len(clicks)-1].Fields["requestUri"])
			}
		})
	}
}

// What the vendor's PHP SDK does: multipart, everything the shopper typed and the credentials in one array, the
// lead first, then the order by the lead's orderId and its products; answers are parsed by json_decode and read by
// result.
func TestALandersOwnServerOverHTTP(t *testing.T) {
	t.Parallel()
	m := NewMarket(t, simulator.Options{}, Options{Vars: map[string]any{
		"KONNEKTIVE_LOGIN_ID": LoginID, "KONNEKTIVE_PASSWORD": Password, "SERVER_PASSWORD": serverPassword,
	}})
	c := &http.Client{Transport: m.Client().Transport}
	credentials := url.Values{"loginId": {"user-of-the-sdk-17"}, "password": {serverPassword},
		"ipAddress": {"198.51.100.77"}, "userAgent": {"Mozilla/5.0 (iPhone)"}}
	php := func(path string, fields url.Values) Envelope {
		var b strings.Builder
		for _, set := range []url.Values{credentials, fields} {
			for name, values := range set {
				fmt.Fprintf(&b, "--------x\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", name, values[0])
			}
		}
		a := Send(t, c, http.MethodPost, "https://"+Host+path, b.String()+"--------x--\r\n", "Content-Type",
			"multipart/form-data; boundary=------x", "CF-Connecting-IP", "192.0.2.10", "User-Agent", "PHP/8")
		return a.Envelope(t)
	}
	person := OrderForm("server@example.com")
	person.Del("product1_id")
	person.Del("product1_qty")
	lead := php("/api/leads/import/", person)
	require.Equal(t, "SUCCESS", lead.Result)
	order := php("/api/order/import/", url.Values{"orderId": {lead.Ref}, "orderItems": {`{"34":1}`},
		"cardNumber": {"null"}, "redirectsTo": {"/thanks.php"}})
	require.Equal(t, "MERC_REDIRECT", order.Result)
	sent := m.CRM.Calls(simulator.OpOrder)[0].Fields
	assert.Equal(t, "198.51.100.77", sent["ipAddress"])
	assert.Equal(t, "Mozilla/5.0 (iPhone)", sent["userAgent"])
	assert.Equal(t, LoginID, sent["loginId"])

	// What a Node server does: fetch with everything in the query, and an empty JSON body.
	query := OrderForm("node@example.com")
	for name, values := range credentials {
		query[name] = values
	}
	query.Set("ipAddress", "2001:db8::77")
	node := Send(t, c, http.MethodPost, "https://"+Host+"/api/order/import/?"+query.Encode(), "", "Content-Type",
		"application/json", "CF-Connecting-IP", "192.0.2.10", "Sec-Fetch-Mode", "cors")
	assert.Equal(t, "redirect", node.Envelope(t).Code, node.Body)
	query.Set("password", "a-password-of-somebody-else")
	wrong := Send(t, c, http.MethodPost, "https://"+Host+"/api/order/import/?"+query.Encode(), "", "Content-Type",
		"application/json", "CF-Connecting-IP", "192.0.2.10")
	assert.Equal(t, http.StatusUnauthorized, wrong.Status)
	assert.Equal(t, "unauthorized", wrong.Envelope(t).Code)
}

func TestKonnektivesDialectOverHTTP(t *testing.T) {
	t.Parallel()
	m := NewMarket(t, simulator.Options{}, Options{Vars: map[string]any{
		"KONNEKTIVE_LOGIN_ID": LoginID, "KONNEKTIVE_PASSWORD": Password,
		"LANDERS": map[string]any{"*": map[string]any{"campaignId": 12, "forceMerchantId": 7, "products": []int{34, 35},
			"upsales": []int{40}, "dialect": "konnektive"}},
	}})
	c := m.Client()
	old := func(path string, form url.Values) (result string, message any) {
		a := Send(t, c, http.MethodPost, "https://"+Host+path, form.Encode(), "Content-Type", Form)
		require.Equal(t, http.StatusOK, a.Status, a.Body)
		assert.Equal(t, "text/html; charset=utf-8", a.Header.Get("Content-Type"))
		assert.False(t, strings.ContainsAny(a.Body, "<>"))
		var answer struct {
			Result  string
			Message any
		}
		require.NoError(t, json.Unmarshal([]byte(a.Body), &answer))
		return answer.Result, answer.Message
	}
	result, message := old("/api/order/import/", url.Values{"firstName": {"<b>"}})
	assert.Equal(t, "ERROR", result)
	assert.Contains(t, message, "city")
	form := OrderForm("old@example.com")
	form.Set("redirectsTo", "/thanks.php?a=1")
	result, message = old("/api/order/import/", form)
	require.Equal(t, "MERC_REDIRECT", result)
	klarna := message.(map[string]any)["url"].(string)
	assert.Equal(t, `window.top.location.href="`+klarna+`";`, message.(map[string]any)["script"])

	var session string
	for _, s := range m.CRM.Sessions() {
		if s.URL == klarna {
			session = s.ID
		}
	}
	back, err := m.CRM.Approve(session)
	require.NoError(t, err)
	page := Send(t, c, http.MethodPost, back.URL, back.Form.Encode(), "Content-Type", Form, "Origin",
		"https://"+KlarnaHost, "Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusOK, page.Status)
	assert.Contains(t, page.Body, `action="/thanks.php?a=1"`)
	assert.Contains(t, page.Body, `name="finalizeTransaction" value="1"`)
	assert.Contains(t, page.Header.Get("Content-Security-Policy"), "form-action https://"+Host)
}

func TestACampaignIsAskedForOnceByManyAtOnce(t *testing.T) {
	t.Parallel()
	m := NewMarket(t, simulator.Options{}, Options{})
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			a := Send(t, m.Client(), http.MethodGet, "https://"+Host+"/api/campaign/query/", "")
			assert.Equal(t, "200 accepted", fmt.Sprint(a.Status, " ", a.Envelope(t).Code), a.Body)
			assert.Contains(t, a.Body, `"productName":"Trail headlamp"`)
		})
	}
	group.Wait()
	assert.Len(t, m.CRM.Calls(simulator.OpCampaign), 1)
}
