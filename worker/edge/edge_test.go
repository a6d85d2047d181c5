//go:build !(js && wasm)

package edge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/gate"
	"klarna-relay/worker/konnektive"
	"klarna-relay/worker/ledger"
)

// javascript plays the other side of the border: it hands requests over and keeps what comes back. As in a Worker,
// Go runs until every goroutine is idle before JavaScript goes on.
type javascript struct {
	library   http.Handler
	last      uint32
	asked     []string // what Go asks for
	answers   []answered
	done      []int32 // tasks
	panicked  []uint32
	forgotten []uint32
	lines     []string
}

type answered struct {
	id         uint32
	status     int32
	head, body string
}

// relayFunc is a Relay that answers requests, and alarms by what the ledger has.
type relayFunc func(http.ResponseWriter, *http.Request)

func (f relayFunc) ServeHTTP(w http.ResponseWriter, r *http.Request) { f(w, r) }
func (relayFunc) Look(ctx context.Context) bool {
	status, err := Tell(ctx, "https://hooks.example/x", "{}")
	counts, _ := Outcomes(ctx)
	return err == nil && status == 204 && counts["order redirect"] == 3
}
func (relayFunc) TurnedBack(string, string, int) {}
func (relayFunc) Watch(ctx context.Context, reading ledger.Reading) bool {
	stored, _, err := Ledger{}.Read(ctx, "another ref", 0)
	return err == nil && stored.Data == "kept" && reading == ledger.Reading{
		Ref: "ref", Stored: ledger.Stored{Version: 7, Data: "a\x00b"}, Allowed: 1}
}

// serving has Go serve a relay, as main does, and then ends what waits for work.
func serving(t *testing.T, r relayFunc, test func(t *testing.T, js *javascript)) {
	synctest.Test(t, func(t *testing.T) {
		js := &javascript{}
		stub.listen = func(h http.Handler) { js.library = h }
		stub.ask = func(id, op uint32, payload string) { js.ask("%d %d %s", id, op, payload) }
		stub.post = func(id, timeout uint32, url, form string) { js.ask("%d post %d %s %s", id, timeout, url, form) }
		stub.write = func(id uint32, ref, data string, version, alarm, expires float64) {
			js.ask("%d write %s %s %g %.0f %.0f", id, ref, data, version, alarm, expires)
		}
		stub.answered = func(id uint32, status int32, head, body string) {
			js.answers = append(js.answers, answered{id, status, strings.Clone(head), strings.Clone(body)})
		}
		stub.taskDone = func(_ uint32, ok int32) { js.done = append(js.done, ok) }
		stub.panicked = func(id uint32) { js.panicked = append(js.panicked, id) }
		stub.forget = func(id uint32) { js.forgotten = append(js.forgotten, id) }
		stub.log = func(line string) { js.lines = append(js.lines, strings.Clone(line)) }
		glue.idle, glue.next, glue.swept = nil, nil, time.Now()
		prepare(Program{Configure: func(func(string) string, bool) (Relay, *gate.Gate) { return r, gate.New(nil, false) }})
		require.Equal(t, int32(1), exportConfigure(0, 0))
		test(t, js)
		for _, idle := range glue.idle {
			idle <- nil
		}
	})
}

func (js *javascript) ask(format string, a ...any) {
	js.asked = append(js.asked, fmt.Sprintf(format, a...))
}

// put writes into the shared buffer, which has room for it.
func (js *javascript) put(text string) int32 {
	exportBuffer(int32(len(text)))
	return int32(copy(glue.buffer, text))
}

// send hands a request over, given as its parts: method, URL, address, then names and values.
func (js *javascript) send(t *testing.T, parts ...string) uint32 {
	js.last++
	switch exportAccept(js.last, js.put(strings.Join(parts, "\x00"))) {
	case 0:
		go js.library.ServeHTTP(httptest.NewRecorder(), nil)
	case 1:
	default:
		t.Fatal("the request was not taken")
	}
	synctest.Wait()
	return js.last
}

func (js *javascript) settle(id uint32, status int32, text string) {
	exportSettle(id, status, js.put(text))
	synctest.Wait()
}

const address = "https://shop.example/api/order/import/?a=1%262"

func TestARequestReachesTheHandlerAsItWasSentAndItsAnswerComesBackWhole(t *testing.T) {
	serving(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Equal(t, "203.0.113.7", r.RemoteAddr)
		assert.Equal(t, "shop.example", r.Host)
		assert.Equal(t, address, r.URL.String())
		assert.Equal(t, http.Header{"Accept": {"text/html, */*"}, "User-Agent": {""}}, r.Header)
		w.Header().Set("X-One", "1")
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK) // the first status counts
		_, _ = io.WriteString(w, r.Method+" ")
		_, _ = w.Write(body)
	}, func(t *testing.T, js *javascript) {
		id := js.send(t, http.MethodPost, address, "203.0.113.7", "Accept", "text/html, */*", "User-Agent", "")
		assert.Equal(t, []string{fmt.Sprintf("%d 3 ", id)}, js.asked, "the body, once somebody reads it")
		js.settle(id, 1, "a body\x00with NUL")
		assert.Len(t, js.asked, 1)
		assert.Equal(t, []answered{{id, http.StatusTeapot, "X-One\x001", "POST a body\x00with NUL"}}, js.answers)
	})
}

func TestABodyIsReadOnlyWhenTheHandlerReadsIt(t *testing.T) {
	for _, c := range []struct {
		name   string
		read   func(io.ReadCloser) (string, error)
		status int32
		text   string
		asks   int
		want   string
		err    string
	}{
		{"nobody reads it", func(io.ReadCloser) (string, error) { return "refused", nil }, 0, "", 0, "refused", ""},
		{"in pieces", func(b io.ReadCloser) (string, error) {
			text, err := io.ReadAll(iotest.OneByteReader(b))
			return string(text), err
		}, 1, "abc", 1, "abc", ""},
		{"in one piece", whole, 1, "abc", 1, "abc", ""},
		{"in one piece, and the shopper hung up", whole, statusFailed, "TypeError: gone", 1, "", "body: TypeError: gone"},
		{"none was sent", readAll, 1, "", 1, "", ""},
		{"the shopper hung up", readAll, statusFailed, "TypeError: gone", 1, "", "body: TypeError: gone"},
		{"closed before it is read", func(b io.ReadCloser) (string, error) {
			assert.NoError(t, b.Close())
			return readAll(b)
		}, 0, "", 0, "", http.ErrBodyReadAfterClose.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			serving(t, func(w http.ResponseWriter, r *http.Request) {
				text, err := c.read(r.Body)
				if c.err == "" {
					assert.NoError(t, err)
				} else {
					assert.EqualError(t, err, c.err)
				}
				_, _ = io.WriteString(w, text)
			}, func(t *testing.T, js *javascript) {
				id := js.send(t, http.MethodPost, address, "")
				require.Len(t, js.asked, c.asks)
				js.settle(id, c.status, c.text)
				assert.Len(t, js.asked, c.asks)
				assert.Equal(t, c.want, js.answers[0].body)
			})
		})
	}
}

func whole(b io.ReadCloser) (string, error) {
	text, err := b.(*body).Whole()
	if err == nil {
		again, err := b.(*body).Whole()
		if err != nil || len(again) > 0 {
			return "", errors.New("it was there twice")
		}
	}
	return string(text), err
}

func readAll(b io.ReadCloser) (string, error) {
	text, err := io.ReadAll(b)
	return string(text), err
}

func TestAURLThatIsNoneReachesTheHandlerAsItStands(t *testing.T) {
	serving(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.Host+" "+r.URL.Path+" "+r.URL.RawQuery)
	}, func(t *testing.T, js *javascript) {
		js.send(t, http.MethodGet, "https://shop.example/api/%zz?b=%", "")
		assert.Equal(t, "shop.example /api/%zz b=%", js.answers[0].body)
	})
}

func TestCarriersServeOneRequestAfterTheOtherAndAsManyAsComeAtOnce(t *testing.T) {
	serving(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = Limit(r.Context(), "IMPORTS", "key")
		_, _ = io.WriteString(w, r.RemoteAddr)
	}, func(t *testing.T, js *javascript) {
		const shoppers = maxIdle + 8
		for range 2 {
			var ids []uint32
			for i := range shoppers {
				ids = append(ids, js.send(t, http.MethodGet, address, fmt.Sprint(i)))
			}
			js.answers = nil
			for i, id := range ids {
				js.settle(id, 1, "")
				assert.Equal(t, answered{id, http.StatusOK, "", fmt.Sprint(i)}, js.answers[i])
			}
			assert.Len(t, glue.idle, maxIdle, "the others have ended")
			assert.Empty(t, glue.calls)
		}
	})
}

func TestAPanicIsLoggedWithoutItsValueAndTheNextRequestIsServed(t *testing.T) {
	serving(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			panic("a shopper's name")
		}
	}, func(t *testing.T, js *javascript) {
		id := js.send(t, http.MethodPost, address, "")
		require.Len(t, js.lines, 1)
		assert.Contains(t, js.lines[0], `"event":"panic","what":"string"`)
		assert.NotContains(t, js.lines[0], "shopper's name")
		assert.Equal(t, []uint32{id}, js.panicked)
		js.send(t, http.MethodGet, address, "")
		assert.Equal(t, int32(http.StatusOK), js.answers[0].status)
	})
}

func TestWhatJavaScriptSaysOfACallBecomesAnError(t *testing.T) {
	for _, c := range []struct {
		name, text string
		status     int32
		want       string
		notSent    bool
		failed     bool
	}{
		{"an answer", `{"result":"ERROR"}`, 200, `200 {"result":"ERROR"}`, false, false},
		{"an answer that is an error page", "<html>", 502, "502 <html>", false, false},
		{"what surely never left", "no URL", statusNotSent, "0 ", true, true},
		{"what may have arrived", "reset", statusFailed, "0 ", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			serving(t, func(w http.ResponseWriter, r *http.Request) {
				status, text, err := Transport{}.Post(r.Context(), "https://crm.example/", "a=1", 30*time.Second)
				assert.Equal(t, c.failed, err != nil)
				assert.Equal(t, c.notSent, errors.Is(err, konnektive.ErrNotSent))
				if c.failed {
					assert.ErrorContains(t, err, c.text)
				}
				_, _ = fmt.Fprintf(w, "%d %s", status, text)
			}, func(t *testing.T, js *javascript) {
				id := js.send(t, http.MethodGet, address, "")
				require.Equal(t, []string{fmt.Sprintf("%d post 30000 https://crm.example/ a=1", id)}, js.asked)
				js.settle(id, c.status, c.text)
				assert.Equal(t, c.want, js.answers[0].body)
			})
		})
	}
}

func TestTheLedgerReadsAndComparesAndSets(t *testing.T) {
	const read, write = "1 ref 2", "write ref new 4 0 1700000000123"
	for _, c := range []struct {
		name, method, asks string
		status             int32
		text, want         string
	}{
		{"a record", http.MethodGet, read, 1, "2\x007\x00data\x00with NUL", `false 7 "data\x00with NUL" 2 <nil>`},
		{"no such ref", http.MethodGet, read, statusUnknown, "", `false 0 "" 0 ` + ledger.ErrUnknownRef.Error()},
		{"an object that fails", http.MethodGet, read, statusFailed, "Error: overloaded",
			`false 0 "" 0 ledger: Error: overloaded`},
		{"a record that is none", http.MethodGet, read, 1, "0\x00x\x00",
			`false 0 "" 0 ledger: version: strconv.ParseInt: parsing "x": invalid syntax`},
		{"an allowance that is none", http.MethodGet, read, 1, "x\x007\x00data",
			`false 0 "" 0 ledger: allowance: strconv.Atoi: parsing "x": invalid syntax`},
		{"a write that won", http.MethodPost, write, 1, "", `true 5 "new" 0 <nil>`},
		{"a write that came second", http.MethodPost, write, 0, "6\x00other", `false 6 "other" 0 <nil>`},
		{"a write that failed", http.MethodPost, write, statusFailed, "gone", `false 0 "" 0 ledger: gone`},
	} {
		t.Run(c.name, func(t *testing.T) {
			serving(t, func(w http.ResponseWriter, r *http.Request) {
				var stored ledger.Stored
				var won bool
				var allowed int
				var err error
				if r.Method == http.MethodGet {
					stored, allowed, err = Ledger{}.Read(r.Context(), "ref", 2)
				} else {
					won, stored, err = Ledger{}.Write(r.Context(), "ref", 4, "new", time.Time{}, time.UnixMilli(1700000000123))
				}
				_, _ = fmt.Fprintf(w, "%t %d %q %d %v", won, stored.Version, stored.Data, allowed, err)
			}, func(t *testing.T, js *javascript) {
				id := js.send(t, c.method, address, "")
				require.Equal(t, []string{fmt.Sprintf("%d %s", id, c.asks)}, js.asked)
				js.settle(id, c.status, c.text)
				assert.Equal(t, c.want, js.answers[0].body)
			})
		})
	}
}

func TestAProgramIsConfiguredOverTheBuffer(t *testing.T) {
	js := &javascript{}
	stub.listen = func(http.Handler) {}
	stub.log = func(line string) { js.lines = append(js.lines, strings.Clone(line)) }
	prepare(Program{
		Configure: func(get func(string) string, late bool) (Relay, *gate.Gate) {
			assert.Equal(t, []string{"1", "", "{\"*\":{}}", ""}, []string{get("A"), get("B"), get("LANDERS"), get("C")})
			assert.True(t, late)
			return nil, gate.New(nil, false)
		},
	})
	assert.Equal(t, int32(1), exportConfigure(js.put("A\x001\x00B\x00\x00LANDERS\x00{\"*\":{}}"), 1))
	assert.Empty(t, js.lines)

	prepare(Program{
		Configure: func(func(string) string, bool) (Relay, *gate.Gate) { panic("a secret") },
		Rehearsal: func() Relay { panic("a name") },
	})
	assert.Equal(t, int32(0), exportConfigure(0, 0), "what panics has not worked")
	assert.Equal(t, int32(0), exportRehearse(1))
	require.Len(t, js.lines, 2)
	assert.NotContains(t, js.lines[0]+js.lines[1], "a secret")
	assert.NotContains(t, js.lines[0]+js.lines[1], "a name")
}

func TestTheRehearsalIsServedByARelayOfItsOwn(t *testing.T) {
	says := func(text string) relayFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	}
	serving(t, says("the shop"), func(t *testing.T, js *javascript) {
		glue.program.Rehearsal = func() Relay { return says("the rehearsal") }
		for _, on := range []int32{1, 0} {
			require.Equal(t, int32(1), exportRehearse(on))
			js.send(t, http.MethodGet, address, "")
		}
		require.Len(t, js.answers, 2)
		assert.Equal(t, "the rehearsal", js.answers[0].body)
		assert.Equal(t, "the shop", js.answers[1].body)
	})
}

func TestRandomTextsHaveFiveBitsOfEachByte(t *testing.T) {
	var next byte
	stub.random = func(out unsafe.Pointer, length int32) {
		for i := range length {
			*(*byte)(unsafe.Add(out, i)) = next
			next++
		}
	}
	assert.Equal(t, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", Random())
	assert.Equal(t, "234567ABCDEFGHIJKLMNOPQRST", Random())
	assert.Len(t, Random(), len(rand.Text()))
}

func TestOnlyARequestMayAsk(t *testing.T) {
	_, _, err := Transport{}.Post(context.Background(), "https://crm.example/", "", time.Second)
	assert.ErrorContains(t, err, "not one of a request")
}

func TestARequestThatTheRuntimeHasEndedIsForgottenAfterSomeMinutes(t *testing.T) {
	var heard []error
	serving(t, func(_ http.ResponseWriter, r *http.Request) {
		for range 2 {
			_, err := Limit(r.Context(), "IMPORTS", "key")
			heard = append(heard, err)
		}
	}, func(t *testing.T, js *javascript) {
		id := js.send(t, http.MethodGet, address, "")
		now := time.Now()
		after := func(minutes int) {
			sweep(now.Add(time.Duration(minutes) * time.Minute))
			synctest.Wait()
		}
		for minute := range patience {
			after(minute + 1)
			after(minute + 1) // twice in a minute counts once
		}
		assert.Empty(t, heard, "nobody is given up before the longest honest wait is over")
		after(patience + 1)
		assert.Equal(t, []error{errGone, errGone}, heard)
		assert.Len(t, js.asked, 1, "JavaScript is not asked on its behalf again")
		assert.Equal(t, []uint32{id}, js.forgotten)
		assert.Empty(t, js.answers)
		js.settle(id, 1, "") // too late: it must change nothing
	})
}

func TestAnAlarmSaysWhetherItWasLookedAfter(t *testing.T) {
	serving(t, nil, func(t *testing.T, js *javascript) {
		for i, status := range []int32{1, statusFailed} {
			js.last++
			exportAlarm(js.last, js.put("ref\x001\x007\x00a\x00b"))
			synctest.Wait()
			assert.Equal(t, fmt.Sprintf("%d 1 another ref 0", js.last), js.asked[i])
			js.settle(js.last, status, "0\x001\x00kept")
		}
		for _, unreadable := range []string{"ref", "ref\x00many\x007\x00data", "ref\x001\x00new\x00data"} {
			js.last++
			exportAlarm(js.last, js.put(unreadable))
			synctest.Wait()
		}
		assert.Equal(t, []int32{1, 0, 0, 0, 0}, js.done)
	})
}

func TestADecisionFitsIntoOneNumber(t *testing.T) {
	for _, d := range []gate.Decision{
		{}, {Verdict: gate.API, Secure: true}, {Verdict: gate.Origin, Host: 1}, {Verdict: gate.Assets, Secure: true,
			Host: 99999},
	} {
		assert.Equal(t, d, unpack(pack(d)))
		assert.GreaterOrEqual(t, pack(d), int32(0), "below zero means a fault")
	}
}

func TestTheGateIsAskedOverTheBuffer(t *testing.T) {
	serving(t, nil, func(t *testing.T, js *javascript) {
		packed := exportDecide(js.put("GET https://shop.example/checkout"))
		assert.Equal(t, gate.Decision{Verdict: gate.Assets, Secure: true}, unpack(packed))
		text := string(glue.buffer[:exportDescribe(packed)])
		assert.True(t, strings.HasPrefix(text, "\x00Content-Security-Policy\x00default-src 'self'"),
			"no origin, then the headers: %q", text)
		assert.Equal(t, "https://shop.example/a", string(glue.buffer[:exportSecure(js.put("http://shop.example/a"))]))
		assert.Equal(t, "fr\x00Cette page n’est pas disponible pour le moment\x00Veuillez réessayer dans une minute.",
			string(glue.buffer[:exportUnavailable(js.put("fr-CA, en;q=0.8"))]))

		exportDescribe(0x7fffffe0) // a decision about a host that the gate does not have
		require.Len(t, js.lines, 1)
		assert.Contains(t, js.lines[0], "index out of range", "an export logs its panic and does not end the program")
	})
}

func TestTheBufferGrowsForALargeMessageAndShrinksAfterIt(t *testing.T) {
	exportBuffer(1)
	assert.Len(t, glue.buffer, smallBuffer)
	small := &glue.buffer[0]
	exportBuffer(smallBuffer)
	assert.Same(t, small, &glue.buffer[0], "it stays where it is")
	exportBuffer(10 * smallBuffer)
	assert.Len(t, glue.buffer, 10*smallBuffer)
	exportBuffer(1)
	assert.Len(t, glue.buffer, smallBuffer)
}

func TestADataPointIsPackedForJavaScript(t *testing.T) {
	var point string
	stub.count = func(p string) { point = strings.Clone(p) }
	Count("shop.example", []string{"shop.example", "order"}, []int64{12, -1})
	assert.Equal(t, "shop.example\x002\x00shop.example\x00order\x0012\x00-1", point)
}

func TestTheFileOfLandersIsReadHostByHost(t *testing.T) {
	file := map[string]string{"shop.example": "\t{}\n.shop.example\t{\"ä\":1}"}
	var found string
	stub.findLanders = func(host string) int32 {
		found = file[host]
		return int32(len(found))
	}
	stub.takeLanders = func(to unsafe.Pointer) { copy(unsafe.Slice((*byte)(to), len(found)), found) }
	find := LandersFile()
	require.NotNil(t, find)
	assert.Equal(t, file["shop.example"], find("shop.example"))
	assert.Empty(t, find("other.example"))

	stub.findLanders = func(string) int32 { return -1 }
	assert.Nil(t, LandersFile(), "there is no such file")
}

func TestThingsThatAreAskedForAtOnceAreWaitedForTogether(t *testing.T) {
	both := func(w http.ResponseWriter, r *http.Request) {
		var won, limited bool
		var failed, unlimited error
		AtOnce(r.Context(),
			func(ctx context.Context) {
				won, _, failed = Ledger{}.Write(ctx, "ref", 0, "new", time.Time{}, time.UnixMilli(1))
			},
			func(ctx context.Context) { limited, unlimited = Limit(ctx, "READS", "key") },
		)
		_, _ = fmt.Fprint(w, won, failed, limited, unlimited)
	}
	t.Run("in either order", func(t *testing.T) {
		serving(t, both, func(t *testing.T, js *javascript) {
			id := js.send(t, http.MethodPost, address, "")
			task := uint32(firstTask + 1)
			require.Equal(t, []string{fmt.Sprintf("%d write ref new 0 0 1", id), fmt.Sprintf("%d 2 READS key", task)}, js.asked)
			js.settle(task, 1, "")
			assert.Empty(t, js.answers)
			js.settle(id, 1, "")
			assert.Equal(t, "true <nil> true <nil>", js.answers[0].body)
			assert.Empty(t, glue.calls)

			id, task = js.send(t, http.MethodPost, address, ""), task+1
			js.settle(id, 1, "")
			js.settle(task, statusFailed, "gone")
			assert.Equal(t, "true <nil> false rate limit READS: gone", js.answers[1].body)
		})
	})
	t.Run("a task that the runtime has forgotten is the end of its request", func(t *testing.T) {
		var after error
		serving(t, func(w http.ResponseWriter, r *http.Request) {
			both(w, r)
			_, after = Limit(r.Context(), "READS", "key")
		}, func(t *testing.T, js *javascript) {
			id := js.send(t, http.MethodPost, address, "")
			js.settle(id, 1, "")
			for minute := range patience + 2 {
				sweep(time.Now().Add(time.Duration(minute+1) * time.Minute))
				synctest.Wait()
			}
			assert.ErrorIs(t, after, errGone)
			assert.Empty(t, js.answers)
			assert.Empty(t, glue.calls)
		})
	})
	t.Run("a panic comes out where the task was begun", func(t *testing.T) {
		var caught any
		serving(t, func(_ http.ResponseWriter, r *http.Request) {
			defer func() { caught = recover() }()
			AtOnce(r.Context(), func(context.Context) {}, func(context.Context) { panic("oh") })
		}, func(t *testing.T, js *javascript) {
			js.send(t, http.MethodPost, address, "")
			assert.Equal(t, "oh", caught)
			assert.Empty(t, glue.calls)
		})
	})
	t.Run("outside a request one comes after the other", func(t *testing.T) {
		var order []int
		AtOnce(context.Background(), func(context.Context) { order = append(order, 1) },
			func(context.Context) { order = append(order, 2) })
		assert.Equal(t, []int{1, 2}, order)
	})
}

func TestTheBodyComesWithTheAnswerOfTheLimit(t *testing.T) {
	serving(t, func(w http.ResponseWriter, r *http.Request) {
		within, err := Limit(r.Context(), "IMPORTS", "key")
		text, fault := io.ReadAll(r.Body)
		_, _ = fmt.Fprint(w, within, err, string(text), fault)
	}, func(t *testing.T, js *javascript) {
		id := js.send(t, http.MethodPost, address, "")
		js.settle(id, statusWithBody, "a=1")
		require.Len(t, js.answers, 1, "nothing more has to be asked")
		assert.Equal(t, "true <nil>a=1<nil>", js.answers[0].body)

		id = js.send(t, http.MethodPost, address, "")
		js.settle(id, 1, "")
		assert.Equal(t, fmt.Sprintf("%d 3 ", id), js.asked[len(js.asked)-1], "without it the body is asked for")
		js.settle(id, 1, "b=2")
		assert.Equal(t, "true <nil>b=2<nil>", js.answers[1].body)
	})
}

func TestAPlainURLIsTakenApartAsNetURLDoes(t *testing.T) {
	for _, plain := range []string{
		"https://shop.example/api/order/import/", "https://shop.example:8443/api/order/status/0a1b?lang=de&x=1",
		"http://127.0.0.1:8787/", "https://a-b.example//api/_x~y.z/?a=b=c/d", "https://shop.example/api?",
	} {
		want, err := url.Parse(plain)
		require.NoError(t, err)
		require.Equal(t, !strings.Contains(plain, "~"), isPlain(plain), plain)
		got := verbatim(plain)
		assert.Equal(t, []string{want.Scheme, want.Host, want.Path, want.RawQuery, want.Hostname(), want.EscapedPath()},
			[]string{got.Scheme, got.Host, got.Path, got.RawQuery, got.Hostname(), got.EscapedPath()}, plain)
	}
	for _, other := range []string{
		"https://u:p@shop.example/", "https://[::1]/", "https://shop.example/%41", "https://shop.example/a#b",
		"https://shop.example/a b", "https://münchen.example/", "https://shop.example/a;b", "https://shop.example/a+b",
	} {
		assert.False(t, isPlain(other), other)
	}
}
