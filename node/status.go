package node

import (
	"context"
	"fmt"

	"fhevm/coprocessor/store"
	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/rpc"
)

// Status is how a node does: fhevm_status (SPEC 8.9).
type Status struct {
	Version string       `json:"version"` // of the program
	Network string       `json:"network"`
	Domain  StatusDomain `json:"domain"`

	Head   uint64        `json:"head"` // last final block
	Cursor *StatusCursor `json:"cursor"`

	Queue               StatusQueue `json:"queue"`
	DelaySeconds        float64     `json:"delaySeconds"`
	BootstrapsPerSec    float64     `json:"bootstrapsPerSecond"`
	MaxDelaySeconds     float64     `json:"maxDelaySeconds"`
	Accepting           bool        `json:"accepting"`
	RefusedTransactions uint64      `json:"refusedTransactions"`

	Computations uint64 `json:"computations"`
	Failures     uint64 `json:"failures"`
	Bootstraps   uint64 `json:"bootstraps"`

	memory, cached int64 // bytes, for metrics
}

// StatusDomain separates the network's names from every other's.
type StatusDomain struct {
	ChainID  uint64      `json:"chainId"`
	ACL      fhe.Address `json:"acl"`
	KeyID    fhe.Digest  `json:"keyId"`
	Protocol uint8       `json:"protocolVersion"`
}

// StatusCursor is the last block that the coprocessor has stored.
type StatusCursor struct {
	Number uint64     `json:"number"`
	Hash   fhe.Digest `json:"hash"`
}

// StatusQueue is what is not computed yet.
type StatusQueue struct {
	Missing      int   `json:"missing"`
	Computations int   `json:"computations"`
	Running      int   `json:"running"`
	Bootstraps   int64 `json:"bootstraps"`
}

// Behind is the number of final blocks that the coprocessor has not read.
func (s *Status) Behind() uint64 {
	switch {
	case s.Cursor == nil:
		return s.Head + 1
	case s.Cursor.Number >= s.Head:
		return 0
	}
	return s.Head - s.Cursor.Number
}

// Status looks at the node's parts one after the other.
func (n *Node) Status(ctx context.Context) (*Status, error) {
	head, err := n.view().Finalized(ctx)
	if err != nil {
		return nil, err
	}
	cursor, begun, err := n.coprocessor.Cursor()
	if err != nil {
		return nil, err
	}
	d, c := n.Domain(), n.Stats()
	s := &Status{
		Version: n.config.Version, Network: string(n.network.Network), Domain: StatusDomain{d.ChainID, d.ACL, d.KeyID, d.Version},
		Head:         head.Number,
		Queue:        StatusQueue{c.Missing, c.Queued, c.Running, c.QueuedBootstraps},
		DelaySeconds: c.Delay.Seconds(), BootstrapsPerSec: c.Rate,
		MaxDelaySeconds: n.admission.limit.Seconds(), Accepting: n.admission.overload() == nil, RefusedTransactions: n.admission.refused.Load(),
		Computations: c.Done, Failures: c.Failed, Bootstraps: c.Bootstraps,
		memory: c.Memory, cached: c.Cached,
	}
	if begun {
		s.Cursor = cursorStatus(cursor)
	}
	return s, nil
}

func cursorStatus(c store.Cursor) *StatusCursor { return &StatusCursor{c.Number, c.Hash} }

// FetchStatus asks the node at a JSON-RPC URL.
func FetchStatus(ctx context.Context, url string) (*Status, error) {
	client, err := rpc.DialContext(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", url, err)
	}
	defer client.Close()
	s := new(Status)
	if err := client.CallContext(ctx, s, "fhevm_status"); err != nil {
		return nil, fmt.Errorf("ask %s for fhevm_status: %w", url, err)
	}
	return s, nil
}
