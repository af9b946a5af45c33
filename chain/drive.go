package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/common/math"
	"github.com/ethereum/go-ethereum/rpc"
)

// What follows are the methods by which development tools drive a chain (SPEC
// 8.7), under their established names.

// drivingAPIs serves them. The namespace anvil has them all; where two have one
// name, the later counts.
func drivingAPIs(s *sealer, signer *devSigner) []rpc.API {
	evm, hardhat := &evmAPI{s}, &hardhatAPI{s, signer}
	return []rpc.API{
		{Namespace: "evm", Service: evm},
		{Namespace: "hardhat", Service: hardhat},
		{Namespace: "anvil", Service: evm},
		{Namespace: "anvil", Service: hardhat},
		{Namespace: "anvil", Service: &anvilAPI{s}},
	}
}

// count is a number as tools write it: a JSON number, or decimal or hexadecimal
// text.
type count = math.HexOrDecimal64

// evmAPI is the namespace evm.
type evmAPI struct{ sealer *sealer }

// Snapshot returns the id of the chain's present moment.
func (a *evmAPI) Snapshot() hexutil.Uint64 { return hexutil.Uint64(a.sealer.snapshot()) }

// Revert goes back to a snapshot, once. It returns false if there is none of
// that id.
func (a *evmAPI) Revert(id count) (bool, error) { return a.sealer.revert(uint64(id)) }

// Mine seals a block, at the given time if there is one. An object gives a time
// and a number of blocks.
func (a *evmAPI) Mine(ctx context.Context, order *mineOrder) (string, error) {
	if order == nil {
		order = &mineOrder{Blocks: 1}
	}
	if order.Timestamp != nil {
		if err := a.sealer.schedule(uint64(*order.Timestamp)); err != nil {
			return "", err
		}
	}
	return "0x0", a.sealer.mine(ctx, uint64(order.Blocks), 1)
}

// mineOrder is the argument of evm_mine: a time or an object.
type mineOrder struct {
	Timestamp *count `json:"timestamp"`
	Blocks    count  `json:"blocks"`
}

// UnmarshalJSON reads both forms.
func (o *mineOrder) UnmarshalJSON(b []byte) error {
	o.Blocks = 1
	if len(b) > 0 && b[0] == '{' {
		type fields mineOrder
		return json.Unmarshal(b, (*fields)(o))
	}
	o.Timestamp = new(count)
	return json.Unmarshal(b, o.Timestamp)
}

// IncreaseTime lets seconds pass at once, and returns how many have been let
// pass in all.
func (a *evmAPI) IncreaseTime(seconds count) (int64, error) { return a.sealer.pass(uint64(seconds)) }

// SetNextBlockTimestamp fixes the time of the next block. Time goes on from there.
func (a *evmAPI) SetNextBlockTimestamp(at count) error { return a.sealer.schedule(uint64(at)) }

// SetAutomine says whether a transaction makes a block. If not, it waits for
// evm_mine.
func (a *evmAPI) SetAutomine(on bool) bool {
	a.sealer.setManual(!on)
	return true
}

// SetIntervalMining makes a block every so many milliseconds, 0: no more.
func (a *evmAPI) SetIntervalMining(milliseconds count) (bool, error) {
	return true, a.sealer.mineEvery(uint64(milliseconds), time.Millisecond)
}

// hardhatAPI is the namespace hardhat.
type hardhatAPI struct {
	sealer *sealer
	signer *devSigner
}

// Mine seals blocks, one if it is not said how many, whose times are the interval
// apart, in seconds, one if it is not said.
func (a *hardhatAPI) Mine(ctx context.Context, blocks, interval *count) (bool, error) {
	n, apart := uint64(1), uint64(1)
	if blocks != nil {
		n = uint64(*blocks)
	}
	if interval != nil {
		apart = max(1, uint64(*interval))
	}
	return true, a.sealer.mine(ctx, n, apart)
}

// GetAutomine reports whether a transaction makes a block.
func (a *hardhatAPI) GetAutomine() bool { return !a.sealer.isManual() }

// Reset goes back to block 0.
func (a *hardhatAPI) Reset(options *json.RawMessage) (bool, error) {
	var wanted struct{ Forking json.RawMessage }
	if options != nil && json.Unmarshal(*options, &wanted) == nil && wanted.Forking != nil {
		return false, errors.New("this chain forks no other: attach a coprocessor to that one instead")
	}
	return true, a.sealer.reset()
}

// SetBalance raises a balance by a withdrawal, as the beacon chain pays out, in a
// block of its own. What a transaction would have to take away it refuses.
func (a *hardhatAPI) SetBalance(account common.Address, wei hexutil.Big) (bool, error) {
	return true, a.sealer.raise(account, wei.ToInt())
}

// ImpersonateAccount changes nothing for a development account, for which the
// node signs, and refuses every other.
func (a *hardhatAPI) ImpersonateAccount(account common.Address) (bool, error) {
	if _, err := a.signer.key(account); err != nil {
		return false, fmt.Errorf("%w. A transaction on a real chain needs its sender's signature: "+
			"in the test, give the role to one of eth_accounts, or try the call with eth_call, which takes any sender", err)
	}
	return true, nil
}

// StopImpersonatingAccount has nothing to stop.
func (a *hardhatAPI) StopImpersonatingAccount(common.Address) bool { return true }

// errState is why an account cannot be written to.
func errState(instead string) error {
	return fmt.Errorf("the state of a real chain changes by transactions only: %s", instead)
}

// SetCode is refused.
func (a *hardhatAPI) SetCode(common.Address, hexutil.Bytes) error {
	return errState("deploy the contract, or try the code with the state overrides of eth_call")
}

// SetStorageAt is refused.
func (a *hardhatAPI) SetStorageAt(common.Address, hexutil.Big, common.Hash) error {
	return errState("call the contract, deploy one that lets the test write, or use the state overrides of eth_call")
}

// SetNonce is refused.
func (a *hardhatAPI) SetNonce(common.Address, count) error {
	return errState("send transactions from the account until it has that nonce")
}

// anvilAPI is what the namespace anvil has beside those of evm and hardhat.
type anvilAPI struct{ sealer *sealer }

// SetIntervalMining makes a block every so many seconds, 0: no more.
func (a *anvilAPI) SetIntervalMining(seconds count) (bool, error) {
	return true, a.sealer.mineEvery(uint64(seconds), time.Second)
}
