// Package simulator is a simulated Konnektive CRM with a simulated Klarna behind it: what a developer clicks through,
// and what tests of the relay run against.
//
// It answers the Direct API (POST /order/import/ and so on) as the real one is known to: HTTP 200 for success and
// failure alike, text/html, totals as text, PARTIAL orders made by leads and completed by imports, redirects by url
// and by script. Whatever is not known about the real one is a field of [Settings], so that both answers can be
// tried. /klarna/{session} is the page a shopper is sent to; /_simulator/ shows the books: every order with the
// exact fields it came with.
//
// It accepts what the real one would accept, also what a relay must never send (prices, card data, a prepaid order
// without a method): such a call is booked with all its consequences and written down as a [Violation], which tests
// assert to be none.
//
// No money moves and nothing here is safe to expose to a network.
//
// # Faults by the shopper's e-mail
//
// The local part of the e-mail address decides, up to a plus sign: lost@example.com and lost+7@example.com lose the
// answer of Import Order. With a call's name before it, another call misbehaves for that shopper: upsale-lost@,
// lead-slow@, query-html@, confirm-reset@. (taken means Import Upsale by itself.)
//
//	slow            booked, but the answer takes longer than the relay waits
//	silence         booked, but no answer ever comes
//	late            booked only when it is released on the books page, long after the relay stopped waiting
//	reset           nothing is booked; the connection is reset
//	lost            booked; the connection is reset instead of an answer
//	unreached       the call does not arrive (over HTTP: reset before it is read)
//	error500        nothing is booked; HTTP 500 (any number from 500 to 599)
//	html            booked; an HTML page instead of JSON
//	cut             booked; the JSON stops half-way
//	torn            booked; the connection breaks within the answer
//	empty           booked; an answer without a body
//	unknown-result  booked; a result nobody documented
//	twice           arrives two times, as by a repeating proxy
//	url             MERC_REDIRECT with a url
//	script          MERC_REDIRECT with a script that posts a form to Klarna's page
//	navigate        MERC_REDIRECT with a script that sets the location
//	iframe          MERC_REDIRECT with a script that adds an iframe, which returns to the whole window
//	iframe-inside   MERC_REDIRECT with a script that adds an iframe, which returns inside itself
//	odd-script      MERC_REDIRECT with a script full of </script>, <!-- and other traps
//	http-url        MERC_REDIRECT to an address that is not https
//	userinfo-url    MERC_REDIRECT to a url with credentials in it
//	relative-url    MERC_REDIRECT to a path without a host
//	empty-redirect  MERC_REDIRECT with neither url nor script
//	no-redirect     SUCCESS without a redirect: nobody has paid
//	paid            SUCCESS, and the order is COMPLETE
//	decline         declined at once
//	review          SUCCESS, and the order is PENDING: in quality assurance until you set its status below
//	odd-error       refused with a text that nobody knows, and with data of the shopper's in it
//	grant           the API user has no right to make this call
//	fields          refused field by field
//	no-products     No products exist in the order
//	taken           the upsale was already taken
//	whitelist       the caller's address is not whitelisted
//	credentials     the credentials are not accepted
package simulator
