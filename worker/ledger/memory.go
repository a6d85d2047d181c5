package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"sync"
	"time"

	"klarna-relay/worker/rules"
)

// Memory is a [Store] for tests of the relay outside a Worker. Like the Durable
// Object it forgets nothing before its time and decides nothing.
type Memory struct {
	// Now is the clock by which allowance grows; nil: allowance is unlimited.
	Now func() time.Time

	mu      sync.Mutex
	serial  int
	known   map[string]bool
	records map[string]memoryRecord
	buckets map[string]bucket
}

// bucket is the allowance to ask: what there was of it at a moment, in questions.
type bucket struct {
	left float64
	at   time.Time
}

type memoryRecord struct {
	Stored
	alarm, expires time.Time
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{known: map[string]bool{}, records: map[string]memoryRecord{}, buckets: map[string]bucket{}}
}

// Named implements [Store].
func (m *Memory) Named(name string) string {
	sum := sha256.Sum256([]byte("named " + name))
	return m.give(hex.EncodeToString(sum[:]))
}

// New implements [Store].
func (m *Memory) New() string {
	m.mu.Lock()
	m.serial++
	serial := m.serial
	m.mu.Unlock()
	sum := sha256.Sum256([]byte("new " + strconv.Itoa(serial)))
	return m.give(hex.EncodeToString(sum[:]))
}

func (m *Memory) give(ref string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known[ref] = true
	return ref
}

// check says what is wrong with a ref. Another text than a ref is a fault of whoever asks: in production the question
// would cost a call, or be about another record. The empty text is what a store gives that has no names.
func (m *Memory) check(ref string) error {
	switch {
	case m.known[ref]:
		return nil
	case ref == "" || rules.IsRef(ref):
		return ErrUnknownRef
	}
	return errors.New("asked about a text that is no ref")
}

// Read implements [Store].
func (m *Memory) Read(_ context.Context, ref string, questions int) (Stored, int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check(ref); err != nil {
		return Stored{}, 0, err
	}
	return m.records[ref].Stored, m.take(ref, questions), nil
}

func (m *Memory) take(ref string, questions int) int {
	if m.Now == nil {
		return questions
	}
	now := m.Now()
	b, known := m.buckets[ref]
	if !known {
		b = bucket{Burst, now}
	}
	left := min(Burst, b.left+now.Sub(b.at).Seconds())
	taken := min(questions, int(left))
	m.buckets[ref] = bucket{left - float64(taken), now}
	return taken
}

// Write implements [Store].
func (m *Memory) Write(_ context.Context, ref string, version int64, data string, alarm, expires time.Time) (bool,
	Stored, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check(ref); err != nil {
		return false, Stored{}, err
	}
	if current := m.records[ref]; current.Version != version {
		return false, current.Stored, nil
	}
	record := memoryRecord{Stored{version + 1, data}, alarm, expires}
	m.records[ref] = record
	return true, record.Stored, nil
}

// Due takes the alarms that have come by now, as the Durable Object does:
// expired records are forgotten, the refs of the others are returned.
func (m *Memory) Due(now time.Time) (refs []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for ref, record := range m.records {
		switch {
		case !now.Before(record.expires):
			delete(m.records, ref)
		case !record.alarm.IsZero() && !now.Before(record.alarm):
			record.alarm = time.Time{}
			m.records[ref] = record
			refs = append(refs, ref)
		}
	}
	return refs
}

// Len is the number of records kept.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.records)
}
