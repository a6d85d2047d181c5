package main

import (
	"fmt"
	"strings"
	"time"

	"klarna-relay/worker/test/hostile"
)

// costly is a request with a body that is made to be costly.
type costly hostile.Body

var bodies = func() (list []costly) {
	for _, b := range hostile.Bodies() {
		list = append(list, costly(b))
	}
	return list
}()

func (c costly) request(b []byte) []byte {
	b = append(append(b, "POST /api/order/import/ HTTP/1.1\r\nAccept: application/json\r\nOrigin: "+
		"https://shop.example\r\n"...), headers...)
	return fmt.Appendf(b, "Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s", c.Type, len(c.Text), c.Text)
}

// costs is what the worst bodies cost beside a usual order: the CPU of each, and the size of its answer.
func (b *bench) costs() error {
	ours, err := b.running(&b.ours, b.oursKind, warm)
	if err != nil {
		return err
	}
	usual, err := ours.run(order, 4, b.stretch, 0)
	if err != nil {
		return ours.why(err)
	}
	var worst, longest costly
	var cpu time.Duration
	size := 0
	for _, c := range bodies {
		answer := 0
		s, err := ours.load(4, b.stretch/4, 0, 0, func(client *client, _ int) (bool, error) {
			_, body, err := client.exchange(c.request)
			answer = len(body)
			return true, err
		})
		if err != nil {
			return ours.why(fmt.Errorf("%s: %w", c.Name, err))
		}
		if s.cpu > cpu {
			worst, cpu = c, s.cpu
		}
		if answer > size {
			longest, size = c, answer
		}
	}
	b.row(fmt.Sprintf("the costliest of %d hostile bodies (%s): CPU", len(bodies), worst.Name), "–", "–",
		fmt.Sprintf("%.0f µs", us(cpu)),
		fmt.Sprintf("**%.1f** of an order", us(cpu)/us(usual.cpu)), "≤ 10")
	b.row(fmt.Sprintf("the longest answer to one (%s)", longest.Name), "–", "–",
		fmt.Sprintf("%.1f KiB", float64(size)/1024), "", "≤ 16 KiB")
	return nil
}

// fullest is an order with as much beside it as a body may hold.
func fullest(b []byte) []byte {
	n := serial.Add(1)
	text := orderBody + "&unknown=" + strings.Repeat("x", 64<<10-len(orderBody)-len("&unknown="))
	b = append(append(b, "POST /api/order/import/ HTTP/1.1\r\nAccept: application/json\r\nOrigin: "+
		"https://shop.example\r\n"...), headers...)
	return fmt.Appendf(b, "Idempotency-Key: fullest-%024x\r\nContent-Type: application/"+
		"x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", n, len(text), text)
}

// flood is the memory that Go needs for many of the largest orders at once.
func (b *bench) flood() error {
	w, err := b.oursKind.start(b.binary)
	if err != nil {
		return err
	}
	defer w.stop()
	const orders = 400
	b.crm.every(3 * time.Second) // all are on their way before the first one is answered
	defer b.crm.every(0)
	if _, err := w.run(fullest, orders, time.Minute, orders); err != nil {
		return w.why(err)
	}
	s, err := w.state()
	if err != nil {
		return w.why(err)
	}
	b.row(fmt.Sprintf("%d orders of 64 KiB at once: Wasm memory", orders), "–", "–", mib(s.Memory), "", "≤ 48 MiB")
	return nil
}

// beset is how long honest shoppers wait while one request in ten is hostile.
func (b *bench) beset() error {
	ours, err := b.running(&b.ours, b.oursKind, warm)
	if err != nil {
		return err
	}
	var alone, among, ratio []float64
	for range 3 {
		without, err := ours.run(order, 16, b.under/6, 0)
		if err != nil {
			return ours.why(err)
		}
		with, err := ours.beset(order, 16, b.under/6)
		if err != nil {
			return ours.why(err)
		}
		alone, among = append(alone, us(without.p99)/1000), append(among, us(with.p99)/1000)
		ratio = append(ratio, us(with.p99)/us(without.p99))
	}
	b.row(fmt.Sprintf("order, 16 connections, %v with one request in ten hostile: p99", b.under), "–", "–",
		fmt.Sprintf("%.1f ms, without them %.1f ms", median(among), median(alone)), fmt.Sprintf("**%.2f** of without",
			median(ratio)), "≤ 3")
	return nil
}
