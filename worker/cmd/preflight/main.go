// Preflight asks a deployed Worker's /api/preflight what works, and prints what
// it says. The ADMIN_TOKEN comes from the environment, so that it stands in no
// shell history and no list of processes.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Getenv("ADMIN_TOKEN"), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "preflight:", err)
		os.Exit(1)
	}
}

// run asks the shop that args name. The error says what is not as it should be.
func run(args []string, token string, out io.Writer) error {
	switch {
	case len(args) != 1 || args[0] == "":
		return fmt.Errorf("say which shop: make preflight URL=https://shop.example")
	case token == "":
		return fmt.Errorf("put the Worker's ADMIN_TOKEN into the environment: read -rs ADMIN_TOKEN && export ADMIN_TOKEN")
	}
	r, err := http.NewRequest(http.MethodGet, strings.TrimSuffix(args[0], "/")+"/api/preflight", nil)
	if err != nil {
		return err
	}
	if host := r.URL.Hostname(); r.URL.Scheme != "https" && host != "localhost" && host != "127.0.0.1" {
		return fmt.Errorf("%s is not https, and the token must not travel in the open", args[0])
	}
	r.Header.Set("Authorization", "Bearer "+token)
	client := http.Client{
		Timeout: 90 * time.Second, // longer than the longest call to Konnektive
		// A redirect would carry the token along.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("the answer broke off: %w", err)
	}
	var pretty bytes.Buffer
	if json.Indent(&pretty, body, "", "  ") != nil {
		pretty.Reset()
		pretty.Write(body)
	}
	fmt.Fprintln(out, pretty.String())
	switch res.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusUnauthorized:
		return fmt.Errorf("the Worker has another ADMIN_TOKEN: set it again with `wrangler secret put ADMIN_TOKEN`")
	case http.StatusNotFound:
		return fmt.Errorf("the Worker has no ADMIN_TOKEN, or %s is another one: `wrangler secret put ADMIN_TOKEN`", args[0])
	}
	return fmt.Errorf("the Worker answered %s", res.Status)
}
