package ledger

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return noon.Add(d) }

func TestOnlyTheStoredVersionCanBeWrittenOver(t *testing.T) {
	ctx, m := context.Background(), NewMemory()
	ref := m.New()
	stored, _, err := m.Read(ctx, ref, 0)
	require.NoError(t, err)
	assert.Zero(t, stored, "nothing is stored yet")
	assert.Zero(t, m.Len(), "and reading stores nothing")

	won, current, err := m.Write(ctx, ref, 1, "too early", time.Time{}, after(time.Hour))
	require.NoError(t, err)
	assert.False(t, won)
	assert.Zero(t, current)
	won, current, err = m.Write(ctx, ref, 0, "first", time.Time{}, after(time.Hour))
	require.NoError(t, err)
	assert.True(t, won)
	assert.Equal(t, Stored{1, "first"}, current)
	for _, version := range []int64{0, 2} {
		won, current, err = m.Write(ctx, ref, version, "late", time.Time{}, after(time.Hour))
		require.NoError(t, err)
		assert.False(t, won)
		assert.Equal(t, Stored{1, "first"}, current)
	}
	won, _, _ = m.Write(ctx, ref, 1, "second", time.Time{}, after(time.Hour))
	assert.True(t, won)
	stored, _, _ = m.Read(ctx, ref, 0)
	assert.Equal(t, Stored{2, "second"}, stored)
	assert.Equal(t, 1, m.Len())
}

func TestOfManyWritersAtOnceOneWins(t *testing.T) {
	m := NewMemory()
	ref := m.Named("one")
	var won atomic.Int32
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if ok, _, err := m.Write(context.Background(), ref, 0, fmt.Sprint(i), time.Time{}, after(time.Hour)); err == nil &&
				ok {
				won.Add(1)
			}
		})
	}
	all.Wait()
	assert.EqualValues(t, 1, won.Load())
}

func TestRefsThatWereNotGivenOutAreUnknown(t *testing.T) {
	ctx, m := context.Background(), NewMemory()
	for _, ref := range []string{"", strings.Repeat("0", 64)} {
		_, _, err := m.Read(ctx, ref, 0)
		assert.ErrorIs(t, err, ErrUnknownRef)
		_, _, err = m.Write(ctx, ref, 0, "", time.Time{}, noon)
		assert.ErrorIs(t, err, ErrUnknownRef)
	}
	for _, text := range []string{"made up", m.New() + " ", m.New() + " 3", strings.Repeat("F", 64)} {
		_, _, err := m.Read(ctx, text, 0)
		require.Error(t, err)
		assert.NotErrorIs(t, err, ErrUnknownRef, "nobody should ask about %q", text)
		_, _, err = m.Write(ctx, text, 0, "", time.Time{}, noon)
		require.Error(t, err)
		assert.NotErrorIs(t, err, ErrUnknownRef, "nobody should write to %q", text)
	}

	assert.Equal(t, m.Named("a"), m.Named("a"))
	assert.NotEqual(t, m.Named("a"), m.Named("b"))
	assert.NotEqual(t, m.New(), m.New())
	assert.Regexp(t, `^[0-9a-f]{64}$`, m.New())
}

func TestAlarmsComeOnceAndRecordsAreForgottenInTime(t *testing.T) {
	ctx, m := context.Background(), NewMemory()
	ref, quiet := m.New(), m.New()
	_, _, err := m.Write(ctx, ref, 0, "watched", after(time.Minute), after(time.Hour))
	require.NoError(t, err)
	_, _, err = m.Write(ctx, quiet, 0, "not watched", time.Time{}, after(2*time.Hour))
	require.NoError(t, err)

	assert.Empty(t, m.Due(after(time.Minute-1)))
	assert.Equal(t, []string{ref}, m.Due(after(time.Minute)))
	assert.Empty(t, m.Due(after(time.Minute)), "once")
	assert.Empty(t, m.Due(after(time.Hour-1)))
	assert.Equal(t, 2, m.Len())
	assert.Empty(t, m.Due(after(time.Hour)))
	assert.Equal(t, 1, m.Len())
	stored, _, err := m.Read(ctx, ref, 0)
	require.NoError(t, err)
	assert.Zero(t, stored)
}

func TestThereIsAllowanceForThreeQuestionsAtOnceAndForOneMoreEachSecond(t *testing.T) {
	now := noon
	m := NewMemory()
	m.Now = func() time.Time { return now }
	ref, other := m.New(), m.New()
	ask := func(ref string, questions int) int {
		_, allowed, err := m.Read(context.Background(), ref, questions)
		require.NoError(t, err)
		return allowed
	}
	assert.Equal(t, 0, ask(ref, 0))
	assert.Equal(t, 2, ask(ref, 2))
	assert.Equal(t, 1, ask(ref, 2), "what there is of it")
	assert.Equal(t, 0, ask(ref, 1))
	assert.Equal(t, 3, ask(other, 9), "each record has its own")
	now = after(999 * time.Millisecond)
	assert.Equal(t, 0, ask(ref, 1))
	now = after(time.Second)
	assert.Equal(t, 1, ask(ref, 1))
	assert.Equal(t, 0, ask(ref, 1))
	now = after(time.Hour)
	assert.Equal(t, 3, ask(ref, 9), "not more than the burst")
}
