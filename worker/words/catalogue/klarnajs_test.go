package catalogue

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// klarna.js is copied to landers as one file, so its English stands in it once more.
func TestKlarnaJSHasTheCataloguesEnglish(t *testing.T) {
	script, err := os.ReadFile("../../test/pages/klarna.js")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(script), "const ENGLISH = {\n")
	require.True(t, found)
	table, _, _ := strings.Cut(rest, "\n};\n")
	inside := map[string]string{}
	for _, line := range regexp.MustCompile(`(?m)^  (\w+):\s+"(.*)",$`).FindAllStringSubmatch(table, -1) {
		inside[line[1]] = line[2]
	}
	all, err := Checked()
	require.NoError(t, err)
	want := map[string]string{}
	languages := []string{}
	for _, c := range all {
		if c.Lang != "en" {
			languages = append(languages, c.Lang)
			continue
		}
		for _, text := range c.Texts {
			if key, ok := strings.CutPrefix(text.Key, "klarna."); ok {
				want[key] = text.Text
			}
		}
	}
	assert.Equal(t, want, inside)
	assert.Contains(t, string(script), "const LANGUAGES = /^("+strings.Join(languages, "|")+")$/;",
		"and the languages that have a file")
}
