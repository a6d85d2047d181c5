package relay

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/json"
	"klarna-relay/worker/konnektive"
)

// Pages of Order Query: how many orders one has, and how many pages are read at most, since a Worker may make only so
// many calls.
const (
	booksPageSize = 200
	booksMaxPages = 25
)

// books compares the prepaid orders that Konnektive has of a day with the payments that the relay has settled.
func (rl *Relay) books(rq *request) *answer {
	if refusal, ok := rl.operator(rq); !ok {
		return refusal
	}
	day, err := time.Parse(time.DateOnly, rq.http.URL.Query().Get("day"))
	if err != nil {
		return operatorSays(http.StatusBadRequest, "Name the day as ?day=2026-01-31.")
	}
	// Konnektive's days are in the account's time zone, which the relay does not know. So a payment that one side has on
	// the day before or after is not reported as a difference.
	around, err := rl.sales(rq.ctx, day.AddDate(0, 0, -1), day.AddDate(0, 0, 2))
	if err != nil {
		return &answer{code: codes.Internal, cause: err}
	}
	orders, complaint := rl.prepaidOrders(rq, day)
	if complaint != "" {
		return operatorSays(http.StatusBadGateway, complaint)
	}
	w := json.NewWriter(4096)
	w.Open('{')
	w.Text("day", day.Format(time.DateOnly))
	writeBooks(w, day, around, orders)
	w.Close('}')
	return &answer{code: codes.Accepted, status: http.StatusOK, rawBody: w.String()}
}

func writeBooks(w *json.Writer, day time.Time, around []sale, orders []konnektive.Order) {
	settled := slices.DeleteFunc(slices.Clone(around),
		func(s sale) bool { return s.at.UTC().Format(time.DateOnly) != day.Format(time.DateOnly) })
	has := func(list []sale, id string) bool {
		return slices.ContainsFunc(list, func(s sale) bool { return s.orderID == id })
	}
	w.Number("settled", int64(len(settled)))
	w.Number("konnektive", int64(len(orders)))
	w.Key("revenue")
	w.Open('{')
	sums := map[string]int64{}
	for _, s := range settled {
		sums[s.lander+" "+s.currency] += hundredths(s.amount)
	}
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		w.Text(name, strconv.FormatFloat(float64(sums[name])/100, 'f', 2, 64))
	}
	w.Close('}')
	w.Key("onlyAtKonnektive")
	w.Open('[')
	for _, o := range orders {
		if has(around, o.ID) {
			continue
		}
		w.Element()
		w.Open('{')
		w.Text("orderId", o.ID)
		w.Text("campaign", o.CampaignID)
		w.Text("amount", o.Total)
		w.Text("currency", o.Currency)
		w.Close('}')
	}
	w.Close(']')
	w.Key("onlyAtTheRelay")
	w.Open('[')
	for _, s := range settled {
		if slices.ContainsFunc(orders, func(o konnektive.Order) bool { return o.ID == s.orderID }) {
			continue
		}
		w.Element()
		w.Open('{')
		w.Text("orderId", s.orderID)
		w.Text("ref", s.ref)
		w.Text("kind", string(s.kind))
		w.Text("lander", s.lander)
		w.Text("amount", s.amount)
		w.Text("currency", s.currency)
		w.Text("at", s.at.UTC().Format(time.RFC3339))
		w.Close('}')
	}
	w.Close(']')
}

// prepaidOrders asks Konnektive for the complete orders of a day that are paid by a method of the landers'.
// complaint says why it did not tell.
func (rl *Relay) prepaidOrders(rq *request, day time.Time) (orders []konnektive.Order, complaint string) {
	const american = "01/02/2006"
	methods := map[string]bool{}
	for _, l := range rl.config.Landers.All() {
		methods[l.PrepaidType] = true
	}
	calls := noted{rl, rq}
	for page := 1; page <= booksMaxPages; page++ {
		reply := calls.Call(rq.ctx, konnektive.OrderQuery, konnektive.Form{}.With(
			"startDate", day.Format(american), "endDate", day.Format(american), "orderStatus", konnektive.StatusComplete,
			"resultsPerPage", strconv.Itoa(booksPageSize), "page", strconv.Itoa(page)))
		if reply.Kind != konnektive.Success {
			if page == 1 && reply.Kind == konnektive.Error && reply.NoOrders() {
				return nil, ""
			}
			return nil, "Konnektive did not list the day's orders. The API user needs the grant for Order Query; the log " +
				"says what Konnektive answered."
		}
		found, total := konnektive.ReadOrders(reply)
		for _, o := range found {
			if o.PaySource == "PREPAID" && methods[o.PrepaidType] {
				orders = append(orders, o)
			}
		}
		if len(found) == 0 || page*booksPageSize >= total {
			return orders, ""
		}
	}
	return nil, "The day has more orders than can be compared here: " + strconv.Itoa(booksPageSize*booksMaxPages) +
		" are the most."
}
