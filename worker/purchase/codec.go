package purchase

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/json"
	"klarna-relay/worker/konnektive"
)

// The format of records. A version of the relay reads its own format and the one before it, and writes its own:
// while a new version is being rolled out, and after it was rolled back, both versions meet the same records. A
// record of a newer format is left alone.
const (
	format       = 2
	formatBefore = 1
)

// ErrNewer: the record was written by a newer version of the relay, and must neither be judged nor rewritten.
var ErrNewer = errors.New("the record is of a newer format")

// Encode writes the record as JSON. Times are milliseconds since 1970, UTC; what is empty is left out.
func (r *Record) Encode() string {
	w := json.NewWriter(768)
	w.Open('{')
	w.Number("v", format)
	w.OptionalText("kind", string(r.Kind))
	w.OptionalText("lander", r.Lander)
	w.OptionalNumber("created", millis(r.Created))
	w.OptionalText("leadOrderId", r.LeadOrderID)
	w.OptionalTrue("leadPartial", r.LeadPartial)
	w.OptionalTrue("leadWhole", r.LeadWhole)
	w.OptionalText("leadCountry", r.LeadCountry)
	w.OptionalText("orderRef", r.OrderRef)
	w.OptionalText("product", r.Product)
	w.OptionalNumber("baseline", int64(r.Baseline))
	w.OptionalTrue("confirmed", r.Confirmed)
	w.OptionalText("target", r.Target)
	w.OptionalText("targetKey", r.TargetKey)
	w.OptionalText("digest", r.Digest)
	w.OptionalNumber("until", millis(r.Until))
	if len(r.Attempts) > 0 {
		w.Key("attempts")
		w.Open('[')
		for i := range r.Attempts {
			w.Element()
			r.Attempts[i].encode(w)
		}
		w.Close(']')
	}
	w.Close('}')
	return w.String()
}

func (a *Attempt) encode(w *json.Writer) {
	w.Open('{')
	w.OptionalTexts("keys", a.Keys)
	w.OptionalText("digest", a.Digest)
	w.OptionalText("state", string(a.State))
	w.OptionalText("token", a.Token)
	w.OptionalText("orderId", a.OrderID)
	w.OptionalText("hint", a.Hint.OrderID)
	w.OptionalText("hintCampaign", a.Hint.CampaignID)
	w.OptionalText("hintType", a.Hint.PrepaidType)
	w.OptionalNumber("qty", int64(a.Qty))
	w.OptionalNumber("begun", millis(a.Begun))
	w.OptionalNumber("sent", millis(a.Sent))
	w.OptionalNumber("deadline", millis(a.Deadline))
	w.OptionalNumber("answered", millis(a.AnsweredAt))
	w.OptionalText("code", a.Code)
	w.OptionalText("url", a.URL)
	w.OptionalText("script", a.Script)
	w.OptionalText("next", a.NextPage)
	w.OptionalText("failed", a.FailedPage)
	w.OptionalText("end", string(a.End))
	w.OptionalNumber("ended", millis(a.Ended))
	w.OptionalTrue("paid", a.Paid)
	w.OptionalNumber("looks", int64(a.Looks))
	w.OptionalNumber("notBefore", millis(a.NotBefore))
	if len(a.Fields) > 0 {
		w.Key("fields")
		w.Open('{')
		for _, name := range slices.Sorted(maps.Keys(a.Fields)) {
			w.Text(name, a.Fields[name])
		}
		w.Close('}')
	}
	if !a.KnownAt.IsZero() {
		w.Number("knownAt", millis(a.KnownAt))
		w.Key("known")
		encodeOrder(w, &a.Known)
	}
	w.Close('}')
}

func encodeOrder(w *json.Writer, order *konnektive.Order) {
	w.Open('{')
	w.OptionalText("id", order.ID)
	w.OptionalText("status", order.Status)
	w.OptionalText("total", order.Total)
	w.OptionalText("currency", order.Currency)
	w.OptionalText("shipping", order.Shipping)
	w.OptionalText("tax", order.Tax)
	w.OptionalText("discount", order.Discount)
	w.Key("items")
	w.Open('[')
	for _, item := range order.Items {
		w.Element()
		w.Open('{')
		w.OptionalText("id", item.ProductID)
		w.OptionalText("name", item.Name)
		w.OptionalNumber("qty", int64(item.Qty))
		w.OptionalText("price", item.Price)
		w.OptionalText("shipping", item.Shipping)
		w.Close('}')
	}
	w.Close(']')
	w.Close('}')
}

// Decode reads what [Record.Encode] wrote, in this format or the one before it.
func Decode(data string) (*Record, error) {
	v, err := json.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("a record of %d bytes that is no JSON: %w", len(data), err)
	}
	switch n := v.Get("v").Int(); {
	case n == format:
		return decode(v), nil
	case n == formatBefore:
		return decodeBefore(v), nil
	case n > format:
		return nil, fmt.Errorf("%w: %d", ErrNewer, n)
	default:
		return nil, fmt.Errorf("a record of an unknown format: %d", n)
	}
}

func decode(v *json.Value) *Record {
	r := &Record{
		Kind:        Kind(text(v, "kind")),
		Lander:      text(v, "lander"),
		Created:     when(v, "created"),
		LeadOrderID: text(v, "leadOrderId"),
		LeadPartial: v.Get("leadPartial").True(),
		LeadWhole:   v.Get("leadWhole").True(),
		LeadCountry: text(v, "leadCountry"),
		OrderRef:    text(v, "orderRef"),
		Product:     text(v, "product"),
		Baseline:    int(v.Get("baseline").Int()),
		Confirmed:   v.Get("confirmed").True(),
		Target:      text(v, "target"),
		TargetKey:   text(v, "targetKey"),
		Digest:      text(v, "digest"),
		Until:       when(v, "until"),
	}
	attempts := v.Get("attempts")
	for i := range attempts.Len() {
		_, attempt := attempts.At(i)
		r.Attempts = append(r.Attempts, decodeAttempt(attempt))
	}
	return r
}

func decodeAttempt(v *json.Value) Attempt {
	a := Attempt{
		Keys:       texts(v, "keys"),
		Digest:     text(v, "digest"),
		State:      State(text(v, "state")),
		Token:      text(v, "token"),
		OrderID:    text(v, "orderId"),
		Hint:       Hint{text(v, "hint"), text(v, "hintCampaign"), text(v, "hintType")},
		Qty:        int(v.Get("qty").Int()),
		Begun:      when(v, "begun"),
		Sent:       when(v, "sent"),
		Deadline:   when(v, "deadline"),
		AnsweredAt: when(v, "answered"),
		Code:       text(v, "code"),
		URL:        text(v, "url"),
		Script:     text(v, "script"),
		NextPage:   text(v, "next"),
		FailedPage: text(v, "failed"),
		End:        End(text(v, "end")),
		Ended:      when(v, "ended"),
		Paid:       v.Get("paid").True(),
		Looks:      int(v.Get("looks").Int()),
		NotBefore:  when(v, "notBefore"),
		KnownAt:    when(v, "knownAt"),
		Known:      decodeOrder(v.Get("known")),
	}
	if fields := v.Get("fields"); fields != nil {
		a.Fields = make(map[string]string, fields.Len())
		for i := range fields.Len() {
			name, value := fields.At(i)
			a.Fields[name] = value.Text()
		}
	}
	return a
}

func decodeOrder(v *json.Value) konnektive.Order {
	order := konnektive.Order{
		ID: text(v, "id"), Status: text(v, "status"), Total: text(v, "total"), Currency: text(v, "currency"),
		Shipping: text(v, "shipping"), Tax: text(v, "tax"), Discount: text(v, "discount"),
	}
	items := v.Get("items")
	for i := range items.Len() {
		_, item := items.At(i)
		order.Items = append(order.Items, konnektive.Item{
			ProductID: text(item, "id"), Name: text(item, "name"), Qty: int(item.Get("qty").Int()), Price: text(item,
				"price"), Shipping: text(item, "shipping"),
		})
	}
	return order
}

// decodeBefore reads format 1, in which all sessions of a purchase shared its orders, what Order Query said stood
// with the purchase, and a session was named by the ref alone: its attempts have no token. The newest attempt that
// left gets what was known. The earlier ones of an order have no order of their own, since its one status cannot be
// told apart.
func decodeBefore(v *json.Value) *Record {
	r := decode(v)
	orderID := ""
	if ids := texts(v, "orderIds"); len(ids) > 0 {
		orderID = ids[len(ids)-1]
	}
	last := r.latest(func(a *Attempt) bool { return a.State != Open })
	if last == nil {
		r.LeadOrderID = orderID
		return r
	}
	if r.Kind == KindUpsale {
		for i := range r.Attempts {
			r.Attempts[i].OrderID, r.Attempts[i].Qty = orderID, 1
		}
	}
	last.OrderID = orderID
	last.Known, last.KnownAt = decodeOrder(v.Get("known")), when(v, "knownAt")
	last.Looks = int(v.Get("watched").Int())
	if v.Get("paid").True() {
		last.Paid = true
		if last.Known.ID != "" {
			last.OrderID = last.Known.ID
		}
	}
	if last.Code == codes.Redirect && last.Known.Status == konnektive.StatusDeclined && !last.Paid {
		last.End, last.Ended = EndDeclined, last.KnownAt
	}
	return r
}

func text(v *json.Value, key string) string { return v.Get(key).Text() }

func texts(v *json.Value, key string) (list []string) {
	elements := v.Get(key)
	for i := range elements.Len() {
		_, element := elements.At(i)
		list = append(list, element.Text())
	}
	return list
}

func when(v *json.Value, key string) time.Time {
	if ms := v.Get(key).Int(); ms != 0 {
		return time.UnixMilli(ms).UTC()
	}
	return time.Time{}
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
