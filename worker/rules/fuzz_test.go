package rules_test

import (
	"maps"
	"sort"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/rules"
)

// fields reads "name=value" lines, as the fuzzer changes them.
func fields(s string) rules.Fields {
	f := rules.Fields{}
	for _, line := range strings.Split(s, "\n") {
		name, value, _ := strings.Cut(line, "=")
		f[name] = value
	}
	return f
}

func text(f rules.Fields) string {
	var lines []string
	for name, value := range f {
		lines = append(lines, name+"="+value)
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// limits of what goes to Konnektive, written down once more.
var limits = map[string]int{
	"firstName": 30, "lastName": 30, "companyName": 30, "emailAddress": 255, "phoneNumber": 16, "address1": 50,
	"address2": 50, "city": 30, "state": 6, "postalCode": 20, "country": 2, "billShipSame": 1, "couponCode": 30,
	"shipProfileId": 10, "sessionId": 32, "affId": 20, "httpReferer": 300, "shipFirstName": 30, "shipLastName": 30,
	"shipCompanyName": 30, "shipAddress1": 50, "shipAddress2": 50, "shipCity": 30, "shipState": 6, "shipPostalCode": 20,
	"shipCountry": 2,
}

func limitOf(name string) int {
	if max, ok := limits[name]; ok {
		return max
	}
	switch {
	case strings.HasPrefix(name, "sourceValue") && len(name) == len("sourceValue1"):
		return 30
	case strings.HasPrefix(name, "custom_"):
		return 255
	case strings.HasPrefix(name, "custom") && len(name) == len("custom1"):
		return 50
	case strings.HasPrefix(name, "product") && (strings.HasSuffix(name, "_id") || strings.HasSuffix(name, "_qty")),
		strings.HasPrefix(name, "variant") && strings.HasSuffix(name, "_id"):
		return 10
	}
	return -1 // nothing else may be in an order
}

// cardNumber is a card number by the plainest reading: nothing but digits, spaces and dashes, 16 digits that begin
// like the four large networks', and a Luhn digit.
func cardNumber(s string) bool {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(s)
	if len(digits) != 16 || strings.Trim(digits, "0123456789") != "" {
		return false
	}
	return (digits[0] == '4' || digits[0] == '5' && digits[1] >= '1' && digits[1] <= '5' ||
		strings.HasPrefix(digits, "65") || strings.HasPrefix(digits, "62")) && luhn(digits)
}

func seeds(f *testing.F) {
	f.Add(text(berlin()))
	f.Add(text(berlin("billShipSame", "0", "shipFirstName", "Max", "shipLastName", "Muster", "shipAddress1", "Gasse 1",
		"shipCity", "Wien", "shipPostalCode", "A-1010", "shipCountry", "at", "shipState", "9")))
	f.Add(text(berlin("country", "US", "state", "California", "postalCode", "902101234", "phoneNumber", "(212) 555-0123",
		"product2_id", "34", "product2_qty", "2", "variant2_id", "7", "product9_id", "35")))
	f.Add(text(berlin("custom1", "4111 1111 1111 1111", "paySource", "PREPAID", "product1_price", "1", "cvv", "1",
		"unknown", "x", "ref", "a")))
	f.Add(text(berlin("affId", "a", "sourceValue1", strings.Repeat("4", 40), "httpReferer", "https://a.example/?%C3%A4",
		"sessionId", "abc", "couponCode", "X", "shipProfileId", "3", "state", "Nordrhein-Westfalen")))
	f.Add(text(berlin("country", "GB", "postalCode", "sw1a1aa", "phoneNumber", "020 7946 0018", "firstName",
		"علی\u200cرضا", "lastName", "O’Neil")))
	f.Add(text(berlin("custom_note", "x", "orderItems[34]", "2", "productId", "34", "redirectsTo", "/a",
		"errorRedirectsTo", "\x01", "orderId", strings.Repeat("a", 64))))
	f.Add("country=JP\nphoneNumber=+81 3 1234 5678\nproduct01_id=34\nproduct100_id=34")
}

func FuzzAdmit(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, s string) {
		in := fields(s)
		before := maps.Clone(in)
		page, dropped, problems := rules.Admit(in, own)
		assert.Equal(t, before, in, "what came in is left alone")
		again, droppedAgain, problemsAgain := rules.Admit(in, own)
		require.Equal(t, []any{page, dropped, problems}, []any{again, droppedAgain, problemsAgain},
			"the same verdict every time")

		for name, value := range page {
			if name == "ref" && value != in["ref"] {
				assert.Equal(t, strings.TrimSpace(in["orderId"]), value, "an orderId that is a ref")
				continue
			}
			if len(in[name]) <= 8<<10 {
				assert.Equal(t, in[name], value)
			}
			assert.True(t, utf8.ValidString(value))
			assert.False(t, strings.ContainsFunc(value, func(r rune) bool { return r < 0x20 || r >= 0x7f && r <= 0x9f }),
				"control character in %q", value)
			if name != "phoneNumber" {
				assert.False(t, cardNumber(value), value)
			}
			if name == "redirectsTo" || name == "errorRedirectsTo" || strings.HasPrefix(name, "custom_") {
				continue // the relay's own, and the CRM's custom fields, whose names are the operator's
			}
			for _, never := range []string{"price", "Price", "Tax", "QA", "paySource", "prepaid", "Merchant", "campaign",
				"login", "password", "orderId", "customerId", "redirect", "Redirect", "salesUrl", "card"} {
				assert.NotContains(t, name, never)
			}
		}
		assert.LessOrEqual(t, len(dropped), rules.MaxDropped+1)
		for _, name := range dropped {
			assert.True(t, name == "?" || len(name) <= 40 &&
				strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == "", "%q in the log", name)
		}
		seen := map[string]bool{}
		for _, p := range problems {
			assert.False(t, seen[p.Field], "one problem a field")
			seen[p.Field] = true
			assert.NotContains(t, page, p.Field)
			assert.NotEmpty(t, p.Text("en"))
		}
		assert.Equal(t, len(problems) > 0, problems.Answer() != "")

		_, _, third := rules.Admit(page, own)
		assert.Empty(t, third, "what passed passes again")
	})
}

// FuzzCheckOrder changes one value of every kind by itself, since an order changed as a whole is hardly ever one
// that is taken; more are further fields, line by line.
func FuzzCheckOrder(f *testing.F) {
	add := func(changes ...string) {
		b, more := berlin(changes...), rules.Fields{}
		for i := 0; i < len(changes); i += 2 {
			more[changes[i]] = changes[i+1]
		}
		f.Add(b["firstName"], b["emailAddress"], b["phoneNumber"], b["address1"], b["state"], b["postalCode"], b["country"],
			b["product1_qty"], b["couponCode"], b["custom1"], b["httpReferer"], text(more))
	}
	add()
	add("billShipSame", "0", "shipFirstName", "Max", "shipLastName", "Muster", "shipAddress1", "Gasse 1", "shipCity",
		"Wien", "shipPostalCode", "A-1010", "shipCountry", "at", "shipState", "9")
	add("country", "US", "state", "California", "postalCode", "902101234", "phoneNumber", "(212) 555-0123", "product2_id",
		"34", "product2_qty", "2", "variant2_id", "7", "product9_id", "35")
	add("affId", "a", "sourceValue1", strings.Repeat("4", 40), "httpReferer", "https://a.example/?%C3%A4", "sessionId",
		"abc", "couponCode", "X", "shipProfileId", "3", "state", "Nordrhein-Westfalen")
	add("country", "GB", "postalCode", "sw1a1aa", "phoneNumber", "020 7946 0018", "firstName", "علی\u200cرضا", "lastName",
		"O’Neil", "custom1", "Nr. 4111 1111 1111 1112 b "+strings.Repeat("5", 40))
	add("country", "LV", "postalCode", "1010", "phoneNumber", "2123 4567", "emailAddress", "user+x@müller.de", "address1",
		"Ｆｕｌｌ\u3000№ 5")
	f.Fuzz(func(t *testing.T, name, email, phone, street, state, postal, country, quantity, coupon, custom, referer,
		more string) {
		page := fields(more)
		for field, value := range map[string]string{
			"firstName": name, "lastName": name, "emailAddress": email, "phoneNumber": phone, "address1": street, "city": name,
			"state": state, "postalCode": postal, "country": country, "product1_id": "34", "product1_qty": quantity,
			"couponCode": coupon, "custom1": custom, "sourceValue2": custom, "affId": coupon, "sessionId": coupon,
			"httpReferer": referer,
		} {
			page[field] = value
		}
		order, problems := rules.CheckOrder(page, shop)
		if len(problems) > 0 {
			assert.Empty(t, order.Fields)
			assert.NotEmpty(t, problems.Answer())
			for _, p := range problems {
				assert.NotEmpty(t, p.Text("de"))
			}
			assert.Equal(t, problems, problems.And(nil), "in the form's order")
			return
		}
		for name, value := range order.Fields {
			max := limitOf(name)
			require.GreaterOrEqual(t, max, 0, "%s is in an order", name)
			assert.NotEmpty(t, value, name)
			assert.LessOrEqual(t, utf8.RuneCountInString(value), max, name)
			assert.True(t, utf8.ValidString(value))
			assert.Equal(t, strings.TrimSpace(value), value)
			assert.False(t, strings.ContainsFunc(value, func(r rune) bool { return r < 0x20 || r >= 0x7f && r <= 0x9f }))
			if name != "phoneNumber" {
				assert.False(t, cardNumber(value), "%s %s", name, value)
			}
		}
		for i := 1; order.Fields["product"+strconv.Itoa(i)+"_id"] != ""; i++ {
			n := strconv.Itoa(i)
			assert.Contains(t, shop.Products, order.Fields["product"+n+"_id"])
			quantity, err := strconv.Atoi(order.Fields["product"+n+"_qty"])
			require.NoError(t, err)
			assert.True(t, quantity >= 1 && quantity <= shop.MaxQuantity)
		}
		assert.Regexp(t, `^\+[1-9][0-9]{7,14}$`, order.Fields["phoneNumber"])

		again, problems := rules.CheckOrder(order.Fields, shop)
		require.Empty(t, problems, "an order that was taken is taken again")
		assert.Equal(t, order, again)
		assert.Equal(t, order.Canonical(), again.Canonical())
		admitted, dropped, problems := rules.Admit(order.Fields, nil)
		assert.Empty(t, problems)
		assert.Empty(t, dropped)
		assert.Equal(t, order.Fields, admitted)

		// Leads and upsales are subject to the same rules; the checks have to agree.
		lead, problems := rules.CheckLead(page, shop)
		require.Empty(t, problems)
		assert.Equal(t, order, lead, "a complete order is a complete lead")
	})
}

func FuzzCheckLead(f *testing.F) {
	seeds(f)
	f.Add("firstName=A\nlastName=B\nemailAddress=a@b.de\nbillShipSame=no\nshipCity=Wien")
	f.Fuzz(func(t *testing.T, s string) {
		lead, problems := rules.CheckLead(fields(s), shop)
		if len(problems) > 0 {
			assert.Empty(t, lead.Fields)
			return
		}
		for name, value := range lead.Fields {
			require.GreaterOrEqual(t, limitOf(name), 0, "%s is in a lead", name)
			assert.LessOrEqual(t, utf8.RuneCountInString(value), limitOf(name), name)
		}
		again, problems := rules.CheckLead(lead.Fields, shop)
		require.Empty(t, problems)
		assert.Equal(t, lead, again)
	})
}

// FuzzCanonical holds the text to being readable back: what can be read back cannot be the text of two orders.
func FuzzCanonical(f *testing.F) {
	seeds(f)
	f.Add("firstName=a\nlastName=1:b")
	f.Fuzz(func(t *testing.T, s string) {
		order := rules.Order{Fields: fields(s)}
		canonical := order.Canonical()
		assert.Equal(t, canonical, order.Canonical())
		rest, read := canonical, rules.Fields{}
		for rest != "" {
			name, tail, ok := strings.Cut(rest, "=")
			require.True(t, ok)
			length, tail, ok := strings.Cut(tail, ":")
			require.True(t, ok)
			n, err := strconv.Atoi(length)
			require.NoError(t, err)
			read[name] = tail[:n]
			require.Equal(t, byte('\n'), tail[n])
			rest = tail[n+1:]
		}
		for name, value := range read {
			assert.Equal(t, order.Fields[name], value)
		}
		for name := range order.Fields {
			if _, there := read[name]; !there {
				max, known := limits[name]
				tracking := strings.HasPrefix(name, "custom_") || name == "sessionId" || name == "affId" || name == "httpReferer"
				assert.True(t, !known || tracking, "%s (%d) is part of what is ordered", name, max)
			}
		}
	})
}

func FuzzPhone(f *testing.F) {
	for _, seed := range [][2]string{{"030 123456", "DE"}, {"+49 (0)30", "DE"}, {"044 55 1234 5678", "MX"},
		{"8 612 34567", "LT"}, {"011 49", "US"}, {"+52 1 55 1234 5678", "MX"}, {"+1234", ""}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, country string) {
		if e164, ok := rules.Phone(text, country); ok {
			require.Regexp(t, `^\+[1-9][0-9]{7,14}$`, e164)
			again, ok := rules.Phone(e164, country)
			require.True(t, ok)
			assert.Equal(t, e164, again)
		}
		if code, ok := rules.PostalCode(text, country); ok {
			again, ok := rules.PostalCode(code, country)
			require.True(t, ok)
			assert.Equal(t, code, again)
		}
	})
}

func BenchmarkAdmitAndCheckOrder(b *testing.B) {
	in := berlin("sessionId", "0123456789abcdef0123456789abcdef", "affId", "12", "sourceValue1", "a", "custom1", "b",
		"httpReferer", "https://ads.example/?gclid=abc", "paySource", "PREPAID")
	for b.Loop() {
		page, _, problems := rules.Admit(in, own)
		if _, more := rules.CheckOrder(page, shop); len(problems)+len(more) > 0 {
			b.Fatal(problems, more)
		}
	}
}
