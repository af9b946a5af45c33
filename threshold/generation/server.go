package generation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/dkg"
	"fhevm/threshold/identity"
)

const (
	serviceName   = "fhevm.generation.Party"
	deliverMethod = "Deliver"
	maxMessage    = dkg.MaxMessage + 1<<10
	deliveryLimit = time.Minute
)

// message is an encoded dkg.Message, or nothing.
type message []byte

// bytesCodec sends messages as they are.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "bytes" }

func (bytesCodec) Marshal(v any) ([]byte, error) {
	if m, ok := v.(*message); ok {
		return *m, nil
	}
	return nil, fmt.Errorf("message is a %T", v)
}

func (bytesCodec) Unmarshal(b []byte, v any) error {
	m, ok := v.(*message)
	if !ok {
		return fmt.Errorf("message is a %T", v)
	}
	*m = append(message(nil), b...)
	return nil
}

// server takes messages of the run's other parties.
type server struct {
	committee *threshold.Committee
	in        chan<- *dkg.Message
}

func newServer(c *threshold.Committee, id *identity.Identity, in chan<- *dkg.Message) *grpc.Server {
	s := grpc.NewServer(
		grpc.Creds(credentials.NewTLS(committee.ServerTLS(id, c))),
		grpc.ForceServerCodec(bytesCodec{}),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(4),
		grpc.ConnectionTimeout(10*time.Second))
	s.RegisterService(&description, &server{c, in})
	return s
}

var description = grpc.ServiceDesc{
	ServiceName: serviceName,
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{
		MethodName: deliverMethod,
		Handler: func(srv any, ctx context.Context, receive func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			var m message
			if err := receive(&m); err != nil {
				return nil, err
			}
			return new(message), srv.(*server).deliver(ctx, m)
		},
	}},
}

// deliver hands a message to the machine, which may be computing; the sender waits.
// Relays hold certificates too, but have no part in this.
func (s *server) deliver(ctx context.Context, b message) error {
	if err := s.admit(ctx); err != nil {
		return status.Error(codes.PermissionDenied, err.Error())
	}
	msg, err := dkg.ParseMessage(b)
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	select {
	case s.in <- msg:
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

func (s *server) admit(ctx context.Context) error {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return errors.New("caller is unknown")
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.PeerCertificates) == 0 {
		return errors.New("caller has no certificate")
	}
	if _, ok := s.committee.PartyByTLS(identity.Fingerprint(info.State.PeerCertificates[0].Raw)); !ok {
		return errors.New("caller is no party of this key generation")
	}
	return nil
}
