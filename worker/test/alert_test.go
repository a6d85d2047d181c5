//go:build e2e

package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/simulator"
)

// receiver is a webhook's service.
type receiver struct {
	mu     sync.Mutex
	status int
	hangs  chan struct{} // closed: it answers
	heard  []string
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	text, _ := io.ReadAll(request.Body)
	r.mu.Lock()
	r.heard = append(r.heard, request.Header.Get("Content-Type")+" "+string(text))
	status, hangs := r.status, r.hangs
	r.mu.Unlock()
	if hangs != nil {
		select {
		case <-hangs:
		case <-request.Context().Done():
		}
	}
	w.WriteHeader(status)
}

func (r *receiver) set(status int, hangs chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status, r.hangs = status, hangs
}

func (r *receiver) messages() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.heard...)
}

func TestSomebodyIsToldThatOrdersStopped(t *testing.T) {
	t.Parallel()
	hook := &receiver{status: http.StatusOK}
	address, listen := closedPort(t)
	const token = "the-operators-own-token"
	m := NewMarket(t, simulator.Options{}, Options{Probe: true,
		Vars: map[string]any{"ALERT_URL": "http://" + address + "/services/T0/B0", "ADMIN_TOKEN": token}})
	look := func() { Send(t, m.Client(), http.MethodGet, "https://"+Host+"/__probe/look", "") }
	deep := func() Answer {
		return Send(t, m.Client(), http.MethodGet, "https://"+Host+"/api/health?deep", "", "Authorization", "Bearer "+token)
	}

	look()
	assert.Empty(t, hook.messages(), "all is well")
	assert.Equal(t, http.StatusOK, deep().Status)

	m.CRM.Set(func(s *simulator.Settings) { s.RefusedAddress = "203.0.113.9" })
	for _, email := range []string{"one@example.com", "two@example.com", "three@example.com"} {
		assert.Equal(t, "misconfigured", m.Order(t, email).Envelope(t).Code)
	}
	look()
	assert.Equal(t, http.StatusServiceUnavailable, deep().Status, "the service is down, and uptime monitors see it")
	service := httptest.NewUnstartedServer(hook)
	service.Listener.Close()
	service.Listener = listen()
	service.Start()
	t.Cleanup(service.Close)
	hook.set(http.StatusServiceUnavailable, nil)
	look()
	assert.Len(t, hook.messages(), 1, "the service refuses")
	hook.set(http.StatusOK, make(chan struct{}))
	look()
	assert.Len(t, hook.messages(), 2, "the service does not answer")
	hook.set(http.StatusOK, nil)
	look()
	look()
	heard := hook.messages()
	if assert.Len(t, heard, 3, "told until it was heard, and then no more") {
		assert.True(t, strings.HasPrefix(heard[2], "application/json {"), heard[2])
		assert.Contains(t, heard[2], `"text":"klarna-relay `)
		assert.Contains(t, heard[2], "orders_fail: 3 of 3 orders")
		assert.Contains(t, heard[2], "konnektive_address")
	}
	bad := deep()
	assert.Equal(t, http.StatusServiceUnavailable, bad.Status)
	assert.Contains(t, bad.Body, `"code":"orders_fail"`)

	m.CRM.Set(func(s *simulator.Settings) { s.RefusedAddress = "" })
	look()
	assert.Len(t, hook.messages(), 3, "what has been gone for a moment is not over")
	confidential.addBooks(m.CRM)
	assert.Empty(t, confidential.leaks(strings.Join(heard, "\n")), "nothing personal in any of it")
}

// counted are the counts that stand in the ledger, a line each: name, tab, count.
func (w *Worker) counted(t testing.TB) (lines []string) {
	t.Helper()
	var said struct{ Counted string }
	a := Send(t, w.Client(), http.MethodGet, "https://"+Host+"/__probe/counted", "")
	require.NoError(t, json.Unmarshal([]byte(a.Body), &said), a.Body)
	return strings.Split(said.Counted, "\n")
}

func TestSomebodyIsToldThatGoDiedAndDoesNotStart(t *testing.T) {
	t.Parallel()
	hook := &receiver{status: http.StatusOK}
	service := httptest.NewServer(hook)
	t.Cleanup(service.Close)
	hold := make(chan struct{})
	m := NewMarket(t, holding(simulator.OpLead, hold), Options{Probe: true, Vars: map[string]any{"ALERT_URL": service.URL}})
	held := make(chan Answer, 1)
	go func() { held <- m.Order(t, "held@example.com") }()
	until(t, "the order's lead is at Konnektive", func() bool { return len(m.CRM.Calls(simulator.OpLead)) == 1 })

	m.probe(t, "unstartable")
	m.probe(t, "exhaust")
	assert.Equal(t, "internal", (<-held).Envelope(t).Code)
	until(t, "what was in flight is counted, and why it failed", func() bool {
		lines := m.counted(t)
		return slices.Contains(lines, "order internal\t1") && slices.Contains(lines, "event instance_died\t1")
	})
	for _, email := range []string{"one@example.com", "two@example.com"} {
		assert.Equal(t, "internal", m.Order(t, email).Envelope(t).Code)
	}
	Send(t, m.Client(), http.MethodGet, "https://"+Host+"/api/order/import/", "")

	m.probe(t, "unstartable?over=1")
	close(hold)
	Send(t, m.Client(), http.MethodGet, "https://"+Host+"/__probe/look", "")
	if heard := hook.messages(); assert.Len(t, heard, 1) {
		assert.Contains(t, heard[0], "orders_fail: 3 of 3 orders")
		assert.Contains(t, heard[0], "internal 3")
		assert.Contains(t, heard[0], "instance_died: the program ended")
	}
}

func TestADeathIsCountedWhoeverFindsIt(t *testing.T) {
	t.Parallel()
	for name, find := range map[string]func(*Market){
		"a page's request": func(m *Market) {
			assert.Equal(t, http.StatusOK, Send(t, m.Client(), http.MethodGet, "https://"+Host+"/checkout", "").Status)
		},
		"an alarm": func(m *Market) {
			ref := m.ledger(t, "fresh").Ref
			m.ledger(t, "ledger", "call", "write", "ref", ref, "version", "0", "data", "x", "alarm", "1", "expires", hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := NewMarket(t, simulator.Options{}, Options{Probe: true, Vars: map[string]any{"ALERT_URL": "https://127.0.0.1:9/"}})
			m.probe(t, "scramble")
			find(m)
			until(t, "it is written", func() bool { return slices.Contains(m.counted(t), "event instance_died\t1") })
		})
	}
}

// closedPort is an address that refuses connections until listen is called. Nobody else gets it meanwhile.
func closedPort(t *testing.T) (address string, listen func() net.Listener) {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	name, err := syscall.Getsockname(socket)
	require.NoError(t, err)
	file := os.NewFile(uintptr(socket), "closed port")
	t.Cleanup(func() { file.Close() })
	return fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port), func() net.Listener {
		require.NoError(t, syscall.Listen(socket, 16))
		listener, err := net.FileListener(file)
		require.NoError(t, err)
		return listener
	}
}
