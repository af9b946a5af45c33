package cluster

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"fhevm/disk"
	"fhevm/fhe"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// ServerConfig says how a leader's own NATS server is reached.
type ServerConfig struct {
	Listen    string // HOST:PORT; port 0 takes a free one
	Dir       string // of JetStream's files
	Token     string // that clients must know
	Cert, Key string // TLS files; required unless Listen is this machine only
}

// Server is a NATS server in this process.
type Server struct{ server *server.Server }

// startLimit is how long a server may take to begin.
const startLimit = 10 * time.Second

// StartServer starts a server and returns when it takes connections.
func StartServer(cfg ServerConfig) (*Server, error) {
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("cluster address: %w", err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("cluster address %s: %w", cfg.Listen, err)
	}
	o := &server.Options{
		ServerName: "fhevm-" + rand.Text(), Host: host, Port: int(number), NoLog: true, NoSigs: true, JetStream: true,
		StoreDir: cfg.Dir, Authorization: cfg.Token, MaxPayload: 2 * maxMessage, DisableJetStreamBanner: true,
	}
	if number == 0 {
		o.Port = server.RANDOM_PORT
	}
	switch {
	case cfg.Token == "":
		return nil, errors.New("a cluster needs a token")
	case cfg.Cert != "":
		if err := useTLS(o, cfg); err != nil {
			return nil, err
		}
	case !isLoopback(host):
		return nil, fmt.Errorf("cluster address %s can be reached by other machines: give a certificate and its key", cfg.Listen)
	}
	s, err := server.NewServer(o)
	if err != nil {
		return nil, fmt.Errorf("start the cluster's server: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(startLimit) {
		s.Shutdown()
		return nil, fmt.Errorf("the cluster's server does not listen on %s: is the port taken?", cfg.Listen)
	}
	return &Server{s}, nil
}

func useTLS(o *server.Options, cfg ServerConfig) error {
	cert, err := tls.LoadX509KeyPair(cfg.Cert, cfg.Key)
	if err != nil {
		return fmt.Errorf("cluster certificate: %w", err)
	}
	o.TLS, o.TLSConfig = true, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}
	o.TLSTimeout = 5
	return nil
}

// URL is where workers of this machine reach the server.
func (s *Server) URL() string { return s.server.ClientURL() }

// Connect returns a connection within this process.
func (s *Server) Connect(a Access) (*nats.Conn, error) {
	return nats.Connect("", nats.InProcessServer(s.server), nats.Name(a.Name), nats.Token(a.Token), nats.MaxReconnects(-1))
}

// Close stops the server and waits for that.
func (s *Server) Close() error {
	s.server.Shutdown()
	s.server.WaitForShutdown()
	return nil
}

// Access says how a NATS server is reached.
type Access struct {
	URL   string
	Token string
	CA    string // file with the certificates to trust; default those of the system
	Name  string // of this client, for people
}

// Connect returns a connection that mends itself for ever. The first attempt may
// fail too: the server may start later.
func Connect(a Access, log *slog.Logger) (*nats.Conn, error) {
	u, err := url.Parse(a.URL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("cluster %q: want nats://HOST:PORT or tls://HOST:PORT", a.URL)
	}
	if u.User != nil {
		return nil, errors.New("the cluster's URL must not hold credentials: put the token into a file")
	}
	if u.Scheme != "tls" && !isLoopback(u.Hostname()) {
		return nil, fmt.Errorf("cluster %s is another machine: want tls://HOST:PORT", a.URL)
	}
	options := []nats.Option{
		nats.Name(a.Name), nats.Token(a.Token), nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(200 * time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		nats.PingInterval(2 * time.Second), nats.MaxPingsOutstanding(2), nats.Timeout(2 * time.Second),
		nats.ReconnectBufSize(-1), nats.IgnoreAuthErrorAbort(), // the server may learn the token later
		nats.ReconnectErrHandler(warnOnce(a.URL, log)),
		nats.ConnectHandler(func(*nats.Conn) { log.Info("connected to the cluster", "url", a.URL) }),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("connected to the cluster again", "url", a.URL) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("the connection to the cluster is lost", "url", a.URL, "error", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("cluster", "error", err) }),
	}
	if u.Scheme == "tls" {
		config := &tls.Config{MinVersion: tls.VersionTLS13}
		if a.CA != "" {
			if config.RootCAs, err = readCA(a.CA); err != nil {
				return nil, err
			}
		}
		options = append(options, nats.Secure(config))
	}
	return nats.Connect(a.URL, options...)
}

// warnOnce tells the first attempt that fails, and none of those that follow.
func warnOnce(url string, log *slog.Logger) nats.ConnErrHandler {
	var once sync.Once
	return func(_ *nats.Conn, err error) {
		once.Do(func() {
			log.Warn("the cluster cannot be reached: trying on", "url", url, "error", err, "advice", connectAdvice)
		})
	}
}

const connectAdvice = "start the server, and compare URL, token and certificates with its own"

// AwaitConnection waits until the first connection to the server at url is there. Its error says why
// it was not before ctx ended, and what to do.
func AwaitConnection(ctx context.Context, conn *nats.Conn, url string) error {
	for !conn.IsConnected() {
		if !sleep(ctx, connectPoll) {
			return fmt.Errorf("connect to the cluster at %s: %w: %s", url, errors.Join(conn.LastError(), ctx.Err()), connectAdvice)
		}
	}
	return nil
}

const connectPoll = 20 * time.Millisecond

func readCA(path string) (*x509.CertPool, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cluster CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("cluster CA: %s holds no certificate", path)
	}
	return pool, nil
}

// maxToken bounds a token's file.
const maxToken = 1 << 10

// ReadToken reads the token that a cluster's machines share. Nobody else may read
// the file.
func ReadToken(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("cluster token: there is no %s: copy it from the node with --cluster, which makes it as cluster/token in its data folder", path)
	case err != nil:
		return "", fmt.Errorf("cluster token: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("cluster token: others may read %s: run chmod 600 %s", path, path)
	}
	if info.Size() > maxToken {
		return "", fmt.Errorf("cluster token: %s has %d bytes, want at most %d", path, info.Size(), maxToken)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("cluster token: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if token == "" {
		return "", fmt.Errorf("cluster token: %s is empty: remove it, and a node with a server of its own makes another", path)
	}
	return token, nil
}

// MakeToken is ReadToken of a file that is made, with a random token, if there is
// none.
func MakeToken(path string) (string, error) {
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return ReadToken(path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("cluster token: %w", err)
	}
	if err := writeToken(path, rand.Text()); err != nil {
		return "", fmt.Errorf("cluster token: %w", err)
	}
	return ReadToken(path)
}

// writeToken makes the file durable before it has its name: a crash leaves all of it
// or none.
func writeToken(path, token string) error {
	return disk.Replace(path, 0o600, strings.NewReader(token+"\n").WriteTo)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// label names a domain in subjects and streams.
func label(d fhe.Domain) string {
	h := fhe.Keccak([]byte("fhevm cluster"), d.Append(nil))
	return hex.EncodeToString(h[:8])
}

func subject(d fhe.Domain, what string) string { return "fhevm." + label(d) + "." + what }

// sleep waits, and reports false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
