package konnektive_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klarna-relay/worker/konnektive"
)

// keeping is a transport that keeps the form of the last call.
type keeping struct{ form string }

func (k *keeping) Post(_ context.Context, _, form string, _ time.Duration) (int, string, error) {
	k.form = form
	return http.StatusOK, `{"result":"SUCCESS","message":{}}`, nil
}

func FuzzTheFormIsReadBackAsItWasWritten(f *testing.F) {
	f.Add("firstName", "Änne O'Neill & Söhne=+%~*")
	f.Add("a&b=c", "\x00\x7f\u2028\xff")
	f.Fuzz(func(t *testing.T, name, value string) {
		if name == "loginId" || name == "password" {
			t.Skip("these are the client's")
		}
		transport := &keeping{}
		client := konnektive.Client{BaseURL: "https://crm.example", LoginID: "an+id", Password: "a&b", Transport: transport}
		client.Call(context.Background(), konnektive.ImportLead,
			konnektive.Form{}.All(map[string]string{name: value, "city": ""}, all))
		got, err := url.ParseQuery(transport.form)
		require.NoError(t, err)
		want := url.Values{"loginId": {"an+id"}, "password": {"a&b"}}
		if value != "" && name != "city" {
			want[name] = []string{value}
		}
		assert.Equal(t, want, got)
	})
}

func all(string) bool { return true }
