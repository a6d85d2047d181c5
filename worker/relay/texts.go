package relay

import (
	"strings"

	"klarna-relay/worker/codes"
)

// texts are what a shopper reads about an answer, by code and language. What
// to do next is part of each; what went wrong inside is not.
var texts = map[string]struct{ en, de string }{
	codes.RedirectInvalid: {
		"Klarna could not be opened. You have not been charged. Please try again in a few minutes.",
		"Klarna konnte nicht geöffnet werden. Es wurde nichts abgebucht. Bitte versuchen Sie es in ein paar Minuten erneut."},
	codes.Paid: {
		"Your order is paid. Thank you!",
		"Ihre Bestellung ist bezahlt. Vielen Dank!"},
	codes.Pending: {
		"We are waiting for Klarna to confirm the payment. Please do not pay again.",
		"Wir warten auf die Bestätigung von Klarna. Bitte bezahlen Sie nicht noch einmal."},
	codes.Unknown: {
		"We are checking your order. Please do not pay again.",
		"Wir prüfen Ihre Bestellung. Bitte bezahlen Sie nicht noch einmal."},
	codes.Retry: {
		"The order did not go through, and you have not been charged. Please try again.",
		"Die Bestellung kam nicht zustande, und es wurde nichts abgebucht. Bitte versuchen Sie es erneut."},
	codes.Declined: {
		"Klarna did not accept the payment. You have not been charged. You can change your order or your details and try again.",
		"Klarna hat die Zahlung nicht angenommen. Es wurde nichts abgebucht. Sie können Ihre Bestellung oder Ihre Angaben ändern und es erneut versuchen."},
	codes.Invalid: {
		"Please check your details.",
		"Bitte prüfen Sie Ihre Angaben."},
	codes.Misconfigured: {
		"The shop cannot take orders right now. You have not been charged. Please try again later.",
		"Der Shop kann gerade keine Bestellungen annehmen. Es wurde nichts abgebucht. Bitte versuchen Sie es später erneut."},
	codes.AlreadyTaken: {
		"This is already part of your order.",
		"Das ist bereits Teil Ihrer Bestellung."},
	codes.Accepted:  {"Received.", "Erhalten."},
	codes.Confirmed: {"The confirmation is on its way.", "Die Bestätigung ist unterwegs."},
	codes.NotPaid: {
		"The order this belongs to is not paid yet.",
		"Die zugehörige Bestellung ist noch nicht bezahlt."},
	codes.Unreachable: {
		"The shop could not be reached, and nothing was ordered. Please try again in a moment.",
		"Der Shop war nicht erreichbar, und es wurde nichts bestellt. Bitte versuchen Sie es gleich noch einmal."},
	codes.InProgress: {
		"Your order is being processed. Please wait a moment.",
		"Ihre Bestellung wird gerade bearbeitet. Bitte warten Sie einen Moment."},
	codes.KeyReused: {
		"This Idempotency-Key was used for another order. Send a new one.",
		"Dieser Idempotency-Key wurde für eine andere Bestellung verwendet. Bitte einen neuen senden."},
	codes.Origin: {
		"This page may not send orders here.",
		"Diese Seite darf hier keine Bestellungen senden."},
	codes.TooLarge: {
		"The request is larger than 64 KiB.",
		"Die Anfrage ist größer als 64 KiB."},
	codes.Type: {
		"Send application/json or application/x-www-form-urlencoded, in UTF-8.",
		"Bitte application/json oder application/x-www-form-urlencoded in UTF-8 senden."},
	codes.Malformed: {
		"The request is neither a flat JSON object of strings and numbers nor a form, or it names a field twice.",
		"Die Anfrage ist weder ein flaches JSON-Objekt aus Texten und Zahlen noch ein Formular, oder sie nennt ein Feld doppelt."},
	codes.RateLimited: {
		"Too many requests. Please wait a minute and try again.",
		"Zu viele Anfragen. Bitte warten Sie eine Minute und versuchen Sie es erneut."},
	codes.Challenge: {
		"We could not verify that you are human. Please reload the page and try again.",
		"Wir konnten nicht prüfen, ob Sie ein Mensch sind. Bitte laden Sie die Seite neu und versuchen Sie es erneut."},
	codes.RefUnknown: {
		"This order is not known here, or it is too long ago.",
		"Diese Bestellung ist hier nicht bekannt, oder sie liegt zu lange zurück."},
	codes.Internal: {
		"Something went wrong on our side. Repeating the same request is safe.",
		"Bei uns ist etwas schiefgegangen. Dieselbe Anfrage darf wiederholt werden."},
	codes.NotFound: {
		"There is nothing at this address.",
		"Unter dieser Adresse gibt es nichts."},
	codes.Method: {
		"This address does not take that method.",
		"Diese Adresse nimmt diese Methode nicht an."},
	codeContinue: {"Continue", "Weiter"},
	codeBadKey: {
		"An Idempotency-Key has 8 to 128 visible ASCII characters.",
		"Ein Idempotency-Key hat 8 bis 128 sichtbare ASCII-Zeichen."},
	codes.Unauthorized: {
		"Send the ADMIN_TOKEN as a bearer token.",
		"Bitte das ADMIN_TOKEN als Bearer-Token senden."},
}

func text(code, lang string) string {
	t := texts[code]
	if lang == "de" {
		return t.de
	}
	return t.en
}

// labels are what a form calls its fields, in the form's order and as the
// checkout of www/ does; a number in a name stands as "#". A field of a
// delivery address is called as the same one of the billing address.
var labels = [...]struct{ field, en, de string }{
	{"product#_id", "Product", "Produkt"},
	{"variant#_id", "Variant", "Variante"},
	{"product#_qty", "Quantity", "Anzahl"},
	{"emailAddress", "E-mail", "E-Mail"},
	{"firstName", "First name", "Vorname"},
	{"lastName", "Last name", "Nachname"},
	{"companyName", "Company", "Firma"},
	{"phoneNumber", "Phone", "Telefon"},
	{"country", "Country", "Land"},
	{"address1", "Street and number", "Straße und Hausnummer"},
	{"address2", "Flat, floor", "Adresszusatz"},
	{"postalCode", "Postal code", "Postleitzahl"},
	{"city", "City", "Ort"},
	{"state", "State or province", "Bundesstaat oder Provinz"},
	{"billShipSame", "Deliver to this address", "An diese Anschrift liefern"},
	{"shipProfileId", "Shipping", "Versand"},
	{"couponCode", "Coupon", "Gutschein"},
}

// place is where a form has a field: its index in labels, as far again behind
// for a delivery address, and after all of them for what has no word there.
func place(field string) int {
	if line, what, ok := strings.Cut(field, "_"); ok {
		field = strings.TrimRight(line, "0123456789") + "#_" + what
	}
	delivery, ship := strings.CutPrefix(field, "ship")
	for i, l := range labels {
		switch {
		case l.field == field:
			return i
		case ship && strings.EqualFold(l.field, delivery):
			return len(labels) + i
		}
	}
	return 2 * len(labels)
}

// label is the shopper's word for a field; "" when there is none.
func label(field, lang string) string {
	at := place(field)
	if at == 2*len(labels) {
		return ""
	}
	l := labels[at%len(labels)]
	word, delivery := l.en, " (delivery)"
	if lang == "de" {
		word, delivery = l.de, " (Lieferung)"
	}
	if at >= len(labels) {
		word += delivery
	}
	return word
}
