//go:build unix

package main

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"klarna-relay/worker/simulator"
)

// A keeper knows the shop that is served, and reads it anew when the settings change.
type keeper struct {
	o              options
	root           string
	stdout, stderr io.Writer
	simulator      *simulator.Simulator // nil: the real CRM

	mu        sync.Mutex
	shop      shop
	announced bool
}

// renew reads the shop anew, prints the faults of the settings, and tells the simulator of the campaigns. ok is false
// when the settings are not to be used: those before stay in use then.
func (k *keeper) renew() (lander string, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	fresh, err := k.o.shop(k.root, k.stderr)
	if err != nil {
		fmt.Fprintf(k.stderr, "dev: %v\n", err)
	}
	if err != nil || fresh.faulty() && !k.shop.faulty() {
		fmt.Fprintln(k.stderr, "dev: the settings before this edit stay in use until the file is right")
		return "", false
	}
	was := k.shop
	k.shop = fresh
	if k.simulator != nil {
		k.simulator.SetCampaigns(fresh.campaigns())
	}
	base := k.o.base(fresh.host)
	name, others := fresh.shown()
	if before, _ := was.shown(); k.announced && (name != before || fresh.checkout(base) != was.checkout(base)) {
		k.line("The shop", fresh.checkout(base))
		k.line("Lander", name+others)
	}
	return fresh.lander, true
}

// announce says where everything is.
func (k *keeper) announce(crm string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.announced = true
	base := k.o.base(k.shop.host)
	fmt.Fprintln(k.stdout)
	page := k.shop.checkout(base)
	k.line("The shop", page)
	if !strings.HasPrefix(page, base) {
		k.line("The API", base+"/api/")
	}
	k.line("The CRM", crm)
	if name, others := k.shop.shown(); name != "" {
		k.line("Lander", name+others)
	}
	if !k.o.real {
		k.line("Faults", "order as decline@example.com, lost@example.com, script@example.com …; "+
			"the CRM's page lists them all")
		k.line("Preflight", `curl -k -H "Authorization: Bearer `+adminToken+`" `+base+"/api/preflight")
	}
	if k.o.https {
		k.line("https", "the certificate is made for this run: tell the browser to go on, here and at the simulated "+
			"Klarna")
	}
	k.line("Stop", "Ctrl-C")
	fmt.Fprintln(k.stdout)
}

func (k *keeper) line(name, text string) { fmt.Fprintf(k.stdout, "  %-10s %s\n", name, text) }
