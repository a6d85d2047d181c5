// Preflight asks the deployed Worker's /api/preflight what works, prints what it says, and exits with 1 when a
// check fails.
//
//	preflight https://shop.example        this host
//	preflight [-env staging]              every host of wrangler.toml and landers.toml
//
// The ADMIN_TOKEN comes from the environment, so that it gets into no shell history and no list of processes.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"klarna-relay/worker/landersfile"
	"klarna-relay/worker/operator"
)

func main() {
	if err := run(os.Args[1:], os.Getenv("ADMIN_TOKEN"), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "preflight:", err)
		os.Exit(1)
	}
}

// run asks the shop that args name, or all shops. The error says what is wrong.
func run(args []string, token string, out io.Writer) error {
	flags := flag.NewFlagSet("preflight", flag.ContinueOnError)
	flags.SetOutput(out)
	environment := flags.String("env", "", "the environment whose hosts are asked; default: the top level")
	if err := flags.Parse(args); err != nil {
		return err
	}
	shops := slices.DeleteFunc(flags.Args(), func(text string) bool { return text == "" })
	if len(shops) == 0 {
		hosts, err := hostsOf("wrangler.toml", landersfile.Path, *environment)
		if err != nil {
			return err
		}
		if len(hosts) == 0 {
			return errors.New("wrangler.toml names no host: make preflight URL=https://shop.example")
		}
		for _, host := range hosts {
			shops = append(shops, "https://"+host)
		}
	}
	if token == "" {
		_, err := operator.Token()
		return err
	}
	var failed []string
	for _, shop := range shops {
		if err := ask(shop, token, out); err != nil {
			fmt.Fprintf(out, "%s: %v\n", shop, err)
			failed = append(failed, shop)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d hosts are not ready: %s", len(failed), len(shops), strings.Join(failed, ", "))
	}
	return nil
}

// ask asks one shop.
func ask(shop, token string, out io.Writer) error {
	status, body, err := operator.Get(shop, "/api/preflight", token)
	if err != nil {
		return err
	}
	switch status {
	case http.StatusOK:
	case http.StatusNotFound:
		return errors.New("the Worker has no ADMIN_TOKEN, or another one answers there: `make secrets SECRETS=ADMIN_TOKEN`")
	default:
		return fmt.Errorf("the Worker answered %d", status)
	}
	var said struct {
		Lander, Level string
		Checks        []struct{ Check, Level, Text, Cure string }
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return errors.New("what answers there is no relay")
	}
	fmt.Fprintf(out, "%s (lander %s): %s\n", shop, said.Lander, said.Level)
	for _, c := range said.Checks {
		fmt.Fprintf(out, "  %-4s %-12s %s\n", c.Level, c.Check, strings.TrimSpace(c.Text+" "+c.Cure))
	}
	if said.Level == "fail" {
		return errors.New("a check fails")
	}
	return nil
}

// hostsOf are the hosts that landers are named for, and those of routes. Wildcards are no hosts.
func hostsOf(wranglerFile, landersFile, environment string) ([]string, error) {
	var all map[string]any
	if _, err := toml.DecodeFile(wranglerFile, &all); err != nil {
		return nil, fmt.Errorf("read %s: %w", wranglerFile, err)
	}
	if environment != "" {
		environments, _ := all["env"].(map[string]any)
		own, ok := environments[environment].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("there is no [env.%s] in %s", environment, wranglerFile)
		}
		all = own
	}
	table, err := landersfile.Read(landersFile)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", landersFile, err)
	}
	var hosts []string
	add := func(host string) {
		host, _, _ = strings.Cut(strings.ToLower(host), "/")
		if strings.Contains(host, ".") && !strings.Contains(host, "*") && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	vars, _ := all["vars"].(map[string]any)
	landers, _ := vars["LANDERS"].(map[string]any)
	for host := range landers {
		add(host)
	}
	if file := table.File(); file != nil && environment == "" {
		for host := range strings.SplitSeq(file(""), "\n") {
			add(host)
		}
	}
	routes, _ := all["routes"].([]map[string]any)
	if list, ok := all["routes"].([]any); ok {
		for _, r := range list {
			if t, ok := r.(map[string]any); ok {
				routes = append(routes, t)
			} else if text, ok := r.(string); ok {
				add(text)
			}
		}
	}
	for _, r := range routes {
		if pattern, ok := r["pattern"].(string); ok {
			add(pattern)
		}
	}
	slices.Sort(hosts)
	return hosts, nil
}
