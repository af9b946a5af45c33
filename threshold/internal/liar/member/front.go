package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path"
	"sync"

	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/identity"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// raw is a message as it is on the wire.
type raw []byte

// rawCodec leaves messages as they are, whatever they are to be.
type rawCodec struct{}

func (rawCodec) Name() string { return "json" }

func (rawCodec) Marshal(v any) ([]byte, error) { return v.(raw), nil }

func (rawCodec) Unmarshal(b []byte, v any) error {
	*v.(*raw) = append(raw(nil), b...)
	return nil
}

// front is a server in the place of committee.Server, which sends whatever bytes it
// likes, and breaks connections.
type front struct {
	*member
	listener *connections
	stranger *identity.Identity // whom nobody knows

	mu   sync.Mutex
	said map[string][]byte // the last right answer of each method
}

func newFront(m *member, l net.Listener) (*front, error) {
	stranger, err := identity.Generate()
	return &front{member: m, listener: &connections{Listener: l, open: map[string]net.Conn{}}, stranger: stranger, said: map[string][]byte{}}, err
}

func (f *front) serve(ctx context.Context) error {
	s := grpc.NewServer(grpc.Creds(credentials.NewTLS(f.tls())), grpc.ForceServerCodec(rawCodec{}), grpc.UnknownServiceHandler(f.handle))
	defer context.AfterFunc(ctx, s.Stop)()
	return s.Serve(f.listener)
}

// tls is the party's, or a stranger's while the orders say so.
func (f *front) tls() *tls.Config {
	own := committee.ServerTLS(f.identity, f.secret.Committee)
	strange := committee.ServerTLS(f.stranger, f.secret.Committee)
	own.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if manner, _ := f.orders(); manner == "stranger" {
			return strange, nil
		}
		return nil, nil
	}
	return own
}

// orders are the present manner and seed.
func (f *front) orders() (manner string, seed uint64) {
	manner = "behave"
	if b, err := os.ReadFile(f.Orders); err == nil {
		fmt.Sscanf(string(b), "%d %q", &seed, &manner)
	}
	return manner, seed
}

// handle answers a call of any method.
func (f *front) handle(_ any, s grpc.ServerStream) error {
	var request raw
	if err := s.RecvMsg(&request); err != nil {
		return err
	}
	method, _ := grpc.MethodFromServerStream(s)
	c := &call{front: f, ServerStream: s, request: request, deed: deed{Method: method}}
	if p, ok := peer.FromContext(s.Context()); ok {
		c.remote = p.Addr.String()
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok {
			c.caller = identity.Fingerprint(info.State.PeerCertificates[0].Raw)
			c.To, _ = f.secret.Committee.PartyByTLS(c.caller)
		}
	}
	c.Manner, c.seed = f.orders()
	c.rng = c.seeded(append([]byte(method+string(rune(c.To))), request...))
	if c.Manner == "any" {
		all := names()
		c.Manner = all[c.rng.IntN(len(all))]
	}
	if path.Base(method) == "Fetch" {
		return c.fetch()
	}
	return c.answer()
}

// connections is a listener that can break what it accepted.
type connections struct {
	net.Listener

	mu   sync.Mutex
	open map[string]net.Conn // by the address of the other side
}

func (l *connections) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[c.RemoteAddr().String()] = c
	return c, nil
}

func (l *connections) hangUp(remote string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.open[remote]; c != nil {
		c.Close()
		delete(l.open, remote)
	}
}

// remember keeps a right answer and returns the one before it.
func (f *front) remember(method string, answer []byte) (before []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before = f.said[method]
	f.said[method] = answer
	return before
}

// honest lists the other parties, in order.
func (f *front) honest() (out []threshold.PartyID) {
	for _, m := range f.secret.Committee.Members {
		if m.Party != f.id {
			out = append(out, m.Party)
		}
	}
	return out
}
