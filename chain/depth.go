package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
)

// Depth says which block of a chain is the last that counts: the one that the
// chain calls finalized, or the one with so many blocks on top.
type Depth int64

// Finalized is the depth that the chain states by itself.
const Finalized Depth = -1

// finalized is the header of the block that the chain calls finalized. Nothing stands in
// for it: a chain answers an error, or nothing, while it calls none so.
func finalized(ctx context.Context, client *ethclient.Client) (*types.Header, error) {
	h, err := client.HeaderByNumber(ctx, big.NewInt(int64(rpc.FinalizedBlockNumber)))
	var answer rpc.Error
	switch {
	case err == nil:
		return h, nil
	case errors.As(err, &answer), errors.Is(err, ethereum.NotFound):
		return nil, fmt.Errorf("it calls no block finalized: %w; a chain without finality serves only development networks, with --confirmations", err)
	}
	return nil, fmt.Errorf("finalised block: %w", err)
}

// last is the header of the last block that counts.
func (d Depth) last(ctx context.Context, client *ethclient.Client) (*types.Header, error) {
	if d == Finalized {
		return finalized(ctx, client)
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
