//go:build !(js && wasm)

package edge

import (
	"net/http"
	"unsafe"
)

// stub is the JavaScript of native tests: one field for each import of imports.go. A test sets those that it expects.
var stub struct {
	ask         func(id, op uint32, payload string)
	post        func(id, timeout uint32, url, form string)
	write       func(id uint32, ref, data string, version, alarm, expires float64)
	answered    func(id uint32, status int32, head, body string)
	panicked    func(id uint32)
	forget      func(id uint32)
	taskDone    func(id uint32, ok int32)
	named       func(name string, ref unsafe.Pointer) (ok int32)
	fresh       func(ref unsafe.Pointer) (ok int32)
	random      func(out unsafe.Pointer, length int32)
	log         func(line string)
	count       func(point string)
	findLanders func(host string) (length int32)
	takeLanders func(to unsafe.Pointer)
	listen      func(http.Handler)
}

func hostAsk(id, op uint32, payload string)         { stub.ask(id, op, payload) }
func hostPost(id, timeout uint32, url, form string) { stub.post(id, timeout, url, form) }
func hostWrite(id uint32, ref, data string, version, alarm, expires float64) {
	stub.write(id, ref, data, version, alarm, expires)
}
func hostAnswered(id uint32, status int32, head, body string) { stub.answered(id, status, head, body) }
func hostPanicked(id uint32)                                  { stub.panicked(id) }
func hostForget(id uint32)                                    { stub.forget(id) }
func hostTaskDone(id uint32, ok int32)                        { stub.taskDone(id, ok) }
func hostNamed(name string, ref unsafe.Pointer) (ok int32)    { return stub.named(name, ref) }
func hostFresh(ref unsafe.Pointer) (ok int32)                 { return stub.fresh(ref) }
func hostRandom(out unsafe.Pointer, length int32)             { stub.random(out, length) }
func hostLog(line string)                                     { stub.log(line) }
func hostCount(point string)                                  { stub.count(point) }

func hostFindLanders(host string) (length int32) { return stub.findLanders(host) }
func hostTakeLanders(to unsafe.Pointer)          { stub.takeLanders(to) }

func listen(handler http.Handler) { stub.listen(handler) }
