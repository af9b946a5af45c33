package chain

import (
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// snapshot is a moment of the chain that a test can go back to, once. Snapshots
// end with the process.
type snapshot struct {
	id     uint64
	number uint64
	now    int64
	next   uint64
	pool   []*types.Transaction
}

// snapshot takes one and returns its id, from 1 on.
func (s *sealer) snapshot() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastSnapshot++
	s.snapshots = append(s.snapshots, snapshot{
		id: s.lastSnapshot, number: s.eth.BlockChain().CurrentBlock().Number.Uint64(),
		now: s.clock.now(), next: s.clock.next, pool: s.waiting(),
	})
	return s.lastSnapshot
}

// waiting lists the transactions of the pool.
func (s *sealer) waiting() (out []*types.Transaction) {
	pending, queued := s.eth.TxPool().Content()
	for _, accounts := range []map[common.Address][]*types.Transaction{pending, queued} {
		for _, list := range accounts {
			out = append(out, list...)
		}
	}
	return out
}

// revert goes back to a snapshot: blocks, time and waiting transactions. The
// snapshot and those after it are gone then. It reports false if there is none
// of that id.
func (s *sealer) revert(id uint64) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.snapshots, func(x snapshot) bool { return x.id == id })
	if at < 0 {
		return false, nil
	}
	to := s.snapshots[at]
	s.snapshots = s.snapshots[:at]
	return true, s.restore(to)
}

// reset goes back to block 0, with nothing waiting and the machine's time.
func (s *sealer) reset() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snapshots = nil
	s.clock = clock{}
	return s.restore(snapshot{now: s.clock.now()})
}

// restore empties the pool when the blocks are gone, not before: go-ethereum may
// give a transaction of theirs back to the pool if someone reads blocks meanwhile.
func (s *sealer) restore(to snapshot) error {
	if err := s.undo(to.number); err != nil {
		return err
	}
	s.eth.TxPool().Clear()
	s.clock.set(to.now)
	s.clock.next = to.next
	s.eth.TxPool().Add(to.pool, true) // each was accepted on the same state before
	return nil
}
