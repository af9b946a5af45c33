package generation

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
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

	maxConnections = 2 // of a party: it needs one, and may have lost another
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
type server struct{ in chan<- *dkg.Message }

func newServer(c *threshold.Committee, id *identity.Identity, in chan<- *dkg.Message) (*grpc.Server, *committee.Entrance) {
	parties := *c
	parties.Relays = nil // they have no part in this
	entrance := committee.NewEntrance(committee.ServerTLS(id, &parties), maxConnections)
	s := grpc.NewServer(
		grpc.Creds(entrance),
		grpc.ForceServerCodec(bytesCodec{}),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(2),
		grpc.ConnectionTimeout(10*time.Second))
	s.RegisterService(&description, &server{in})
	return s, entrance
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
func (s *server) deliver(ctx context.Context, b message) error {
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
