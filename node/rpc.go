package node

import (
	"context"
	"fmt"
	"time"

	"fhevm/chain"
	"fhevm/coprocessor"
	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/rpc"
)

// rpcAPI is the JSON-RPC namespace fhevm of every node (SPEC 8.9).
type rpcAPI struct{ node *Node }

// methods are the JSON-RPC methods of every node, and those of development networks.
func (n *Node) methods() []rpc.API {
	apis := []rpc.API{{Namespace: "fhevm", Service: &rpcAPI{n}}}
	if n.network.Network == chain.Dev {
		apis = append(apis, rpc.API{Namespace: "fhevm", Service: &devAPI{n}})
	}
	return apis
}

// methodServer serves the node's methods beside those of a chain.
func (n *Node) methodServer() (*rpc.Server, error) {
	s := rpc.NewServer()
	for _, a := range n.methods() {
		if err := s.RegisterName(a.Namespace, a.Service); err != nil {
			return nil, fmt.Errorf("register namespace %s: %w", a.Namespace, err)
		}
	}
	return s, nil
}

// Status serves fhevm_status.
func (a *rpcAPI) Status(ctx context.Context) (*Status, error) { return a.node.Status(ctx) }

// HandleStatus is what a node knows about a handle: fhevm_handle.
type HandleStatus struct {
	Handle    fhe.Handle        `json:"handle"`
	Type      string            `json:"type"`
	State     coprocessor.State `json:"state"`
	Block     *uint64           `json:"block,omitempty"`     // that defined it
	Operation string            `json:"operation,omitempty"` // "input" for a value of an input list
	Operands  []fhe.Handle      `json:"operands,omitempty"`
	Digest    *fhe.Digest       `json:"digest,omitempty"` // of the ciphertext, when ready
	Error     *HandleError      `json:"error,omitempty"`  // when failed
}

// HandleError is the computation at fault, which may be that of an operand, and why.
type HandleError struct {
	Handle fhe.Handle `json:"handle"`
	Reason string     `json:"reason"`
}

// settled reports whether nothing is to come.
func (s *HandleStatus) settled() bool {
	return s.State == coprocessor.Ready || s.State == coprocessor.Failed
}

// Handle serves fhevm_handle.
func (a *rpcAPI) Handle(h fhe.Handle) (*HandleStatus, error) { return a.node.handleStatus(h) }

func (n *Node) handleStatus(h fhe.Handle) (*HandleStatus, error) {
	s, err := n.coprocessor.Status(h)
	if err != nil {
		return nil, err
	}
	out := &HandleStatus{Handle: h, Type: h.Type().String(), State: s.State, Operation: s.Kind, Operands: s.Operands}
	switch s.State {
	case coprocessor.Ready:
		out.Digest = &s.Digest
	case coprocessor.Failed:
		out.Error = &HandleError{s.Failure.Handle, s.Failure.Reason}
	}
	if s.State != coprocessor.Unknown {
		out.Block = &s.Block
	}
	return out, nil
}

// defaultWait is for how long fhevm_wait waits when the caller does not say.
const defaultWait = time.Minute

// Wait serves fhevm_wait: fhevm_handle once the handle is computed, or cannot be, or
// the timeout in seconds has passed.
func (a *rpcAPI) Wait(ctx context.Context, h fhe.Handle, timeout *float64) (*HandleStatus, error) {
	limit := defaultWait
	if timeout != nil {
		if !(*timeout >= 0 && *timeout <= maxWait.Seconds()) {
			return nil, &rpcError{invalidParams, fmt.Sprintf("timeout is %v seconds, want 0 to %v", *timeout, maxWait.Seconds())}
		}
		limit = time.Duration(*timeout * float64(time.Second))
	}
	if err := a.node.api.wait(ctx, h, limit); err != nil {
		return nil, limited(err)
	}
	return a.node.handleStatus(h)
}

// Handles serves the subscription fhevm_subscribe("handles", filter).
func (a *rpcAPI) Handles(ctx context.Context, filter *HandleFilter) (*rpc.Subscription, error) {
	return a.node.watches.subscribe(ctx, filter)
}

// Codes of JSON-RPC errors.
const (
	invalidParams = -32602
	limitExceeded = -32005 // EIP-1474
)

// rpcError is an error with its JSON-RPC code.
type rpcError struct {
	code    int
	message string
}

func (e *rpcError) Error() string  { return e.message }
func (e *rpcError) ErrorCode() int { return e.code }

// limited is the error of a gate that is full, as JSON-RPC has it.
func limited(err error) error { return &rpcError{limitExceeded, err.Error()} }
