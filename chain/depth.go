package chain

import (
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
)

// Depth says which block of a chain is the last that counts: the one that the
// chain calls finalized, or the one with so many blocks on top.
type Depth int64

// Finalized is the depth that the chain states by itself.
const Finalized Depth = -1

// last is the header of the last block that counts.
func (d Depth) last(ctx context.Context, client *ethclient.Client) (*types.Header, error) {
	if d == Finalized {
		h, err := client.HeaderByNumber(ctx, big.NewInt(int64(rpc.FinalizedBlockNumber)))
		if err != nil {
			return nil, fmt.Errorf("finalised block: %w", err)
		}
		return h, nil
	}
	h, err := client.HeaderByNumber(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("latest block: %w", err)
	}
	if d == 0 || h.Number.Sign() == 0 {
		return h, nil
	}
	number := max(h.Number.Int64()-int64(d), 0)
	if h, err = client.HeaderByNumber(ctx, big.NewInt(number)); err != nil {
		return nil, fmt.Errorf("block %d: %w", number, err)
	}
	return h, nil
}
