// Checkconfig checks wrangler.toml and the secrets at hand before a deploy, whole and in every environment: what
// the Worker would refuse at its first request (the rules are the Worker's own, package config), and what only
// shows once it is deployed: bindings, migrations, switches that must not be left at Cloudflare's defaults for a
// Worker that takes orders.
//
//	go run ./worker/cmd/checkconfig [-file wrangler.toml] [-env staging] [-secrets-file FILE]
//
// It prints every fault with its cure and exits with 1, or a summary of what is sold where. Hints do not fail.
// Values of secrets are never printed.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"klarna-relay/worker/landersfile"
)

func main() {
	os.Exit(run(os.Args[1:], os.LookupEnv, os.Stdout))
}

// run is the program. lookup reads the environment, which may hold secrets by their names.
func run(args []string, lookup func(string) (string, bool), out io.Writer) int {
	flags := flag.NewFlagSet("checkconfig", flag.ContinueOnError)
	flags.SetOutput(out)
	file := flags.String("file", "wrangler.toml", "the Worker's configuration")
	only := flags.String("env", "", "check only this environment of it, e.g. staging (default: the top level and all "+
		"environments)")
	secretsFile := flags.String("secrets-file", "",
		"a file of NAME=value lines with all secrets of the deploy: what it lacks is a fault then, not a hint")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 1
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(out, "checkconfig: unexpected argument %q; see checkconfig -help\n", flags.Arg(0))
		return 1
	}

	top, landers, err := read(*file)
	if err != nil {
		fmt.Fprintln(out, err)
		return 1
	}
	environments, err := choose(top, *only)
	if err != nil {
		fmt.Fprintf(out, "%s: %v\n", *file, err)
		return 1
	}
	folder := filepath.Dir(*file)
	p := place{folder: folder, landers: landers.File(), today: time.Now(), alone: *only != ""}
	status := 0
	for i, e := range environments {
		secrets, err := readSecrets(*secretsFile, folder, e.name, lookup)
		if err != nil {
			fmt.Fprintf(out, "checkconfig: %v\n", err)
			return 1
		}
		found := check(e, secrets, p)
		if i > 0 {
			fmt.Fprintln(out)
		}
		found.print(out, *file, e)
		if len(found.faults) > 0 {
			status = 1
		}
	}
	return status
}

// read reads wrangler.toml, and the landers.toml of the same repository. The error is what to print.
func read(file string) (top map[string]any, landers landersfile.Table, err error) {
	const unreadable = "%s: it is not TOML that can be read, so nothing else was checked:\n%s"
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, landers, fmt.Errorf("checkconfig: %w: run it where wrangler.toml is (the top of the repository), or "+
			"name the file by -file", err)
	}
	if err := toml.Unmarshal(text, &top); err != nil {
		return nil, landers, fmt.Errorf(unreadable, file, readable(err))
	}
	landers, err = landersfile.Read(filepath.Join(filepath.Dir(file), landersfile.Path))
	if err != nil {
		return nil, landers, fmt.Errorf(unreadable, landersfile.Path, readable(err))
	}
	return top, landers, nil
}

// readable is a TOML error with the line it is in, where the parser knows it. What it quotes of the file is left
// out: it may be a secret.
func readable(err error) string {
	var parse toml.ParseError
	if !errors.As(err, &parse) {
		return "  " + err.Error()
	}
	if strings.HasSuffix(parse.Message, "has already been defined.") { // which quotes keys alone
		return fmt.Sprintf("  line %d: %s Keep one of them", parse.Position.Line, parse.Message)
	}
	parts := strings.Split(parse.Message, `"`)
	for i := 1; i < len(parts); i += 2 {
		parts[i] = "…"
	}
	return fmt.Sprintf("  line %d: %s", parse.Position.Line, strings.Join(parts, `"`))
}
