// Package alert decides who is told what when orders stop: it compares what one look at the Worker found with what
// was known before, so that the beginning and the end of a problem are each told once, and writes the messages in
// the shapes that the usual services take.
//
// The package is pure: no clock, no network. Nothing in it is about a shopper.
package alert

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"klarna-relay/worker/json"
)

// Calm is how long a problem must be gone before it counts as over. A problem that returns earlier is still the same
// one.
const Calm = 14 * time.Minute

// maxOpen bounds how many problems are kept and told at a time.
const maxOpen = 40

// A message that may or may not have arrived is sent again at soonTries looks in a row, and then once in Again. So a
// receiver that never answers gets each message again then, and one that was down gets the problems that still exist.
const (
	soonTries = 3
	Again     = time.Hour
)

// forgotten is how long it is tried to tell that a problem is over.
const forgotten = 24 * time.Hour

// A Problem is something that costs orders, or money.
type Problem struct {
	Code  string // stable, such as "orders_fail"
	About string // a lander, a campaign; "" for everything
	Text  string // a sentence for the operator
}

func (p Problem) is(other Problem) bool { return p.Code == other.Code && p.About == other.About }

// Open is a problem that has begun.
type Open struct {
	Problem
	Since, Seen time.Time
	Told        bool // the webhook has got a message that it has begun
	Over        bool // it has ended, and the webhook has not got a message of that yet
	Tries       int  // messages about it that may or may not have arrived
	Tried       time.Time
}

// WriteMembers writes the problem as members of an open JSON object.
func (o Open) WriteMembers(w *json.Writer) {
	w.Text("code", o.Code)
	w.OptionalText("about", o.About)
	w.Text("text", o.Text)
	w.Text("since", o.Since.UTC().Format(time.RFC3339))
}

// State is what is known from one look to the next.
type State struct {
	Looked time.Time // the last time
	Open   []Open    // in the order in which they began
}

// Problems are those that are there now.
func (s State) Problems() []Open {
	return slices.DeleteFunc(slices.Clone(s.Open), func(o Open) bool { return o.Over || o.Seen.Before(s.Looked) })
}

// After is the state after a look. unseen tells what was not looked at this time, and so is as it was.
func (s State) After(found []Problem, unseen func(Problem) bool, now time.Time) State {
	next := State{Looked: now}
	for _, o := range s.Open {
		i := slices.IndexFunc(found, o.is)
		switch {
		case i >= 0:
			o.Text, o.Seen, o.Over = found[i].Text, now, false
		case unseen(o.Problem):
			o.Seen = now
		case !o.Told && o.Tries == 0:
			continue // its beginning was never told
		case o.Over && now.Sub(o.Seen) >= forgotten:
			continue
		case now.Sub(o.Seen) >= Calm:
			o.Over = true
		}
		next.Open = append(next.Open, o)
	}
	for _, p := range found {
		if len(next.Open) < maxOpen && !slices.ContainsFunc(next.Open, func(o Open) bool { return o.is(p) }) {
			next.Open = append(next.Open, Open{Problem: p, Since: now, Seen: now})
		}
	}
	return next
}

// News are the problems of which a message has to be sent.
func (s State) News() []Open {
	return slices.DeleteFunc(slices.Clone(s.Open), func(o Open) bool { return !s.isNews(o) })
}

func (s State) isNews(o Open) bool {
	return (!o.Told || o.Over) && (o.Tries < soonTries || s.Looked.Sub(o.Tried) >= Again)
}

// Delivery is what became of a message.
type Delivery int

// The deliveries.
const (
	Arrived Delivery = iota
	Refused          // the receiver answered, and did not say that it took it
	Doubt            // no answer came: it may have arrived all the same
)

// Told is the state after the news were sent.
func (s State) Told(d Delivery) State {
	next := State{Looked: s.Looked}
	for _, o := range s.Open {
		if s.isNews(o) {
			switch {
			case d == Doubt:
				o.Tries, o.Tried = o.Tries+1, s.Looked
			case d == Arrived && o.Over:
				continue
			case d == Arrived:
				o.Told, o.Tries = true, 0
			}
		}
		next.Open = append(next.Open, o)
	}
	return next
}

// Encode is the state as text.
func (s State) Encode() string {
	w := json.NewWriter(512)
	w.Open('{')
	w.Number("looked", s.Looked.UnixMilli())
	w.Key("open")
	w.Open('[')
	for _, o := range s.Open {
		w.Element()
		w.Open('{')
		w.Text("code", o.Code)
		w.Text("about", o.About)
		w.Text("text", o.Text)
		w.Number("since", o.Since.UnixMilli())
		w.Number("seen", o.Seen.UnixMilli())
		w.OptionalTrue("told", o.Told)
		w.OptionalTrue("over", o.Over)
		w.Number("tries", int64(o.Tries))
		if o.Tries > 0 {
			w.Number("tried", o.Tried.UnixMilli())
		}
		w.Close('}')
	}
	w.Close(']')
	w.Close('}')
	return w.String()
}

// Decode reads what Encode wrote; anything else is the state before the first look.
func Decode(text string) State {
	v, err := json.Parse(text)
	if err != nil {
		return State{}
	}
	var s State
	if ms := v.Get("looked").Int(); ms > 0 {
		s.Looked = time.UnixMilli(ms)
	}
	open := v.Get("open")
	for i := range open.Len() {
		_, o := open.At(i)
		s.Open = append(s.Open, Open{
			Problem: Problem{Code: o.Get("code").Text(), About: o.Get("about").Text(), Text: o.Get("text").Text()},
			Since:   time.UnixMilli(o.Get("since").Int()), Seen: time.UnixMilli(o.Get("seen").Int()),
			Told: o.Get("told").True(), Over: o.Get("over").True(), Tries: int(o.Get("tries").Int()),
			Tried: time.UnixMilli(o.Get("tried").Int()),
		})
	}
	return s
}

// failing are the codes of orders that nobody could take.
var failing = []string{"misconfigured", "upstream_unreachable", "internal", "unknown", "redirect_invalid"}

// happened are events of the log that somebody has to look at, whenever they occur.
var happened = map[string]string{
	"paid_twice": "a purchase was paid twice: refund one of the two orders that the log names under paid_twice",
	"paid_without_klarna": "an order counts as paid though nobody was sent to Klarna: look at the order that the log " +
		"names under paid_without_klarna",
	"order_unreadable": "Konnektive said something of an order that the relay does not know: the log has it under " +
		"order_unreadable",
	"instance_died": "the program ended and was started again: the log says why under instance_died",
	"panic":         "the program failed at something and went on: the log says where under panic",
}

// Judge reads the counts of the last quarter of an hour: "order CODE" and "upsale CODE" for imports, "event NAME"
// for error lines of the log.
func Judge(counts map[string]int64) []Problem {
	var problems []Problem
	var failed, all int64
	var codes []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		kind, code, _ := strings.Cut(name, " ")
		switch {
		case kind == "event":
			if text := happened[code]; text != "" {
				problems = append(problems, Problem{Code: code,
					Text: text + " (" + strconv.FormatInt(counts[name], 10) + " in a quarter of an hour)"})
			}
		case slices.Contains(failing, code):
			failed += counts[name]
			codes = append(codes, code+" "+strconv.FormatInt(counts[name], 10))
			fallthrough
		case code == "redirect" || code == "paid" || code == "pending" || code == "declined":
			all += counts[name]
		}
	}
	if failed >= 3 && failed*2 >= all {
		problems = append(problems, Problem{Code: "orders_fail",
			Text: strconv.FormatInt(failed, 10) + " of " + strconv.FormatInt(all, 10) +
				" orders of the last quarter of an hour could not be taken: " + strings.Join(codes, ", ")})
	}
	return problems
}
