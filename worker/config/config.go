// Package config reads the Worker's configuration (the vars and secrets of wrangler.toml and `make secrets`)
// and checks it whole: one pass finds every fault and names it with its cure.
//
// Policy: a fault that is everybody's means that /api answers `misconfigured` on every host, and a fault of one
// lander that it does so on that lander's hosts. This is deliberate: a relay that half works would lose sales
// unnoticed. Pages are served anyway, with what could be read of the lander.
//
// The package is pure and part of the edge program: no I/O, no clock, and no imports that would make the Wasm larger.
package config

import (
	"time"

	"klarna-relay/worker/rules"
)

// Names of the variables that Parse asks for. Secrets are set by `make secrets SECRETS=NAME`, vars stand in
// wrangler.toml.
const (
	NameLoginID         = "KONNEKTIVE_LOGIN_ID"   // secret, required
	NamePassword        = "KONNEKTIVE_PASSWORD"   // secret, required
	NameAdminToken      = "ADMIN_TOKEN"           // secret, optional: opens preflight, find, books and health?deep
	NameTurnstileSecret = "TURNSTILE_SECRET"      // secret, optional: turns the bot check on
	NameServerPassword  = "SERVER_PASSWORD"       // secret, optional: lets a lander's own server name its shoppers
	NameAlertURL        = "ALERT_URL"             // secret, optional: the webhook that is told when orders stop
	NameKonnektiveURL   = "KONNEKTIVE_URL"        // var, default DefaultKonnektiveURL
	NameTimeout         = "KONNEKTIVE_TIMEOUT_MS" // var, milliseconds, default 30000
	NameLoopbackHTTP    = "ALLOW_LOOPBACK_HTTP"   // var, "1" or absent; `make dev` alone sets it
	NameTurnstileURL    = "TURNSTILE_URL"         // var, default DefaultTurnstileURL
	NameVersion         = "VERSION"               // var, shown by /api/health
	NameLanders         = "LANDERS"               // var, the table of landers by host
)

// Vars and Secrets are all names that Parse asks for.
var (
	Vars    = []string{NameKonnektiveURL, NameTimeout, NameLoopbackHTTP, NameTurnstileURL, NameVersion, NameLanders}
	Secrets = []string{NameLoginID, NamePassword, NameAdminToken, NameTurnstileSecret, NameServerPassword, NameAlertURL}
)

// Defaults and bounds of the configuration.
const (
	DefaultKonnektiveURL = "https://api.konnektive.com"
	DefaultTurnstileURL  = "https://challenges.cloudflare.com/turnstile/v0/siteverify"

	DefaultTimeout = 30 * time.Second
	MinTimeout     = 100 * time.Millisecond
	MaxTimeout     = time.Minute

	MaxQuantity = 999 // of one line

	DefaultCheckout = "/checkout"
	DefaultUpsell   = "/upsell"
	DefaultThankYou = "/thank-you"

	maxCredential     = 32   // characters: Konnektive's limit for loginId and password
	minAdminToken     = 8    // characters: a shorter one can be guessed
	minServerPassword = 24   // characters: who has it may name any shopper's address, past the rate limit
	maxURL            = 300  // bytes: Konnektive's limit for redirectsTo, errorRedirectsTo and salesUrl
	maxAlertURL       = 2000 // bytes

	// maxHost leaves room in redirectsTo for "https://", "/api/klarna/return/" and a ref of up to 100 characters.
	maxHost = maxURL - len("https://") - len("/api/klarna/return/") - 100
	// anyHostLength is how long a host without an entry of its own is taken to be when its pages are measured.
	anyHostLength = 100
)

// DialectKonnektive makes the answers to a lander those of Konnektive itself: HTTP 200 always, text/html, three
// results.
const DialectKonnektive = "konnektive"

// AnyHost is the key of the lander that serves every host without an entry of its own.
const AnyHost = "*"

// Config is a whole configuration. With faults it is incomplete: a faulty value is left at its zero value or its
// default, never half taken.
type Config struct {
	KonnektiveURL   string        // without a trailing slash
	Timeout         time.Duration // of one call to Konnektive
	LoginID         string
	Password        string
	AdminToken      string // "": the operator's routes are not there
	TurnstileSecret string // "": no bot check
	TurnstileURL    string
	ServerPassword  string // "": no caller may name another's address
	AlertURL        string // "": nobody is told
	Version         string
	LoopbackHTTP    bool // http is tolerated on loopback hosts
	Landers         *Landers
}

// Lander is what one host sells and how.
type Lander struct {
	Name           string  // the key in LANDERS or in landers.toml
	Faults         []Fault // with any, the host's calls are answered `misconfigured`
	CampaignID     string  // decimal text
	MerchantID     string  // forceMerchantId: the gateway id, decimal text
	PrepaidType    string  // a method of the rules' table
	Shop           rules.Shop
	AllowedOrigins []string // exact origins, as a browser sends them
	Origin         string   // scheme://host[:port] of landers hosted elsewhere; "": www/
	Checkout       string   // path on the lander's host, or an absolute URL
	Upsell         string   // as Checkout; "": no upsell page
	ThankYou       string   // as Checkout
	Dialect        string   // DialectKonnektive, or "" for the contract's own answers
	RefField       string   // the custom field that carries the short ref to Konnektive, "custom1" to "custom5"; "": none

	HSTSIncludeSubDomains bool
	HSTSPreload           bool
}

// Lander returns the lander of a request's host; see [Landers.Of].
func (c Config) Lander(host string) (Lander, bool) { return c.Landers.Of(host) }
