// Package ledger keeps versioned records: one for each purchase, key and order, one for each few hours of the books,
// and one for the alerts. It decides nothing: a [Store] compares and sets, wakes the relay when the time has come, and
// counts how often Konnektive may be asked.
package ledger

import (
	"context"
	"errors"
	"time"
)

// ErrUnknownRef is returned by [Store.Read] and [Store.Write] for a ref that
// the store never gave out.
var ErrUnknownRef = errors.New("the ref is not one of this store")

// Stored is a record as the store keeps it. Version 0 means that nothing is
// stored.
type Stored struct {
	Version int64
	Data    string
}

// Burst is for how many questions at once there is allowance.
const Burst = 3

// A Store keeps one versioned record for each ref, atomically. In production it
// is a Durable Object; tests use [Memory].
type Store interface {
	// Named gives the ref of the record with this name, always the same one.
	Named(name string) (ref string)
	// New gives a ref that has not been given before and cannot be guessed.
	New() (ref string)
	// Read gives what is stored, and takes allowance for up to this many questions to Konnektive about the record:
	// allowed is for how many there was some. There is allowance for a burst of [Burst] questions, and for one more each
	// second, no matter who asks. It is kept in memory only.
	Read(ctx context.Context, ref string, questions int) (stored Stored, allowed int, err error)
	// Write stores data as version+1 when the stored version is the given one.
	// Otherwise it changes nothing, and current is what is there. The store
	// wakes the relay at alarm (the zero time: not at all) and forgets the
	// record at expires.
	Write(ctx context.Context, ref string, version int64, data string, alarm, expires time.Time) (won bool,
		current Stored, err error)
}
