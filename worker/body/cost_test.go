package body_test

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"klarna-relay/worker/body"
	"klarna-relay/worker/rules"
)

// sent is a request as it costs something: a type, a query and a body.
type sent struct{ contentType, query, body string }

const partsType = "multipart/form-data; boundary=x"

// usual is an order as landers send it.
var usual = sent{formType, "", "firstName=Erika&lastName=Mustermann&emailAddress=erika%40example.com" +
	"&phoneNumber=%2B4930123456&address1=Heidestra%C3%9Fe+17&city=Berlin" +
	"&postalCode=10557&country=DE&billShipSame=1&product1_id=34&product1_qty=1&affId=AF1&sourceValue1=fb&custom1=x" +
	"&httpReferer=https%3A%2F%2Fads.example%2F%3Fgclid%3Dabc"}

// read is what the edge does with a request before it asks anybody. It returns how long the answer's texts would be.
func (s sent) read() (answer int) {
	in, err := body.Decode(s.contentType, s.query, []byte(s.body))
	if err != nil {
		return len(err.Error())
	}
	page, dropped, problems := rules.Admit(in, rules.Fields{"campaignId": "12"})
	_, more := rules.CheckOrder(page, rules.Shop{Products: []string{"34", "35"}})
	for _, p := range problems.And(more) {
		answer += 2*len(p.Field) + len(p.Text("el")) + len(p.Detail) + 80
	}
	for _, name := range dropped {
		answer += len(name)
	}
	return answer
}

// filled repeats what name makes of a number until there are 64 KiB.
func filled(name func(n int) string) string {
	var b strings.Builder
	for n := 0; b.Len()+320 < body.MaxBytes; n++ {
		b.WriteString(name(n))
	}
	return b.String()
}

// worst are bodies that are meant to cost much.
func worst() map[string]sent {
	form := func(name func(n int) string) sent { return sent{formType, "", filled(name)} }
	wide := strings.Repeat("x", body.MaxBytes/body.MaxFields-32) // 250 fields fill the body
	value := func(name, unit string) sent {
		return sent{formType, "", name + "=" + strings.Repeat(unit, (body.MaxBytes-len(name)-1)/len(unit))}
	}
	return map[string]sent{
		"card-like names":          form(func(n int) string { return "cvv" + strconv.Itoa(n) + "=1&" }),
		"250 long card-like names": form(func(n int) string { return "cvv" + strconv.Itoa(n) + wide + "=1&" }),
		"ship names":               form(func(n int) string { return "shipAddress" + strconv.Itoa(n) + "=" + wide + "&" }),
		"product names": form(func(n int) string {
			return "product" + strconv.Itoa(n+1) + "_id=34" + wide +
				"&"
		}),
		"lines": form(func(n int) string {
			return "orderItems[" + strconv.Itoa(n+1) + "]=1" + wide +
				"&"
		}),
		"custom names":        form(func(n int) string { return "custom_" + strconv.Itoa(n) + "=" + wide + "&" }),
		"unknown names":       form(func(n int) string { return "u" + strconv.Itoa(n) + "=" + wide + "&" }),
		"long unknown names":  form(func(n int) string { return "u" + strconv.Itoa(n) + wide + "&" }),
		"names with capitals": form(func(n int) string { return strconv.Itoa(n) + strings.Repeat("aB", 110) + "&" }),
		"names in escapes": form(func(n int) string {
			return strconv.Itoa(n) + strings.Repeat("%2550", 40) +
				"=1&"
		}),
		"prices": form(func(n int) string {
			return "product" + strconv.Itoa(n) + "_price=1" + wide +
				"&"
		}),
		"one name":                  form(func(int) string { return "a=1&" }),
		"a long value":              value("custom1", "x"),
		"a long value of escapes":   value("custom1", "%C3%A4"),
		"a long address of escapes": value("requestUri", "%2525"),
		"a long value of digits":    value("custom1", "4"),
		"a long value of cards":     value("custom1", "4111 1111 1111 1112 "),
		"a long value of groups":    value("custom1", "4111_1111/1111.1112-"),
		"a long value of single":    value("custom1", "4 "),
		"a long value of spaces":    value("firstName", "+"),
		"a long value of joiners":   value("firstName", "%E2%80%8C"),
		"a long phone number":       value("phoneNumber", "4"),
		"a long country":            value("country", "united+states+"),
		"long lines":                value("orderItems", "%2234%22%3A1%2C"),
		"a long query":              {jsonType, "custom1=" + strings.Repeat("%C3%A4", body.MaxBytes/6-10), ""},
		"a wide object": {jsonType, "",
			"{" + filled(func(n int) string { return `"` + strconv.Itoa(n) + `":1,` }) + `"z":1}`},
		"an object of escapes": {jsonType, "", `{"custom1":"` + strings.Repeat(`\u00e4`, body.MaxBytes/6-8) + `"}`},
		"a deep object":        {jsonType, "", strings.Repeat(`{"a":`, body.MaxBytes/5)},
		"a deep list of lines": {jsonType, "", `{"orderItems":{"a":` + strings.Repeat("[", body.MaxBytes-32)},
		"a wide object of lines": {jsonType, "",
			`{"orderItems":{` + filled(func(n int) string { return `"` + strconv.Itoa(n) + `":1,` }) + `"z":1}}`},
		"parts": {partsType, "", filled(func(n int) string { return part(strconv.Itoa(n), "1") })},
		"parts of one value": {partsType, "",
			part("custom1", strings.Repeat("\r\n--", body.MaxBytes/4-40)) + "--x--"},
		"a part's head without end": {partsType, "", "--x\r\n" + strings.Repeat("a: b\r\n", body.MaxBytes/6-2)},
		"parameters of the type":    {formType + strings.Repeat(";a=b", 2000), "", "a=1"},
	}
}

// allocated is how many bytes a request takes, which stand for the work it makes: whatever is copied, decoded or
// collected.
func allocated(s sent) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s.read()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// mostAllocated bounds it: the body twice (once decoded, once unescaped in a field that holds an address), and what
// 250 fields take.
func mostAllocated(s sent) uint64 { return uint64(6*(len(s.query)+len(s.body))) + 192<<10 }

func TestNoBodyCostsMuch(t *testing.T) {
	for name, s := range worst() {
		t.Run(name, func(t *testing.T) {
			assert.LessOrEqual(t, len(s.query)+len(s.body), body.MaxBytes)
			assert.LessOrEqual(t, allocated(s), mostAllocated(s), "bytes")
			assert.LessOrEqual(t, s.read(), 16<<10, "of an answer")
		})
	}
}

// FuzzCost looks for a request that takes more memory than it should, which is to say more work: by bytes, since
// time depends on the machine.
func FuzzCost(f *testing.F) {
	f.Add(formType, "", usual.body)
	for _, s := range worst() {
		f.Add(s.contentType, s.query, s.body[:min(len(s.body), 2048)])
	}
	f.Fuzz(func(t *testing.T, contentType, query, text string) {
		for _, times := range []int{1, max(1, body.MaxBytes/max(1, len(query)+len(text)))} {
			s := sent{contentType, query, strings.Repeat(text, times)}
			if used := allocated(s); used > mostAllocated(s) {
				used = min(used, allocated(s), allocated(s)) // something else may have allocated meanwhile
				if used > mostAllocated(s) {
					t.Fatalf("%d bytes for a body of %d, %d times %q", used, len(s.body), times, text[:min(len(text), 200)])
				}
			}
		}
	})
}

// BenchmarkWorstBodies prints how many usual orders each of the worst bodies costs, reading and checking alone.
func BenchmarkWorstBodies(b *testing.B) {
	per := func(s sent) time.Duration {
		began := time.Now()
		const runs = 50
		for range runs {
			s.read()
		}
		return time.Since(began) / runs
	}
	for b.Loop() {
		usually := per(usual)
		for name, s := range worst() {
			b.ReportMetric(float64(per(s))/float64(usually), strings.ReplaceAll(name, " ", "_")+"/order")
		}
	}
}
