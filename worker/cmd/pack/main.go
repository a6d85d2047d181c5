// Pack rewrites the data of a Wasm module that Go's linker made, so that it
// becomes a twelfth smaller on the wire. The linker leaves out every run of
// eight zeros, which cuts the data into some ten thousand pieces, each with an
// address that no compressor can shorten. Here pieces that lie close together
// are joined, with the zeros in between: the memory that results is the same.
//
//	go run ./worker/cmd/pack <file>   changes the file in place
package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pack <module.wasm>")
		os.Exit(2)
	}
	if err := packFile(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func packFile(path string) error {
	module, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	packed, err := pack(module)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, packed, 0o644)
}

// gap is how many zeros are cheaper than a piece of their own. More gains nothing that a compressor notices.
const gap = 64

// What pack reads of the format: https://webassembly.github.io/spec/core/binary/modules.html
const (
	header      = "\x00asm\x01\x00\x00\x00"
	dataSection = 11
	opI32Const  = 0x41
	opEnd       = 0x0b
)

var errCut = errors.New("the module is cut off")

// A piece of the memory as it is when the program starts.
type piece struct {
	at      int64
	content []byte
}

// pack returns the module with its pieces of data joined.
func pack(module []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(module, []byte(header))
	if !ok {
		return nil, errors.New("not a Wasm module")
	}
	packed := append(make([]byte, 0, len(module)+len(module)/4), header...)
	for len(rest) > 0 {
		id := rest[0]
		size, after, err := number(rest[1:])
		if err != nil || size > uint64(len(after)) {
			return nil, errCut
		}
		section := after[:size]
		if id == dataSection {
			pieces, err := readData(section)
			if err != nil {
				return nil, err
			}
			joined, err := join(pieces)
			if err != nil {
				return nil, err
			}
			section = writeData(joined)
		}
		packed = append(binary.AppendUvarint(append(packed, id), uint64(len(section))), section...)
		rest = after[size:]
	}
	return packed, nil
}

// readData understands what the linker writes: pieces of memory 0, each at a constant address.
func readData(section []byte) ([]piece, error) {
	count, rest, err := number(section)
	if err != nil || count > uint64(len(rest)) {
		return nil, errCut
	}
	pieces := make([]piece, count)
	for i := range pieces {
		if len(rest) < 2 {
			return nil, errCut
		}
		if rest[0] != 0 || rest[1] != opI32Const {
			return nil, errors.New("data that is not at a constant address of the one memory")
		}
		at, after, err := signed(rest[2:])
		if err != nil || len(after) == 0 {
			return nil, errCut
		}
		if after[0] != opEnd || at < 0 {
			return nil, errors.New("data at an address that is not a constant")
		}
		size, content, err := number(after[1:])
		if err != nil || size > uint64(len(content)) {
			return nil, errCut
		}
		pieces[i] = piece{at, content[:size]}
		rest = content[size:]
	}
	if len(rest) > 0 {
		return nil, errors.New("more in the data section than its pieces")
	}
	return pieces, nil
}

// join puts pieces together that have a small gap between them. They must not overlap, since then their order would
// count.
func join(pieces []piece) ([]piece, error) {
	slices.SortStableFunc(pieces, func(a, b piece) int { return cmp.Compare(a.at, b.at) })
	var joined []piece
	for _, p := range pieces {
		if len(p.content) == 0 {
			continue
		}
		if len(joined) > 0 {
			last := &joined[len(joined)-1]
			between := p.at - last.at - int64(len(last.content))
			if between < 0 {
				return nil, errors.New("pieces of data that overlap")
			}
			if between <= gap {
				last.content = append(append(last.content, make([]byte, between)...), p.content...)
				continue
			}
		}
		joined = append(joined, piece{p.at, slices.Clone(p.content)})
	}
	return joined, nil
}

func writeData(pieces []piece) []byte {
	section := binary.AppendUvarint(nil, uint64(len(pieces)))
	for _, p := range pieces {
		section = append(appendSigned(append(section, 0, opI32Const), p.at), opEnd)
		section = append(binary.AppendUvarint(section, uint64(len(p.content))), p.content...)
	}
	return section
}

// number reads an unsigned LEB128, which is Go's uvarint.
func number(b []byte) (n uint64, rest []byte, err error) {
	n, size := binary.Uvarint(b)
	if size <= 0 {
		return 0, nil, errCut
	}
	return n, b[size:], nil
}

// signed reads a signed LEB128, which Go's varint is not: that one is zigzag.
func signed(b []byte) (n int64, rest []byte, err error) {
	for i, shift := 0, 0; i < len(b) && i < 10; i++ {
		n |= int64(b[i]&0x7f) << shift
		if shift += 7; b[i] < 0x80 {
			if b[i]&0x40 != 0 && shift < 64 {
				n |= -1 << shift
			}
			return n, b[i+1:], nil
		}
	}
	return 0, nil, errCut
}

func appendSigned(b []byte, n int64) []byte {
	for {
		low := byte(n & 0x7f)
		n >>= 7
		if n == 0 && low&0x40 == 0 || n == -1 && low&0x40 != 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}
