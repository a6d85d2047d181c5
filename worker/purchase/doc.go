// Package purchase decides what may happen to a purchase, and does it: it opens attempts, imports each of them at most
// once, takes shoppers back from Klarna, and finds out who has paid.
//
// A purchase is what one shopper buys on one lander: an order, or one upsale of it. An attempt is one wish to import a
// cart, named by an idempotency key. A session is the way to pay at Klarna that an import opened. Each session has an
// order in Konnektive of its own; the sessions of an upsale share the order that they belong to.
//
// An attempt goes through three states. The rule behind them: it is recorded as Sent before its import leaves, and an
// import that may have left is never sent again. What became of it is then a question for Order Query.
//
//	 begin              lead, hold              answer recorded
//	───────▶  Open  ───────────────▶  Sent  ─────────────────────▶  Answered
//	           │                       │
//	           │ lead failed,          │ surely not sent,
//	           │ lease over            │ operator's fault
//	           ▼                       ▼
//	       (removed)               (removed)
//
// How an attempt stands follows from its state, the code of its answer, how its session ended, and what Order Query
// said last (Known):
//
//	Open      ─ lease runs ──────────────────────────▶ Running
//	Sent      ─ before the deadline ─────────────────▶ Running
//	Sent, Answered unknown or redirect_invalid ──────▶ InDoubt ──┐ deadline + Grace, and
//	Answered pending (SUCCESS without a redirect) ───▶ Waiting ──┴ Known PARTIAL, none ──▶ Retry
//	Answered redirect ───────────────────────────────▶ AtKlarna ─┬ failed/, not COMPLETE ─▶ Left
//	                                                             ├ Known CANCELLED ───────▶ Left
//	                                                             ├ Known DECLINED ────────▶ Declined
//	                                                             └ SessionLife ───────────▶ Expired
//	Answered declined ───────────────────────────────▶ Declined
//	Answered invalid ────────────────────────────────▶ Refused
//	any but Open ─ Known PENDING ────────────────────▶ Reviewed
//	any but Open ─ Known REFUNDED ───────────────────▶ Closed
//	any but Open ─ Known COMPLETE ───────────────────▶ Paid, for good
//
// [Record.Standing] combines the attempts: one that is paid decides, then one that is under way, in doubt or open,
// then the latest. [Record.Decide] says what a request for an import may do about that.
//
// The package knows no HTTP, no JavaScript, no clock and no text for shoppers. Files, along the way of an order:
// import.go (one attempt from its key to its answer), key.go (which purchase a key is for), decide.go, hold.go
// (which purchase has an order), query.go (Order Query), back.go (the way back), watch.go (the alarm), confirm.go (the
// confirmation mails), store.go (all reading and writing of records), record.go, standing.go and codec.go (the record).
// lead.go is what comes before an order, inspect.go is for the operator, and service.go has what all of them share.
package purchase
