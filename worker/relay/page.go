package relay

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/words"
)

// escaped makes a text safe within HTML, between tags and in quotes. With html.EscapeString the compressed Worker is
// 30 KB larger, because package html brings the table of all entities.
func escaped(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch c {
		case '&', '<', '>', '"', '\'':
			b.WriteString("&#" + strconv.Itoa(int(c)) + ";")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// asPage turns an answer into what a browser without JavaScript can use: the
// next page, or a page that says what is wrong.
func (rl *Relay) asPage(rq *request, a *answer) *answer {
	if a.location != "" || a.html != "" {
		return a
	}
	switch a.code {
	case codes.Redirect:
		a.location = a.url
	case codes.Paid:
		a.location = rl.nextPage(rq, a.ref, rq.route.name == "upsale")
	case codes.AlreadyTaken:
		a.location = rl.nextPage(rq, a.ref, true)
	case codes.Pending, codes.Unknown:
		a.location = withRef(rq.lander.ThankYou, a.ref)
	default:
		nonce := rl.platform.Random()
		a.html = plainPage(rq, nonce, a)
		a.csp = "default-src 'none'; style-src 'nonce-" + nonce +
			"'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	}
	return a
}

// noIcon keeps browsers from asking for /favicon.ico, which the policies of these pages would block, with an error
// in the console.
const noIcon = `<link rel="icon" href="data:,">`

const pageStyle = `:root{color-scheme:light dark}body{font:1.0625rem/1.6 system-ui,sans-serif;overflow-wrap:anywhere;` +
	`max-width:34rem;margin:12vh auto;padding:0 1.25rem}h1{font-size:1.5rem;line-height:1.25}` +
	`ul{padding-left:1.25rem}li{margin:.5rem 0}`

// plainPage says what an answer says.
func plainPage(rq *request, nonce string, a *answer) string {
	lang := rq.lang()
	title, hint := "page.incomplete", "page.back"
	switch {
	case rq.route == nil || rq.route.navigated:
		// Nobody typed anything: the shopper was on the way back from Klarna.
		title, hint = "page.sorry", ""
	case a.code == codes.InProgress:
		// The button was pressed twice, and the browser shows the second answer alone.
		title, hint = "page.wait", "page.reload"
	case codes.Meanings[a.code].Result == "SUCCESS":
		// A lead, a click or a confirmation, which lead nowhere.
		title, hint = "page.thanks", ""
	}
	heading := escaped(words.Text(lang, title))
	var b strings.Builder
	b.WriteString(`<!doctype html><html lang="` + lang +
		`"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">` + noIcon +
		`<title>`)
	b.WriteString(heading + `</title><style nonce="` + nonce + `">` + pageStyle + `</style></head><body><main><h1>` +
		heading + `</h1><p>`)
	b.WriteString(escaped(a.pageWords(lang)) + `</p>`)
	if len(a.fields) > 0 {
		b.WriteString(`<ul>`)
		names := slices.Sorted(maps.Keys(a.fields))
		slices.SortStableFunc(names, func(a, b string) int { return place(a) - place(b) })
		for _, name := range names {
			b.WriteString(`<li>`)
			if word := label(name, lang); word != "" {
				b.WriteString(`<strong>` + escaped(word) + `:</strong> `)
			}
			b.WriteString(escaped(a.fields[name]) + `</li>`)
		}
		b.WriteString(`</ul>`)
	}
	if hint != "" {
		b.WriteString(`<p>` + escaped(words.Text(lang, hint)) + `</p>`)
	}
	b.WriteString(`</main></body></html>`)
	return b.String()
}

// lang is the language of the words of an answer: the one that the page's form has in its action (?lang=de), since a
// browser sends its own with a form that it posts by itself; else the browser's. Most orders are answered without words.
func (rq *request) lang() string {
	if rq.spoken == "" && rq.http.URL.RawQuery != "" {
		rq.spoken = words.Language(rq.http.URL.Query().Get("lang"))
	}
	if rq.spoken == "" {
		rq.spoken = words.Accepted(rq.http.Header.Get("Accept-Language"))
	}
	return rq.spoken
}

// pageWords is what a page says above a list of fields, or alone.
func (a *answer) pageWords(lang string) string {
	switch {
	case len(a.fields) > 0:
		return pageText(codes.Invalid, lang)
	case a.text != "":
		return pageText(a.text, lang)
	}
	return pageText(a.code, lang)
}
