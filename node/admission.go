package node

import (
	"sync"
	"sync/atomic"
	"time"

	"fhevm/chain"
)

// admission keeps what this node takes from its own users within what the
// coprocessor can do. It is no rule of the chain: whatever is in a block is
// computed, and what was admitted is never dropped.
type admission struct {
	limit time.Duration        // 0: none
	delay func() time.Duration // until the work that is ordered is done

	refused atomic.Uint64
	mu      sync.Mutex
	full    bool
}

// recovery is the part of the limit to which the delay falls before a node that
// refused takes transactions again, so that it does not alternate at the limit.
const recovery = 2

// overload is nil while transactions that order computation are taken.
func (a *admission) overload() *chain.Overload {
	if a.limit == 0 {
		return nil
	}
	delay := a.delay()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.full = delay > a.limit || a.full && delay > a.limit/recovery
	if !a.full {
		return nil
	}
	return &chain.Overload{Delay: delay, Retry: delay - a.limit/recovery}
}

// admit implements chain.Config.Admit.
func (a *admission) admit(orders func() bool) error {
	o := a.overload()
	if o == nil || !orders() {
		return nil
	}
	a.refused.Add(1)
	return o
}
