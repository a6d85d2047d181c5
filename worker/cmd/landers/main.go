// Landers writes worker/landers.toml as the lines in which the Worker finds a host (package landersfile), an empty
// line when there is none.
//
//	go run ./worker/cmd/landers worker/build/landers.txt
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/BurntSushi/toml"

	"klarna-relay/worker/landersfile"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: landers worker/build/landers.txt")
		os.Exit(2)
	}
	if err := write(landersfile.Path, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "landers:", err)
		os.Exit(1)
	}
}

// write leaves a file that is as it should be alone, so that nothing is rebuilt for it.
func write(from, to string) error {
	table, err := landersfile.Read(from)
	if err != nil {
		if parse := (toml.ParseError{}); errors.As(err, &parse) {
			return fmt.Errorf("%s cannot be read, line %d: %s", from, parse.Position.Line, parse.Message)
		}
		return err
	}
	if table == "" {
		table = "\n" // not every tool takes a module without a byte
	}
	if present, err := os.ReadFile(to); err == nil && bytes.Equal(present, []byte(table)) {
		return nil
	}
	return os.WriteFile(to, []byte(table), 0o644)
}
