//go:build e2e

package test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// TestMain runs everything, and then reads all that the Workers have printed.
func TestMain(m *testing.M) {
	status := m.Run()
	if leaks := everything.leaks(&confidential); len(leaks) > 0 {
		status = 1
		fmt.Printf("--- FAIL: the Workers printed what must stay in:\n    %s\n", strings.Join(leaks, "\n    "))
	}
	os.Exit(status)
}

func TestWhatAWorkerPrintsIsSearchedForWhateverWasConfidential(t *testing.T) {
	t.Parallel()
	s := secrets{values: map[string]string{}}
	for what, value := range map[string]string{
		"firstName": "Zoë", "lastName": "O'Neill", "address1": "Hauptstraße 1", "postalCode": "1015 CJ",
		"phoneNumber": "+49 30 12345678", "password": "p&ss word", "custom1": strings.Repeat("long ", 30), "zip": "10115",
		"quantity": "2",
	} {
		s.add(what, value)
	}
	for name, line := range map[string]string{
		"as it is":                        `{"name":"Zoë"}`,
		"in another case":                 `o'neill`,
		"in a form":                       `lastName=O%27Neill&x=1`,
		"in a path":                       `/x/Hauptstra%C3%9Fe%201`,
		"in JSON that is ASCII":           `{"x":"Hauptstra\u00dfe 1"}`,
		"a password in a form":            `password=p%26ss+word`,
		"the beginning of a long value":   `custom ` + strings.Repeat("long ", 9),
		"a telephone number":              `"to +49 30 12345678"`,
		"a postal code":                   `{"x":"10115"}`,
		"an e-mail address of anybody's":  `cannot write to ada@example.com: refused`,
		"a whole ref of anybody's":        `ref ` + strings.Repeat("0123456789abcdef", 4),
		"an address of anybody's":         `IP must be whitelisted - 203.0.113.7`,
		"the network of an IPv6 shopper":  `limit 2001:db8:1:2::`,
		"an address in an error's bowels": `connect to [2001:db8::7]:443 failed`,
	} {
		t.Run("found: "+name, func(t *testing.T) {
			assert.NotEmpty(t, s.leaks("info: nothing here\ninfo: "+line+"\ninfo: nothing there\n"))
		})
	}
	for name, line := range map[string]string{
		"a usual line":          `{"time":"2026-11-23T02:37:30.995Z","requestId":"RTLE57HM3I35RABH2OWZGY7GGF","lander":"shop.example","status":200,"calls":2,"totalMs":10115,"ref":"0cc5c138"}`,
		"a part of a word":      `Zoëlogy`,
		"this machine":          `connect to 127.0.0.1:4711`,
		"a module in a stack":   `github.com/syumai/workers@v0.32.0/handler.go:12`,
		"what is no one's data": `quantity 2`,
		"an object that workerd names": `warn: NOSENTRY SQLite alarm handler canceled with requestScheduledAlarm.; ` +
			`scheduledTime = 1795657995.044s; actorId = ` + strings.Repeat("0123456789abcdef", 4),
	} {
		t.Run("not found: "+name, func(t *testing.T) { assert.Empty(t, s.leaks(line)) })
	}
}

func TestWhatGoesThroughAWorkerIsOverheard(t *testing.T) {
	t.Parallel()
	m := NewMarket(t, simulator.Options{}, Options{})
	a := m.Order(t, "overheard@example.com", "Idempotency-Key", "key-of-the-overheard", "CF-Connecting-IP",
		"198.51.100.77")
	require.Equal(t, http.StatusOK, a.Status, a.Body)
	ref := a.Envelope(t).Ref
	Send(t, m.Client(), http.MethodPost, "https://"+Host+"/api/leads/import/",
		`{"firstName":"Wilhelmine","lastName":"Übelacker","emailAddress":"json@example.com","custom1":"told in confidence"}`,
		"Content-Type", "application/json")
	Send(t, m.Client(), http.MethodPost, "https://"+Host+"/api/klarna/return/"+ref,
		`orderData=%7B%22customer%22%3A%22Overheard+Returner%22%7D`, "Content-Type", Form)
	Send(t, m.Client(), http.MethodGet, "https://"+Host+"/api/klarna/failed/"+ref+"?errorMsg=told+by+a+stranger", "")
	confidential.addBooks(m.CRM)

	for _, value := range []string{
		"overheard@example.com", "key-of-the-overheard", "198.51.100.77", "Wilhelmine", "Übelacker", "told in confidence",
		"Overheard Returner", "told by a stranger", m.CRM.Sessions()[0].ID, LoginID, Password,
	} {
		assert.NotEmpty(t, confidential.leaks(value), value)
	}
	until(t, "its line is there to be searched", func() bool { return strings.Contains(m.Output(), `"route":"failed"`) })
}
