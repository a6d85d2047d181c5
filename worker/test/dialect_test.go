//go:build e2e

package test

import (
	"crypto/tls"
	"encoding/json"
	"html/template"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// An oldLander is a lander as `dialect = "konnektive"` is for: a server that renders its return page from the POST,
// inline scripts, and code that reads the answers of the Direct API. Every page is written as in public code bases.
type oldLander struct {
	// policy is the Content-Security-Policy of its pages; "": they have none.
	policy string
}

// welcome is the host that the lander's last page sends members to.
const welcome = "members.example"

// oldFields are the fields that a shopper types. The page's script is the one that reads them.
const oldFields = `<label>E-mail <input name="emailAddress"></label>
<label>First name <input name="firstName"></label> <label>Last name <input name="lastName"></label>
<label>Phone <input name="phoneNumber"></label>
<label>Street <input name="address1"></label> <label>Postal code <input name="postalCode"></label>
<label>City <input name="city"></label> <label>Country <input name="country"></label>`

const oldHead = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<title>Old lander</title><link rel="icon" href="data:,">`

var oldPages = map[string]*template.Template{
	// jQuery, whose $.post hands over a text because the type is text/html, and JSON.parse.
	"/cart.php": oldPage(`<script src="/js/jquery.min.js"></script></head><body><p id="error"></p><form id="cart">` +
		oldFields + `
<input type="hidden" name="billShipSame" value="1">
<input type="hidden" name="product1_id" value="34"><input type="hidden" name="product1_qty" value="1">
<input type="hidden" name="paySource" value="PREPAID">
<input type="hidden" name="prepaidType" value="KLARNA"><input type="hidden" name="forceMerchantId" value="7">
<input type="hidden" name="redirectsTo" value="/thanks.php?step=1">
<input type="hidden" name="errorRedirectsTo" value="/cart.php">
<button type="button" id="pay">Pay</button></form><script>
$("#error").text(new URLSearchParams(location.search).get("errorMsg") || "");
$("#pay").on("click", function () {
  $("#error").text("");
  $.post("/api/order/import/", $("#cart").serialize(), function (text) {
    var data = JSON.parse(text);
    if (data.result === "MERC_REDIRECT") {
      window.top.location.href = data.message.url;
    } else if (data.result === "ERROR") {
      $("#error").text(typeof data.message === "string" ? data.message :
        $.map(data.message, function (text, field) { return field + ": " + text; }).join("\n"));
    } else {
      window.location = "/thanks.php?unproven=1";
    }
  }).fail(function () { $("#error").text("An error occurred"); });
});</script></body></html>`),

	// The page sends everything in the query, and evaluates the answer and message.script, as the vendor's sample
	// does. It is its own return page, for success and failure, at the address where the shopper is.
	"/order.php": oldPage(`</head><body><p id="error"></p><p id="order"></p><div id="form">` + oldFields +
		`</div><button id="pay">Pay</button><script>
var posted = {{.Data}}, error = new URLSearchParams(location.search).get("errorMsg");
if ({{.Finalize}} === "1" && posted) {
  document.getElementById("order").textContent = posted;
  document.getElementById("form").remove();
}
document.getElementById("error").textContent = error || "";
document.getElementById("pay").onclick = function () {
  var fields = { campaignId: 12, billShipSame: 1, product1_id: 34, product1_qty: 1,
    redirectsTo: location.href, errorRedirectsTo: location.href, salesUrl: location.href };
  document.querySelectorAll("input").forEach(function (input) { fields[input.name] = input.value; });
  var query = Object.keys(fields).map(function (name) {
    return name + "=" + encodeURIComponent(fields[name]);
  }).join("&");
  var call = new XMLHttpRequest();
  call.open("POST", "/api/order/import/?" + query);
  call.setRequestHeader("Content-Type", "application/json");
  call.onload = function () {
    if (call.status != 200) { document.getElementById("error").textContent = "Connection error"; return; }
    var data = eval("(" + call.responseText + ")");
    if (data.result == "MERC_REDIRECT") eval(data.message.script);
    else document.getElementById("error").textContent = JSON.stringify(data.message);
  };
  call.send();
};</script></body></html>`),

	// A lead, and then an order. The page runs the script of an answer that has one. In other answers it understands
	// SUCCESS and ERROR alone.
	"/buy.php": oldPage(`</head><body><p id="error"></p><p id="done"></p><form>` + oldFields +
		`</form><button id="lead">Next</button> <button id="pay">Pay</button> <button id="state">Done?</button><script>
var orderId = sessionStorage.getItem("orderId");
function call(path, fields, then) {
  fetch("/api/" + path, fields ? { method: "POST", body: new URLSearchParams(fields) } : {}).then(function (r) {
    return r.json();
  }).then(function (data) {
    document.getElementById("error").textContent = "";
    if (data.message && data.message.script) return (0, eval)(data.message.script);
    if (data.result === "SUCCESS") then(data.message);
    else {
      document.getElementById("error").textContent = data.result + ": " + (data.message.emailAddress || data.message);
    }
  }, function () { document.getElementById("error").textContent = "Connection error"; });
}
document.getElementById("lead").onclick = function () {
  var fields = Object.fromEntries(new FormData(document.forms[0]));
  fields.billShipSame = 1;
  call("leads/import/", fields, function (message) {
    sessionStorage.setItem("orderId", orderId = message.orderId);
    document.getElementById("done").textContent = "lead";
  });
};
document.getElementById("pay").onclick = function () {
  var fields = { orderId: orderId, product1_id: 34, redirectsTo: "/thanks.php", errorRedirectsTo: "/buy.php" };
  call("order/import/", fields, function () { document.getElementById("done").textContent = "ordered"; });
};
document.getElementById("state").onclick = function () {
  call("order/status/" + orderId, null, function () { document.getElementById("done").textContent = "paid"; });
};
document.getElementById("error").textContent = new URLSearchParams(location.search).get("errorMsg") || "";
</script></body></html>`),

	// No script at all: the browser posts the form, with Origin: null, and shows the answer.
	"/form.php": oldPage(`<meta name="referrer" content="no-referrer"></head><body><form action="/api/order/import/" method="post">` + oldFields + `
<input type="hidden" name="billShipSame" value="1">
<input type="hidden" name="product1_id" value="34"><input type="hidden" name="product1_qty" value="1">
<input type="hidden" name="redirectsTo" value="/members.php"><button id="pay">Pay</button></form></body></html>`),

	// What the server made of the POST, and one more product for the order that it names.
	"/thanks.php": oldPage(`<script src="/js/jquery.min.js"></script></head><body><p id="error"></p><pre id="order"></pre>
<button id="more">One more</button><script>
var order = {{.Finalize}} === "1" ? JSON.parse({{.Data}}) : null;
if (order) $("#order").text(JSON.stringify(order));
$("#error").text(new URLSearchParams(location.search).get("errorMsg") || "");
$("#more").on("click", function () {
  var fields = { orderId: order.orderId, productId: 40, productQty: 1, forceMerchantId: 7,
    redirectsTo: "/done.php", errorRedirectsTo: "/done.php" };
  $.post("/api/upsale/import/", fields, function (text) {
    var data = JSON.parse(text);
    if (data.result === "MERC_REDIRECT") window.top.location.href = data.message.url;
    else $("#error").text(data.result + ": " + JSON.stringify(data.message));
  });
});</script></body></html>`),

	"/done.php": oldPage(`</head><body><pre id="order">{{.Data}}</pre><p id="error">{{.Failed}}</p></body></html>`),
}

func oldPage(body string) *template.Template {
	return template.Must(template.New("").Parse(oldHead + body))
}

// ServeHTTP is the lander's server.
func (o oldLander) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/js/jquery.min.js" {
		http.ServeFile(w, r, filepath.Join(Root(), "worker/node_modules/jquery/dist/jquery.min.js"))
		return
	}
	if r.URL.Path == "/members.php" && r.Method == http.MethodPost {
		var order struct{ OrderNumber string }
		_ = json.Unmarshal([]byte(r.FormValue("orderData")), &order)
		http.Redirect(w, r, "https://"+welcome+"/?order="+order.OrderNumber, http.StatusFound)
		return
	}
	page := oldPages[r.URL.Path]
	if page == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if o.policy != "" {
		w.Header().Set("Content-Security-Policy", o.policy)
	}
	_ = page.Execute(w, map[string]string{"Finalize": r.PostFormValue("finalizeTransaction"),
		"Data": r.PostFormValue("orderData"), "Failed": r.URL.Query().Get("errorMsg")})
}

// oldMarket opens a shop whose pages are an old lander's.
func oldMarket(t *testing.T, o oldLander) *Market {
	t.Helper()
	_, err := os.Stat(filepath.Join(Root(), "worker/node_modules/jquery/dist/jquery.min.js"))
	require.NoError(t, err, "`make tools` installs it")
	origin := httptest.NewServer(o)
	t.Cleanup(origin.Close)
	members := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(oldHead + "</head><body>Welcome</body></html>"))
	}))
	members.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	members.StartTLS()
	t.Cleanup(members.Close)
	market := NewMarket(t, simulator.Options{}, Options{Vars: landers(map[string]any{
		"origin": origin.URL, "dialect": "konnektive",
		"pages": map[string]string{"checkout": "/cart.php", "upsell": "", "thankYou": "/thanks.php"},
	})})
	market.Elsewhere[welcome] = members.Listener.Addr().String()
	return market
}

// An orderData is what a return page is posted.
type orderData struct {
	OrderID, OrderNumber, OrderStatus, CampaignID, PaySource, PrepaidType, TotalAmount, CurrencySymbol string

	Items []struct {
		ProductID, Name, Price string
		Qty                    int
	}
}

// posted waits for the order that a page was posted, and for which page it was.
func (s *shopper) posted(path string) (data orderData) {
	s.t.Helper()
	s.at(path)
	s.until(`document.getElementById("order").textContent`)
	text := s.text(`document.getElementById("order").textContent`)
	require.NoError(s.t, json.Unmarshal([]byte(text), &data), text)
	for _, private := range []string{s.email, "Änne", "Neill", "Hauptstra", "10115", "12345678"} {
		assert.NotContains(s.t, text, private)
	}
	assert.Equal(s.t, "COMPLETE 12 PREPAID KLARNA",
		data.OrderStatus+" "+data.CampaignID+" "+data.PaySource+" "+data.PrepaidType)
	return data
}

// says waits for what a page tells of an error.
func (s *shopper) says(text string) {
	s.t.Helper()
	literal, err := json.Marshal(text)
	require.NoError(s.t, err)
	s.until(`document.getElementById("error").textContent.includes(` + string(literal) + `)`)
}

const notPaid = "You have not been charged"

func TestAnOldLanderWithJQuery(t *testing.T) {
	t.Parallel()
	market := oldMarket(t, oldLander{})
	s := newShopper(t, market, market.Browser(t), "url")
	s.open("/cart.php")
	s.fill(s.tab, "postalCode", "1")
	s.click("#pay")
	s.says("postalCode: ")
	assert.NotContains(t, s.text(`$("#error").text()`), "An error occurred", "the refusal is one that old code reads")
	s.fill(s.tab)
	s.click("#pay")
	s.klarna("#decline")
	s.at("/cart.php?errorMsg=")
	s.says(notPaid)
	assert.NotContains(t, s.text(`location.search`), "Klarna+declined+the+purchase",
		"the text is the relay's own, never the one that came along")

	s.fill(s.tab)
	s.click("#pay")
	s.klarna("#approve")
	order := s.posted("/thanks.php?step=1")
	var paid simulator.Order
	for _, o := range s.orders() {
		if o.Status == simulator.StatusComplete {
			paid = o
		}
	}
	assert.Equal(t, paid.ID, order.OrderNumber)
	assert.Len(t, order.OrderID, 64, "the ref, to be passed on as orderId")
	assert.Equal(t, "54.80", order.TotalAmount, "with shipping")
	require.Len(t, order.Items, 1)
	assert.Equal(t, "34", order.Items[0].ProductID)
	assert.Equal(t, "49.90", order.Items[0].Price)

	s.click("#more")
	s.klarna("#decline")
	s.at("/done.php?errorMsg=")
	s.says(notPaid)
	assert.Empty(t, s.blocked())
	assert.Empty(t, s.noise())
}

func TestAnOldLandersUpsale(t *testing.T) {
	t.Parallel()
	market := oldMarket(t, oldLander{})
	s := newShopper(t, market, market.Browser(t), "url")
	s.open("/cart.php")
	s.fill(s.tab)
	s.click("#pay")
	s.klarna("#approve")
	order := s.posted("/thanks.php?step=1")
	s.click("#more")
	s.klarna("#approve")
	more := s.posted("/done.php")
	assert.Equal(t, order.OrderNumber, more.OrderNumber)
	assert.Equal(t, "69.70", more.TotalAmount)
	require.Len(t, more.Items, 2)
	assert.Equal(t, "40", more.Items[1].ProductID)
	assert.Len(t, s.order().UpsaleImports(), 1)
	assert.Empty(t, s.blocked())
	assert.Empty(t, s.noise())
}

func TestAnOldLanderThatEvaluates(t *testing.T) {
	t.Parallel()
	for policy, words := range map[string][]string{
		"": {"url", "script", "iframe", "iframe-inside"},
		"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; img-src data:; form-action 'self'": {"url", "script"},
	} {
		market := oldMarket(t, oldLander{policy: policy})
		browser := launch(t, "chromium", market.Shop)
		for _, word := range words {
			t.Run(word+" "+policy, func(t *testing.T) {
				s := market.shopper(t, browser, word)
				s.open("/order.php?affId=media7&c1=spring%20sale")
				s.fill(s.tab)
				s.click("#pay")
				switch word {
				case "iframe", "iframe-inside":
					s.inFrame("#approve")
				case "script":
					s.klarna("#approve")
				default:
					s.klarna("#decline")
					s.at("/order.php?affId=media7&c1=spring%20sale&errorMsg=")
					s.says(notPaid)
					s.fill(s.tab)
					s.click("#pay")
					s.klarna("#approve")
				}
				order := s.posted("/order.php?affId=media7")
				assert.Equal(t, "54.80", order.TotalAmount)
				assert.Equal(t, "https://"+Host+"/order.php?affId=media7&c1=spring%20sale", s.text(`location.href`),
					"the address has nothing left of the attempt before")
				assert.Equal(t, "true", s.text(`window.top === window`))
				assert.Empty(t, s.text(`document.getElementById("error").textContent`))
				assert.Empty(t, s.blocked())
				assert.Empty(t, s.noise())
			})
		}
	}
}

func TestAnOldLanderThatKnowsSuccessAndErrorAlone(t *testing.T) {
	t.Parallel()
	market := oldMarket(t, oldLander{})
	browser := market.Browser(t)

	s := newShopper(t, market, browser, "url")
	s.open("/buy.php")
	s.fill(s.tab, "emailAddress", "no address")
	s.click("#lead")
	s.says("ERROR: ")
	s.fill(s.tab)
	s.click("#lead")
	s.until(`document.getElementById("done").textContent === "lead"`)
	s.click("#pay")
	s.klarna("")
	s.open("/buy.php")
	s.click("#state")
	s.says("ERROR: ")
	assert.Empty(t, s.text(`document.getElementById("done").textContent`), "no success before proof")
	s.click("#pay")
	s.klarna("#approve") // the same session
	order := s.posted("/thanks.php")
	assert.Equal(t, s.order().ID, order.OrderNumber)
	assert.Equal(t, order.OrderID, s.text(`sessionStorage.getItem("orderId")`))
	s.open("/buy.php")
	s.click("#state")
	s.until(`document.getElementById("done").textContent === "paid"`)

	for word, text := range map[string]string{"decline": notPaid, "no-redirect": "ERROR: ", "html": "ERROR: "} {
		t.Run(word, func(t *testing.T) {
			s := newShopper(t, market, browser, word)
			s.open("/buy.php")
			s.fill(s.tab)
			s.click("#lead")
			s.until(`document.getElementById("done").textContent === "lead"`)
			s.click("#pay")
			s.says(text)
			assert.Equal(t, "lead", s.text(`document.getElementById("done").textContent`), "no success before proof")
		})
	}
}

func TestAnOldLandersFormWithoutAnyScript(t *testing.T) {
	t.Parallel()
	market := oldMarket(t, oldLander{})
	s := newShopper(t, market, market.Browser(t), "url")
	s.open("/form.php")
	s.fill(s.tab)
	s.click("#pay")
	s.klarna("#approve")
	s.at("https://" + welcome + "/?order=" + s.order().ID)
	assert.Empty(t, s.blocked(), "the lander may send the shopper on, to whichever host")

	s = newShopper(t, market, market.Browser(t), "url")
	s.open("/form.php")
	s.fill(s.tab)
	s.click("#pay")
	s.klarna("#decline")
	s.at("/cart.php?klarna=declined") // the lander's, since the form names none
}
