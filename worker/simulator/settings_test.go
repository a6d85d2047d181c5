package simulator

import (
	"flag"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSettingsAsFlags(t *testing.T) {
	parse := func(t *testing.T, args ...string) (Settings, error) {
		flags := flag.NewFlagSet("test", flag.ContinueOnError)
		flags.SetOutput(io.Discard)
		var settings Settings
		if err := settings.Flags(flags); err != nil {
			return settings, err
		}
		return settings, flags.Parse(args)
	}

	t.Run("flags win over the environment, and the environment over the defaults", func(t *testing.T) {
		t.Setenv("SIMULATOR_REDIRECT", "iframe")
		t.Setenv("SIMULATOR_SLOW_FOR", "2s")
		t.Setenv("SIMULATOR_ITEMS_AS_ARRAY", "true")
		settings, err := parse(t, "-redirect", "script", "-latency=150ms")
		require.NoError(t, err)
		assert.Equal(t, Settings{Redirect: RedirectForm, Latency: 150 * time.Millisecond, SlowFor: 2 * time.Second,
			ItemsAsArray: true, OpenStatus: StatusPartial, DeclineStatus: StatusDeclined}, settings)
	})

	t.Run("a redirect that does not exist is refused, and the known ones are named", func(t *testing.T) {
		_, err := parse(t, "-redirect", "carrier-pigeon")
		assert.ErrorContains(t, err, "not one of url, script, navigate, iframe")
	})

	t.Run("an environment variable that cannot be read is named", func(t *testing.T) {
		t.Setenv("SIMULATOR_LATENCY", "soon")
		_, err := parse(t)
		assert.ErrorContains(t, err, "SIMULATOR_LATENCY")
	})
}
