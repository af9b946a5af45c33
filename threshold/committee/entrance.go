package committee

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"

	"google.golang.org/grpc/credentials"

	"fhevm/fhe"
)

// maxWaiting is how many connections an entrance keeps that have shown no certificate.
const maxWaiting = 128

// Entrance bounds the connections of a server over mutual TLS, so that it runs out of
// none, and nobody keeps others out. It is the server's transport credentials, and the
// server serves what Listen returns. It is safe for concurrent use.
//
// Of connections that have shown no certificate as yet there are at most maxWaiting:
// beyond, the oldest makes room that came from where the most did. An honest caller
// needs a few round trips; who says nothing loses its place, never takes another's. Of
// those that have, a certificate has at most a number, and the newest stay: the caller
// may have lost the others, and nobody else has its key.
type Entrance struct {
	credentials.TransportCredentials
	each int

	mu      sync.Mutex
	waiting []*visitor // oldest first, as all lists here
	inside  map[fhe.Digest][]*visitor
}

// NewEntrance admits those whom the configuration does, with at most each connections,
// 1 or more, for one certificate.
func NewEntrance(config *tls.Config, each int) *Entrance {
	return &Entrance{TransportCredentials: credentials.NewTLS(config), each: each, inside: make(map[fhe.Digest][]*visitor)}
}

// Listen counts the connections of a listener, which must go to a server with these
// credentials.
func (e *Entrance) Listen(l net.Listener) net.Listener { return &counted{l, e} }

type counted struct {
	net.Listener
	entrance *Entrance
}

// Accept implements net.Listener.
func (c *counted) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return c.entrance.receive(conn), nil
}

// visitor is a connection that is counted until it is closed.
type visitor struct {
	net.Conn
	entrance *Entrance
	host     string
	who      fhe.Digest // once it is inside
}

// Close implements net.Conn.
func (v *visitor) Close() error {
	v.entrance.leave(v)
	return v.Conn.Close()
}

func (e *Entrance) receive(conn net.Conn) *visitor {
	host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil {
		host = conn.RemoteAddr().String()
	}
	v := &visitor{Conn: conn, entrance: e, host: host}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.waiting = append(e.waiting, v); len(e.waiting) > maxWaiting {
		i := e.crowded()
		e.waiting[i].Conn.Close()
		e.waiting = slices.Delete(e.waiting, i, i+1)
	}
	return v
}

// crowded finds the oldest that waits of the host that has the most waiting.
func (e *Entrance) crowded() int {
	count, most := make(map[string]int), 0
	for _, v := range e.waiting {
		count[v.host]++
		most = max(most, count[v.host])
	}
	return slices.IndexFunc(e.waiting, func(v *visitor) bool { return count[v.host] == most })
}

// ServerHandshake implements credentials.TransportCredentials.
func (e *Entrance) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	v, ok := raw.(*visitor)
	if !ok {
		return nil, nil, errors.New("connection did not come through the entrance")
	}
	conn, info, err := e.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return nil, nil, err
	}
	if err := e.enter(v, info); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn, info, nil
}

var errMadeRoom = errors.New("connection made room for newer ones")

func (e *Entrance) enter(v *visitor, info credentials.AuthInfo) error {
	shown, ok := info.(credentials.TLSInfo)
	if !ok {
		return errors.New("connection is without TLS")
	}
	who, err := fingerprint(shown.State)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.Index(e.waiting, v)
	if i < 0 {
		return errMadeRoom
	}
	e.waiting = slices.Delete(e.waiting, i, i+1)
	v.who = who
	own := append(e.inside[who], v)
	if len(own) > e.each {
		own[0].Conn.Close()
		own = slices.Delete(own, 0, 1)
	}
	e.inside[who] = own
	return nil
}

func (e *Entrance) leave(v *visitor) {
	e.mu.Lock()
	defer e.mu.Unlock()
	is := func(o *visitor) bool { return o == v }
	e.waiting = slices.DeleteFunc(e.waiting, is)
	if own := slices.DeleteFunc(e.inside[v.who], is); len(own) > 0 {
		e.inside[v.who] = own
	} else {
		delete(e.inside, v.who)
	}
}

// Clone implements credentials.TransportCredentials: all copies count together.
func (e *Entrance) Clone() credentials.TransportCredentials { return e }
