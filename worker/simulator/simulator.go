package simulator

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"klarna-relay/worker/konnektive"
)

var _ konnektive.Transport = (*Simulator)(nil)

// Credentials the simulator accepts unless the options name others.
const (
	DefaultLoginID  = "relay-simulated"
	DefaultPassword = "simulated-password"
)

// Options is what a simulator is made of. The zero Options is a simulator with the default campaign, deterministic
// ids and the real clock.
type Options struct {
	Settings

	// where a browser finds the simulator, such as "http://127.0.0.1:8788"; default: where each call went to
	BaseURL   string
	LoginID   string     // default DefaultLoginID
	Password  string     // default DefaultPassword
	Campaigns []Campaign // default DefaultCampaign
	Seed      uint64     // ids are made of it: the same seed and calls give the same ids

	Now   func() time.Time                                 // default time.Now
	Sleep func(ctx context.Context, d time.Duration) error // every wait for time to pass; default: a real wait
	// asked for every call; may use the books. The zero Fault leaves it to the shopper's e-mail
	Fault   func(Call) Fault
	NoMagic bool // no fault depends on the e-mail address
}

// Simulator is a simulated CRM. It is an http.Handler, and a transport by Post; both may be used at once, by many.
type Simulator struct {
	options Options
	http    http.Handler

	mu         sync.Mutex // guards everything below; held only while a call is booked, never while one waits
	settings   Settings
	campaigns  []Campaign
	fault      func(Call) Fault
	ids        map[string]uint64 // how many ids of a kind were made
	calls      []*Call
	orders     map[string]*Order
	orderIDs   []string
	sessions   map[string]*Session
	sessionIDs []string
	visits     map[string]bool // sessionIds of clicks
	violations []Violation
	late       []func()
}

// New makes a simulator with empty books.
func New(options Options) *Simulator {
	if options.LoginID == "" {
		options.LoginID = DefaultLoginID
	}
	if options.Password == "" {
		options.Password = DefaultPassword
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Sleep == nil {
		options.Sleep = sleep
	}
	s := &Simulator{options: options, settings: options.Settings.withDefaults(), fault: options.Fault}
	s.SetCampaigns(options.Campaigns)
	s.http = s.routes()
	s.clear()
	return s
}

func (s *Simulator) clear() {
	s.ids = map[string]uint64{}
	s.calls, s.orderIDs, s.sessionIDs, s.violations, s.late = nil, nil, nil, nil, nil
	s.orders = map[string]*Order{}
	s.sessions = map[string]*Session{}
	s.visits = map[string]bool{}
}

// Set changes the settings for the calls to come.
func (s *Simulator) Set(change func(*Settings)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.settings)
	s.settings = s.settings.withDefaults()
}

// SetCampaigns replaces the campaigns for the calls to come; nil is the default campaign. What is in the books stays.
func (s *Simulator) SetCampaigns(campaigns []Campaign) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if campaigns == nil {
		campaigns = []Campaign{DefaultCampaign()}
	}
	s.campaigns = campaigns
}

// SetFault replaces the fault hook for the calls to come; nil takes it away.
func (s *Simulator) SetFault(fault func(Call) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// Release processes the calls that DeliverLate held back, in the order they came, and tells how many there were.
func (s *Simulator) Release() int {
	s.mu.Lock()
	late := s.late
	s.late = nil
	s.mu.Unlock()
	for _, process := range late {
		process()
	}
	return len(late)
}

// Post makes a call without a network: a form to a url of the API. A timeout of 0 waits for ever.
//
// Errors: context.DeadlineExceeded for a call that is not answered in time, ECONNRESET for a lost one,
// konnektive.ErrNotSent for one that never arrived, and the context's own when it ends first; all wrapped.
func (s *Simulator) Post(ctx context.Context, rawURL, form string, timeout time.Duration) (status int, body string,
	err error) {
	target, err := url.Parse(rawURL)
	if err != nil {
		return 0, "", fmt.Errorf("call the simulator: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return 0, "", fmt.Errorf("call the simulator: %w: %w", konnektive.ErrNotSent, err)
	}
	got := s.receive(arrival{
		method: http.MethodPost, path: target.Path, query: target.RawQuery, base: target.Scheme + "://" + target.Host,
		contentType: "application/x-www-form-urlencoded", body: form,
	})
	if got.fault.Answer == AnswerUnreached {
		return 0, "", fmt.Errorf("call the simulator: %w", konnektive.ErrNotSent)
	}
	if err := s.wait(ctx, got, timeout); err != nil {
		return 0, "", fmt.Errorf("call the simulator: %w", err)
	}
	if got.fault.Answer == AnswerReset || got.fault.Answer == AnswerTorn {
		return 0, "", fmt.Errorf("call the simulator: %w", syscall.ECONNRESET)
	}
	return got.status, got.body, nil
}

// wait takes the time until the answer. The error says why no answer comes.
func (s *Simulator) wait(ctx context.Context, got answered, timeout time.Duration) error {
	if got.silent || timeout > 0 && got.delay >= timeout {
		if timeout <= 0 {
			<-ctx.Done()
			return ctx.Err()
		}
		if err := s.options.Sleep(ctx, timeout); err != nil {
			return err
		}
		return context.DeadlineExceeded
	}
	if got.fault.Hold != nil {
		var expired <-chan time.Time
		if timeout > 0 {
			timer := time.NewTimer(timeout)
			defer timer.Stop()
			expired = timer.C
		}
		select {
		case <-got.fault.Hold:
		case <-expired:
			return context.DeadlineExceeded
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if got.delay > 0 {
		return s.options.Sleep(ctx, got.delay)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Simulator) now() time.Time { return s.options.Now() }

// newID makes the next id of a kind: hexadecimal digits that look random and depend on the seed alone.
func (s *Simulator) newID(kind string, digits int) string {
	s.ids[kind]++
	seed := binary.BigEndian.AppendUint64([]byte(kind+"\x00"), s.options.Seed)
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(seed, s.ids[kind]))
	return hex.EncodeToString(sum[:])[:digits]
}

func (s *Simulator) newOrderID() string { return strings.ToUpper(s.newID("order", 10)) }
