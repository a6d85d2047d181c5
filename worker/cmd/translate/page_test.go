package main

import (
	"bytes"
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
		{"a comment and a style sheet", `<!-- Austria: "yes" --><style>a { color: red }</style><p title="A lamp.">`,
			`<!-- Austria: "yes" --><style>a { color: red }</style><p title="Eine Lampe.">`},
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

// folder makes pages and translations of a shop.
func folder(t *testing.T, files map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, content := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(content), 0o644))
	}
	return root
}

func TestRun(t *testing.T) {
	root := folder(t, map[string]string{
		"index.html":          `<html lang="en"><h1>Your order</h1>`,
		"translations/de.txt": "Your order\n\tIhre Bestellung\n",
		"de/gone.html":        "x",
	})
	var stderr bytes.Buffer
	require.NoError(t, run(root, true, &stderr))
	made, err := os.ReadFile(filepath.Join(root, "de/index.html"))
	require.NoError(t, err)
	assert.Equal(t, `<html lang="de"><h1>Ihre Bestellung</h1>`, string(made))
	assert.NoFileExists(t, filepath.Join(root, "de/gone.html"), "a page that is no longer there in English")

	require.NoError(t, os.WriteFile(filepath.Join(root, "translations/fr.txt"), []byte("Total\n\tTotal\n"), 0o644))
	err = run(root, true, &stderr)
	assert.ErrorContains(t, err, `no translation for "Your order"`)
	assert.ErrorContains(t, err, `no page says "Total"`)
	assert.Empty(t, stderr.String())
}

func TestPagesOfOnesOwnNeedNoTranslation(t *testing.T) {
	root := folder(t, map[string]string{
		"index.html":          `<a href="/own">Your order</a> <a href="/sample">Total</a>`,
		"sample.html":         `<h1>Total</h1>`,
		"own.html":            `<h1>Your order</h1><p>Written by us.</p><p>And more.</p>`,
		"plain.html":          `<h1>Nothing of the sample</h1>`,
		"de/own.html":         "made before",
		"de/plain.html":       "made before",
		"translations/de.txt": "Your order\n\tIhre Bestellung\nTotal\n\tSumme\nSample\n\tMuster\n",
		"translations/nl.txt": "Your order\n\tUw bestelling\nTotal\n\tTotaal\nAnd more.\n\tEn meer.\n",
	})
	var stderr bytes.Buffer
	require.NoError(t, run(root, false, &stderr))
	own := filepath.Join(root, "own.html")
	translation := func(lang string) string { return filepath.Join(root, "translations", lang+".txt") }
	assert.Equal(t, "warning: "+own+" is not made in every language: "+translation("de")+" lacks 2 of its 3 texts, "+
		translation("nl")+" lacks 1 of its 3 texts\n", stderr.String())
	for _, lang := range []string{"de", "nl"} {
		assert.NoFileExists(t, filepath.Join(root, lang, "own.html"))
		assert.NoFileExists(t, filepath.Join(root, lang, "plain.html"))
	}
	made, err := os.ReadFile(filepath.Join(root, "de/index.html"))
	require.NoError(t, err)
	assert.Equal(t, `<a href="/own">Ihre Bestellung</a> <a href="/de/sample">Summe</a>`, string(made),
		"a link leads to the English page where there is no other")

	t.Run("a language file that cannot be read is an error all the same", func(t *testing.T) {
		root := folder(t, map[string]string{"index.html": "<p>Total</p>", "translations/de.txt": "Total\n"})
		assert.ErrorContains(t, run(root, false, &stderr), `no translation for "Total"`)
	})
}

func TestTheSamplePagesAreTranslatedWhole(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.CopyFS(root, os.DirFS("../../test/pages")))
	var stderr bytes.Buffer
	assert.NoError(t, run(root, true, &stderr))
}
