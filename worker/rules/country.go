package rules

import "strings"

// country is what the rules know of a country where Klarna is offered.
type country struct {
	code     string // ISO 3166-1 alpha-2
	currency string // ISO 4217: Klarna settles in the local currency
	calling  string // ITU-T E.164 country code
	trunk    string // national prefixes that are not dialled from abroad, separated by "|"
	min, max int    // digits of a national number without the prefix, by the national numbering plan
	// forms of the postal code as the Universal Postal Union writes them, separated by "|"; see fill
	postal string
}

// Klarna's countries and currencies, as Klarna names them. Phone: ITU national numbering plans, rounded up where a
// plan has odd short or long numbers. Postal codes: Universal Postal Union.
var countries = [...]country{
	{"AT", "EUR", "43", "0", 4, 13, "^###"},
	{"AU", "AUD", "61", "0", 9, 9, "####"},
	{"BE", "EUR", "32", "0", 8, 9, "^###"},
	{"CA", "CAD", "1", "1", 10, 10, "@#@ #@#"},
	{"CH", "CHF", "41", "0", 9, 9, "^###"},
	{"CY", "EUR", "357", "", 8, 8, "####"},
	{"CZ", "CZK", "420", "", 9, 9, "### ##"},
	{"DE", "EUR", "49", "0", 5, 11, "#####"},
	{"DK", "DKK", "45", "", 8, 8, "####"},
	{"EE", "EUR", "372", "", 7, 8, "#####"},
	{"ES", "EUR", "34", "", 9, 9, "#####"},
	{"FI", "EUR", "358", "0", 5, 12, "#####"},
	{"FR", "EUR", "33", "0", 9, 9, "#####"},
	{"GB", "GBP", "44", "0", 9, 10, "@# #@@|@## #@@|@@# #@@|@@## #@@|@#@ #@@|@@#@ #@@"},
	{"GR", "EUR", "30", "", 10, 10, "### ##"},
	{"HU", "HUF", "36", "06", 8, 9, "^###"},
	{"IE", "EUR", "353", "0", 7, 10, "@#* ****"},
	{"IT", "EUR", "39", "", 6, 11, "#####"},
	{"LT", "EUR", "370", "0|8", 8, 8, "#####"},
	{"LU", "EUR", "352", "", 5, 9, "####"},
	{"LV", "EUR", "371", "", 8, 8, "LV-####"},
	{"MT", "EUR", "356", "", 8, 8, "@@@ ####"},
	{"MX", "MXN", "52", "01|044|045", 10, 10, "#####"},
	{"NL", "EUR", "31", "0", 9, 9, "^### @@"},
	{"NO", "NOK", "47", "", 8, 8, "####"},
	{"NZ", "NZD", "64", "0", 8, 10, "####"},
	{"PL", "PLN", "48", "", 9, 9, "##-###"},
	{"PT", "EUR", "351", "", 9, 9, "####-###"},
	{"RO", "RON", "40", "0", 9, 9, "######"},
	{"SE", "SEK", "46", "0", 7, 10, "### ##"},
	{"SI", "EUR", "386", "0", 8, 8, "^###"},
	{"SK", "EUR", "421", "0", 9, 9, "### ##"},
	{"US", "USD", "1", "1", 10, 10, "#####|#####-####"},
}

func countryOf(code string) *country {
	for i := range countries {
		if countries[i].code == code {
			return &countries[i]
		}
	}
	return nil
}

// KlarnaCurrency is the currency (ISO 4217) in which Klarna is offered in a country (ISO 3166-1 alpha-2, upper case).
func KlarnaCurrency(code string) (currency string, offered bool) {
	c := countryOf(code)
	if c == nil {
		return "", false
	}
	return c.currency, true
}

// countryNames are the English names of the countries of ISO 3166-1, as Unicode's CLDR has them, with other names
// in use and, for Klarna's countries, the codes of three letters; in the form that plainName makes.
const countryNames = "AD=andorra|AE=united arab emirates|AF=afghanistan|AG=antigua and barbuda|AI=anguilla|" +
	"AL=albania|AM=armenia|AO=angola|AQ=antarctica|AR=argentina|AS=american samoa|AT=austria,aut|AU=australia,aus|" +
	"AW=aruba|AX=aland islands|AZ=azerbaijan|BA=bosnia and herzegovina|BB=barbados|BD=bangladesh|" +
	"BE=belgium,bel|BF=burkina faso|BG=bulgaria|BH=bahrain|BI=burundi|BJ=benin|BL=saint barthelemy|BM=bermuda|" +
	"BN=brunei|BO=bolivia|BQ=caribbean netherlands|BR=brazil|BS=bahamas|BT=bhutan|BV=bouvet island|BW=botswana|" +
	"BY=belarus|BZ=belize|CA=canada,can|CC=cocos islands|CD=congo kinshasa,democratic republic of the congo|" +
	"CF=central african republic|CG=congo brazzaville,congo|CH=switzerland,che|CI=cote divoire,ivory coast|" +
	"CK=cook islands|CL=chile|CM=cameroon|CN=china|CO=colombia|CR=costa rica|CU=cuba|CV=cape verde,cabo verde|" +
	"CW=curacao|CX=christmas island|CY=cyprus,cyp|CZ=czechia,czech republic,cze|" +
	"DE=germany,deu,federal republic of germany|DJ=djibouti|DK=denmark,dnk|DM=dominica|DO=dominican republic|" +
	"DZ=algeria|EC=ecuador|EE=estonia,est|EG=egypt|EH=western sahara|ER=eritrea|ES=spain,esp|ET=ethiopia|" +
	"FI=finland,fin|FJ=fiji|FK=falkland islands|FM=micronesia|FO=faroe islands|FR=france,fra|GA=gabon|" +
	"GB=united kingdom,great britain,england,scotland,wales,northern ireland,uk,gbr|GD=grenada|GE=georgia|" +
	"GF=french guiana|GG=guernsey|GH=ghana|GI=gibraltar|GL=greenland|GM=gambia|GN=guinea|GP=guadeloupe|" +
	"GQ=equatorial guinea|GR=greece,grc|GS=south georgia and south sandwich islands|GT=guatemala|GU=guam|" +
	"GW=guinea bissau|GY=guyana|HK=hong kong sar china,hong kong|HM=heard and mcdonald islands|HN=honduras|" +
	"HR=croatia|HT=haiti|HU=hungary,hun|ID=indonesia|IE=ireland,republic of ireland,irl|IL=israel|" +
	"IM=isle of man|IN=india|IO=british indian ocean territory|IQ=iraq|IR=iran|IS=iceland|IT=italy,ita|" +
	"JE=jersey|JM=jamaica|JO=jordan|JP=japan|KE=kenya|KG=kyrgyzstan|KH=cambodia|KI=kiribati|KM=comoros|" +
	"KN=saint kitts and nevis|KP=north korea|KR=south korea,korea,republic of korea|KW=kuwait|" +
	"KY=cayman islands|KZ=kazakhstan|LA=laos|LB=lebanon|LC=saint lucia|LI=liechtenstein|LK=sri lanka|" +
	"LR=liberia|LS=lesotho|LT=lithuania,ltu|LU=luxembourg,lux|LV=latvia,lva|LY=libya|MA=morocco|MC=monaco|" +
	"MD=moldova|ME=montenegro|MF=saint martin|MG=madagascar|MH=marshall islands|MK=north macedonia,macedonia|" +
	"ML=mali|MM=myanmar,burma|MN=mongolia|MO=macao sar china,macao,macau|MP=northern mariana islands|" +
	"MQ=martinique|MR=mauritania|MS=montserrat|MT=malta,mlt|MU=mauritius|MV=maldives|MW=malawi|MX=mexico,mex|" +
	"MY=malaysia|MZ=mozambique|NA=namibia|NC=new caledonia|NE=niger|NF=norfolk island|NG=nigeria|NI=nicaragua|" +
	"NL=netherlands,holland,nld|NO=norway,nor|NP=nepal|NR=nauru|NU=niue|NZ=new zealand,nzl|OM=oman|PA=panama|" +
	"PE=peru|PF=french polynesia|PG=papua new guinea|PH=philippines|PK=pakistan|PL=poland,pol|" +
	"PM=saint pierre and miquelon|PN=pitcairn islands|PR=puerto rico|PS=palestinian territories,palestine|" +
	"PT=portugal,prt|PW=palau|PY=paraguay|QA=qatar|RE=reunion|RO=romania,rou|RS=serbia|" +
	"RU=russia,russian federation|RW=rwanda|SA=saudi arabia|SB=solomon islands|SC=seychelles|SD=sudan|" +
	"SE=sweden,swe|SG=singapore|SH=saint helena|SI=slovenia,svn|SJ=svalbard and jan mayen|" +
	"SK=slovakia,slovak republic,svk|SL=sierra leone|SM=san marino|SN=senegal|SO=somalia|SR=suriname|" +
	"SS=south sudan|ST=sao tome and principe|SV=el salvador|SX=sint maarten|SY=syria|SZ=eswatini,swaziland|" +
	"TC=turks and caicos islands|TD=chad|TF=french southern territories|TG=togo|TH=thailand|TJ=tajikistan|" +
	"TK=tokelau|TL=timor leste|TM=turkmenistan|TN=tunisia|TO=tonga|TR=turkiye,turkey|TT=trinidad and tobago|" +
	"TV=tuvalu|TW=taiwan|TZ=tanzania|UA=ukraine|UG=uganda|UM=us outlying islands|" +
	"US=united states,usa,united states of america,america|UY=uruguay|UZ=uzbekistan|VA=vatican city,vatican|" +
	"VC=saint vincent and grenadines|VE=venezuela|VG=british virgin islands|VI=us virgin islands|" +
	"VN=vietnam,viet nam|VU=vanuatu|WF=wallis and futuna|WS=samoa|YE=yemen|YT=mayotte|ZA=south africa|" +
	"ZM=zambia|ZW=zimbabwe"

// countryCode makes "de", "UK" and "EL" the codes of ISO 3166-1; ok says whether it can be one at all.
func countryCode(s string) (code string, ok bool) {
	code = upper(s)
	switch code {
	case "UK": // reserved in ISO 3166-1 for the United Kingdom
		code = "GB"
	case "EL": // the European Union's own code for Greece
		code = "GR"
	}
	return code, len(code) == 2 && isUpper(code[0]) && isUpper(code[1])
}

// countryNamed makes the code of an English name; "" when it is none.
func countryNamed(name string) string { return named(countryNames, name) }

// named finds the code of a name in a list "code=name,name|…"; it is "" when there is none.
func named(list, text string) string {
	name := plainName(text)
	if name == "" || len(name) > 60 {
		return ""
	}
	for _, entry := range strings.Split(list, "|") {
		code, names, _ := strings.Cut(entry, "=")
		for _, other := range strings.Split(names, ",") {
			if other == name {
				return code
			}
		}
	}
	return ""
}

// plainName is a name in small letters without accents, dots, apostrophes and "the", with spaces for dashes and in
// single ones.
func plainName(text string) string {
	if len(text) > 120 {
		return ""
	}
	var b strings.Builder
	for _, r := range lower(text) {
		switch {
		case r == '.' || r == '\'' || r == '’' || r == ',':
		case dash(r):
			b.WriteByte(' ')
		case r == '&':
			b.WriteString(" and ")
		case r < 0x80:
			b.WriteRune(r)
		default:
			b.WriteByte(withoutAccent(r))
		}
	}
	name := clean(b.String())
	name = strings.TrimPrefix(name, "the ")
	if rest, ok := strings.CutPrefix(name, "st "); ok {
		name = "saint " + rest
	}
	return name
}

// accents are the letters with accents in the English names of countries and states, each with the letter without.
const accents = "áaÁaãaÃaåaÅaçcÇcéeÉeíiÍiôoÔoöoÖoüuÜu"

// withoutAccent is the plain letter of one with an accent, or "?".
func withoutAccent(r rune) byte {
	for at, letter := range accents {
		if letter == r {
			return accents[at+2] // such a letter has two bytes
		}
	}
	return '?'
}
