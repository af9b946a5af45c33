package chain

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
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
// that, so the chain's time may run ahead of the clock by one second per block;
// it waits for the clock when the load ends. Transactions that arrive while a
// block is made share the next one.
type sealer struct {
	eth   *eth.Ethereum
	final *signal

	mu      sync.Mutex // held while a block is made
	stopped bool
}

func newSealer(e *eth.Ethereum) *sealer {
	return &sealer{eth: e, final: newSignal()}
}

// resume takes up a chain from disk: whatever survived is final.
func (s *sealer) resume() error {
	s.finalise(s.eth.BlockChain().CurrentBlock())
	s.eth.SetSynced()
	return s.eth.TxPool().Sync()
}

func (s *sealer) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
}

// include adds tx to the pool and seals until it is in a block. A transaction
// that cannot be mined yet, for its nonce or its fee, stays in the pool.
func (s *sealer) include(tx *types.Transaction) error {
	if err := s.eth.TxPool().Add([]*types.Transaction{tx}, true)[0]; err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.eth.TxPool().Status(tx.Hash()) == txpool.TxStatusPending {
		block, err := s.build(0)
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

// mine seals one block, empty if need be, at the given time (0: now).
func (s *sealer) mine(at uint64) (*types.Block, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	block, err := s.build(at)
	if err != nil {
		return nil, err
	}
	return block, s.commit(block)
}

func (s *sealer) build(at uint64) (*types.Block, error) {
	if s.stopped {
		return nil, errClosed
	}
	parent := s.eth.BlockChain().CurrentBlock()
	if at == 0 {
		at = max(parent.Time+1, uint64(time.Now().Unix()))
	}
	if at <= parent.Time {
		return nil, fmt.Errorf("seal block %d: time %d is not after its parent's %d", parent.Number.Uint64()+1, at, parent.Time)
	}
	block, _, err := s.eth.Miner().BuildTestingPayload(&miner.BuildPayloadArgs{
		Parent:      parent.Hash(),
		Timestamp:   at,
		Random:      crypto.Keccak256Hash(parent.Hash().Bytes()),
		Withdrawals: types.Withdrawals{},
		BeaconRoot:  new(common.Hash),
	}, nil, false, nil)
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
	s.finalise(block.Header())
	// The pool follows the head in the background. Wait, or the next
	// transaction may be judged by the balances before this one.
	return s.eth.TxPool().Sync()
}

func (s *sealer) finalise(head *types.Header) {
	s.eth.BlockChain().SetFinalized(head)
	s.eth.BlockChain().SetSafe(head)
	s.final.fire()
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
