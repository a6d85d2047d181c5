package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPage(t *testing.T) {
	words := map[string]string{"Your order": "Ihre Bestellung", "A lamp.": "Eine Lampe.", "Austria": "Österreich",
		"Spain": "Spanien", "Greece": "Griechenland"}
	for _, test := range []struct{ name, in, want string }{
		{"a text, with the space around it", "<h1> Your order\n</h1>", "<h1> Ihre Bestellung\n</h1>"},
		{"an image's text", `<img src="/img/lamp.svg" alt="A lamp.">`, `<img src="/img/lamp.svg" alt="Eine Lampe.">`},
		{"an empty attribute", `<img alt="">`, `<img alt="">`},
		{"a description, and no other meta",
			`<meta name="description" content="A lamp."><meta name="viewport" content="A lamp.">`,
			`<meta name="description" content="Eine Lampe."><meta name="viewport" content="A lamp.">`},
		{"the language", `<html lang="en">`, `<html lang="de">`},
		{"a link to a page", `<a href="/checkout?product1_id=34#x">`, `<a href="/de/checkout?product1_id=34#x">`},
		{"a link to the start page", `<a href="/">`, `<a href="/de/">`},
		{"a link to a file", `<link href="/style.css">`, `<link href="/style.css">`},
		{"the pages of a form", `<form action="/api/order/import/?lang=en" data-klarna-thanks="/checkout">`,
			`<form action="/api/order/import/?lang=de" data-klarna-thanks="/de/checkout">`},
		{"links to other languages", `<a href="/" hreflang="en" lang="en" aria-current="true">English</a><a href="/de/" hreflang="de" lang="de">Deutsch</a>`,
			`<a href="/" hreflang="en" lang="en">English</a><a href="/de/" hreflang="de" lang="de" aria-current="true">Deutsch</a>`},
		{"a value with a bracket", `<form data-x='{"a":1}' data-klarna-y="a>b"> 12 `,
			`<form data-x='{"a":1}' data-klarna-y="a>b"> 12 `},
		{"countries in the language's order", "<option value=\"AT\">Austria</option>\n<option " +
			"value=\"GR\">Greece</option>\n<option value=\"ES\">Spain</option>\n",
			"<option value=\"GR\">Griechenland</option>\n<option value=\"AT\">Österreich</option>\n<option " +
				"value=\"ES\">Spanien</option>\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tr := newTranslator("de", words, []string{"index.html", "checkout.html"})
			assert.Equal(t, test.want, tr.page(test.in))
			assert.Empty(t, tr.missing)
		})
	}
}

func TestParse(t *testing.T) {
	words, err := parse("# German\n\nYour order\n\tIhre Bestellung\nTotal\n  Gesamt\n")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"Your order": "Ihre Bestellung", "Total": "Gesamt"}, words)
	for name, text := range map[string]string{
		"a text without a translation": "Your order\nTotal\n\tGesamt\n", "one at the end": "Total\n", "a translation " +
			"without a text": "\tGesamt\n",
		"the same text twice": "Total\n\tGesamt\nTotal\n\tSumme\n",
	} {
		_, err := parse(text)
		assert.Error(t, err, name)
	}
}

func TestRun(t *testing.T) {
	root := t.TempDir()
	put := func(name, content string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(content), 0o644))
	}
	put("index.html", `<html lang="en"><h1>Your order</h1>`)
	put("translations/de.txt", "Your order\n\tIhre Bestellung\n")
	put("de/gone.html", "x")
	require.NoError(t, run(root))
	made, err := os.ReadFile(filepath.Join(root, "de/index.html"))
	require.NoError(t, err)
	assert.Equal(t, `<html lang="de"><h1>Ihre Bestellung</h1>`, string(made))
	assert.NoFileExists(t, filepath.Join(root, "de/gone.html"), "a page that is no longer there in English")

	put("translations/fr.txt", "Total\n\tTotal\n")
	err = run(root)
	assert.ErrorContains(t, err, `no translation for "Your order"`)
	assert.ErrorContains(t, err, `no page says "Total"`)
}

func TestTheSamplePagesAreTranslatedWhole(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.CopyFS(root, os.DirFS("../../../www")))
	assert.NoError(t, run(root))
}
