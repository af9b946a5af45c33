package chain

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/txpool"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/eth"
	"github.com/ethereum/go-ethereum/miner"
)

var errClosed = errors.New("the node is closing")

// sealer makes every block of a development chain.
//
// Timestamps are whole seconds and strictly increasing. Blocks come faster than
// that, so their times may run ahead of the clock by one second per block;
// they wait for the clock when the load ends. Transactions that arrive while a
// block is made share the next one.
type sealer struct {
	eth     *eth.Ethereum
	changed *signal // fired when another block is the last

	mu           sync.Mutex // held while a block is made or undone
	stopped      bool
	manual       bool   // transactions wait until a block is asked for
	endInterval  func() // stops blocks that are made at intervals
	clock        clock
	undone       undoing
	snapshots    []snapshot // in the order of their ids
	lastSnapshot uint64
}

func newSealer(e *eth.Ethereum) *sealer {
	return &sealer{eth: e, changed: newSignal(), endInterval: func() {}}
}

// resume takes up a chain from disk: whatever survived is final, but for blocks
// that were being undone.
func (s *sealer) resume() (err error) {
	if s.undone, err = readUndoing(s.eth.ChainDb()); err != nil {
		return err
	}
	if s.undone.open {
		if err := s.finishUndoing(); err != nil {
			return err
		}
	}
	s.finalise(s.eth.BlockChain().CurrentBlock())
	s.eth.SetSynced()
	return s.eth.TxPool().Sync()
}

func (s *sealer) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	s.endInterval()
}

// include adds tx to the pool and seals until it is in a block. A transaction
// that cannot be mined yet, for its nonce or its fee, stays in the pool, as all
// do while blocks are made on demand only.
func (s *sealer) include(tx *types.Transaction) error {
	if err := s.eth.TxPool().Add([]*types.Transaction{tx}, true)[0]; err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.manual && s.eth.TxPool().Status(tx.Hash()) == txpool.TxStatusPending {
		block, err := s.build(nil, false)
		if err != nil {
			return err
		}
		if len(block.Transactions()) == 0 {
			return nil
		}
		if err := s.commit(block); err != nil {
			return err
		}
	}
	return nil
}

func (s *sealer) head() *types.Header { return s.eth.BlockChain().CurrentBlock() }

// seal makes one block: of what waits in the pool, or empty, with withdrawals.
func (s *sealer) seal(w types.Withdrawals, empty bool) error {
	block, err := s.build(w, empty)
	if err != nil {
		return err
	}
	return s.commit(block)
}

func (s *sealer) build(w types.Withdrawals, empty bool) (*types.Block, error) {
	if s.stopped {
		return nil, errClosed
	}
	parent := s.head()
	if w == nil {
		w = types.Withdrawals{}
	}
	block, _, err := s.eth.Miner().BuildTestingPayload(&miner.BuildPayloadArgs{
		Parent:      parent.Hash(),
		Timestamp:   s.clock.after(parent.Time),
		Random:      crypto.Keccak256Hash(parent.Hash().Bytes()),
		Withdrawals: w,
		BeaconRoot:  new(common.Hash),
	}, nil, empty, s.undone.mark())
	if err != nil {
		return nil, fmt.Errorf("build block %d: %w", parent.Number.Uint64()+1, err)
	}
	return block, nil
}

// commit imports a block as any other node would, makes it durable, and only
// then final: what a reader of finalised blocks has seen is never lost.
func (s *sealer) commit(block *types.Block) error {
	chain := s.eth.BlockChain()
	if _, err := chain.InsertBlockWithoutSetHead(context.Background(), block, false); err != nil {
		return fmt.Errorf("import block %d: %w", block.NumberU64(), err)
	}
	if _, err := chain.SetCanonical(block); err != nil {
		return fmt.Errorf("set block %d canonical: %w", block.NumberU64(), err)
	}
	if err := s.eth.ChainDb().SyncKeyValue(); err != nil {
		return fmt.Errorf("sync block %d: %w", block.NumberU64(), err)
	}
	s.clock.sealed(block.Time())
	s.finalise(block.Header())
	s.changed.fire()
	// The pool follows the head in the background. Wait, or the next
	// transaction may be judged by the balances before this one.
	return s.eth.TxPool().Sync()
}

// finalise makes a block the last final one.
func (s *sealer) finalise(last *types.Header) {
	s.eth.BlockChain().SetFinalized(last)
	s.eth.BlockChain().SetSafe(last)
	// go-ethereum would move the final blocks of its database to flat files, in
	// the background, also while they are undone.
	rawdb.WriteFinalizedBlockHash(s.eth.ChainDb(), common.Hash{})
}

// signal wakes any number of waiters and never blocks on them.
type signal struct {
	mu   sync.Mutex
	next chan struct{}
}

func newSignal() *signal { return &signal{next: make(chan struct{})} }

// wait is closed by the next fire.
func (s *signal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

func (s *signal) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.next)
	s.next = make(chan struct{})
}
