package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"sync"
	"time"
)

// Memory is a [Store] for tests of the relay outside a Worker. Like the Durable
// Object it forgets nothing before its time and decides nothing.
type Memory struct {
	mu      sync.Mutex
	serial  int
	known   map[string]bool
	records map[string]memoryRecord
}

type memoryRecord struct {
	Stored
	alarm, expires time.Time
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{known: map[string]bool{}, records: map[string]memoryRecord{}}
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

// Read implements [Store].
func (m *Memory) Read(_ context.Context, ref string) (Stored, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known[ref] {
		return Stored{}, ErrUnknownRef
	}
	return m.records[ref].Stored, nil
}

// Write implements [Store].
func (m *Memory) Write(_ context.Context, ref string, version int64, data string, alarm, expires time.Time) (bool, Stored, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known[ref] {
		return false, Stored{}, ErrUnknownRef
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
