// Find asks a deployed Worker what it knows of one purchase, and prints it in words that a support person can read
// out. It knows nothing about the shopper.
//
//	find https://shop.example 63A9FBD226
//
// The purchase is named by its order's id in Konnektive, or by the ref of the shopper's page. The ADMIN_TOKEN comes
// from the environment.
package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"klarna-relay/worker/operator"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "find:", err)
		os.Exit(1)
	}
}

// A purchase is what the Worker answers.
type purchase struct {
	Ref, Kind, Lander, Created, Code string
	OfOrder, Product                 string
	Words                            []string
	Attempts                         []attempt
}

type attempt struct {
	OrderID, State, Begun, Sent, Answered, Answer, Stands string
	SessionOpen, Paid                                     bool
	SessionUntil, End, Ended                              string
	OrderQueryFailed                                      string
	OrderQuery                                            *struct{ Status, Total, Currency string }
}

func run(args []string, out io.Writer) error {
	if len(args) != 2 || args[0] == "" || args[1] == "" {
		return errors.New("say where and which: make find URL=https://shop.example ORDER=63A9FBD226, or REF=… as it " +
			"stands in the shopper's page")
	}
	var p purchase
	if err := operator.Ask(args[0], "/api/operator/purchase/"+url.PathEscape(refOf(args[1])), &p); err != nil {
		return err
	}
	p.print(out)
	return nil
}

// refOf takes the ref out of the address of a page, if that is what was given.
func refOf(text string) string {
	if u, err := url.Parse(text); err == nil && u.Query().Has("ref") {
		return u.Query().Get("ref")
	}
	return strings.TrimSpace(text)
}

func (p purchase) print(out io.Writer) {
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(out, "  %-10s %s\n", name, text)
		}
	}
	for _, sentence := range p.Words {
		fmt.Fprintln(out, sentence)
	}
	fmt.Fprintln(out)
	line("Purchase", p.Kind+" "+p.Ref+"… on "+p.Lander+", since "+p.Created)
	line("Of order", p.OfOrder)
	line("Status", p.Code)
	for i, a := range p.Attempts {
		fmt.Fprintf(out, "\n  Attempt %d\n", i+1)
		line("Order", a.OrderID)
		line("Sent", a.Sent)
		line("Answered", strings.TrimSpace(a.Answered+" "+a.Answer))
		line("Stands", a.Stands)
		if a.SessionOpen {
			line("Session", "open until "+a.SessionUntil)
		}
		line("Ended", strings.TrimSpace(a.Ended+" "+a.End))
		if q := a.OrderQuery; q != nil {
			line("Now", strings.TrimSpace(q.Status+" "+q.Total+" "+q.Currency))
		}
		line("Now", a.OrderQueryFailed)
	}
}
