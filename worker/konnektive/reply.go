package konnektive

import (
	"strconv"
	"strings"

	"klarna-relay/worker/json"
)

// Kind is what came back from a call, before it is asked what that means for
// an order.
type Kind int

const (
	// Doubt: the call may have arrived and may have been carried out. Every
	// answer that is not understood is a doubt.
	Doubt Kind = iota
	// NotSent: the call surely did not arrive.
	NotSent
	// Success, Error and Redirect are Konnektive's own results SUCCESS, ERROR
	// and MERC_REDIRECT.
	Success
	Error
	Redirect
)

// String is the result class that the log shows.
func (k Kind) String() string {
	switch k {
	case NotSent:
		return "NOT_SENT"
	case Success:
		return "SUCCESS"
	case Error:
		return "ERROR"
	case Redirect:
		return "MERC_REDIRECT"
	default:
		return "DOUBT"
	}
}

// A Reply is one answer of the CRM. Konnektive answers HTTP 200 and an
// unreliable Content-Type for success and failure alike, so only the body
// counts.
type Reply struct {
	Kind Kind
	// Text is the message when it is a string.
	Text string
	// message is the message when it is an object (nil otherwise).
	message *json.Value
}

// NotSentStatus tells the answers that Cloudflare itself gives for an origin
// it could not reach, so that the request surely did not arrive. 520 (an odd
// answer) and 524 (no answer in time) are missing on purpose: there the
// request did arrive.
// Source: https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/
func NotSentStatus(status int) bool {
	switch status {
	case 521, 522, 523, 525, 526, 530:
		return true
	}
	return false
}

// Read makes a reply of an HTTP answer.
func Read(status int, body string) Reply {
	if NotSentStatus(status) {
		return Reply{Kind: NotSent}
	}
	if status < 200 || status > 499 || status >= 300 && status < 400 {
		return Reply{Kind: Doubt}
	}
	// A byte order mark is what a PHP file saved with one begins its answers with; clients that read text never see it.
	envelope, err := json.Parse(strings.TrimPrefix(body, "\ufeff"))
	if err != nil {
		return Reply{Kind: Doubt}
	}
	var reply Reply
	switch text(envelope, "result") {
	case "SUCCESS":
		reply.Kind = Success
	case "ERROR":
		reply.Kind = Error
	case "MERC_REDIRECT":
		reply.Kind = Redirect
	default:
		return Reply{Kind: Doubt}
	}
	switch message := envelope.Get("message"); message.Kind() {
	case json.String:
		reply.Text = message.Text()
	case json.Object:
		reply.message = message
	}
	return reply
}

// text gives a member as text, whether it came as a string or as a number; ""
// when there is none.
func text(v *json.Value, key string) string {
	return v.Get(key).Text()
}

// Field gives a member of the message as text: Konnektive sends numbers as
// numbers or as strings.
func (r Reply) Field(name string) string {
	return text(r.message, name)
}

// Fields are the members of an ERROR message that is an object: a text for
// each parameter at fault.
func (r Reply) Fields() map[string]string {
	fields := make(map[string]string, r.message.Len())
	for i := range r.message.Len() {
		name, value := r.message.At(i)
		fields[name] = value.Text()
	}
	return fields
}

// OrderID is the order that the answer names, or "" when it names none or
// names something that no order id looks like.
func (r Reply) OrderID() string {
	id := r.Field("orderId")
	if id == "" || len(id) > 32 {
		return ""
	}
	for _, c := range []byte(id) {
		if !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') {
			return ""
		}
	}
	return id
}

// An Order is what Order Query says of an order.
type Order struct {
	ID     string `json:"orderId"`
	Status string // COMPLETE, PARTIAL, DECLINED, REFUNDED, CANCELLED, COD_PENDING
	// Total is the amount as Konnektive writes it, e.g. "49.95".
	Total string
	// Currency is an ISO 4217 code where Konnektive names one, else its
	// currency symbol.
	Currency string
	Items    []Item
}

// An Item is one line of an order.
type Item struct {
	ProductID string
	Name      string
	Qty       int
	Price     string
}

// The statuses of an order that decide something here.
const (
	StatusComplete  = "COMPLETE"
	StatusPartial   = "PARTIAL"
	StatusDeclined  = "DECLINED"
	StatusRefunded  = "REFUNDED"
	StatusCancelled = "CANCELLED"
)

// ReadOrder finds the order with this id in the answer of Order Query. ok is
// false when the answer holds no such order, as when nothing matched.
func ReadOrder(r Reply, id string) (order Order, ok bool) {
	if r.Kind != Success || r.message == nil {
		return Order{}, false
	}
	data := r.message.Get("data")
	if data == nil {
		return Order{}, false
	}
	each(data, func(v *json.Value) {
		if ok || !strings.EqualFold(text(v, "orderId"), id) {
			return
		}
		ok = true
		order = Order{
			ID:       text(v, "orderId"),
			Status:   strings.ToUpper(text(v, "orderStatus")),
			Total:    text(v, "totalAmount"),
			Currency: currency(v),
		}
		if items := v.Get("items"); items != nil {
			each(items, func(item *json.Value) {
				order.Items = append(order.Items, readItem(item))
			})
		}
	})
	return order, ok
}

func readItem(v *json.Value) Item {
	item := Item{Name: text(v, "name"), Price: text(v, "price"), ProductID: text(v, "productId")}
	// GUESS: productId is the campaign product id that the import was given;
	// where an account names that one apart, it is meant.
	if id := text(v, "campaignProductId"); id != "" {
		item.ProductID = id
	}
	item.Qty = 1
	whole, _, _ := strings.Cut(text(v, "qty"), ".")
	if qty, err := strconv.Atoi(whole); err == nil && qty >= 0 && qty < 1e6 {
		item.Qty = qty
	}
	return item
}

func currency(v *json.Value) string {
	if code := text(v, "currencyCode"); code != "" {
		return code
	}
	symbol := text(v, "currencySymbol")
	switch symbol {
	case "€":
		return "EUR"
	case "£":
		return "GBP"
	}
	return symbol
}

// each visits the elements of an array or the members of an object: Konnektive
// answers lists in either shape.
func each(v *json.Value, visit func(*json.Value)) {
	for i := range v.Len() {
		_, item := v.At(i)
		visit(item)
	}
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
