package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what the program says now into testdata/*/want.txt")

func noSecrets(string) (string, bool) { return "", false }

// TestScenarios runs the program on each folder of testdata: a wrangler.toml, more arguments in args, and in
// want.txt what it is to say.
func TestScenarios(t *testing.T) {
	folders, err := filepath.Glob("testdata/*/wrangler.toml")
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	for _, file := range folders {
		folder := filepath.Dir(file)
		t.Run(strings.ReplaceAll(filepath.Base(folder), "-", " "), func(t *testing.T) {
			args := []string{"-file", file}
			if more, err := os.ReadFile(filepath.Join(folder, "args")); err == nil {
				args = append(args, strings.Fields(string(more))...)
			}
			var out bytes.Buffer
			status := run(args, noSecrets, &out)
			got := fmt.Sprintf("%sexit %d\n", out.String(), status)

			want := filepath.Join(folder, "want.txt")
			if *update {
				require.NoError(t, os.WriteFile(want, []byte(got), 0o644))
			}
			text, err := os.ReadFile(want)
			require.NoError(t, err)
			assert.Equal(t, string(text), got)
		})
	}
}

func TestSecretsOfTheFileAreNeverPrinted(t *testing.T) {
	for _, folder := range []string{"everything-wrong", "secrets-file-with-faults", "a-secret-that-breaks-the-file"} {
		said, err := os.ReadFile(filepath.Join("testdata", folder, "want.txt"))
		require.NoError(t, err)
		for _, secret := range []string{"hunter2", "tom&jerry", "short\n"} {
			assert.NotContains(t, string(said), secret)
		}
	}
}

// inFolder copies the wrangler.toml of a scenario into a folder of its own, next to other files.
func inFolder(t *testing.T, scenario string, files map[string]string) (file string) {
	t.Helper()
	folder := t.TempDir()
	text, err := os.ReadFile(filepath.Join("testdata", scenario, "wrangler.toml"))
	require.NoError(t, err)
	file = filepath.Join(folder, "wrangler.toml")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	return file
}

func TestWhereSecretsComeFrom(t *testing.T) {
	const good = "KONNEKTIVE_LOGIN_ID=relay\nKONNEKTIVE_PASSWORD=secret\n"
	for _, test := range []struct {
		name        string
		scenario    string
		files       map[string]string
		environment map[string]string
		args        []string
		status      int
		says        string // "": no word of secrets
	}{
		{"the .dev.vars beside wrangler.toml", "secrets-at-cloudflare", map[string]string{".dev.vars": good}, nil, nil, 0,
			""},
		{"a fault in .dev.vars", "secrets-at-cloudflare", map[string]string{".dev.vars": good + "ADMIN_TOKEN=abc"}, nil, nil,
			1, "admin_token_short at ADMIN_TOKEN (.dev.vars)"},
		{"a webhook, and nothing that looks", "secrets-at-cloudflare",
			map[string]string{".dev.vars": good + "ALERT_URL=https://hooks.example/a"}, nil, nil,
			1, "alerts_without_trigger at triggers.crons"},
		{"the environment of the process", "secrets-at-cloudflare", nil,
			map[string]string{"KONNEKTIVE_LOGIN_ID": "relay", "KONNEKTIVE_PASSWORD": "secret"}, nil, 0, ""},
		{"a fault in the environment of the process", "secrets-at-cloudflare", nil,
			map[string]string{"KONNEKTIVE_LOGIN_ID": "relay", "KONNEKTIVE_PASSWORD": "a&b"}, nil, 1,
			"password_ampersand at KONNEKTIVE_PASSWORD (the environment)"},
		{"the environment before .dev.vars", "secrets-at-cloudflare",
			map[string]string{".dev.vars": "KONNEKTIVE_PASSWORD=a&b"}, map[string]string{"KONNEKTIVE_LOGIN_ID": "relay"}, nil,
			0,
			"not checked: KONNEKTIVE_PASSWORD."},
		{"one environment's own file", "one-environment",
			map[string]string{".dev.vars": good, ".dev.vars.second": good + "ADMIN_TOKEN=abc"}, nil, []string{"-env", "second"},
			1,
			"admin_token_short at ADMIN_TOKEN (.dev.vars.second)"},
		{"the copied example, still empty", "secrets-at-cloudflare",
			map[string]string{".dev.vars": "KONNEKTIVE_LOGIN_ID=\"\"\nKONNEKTIVE_PASSWORD=\"\"\n"}, nil, nil, 0,
			"not checked: KONNEKTIVE_LOGIN_ID, KONNEKTIVE_PASSWORD."},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := inFolder(t, test.scenario, test.files)
			lookup := func(name string) (string, bool) { value, ok := test.environment[name]; return value, ok }
			var out bytes.Buffer
			status := run(append([]string{"-file", file}, test.args...), lookup, &out)

			assert.Equal(t, test.status, status, out.String())
			if test.says == "" {
				assert.NotContains(t, out.String(), "KONNEKTIVE_LOGIN_ID")
			} else {
				assert.Contains(t, out.String(), test.says)
			}
		})
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"no wrangler.toml", []string{"-file", "testdata/nowhere.toml"}, "name the file by -file"},
		{"no secrets file", []string{"-file", "testdata/in-order/wrangler.toml", "-secrets-file", "testdata/nowhere.env"},
			"read the secrets"},
		{"an argument too many", []string{"staging"}, `unexpected argument "staging"`},
		{"a flag that does not exist", []string{"-x"}, "-secrets-file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			assert.Equal(t, 1, run(test.args, noSecrets, &out))
			assert.Contains(t, out.String(), test.want)
		})
	}
}

func TestHelpIsNoFailure(t *testing.T) {
	var out bytes.Buffer
	assert.Equal(t, 0, run([]string{"-help"}, noSecrets, &out))
	assert.Contains(t, out.String(), "-env")
}
