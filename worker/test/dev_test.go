//go:build e2e

package test

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// printing is what a program prints, readable while it runs.
type printing struct {
	mu   sync.Mutex
	text strings.Builder
}

func (p *printing) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *printing) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func TestMakeDev(t *testing.T) {
	var out printing
	cmd := exec.Command("make", "dev")
	cmd.Dir = Root()
	cmd.Env = append(os.Environ(), "PORT=0")
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = group()
	require.NoError(t, cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })

	// The first build on a fresh machine compiles the standard library for Wasm.
	deadline := time.After(10 * time.Minute)
	for !strings.Contains(out.String(), "Ctrl-C") {
		select {
		case err := <-done:
			require.FailNow(t, "make dev ended", "%v\n%s", err, out.String())
		case <-deadline:
			require.FailNow(t, "make dev did not come up", out.String())
		case <-time.After(100 * time.Millisecond):
		}
	}
	printed := func(name string) string {
		found := regexp.MustCompile(name + ` +(http://\S+)`).FindStringSubmatch(out.String())
		require.NotNil(t, found, out.String())
		return found[1]
	}
	page, books := printed("The shop"), printed("The CRM")
	shop := strings.TrimSuffix(page, "/checkout")
	client := &http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

	t.Run("prints the address of a checkout page on which a shopper can buy with the simulated Klarna", func(t *testing.T) {
		checkout := Send(t, client, "GET", page, "")
		require.Equal(t, 200, checkout.Status)
		assert.Contains(t, checkout.Header.Get("Content-Type"), "text/html")

		order := url.Values{
			"firstName": {"Zoë"}, "lastName": {"O’Brien"}, "emailAddress": {"zoe@example.com"}, "phoneNumber": {"+31201234567"}, "address1": {"Keizersgracht 1"},
			"city": {"Amsterdam"}, "postalCode": {"1015 CJ"}, "country": {"NL"}, "billShipSame": {"1"}, "product1_id": {"34"}, "product1_qty": {"1"},
		}
		imported := Send(t, client, "POST", shop+"/api/order/import/", order.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Origin", shop).Envelope(t)
		require.Equal(t, "redirect", imported.Code, "%v", imported)
		klarna := imported.Message.(map[string]any)["url"].(string)

		approved := Send(t, client, "POST", klarna+"/approve", "x=", "Content-Type", "application/x-www-form-urlencoded")
		require.Equal(t, 200, approved.Status)
		field := func(pattern string) string {
			found := regexp.MustCompile(pattern).FindStringSubmatch(approved.Body)
			require.NotNil(t, found, approved.Body)
			return html.UnescapeString(found[1])
		}
		back := url.Values{"finalizeTransaction": {"1"}, "orderData": {field(`name="orderData" value="([^"]*)"`)}}
		returned := Send(t, client, "POST", field(`action="([^"]*)"`), back.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Origin", "null", "Sec-Fetch-Site", "cross-site")
		assert.Equal(t, 303, returned.Status, returned.Body)
		assert.Contains(t, returned.Header.Get("Location"), "/upsell?ref="+imported.Ref)

		status := Send(t, client, "GET", shop+"/api/order/status/"+imported.Ref, "").Envelope(t)
		assert.Equal(t, "paid", status.Code)
	})

	t.Run("shows in the books what landed in the CRM, and nothing a relay must never send", func(t *testing.T) {
		seen := Send(t, client, "GET", books, "")
		assert.Contains(t, seen.Body, "Keizersgracht 1")
		assert.Contains(t, seen.Body, "COMPLETE")
		assert.NotContains(t, seen.Body, `class="violation"`)
	})

	t.Run("says that it is well", func(t *testing.T) {
		var health struct{ Status string }
		require.NoError(t, json.Unmarshal([]byte(Send(t, client, "GET", shop+"/api/health", "").Body), &health))
		assert.Equal(t, "ok", health.Status)
	})

	t.Run("stops everything when make is asked to stop", func(t *testing.T) {
		require.NoError(t, syscall.Kill(cmd.Process.Pid, syscall.SIGTERM))
		select {
		case <-done:
		case <-time.After(patience):
			require.FailNow(t, "make dev did not stop", out.String())
		}
		for _, address := range []string{page, books} {
			assert.Eventually(t, func() bool {
				_, err := client.Get(address)
				return err != nil
			}, patience, 100*time.Millisecond, "%s still answers", address)
		}
	})
}
