//go:build e2e && soak

package test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/purchase"
	"klarna-relay/worker/simulator"
	"klarna-relay/worker/simulator/audit"
)

var (
	soakFor      = flag.Duration("soak.for", 30*time.Second, "how long the weather is bad")
	soakShoppers = flag.Int("soak.shoppers", 16, "how many of them at once")
	soakSetting  = flag.String("soak.setting", "as measured",
		"under which answers of the CRM: each setting whose name holds this; \"\" for all of them at once")
	soakSeed = flag.Uint64("soak.seed", uint64(time.Now().UnixNano()), "what chance is drawn by")
)

// A short deadline, so that what got lost is known to be lost soon.
const soakTimeout = time.Second

// A soak is a shop in bad weather: Konnektive fails, shoppers hang up, the Go instance dies, and workerd itself is
// stopped and started on the same ledger. Afterwards nothing fails any more, shoppers who were left in doubt come
// back, and the books must balance.
type soak struct {
	crm    *simulator.Simulator
	book   *audit.Book
	first  *Worker
	worker atomic.Pointer[visited]
	storm  atomic.Bool

	mu      sync.Mutex
	chance  *rand.Rand
	codes   map[string]int
	waiting []*customer
	bought  []*customer
	gone    []*customer // paid and never came back
	resets  int
	deaths  int
}

type visited struct {
	*Worker
	client *http.Client
}

// answers tells whether workerd is there at all.
func (w *visited) answers() bool {
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// draw is a number below n, by chance.
func (s *soak) draw(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chance.IntN(n)
}

func (s *soak) count(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[what]++
}

// paymentWeather is what an import may be answered, and callWeather what may become of any call.
var (
	paymentWeather = []simulator.Fault{
		{Verdict: simulator.VerdictDecline}, {Verdict: simulator.VerdictNoRedirect}, {Verdict: simulator.VerdictPaid},
		{Redirect: simulator.RedirectEmpty}, {Verdict: simulator.VerdictFields},
	}
	callWeather = []simulator.Fault{
		{Answer: simulator.AnswerUnreached},
		{Delivery: simulator.DeliverNever, Status: 521, Answer: simulator.AnswerHTML},
		{Delivery: simulator.DeliverNever, Answer: simulator.AnswerReset},
		{Answer: simulator.AnswerReset},
		{Answer: simulator.AnswerSilence},
		{Delivery: simulator.DeliverLate},
		{Delivery: simulator.DeliverTwice},
		{Answer: simulator.AnswerHTML, Status: 500},
		{Answer: simulator.AnswerCut},
		{Answer: simulator.AnswerTorn},
		{Answer: simulator.AnswerEmpty},
		{Answer: simulator.AnswerUnknownResult},
		{Delay: 300 * time.Millisecond}, {Delay: 300 * time.Millisecond}, // twice as often
	}
)

// weather is what becomes of a call to Konnektive.
func (s *soak) weather(c simulator.Call) simulator.Fault {
	if !s.storm.Load() {
		return simulator.Fault{}
	}
	if c.Op == simulator.OpOrder || c.Op == simulator.OpUpsale {
		if n := s.draw(40); n < len(paymentWeather) {
			return paymentWeather[n]
		}
	}
	if n := s.draw(60); n < len(callWeather) {
		return callWeather[n]
	}
	return simulator.Fault{}
}

// A customer is one shopper's purchase: an order, or an upsale of it.
type customer struct {
	s     *soak
	email string
	route string
	cart  url.Values
	tries int
	key   string
	sent  string // the ref that requests carry
	ref   string // the ref that answers named
	url   string
	code  string
	away  bool // paid, and never came back
}

func (c *customer) next() *customer {
	c.tries++
	c.key = fmt.Sprintf("%s-%s-%d", strings.TrimSuffix(c.email, "@example.com"), c.route, c.tries)
	c.sent, c.url = c.ref, ""
	return c
}

// ask sends a request and reads the answer. When none comes, the code is "".
func (c *customer) ask(route, ref string, r *http.Request) (body string, e Envelope) {
	c.code = ""
	paidBefore := c.s.book.Paid(c.email, ref)
	res, err := c.s.worker.Load().client.Do(r)
	if err != nil {
		c.s.count(route + " no answer")
		return "", e
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.s.count(route + " no answer")
		return "", e
	}
	_ = json.Unmarshal(text, &e)
	h := audit.Heard{
		At: time.Now(), Email: c.email, Route: route, Ref: e.Ref, Status: res.StatusCode, Code: e.Code,
		Location: res.Header.Get("Location"), Text: fmt.Sprint(res.Header, string(text)), PaidBefore: paidBefore,
	}
	if h.Ref == "" {
		h.Ref = ref
	}
	if message, ok := e.Message.(map[string]any); ok {
		h.URL, _ = message["url"].(string)
	}
	h.PaidAfter = c.s.book.Paid(c.email, h.Ref)
	c.s.book.Hear(h)
	c.code = e.Code
	if c.code == "" && res.StatusCode == http.StatusSeeOther {
		c.code = "sent on"
	}
	c.s.count(route + " " + c.code)
	return string(text), e
}

func (c *customer) request(method, path string, form url.Values) *http.Request {
	r, err := http.NewRequest(method, "https://"+Host+path, strings.NewReader(form.Encode()))
	if err != nil {
		panic(err) // a path of our own making
	}
	if form != nil {
		r.Header.Set("Content-Type", Form)
	}
	return r
}

// order sends the current attempt once.
func (c *customer) order() string {
	form := maps.Clone(c.cart)
	form.Set(audit.LabelField, c.key)
	if c.sent != "" {
		form.Set("ref", c.sent)
	}
	path, ref := "/api/"+c.route+"/import/", c.sent
	if c.route == "upsale" {
		ref = ""
	}
	r := c.request(http.MethodPost, path, form)
	r.Header.Set("Idempotency-Key", c.key)
	if c.s.storm.Load() && c.s.draw(12) == 0 {
		c.hangUp(r, form.Encode())
		return ""
	}
	_, e := c.ask(c.route, ref, r)
	if e.Ref != "" && (c.route == "order" || e.Ref != c.sent) {
		c.ref = e.Ref
	}
	if e.Code == "redirect" {
		message, _ := e.Message.(map[string]any)
		c.url, _ = message["url"].(string)
	}
	return c.code
}

// hangUp sends a request and resets the connection, sooner or later.
func (c *customer) hangUp(r *http.Request, body string) {
	c.s.mu.Lock()
	c.s.resets++
	c.s.mu.Unlock()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.s.worker.Load().URL, "http://"))
	if err != nil {
		return
	}
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nMF-Original-URL: %s\r\nCF-Connecting-IP: "+
		"203.0.113.7\r\nIdempotency-Key: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		r.URL.Path, Host, r.URL, c.key, Form, len(body), body)
	time.Sleep(time.Duration(c.s.draw(60)) * time.Millisecond)
	_ = conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

func (c *customer) status() string {
	c.ask("status", c.ref, c.request(http.MethodGet, "/api/order/status/"+c.ref, nil))
	return c.code
}

// buy goes on until the purchase is paid, and gives up after some tries.
func (c *customer) buy(tries int, pause time.Duration) bool {
	for try := 0; try < tries; try++ {
		code := c.order()
		if w := c.s.worker.Load(); code == "" && !w.answers() {
			// workerd is gone, and comes again.
			time.Sleep(200 * time.Millisecond)
			try--
			continue
		}
		if code == "redirect" {
			if c.pay() {
				return true
			}
			code = c.code
		}
		if code == "pending" || code == "unknown" || code == "redirect_invalid" || code == "sent on" {
			code = c.status()
		}
		switch code {
		case "paid", "already_taken":
			return true
		case "retry", "declined", "invalid":
			c.next()
		case "ref_unknown":
			c.ref = ""
			c.next()
		}
		if !c.s.storm.Load() && (code == "pending" || code == "unknown") {
			pause = max(pause, time.Second) // Konnektive is asked about a purchase once a second
		}
		time.Sleep(pause)
	}
	return false
}

// onward follows the relay's own page that runs the CRM's script, to the address in it.
func (c *customer) onward() bool {
	target, err := url.Parse(c.url)
	if err != nil {
		panic(err)
	}
	res, err := c.s.worker.Load().client.Do(c.request(http.MethodGet, target.RequestURI(), nil))
	if err != nil {
		return false
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	c.url = string(klarnaAddress.Find(text))
	return c.url != ""
}

var klarnaAddress = regexp.MustCompile(`https://klarna\.example/klarna/[0-9a-f]+`)

// pay is what happens at Klarna and on the way back.
func (c *customer) pay() bool {
	if strings.Contains(c.url, "/continue/") && !c.onward() {
		return false
	}
	session := c.url[strings.LastIndex(c.url, "/")+1:]
	act := c.s.crm.Approve
	if c.s.storm.Load() && c.s.draw(15) == 0 {
		act = c.s.crm.Decline
	}
	back, err := act(session)
	if err != nil {
		// Nothing can be paid there any more, and the shopper goes back.
		opened, found := c.s.crm.Session(session)
		if !found {
			c.s.book.Find("an address that leads to no session: %s", c.url)
			return false
		}
		back = simulator.Return{Method: http.MethodGet, URL: opened.ErrorRedirectsTo + "?errorMsg=over"}
	}
	if c.s.storm.Load() && c.s.draw(10) == 0 {
		if paid := c.s.book.Paid(c.email, c.ref); paid {
			c.away = true
			return true
		}
	}
	target, _ := url.Parse(back.URL)
	for range 3 {
		r := c.request(back.Method, target.RequestURI(), back.Form)
		r.Header.Set("Origin", "https://klarna.example")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if c.ask("return", c.ref, r); c.code == "sent on" {
			break
		}
	}
	return c.status() == "paid"
}

// shop is one shopper's visit.
func (s *soak) shop(n int) {
	form := OrderForm(fmt.Sprintf("soak%d@example.com", n))
	form.Set("product1_qty", fmt.Sprint(1+n%3))
	c := (&customer{s: s, email: form.Get("emailAddress"), route: "order", cart: form}).next()
	if !c.buy(5, 20*time.Millisecond) {
		s.mu.Lock()
		s.waiting = append(s.waiting, c)
		s.mu.Unlock()
		return
	}
	s.enjoy(c)
}

// settle has shoppers in doubt buy. It returns those who could not, each with its time-outs of before.
func (s *soak) settle(waiting []*customer) map[*customer]int {
	stuck := map[*customer]int{}
	var mu sync.Mutex
	var doubts sync.WaitGroup
	queue := make(chan *customer)
	for range 4 {
		doubts.Go(func() {
			for c := range queue {
				before := s.timeOuts(c)
				if c.buy(6, time.Second) {
					s.keep(c)
					continue
				}
				mu.Lock()
				stuck[c] = before
				mu.Unlock()
			}
		})
	}
	for _, c := range waiting {
		queue <- c
	}
	close(queue)
	doubts.Wait()
	return stuck
}

// timeOuts is how many calls to Konnektive for a shopper's purchase took longer than the relay waits, by its log.
func (s *soak) timeOuts(c *customer) int {
	if c.ref == "" {
		return 0
	}
	return logged(s.worker.Load().Output(), c.ref, "TimeoutError")
}

// keep remembers who has bought.
func (s *soak) keep(c *customer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.away {
		s.gone = append(s.gone, c)
	} else {
		s.bought = append(s.bought, c)
	}
}

// enjoy is what some shoppers do who have paid: they take the upsale, and ask for confirmation.
func (s *soak) enjoy(c *customer) {
	if s.keep(c); c.away {
		return
	}
	if s.draw(3) == 0 && c.ref != "" {
		u := (&customer{s: s, email: c.email, route: "upsale", ref: c.ref,
			cart: url.Values{"product1_id": {"40"}, "product1_qty": {"1"}}}).next()
		if u.buy(4, 20*time.Millisecond) {
			s.keep(u)
		} else {
			s.mu.Lock()
			s.waiting = append(s.waiting, u)
			s.mu.Unlock()
		}
	}
	for range s.draw(4) {
		c.ask("confirm", c.ref, c.request(http.MethodPost, "/api/order/confirm/", url.Values{"ref": {c.ref}}))
	}
}

func (s *soak) open(t testing.TB, options Options) {
	w := Start(t, options)
	client := w.Client()
	client.Timeout = 20 * time.Second
	s.worker.Store(&visited{w, client})
}

// kill ends the Go instance as it serves.
func (s *soak) kill(how string) {
	r, err := http.NewRequest(http.MethodGet, "https://"+Host+"/__probe/"+how, nil)
	if err != nil {
		panic(err)
	}
	if res, err := s.worker.Load().client.Do(r); err == nil {
		res.Body.Close()
		s.mu.Lock()
		s.deaths++
		s.mu.Unlock()
	}
}

func TestTheBooksBalanceAfterBadWeather(t *testing.T) {
	for _, variation := range simulator.Variations() {
		if strings.Contains(variation.Name, *soakSetting) {
			t.Run(variation.Name, func(t *testing.T) {
				t.Parallel()
				balance(t, variation)
			})
		}
	}
}

// reviewTime is how long quality assurance takes in a soak. In a minute or more nobody would get to see the end.
const reviewTime = time.Second

func balance(t *testing.T, variation simulator.Variation) {
	s := &soak{chance: rand.New(rand.NewPCG(*soakSeed, 0)), codes: map[string]int{}}
	s.crm = simulator.New(simulator.Options{BaseURL: "https://klarna.example", LoginID: LoginID, Password: Password,
		NoMagic: true, Fault: func(c simulator.Call) simulator.Fault { return s.weather(c) }})
	s.crm.Set(func(settings *simulator.Settings) {
		variation.Apply(settings)
		settings.Review = min(settings.Review, reviewTime)
	})
	s.book = audit.New(s.crm)
	s.book.Again = 45 * time.Second
	s.book.Secret = []string{LoginID, Password, "Änne", "Neill", "Hauptstra", "12345678", "@example.com", "203.0.113.7"}
	api := httptest.NewServer(s.crm)
	defer api.Close()
	options := Options{
		KonnektiveURL: api.URL, Probe: true, Persist: t.TempDir(),
		Vars: map[string]any{"KONNEKTIVE_TIMEOUT_MS": fmt.Sprint(soakTimeout.Milliseconds())},
	}
	t.Logf("-soak.seed=%d", *soakSeed)

	// Bad weather, in two lives of workerd. In its first half the instance dies
	// again and again.
	var shoppers, trouble sync.WaitGroup
	var visitors atomic.Int64
	var deadly, end time.Time
	come := func(n int, until time.Time) {
		for range n {
			shoppers.Go(func() {
				for time.Now().Before(until) {
					s.shop(int(visitors.Add(1)))
				}
			})
		}
	}
	t.Run("the first life", func(t *testing.T) {
		s.open(t, options)
		s.first = s.worker.Load().Worker
		s.storm.Store(true)
		deadly, end = time.Now().Add(*soakFor/2), time.Now().Add(*soakFor)
		come(*soakShoppers, end)
		trouble.Go(func() {
			for i := 0; time.Now().Before(end); i++ {
				time.Sleep(*soakFor / 15)
				s.crm.Release()
				if time.Now().Before(deadly) {
					s.kill([]string{"exhaust", "scramble"}[i%2])
				}
			}
		})
		time.Sleep(*soakFor / 4)
	}) // workerd ends here, with shoppers inside
	s.open(t, options)
	shoppers.Wait()
	trouble.Wait()
	s.crm.Release()
	s.storm.Store(false)
	w := s.worker.Load()
	quiet := w.probe(t, "state")
	s.mu.Lock()
	waiting := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	t.Logf("bad weather is over: %d shoppers, %d purchases paid, %d in doubt or given up, %d requests reset, %d "+
		"deaths of the instance",
		visitors.Load(), len(s.bought)+len(s.gone), len(waiting), s.resets, s.deaths)

	// Nothing fails any more. Others buy, and a shopper in doubt waits until the time is over: an attempt may be tried
	// again after the ledger's Lease, when its request died at its lead, and else after its deadline and Grace.
	over := time.Now().Add(soakTimeout + purchase.Grace)
	if leases := deadly.Add(purchase.Lease); leases.After(over) {
		over = leases
	}
	come(4, over.Add(2*time.Second))
	shoppers.Wait()
	// A busy machine may take longer over a call than the relay waits for it. Whom that happens to is in doubt again.
	again := slices.DeleteFunc(s.waiting, func(c *customer) bool {
		late := s.timeOuts(c) > 0
		if !late {
			s.book.Find("%s of %s did not work in good weather: %s", c.route, c.email, c.code)
		}
		return !late
	})
	for round := 0; len(waiting)+len(again) > 0; round++ {
		for c, timeOuts := range s.settle(waiting) {
			if s.timeOuts(c) > timeOuts && round < 3 {
				again = append(again, c)
				continue
			}
			s.book.Find("%s of %s is stuck: %s", c.route, c.email, c.code)
		}
		if waiting, again = again, nil; len(waiting) > 0 {
			time.Sleep(soakTimeout + purchase.Grace + 2*time.Second)
		}
	}

	// The alarm notices the purchases of shoppers who paid and never came back, where the CRM has named their orders.
	// The status of everything that was paid is paid.
	s.gone = slices.DeleteFunc(s.gone, func(c *customer) bool { return !s.book.Told(c.ref) })
	until(t, "everybody who paid and never came back is noticed", func() bool {
		logs := s.first.Output() + w.Output()
		return !slices.ContainsFunc(s.gone, func(c *customer) bool { return !settled(logs, c.ref) })
	})
	for _, c := range append(s.bought, s.gone...) {
		if c.ref == "" || c.status() != "paid" {
			s.book.Find("%s of %s was bought, and status says %s", c.route, c.email, c.code)
		}
	}
	s.book.Logged(s.first.Output() + w.Output())
	s.book.Balance()
	s.balance()

	calm := w.probe(t, "state")
	t.Logf("goroutines %d, then %d; memory %d MiB, then %d MiB", quiet.Goroutines, calm.Goroutines, quiet.Memory>>20,
		calm.Memory>>20)
	assert.LessOrEqual(t, calm.Goroutines, 20, "nobody waits for ever")
	assert.Less(t, calm.Memory, 100<<20)
	names := slices.Sorted(maps.Keys(s.codes))
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, s.codes[name])
	}
	orders, upsales := s.sold()
	fmt.Printf("soak, %s: %d shoppers, %d orders and %d upsales paid, %d calls to Konnektive, %d requests reset, %d "+
		"deaths of the instance, one of workerd\nanswers: %s\n",
		variation.Name, visitors.Load(), orders, upsales, len(s.crm.Calls()), s.resets, s.deaths, strings.Join(names, ", "))
	findings := s.book.Findings()
	slices.Sort(findings)
	for _, finding := range slices.Compact(findings)[:min(len(slices.Compact(findings)), 30)] {
		t.Error(finding)
	}
	require.Positive(t, orders)
}

// settled tells whether a log has the line of a purchase that was found paid.
func settled(logs, ref string) bool {
	return logged(logs, ref, `"settled":true`) > 0
}

// logged is how many lines of the log are about a purchase and have a text.
func logged(logs, ref, text string) (n int) {
	for line := range strings.Lines(logs) {
		if strings.Contains(line, fmt.Sprintf("%q", ref[:8])) && strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// balance checks that every shopper who was told paid has exactly one paid order.
func (s *soak) balance() {
	paid := map[string]int{}
	for _, order := range s.crm.Orders() {
		if order.Status != simulator.StatusComplete {
			continue
		}
		// A CRM that takes two shoppers for one has the order under the name of the other. A call that arrived twice is in
		// the history twice.
		shoppers := map[string]bool{}
		for _, imported := range order.OrderImports() {
			shoppers[imported.Fields["emailAddress"]] = true
		}
		for email := range shoppers {
			if paid[email]++; paid[email] > 1 {
				s.book.Find("%s paid for two orders", email)
			}
		}
	}
	for _, c := range append(s.bought, s.gone...) {
		if paid[c.email] != 1 {
			s.book.Find("%s was told paid, and has %d paid orders", c.email, paid[c.email])
		}
	}
}

func (s *soak) sold() (orders, upsales int) {
	for _, order := range s.crm.Orders() {
		if order.Status != simulator.StatusComplete {
			continue
		}
		orders++
		for _, item := range order.Items {
			if item.Upsale {
				upsales++
			}
		}
	}
	return orders, upsales
}
