// Package konnektive speaks Konnektive's Direct API as far as a Klarna relay
// needs it: it sends the calls listed in [Endpoint], reads the envelope they
// answer with, and says in [Outcome] what an answer proves.
//
// It is pure: the one thing it needs from outside is a [Transport]. It never
// retries, since an import is not idempotent, and it never lets a caller reach
// an endpoint that is not in the list.
package konnektive

import (
	"context"
	"errors"
	"strings"
	"time"
)

// Endpoint is the path of a Direct API call, with the trailing slash that
// Konnektive wants kept.
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

// ErrNotSent is wrapped by a [Transport] when the request surely never left:
// the connection was refused, the name did not resolve. Whatever is less sure
// than that must not wrap it.
var ErrNotSent = errors.New("the request was not sent")

// A Transport does one POST of a form body and reads the whole answer. It
// follows no redirect and repeats nothing. An error that does not wrap
// [ErrNotSent] means that the request may have arrived.
type Transport interface {
	Post(ctx context.Context, url, form string, timeout time.Duration) (status int, body string, err error)
}

// A Client makes calls with one API user's credentials.
type Client struct {
	// BaseURL is the scheme and host, without a trailing slash, e.g.
	// https://api.konnektive.com.
	BaseURL string
	// LoginID and Password go into the body of every call, never into a URL.
	LoginID, Password string
	// Timeout is how long one call may take, the reading of its answer included.
	Timeout   time.Duration
	Transport Transport
}

// Call sends one call and reads its answer. It returns no error: what went
// wrong is part of the [Reply], because for an import "no answer" is a result
// with a meaning of its own.
func (c *Client) Call(ctx context.Context, endpoint Endpoint, form Form) Reply {
	form = form.Add("loginId", c.LoginID).Add("password", c.Password)
	status, body, err := c.Transport.Post(ctx, strings.TrimSuffix(c.BaseURL, "/")+string(endpoint), string(form), c.Timeout)
	if err != nil {
		if errors.Is(err, ErrNotSent) {
			return Reply{Kind: NotSent}
		}
		return Reply{Kind: Doubt}
	}
	return Read(status, body)
}

// A Form is a form as it is sent (WHATWG URL, application/x-www-form-urlencoded), written in one go where url.Values makes a map of lists.
type Form []byte

// Add adds a parameter. An empty value is none.
func (f Form) Add(name, value string) Form {
	if value == "" {
		return f
	}
	if len(f) > 0 {
		f = append(f, '&')
	}
	return appendEscaped(append(appendEscaped(f, name), '='), value)
}

// All adds all parameters, in any order.
func (f Form) All(params map[string]string) Form {
	for name, value := range params {
		f = f.Add(name, value)
	}
	return f
}

func appendEscaped(b Form, s string) Form {
	const digits = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~':
			b = append(b, c)
		case c == ' ':
			b = append(b, '+')
		default:
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return b
}
