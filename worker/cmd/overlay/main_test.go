package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheOverlayTakesEveryFileOfCryptoTLSAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "overlay.json")
	require.NoError(t, write(path))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var overlay struct{ Replace map[string]string }
	require.NoError(t, json.Unmarshal(text, &overlay))
	left := map[string]string{}
	for from, to := range overlay.Replace {
		assert.Equal(t, "tls", filepath.Base(filepath.Dir(from)), from)
		if to != "" {
			left[filepath.Base(from)] = to
			assert.FileExists(t, to)
		}
	}
	assert.Greater(t, len(overlay.Replace), 20, "the real package has more files than that")
	assert.Len(t, left, 1)
	assert.Contains(t, left, "tls.go")
}

func TestAPackageThatIsNotThereIsAnError(t *testing.T) {
	empty := t.TempDir()
	_, err := replacements(filepath.Join(empty, "none"), "tls")
	assert.ErrorContains(t, err, "no such package")
	_, err = replacements("tls", empty)
	assert.ErrorContains(t, err, "nothing to put in its place")
}
