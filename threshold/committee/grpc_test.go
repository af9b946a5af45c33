package committee

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/identity"
	"fhevm/threshold/opening"
	"fhevm/threshold/permit"
	"fhevm/threshold/seal"
)

// serve puts every party behind gRPC on the loopback and lets the given
// relays in. It returns the committee file with the real addresses.
func (n *network) serve(t *testing.T, relays ...*identity.Identity) *threshold.Committee {
	t.Helper()
	c := *n.Committee
	c.Members = append([]threshold.Member(nil), c.Members...)
	for _, r := range relays {
		c.Relays = append(c.Relays, r.Fingerprint())
	}
	listeners := make([]net.Listener, len(c.Members))
	for i := range listeners {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners[i], c.Members[i].Address = l, l.Addr().String()
	}
	for i, l := range listeners {
		n.serveOne(t, &c, threshold.PartyID(i+1), l)
	}
	return &c
}

func (n *network) serveOne(t *testing.T, c *threshold.Committee, id threshold.PartyID, l net.Listener) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	srv := NewServer(n.parties[id], n.Identities[id-1], c, nil)
	n.servers[id] = srv
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	peers, hangUp, err := DialPeers(c, n.Identities[id-1], id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hangUp)
	n.parties[id].Connect(peers)
}

func newIdentity(t *testing.T) *identity.Identity {
	t.Helper()
	id, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestOverGRPC decrypts for a user and for everyone with all parties behind
// mutual TLS; refusals keep their codes and words on the way.
func TestOverGRPC(t *testing.T) {
	n := newNetwork(t, 40)
	node := newIdentity(t)
	c := n.serve(t, node)
	parties, hangUp, err := DialPeers(c, node, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hangUp)
	r := &Relay{Quorum: c.Quorum(), Parties: parties}

	h := n.value(fhe.Uint32, 0xcafe)
	q := n.request([]fhe.Handle{h}, nil)
	got, _, err := n.wallet(t, r, q)
	if err != nil || got[0].Uint64() != 0xcafe {
		t.Fatalf("%v, %v", got, err)
	}
	n.publish(h)
	result, err := n.tally(t, r, q.Handles)
	if err != nil || result.Values[0].Uint64() != 0xcafe {
		t.Fatalf("%+v, %v", result, err)
	}
	expired := n.request(q.Handles, func(p *permit.Permit) { p.ValidUntil = 950 })
	_, local := n.parties[1].UserDecrypt(t.Context(), expired)
	_, remote := parties[1].UserDecrypt(t.Context(), expired)
	if code(remote) != threshold.PermitExpired || remote.Error() != local.Error() {
		t.Errorf("over gRPC %v, in process %v", remote, local)
	}
}

// TestPins: a stranger gets no answer, a party is spoken to only under its own
// certificate, and a relay gets no shares.
func TestPins(t *testing.T) {
	n := newNetwork(t, 41)
	node := newIdentity(t)
	c := n.serve(t, node)
	h := n.value(fhe.Uint8, 9)
	n.publish(h)
	share := &ShareRequest{Handles: []fhe.Handle{h}, From: 2}

	as := func(id *identity.Identity, m threshold.Member) error {
		client, err := Dial(m, id)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		_, err = client.Share(t.Context(), share)
		return err
	}
	if err := as(n.Identities[1], c.Members[0]); err != nil {
		t.Errorf("a party gets no shares: %v", err)
	}
	if err := as(node, c.Members[0]); code(err) != threshold.NotMember {
		t.Errorf("a relay gets shares: %v", err)
	}
	if err := as(newIdentity(t), c.Members[0]); err == nil || code(err) != "" {
		t.Errorf("a stranger is let in: %v", err)
	}
	moved := c.Members[2]
	moved.Address = c.Members[0].Address
	if err := as(n.Identities[1], moved); err == nil || !strings.Contains(err.Error(), "party 3") {
		t.Errorf("party 1 passes for party 3: %v", err)
	}
}

// TestMalformedMessage: bytes that are no message are the caller's mistake.
func TestMalformedMessage(t *testing.T) {
	n := newNetwork(t, 42)
	node := newIdentity(t)
	c := n.serve(t, node)
	conn, err := grpc.NewClient("passthrough:///"+c.Members[0].Address,
		grpc.WithTransportCredentials(credentials.NewTLS(ClientTLS(node, c.Members[0]))), grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{})))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for message, want := range map[string]codes.Code{
		"":                                 codes.InvalidArgument,
		"{}":                               codes.InvalidArgument, // no handles
		`{"handles":[]} {}`:                codes.InvalidArgument,
		`{"handles":["0x12"]}`:             codes.InvalidArgument,
		`{"handels":[]}`:                   codes.InvalidArgument,
		strings.Repeat(" ", MaxMessage+10): codes.ResourceExhausted,
	} {
		var answer []byte
		err := conn.Invoke(t.Context(), "/"+serviceName+"/PublicDecrypt", []byte(message), &answer)
		if status.Code(err) != want {
			t.Errorf("%.20q: %v, want %v", message, err, want)
		}
	}
}

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Name() string                    { return "json" }
func (rawCodec) Marshal(v any) ([]byte, error)   { return v.([]byte), nil }
func (rawCodec) Unmarshal(b []byte, v any) error { *v.(*[]byte) = b; return nil }

// TestMalformedAnswer: bytes that are no answer are the doing of the party that
// sent them, and it is blamed.
func TestMalformedAnswer(t *testing.T) {
	n := newNetwork(t, 44)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan []byte, 1)
	babbler := grpc.NewServer(grpc.Creds(credentials.NewTLS(ServerTLS(n.Identities[1], n.Committee))), grpc.ForceServerCodec(rawCodec{}),
		grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
			var request []byte
			return errors.Join(s.RecvMsg(&request), s.SendMsg(<-answers))
		}))
	go babbler.Serve(l)
	t.Cleanup(babbler.Stop)
	member := n.Committee.Members[1]
	member.Address = l.Addr().String()
	client, err := Dial(member, n.Identities[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	h := n.value(fhe.Uint8, 9)
	n.publish(h)
	refusing := dead(threshold.Faultf(threshold.NotReady, "not yet"))
	n.parties[1].Connect(map[threshold.PartyID]Service{2: client, 3: n.parties[3], 4: refusing})
	for i, answer := range [][]byte{[]byte(`{"digests":`), make([]byte, MaxMessage+1)} {
		answers <- answer
		if a, err := n.parties[1].PublicDecrypt(t.Context(), &PublicRequest{Handles: []fhe.Handle{h}}); code(err) != threshold.Unavailable {
			t.Errorf("%v, %v", a, err)
		}
		if b := n.parties[1].Blames(); len(b) != 1 || b[threshold.Blame{Party: 2, Reason: threshold.UnusableBytes}] != uint64(i+1) {
			t.Errorf("with %d bytes blamed are %v", len(answer), b)
		}
	}
}

// TestGate: neither one caller nor all together exceed their bound, a finished request
// gives its place back, and some places are for who has none.
func TestGate(t *testing.T) {
	g := Gate[string]{Each: 2, All: 4, Spare: 2}
	enter := func(caller string) func() {
		t.Helper()
		leave, err := g.Enter(caller)
		if err != nil {
			t.Fatal(err)
		}
		return leave
	}
	refuse := func(caller string) {
		t.Helper()
		if _, err := g.Enter(caller); code(err) != threshold.Busy {
			t.Errorf("%s: %v", caller, err)
		}
	}
	first := enter("one")
	enter("one")
	refuse("one")
	other := enter("two")
	refuse("two") // who has one, when the rest is for others
	enter("three")
	refuse("four") // all are four
	first()
	enter("four")
	other()
	refuse("one")
	enter("two")
}

// TestServerGate: a server admits so many requests of one caller and refuses
// the next with a code.
func TestServerGate(t *testing.T) {
	n := newNetwork(t, 43)
	node := newIdentity(t)
	c := n.serve(t, node)
	client, err := Dial(c.Members[0], node)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	h := n.value(fhe.Uint8, 9)
	n.publish(h)
	release := n.chain.hold()
	answers := make(chan error, maxInFlight+1)
	for range maxInFlight + 1 {
		go func() {
			_, err := client.PublicDecrypt(t.Context(), &PublicRequest{Handles: []fhe.Handle{h}})
			answers <- err
		}()
	}
	if err := <-answers; code(err) != threshold.Busy {
		t.Errorf("the first answer while all wait: %v", err)
	}
	release()
	for range maxInFlight {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

// hold makes readers of the ledger wait until release is called.
func (l *ledger) hold() (release func()) {
	l.mu.Lock()
	return l.mu.Unlock
}

// TestStatusRoundTrip: every code survives gRPC, and what a party refuses for a reason
// is no internal error there.
func TestStatusRoundTrip(t *testing.T) {
	for _, c := range threshold.Codes() {
		if _, ok := statusCodes[c]; !ok {
			t.Errorf("%s has no status", c)
		}
		if f := fromStatus(toStatus(threshold.Faultf(c, "why"))); code(f) != c || f.Error() != "why" {
			t.Errorf("%s becomes %v", c, f)
		}
	}
	if f := threshold.FaultOf("party", errCrash); f.Code != threshold.Internal || strings.Contains(f.Message, "refused") {
		t.Errorf("an internal error shows: %v", f)
	}
}

// TestWords: what another party says is shown as text of bounded size.
func TestWords(t *testing.T) {
	for said, want := range map[string]string{
		"party 3: no right, as of block 7": "party 3: no right, as of block 7",
		"\x1b[2Jgone\r\nnext":              " [2Jgone  next",
		"half a rune \xe2\x82":             "half a rune  ",
		strings.Repeat("x", 1<<20):         strings.Repeat("x", maxWords),
	} {
		if got := words(said); got != want {
			t.Errorf("%.40q is shown as %.40q, want %.40q", said, got, want)
		}
	}
}

func FuzzMessages(f *testing.F) {
	f.Add([]byte(`{"handles":["0x` + strings.Repeat("00", 32) + `"]}`))
	f.Add([]byte(`{"digests":[],"shares":"0x00"}`))
	f.Add([]byte(`{"round":1,"from":2,"to":2,"offset":7}`))
	f.Add([]byte(`{"size":3,"piece":"0x0102"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, m := range []any{new(permit.Request), new(seal.Answer), new(PublicRequest), new(permit.PublicAnswer), new(ShareRequest), new(opening.Answer), new(FetchRequest), new(FetchAnswer)} {
			if (jsonCodec{}).Unmarshal(b, m) != nil {
				continue
			}
			again, err := json.Marshal(m)
			if err != nil {
				t.Fatalf("%T decodes but does not encode: %v", m, err)
			}
			if err := (jsonCodec{}).Unmarshal(again, m); err != nil {
				t.Errorf("%T does not survive: %v", m, err)
			}
		}
	})
}

// FuzzStatus reads arbitrary refusals of a peer: what is of this service's domain and
// has a reason is a refusal with its words, and nothing else is one.
func FuzzStatus(f *testing.F) {
	f.Add(uint32(codes.Unavailable), string(threshold.NotReady), "wait", errorDomain)
	f.Add(uint32(99), "no code", "", "elsewhere")
	f.Add(uint32(91), "", "no reason", errorDomain)
	f.Add(uint32(codes.Internal), "busy", strings.Repeat("\x1b[2J\xff", maxWords), errorDomain)
	f.Fuzz(func(t *testing.T, code uint32, reason, said, domain string) {
		s := status.New(codes.Code(code), said)
		if detailed, err := s.WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: domain}); err == nil {
			s = detailed
		}
		if s.Err() == nil {
			return
		}
		fault, refused := errors.AsType[*threshold.Fault](fromStatus(s.Err()))
		if refused != (len(s.Details()) > 0 && domain == errorDomain && reason != "") || refused && (string(fault.Code) != reason || fault.Message != words(s.Message())) {
			t.Errorf("%v becomes %v", s, fault)
		}
	})
}

// TestBack: a party that is back is reached at once, however long the pause has become
// after which it is tried again.
func TestBack(t *testing.T) {
	n := newNetwork(t, 43)
	c := n.serve(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Members[0].Address = l.Addr().String()
	client, err := Dial(c.Members[0], n.Identities[1])
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if client.Connected() {
		t.Fatal("connected to a party that is away")
	}
	for range 6 { // then the pause is a second
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	for s := client.conn.GetState(); s != connectivity.TransientFailure; s = client.conn.GetState() {
		client.conn.WaitForStateChange(t.Context(), s)
	}
	n.serveOne(t, c, 1, l)
	h := n.value(fhe.Uint8, 9)
	n.publish(h)
	if _, err := client.Share(t.Context(), &ShareRequest{Handles: []fhe.Handle{h}, From: 2}); err != nil {
		t.Fatal(err)
	}
}
