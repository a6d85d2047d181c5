package rules

import "strings"

// isEmail says whether s has the shape of an address that people have: a dot-atom of RFC 5321 before the "@", a
// domain name with a dot after it, which may be an international one. Quoted local parts, comments, address
// literals and local parts beyond ASCII (RFC 6531) are left out: in a form they are slips of the keyboard.
func isEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || len(local) > 64 || len(domain) > 253 {
		return false
	}
	for i := 0; i < len(local); i++ {
		c := local[i]
		if c == '.' {
			if i == 0 || i == len(local)-1 || local[i-1] == '.' {
				return false
			}
		} else if !isLetter(c) && !isDigit(c) && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) < 0 {
			return false
		}
	}
	labels := strings.Split(domain, ".")
	if len(labels) < 2 {
		return false
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if r < 0x80 {
				if c := byte(r); !isLetter(c) && !isDigit(c) && c != '-' {
					return false
				}
			} else if !nameLetter(r) {
				return false
			}
		}
	}
	top := labels[len(labels)-1]
	if top[0] >= 0x80 {
		return true
	}
	return len(top) >= 2 && isLetter(top[0])
}
