package edge

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/ledger"
)

// What Go asks JavaScript to do; host.mjs has the other half of this table.
const (
	opRead  = 1
	opLimit = 2
	opBody  = 3
	// What the cron trigger needs.
	opTell     = 4
	opOutcomes = 5
)

// Statuses below zero say why something was not done.
const (
	statusFailed  = -1 // whether it arrived is not known
	statusNotSent = -2 // it surely never left
	statusUnknown = -3 // there is no such ref
)

// statusWithBody is the answer of opLimit that the request is within the limit, with its body.
const statusWithBody = 2

// Random returns 130 bits from crypto.getRandomValues as a text, as [crypto/rand.Text] does. That one sets a Go timer
// when it is first called, and brings code along.
func Random() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	var text [26]byte
	hostRandom(unsafe.Pointer(&text), int32(len(text)))
	for i, b := range text {
		text[i] = letters[b%32]
	}
	return string(text[:])
}

// Log prints one line.
func Log(line string) { hostLog(line) }

// Count writes one data point to the Analytics Engine binding METRICS, and does
// nothing when there is none. Texts must not contain NUL.
func Count(index string, blobs []string, numbers []int64) {
	b := strconv.AppendInt(append(append(make([]byte, 0, 256), index...), 0), int64(len(blobs)), 10)
	for _, blob := range blobs {
		b = append(append(b, 0), blob...)
	}
	for _, n := range numbers {
		b = strconv.AppendInt(append(b, 0), n, 10)
	}
	hostCount(unsafe.String(unsafe.SliceData(b), len(b)))
}

// Transport is [konnektive.Transport] by the runtime's fetch.
type Transport struct{}

var _ konnektive.Transport = Transport{}

// Post sends a form and reads at most 1 MiB of answer, all within timeout.
func (Transport) Post(ctx context.Context, url, form string, timeout time.Duration) (int, string, error) {
	c, err := callOf(ctx)
	if err != nil {
		return 0, "", err
	}
	hostPost(c.id, uint32(timeout.Milliseconds()), url, form)
	r, err := c.wait()
	switch {
	case err != nil:
		return 0, "", err
	case r.status == statusNotSent:
		return 0, "", fmt.Errorf("%w: %s", konnektive.ErrNotSent, r.body)
	case r.status < 0:
		return 0, "", errors.New(r.body)
	}
	return int(r.status), r.body, nil
}

// Ledger is [ledger.Store] by the Durable Object binding LEDGER.
type Ledger struct{}

var _ ledger.Store = Ledger{}

// Named gives the id of the object with this name, 64 hex digits, or "" when
// the binding is missing.
func (Ledger) Named(name string) string {
	var ref [64]byte
	if hostNamed(name, unsafe.Pointer(&ref)) == 0 {
		return ""
	}
	return string(ref[:])
}

// New gives the id of an object that nobody has ever named.
func (Ledger) New() string {
	var ref [64]byte
	if hostFresh(unsafe.Pointer(&ref)) == 0 {
		return ""
	}
	return string(ref[:])
}

// Read returns what the object keeps, and takes allowance for questions to Konnektive.
func (Ledger) Read(ctx context.Context, ref string, questions int) (ledger.Stored, int, error) {
	r, err := ask(ctx, opRead, ref+" "+strconv.Itoa(questions))
	if err != nil {
		return ledger.Stored{}, 0, err
	}
	if r.status < 0 {
		_, err = stored(r)
		return ledger.Stored{}, 0, err
	}
	reading, err := readingOf(ref, r.body)
	return reading.Stored, reading.Allowed, err
}

// readingOf reads "allowed NUL version NUL data".
func readingOf(ref, text string) (ledger.Reading, error) {
	taken, rest, _ := strings.Cut(text, "\x00")
	allowed, err := strconv.Atoi(taken)
	if err != nil {
		return ledger.Reading{}, fmt.Errorf("ledger: allowance: %w", err)
	}
	current, err := stored(reply{body: rest})
	return ledger.Reading{Ref: ref, Stored: current, Allowed: allowed}, err
}

// Write compares and sets.
func (Ledger) Write(ctx context.Context, ref string, version int64, data string, alarm, expires time.Time) (bool,
	ledger.Stored, error) {
	c, err := callOf(ctx)
	if err != nil {
		return false, ledger.Stored{}, err
	}
	hostWrite(c.id, ref, data, float64(version), milliseconds(alarm), milliseconds(expires))
	r, err := c.wait()
	if err != nil {
		return false, ledger.Stored{}, err
	}
	if r.status == 1 {
		return true, ledger.Stored{Version: version + 1, Data: data}, nil
	}
	current, err := stored(r)
	return false, current, err
}

// milliseconds since 1970, 0 for no time at all; a number as JavaScript has them.
func milliseconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli())
}

func stored(r reply) (ledger.Stored, error) {
	switch {
	case r.status == statusUnknown:
		return ledger.Stored{}, ledger.ErrUnknownRef
	case r.status < 0:
		return ledger.Stored{}, fmt.Errorf("ledger: %s", r.body)
	}
	number, data, _ := strings.Cut(r.body, "\x00")
	version, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return ledger.Stored{}, fmt.Errorf("ledger: version: %w", err)
	}
	return ledger.Stored{Version: version, Data: data}, nil
}

// Limit reports whether one more request of this key is within the limit of a rate limiting binding. The body of a
// request that is within it comes along, which spares a call to JavaScript.
func Limit(ctx context.Context, binding, key string) (bool, error) {
	r, err := ask(ctx, opLimit, binding+" "+key)
	if err != nil {
		return false, err
	}
	switch r.status {
	case 0, 1:
		return r.status == 1, nil
	case statusWithBody:
		ctx.Value(callKey{}).(*call).body = &r.body
		return true, nil
	}
	return false, fmt.Errorf("rate limit %s: %s", binding, r.body)
}
