// Package tls is what net/http needs of crypto/tls so that it compiles. The edge program is built with it instead
// of the real one, by the overlay that cmd/overlay writes: the Workers runtime does all of TLS, and net/http's
// transport and server are never called. Everything here fails.
package tls

import (
	"context"
	"errors"
	"net"
)

var errNone = errors.New("tls: the runtime does TLS, not this program")

// Versions of TLS.
const (
	VersionTLS12 = 0x0303
	VersionTLS13 = 0x0304
)

// Certificate has no fields that net/http looks at.
type Certificate struct{}

// ClientHelloInfo has no fields that net/http looks at.
type ClientHelloInfo struct{}

// Config holds the fields that net/http reads and sets.
type Config struct {
	Certificates       []Certificate
	GetCertificate     func(*ClientHelloInfo) (*Certificate, error)
	GetConfigForClient func(*ClientHelloInfo) (*Config, error)
	InsecureSkipVerify bool
	MinVersion         uint16
	NextProtos         []string
	ServerName         string
}

// Clone returns a copy.
func (c *Config) Clone() *Config {
	clone := *c
	return &clone
}

// ConnectionState holds the fields that net/http reads.
type ConnectionState struct {
	NegotiatedProtocol         string
	NegotiatedProtocolIsMutual bool
	ServerName                 string
}

// RecordHeaderError is never returned.
type RecordHeaderError struct {
	Msg          string
	RecordHeader [5]byte
	Conn         net.Conn
}

func (e RecordHeaderError) Error() string { return "tls: " + e.Msg }

// Conn is a connection that nothing comes through.
type Conn struct{ net.Conn }

// Client returns a connection whose handshake fails.
func Client(conn net.Conn, _ *Config) *Conn { return &Conn{conn} }

// Server returns a connection whose handshake fails.
func Server(conn net.Conn, _ *Config) *Conn { return &Conn{conn} }

// ConnectionState returns the zero state.
func (*Conn) ConnectionState() ConnectionState { return ConnectionState{} }

// Handshake fails.
func (*Conn) Handshake() error { return errNone }

// HandshakeContext fails.
func (*Conn) HandshakeContext(context.Context) error { return errNone }

// NetConn returns the connection beneath.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// VerifyHostname fails.
func (*Conn) VerifyHostname(string) error { return errNone }

// NewListener returns the listener as it is.
func NewListener(inner net.Listener, _ *Config) net.Listener { return inner }

// LoadX509KeyPair fails.
func LoadX509KeyPair(_, _ string) (Certificate, error) { return Certificate{}, errNone }

// X509KeyPair fails.
func X509KeyPair(_, _ []byte) (Certificate, error) { return Certificate{}, errNone }
