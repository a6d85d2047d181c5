// Package operator asks a deployed Worker what only the holder of its ADMIN_TOKEN may know. The token comes from the
// environment, so that it stands in no shell history and in no list of processes.
package operator

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// Token is the ADMIN_TOKEN of the environment.
func Token() (string, error) {
	token := os.Getenv("ADMIN_TOKEN")
	if token == "" {
		return "", errors.New("put the Worker's ADMIN_TOKEN into the environment: read -rs ADMIN_TOKEN && export ADMIN_TOKEN")
	}
	return token, nil
}

// Get asks the shop at an address, such as https://shop.example, for a path below it.
func Get(shop, path, token string) (status int, body []byte, err error) {
	r, err := http.NewRequest(http.MethodGet, strings.TrimSuffix(shop, "/")+path, nil)
	if err != nil {
		return 0, nil, err
	}
	if host := r.URL.Hostname(); r.URL.Scheme != "https" && host != "localhost" && host != "127.0.0.1" {
		return 0, nil, fmt.Errorf("%s is not https, and the token must not travel in the open", shop)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	client := http.Client{
		Timeout: 90 * time.Second, // longer than the longest call to Konnektive
		// A redirect would carry the token along.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return 0, nil, fmt.Errorf("the answer broke off: %w", err)
	}
	if res.StatusCode == http.StatusUnauthorized {
		return 0, nil, errors.New("the Worker has another ADMIN_TOKEN: set it again with `wrangler secret put ADMIN_TOKEN`")
	}
	return res.StatusCode, body, nil
}
