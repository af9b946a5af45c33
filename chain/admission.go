package chain

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"slices"
	"time"

	"fhevm/contracts"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
)

// Overload refuses a transaction that orders encrypted computation, for now.
type Overload struct {
	Delay time.Duration // until the computations that are ordered already are done
	Retry time.Duration // when to send the transaction again
}

// Error says what to do.
func (o *Overload) Error() string {
	return fmt.Sprintf("the coprocessor is %.0f seconds behind: this node takes no more transactions that order encrypted computation, send this one again in about %.0f seconds",
		math.Ceil(o.Delay.Seconds()), math.Ceil(o.Retry.Seconds()))
}

// ErrorCode is "limit exceeded" (EIP-1474).
func (o *Overload) ErrorCode() int { return -32005 }

// ErrorData is for programs that send the transaction again by themselves.
func (o *Overload) ErrorData() any {
	return map[string]float64{"delaySeconds": math.Ceil(o.Delay.Seconds()), "retryAfterSeconds": math.Ceil(o.Retry.Seconds())}
}

// admission asks whether a transaction may join the pool. Blocks are not asked:
// what another node has put into one is valid here.
type admission struct {
	admit  func(orders func() bool) error
	base   *rpc.Client
	signer types.Signer
}

func newAdmission(cfg Config, base *rpc.Client) *admission {
	a := &admission{admit: cfg.Admit, base: base, signer: types.LatestSignerForChainID(new(big.Int).SetUint64(cfg.Genesis.ChainID))}
	if a.admit == nil {
		a.admit = func(func() bool) error { return nil }
	}
	return a
}

func (a *admission) check(ctx context.Context, tx *types.Transaction) error {
	return a.admit(func() bool { return a.orders(ctx, tx) })
}

// orders reports whether tx, on the present state, touches the executor, without
// which nothing is computed. When in doubt it does.
func (a *admission) orders(ctx context.Context, tx *types.Transaction) bool {
	from, err := types.Sender(a.signer, tx)
	if err != nil || tx.Type() == types.SetCodeTxType {
		return true
	}
	executor := common.Address(contracts.ExecutorAddress)
	if to := tx.To(); to != nil && *to == executor {
		return true
	}
	var touched struct {
		AccessList types.AccessList
	}
	err = a.base.CallContext(ctx, &touched, "eth_createAccessList", map[string]any{
		"from": from, "to": tx.To(), "value": (*hexutil.Big)(tx.Value()), "input": hexutil.Bytes(tx.Data()), "gas": hexutil.Uint64(tx.Gas()),
	}, "latest")
	return err != nil || slices.ContainsFunc(touched.AccessList, func(t types.AccessTuple) bool { return t.Address == executor })
}
