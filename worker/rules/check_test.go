package rules_test

import (
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/rules"
)

var shop = rules.Shop{Products: []string{"34", "35"}, Upsales: []string{"40"}, MaxQuantity: 10}

// berlin is an order with nothing wrong; with changes some of its fields, "" removes one.
func berlin(changes ...string) rules.Fields {
	f := rules.Fields{
		"firstName": "Erika", "lastName": "Mustermann", "emailAddress": "erika@example.com", "phoneNumber": "+4930123456",
		"address1": "Heidestraße 17", "city": "Berlin", "postalCode": "10557", "country": "DE", "billShipSame": "1",
		"product1_id": "34", "product1_qty": "1",
	}
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "" {
			delete(f, changes[i])
		} else {
			f[changes[i]] = changes[i+1]
		}
	}
	return f
}

func TestAnOrderWithNothingWrongIsHandedOnAsItIs(t *testing.T) {
	order, problems := rules.CheckOrder(berlin(), shop)
	require.Empty(t, problems)
	assert.Equal(t, berlin(), order.Fields)
}

func TestWhatTheShopperMeantIsRepaired(t *testing.T) {
	for _, c := range []struct{ name, field, typed, want string }{
		{"outer and doubled spaces go", "firstName", "  Anna   Maria ", "Anna Maria"},
		{"spaces of word processors are spaces", "lastName", "van\u00a0der\u3000Berg", "van der Berg"},
		{"invisible characters of copying go", "emailAddress", "\ufefferika@example.com\u200b", "erika@example.com"},
		{"a joiner within a Persian name stays", "lastName", "علی\u200cزاده", "علی\u200cزاده"},
		{"a joiner at the end goes", "lastName", "Mustermann\u200c", "Mustermann"},
		{"a national phone number gets the country code", "phoneNumber", "030 / 123 456", "+4930123456"},
		{"a country in small letters is written large", "country", "de", "DE"},
		{"a postal code loses its country", "postalCode", "D-10557", "10557"},
		{"a region that no address needs and Konnektive cannot keep is left out", "state", "Nordrhein-Westfalen", ""},
		{"a short region stays", "state", "BE", "BE"},
		{"a quantity without zeros in front", "product1_qty", "003", "3"},
		{"true is the same address", "billShipSame", "True", "1"},
		{"on is the same address", "billShipSame", "on", "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			order, problems := rules.CheckOrder(berlin(c.field, c.typed), shop)
			require.Empty(t, problems)
			assert.Equal(t, c.want, order.Fields[c.field])
		})
	}
}

func TestAFieldThatDoesNotFitIsNamed(t *testing.T) {
	for _, c := range []struct {
		name, field, value string
		code               rules.Code
		detail             string
	}{
		{"no first name", "firstName", "", rules.Required, ""},
		{"a last name of spaces", "lastName", "   ", rules.Required, ""},
		{"a sign that is no letter", "firstName", "Erika ©", rules.BadCharacters, ""},
		{"no e-mail address", "emailAddress", "", rules.Required, ""},
		{"no phone number", "phoneNumber", "", rules.Required, ""},
		{"no street", "address1", "", rules.Required, ""},
		{"no town", "city", "", rules.Required, ""},
		{"no postal code", "postalCode", "", rules.Required, ""},
		{"no country", "country", "", rules.Required, ""},
		{"a first name of 31 characters", "firstName", strings.Repeat("ß", 31), rules.TooLong, "30"},
		{"a last name of digits", "lastName", "123", rules.BadName, ""},
		{"a last name of marks", "lastName", "-.'", rules.BadName, ""},
		{"a web address as a name", "firstName", "www.win.example", rules.BadName, ""},
		{"a link as a name", "firstName", "https://win.example", rules.BadCharacters, ""},
		{"a tag as a name", "firstName", "<b>Erika</b>", rules.BadCharacters, ""},
		{"a picture as a name", "firstName", "Erika 😀", rules.BadCharacters, ""},
		{"a control character", "city", "Ber\x00lin", rules.BadCharacters, ""},
		{"broken UTF-8", "city", "Ber\xfflin", rules.BadCharacters, ""},
		{"a street of 51 characters", "address1", strings.Repeat("a", 51), rules.TooLong, "50"},
		{"a second line of 51 characters", "address2", strings.Repeat("a", 51), rules.TooLong, "50"},
		{"a tag in an address", "address1", "<script>alert(1)</script>", rules.BadCharacters, ""},
		{"a link as an address", "address1", "http://win.example/x", rules.BadValue, ""},
		{"an address of dots", "address1", "...", rules.BadValue, ""},
		{"a town of 31 characters", "city", strings.Repeat("ß", 31), rules.TooLong, "30"},
		{"a company of 31 characters", "companyName", strings.Repeat("a", 31), rules.TooLong, "30"},
		{"an e-mail address of 256 characters", "emailAddress", strings.Repeat("a", 244) + "@example.com", rules.TooLong,
			"255"},
		{"an e-mail address without a domain", "emailAddress", "erika@", rules.BadEmail, ""},
		{"a postal code of four digits in Germany", "postalCode", "1055", rules.BadPostalCode, "12345"},
		{"a phone number of three digits", "phoneNumber", "123", rules.BadPhone, "+49 …"},
		{"a country that is none", "country", "Germania", rules.BadCountry, ""},
		{"a country of digits", "country", "49", rules.BadCountry, ""},
		{"a country without Klarna", "country", "BR", rules.CountryRefused, ""},
		{"another word for the same address", "billShipSame", "perhaps", rules.BadValue, ""},
		{"a coupon of 31 characters", "couponCode", strings.Repeat("a", 31), rules.TooLong, "30"},
		{"a tag as a coupon", "couponCode", "<b>", rules.BadCharacters, ""},
		{"a shipping profile that is no number", "shipProfileId", "fast", rules.BadValue, ""},
		{"a product that is not on offer", "product1_id", "36", rules.ProductRefused, ""},
		{"a product id of many digits", "product1_id", "123456789012345678901", rules.ProductRefused, ""},
		{"a product id with a zero in front", "product1_id", "034", rules.ProductRefused, ""},
		{"no product", "product1_id", "", rules.Required, ""},
		{"a quantity of nothing", "product1_qty", "0", rules.BadQuantity, ""},
		{"a negative quantity", "product1_qty", "-1", rules.BadQuantity, ""},
		{"half a piece", "product1_qty", "1.5", rules.BadQuantity, ""},
		{"a quantity in scientific notation", "product1_qty", "1e2", rules.BadQuantity, ""},
		{"a quantity over the cap", "product1_qty", "11", rules.QuantityCap, "10"},
		{"a quantity over every cap", "product1_qty", "99999999999999999999999999", rules.QuantityCap, "10"},
		{"a product id with a control character", "product1_id", "34\x00", rules.ProductRefused, ""},
		{"a card number in an address, had nobody looked before", "address2", "4111-1111-1111-1111", rules.CardData, ""},
		{"a variant that is no number", "variant1_id", "red", rules.BadValue, ""},
		{"a control character in a tracking field", "custom1", "a\x00b", rules.BadCharacters, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			order, problems := rules.CheckOrder(berlin(c.field, c.value), shop)
			assert.Empty(t, order.Fields)
			assert.Equal(t, rules.Problems{{Field: c.field, Code: c.code, Detail: c.detail}}, problems)
		})
	}
}

func TestAnEmptyOrderNamesEverythingThatIsMissingInTheFormsOrder(t *testing.T) {
	_, problems := rules.CheckOrder(nil, shop)
	var fields []string
	for _, p := range problems {
		assert.Equal(t, rules.Required, p.Code)
		fields = append(fields, p.Field)
	}
	assert.Equal(t, []string{"firstName", "lastName", "emailAddress", "phoneNumber", "address1", "city", "postalCode",
		"country", "product1_id"}, fields)
}

func TestNamesOfEveryAlphabetAreNames(t *testing.T) {
	for _, name := range []string{
		"O'Neil", "O’Neil", "Jean-Luc", "Jean‑Luc", "J. R. R.", "Smith, Jr.", "Mª José", "Gal·la", "Núñez", "Łukasz", "Žofia",
		"Þór", "Ægir", "İpek", "Nguyễn", "Zoe\u0308", "Ольга", "Δημήτρης", "יוסף", "محمد", "علی\u200cرضا", "王小明", "山田 太郎",
		"佐々木", "김민수", "สมชาย", "कुमार", "தமிழ்", "გიორგი", "Արամ", "አበበ", "𠮷野", "D'Angelo-Müller", "María del Carmen",
		"van 't Hoff", "N’Golo", "Ka`ili", "Ana & Tom", "John 2nd", "X",
	} {
		order, problems := rules.CheckOrder(berlin("firstName", name, "lastName", name), shop)
		assert.Empty(t, problems, name)
		assert.Equal(t, name, order.Fields["firstName"])
	}
	for _, name := range []string{"a@b", "a/b", "a:b", "a\\b", "{a}", "[a]", "a=b", "a;b", "a\"b", "a|b", "a#b", "$a",
		"a%b", "a_b", "a*b", "a?", "a!", "a×b", "→a", "a€", "\U000F0000a", "a\ufffd", "♥a", "ａ＠ｂ"} {
		_, problems := rules.CheckOrder(berlin("lastName", name), shop)
		assert.NotEmpty(t, problems, name)
	}
}

func TestAddressesOfManyCountriesAreAddresses(t *testing.T) {
	for _, line := range []string{"1", "Straße des 17. Juni 135/2. OG", "c/o Meier", "Calle Mayor, 3 3º B",
		"Ul. Ogińskiego 21A m. 4", "12 bis, rue de l'Église", "№ 5", "1-2-3 千代田区", "Flat #4; Rear \"B\"", "50% Haus"} {
		_, problems := rules.CheckOrder(berlin("address1", line, "address2", line), shop)
		assert.Empty(t, problems, line)
	}
}

func TestEMailAddresses(t *testing.T) {
	for _, good := range []string{
		"a@b.de", "erika.mustermann+klarna@mail.example.co.uk", "o'neil@example.com", "x_y-z@sub-domain.example",
		"user@müller.de", "user@例え.テスト", "USER@EXAMPLE.COM", "1@2.com", "a@xn--mller-kva.de", "a@b.museum",
		strings.Repeat("a", 64) + "@example.com",
	} {
		_, problems := rules.CheckOrder(berlin("emailAddress", good), shop)
		assert.Empty(t, problems, good)
	}
	for _, bad := range []string{
		"a", "@", "a@", "@b.de", "a@b", "a@@b.de", "a@b@c.de", "a b@c.de", "a@b .de", "a@.de", "a@b.", "a@b..de", ".a@b.de",
		"a.@b.de", "a..b@c.de", "a@-b.de", "a@b-.de", "a@b.d", "a@b.1", "a@[127.0.0.1]", "a@127.0.0.1", "\"a b\"@c.de",
		"müller@gmx.de", "a@b,de", "a@b.de,c@d.de", "a@b.de;", "<a@b.de>", "mailto:a@b.de", "a@b_c.de", "a@b.de\\", "a@b€.de",
		strings.Repeat("a", 65) + "@example.com", "a@" + strings.Repeat("b", 64) + ".de",
	} {
		_, problems := rules.CheckOrder(berlin("emailAddress", bad), shop)
		assert.Equal(t, rules.Problems{{Field: "emailAddress", Code: rules.BadEmail}}, problems, bad)
	}
}

func TestPhoneNumbersBecomeE164(t *testing.T) {
	for _, c := range []struct{ country, typed, want string }{
		{"DE", "030 123456", "+4930123456"}, {"DE", "0170/1234567", "+491701234567"}, {"DE", "+49 (0)30 123456",
			"+4930123456"}, {"DE", "0049 30 123456", "+4930123456"},
		{"DE", "+49-170-123.45.67", "+491701234567"}, {"DE", "491701234567", "+491701234567"}, {"DE", "1701234567",
			"+491701234567"}, {"DE", "+490301234567", "+49301234567"},
		{"DE", "\u202a+49 30 123456\u202c", "+4930123456"}, {"DE", "＋４９ ３０ １２３４５６", "+4930123456"},
		{"AT", "0664 1234567", "+436641234567"}, {"AU", "0412 345 678", "+61412345678"}, {"AU", "0011 61 412 345 678",
			"+61412345678"}, {"BE", "0470 12 34 56", "+32470123456"},
		{"CA", "(416) 555-0123", "+14165550123"}, {"CH", "079 123 45 67", "+41791234567"}, {"CY", "96 123456",
			"+35796123456"}, {"CZ", "601 123 456", "+420601123456"},
		{"DK", "20 12 34 56", "+4520123456"}, {"DK", "4520123456", "+4520123456"}, {"EE", "5123 4567",
			"+37251234567"}, {"ES", "612 34 56 78", "+34612345678"}, {"ES", "34612345678", "+34612345678"},
		{"FI", "040 1234567", "+358401234567"}, {"FR", "06 12 34 56 78", "+33612345678"}, {"GB", "07911 123456",
			"+447911123456"}, {"GB", "020 7946 0018", "+442079460018"},
		{"GR", "691 234 5678", "+306912345678"}, {"HU", "06 30 123 4567", "+36301234567"}, {"HU", "+36 06 30 123 4567",
			"+36301234567"}, {"IE", "085 123 4567", "+353851234567"},
		{"IT", "06 12345678", "+390612345678"}, {"IT", "392 1234567", "+393921234567"}, {"IT", "+39 06 1234 5678",
			"+390612345678"}, {"LT", "8 612 34567", "+37061234567"}, {"LT", "0 612 34567", "+37061234567"},
		{"LU", "621 123 456", "+352621123456"}, {"LV", "2123 4567", "+37121234567"}, {"MT", "9912 3456",
			"+35699123456"}, {"MX", "55 1234 5678", "+525512345678"}, {"MX", "044 55 1234 5678", "+525512345678"},
		{"MX", "+52 1 55 1234 5678", "+525512345678"}, {"NL", "06 12345678", "+31612345678"}, {"NO", "412 34 567",
			"+4741234567"}, {"NO", "47123456", "+4747123456"}, {"NZ", "021 123 4567", "+64211234567"},
		{"PL", "512 345 678", "+48512345678"}, {"PT", "912 345 678", "+351912345678"}, {"RO", "0712 345 678",
			"+40712345678"}, {"SE", "070-123 45 67", "+46701234567"},
		{"SI", "031 123 456", "+38631123456"}, {"SK", "0912 123 456", "+421912123456"}, {"US", "(212) 555-0123",
			"+12125550123"}, {"US", "1 212 555 0123", "+12125550123"}, {"US", "011 49 30 123456", "+4930123456"},
		{"DE", "+81 3 1234 5678", "+81312345678"}, {"BR", "+55 11 91234 5678", "+5511912345678"}, {"", "+4930123456",
			"+4930123456"},
		{"US", "(212) 255-0123", "+12122550123"}, {"US", "555-123-4567", "+15551234567"}, {"", "+99912345",
			"+99912345"}, {"", "+999123456789012", "+999123456789012"},
	} {
		got, ok := rules.Phone(c.typed, c.country)
		assert.True(t, ok, "%s %s", c.country, c.typed)
		assert.Equal(t, c.want, got, "%s %s", c.country, c.typed)
		again, ok := rules.Phone(got, c.country)
		assert.True(t, ok)
		assert.Equal(t, got, again)
	}
	for _, c := range []struct{ country, typed string }{
		{"DE", ""}, {"DE", "+"}, {"DE", "abc"}, {"DE", "030 123456 ext. 7"}, {"DE", "++4930123456"}, {"DE",
			"030+123456"}, {"DE", "1234"}, {"DE", "0000000000"}, {"DE", "+49 00 30 123456"},
		{"DE", "4930123456"}, // the trunk prefix is missing, or the "+"
		{"DE", "+4"}, {"DE", "+1234567890123456"}, {"DE", "+0301234567"}, {"FR", "06 12 34 56 7"}, {"FR",
			"06 12 34 56 78 9"}, {"US", "012 555 0123"}, {"US", "555 0123"},
		{"NO", "1234567"}, {"BR", "11 91234 5678"}, {"", "030 123456"}, {"GB", "+44 20 7946"}, {"", "+9991234"}, {"",
			"+9991234567890123"}, {"DE", "4111111111111111"}, {"DE", "0" + strings.Repeat("1", 30)},
	} {
		got, ok := rules.Phone(c.typed, c.country)
		assert.False(t, ok, "%s %s is %s", c.country, c.typed, got)
	}
}

func TestPostalCodesTakeTheirCountrysForm(t *testing.T) {
	for _, c := range []struct{ country, typed, want string }{
		{"AT", "1010", "1010"}, {"AT", "A-1010", "1010"}, {"AU", "0800", "0800"}, {"BE", "B-1000", "1000"}, {"CA", "k1a0b1",
			"K1A 0B1"}, {"CA", "K1A-0B1", "K1A 0B1"}, {"CH", "CH-8001", "8001"},
		{"CY", "1010", "1010"}, {"CZ", "11000", "110 00"}, {"DE", "10557", "10557"}, {"DE", "D-10557", "10557"}, {"DE",
			"DE 10557", "10557"}, {"DK", "DK-1050", "1050"}, {"EE", "10111", "10111"},
		{"ES", "28001", "28001"}, {"FI", "00100", "00100"}, {"FI", "FI-00100", "00100"}, {"FR", "75 008", "75008"}, {"FR",
			"F-75008", "75008"}, {"GB", "sw1a1aa", "SW1A 1AA"}, {"GB", "M1 1AE", "M1 1AE"},
		{"GB", "b338th", "B33 8TH"}, {"GB", "CR2 6XH", "CR2 6XH"}, {"GB", "DN551PT", "DN55 1PT"}, {"GB", "W1A 0AX",
			"W1A 0AX"}, {"GR", "10431", "104 31"}, {"HU", "H-1051", "1051"},
		{"IE", "d02x285", "D02 X285"}, {"IE", "D6W XY00", "D6W XY00"}, {"IT", "00118", "00118"}, {"LT", "LT-01100",
			"01100"}, {"LT", "01100", "01100"}, {"LU", "L-1009", "1009"}, {"LV", "1010", "LV-1010"},
		{"LV", "lv 1010", "LV-1010"},
		{"MT", "vlt1117", "VLT 1117"}, {"MX", "06000", "06000"}, {"NL", "1234ab", "1234 AB"}, {"NL", "NL-1234 AB",
			"1234 AB"}, {"NO", "0150", "0150"}, {"NZ", "6011", "6011"}, {"PL", "00950", "00-950"}, {"PL", "00-950", "00-950"},
		{"PT", "1000205", "1000-205"}, {"RO", "010011", "010011"}, {"SE", "SE-111 22", "111 22"}, {"SE", "11122",
			"111 22"}, {"SI", "SI-1000", "1000"}, {"SK", "81101", "811 01"},
		{"US", "90210", "90210"}, {"US", "902101234", "90210-1234"}, {"US", "90210-1234", "90210-1234"}, {"DE", "１０５５７",
			"10557"}, {"DE", "10557\u200b", "10557"},
		{"JP", " 100-0001 ", "100-0001"}, {"HK", "n/a", "n/a"}, {"", "whatever", "whatever"},
	} {
		got, ok := rules.PostalCode(c.typed, c.country)
		assert.True(t, ok, "%s %s", c.country, c.typed)
		assert.Equal(t, c.want, got, "%s %s", c.country, c.typed)
		again, ok := rules.PostalCode(got, c.country)
		assert.True(t, ok)
		assert.Equal(t, got, again)
	}
	for _, c := range []struct{ country, typed string }{
		{"AT", "0123"}, {"AT", "10100"}, {"BE", "100"}, {"CA", "KKA 0B1"}, {"CA", "K1A 0B"}, {"CH", "800"}, {"DE",
			"1055"}, {"DE", "105577"}, {"DE", "1055a"}, {"DE", "00000"}, {"DE", "A-10557"}, {"DE", "10557!"}, {"DE", ""},
		{"GB", "SW1A"}, {"GB", "SW1A 11A"}, {"GB", "12345"}, {"GB", "SW1A1AAA"}, {"GR", "1043"}, {"IE", "D02"}, {"NL",
			"1234"}, {"NL", "0234 AB"}, {"NL", "1234 A1"}, {"PL", "00-95"}, {"PT", "1000"},
		{"RO", "01001"}, {"US", "9021"}, {"US", "90210-12"}, {"LV", "LT-1010"}, {"SE", "1112"}, {"JP", "  "},
	} {
		got, ok := rules.PostalCode(c.typed, c.country)
		assert.False(t, ok, "%s %s is %q", c.country, c.typed, got)
	}
}

func TestEveryKlarnaCountryTakesAnOrderWithItsOwnExamples(t *testing.T) {
	method, ok := rules.MethodNamed("KLARNA")
	require.True(t, ok)
	assert.Len(t, method.Countries(), 33)
	for _, country := range method.Countries() {
		currency, offered := rules.KlarnaCurrency(country)
		assert.True(t, offered)
		assert.Len(t, currency, 3)

		// The text of a refused postal code names an example: it has to be one.
		_, problems := rules.CheckOrder(berlin("country", country, "postalCode", "?", "phoneNumber", "x", "state", "?"),
			rules.Shop{Products: []string{"34"}})
		details := map[string]string{}
		for _, p := range problems {
			details[p.Field] = p.Detail
		}
		require.NotEmpty(t, details["postalCode"], country)
		code, ok := rules.PostalCode(details["postalCode"], country)
		assert.True(t, ok, country)
		assert.Equal(t, details["postalCode"], code)
		changes := []string{"country", country, "postalCode", code}
		if details["state"] != "" {
			changes = append(changes, "state", details["state"])
		}
		_, problems = rules.CheckOrder(berlin(changes...), rules.Shop{Products: []string{"34"}})
		assert.Empty(t, problems, country)
		assert.True(t, strings.HasPrefix(details["phoneNumber"], "+"), country)
	}
}

func TestStatesWhereThePostNeedsOne(t *testing.T) {
	for _, c := range []struct {
		country, postalCode, typed, want string
		code                             rules.Code
	}{
		{"US", "90210", "CA", "CA", 0}, {"US", "90210", "ca", "CA", 0}, {"US", "90210", "US-CA", "CA", 0}, {"US", "90210",
			"California", "CA", 0}, {"US", "20500", "District of Columbia", "DC", 0}, {"US", "09012", "AE", "AE", 0},
		{"US", "90210", "", "", rules.Required}, {"US", "90210", "XX", "", rules.BadState}, {"US", "90210", "ON", "",
			rules.BadState}, {"US", "90210", "=", "", rules.BadState},
		{"CA", "K1A 0B1", "Ontario", "ON", 0}, {"CA", "K1A 0B1", "Québec", "QC", 0}, {"CA", "K1A 0B1", "", "",
			rules.Required}, {"CA", "K1A 0B1", "NSW", "", rules.BadState},
		{"AU", "2000", "nsw", "NSW", 0}, {"AU", "2000", "New South Wales", "NSW", 0}, {"AU", "2000", "", "", rules.Required},
		{"MX", "06000", "", "", 0}, {"MX", "06000", "CMX", "CMX", 0}, {"MX", "06000", "Ciudad de México", "", 0}, {"IE",
			"D02 X285", "Tipperary", "", 0}, {"IT", "00118", "RM", "RM", 0},
	} {
		order, problems := rules.CheckOrder(berlin("country", c.country, "postalCode", c.postalCode, "state", c.typed),
			rules.Shop{Products: []string{"34"}})
		if c.code != 0 {
			if assert.Len(t, problems, 1, "%s %s", c.country, c.typed) {
				assert.Equal(t, "state", problems[0].Field)
				assert.Equal(t, c.code, problems[0].Code, "%s %s", c.country, c.typed)
			}
			continue
		}
		assert.Empty(t, problems, "%s %s", c.country, c.typed)
		assert.Equal(t, c.want, order.Fields["state"], "%s %s", c.country, c.typed)
	}
}

func TestADeliveryAddressIsCheckedLikeTheOther(t *testing.T) {
	elsewhere := []string{"billShipSame", "0", "shipFirstName", "Max", "shipLastName", "Muster", "shipAddress1",
		"Gasse 1", "shipCity", "Wien", "shipPostalCode", "A-1010", "shipCountry", "at"}
	order, problems := rules.CheckOrder(berlin(elsewhere...), shop)
	require.Empty(t, problems)
	assert.Equal(t, "1010", order.Fields["shipPostalCode"])
	assert.Equal(t, "AT", order.Fields["shipCountry"])
	assert.NotContains(t, order.Fields, "billShipSame", "Konnektive wants the one or the other")

	t.Run("ship fields alone say that it goes elsewhere", func(t *testing.T) {
		f := berlin(elsewhere...)
		delete(f, "billShipSame")
		same, problems := rules.CheckOrder(f, shop)
		assert.Empty(t, problems)
		assert.Equal(t, order, same)
	})
	t.Run("nothing said is the same address", func(t *testing.T) {
		order, problems := rules.CheckOrder(berlin("billShipSame", ""), shop)
		assert.Empty(t, problems)
		assert.Equal(t, "1", order.Fields["billShipSame"])
	})
	t.Run("the same address makes ship fields void", func(t *testing.T) {
		order, problems := rules.CheckOrder(berlin(append(elsewhere, "billShipSame", "1", "shipCity", "<b>")...), shop)
		assert.Empty(t, problems)
		assert.Equal(t, berlin(), order.Fields)
	})
	t.Run("elsewhere without saying where names what is missing", func(t *testing.T) {
		_, problems := rules.CheckOrder(berlin("billShipSame", "0"), shop)
		var fields []string
		for _, p := range problems {
			fields = append(fields, p.Field)
		}
		assert.Equal(t, []string{"shipAddress1", "shipCity", "shipPostalCode", "shipCountry"}, fields,
			"the goods go to the one who orders, when nobody else is named")
		assert.Equal(t, "Bitte geben Sie Ihren Ort ein.", problems[1].Text("de"))
	})
	t.Run("a delivery country that is not served is refused", func(t *testing.T) {
		_, problems := rules.CheckOrder(berlin(append(elsewhere, "shipCountry", "BR", "shipPostalCode", "01310-100")...),
			shop)
		assert.Equal(t, rules.Problems{{Field: "shipCountry", Code: rules.CountryRefused}}, problems)
	})
}

func TestProductLines(t *testing.T) {
	type line = []string // id, quantity, variant
	for _, c := range []struct {
		name  string
		typed []string
		want  []line
	}{
		{"a line without a quantity is one piece", []string{"product1_qty", ""}, []line{{"34", "1", ""}}},
		{"lines are renumbered in their order",
			[]string{"product1_id", "", "product1_qty", "", "product7_id", "35", "product7_qty", "2", "product12_id", "34"},
			[]line{{"35", "2", ""}, {"34", "1", ""}}},
		{"lines of one product become one", []string{"product2_id", "34", "product2_qty", "3"}, []line{{"34", "4", ""}}},
		{"variants of one product stay lines of their own",
			[]string{"variant1_id", "7", "product2_id", "34", "product2_qty", "3", "variant2_id", "8"},
			[]line{{"34", "1", "7"}, {"34", "3", "8"}}},
		{"a product of spaces is an option not taken", []string{"product2_id", "  ", "product2_qty", "1"},
			[]line{{"34", "1", ""}}},
		{"a quantity without a product is an option not taken", []string{"product2_qty", "1", "variant2_id", "9"},
			[]line{{"34", "1", ""}}},
		{"a quantity at the cap", []string{"product1_qty", "10", "product2_id", "35", "product2_qty", "10"},
			[]line{{"34", "10", ""}, {"35", "10", ""}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			order, problems := rules.CheckOrder(berlin(c.typed...), shop)
			require.Empty(t, problems)
			var got []line
			for i := 1; order.Fields["product"+strconv.Itoa(i)+"_id"] != ""; i++ {
				n := strconv.Itoa(i)
				got = append(got, line{order.Fields["product"+n+"_id"], order.Fields["product"+n+"_qty"],
					order.Fields["variant"+n+"_id"]})
			}
			assert.Equal(t, c.want, got)
		})
	}

	t.Run("splitting lines does not lift the cap", func(t *testing.T) {
		_, problems := rules.CheckOrder(berlin("product1_qty", "6", "product2_id", "34", "product2_qty", "5", "variant2_id",
			"3"), shop)
		assert.Equal(t, rules.Problems{{Field: "product2_qty", Code: rules.QuantityCap, Detail: "10"}}, problems)
		assert.Equal(t, "product_refused", problems.Answer())
	})
	t.Run("twenty lines are an order, twenty-one are not", func(t *testing.T) {
		large, many := rules.Shop{}, berlin("product1_id", "", "product1_qty", "")
		for i := 1; i <= rules.MaxLines; i++ {
			large.Products = append(large.Products, strconv.Itoa(i))
			many["product"+strconv.Itoa(i)+"_id"] = strconv.Itoa(i)
		}
		_, problems := rules.CheckOrder(many, large)
		assert.Empty(t, problems)
		large.Products = append(large.Products, "21")
		many["product30_id"] = "21"
		_, problems = rules.CheckOrder(many, large)
		assert.Equal(t, rules.Problems{{Field: "product30_id", Code: rules.TooManyLines, Detail: "20"}}, problems)
	})
	t.Run("a lander without a cap has the default one", func(t *testing.T) {
		_, problems := rules.CheckOrder(berlin("product1_qty", "11"), rules.Shop{Products: []string{"34"}})
		assert.Equal(t, "10", problems[0].Detail)
	})
	t.Run("a lander without products sells none", func(t *testing.T) {
		_, problems := rules.CheckOrder(berlin(), rules.Shop{})
		assert.Equal(t, "product_refused", problems.Answer())
	})
}

func TestTrackingFieldsNeverLoseASale(t *testing.T) {
	long := strings.Repeat("ä", 600)
	for _, c := range []struct{ name, field, value, want string }{
		{"an affiliate's id passes", "affId", "AFF-12_x", "AFF-12_x"},
		{"an affiliate's id that is too long is left out", "affId", strings.Repeat("7", 21), ""},
		{"a source value is shortened", "sourceValue5", long, strings.Repeat("ä", 30)},
		{"a custom value is shortened", "custom1", long, strings.Repeat("ä", 50)},
		{"a shortened value does not end in a space", "sourceValue1", strings.Repeat("a", 29) + " b",
			strings.Repeat("a", 29)},
		{"a session passes", "sessionId", "0123456789abcdef0123456789ABCDEF", "0123456789abcdef0123456789ABCDEF"},
		{"a session of 33 characters is left out", "sessionId", strings.Repeat("a", 33), ""},
		{"a session with a dash is left out", "sessionId", "a-b", ""},
		{"a referring page passes", "httpReferer", "https://ads.example/x?y=1", "https://ads.example/x?y=1"},
		{"a referring app passes", "httpReferer", "android-app://com.google.android.gm/",
			"android-app://com.google.android.gm/"},
		{"a long referring page is shortened between escapes", "httpReferer",
			"https://ads.example/?q=" + strings.Repeat("a", 276) + "%C3%A4",
			"https://ads.example/?q=" + strings.Repeat("a", 276)},
		{"a referring page that is none is left out", "httpReferer", "javascript:alert(1)", ""},
		{"a tag is left out", "custom2", "<img src=x onerror=alert(1)>", ""},
		{"a campaign's name with an arrow passes", "sourceValue2", "Prospecting > DE", "Prospecting > DE"},
		{"a value that would become a card number by shortening is left out", "sourceValue3",
			strings.Repeat(" ", 3) + "abcdefghijklm 41111111111111119", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			order, problems := rules.CheckOrder(berlin(c.field, c.value), shop)
			require.Empty(t, problems)
			assert.Equal(t, c.want, order.Fields[c.field])
		})
	}
	t.Run("nothing of the page's own is in an order", func(t *testing.T) {
		order, problems := rules.CheckOrder(berlin("ref", "abc", "cf-turnstile-response", "x", "requestUri",
			"https://a.example/", "pageType", "checkoutPage", "paySource", "CREDITCARD"), shop)
		require.Empty(t, problems)
		assert.Equal(t, berlin(), order.Fields)
	})
}

func TestCountriesAreTheLandersOrKlarnas(t *testing.T) {
	for _, c := range []struct {
		name      string
		countries []string
		country   string
		code      rules.Code
	}{
		{"Klarna's countries by default", nil, "NL", 0},
		{"the lander's countries when it has some", []string{"AT", "DE"}, "NL", rules.CountryRefused},
		{"a lander's country beyond Klarna's", []string{"JP"}, "JP", 0},
		{"the United Kingdom by its other code", nil, "UK", 0},
		{"Greece by the Union's code", nil, "el", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			codes := map[string]string{"NL": "1234 AB", "UK": "SW1A 1AA", "el": "104 31", "JP": "100-0001"}
			_, problems := rules.CheckOrder(berlin("country", c.country, "postalCode", codes[c.country]),
				rules.Shop{Products: []string{"34"}, Countries: c.countries})
			if c.code == 0 {
				assert.Empty(t, problems)
				return
			}
			assert.Equal(t, rules.Problems{{Field: "country", Code: c.code}}, problems)
			assert.Equal(t, "country_refused", problems.Answer())
		})
	}
	t.Run("of a country that nothing is known of, only the shape is checked", func(t *testing.T) {
		_, problems := rules.CheckOrder(berlin("country", "JP", "postalCode", "<100>", "phoneNumber", "03 1234 5678"),
			rules.Shop{Products: []string{"34"}, Countries: []string{"JP"}})
		assert.Equal(t, rules.Problems{{Field: "phoneNumber", Code: rules.BadPhone, Detail: "+44 …"},
			{Field: "postalCode", Code: rules.BadCharacters}}, problems)
	})
	t.Run("a national phone number is not held against a country that is refused anyway", func(t *testing.T) {
		_, problems := rules.CheckOrder(berlin("country", "BR", "postalCode", "01310-100", "phoneNumber", "11 91234 5678"),
			shop)
		assert.Equal(t, rules.Problems{{Field: "country", Code: rules.CountryRefused}}, problems)
	})
}

func TestAnUpsaleIsOneOfTheUpsales(t *testing.T) {
	order, problems := rules.CheckUpsale(rules.Fields{"ref": "x", "product1_id": "40", "sessionId": "abc",
		"firstName": "Erika", "custom1": "x"}, shop)
	require.Empty(t, problems)
	assert.Equal(t, rules.Fields{"product1_id": "40", "product1_qty": "1", "sessionId": "abc"}, order.Fields)

	_, problems = rules.CheckUpsale(rules.Fields{"product1_id": "34"}, shop)
	assert.Equal(t, rules.Problems{{Field: "product1_id", Code: rules.ProductRefused}}, problems)
	_, problems = rules.CheckUpsale(rules.Fields{"product1_id": "40", "product2_id": "41"},
		rules.Shop{Upsales: []string{"40", "41"}})
	assert.Equal(t, rules.Problems{{Field: "product2_id", Code: rules.TooManyLines, Detail: "1"}}, problems)
	_, problems = rules.CheckUpsale(rules.Fields{}, shop)
	assert.Equal(t, rules.Problems{{Field: "product1_id", Code: rules.Required}}, problems)
	_, problems = rules.CheckUpsale(rules.Fields{"product1_id": "40", "product1_qty": "11"}, shop)
	assert.Equal(t, "product_refused", problems.Answer())
}

func TestALeadNeedsNamesAndOneWayToReachTheShopper(t *testing.T) {
	for _, c := range []struct {
		name     string
		page     rules.Fields
		want     rules.Fields
		problems rules.Problems
	}{
		{"names and an e-mail address", rules.Fields{"firstName": "A", "lastName": "B", "emailAddress": "a@b.de"},
			rules.Fields{"firstName": "A", "lastName": "B", "emailAddress": "a@b.de", "billShipSame": "1"}, nil},
		{"names and a phone number", rules.Fields{"firstName": "A", "lastName": "B", "phoneNumber": "+4930123456"},
			rules.Fields{"firstName": "A", "lastName": "B", "phoneNumber": "+4930123456", "billShipSame": "1"}, nil},
		{"nothing", nil, nil, rules.Problems{{Field: "firstName", Code: rules.Required},
			{Field: "lastName", Code: rules.Required}, {Field: "emailAddress", Code: rules.Required}}},
		{"what is present must be valid", rules.Fields{"firstName": "A", "lastName": "B", "emailAddress": "a@b.de",
			"postalCode": "1", "country": "DE", "product1_id": "99"}, nil,
			rules.Problems{{Field: "postalCode", Code: rules.BadPostalCode, Detail: "12345"},
				{Field: "product1_id", Code: rules.ProductRefused}}},
		{"a state is not needed yet", rules.Fields{"firstName": "A", "lastName": "B", "emailAddress": "a@b.de",
			"country": "US"},
			rules.Fields{"firstName": "A", "lastName": "B", "emailAddress": "a@b.de", "country": "US",
				"billShipSame": "1"}, nil},
		{"a delivery address may be half typed",
			rules.Fields{"firstName": "A", "lastName": "B", "emailAddress": "a@b.de", "billShipSame": "0", "shipCity": "Wien"},
			rules.Fields{"firstName": "A", "lastName": "B", "emailAddress": "a@b.de", "billShipSame": "0", "shipFirstName": "A",
				"shipLastName": "B", "shipCity": "Wien"}, nil},
		{"another address of which nothing is known yet is none",
			rules.Fields{"firstName": "A", "lastName": "B", "emailAddress": "a@b.de", "billShipSame": "0"},
			rules.Fields{"firstName": "A", "lastName": "B", "emailAddress": "a@b.de", "billShipSame": "1"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			order, problems := rules.CheckLead(c.page, shop)
			assert.Equal(t, c.problems, problems)
			assert.Equal(t, c.want, order.Fields)
		})
	}
}

func TestAClickNamesItsPage(t *testing.T) {
	for _, kind := range []string{"presellPage", "leadPage", "checkoutPage", "upsellPage1", "upsellPage4",
		"thankyouPage"} {
		order, problems := rules.CheckClick(rules.Fields{"pageType": kind,
			"requestUri": "https://shop.example/?affId=1&c1=x", "firstName": "A", "sessionId": "ab"})
		assert.Empty(t, problems)
		assert.Equal(t, rules.Fields{"pageType": kind, "requestUri": "https://shop.example/?affId=1&c1=x",
			"sessionId": "ab"}, order.Fields)
	}
	_, problems := rules.CheckClick(rules.Fields{"pageType": "upsellPage5"})
	require.Len(t, problems, 1)
	assert.Equal(t, rules.NotOneOf, problems[0].Code)
	assert.Contains(t, problems[0].Text("de"), "pageType has to be one of: presellPage, leadPage, checkoutPage,")
	_, problems = rules.CheckClick(nil)
	assert.Equal(t, rules.Problems{{Field: "pageType", Code: rules.Required}}, problems)
	order, problems := rules.CheckClick(rules.Fields{"pageType": "leadPage",
		"requestUri": "https://shop.example/?c1=" + strings.Repeat("x", 600)})
	assert.Empty(t, problems)
	assert.Len(t, order.Fields["requestUri"], 500)
}

func TestTheGravestProblemIsTheAnswer(t *testing.T) {
	for want, codes := range map[string][]rules.Code{
		"":                nil,
		"invalid":         {rules.Required, rules.FieldRefused, rules.BadQuantity},
		"country_refused": {rules.Required, rules.CountryRefused, rules.TooLong},
		"product_refused": {rules.CountryRefused, rules.QuantityCap, rules.CountryRefused},
		"card_data":       {rules.ProductRefused, rules.CardData, rules.CountryRefused},
	} {
		var problems rules.Problems
		for i, code := range codes {
			problems = append(problems, rules.Problem{Field: "field" + strconv.Itoa(i), Code: code})
		}
		assert.Equal(t, want, problems.Answer())
	}
}

func TestFindingsAboutOneRequestAreJoined(t *testing.T) {
	admitted := rules.Problems{{Field: "salesTax", Code: rules.FieldRefused},
		{Field: "firstName", Code: rules.BadCharacters}}
	checked := rules.Problems{{Field: "firstName", Code: rules.Required}, {Field: "city", Code: rules.Required}}
	assert.Equal(t, rules.Problems{{Field: "firstName", Code: rules.BadCharacters}, {Field: "city", Code: rules.Required},
		{Field: "salesTax", Code: rules.FieldRefused}}, admitted.And(checked))
	assert.Empty(t, rules.Problems(nil).And(nil))
	assert.Equal(t, rules.Problems{{Field: "city", Code: rules.CardData}},
		rules.Problems{{Field: "city", Code: rules.Required}}.And(rules.Problems{{Field: "city", Code: rules.CardData}}),
		"card data is the graver finding")
}

func TestTheSameOrderHasTheSameCanonicalText(t *testing.T) {
	canonical := func(f rules.Fields) string {
		order, problems := rules.CheckOrder(f, shop)
		require.Empty(t, problems)
		return order.Canonical()
	}
	base := canonical(berlin())
	for name, same := range map[string]rules.Fields{
		"typed with spaces": berlin("firstName", " Erika ", "phoneNumber", "030 123456"),
		"come from elsewhere": berlin("sessionId", "abc", "affId", "1", "custom1", "x", "sourceValue1", "y",
			"httpReferer", "https://a.example/"),
		"with a number for its ref": berlin("ref", "123"),
		"with its line elsewhere":   berlin("product1_id", "", "product1_qty", "", "product9_id", "34"),
		"without saying where to":   berlin("billShipSame", ""),
	} {
		assert.Equal(t, base, canonical(same), name)
	}
	for name, other := range map[string]rules.Fields{
		"two of them":      berlin("product1_qty", "2"),
		"another product":  berlin("product1_id", "35"),
		"a product more":   berlin("product2_id", "35"),
		"another name":     berlin("firstName", "Erik"),
		"a letter moved":   berlin("firstName", "ErikaM", "lastName", "ustermann"),
		"a coupon":         berlin("couponCode", "TEN"),
		"another shipping": berlin("shipProfileId", "2"),
		"another address":  berlin("address1", "Heidestraße 18"),
		"another delivery": berlin("billShipSame", "0", "shipFirstName", "Erika", "shipLastName", "Mustermann",
			"shipAddress1", "Heidestraße 17", "shipCity", "Berlin", "shipPostalCode", "10557", "shipCountry", "DE"),
		"another variant":         berlin("variant1_id", "3"),
		"another e-mail address":  berlin("emailAddress", "erik@example.com"),
		"a value that looks like": berlin("firstName", "Erika lastName 10"),
	} {
		assert.NotEqual(t, base, canonical(other), name)
	}
}

func TestAProblemIsSaidInWords(t *testing.T) {
	for code := rules.Required; code <= rules.FileSent; code++ {
		p := rules.Problem{Field: "x", Code: code, Detail: "12"}
		assert.NotEmpty(t, code.String())
		assert.NotEmpty(t, p.Text("en"), code)
		if code < rules.FieldRefused {
			assert.NotEqual(t, p.Text("en"), p.Text("de"), code)
		} else {
			assert.Contains(t, p.Text("de"), "x", "a page's fault is said to its developer, with the field's name")
		}
	}
	assert.Empty(t, rules.Problem{Code: 200}.Text("en"))
	assert.Empty(t, rules.Code(200).String())

	_, problems := rules.CheckOrder(berlin("city", "", "postalCode", "1"), shop)
	assert.Equal(t, rules.Fields{
		"city":       "Bitte geben Sie Ihren Ort ein.",
		"postalCode": "Bitte prüfen Sie die Postleitzahl: In diesem Land sieht sie aus wie 12345.",
	}, problems.Texts("de"))
}

func TestMethodsKnowTheirCountriesAndCurrencies(t *testing.T) {
	assert.Equal(t, []string{"KLARNA", "BANCONTACT", "EPS", "IDEAL", "P24"}, rules.MethodNames())
	for _, name := range rules.MethodNames() {
		m, ok := rules.MethodNamed(name)
		require.True(t, ok)
		assert.Equal(t, name, m.Name)
		require.NotEmpty(t, m.Countries())
		for _, country := range m.Countries() {
			currency, offered := m.Currency(country)
			assert.True(t, offered)
			assert.Len(t, currency, 3)
		}
		_, offered := m.Currency("BR")
		assert.False(t, offered)
	}
	_, ok := rules.MethodNamed("klarna")
	assert.False(t, ok, "Konnektive's spelling counts")
	for country, want := range map[string]string{"DE": "EUR", "CH": "CHF", "GB": "GBP", "US": "USD", "SE": "SEK",
		"MX": "MXN"} {
		currency, _ := rules.KlarnaCurrency(country)
		assert.Equal(t, want, currency)
	}
}

func TestThePageLeavesToTheEdgeWhatItCannotKnow(t *testing.T) {
	in := maps.Clone(berlin("product1_id", "99", "product1_qty", "50", "campaignId", "12", "forceMerchantId", "7"))
	assert.Empty(t, rules.CheckPage(in, rules.Shop{}), "no products, no cap, and perhaps the Worker's own values")
	assert.Equal(t, "product_refused", rules.CheckPage(in, shop).Answer())
	in["product1_price"] = "1"
	assert.Equal(t, rules.Problems{{Field: "product1_price", Code: rules.FieldRefused}},
		rules.CheckPage(in, rules.Shop{}))
	assert.Equal(t, "card_data", rules.CheckPage(berlin("cvv", "123"), shop).Answer())
	assert.Equal(t, "country_refused", rules.CheckPage(berlin("country", "BR"), rules.Shop{}).Answer())
}
