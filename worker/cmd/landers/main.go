// Landers writes worker/landers.toml as a JavaScript module, which becomes a part of the Worker's script: its default
// export is the lines in which the Worker finds a host (package landersfile), or "" when there is no file.
//
//	go run ./worker/cmd/landers worker/build/landers.mjs
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/BurntSushi/toml"

	"klarna-relay/worker/landersfile"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: landers worker/build/landers.mjs")
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
	text, err := json.Marshal(table)
	if err != nil {
		return err
	}
	module := fmt.Appendf(nil, "export default %s;\n", text)
	if present, err := os.ReadFile(to); err == nil && bytes.Equal(present, module) {
		return nil
	}
	return os.WriteFile(to, module, 0o644)
}
