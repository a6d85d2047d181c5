//go:build js && wasm

package edge

import "unsafe"

// findLanders has JavaScript look up what landers.toml says of a host, and returns the length of it in bytes, or -1 when there is no such file.
//
//go:wasmimport relay findLanders
func hostFindLanders(host string) (length int32)

// takeLanders copies what was found last.
//
//go:wasmimport relay takeLanders
func hostTakeLanders(to unsafe.Pointer)

// LandersFile is landers.toml as it was bundled, a config.File; nil when there is none.
func LandersFile() func(host string) string {
	if hostFindLanders("*") < 0 {
		return nil
	}
	return func(host string) string {
		n := hostFindLanders(host)
		if n <= 0 {
			return ""
		}
		found := make([]byte, n)
		hostTakeLanders(unsafe.Pointer(unsafe.SliceData(found)))
		return unsafe.String(unsafe.SliceData(found), len(found))
	}
}
