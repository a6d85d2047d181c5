// Package hostile has request bodies that are made to be costly to read, to check or to answer.
package hostile

import (
	"fmt"
	"strings"
)

// A Body is one of them.
type Body struct{ Name, Type, Text string }

// Bodies are large, deep, wide or broken. No order is among them.
func Bodies() (list []Body) {
	const json, form = "application/json", "application/x-www-form-urlencoded"
	many := func(format string) string {
		var b strings.Builder
		for i := 0; b.Len() < 63<<10; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	of := func(name, contentType, body string) {
		list = append(list, Body{name, contentType, body})
	}
	for _, name := range []string{"cvv", "card", "ship", "product", "custom_", "x"} {
		of("63 KiB of names like "+name, form, many(name+"%02d&"))
		of("63 KiB of values of names like "+name, form, many(name+"%02d=4111111111111111&"))
	}
	of("63 KiB of priced products", form, many("product%d_price=1&"))
	of("63 KiB of escapes", form, "firstName="+strings.Repeat("%C3%A4", 10000))
	of("63 KiB of broken escapes", form, "firstName="+strings.Repeat("%", 63<<10))
	of("63 KiB of plus signs", form, "firstName="+strings.Repeat("+", 63<<10))
	of("63 KiB of ampersands", form, strings.Repeat("&", 63<<10))
	of("63 KiB of equals signs", form, strings.Repeat("=&", 32<<10))
	of("63 KiB of digits", form, "custom1="+strings.Repeat("4111111111111111", 4000))
	of("64 KiB and a byte", form, strings.Repeat("a", 64<<10+1))
	of("deep JSON", json, strings.Repeat(`{"a":`, 10000)+"1"+strings.Repeat("}", 10000))
	of("deep arrays", json, strings.Repeat("[", 60000))
	of("wide JSON", json, "{"+many(`"n%d":1,`)+`"z":1}`)
	of("JSON with a name twice", json, `{"firstName":"a","firstName":"b"}`)
	of("JSON of long numbers", json, `{"product1_id":`+strings.Repeat("9", 60000)+`}`)
	of("JSON of escapes", json, `{"firstName":"`+strings.Repeat(`\u00e4`, 10000)+`"}`)
	of("half a surrogate pair", json, `{"firstName":"\ud800"}`)
	of("JSON that is a list of orders", json, `[{"product1_id":34},{"product1_id":35}]`)
	of("a prototype", json, `{"__proto__":{"product1_id":34}}`)
	of("a byte order mark", json, "\ufeff{}")
	of("UTF-16", json, "{\x00}\x00")
	of("multipart of a thousand parts", "multipart/form-data; boundary=x",
		many("--x\r\nContent-Disposition: form-data; name=\"n%d\"\r\n\r\n1\r\n")+"--x--\r\n")
	of("multipart with a file", "multipart/form-data; boundary=x",
		"--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a.php\"\r\n\r\n<?php\r\n--x--\r\n")
	of("multipart without an end", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"a")
	of("multipart with a boundary of 63 KiB", "multipart/form-data; boundary="+strings.Repeat("x", 7000),
		strings.Repeat("--"+strings.Repeat("x", 7000), 8))
	return list
}
