package words

import "strings"

// Languages are the languages of the texts, ISO 639-1, in alphabetical order.
func Languages() []string { return strings.Fields(languages) }

// Tables are all the texts that the edge holds, and their keys.
func Tables() string {
	all := keys
	for _, lang := range Languages() {
		all += table(lang)
	}
	return all
}
