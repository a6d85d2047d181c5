package purchase

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
)

// noon is when the first attempt is sent, in every test.
var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// after is a moment after noon.
func after(d time.Duration) time.Time { return noon.Add(d) }

// whole is a record in which everything is said.
func whole() *Record {
	return &Record{
		Kind: KindUpsale, Lander: "shop.example", Created: noon, LeadOrderID: "B2", LeadPartial: true, LeadWhole: true,
		LeadCountry: "DE", OrderRef: "ref", Product: "40", Baseline: 3, Confirmed: true, Target: "target", TargetKey: "key",
		Digest: "cart", Until: after(time.Hour),
		Attempts: []Attempt{
			{
				Keys: []string{"key-1", "key-2"}, Digest: "cart", State: Answered, Token: "token", OrderID: "A1",
				Hint: Hint{"C3", "12", "KLARNA"}, Qty: 2,
				Begun: after(-time.Second), Sent: noon, Deadline: after(30 * time.Second), Code: codes.Invalid,
				Fields: map[string]string{"city": "is a \"required\" field", "address1": "\t", "lastName": ""},
				URL:    "https://klarna.example/?a=1&b=ü", Script: "document.write(\"</script>\u2028\")", AnsweredAt: after(
					time.Second),
				NextPage: "/thanks?a=b", FailedPage: "https://shop.example/again", End: EndFailed, Ended: after(
					time.Minute), Paid: true,
				Known: konnektive.Order{
					ID: "A1", Status: "COMPLETE", Total: "49.95", Currency: "€", Shipping: "4.90", Tax: "1.00", Discount: "5.00",
					Items: []konnektive.Item{{ProductID: "34", Name: "Lamp \\ \"Zoë\"", Qty: 2, Price: "19.95", Shipping: "4.90"},
						{ProductID: "40", Qty: 1}},
				},
				KnownAt: after(time.Millisecond), Looks: 4, NotBefore: after(time.Hour),
			},
			{Keys: []string{"key-3"}, Digest: "other", State: Open, Token: "second", Begun: after(time.Minute)},
		},
	}
}

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	for name, r := range map[string]*Record{
		"everything": whole(), "nothing": {},
		"a key":  {Kind: KindKey, Lander: "shop.example", Target: "ref", TargetKey: "key", Digest: "cart"},
		"a hold": {Kind: KindHold, Lander: "shop.example", Target: "ref"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode(r.Encode())
			require.NoError(t, err)
			assert.Equal(t, r, got)
			assert.Equal(t, r.Encode(), got.Encode())
		})
	}
}

func TestNoPartOfARecordIsForgotten(t *testing.T) {
	// A field that is added to the record and not to the codec would be lost.
	for _, part := range []any{*whole(), whole().Attempts[0], whole().Attempts[0].Known,
		whole().Attempts[0].Known.Items[0]} {
		v := reflect.ValueOf(part)
		for i := range v.NumField() {
			if slices.Contains([]string{"CampaignID", "PaySource", "PrepaidType", "Created", "anyZone"},
				v.Type().Field(i).Name) && v.Type() != reflect.TypeFor[Record]() {
				continue // whose order it is, is judged when it is read, and not kept
			}
			assert.False(t, v.Field(i).IsZero(), "%s.%s is not tried", v.Type(), v.Type().Field(i).Name)
		}
	}
}

func TestARecordOfAnUnknownFormatIsAnErrorAndNotAGuess(t *testing.T) {
	for _, data := range []string{"", "{}", "null", "[]", `{"v":0}`, `{"v":"x"}`, `{"v":2`, `{"v":2}x`, "\x00"} {
		_, err := Decode(data)
		assert.Error(t, err, data)
		assert.False(t, errors.Is(err, ErrNewer), data)
	}
	whole := whole().Encode()
	for i := range whole {
		_, err := Decode(whole[:i])
		assert.Error(t, err, "cut off after %d bytes", i)
	}
}

func TestARecordOfANewerFormatIsKnownAsOne(t *testing.T) {
	for _, data := range []string{`{"v":3}`, `{"v":4,"kind":[]}`, `{"v":1000000}`} {
		_, err := Decode(data)
		assert.ErrorIs(t, err, ErrNewer, data)
	}
}

func TestARecordHoldsNothingThatIsEmpty(t *testing.T) {
	assert.Equal(t, `{"v":2}`, (&Record{}).Encode())
	assert.Equal(t, `{"v":2,"attempts":[{}]}`, (&Record{Attempts: []Attempt{{}}}).Encode())
}

// The format before this one, as the version before wrote it.
const before = `{"v":1,"kind":"order","lander":"shop.example","created":1793534399000,"orderIds":["A1"],"watched":2,"knownAt":1793534460000,` +
	`"known":{"id":"A1","status":"PARTIAL","total":"49.95","currency":"EUR","items":[{"id":"34","name":"Lamp","qty":1,"price":"49.95"}]},` +
	`"attempts":[{"keys":["a"],"digest":"cart","state":"answered","begun":1793534399000,"sent":1793534400000,"deadline":1793534430000,` +
	`"answered":1793534401000,"code":"redirect","url":"https://klarna.example/a"},` +
	`{"keys":["b"],"digest":"other","state":"answered","begun":1793534500000,"sent":1793534500000,"deadline":1793534530000,` +
	`"answered":1793534501000,"code":"redirect","url":"https://klarna.example/b"}]}`

func TestARecordOfTheFormatBeforeIsRead(t *testing.T) {
	t.Run("an order at Klarna", func(t *testing.T) {
		r, err := Decode(before)
		require.NoError(t, err)
		require.Len(t, r.Attempts, 2)
		assert.Equal(t, "", r.Attempts[0].OrderID, "its order's one status cannot be told apart")
		last := r.Attempts[1]
		assert.Equal(t, "A1", last.OrderID)
		assert.Equal(t, "PARTIAL", last.Known.Status)
		assert.Equal(t, 2, last.Looks)
		assert.Empty(t, last.End)
		assert.Same(t, &r.Attempts[1], r.session(""), "a session had no token")
		standing, _ := r.Standing(after(2 * time.Minute))
		assert.Equal(t, AtKlarna, standing)
		again, err := Decode(r.Encode())
		require.NoError(t, err)
		assert.Equal(t, r, again, "and is written as this version does")
	})
	t.Run("a paid order", func(t *testing.T) {
		r, err := Decode(strings.NewReplacer(`"PARTIAL"`, `"COMPLETE"`, `"watched":2`, `"paid":true,"confirmed":true`,
			`["A1"]`, `["A1","B2"]`).Replace(before))
		require.NoError(t, err)
		assert.True(t, r.Confirmed)
		assert.Equal(t, []string{"A1"}, r.PaidOrders())
	})
	t.Run("an order declined at Klarna", func(t *testing.T) {
		r, err := Decode(strings.Replace(before, `"PARTIAL"`, `"DECLINED"`, 1))
		require.NoError(t, err)
		assert.Equal(t, EndDeclined, r.Attempts[1].End)
	})
	t.Run("only a session that nobody paid ended by a decline", func(t *testing.T) {
		for name, change := range map[string][]string{
			"paid before":     {`"watched":2`, `"paid":true`},
			"never a session": {`"code":"redirect"`, `"code":"pending"`},
		} {
			r, err := Decode(strings.NewReplacer(append(change, `"PARTIAL"`, `"DECLINED"`)...).Replace(before))
			require.NoError(t, err)
			assert.Empty(t, r.Attempts[1].End, name)
		}
	})
	t.Run("a lead", func(t *testing.T) {
		r, err := Decode(`{"v":1,"kind":"order","lander":"shop.example","created":1793534399000,"orderIds":["A1"],"attempts":[]}`)
		require.NoError(t, err)
		assert.Equal(t, "A1", r.LeadOrderID)
	})
	t.Run("an upsale", func(t *testing.T) {
		r, err := Decode(strings.Replace(before, `"kind":"order"`, `"kind":"upsale","orderRef":"ref","product":"40"`, 1))
		require.NoError(t, err)
		assert.Equal(t, "A1", r.Attempts[0].OrderID)
		assert.Equal(t, "A1", r.Attempts[1].OrderID)
	})
	t.Run("a key", func(t *testing.T) {
		r, err := Decode(`{"v":1,"kind":"key","lander":"shop.example","created":1793534399000,"target":"ref","targetKey":"key","until":1793535000000,"attempts":[]}`)
		require.NoError(t, err)
		assert.Equal(t, &Record{Kind: KindKey, Lander: "shop.example", Created: after(-time.Second), Target: "ref",
			TargetKey: "key", Until: after(10 * time.Minute)}, r)
	})
}

func FuzzARecordIsReadAsItWasWritten(f *testing.F) {
	f.Add("shop.example", "key", "https://klarna.example/", "city", "is missing", int64(1793534400000), 3, true)
	f.Add("", "", "", "", "", int64(0), 0, false)
	f.Add("\x00\x1f\u2028</script>", `\"`, "\xff", "\U0001f4b6", "\ufffd", int64(-1), -1, true)
	f.Fuzz(func(t *testing.T, lander, key, url, field, text string, ms int64, n int, yes bool) {
		var at time.Time
		if ms != 0 && ms > -1e14 && ms < 1e14 {
			at = time.UnixMilli(ms).UTC()
		}
		if n > 1e15 || n < -1e15 {
			n = 7
		}
		r := &Record{
			Kind: Kind(key), Lander: lander, Created: at, OrderRef: key, Product: text, Baseline: n, LeadWhole: yes,
			Confirmed: !yes, Target: url, Until: at,
			Attempts: []Attempt{{Keys: []string{key, lander}, Digest: text, State: State(field), Begun: at, Sent: at, Deadline: at, Code: field, URL: url, Script: text, AnsweredAt: at, Looks: n}},
		}
		if text != "" {
			r.Attempts[0].Fields = map[string]string{field: text}
		}
		if !at.IsZero() {
			r.Attempts[0].Known, r.Attempts[0].KnownAt = konnektive.Order{ID: key, Status: text, Total: field,
				Items: []konnektive.Item{{ProductID: url, Name: lander, Qty: n, Price: text}}}, at
		}
		got, err := Decode(r.Encode())
		require.NoError(t, err)
		if utf8.ValidString(strings.Join([]string{lander, key, url, field, text}, " ")) {
			require.Equal(t, r, got)
		}
		again, err := Decode(got.Encode()) // what is no UTF-8 is replaced, once
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}

func FuzzWhateverIsStoredIsReadWithoutPanic(f *testing.F) {
	f.Add(whole().Encode())
	f.Add(before)
	f.Add(`{"v":1,"attempts":[1,null,{"fields":[]}],"known":[],"orderIds":{"a":1}}`)
	f.Add(`{"v":2,"attempts":[1,null,{"fields":[],"known":1}],"leadOrderId":{"a":1}}`)
	f.Fuzz(func(_ *testing.T, data string) {
		r, err := Decode(data)
		if err != nil {
			return
		}
		r.Standing(noon)
		r.Decide("key", "cart", noon, true)
		r.Alarm()
		r.Expires()
	})
}
