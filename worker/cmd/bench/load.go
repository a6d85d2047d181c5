package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// orderBody is what the checkout in www/ posts.
const orderBody = "firstName=%C3%84nne&lastName=O%27Neill&emailAddress=anne.oneill%40example.com" +
	"&phoneNumber=%2B49+30+12345678" +
	"&address1=Hauptstra%C3%9Fe+1&address2=Hinterhaus&city=Berlin&postalCode=10115&country=DE&billShipSame=1" +
	"&product1_id=34&product1_qty=2&sessionId=5f0e2a7c91b34d0f8a6e&affId=4411&sourceValue1=summer-sale" +
	"&sourceValue2=banner" +
	"&custom1=gclid-EAIaIQobChMI&httpReferer=https%3A%2F%2Fnews.example%2Farticle%3Fid%3D77"

// headers are what a browser and Cloudflare add. The scheme comes as a header
// that workerd is told to believe.
const headers = "Host: shop.example\r\nX-Forwarded-Proto: https\r\nCF-Connecting-IP: 203.0.113.7\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 " +
	"Safari/537.36\r\n" +
	"Accept-Language: de-DE,de;q=0.9,en;q=0.8\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: " +
	"cors\r\nSec-Fetch-Dest: empty\r\n" +
	"Referer: https://shop.example/checkout\r\n"

var serial atomic.Int64

// page and order make one request. Every order has an idempotency key of its own.
func page(b []byte) []byte {
	return append(append(append(b, "GET /checkout.html HTTP/1.1\r\nAccept: text/html\r\n"...), headers...), "\r\n"...)
}

func order(b []byte) []byte {
	n := serial.Add(1)
	b = append(append(b, "POST /api/order/import/ HTTP/1.1\r\nAccept: application/json\r\nOrigin: "+
		"https://shop.example\r\n"...), headers...)
	return fmt.Appendf(b, "CF-Ray: 8f1c%012x-FRA\r\nIdempotency-Key: checkout-%024x\r\nContent-Type: "+
		"application/x-www-form-urlencoded;charset=UTF-8\r\nContent-Length: %d\r\n\r\n%s",
		n, n, len(orderBody), orderBody)
}

// A client is one connection that is kept alive.
type client struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte
}

func dial(address string) (*client, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 32<<10)}, nil
}

// do sends one request and reads the whole answer, which must be a 200.
func (c *client) do(request func([]byte) []byte) ([]byte, error) {
	status, body, err := c.exchange(request)
	if err == nil && status != http.StatusOK {
		err = errors.New("answered " + strconv.Itoa(status) + ": " + string(body))
	}
	return body, err
}

// exchange sends one request and reads the whole answer.
func (c *client) exchange(request func([]byte) []byte) (status int, body []byte, err error) {
	_ = c.conn.SetDeadline(time.Now().Add(30 * time.Second))
	c.out = request(c.out[:0])
	if _, err := c.conn.Write(c.out); err != nil {
		return 0, nil, err
	}
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, nil, err
	}
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

// A sample is what one stretch of load cost.
type sample struct {
	requests int
	p50, p99 time.Duration
	cpu      time.Duration // of workerd, per request
}

// run has connections send one request after the other for a while, or until
// so many have been sent (0: no limit).
func (w *worker) run(request func([]byte) []byte, connections int, duration time.Duration, limit int64) (sample,
	error) {
	return w.spread(request, connections, duration, limit, 0)
}

// beset is run with every tenth request of each connection a hostile one, which is not timed.
func (w *worker) beset(request func([]byte) []byte, connections int, duration time.Duration) (sample, error) {
	var n atomic.Int64
	return w.load(connections, duration, 0, 0, func(c *client, i int) (timed bool, err error) {
		if i%10 != 9 {
			_, err = c.do(request)
			return true, err
		}
		_, _, err = c.exchange(bodies[int(n.Add(1))%len(bodies)].request)
		return false, err
	})
}

// spread is run with connections that begin one after the other within a time,
// so that they do not march in step: shoppers do not either.
func (w *worker) spread(request func([]byte) []byte, connections int, duration time.Duration, limit int64,
	within time.Duration) (sample, error) {
	return w.load(connections, duration, limit, within, func(c *client, _ int) (bool, error) {
		_, err := c.do(request)
		return true, err
	})
}

// load has connections call exchange again and again; i counts the calls of one connection.
func (w *worker) load(
	connections int, duration time.Duration, limit int64, within time.Duration, exchange func(c *client,
		i int) (timed bool, err error),
) (sample, error) {
	var (
		mu     sync.Mutex
		took   []time.Duration
		failed error
		sent   atomic.Int64
		group  sync.WaitGroup
	)
	before, err := cpuTime(w.pid)
	if err != nil {
		return sample{}, err
	}
	end := time.Now().Add(duration)
	for i := range connections {
		group.Go(func() {
			time.Sleep(within * time.Duration(i) / time.Duration(connections))
			var own []time.Duration
			c, err := dial(w.address) // anew: workerd closes a connection that is idle for some seconds
			if err == nil {
				defer c.conn.Close()
				timed := false
				for now, i := time.Now(), 0; now.Before(end) && (limit == 0 || sent.Add(1) <= limit); i++ {
					if timed, err = exchange(c, i); err != nil {
						break
					}
					after := time.Now()
					if timed {
						own = append(own, after.Sub(now))
					}
					now = after
				}
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, own...)
			if err != nil {
				failed = fmt.Errorf("%s: %w", w.name, err)
			}
		})
	}
	group.Wait()
	after, err := cpuTime(w.pid)
	if err != nil || failed != nil {
		return sample{}, errors.Join(err, failed)
	}
	if len(took) == 0 {
		return sample{}, errors.New(w.name + ": not one request in " + duration.String())
	}
	slices.Sort(took)
	return sample{len(took), took[len(took)/2], took[len(took)*99/100], (after - before) / time.Duration(len(took))}, nil
}

// leave sends an order and goes away without waiting for the answer.
func (w *worker) leave(after time.Duration) error {
	c, err := dial(w.address)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	if _, err := c.conn.Write(order(nil)); err != nil {
		return err
	}
	time.Sleep(after)
	return nil
}
