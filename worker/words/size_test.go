package words_test

import (
	"bytes"
	"compress/gzip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/words"
	"klarna-relay/worker/words/catalogue"
)

// compressed is the size of a text after gzip -9.
func compressed(t *testing.T, text []byte) int {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Len()
}

func TestAPageLoadsAtMost2KBOfTexts(t *testing.T) {
	all, err := catalogue.All()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	for _, c := range all {
		assert.LessOrEqual(t, compressed(t, c.Module()), 2_000, c.Lang)
	}
}

func TestAllTextsTakeAtMost40KBOfTheEdge(t *testing.T) {
	size := compressed(t, []byte(words.Tables()))
	assert.LessOrEqual(t, size, 40_000)
	t.Logf("all languages: %d KB, %d KB gzip", len(words.Tables())/1000, size/1000)
}
