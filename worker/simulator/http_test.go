package simulator

import (
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func serve(t *testing.T, options Options) (*Simulator, *httptest.Server) {
	t.Helper()
	sim := New(options)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return sim, server
}

// browse follows no redirect.
func browse(t *testing.T, method, address string, form url.Values) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

func call(server *httptest.Server, op Op, fields map[string]string) (*http.Response, reply) {
	form := url.Values{"loginId": {DefaultLoginID}, "password": {DefaultPassword}}
	for name, value := range fields {
		form.Set(name, value)
	}
	// a kept connection would be tried again
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	var r reply
	response, err := client.PostForm(server.URL+"/"+string(op)+"/", form)
	if err != nil {
		r.Err = err
		return nil, r
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	r.Status, r.Body, r.Err = response.StatusCode, string(body), err
	r.read()
	return response, r
}

func TestTheAPIOverHTTP(t *testing.T) {
	t.Run("answers 200 text/html, and sends the shopper to the host the call came to", func(t *testing.T) {
		sim, server := serve(t, Options{})
		response, got := call(server, OpOrder, goodOrder())
		require.NoError(t, got.Err)
		assert.Equal(t, 200, response.StatusCode)
		assert.Equal(t, "text/html; charset=UTF-8", response.Header.Get("Content-Type"))
		assert.Equal(t, server.URL+"/klarna/"+sim.Sessions()[0].ID, got.Message["url"])
		assertNoViolations(t, sim)
	})

	t.Run("sends the shopper to the base address of the options", func(t *testing.T) {
		_, server := serve(t, Options{BaseURL: "https://klarna.test/"})
		_, got := call(server, OpOrder, goodOrder())
		assert.Regexp(t, `^https://klarna\.test/klarna/[0-9a-f]{32}$`, got.Message["url"])
	})

	t.Run("resets the connection when a fault says so, having booked or not", func(t *testing.T) {
		for word, booked := range map[string]int{"reset": 0, "unreached": 0, "lost": 1, "torn": 1} {
			sim, server := serve(t, Options{})
			_, got := call(server, OpOrder, with(goodOrder(), map[string]string{"emailAddress": word + "@example.com"}))
			require.Error(t, got.Err, word)
			if !errors.Is(got.Err, syscall.ECONNRESET) { // a torn answer may be read before its reset is
				assert.ErrorIs(t, got.Err, io.ErrUnexpectedEOF, word)
				assert.Equal(t, "torn", word)
			}
			assert.Len(t, sim.Orders(), booked, word)
		}
	})

	t.Run("lets a caller wait for ever, and notices when it leaves", func(t *testing.T) {
		sim, server := serve(t, Options{})
		client := http.Client{Timeout: 300 * time.Millisecond}
		form := url.Values{"loginId": {DefaultLoginID}, "password": {DefaultPassword}}
		for name, value := range with(goodOrder(), map[string]string{"emailAddress": "silence@example.com"}) {
			form.Set(name, value)
		}
		_, err := client.PostForm(server.URL+"/order/import/", form)
		var timeout interface{ Timeout() bool }
		require.ErrorAs(t, err, &timeout)
		assert.True(t, timeout.Timeout())
		assert.Len(t, sim.Orders(), 1)
	})

	t.Run("gives server errors their status", func(t *testing.T) {
		_, server := serve(t, Options{})
		_, got := call(server, OpOrder, with(goodOrder(), map[string]string{"emailAddress": "error522@example.com"}))
		assert.Equal(t, 522, got.Status)
	})

	t.Run("takes its time when told to", func(t *testing.T) {
		waited := make(chan struct{})
		_, server := serve(t, Options{Settings: Settings{Latency: 20 * time.Millisecond}})
		started := time.Now()
		go func() { call(server, OpQuery, nil); close(waited) }()
		<-waited
		assert.GreaterOrEqual(t, time.Since(started), 20*time.Millisecond)
	})

	t.Run("answers a GET with everything in its query, as the real one does, and notes it", func(t *testing.T) {
		sim, server := serve(t, Options{})
		query := url.Values{"loginId": {DefaultLoginID}, "password": {DefaultPassword}, "campaignId": {"12"}}
		_, body := browse(t, "GET", server.URL+"/campaign/query/?"+query.Encode(), nil)
		assert.Contains(t, body, `"SUCCESS"`)
		var fields []string
		for _, v := range sim.Violations() {
			fields = append(fields, v.Field)
		}
		assert.Equal(t, []string{"method", "query", "content-type"}, fields)
	})

	t.Run("notes a body that is no form", func(t *testing.T) {
		sim, server := serve(t, Options{})
		response, err := http.Post(server.URL+"/order/query/", "application/json", strings.NewReader(`{"orderId":"1"}`))
		require.NoError(t, err)
		response.Body.Close()
		require.NotEmpty(t, sim.Violations())
		assert.Equal(t, "content-type", sim.Violations()[0].Field)
	})
}

// buttons finds the forms of a page: the address behind each button's id.
func buttons(page string) map[string]string {
	found := map[string]string{}
	for _, m := range regexp.MustCompile(`<form[^>]*action="([^"]*)"[^>]*><button[^>]*id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		found[m[2]] = html.UnescapeString(m[1])
	}
	return found
}

func TestKlarnasPages(t *testing.T) {
	start := func(t *testing.T, fields map[string]string) (*Simulator, *httptest.Server, Session) {
		sim, server := serve(t, Options{})
		_, got := call(server, OpOrder, with(goodOrder(), fields))
		require.Equal(t, "MERC_REDIRECT", got.Result, got.Body)
		return sim, server, sim.Sessions()[0]
	}

	t.Run("every button of the page does what it says, without JavaScript", func(t *testing.T) {
		cases := []struct {
			button, status string
			answer         int
			location       string // of the answer
			says           string
		}{
			{"approve", StatusComplete, 200, "", `action="https://shop.example/api/klarna/return/r1"`},
			{"decline", StatusDeclined, 303, "https://shop.example/api/klarna/failed/r1?errorMsg=Klarna+declined+the+purchase", ""},
			{"cancel", StatusPartial, 303, "https://shop.example/api/klarna/failed/r1?errorMsg=Cancelled+by+the+customer", ""},
			{"leave", StatusPartial, 200, "", "The shopper closed the tab"},
			{"approve-by-get", StatusComplete, 303, "https://shop.example/api/klarna/return/r1?finalizeTransaction=1&orderData=", ""},
			{"approve-and-stay", StatusComplete, 200, "", "Paid, and the shopper never returns"},
			{"forge", StatusPartial, 200, "", `action="https://shop.example/api/klarna/return/r1"`},
		}
		for _, c := range cases {
			t.Run(c.button, func(t *testing.T) {
				sim, server, session := start(t, nil)
				response, page := browse(t, "GET", session.URL, nil)
				assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
				assert.Contains(t, page, "Simulation: no money moves")
				assert.Contains(t, page, "Pay 104.70 EUR")
				require.Contains(t, buttons(page), c.button)
				answer, after := browse(t, "POST", server.URL+buttons(page)[c.button], url.Values{})
				assert.Equal(t, c.answer, answer.StatusCode)
				assert.True(t, strings.HasPrefix(answer.Header.Get("Location"), c.location), answer.Header.Get("Location"))
				assert.Contains(t, after, c.says)
				assert.Equal(t, c.status, sim.Orders()[0].Status)
			})
		}
	})

	t.Run("the way back is a form to the other site with the order in it, sent by script or by its button", func(t *testing.T) {
		_, server, session := start(t, nil)
		_, page := browse(t, "POST", server.URL+"/klarna/"+session.ID+"/approve", url.Values{})
		assert.Contains(t, page,
			`<form id="return" class="card stack" method="post" action="https://shop.example/api/klarna/return/r1">`)
		assert.Contains(t, page, `<input type="hidden" name="finalizeTransaction" value="1">`)
		data := regexp.MustCompile(`name="orderData" value="([^"]*)"`).FindStringSubmatch(page)
		require.Len(t, data, 2)
		assert.Contains(t, html.UnescapeString(data[1]), `"orderStatus":"COMPLETE"`)
		assert.Contains(t, page, `document.getElementById("return").submit()`)
	})

	t.Run("a shopper who left comes back late and pays", func(t *testing.T) {
		sim, server, session := start(t, nil)
		_, left := browse(t, "POST", server.URL+"/klarna/"+session.ID+"/leave", url.Values{})
		_, back := browse(t, "POST", server.URL+buttons(left)["late"], url.Values{})
		assert.Contains(t, back, `id="return"`)
		assert.Equal(t, StatusComplete, sim.Orders()[0].Status)
	})

	t.Run("a form posted by a script answer opens the page", func(t *testing.T) {
		_, _, session := start(t, map[string]string{"emailAddress": "script@example.com"})
		_, page := browse(t, "POST", session.URL, url.Values{})
		assert.Contains(t, buttons(page), "approve")
	})

	t.Run("from an iframe the return goes to the whole window, or stays inside", func(t *testing.T) {
		_, _, session := start(t, map[string]string{"emailAddress": "iframe@example.com"})
		_, page := browse(t, "GET", session.URL, nil)
		assert.Contains(t, page, `/approve" target="_top"`)
		_, _, session = start(t, map[string]string{"emailAddress": "iframe-inside@example.com"})
		_, page = browse(t, "GET", session.URL, nil)
		assert.Contains(t, page, `/approve" target="_self"`)
	})

	t.Run("what is decided cannot be decided again, but the way back stays", func(t *testing.T) {
		sim, server, session := start(t, nil)
		_, err := sim.Decline(session.ID)
		require.NoError(t, err)
		response, page := browse(t, "POST", server.URL+"/klarna/"+session.ID+"/approve", url.Values{})
		assert.Equal(t, 409, response.StatusCode)
		assert.Contains(t, page, "This purchase is declined")
		assert.Empty(t, buttons(page))

		sim, _, session = start(t, nil)
		_, err = sim.Approve(session.ID)
		require.NoError(t, err)
		_, page = browse(t, "GET", session.URL, nil)
		assert.Equal(t, map[string]string{"again": "/klarna/" + session.ID + "/approve"}, buttons(page))
	})

	t.Run("an expired purchase offers nothing", func(t *testing.T) {
		now := time.Now()
		sim, server := serve(t, Options{Now: func() time.Time { return now }})
		call(server, OpOrder, goodOrder())
		now = now.Add(SessionLife + time.Second)
		_, page := browse(t, "GET", sim.Sessions()[0].URL, nil)
		assert.Contains(t, page, "This purchase has expired")
		assert.Empty(t, buttons(page))
	})

	t.Run("an unknown purchase, or an unknown button, is not found", func(t *testing.T) {
		_, server, session := start(t, nil)
		for _, path := range []string{"/klarna/0", "/klarna/", "/klarna/" + session.ID + "/steal"} {
			response, _ := browse(t, "POST", server.URL+path, url.Values{})
			assert.Equal(t, 404, response.StatusCode, path)
		}
		response, _ := browse(t, "GET", server.URL+"/klarna/"+session.ID+"/approve", nil)
		assert.Equal(t, 405, response.StatusCode, "a link must not pay")
	})

	t.Run("a shopper's name is text, never markup", func(t *testing.T) {
		_, _, session := start(t, map[string]string{"firstName": "<img src=x onerror=a>"})
		_, page := browse(t, "GET", session.URL, nil)
		assert.NotContains(t, page, "<img")
		assert.Contains(t, page, "&lt;img")
	})
}

func TestTheBooksPage(t *testing.T) {
	books := func(t *testing.T, server *httptest.Server) string {
		response, page := browse(t, "GET", server.URL+"/_simulator/", nil)
		require.Equal(t, 200, response.StatusCode, page)
		return page
	}

	t.Run("shows every order with its exact fields, and no credentials", func(t *testing.T) {
		sim, server := serve(t, Options{})
		call(server, OpOrder, with(goodOrder(), map[string]string{"custom1": "<b>&amp;"}))
		call(server, OpClick, map[string]string{"campaignId": "12", "pageType": "checkoutPage", "ipAddress": "::1"})
		page := books(t, server)
		assert.Contains(t, page, sim.Orders()[0].ID)
		assert.Contains(t, page, "Keizersgracht 1")
		assert.Contains(t, page, "&lt;b&gt;&amp;amp;")
		assert.Contains(t, page, "••••")
		assert.NotContains(t, page, DefaultPassword)
		assert.NotContains(t, page, DefaultLoginID)
		assert.Contains(t, page, "Calls without an order")
		assert.Contains(t, page, sim.Sessions()[0].URL)
		assert.NotContains(t, page, `class="violation"`)
	})

	t.Run("shows violations", func(t *testing.T) {
		_, server := serve(t, Options{})
		call(server, OpOrder, with(goodOrder(), map[string]string{"product1_price": "1"}))
		assert.Contains(t, books(t, server), `<p class="violation">product1_price: overrides a price of the CRM</p>`)
	})

	t.Run("has a page of the e-mail addresses that make things go wrong", func(t *testing.T) {
		_, server := serve(t, Options{})
		assert.Contains(t, books(t, server), `href="/_simulator/addresses"`)
		_, page := browse(t, "GET", server.URL+"/_simulator/addresses", nil)
		for _, w := range Words() {
			assert.True(t, strings.Contains(page, ">"+w.Word+"@</th>"), w.Word)
		}
	})

	t.Run("has a page of every request as it came, the odd ones too", func(t *testing.T) {
		sim, server := serve(t, Options{})
		call(server, OpOrder, goodOrder())
		_, _ = browse(t, "POST", server.URL+"/leads/import/?loginId="+DefaultLoginID+"&password="+DefaultPassword+"&campaignId=12&firstName=Bo&giftNote=hello", nil)
		requests := func(about string) string {
			response, page := browse(t, "GET", server.URL+"/_simulator/requests?about="+url.QueryEscape(about), nil)
			require.Equal(t, 200, response.StatusCode)
			return page
		}
		page := requests("")
		for _, part := range []string{
			"POST /order/import/", "zoe@example.com", `colspan="2" class="group">Shopper<`, `class="group">Cart<`,
			`class="group">Payment<`, `class="group">Others<`,
			"loginId=••••&amp;password=••••&amp;campaignId=12&amp;firstName=Bo&amp;giftNote=hello", "giftNote: is not a field",
			"none</td>",
		} {
			assert.True(t, strings.Contains(page, part), part)
		}
		assert.False(t, strings.Contains(page, DefaultPassword) || strings.Contains(page, DefaultLoginID))
		assert.Less(t, strings.Index(page, "call-2"), strings.Index(page, "call-1"), "the newest first")
		for about, want := range map[string][]bool{
			"zoe@EXAMPLE.com ": {true, false}, sim.Orders()[0].ID: {true, false}, "leads": {false, true},
			"giftnote": {false, true}, "keizers": {true, false}, "nobody": {false, false}, DefaultPassword: {false, false},
		} {
			page := requests(about)
			assert.Equal(t, want, []bool{strings.Contains(page, `id="call-1"`), strings.Contains(page, `id="call-2"`)}, about)
		}
		assert.True(t, strings.Contains(requests("nobody"), "No request has to do with that."))
	})

	t.Run("shows the latest 50 requests", func(t *testing.T) {
		_, server := serve(t, Options{})
		for range 53 {
			call(server, OpCampaign, map[string]string{"campaignId": "12"})
		}
		_, page := browse(t, "GET", server.URL+"/_simulator/requests", nil)
		assert.Equal(t, 50, strings.Count(page, "<details"))
		assert.True(t, strings.Contains(page, "3 older requests are not shown."))
	})

	t.Run("answers in another way from then on", func(t *testing.T) {
		sim, server := serve(t, Options{Settings: Settings{ItemsAsArray: true}})
		assert.True(t, strings.Contains(books(t, server), "<option selected>as measured</option>"))
		response, _ := browse(t, "POST", server.URL+"/_simulator/answers",
			url.Values{"variation": {"an order takes one import"}})
		assert.Equal(t, 303, response.StatusCode)
		assert.Equal(t, []bool{true, true}, []bool{sim.Settings().ImportOnce, sim.Settings().ItemsAsArray})
		assert.True(t, strings.Contains(books(t, server), "<option selected>an order takes one import</option>"))
		sim.Set(func(s *Settings) { s.RefusePlus = true })
		assert.True(t, strings.Contains(books(t, server), "<option selected disabled>as its settings say</option>"))
		response, _ = browse(t, "POST", server.URL+"/_simulator/answers", url.Values{"variation": {"by pigeon"}})
		assert.Equal(t, 404, response.StatusCode)
	})

	t.Run("pays an open purchase as if the shopper came back late", func(t *testing.T) {
		sim, server := serve(t, Options{})
		call(server, OpOrder, goodOrder())
		session := sim.Sessions()[0]
		assert.Contains(t, books(t, server), `action="/klarna/`+session.ID+`/approve"`)
		_, err := sim.Approve(session.ID)
		require.NoError(t, err)
		assert.NotContains(t, books(t, server), `action="/klarna/`+session.ID+`/approve"`)
	})

	t.Run("sets an order's status, and books late calls", func(t *testing.T) {
		sim, server := serve(t, Options{})
		call(server, OpOrder, goodOrder())
		id := sim.Orders()[0].ID
		response, _ := browse(t, "POST", server.URL+"/_simulator/status",
			url.Values{"order": {id}, "status": {StatusRefunded}})
		assert.Equal(t, 303, response.StatusCode)
		assert.Equal(t, StatusRefunded, sim.Orders()[0].Status)
		response, _ = browse(t, "POST", server.URL+"/_simulator/status",
			url.Values{"order": {"0"}, "status": {StatusRefunded}})
		assert.Equal(t, 404, response.StatusCode)

		late := make(chan struct{})
		go func() {
			client := http.Client{Timeout: 300 * time.Millisecond}
			form := url.Values{"loginId": {DefaultLoginID}, "password": {DefaultPassword}}
			for name, value := range with(goodOrder(), map[string]string{"emailAddress": "late@example.com"}) {
				form.Set(name, value)
			}
			_, _ = client.PostForm(server.URL+"/order/import/", form)
			close(late)
		}()
		<-late
		assert.Contains(t, books(t, server), "1 late call waits to be booked.")
		browse(t, "POST", server.URL+"/_simulator/release", url.Values{})
		assert.Len(t, sim.Orders(), 2)
	})

	t.Run("is where the bare address leads, and shows the newest orders only", func(t *testing.T) {
		_, server := serve(t, Options{})
		response, _ := browse(t, "GET", server.URL+"/", nil)
		assert.Equal(t, "/_simulator/", response.Header.Get("Location"))
		for range shown + 2 {
			call(server, OpOrder, goodOrder())
		}
		page := books(t, server)
		assert.Equal(t, shown, strings.Count(page, `<article class="card order"`))
		assert.Contains(t, page, "2 older orders are not shown.")
	})
}
