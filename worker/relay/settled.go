package relay

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"klarna-relay/worker/json"
	"klarna-relay/worker/ledger"
	"klarna-relay/worker/purchase"
)

// RouteSettled is the Route of points that count payments, and not requests.
const RouteSettled = "settled"

// A sale is a payment that Order Query has proven, as the log, the counters and the day's books have it.
type sale struct {
	orderID  string
	ref      string // short
	kind     purchase.Kind
	amount   string // of the order, or of what an upsale added; "" when Konnektive does not say
	currency string
	campaign string
	lander   string
	at       time.Time
}

func saleOf(e purchase.Event, now time.Time) sale {
	s := sale{
		ref: shownRef(e.Ref), kind: e.Kind, amount: e.Order.Total, currency: e.Order.Currency, campaign: e.Order.CampaignID,
		lander: strings.ToLower(e.Lander), at: now,
	}
	if len(e.Orders) > 0 {
		s.orderID = e.Orders[0]
	}
	if e.Kind == purchase.KindUpsale {
		s.amount = e.Order.Price(e.Product)
	}
	return s
}

// hundredths is an amount in hundredths of its currency's unit; 0 for a text that is not an amount.
func hundredths(amount string) int64 {
	whole, part, _ := strings.Cut(strings.ReplaceAll(amount, ",", ""), ".")
	n, err := strconv.ParseInt(whole+(part + "00")[:2], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// countPayments notes the payments of a request where they are counted: one point for each purchase in the
// counters, one line in the day's books. It is called when nothing else is waited for.
func (rl *Relay) countPayments(rq *request) {
	for _, s := range rq.sales {
		rl.platform.Count(Point{Lander: s.lander, Route: RouteSettled, Code: string(s.kind), Currency: s.currency,
			Ref: s.ref, Amount: hundredths(s.amount)})
		if err := rl.book(rq.ctx, s); err != nil {
			rl.logError(rq, "not_booked", s, err)
		}
	}
}

// Bookkeeping of settled payments: one record for each few hours, so that many payments at once do not wait for
// each other.
const (
	bookHours = 4
	bookLife  = 45 * 24 * time.Hour
	bookTries = 12
)

var errBookContended = errors.New("other requests keep changing the book")

// bookOf is the name of the record for a time.
func bookOf(t time.Time) string {
	t = t.UTC().Truncate(bookHours * time.Hour)
	return "settled\n" + t.Format("2006-01-02T15")
}

// line is the sale as the books have it.
func (s sale) line() string {
	return strings.Join([]string{s.orderID, s.ref, string(s.kind), s.amount, s.currency, s.campaign, s.lander,
		strconv.FormatInt(s.at.Unix(), 10)}, "\t") + "\n"
}

func readSales(data string) (sales []sale) {
	for line := range strings.SplitSeq(data, "\n") {
		f := strings.Split(line, "\t")
		if len(f) < 8 {
			continue
		}
		seconds, _ := strconv.ParseInt(f[7], 10, 64)
		sales = append(sales, sale{orderID: f[0], ref: f[1], kind: purchase.Kind(f[2]), amount: f[3], currency: f[4],
			campaign: f[5], lander: f[6], at: time.Unix(seconds, 0)})
	}
	return sales
}

// book writes a sale into the day's books, once: the same payment may be found by two requests.
func (rl *Relay) book(ctx context.Context, s sale) error {
	name := rl.platform.Store.Named(bookOf(s.at))
	if name == "" {
		return errors.New("the ledger is not bound")
	}
	stored, _, err := rl.platform.Store.Read(ctx, name, 0)
	if err != nil {
		return fmt.Errorf("read the book: %w", err)
	}
	id := s.orderID + "\t" + s.ref + "\t" + string(s.kind) + "\t"
	for range bookTries {
		if strings.HasPrefix(stored.Data, id) || strings.Contains(stored.Data, "\n"+id) {
			return nil
		}
		var won bool
		var current ledger.Stored
		if won, current, err = rl.platform.Store.Write(ctx, name, stored.Version, stored.Data+s.line(), time.Time{},
			s.at.Add(bookLife)); err != nil {
			return fmt.Errorf("write the book: %w", err)
		}
		if won {
			return nil
		}
		stored = current
	}
	return errBookContended
}

// sales reads what was settled from one time to another one.
func (rl *Relay) sales(ctx context.Context, from, until time.Time) ([]sale, error) {
	var all []sale
	for t := from.UTC().Truncate(bookHours * time.Hour); t.Before(until); t = t.Add(bookHours * time.Hour) {
		stored, _, err := rl.platform.Store.Read(ctx, rl.platform.Store.Named(bookOf(t)), 0)
		if err != nil {
			return nil, fmt.Errorf("read the book: %w", err)
		}
		all = append(all, readSales(stored.Data)...)
	}
	return all, nil
}

// logError writes a line about a payment that could not be noted.
func (rl *Relay) logError(rq *request, event string, s sale, err error) {
	w := json.NewWriter(256)
	w.Open('{')
	w.Text("level", "error")
	w.Text("event", event)
	w.Text("time", rl.platform.Now().UTC().Format(timeFormat))
	w.Text("requestId", rq.id)
	w.OptionalText("orderId", s.orderID)
	w.OptionalText("ref", s.ref)
	w.Text("what", cut(err.Error(), 500))
	w.Close('}')
	rl.platform.Log(w.String())
}
