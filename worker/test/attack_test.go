//go:build e2e

package test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
	"klarna-relay/worker/test/hostile"
)

// An attack is one hostile request. What comes of it is one of two things: it is refused and Konnektive hears
// nothing, or it is an order like any other, with the parameters that the relay sets.
type attack struct {
	kind    string // for the count
	name    string
	method  string // POST when empty
	target  string // as it is sent; the route of an order when empty
	host    string // localhost when empty
	headers []string
	body    string // %s stands for an order of the attack's own
	fate    fate
	passes  bool // the landers' origin gets it
}

// fate is what may come of an attack. Whenever Konnektive gets an order, its parameters are the relay's.
type fate int

const (
	refused  fate = iota // Konnektive hears nothing
	ordinary             // it is an order like any other
	either               // what is hostile in it may be ignored or refused
)

// marker is sent as a value, and must not be found unescaped in any answer.
const marker = `"'><xss>`

// evil is a host that no redirect may lead to and no header may allow.
const evil = "evil.example"

func (a attack) String() string { return a.kind + ": " + a.name }

// outcome is what came of an attack.
type outcome struct {
	attack
	address, email string
	status         int
	header         http.Header
	answer         string
	closed         bool // the runtime hung up without an answer
}

// launch sends an attack straight to workerd, byte by byte as it stands. Each has a shopper's address and an order
// of its own.
func (w *Worker) launch(t *testing.T, n int, a attack) (o outcome) {
	o = outcome{attack: a, address: fmt.Sprintf("198.51.%d.%d", n/200, n%200+1),
		email: fmt.Sprintf("attack%d@shop.example", n)}
	if a.method == "" {
		o.method = http.MethodPost
	}
	if a.target == "" {
		o.target = "/api/order/import/"
	}
	if a.host == "" {
		o.host = "localhost"
	}
	body := strings.Replace(a.body, "%s", OrderForm(o.email).Encode(), 1)
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", o.method, o.target, o.host)
	named := map[string]bool{}
	for i := 0; i < len(a.headers); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", a.headers[i], a.headers[i+1])
		named[strings.ToLower(a.headers[i])] = true
	}
	for name, value := range map[string]string{"CF-Connecting-IP": o.address, "User-Agent": "Browser/1",
		"Content-Type": Form} {
		if !named[strings.ToLower(name)] {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)

	conn, err := net.Dial("tcp", strings.TrimPrefix(w.Direct, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	_, _ = io.WriteString(conn, b.String())
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: o.method})
	if err != nil {
		o.closed = true
		return o
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	o.status, o.header, o.answer = res.StatusCode, res.Header, string(text)
	return o
}

func TestAStandingAttackGetsNothing(t *testing.T) {
	t.Parallel()
	landers := &recorder{}
	m := NewMarket(t, simulator.Options{}, Options{Probe: true, Vars: map[string]any{
		"ALLOW_LOOPBACK_HTTP": "1", "LANDERS": landersAt(landers.start(t)),
	}})
	all := attacks()
	outcomes := make([]outcome, len(all))
	var group sync.WaitGroup
	queue := make(chan int)
	for range 4 {
		group.Go(func() {
			for n := range queue {
				outcomes[n] = m.launch(t, n, all[n])
			}
		})
	}
	for n := range all {
		queue <- n
	}
	close(queue)
	group.Wait()

	calls := map[string][]simulator.Call{}
	for _, call := range m.CRM.Calls() {
		calls[call.Fields["ipAddress"]] = append(calls[call.Fields["ipAddress"]], call)
	}
	count := map[string]int{}
	for _, o := range outcomes {
		t.Run(o.String(), func(t *testing.T) {
			o.answersNothing(t)
			own := calls[o.address]
			delete(calls, o.address)
			switch o.fate {
			case refused:
				assert.Empty(t, own, "%d %s", o.status, o.answer)
			case ordinary:
				assert.NotEmpty(t, own, "%d %s", o.status, o.answer)
			}
			for _, call := range own {
				o.checkParameters(t, call)
			}
			if len(own) > 0 {
				assert.Equal(t, simulator.OpOrder, own[len(own)-1].Op)
				count["in all were orders like any other"]++
			} else {
				count["in all came to nothing"]++
			}
		})
		count[o.kind]++
	}
	assert.Empty(t, calls, "calls with an address that no attack came from")
	for _, r := range landers.requests() {
		assert.NotContains(t, strings.ToLower(r.URL.Path), "/api/", "reached the landers' origin")
	}
	assert.Len(t, landers.requests(), count["pages"])
	assert.Equal(t, 1, m.probe(t, "state").Instances, "nothing was the end of the instance")
	assert.NotContains(t, m.Output(), `"level":"error"`)
	for _, kind := range slices.Sorted(maps.Keys(count)) {
		fmt.Printf("attack: %3d %s\n", count[kind], kind)
	}
}

// answersNothing checks what holds for the answer to any request: what it must not contain, and its headers.
func (o outcome) answersNothing(t *testing.T) {
	if o.closed {
		return
	}
	runtime := o.header.Get("X-Request-Id") == "" && !o.passes // workerd refuses by itself what it cannot read as HTTP
	if runtime {
		assert.Equal(t, "methods", o.kind, "%d %s", o.status, o.answer)
	} else {
		assert.Less(t, o.status, 500, o.answer)
	}
	assert.NotContains(t, o.answer, marker)
	assert.NotContains(t, o.answer, "<xss")
	assert.LessOrEqual(t, len(o.answer), 16<<10, "an answer is no amplifier")
	assert.NotContains(t, fmt.Sprint(o.header), evil)
	assert.NotEqual(t, "*", o.header.Get("Access-Control-Allow-Origin"))
	assert.Empty(t, o.header.Get("Set-Cookie"))
	if location := o.header.Get("Location"); location != "" {
		to, err := url.Parse(location)
		require.NoError(t, err)
		assert.Contains(t, []string{"", "localhost", KlarnaHost}, to.Host, location)
		assert.False(t, strings.HasPrefix(location, "//") || strings.HasPrefix(location, `/\`), location)
	}
	if runtime || o.passes {
		return
	}
	assert.Equal(t, "nosniff", o.header.Get("X-Content-Type-Options"))
	assert.Equal(t, "no-store", o.header.Get("Cache-Control"))
	assert.Contains(t, o.header.Get("Content-Security-Policy"), "default-src 'none'")
	if o.fate == refused {
		assert.NotContains(t, o.answer, `"result":"SUCCESS"`)
		assert.NotContains(t, o.answer, `"url"`)
	}
}

// mayArrive matches every parameter that the relay ever sends to Konnektive.
var mayArrive = regexp.MustCompile(`^(loginId|password|campaignId|paySource|prepaidType|forceMerchantId|ipAddress|` +
	`userAgent|salesUrl|redirectsTo|errorRedirectsTo|orderId|sessionId|firstName|lastName|companyName|emailAddress|` +
	`phoneNumber|address[12]|city|state|postalCode|country|billShipSame|` +
	`ship(FirstName|LastName|CompanyName|Address[12]|City|State|PostalCode|Country|ProfileId)|` +
	`product\d+_(id|qty)|variant\d+_id|couponCode|affId|` +
	`sourceValue[1-5]|custom[1-5]|custom_\w{1,50}|httpReferer|requestUri)$`)

// checkParameters checks that the parameters which the relay sets are its own, whatever the attack sent.
func (o outcome) checkParameters(t *testing.T, call simulator.Call) {
	f := call.Fields
	assert.Equal(t, http.MethodPost, call.Method)
	assert.Empty(t, call.Query, "parameters are in the body alone")
	for name, value := range f {
		assert.Regexp(t, mayArrive, name)
		if strings.HasPrefix(name, "product") && strings.HasSuffix(name, "_id") {
			assert.Contains(t, []string{"34", "35"}, value)
		}
	}
	assert.Equal(t, []string{LoginID, Password, "12", o.address},
		[]string{f["loginId"], f["password"], f["campaignId"], f["ipAddress"]})
	assert.Equal(t, o.email, f["emailAddress"])
	if call.Op != simulator.OpOrder {
		return
	}
	assert.Equal(t, []string{"PREPAID", "7", "http://localhost/checkout"},
		[]string{f["paySource"], f["forceMerchantId"], f["salesUrl"]})
	assert.Regexp(t, `^http://localhost/api/klarna/return/[0-9a-f]{64,}$`, f["redirectsTo"])
	assert.Regexp(t, `^http://localhost/api/klarna/failed/[0-9a-f]{64,}$`, f["errorRedirectsTo"])
}

func attacks() (all []attack) {
	ref := strings.Repeat("a", 64)
	add := func(kind string, list ...attack) {
		for _, a := range list {
			a.kind = kind
			if a.name == "" {
				a.name = strings.Join([]string{a.method, a.target, a.host, strings.Join(a.headers, " "),
					a.body[:min(len(a.body), 60)]}, " ")
			}
			all = append(all, a)
		}
	}
	for _, path := range []string{
		"/API/order/import/", "//api/order/import/", "/%61pi/order/import/", "/%2561pi/order/import/", "/api;x/order/import/",
		"/api%2forder/import/", `/\api/order/import/`, "/api%5corder/import/", "/api./order/import/", "/api%3f/order/import/",
		"/api%23/order/import/", "/api%00/order/import/", "/api%20/order/import/", "/x/..%2fapi/order/import/",
		"/api//order/import/", "/api/order/import//", "/api/order/import/..;/", "/api/order%2fimport/",
		"/api/order/import/%2e%2e/", "/api/order/query/", "/api/order/refund/", "/api/transactions/query/", "/api/order/qa/",
		"/api/customer/query/", "/api/order/cancel/", "/api/purchase/query/", "/api/landers/query/", "/api/order/import.php",
		"/api/%zz", "/api/order/status/", "/api/klarna/", "/api/klarna/return/", "/api/klarna/continue/" + ref,
		"/api/order/status/../import/x", "/api/alarm/" + ref, "/api/" + strings.Repeat("a/", 2000),
	} {
		add("paths", attack{target: path, body: "%s"})
	}
	for _, host := range []string{evil, "localhost." + evil, "127.0.0.1." + evil, "shop.example", "localhost@" + evil,
		"[::ffff:7f00:1]", "127.1"} {
		add("hosts", attack{host: host, body: "%s"}) // plain http is for loopback hosts alone
	}
	for _, header := range [][]string{
		{"X-Forwarded-Host", evil}, {"X-Host", evil}, {"X-Original-URL", "/api/order/refund/"},
		{"X-Rewrite-URL", "/api/order/refund/"}, {"X-Forwarded-For", "192.0.2.66"}, {"True-Client-IP", "192.0.2.66"},
		{"X-Real-IP", "192.0.2.66"}, {"Client-IP", "192.0.2.66"}, {"Forwarded", "for=192.0.2.66;host=" + evil},
		{"X_Forwarded_For", "192.0.2.66"}, {"X-HTTP-Method-Override", "DELETE"}, {"X-Forwarded-Proto", "javascript"},
		{"CF-Visitor", `{"scheme":"ftp"}`}, {"Referer", "https://" + evil + "/"},
		{"Cookie", "ref=" + ref + "; session=" + marker}, {"Accept-Language", marker}, {"Cf-Ray", marker},
		{"Authorization", "Bearer " + marker}, {"X-Request-Id", marker}, {"Idempotency-Key", strings.Repeat("a", 64)},
		{"Content-Type", Form + "; charset=utf-8; x=" + marker},
		{"MF-Original-URL", "https://" + evil + "/api/order/import/"}, {"CF-Worker", evil}, {"X-Forwarded-User", "admin"},
		{"Range", "bytes=0-"}, {"If-None-Match", "*"}, {"Expect", "nothing"},
	} {
		add("headers", attack{headers: header, body: "%s", fate: ordinary})
	}
	for _, header := range [][]string{
		{"Idempotency-Key", "short"}, {"Idempotency-Key", strings.Repeat("k", 129)},
		{"Idempotency-Key", "ü" + strings.Repeat("k", 20)}, {"Content-Type", "text/xml"},
		{"Content-Type", Form + "; charset=utf-7"}, {"Content-Type", "application/json"},
		{"Content-Type", "multipart/mixed; boundary=x"},
	} {
		add("headers", attack{headers: header, body: "%s"})
	}
	for _, header := range [][]string{
		{"Origin", "https://" + evil}, {"Origin", "null"}, {"Origin", "https://localhost"},
		{"Origin", "http://localhost." + evil}, {"Origin", "http://localhost:81"}, {"Origin", "http://localhost@" + evil},
		{"Origin", "http://localhost http://" + evil}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
		{"Sec-Fetch-Site", "none"}, {"Sec-Fetch-Site", "same-origin", "Origin", "http://" + evil}, {"Sec-Fetch-Site", marker},
		{"Origin", marker},
	} {
		add("origins", attack{headers: header, body: "%s"})
		add("origins", attack{headers: append([]string{"Accept", "text/html"}, header...), body: "%s"})
		add("origins", attack{method: http.MethodOptions,
			headers: append([]string{"Access-Control-Request-Method", "POST"}, header...)})
	}
	// What a shopper may not set: the value is refused, or ignored.
	for _, field := range []string{
		"product1_price=0.01", "product1_shipPrice=0", "salesTax=0.01", "paySource=CREDITCARD", "paySource=PREPAID%00",
		"prepaidType=X", "forceMerchantId=8", "campaignId=13", "customerId=1", "forceQA=1", "skipQA=1",
		"cardNumber=4111111111111111", "cardSecurityCode=123", "custom1=4111+1111+1111+1111", "achAccountNumber=1", "iban=1",
		"paypalBillerId=1", "loginId=admin", "password=admin", "orderId=ABC123", "product1_id=35", "product1_id=99",
		"product2_id=99&product2_qty=1", "product2_id=34&product2_qty=-1", "product2_id=35&product2_qty=1e9",
		"product2_id=35&product2_qty=99999999999999999999", "firstName[a]=x&firstName=y", "emailAddress=x%40" + evil,
		"%66irstName=x", "firstName=x", "ref=" + ref, "ref=..%2f..%2f", "lastName=%ff%fe", "lastName=%zz", "a=%0",
		"insureShipment=1", "product1_qty=2",
	} {
		add("fields", attack{body: "%s&" + field})
	}
	for _, field := range []string{
		"product1_id=34", "shipTotal=0.01", "discount=99", "redirect3DS=1", "recurring=1", "firstName[]=x",
		"ipAddress=192.0.2.66", "userAgent=Attacker", "salesUrl=https%3A%2F%2F" + evil, "redirectsTo=https%3A%2F%2F" + evil,
		"redirectsTo=%2F%2F" + evil, "redirectsTo=%2F%5C" + evil, "redirectsTo=javascript%3Aalert(1)",
		"errorRedirectsTo=https%3A%2F%2F" + evil, "errorRedirectsTo=data%3Atext%2Fhtml%2Cx",
		"redirectsTo=https%3A%2F%2Flocalhost%40" + evil, "custom1=x%26forceMerchantId%3D8", "custom1=x%0d%0aX-Evil%3A+1",
		"affId=x%26paySource%3DCREDITCARD", "custom2=" + url.QueryEscape(marker), "sourceValue1=%3Cxss%3E", "__proto__=x",
		"constructor=x", "toString=x", "hasOwnProperty=1", "X=" + strings.Repeat("y", 30000), "unknown=1",
		"custom3=%E2%80%AEexe", "result=SUCCESS", "orderStatus=COMPLETE", "finalizeTransaction=1", "%3Cxss%3E=1",
		"method=importOrder", "action=refund",
	} {
		add("fields", attack{body: "%s&" + field, fate: either})
	}
	for _, target := range []string{
		"?forceMerchantId=8", "?product1_id=99", "?product1_id=34&product1_id=35", "?loginId=admin&password=admin",
		"?cardNumber=4111111111111111", "?emailAddress=x%40" + evil,
	} {
		add("pollution", attack{target: "/api/order/import/" + target, body: "%s", fate: either})
	}
	add("pollution",
		attack{name: "fragment", target: "/api/order/import/?a=1%23&b=2", body: "%s", fate: either},
		attack{name: "semicolons", body: "%s;forceMerchantId=8"},
		attack{name: "an empty order", body: "&&&&"},
	)
	for _, body := range hostile.Bodies() {
		add("bodies", attack{name: body.Name, headers: []string{"Content-Type", body.Type}, body: body.Text})
	}
	for _, target := range []string{
		"/api/klarna/return/" + ref, "/api/klarna/failed/" + ref, "/api/klarna/return/" + url.PathEscape(marker),
		"/api/klarna/failed/x?errorMsg=" + url.QueryEscape(marker),
		"/api/klarna/return/" + ref + "?redirectsTo=https://" + evil,
		"/api/klarna/return/" + ref + "?url=//" + evil + "&lang=" + url.QueryEscape(marker), "/api/klarna/continue/" + ref,
		"/api/order/status/" + ref, "/api/order/status/" + url.PathEscape(marker),
		"/api/order/status/" + strings.Repeat("f", 4000), "/api/preflight", "/api/klarna/continue/" + url.PathEscape("<xss>"),
	} {
		add("returns", attack{method: http.MethodGet, target: target, headers: []string{"Accept", "text/html"}},
			attack{method: http.MethodGet, target: target},
			attack{method: http.MethodPost, target: target, headers: []string{"Accept", "text/html"},
				body: `orderData={"orderStatus":"COMPLETE","orderId":"1"}&url=https://` + evil})
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "get",
		"OPTIONS", "PURGE", "POST2"} {
		add("methods", attack{method: method, body: "%s"},
			attack{method: method, headers: []string{"X-HTTP-Method-Override", "POST", "Accept", "text/html"}, body: "%s"})
	}
	for _, target := range []string{"/checkout", "/?x=" + url.QueryEscape(marker), "/checkout?redirectsTo=https://" + evil,
		"/apiary/order/import/", "/x/api.php"} {
		add("pages", attack{target: target, body: "%s", passes: true},
			attack{method: http.MethodGet, target: target, body: "%s", passes: true,
				headers: []string{"X-Original-URL", "/api/order/import/", "X-Forwarded-Host", evil}})
	}
	return all
}
