package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/konnektive"
)

const testURL = "http://crm.test:8788"

// person is what a careful relay sends of a shopper.
func person() map[string]string {
	return map[string]string{
		"campaignId": "12", "firstName": "Zoë", "lastName": "O’Brien", "emailAddress": "zoe@example.com",
		"phoneNumber": "+31612345678", "address1": "Keizersgracht 1", "city": "Amsterdam", "postalCode": "1015 CJ",
		"country": "NL", "billShipSame": "1", "ipAddress": "203.0.113.9",
		"userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
	}
}

func payment() map[string]string {
	return map[string]string{
		"paySource": "PREPAID", "prepaidType": "KLARNA", "forceMerchantId": "7", "redirectsTo": "https://shop.example/" +
			"api/klarna/return/r1",
		"errorRedirectsTo": "https://shop.example/api/klarna/failed/r1", "salesUrl": "https://shop.example/checkout",
	}
}

// with joins fields; a value of "-" takes the field away.
func with(all ...map[string]string) map[string]string {
	joined := map[string]string{}
	for _, fields := range all {
		maps.Copy(joined, fields)
	}
	for name, value := range joined {
		if value == "-" {
			delete(joined, name)
		}
	}
	return joined
}

func goodOrder() map[string]string {
	return with(person(), payment(), map[string]string{"product1_id": "34", "product1_qty": "2"})
}

// reply is an answer of the CRM, read without the relay's own code.
type reply struct {
	Status  int
	Body    string
	Result  string
	Text    string         // message, when it is text
	Message map[string]any // message, when it is an object
	Err     error
}

// first is the only order of an Order Query.
func (r reply) first(t *testing.T) map[string]any {
	t.Helper()
	data, ok := r.Message["data"].([]any)
	require.True(t, ok, "data is not a list in %s", r.Body)
	require.Len(t, data, 1)
	return data[0].(map[string]any)
}

func post(sim *Simulator, op Op, fields map[string]string) reply {
	form := url.Values{"loginId": {DefaultLoginID}, "password": {DefaultPassword}}
	for name, value := range fields {
		form.Set(name, value)
	}
	var r reply
	r.Status, r.Body, r.Err = sim.Post(context.Background(), testURL+"/"+string(op)+"/", form.Encode(), 30*time.Second)
	r.read()
	return r
}

func (r *reply) read() {
	var e struct {
		Result  string
		Message json.RawMessage
	}
	if json.Unmarshal([]byte(r.Body), &e) != nil {
		return
	}
	r.Result = e.Result
	_ = json.Unmarshal(e.Message, &r.Text)
	_ = json.Unmarshal(e.Message, &r.Message)
}

// noSleep is a clock that only moves when somebody waits.
func noSleep(now *time.Time) func(context.Context, time.Duration) error {
	return func(_ context.Context, d time.Duration) error {
		*now = now.Add(d)
		return nil
	}
}

func assertNoViolations(t *testing.T, sim *Simulator) {
	t.Helper()
	assert.Empty(t, sim.Violations())
}

func TestAnOrderIsPaid(t *testing.T) {
	t.Run("a lead makes a PARTIAL order, the import completes the same one, and the payment makes it COMPLETE",
		func(t *testing.T) {
			sim := New(Options{})
			lead := post(sim, OpLead, person())
			require.Equal(t, "SUCCESS", lead.Result, lead.Body)
			id := lead.Message["orderId"].(string)
			assert.Regexp(t, `^[0-9A-F]{10}$`, id)
			assert.Equal(t, StatusPartial, lead.Message["orderStatus"])

			again := post(sim, OpLead, with(person(), map[string]string{"orderId": id, "city": "Utrecht"}))
			assert.Equal(t, id, again.Message["orderId"], "a lead that names an order adds to it")

			imported := post(sim, OpOrder, with(goodOrder(), map[string]string{"orderId": id}))
			require.Equal(t, "MERC_REDIRECT", imported.Result, imported.Body)
			session, ok := sim.LatestSession(id)
			require.True(t, ok)
			assert.Equal(t, testURL+"/klarna/"+session.ID, imported.Message["url"])
			assert.Equal(t, StatusPartial, post(sim, OpQuery, map[string]string{"orderId": id}).first(t)["orderStatus"])

			back, err := sim.Approve(session.ID)
			require.NoError(t, err)
			assert.Equal(t, "POST", back.Method)
			assert.Equal(t, "https://shop.example/api/klarna/return/r1", back.URL)
			assert.Equal(t, "1", back.Form.Get("finalizeTransaction"))
			var told map[string]any
			require.NoError(t, json.Unmarshal([]byte(back.Form.Get("orderData")), &told))
			assert.Equal(t, id, told["orderId"])

			found := post(sim, OpQuery, map[string]string{"orderId": id}).first(t)
			assert.Equal(t, StatusComplete, found["orderStatus"])
			assert.Equal(t, "104.70", found["totalAmount"])
			assert.Equal(t, "€", found["currencySymbol"])
			assert.Equal(t, "Zoë", found["firstName"])

			order, ok := sim.Order(id)
			require.True(t, ok)
			assert.Equal(t, 2, order.Leads)
			assert.Equal(t, 1, order.Payments)
			assert.Len(t, order.OrderImports(), 1)
			assert.Equal(t, "Amsterdam", order.Fields["city"], "the import said so last")
			assert.NotContains(t, order.Fields, "password")
			assert.Len(t, sim.OrdersOf("zoe@example.com"), 1)
			assertNoViolations(t, sim)
		})

	t.Run("an import without an orderId makes an order of its own", func(t *testing.T) {
		sim := New(Options{})
		post(sim, OpOrder, goodOrder())
		post(sim, OpOrder, goodOrder())
		assert.Len(t, sim.Orders(), 2)
	})

	t.Run("approving twice pays once", func(t *testing.T) {
		sim := New(Options{})
		post(sim, OpOrder, goodOrder())
		session := sim.Sessions()[0]
		first, err := sim.Approve(session.ID)
		require.NoError(t, err)
		second, err := sim.Approve(session.ID)
		require.NoError(t, err)
		assert.Equal(t, first.URL, second.URL)
		assert.Equal(t, 1, sim.Orders()[0].Payments)
	})

	t.Run("the same seed gives the same ids, another seed others", func(t *testing.T) {
		ids := func(seed uint64) string {
			sim := New(Options{Seed: seed})
			post(sim, OpOrder, goodOrder())
			return sim.Orders()[0].ID + sim.Sessions()[0].ID
		}
		assert.Equal(t, ids(1), ids(1))
		assert.NotEqual(t, ids(1), ids(2))
	})
}

func TestKlarnaFails(t *testing.T) {
	open := func(t *testing.T, settings Settings) (*Simulator, Session) {
		sim := New(Options{Settings: settings})
		post(sim, OpOrder, goodOrder())
		require.Len(t, sim.Sessions(), 1)
		return sim, sim.Sessions()[0]
	}

	t.Run("a decline makes the order DECLINED and returns by GET with an errorMsg", func(t *testing.T) {
		sim, session := open(t, Settings{})
		back, err := sim.Decline(session.ID)
		require.NoError(t, err)
		assert.Equal(t, Return{Method: "GET", URL: "https://shop.example/api/klarna/failed/" +
			"r1?errorMsg=Klarna+declined+the+purchase"}, back)
		assert.Equal(t, StatusDeclined, sim.Orders()[0].Status)
	})

	t.Run("a cancelled purchase stays PARTIAL, or becomes what the settings say", func(t *testing.T) {
		sim, session := open(t, Settings{})
		back, err := sim.Cancel(session.ID)
		require.NoError(t, err)
		assert.Equal(t, "https://shop.example/api/klarna/failed/r1?errorMsg=Cancelled+by+the+customer", back.URL)
		assert.Equal(t, StatusPartial, sim.Orders()[0].Status)

		sim, session = open(t, Settings{CancelStatus: StatusCancelled})
		_, err = sim.Cancel(session.ID)
		require.NoError(t, err)
		assert.Equal(t, StatusCancelled, sim.Orders()[0].Status)
	})

	t.Run("what was decided at Klarna stays decided", func(t *testing.T) {
		sim, session := open(t, Settings{})
		_, err := sim.Decline(session.ID)
		require.NoError(t, err)
		_, err = sim.Approve(session.ID)
		assert.ErrorIs(t, err, ErrSessionOver)
		assert.Zero(t, sim.Orders()[0].Payments)
		_, err = sim.Approve("0")
		assert.ErrorIs(t, err, ErrNoSession)
	})

	t.Run("a session lives 48 hours", func(t *testing.T) {
		now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		sim := New(Options{Now: func() time.Time { return now }})
		post(sim, OpOrder, goodOrder())
		now = now.Add(SessionLife)
		post(sim, OpOrder, goodOrder())
		now = now.Add(time.Second)
		_, err := sim.Approve(sim.Sessions()[0].ID)
		assert.ErrorIs(t, err, ErrSessionExpired)
		_, err = sim.Approve(sim.Sessions()[1].ID)
		assert.NoError(t, err)
	})

	t.Run("a forged return says COMPLETE and pays nothing", func(t *testing.T) {
		sim, session := open(t, Settings{})
		back, err := sim.Forge(session.ID)
		require.NoError(t, err)
		assert.Contains(t, back.Form.Get("orderData"), `"orderStatus":"COMPLETE"`)
		assert.Equal(t, StatusPartial, sim.Orders()[0].Status)
		assert.Zero(t, sim.Orders()[0].Payments)
	})

	t.Run("a declined order can be imported and paid again", func(t *testing.T) {
		sim, session := open(t, Settings{})
		_, err := sim.Decline(session.ID)
		require.NoError(t, err)
		id := sim.Orders()[0].ID
		require.Equal(t, "MERC_REDIRECT", post(sim, OpOrder,
			with(goodOrder(), map[string]string{"orderId": id, "product1_qty": "1"})).Result)
		latest, _ := sim.LatestSession(id)
		_, err = sim.Approve(latest.ID)
		require.NoError(t, err)
		order, _ := sim.Order(id)
		assert.Equal(t, StatusComplete, order.Status)
		assert.Equal(t, Cents(5480), order.Total)
		assert.Len(t, order.OrderImports(), 2)
		assertNoViolations(t, sim)
	})
}

// paid is a simulator with one COMPLETE order.
func paid(t *testing.T, email string) (*Simulator, string) {
	t.Helper()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	sim := New(Options{Now: func() time.Time { return now }, Sleep: noSleep(&now)})
	post(sim, OpOrder, with(goodOrder(), map[string]string{"emailAddress": email}))
	require.Len(t, sim.Sessions(), 1)
	_, err := sim.Approve(sim.Sessions()[0].ID)
	require.NoError(t, err)
	return sim, sim.Orders()[0].ID
}

func goodUpsale(orderID string) map[string]string {
	return with(payment(), map[string]string{"campaignId": "12", "orderId": orderID, "product1_id": "40",
		"product1_qty": "1", "ipAddress": "203.0.113.9"})
}

func TestAnUpsale(t *testing.T) {
	t.Run("is added to its order's items and total once it is paid, and is taken then", func(t *testing.T) {
		sim, id := paid(t, "zoe@example.com")
		require.Equal(t, "MERC_REDIRECT", post(sim, OpUpsale, goodUpsale(id)).Result)
		order, _ := sim.Order(id)
		assert.Len(t, order.Items, 1, "nothing is added before the payment")

		session, _ := sim.LatestSession(id)
		assert.True(t, session.Upsale)
		assert.Equal(t, Cents(1490), session.Amount)
		_, err := sim.Approve(session.ID)
		require.NoError(t, err)
		order, _ = sim.Order(id)
		require.Len(t, order.Items, 2)
		assert.Equal(t, "40", order.Items[1].ProductID)
		assert.Equal(t, Cents(10470+1490), order.Total)
		assert.Equal(t, 2, order.Payments)

		again := post(sim, OpUpsale, goodUpsale(id))
		assert.Equal(t, "ERROR", again.Result)
		assert.Equal(t, "This upsale was already taken.", again.Text)
		order, _ = sim.Order(id)
		assert.Len(t, order.UpsaleImports(), 2)
		assertNoViolations(t, sim)
	})

	t.Run("that Klarna declines leaves its order COMPLETE", func(t *testing.T) {
		sim, id := paid(t, "zoe@example.com")
		post(sim, OpUpsale, goodUpsale(id))
		session, _ := sim.LatestSession(id)
		_, err := sim.Decline(session.ID)
		require.NoError(t, err)
		order, _ := sim.Order(id)
		assert.Equal(t, StatusComplete, order.Status)
		assert.Len(t, order.Items, 1)
	})

	t.Run("is refused for an order that is not COMPLETE, and for one that does not exist", func(t *testing.T) {
		sim := New(Options{})
		post(sim, OpOrder, goodOrder())
		assert.Equal(t, textNotComplete, post(sim, OpUpsale, goodUpsale(sim.Orders()[0].ID)).Text)
		assert.Equal(t, textNoOrders, post(sim, OpUpsale, goodUpsale("0000000000")).Text)
	})

	t.Run("can be made to misbehave by the e-mail of its order", func(t *testing.T) {
		for word, text := range map[string]string{"taken": textTaken, "upsale-decline": textDeclined,
			"upsale-no-products": textNoProducts} {
			sim, id := paid(t, word+"@example.com")
			assert.Equal(t, text, post(sim, OpUpsale, goodUpsale(id)).Text, word)
		}
	})
}

func TestTheCRMRefuses(t *testing.T) {
	cases := []struct {
		name   string
		op     Op
		fields map[string]string
		text   string
		field  string // of a message with fields
	}{
		{"an unknown product", OpOrder, with(goodOrder(), map[string]string{"product1_id": "99"}), textNoProducts, ""},
		{"an order without products", OpOrder, with(person(), payment()), textNoProducts, ""},
		{"an unknown campaign", OpOrder, with(goodOrder(), map[string]string{"campaignId": "13"}), textNoProducts, ""},
		{"an order without a campaign", OpOrder, with(goodOrder(), map[string]string{"campaignId": "-"}), textRequired,
			"campaignId"},
		{"an order whose shipping address is missing", OpOrder, with(goodOrder(), map[string]string{"billShipSame": "-"}),
			textRequired, "shipAddress1"},
		{"an order without a first name", OpOrder, with(goodOrder(), map[string]string{"firstName": "-"}), textRequired,
			"firstName"},
		{"an order without the shopper's address", OpOrder, with(goodOrder(), map[string]string{"ipAddress": "-"}),
			textRequired, "ipAddress"},
		{"an American order without a state", OpOrder, with(goodOrder(), map[string]string{"country": "US"}), textRequired,
			"state"},
		{"a name of 31 letters", OpOrder, with(goodOrder(), map[string]string{"lastName": strings.Repeat("é", 31)}),
			"must not be longer than 30 characters", "lastName"},
		{"a country the campaign does not sell to", OpOrder, with(goodOrder(), map[string]string{"country": "BR"}),
			"is not a country of this campaign", "country"},
		{"an e-mail that is none", OpOrder, with(goodOrder(), map[string]string{"emailAddress": "zoe@"}),
			"is not a valid email address", "emailAddress"},
		{"a quantity that is none", OpOrder, with(goodOrder(), map[string]string{"product1_qty": "0"}),
			"is not a valid quantity", "product1_qty"},
		{"more than may be ordered", OpOrder, with(goodOrder(), map[string]string{"product1_qty": "11"}),
			"exceeds the maximum order quantity of 10", "product1_qty"},
		{"an unknown coupon", OpOrder, with(goodOrder(), map[string]string{"couponCode": "FREE"}), "is not a valid coupon",
			"couponCode"},
		{"a variant of another product", OpOrder, with(goodOrder(), map[string]string{"variant1_id": "351"}),
			"is not a variant of the product", "variant1_id"},
		{"a subscription", OpOrder, with(goodOrder(), map[string]string{"product1_id": "36"}), textRecurring, ""},
		{"an orderId that does not exist", OpOrder, with(goodOrder(), map[string]string{"orderId": "0000000000"}),
			textNoOrders, ""},
		{"a lead without names", OpLead, with(person(), map[string]string{"firstName": "-"}), textNames, ""},
		{"a lead without e-mail and phone", OpLead,
			with(person(), map[string]string{"emailAddress": "-", "phoneNumber": "-"}), textRequired, "emailAddress"},
		{"a lead for an unknown campaign", OpLead, with(person(), map[string]string{"campaignId": "13"}), textCampaign,
			"campaignId"},
		{"a lead for an unknown product", OpLead, with(person(), map[string]string{"product1_id": "99"}), textNoProducts,
			""},
		{"a lead for an unknown order", OpLead, with(person(), map[string]string{"orderId": "0000000000"}), textNoOrders,
			""},
		{"a click on an unknown kind of page", OpClick,
			map[string]string{"campaignId": "12", "pageType": "homePage", "ipAddress": "::1"}, "is not a valid page type",
			"pageType"},
		{"a click without a kind of page", OpClick, map[string]string{"campaignId": "12", "ipAddress": "::1"}, textRequired,
			"pageType"},
		{"a query for an unknown order", OpQuery, map[string]string{"orderId": "0000000000"}, textNoOrders, ""},
		{"a query without an order", OpQuery, nil, textNoOrders, ""},
		{"a confirmation of an unknown order", OpConfirm, map[string]string{"orderId": "0000000000"}, textNoOrders, ""},
		{"an unknown campaign's query", OpCampaign, map[string]string{"campaignId": "13"}, textNoCampaigns, ""},
		{"wrong credentials", OpQuery, map[string]string{"password": "guessed"}, textCredentials, ""},
		{"a call that does not exist", Op("order/delete"), nil, textNoEndpoint, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			sim := New(Options{})
			got := post(sim, c.op, c.fields)
			require.NoError(t, got.Err)
			assert.Equal(t, 200, got.Status)
			require.Equal(t, "ERROR", got.Result, got.Body)
			if c.field == "" {
				assert.Equal(t, c.text, got.Text)
			} else {
				assert.Equal(t, c.text, got.Message[c.field], got.Body)
			}
			assert.Empty(t, sim.Orders(), "a refusal makes no order")
			assert.Empty(t, sim.Sessions())
		})
	}

	t.Run("every call from an address that is not whitelisted, naming it", func(t *testing.T) {
		sim := New(Options{Settings: Settings{RefusedAddress: "198.51.100.4"}})
		for op := range allowed {
			assert.Equal(t, "IP must be whitelisted - 198.51.100.4", post(sim, op, nil).Text, op)
		}
	})

	t.Run("an order of another campaign", func(t *testing.T) {
		other := DefaultCampaign()
		other.ID = "13"
		sim := New(Options{Campaigns: []Campaign{DefaultCampaign(), other}})
		id := post(sim, OpLead, person()).Message["orderId"].(string)
		assert.Equal(t, textNoProducts, post(sim, OpOrder,
			with(goodOrder(), map[string]string{"campaignId": "13", "orderId": id})).Text)
	})
}

func TestCampaignsCanBeReplaced(t *testing.T) {
	sim := New(Options{})
	other := DefaultCampaign()
	other.ID = "13"
	paid := post(sim, OpOrder, goodOrder())
	sim.SetCampaigns([]Campaign{other})
	assert.Equal(t, textNoCampaigns, post(sim, OpCampaign, map[string]string{"campaignId": "12"}).Text)
	assert.Equal(t, "SUCCESS", post(sim, OpCampaign, map[string]string{"campaignId": "13"}).Result)
	assert.Len(t, sim.Orders(), 1, "what is in the books stays: %v", paid.Body)
	sim.SetCampaigns(nil)
	assert.Equal(t, "SUCCESS", post(sim, OpCampaign, map[string]string{"campaignId": "12"}).Result)
}

func TestTheCRMIsNoHelp(t *testing.T) {
	t.Run("a prepaid order without a method counts as paid elsewhere: nobody is charged", func(t *testing.T) {
		for _, fields := range []map[string]string{{"prepaidType": "-"}, {"skipQA": "1"}} {
			sim := New(Options{})
			got := post(sim, OpOrder, with(goodOrder(), fields))
			assert.Equal(t, "SUCCESS", got.Result)
			assert.Equal(t, StatusComplete, sim.Orders()[0].Status)
			assert.NotEmpty(t, sim.Violations())
		}
	})

	t.Run("a price that the caller names is believed", func(t *testing.T) {
		sim := New(Options{})
		post(sim, OpOrder, with(goodOrder(), map[string]string{"product1_price": "0.01", "product1_shipPrice": "0"}))
		assert.Equal(t, Cents(2), sim.Orders()[0].Total)
		assert.Len(t, sim.Violations(), 2)
	})

	t.Run("a second import of a COMPLETE order is taken, and noted", func(t *testing.T) {
		sim, id := paid(t, "zoe@example.com")
		assert.Equal(t, "MERC_REDIRECT", post(sim, OpOrder, with(goodOrder(), map[string]string{"orderId": id})).Result)
		require.Len(t, sim.Violations(), 1)
		assert.Contains(t, sim.Violations()[0].String(), "call 2 to order/import: orderId: the order was COMPLETE already")
		session, _ := sim.LatestSession(id)
		_, err := sim.Approve(session.ID)
		require.NoError(t, err)
		assert.Equal(t, "the shopper paid the same order twice", sim.Violations()[1].Text)
		order, _ := sim.Order(id)
		assert.Equal(t, 2, order.Payments)
	})

	t.Run("an upsale paid in two sessions is charged twice, and noted", func(t *testing.T) {
		sim, id := paid(t, "zoe@example.com")
		post(sim, OpUpsale, goodUpsale(id))
		post(sim, OpUpsale, goodUpsale(id))
		for _, session := range sim.Sessions()[1:] {
			_, err := sim.Approve(session.ID)
			require.NoError(t, err)
		}
		require.Len(t, sim.Violations(), 1)
		assert.Equal(t, "the shopper paid the same upsale twice", sim.Violations()[0].Text)
	})

	t.Run("confirmations are counted; a second one, or one too early, is noted", func(t *testing.T) {
		sim, id := paid(t, "zoe@example.com")
		assert.Equal(t, "SUCCESS", post(sim, OpConfirm, map[string]string{"orderId": id}).Result)
		assertNoViolations(t, sim)
		post(sim, OpConfirm, map[string]string{"orderId": id})
		order, _ := sim.Order(id)
		assert.Equal(t, 2, order.Confirms)
		assert.Len(t, sim.Violations(), 1)

		sim = New(Options{})
		post(sim, OpOrder, goodOrder())
		post(sim, OpConfirm, map[string]string{"orderId": sim.Orders()[0].ID})
		assert.Len(t, sim.Violations(), 1)
	})
}

func TestTheShapesOfAnswers(t *testing.T) {
	t.Run("slashes and letters outside ASCII are escaped, as PHP does", func(t *testing.T) {
		sim := New(Options{})
		body := post(sim, OpOrder, goodOrder()).Body
		assert.Contains(t, body, `"url":"http:\/\/crm.test:8788\/klarna\/`)
		assert.Equal(t, `"\u00e4\u20ac\ud83d\udcb6\/"`, asPHP(`"ä€💶/"`))
		var back string
		require.NoError(t, json.Unmarshal([]byte(asPHP(`"ä€💶/"`)), &back))
		assert.Equal(t, "ä€💶/", back)
	})

	order := func(settings Settings) map[string]any {
		sim := New(Options{Settings: settings})
		post(sim, OpOrder, goodOrder())
		return post(sim, OpQuery, map[string]string{"orderId": sim.Orders()[0].ID}).first(t)
	}

	t.Run("by default items are an object, totals text and dates text", func(t *testing.T) {
		got := order(Settings{})
		items := got["items"].(map[string]any)
		require.Len(t, items, 1)
		for _, item := range items {
			assert.Equal(t, "49.90", item.(map[string]any)["price"])
			assert.Equal(t, "2", item.(map[string]any)["qty"])
			assert.Equal(t, "Trail headlamp", item.(map[string]any)["name"])
			assert.EqualValues(t, 34, item.(map[string]any)["productId"])
		}
		assert.IsType(t, "", got["dateCreated"])
		assert.EqualValues(t, 12, got["campaignId"])
	})

	t.Run("items can be an array, totals numbers and dates objects", func(t *testing.T) {
		got := order(Settings{ItemsAsArray: true, NumbersAsNumbers: true, DatesAsObject: true})
		items := got["items"].([]any)
		require.Len(t, items, 1)
		assert.EqualValues(t, 49.9, items[0].(map[string]any)["price"])
		assert.EqualValues(t, 104.7, got["totalAmount"])
		assert.Equal(t, "12", got["campaignId"])
		assert.Contains(t, got["dateCreated"].(map[string]any), "date")
	})

	t.Run("a redirect can name its order", func(t *testing.T) {
		sim := New(Options{Settings: Settings{RedirectNamesOrder: true}})
		assert.Equal(t, post(sim, OpOrder, goodOrder()).Message["orderId"], sim.Orders()[0].ID)
		sim.Set(func(s *Settings) { s.RedirectNamesOrder = false })
		assert.NotContains(t, post(sim, OpOrder, goodOrder()).Message, "orderId")
	})

	t.Run("an order can have another status while its session is open", func(t *testing.T) {
		assert.Equal(t, StatusCODPending, order(Settings{OpenStatus: StatusCODPending})["orderStatus"])
	})

	t.Run("campaigns come keyed by id or as an array", func(t *testing.T) {
		keyed := post(New(Options{}), OpCampaign,
			map[string]string{"campaignId": "12"}).Message["data"].(map[string]any)["12"].(map[string]any)
		listed := post(New(Options{Settings: Settings{CampaignsAsArray: true}}), OpCampaign,
			map[string]string{"campaignId": "12"}).Message["data"].([]any)[0].(map[string]any)
		for _, campaign := range []map[string]any{keyed, listed} {
			assert.Equal(t, "EUR", campaign["currency"])
			assert.Contains(t, campaign["countries"], map[string]any{"countryCode": "NL"})
			products := campaign["products"].([]any)
			require.Len(t, products, 5)
			assert.Equal(t, "Trail headlamp", products[0].(map[string]any)["productName"])
			assert.Equal(t, "RECURRING", products[2].(map[string]any)["billingCycleType"])
			assert.Equal(t, TypeUpsale, products[3].(map[string]any)["productType"])
		}
	})

	t.Run("a click opens a visit of 32 hexadecimal digits, which later clicks keep", func(t *testing.T) {
		sim := New(Options{})
		click := map[string]string{"campaignId": "12", "pageType": "checkoutPage",
			"requestUri": "https://shop.example/?affId=1", "ipAddress": "::1"}
		first := post(sim, OpClick, click)
		assert.Regexp(t, `^[0-9a-f]{32}$`, first.Message["sessionId"])
		assert.Contains(t, first.Message["pixel"], "<script")
		later := post(sim, OpClick, with(click,
			map[string]string{"sessionId": first.Message["sessionId"].(string), "pageType": "thankyouPage"}))
		assert.Equal(t, first.Message["sessionId"], later.Message["sessionId"])
		assert.NotEqual(t, first.Message["sessionId"], post(sim, OpClick, click).Message["sessionId"])
		assertNoViolations(t, sim)
	})

	t.Run("a coupon makes an order cheaper, a variant names itself", func(t *testing.T) {
		sim := New(Options{})
		post(sim, OpOrder, with(goodOrder(), map[string]string{"product1_id": "35", "product1_qty": "1",
			"variant1_id": "352", "couponCode": "WELCOME10"}))
		order := sim.Orders()[0]
		item := order.Items[0]
		assert.Equal(t, "Trail headlamp, twin pack - Orange", item.Name)
		assert.Equal(t, []Cents{8990, 899}, []Cents{item.Price, item.Discount})
		assert.Equal(t, Cents(8990+490-899), order.Total)
		told := post(sim, OpQuery, map[string]string{"orderId": order.ID}).first(t)
		assert.Equal(t, []any{"85.81", "89.90", "4.90", "8.99"},
			[]any{told["totalAmount"], told["subTotal"], told["shipTotal"], told["totalDiscount"]})
		assertNoViolations(t, sim)
	})

	t.Run("lines keep the order of their numbers", func(t *testing.T) {
		sim := New(Options{})
		post(sim, OpOrder, with(person(), payment(),
			map[string]string{"product10_id": "40", "product2_id": "35", "product1_id": "34"}))
		var ids []string
		for _, item := range sim.Orders()[0].Items {
			ids = append(ids, item.ProductID)
		}
		assert.Equal(t, []string{"34", "35", "40"}, ids)
	})
}

func TestRedirects(t *testing.T) {
	for _, kind := range redirects {
		t.Run(string(kind)+" is what the setting, the e-mail and the fault hook give", func(t *testing.T) {
			byHook := New(Options{Fault: func(Call) Fault { return Fault{Redirect: kind} }})
			bySetting := New(Options{Settings: Settings{Redirect: kind}})
			byEmail := New(Options{})
			answers := []reply{
				post(byHook, OpOrder, goodOrder()),
				post(bySetting, OpOrder, goodOrder()),
				post(byEmail, OpOrder, with(goodOrder(), map[string]string{"emailAddress": string(kind) + "+1@example.com"})),
			}
			for _, got := range answers {
				require.Equal(t, "MERC_REDIRECT", got.Result)
				assert.Equal(t, answers[0].Message, got.Message)
			}
			target := byHook.Sessions()[0].URL
			message := answers[0].Message
			switch kind {
			case RedirectURL:
				assert.Equal(t, map[string]any{"url": target}, message)
			case RedirectHTTP, RedirectUserinfo, RedirectRelative:
				assert.NotEqual(t, target, message["url"])
				assert.Len(t, message, 1)
			case RedirectEmpty:
				assert.Empty(t, message)
			default:
				assert.Contains(t, message["script"], `"`+target+`"`)
				assert.Len(t, message, 1)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	cases := []struct {
		name    string
		word    string
		booked  int // orders after the call
		lost    error
		status  int
		check   func(t *testing.T, body string)
		verdict string // status of the order
	}{
		{name: "slow is booked, and times out", word: "slow", booked: 1, lost: context.DeadlineExceeded},
		{name: "silence is booked, and times out", word: "silence", booked: 1, lost: context.DeadlineExceeded},
		{name: "late times out before anything is booked", word: "late", lost: context.DeadlineExceeded},
		{name: "reset books nothing", word: "reset", lost: syscall.ECONNRESET},
		{name: "lost is booked, and reset", word: "lost", booked: 1, lost: syscall.ECONNRESET},
		{name: "unreached is known not to have arrived", word: "unreached", lost: konnektive.ErrNotSent},
		{name: "error500 books nothing", word: "error500", status: 500, check: isHTML},
		{name: "error530 is any server error", word: "error530", status: 530, check: isHTML},
		{name: "html is booked", word: "html", booked: 1, status: 200, check: isHTML},
		{name: "cut is booked", word: "cut", booked: 1, status: 200, check: func(t *testing.T, body string) {
			assert.True(t, strings.HasPrefix(body, `{"result":"MERC_REDIRECT"`))
			assert.False(t, json.Valid([]byte(body)))
		}},
		{name: "torn is booked, and reset", word: "torn", booked: 1, lost: syscall.ECONNRESET},
		{name: "empty is booked", word: "empty", booked: 1, status: 200,
			check: func(t *testing.T, body string) { assert.Empty(t, body) }},
		{name: "an unknown result is booked", word: "unknown-result", booked: 1, status: 200,
			check: func(t *testing.T, body string) {
				assert.True(t, strings.HasPrefix(body, `{"result":"QUEUED"`))
			}},
		{name: "twice makes two orders when none was named", word: "twice", booked: 2, status: 200},
		{name: "no-redirect is a success that nobody paid", word: "no-redirect", booked: 1, status: 200,
			verdict: StatusPartial},
		{name: "paid is COMPLETE at once", word: "paid", booked: 1, status: 200, verdict: StatusComplete},
		{name: "decline makes a DECLINED order", word: "decline", booked: 1, status: 200, verdict: StatusDeclined,
			check: func(t *testing.T, body string) {
				assert.Contains(t, body, `"Transaction Declined: `)
			}},
		{name: "fields refuses", word: "fields", status: 200, check: func(t *testing.T, body string) {
			assert.Contains(t, body, `"shipAddress1":"is a required field"`)
		}},
		{name: "no-products refuses", word: "no-products", status: 200},
		{name: "whitelist refuses", word: "whitelist", status: 200,
			check: func(t *testing.T, body string) { assert.Contains(t, body, "IP must be whitelisted - 203.0.113.7") }},
		{name: "credentials refuses", word: "credentials", status: 200},
	}
	for _, c := range cases {
		t.Run(c.name+", by e-mail and by hook", func(t *testing.T) {
			now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
			fault, ok := Word(c.word)
			require.True(t, ok)
			clock := func() time.Time { return now }
			byEmail := New(Options{Now: clock, Sleep: noSleep(&now)})
			byHook := New(Options{Now: clock, Sleep: noSleep(&now), Fault: func(Call) Fault { return fault }})
			got := []reply{
				post(byEmail, OpOrder, with(goodOrder(), map[string]string{"emailAddress": c.word + "+7@example.com"})),
				post(byHook, OpOrder, goodOrder()),
			}
			for i, sim := range []*Simulator{byEmail, byHook} {
				require.ErrorIs(t, got[i].Err, c.lost)
				assert.Equal(t, c.status, got[i].Status)
				if c.check != nil {
					c.check(t, got[i].Body)
				}
				require.Len(t, sim.Orders(), c.booked)
				if c.verdict != "" {
					assert.Equal(t, c.verdict, sim.Orders()[0].Status)
				}
				assert.Len(t, sim.Calls(), 1)
				assertNoViolations(t, sim)
			}
		})
	}

	t.Run("a time-out takes the time-out, and a slow answer within it takes its delay", func(t *testing.T) {
		start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		now := start
		delay := 45 * time.Second
		sim := New(Options{Now: func() time.Time { return now }, Sleep: noSleep(&now),
			Fault: func(Call) Fault { return Fault{Delay: delay} }})
		assert.ErrorIs(t, post(sim, OpOrder, goodOrder()).Err, context.DeadlineExceeded)
		assert.Equal(t, 30*time.Second, now.Sub(start))
		start, delay = now, 5*time.Second
		assert.NoError(t, post(sim, OpOrder, goodOrder()).Err)
		assert.Equal(t, 5*time.Second, now.Sub(start))
	})

	t.Run("a late call is booked when it is released", func(t *testing.T) {
		now := time.Now()
		sim := New(Options{Sleep: noSleep(&now)})
		post(sim, OpOrder, with(goodOrder(), map[string]string{"emailAddress": "late@example.com"}))
		assert.Empty(t, sim.Orders())
		assert.Equal(t, 1, sim.Release())
		assert.Zero(t, sim.Release())
		require.Len(t, sim.Orders(), 1)
		assert.Len(t, sim.Sessions(), 1)
		assert.Equal(t, "silence", sim.Calls()[0].Lost)
	})

	t.Run("a call that arrives twice is two imports of one call, and no violation", func(t *testing.T) {
		sim := New(Options{Fault: func(c Call) Fault {
			if c.Op == OpLead {
				return Fault{}
			}
			return Fault{Delivery: DeliverTwice, Verdict: VerdictPaid}
		}})
		id := post(sim, OpLead, person()).Message["orderId"].(string)
		post(sim, OpOrder, with(goodOrder(), map[string]string{"orderId": id}))
		order, _ := sim.Order(id)
		require.Len(t, order.Imports, 2)
		assert.Equal(t, order.Imports[0].Call, order.Imports[1].Call)
		assert.Equal(t, 2, sim.Calls(OpOrder)[0].Delivered)
	})

	t.Run("the parts of a fault can be joined: booked, but an error 500 with a text of one's own", func(t *testing.T) {
		sim := New(Options{Fault: func(Call) Fault { return Fault{Status: 500, Answer: AnswerText, Body: "ouch"} }})
		got := post(sim, OpOrder, goodOrder())
		assert.Equal(t, 500, got.Status)
		assert.Equal(t, "ouch", got.Body)
		assert.Len(t, sim.Orders(), 1)
		assert.Equal(t, "ouch", sim.Calls()[0].Answer)
	})

	t.Run("a held answer comes when it is let go, and holds nobody else up", func(t *testing.T) {
		hold := make(chan struct{})
		asked := make(chan struct{}, 1)
		sim := New(Options{Fault: func(c Call) Fault {
			if c.Op != OpOrder {
				return Fault{}
			}
			asked <- struct{}{}
			return Fault{Hold: hold}
		}})
		done := make(chan reply)
		go func() { done <- post(sim, OpOrder, goodOrder()) }()
		<-asked
		assert.Equal(t, "SUCCESS", post(sim, OpLead, person()).Result)
		select {
		case <-done:
			t.Fatal("the held answer came")
		default:
		}
		close(hold)
		assert.Equal(t, "MERC_REDIRECT", (<-done).Result)
	})

	t.Run("a held answer is given up at the time-out or with the context", func(t *testing.T) {
		sim := New(Options{Fault: func(Call) Fault { return Fault{Hold: make(chan struct{})} }})
		_, _, err := sim.Post(context.Background(), testURL+"/order/query/", "", time.Millisecond)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_, _, err = sim.Post(ctx, testURL+"/order/query/", "", 0)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		_, _, err = sim.Post(ctx, testURL+"/order/query/", "", 0)
		assert.ErrorIs(t, err, konnektive.ErrNotSent, "nothing leaves once the context is over")
		assert.Len(t, sim.Calls(), 2)
	})

	t.Run("the hook sees the call and the books, and can be replaced", func(t *testing.T) {
		var sim *Simulator
		var seen Call
		sim = New(Options{Fault: func(c Call) Fault {
			seen = c
			_ = sim.Orders()
			return Fault{}
		}})
		post(sim, OpOrder, goodOrder())
		assert.Equal(t, OpOrder, seen.Op)
		assert.Equal(t, "zoe@example.com", seen.Email)
		assert.Equal(t, DefaultPassword, seen.Fields["password"])
		id := sim.Orders()[0].ID
		post(sim, OpQuery, map[string]string{"orderId": id})
		assert.Equal(t, "zoe@example.com", seen.Email, "a query has the e-mail of its order")
		sim.SetFault(func(Call) Fault { return Fault{Verdict: VerdictCredentials} })
		assert.Equal(t, textCredentials, post(sim, OpQuery, map[string]string{"orderId": id}).Text)
	})

	t.Run("words can be aimed at any call of a shopper", func(t *testing.T) {
		aimed := []struct {
			email string
			op    Op
			hit   bool
		}{
			{"lost@example.com", OpOrder, true}, {"LOST+x@example.com", OpOrder, true}, {"lost@example.com", OpQuery, false},
			{"lost@example.com", OpLead, false}, {"query-lost@example.com", OpQuery, true}, {"query-lost@example.com", OpOrder,
				false},
			{"lead-lost+2@example.com", OpLead, true}, {"confirm-lost@example.com", OpConfirm,
				true}, {"upsale-lost@example.com", OpUpsale, true},
			{"order-lost@example.com", OpOrder, true}, {"taken@example.com", OpOrder, false}, {"taken@example.com", OpUpsale,
				true},
			{"lostandfound@example.com", OpOrder, false}, {"mary+lost@example.com", OpOrder, false}, {"error600@example.com",
				OpOrder, false}, {"", OpOrder, false},
			{"no-redirect@example.com", OpOrder, true}, {"query-unknown-result@example.com", OpQuery, true},
		}
		for _, a := range aimed {
			assert.Equal(t, a.hit, faultOf(a.email, a.op) != Fault{}, "%s %s", a.email, a.op)
		}
	})

	t.Run("e-mails can be made to mean nothing", func(t *testing.T) {
		sim := New(Options{NoMagic: true})
		assert.Equal(t, "MERC_REDIRECT", post(sim, OpOrder,
			with(goodOrder(), map[string]string{"emailAddress": "lost@example.com"})).Result)
	})

	t.Run("the documentation of the package lists every word", func(t *testing.T) {
		doc, err := os.ReadFile("doc.go")
		require.NoError(t, err)
		for _, w := range Words() {
			assert.Regexp(t, `(?m)^//\t`+w.Word+` +`+strings.NewReplacer("(", `\(`, ")", `\)`, ".", `\.`).Replace(w.Does)+`$`,
				string(doc))
		}
	})
}

func isHTML(t *testing.T, body string) { assert.True(t, strings.HasPrefix(body, "<!DOCTYPE html>")) }

func TestViolations(t *testing.T) {
	cases := []struct {
		name   string
		op     Op
		fields map[string]string
		field  string
		text   string
	}{
		{"a card number by name", OpOrder, with(goodOrder(), map[string]string{"cardNumber": "1"}), "cardNumber", "is a field of a card or an account"},
		{"a card number by value", OpOrder, with(goodOrder(), map[string]string{"custom1": "4111-1111 1111 1111"}), "custom1", "holds a card number"},
		{"a price", OpOrder, with(goodOrder(), map[string]string{"product1_price": "1"}), "product1_price", "overrides a price of the CRM"},
		{"a tax", OpUpsale, with(goodUpsale("x"), map[string]string{"salesTax": "0"}), "salesTax", "overrides a price of the CRM"},
		{"a customer's id", OpOrder, with(goodOrder(), map[string]string{"customerId": "1"}), "customerId", "is not a field a relay sends with this call"},
		{"the relay's own ref", OpLead, with(person(), map[string]string{"ref": "1"}), "ref", "is not a field a relay sends with this call"},
		{"payment without a source", OpOrder, with(goodOrder(), map[string]string{"paySource": "-"}), "paySource", "is missing"},
		{"payment by card", OpOrder, with(goodOrder(), map[string]string{"paySource": "CREDITCARD"}), "paySource", "is not PREPAID"},
		{"payment without a method", OpUpsale, with(goodUpsale("x"), map[string]string{"prepaidType": "-"}), "prepaidType", "is missing"},
		{"payment without a gateway", OpOrder, with(goodOrder(), map[string]string{"forceMerchantId": "-"}), "forceMerchantId", "is missing"},
		{"payment by another gateway", OpOrder, with(goodOrder(), map[string]string{"forceMerchantId": "8"}), "forceMerchantId", "is not a gateway of the campaign"},
		{"no way back", OpOrder, with(goodOrder(), map[string]string{"redirectsTo": "-"}), "redirectsTo", "is missing"},
		{"a way back on plain http", OpOrder, with(goodOrder(), map[string]string{"redirectsTo": "http://shop.example/r"}), "redirectsTo", "is not a https address"},
		{"a way back that is too long", OpOrder, with(goodOrder(), map[string]string{"redirectsTo": "https://shop.example/" + strings.Repeat("r", 280)}), "redirectsTo", "is longer than 300 characters"},
		{"a failure address with a query", OpOrder, with(goodOrder(), map[string]string{"errorRedirectsTo": "https://shop.example/?a=1"}), "errorRedirectsTo", "has a query string already, which a second ? would break"},
		{"no checkout page", OpOrder, with(goodOrder(), map[string]string{"salesUrl": "-"}), "salesUrl", "is missing"},
		{"no shopper's address", OpLead, with(person(), map[string]string{"ipAddress": "-"}), "ipAddress", "is not the shopper's address"},
		{"a shopper's address that is none", OpClick, map[string]string{"campaignId": "12", "pageType": "leadPage", "ipAddress": "shopper"}, "ipAddress", "is not the shopper's address"},
		{"text that is not UTF-8", OpLead, with(person(), map[string]string{"city": "M\xfcnchen"}), "city", "is not UTF-8"},
		{"a call nobody asked for", Op("customer/query"), nil, "path", "is not a call a relay makes"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			sim := New(Options{})
			post(sim, c.op, c.fields)
			assert.Contains(t, sim.Violations(), Violation{Call: 1, Op: c.op, Field: c.field, Text: c.text})
		})
	}

	t.Run("plain http is right for a relay on this machine", func(t *testing.T) {
		for _, host := range []string{"localhost:8787", "127.0.0.1:8787", "[::1]:8787", "shop.localhost"} {
			sim := New(Options{})
			post(sim, OpOrder, with(goodOrder(), map[string]string{"redirectsTo": "http://" + host + "/r",
				"errorRedirectsTo": "http://" + host + "/f", "salesUrl": "http://" + host + "/"}))
			assertNoViolations(t, sim)
		}
	})

	t.Run("what goes over the wire is judged too: query strings, paths, types, repeated fields", func(t *testing.T) {
		got := func(path, form string) []string {
			sim := New(Options{})
			_, _, err := sim.Post(context.Background(), testURL+path, form, 0)
			require.NoError(t, err)
			var fields []string
			for _, v := range sim.Violations() {
				fields = append(fields, v.Field)
			}
			return fields
		}
		assert.Empty(t, got("/order/query/", "orderId=1"))
		assert.Equal(t, []string{"path"}, got("/order/query", "orderId=1"))
		assert.Equal(t, []string{"query"}, got("/order/query/?password=x", "orderId=1"))
		assert.Equal(t, []string{"orderId"}, got("/order/query/", "orderId=1&orderId=2"))
		assert.Equal(t, []string{"body"}, got("/order/query/", "orderId=%zz"))
	})

	t.Run("an ad id that passes the Luhn test is no card, and a phone number may look like one", func(t *testing.T) {
		sim := New(Options{})
		post(sim, OpOrder, with(goodOrder(), map[string]string{"affId": "9999999999999995",
			"phoneNumber": "4111111111111111"}))
		assertNoViolations(t, sim)
	})
}

func TestTheBooks(t *testing.T) {
	t.Run("keep every call with its exact fields, also those that never arrived", func(t *testing.T) {
		sim := New(Options{Fault: func(c Call) Fault {
			if c.N == 2 {
				return Fault{Answer: AnswerUnreached}
			}
			return Fault{}
		}})
		post(sim, OpLead, person())
		post(sim, OpOrder, goodOrder())
		post(sim, OpQuery, map[string]string{"orderId": sim.Orders()[0].ID})
		calls := sim.Calls()
		require.Len(t, calls, 3)
		assert.Equal(t, "SUCCESS", calls[0].Result())
		assert.Equal(t, "O’Brien", calls[0].Fields["lastName"])
		assert.Equal(t, "/leads/import/", calls[0].Path)
		assert.Equal(t, "unreached", calls[1].Lost)
		assert.Zero(t, calls[1].Delivered)
		assert.Empty(t, calls[1].Result())
		assert.Len(t, sim.Calls(OpQuery, OpLead), 2)
	})

	t.Run("give copies", func(t *testing.T) {
		sim := New(Options{})
		post(sim, OpOrder, goodOrder())
		order := sim.Orders()[0]
		order.Fields["city"], order.Items[0].Qty, order.Imports[0].Result = "Gouda", 99, "?"
		sim.Calls()[0].Fields["city"] = "Gouda"
		kept, _ := sim.Order(order.ID)
		assert.Equal(t, "Amsterdam", kept.Fields["city"])
		assert.Equal(t, 2, kept.Items[0].Qty)
		assert.Equal(t, "MERC_REDIRECT", kept.Imports[0].Result)
		assert.Equal(t, "Amsterdam", sim.Calls()[0].Fields["city"])
	})

	t.Run("let an operator set a status, and be emptied", func(t *testing.T) {
		sim := New(Options{})
		post(sim, OpOrder, goodOrder())
		id := sim.Orders()[0].ID
		require.NoError(t, sim.SetStatus(id, StatusRefunded))
		assert.Equal(t, StatusRefunded, post(sim, OpQuery, map[string]string{"orderId": id}).first(t)["orderStatus"])
		assert.Error(t, sim.SetStatus("0", StatusRefunded))
		sim.Reset()
		assert.Empty(t, sim.Orders())
		assert.Empty(t, sim.Calls())
		_, ok := sim.Order(id)
		assert.False(t, ok)
	})

	t.Run("bear many callers at once", func(t *testing.T) {
		sim := New(Options{})
		done := make(chan error)
		for range 8 {
			go func() {
				for range 50 {
					if got := post(sim, OpOrder, goodOrder()); got.Result != "MERC_REDIRECT" {
						done <- errors.New(got.Body)
						return
					}
				}
				done <- nil
			}()
		}
		for range 8 {
			require.NoError(t, <-done)
		}
		ids := map[string]bool{}
		for _, o := range sim.Orders() {
			ids[o.ID] = true
		}
		assert.Len(t, ids, 400)
	})
}

func BenchmarkOrder(b *testing.B) {
	sim := New(Options{})
	for b.Loop() {
		if got := post(sim, OpOrder, goodOrder()); got.Result != "MERC_REDIRECT" {
			b.Fatal(got.Body)
		}
	}
}
