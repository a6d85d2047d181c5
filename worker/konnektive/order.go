package konnektive

import (
	"strconv"
	"strings"
	"time"

	"klarna-relay/worker/json"
)

// The statuses of an order that decide something here.
// Source: https://help.checkoutchamp.com, "Order Statuses".
const (
	StatusComplete  = "COMPLETE"
	StatusPartial   = "PARTIAL"
	StatusDeclined  = "DECLINED"
	StatusRefunded  = "REFUNDED"
	StatusCancelled = "CANCELLED"
	// StatusPending: submitted and in Konnektive's quality assurance. It becomes COMPLETE or DECLINED.
	StatusPending = "PENDING"
	// StatusNotFound is no status of Konnektive's: Order Query answered that no order matches. An order that was made a
	// moment ago may be answered so, and one that is PARTIAL too. It surely is not known as paid.
	StatusNotFound = "NOT_FOUND"
)

// An Order is what Order Query says of an order. Amounts are texts as Konnektive writes them, such as "49.95", and ""
// where the answer does not name them.
type Order struct {
	ID     string
	Status string // in capitals: COMPLETE, PARTIAL, DECLINED, REFUNDED, CANCELLED, PENDING, COD_PENDING
	Total  string
	// Currency is an ISO 4217 code where Konnektive names one, else its currency symbol.
	Currency   string
	CampaignID string
	// PaySource and PrepaidType are how the order is paid, such as PREPAID and KLARNA.
	PaySource   string
	PrepaidType string
	// Created is when the order was made, in whole seconds; zero when the answer does not tell. See CreatedBefore.
	Created time.Time
	// anyZone: Created was written without a time zone that is known, and is read as UTC.
	anyZone bool

	// Parts of the total. Discount is what a coupon takes off, without a sign.
	Shipping string
	Tax      string
	Discount string
	Items    []Item
}

// An Item is one line of an order.
type Item struct {
	ProductID string
	Name      string
	Qty       int
	Price     string // of one, or of the line: see unknowns.md
	Shipping  string // of the line, where it is named
}

// Qty is how many of a product the order holds.
func (o Order) Qty(productID string) int {
	qty := 0
	for _, item := range o.Items {
		if item.ProductID == productID {
			qty += item.Qty
		}
	}
	return qty
}

// Price is what a product costs on the order, "" when it is not on it. GUESS: a line's price is that of one.
func (o Order) Price(productID string) string {
	for _, item := range o.Items {
		if item.ProductID == productID {
			return item.Price
		}
	}
	return ""
}

// Clocks may differ by this much, and a time without a zone may be meant anywhere on Earth (UTC-12 to UTC+14).
const (
	clockDifference = time.Minute
	zoneDifference  = 14 * time.Hour
)

// CreatedBefore tells whether the order was surely made before t. Of an order that does not say when it was made, it
// reports false.
func (o Order) CreatedBefore(t time.Time) bool {
	if o.Created.IsZero() {
		return false
	}
	latest := o.Created.Add(clockDifference)
	if o.anyZone {
		latest = latest.Add(zoneDifference)
	}
	return latest.Before(t)
}

// Contradicts tells whether the order surely is no order of this campaign that was prepaid by this method after a
// moment. What Order Query does not name contradicts nothing.
func (o Order) Contradicts(campaignID, prepaidType string, after time.Time) bool {
	differs := func(said, expected string) bool { return said != "" && expected != "" && said != expected }
	return differs(o.CampaignID, campaignID) || differs(o.PaySource, "PREPAID") ||
		differs(o.PrepaidType, prepaidType) || o.CreatedBefore(after)
}

// Imported tells whether an import has reached the order: it says how it is paid, which no lead does.
func (o Order) Imported() bool { return o.PaySource != "" || o.PrepaidType != "" }

// ReadOrder finds the order with this id in the answer of Order Query. ok is false when the answer holds no such
// order, as when nothing matched.
func ReadOrder(r Reply, id string) (order Order, ok bool) {
	r.data().Each(func(_ string, v *json.Value) {
		if !ok && strings.EqualFold(text(v, "orderId"), id) {
			order, ok = readOrder(v), true
		}
	})
	return order, ok
}

// ReadOrders gives all orders in the answer of Order Query, which comes in pages. total is how many orders matched, on
// all pages, or 0 when the answer does not say.
func ReadOrders(r Reply) (orders []Order, total int) {
	r.data().Each(func(_ string, v *json.Value) {
		if order := readOrder(v); IsOrderID(order.ID) {
			orders = append(orders, order)
		}
	})
	return orders, count(r.Field("totalResults"), 0)
}

// data is the list that a query is answered with, nil when there is none. Konnektive answers lists as arrays and as
// objects.
func (r Reply) data() *json.Value {
	if r.Kind != Success {
		return nil
	}
	return r.message.Get("data")
}

func readOrder(v *json.Value) Order {
	order := Order{
		ID:          text(v, "orderId"),
		Status:      strings.ToUpper(text(v, "orderStatus")),
		Total:       firstText(v, "totalAmount", "orderTotal"),
		Currency:    currency(v),
		CampaignID:  text(v, "campaignId"),
		PaySource:   strings.ToUpper(text(v, "paySource")),
		PrepaidType: strings.ToUpper(text(v, "prepaidType")),
		// GUESS: the names of these parts; those that public clients read come first.
		Shipping: firstText(v, "shipTotal", "baseShipping", "totalShipping"),
		Tax:      firstText(v, "taxTotal", "salesTax", "totalTax"),
		Discount: strings.TrimPrefix(firstText(v, "totalDiscount", "discountTotal", "discount", "discountPrice"), "-"),
	}
	order.Created, order.anyZone = readTime(v.Get("dateCreated"))
	v.Get("items").Each(func(_ string, item *json.Value) { order.Items = append(order.Items, readItem(item)) })
	return order
}

func readItem(v *json.Value) Item {
	return Item{
		// GUESS: productId is the campaign product id that the import was given; where an account names that one
		// apart, it is meant.
		ProductID: firstText(v, "campaignProductId", "productId"),
		Name:      text(v, "name"),
		Qty:       count(text(v, "qty"), 1),
		Price:     text(v, "price"),
		Shipping:  firstText(v, "shipping", "shippingPrice", "shipTotal"),
	}
}

// count reads a number below a million that may have decimals, such as "2.00".
func count(text string, otherwise int) int {
	whole, _, _ := strings.Cut(text, ".")
	if n, err := strconv.Atoi(whole); err == nil && n >= 0 && n < 1e6 {
		return n
	}
	return otherwise
}

// readTime reads a time as text, or as PHP prints a DateTime object. anyZone tells that it is not known in which time
// zone it was written: Konnektive's accounts have zones of their own.
func readTime(v *json.Value) (t time.Time, anyZone bool) {
	if v.Kind() == json.Object {
		return parseTime(text(v, "date") + text(v, "timezone"))
	}
	return parseTime(v.Text())
}

// parseTime reads "2026-11-25 19:05:00" with a T or a space, with or without a fraction, and with a zone behind it
// or none; a date alone is its midnight. What it cannot read is the zero time. time.Parse would add 12 KB to the
// compressed Worker.
func parseTime(s string) (t time.Time, anyZone bool) {
	date, rest := s, ""
	if len(s) > len(time.DateOnly) {
		date, rest = s[:len(time.DateOnly)], s[len(time.DateOnly):]
	}
	year, month, day := digits(date, 0, 4), digits(date, 5, 2), digits(date, 8, 2)
	hour, minute, second := 0, 0, 0
	if len(rest) >= len(" 15:04:05") && (rest[0] == ' ' || rest[0] == 'T') {
		hour, minute, second = digits(rest, 1, 2), digits(rest, 4, 2), digits(rest, 7, 2)
		rest = strings.TrimLeft(rest[len(" 15:04:05"):], ".0123456789")
	}
	t = time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	// A number that is out of its range comes out as another date; one that is missing is -1.
	if len(date) < len(time.DateOnly) || t.Year() != year || int(t.Month()) != month || t.Day() != day ||
		t.Hour() != hour || t.Minute() != minute || t.Second() != second {
		return time.Time{}, false
	}
	switch hours, minutes := digits(rest, 1, 2), digits(rest, 4, 2); {
	case rest == "Z", rest == "UTC":
		return t, false
	case len(rest) == len("+01:00") && rest[0] == '+' && hours >= 0 && minutes >= 0:
		return t.Add(-time.Duration(hours*60+minutes) * time.Minute), false
	case len(rest) == len("-01:00") && rest[0] == '-' && hours >= 0 && minutes >= 0:
		return t.Add(time.Duration(hours*60+minutes) * time.Minute), false
	}
	return t, true
}

// digits reads n digits from a place on; -1 when they are not there.
func digits(s string, from, n int) int {
	if len(s) < from+n {
		return -1
	}
	number := 0
	for _, c := range []byte(s[from : from+n]) {
		if !isDigit(c) {
			return -1
		}
		number = number*10 + int(c-'0')
	}
	return number
}

// symbols are the currencies that have a symbol to themselves. Several have "$" or "kr".
var symbols = [...]struct{ code, symbol string }{{"EUR", "€"}, {"GBP", "£"}}

func currency(v *json.Value) string {
	if code := text(v, "currencyCode"); code != "" {
		return code
	}
	symbol := text(v, "currencySymbol")
	for _, c := range symbols {
		if symbol == c.symbol {
			return c.code
		}
	}
	return symbol
}

// CurrencySymbol is the order's currency as Konnektive writes it in currencySymbol, or its code where no symbol is
// known.
func (o Order) CurrencySymbol() string {
	for _, c := range symbols {
		if o.Currency == c.code {
			return c.symbol
		}
	}
	return o.Currency
}
