package chain

import (
	"context"
	"fmt"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/types"
)

// Feed reads the ordered log of instructions from the receipts of final blocks.
type Feed struct {
	chain   *core.BlockChain
	final   *signal
	sources map[sourceKey]source
}

// Feed reads this node's blocks.
func (n *Node) Feed() *Feed {
	return &Feed{chain: n.eth.BlockChain(), final: n.sealer.final, sources: sources(n.genesis.Domain())}
}

// Follow delivers one batch for each final block from number from on, in order
// and without a gap, waiting for new ones, until ctx ends or deliver fails; it
// returns that error. A batch without entries is delivered too, so that the
// receiver's cursor moves. Delivery is at least once: a receiver that stored its
// cursor with its work resumes at the next number.
//
// However slow deliver is, block production does not wait for it.
func (f *Feed) Follow(ctx context.Context, from uint64, deliver func(fhe.Batch) error) error {
	for next := from; ; {
		more := f.final.wait() // before reading, so that no block slips between
		for last := f.chain.CurrentFinalBlock().Number.Uint64(); next <= last; next++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			b, err := f.read(next)
			if err != nil {
				return err
			}
			if err := deliver(b); err != nil {
				return fmt.Errorf("deliver block %d: %w", next, err)
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Check fails unless the final block of the given number has the given hash. A
// receiver checks its cursor before it resumes: another chain's work is not
// ours.
func (f *Feed) Check(number uint64, hash fhe.Digest) error {
	header := f.chain.GetHeaderByNumber(number)
	if header == nil || number > f.chain.CurrentFinalBlock().Number.Uint64() {
		return fmt.Errorf("block %d of the cursor is not on the chain, whose last final block is %d", number, f.chain.CurrentFinalBlock().Number)
	}
	if got := fhe.Digest(header.Hash()); got != hash {
		return fmt.Errorf("block %d of the cursor is %s, on the chain it is %s", number, hash, got)
	}
	return nil
}

func (f *Feed) read(number uint64) (fhe.Batch, error) {
	header := f.chain.GetHeaderByNumber(number)
	if header == nil {
		return fhe.Batch{}, fmt.Errorf("read block %d: header is missing", number)
	}
	receipts := f.chain.GetReceiptsByHash(header.Hash())
	if receipts == nil && header.ReceiptHash != types.EmptyReceiptsHash {
		return fhe.Batch{}, fmt.Errorf("read block %d: receipts are missing", number)
	}
	return batch(f.sources, header, receipts)
}
