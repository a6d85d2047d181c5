package edge

import "unsafe"

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
