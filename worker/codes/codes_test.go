package codes

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	status = regexp.MustCompile(`\b[1-5]\d\d\b`)
	code   = regexp.MustCompile("`([a-z_]+)`")
)

// The table of the guide names every code, each with the status and the result that the program gives it.
func TestTheGuideSaysHowEachCodeIsAnswered(t *testing.T) {
	guide, err := os.ReadFile("../docs/contract.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(guide), "| What happened | HTTP | `result` | `code` |")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	told := map[string]Meaning{}
	for row := range strings.Lines(table) {
		cells := strings.Split(row, " | ")
		if len(cells) != 4 {
			continue
		}
		words, _, _ := strings.Cut(cells[3], "; `message")
		words, _, _ = strings.Cut(words, "; `{")
		names, statuses := code.FindAllStringSubmatch(words, -1), status.FindAllString(cells[1], -1)
		require.Len(t, statuses, len(names), row)
		for i, name := range names {
			number, err := strconv.Atoi(statuses[i])
			require.NoError(t, err)
			told[name[1]] = Meaning{Status: number, Result: strings.Trim(cells[2], "`")}
			assert.Equal(t, strings.Contains(cells[1], "Retry-After"), Meanings[name[1]].RetryAfter > 0, name[1])
		}
	}
	for name, meaning := range Meanings {
		meaning.RetryAfter = 0
		assert.Equal(t, meaning, told[name], name)
	}
	assert.Len(t, told, len(Meanings))
}
