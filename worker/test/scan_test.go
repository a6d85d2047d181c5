//go:build e2e

package test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// TestTheScannersFindNothing has MDN's HTTP Observatory scan the shop, and
// Google's CSP Evaluator judge every policy that a page or the API sends.
func TestTheScannersFindNothing(t *testing.T) {
	t.Parallel()
	m := NewMarket(t, simulator.Options{}, Options{Vars: map[string]any{"TURNSTILE_SECRET": ""}})
	script := m.Order(t, "script@example.com").Envelope(t)
	require.Equal(t, "redirect", script.Code)

	policies := map[string]bool{}
	for _, path := range []string{"/", "/checkout", "/nothing-here", "/api/health",
		"/api/klarna/continue/" + script.Ref} {
		answer := Send(t, m.Client(), http.MethodGet, "https://"+Host+path, "")
		policy := answer.Header.Get("Content-Security-Policy")
		require.NotEmpty(t, policy, path)
		policies[policy] = true
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Strict-Transport-Security": "max-age=31536000",
		} {
			assert.Equal(t, want, answer.Header.Get(name), "%s of %s", name, path)
		}
		for _, name := range []string{"Referrer-Policy", "Permissions-Policy", "Cross-Origin-Opener-Policy"} {
			assert.NotEmpty(t, answer.Header.Get(name), "%s of %s", name, path)
		}
		assert.NotContains(t, policy, "'unsafe-inline'")
		assert.NotContains(t, policy, "'unsafe-eval'")
	}
	list := make([]string, 0, len(policies))
	for policy := range policies {
		list = append(list, policy)
	}

	trusted := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.Certificate}),
		0o600))
	wanted, err := json.Marshal(map[string]any{"host": Host, "tls": m.TLS, "plain": m.Plain, "policies": list})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "test/scan.mjs", string(wanted))
	cmd.Dir = filepath.Join(Root(), "worker")
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+trusted, "ABORT_TIMEOUT=100000", "CLIENT_TIMEOUT=100000")
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	require.NoError(t, err, "%s", output)
	var result struct {
		Grade string
		Score int
		Tests map[string]struct {
			Pass   bool
			Result string
		}
		Findings []struct {
			Policy, Description string
			Severity, Type      int
		}
	}
	require.NoError(t, json.Unmarshal(output[strings.LastIndex(strings.TrimSpace(string(output)), "\n")+1:], &result),
		"%s", output)
	t.Logf("HTTP Observatory: %s (%d)", result.Grade, result.Score)
	assert.Equal(t, "A+", result.Grade)
	assert.NotEmpty(t, result.Tests)
	for name, test := range result.Tests {
		assert.True(t, test.Pass, "%s: %s", name, test.Result)
	}
	const high, syntax, medium = 10, 20, 30
	for _, f := range result.Findings {
		assert.NotContains(t, []int{high, syntax, medium}, f.Severity, "%s in %s", f.Description, f.Policy)
	}
}
