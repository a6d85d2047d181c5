// Package codes holds the words by which an answer says what happened, and how each of them is answered.
// The table of worker/docs/contract.md, under Answers, says the same to those who write pages.
package codes

// What became of an import, a purchase or a request.
const (
	Redirect        = "redirect"
	RedirectInvalid = "redirect_invalid"
	Paid            = "paid"
	Pending         = "pending"
	Unknown         = "unknown"
	Retry           = "retry"
	Declined        = "declined"
	Invalid         = "invalid"
	Product         = "product_refused"
	Country         = "country_refused"
	Card            = "card_data"
	AlreadyTaken    = "already_taken"
	NotPaid         = "order_not_paid"
	Accepted        = "accepted"  // a lead, a click or a check was taken
	Confirmed       = "confirmed" // Confirm Order was taken
	Unreachable     = "upstream_unreachable"
	Misconfigured   = "misconfigured"
	InProgress      = "in_progress"
	KeyReused       = "key_reused"
	EarlierPaid     = "earlier_paid" // the purchase is paid, with another cart
	HTTPS           = "https_required"
	Origin          = "origin_refused"
	TooLarge        = "too_large"
	Type            = "unsupported_type"
	Malformed       = "malformed"
	RateLimited     = "rate_limited"
	Challenge       = "challenge_failed"
	RefUnknown      = "ref_unknown"
	Internal        = "internal"
	NotFound        = "not_found"
	Method          = "method_not_allowed"
	Unauthorized    = "unauthorized"
	// Options is an answered OPTIONS request. It stands in the log only.
	Options = "options"
)

// A Meaning is how a code is answered.
type Meaning struct {
	Status int    // of HTTP
	Result string // of Konnektive's envelope
	// RetryAfter is the header of that name, in seconds. 0 means that it is not sent.
	RetryAfter int
}

// Meanings has every code that an answer can have.
var Meanings = map[string]Meaning{
	Redirect:        {Status: 200, Result: "MERC_REDIRECT"},
	RedirectInvalid: {Status: 502, Result: "ERROR"},
	Paid:            {Status: 200, Result: "SUCCESS"},
	Pending:         {Status: 202, Result: "PENDING"},
	Unknown:         {Status: 202, Result: "PENDING"},
	Retry:           {Status: 200, Result: "PENDING"},
	Declined:        {Status: 402, Result: "ERROR"},
	Invalid:         {Status: 422, Result: "ERROR"},
	Product:         {Status: 422, Result: "ERROR"},
	Country:         {Status: 422, Result: "ERROR"},
	Card:            {Status: 422, Result: "ERROR"},
	AlreadyTaken:    {Status: 200, Result: "SUCCESS"},
	NotPaid:         {Status: 409, Result: "ERROR"},
	Accepted:        {Status: 200, Result: "SUCCESS"},
	Confirmed:       {Status: 200, Result: "SUCCESS"},
	Unreachable:     {Status: 503, Result: "ERROR", RetryAfter: 5},
	Misconfigured:   {Status: 503, Result: "ERROR"},
	InProgress:      {Status: 409, Result: "ERROR", RetryAfter: 2},
	KeyReused:       {Status: 422, Result: "ERROR"},
	EarlierPaid:     {Status: 409, Result: "ERROR"},
	HTTPS:           {Status: 403, Result: "ERROR"},
	Origin:          {Status: 403, Result: "ERROR"},
	TooLarge:        {Status: 413, Result: "ERROR"},
	Type:            {Status: 415, Result: "ERROR"},
	Malformed:       {Status: 400, Result: "ERROR"},
	RateLimited:     {Status: 429, Result: "ERROR", RetryAfter: 60},
	Challenge:       {Status: 403, Result: "ERROR"},
	RefUnknown:      {Status: 404, Result: "ERROR"},
	Internal:        {Status: 500, Result: "ERROR"},
	NotFound:        {Status: 404, Result: "ERROR"},
	Method:          {Status: 405, Result: "ERROR"},
	Unauthorized:    {Status: 401, Result: "ERROR"},
}
