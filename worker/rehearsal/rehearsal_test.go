package rehearsal

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheOrderOfTheRehearsalGoesTheWholeWay(t *testing.T) {
	for range 2 { // a program may be started more than once
		status, answer := Order(func(h http.Handler, body string, head ...string) (int, string) {
			r := httptest.NewRequest(head[0], head[1], strings.NewReader(body))
			r.RemoteAddr = head[2]
			for i := 3; i < len(head); i += 2 {
				r.Header.Set(head[i], head[i+1])
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w.Code, w.Body.String()
		})
		assert.Equal(t, http.StatusOK, status, answer)
		assert.Contains(t, answer, `"code":"redirect"`)
		assert.Contains(t, answer, `"url":"https://pay.invalid/1"`)
	}
}
