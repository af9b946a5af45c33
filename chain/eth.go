package chain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
)

// ethAPI replaces methods of the eth namespace: sending returns when the
// transaction is mined, and a revert is explained.
type ethAPI struct {
	sealer    *sealer
	signer    *devSigner
	base      *rpc.Client // go-ethereum's own methods
	admission *admission
}

var errBlobs = errors.New("blob transactions are not supported on this chain")

// SendRawTransaction returns when the transaction's receipt can be read, or
// when the transaction waits in the pool for its nonce or its fee.
func (a *ethAPI) SendRawTransaction(ctx context.Context, input hexutil.Bytes) (common.Hash, error) {
	tx := new(types.Transaction)
	if err := tx.UnmarshalBinary(input); err != nil {
		return common.Hash{}, err
	}
	return a.send(ctx, tx)
}

func (a *ethAPI) send(ctx context.Context, tx *types.Transaction) (common.Hash, error) {
	if tx.Type() == types.BlobTxType {
		return common.Hash{}, errBlobs
	}
	if err := a.admission.check(ctx, tx); err != nil {
		return common.Hash{}, err
	}
	return tx.Hash(), a.sealer.include(tx)
}

// SendRawTransactionSync returns the receipt, null where the transaction waits
// in the pool.
func (a *ethAPI) SendRawTransactionSync(ctx context.Context, input hexutil.Bytes, _ *uint64) (receipt json.RawMessage, err error) {
	hash, err := a.SendRawTransaction(ctx, input)
	if err != nil {
		return nil, err
	}
	err = a.base.CallContext(ctx, &receipt, "eth_getTransactionReceipt", hash)
	return receipt, err
}

// Call is eth_call with reverts explained.
func (a *ethAPI) Call(ctx context.Context, args json.RawMessage, block, overrides, blockOverrides *json.RawMessage) (json.RawMessage, error) {
	return a.forward(ctx, "eth_call", args, block, overrides, blockOverrides)
}

// EstimateGas is eth_estimateGas with reverts explained. At the head it takes the
// number and the time of the next block, in which the transaction will be: a test
// may have let time pass, and what is refused twice in a block, or waits for a
// bucket that blocks refill, is not where no block comes by itself.
func (a *ethAPI) EstimateGas(ctx context.Context, args json.RawMessage, block, overrides, blockOverrides *json.RawMessage) (json.RawMessage, error) {
	if blockOverrides == nil && (block == nil || isHead(*block)) {
		pending := json.RawMessage(`"pending"`)
		next := json.RawMessage(fmt.Sprintf(`{"time":"%#x"}`, a.sealer.nextTime()))
		block, blockOverrides = &pending, &next
	}
	return a.forward(ctx, "eth_estimateGas", args, block, overrides, blockOverrides)
}

func isHead(block json.RawMessage) bool {
	return slices.Contains([]string{"null", `"latest"`, `"pending"`}, string(block))
}

// forward calls go-ethereum's own method with the arguments as they came.
func (a *ethAPI) forward(ctx context.Context, method string, first json.RawMessage, more ...*json.RawMessage) (out json.RawMessage, err error) {
	args := []any{first}
	for _, m := range more {
		if m == nil {
			m = &json.RawMessage{'n', 'u', 'l', 'l'}
		}
		args = append(args, *m)
	}
	for bytes.Equal(args[len(args)-1].(json.RawMessage), []byte("null")) && len(args) > 1 {
		args = args[:len(args)-1]
	}
	return out, explained(a.base.CallContext(ctx, &out, method, args...))
}

// Syncing is always false: there is nobody to sync from. The original would
// count the unindexed block 0 of a new chain.
func (a *ethAPI) Syncing() bool { return false }
