package simulator

import "time"

// Fault is what goes wrong with one call. The parts are independent of each other; the zero Fault is a call that
// goes well.
type Fault struct {
	Verdict  Verdict         // what the CRM decides instead of opening a Klarna session
	Redirect Redirect        // how it redirects, when it does
	Delivery Delivery        // whether, how often and when the call is processed
	Delay    time.Duration   // the answer comes this much later; Post gives up at its time-out
	Hold     <-chan struct{} // the answer waits until this is closed, or the caller gives up
	Answer   Answer          // what becomes of the answer
	Status   int             // HTTP status of the answer; 0 means 200
	Body     string          // the answer, with AnswerText

	slow bool // Delay is Settings.SlowFor
}

// Verdict is a decision of the CRM.
type Verdict int

// Verdicts. The zero Verdict is the usual one, by the call's own fields.
const (
	VerdictUsual Verdict = iota
	// "Transaction Declined: …"; an order becomes DECLINED, an upsale leaves its order as it was
	VerdictDecline
	VerdictFields      // ERROR with a text per field
	VerdictNoProducts  // "No products exist in the order"
	VerdictPaid        // SUCCESS and paid, without a redirect
	VerdictNoRedirect  // SUCCESS without a redirect and without a payment
	VerdictTaken       // "This upsale was already taken."
	VerdictWhitelist   // "IP must be whitelisted - 203.0.113.7"
	VerdictCredentials // "…Could not authenticate credentials…"
	VerdictOddError    // ERROR with a text that nobody has noted yet; the order is left as it is
	VerdictGrant       // ERROR: the API user has no right to make this call
	// SUCCESS without a redirect; the order is PENDING, in quality assurance, until somebody decides
	VerdictReview
)

// Redirect is a way to send the shopper to Klarna's page.
type Redirect string

// Redirects. The empty Redirect is the one of the Settings, and RedirectURL there.
const (
	RedirectURL      Redirect = "url"      // message.url
	RedirectForm     Redirect = "script"   // message.script that posts a form
	RedirectNavigate Redirect = "navigate" // message.script that sets window.location
	// message.script that adds an iframe; the return goes to the whole window
	RedirectIFrame       Redirect = "iframe"
	RedirectIFrameInside Redirect = "iframe-inside"  // message.script that adds an iframe; the return stays inside it
	RedirectOddScript    Redirect = "odd-script"     // message.script that a careless page would cut short or change
	RedirectHTTP         Redirect = "http-url"       // message.url on plain http, not on a loopback host
	RedirectUserinfo     Redirect = "userinfo-url"   // message.url with user and password
	RedirectRelative     Redirect = "relative-url"   // message.url without a host
	RedirectEmpty        Redirect = "empty-redirect" // neither url nor script
)

// redirects are the values a setting may have.
var redirects = []Redirect{RedirectURL, RedirectForm, RedirectNavigate, RedirectIFrame, RedirectIFrameInside,
	RedirectOddScript, RedirectHTTP, RedirectUserinfo, RedirectRelative, RedirectEmpty}

// Delivery is whether, how often and when a call is processed.
type Delivery int

// Deliveries.
const (
	DeliverOnce  Delivery = iota
	DeliverNever          // nothing is booked
	DeliverTwice          // as by a repeating proxy; the second answer is given
	DeliverLate           // booked at Release; until then the caller waits in vain
)

// Answer is what becomes of the answer to a processed call.
type Answer int

// Answers.
const (
	AnswerBooked Answer = iota // as the CRM gave it
	// the call never arrives, whatever Delivery says: Post's error wraps konnektive.ErrNotSent
	AnswerUnreached
	AnswerReset         // the connection is reset
	AnswerSilence       // nothing until the caller gives up
	AnswerHTML          // a page of a web server
	AnswerCut           // half of the JSON, as if that were all
	AnswerTorn          // half of the JSON, then the connection is reset
	AnswerEmpty         // no body
	AnswerUnknownResult // an envelope with a result nobody documented
	AnswerText          // Fault.Body
)
