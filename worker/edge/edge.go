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
//   - No goroutine may end by a panic: that would end the instance and every other request in it.
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
	"klarna-relay/worker/json"
)

// errGone is the error of a call whose request is over: the runtime ended the request while Go was waiting. Go must
// not ask JavaScript for anything on its behalf.
var errGone = errors.New("the request is over")

// patience is for how many sweeps, and so for how many minutes at least, a goroutine may wait for JavaScript before
// it is taken to be forgotten. The longest legitimate wait is one call to Konnektive (60 s).
const patience = 5

// smallBuffer is the size of the shared buffer between large messages: it fits
// nearly every order and every answer of Konnektive.
const smallBuffer = 32 << 10

// glue is the state of the instance. There is exactly one Go program, and the
// exports below cannot be methods, hence the one variable.
var glue struct {
	buffer []byte           // shared with JavaScript
	calls  map[uint32]*call // handed over and not over yet
	next   *call            // for the carrier that the library is being asked for
	task   uint32           // of AtOnce, the last one that was begun
	idle   []carrier        // the one that became idle last is the last
	swept  time.Time

	program    Program
	gate       *gate.Gate
	relay      Relay
	configured Relay // during the rehearsal
}

// call is one request, or one alarm, as JavaScript handed it over. It has one
// goroutine, which waits for one thing at a time.
type call struct {
	id   uint32  // what JavaScript knows it by
	body *string // what came along with an answer of JavaScript's, until it is read
	head string  // what accept copied out of the buffer

	waiting bool       // for JavaScript
	sweeps  int        // how often sweep has seen it wait
	reply   chan reply // buffered, so that settling never blocks
	gone    bool
}

// begin notes a call; over forgets it, and has JavaScript forget one that is gone: nobody is going to answer it.
func begin(c *call) {
	c.reply = make(chan reply, 1)
	glue.calls[c.id] = c
}

func (c *call) over() {
	delete(glue.calls, c.id)
	if c.gone {
		hostForget(c.id)
	}
}

type reply struct {
	status int32
	body   string
}

type callKey struct{}

// ask has JavaScript do something for the request of ctx, and waits for it.
func ask(ctx context.Context, op uint32, payload string) (reply, error) {
	c, err := callOf(ctx)
	if err != nil {
		return reply{}, err
	}
	hostAsk(c.id, op, payload)
	return c.wait()
}

// callOf is the call of a request's context, which may ask JavaScript now.
func callOf(ctx context.Context) (*call, error) {
	c, _ := ctx.Value(callKey{}).(*call)
	if c == nil {
		return nil, errors.New("edge: the context is not one of a request")
	}
	if c.gone {
		return nil, errGone
	}
	return c, nil
}

// wait waits for what JavaScript has just been asked for.
func (c *call) wait() (reply, error) {
	c.waiting, c.sweeps = true, 0
	r := <-c.reply
	if c.gone {
		return reply{}, errGone
	}
	return r, nil
}

// settle ends the waiting. It comes too late for a call that was swept.
func (c *call) settle(r reply) {
	if c.waiting {
		c.waiting = false
		c.reply <- r
	}
}

// sweep wakes the goroutines of requests that the runtime has ended without a
// word, so that they do not pile up. It looks once a minute at most.
func sweep(now time.Time) {
	if now.Sub(glue.swept) < time.Minute {
		return
	}
	glue.swept = now
	var forgotten []*call
	for _, c := range glue.calls {
		if c.sweeps++; c.waiting && c.sweeps > patience {
			forgotten = append(forgotten, c)
		}
	}
	for _, c := range forgotten { // afterwards, since a goroutine that wakes removes its call from the map
		c.gone = true
		c.settle(reply{})
	}
}

// Caught logs a panic: where it was and of which kind, but not its value, which
// may hold a shopper's data.
func Caught(p any) {
	what := fmt.Sprintf("%T", p)
	if e, ok := p.(runtime.Error); ok {
		what = e.Error()
	}
	w := json.NewWriter(1 << 10)
	w.Open('{')
	w.Text("level", "error")
	w.Text("event", "panic")
	w.Text("what", what)
	w.Text("stack", string(debug.Stack()))
	w.Close('}')
	Log(w.String())
}
