package simulator

import (
	"bytes"
	"embed"
	"html/template"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	klarnaPath = "/klarna/"
	booksPath  = "/_simulator/"
)

// shown is how many orders or calls a page shows.
const shown = 50

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"secret": func(name string) bool { return slices.Contains(credentialFields, name) },
	"hide":   hideCredentials,
	"clock":  func(t time.Time) string { return t.Format("2 Jan 15:04:05") },
	"slug":   func(status any) string { return strings.ToLower(strings.ReplaceAll(toText(status), "_", "-")) },
}).ParseFS(pageFiles, "pages/*"))

// hideCredentials puts dots in place of the credentials in a query.
func hideCredentials(query string) string {
	return secretInQuery.ReplaceAllString(query, "$1$2=••••")
}

var secretInQuery = regexp.MustCompile(`(?i)(^|&)(loginId|password)=[^&]*`)

func toText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case SessionState:
		return string(v)
	}
	return ""
}

// show answers a page. Nothing of the simulator may be kept by a browser: going back must show the truth.
func show(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, name, data); err != nil {
		http.Error(w, "this page of the simulator is broken: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w)
}

// klarnaView is what Klarna's pages show.
type klarnaView struct {
	Session Session
	Order   Order
	Expired bool
	Target  string // browsing context a button's answer goes to
	Books   string
	Return  Return
}

func (s *Simulator) klarnaPages(mux *http.ServeMux) {
	mux.HandleFunc(klarnaPath+"{session}", func(w http.ResponseWriter, r *http.Request) {
		view, ok := s.klarnaView(r.PathValue("session"))
		if !ok {
			show(w, http.StatusNotFound, "no-session.html", klarnaView{Books: booksPath})
			return
		}
		show(w, http.StatusOK, "klarna.html", view)
	})
	mux.HandleFunc("POST "+klarnaPath+"{session}/{action}", s.serveShopper)
}

func (s *Simulator) klarnaView(id string) (klarnaView, bool) {
	session, ok := s.Session(id)
	if !ok {
		return klarnaView{}, false
	}
	order, _ := s.Order(session.OrderID)
	view := klarnaView{Session: session, Order: order, Target: "_self", Books: booksPath,
		Expired: session.State == SessionOpen && session.expired(s.now())}
	if session.redirect == RedirectIFrame {
		view.Target = "_top"
	}
	return view, true
}

// serveShopper does what a shopper's button says and sends the browser back as the real one does.
func (s *Simulator) serveShopper(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("session")
	actions := map[string]func(string) (Return, error){
		"approve": s.Approve, "approve-by-get": s.Approve, "approve-and-stay": s.Approve,
		"decline": s.Decline, "cancel": s.Cancel, "forge": s.Forge,
		"leave": func(string) (Return, error) { return Return{}, nil },
	}
	action := r.PathValue("action")
	do, known := actions[action]
	if _, ok := s.Session(id); !ok || !known {
		show(w, http.StatusNotFound, "no-session.html", klarnaView{Books: booksPath})
		return
	}
	back, err := do(id)
	view, _ := s.klarnaView(id)
	view.Return = back
	switch {
	case err != nil: // decided before, in another tab, or too late: the page says so
		show(w, http.StatusConflict, "klarna.html", view)
	case action == "leave", action == "approve-and-stay":
		show(w, http.StatusOK, "left.html", view)
	case action == "approve-by-get" && back.Method == http.MethodPost:
		http.Redirect(w, r, back.URL+"?"+back.Form.Encode(), http.StatusSeeOther)
	case back.Method == http.MethodGet:
		http.Redirect(w, r, back.URL, http.StatusSeeOther)
	default:
		show(w, http.StatusOK, "return.html", view)
	}
}

// booksView is what the books page shows.
type booksView struct {
	Orders     []orderView
	Hidden     int // older orders that are not shown
	Others     []callView
	Violations []Violation
	Statuses   []string
	Late       int
	Answers    []string // names of the variations
	Answer     string   // the one that counts; "" for settings of the operator's own
}

type orderView struct {
	Order
	Sessions []Session
	Calls    []callView
}

// requestsView is what the page of requests shows.
type requestsView struct {
	Wanted string // what the requests shown have to do with
	Calls  []callView
	Hidden int // older ones that are not shown
	All    int
}

type callView struct {
	Call
	Groups     []fieldGroup
	Violations []Violation
}

// Names are how many fields the call had.
func (c callView) Names() int { return len(c.Fields) }

// A fieldGroup is fields of a call that belong together.
type fieldGroup struct {
	Title string
	Names []string
}

// groupTitles are the groups in the order in which they are shown.
var groupTitles = []string{"Shopper", "Cart", "Payment", "Tracking", "Access", "Others"}

func groupOf(name string) string {
	switch {
	case slices.Contains(customerFields, name), name == "billShipSame":
		return "Shopper"
	case numbered.MatchString(name), priceField.MatchString(name), name == "couponCode", name == "shipProfileId",
		name == "orderId":
		return "Cart"
	case slices.Contains(paymentFields, name), cardField.MatchString(name):
		return "Payment"
	case slices.Contains(trackingFields, name), custom.MatchString(name), name == "pageType", name == "requestUri":
		return "Tracking"
	case slices.Contains(credentialFields, name):
		return "Access"
	}
	return "Others"
}

func groups(fields map[string]string) (all []fieldGroup) {
	names := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		names[groupOf(name)] = append(names[groupOf(name)], name)
	}
	for _, title := range groupTitles {
		if len(names[title]) > 0 {
			all = append(all, fieldGroup{title, names[title]})
		}
	}
	return all
}

func (s *Simulator) booksPages(mux *http.ServeMux) {
	mux.HandleFunc("GET "+booksPath+"{$}", func(w http.ResponseWriter, _ *http.Request) {
		show(w, http.StatusOK, "books.html", s.booksView())
	})
	mux.HandleFunc("GET "+booksPath+"requests", func(w http.ResponseWriter, r *http.Request) {
		show(w, http.StatusOK, "requests.html", s.requestsView(r.FormValue("about")))
	})
	mux.HandleFunc("GET "+booksPath+"addresses", func(w http.ResponseWriter, _ *http.Request) {
		show(w, http.StatusOK, "addresses.html", Words())
	})
	mux.HandleFunc("POST "+booksPath+"answers", func(w http.ResponseWriter, r *http.Request) {
		if !s.vary(r.PostFormValue("variation")) {
			http.Error(w, "There is no such way to answer.", http.StatusNotFound)
			return
		}
		http.Redirect(w, r, booksPath, http.StatusSeeOther)
	})
	mux.HandleFunc("POST "+booksPath+"status", func(w http.ResponseWriter, r *http.Request) {
		if err := s.SetStatus(r.PostFormValue("order"), r.PostFormValue("status")); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		http.Redirect(w, r, booksPath+"#order-"+r.PostFormValue("order"), http.StatusSeeOther)
	})
	mux.HandleFunc("POST "+booksPath+"release", func(w http.ResponseWriter, r *http.Request) {
		s.Release()
		http.Redirect(w, r, booksPath, http.StatusSeeOther)
	})
}

// vary applies a variation to the settings that the simulator was made with, and tells whether there is one of that
// name.
func (s *Simulator) vary(name string) bool {
	for _, v := range Variations() {
		if v.Name == name {
			settings := s.options.Settings
			v.Apply(&settings)
			s.Set(func(now *Settings) { *now = settings })
			return true
		}
	}
	return false
}

// variation is the name of the variation that counts now; "" for other settings. The caller holds the lock.
func (s *Simulator) variation() string {
	for _, v := range Variations() {
		settings := s.options.Settings
		v.Apply(&settings)
		if settings.withDefaults() == s.settings {
			return v.Name
		}
	}
	return ""
}

func (s *Simulator) booksView() booksView {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passTime()
	view := booksView{Statuses: statuses, Violations: slices.Clone(s.violations), Late: len(s.late),
		Answer: s.variation()}
	for _, v := range Variations() {
		view.Answers = append(view.Answers, v.Name)
	}
	calls := map[string][]callView{}
	for _, line := range s.callViews() {
		if s.orders[line.OrderID] == nil {
			view.Others = append(view.Others, line)
			continue
		}
		calls[line.OrderID] = append(calls[line.OrderID], line)
	}
	sessions := map[string][]Session{}
	for _, id := range s.sessionIDs {
		session := *s.sessions[id]
		sessions[session.OrderID] = append(sessions[session.OrderID], session)
	}
	for _, id := range slices.Backward(s.orderIDs) {
		if len(view.Orders) == shown {
			view.Hidden = len(s.orderIDs) - shown
			break
		}
		view.Orders = append(view.Orders, orderView{Order: s.orders[id].clone(), Sessions: sessions[id], Calls: calls[id]})
	}
	slices.Reverse(view.Others)
	view.Others = view.Others[:min(len(view.Others), shown)]
	return view
}

// requestsView are the calls that have to do with something: an order, an e-mail address, a part of the path or of a
// field. Of all of them when it is empty.
func (s *Simulator) requestsView(about string) requestsView {
	s.mu.Lock()
	defer s.mu.Unlock()
	view := requestsView{Wanted: about, All: len(s.calls)}
	for _, line := range slices.Backward(s.callViews()) {
		if !line.isAbout(about) {
			continue
		}
		if len(view.Calls) == shown {
			view.Hidden++
			continue
		}
		view.Calls = append(view.Calls, line)
	}
	return view
}

func (c callView) isAbout(about string) bool {
	about = strings.ToLower(strings.TrimSpace(about))
	in := func(text string) bool { return strings.Contains(strings.ToLower(text), about) }
	if in(c.OrderID) || in(c.Email) || in(c.Path) {
		return true
	}
	for name, value := range c.Fields {
		if !slices.Contains(credentialFields, name) && (in(name) || in(value)) {
			return true
		}
	}
	return false
}

// callViews are all calls as the pages show them. The caller holds the lock.
func (s *Simulator) callViews() []callView {
	broken := map[int][]Violation{}
	for _, v := range s.violations {
		broken[v.Call] = append(broken[v.Call], v)
	}
	views := make([]callView, 0, len(s.calls))
	for _, c := range s.calls {
		copied := *c
		copied.Fields = maps.Clone(c.Fields)
		views = append(views, callView{Call: copied, Groups: groups(c.Fields), Violations: broken[c.N]})
	}
	return views
}
