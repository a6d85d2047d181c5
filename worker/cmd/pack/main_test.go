package main

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// module has one data section of these pieces, between two sections of something else.
func module(pieces ...piece) []byte {
	m := append([]byte(header), 0, 3, 2, 'h', 'i')
	data := writeData(pieces)
	m = append(binary.AppendUvarint(append(m, dataSection), uint64(len(data))), data...)
	return append(m, 0, 4, 3, 'e', 'n', 'd')
}

// memory is what an engine makes of the pieces.
func memory(t *testing.T, m []byte) []byte {
	t.Helper()
	image := make([]byte, 1<<16)
	rest := m[len(header):]
	for len(rest) > 0 {
		size, after, err := number(rest[1:])
		require.NoError(t, err)
		if rest[0] == dataSection {
			pieces, err := readData(after[:size])
			require.NoError(t, err)
			for _, p := range pieces {
				copy(image[p.at:], p.content)
			}
		}
		rest = after[size:]
	}
	return image
}

func TestPackLeavesTheMemoryAsItWas(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var pieces []piece
		for at := int64(random.IntN(200)); at < 60000; at += int64(random.IntN(300)) {
			content := make([]byte, random.IntN(40))
			for i := range content {
				content[i] = byte(random.IntN(256))
			}
			pieces = append(pieces, piece{at, content})
			at += int64(len(content))
		}
		random.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
		before := module(pieces...)
		after, err := pack(before)
		require.NoError(t, err)
		require.Equal(t, memory(t, before), memory(t, after))
		assert.True(t, bytes.Contains(after, []byte{0, 3, 2, 'h', 'i'}) &&
			bytes.HasSuffix(after, []byte{0, 4, 3, 'e', 'n', 'd'}), "the rest stays")

		again, err := pack(after)
		require.NoError(t, err)
		assert.Equal(t, after, again)
	}
}

func TestPackJoinsWhatLiesCloseTogether(t *testing.T) {
	got, err := pack(module(piece{100, []byte("ab")}, piece{102, []byte("c")}, piece{103 + gap, []byte("d")},
		piece{104 + 2*gap + 1, []byte("e")}))
	require.NoError(t, err)
	want := append([]byte("abc"), make([]byte, gap)...)
	assert.Equal(t, module(piece{100, append(want, 'd')}, piece{105 + 2*gap, []byte("e")}), got)
}

func TestPackRefusesWhatItDoesNotUnderstand(t *testing.T) {
	whole := module(piece{70000, []byte("some data")})
	for n := range whole[:len(whole)-6] {
		if n == len(header) || n == len(header)+5 { // where a module may end
			continue
		}
		_, err := pack(whole[:n])
		assert.Error(t, err, "cut to %d", n)
	}
	section := func(content ...byte) []byte {
		return append(append([]byte(header), dataSection, byte(len(content))), content...)
	}
	for name, m := range map[string][]byte{
		"no module":            []byte("hello"),
		"passive data":         section(1, 1, 1, 'a'),
		"another memory":       section(1, 2, 0, opI32Const, 0, opEnd, 1, 'a'),
		"an address of 64 bit": section(1, 0, 0x42, 0, opEnd, 1, 'a'),
		"a sum":                section(1, 0, opI32Const, 1, opI32Const, 1, 0x6a, opEnd, 1, 'a'),
		"below zero":           section(1, 0, opI32Const, 0x7f, opEnd, 1, 'a'),
		"more than it says":    section(1, 0, opI32Const, 0, opEnd, 1, 'a', 'b'),
		"overlapping":          module(piece{10, []byte("abc")}, piece{12, []byte("d")}),
	} {
		_, err := pack(m)
		assert.Error(t, err, name)
	}
}

func TestASignedNumberIsReadAsItWasWritten(t *testing.T) {
	for _, n := range []int64{0, 1, 63, 64, 127, 128, 8191, 8192, 1 << 31, 1<<63 - 1, -1, -64, -65, -1 << 63} {
		got, rest, err := signed(append(appendSigned(nil, n), 'x'))
		require.NoError(t, err)
		assert.Equal(t, n, got)
		assert.Equal(t, []byte("x"), rest)
	}
	_, _, err := signed(bytes.Repeat([]byte{0x80}, 11))
	assert.Error(t, err)
}

func TestPackFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.wasm")
	require.Error(t, packFile(path))
	require.NoError(t, os.WriteFile(path, []byte("no"), 0o600))
	require.ErrorContains(t, packFile(path), path)
	require.NoError(t, os.WriteFile(path, module(piece{1, []byte("a")}, piece{3, []byte("b")}), 0o600))
	require.NoError(t, packFile(path))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, module(piece{1, []byte("a\x00b")}), got)
}
