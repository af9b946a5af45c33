package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
)

// Orders of development tools to the sealer.

// schedule fixes the time of the next block.
func (s *sealer) schedule(at uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock.schedule(at, s.head().Time)
}

// pass lets seconds pass at once.
func (s *sealer) pass(seconds uint64) (ahead int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock.pass(seconds)
}

// nextTime is the time that the next block takes, were it made now.
func (s *sealer) nextTime() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock.after(s.head().Time)
}

// maxMined is the number of blocks that one call may ask for. Each is a real
// one, written to disk.
const maxMined = 1 << 16

// mine seals blocks, empty if need be, the first when the clock says and each
// other one interval seconds after the one before.
func (s *sealer) mine(ctx context.Context, blocks, interval uint64) error {
	if blocks > maxMined {
		return fmt.Errorf("%d blocks are more than %d, which one call may ask for: let time pass in larger steps", blocks, maxMined)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range blocks {
		if err := ctx.Err(); err != nil {
			return err
		}
		if i > 0 {
			if err := s.clock.schedule(s.head().Time+interval, s.head().Time); err != nil {
				return err
			}
		}
		if err := s.seal(nil, false); err != nil {
			return err
		}
	}
	return nil
}

// setManual says whether transactions wait until a block is asked for.
func (s *sealer) setManual(manual bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.manual = manual
}

func (s *sealer) isManual() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.manual
}

// maxInterval bounds the time between blocks.
const maxInterval = 24 * time.Hour

// mineEvery makes a block every n units of time until it is told otherwise, 0:
// makes none any more.
func (s *sealer) mineEvery(n uint64, unit time.Duration) error {
	if n > uint64(maxInterval/unit) {
		return fmt.Errorf("blocks every %d times %v are more than %v apart", n, unit, maxInterval)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endInterval()
	s.endInterval = func() {}
	if n > 0 && !s.stopped {
		ctx, cancel := context.WithCancel(context.Background())
		s.endInterval = cancel
		go s.keepMining(ctx, time.Duration(n)*unit)
	}
	return nil
}

func (s *sealer) keepMining(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if s.mine(ctx, 1, 1) != nil {
				return
			}
		}
	}
}

// raise gives an account a balance that is no lower than the one it has. What a
// withdrawal pays is whole gwei.
func (s *sealer) raise(account common.Address, wei *big.Int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	state, err := s.eth.BlockChain().State()
	if err != nil {
		return err
	}
	missing := new(big.Int).Sub(wei, state.GetBalance(account).ToBig())
	gwei, rest := new(big.Int).DivMod(missing, big.NewInt(params.GWei), new(big.Int))
	switch {
	case missing.Sign() == 0:
		return nil
	case missing.Sign() < 0:
		return errors.New("the balance is higher already: send the rest to another account")
	case rest.Sign() != 0 || !gwei.IsUint64():
		return fmt.Errorf("%s wei are missing, which are not up to 2^64 - 1 whole gwei: choose a balance that is", missing)
	}
	return s.seal(types.Withdrawals{{Index: s.head().Number.Uint64(), Address: account, Amount: gwei.Uint64()}}, true)
}
