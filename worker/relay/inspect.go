package relay

import (
	"net/http"
	"strings"
	"time"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/json"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/purchase"
)

// inspect tells the operator all that is known of one purchase, and nothing about the shopper.
func (rl *Relay) inspect(rq *request) *answer {
	if refusal, ok := rl.operator(rq); !ok {
		return refusal
	}
	in, ok, err := rl.purchases(rq).Inspect(rq.ctx, rq.ref)
	switch {
	case err != nil:
		return &answer{code: codes.Internal, cause: err}
	case !ok:
		return operatorSays(http.StatusNotFound, "The relay knows no such purchase. It forgets one 72 hours after the "+
			"last attempt; the order may be in Konnektive all the same. "+
			"Give the whole ref of the shopper's page (64 characters behind ref=), or the order's id in Konnektive.")
	}
	w := json.NewWriter(2048)
	w.Open('{')
	w.Text("ref", shownRef(in.Ref))
	w.Text("kind", string(in.Record.Kind))
	w.Text("lander", strings.ToLower(in.Record.Lander))
	w.Text("created", in.Record.Created.UTC().Format(time.RFC3339))
	w.Text("code", in.Standing.Code())
	w.OptionalText("ofOrder", shownRef(in.Record.OrderRef))
	w.OptionalText("product", in.Record.Product)
	w.OptionalTrue("confirmed", in.Record.Confirmed)
	w.OptionalTexts("words", inspectionWords(in))
	w.Key("attempts")
	w.Open('[')
	for _, a := range in.Attempts {
		w.Element()
		writeInspected(w, a)
	}
	w.Close(']')
	w.Close('}')
	return &answer{code: codes.Accepted, status: http.StatusOK, rawBody: w.String()}
}

func writeInspected(w *json.Writer, a purchase.Inspected) {
	at := func(name string, t time.Time) {
		if !t.IsZero() {
			w.Text(name, t.UTC().Format(time.RFC3339))
		}
	}
	w.Open('{')
	w.OptionalText("orderId", a.OrderID)
	w.Text("state", string(a.State))
	at("begun", a.Begun)
	at("sent", a.Sent)
	at("answered", a.AnsweredAt)
	w.OptionalText("answer", a.Code)
	w.Text("stands", a.Standing.Code())
	w.OptionalTrue("sessionOpen", a.Open)
	at("sessionUntil", a.Until())
	w.OptionalText("end", string(a.End))
	at("ended", a.Ended)
	w.OptionalTrue("paid", a.Paid)
	if a.Asked && a.Failed == nil {
		w.Key("orderQuery")
		w.Open('{')
		w.Text("status", a.Now.Status)
		w.Text("total", a.Now.Total)
		w.Text("currency", a.Now.Currency)
		w.Close('}')
	} else if a.Asked {
		w.Text("orderQueryFailed", cut(a.Failed.Error(), 300))
	}
	w.Close('}')
}

// standingWords are sentences that a support person can read out.
var standingWords = map[purchase.Standing]string{
	purchase.Untried:  "Nothing has been ordered yet.",
	purchase.Refused:  "Konnektive found something wrong in the form; nothing was ordered.",
	purchase.Declined: "The payment was declined; nothing was charged. The shopper may order again.",
	purchase.Left:     "The shopper came back from Klarna without having paid. The order may be placed again.",
	purchase.Expired:  "The shopper went to Klarna and did not pay within 48 hours. The order may be placed again.",
	purchase.Retry: "The order did not get through; the shopper was never sent to Klarna and cannot have paid. It " +
		"may be placed again.",
	purchase.Closed:   "The order was paid and has been refunded since.",
	purchase.AtKlarna: "The shopper was sent to Klarna, and no payment has arrived so far.",
	purchase.Waiting:  "Konnektive took the order and has not confirmed a payment so far.",
	purchase.Reviewed: "The order is in Konnektive's quality assurance: somebody has to release or refuse it there.",
	purchase.InDoubt:  "The order was sent, and no answer came. The relay keeps asking what became of it.",
	purchase.Running:  "The order is being placed at this moment.",
	purchase.Paid:     "The order is paid; Konnektive says COMPLETE.",
}

func inspectionWords(in purchase.Inspection) []string {
	words := []string{standingWords[in.Standing]}
	paid := 0
	for _, a := range in.Attempts {
		if a.Paid {
			paid++
			words = append(words, "The order number is "+a.OrderID+".")
		}
		if a.Asked && a.Failed == nil && a.Now.Status == konnektive.StatusComplete && !a.Paid &&
			in.Record.Kind == purchase.KindOrder {
			words = append(words, "Order "+a.OrderID+" has become COMPLETE just now; the shopper's page says so when it is "+
				"opened again.")
		}
		if a.Open {
			words = append(words, "It can still be paid at Klarna until "+a.Until().UTC().Format("2 January 15:04")+
				" UTC; ordering the same again leads back there.")
		}
		if !a.Asked && a.OrderID != "" && a.State != purchase.Open {
			words = append(words, "Konnektive has been asked often enough; ask about order "+a.OrderID+" again in a few "+
				"seconds.")
		}
		if a.Asked && a.Failed != nil {
			words = append(words, "Konnektive could not be asked about order "+a.OrderID+" just now.")
		}
	}
	if paid > 1 {
		words = append(words, "It was paid more than once: refund all but one of these orders.")
	}
	return words
}
