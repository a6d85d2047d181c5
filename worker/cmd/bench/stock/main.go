//go:build js && wasm

// The relay's usual way through an order as one would write it first: an
// http.Handler served by syumai/workers with its own shim, which starts a fresh
// Go instance for every request, with encoding/json and the library's fetch. It
// has the relay's rules, and no ledger: nothing outlives a request here.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall/js"
	"time"

	"github.com/syumai/workers"
	"github.com/syumai/workers/cloudflare"
	"github.com/syumai/workers/cloudflare/fetch"

	"klarna-relay/worker/rules"
)

type lander struct {
	CampaignID      int   `json:"campaignId"`
	ForceMerchantID int   `json:"forceMerchantId"`
	Products        []int `json:"products"`
	MaxQuantity     int   `json:"maxQuantity"`
	Pages           struct {
		Checkout string `json:"checkout"`
	} `json:"pages"`
}

var headers = [][2]string{
	{"Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
	{"Strict-Transport-Security", "max-age=31536000"},
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "strict-origin-when-cross-origin"},
	{"Permissions-Policy", "camera=(), microphone=(), geolocation=(), usb=(), payment=()"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
}

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/order/import/", order)
	mux.HandleFunc("/", page)
	workers.Serve(mux)
}

func page(w http.ResponseWriter, r *http.Request) {
	assets := fetch.NewClient(fetch.WithBinding(cloudflare.GetBinding("ASSETS")))
	request, err := fetch.NewRequest(r.Context(), http.MethodGet, r.URL.String(), nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	response, err := assets.Do(request, nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	for name, values := range response.Header {
		w.Header()[name] = values
	}
	for _, h := range headers {
		w.Header().Set(h[0], h[1])
	}
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body)
}

func order(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	code, message, ref := relay(r)
	status, result := http.StatusOK, "MERC_REDIRECT"
	if code != "redirect" {
		status, result = http.StatusUnprocessableEntity, "ERROR"
	}
	body, err := json.Marshal(map[string]any{"result": result, "code": code, "ref": ref, "message": message})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	for _, h := range headers {
		w.Header().Set(h[0], h[1])
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Request-Id", r.Header.Get("Cf-Ray"))
	w.Header().Set("Server-Timing", fmt.Sprintf("edge;dur=%d", time.Since(began).Milliseconds()))
	w.WriteHeader(status)
	_, _ = w.Write(body)
	line, _ := json.Marshal(map[string]any{"time": began, "route": "order", "status": status, "code": code,
		"totalMs": time.Since(began).Milliseconds()})
	fmt.Println(string(line))
}

func relay(r *http.Request) (code string, message any, ref string) {
	var landers map[string]lander
	raw := js.Global().Get("JSON").Call("stringify", cloudflare.GetBinding("LANDERS")).String()
	if err := json.Unmarshal([]byte(raw), &landers); err != nil {
		return "misconfigured", nil, ""
	}
	shop := landers["*"]
	fields, err := read(r)
	if err != nil {
		return "malformed", nil, ""
	}
	base := r.URL.Scheme + "://" + r.URL.Host
	admitted, _, problems := rules.Admit(fields, rules.Fields{"paySource": "PREPAID", "prepaidType": "KLARNA"})
	if len(problems) > 0 {
		return problems.Answer(), problems.Texts("en"), ""
	}
	rule := rules.Shop{MaxQuantity: shop.MaxQuantity}
	for _, id := range shop.Products {
		rule.Products = append(rule.Products, fmt.Sprint(id))
	}
	order, problems := rules.CheckOrder(admitted, rule)
	if len(problems) > 0 {
		return problems.Answer(), problems.Texts("en"), ""
	}
	sum := sha256.Sum256([]byte(r.Header.Get("Idempotency-Key") + order.Canonical()))
	ref = hex.EncodeToString(sum[:])
	order.Fields["campaignId"] = fmt.Sprint(shop.CampaignID)
	order.Fields["ipAddress"] = r.RemoteAddr
	order.Fields["userAgent"] = r.UserAgent()
	_, lead := call("/leads/import/", order.Fields)
	id, _ := lead["orderId"].(string)
	if id == "" {
		return "upstream_unreachable", nil, ref
	}
	order.Fields["orderId"] = id
	order.Fields["paySource"] = "PREPAID"
	order.Fields["prepaidType"] = "KLARNA"
	order.Fields["forceMerchantId"] = fmt.Sprint(shop.ForceMerchantID)
	order.Fields["redirectsTo"] = base + "/api/klarna/return/" + ref
	order.Fields["errorRedirectsTo"] = base + "/api/klarna/failed/" + ref
	order.Fields["salesUrl"] = base + shop.Pages.Checkout
	result, answer := call("/order/import/", order.Fields)
	target, _ := answer["url"].(string)
	if result != "MERC_REDIRECT" || !strings.HasPrefix(target, "https://") {
		return "unknown", nil, ref
	}
	return "redirect", map[string]string{"url": target}, ref
}

// read is the body as fields.
func read(r *http.Request) (rules.Fields, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		return nil, err
	}
	fields := rules.Fields{}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return fields, json.NewDecoder(bytes.NewReader(body)).Decode(&fields)
	}
	form, err := url.ParseQuery(string(body))
	for name := range form {
		fields[name] = form.Get(name)
	}
	return fields, err
}

func call(path string, fields rules.Fields) (result string, message map[string]any) {
	form := url.Values{}
	for name, value := range fields {
		form.Set(name, value)
	}
	form.Set("loginId", cloudflare.Getenv("KONNEKTIVE_LOGIN_ID"))
	form.Set("password", cloudflare.Getenv("KONNEKTIVE_PASSWORD"))
	request, err := http.NewRequest(http.MethodPost, cloudflare.Getenv("KONNEKTIVE_URL")+path,
		strings.NewReader(form.Encode()))
	if err != nil {
		return "", nil
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	// The global object is not one on which workerd lets fetch be called.
	global := js.Global()
	bound := global.Get("Object").New()
	bound.Set("fetch", global.Get("fetch").Call("bind", js.Undefined()))
	response, err := fetch.NewClient(fetch.WithBinding(bound)).HTTPClient(fetch.RedirectModeManual).Do(request)
	if err != nil {
		return "", nil
	}
	defer response.Body.Close()
	var envelope struct {
		Result  string         `json:"result"`
		Message map[string]any `json:"message"`
	}
	if err := json.NewDecoder(response.Body).Decode(&envelope); err != nil {
		return "", nil
	}
	return envelope.Result, envelope.Message
}
