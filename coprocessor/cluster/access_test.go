package cluster

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestToken makes a token that only its owner reads, and takes no other file.
func TestToken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cluster", "token")
	first, err := MakeToken(path)
	if err != nil || len(first) < 20 {
		t.Fatalf("%d bytes, %v", len(first), err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if again, err := MakeToken(path); err != nil || again != first {
		t.Errorf("the second time it is another: %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadToken(path); err == nil || !strings.Contains(err.Error(), "chmod 600") || strings.Contains(err.Error(), first) {
		t.Errorf("a file that others may read: %v", err)
	}
}

// TestAccess keeps strangers out, and plain text on this machine.
func TestAccess(t *testing.T) {
	s := startServer(t)
	nc, err := Connect(Access{URL: s.URL(), Token: "guess", Name: "stranger"}, discard)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := nc.FlushTimeout(500 * time.Millisecond); err == nil {
		t.Error("a stranger is let in")
	}
	for address, want := range map[string]string{"0.0.0.0:0": "certificate", "10.0.0.1:0": "certificate", ":0": "certificate", "here": "missing port"} {
		if _, err := StartServer(ServerConfig{Listen: address, Dir: t.TempDir(), Token: token}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := StartServer(ServerConfig{Listen: "127.0.0.1:0", Dir: t.TempDir()}); err == nil {
		t.Error("a server without a token")
	}
	for url, want := range map[string]string{
		"nats://10.0.0.1:4222": "want tls://", "nats://me:secret@localhost:1": "must not hold credentials", "what": "want nats://",
	} {
		if _, err := Connect(Access{URL: url, Token: token}, discard); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestMakeTokenAfterACrash: no part of a token has its name, and an empty file is told with what to do.
func TestMakeTokenAfterACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if err := writeToken(path, "all of it"); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("%d files, %v", len(files), err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := MakeToken(path); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("an empty file: %v", err)
	}
}

// TestAwaitConnection waits for a server that comes later, and says in the end which
// it could not reach and why. The first failure is told once.
func TestAwaitConnection(t *testing.T) {
	s := startServer(t)
	var said lockedBuffer
	nc, err := Connect(Access{URL: s.URL(), Token: "guess", Name: "stranger"}, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	err = AwaitConnection(ctx, nc, s.URL())
	if err == nil || !strings.Contains(err.Error(), s.URL()) || !strings.Contains(err.Error(), "Authorization") || !strings.Contains(err.Error(), "token") {
		t.Errorf("with another token: %v", err)
	}
	if ctx.Err() == nil || nc.IsClosed() {
		t.Error("gave up early")
	}
	if n := strings.Count(said.String(), "cannot be reached"); n != 1 {
		t.Errorf("told %d times: %s", n, said.String())
	}
	if err := AwaitConnection(within(t), connect(t, s.URL(), "friend"), s.URL()); err != nil {
		t.Error(err)
	}
}

// lockedBuffer is what several goroutines write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestTLS takes a server on every address, with a certificate.
func TestTLS(t *testing.T) {
	cert, key := writeCertificate(t)
	s, err := StartServer(ServerConfig{Listen: "0.0.0.0:0", Dir: t.TempDir(), Token: token, Cert: cert, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(strings.TrimPrefix(s.URL(), "tls://"), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	for ca, patience := range map[string]time.Duration{cert: 5 * time.Minute, "": time.Second} {
		want := ca == cert
		nc, err := Connect(Access{URL: "tls://127.0.0.1:" + port, Token: token, CA: ca, Name: "client"}, discard)
		if err != nil {
			t.Fatal(err)
		}
		if err := nc.FlushTimeout(patience); (err == nil) != want {
			t.Errorf("with CA %q: %v", ca, err)
		}
		nc.Close()
	}
}

// writeCertificate makes a certificate that signs itself.
func writeCertificate(t *testing.T) (cert, key string) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, secret.Public(), secret)
	if err != nil {
		t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, b []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", pkcs)
}
