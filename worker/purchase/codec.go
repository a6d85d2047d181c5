package purchase

import (
	"errors"
	"sort"
	"time"

	"klarna-relay/worker/json"
	"klarna-relay/worker/konnektive"
)

// format is the version of the records' form. A record of another form is an
// error, not a guess.
const format = 1

// Encode writes the record as JSON. Times are milliseconds since 1970, UTC;
// what is empty is left out.
func (p *Purchase) Encode() string {
	w := json.NewWriter(768)
	w.Open('{')
	w.Number("v", format)
	w.OptionalText("kind", string(p.Kind))
	w.OptionalText("lander", p.Lander)
	w.OptionalNumber("created", millis(p.Created))
	w.OptionalTexts("orderIds", p.OrderIDs)
	w.OptionalText("orderRef", p.OrderRef)
	w.OptionalText("product", p.Product)
	w.OptionalNumber("baseline", int64(p.Baseline))
	w.OptionalTrue("paid", p.Paid)
	w.OptionalTrue("confirmed", p.Confirmed)
	w.OptionalNumber("watched", int64(p.Watched))
	w.OptionalText("target", p.Target)
	w.OptionalText("targetKey", p.TargetKey)
	w.OptionalNumber("until", millis(p.Until))
	if p.Known.Status != "" {
		w.OptionalNumber("knownAt", millis(p.KnownAt))
		w.Key("known")
		w.Open('{')
		w.OptionalText("id", p.Known.ID)
		w.OptionalText("status", p.Known.Status)
		w.OptionalText("total", p.Known.Total)
		w.OptionalText("currency", p.Known.Currency)
		w.OptionalText("shipping", p.Known.Shipping)
		w.OptionalText("tax", p.Known.Tax)
		w.OptionalText("discount", p.Known.Discount)
		w.Key("items")
		w.Open('[')
		for _, item := range p.Known.Items {
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
	w.Key("attempts")
	w.Open('[')
	for i := range p.Attempts {
		a := &p.Attempts[i]
		w.Element()
		w.Open('{')
		w.OptionalTexts("keys", a.Keys)
		w.OptionalText("digest", a.Digest)
		w.OptionalText("state", string(a.State))
		w.OptionalNumber("begun", millis(a.Begun))
		w.OptionalNumber("sent", millis(a.Sent))
		w.OptionalNumber("deadline", millis(a.Deadline))
		w.OptionalNumber("answered", millis(a.AnsweredAt))
		w.OptionalText("code", a.Code)
		w.OptionalText("url", a.URL)
		w.OptionalText("script", a.Script)
		if len(a.Fields) > 0 {
			w.Key("fields")
			w.Open('{')
			names := make([]string, 0, len(a.Fields))
			for name := range a.Fields {
				names = append(names, name)
			}
			sort.Strings(names)
			for _, name := range names {
				w.OptionalText(name, a.Fields[name])
			}
			w.Close('}')
		}
		w.Close('}')
	}
	w.Close(']')
	w.Close('}')
	return w.String()
}

var errFormat = errors.New("a ledger record of an unknown form")

// Decode reads what [Purchase.Encode] wrote.
func Decode(data string) (*Purchase, error) {
	v, err := json.Parse(data)
	if err != nil || v.Get("v").Int() != format {
		return nil, errFormat
	}
	p := &Purchase{
		Kind:      Kind(text(v, "kind")),
		Lander:    text(v, "lander"),
		Created:   when(v, "created"),
		OrderIDs:  texts(v, "orderIds"),
		OrderRef:  text(v, "orderRef"),
		Product:   text(v, "product"),
		Baseline:  int(v.Get("baseline").Int()),
		Paid:      v.Get("paid").True(),
		Confirmed: v.Get("confirmed").True(),
		Watched:   int(v.Get("watched").Int()),
		Target:    text(v, "target"),
		TargetKey: text(v, "targetKey"),
		Until:     when(v, "until"),
		KnownAt:   when(v, "knownAt"),
	}
	if known := v.Get("known"); known != nil {
		p.Known = konnektive.Order{
			ID: text(known, "id"), Status: text(known, "status"), Total: text(known, "total"), Currency: text(known, "currency"),
			Shipping: text(known, "shipping"), Tax: text(known, "tax"), Discount: text(known, "discount"),
		}
		items := known.Get("items")
		for i := range items.Len() {
			_, item := items.At(i)
			p.Known.Items = append(p.Known.Items, konnektive.Item{
				ProductID: text(item, "id"), Name: text(item, "name"), Qty: int(item.Get("qty").Int()), Price: text(item, "price"), Shipping: text(item, "shipping"),
			})
		}
	}
	attempts := v.Get("attempts")
	for i := range attempts.Len() {
		_, attempt := attempts.At(i)
		a := Attempt{
			Keys:       texts(attempt, "keys"),
			Digest:     text(attempt, "digest"),
			State:      State(text(attempt, "state")),
			Begun:      when(attempt, "begun"),
			Sent:       when(attempt, "sent"),
			Deadline:   when(attempt, "deadline"),
			AnsweredAt: when(attempt, "answered"),
			Code:       text(attempt, "code"),
			URL:        text(attempt, "url"),
			Script:     text(attempt, "script"),
		}
		if fields := attempt.Get("fields"); fields != nil {
			a.Fields = make(map[string]string, fields.Len())
			for i := range fields.Len() {
				name, value := fields.At(i)
				a.Fields[name] = value.Text()
			}
		}
		p.Attempts = append(p.Attempts, a)
	}
	return p, nil
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
