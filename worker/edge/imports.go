//go:build js && wasm

package edge

import (
	"net/http"
	"unsafe"

	"github.com/syumai/workers"
)

// What JavaScript does for Go; js/host.mjs implements it. imports_stub.go has the same functions for native tests.

//go:wasmimport relay ask
func hostAsk(id, op uint32, payload string)

//go:wasmimport relay post
func hostPost(id, timeout uint32, url, form string)

//go:wasmimport relay write
func hostWrite(id uint32, ref, data string, version, alarm, expires float64)

//go:wasmimport relay answered
func hostAnswered(id uint32, status int32, head, body string)

//go:wasmimport relay panicked
func hostPanicked(id uint32)

//go:wasmimport relay forget
func hostForget(id uint32)

//go:wasmimport relay taskDone
func hostTaskDone(id uint32, ok int32)

//go:wasmimport relay named
func hostNamed(name string, ref unsafe.Pointer) (ok int32)

//go:wasmimport relay fresh
func hostFresh(ref unsafe.Pointer) (ok int32)

//go:wasmimport relay random
func hostRandom(out unsafe.Pointer, length int32)

//go:wasmimport relay log
func hostLog(line string)

//go:wasmimport relay count
func hostCount(point string)

// findLanders has JavaScript look up what landers.toml says of a host, and returns the length of it in bytes, or -1
// when there is no such file.
//
//go:wasmimport relay findLanders
func hostFindLanders(host string) (length int32)

// takeLanders copies what was found last.
//
//go:wasmimport relay takeLanders
func hostTakeLanders(to unsafe.Pointer)

// listen has the worker library call the handler for each carrier that JavaScript asks it for.
func listen(handler http.Handler) {
	workers.ServeNonBlock(handler)
	workers.Ready()
}
