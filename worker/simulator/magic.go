package simulator

import (
	"strconv"
	"strings"
)

// MagicWord is one line of the table of e-mail addresses that make a call misbehave.
type MagicWord struct {
	Word string // local part of the address, such as "lost"
	Does string // what happens, in a few words
}

// magic is the table of the package's documentation, with the fault behind each word.
var magic = []struct {
	MagicWord
	fault Fault
}{
	{MagicWord{"slow", "booked, but the answer takes longer than the relay waits"}, Fault{slow: true}},
	{MagicWord{"silence", "booked, but no answer ever comes"}, Fault{Answer: AnswerSilence}},
	{MagicWord{"late", "booked only when it is released on the books page, long after the relay stopped waiting"},
		Fault{Delivery: DeliverLate}},
	{MagicWord{"reset", "nothing is booked; the connection is reset"},
		Fault{Delivery: DeliverNever, Answer: AnswerReset}},
	{MagicWord{"lost", "booked; the connection is reset instead of an answer"}, Fault{Answer: AnswerReset}},
	{MagicWord{"unreached", "the call does not arrive (over HTTP: reset before it is read)"},
		Fault{Answer: AnswerUnreached}},
	{MagicWord{"error500", "nothing is booked; HTTP 500 (any number from 500 to 599)"}, serverError(500)},
	{MagicWord{"html", "booked; an HTML page instead of JSON"}, Fault{Answer: AnswerHTML}},
	{MagicWord{"cut", "booked; the JSON stops half-way"}, Fault{Answer: AnswerCut}},
	{MagicWord{"torn", "booked; the connection breaks within the answer"}, Fault{Answer: AnswerTorn}},
	{MagicWord{"empty", "booked; an answer without a body"}, Fault{Answer: AnswerEmpty}},
	{MagicWord{"unknown-result", "booked; a result nobody documented"}, Fault{Answer: AnswerUnknownResult}},
	{MagicWord{"twice", "arrives two times, as by a repeating proxy"}, Fault{Delivery: DeliverTwice}},
	{MagicWord{"url", "MERC_REDIRECT with a url"}, Fault{Redirect: RedirectURL}},
	{MagicWord{"script", "MERC_REDIRECT with a script that posts a form to Klarna's page"},
		Fault{Redirect: RedirectForm}},
	{MagicWord{"navigate", "MERC_REDIRECT with a script that sets the location"}, Fault{Redirect: RedirectNavigate}},
	{MagicWord{"iframe", "MERC_REDIRECT with a script that adds an iframe, which returns to the whole window"},
		Fault{Redirect: RedirectIFrame}},
	{MagicWord{"iframe-inside", "MERC_REDIRECT with a script that adds an iframe, which returns inside itself"},
		Fault{Redirect: RedirectIFrameInside}},
	{MagicWord{"odd-script", "MERC_REDIRECT with a script full of </script>, <!-- and other traps"},
		Fault{Redirect: RedirectOddScript}},
	{MagicWord{"http-url", "MERC_REDIRECT to an address that is not https"}, Fault{Redirect: RedirectHTTP}},
	{MagicWord{"userinfo-url", "MERC_REDIRECT to a url with credentials in it"}, Fault{Redirect: RedirectUserinfo}},
	{MagicWord{"relative-url", "MERC_REDIRECT to a path without a host"}, Fault{Redirect: RedirectRelative}},
	{MagicWord{"empty-redirect", "MERC_REDIRECT with neither url nor script"}, Fault{Redirect: RedirectEmpty}},
	{MagicWord{"no-redirect", "SUCCESS without a redirect: nobody has paid"}, Fault{Verdict: VerdictNoRedirect}},
	{MagicWord{"paid", "SUCCESS, and the order is COMPLETE"}, Fault{Verdict: VerdictPaid}},
	{MagicWord{"decline", "declined at once"}, Fault{Verdict: VerdictDecline}},
	{MagicWord{"review", "SUCCESS, and the order is PENDING: in quality assurance until you set its status below"},
		Fault{Verdict: VerdictReview}},
	{MagicWord{"odd-error", "refused with a text that nobody knows, and with data of the shopper's in it"},
		Fault{Verdict: VerdictOddError}},
	{MagicWord{"grant", "the API user has no right to make this call"}, Fault{Verdict: VerdictGrant}},
	{MagicWord{"fields", "refused field by field"}, Fault{Verdict: VerdictFields}},
	{MagicWord{"no-products", "No products exist in the order"}, Fault{Verdict: VerdictNoProducts}},
	{MagicWord{"taken", "the upsale was already taken"}, Fault{Verdict: VerdictTaken}},
	{MagicWord{"whitelist", "the caller's address is not whitelisted"}, Fault{Verdict: VerdictWhitelist}},
	{MagicWord{"credentials", "the credentials are not accepted"}, Fault{Verdict: VerdictCredentials}},
}

// magicCalls are the calls a word can be aimed at by a prefix ("upsale-lost"). Clicks carry no e-mail.
var magicCalls = map[string]Op{"order": OpOrder, "lead": OpLead, "upsale": OpUpsale, "query": OpQuery,
	"confirm": OpConfirm}

// Words is the table of magic e-mail addresses.
func Words() []MagicWord {
	words := make([]MagicWord, len(magic))
	for i, m := range magic {
		words[i] = m.MagicWord
	}
	return words
}

// Word is the fault behind a word of the table, and whether there is one.
func Word(word string) (Fault, bool) {
	for _, m := range magic {
		if m.Word == word {
			return m.fault, true
		}
	}
	if n, ok := strings.CutPrefix(word, "error"); ok {
		if status, err := strconv.Atoi(n); err == nil && status >= 500 && status <= 599 {
			return serverError(status), true
		}
	}
	return Fault{}, false
}

func serverError(status int) Fault {
	return Fault{Delivery: DeliverNever, Status: status, Answer: AnswerHTML}
}

// faultOf is what a shopper's e-mail address makes of one call; nothing for most.
func faultOf(email string, op Op) Fault {
	local, _, _ := strings.Cut(strings.ToLower(email), "@")
	local, _, _ = strings.Cut(local, "+")
	target := OpOrder
	if local == "taken" {
		target = OpUpsale
	}
	if prefix, rest, ok := strings.Cut(local, "-"); ok {
		if call, known := magicCalls[prefix]; known {
			local, target = rest, call
		}
	}
	if target != op {
		return Fault{}
	}
	fault, _ := Word(local)
	return fault
}
