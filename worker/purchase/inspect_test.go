package purchase

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/konnektive"
)

func TestAnOperatorFindsAPurchase(t *testing.T) {
	ctx := context.Background()
	d := newDesk(t)
	paid, session := d.paidOrder("key")
	d.pass(time.Minute)
	extra, _ := d.redirected(upsale("key-2", paid.Ref))
	d.imported(order("key-3", "cart", paid.Ref)) // its key is tied by a record of its own
	for _, c := range []struct {
		name, id string
		ref      string // "": not found
	}{
		{"by its ref", paid.Ref, paid.Ref},
		{"by the name of a session", session, paid.Ref},
		{"by the name of a session that it does not have", paid.Ref + "0", paid.Ref},
		{"by the order's id", "L1", paid.Ref},
		{"by the order's id in small letters", "l1", paid.Ref},
		{"an upsale by its ref", extra.Ref, extra.Ref},
		{"by an order's id that nobody holds", "L2", ""},
		{"by a ref that is not known", strings.Repeat("0", 64), ""},
		{"by the beginning of its ref", paid.Ref[:shortRef], ""},
		{"by nothing", "", ""},
		{"a hold is no purchase", d.store.Named("order\nL1"), ""},
		{"a key is no purchase", d.store.Named("key\nshop.example\nkey-3"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, ok, err := d.another().Inspect(ctx, c.id)
			require.NoError(t, err)
			assert.Equal(t, c.ref != "", ok)
			assert.Equal(t, c.ref, in.Ref)
		})
	}
	t.Run("and is told when the ledger fails", func(t *testing.T) {
		d.store.fails = func(string, string) error { return errBroken }
		for _, id := range []string{paid.Ref, session, "L1"} {
			_, ok, err := d.another().Inspect(ctx, id)
			assert.ErrorIs(t, err, errBroken)
			assert.False(t, ok)
		}
	})
}

func TestWhatAnOperatorSeesOfAPurchase(t *testing.T) {
	ctx := context.Background()
	d := newDesk(t)
	first, session := d.redirected(order("key-1", "cart", ""))
	_, err := d.another().Failed(ctx, Back{Lander: "shop.example", Session: session})
	require.NoError(t, err)
	d.pass(time.Minute)
	d.redirected(order("key-2", "cart", first.Ref))
	d.rewrite(first.Ref, func(r *Record) {
		preparing := opened("preparing", d.now)
		preparing.OrderID = "P1"
		r.Attempts = append(r.Attempts, without(answered("c", codes.Redirect, d.now)), preparing)
	})
	before := len(d.calls)
	in, ok, err := d.another().Inspect(ctx, first.Ref)
	require.NoError(t, err)
	require.True(t, ok)
	assert.Equal(t, Running, in.Standing)
	require.Len(t, in.Attempts, 4)
	assert.Equal(t, []string{"order/query " + in.Attempts[1].OrderID, "order/query L1"}, d.calls[before:],
		"the newest first")
	for i, want := range []struct {
		standing    Standing
		open, asked bool
		now         string
	}{
		{Left, false, true, partial}, {AtKlarna, true, true, partial}, {AtKlarna, true, false, ""},
		{Running, false, false, ""},
	} {
		a := in.Attempts[i]
		assert.Equal(t, want.standing, a.Standing, i)
		assert.Equal(t, []bool{want.open, want.asked}, []bool{a.Open, a.Asked}, i)
		assert.Equal(t, want.now, a.Now.Status, i)
		assert.NoError(t, a.Failed, i)
	}

	in, ok, err = d.another().Inspect(ctx, first.Ref)
	require.NoError(t, err)
	require.True(t, ok)
	assert.Equal(t, []bool{false, false}, []bool{in.Attempts[0].Asked, in.Attempts[1].Asked},
		"without allowance nothing is asked")

	d.pass(time.Second)
	in, _, err = d.another().Inspect(ctx, first.Ref)
	require.NoError(t, err)
	assert.Equal(t, []bool{false, true}, []bool{in.Attempts[0].Asked, in.Attempts[1].Asked},
		"with a little, the newest is")

	d.pass(time.Minute)
	d.refuse(konnektive.OrderQuery, lost)
	in, ok, err = d.another().Inspect(ctx, first.Ref)
	require.NoError(t, err)
	assert.True(t, ok, "what the ledger has is told all the same")
	assert.Error(t, in.Attempts[0].Failed)
}

func TestWhenASessionEndsByItself(t *testing.T) {
	redirect, pending := answered("a", codes.Redirect, noon), answered("a", codes.Pending, noon)
	assert.Equal(t, redirect.AnsweredAt.Add(48*time.Hour), redirect.Until())
	assert.Zero(t, pending.Until(), "nobody was sent to Klarna")
}
