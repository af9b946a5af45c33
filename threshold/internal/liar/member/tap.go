package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/dkg"
	"fhevm/threshold/eip712"
	"fhevm/threshold/identity"
	"fhevm/threshold/internal/liar"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// wire is what stands between a party of a key generation and the others: the party
// takes it for all of them, and they take it for the party. What the party sends goes
// through its hands.
type wire struct {
	*birth
	own  *identity.Identity // of the party
	face *identity.Identity // with which it faces the party
	real *threshold.Committee
}

// tap puts a wire around a party, and returns the listener at which the party hears it.
func tap(b *birth, run *dkg.Run, own *identity.Identity, self threshold.PartyID, outside net.Listener) (net.Listener, error) {
	face, err := identity.Generate()
	if err != nil {
		return nil, err
	}
	w := &wire{birth: b, own: own, face: face, real: b.Committee}
	inside, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	in, err := dial(threshold.Member{Address: inside.Addr().String(), TLS: own.Fingerprint()}, face)
	if err != nil {
		return nil, err
	}
	go w.serve(outside, own, func(s grpc.ServerStream, b raw) error { return pass(s, in, b) })
	seen := *b.Committee
	seen.Members = slices.Clone(b.Committee.Members)
	for i, m := range b.Committee.Members {
		if m.Party == self {
			continue
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		out, err := dial(m, own)
		if err != nil {
			return nil, err
		}
		go w.serve(l, face, func(s grpc.ServerStream, b raw) error { return w.deliver(s, out, m.Party, b) })
		seen.Members[i].Address, seen.Members[i].TLS = l.Addr().String(), face.Fingerprint()
	}
	run.Committee = &seen // its id stays that of the real one
	return inside, nil
}

func (w *wire) serve(l net.Listener, as *identity.Identity, handle func(grpc.ServerStream, raw) error) {
	s := grpc.NewServer(grpc.Creds(credentials.NewTLS(committee.ServerTLS(as, w.real))), grpc.ForceServerCodec(rawCodec{}),
		grpc.MaxRecvMsgSize(2*dkg.MaxMessage), grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
			var b raw
			if err := s.RecvMsg(&b); err != nil {
				return err
			}
			return handle(s, b)
		}))
	if err := s.Serve(l); err != nil {
		fmt.Println(err)
	}
}

// pass hands a message on.
func pass(s grpc.ServerStream, to *grpc.ClientConn, messages ...raw) error {
	method, _ := grpc.MethodFromServerStream(s)
	for _, b := range messages {
		if err := to.Invoke(s.Context(), method, b, new(raw)); err != nil {
			return err
		}
	}
	return s.SendMsg(raw{})
}

// deliver passes on what the party says to another one, in the manner of the orders. The
// seed says in which kind of message it lies.
func (w *wire) deliver(s grpc.ServerStream, out *grpc.ClientConn, to threshold.PartyID, b raw) error {
	msg, err := dkg.ParseMessage(b)
	if err != nil {
		return err
	}
	kind := dkg.Commitments + dkg.Kind(w.Seed%uint64(dkg.Confirm))
	rng := rand.New(rand.NewPCG(w.Seed, uint64(msg.Kind)))
	aimed := msg.Kind == kind
	switch {
	case w.Manner == "silence" && msg.Kind >= kind:
		return s.SendMsg(raw{}) // as if it had been delivered
	case w.Manner == "lie" && aimed:
		return pass(s, out, w.twisted(rng, msg))
	case w.Manner == "equivocate" && aimed && to%2 == 1:
		return pass(s, out, w.twisted(rng, msg))
	case w.Manner == "twice" && aimed:
		return pass(s, out, b, w.twisted(rng, msg), b)
	case w.Manner == "cry" && aimed:
		return pass(s, out, w.sign(&dkg.Message{Run: msg.Run, From: msg.From, Kind: dkg.Complaint, Body: []byte{byte(dkg.Squares), 0, 0, 0, 0, 0, 0}}), b)
	case w.Manner == "garble":
		_ = out.Invoke(s.Context(), "/fhevm.generation.Party/Deliver", raw(liar.Garble(rng, b)), new(raw))
		_ = out.Invoke(s.Context(), "/fhevm.generation.Party/Deliver", w.forged(rng, msg), new(raw))
		_ = out.Invoke(s.Context(), "/no/Method", raw(nil), new(raw))
	}
	return pass(s, out, b)
}

// twisted is a message with another body, signed by the party.
func (w *wire) twisted(rng *rand.Rand, m *dkg.Message) raw {
	other := *m
	other.Body = slices.Clone(m.Body)
	if len(other.Body) > 0 {
		other.Body[rng.IntN(len(other.Body))] ^= 1
	}
	return w.sign(&other)
}

// forged is one in another party's name.
func (w *wire) forged(rng *rand.Rand, m *dkg.Message) raw {
	other := *m
	other.From = 1 + other.From%threshold.PartyID(len(w.real.Members))
	return w.twisted(rng, &other)
}

func (w *wire) sign(m *dkg.Message) raw {
	head := binary.BigEndian.AppendUint32([]byte{byte(m.From), byte(m.To), byte(m.Kind)}, m.Index)
	body := fhe.Keccak(m.Body)
	m.Signature = eip712.Sign(w.own.Signer, fhe.Keccak([]byte("fhevm key generation message"), m.Run[:], head, body[:])) // SPEC 11.4
	return m.Encode()
}

// dial connects to whoever holds a member's certificate, to send whatever bytes.
func dial(m threshold.Member, as *identity.Identity) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+m.Address,
		grpc.WithTransportCredentials(credentials.NewTLS(committee.ClientTLS(as, m))),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{}), grpc.MaxCallSendMsgSize(2*dkg.MaxMessage)))
}
