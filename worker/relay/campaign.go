package relay

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/json"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/purchase"
	"klarna-relay/worker/rules"
)

// How long what Konnektive says of a campaign is told without asking again, how long it is told after that where
// Konnektive does not answer, and how long a failure keeps from asking again.
const (
	campaignFresh  = 5 * time.Minute
	campaignStale  = time.Hour
	campaignFailed = 5 * time.Second
)

// campaigns keeps what Konnektive said of the landers' campaigns, by the lander's table in the configuration. The
// map is never changed, but replaced, by one goroutine at a time: in Wasm no goroutine interrupts another one. The
// transport merges the questions of shoppers who come at the same time: see host.mjs.
type campaigns struct {
	kept map[string]keptCampaign
}

type keptCampaign struct {
	message string // JSON; "" when Konnektive never answered
	at      time.Time
	failed  time.Time
	refusal error
}

// put replaces the map. Of two that come at the same moment one may be lost, and is asked for again.
func (c *campaigns) put(name string, k keptCampaign) {
	all := maps.Clone(c.kept)
	if all == nil {
		all = map[string]keptCampaign{}
	}
	all[name] = k
	c.kept = all
}

// queryCampaign says what the lander sells, with the CRM's own names and prices, and nothing else of its campaign. Who
// asks for another campaign is told so, instead of being shown this one's prices.
func (rl *Relay) queryCampaign(rq *request) *answer {
	if refusal, ok := rl.acceptQuestion(rq); !ok {
		return refusal
	}
	name, now := rq.lander.Name, rl.platform.Now()
	kept := rl.campaigns.kept[name]
	if kept.message != "" && now.Before(kept.at.Add(campaignFresh)) {
		return rq.offer(kept.message)
	}
	if kept.refusal == nil || !now.Before(kept.failed.Add(campaignFailed)) {
		form := konnektive.Form(nil).Add("campaignId", rq.lander.CampaignID)
		reply := noted{rl, rq}.Call(rq.ctx, konnektive.CampaignQuery, form)
		if campaign, ok := konnektive.ReadCampaign(reply, rq.lander.CampaignID); ok {
			kept = keptCampaign{message: rq.offerOf(campaign), at: rl.platform.Now()}
			rl.campaigns.put(name, kept)
			return rq.offer(kept.message)
		}
		kept.failed, kept.refusal = rl.platform.Now(), purchase.NothingOrdered(reply)
		// There is nothing of a shopper's in the question. An answer without the lander's campaign is the operator's
		// fault as much as an ERROR is.
		if reply.Kind == konnektive.Error || reply.Kind == konnektive.Success {
			kept.refusal = &codes.Error{Code: codes.Misconfigured, Cause: reply.Cause()}
		}
		rl.campaigns.put(name, kept)
	}
	if kept.message != "" && now.Before(kept.at.Add(campaignStale)) {
		return rq.offer(kept.message)
	}
	return rl.failed(rq, kept.refusal)
}

// acceptQuestion checks the fields of a question that needs none. Credentials in a query open nothing; a lander's own
// server may send them.
func (rl *Relay) acceptQuestion(rq *request) (refusal *answer, ok bool) {
	in, refusal, ok := rq.fields()
	if !ok && rq.empty() {
		return nil, true
	}
	if !ok {
		return refusal, false
	}
	admit := rules.Admit
	if rq.server || rq.method != http.MethodPost && rl.config.ServerPassword != "" {
		admit = rules.AdmitServer
	}
	_, dropped, problems := admit(in, rl.workerFields(rq))
	rq.in, rq.dropped = nil, dropped
	if len(problems) > 0 {
		return rq.refuse(problems), false
	}
	return nil, true
}

// offer tells what the lander sells, and where the shopper is when the lander sells there: a page chooses that
// country.
func (rq *request) offer(message string) *answer {
	if country := rq.country; len(country) == 2 && rq.lander.Shop.Offers(country) {
		message = `{"country":"` + country + `",` + strings.TrimPrefix(message, "{")
	}
	return &answer{code: codes.Accepted, status: http.StatusOK, message: message}
}

// offerOf writes what the lander sells, in Campaign Query's own names: as they stand, and once more below data,
// where Konnektive has them.
func (rq *request) offerOf(c konnektive.Campaign) string {
	one := json.NewWriter(2048)
	one.Open('{')
	one.Text("campaignId", c.ID)
	one.OptionalText("currency", c.Currency)
	one.OptionalText("currencySymbol", c.Symbol)
	one.Key("countries")
	one.Open('[')
	for _, country := range c.Countries {
		if !rq.lander.Shop.Offers(country) {
			continue
		}
		one.Element()
		one.Open('{')
		one.Text("countryCode", country)
		one.Close('}')
	}
	one.Close(']')
	one.Key("products")
	one.Open('[')
	for _, product := range c.Products {
		if slices.Contains(rq.lander.Shop.Products, product.ID) || slices.Contains(rq.lander.Shop.Upsales, product.ID) {
			one.Element()
			rq.writeProduct(one, product)
		}
	}
	one.Close(']')
	one.Key("shipProfiles")
	one.Open('[')
	for _, profile := range c.ShipProfiles {
		one.Element()
		one.Open('{')
		one.Text("shipProfileId", profile.ID)
		one.Text("profileName", profile.Name)
		one.OptionalText("price", profile.Price)
		one.Close('}')
	}
	one.Close(']')
	flat := one.String()
	return flat + `,"data":{"` + c.ID + `":` + flat + `}}}`
}

func (rq *request) writeProduct(w *json.Writer, p konnektive.Product) {
	w.Open('{')
	w.Text("campaignProductId", p.ID)
	w.Text("productName", p.Name)
	w.OptionalText("productType", p.Type)
	w.OptionalText("price", p.Price)
	w.OptionalText("shippingPrice", p.Shipping)
	most := rq.lander.Shop.MaxQuantity
	if p.MaxQty > 0 && (most == 0 || p.MaxQty < most) {
		most = p.MaxQty
	}
	w.OptionalNumber("maxOrderQty", int64(most))
	if len(p.Variants) > 0 {
		w.Key("variants")
		w.Open('[')
		for _, variant := range p.Variants {
			w.Element()
			w.Open('{')
			w.Text("variantId", variant.ID)
			w.Text("variantName", variant.Name)
			w.OptionalText("price", variant.Price)
			w.Close('}')
		}
		w.Close(']')
	}
	w.Close('}')
}

// instead says what to use for a call of the Direct API that is not relayed; "" for an address that nobody knows.
func instead(path string) string {
	path = strings.Trim(strings.TrimPrefix(path, "/api"), "/")
	for _, call := range notRelayed {
		if path == call.path || strings.HasSuffix(call.path, "/") && strings.HasPrefix(path+"/", call.path) {
			return call.instead
		}
	}
	return ""
}
