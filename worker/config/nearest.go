package config

import "strings"

// meant are words for a lander's keys that people use and that spelling does not lead to.
var meant = map[string]string{
	"gateway": "forceMerchantId", "gatewayId": "forceMerchantId", "campaign": "campaignId", "quantity": "maxQuantity",
	"origins": "allowedOrigins", "thanks": "thankYou", "upsale": "upsell", "upsell": "upsales", "country": "countries",
	"maxQty": "maxQuantity", "host": "origin",
}

// Nearest is the one of the known names that was meant by another one; "" when none is near enough.
func Nearest(name string, known []string) string {
	for _, k := range known {
		if strings.EqualFold(k, name) || k == meant[name] {
			return k
		}
	}
	best, least := "", 3 // two letters at most are wrong
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < least && d*3 <= len(name) {
			best, least = k, d
		}
	}
	if best != "" {
		return best
	}
	for _, k := range known {
		a, b := strings.ToLower(name), strings.ToLower(k)
		if len(a) >= 5 && (strings.Contains(b, a) || strings.Contains(a, b)) {
			return k
		}
	}
	return ""
}

// distance is how many letters must be added, removed or replaced to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		left := row[0] // of the row above
		row[0] = i + 1
		for j := range len(b) {
			cost := left
			if a[i] != b[j] {
				cost++
			}
			left = row[j+1]
			row[j+1] = min(cost, left+1, row[j]+1)
		}
	}
	return row[len(b)]
}
