package rules

// Shop is what a lander sells, from its configuration. Product ids are Konnektive's campaign product ids as decimal text.
type Shop struct {
	Products    []string // may be ordered at the checkout; one-time products only
	Upsales     []string // may be ordered after a paid order
	MaxQuantity int      // of one line
	Countries   []string // ISO 3166-1 alpha-2, billing countries
}
