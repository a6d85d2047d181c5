//go:build js && wasm && counters

package edge

//lint:file-ignore U1000 JavaScript calls what is exported here.

import (
	"bytes"
	"runtime/coverage"
	"unsafe"
)

// For `make cover` alone: JavaScript reads the coverage counters of the running program, which never ends by itself
// and has no files to write to.

var counted []byte

// exportCounters prepares what coverage calls the meta-data (0), or the
// counters (1), and returns its length: 0 when the program does not count.
//
//go:wasmexport counters
func exportCounters(what int32) (n int32) {
	defer guard()
	var out bytes.Buffer
	write := coverage.WriteMeta
	if what == 1 {
		write = coverage.WriteCounters
	}
	if err := write(&out); err != nil {
		return 0
	}
	counted = out.Bytes()
	return int32(len(counted))
}

// exportCountersAt is the address of what exportCounters prepared.
//
//go:wasmexport countersAt
func exportCountersAt() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(counted)) }
