package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"fhevm/fhe"
	"fhevm/threshold/committee"

	"github.com/ethereum/go-ethereum/rpc"
)

// Bounds of subscriptions.
const (
	maxSubscriptions  = 64   // of all connections
	maxPerConnection  = 8    // of one
	maxWatched        = 256  // handles that a subscriber names
	maxUndelivered    = 4096 // handles that a subscriber to all has not been told of
	undeliveredReason = "too many handles wait to be computed or delivered: subscribe again, and ask fhevm_handle for what you missed"
)

// HandleFilter says which handles a subscriber wants to hear of: those named, or
// without any all that blocks from now on want.
type HandleFilter struct {
	Handles []fhe.Handle `json:"handles"`
}

// Dropped is the last notification of a subscription that the node ends.
type Dropped struct {
	Reason string `json:"dropped"`
}

// watches are the subscriptions to handles.
type watches struct {
	status  func(fhe.Handle) (*HandleStatus, error)
	changed func() <-chan struct{} // see coprocessor.Changed
	gate    committee.Gate[string] // by connection
	number  atomic.Int64           // of subscriptions

	mu   sync.Mutex
	open map[*watch]struct{}
}

func newWatches(n *Node) *watches {
	return &watches{
		status: n.handleStatus, changed: func() <-chan struct{} { return n.coprocessor.Changed() },
		gate: committee.Gate[string]{Each: maxPerConnection, All: maxSubscriptions}, open: make(map[*watch]struct{}),
	}
}

// subscribe begins a subscription on the connection of ctx.
func (w *watches) subscribe(ctx context.Context, filter *HandleFilter) (*rpc.Subscription, error) {
	notifier, supported := rpc.NotifierFromContext(ctx)
	if !supported {
		return nil, rpc.ErrNotificationsUnsupported
	}
	if filter == nil {
		filter = new(HandleFilter)
	}
	if n := len(filter.Handles); n > maxWatched {
		return nil, &rpcError{invalidParams, fmt.Sprintf("%d handles, want at most %d", n, maxWatched)}
	}
	leave, err := w.gate.Enter(rpc.PeerInfoFromContext(ctx).RemoteAddr)
	if err != nil {
		return nil, limited(fmt.Errorf("at most %d subscriptions of a connection and %d of all", maxPerConnection, maxSubscriptions))
	}
	sub := notifier.CreateSubscription()
	x := newWatch(filter.Handles)
	w.follow(x)
	w.number.Add(1)
	go func() {
		defer leave()
		defer w.number.Add(-1)
		defer w.leave(x)
		w.serve(x, sub.Err(), func(v any) error { return notifier.Notify(sub.ID, v) })
	}()
	return sub, nil
}

func (w *watches) follow(x *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open[x] = struct{}{}
}

func (w *watches) leave(x *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, x)
}

// append tells subscribers of a block that the coprocessor has stored.
func (w *watches) append(b *fhe.Batch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for x := range w.open {
		x.add(b)
	}
}

// serve sends what becomes of the handles of x until the subscriber is gone, or is
// to be dropped.
func (w *watches) serve(x *watch, gone <-chan error, send func(any) error) {
	for {
		changed := w.changed()
		for _, h := range x.list() {
			s, err := w.status(h)
			if err != nil {
				return // the node is closing
			}
			if !s.settled() {
				continue
			}
			x.remove(h)
			if send(s) != nil {
				return
			}
		}
		if x.overflowed() {
			send(Dropped{undeliveredReason})
			return
		}
		select {
		case <-changed:
		case <-x.more:
		case <-gone:
			return
		}
	}
}

// watch is what one subscriber has yet to be told.
type watch struct {
	all  bool          // what blocks want, too
	more chan struct{} // holds an element when a block came

	mu      sync.Mutex
	pending map[fhe.Handle]struct{}
	over    bool // there were too many
}

func newWatch(handles []fhe.Handle) *watch {
	x := &watch{all: len(handles) == 0, more: make(chan struct{}, 1), pending: make(map[fhe.Handle]struct{}, len(handles))}
	for _, h := range handles {
		x.pending[h] = struct{}{}
	}
	return x
}

// add watches what b wants, as far as there is room, if x is for all handles. It
// never waits.
func (x *watch) add(b *fhe.Batch) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range b.Entries {
		switch {
		case e.Wanted == nil || !x.all:
		case len(x.pending) >= maxUndelivered:
			x.over = true
		default:
			x.pending[*e.Wanted] = struct{}{}
		}
	}
	select {
	case x.more <- struct{}{}:
	default:
	}
}

func (x *watch) list() []fhe.Handle {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Collect(maps.Keys(x.pending))
}

func (x *watch) remove(h fhe.Handle) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.pending, h)
}

func (x *watch) overflowed() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.over
}
