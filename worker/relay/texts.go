package relay

import "klarna-relay/worker/ledger"

// texts are what a shopper reads about an answer, by code and language. What
// to do next is part of each; what went wrong inside is not.
var texts = map[string]struct{ en, de string }{
	ledger.CodeRedirectInvalid: {
		"Klarna could not be opened. You have not been charged. Please try again in a few minutes.",
		"Klarna konnte nicht geöffnet werden. Es wurde nichts abgebucht. Bitte versuchen Sie es in ein paar Minuten erneut."},
	ledger.CodePaid: {
		"Your order is paid. Thank you!",
		"Ihre Bestellung ist bezahlt. Vielen Dank!"},
	ledger.CodePending: {
		"We are waiting for Klarna to confirm the payment. Please do not pay again.",
		"Wir warten auf die Bestätigung von Klarna. Bitte bezahlen Sie nicht noch einmal."},
	ledger.CodeUnknown: {
		"We are checking your order. Please do not pay again.",
		"Wir prüfen Ihre Bestellung. Bitte bezahlen Sie nicht noch einmal."},
	ledger.CodeRetry: {
		"The order did not go through, and you have not been charged. Please try again.",
		"Die Bestellung kam nicht zustande, und es wurde nichts abgebucht. Bitte versuchen Sie es erneut."},
	ledger.CodeDeclined: {
		"Klarna did not accept the payment. You have not been charged. You can change your order or your details and try again.",
		"Klarna hat die Zahlung nicht angenommen. Es wurde nichts abgebucht. Sie können Ihre Bestellung oder Ihre Angaben ändern und es erneut versuchen."},
	ledger.CodeInvalid: {
		"Please check your details.",
		"Bitte prüfen Sie Ihre Angaben."},
	ledger.CodeMisconfigured: {
		"The shop cannot take orders right now. You have not been charged. Please try again later.",
		"Der Shop kann gerade keine Bestellungen annehmen. Es wurde nichts abgebucht. Bitte versuchen Sie es später erneut."},
	ledger.CodeAlreadyTaken: {
		"This is already part of your order.",
		"Das ist bereits Teil Ihrer Bestellung."},
	codeAccepted:  {"Received.", "Erhalten."},
	codeConfirmed: {"The confirmation is on its way.", "Die Bestätigung ist unterwegs."},
	codeNotPaid: {
		"The order this belongs to is not paid yet.",
		"Die zugehörige Bestellung ist noch nicht bezahlt."},
	codeUnreachable: {
		"The shop could not be reached, and nothing was ordered. Please try again in a moment.",
		"Der Shop war nicht erreichbar, und es wurde nichts bestellt. Bitte versuchen Sie es gleich noch einmal."},
	codeInProgress: {
		"Your order is being processed. Please wait a moment.",
		"Ihre Bestellung wird gerade bearbeitet. Bitte warten Sie einen Moment."},
	codeKeyReused: {
		"This Idempotency-Key was used for another order. Send a new one.",
		"Dieser Idempotency-Key wurde für eine andere Bestellung verwendet. Bitte einen neuen senden."},
	codeOrigin: {
		"This page may not send orders here.",
		"Diese Seite darf hier keine Bestellungen senden."},
	codeTooLarge: {
		"The request is larger than 64 KiB.",
		"Die Anfrage ist größer als 64 KiB."},
	codeType: {
		"Send application/json or application/x-www-form-urlencoded, in UTF-8.",
		"Bitte application/json oder application/x-www-form-urlencoded in UTF-8 senden."},
	codeMalformed: {
		"The request is neither a flat JSON object of strings and numbers nor a form, or it names a field twice.",
		"Die Anfrage ist weder ein flaches JSON-Objekt aus Texten und Zahlen noch ein Formular, oder sie nennt ein Feld doppelt."},
	codeRateLimited: {
		"Too many requests. Please wait a minute and try again.",
		"Zu viele Anfragen. Bitte warten Sie eine Minute und versuchen Sie es erneut."},
	codeChallenge: {
		"We could not verify that you are human. Please reload the page and try again.",
		"Wir konnten nicht prüfen, ob Sie ein Mensch sind. Bitte laden Sie die Seite neu und versuchen Sie es erneut."},
	codeRefUnknown: {
		"This order is not known here, or it is too long ago.",
		"Diese Bestellung ist hier nicht bekannt, oder sie liegt zu lange zurück."},
	codeInternal: {
		"Something went wrong on our side. Repeating the same request is safe.",
		"Bei uns ist etwas schiefgegangen. Dieselbe Anfrage darf wiederholt werden."},
	codeNotFound: {
		"There is nothing at this address.",
		"Unter dieser Adresse gibt es nichts."},
	codeMethod: {
		"This address does not take that method.",
		"Diese Adresse nimmt diese Methode nicht an."},
	codeContinue: {"Continue", "Weiter"},
	codeBadKey: {
		"An Idempotency-Key has 8 to 128 visible ASCII characters.",
		"Ein Idempotency-Key hat 8 bis 128 sichtbare ASCII-Zeichen."},
	codeUnauthorized: {
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
