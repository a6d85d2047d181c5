//go:build js && wasm

// The browser module has the edge's rules for the page and answers while the shopper types. The edge checks every
// order again, so a page also sells without this module. The module holds no texts: check.js has them in the page's
// language.
//
// Running it sets globalThis.klarnaRules, whose four functions are synchronous, keep nothing, and never throw: what
// they cannot answer is null.
//
//	problems(fields, shop)      those of an order as {field: {code, detail}}, in the form's order;
//	                            {} when there is none
//	    fields  {parameter: value}, as they would be posted; strings and numbers
//	    shop    {products, upsales, countries, maxQuantity}: what the page knows of the lander. Ids and countries
//	            are arrays or texts separated by spaces or commas. Without products (or countries, or a quantity)
//	            that rule is left to the edge
//	phone(text, country)        the E.164 form of a phone number, or null
//	postalCode(text, country)   the postal code in the country's form, or null
//	klarna(country)             {currency} where Klarna is offered, or null
package main

import (
	"strings"
	"syscall/js"

	"klarna-relay/worker/rules"
)

func main() {
	api := js.Global().Get("Object").New()
	for name, f := range map[string]func(args []js.Value) any{
		"problems": problems,
		"phone": func(args []js.Value) any {
			return orNull(rules.Phone(text(args, 0), code(args, 1)))
		},
		"postalCode": func(args []js.Value) any {
			return orNull(rules.PostalCode(text(args, 0), code(args, 1)))
		},
		"klarna": func(args []js.Value) any {
			currency, ok := rules.KlarnaCurrency(code(args, 0))
			if !ok {
				return nil
			}
			return map[string]any{"currency": currency}
		},
	} {
		// These four live as long as the page; calling them makes no further js.Func.
		api.Set(name, js.FuncOf(func(_ js.Value, args []js.Value) (answer any) {
			defer func() {
				if recover() != nil {
					answer = nil
				}
			}()
			return f(args)
		}))
	}
	js.Global().Set("klarnaRules", api)
	select {}
}

func orNull(s string, ok bool) any {
	if !ok {
		return nil
	}
	return s
}

// text is an argument as text; "" when it is missing or something else than a string or a number.
func text(args []js.Value, i int) string {
	if i >= len(args) {
		return ""
	}
	return valueText(args[i])
}

func valueText(v js.Value) string {
	switch v.Type() {
	case js.TypeString:
		return v.String()
	case js.TypeNumber:
		return js.Global().Get("String").Invoke(v).String()
	}
	return ""
}

func code(args []js.Value, i int) string {
	return strings.ToUpper(strings.TrimSpace(text(args, i)))
}

func problems(args []js.Value) any {
	fields := rules.Fields{}
	if len(args) > 0 && args[0].Type() == js.TypeObject {
		names := js.Global().Get("Object").Call("keys", args[0])
		for i := range names.Length() {
			name := names.Index(i).String()
			fields[name] = valueText(args[0].Get(name))
		}
	}
	found := js.Global().Get("Object").New()
	for _, p := range rules.CheckPage(fields, shop(args)) {
		found.Set(p.Field, map[string]any{"code": p.Code.String(), "detail": p.Detail})
	}
	return found
}
