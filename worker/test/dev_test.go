//go:build e2e

package test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"html"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
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

// dev is a running `make dev`.
type dev struct {
	out    printing
	cmd    *exec.Cmd
	client *http.Client
	done   chan struct{} // closed at its end, with err
	err    error
}

func makeDev(t *testing.T, folder string, env ...string) *dev {
	t.Helper()
	d := &dev{done: make(chan struct{})}
	d.client = &http.Client{Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	d.cmd = exec.Command("make", "dev")
	d.cmd.Dir = folder
	d.cmd.Env = append(append(os.Environ(), "PORT=0"), env...)
	d.cmd.Stdout, d.cmd.Stderr = &d.out, &d.out
	d.cmd.SysProcAttr = group()
	require.NoError(t, d.cmd.Start())
	go func() {
		d.err = d.cmd.Wait() // which is also for all that it has started, since they write into the same pipe
		close(d.done)
	}()
	t.Cleanup(func() {
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			select {
			case <-d.done:
				return
			default:
			}
			_ = syscall.Kill(-d.cmd.Process.Pid, signal)
			select {
			case <-d.done:
			case <-time.After(patience):
			}
		}
	})

	// The first build on a fresh machine compiles the standard library for Wasm.
	deadline := time.After(10 * time.Minute)
	for !strings.Contains(d.out.String(), "Ctrl-C") {
		select {
		case <-d.done:
			require.FailNow(t, "make dev ended", "%v\n%s", d.err, d.out.String())
		case <-deadline:
			require.FailNow(t, "make dev did not come up", d.out.String())
		case <-time.After(100 * time.Millisecond):
		}
	}
	return d
}

// printed is an address that it has printed.
func (d *dev) printed(t *testing.T, name string) string {
	t.Helper()
	found := regexp.MustCompile(name + ` +(https?://\S+)`).FindStringSubmatch(d.out.String())
	require.NotNil(t, found, d.out.String())
	return found[1]
}

// stop ends make dev as Ctrl-C does, and waits for its end.
func (d *dev) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, syscall.Kill(-d.cmd.Process.Pid, syscall.SIGTERM))
	<-d.done
}

// clone copies the repository as git has it, with the npm tools of this one, and with the sample pages and landers,
// whatever it has of its own.
func clone(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = Root()
	names, err := list.Output()
	require.NoError(t, err)
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(Root(), name))
		if os.IsNotExist(err) {
			continue // removed, and not committed yet
		}
		require.NoError(t, err)
		info, err := os.Stat(filepath.Join(Root(), name))
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), text, 0o755))
		// As old as it is here: for make a younger package-lock.json would be a reason to install the npm tools anew,
		// through the link and in use.
		require.NoError(t, os.Chtimes(filepath.Join(folder, name), info.ModTime(), info.ModTime()))
	}
	require.NoError(t, os.Symlink(filepath.Join(Root(), "worker/node_modules"),
		filepath.Join(folder, "worker/node_modules")))
	require.NoError(t, os.RemoveAll(filepath.Join(folder, "www")))
	require.NoError(t, os.CopyFS(filepath.Join(folder, "www"), os.DirFS(SamplePages())))
	_ = os.Remove(filepath.Join(folder, "worker/landers.toml"))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "worker/landers.toml"), nil, 0o644))
	describe(t, folder,
		"[vars.LANDERS.\"*\"]\ncampaignId = 12\nforceMerchantId = 7\nproducts = [34, 35]\nupsales = [40]\n")
	return folder
}

// describe writes wrangler.toml with this description of the landers and their hosts in place of any other.
func describe(t *testing.T, folder, landers string) {
	t.Helper()
	var all map[string]any
	_, err := toml.DecodeFile(filepath.Join(Root(), "wrangler.toml"), &all)
	require.NoError(t, err)
	delete(all, "routes")
	delete(all, "route")
	delete(all["vars"].(map[string]any), "LANDERS")
	var text strings.Builder
	require.NoError(t, toml.NewEncoder(&text).Encode(all))
	file := filepath.Join(folder, "wrangler.toml")
	require.NoError(t, os.WriteFile(file+".new", []byte(text.String()+"\n"+landers), 0o644))
	require.NoError(t, os.Rename(file+".new", file))
}

// devOrder is the form of an order, as a browser posts it.
var devOrder = url.Values{
	"firstName": {"Zoë"}, "lastName": {"O’Brien"}, "emailAddress": {"zoe@example.com"}, "phoneNumber": {"+31201234567"},
	"address1": {"Keizersgracht 1"}, "city": {"Amsterdam"}, "postalCode": {"1015 CJ"}, "country": {"NL"},
	"billShipSame": {"1"}, "product1_id": {"34"}, "product1_qty": {"1"},
}.Encode()

// approve pays at a page of the simulated Klarna, and goes back to where that leads.
func approve(t *testing.T, client *http.Client, klarna string) (back string, returned Answer) {
	t.Helper()
	approved := Send(t, client, "POST", klarna+"/approve", "x=", "Content-Type", Form)
	require.Equal(t, 200, approved.Status)
	field := func(pattern string) string {
		found := regexp.MustCompile(pattern).FindStringSubmatch(approved.Body)
		require.NotNil(t, found, approved.Body)
		return html.UnescapeString(found[1])
	}
	back = field(`action="([^"]*)"`)
	order := url.Values{"finalizeTransaction": {"1"}, "orderData": {field(`name="orderData" value="([^"]*)"`)}}
	return back, Send(t, client, "POST", back, order.Encode(), "Content-Type", Form, "Origin", "null",
		"Sec-Fetch-Site", "cross-site")
}

func TestMakeDev(t *testing.T) {
	t.Parallel()
	folder := clone(t)
	d := makeDev(t, folder)
	out, cmd, done, client := &d.out, d.cmd, d.done, d.client
	printed := func(name string) string { return d.printed(t, name) }
	page, books := printed("The shop"), printed("The CRM")
	shop := strings.TrimSuffix(page, "/checkout")

	t.Run("prints the address of a checkout page on which a shopper can buy with the simulated Klarna", func(t *testing.T) {
		checkout := Send(t, client, "GET", page, "")
		require.Equal(t, 200, checkout.Status)
		assert.Contains(t, checkout.Header.Get("Content-Type"), "text/html")

		imported := Send(t, client, "POST", shop+"/api/order/import/", devOrder, "Content-Type", Form, "Origin",
			shop).Envelope(t)
		require.Equal(t, "redirect", imported.Code, "%v", imported)
		_, returned := approve(t, client, imported.Message.(map[string]any)["url"].(string))
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

	t.Run("has preflight to practise with", func(t *testing.T) {
		token := regexp.MustCompile(`Bearer (\S+)"`).FindStringSubmatch(out.String())
		require.NotNil(t, token, out.String())
		said := Send(t, client, "GET", shop+"/api/preflight", "", "Authorization", "Bearer "+token[1])
		assert.Equal(t, 200, said.Status)
		assert.Contains(t, said.Body, `"check":"credentials","level":"ok"`)
	})

	t.Run("shows a new page without a restart", func(t *testing.T) {
		require.Equal(t, 404, Send(t, client, "GET", shop+"/brand-new", "").Status)
		require.NoError(t, os.WriteFile(filepath.Join(folder, "www/brand-new.html"), []byte("<p>new"), 0o644))
		until(t, "the page is there", func() bool { status, _ := answers(client, shop+"/brand-new"); return status == 200 })
	})

	t.Run("goes on with the last build when one fails", func(t *testing.T) {
		landers := filepath.Join(folder, "worker/landers.toml")
		require.NoError(t, os.WriteFile(landers, []byte("[\n"), 0o644))
		until(t, "it says so", func() bool { return strings.Contains(out.String(), "the build failed") })
		assert.Equal(t, 200, Send(t, client, "GET", page, "").Status)
		require.NoError(t, os.WriteFile(landers, nil, 0o644))
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
	t.Run("sells over https, by another name, to a form without JavaScript", func(t *testing.T) {
		const host = "phone.localhost"
		d := makeDev(t, folder, "HTTPS=1", "HOST="+host)
		d.client.Transport = &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				_, port, err := net.SplitHostPort(address)
				if err != nil {
					return nil, err
				}
				return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
			},
			TLSClientConfig: &tls.Config{
				InsecureSkipVerify: true, // nobody has signed it, but its names count
				VerifyConnection: func(c tls.ConnectionState) error {
					return c.PeerCertificates[0].VerifyHostname(c.ServerName)
				},
			},
		}
		shop := strings.TrimSuffix(d.printed(t, "The shop"), "/checkout")
		require.True(t, strings.HasPrefix(shop, "https://"+host+":"), shop)
		books := strings.TrimSuffix(d.printed(t, "The CRM"), "/_simulator/")
		require.True(t, strings.HasPrefix(books, "https://"+host+":"), books)

		posted := Send(t, d.client, "POST", shop+"/api/order/import/", devOrder, "Content-Type", Form, "Accept", "text/html",
			"Origin", shop)
		require.Equal(t, 303, posted.Status, posted.Body)
		klarna := posted.Header.Get("Location")
		require.True(t, strings.HasPrefix(klarna, books+"/"), klarna)
		back, returned := approve(t, d.client, klarna)
		assert.True(t, strings.HasPrefix(back, shop+"/api/klarna/return/"), back)
		assert.Equal(t, 303, returned.Status, returned.Body)
		assert.Regexp(t, "^("+regexp.QuoteMeta(shop)+`)?/upsell\?ref=`, returned.Header.Get("Location"))
		d.stop(t)
	})
}
