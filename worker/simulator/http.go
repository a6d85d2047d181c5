package simulator

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strconv"
)

// maxBody is far more than a call can need.
const maxBody = 1 << 20

// ServeHTTP answers the API, Klarna's pages and the books.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.http.ServeHTTP(w, r) }

// routes keeps the API out of the mux for pages, which would redirect unclean paths instead of passing them on.
func (s *Simulator) routes() http.Handler {
	pages := http.NewServeMux()
	s.klarnaPages(pages)
	s.booksPages(pages)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/" && r.Method == http.MethodGet && r.URL.RawQuery == "":
			http.Redirect(w, r, booksPath, http.StatusSeeOther)
		case under(r.URL.Path, klarnaPath), under(r.URL.Path, booksPath), r.URL.Path == "/favicon.ico":
			pages.ServeHTTP(w, r)
		default:
			s.serveAPI(w, r)
		}
	})
}

func under(path, root string) bool { return len(path) >= len(root) && path[:len(root)] == root }

func (s *Simulator) serveAPI(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return // the caller went away before its call had arrived
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	got := s.receive(arrival{
		method: r.Method, path: r.URL.Path, query: r.URL.RawQuery, contentType: r.Header.Get("Content-Type"),
		body: string(body), base: scheme + r.Host,
	})
	if got.fault.Answer == AnswerUnreached {
		reset(w)
		return
	}
	if err := s.wait(r.Context(), got, 0); err != nil {
		return // nobody waits any more
	}
	if got.fault.Answer == AnswerReset {
		reset(w)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(got.body)))
	w.WriteHeader(got.status)
	if got.fault.Answer == AnswerTorn {
		_, _ = io.WriteString(w, got.body[:len(got.body)/2])
		_ = http.NewResponseController(w).Flush()
		reset(w)
		return
	}
	_, _ = io.WriteString(w, got.body)
}

// reset breaks the connection, so that the caller sees a reset and not a polite end.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 resets the stream
	}
	plain := conn
	if secured, ok := conn.(*tls.Conn); ok {
		plain = secured.NetConn()
	}
	if tcp, ok := plain.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
		_ = tcp.Close()
	}
	_ = conn.Close()
}
