package config

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"klarna-relay/worker/rules"
)

// Parse reads and checks the configuration. get returns the text of a variable or secret, "" when it is absent;
// LANDERS is the JSON text of the nested table (`JSON.stringify` of the binding).
//
// The faults are those that are everybody's. Those of one lander are its own, and found when it is first asked for.
// With faults the Config is for serving pages, for the way back from Klarna and for reporting only.
func Parse(get func(name string) string) (Config, []Fault) { return ParseWith(get, nil) }

// ParseWith is [Parse] with what landers.toml says; nil when there is none.
func ParseWith(get func(name string) string, file File) (Config, []Fault) {
	var r report
	c := Config{
		KonnektiveURL:   r.konnektiveURL(get(NameKonnektiveURL)),
		Timeout:         r.timeout(get(NameTimeout)),
		LoginID:         r.credential(NameLoginID, "login_id", get(NameLoginID)),
		Password:        r.password(get(NamePassword)),
		AdminToken:      r.adminToken(get(NameAdminToken)),
		TurnstileSecret: r.turnstileSecret(get(NameTurnstileSecret)),
		TurnstileURL:    r.turnstileURL(get(NameTurnstileURL)),
		ServerPassword:  r.serverPassword(get(NameServerPassword)),
		AlertURL:        r.alertURL(get(NameAlertURL)),
		Version:         get(NameVersion),
		LoopbackHTTP:    r.loopbackHTTP(get(NameLoopbackHTTP)),
	}
	c.Landers = r.landers(get(NameLanders), file, c.LoopbackHTTP)
	return c, r.faults
}

func (r *report) konnektiveURL(text string) string {
	if text == "" {
		return DefaultKonnektiveURL
	}
	// A simulated CRM is plain http on this machine: that is safe anywhere, since nothing leaves it.
	if _, why := parseURL(text, true); why != "" {
		r.add("konnektive_url_invalid", NameKonnektiveURL,
			why+": give the account's API address, like "+DefaultKonnektiveURL+", or remove the variable")
		return ""
	}
	return strings.TrimRight(text, "/")
}

func (r *report) turnstileURL(text string) string {
	if text == "" {
		return DefaultTurnstileURL
	}
	if _, why := parseURL(text, true); why != "" {
		r.add("turnstile_url_invalid", NameTurnstileURL, why+": remove the variable, only tests need it")
		return ""
	}
	return text
}

func (r *report) timeout(text string) time.Duration {
	if text == "" {
		return DefaultTimeout
	}
	ms, ok := wholeNumber(text)
	d := time.Duration(ms) * time.Millisecond
	if !ok || d < MinTimeout || d > MaxTimeout {
		r.add("timeout_invalid", NameTimeout, "give whole milliseconds from 100 to 60000, or remove the variable for 30000")
		return DefaultTimeout
	}
	return d
}

func (r *report) loopbackHTTP(text string) bool {
	if text != "" && text != "1" {
		r.add("allow_loopback_http_invalid", NameLoopbackHTTP,
			`remove the variable: only "1" turns it on, and only make dev needs it`)
	}
	return text == "1"
}

// credential checks what loginId and password have in common. It returns "" for a faulty one, so that it is never
// sent.
func (r *report) credential(name, code, text string) string {
	if text == "" {
		r.add(code+"_missing", name, "set it with: make secrets SECRETS="+name+" (for make dev: in .dev.vars)")
		return ""
	}
	before := len(r.faults)
	if utf8.RuneCountInString(text) > maxCredential {
		r.add(code+"_too_long", name, "Konnektive takes at most 32 characters: set the API user's own one again")
	}
	if !clean(text) {
		r.add(code+"_invalid", name, "it begins or ends with a space, or holds a line break or another control "+
			"character: set it again without")
	}
	if len(r.faults) > before {
		return ""
	}
	return text
}

func (r *report) password(text string) string {
	password := r.credential(NamePassword, "password", text)
	if strings.IndexByte(text, '&') >= 0 {
		r.add("password_ampersand", NamePassword,
			"Konnektive cannot take an & in a password: give the API user another one and set that")
		return ""
	}
	return password
}

func (r *report) adminToken(text string) string {
	before := len(r.faults)
	if text != "" && len(text) < minAdminToken {
		r.add("admin_token_short", NameAdminToken, "use at least 8 characters (openssl rand -hex 24 makes a good one), "+
			"or remove the secret to switch /api/preflight off")
	}
	for i := 0; i < len(text); i++ {
		if text[i] <= ' ' || text[i] >= 0x7f {
			r.add("admin_token_invalid", NameAdminToken,
				"use letters, digits and signs of ASCII without spaces: it travels in a header")
			break
		}
	}
	if len(r.faults) > before {
		return ""
	}
	return text
}

func (r *report) serverPassword(text string) string {
	before := len(r.faults)
	if text != "" && utf8.RuneCountInString(text) < minServerPassword {
		r.add("server_password_short", NameServerPassword, "use at least 24 characters (openssl rand -hex 24 makes a "+
			"good one), or remove the secret: servers may not call then")
	}
	if !clean(text) {
		r.add("server_password_invalid", NameServerPassword,
			"it begins or ends with a space, or holds a line break or another control character: set it again without")
	}
	if len(r.faults) > before {
		return ""
	}
	return text
}

// alertURL reads the webhook's address. It may hold a query, which is where some services want their key.
func (r *report) alertURL(text string) string {
	if text == "" {
		return ""
	}
	address, _, _ := strings.Cut(text, "?")
	_, why := parseURL(address, true)
	switch {
	case why == "" && !rules.FitsURL(text):
		why = "its query holds a space or a character that does not belong in a URL"
	case why == "" && strings.Contains(text, "#"):
		why = "it holds a fragment (everything from # on)"
	case why == "" && len(text) > maxAlertURL:
		why = "it is longer than 2,000 characters"
	}
	if why != "" {
		r.add("alert_url_invalid", NameAlertURL,
			why+": give the address of the webhook as the service shows it, or remove the secret for no alerts")
		return ""
	}
	return text
}

func (r *report) turnstileSecret(text string) string {
	if !clean(text) {
		r.add("turnstile_secret_invalid", NameTurnstileSecret,
			"it begins or ends with a space, or holds a line break or another control character: set it again without")
		return ""
	}
	return text
}

// clean says whether text is valid UTF-8 without control characters and without spaces at its ends, as pasting and
// piping add them.
func clean(text string) bool {
	return utf8.ValidString(text) && text == strings.TrimSpace(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// wholeNumber reads a positive whole number in plain decimal digits. More than 15 digits are no number that
// JavaScript keeps exactly.
func wholeNumber(text string) (int64, bool) {
	if text == "" || len(text) > 15 || text[0] == '0' {
		return 0, false
	}
	for i := 0; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}
