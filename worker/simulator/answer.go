package simulator

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// envelope is an answer of the CRM. The zero envelope stands for no answer.
type envelope struct {
	Result  string `json:"result"`
	Message any    `json:"message"`
}

func success(message any) envelope { return envelope{"SUCCESS", message} }
func failure(message any) envelope { return envelope{"ERROR", message} }

// json is the envelope as PHP writes it: slashes escaped, nothing but ASCII.
func (e envelope) json() string { return asPHP(encode(e)) }

func encode(value any) string {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		// only maps, slices, text and numbers are ever answered
		panic("simulator: an answer that is not JSON: " + err.Error())
	}
	return strings.TrimSuffix(buffer.String(), "\n")
}

// quote is a JavaScript string literal.
func quote(text string) string { return encode(text) }

// asPHP rewrites JSON text. Slashes and letters outside ASCII can only be inside its strings.
func asPHP(text string) string {
	var out strings.Builder
	out.Grow(len(text) + len(text)/8)
	for _, r := range text {
		switch {
		case r == '/':
			out.WriteString(`\/`)
		case r < 0x80:
			out.WriteByte(byte(r))
		default:
			units := []rune{r}
			if high, low := utf16.EncodeRune(r); high != '\uFFFD' {
				units = []rune{high, low}
			}
			for _, unit := range units {
				digits := strconv.FormatUint(uint64(unit), 16)
				out.WriteString(`\u` + "0000"[len(digits):] + digits)
			}
		}
	}
	return out.String()
}

// orderMessage is an order as Import Order and Order Query tell it.
func (s *Simulator) orderMessage(order *Order, settings Settings) map[string]any {
	message := map[string]any{}
	for _, name := range customerFields {
		message[name] = order.Fields[name]
	}
	for _, name := range []string{"paySource", "prepaidType"} {
		if value := order.Fields[name]; value != "" {
			message[name] = value
		}
	}
	var shipping, discount Cents
	items, keyed := make([]any, 0, len(order.Items)), make(map[string]any, len(order.Items))
	for _, i := range order.Items {
		shipping, discount = shipping+i.Shipping, discount+i.Discount
		item := map[string]any{
			"orderItemId": i.ID, "productId": settings.id(i.ProductID), "name": i.Name, "qty": settings.number(
				strconv.Itoa(i.Qty)),
			"price": settings.number(i.Price.String()), "shipping": settings.number(
				i.Shipping.String()), "merchantId": settings.id(i.MerchantID),
			"productType": TypeOffer, "purchaseStatus": "ACTIVE",
		}
		if i.Upsale {
			item["productType"] = TypeUpsale
		}
		items, keyed[i.ID] = append(items, item), item
	}
	message["orderId"] = order.ID
	message["orderStatus"] = order.Status
	message["orderType"] = "NEW_SALE"
	message["campaignId"] = settings.id(order.CampaignID)
	message["totalAmount"] = settings.number(order.Total.String())
	message["subTotal"] = settings.number((order.Total - shipping + discount).String())
	message["totalDiscount"] = settings.number(discount.String())
	message["shipTotal"] = settings.number(shipping.String())
	message["taxTotal"] = settings.number("0.00")
	message["dateCreated"] = settings.date(order.Created)
	message["dateUpdated"] = settings.date(order.Updated)
	for i := range s.campaigns {
		if c := &s.campaigns[i]; c.ID == order.CampaignID {
			message["campaignName"], message["currencySymbol"] = c.Name, c.CurrencySymbol
		}
	}
	message["items"] = keyed
	if settings.ItemsAsArray || len(keyed) == 0 { // PHP writes an empty map as an array
		message["items"] = items
	}
	return message
}

func campaignMessage(campaigns []*Campaign, settings Settings) map[string]any {
	list, keyed := make([]any, 0, len(campaigns)), make(map[string]any, len(campaigns))
	for _, c := range campaigns {
		countries := make([]any, 0, len(c.Countries))
		for _, code := range c.Countries {
			countries = append(countries, map[string]any{"countryCode": code})
		}
		products := make([]any, 0, len(c.Products))
		for _, p := range c.Products {
			product := map[string]any{
				"campaignProductId": settings.id(p.ID), "productName": p.Name, "productType": p.Type,
				"price": settings.number(p.Price.String()), "shippingPrice": settings.number(p.Shipping.String()),
				"maxOrderQty": settings.number(strconv.Itoa(p.MaxQty)), "billingCycleType": "ONE_TIME",
			}
			if p.Recurring {
				product["billingCycleType"], product["billingIntervalDays"] = "RECURRING", settings.number("30")
			}
			variants := make([]any, 0, len(p.Variants))
			for _, id := range slices.Sorted(maps.Keys(p.Variants)) {
				variants = append(variants, map[string]any{"productVariantId": settings.id(id), "title": p.Variants[id]})
			}
			product["variants"] = variants
			products = append(products, product)
		}
		coupons := make([]any, 0, len(c.Coupons))
		for _, code := range slices.Sorted(maps.Keys(c.Coupons)) {
			coupons = append(coupons, map[string]any{"couponCode": code,
				"discountPerc": settings.number(strconv.Itoa(c.Coupons[code]))})
		}
		profiles := make([]any, 0, len(c.ShipProfiles))
		for _, p := range c.ShipProfiles {
			profiles = append(profiles, map[string]any{"shipProfileId": settings.id(p.ID), "profileName": p.Name,
				"shipPrice": settings.number(p.Price.String())})
		}
		campaign := map[string]any{
			"campaignId": settings.id(c.ID), "campaignName": c.Name, "currency": c.Currency, "currencySymbol": c.CurrencySymbol,
			"products": products, "countries": countries, "states": []any{}, "shipProfiles": profiles, "coupons": coupons,
		}
		list, keyed[c.ID] = append(list, campaign), campaign
	}
	data := any(keyed)
	if settings.CampaignsAsArray {
		data = list
	}
	return map[string]any{"totalResults": len(campaigns), "resultsPerPage": 25, "page": 1, "data": data}
}

// number is an amount or a quantity: text, or a number when the settings want it so.
func (s Settings) number(text string) any {
	if s.NumbersAsNumbers {
		return json.Number(text)
	}
	return text
}

// id is a decimal id, the other way round than numbers.
func (s Settings) id(text string) any {
	if _, err := strconv.Atoi(text); err == nil && !s.NumbersAsNumbers {
		return json.Number(text)
	}
	return text
}

func (s Settings) date(t time.Time) any {
	t = t.UTC()
	if s.DatesAsObject {
		return map[string]any{"date": t.Format("2006-01-02 15:04:05.000000"), "timezone_type": 3, "timezone": "UTC"}
	}
	return t.Format(time.DateTime)
}
