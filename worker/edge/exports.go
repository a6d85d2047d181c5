package edge

//lint:file-ignore U1000 JavaScript calls what is exported here.

import (
	"context"
	"runtime"
	"strings"
	"time"
	"unsafe"

	"klarna-relay/worker/gate"
	"klarna-relay/worker/words"
)

// What JavaScript calls. An export must neither block nor panic: it runs on
// whatever goroutine was paused, and a panic there is the end of the instance.
// JavaScript lets the scheduler run after accept, alarm and settle.

// guard is deferred at the top of each export and goroutine.
func guard() {
	if p := recover(); p != nil {
		Caught(p)
	}
}

// exportBuffer returns where the shared buffer lies, at least n bytes of it.
// It stays there until the next call.
//
//go:wasmexport buffer
func exportBuffer(n int32) unsafe.Pointer {
	n = max(n, smallBuffer)
	if int(n) > len(glue.buffer) || n == smallBuffer && len(glue.buffer) > smallBuffer {
		glue.buffer = make([]byte, n)
	}
	return unsafe.Pointer(unsafe.SliceData(glue.buffer))
}

// exportConfigure sets the program up with the variables and secrets in the
// buffer: name, value, name, value, separated by NUL. late is 1 when it could
// not be started with the isolate.
//
//go:wasmexport configure
func exportConfigure(n, late int32) (ok int32) {
	defer guard()
	vars := map[string]string{}
	for rest := string(glue.buffer[:n]); rest != ""; {
		var name, value string
		name, rest, _ = strings.Cut(rest, "\x00")
		value, rest, _ = strings.Cut(rest, "\x00")
		vars[name] = value
	}
	glue.relay, glue.gate = glue.program.Configure(func(name string) string { return vars[name] }, late == 1)
	return 1
}

// exportRehearse has the rehearsal's relay take the place of the configured one until it is called with 0. See
// js/rehearsal.mjs.
//
//go:wasmexport rehearse
func exportRehearse(on int32) (ok int32) {
	defer guard()
	if on == 1 {
		glue.configured = glue.relay
		glue.relay = glue.program.Rehearsal()
	} else {
		glue.relay = glue.configured
	}
	return 1
}

// exportDecide judges the request whose "METHOD URL" is in the buffer.
//
//go:wasmexport decide
func exportDecide(n int32) (packed int32) {
	packed = -1 // what JavaScript takes for a fault
	defer guard()
	method, url, _ := strings.Cut(unsafe.String(unsafe.SliceData(glue.buffer), int(n)), " ")
	return pack(glue.gate.Decide(method, url))
}

// exportDescribe puts what JavaScript has to know of a decision into the
// buffer: the lander's origin, then name and value of each header, separated
// by NUL. JavaScript asks once for each decision that occurs.
//
//go:wasmexport describe
func exportDescribe(packed int32) (n int32) {
	defer guard()
	d := unpack(packed)
	parts := []string{glue.gate.Host(d).Origin}
	for _, h := range glue.gate.Headers(d) {
		parts = append(parts, h.Name, h.Value)
	}
	return answerInBuffer(strings.Join(parts, "\x00"))
}

// exportSecure turns the URL in the buffer into the one on https.
//
//go:wasmexport secure
func exportSecure(n int32) (m int32) {
	defer guard()
	return answerInBuffer(gate.Secure(string(glue.buffer[:n])))
}

// exportUnavailable says in the language of the Accept-Language header in the
// buffer that a page cannot be shown: language, heading and advice, separated
// by NUL.
//
//go:wasmexport unavailable
func exportUnavailable(n int32) (m int32) {
	defer guard()
	lang := words.Accepted(string(glue.buffer[:n]))
	return answerInBuffer(lang + "\x00" + words.Text(lang, "page.unavailable") + "\x00" +
		words.Text(lang, "page.try_later"))
}

// exportTurnedBack tells the relay of a request that went no further than the
// gate: its URL and id are in the buffer, separated by NUL.
//
//go:wasmexport turnedBack
func exportTurnedBack(n, status int32) {
	defer guard()
	url, id, _ := strings.Cut(string(glue.buffer[:n]), "\x00")
	glue.relay.TurnedBack(url, id, int(status))
}

// exportAccept takes the head of the request that is in the buffer and gives it
// to a carrier that is idle. Without one (0) JavaScript calls the library's
// handler next, which starts another.
//
//go:wasmexport accept
func exportAccept(id uint32, n int32) (carried int32) {
	carried = -1 // what JavaScript takes for a fault
	defer guard()
	sweep(time.Now())
	c := &call{id: id, head: string(glue.buffer[:n])}
	begin(c)
	if last := len(glue.idle) - 1; last >= 0 {
		to := glue.idle[last]
		glue.idle = glue.idle[:last]
		to <- c
		return 1
	}
	glue.next = c
	return 0
}

// exportAlarm lets the relay look after a record: the buffer has "ref NUL allowed NUL version NUL data".
//
//go:wasmexport alarm
func exportAlarm(id uint32, n int32) {
	defer guard()
	ref, body, _ := strings.Cut(string(glue.buffer[:n]), "\x00")
	task(id, func(ctx context.Context) bool {
		reading, err := readingOf(ref, body)
		return err == nil && glue.relay.Watch(ctx, reading)
	})
}

// exportLook has the relay look at what happened, on the cron trigger's behalf.
//
//go:wasmexport look
func exportLook(id uint32, _ int32) {
	defer guard()
	task(id, func(ctx context.Context) bool { return glue.relay.Look(ctx) })
}

// task runs what JavaScript has called for without a request, and tells it whether that worked.
func task(id uint32, work func(context.Context) bool) {
	sweep(time.Now())
	c := &call{id: id}
	begin(c)
	go func() {
		ok := int32(0)
		defer func() {
			c.over()
			if !c.gone {
				hostTaskDone(id, ok)
			}
		}()
		defer guard()
		if work(context.WithValue(context.Background(), callKey{}, c)) {
			ok = 1
		}
	}()
}

// exportSettle gives a waiter the result that is in the buffer.
//
//go:wasmexport settle
func exportSettle(id uint32, status, n int32) {
	defer guard()
	if c := glue.calls[id]; c != nil {
		c.settle(reply{status: status, body: string(glue.buffer[:n])})
	}
}

// exportGoroutines is how many goroutines there are without those of carriers
// that wait for work, for those who look for leaks.
//
//go:wasmexport goroutines
func exportGoroutines() int32 { return int32(runtime.NumGoroutine() - 2*len(glue.idle)) }

// answerInBuffer leaves a text for JavaScript. What does not fit is cut, which
// no answer here can be long enough for but a redirect of an endless URL.
func answerInBuffer(text string) int32 {
	return int32(copy(glue.buffer, text))
}

// A decision fits into one number: the verdict in 4 bits, the scheme in one,
// the host in the rest.
func pack(d gate.Decision) int32 {
	packed := int32(d.Verdict) | int32(d.Host)<<5
	if d.Secure {
		packed |= 1 << 4
	}
	return packed
}

func unpack(packed int32) gate.Decision {
	return gate.Decision{Verdict: gate.Verdict(packed & 0xf), Secure: packed>>4&1 == 1, Host: int(packed >> 5)}
}
