package body

import (
	"strings"

	"klarna-relay/worker/rules"
)

// maxPartHead is how long the headers of a part may be: browsers and PHP send one line of some 60 characters.
const maxPartHead = 1 << 10

// multipart reads a form of RFC 7578, as browsers (WHATWG HTML) and PHP's curl write it: no preamble, lines end
// with CRLF. A file input in which no file was chosen is nothing; any other file is refused.
func (r *reader) multipart(s, boundary string) error {
	delimiter := "\r\n--" + boundary
	rest, ok := strings.CutPrefix(s, delimiter[2:])
	for ok {
		if rest, ok = strings.CutPrefix(rest, "--"); ok { // the end
			if strings.TrimLeft(rest, "\r\n") != "" {
				break
			}
			return nil
		}
		head, body, found := strings.Cut(rest, "\r\n\r\n")
		if !found || len(head) > maxPartHead {
			break
		}
		name, file, fine := partName(head)
		if !fine {
			break
		}
		if err := r.count(name); err != nil {
			return err
		}
		var value string
		if value, rest, ok = strings.Cut(body, delimiter); !ok {
			break
		}
		switch {
		case !file:
			if err := r.add(name, value); err != nil {
				return err
			}
		case value != "":
			return failed(name, rules.FileSent, "")
		}
	}
	return ErrMalformed
}

// partName reads the headers of a part: the rest of the delimiter's line, and the lines below it. ok is false when
// they name no field, or when two readers could take the part differently.
func partName(head string) (name string, file, ok bool) {
	first, lines, found := strings.Cut(head, "\r\n")
	if strings.Trim(first, " \t") != "" || !found {
		return "", false, false
	}
	named := false
	for line := range strings.SplitSeq(lines, "\r\n") {
		header, value, colon := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case !colon || header == "" || header[0] == ' ' || header[0] == '\t':
			return "", false, false
		case strings.EqualFold(header, "content-disposition"):
			if named {
				return "", false, false
			}
			if name, file, named = disposition(value); !named {
				return "", false, false
			}
		case strings.EqualFold(header, "content-transfer-encoding"):
			if !strings.EqualFold(value, "binary") && !strings.EqualFold(value, "8bit") && !strings.EqualFold(value, "7bit") {
				return "", false, false
			}
		case strings.EqualFold(header, "content-type"):
			if _, charset, given := strings.Cut(strings.ToLower(value), "charset="); given &&
				!strings.HasPrefix(strings.Trim(charset, `"`), "utf-8") {
				return "", false, false
			}
		}
	}
	return name, file, named
}

// disposition reads form-data; name="…"; filename="…".
func disposition(value string) (name string, file, ok bool) {
	kind, rest, _ := strings.Cut(value, ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "form-data") {
		return "", false, false
	}
	for rest = strings.TrimSpace(rest); rest != ""; {
		param, after, equals := strings.Cut(rest, "=")
		if !equals {
			return "", false, false
		}
		text, behind, fine := quotedOrToken(after)
		if !fine {
			return "", false, false
		}
		switch strings.ToLower(strings.TrimSpace(param)) {
		case "name":
			if ok {
				return "", false, false
			}
			name, ok = text, true
		case "filename", "filename*":
			file = true
		}
		behind = strings.TrimSpace(behind)
		if behind != "" && behind[0] != ';' {
			return "", false, false
		}
		rest = strings.TrimSpace(strings.TrimPrefix(behind, ";"))
	}
	return name, file, ok && name != ""
}

// quotedOrToken reads the value of a parameter. Browsers write a quotation mark within it as %22, curl as \".
func quotedOrToken(s string) (text, behind string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexByte(s, ';')
		if end < 0 {
			end = len(s)
		}
		return strings.TrimSpace(s[:end]), s[end:], end > 0
	}
	s = s[1:]
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return strings.ReplaceAll(s[:i], `\"`, `"`), s[i+1:], true
		}
	}
	return "", "", false
}
