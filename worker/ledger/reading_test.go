package ledger

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARecordThatIsHandedOverIsReadOnce(t *testing.T) {
	ctx := context.Background()
	m := NewMemory()
	ref, other := m.New(), m.New()
	won, stored, err := m.Write(ctx, ref, 0, "first", time.Time{}, time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.True(t, won)
	store := Reading{Ref: ref, Stored: stored, Allowed: 1}.Over(m)
	_, _, err = m.Write(ctx, ref, 1, "second", time.Time{}, time.Now().Add(time.Hour))
	require.NoError(t, err)

	read := func(ref string, questions int) (string, int) {
		stored, allowed, err := store.Read(ctx, ref, questions)
		require.NoError(t, err)
		return stored.Data, allowed
	}
	data, _ := read(other, 0)
	assert.Empty(t, data, "another record is read where it is")
	data, allowed := read(ref, 2)
	assert.Equal(t, "first", data)
	assert.Equal(t, 1, allowed, "no more than was taken")
	data, _ = read(ref, 1)
	assert.Equal(t, "second", data)
	won, stored, err = store.Write(ctx, ref, 1, "third", time.Time{}, time.Now().Add(time.Hour))
	require.NoError(t, err)
	assert.False(t, won, "what was handed over is compared like everything else")
	assert.Equal(t, "second", stored.Data)
}
