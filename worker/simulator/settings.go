package simulator

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Settings is how the CRM answers where the real one's behaviour varies or is not known. The zero Settings is usable.
type Settings struct {
	Redirect           Redirect      // how shoppers are sent to Klarna; default RedirectURL
	Latency            time.Duration // how long every answer takes
	SlowFor            time.Duration // how long the answer to slow@… takes; default DefaultSlowFor
	ItemsAsArray       bool          // items of an order as an array, not as an object keyed by item id
	CampaignsAsArray   bool          // campaigns as an array, not as an object keyed by campaign id
	NumbersAsNumbers   bool          // totals and quantities as JSON numbers, not as text (and ids the other way round)
	DatesAsObject      bool          // dates as PHP prints a DateTime, not as text
	RedirectNamesOrder bool          // MERC_REDIRECT tells the orderId too
	ReturnByGET        bool          // success comes back by GET, not by a cross-site POST
	OpenStatus         string        // status of an order while its Klarna session is open; default PARTIAL
	CancelStatus       string        // status of an order after the shopper cancelled at Klarna; default OpenStatus
	RefusedAddress     string        // an address that is not whitelisted: every call is refused, naming it
}

// DefaultSlowFor is longer than the relay waits by default (30 s).
const DefaultSlowFor = 45 * time.Second

func (s Settings) withDefaults() Settings {
	if s.Redirect == "" {
		s.Redirect = RedirectURL
	}
	if s.SlowFor == 0 {
		s.SlowFor = DefaultSlowFor
	}
	if s.OpenStatus == "" {
		s.OpenStatus = StatusPartial
	}
	if s.CancelStatus == "" {
		s.CancelStatus = s.OpenStatus
	}
	return s
}

// Flags makes every setting a flag of a program. Each default comes from the environment when set there:
// -slow-for from SIMULATOR_SLOW_FOR, and so on. The error names the environment variable that could not be read.
func (s *Settings) Flags(flags *flag.FlagSet) error {
	redirect := func(text string) error {
		if !slices.Contains(redirects, Redirect(text)) {
			return fmt.Errorf("not one of %s", redirectNames())
		}
		s.Redirect = Redirect(text)
		return nil
	}
	flags.Func("redirect", "how shoppers are sent to Klarna: "+redirectNames()+" (default url)", redirect)
	flags.DurationVar(&s.Latency, "latency", 0, "how long every answer takes, such as 300ms")
	flags.DurationVar(&s.SlowFor, "slow-for", DefaultSlowFor, "how long the answer to slow@… takes")
	flags.BoolVar(&s.ItemsAsArray, "items-as-array", false, "items of an order as an array instead of an object")
	flags.BoolVar(&s.CampaignsAsArray, "campaigns-as-array", false, "campaigns as an array instead of an object")
	flags.BoolVar(&s.NumbersAsNumbers, "numbers", false, "totals and quantities as numbers instead of text")
	flags.BoolVar(&s.DatesAsObject, "dates-as-object", false, "dates as objects instead of text")
	flags.BoolVar(&s.RedirectNamesOrder, "redirect-names-order", false, "redirect answers tell the orderId")
	flags.BoolVar(&s.ReturnByGET, "return-by-get", false, "success comes back by GET instead of POST")
	flags.StringVar(&s.OpenStatus, "open-status", StatusPartial, "status of an order while its Klarna session is open")
	flags.StringVar(&s.CancelStatus, "cancel-status", "", "status of an order after the shopper cancelled (default as while open)")
	flags.StringVar(&s.RefusedAddress, "refused-address", "", "refuse every call because this address is not whitelisted")

	var failed error
	flags.VisitAll(func(f *flag.Flag) {
		name := "SIMULATOR_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if value := os.Getenv(name); value != "" && failed == nil {
			if err := f.Value.Set(value); err != nil {
				failed = fmt.Errorf("%s: %w", name, err)
			}
		}
	})
	return failed
}

func redirectNames() string {
	names := make([]string, len(redirects))
	for i, r := range redirects {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}
