package committee

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"

	"fhevm/fhe"
	"fhevm/threshold"
)

// from is one end of a connection from a host.
type from struct {
	net.Conn
	host string
}

func (f from) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(f.host), Port: 1} }

// knock has a host open a connection, and returns its end of it.
func knock(t *testing.T, e *Entrance, host string) net.Conn {
	t.Helper()
	theirs, ours := net.Pipe()
	t.Cleanup(func() { theirs.Close() })
	v := e.receive(from{ours, host})
	t.Cleanup(func() { v.Close() })
	return theirs
}

// closed reports whether the other side has closed a connection on which it says
// nothing.
func closed(c net.Conn) bool {
	if err := c.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		return true
	}
	_, err := c.Read(make([]byte, 1))
	late, ok := err.(net.Error)
	return !ok || !late.Timeout()
}

// TestEntranceMakesRoom: a host that opens connections without end loses its own, and
// where each host has one the oldest goes.
func TestEntranceMakesRoom(t *testing.T) {
	e := NewEntrance(&tls.Config{}, 1)
	honest := knock(t, e, "192.0.2.1")
	var flood []net.Conn
	for range 3 * maxWaiting {
		flood = append(flood, knock(t, e, "2001:db8::1"))
	}
	if closed(honest) {
		t.Error("a host with one connection made room for one with many")
	}
	for i, c := range flood {
		if want := i <= 2*maxWaiting; closed(c) != want {
			t.Fatalf("connection %d of the flood is closed: %v", i, !want)
		}
	}
	if len(e.waiting) != maxWaiting {
		t.Errorf("%d connections wait, want %d", len(e.waiting), maxWaiting)
	}
	each := NewEntrance(&tls.Config{}, 1)
	first := knock(t, each, "198.51.100.0")
	for i := range maxWaiting {
		if closed(first) {
			t.Fatalf("the first of %d connections is closed", i+1)
		}
		knock(t, each, net.IPv4(203, 0, 113, byte(i)).String())
	}
	if !closed(first) {
		t.Error("the oldest connection stays beyond the bound")
	}
}

// TestIdleConnections: a party's server answers while a stranger holds more
// connections than it keeps, and keeps no more.
func TestIdleConnections(t *testing.T) {
	n := newNetwork(t, 47)
	node := newIdentity(t)
	c := n.serve(t, node)
	var idle []net.Conn
	for range 2 * maxWaiting {
		conn, err := net.Dial("tcp", c.Members[0].Address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		idle = append(idle, conn)
	}
	client, err := Dial(c.Members[0], node)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	h := n.value(fhe.Uint8, 9)
	n.publish(h)
	if _, err := client.PublicDecrypt(t.Context(), &PublicRequest{Handles: []fhe.Handle{h}}); err != nil {
		t.Errorf("the party does not answer: %v", err)
	}
	server := n.servers[1]
	server.entrance.mu.Lock()
	defer server.entrance.mu.Unlock()
	if waiting := len(server.entrance.waiting); waiting > maxWaiting {
		t.Errorf("%d connections wait, want at most %d of %d", waiting, maxWaiting, len(idle))
	}
}

// TestConnectionsOfOne: who opens many connections with one certificate keeps the
// newest.
func TestConnectionsOfOne(t *testing.T) {
	n := newNetwork(t, 48)
	node := newIdentity(t)
	c := n.serve(t, node)
	var clients []*grpc.ClientConn
	for range maxConnections + 1 {
		client, err := Dial(c.Members[0], node)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		conn := client.conn
		conn.Connect()
		for s := conn.GetState(); s != connectivity.Ready; s = conn.GetState() {
			conn.WaitForStateChange(t.Context(), s)
		}
		clients = append(clients, conn)
	}
	for clients[0].GetState() == connectivity.Ready {
		clients[0].WaitForStateChange(t.Context(), connectivity.Ready)
	}
	for _, conn := range clients[1:] {
		if s := conn.GetState(); s != connectivity.Ready {
			t.Errorf("a newer connection is %v", s)
		}
	}
}

// TestAdmittedBeforeRead: the server refuses requests beyond its bound before it has
// read them.
func TestAdmittedBeforeRead(t *testing.T) {
	n := newNetwork(t, 49)
	node := newIdentity(t)
	c := n.serve(t, node)
	client, err := Dial(c.Members[0], node)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	answers := make(chan error, maxInFlight+1)
	for range maxInFlight + 1 {
		stream, err := client.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, "/"+serviceName+"/PublicDecrypt")
		if err != nil {
			t.Fatal(err)
		}
		go func() { answers <- fromStatus(stream.RecvMsg(new(message))) }()
	}
	if err := <-answers; code(err) != threshold.Busy {
		t.Errorf("the first answer to requests that are not sent: %v", err)
	}
}
