// Package operator asks a deployed Worker what only the holder of its ADMIN_TOKEN may know. The token comes from the
// environment, so that it gets into no shell history and no list of processes.
package operator

import (
	"encoding/json"
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

// Ask asks the shop at an address for a path below it, and reads the JSON of the answer. What the Worker refuses, and
// an answer that is not the Worker's, is an error.
func Ask(shop, path string, answer any) error {
	token, err := Token()
	if err != nil {
		return err
	}
	status, body, err := Get(shop, path, token)
	if err != nil {
		return err
	}
	var refusal struct{ Error string }
	if json.Unmarshal(body, &refusal) != nil || json.Unmarshal(body, answer) != nil {
		return fmt.Errorf("the Worker answered %d, and nothing that can be read; is %s the shop, and has it an ADMIN_TOKEN?",
			status, shop)
	}
	switch {
	case refusal.Error != "":
		return errors.New(refusal.Error)
	case status != http.StatusOK:
		return fmt.Errorf("the Worker answered %d; its log says why", status)
	}
	return nil
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
	switch res.StatusCode {
	case http.StatusUnauthorized:
		return 0, nil, errors.New("the Worker has another ADMIN_TOKEN: set it again with `make secrets SECRETS=ADMIN_TOKEN`")
	case http.StatusTooManyRequests:
		return 0, nil, errors.New("the Worker was asked too often from here, or with wrong tokens: try again in a minute")
	}
	return res.StatusCode, body, nil
}
