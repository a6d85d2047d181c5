package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheProgram(t *testing.T) {
	t.Run("prints its addresses, serves them, and stops when asked to", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		reader, writer := io.Pipe()
		done := make(chan error, 1)
		go func() {
			done <- run(ctx, []string{"-addr", "127.0.0.1:0", "-password", "hunter2"}, writer, io.Discard)
			writer.Close()
		}()
		var books string
		lines := bufio.NewScanner(reader)
		for lines.Scan() {
			assert.NotContains(t, lines.Text(), "hunter2")
			if found := regexp.MustCompile(`Books\s+(http://\S+)`).FindStringSubmatch(lines.Text()); found != nil {
				books = found[1]
				break
			}
		}
		require.NotEmpty(t, books)
		go func() { _, _ = io.Copy(io.Discard, reader) }()
		response, err := http.Get(books)
		require.NoError(t, err)
		defer response.Body.Close()
		assert.Equal(t, 200, response.StatusCode)
		cancel()
		select {
		case err := <-done:
			assert.NoError(t, err)
		case <-time.After(30 * time.Second):
			t.Fatal("it did not stop")
		}
	})

	t.Run("a taken address is an error with a cure", func(t *testing.T) {
		err := run(context.Background(), []string{"-addr", "203.0.113.1:1"}, io.Discard, io.Discard)
		assert.ErrorContains(t, err, "Choose another address with -addr")
	})

	t.Run("help lists the flags", func(t *testing.T) {
		var help bytes.Buffer
		assert.ErrorIs(t, run(context.Background(), []string{"-h"}, io.Discard, &help), flag.ErrHelp)
		assert.True(t, strings.Contains(help.String(), "-redirect") && strings.Contains(help.String(), "-slow-for"))
	})

	t.Run("an unreadable setting of the environment is named", func(t *testing.T) {
		t.Setenv("SIMULATOR_NUMBERS", "perhaps")
		assert.ErrorContains(t, run(context.Background(), nil, io.Discard, io.Discard), "SIMULATOR_NUMBERS")
	})
}
