// Simulator is a simulated Konnektive CRM and Klarna as a program of its own, for a relay that runs elsewhere on
// this machine.
//
// Every flag can be set in the environment too: -slow-for as SIMULATOR_SLOW_FOR, and so on.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"klarna-relay/worker/simulator"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "simulator:", err)
		os.Exit(1)
	}
}

// run serves until the context ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("simulator", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var options simulator.Options
	address := flags.String("addr", "127.0.0.1:8788", "address to listen at; port 0 takes a free one")
	flags.StringVar(&options.LoginID, "login", simulator.DefaultLoginID, "loginId to accept")
	flags.StringVar(&options.Password, "password", simulator.DefaultPassword, "password to accept")
	if err := options.Settings.Flags(flags); err != nil {
		return err
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	options.Seed = uint64(time.Now().UnixNano()) // a relay's ledger outlives this program, so orderIds must not repeat

	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return fmt.Errorf("%w\nChoose another address with -addr, such as -addr 127.0.0.1:0", err)
	}
	server := &http.Server{Handler: simulator.New(options), ReadHeaderTimeout: 10 * time.Second}
	password := options.Password
	if password != simulator.DefaultPassword {
		password = "as given" // somebody may have given a real one
	}
	fmt.Fprintf(stdout, `Simulated Konnektive and Klarna
  API       http://%[1]s   (KONNEKTIVE_URL)
  Login     %[2]s
  Password  %[3]s
  Books     http://%[1]s/_simulator/
Stop with Ctrl-C.
`, listener.Addr(), options.LoginID, password)

	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
