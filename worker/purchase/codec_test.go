package purchase

import (
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

// whole is a record in which everything is said.
func whole() *Purchase {
	a := isAnswered("key-1", codes.Invalid, noon)
	a.Keys = append(a.Keys, "key-2")
	a.URL, a.Script = "https://klarna.example/?a=1&b=ü", "document.write(\"</script>\u2028\")"
	a.Fields = map[string]string{"city": "is a \"required\" field", "address1": "\t"}
	return &Purchase{
		Kind: KindUpsale, Lander: "shop.example", Created: noon, OrderIDs: []string{"A1", "B2"}, OrderRef: "ref", Product: "40", Baseline: 3,
		Paid: true, Confirmed: true, Watched: 4, Target: "target", TargetKey: "key", Until: after(time.Hour),
		Known: konnektive.Order{ID: "A1", Status: "COMPLETE", Total: "49.95", Currency: "€", Shipping: "4.90", Tax: "1.00", Discount: "5.00", Items: []konnektive.Item{
			{ProductID: "34", Name: "Lamp \\ \"Zoë\"", Qty: 2, Price: "19.95", Shipping: "4.90"}, {ProductID: "40", Qty: 1}}},
		KnownAt:  after(time.Millisecond),
		Attempts: []Attempt{a, isOpen("key-3", after(time.Minute))},
	}
}

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	for name, p := range map[string]*Purchase{
		"everything": whole(), "nothing": {}, "a key": {Kind: KindKey, Lander: "shop.example", Target: "ref", TargetKey: "key"},
		"an order": purchase(isSent("a", noon)),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode(p.Encode())
			require.NoError(t, err)
			assert.Equal(t, p, got)
			assert.Equal(t, p.Encode(), got.Encode())
		})
	}
}

func TestNoPartOfARecordIsForgotten(t *testing.T) {
	// A field that is added to the record and not to the codec would be lost.
	for _, part := range []any{*whole(), whole().Attempts[0], whole().Known, whole().Known.Items[0]} {
		v := reflect.ValueOf(part)
		for i := range v.NumField() {
			if slices.Contains([]string{"CampaignID", "PaySource", "PrepaidType", "Created", "anyZone"}, v.Type().Field(i).Name) {
				continue // whose order it is, is judged when it is read, and not kept
			}
			assert.False(t, v.Field(i).IsZero(), "%s.%s is not tried", v.Type(), v.Type().Field(i).Name)
		}
	}
}

func TestARecordOfAnotherFormIsAnErrorAndNotAGuess(t *testing.T) {
	for _, data := range []string{"", "{}", "null", "[]", `{"v":2}`, `{"v":"1"}`, `{"v":1`, `{"v":1}x`, "\x00"} {
		_, err := Decode(data)
		assert.Error(t, err, data)
	}
	whole := whole().Encode()
	for i := range whole {
		_, err := Decode(whole[:i])
		assert.Error(t, err, "cut off after %d bytes", i)
	}
}

func TestARecordHoldsNothingThatIsEmpty(t *testing.T) {
	assert.Equal(t, `{"v":1,"attempts":[]}`, (&Purchase{}).Encode())
	p := &Purchase{KnownAt: noon}
	assert.NotContains(t, p.Encode(), "known", "when nothing was seen, it does not matter when")
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
		p := &Purchase{
			Kind: Kind(key), Lander: lander, Created: at, OrderRef: key, Product: text, Baseline: n, Paid: yes, Confirmed: !yes, Watched: n, Target: url, Until: at,
			Attempts: []Attempt{{Keys: []string{key, lander}, Digest: text, State: State(field), Begun: at, Sent: at, Deadline: at, Code: field, URL: url, Script: text, AnsweredAt: at}},
			OrderIDs: []string{key, url},
		}
		if text != "" {
			p.Attempts[0].Fields = map[string]string{field: text}
			p.Known, p.KnownAt = konnektive.Order{ID: key, Status: text, Total: field, Items: []konnektive.Item{{ProductID: url, Name: lander, Qty: n, Price: text}}}, at
		}
		got, err := Decode(p.Encode())
		require.NoError(t, err)
		if utf8.ValidString(strings.Join([]string{lander, key, url, field, text}, " ")) {
			require.Equal(t, p, got)
		}
		again, err := Decode(got.Encode()) // what is no UTF-8 is replaced, once
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}

func FuzzWhateverIsStoredIsReadWithoutPanic(f *testing.F) {
	f.Add(whole().Encode())
	f.Add(`{"v":1,"attempts":[1,null,{"fields":[]}],"known":[],"orderIds":{"a":1}}`)
	f.Fuzz(func(t *testing.T, data string) {
		p, err := Decode(data)
		if err != nil {
			return
		}
		p.Standing(noon)
		p.Claim("key", "cart", noon, true)
		p.Alarm()
		p.Expires()
	})
}
