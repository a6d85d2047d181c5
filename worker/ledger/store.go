// Package ledger keeps what the relay knows of each purchase, and decides what
// may happen to it next. A purchase is one order in Konnektive, or one upsale of
// it; an attempt is one import of it, made under one idempotency key.
//
// The rule behind all others: an attempt is recorded as sent before its import
// leaves, and an import that may have left is never sent again. What became of
// it is then a question for Order Query.
//
// The package is pure: no clock, no network, no JavaScript. Records live in a
// [Store], which only compares and sets.
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

// A Store keeps one versioned record for each ref, atomically. In production it
// is a Durable Object; tests use [Memory].
type Store interface {
	// Named gives the ref of the record with this name, always the same one.
	Named(name string) (ref string)
	// New gives a ref that has not been given before and cannot be guessed.
	New() (ref string)
	Read(ctx context.Context, ref string) (Stored, error)
	// Write stores data as version+1 when the stored version is the given one.
	// Otherwise it changes nothing, and current is what is there. The store
	// wakes the relay at alarm (the zero time: not at all) and forgets the
	// record at expires.
	Write(ctx context.Context, ref string, version int64, data string, alarm, expires time.Time) (won bool, current Stored, err error)
}
