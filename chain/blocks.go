package chain

import (
	"context"
	"fmt"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/types"
)

// localBlocks are the final blocks of this process's node.
type localBlocks struct {
	chain   *core.BlockChain
	changed *signal
	sources map[sourceKey]source
}

// Feed reads this node's blocks.
func (n *Node) Feed() *Feed {
	return NewFeed(&localBlocks{chain: n.eth.BlockChain(), changed: n.sealer.changed, sources: sources()})
}

// Changed implements Blocks.
func (l *localBlocks) Changed() <-chan struct{} { return l.changed.wait() }

// Last implements Blocks.
func (l *localBlocks) Last(context.Context) (uint64, error) {
	return l.chain.CurrentFinalBlock().Number.Uint64(), nil
}

// Hash implements Blocks.
func (l *localBlocks) Hash(_ context.Context, number uint64) (fhe.Digest, error) {
	header := l.chain.GetHeaderByNumber(number)
	if header == nil {
		return fhe.Digest{}, fmt.Errorf("hash of block %d: %w", number, ErrUndone)
	}
	return fhe.Digest(header.Hash()), nil
}

// Batch implements Blocks.
func (l *localBlocks) Batch(_ context.Context, number uint64) (b fhe.Batch, parent fhe.Digest, err error) {
	header := l.chain.GetHeaderByNumber(number)
	if header == nil {
		return b, parent, fmt.Errorf("read block %d: %w", number, ErrUndone)
	}
	receipts := l.chain.GetReceiptsByHash(header.Hash())
	if receipts == nil && header.ReceiptHash != types.EmptyReceiptsHash {
		return b, parent, l.missing(header)
	}
	b, err = batch(l.sources, header, receipts)
	return b, fhe.Digest(header.ParentHash), err
}

// missing says why a block has no receipts.
func (l *localBlocks) missing(header *types.Header) error {
	number := header.Number.Uint64()
	if l.chain.GetCanonicalHash(number) != header.Hash() {
		return fmt.Errorf("read block %d: %w", number, ErrUndone)
	}
	return fmt.Errorf("read block %d: receipts are missing", number)
}
