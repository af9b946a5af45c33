package generation

import (
	"context"
	"fmt"
	"sync/atomic"
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
	conn   *grpc.ClientConn
	queue  chan *dkg.Message
	flying atomic.Int64 // messages that the party does not have yet
}

// queued bounds the messages that wait for a party. The protocol sends no more than a
// few ahead of a party that does not answer.
const queued = 64

func newLink(m threshold.Member, id *identity.Identity) (*link, error) {
	conn, err := grpc.NewClient("passthrough:///"+m.Address,
		grpc.WithTransportCredentials(credentials.NewTLS(committee.ClientTLS(id, m))),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: pause, MinConnectTimeout: 10 * time.Second}),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(bytesCodec{}), grpc.MaxCallSendMsgSize(maxMessage)))
	if err != nil {
		return nil, fmt.Errorf("dial party %d: %w", m.Party, err)
	}
	return &link{conn: conn, queue: make(chan *dkg.Message, queued)}, nil
}

// carry sends what is queued until ctx ends, each message until the other side has
// it.
func (l *link) carry(ctx context.Context) {
	for {
		select {
		case msg := <-l.queue:
			if !l.deliver(ctx, msg) {
				return
			}
			l.flying.Add(-1)
		case <-ctx.Done():
			return
		}
	}
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
