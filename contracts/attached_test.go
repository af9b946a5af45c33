package contracts

import (
	"fmt"
	"math/big"
	"testing"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// Where the twins are.
var (
	operationTwinAt = fhe.Address{0: 0xd0, 19: 0x5d}
	inputTwinAt     = fhe.Address{0: 0xd0, 19: 0x5e}
)

// newAttachedNetwork is an EVM without our precompiles, whose system contracts have
// the same addresses as those of newNetwork and call the twins.
func newAttachedNetwork(t testing.TB) *network {
	n := emptyNetwork(t)
	n.foreign = true
	n.install(operationTwinAt, OperationTwin)
	n.install(inputTwinAt, InputTwin)
	systems := Systems()
	systems[1].Artifact, systems[2].Artifact = AttachedExecutor, AttachedInputVerifier
	n.governAll(systems, 100_000, 1_000_000, 32_768, common.Address(operationTwinAt), common.Address(inputTwinAt))
	return n
}

func newAttachedToken(t testing.TB) token {
	n := newAttachedNetwork(t)
	return token{n, n.deploy(ConfidentialToken, "Token", "TKN")}
}

// TestAttachedChainLogsTheSame runs a token on a chain with the precompiles and on
// one with the twins: the coprocessor reads the same log.
func TestAttachedChainLogsTheSame(t *testing.T) {
	native, attached := newToken(t), newAttachedToken(t)
	minted, mintList := native.input(native.contract, carol, 1000)
	sent, sentList := native.input(native.contract, alice, 300)
	scenario := func(k token) (logs []*types.Log) {
		k.values[minted], k.values[sent] = big.NewInt(1000), big.NewInt(300)
		mint := k.transaction(func(tx *transaction) { tx.must(carol, k.contract, "mint", alice, minted, mintList) })
		send := k.transaction(func(tx *transaction) { tx.must(alice, k.contract, "transfer", bob, sent, sentList) })
		return append(mint.logs, send.logs...)
	}
	want, got := scenario(native), scenario(attached)
	if len(got) != len(want) {
		t.Fatalf("%d logs, want %d", len(got), len(want))
	}
	for i, l := range want {
		if fmt.Sprint(got[i].Address, got[i].Topics, got[i].Data) != fmt.Sprint(l.Address, l.Topics, l.Data) {
			t.Errorf("log %d is %v, want %v", i, got[i], l)
		}
	}
	attached.wantBalances(map[common.Address]uint64{alice: 700, bob: 300})
}

// TestAttachedChainExplainsMistakes passes the twins' words on.
func TestAttachedChainExplainsMistakes(t *testing.T) {
	n := newAttachedNetwork(t)
	l := newInputList(t, n.binding(app, alice), fhe.Uint64)
	n.transaction(func(tx *transaction) {
		a8, a16 := tx.encrypt(alice, 1, fhe.Uint8), tx.encrypt(alice, 1, fhe.Uint16)
		tx.fails("FHE operation: add: operand 1: handle is uint16, want uint8", alice, n.executor, "fheAdd", a8, a16, encrypted)
		tx.fails("FHE operation: trivialEncrypt: is not defined on type(1)", alice, n.executor, "trivialEncrypt", big.NewInt(1), uint8(1))
		tx.fails("FHE operation: sum: too few operands are encrypted: compute on clear values in the contract",
			alice, n.executor, "order", uint8(fhe.Sum), uint8(fhe.Uint8), [][32]byte{word(1), word(2)}, big.NewInt(3), []byte{})
		tx.fails("FHE input: input is bound to another user: encrypt it for the account that sends the transaction",
			app, n.executor, "verifyInput", l.handles[0], bob, l.encoding, uint8(fhe.Uint64))
	})
}

// TestAttachedChainNeedsTwins names the twin that is missing.
func TestAttachedChainNeedsTwins(t *testing.T) {
	n := newAttachedNetwork(t)
	n.config.State.SetCode(common.Address(operationTwinAt), nil, 0)
	n.fails(fmt.Sprintf("PrecompileMissing(%s)", common.Address(operationTwinAt)), alice, n.executor, "trivialEncrypt", big.NewInt(1), uint8(fhe.Uint8))
}

// TestNativeContractsNeedPrecompiles shows that a foreign chain has none.
func TestNativeContractsNeedPrecompiles(t *testing.T) {
	n := newNetwork(t)
	n.foreign = true
	n.fails(fmt.Sprintf("PrecompileMissing(%s)", common.Address(OperationsPrecompile)), alice, n.executor, "trivialEncrypt", big.NewInt(1), uint8(fhe.Uint8))
}
