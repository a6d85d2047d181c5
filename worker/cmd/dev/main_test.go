//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// patience is how long a step may take on a busy machine.
const patience = 30 * time.Second

// TestMain lets this test program play wrangler: see standIn.
func TestMain(m *testing.M) {
	if play := os.Getenv("STAND_IN"); play != "" {
		standIn(play)
		return
	}
	os.Exit(m.Run())
}

// standIn serves pages like wrangler, tells what it was called with, and has a child that ignores being asked to end.
func standIn(play string) {
	if play == "fails" {
		_, _ = io.WriteString(os.Stderr, "✘ [ERROR] it cannot be built\n")
		os.Exit(3)
	}
	flags := flag.NewFlagSet("wrangler", flag.ExitOnError)
	port := flags.String("port", "", "")
	for _, name := range []string{"config", "ip", "inspector-port", "local-protocol", "https-key-path", "https-cert-path",
		"persist-to", "env-file"} {
		flags.String(name, "", "")
	}
	vars := map[string]string{}
	flags.Func("var", "", func(text string) error {
		name, value, _ := strings.Cut(text, ":")
		vars[name] = value
		return nil
	})
	flags.Bool("show-interactive-dev-session", true, "")
	_ = flags.Parse(os.Args[2:])
	secrets, _ := os.ReadFile(flags.Lookup("env-file").Value.String())

	child := exec.Command("/bin/sh", "-c", "trap '' TERM INT; while :; do sleep 1; done")
	_ = child.Start()
	called := map[string]any{"command": os.Args[1], "vars": vars, "secrets": string(secrets), "child": child.Process.Pid,
		"pid":   os.Getpid(),
		"state": flags.Lookup("persist-to").Value.String(), "path": os.Getenv("PATH"), "inspector": flags.Lookup(
			"inspector-port").Value.String()}
	listener, _ := net.Listen("tcp", "127.0.0.1:"+*port)
	tries := 0
	if cert := flags.Lookup("https-cert-path").Value.String(); cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, flags.Lookup("https-key-path").Value.String())
		if err != nil {
			panic(err)
		}
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{pair}})
	}
	settings, _ := os.ReadFile(flags.Lookup("config").Value.String())
	called["file"] = flags.Lookup("config").Value.String()
	called["settings"], called["ip"] = string(settings), flags.Lookup("ip").Value.String()
	_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tries++; tries < 3 {
			http.Error(w, "still building", http.StatusServiceUnavailable)
			return
		}
		_ = json.NewEncoder(w).Encode(called)
	}))
}

// repository makes a folder with a wrangler.toml and stand-ins for wrangler and node, and goes there.
func repository(t *testing.T, play, node string) string {
	t.Helper()
	root := t.TempDir()
	bin := filepath.Join(root, "worker", "node_modules", ".bin")
	require.NoError(t, os.MkdirAll(bin, 0o755))
	self, err := os.Executable()
	require.NoError(t, err)
	write := func(path, text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o755)) }
	write(filepath.Join(root, "wrangler.toml"),
		"[vars.LANDERS.\"*\"]\ncampaignId = 77\nforceMerchantId = 5\nproducts = [34, 99]\nupsales = [40]\n"+
			"pages = { checkout = \"/buy\", upsell = \"/more\", thankYou = \"/thanks\" }\n")
	if play != "" {
		write(filepath.Join(bin, "wrangler"), "#!/bin/sh\nSTAND_IN="+play+" exec '"+self+"' \"$@\"\n")
	}
	write(filepath.Join(bin, "node"), "#!/bin/sh\necho "+node+"\n")
	t.Chdir(filepath.Join(root, "worker"))
	return root
}

// output is what the program prints, readable while it runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func noEnv(string) string { return "" }

func TestEverythingIsStartedAndStopped(t *testing.T) {
	repository(t, "well", "v22.1.0")
	var stdout, stderr output
	signals := make(chan os.Signal, 1)
	done := make(chan error, 1)
	go func() { done <- run([]string{"-port", "0"}, noEnv, &stdout, &stderr, signals) }()
	require.Eventually(t, func() bool { return strings.Contains(stdout.String(), "Ctrl-C") }, patience,
		10*time.Millisecond, "it did not start")

	page := regexp.MustCompile(`The shop +(http://localhost:\d+/buy)\n`).FindStringSubmatch(stdout.String())
	require.NotNil(t, page, stdout.String())
	books := regexp.MustCompile(`The CRM +(http://127\.0\.0\.1:\d+)/_simulator/\n`).FindStringSubmatch(stdout.String())
	require.NotNil(t, books, stdout.String())
	assert.Contains(t, stdout.String(), "decline@example.com")

	response, err := http.Get(page[1])
	require.NoError(t, err)
	var called struct {
		Command, Secrets, State, Path, Inspector string
		Vars                                     map[string]string
		Child, Pid                               int
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&called))
	response.Body.Close()
	assert.Equal(t, "dev", called.Command)
	assert.Equal(t, map[string]string{"KONNEKTIVE_URL": books[1], "ALLOW_LOOPBACK_HTTP": "1"}, called.Vars)
	assert.Equal(t, "KONNEKTIVE_LOGIN_ID="+simulator.DefaultLoginID+"\nKONNEKTIVE_PASSWORD="+
		simulator.DefaultPassword+"\nADMIN_TOKEN="+adminToken+"\n", called.Secrets)
	assert.Regexp(t, `/worker/node_modules/\.bin:`, called.Path)
	assert.Equal(t, "0", called.Inspector)

	t.Run("the simulator sells what wrangler.toml names", func(t *testing.T) {
		assert.Contains(t, campaignAt(t, books[1], "77"), `"productName":"Product 99"`)
	})

	t.Run("one signal ends wrangler, its children and the simulator, and removes the temporary folder", func(t *testing.T) {
		require.True(t, alive(called.Pid) && alive(called.Child))
		signals <- syscall.SIGTERM
		select {
		case err := <-done:
			assert.NoError(t, err)
		case <-time.After(patience):
			t.Fatal("it did not stop")
		}
		assert.False(t, alive(called.Pid), "wrangler is left")
		assert.Eventually(t, func() bool { return !running(called.Child) }, patience, 10*time.Millisecond,
			"a child of wrangler is left")
		assert.NoDirExists(t, filepath.Dir(called.State))
		_, err := http.Get(books[0])
		assert.Error(t, err)
	})
}

// running says whether a process does anything; one that ended and is nobody's child waits to be reaped by init,
// which a container may lack.
func running(pid int) bool {
	if !alive(pid) {
		return false
	}
	state, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !bytes.Contains(state, []byte(") Z "))
}

func TestWhatKeepsItFromStarting(t *testing.T) {
	start := func(t *testing.T, env map[string]string, args ...string) string {
		var stdout, stderr output
		err := run(args, func(name string) string { return env[name] }, &stdout, &stderr, make(chan os.Signal))
		require.Error(t, err)
		return err.Error() + "\n" + stderr.String()
	}

	t.Run("a port that is taken, with the way to another", func(t *testing.T) {
		repository(t, "well", "v22.1.0")
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close()
		port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
		assert.Contains(t, start(t, map[string]string{"PORT": port}), "port "+port+" is not free")
		assert.Contains(t, start(t, nil, "-port", port), "PORT=0 make dev")
	})

	t.Run("a PORT that is none", func(t *testing.T) {
		assert.Contains(t, start(t, map[string]string{"PORT": "http"}), "PORT=http is not a port")
	})

	t.Run("an unknown word", func(t *testing.T) {
		assert.Contains(t, start(t, nil, "fast"), `"fast" is not understood`)
	})

	t.Run("tools that are not installed", func(t *testing.T) {
		repository(t, "", "v22.1.0")
		assert.Contains(t, start(t, nil, "-port", "0"), "run make dev, which installs it")
	})

	t.Run("a Node that is too old", func(t *testing.T) {
		repository(t, "well", "v20.19.1")
		assert.Contains(t, start(t, nil, "-port", "0"), "wrangler needs Node 22 or newer, but this is v20.19.1")
	})

	t.Run("a wrangler that fails, whose own words are shown", func(t *testing.T) {
		repository(t, "fails", "v22.1.0")
		said := start(t, nil, "-port", "0")
		assert.Contains(t, said, "wrangler ended before the shop answered: exit status 3")
		assert.Contains(t, said, "it cannot be built")
	})

	t.Run("no repository", func(t *testing.T) {
		t.Chdir(t.TempDir())
		assert.Contains(t, start(t, nil), "go to the repository first")
	})

	t.Run("a wrangler.toml that cannot be read", func(t *testing.T) {
		root := repository(t, "well", "v22.1.0")
		require.NoError(t, os.WriteFile(filepath.Join(root, "wrangler.toml"), []byte("[vars\n"), 0o600))
		assert.Contains(t, start(t, nil), "read wrangler.toml")
	})

	t.Run("real orders without credentials", func(t *testing.T) {
		repository(t, "well", "v22.1.0")
		assert.Contains(t, start(t, nil, "-port", "0", "-real"), "copy .dev.vars.example")
	})
}

func TestFaultsOfTheConfigurationAreNamedButDoNotHinder(t *testing.T) {
	root := repository(t, "fails", "v22.1.0")
	require.NoError(t, os.WriteFile(filepath.Join(root, "wrangler.toml"),
		[]byte("[vars]\nKONNEKTIVE_TIMEOUT_MS = \"soon\"\n"), 0o600))
	var stdout, stderr output
	err := run([]string{"-port", "0"}, noEnv, &stdout, &stderr, make(chan os.Signal))
	assert.ErrorContains(t, err, "wrangler ended")
	assert.Contains(t, stderr.String(), "wrangler.toml: KONNEKTIVE_TIMEOUT_MS (timeout_invalid)")
}

func TestRealOrders(t *testing.T) {
	root := repository(t, "well", "v22.1.0")
	require.NoError(t, os.WriteFile(filepath.Join(root, ".dev.vars"), []byte("KONNEKTIVE_LOGIN_ID=x\n"), 0o600))
	var stdout, stderr output
	signals := make(chan os.Signal, 1)
	done := make(chan error, 1)
	go func() { done <- run([]string{"-port", "0", "-real"}, noEnv, &stdout, &stderr, signals) }()
	require.Eventually(t, func() bool { return strings.Contains(stdout.String(), "Ctrl-C") }, patience,
		10*time.Millisecond, "it did not start")
	page := regexp.MustCompile(`http://localhost:\d+/buy`).FindString(stdout.String())
	response, err := http.Get(page)
	require.NoError(t, err)
	var called struct {
		Vars           map[string]string
		Secrets, State string
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&called))
	response.Body.Close()
	assert.Equal(t, map[string]string{"ALLOW_LOOPBACK_HTTP": "1"}, called.Vars)
	assert.Equal(t, filepath.Join(root, ".wrangler", "state"), called.State, "the record of real orders is kept")
	assert.Equal(t, "KONNEKTIVE_LOGIN_ID=x\n", called.Secrets)
	assert.NotContains(t, stdout.String(), adminToken)
	assert.Contains(t, stdout.String(), "orders are real")
	signals <- os.Interrupt
	assert.NoError(t, <-done)
}

func TestSecretsOfTheEnvironmentReachTheRelay(t *testing.T) {
	repository(t, "well", "v22.1.0")
	env := map[string]string{"SERVER_PASSWORD": "a server's $PASSWORD, 24 long", "ALERT_URL": "not an address"}
	var stdout, stderr output
	signals, done := make(chan os.Signal, 1), make(chan error, 1)
	go func() {
		done <- run([]string{"-port", "0"}, func(name string) string { return env[name] }, &stdout, &stderr, signals)
	}()
	require.Eventually(t, func() bool { return strings.Contains(stdout.String(), "Ctrl-C") }, patience,
		10*time.Millisecond, "it did not start")
	response, err := http.Get(regexp.MustCompile(`http://localhost:\d+/buy`).FindString(stdout.String()))
	require.NoError(t, err)
	defer response.Body.Close()
	var called struct{ Secrets string }
	require.NoError(t, json.NewDecoder(response.Body).Decode(&called))
	assert.Contains(t, called.Secrets, "\nSERVER_PASSWORD=\"a server's \\$PASSWORD, 24 long\"\n"+
		"ALERT_URL='not an address'\n")
	assert.NotContains(t, called.Secrets, "TURNSTILE_SECRET")
	assert.Contains(t, stderr.String(), "the environment: ALERT_URL (alert_url_invalid)")
	signals <- os.Interrupt
	assert.NoError(t, <-done)

	_, err = envLine("SERVER_PASSWORD", "'\"`")
	assert.ErrorContains(t, err, "take another value")
}

func TestABuildThatFailsLeavesTheLastOneInUse(t *testing.T) {
	for command, want := range map[string]struct {
		fails bool
		says  string
	}{
		"true":                    {false, ""},
		"echo broken >&2; exit 2": {false, "broken\n" + buildFailed + "\n"},
		"exit 143":                {true, ""}, // as when make is asked to end
	} {
		var said bytes.Buffer
		build := exec.Command("/bin/sh", "-c", lenient(command))
		build.Stderr = &said
		err := build.Run()
		assert.Equal(t, want.fails, err != nil, command)
		assert.Equal(t, want.says, said.String(), command)
	}
}

func TestTheShopOfWranglerToml(t *testing.T) {
	read := func(t *testing.T, text string) shop {
		root := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(root, "wrangler.toml"), []byte(text), 0o600))
		s, err := readShop(root, nil)
		require.NoError(t, err)
		return s
	}

	t.Run("landers of one campaign are joined, known products keep their names", func(t *testing.T) {
		s := read(t, `
[vars.LANDERS."*"]
campaignId = 12
forceMerchantId = 7
products = [34, 36]
upsales = [40]
countries = ["DE", "AT"]
[vars.LANDERS."other.example"]
campaignId = 12
forceMerchantId = 8
products = [34, 50]
countries = ["NL"]
pages = { checkout = "/checkout", upsell = "", thankYou = "/thank-you" }
`)
		require.Empty(t, s.faults)
		campaigns := s.campaigns()
		require.Len(t, campaigns, 1)
		c := campaigns[0]
		assert.Equal(t, []string{"7", "8"}, c.Merchants)
		assert.ElementsMatch(t, []string{"DE", "AT", "NL"}, c.Countries)
		names := map[string]string{}
		for _, p := range c.Products {
			names[p.ID] = p.Name
			assert.False(t, p.Recurring)
		}
		assert.Equal(t, map[string]string{"34": "Trail headlamp", "36": "Product 36", "40": "Spare battery",
			"50": "Product 50"}, names)
	})

	t.Run("without landers there is no campaign of one's own", func(t *testing.T) {
		s := read(t, "")
		assert.NotEmpty(t, s.faults)
		assert.Empty(t, s.campaigns())
		assert.Equal(t, "http://localhost:1/checkout", s.checkout("http://localhost:1"))
	})

	lander := "[vars.LANDERS.\"*\"]\ncampaignId = 12\nforceMerchantId = 7\nproducts = [34]\n"

	t.Run("a shop on this machine is ready when its checkout page answers", func(t *testing.T) {
		s := read(t, lander+`pages = { checkout = "/buy", upsell = "", thankYou = "/thanks" }`)
		require.Empty(t, s.faults)
		assert.Equal(t, "http://localhost:1/buy", s.checkout("http://localhost:1"))
		assert.Equal(t, "http://localhost:1/buy", s.ready("http://localhost:1"))
	})

	t.Run("a shop elsewhere is ready when the relay is", func(t *testing.T) {
		s := read(t, lander+"origin = \"https://landers.example\"\n"+
			"pages = { checkout = \"/buy\", upsell = \"\", thankYou = \"/thanks\" }")
		require.Empty(t, s.faults)
		assert.Equal(t, "http://localhost:1/buy", s.checkout("http://localhost:1"))
		assert.Equal(t, "http://localhost:1/api/health", s.ready("http://localhost:1"))
	})

	t.Run("a checkout page on another origin is named as it is", func(t *testing.T) {
		s := read(t, lander+"allowedOrigins = [\"https://shop.example\"]\n"+
			"pages = { checkout = \"https://shop.example/buy\", upsell = \"\", thankYou = \"https://shop.example/thanks\" }")
		require.Empty(t, s.faults)
		assert.Equal(t, "https://shop.example/buy", s.checkout("http://localhost:1"))
		assert.Equal(t, "http://localhost:1/api/health", s.ready("http://localhost:1"))
	})
}

func TestWaitingEnds(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	assert.ErrorContains(t, waitFor(ctx, server.URL, nil), "did not answer in")
}

// settingsFor reads what wrangler gets for a wrangler.toml.
func settingsFor(t *testing.T, text, lander string, hosts ...string) (all struct {
	Main   string
	Routes any
	Env    any
	Assets struct{ Directory string }
	Build  struct {
		Cwd      string
		WatchDir []string `json:"watch_dir"`
	}
	Vars struct{ LANDERS map[string]map[string]any }
}, s settings) {
	t.Helper()
	s = settings{root: t.TempDir(), folder: t.TempDir(), hosts: hosts, lander: lander}
	require.NoError(t, os.WriteFile(filepath.Join(s.root, "wrangler.toml"), []byte(text), 0o600))
	require.NoError(t, s.read())
	require.NoError(t, s.write(0))
	written, err := os.ReadFile(s.file())
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(written, &all))
	return all, s
}

func TestWranglerGetsTheSettingsWithoutTheirHostsAtCloudflare(t *testing.T) {
	all, s := settingsFor(t, `
main = "worker/js/entry.mjs"
routes = [{ pattern = "shop.example", custom_domain = true }]
[assets]
directory = "./www"
[build]
watch_dir = ["worker/js"]
[vars.LANDERS."shop.example"]
campaignId = 12
[env.staging]
name = "staging"
`, "shop.example", "localhost", "192.168.1.5")
	assert.Nil(t, all.Routes)
	assert.Nil(t, all.Env)
	assert.Equal(t, filepath.Join(s.root, "worker/js/entry.mjs"), all.Main)
	assert.Equal(t, filepath.Join(s.root, "www"), all.Assets.Directory)
	assert.Equal(t, s.root, all.Build.Cwd)
	assert.Equal(t, []string{s.reload(), filepath.Join(s.root, "worker/js")}, all.Build.WatchDir)
	assert.Equal(t, map[string]map[string]any{
		"shop.example": {"campaignId": 12.0}, "localhost": {"like": "shop.example"}, "192.168.1.5": {"like": "shop.example"},
	}, all.Vars.LANDERS)
	assert.DirExists(t, s.reload())
}

func TestALanderOfThisMachineKeepsItsTable(t *testing.T) {
	all, _ := settingsFor(t, "[vars.LANDERS.localhost]\ncampaignId = 13\n", "", "localhost")
	assert.Equal(t, map[string]map[string]any{"localhost": {"campaignId": 13.0}}, all.Vars.LANDERS)
}

func TestWhichLanderThisMachineStandsFor(t *testing.T) {
	const two = "[vars.LANDERS.\"b.example\"]\ncampaignId = 12\nforceMerchantId = 7\nproducts = [34]\n" +
		"[vars.LANDERS.\"a.example\"]\nlike = \"b.example\"\npages = { checkout = \"/a\" }\n"
	const every = "[vars.LANDERS.\"*\"]\nlike = \"b.example\"\n"
	for _, test := range []struct{ name, toml, file, asked, want, others, err string }{
		{"the one for every host", two + every, "", "", "", "; another one by LANDER=a.example", ""},
		{"the first one, where there is none for every host", two, "", "", "a.example", "; another one by LANDER=b.example", ""},
		{"the one that was asked for", two + every, "", "b.example", "b.example", "; another one by LANDER=*", ""},
		{"one of landers.toml", every + two, "[\"c.example\"]\nlike = \"b.example\"\n", "c.example", "c.example", "; another one by LANDER=*", ""},
		{"one that does not exist", two, "", "c.example", "", "", "there are a.example, b.example"},
		{"one where localhost has its own", two + "[vars.LANDERS.localhost]\nlike = \"b.example\"\n", "", "b.example", "", "", "localhost has a lander of its own"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			require.NoError(t, os.MkdirAll(filepath.Join(root, "worker"), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(root, "wrangler.toml"), []byte(test.toml), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(root, "worker/landers.toml"), []byte(test.file), 0o600))
			s, err := readShop(root, nil)
			require.NoError(t, err)
			require.Empty(t, s.faults)
			s.lander, err = s.choose(test.asked, "localhost")
			if test.err != "" {
				assert.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, s.lander)
			name, others := s.shown()
			assert.Equal(t, test.others, others)
			if test.want != "" {
				assert.Equal(t, test.want, name)
			}
		})
	}
}

func TestWhatHOSTMayBe(t *testing.T) {
	for text, want := range map[string]string{
		"192.168.1.5": "192.168.1.5", "Mac.local": "mac.local", "https://xyz.example/": "xyz.example",
		"mac.local:8787": "mac.local", "http://x.example": "", "a b": "", "x/y": "",
	} {
		host, err := publicHost(text)
		assert.Equal(t, want == "", err != nil, text)
		assert.Equal(t, want, host, text)
	}
}

func TestHTTPSForAPhone(t *testing.T) {
	repository(t, "well", "v22.1.0")
	var stdout, stderr output
	signals := make(chan os.Signal, 1)
	done := make(chan error, 1)
	env := map[string]string{"HOST": "phone.example", "PORT": "0"}
	go func() { done <- run(nil, func(name string) string { return env[name] }, &stdout, &stderr, signals) }()
	require.Eventually(t, func() bool { return strings.Contains(stdout.String(), "Ctrl-C") }, patience,
		10*time.Millisecond, "it did not start")

	port := regexp.MustCompile(`The shop +https://phone\.example:(\d+)/buy\n`).FindStringSubmatch(stdout.String())
	require.NotNil(t, port, stdout.String())
	crm := regexp.MustCompile(`The CRM +https://phone\.example:(\d+)/_simulator/\n`).FindStringSubmatch(stdout.String())
	require.NotNil(t, crm, stdout.String())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	response, err := client.Get("https://localhost:" + port[1] + "/buy")
	require.NoError(t, err)
	require.Contains(t, response.TLS.PeerCertificates[0].DNSNames, "phone.example")
	var called struct{ Settings, IP string }
	require.NoError(t, json.NewDecoder(response.Body).Decode(&called))
	response.Body.Close()
	assert.Equal(t, "0.0.0.0", called.IP)
	books, err := client.Get("https://localhost:" + crm[1] + "/_simulator/")
	require.NoError(t, err)
	books.Body.Close()
	assert.Equal(t, http.StatusOK, books.StatusCode)
	signals <- os.Interrupt
	assert.NoError(t, <-done)
}

func TestANewPageHasWranglerLookAgain(t *testing.T) {
	_, s := settingsFor(t, "[vars.LANDERS.\"*\"]\ncampaignId = 12\n", "", "localhost")
	pages := filepath.Join(s.root, "www")
	require.NoError(t, os.MkdirAll(filepath.Join(pages, "build"), 0o755))
	done := make(chan struct{})
	stopped := make(chan struct{})
	since := s.look()
	renew := func() (string, bool) { return "", true }
	go func() { defer close(stopped); s.watch(since, done, renew, func(err error) { t.Error(err) }) }()
	defer func() { close(done); <-stopped }()

	require.NoError(t, os.WriteFile(filepath.Join(pages, "new.html"), nil, 0o600))
	require.Eventually(t, func() bool { b, _ := os.ReadFile(filepath.Join(s.reload(), "pages")); return len(b) > 0 },
		patience,
		10*time.Millisecond)

	edition := func(text string) func() bool {
		return func() bool { b, _ := os.ReadFile(s.file()); return bytes.Contains(b, []byte(text)) }
	}
	require.NoError(t, os.WriteFile(s.taken(), []byte("0\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(s.root, "wrangler.toml"),
		[]byte("[build]\ncommand = \"make\"\n[vars.LANDERS.\"*\"]\ncampaignId = 4711\n"), 0o600))
	require.NoError(t, os.Chtimes(filepath.Join(s.root, "wrangler.toml"), time.Time{}, time.Now().Add(time.Minute)))
	require.Eventually(t, edition("4711"), patience, 10*time.Millisecond)
	assert.Eventually(t, edition("echo 2 >"), patience, 10*time.Millisecond, "wrangler did not take the first one")
	require.NoError(t, os.WriteFile(s.taken(), []byte("2\n"), 0o600))
}

// save writes a file of the repository so that a look sees it, however short ago the last one was written.
func save(t *testing.T, file, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file+".new", []byte(text), 0o600))
	require.NoError(t, os.Rename(file+".new", file))
}

// campaignAt is what the simulated CRM says of a campaign.
func campaignAt(t *testing.T, books, id string) string {
	t.Helper()
	response, err := http.PostForm(books+"/campaign/query/", map[string][]string{"campaignId": {id},
		"loginId": {simulator.DefaultLoginID}, "password": {simulator.DefaultPassword}})
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body)
}

func TestAnEditOfTheSettingsReachesEverybody(t *testing.T) {
	root := repository(t, "well", "v22.1.0")
	const sells = "forceMerchantId = 5\nproducts = [34]\npages = { checkout = \"/buy\" }\n"
	file := filepath.Join(root, "wrangler.toml")
	save(t, file, "[vars.LANDERS.\"b.example\"]\ncampaignId = 77\n"+sells)
	var stdout, stderr output
	signals, done := make(chan os.Signal, 1), make(chan error, 1)
	go func() { done <- run([]string{"-port", "0"}, noEnv, &stdout, &stderr, signals) }()
	defer func() { signals <- os.Interrupt; assert.NoError(t, <-done) }()
	says := func(o *output, text string) {
		t.Helper()
		require.Eventually(t, func() bool { return strings.Contains(o.String(), text) }, patience, 10*time.Millisecond,
			"it does not say %q", text)
	}
	says(&stdout, "Ctrl-C")
	books := regexp.MustCompile(`The CRM +(http://127\.0\.0\.1:\d+)/_simulator/\n`).FindStringSubmatch(stdout.String())
	require.NotNil(t, books, stdout.String())
	page := regexp.MustCompile(`http://localhost:\d+/buy`).FindString(stdout.String())
	sold := func(campaign string) string { return campaignAt(t, books[1], campaign) }
	written := func() string {
		response, err := http.Get(page)
		require.NoError(t, err)
		defer response.Body.Close()
		var called struct{ File string }
		require.NoError(t, json.NewDecoder(response.Body).Decode(&called))
		text, err := os.ReadFile(called.File)
		require.NoError(t, err)
		return string(text)
	}
	require.Contains(t, sold("77"), "Campaign 77")

	t.Run("another campaign and another lander", func(t *testing.T) {
		save(t, file, "[vars.LANDERS.\"a.example\"]\ncampaignId = 78\n"+sells)
		says(&stdout, "Lander     a.example\n")
		assert.Contains(t, sold("78"), "Campaign 78")
		assert.Eventually(t, func() bool { return strings.Contains(written(), `"localhost":{"like":"a.example"}`) },
			patience, 10*time.Millisecond)
	})
	t.Run("a lander of landers.toml, without an edit of wrangler.toml", func(t *testing.T) {
		save(t, filepath.Join(root, "worker/landers.toml"), "[\"0.example\"]\nlike = \"a.example\"\ncampaignId = 80\n")
		says(&stdout, "Lander     0.example; another one by LANDER=a.example\n")
		assert.Contains(t, sold("80"), "Campaign 80")
	})
	t.Run("faults are said, and the settings before stay", func(t *testing.T) {
		save(t, file, "[vars.LANDERS.\"a.example\"]\ncampaignId = 79\nforceMerchantId = 5\n")
		says(&stderr, `wrangler.toml: LANDERS."a.example".products (products_missing)`)
		says(&stderr, "the settings before this edit stay in use")
		assert.Contains(t, sold("78"), "Campaign 78")
		assert.NotContains(t, sold("79"), "Campaign 79")
		assert.NotContains(t, written(), "79")
	})
	t.Run("a file that is no TOML", func(t *testing.T) {
		save(t, file, "[vars\n")
		says(&stderr, "dev: read wrangler.toml: toml")
		assert.Contains(t, written(), "a.example")
	})
}
