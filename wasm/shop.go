//go:build js && wasm

package main

import (
	"strings"
	"syscall/js"

	"klarna-relay/worker/rules"
)

// shop reads what the page knows of the lander.
func shop(args []js.Value) rules.Shop {
	if len(args) < 2 || args[1].Type() != js.TypeObject {
		return rules.Shop{}
	}
	v := args[1]
	maximum := 0
	if n := v.Get("maxQuantity"); n.Type() == js.TypeNumber {
		maximum = n.Int()
	}
	return rules.Shop{
		Products:    list(v.Get("products")),
		Upsales:     list(v.Get("upsales")),
		Countries:   list(v.Get("countries")),
		MaxQuantity: maximum,
	}
}

// list is an array of texts or numbers, or a text with spaces or commas between its parts, as data attributes have it.
func list(v js.Value) []string {
	if v.Type() != js.TypeObject {
		return strings.Fields(strings.ReplaceAll(valueText(v), ",", " "))
	}
	var parts []string
	for i := range v.Length() {
		parts = append(parts, valueText(v.Index(i)))
	}
	return parts
}
