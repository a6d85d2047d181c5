package relay

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/codes"
	"klarna-relay/worker/purchase"
	"klarna-relay/worker/words"
	"klarna-relay/worker/words/catalogue"
)

func TestAPageCallsTheFieldsAsTheCheckoutDoes(t *testing.T) {
	field := regexp.MustCompile(`<label for="([a-z0-9-]+)">([^<]+?)\s*(?:<span[^>]*>[^<]*</span>)?</label>\s*<(?:input|select) id="([a-z0-9-]+)" name="(\w+)"`)
	page, err := os.ReadFile("../test/pages/checkout.html")
	require.NoError(t, err)
	fields := field.FindAllStringSubmatch(string(page), -1)
	require.Len(t, fields, 18)
	for _, lang := range []string{"en", "de", "fr", "nl"} {
		word := translated(t, lang)
		for i, f := range fields {
			name, want := f[4], word(f[2])
			require.Equal(t, f[1], f[3], "the label of %s", name)
			if strings.HasPrefix(name, "ship") {
				assert.Contains(t, label(name, lang), want+" (", name)
				continue
			}
			assert.Equal(t, want, label(name, lang), name)
			if i > 0 && name != "couponCode" {
				assert.Less(t, place(fields[i-1][4]), place(name), "%s stands behind %s", name, fields[i-1][4])
			}
		}
	}
	assert.Equal(t, "Produkt", label("product12_id", "de"))
	assert.Equal(t, "Shipping", label("shipProfileId", "en"), "no part of an address")
	for _, name := range []string{"", "ship", "_", "campaignId", "product1_price", "?", "<b>", "shipship"} {
		assert.Empty(t, label(name, "en"), name)
	}
}

// translated is what the sample pages say in a language for their English.
func translated(t *testing.T, lang string) func(english string) string {
	t.Helper()
	if lang == "en" {
		return func(english string) string { return english }
	}
	words, err := os.ReadFile("../test/pages/translations/" + lang + ".txt")
	require.NoError(t, err)
	return func(english string) string {
		_, rest, _ := strings.Cut(string(words), "\n"+english+"\n\t")
		word, _, _ := strings.Cut(rest, "\n")
		return word
	}
}

func TestAPageTellsTheProblemsInTheFormsOrderAndNoRawNames(t *testing.T) {
	s := open(t)
	got := s.form("/api/order/import/?lang=de",
		order().with("city", "", "emailAddress", "", "firstName", "", "billShipSame", "0", "shipFirstName", "Zoë",
			"product1_qty", "0"))
	assert.Equal(t, http.StatusUnprocessableEntity, got.StatusCode)
	var told []string
	for _, item := range regexp.MustCompile(`<strong>([^<]*):</strong>`).FindAllStringSubmatch(got.body, -1) {
		told = append(told, item[1])
	}
	assert.Equal(t, []string{"Anzahl", "E-Mail", "Vorname", "Ort", "Nachname (Lieferung)", "Land (Lieferung)",
		"Straße und Hausnummer (Lieferung)", "Postleitzahl (Lieferung)", "Ort (Lieferung)"}, told)
	assert.NotRegexp(t, `emailAddress|product1|shipC`, got.body)
}

func TestAPageSpeaksTheLanguageOfTheFormAndElseOfTheBrowser(t *testing.T) {
	s := open(t)
	for _, c := range []struct{ name, query, browser, lang, word string }{
		{"the form says German, the browser English", "?lang=de", "en-GB", "de", "Ort:"},
		{"the form says English, the browser German", "?lang=en", "de-AT", "en", "City:"},
		{"the form says nothing", "", "de-AT", "de", "Ort:"},
		{"a language there are no words in", "?lang=xx", "de", "de", "Ort:"},
		{"the language of a region", "?lang=nn-NO", "de", "nb", "Poststed:"},
		{"no language at all", `?lang=%22%3E%3Cscript%3E`, "", "en", "City:"},
		{"a query with a semicolon", "?x;lang=de", "", "en", "City:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := s.asForm("/api/order/import/"+c.query, order().with("city", ""))
			r.Header.Set("Accept-Language", c.browser)
			got := s.send(r)
			assert.Equal(t, http.StatusUnprocessableEntity, got.StatusCode)
			assert.Contains(t, got.body, `<!doctype html><html lang="`+c.lang+`">`)
			assert.Contains(t, got.body, c.word)
			assert.NotContains(t, got.body, "script")
		})
	}
	t.Run("whoever refuses it", func(t *testing.T) {
		s.limit = 0
		assert.Contains(t, s.form("/api/order/import/?lang=de", order()).body, "Zu viele Anfragen")
	})
}

func TestNothingThatAStrangerPostsStandsInAPage(t *testing.T) {
	s := open(t)
	const evil = `"><img src=x onerror=alert(1)>`
	posts := map[string]fields{"an unknown field": order().with(evil, evil, "city", "")}
	for name := range order() {
		posts[name] = order().with(name, evil)
	}
	for _, name := range []string{"campaignId", "cardNumber", "product1_price", "product99_id", "ref",
		"cf-turnstile-response", "shipCity", "sessionId", "custom1"} {
		posts[name] = order().with(name, evil, "city", "")
	}
	for name, post := range posts {
		got := s.form("/api/order/import/", post)
		assert.NotContains(t, got.body, "<img", name)
		assert.NotContains(t, got.body, "onerror", name)
		assert.NotContains(t, got.Header.Get("Location"), "onerror", name)
	}
}

func TestWhatIsWrongWithThePageIsNoMatterForTheShopper(t *testing.T) {
	s := open(t)
	got := s.form("/api/order/import/?lang=fr", order().with("product1_price", "0.01"))
	assert.Equal(t, http.StatusUnprocessableEntity, got.StatusCode)
	assert.Contains(t, got.body, "Cette page ne fonctionne pas comme elle le devrait. Veuillez contacter la boutique.")
	assert.NotContains(t, got.body, "Leave")

	got = s.form("/api/order/import/?lang=fr", order().with("product1_price", "0.01", "city", ""))
	assert.Contains(t, got.body, "<strong>Ville:</strong> Veuillez saisir votre ville.")
	assert.NotContains(t, got.body, "product1_price")
}

func TestEveryAnswerHasATextInEveryLanguage(t *testing.T) {
	silent := map[string]bool{codes.Options: true, codes.Redirect: true, codes.HTTPS: true, codes.Product: true,
		codes.Country: true, codes.Card: true}
	all, err := catalogue.All()
	require.NoError(t, err)
	for code := range codes.Meanings {
		for _, c := range all {
			lang := c.Lang
			assert.NotEqual(t, silent[code], text(code, lang) != "", "%s %s", lang, code)
			assert.NotEqual(t, silent[code], pageText(code, lang) != "", "%s %s", lang, code)
		}
	}
	for _, name := range []string{
		purchase.TextCancelled, purchase.TextExpired, purchase.TextReview, purchase.TextRefunded, purchase.TextUnproven,
		purchase.TextUpsaleDeclined, purchase.TextUpsaleCancelled, purchase.TextUpsaleExpired, purchase.TextUpsaleRetry,
		textPageBroken, "unavailable",
	} {
		assert.NotEmpty(t, words.Answer("en", name), name)
	}
}

func TestATextIsTrueOnItsRoute(t *testing.T) {
	at := func(name string) *request { return &request{route: &route{name: name}} }
	for _, c := range []struct {
		name, route string
		answer      answer
		want        string
	}{
		{"an order", "order", answer{code: codes.Declined}, ""},
		{"an upsale: its order is paid", "upsale", answer{code: codes.Declined}, "upsale_declined"},
		{"an upsale that could not be opened", "upsale", answer{code: codes.RedirectInvalid}, "upsale_redirect_invalid"},
		{"an upsale with nothing of its own to say", "upsale", answer{code: codes.RateLimited}, ""},
		{"a text that is known already", "upsale", answer{code: codes.Declined, text: "refunded"}, "refunded"},
		{"a fault of the operator's, for an order", "order", answer{code: codes.Misconfigured}, ""},
		{"a fault of the operator's, for who may have paid", "status", answer{code: codes.Misconfigured}, "unavailable"},
		{"a fault of the operator's, for an upsale", "upsale", answer{code: codes.Misconfigured}, "unavailable"},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, at(c.route).said(&c.answer)) })
	}
	assert.Empty(t, (&request{}).said(&answer{code: codes.NotFound}))
}
