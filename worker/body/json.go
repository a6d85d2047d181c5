package body

import (
	"strings"

	"klarna-relay/worker/json"
	"klarna-relay/worker/rules"
)

// json reads a flat object.
func (r *reader) json(s string) error {
	var fault error
	err := json.EachMember(s, func(name string, kind json.Kind, text string) bool {
		fault = r.member(name, kind, text)
		return fault == nil
	})
	if fault == nil && err != nil {
		fault = ErrMalformed
	}
	return fault
}

func (r *reader) member(name string, kind json.Kind, text string) error {
	if err := r.count(name); err != nil {
		return err
	}
	switch kind {
	case json.Null:
		return nil
	case json.True:
		text = "1"
	case json.False:
		text = "0"
	case json.Number:
		text = number(text)
	case json.Array:
		return failed(name, rules.Nested, "")
	case json.Object:
		if name != "orderItems" {
			return failed(name, rules.Nested, "")
		}
	}
	return r.add(name, text)
}

// number is the text of a JSON number: without zeros behind the point, else as written. Ad ids have more digits
// than a float keeps, so nothing is computed here.
func number(literal string) string {
	whole, decimals, _ := strings.Cut(literal, ".")
	if strings.Trim(decimals, "0") == "" {
		return whole
	}
	return literal
}
