package generation

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"

	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/dkg"
	"fhevm/threshold/identity"
)

// pause is how long a party is left alone that could not be reached.
var pause = backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second}

// link carries messages to one party, in order.
type link struct {
	conn *grpc.ClientConn
	more chan struct{} // sent to when the queue has grown

	mu    sync.Mutex
	queue []*dkg.Message // what the party does not have yet: the protocol bounds it
}

// dialer connects to an address.
type dialer func(ctx context.Context, address string) (net.Conn, error)

func newLink(m threshold.Member, id *identity.Identity, dial dialer) (*link, error) {
	conn, err := grpc.NewClient("passthrough:///"+m.Address,
		grpc.WithContextDialer(dial),
		grpc.WithTransportCredentials(credentials.NewTLS(committee.ClientTLS(id, m))),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: pause, MinConnectTimeout: 10 * time.Second}),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(bytesCodec{}), grpc.MaxCallSendMsgSize(maxMessage)))
	if err != nil {
		return nil, fmt.Errorf("dial party %d: %w", m.Party, err)
	}
	return &link{conn: conn, more: make(chan struct{}, 1)}, nil
}

// carry sends what is queued until ctx ends, each message until the other side has
// it.
func (l *link) carry(ctx context.Context) {
	for {
		for msg := l.first(); msg != nil; msg = l.first() {
			if !l.deliver(ctx, msg) {
				return
			}
			l.mu.Lock()
			l.queue = l.queue[1:]
			l.mu.Unlock()
		}
		select {
		case <-l.more:
		case <-ctx.Done():
			return
		}
	}
}

// push queues a message. It never waits: a party that takes nothing must not keep
// this one from hearing the others.
func (l *link) push(msg *dkg.Message) {
	l.mu.Lock()
	l.queue = append(l.queue, msg)
	l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
}

func (l *link) first() *dkg.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return nil
	}
	return l.queue[0]
}

// retry is the pause after a failed delivery.
const retry = 200 * time.Millisecond

func (l *link) deliver(ctx context.Context, msg *dkg.Message) bool {
	request := message(msg.Encode())
	for {
		attempt, cancel := context.WithTimeout(ctx, deliveryLimit)
		err := l.conn.Invoke(attempt, "/"+serviceName+"/"+deliverMethod, &request, new(message))
		cancel()
		if err == nil {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(retry):
		}
	}
}
