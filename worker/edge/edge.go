//go:build js && wasm

// Package edge is the only door between the relay's Go and the JavaScript of
// the Workers runtime (the browser module in wasm/ has its own).
//
// One Go instance lives as long as its isolate and serves many requests at
// once. Three rules follow, and everything here keeps them:
//
//   - What a goroutine waits for is settled by the request that asked for it.
//     JavaScript puts a result on the waiter's own buffered channel and at once
//     lets Go run until every goroutine is idle, so Go code always runs inside
//     the I/O context of the request it works for.
//   - There are no timers: Go's would belong to whichever request happened to
//     be there. Deadlines are JavaScript's.
//   - No goroutine may die of a panic: it would take every other request along.
//
// Crossings are few and carry packed text over one shared buffer; syscall/js is
// used by the worker library alone.
package edge

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"klarna-relay/worker/gate"
	"klarna-relay/worker/jsonwriter"
)

// errGone is what a call gets whose request is over: the runtime ended it while
// Go was waiting, and Go may not ask JavaScript for anything on its behalf.
var errGone = errors.New("the request is over")

// patience is how long a goroutine may wait for JavaScript before it is taken
// to be forgotten. The longest honest wait is one call to Konnektive (60 s).
const patience = 5 * time.Minute

// smallBuffer is the size of the shared buffer between large messages: it fits
// nearly every order and every answer of Konnektive.
const smallBuffer = 32 << 10

// glue is the state of the instance. There is exactly one Go program, and the
// exports below cannot be methods, hence the one variable.
var glue struct {
	buffer  []byte             // shared with JavaScript
	pending map[uint32]*call   // handed over, not yet taken by the handler
	waiting map[uint32]*waiter // asked JavaScript, not yet answered
	last    uint32             // id of the last waiter
	swept   time.Time

	gate   *gate.Gate
	settle func(ctx context.Context, ref string) bool
}

// call is one request, or one alarm, as JavaScript handed it over.
type call struct {
	record []byte // what accept copied out of the buffer
	head   int    // length of the record's head; the rest is the body
	id     uint32 // for a request: what JavaScript knows it by
	gone   bool
}

type waiter struct {
	call  *call
	since time.Time
	reply chan reply // buffered, so that settling never blocks
}

type reply struct {
	status int32
	body   string
}

type callKey struct{}

// ask has JavaScript do something for the request of ctx, and waits for it.
func ask(ctx context.Context, op uint32, payload string) (reply, error) {
	return wait(ctx, func(waiter uint32) { hostAsk(waiter, op, payload) })
}

// wait has begin ask JavaScript for something, and waits for the reply.
func wait(ctx context.Context, begin func(waiter uint32)) (reply, error) {
	c, _ := ctx.Value(callKey{}).(*call)
	if c == nil {
		return reply{}, errors.New("edge: the context is not one of a request")
	}
	if c.gone {
		return reply{}, errGone
	}
	w := &waiter{call: c, since: time.Now(), reply: make(chan reply, 1)}
	glue.last++
	id := glue.last
	glue.waiting[id] = w
	begin(id)
	r := <-w.reply
	if c.gone {
		return reply{}, errGone
	}
	return r, nil
}

// sweep wakes the goroutines of requests that the runtime has ended without a
// word, so that they do not pile up.
func sweep(now time.Time) {
	if now.Sub(glue.swept) < time.Minute {
		return
	}
	glue.swept = now
	for id, w := range glue.waiting {
		if now.Sub(w.since) > patience {
			delete(glue.waiting, id)
			w.call.gone = true
			w.reply <- reply{}
		}
	}
}

// Caught logs a panic: where it was and of which kind, but not its value, which
// may hold a shopper's data.
func Caught(p any) {
	what := fmt.Sprintf("%T", p)
	if e, ok := p.(runtime.Error); ok {
		what = e.Error()
	}
	w := jsonwriter.New(1 << 10)
	w.Open('{')
	w.Text("level", "error")
	w.Text("event", "panic")
	w.Text("what", what)
	w.Text("stack", string(debug.Stack()))
	w.Close('}')
	Log(w.String())
}
