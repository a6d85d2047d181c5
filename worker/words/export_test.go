package words

import "strings"

// Languages are the languages of the texts, ISO 639-1, in alphabetical order.
func Languages() []string { return strings.Fields(languages) }
