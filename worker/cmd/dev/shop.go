//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"klarna-relay/worker/config"
	"klarna-relay/worker/landersfile"
	"klarna-relay/worker/simulator"
)

// shop is what wrangler.toml and landers.toml say of the landers.
type shop struct {
	config config.Config
	faults []config.Fault
	host   string // by which browsers find this machine
	lander string // the key of the lander that it stands for; "": it has one by itself
}

// readShop reads both files, and checks them together with the optional secrets.
func readShop(root string, secrets map[string]string) (shop, error) {
	var settings struct {
		Vars map[string]any `toml:"vars"`
	}
	if _, err := toml.DecodeFile(filepath.Join(root, "wrangler.toml"), &settings); err != nil {
		return shop{}, fmt.Errorf("read wrangler.toml: %w", err)
	}
	table, err := landersfile.Read(filepath.Join(root, landersfile.Path))
	if err != nil {
		return shop{}, fmt.Errorf("read %s: %w", landersfile.Path, err)
	}
	s := shop{host: "localhost"}
	s.config, s.faults = config.ParseWith(func(name string) string {
		switch name {
		case config.NameLoginID:
			return simulator.DefaultLoginID
		case config.NamePassword:
			return simulator.DefaultPassword
		case config.NameLoopbackHTTP:
			return "1"
		}
		if secret := secrets[name]; secret != "" {
			return secret
		}
		switch value := settings.Vars[name].(type) {
		case nil:
			return ""
		case string:
			return value
		default:
			text, err := json.Marshal(value)
			if err != nil {
				return "null" // as an infinite number is in JSON
			}
			return string(text)
		}
	}, table.File())
	s.faults = append(s.faults, s.config.Landers.Faults()...)
	return s, nil
}

// faulty tells whether wrangler.toml has faults. Those of landers.toml are the build's: it takes that file as it is.
func (s shop) faulty() bool {
	return slices.ContainsFunc(s.faults, func(f config.Fault) bool { return !strings.HasPrefix(f.Where, config.NameFile) })
}

// served is the lander that this machine has.
func (s shop) served() (config.Lander, bool) {
	if s.lander != "" {
		return s.config.Landers.Named(s.lander)
	}
	return s.config.Lander(s.host)
}

// shown are the name of that lander, and how to take another one.
func (s shop) shown() (name, others string) {
	lander, ok := s.served()
	if !ok {
		return "", ""
	}
	for _, key := range s.config.Landers.Hosts() {
		if key != lander.Name {
			return lander.Name, "; another one by LANDER=" + key
		}
	}
	return lander.Name, ""
}

// checkout is the address of the checkout page that a browser on this machine can open.
func (s shop) checkout(base string) string {
	page := config.DefaultCheckout
	if lander, ok := s.served(); ok && lander.Checkout != "" {
		page = lander.Checkout
	}
	if !strings.HasPrefix(page, "/") {
		return page // a lander on another origin
	}
	return base + page
}

// ready is the address that answers 200 once the relay runs: the checkout page, unless that is elsewhere.
func (s shop) ready(base string) string {
	lander, _ := s.served()
	if page := s.checkout(base); strings.HasPrefix(page, base+"/") && lander.Origin == "" {
		return page
	}
	return base + "/api/health"
}

// campaigns are simulated campaigns with the ids of wrangler.toml, so that a developer's own products can be
// ordered at once. Their names and prices are made up.
func (s shop) campaigns() []simulator.Campaign {
	example := simulator.DefaultCampaign()
	known := map[string]simulator.Product{}
	for _, p := range example.Products {
		known[p.ID] = p
	}
	byID := map[string]*simulator.Campaign{}
	for _, lander := range s.config.Landers.All() {
		if lander.CampaignID == "" {
			continue // reported as a fault
		}
		c := byID[lander.CampaignID]
		if c == nil {
			c = &simulator.Campaign{ID: lander.CampaignID, Name: "Campaign " + lander.CampaignID, Currency: example.Currency,
				CurrencySymbol: example.CurrencySymbol, Coupons: example.Coupons}
			byID[lander.CampaignID] = c
		}
		c.Merchants = union(c.Merchants, lander.MerchantID)
		c.Countries = union(c.Countries, lander.Shop.Countries...)
		add := func(id string, otherwise simulator.Product) {
			if slices.ContainsFunc(c.Products, func(p simulator.Product) bool { return p.ID == id }) {
				return
			}
			product, ok := known[id]
			if !ok || product.Recurring || product.Type != otherwise.Type {
				product = otherwise
			}
			product.ID = id
			c.Products = append(c.Products, product)
		}
		for _, id := range lander.Shop.Products {
			add(id, simulator.Product{Name: "Product " + id, Type: simulator.TypeOffer, Price: 2990, Shipping: 490})
		}
		for _, id := range lander.Shop.Upsales {
			add(id, simulator.Product{Name: "Upsale " + id, Type: simulator.TypeUpsale, Price: 1490})
		}
	}
	var campaigns []simulator.Campaign
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		campaigns = append(campaigns, *byID[id])
	}
	return campaigns // none: the simulator has one of its own
}

func union(list []string, more ...string) []string {
	for _, text := range more {
		if !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return list
}
