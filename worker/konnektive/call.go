// Package konnektive speaks Konnektive's Direct API as far as a Klarna relay needs it. It sends the calls listed in
// [Endpoint], reads the envelope they are answered with, and says in [Outcome] what an answer means for an order.
//
// The package is pure: all it needs from outside is a [Transport]. It never retries, because an import is not
// idempotent. It never lets a caller reach an endpoint that is not in the list.
//
// Konnektive's reference is not public. Each guess about an answer is marked GUESS where it is made;
// worker/docs/unknowns.md lists them.
package konnektive

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Endpoint is the path of a Direct API call. Konnektive wants the trailing slash.
type Endpoint string

// The calls of the relay. Nothing else of the CRM can be reached through it.
const (
	ImportOrder   Endpoint = "/order/import/"
	ImportUpsale  Endpoint = "/upsale/import/"
	ImportLead    Endpoint = "/leads/import/"
	ImportClick   Endpoint = "/landers/clicks/import/"
	ConfirmOrder  Endpoint = "/order/confirm/"
	OrderQuery    Endpoint = "/order/query/"
	CampaignQuery Endpoint = "/campaign/query/"
)

// ErrNotSent is wrapped by a [Transport] when the request surely never left. An error that is less sure than that must
// not wrap it. The Worker's fetch says the same of a refused connection as of one that was lost after the last byte,
// so there only an address that is no URL counts.
var ErrNotSent = errors.New("the request was not sent")

// A Transport does one POST of a form and reads the whole answer. It follows no redirect and repeats nothing. An error
// that does not wrap [ErrNotSent] means that the request may have arrived. The text of an error is logged, so it must
// hold neither the form nor the answer.
type Transport interface {
	Post(ctx context.Context, url, form string, timeout time.Duration) (status int, body string, err error)
}

// A Client makes calls with one API user's credentials.
type Client struct {
	// BaseURL is the scheme and host, such as https://api.konnektive.com.
	BaseURL string
	// LoginID and Password go into the body of every call, never into a URL.
	LoginID, Password string
	// Timeout is how long one call may take, the reading of its answer included.
	Timeout   time.Duration
	Transport Transport
}

// Call sends one call and reads its answer. A failure is part of the [Reply], because for an import "no answer" is a
// result with a meaning of its own: [Reply.Err] says why.
func (c *Client) Call(ctx context.Context, endpoint Endpoint, form Form) Reply {
	sent := form.With("loginId", c.LoginID, "password", c.Password)
	status, body, err := c.Transport.Post(ctx, strings.TrimSuffix(c.BaseURL, "/")+string(endpoint), string(sent),
		c.Timeout)
	if err == nil {
		reply := Read(status, body)
		if reply.Kind == Error {
			reply.typed = form.typed()
		}
		return reply
	}
	kind := Doubt
	if errors.Is(err, ErrNotSent) {
		kind = NotSent
	}
	return Reply{Kind: kind, Err: fmt.Errorf("%s: %w", endpoint, err)}
}
