package main

import (
	"fmt"
	"io"
	"strings"

	"klarna-relay/worker/config"
)

// print writes the faults, or what is sold where; then the hints.
func (f *findings) print(out io.Writer, file string, e environment) {
	title := file
	if e.name != "" {
		title += " [env." + e.name + "]"
	}
	if len(f.faults) > 0 {
		fmt.Fprintf(out, "%s: %s", title, config.List(f.faults))
	} else {
		fmt.Fprintf(out, "%s: ok, %s by %s\n", title, plural(len(f.config.Landers.Hosts()), "lander"),
			f.config.KonnektiveURL)
		for _, l := range f.config.Landers.All() {
			fmt.Fprintf(out, "  %s\n", summary(l))
		}
	}
	for _, hint := range f.hints {
		fmt.Fprintf(out, "  hint: %s\n", hint)
	}
}

// summary is a lander in one line.
func summary(l config.Lander) string {
	if len(l.Faults) > 0 {
		return fmt.Sprintf("%q: misconfigured here", l.Name)
	}
	parts := []string{
		"campaign " + l.CampaignID,
		"gateway " + l.MerchantID,
		l.PrepaidType,
		"products " + strings.Join(l.Shop.Products, " "),
	}
	if len(l.Shop.Upsales) > 0 {
		parts = append(parts, "upsales "+strings.Join(l.Shop.Upsales, " "))
	}
	parts = append(parts, fmt.Sprintf("at most %d of each", l.Shop.MaxQuantity))
	if n := len(l.Shop.Countries); n > 6 {
		parts = append(parts, fmt.Sprintf("%d countries", n))
	} else {
		parts = append(parts, strings.Join(l.Shop.Countries, " "))
	}
	if l.Origin == "" {
		parts = append(parts, "pages of www/")
	} else {
		parts = append(parts, "pages of "+l.Origin)
	}
	return fmt.Sprintf("%q: %s", l.Name, strings.Join(parts, ", "))
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
