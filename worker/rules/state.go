package rules

import "strings"

// States by country: "code=name|…", names in lower case. The United States' are those of the Postal Service, with
// the territories and the armed forces' three.
const (
	statesUS = "AL=alabama|AK=alaska|AZ=arizona|AR=arkansas|CA=california|CO=colorado|CT=connecticut|DE=delaware|DC=d" +
		"istrict of columbia,washington dc|" +
		"FL=florida|GA=georgia|HI=hawaii|ID=idaho|IL=illinois|IN=indiana|IA=iowa|KS=kansas|KY=kentucky|LA=louisiana|ME=m" +
		"aine|MD=maryland|" +
		"MA=massachusetts|MI=michigan|MN=minnesota|MS=mississippi|MO=missouri|MT=montana|NE=nebraska|NV=nevada|NH=new " +
		"hampshire|" +
		"NJ=new jersey|NM=new mexico|NY=new york|NC=north carolina|ND=north dakota|OH=ohio|OK=oklahoma|OR=oregon|PA=penn" +
		"sylvania|" +
		"RI=rhode island|SC=south carolina|SD=south dakota|TN=tennessee|TX=texas|UT=utah|VT=vermont|VA=virginia|WA=washi" +
		"ngton|" +
		"WV=west virginia|WI=wisconsin|WY=wyoming|PR=puerto rico|GU=guam|VI=virgin islands|AS=american samoa|" +
		"MP=northern mariana islands|AA=armed forces americas|AE=armed forces europe|AP=armed forces pacific"
	statesCA = "AB=alberta|BC=british columbia|MB=manitoba|NB=new brunswick|NL=newfoundland and " +
		"labrador,newfoundland|NS=nova scotia|" +
		"NT=northwest territories|NU=nunavut|ON=ontario|PE=prince edward island|QC=quebec|SK=saskatchewan|YT=yukon"
	statesAU = "ACT=australian capital territory|NSW=new south wales|NT=northern territory|QLD=queensland|SA=south " +
		"australia|" +
		"TAS=tasmania|VIC=victoria|WA=western australia"
)

// statesOf are the states of a country whose addresses need one.
func statesOf(code string) string {
	switch code {
	case "AU":
		return statesAU
	case "CA":
		return statesCA
	case "US":
		return statesUS
	}
	return ""
}

// stateCode finds a state by code ("ca", "US-CA", "N.Y.") or English name ("California"), or returns "".
func stateCode(states, text string) string {
	s := upper(text)
	if len(s) > 3 && s[2] == '-' { // ISO 3166-2
		s = s[3:]
	}
	s = strings.ReplaceAll(s, ".", "")
	for _, state := range strings.Split(states, "|") {
		if code, _, _ := strings.Cut(state, "="); s == code {
			return code
		}
	}
	return named(states, text)
}
