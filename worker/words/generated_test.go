//go:build !js

package words_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// As Wasm there is no go command to ask.
func TestTheTablesAreWhatTheProgramMakesOfTheCatalogue(t *testing.T) {
	fresh := filepath.Join(t.TempDir(), "tables.go")
	printed, err := exec.Command("go", "run", "klarna-relay/worker/cmd/words", "-tables", fresh).CombinedOutput()
	require.NoError(t, err, string(printed))
	want, err := os.ReadFile(fresh)
	require.NoError(t, err)
	have, err := os.ReadFile("tables.go")
	require.NoError(t, err)
	assert.Equal(t, string(want), string(have), "go generate ./worker/words")
}
