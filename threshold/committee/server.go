package committee

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/identity"
	"fhevm/threshold/opening"
	"fhevm/threshold/permit"
	"fhevm/threshold/seal"
)

// maxInFlight is the number of requests of one caller that a server works on
// at the same time. A relay passes on fewer, and bounds those of each user: to a
// party all users of a relay are one caller.
const maxInFlight = 32

const serviceName = "fhevm.committee.Party"

// maxConnections is how many connections of one caller a server keeps: a party dials
// another once for each epoch in force, and for a resharing.
const maxConnections = 8

// window is what one request may send before it is admitted, in bytes.
const window = 1 << 16

// Server offers a Service to the committee's parties and relays over gRPC with
// mutual TLS.
type Server struct {
	host    Host
	meeting Meeting // nil where the party takes part in none
	timeout time.Duration
	log     *slog.Logger
	grpc    *grpc.Server

	entrance *Entrance
	callers  Gate[fhe.Digest] // by fingerprint
}

// Host is the service that a server offers, and to whom.
type Host interface {
	Service
	// Admits reports whether the holder of a certificate may connect.
	Admits(fingerprint fhe.Digest) bool
	// PartyOf finds the party of an epoch, which is not 0, that holds a certificate.
	PartyOf(epoch uint64, fingerprint fhe.Digest) (threshold.PartyID, bool)
}

// single is the host of one epoch.
type single struct {
	Service
	committee *threshold.Committee
}

func (s single) Admits(f fhe.Digest) bool {
	_, ok := s.committee.PartyByTLS(f)
	return ok || s.committee.IsRelay(f)
}

func (s single) PartyOf(_ uint64, f fhe.Digest) (threshold.PartyID, bool) {
	return s.committee.PartyByTLS(f)
}

// NewServer prepares a server of s, a party of one committee. log may be nil.
func NewServer(s Service, id *identity.Identity, c *threshold.Committee, log *slog.Logger) *Server {
	return NewHostServer(single{s, c}, nil, id, log)
}

// NewHostServer prepares a server of a host, and of the meeting that it takes
// part in, if it is not nil. log may be nil.
func NewHostServer(h Host, m Meeting, id *identity.Identity, log *slog.Logger) *Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	srv := &Server{host: h, meeting: m, timeout: DefaultTimeout, log: log, callers: Gate[fhe.Digest]{Each: maxInFlight}}
	srv.entrance = NewEntrance(serverTLS(id, h.Admits), maxConnections)
	srv.grpc = grpc.NewServer(
		grpc.Creds(srv.entrance),
		grpc.ForceServerCodec(jsonCodec{}),
		grpc.MaxRecvMsgSize(MaxMessage),
		grpc.MaxSendMsgSize(MaxMessage),
		grpc.MaxConcurrentStreams(2*maxInFlight),
		grpc.InitialWindowSize(window),
		grpc.ConnectionTimeout(10*time.Second),
		grpc.UnaryInterceptor(srv.admit),
	)
	srv.grpc.RegisterService(&description, srv)
	srv.grpc.RegisterService(&meetingDescription, srv)
	return srv
}

// Serve answers requests until the context ends, then closes the listener and
// waits for the requests in progress.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, s.grpc.GracefulStop)
	defer stop()
	if err := s.grpc.Serve(s.entrance.Listen(l)); err != nil {
		return fmt.Errorf("serve committee party: %w", err)
	}
	return nil
}

// Close ends all connections at once.
func (s *Server) Close() { s.grpc.Stop() }

type callerKey struct{}

// admit finds out who calls, keeps each caller to its share of requests, sets
// the deadline and turns errors into statuses.
func (s *Server) admit(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return nil, toStatus(threshold.Faultf(threshold.NotMember, "%v", err))
	}
	leave, err := s.callers.Enter(caller)
	if err != nil {
		return nil, toStatus(threshold.FaultOf("party", err))
	}
	defer leave()
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, callerKey{}, caller), s.timeout)
	defer cancel()
	answer, err := handler(ctx, request)
	if err == nil {
		return answer, nil
	}
	f := threshold.FaultOf("party", err)
	if f.Code == threshold.Internal {
		s.log.Error("request failed", "method", info.FullMethod, "error", err)
	}
	return nil, toStatus(f)
}

func callerOf(ctx context.Context) (fhe.Digest, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return fhe.Digest{}, fmt.Errorf("caller is unknown")
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok {
		return fhe.Digest{}, fmt.Errorf("caller has no certificate")
	}
	return fingerprint(info.State)
}

func (s *Server) userDecrypt(ctx context.Context, r *permit.Request) (*seal.Answer, error) {
	return s.host.UserDecrypt(ctx, r)
}

func (s *Server) publicDecrypt(ctx context.Context, r *PublicRequest) (*permit.PublicAnswer, error) {
	return s.host.PublicDecrypt(ctx, r)
}

// share serves parties only; who asks is who holds the certificate.
func (s *Server) share(ctx context.Context, r *ShareRequest) (*opening.Answer, error) {
	id, ok := s.host.PartyOf(r.Epoch, callerIn(ctx))
	if !ok {
		return nil, threshold.Faultf(threshold.NotMember, "shares are for the other parties of the committee")
	}
	r.From = id
	return s.host.Share(ctx, r)
}

// description is the service as gRPC sees it.
var description = grpc.ServiceDesc{
	ServiceName: serviceName,
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{
		method(serviceName, "UserDecrypt", (*Server).userDecrypt),
		method(serviceName, "PublicDecrypt", (*Server).publicDecrypt),
		method(serviceName, "Share", (*Server).share),
	},
}

// method describes a unary method. A request is read when it has been admitted. One
// that cannot be read, or does not decode, is the caller's mistake.
func method[Q, A any](service, name string, call func(*Server, context.Context, *Q) (*A, error)) grpc.MethodDesc {
	handle := func(srv any, ctx context.Context, receive func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		info := &grpc.UnaryServerInfo{Server: srv, FullMethod: "/" + service + "/" + name}
		return intercept(ctx, nil, info, func(ctx context.Context, _ any) (any, error) {
			var m message
			if err := receive(&m); err != nil {
				return nil, threshold.Faultf(threshold.BadRequest, "%v", err)
			}
			q := new(Q)
			if err := m.decode(q); err != nil {
				return nil, threshold.Faultf(threshold.BadRequest, "%v", err)
			}
			return call(srv.(*Server), ctx, q)
		})
	}
	return grpc.MethodDesc{MethodName: name, Handler: handle}
}
