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
// [Variations] lists the settings that a relay has to cope with.
type Settings struct {
	// How a call is answered.
	Latency          time.Duration // how long every answer takes
	SlowFor          time.Duration // how long the answer to slow@… takes; default DefaultSlowFor
	ItemsAsArray     bool          // items of an order as an array, not as an object keyed by item id
	CampaignsAsArray bool          // campaigns as an array, not as an object keyed by campaign id
	NumbersAsNumbers bool          // totals and quantities as JSON numbers, not as text (and ids the other way round)
	DatesAsObject    bool          // dates as PHP prints a DateTime, not as text
	OddErrors        bool          // declines and refusals are worded as nobody has noted yet

	// What a lead is answered.
	Merge           Merge // which order a lead without an orderId is given; default MergeNever
	LeadHidesStatus bool  // the answer to a lead has no orderStatus, paySource and prepaidType

	// What an import is answered, and what it does to its order.
	Redirect           Redirect // how shoppers are sent to Klarna; default RedirectURL
	RedirectNamesOrder bool     // MERC_REDIRECT tells the orderId too
	ImportHidesOrder   bool     // SUCCESS of an import tells no orderId
	ImportOnce         bool     // an order takes one Import Order; the second is an ERROR
	DeclineSticks      bool     // an order that is DECLINED stays so when it is imported again, until it is paid
	CompleteAsIs       bool     // a paid order has the items of its latest import, not those of the session that was paid

	// How an order stands, and how the shopper comes back.
	OpenStatus    string        // while its Klarna session is open; default PARTIAL
	CancelStatus  string        // after the shopper cancelled at Klarna; default OpenStatus
	DeclineStatus string        // after Klarna declined; default DECLINED
	ExpiredStatus string        // once its session has expired; default: as it was
	Review        time.Duration // a paid order is PENDING, in quality assurance, for so long, and COMPLETE after it
	ReturnByGET   bool          // success comes back by GET, not by a cross-site POST
	ReturnBare    bool          // success comes back without finalizeTransaction and orderData

	// What is refused.
	RefusedAddress string // an address that is not whitelisted: every call is refused, naming it
	RefuseIPv6     bool   // ipAddress must be an IPv4 address
	RefusePlus     bool   // phoneNumber must be digits, without the + of E.164
}

// Merge is which order a lead is given that names none.
type Merge string

// Merges. Live systems were seen to take shoppers behind one address for one.
const (
	MergeNever   Merge = "never"   // a new one
	MergeShopper Merge = "shopper" // the PARTIAL order of the same e-mail address, if there is one
	MergeAddress Merge = "address" // the PARTIAL order of the same IP address, even another shopper's
	MergeAny     Merge = "any"     // the latest order of the same IP address, whatever its status
)

var merges = []Merge{MergeNever, MergeShopper, MergeAddress, MergeAny}

// DefaultSlowFor is longer than the relay waits by default (30 s).
const DefaultSlowFor = 45 * time.Second

func (s Settings) withDefaults() Settings {
	if s.Redirect == "" {
		s.Redirect = RedirectURL
	}
	if s.Merge == "" {
		s.Merge = MergeNever
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
	if s.DeclineStatus == "" {
		s.DeclineStatus = StatusDeclined
	}
	return s
}

// A Variation is one way in which the real CRM may answer.
type Variation struct {
	Name  string
	Apply func(*Settings)
}

// Variations are the answers of the CRM that are not known, each of them alone or with those that make it worse. Under
// every one of them shoppers must get what they paid for, and pay once. The first changes nothing.
//
// Settings under which nothing can be sold are not among them: RefusedAddress, RefuseIPv6, RefusePlus.
func Variations() []Variation {
	return []Variation{
		{"as measured", func(*Settings) {}},
		{"a redirect names its order", func(s *Settings) { s.RedirectNamesOrder = true }},
		{"a redirect by script", func(s *Settings) { s.Redirect = RedirectForm }},
		{"every answer in its other shape", func(s *Settings) {
			s.ItemsAsArray, s.CampaignsAsArray, s.NumbersAsNumbers, s.DatesAsObject = true, true, true, true
		}},
		{"success comes back by GET", func(s *Settings) { s.ReturnByGET = true }},
		{"success comes back with nothing", func(s *Settings) { s.ReturnByGET, s.ReturnBare = true, true }},
		{"an order is DECLINED while its session is open", func(s *Settings) { s.OpenStatus = StatusDeclined }},
		{"a cancel makes the order DECLINED", func(s *Settings) { s.CancelStatus = StatusDeclined }},
		{"a cancel makes the order CANCELLED", func(s *Settings) { s.CancelStatus = StatusCancelled }},
		{"a decline leaves the order PARTIAL", func(s *Settings) { s.DeclineStatus = StatusPartial }},
		{"an expired session makes the order DECLINED", func(s *Settings) { s.ExpiredStatus = StatusDeclined }},
		{"a paid order is reviewed", func(s *Settings) { s.Review = 3 * time.Minute }},
		{"a second lead of a shopper is given the first one's order", func(s *Settings) { s.Merge = MergeShopper }},
		{"a second lead is given the first one's order, and a redirect names its order", func(s *Settings) {
			s.Merge, s.RedirectNamesOrder = MergeShopper, true
		}},
		{"a lead is given another shopper's order", func(s *Settings) { s.Merge = MergeAddress }},
		{"a lead is given any order, and a redirect names its order", func(s *Settings) {
			s.Merge, s.RedirectNamesOrder = MergeAny, true
		}},
		{"a lead is given any order and does not say how that stands", func(s *Settings) {
			s.Merge, s.LeadHidesStatus, s.RedirectNamesOrder = MergeAny, true, true
		}},
		{"a lead does not say how its order stands", func(s *Settings) { s.LeadHidesStatus = true }},
		{"an import does not say which order it is", func(s *Settings) { s.ImportHidesOrder = true }},
		{"an order takes one import", func(s *Settings) { s.ImportOnce = true }},
		{"a declined order stays so", func(s *Settings) { s.DeclineSticks = true }},
		{"a paid order is completed as it stands", func(s *Settings) { s.CompleteAsIs = true }},
		{"errors are worded as nobody knows", func(s *Settings) { s.OddErrors = true }},
	}
}

// Flags makes every setting a flag of a program. Each default comes from the environment when set there:
// -slow-for from SIMULATOR_SLOW_FOR, and so on. The error names the environment variable that could not be read.
func (s *Settings) Flags(flags *flag.FlagSet) error {
	choice(flags, &s.Redirect, redirects, "redirect", "how shoppers are sent to Klarna", RedirectURL)
	choice(flags, &s.Merge, merges, "merge", "which order a lead without an orderId is given", MergeNever)
	for _, f := range s.switches() {
		flags.BoolVar(f.value, f.name, false, f.usage)
	}
	for _, f := range s.statuses() {
		flags.StringVar(f.value, f.name, f.otherwise, f.usage)
	}
	flags.DurationVar(&s.Latency, "latency", 0, "how long every answer takes, such as 300ms")
	flags.DurationVar(&s.SlowFor, "slow-for", DefaultSlowFor, "how long the answer to slow@… takes")
	flags.DurationVar(&s.Review, "review", 0, "how long a paid order is PENDING, in quality assurance")
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

// An option is a setting with its flag.
type option[T any] struct {
	value     *T
	name      string
	otherwise T
	usage     string
}

func (s *Settings) switches() []option[bool] {
	return []option[bool]{
		{&s.ItemsAsArray, "items-as-array", false, "items of an order as an array instead of an object"},
		{&s.CampaignsAsArray, "campaigns-as-array", false, "campaigns as an array instead of an object"},
		{&s.NumbersAsNumbers, "numbers", false, "totals and quantities as numbers instead of text"},
		{&s.DatesAsObject, "dates-as-object", false, "dates as objects instead of text"},
		{&s.OddErrors, "odd-errors", false, "declines are worded as nobody has noted yet"},
		{&s.LeadHidesStatus, "lead-hides-status", false, "the answer to a lead has no orderStatus"},
		{&s.RedirectNamesOrder, "redirect-names-order", false, "redirect answers tell the orderId"},
		{&s.ImportHidesOrder, "import-hides-order", false, "success of an import tells no orderId"},
		{&s.ImportOnce, "import-once", false, "an order takes one import"},
		{&s.DeclineSticks, "decline-sticks", false, "a declined order stays so when it is imported again"},
		{&s.CompleteAsIs, "complete-as-is", false,
			"a paid order has the items of its latest import, not of the session that was paid"},
		{&s.ReturnByGET, "return-by-get", false, "success comes back by GET instead of POST"},
		{&s.ReturnBare, "return-bare", false, "success comes back without orderData"},
		{&s.RefuseIPv6, "refuse-ipv6", false, "IPv6 addresses of shoppers are refused"},
		{&s.RefusePlus, "refuse-plus", false, "phone numbers with a + are refused"},
	}
}

func (s *Settings) statuses() []option[string] {
	return []option[string]{
		{&s.OpenStatus, "open-status", StatusPartial, "status of an order while its Klarna session is open"},
		{&s.CancelStatus, "cancel-status", "", "status of an order after the shopper cancelled (default: as while open)"},
		{&s.DeclineStatus, "decline-status", StatusDeclined, "status of an order after Klarna declined"},
		{&s.ExpiredStatus, "expired-status", "", "status of an order once its session has expired (default: as it was)"},
	}
}

// choice is a flag whose value is one of a list.
func choice[T ~string](flags *flag.FlagSet, value *T, all []T, name, usage string, otherwise T) {
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = string(one)
	}
	list := strings.Join(names, ", ")
	flags.Func(name, fmt.Sprintf("%s: %s (default %s)", usage, list, otherwise), func(text string) error {
		if !slices.Contains(all, T(text)) {
			return fmt.Errorf("not one of %s", list)
		}
		*value = T(text)
		return nil
	})
}
