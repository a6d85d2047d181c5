package words_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sentence is a text as a shopper reads it: it begins with a capital letter, has several words, and ends as a
// sentence does.
var sentence = regexp.MustCompile(`^\p{Lu}[\p{L}’'-]* .*[\p{L}\d}][.!?…:]$`)

// forDevelopers are the only files of the shipped programs that hold sentences: those that are told to a page's
// developer or to the operator, in English.
var forDevelopers = []string{"relay/texts.go", "relay/operator.go", "relay/inspect.go", "relay/books.go",
	"relay/look.go", "rules/developer.go"}

func TestNoTextForShoppersStandsOutsideTheCatalogue(t *testing.T) {
	t.Run("in Go", func(t *testing.T) {
		read := 0
		for _, folder := range []string{"relay", "rules", "purchase", "ledger", "konnektive", "body", "json", "codes",
			"gate", "edge", "../wasm", "."} {
			files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
			require.NoError(t, err)
			for _, file := range files {
				name := strings.TrimPrefix(filepath.ToSlash(file), "../")
				if strings.HasSuffix(name, "_test.go") || slices.Contains(forDevelopers, name) {
					continue
				}
				for _, found := range sentencesOf(t, file) {
					assert.Fail(t, "a text for shoppers belongs into worker/words/catalogue", "%s: %q", name, found)
				}
				read++
			}
		}
		assert.Greater(t, read, 50, "the files of the shipped programs")
		assert.NotEmpty(t, sentencesOf(t, "../relay/texts.go"), "a sentence is found where there is one")
	})
}

// sentencesOf are the literals of a Go file that read like a text for shoppers.
func sentencesOf(t *testing.T, file string) (found []string) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	ast.Inspect(parsed, func(node ast.Node) bool {
		literal, ok := node.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(literal.Value)
		require.NoError(t, err)
		if sentence.MatchString(text) {
			found = append(found, text)
		}
		return true
	})
	return found
}
