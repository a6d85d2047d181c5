// Books has a deployed Worker compare the payments that it has settled on a day with the prepaid orders that
// Konnektive has of it, and lists what only one side has. It exits with 1 when there is any.
//
//	books https://shop.example 2026-11-25
//
// The ADMIN_TOKEN comes from the environment. The API user needs the grant for Order Query.
package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"time"

	"klarna-relay/worker/operator"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "books:", err)
		os.Exit(1)
	}
}

type books struct {
	Settled, Konnektive int
	Revenue             map[string]string
	OnlyAtKonnektive    []struct{ OrderID, Campaign, Amount, Currency string }
	OnlyAtTheRelay      []struct{ OrderID, Ref, Kind, Lander, Amount, Currency, At string }
}

func run(args []string, out io.Writer) error {
	if len(args) != 2 || args[0] == "" {
		return errors.New("say where and when: make books URL=https://shop.example DAY=2026-11-25")
	}
	if _, err := time.Parse(time.DateOnly, args[1]); err != nil {
		return fmt.Errorf("DAY=%s is no day: write it 2026-11-25", args[1])
	}
	var b books
	if err := operator.Ask(args[0], "/api/operator/books?day="+url.QueryEscape(args[1]), &b); err != nil {
		return err
	}
	return b.print(out, args[1])
}

func (b books) print(out io.Writer, day string) error {
	fmt.Fprintf(out, "%s: %d settled by the relay, %d complete prepaid orders at Konnektive\n", day, b.Settled,
		b.Konnektive)
	for _, name := range slices.Sorted(maps.Keys(b.Revenue)) {
		fmt.Fprintf(out, "  revenue %s %s\n", name, b.Revenue[name])
	}
	for _, o := range b.OnlyAtKonnektive {
		fmt.Fprintf(out, "  only at Konnektive: %s, campaign %s, %s %s\n", o.OrderID, o.Campaign, o.Amount, o.Currency)
	}
	for _, o := range b.OnlyAtTheRelay {
		fmt.Fprintf(out, "  only at the relay: %s (%s %s) on %s, %s %s, %s\n", o.OrderID, o.Kind, o.Ref, o.Lander, o.Amount,
			o.Currency, o.At)
	}
	if n := len(b.OnlyAtKonnektive) + len(b.OnlyAtTheRelay); n > 0 {
		return fmt.Errorf("%d that only one side has", n)
	}
	return nil
}
