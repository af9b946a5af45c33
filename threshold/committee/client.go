package committee

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"

	"fhevm/threshold"
	"fhevm/threshold/identity"
	"fhevm/threshold/opening"
	"fhevm/threshold/permit"
	"fhevm/threshold/seal"
)

// Client is a party behind gRPC. It connects when first used and again after
// failures.
type Client struct {
	conn  *grpc.ClientConn
	hurry sync.Mutex // held by the request that ends pauses
}

// pause is how long a client leaves a party alone that it could not reach and that
// nobody asks for. gRPC's own two minutes would leave out for as long a party that is
// back.
var pause = backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 3 * time.Second}

// Dial prepares a client of one member, for the holder of an identity that is
// a party or a relay of the committee.
func Dial(m threshold.Member, id *identity.Identity) (*Client, error) {
	conn, err := grpc.NewClient("passthrough:///"+m.Address,
		grpc.WithTransportCredentials(credentials.NewTLS(ClientTLS(id, m))),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: pause, MinConnectTimeout: 10 * time.Second}),
		grpc.WithDefaultCallOptions(
			grpc.ForceCodec(jsonCodec{}),
			grpc.MaxCallRecvMsgSize(MaxMessage),
			grpc.MaxCallSendMsgSize(MaxMessage)))
	if err != nil {
		return nil, fmt.Errorf("dial party %d: %w", m.Party, err)
	}
	return &Client{conn: conn}, nil
}

// DialPeers prepares clients of all members but the given one; 0 is none.
// close ends them all.
func DialPeers(c *threshold.Committee, id *identity.Identity, self threshold.PartyID) (peers map[threshold.PartyID]Service, close func(), err error) {
	peers = map[threshold.PartyID]Service{}
	var clients []*Client
	close = func() {
		for _, c := range clients {
			c.Close()
		}
	}
	for _, m := range c.Members {
		if m.Party == self {
			continue
		}
		client, err := Dial(m, id)
		if err != nil {
			close()
			return nil, nil, err
		}
		clients = append(clients, client)
		peers[m.Party] = client
	}
	return peers, close, nil
}

// Connected reports whether there is a connection to the party. Where there is none
// and nothing is being done about it, it begins one.
func (c *Client) Connected() bool {
	state := c.conn.GetState()
	if state == connectivity.Idle {
		c.conn.Connect()
	}
	return state == connectivity.Ready
}

// connects is how often a request tries to connect to a party that could not be reached,
// for the shortest pause each: a second in all.
const connects = 10

// reach connects to a party that is being left alone, now: it may be back, and there may
// be too few without it. An attempt under way is not hurried, hence more than one.
func (c *Client) reach(ctx context.Context) {
	for range connects {
		if ctx.Err() != nil || c.conn.GetState() != connectivity.TransientFailure {
			return
		}
		c.attempt(ctx)
	}
}

// attempt ends the pause, for one of many requests, and waits for the end of the failure.
func (c *Client) attempt(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, pause.BaseDelay)
	defer cancel()
	if c.hurry.TryLock() {
		defer c.hurry.Unlock()
		c.conn.ResetConnectBackoff()
	}
	c.conn.WaitForStateChange(ctx, connectivity.TransientFailure)
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// UserDecrypt implements Service.
func (c *Client) UserDecrypt(ctx context.Context, r *permit.Request) (*seal.Answer, error) {
	return invoke[seal.Answer](ctx, c, serviceName, "UserDecrypt", r)
}

// PublicDecrypt implements Service.
func (c *Client) PublicDecrypt(ctx context.Context, r *PublicRequest) (*permit.PublicAnswer, error) {
	return invoke[permit.PublicAnswer](ctx, c, serviceName, "PublicDecrypt", r)
}

// Share implements Service.
func (c *Client) Share(ctx context.Context, r *ShareRequest) (*opening.Answer, error) {
	return invoke[opening.Answer](ctx, c, serviceName, "Share", r)
}

// errMalformed says that a party answered with bytes that are no answer.
var errMalformed = errors.New("its answer is malformed")

func invoke[A any](ctx context.Context, c *Client, service, method string, request any) (*A, error) {
	ctx, cancel := context.WithTimeout(ctx, DefaultTimeout)
	defer cancel()
	c.reach(ctx)
	var m message
	if err := c.conn.Invoke(ctx, "/"+service+"/"+method, request, &m); err != nil {
		return nil, fromStatus(err)
	}
	a := new(A)
	if err := m.decode(a); err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return a, nil
}
