package simulator

import (
	"bytes"
	"embed"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	klarnaPath = "/klarna/"
	booksPath  = "/_simulator/"
)

// shown is how many orders, and how many calls without an order, the books page shows.
const shown = 50

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"secret": func(name string) bool { return slices.Contains(credentialFields, name) },
	"clock":  func(t time.Time) string { return t.Format("2 Jan 15:04:05") },
	"slug":   func(status any) string { return strings.ToLower(strings.ReplaceAll(toText(status), "_", "-")) },
}).ParseFS(pageFiles, "pages/*"))

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
	Words      []MagicWord
	Statuses   []string
	Late       int
}

type orderView struct {
	Order
	Sessions []Session
	Calls    []callView
}

type callView struct {
	Call
	Names      []string
	Violations []Violation
}

func (s *Simulator) booksPages(mux *http.ServeMux) {
	mux.HandleFunc("GET "+booksPath+"{$}", func(w http.ResponseWriter, _ *http.Request) {
		show(w, http.StatusOK, "books.html", s.booksView())
	})
	mux.HandleFunc("POST "+booksPath+"status", func(w http.ResponseWriter, r *http.Request) {
		if err := s.SetStatus(r.PostFormValue("order"), r.PostFormValue("status")); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		http.Redirect(w, r, booksPath, http.StatusSeeOther)
	})
	mux.HandleFunc("POST "+booksPath+"release", func(w http.ResponseWriter, r *http.Request) {
		s.Release()
		http.Redirect(w, r, booksPath, http.StatusSeeOther)
	})
}

func (s *Simulator) booksView() booksView {
	s.mu.Lock()
	defer s.mu.Unlock()
	view := booksView{Words: Words(), Statuses: statuses, Violations: slices.Clone(s.violations), Late: len(s.late)}
	broken := map[int][]Violation{}
	for _, v := range s.violations {
		broken[v.Call] = append(broken[v.Call], v)
	}
	calls := map[string][]callView{}
	for _, c := range s.calls {
		copied := *c
		copied.Fields = maps.Clone(c.Fields)
		line := callView{Call: copied, Names: slices.Sorted(maps.Keys(c.Fields)), Violations: broken[c.N]}
		if s.orders[c.OrderID] == nil {
			view.Others = append(view.Others, line)
			continue
		}
		calls[c.OrderID] = append(calls[c.OrderID], line)
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
