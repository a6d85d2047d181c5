// Package relay is the Worker's /api: it speaks Konnektive's Direct API dialect
// to the landers, and makes sure that an order is never lost, never doubled and
// never shown as paid when it is not.
//
// [Relay.ServeHTTP] finds the route of a request (routes.go), the checks of origin, rate and body refuse what must not
// go further (request.go), package rules says whether an order is acceptable, package purchase decides what may happen
// to it and does it, and answer.go turns what came of that into the envelope. Two things begin without a request:
// [Relay.Watch] (watch.go) by an alarm of the ledger's, and [Relay.Look] (look.go) by the cron trigger. The operator's
// own routes are in operator.go, inspect.go and books.go.
//
// What the package needs from the platform is in [Platform], so that the same code runs in a Worker and in tests that
// make every step fail.
package relay

import (
	"context"
	"time"

	"klarna-relay/worker/config"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/ledger"
)

// Platform is what the relay needs from where it runs.
type Platform struct {
	Transport konnektive.Transport
	Store     ledger.Store
	// AtOnce runs functions at the same time and returns when all have ended; nil: they run one after the other.
	AtOnce func(ctx context.Context, do ...func(context.Context))
	// Limit tells whether one more request with this key is within the limit of this binding. When it fails, the
	// request is let through: a limiter that fails must not cost a sale.
	Limit func(ctx context.Context, binding, key string) (bool, error)
	Now   func() time.Time
	// Log takes one JSON line a request.
	Log func(line string)
	// Caught is told of a panic. It must not print the value, which may hold a
	// shopper's data.
	Caught func(p any)
	// Count takes one data point a request, free of personal data.
	Count func(Point)
	// Random gives a fresh unguessable text of at least 16 characters, fit for
	// a header and an HTML attribute.
	Random func() string
	// Tell posts JSON to the webhook; err says that no answer came in time. Outcomes are the Worker's own counts of
	// the last quarter of an hour, as alert.Judge has them. The cron trigger needs both.
	Tell     func(ctx context.Context, address, body string) (status int, err error)
	Outcomes func(ctx context.Context) (map[string]int64, error)
	// StartedLate: the program could not be started with the isolate, so that
	// a shopper had to wait for it. Health says so.
	StartedLate bool
}

// A Point is what the counters get to know of a request.
type Point struct {
	Lander, Route, Code string
	UpstreamMS, TotalMS int64
	// Of a payment, whose Route is "settled" and whose Code is "order" or "upsale": what was paid, in hundredths.
	Amount               int64
	Currency, Ref        string
	HTTPStatus, Upstream int
}

// Relay serves /api.
type Relay struct {
	config   config.Config
	faults   []config.Fault
	client   konnektive.Client
	platform Platform

	campaigns campaigns
}

// New returns a relay for a configuration. With faults it answers every call
// 503 misconfigured, except where those faults are what is asked for.
func New(c config.Config, faults []config.Fault, platform Platform) *Relay {
	if platform.AtOnce == nil {
		platform.AtOnce = oneByOne
	}
	return &Relay{
		config: c,
		faults: faults,
		client: konnektive.Client{
			BaseURL: c.KonnektiveURL, LoginID: c.LoginID, Password: c.Password, Timeout: c.Timeout,
			Transport: platform.Transport,
		},
		platform: platform,
	}
}

func oneByOne(ctx context.Context, do ...func(context.Context)) {
	for _, f := range do {
		f(ctx)
	}
}
