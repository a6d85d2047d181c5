// Package rules says which orders the relay takes, and in which words it refuses the others.
//
// The policy, in short:
//
//   - What a page may say is one table (fields.go). Everything that decides who is charged, how much and by which
//     gateway is set by the Worker alone, so a page that sends it is either repeating what the Worker sends anyway
//     (ignored) or refused.
//   - Card data is refused in every field: Klarna takes the payment, so no order needs it.
//   - What the shopper typed is repaired where there is only one way to read it (spaces, a national phone number,
//     "1234ab" for "1234 AB") and otherwise handed back with a text that says what to do.
//   - Tracking fields never lose a sale: a value that does not fit is shortened or left out.
//
// The package is pure and small on purpose, since the browser module links it too: no fmt, regexp, encoding/json or
// net/http, no Unicode tables. The page's check is a convenience; the edge's check decides.
package rules

import (
	"slices"
	"unicode/utf8"
)

// Fields are Konnektive parameters and their values, as text.
type Fields map[string]string

// Problem is one reason why an order is not taken.
type Problem struct {
	Field  string // the parameter as the page named it; "?" when it holds more than a name can
	Code   Code
	Detail string // what Text fills in: a limit, or an example; never anything the shopper typed
}

// NewProblem is the only problem of a request, with a field whose name came from outside. Any name that can be shown
// is: it tells the page's developer where to look. It is not for the log, since a shopper may have typed it.
func NewProblem(name string, code Code, detail string) Problem {
	if name == "" || utf8.RuneCountInString(name) > maxShown || !printable(name) {
		name = "?"
	}
	return Problem{Field: name, Code: code, Detail: detail}
}

// Problems are in the order of the form, one for a field at most.
type Problems []Problem

// Code says why a value is refused.
type Code uint8

// The reasons. What each one means to the answer's code is in Answer, and the texts are in words.go and developer.go.
const (
	Required       Code = iota + 1 // the value is missing
	TooLong                        // more characters than Konnektive keeps; Detail is the limit
	BadCharacters                  // control characters, broken UTF-8, or symbols that no name or address holds
	BadName                        // no letter in it, or a web address
	BadEmail                       // not name@domain.tld
	BadPhone                       // cannot be made an E.164 number; Detail is an example
	BadPostalCode                  // not a postal code of the country; Detail is an example
	BadState                       // not a state of the country; Detail is an example
	BadCountry                     // neither an ISO 3166-1 alpha-2 code nor a country's English name
	BadValue                       // anything else that is not what the parameter takes
	BadQuantity                    // not a whole number from 1
	TooManyLines                   // more product lines than MaxLines, or than the one of an upsale
	ProductRefused                 // not one of the lander's products
	QuantityCap                    // more of a product than the lander allows; Detail is the cap
	CountryRefused                 // the lander does not offer the payment method there
	CardData                       // a card-like field, or a card number
	FieldRefused                   // a parameter that only the Worker sets

	// The following are a page's faults, not a shopper's.
	NotARef       // an orderId that is no ref
	Conflict      // says something else than the field in Detail
	NotOneOf      // a value outside a list; Detail is the list
	Duplicate     // sent twice, with two values
	Nested        // a list or an object where a text or number belongs
	TooManyFields // the first field beyond what one request may hold; Detail is the limit
	BadEncoding   // not percent-encoded UTF-8
	FileSent      // a file
)

// MaxProblems is how many problems one answer tells of, so that it stays smaller than 16 KiB.
const MaxProblems = 30

// Answer is the code of the HTTP contract for a set of problems, the gravest one first: "card_data",
// "product_refused", "country_refused", "invalid", and "" when there is no problem.
func (p Problems) Answer() string {
	gravest := 0
	for _, q := range p {
		gravest = max(gravest, q.Code.gravity())
	}
	return [...]string{"", "invalid", "country_refused", "product_refused", "card_data"}[gravest]
}

// gravity orders the codes: an answer is named after the gravest one.
func (c Code) gravity() int {
	switch c {
	case CardData:
		return 4
	case ProductRefused, QuantityCap:
		return 3
	case CountryRefused:
		return 2
	}
	return 1
}

// And joins the findings about one request: of two problems with a field the first one found is kept (p before
// more), and the order is the form's. A field that Admit refused is missing for the checks after it; this keeps "is
// required" from being said of it.
func (p Problems) And(more Problems) Problems {
	var all Problems
	for _, list := range [...]Problems{p, more} {
		for _, q := range list {
			all = all.add(q)
		}
	}
	return all.sorted()
}

// Lack says whether something is missing that an order needs.
func (p Problems) Lack() bool {
	for _, q := range p {
		if q.Code == Required {
			return true
		}
	}
	return false
}

// add appends q. A field has one problem, the first one found; but card data always counts.
func (p Problems) add(q Problem) Problems {
	for i := range p {
		if p[i].Field == q.Field {
			if q.Code == CardData {
				p[i] = q
			}
			return p
		}
	}
	return append(p, q)
}

// sorted puts the problems in the order of the form. Of more than MaxProblems the gravest are kept.
func (p Problems) sorted() Problems {
	ranks := make([]int, len(p))
	for i := range p {
		ranks[i] = rank(p[i].Field)
	}
	sort(p, ranks)
	for gravity := 1; len(p) > MaxProblems; gravity++ {
		for i := len(p) - 1; i >= 0 && len(p) > MaxProblems; i-- {
			if p[i].Code.gravity() == gravity {
				p = append(p[:i], p[i+1:]...)
			}
		}
	}
	return p
}

// sort orders problems by their ranks, and those of one rank by the field. It is a heapsort: the standard library's
// adds 5 KB to the compressed browser module, and an insertion sort lets a page's 250 fields cost as much as
// thousands.
func sort(p Problems, ranks []int) {
	swap := func(i, j int) { p[i], p[j], ranks[i], ranks[j] = p[j], p[i], ranks[j], ranks[i] }
	less := func(i, j int) bool { return ranks[i] < ranks[j] || ranks[i] == ranks[j] && p[i].Field < p[j].Field }
	sift := func(root, end int) {
		for child := 2*root + 1; child < end; child = 2*root + 1 {
			if child+1 < end && less(child, child+1) {
				child++
			}
			if !less(root, child) {
				return
			}
			swap(root, child)
			root = child
		}
	}
	for root := len(p)/2 - 1; root >= 0; root-- {
		sift(root, len(p))
	}
	for end := len(p) - 1; end > 0; end-- {
		swap(0, end)
		sift(0, end)
	}
}

// Texts is the `message` of a refusal: for each field, what the shopper can do about it. lang as for Problem.Text.
func (p Problems) Texts(lang string) Fields {
	texts := make(Fields, len(p))
	for _, q := range p {
		if texts[q.Field] == "" {
			texts[q.Field] = q.Text(lang)
		}
	}
	return texts
}

// Shop is what a lander sells, from its configuration.
type Shop struct {
	Products    []string // campaign product ids that an order may hold, decimal
	Upsales     []string // campaign product ids that an upsale may hold, decimal
	MaxQuantity int      // of one product in an order, all its lines together; 0 means DefaultMaxQuantity
	Countries   []string // ISO 3166-1 alpha-2, where the payment method is offered; empty means Klarna's countries
}

// DefaultMaxQuantity is the cap of a lander that names none.
const DefaultMaxQuantity = 10

// MaxLines is how many product lines an order may hold. Konnektive states no limit; a cart with more is no shopper's.
const MaxLines = 20

func (s Shop) cap() int {
	if s.MaxQuantity <= 0 {
		return DefaultMaxQuantity
	}
	return s.MaxQuantity
}

// Offers says whether the lander sells to a country (ISO 3166-1 alpha-2).
func (s Shop) Offers(code string) bool {
	if len(s.Countries) == 0 {
		_, ok := KlarnaCurrency(code)
		return ok
	}
	return slices.Contains(s.Countries, code)
}
