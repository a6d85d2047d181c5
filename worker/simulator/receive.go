package simulator

import (
	"maps"
	"mime"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// arrival is a call on its way in.
type arrival struct {
	method, path, query, contentType, body string
	base                                   string // scheme and host the call went to
}

// answered is what comes back, and how.
type answered struct {
	fault  Fault
	status int
	body   string
	delay  time.Duration
	silent bool // no answer ever comes
}

// receive takes a call in, has it processed as its fault wants, and makes the answer. It does not wait.
func (s *Simulator) receive(a arrival) answered {
	call, asked, settings, hook := s.note(a)
	fault := s.faultFor(asked, settings, hook)
	base := s.options.BaseURL
	if base == "" {
		base = a.base
	}
	var body string
	process := func(repeat bool) {
		b := &booking{s: s, call: call, fields: asked.Fields, settings: settings, fault: fault,
			base: strings.TrimSuffix(base, "/"), repeat: repeat}
		body = b.process()
	}
	got := answered{fault: fault, delay: settings.Latency + fault.Delay}
	switch fault.Delivery {
	case DeliverOnce:
		process(false)
	case DeliverTwice:
		process(false)
		process(true)
	case DeliverLate:
		s.mu.Lock()
		s.late = append(s.late, func() { process(false) })
		s.mu.Unlock()
		got.silent = true
	}
	got.silent = got.silent || fault.Answer == AnswerSilence
	got.status, got.body = disfigure(fault, body)
	s.noteAnswer(call, got)
	return got
}

// note adds a call and its violations to the books. asked is a copy that can be read without the lock; settings and
// hook are those of this moment.
func (s *Simulator) note(a arrival) (call *Call, asked Call, settings Settings, hook func(Call) Fault) {
	call, violations := read(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	call.N, call.At = len(s.calls)+1, s.now()
	if order := s.orders[call.OrderID]; order != nil && call.Email == "" {
		call.Email = order.Email
	}
	s.calls = append(s.calls, call)
	for _, v := range append(violations, s.violationsOf(call)...) {
		v.Call, v.Op = call.N, call.Op
		s.violations = append(s.violations, v)
	}
	asked = *call
	asked.Fields = maps.Clone(call.Fields)
	return call, asked, s.settings, s.fault
}

// faultFor is what goes wrong with a call: what the hook says, else what the shopper's e-mail address asks for.
func (s *Simulator) faultFor(asked Call, settings Settings, hook func(Call) Fault) (fault Fault) {
	if hook != nil {
		fault = hook(asked)
	}
	if fault == (Fault{}) && !s.options.NoMagic {
		fault = faultOf(asked.Email, asked.Op)
	}
	if fault.slow {
		fault.Delay += settings.SlowFor
	}
	if fault.Answer == AnswerUnreached {
		fault.Delivery = DeliverNever
	}
	return fault
}

// noteAnswer adds the answer of a call to the books, or how it got lost.
func (s *Simulator) noteAnswer(call *Call, got answered) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case got.silent:
		call.Lost = "silence"
	case got.fault.Answer == AnswerUnreached:
		call.Lost = "unreached"
	case got.fault.Answer == AnswerReset, got.fault.Answer == AnswerTorn:
		call.Lost = "reset"
	default:
		call.Status, call.Answer = got.status, got.body
	}
}

// disfigure makes of the CRM's answer what the fault wants the caller to see.
func disfigure(fault Fault, booked string) (status int, body string) {
	status = fault.Status
	if status == 0 {
		status = 200
	}
	switch fault.Answer {
	case AnswerHTML:
		return status, "<!DOCTYPE html>\n<html><head><title>Web server is returning an unknown error</title></head>" +
			"<body><h1>Error</h1><p>Please try again in a few minutes.</p></body></html>\n"
	case AnswerCut:
		return status, booked[:len(booked)/2]
	case AnswerEmpty:
		return status, ""
	case AnswerUnknownResult:
		return status, envelope{"QUEUED", "The request was put into a queue."}.json()
	case AnswerText:
		return status, fault.Body
	}
	return status, booked
}

// read sorts out a call without judging its meaning. Query strings are read as the real CRM reads them, and are
// violations.
func read(a arrival) (*Call, []Violation) {
	call := &Call{Op: Op(strings.Trim(a.path, "/")), Method: a.method, Path: a.path, Query: a.query,
		ContentType: a.contentType, Fields: map[string]string{}}
	var violations []Violation
	violate := func(field, text string) { violations = append(violations, Violation{Field: field, Text: text}) }

	if a.method != "POST" {
		violate("method", "is "+a.method+", not POST")
	}
	if !strings.HasSuffix(a.path, "/") {
		violate("path", "has no trailing slash")
	}
	if a.query != "" {
		violate("query", "fields belong into the body: a query string ends up in logs")
	}
	if media, _, err := mime.ParseMediaType(a.contentType); err != nil || media != "application/x-www-form-urlencoded" {
		violate("content-type", "is not application/x-www-form-urlencoded")
	}
	for _, text := range []string{a.query, a.body} {
		values, err := url.ParseQuery(text)
		if err != nil {
			violate("body", "is not an urlencoded form")
		}
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if _, again := call.Fields[name]; again || len(values[name]) > 1 {
				violate(name, "is sent more than once")
			}
			call.Fields[name] = values[name][len(values[name])-1]
			if !utf8.ValidString(call.Fields[name]) {
				violate(name, "is not UTF-8")
			}
		}
	}
	call.Email, call.OrderID = call.Fields["emailAddress"], call.Fields["orderId"]
	return call, violations
}
