package contracts

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"fhevm/fhe"
	"fhevm/precompiles"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/core/vm/runtime"
	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"
)

func TestMain(m *testing.M) {
	precompiles.Register()
	m.Run()
}

// Accounts of the tests.
var (
	alice = common.HexToAddress("0xa11ce")
	bob   = common.HexToAddress("0xb0b")
	carol = common.HexToAddress("0xca401")
	owner = common.HexToAddress("0x03e2") // of the system contracts
)

var keyID = fhe.Keccak([]byte("the network's key"))

// network is an EVM with the system contracts. Whoever the sender of a call
// claims to be, it is.
type network struct {
	t       testing.TB
	config  runtime.Config
	members []*member
	values  map[fhe.Handle]*big.Int // what the handles of all operations and inputs stand for
	apps    byte                    // contracts deployed
	foreign bool                    // the chain lacks the precompiles

	acl, executor, inputs, decryption, registry contract
	errors                                      map[[4]byte]abi.Error
}

type contract struct {
	common.Address
	abi abi.ABI
}

func newNetwork(t testing.TB) *network { return newBudget(t, 100_000, 1_000_000, 32_768) }

// newBudget is a network whose executor has these limits.
func newBudget(t testing.TB, perBlock, burst, depth uint32) *network {
	n := emptyNetwork(t)
	n.governAll(Systems(), perBlock, burst, depth)
	return n
}

// emptyNetwork is an EVM without system contracts.
func emptyNetwork(t testing.TB) *network {
	chain := *params.MergedTestChainConfig
	chain.ChainID = big.NewInt(DevChainID)
	db, err := state.New(types.EmptyRootHash, state.NewDatabaseForTesting())
	if err != nil {
		t.Fatal(err)
	}
	return &network{
		t: t, members: committee(4), values: map[fhe.Handle]*big.Int{}, errors: map[[4]byte]abi.Error{},
		config: runtime.Config{
			ChainConfig: &chain, State: db, GasLimit: 1 << 40, GasPrice: new(big.Int), Value: new(big.Int),
			BlockNumber: big.NewInt(1), Difficulty: new(big.Int), BaseFee: new(big.Int), BlobBaseFee: new(big.Int),
			Random: new(common.Hash),
		},
	}
}

// governAll installs the system contracts. Twins are the last argument of the
// constructors of an executor and an input verifier that call them.
func (n *network) governAll(systems []System, perBlock, burst, depth uint32, twins ...common.Address) {
	n.t.Helper()
	acl, executor, inputs := common.Address(ACLAddress), common.Address(ExecutorAddress), common.Address(InputVerifierAddress)
	ordering, verifying := []any{acl, inputs, keyID}, []any{acl, executor, keyID}
	if len(twins) == 2 {
		ordering, verifying = append(ordering, twins[0]), append(verifying, twins[1])
	}
	n.acl = n.govern(systems[0], []any{executor}, "initialize", owner)
	n.executor = n.govern(systems[1], ordering, "initialize", perBlock, burst, depth)
	n.inputs = n.govern(systems[2], verifying, "initialize")
	n.decryption = n.govern(systems[3], []any{acl, common.Address(KeyRegistryAddress)}, "initialize")
	n.registry = n.govern(systems[4], []any{acl, common.Address(DecryptionVerifierAddress)}, "initialize", "dev", keyID, [32]byte{}, big.NewInt(7), signers(n.members), big.NewInt(3))
}

// aHandle is a well-formed handle that nobody made.
func aHandle(seed byte) fhe.Handle {
	return fhe.NewHandle(fhe.Digest{seed}, fhe.Computed, DevChainID, fhe.Uint8, fhe.Version)
}

func (n *network) domain() fhe.Domain {
	return fhe.Domain{ChainID: DevChainID, ACL: ACLAddress, KeyID: keyID, Version: fhe.Version}
}

// govern installs a system contract: its implementation, and the proxy with the
// call that initialises it.
func (n *network) govern(s System, args []any, initialise string, first ...any) contract {
	n.t.Helper()
	implementation := n.install(s.Implementation, s.Artifact, args...)
	call, err := implementation.abi.Pack(initialise, first...)
	if err != nil {
		n.t.Fatal(err)
	}
	proxy := n.install(s.Proxy, SystemProxy, implementation.Address, call)
	return contract{proxy.Address, implementation.abi}
}

// install runs a constructor at an address, as a genesis does.
func (n *network) install(at fhe.Address, a *Artifact, args ...any) contract {
	n.t.Helper()
	c, err := n.construct(common.Address(at), a, args...)
	if err != nil {
		n.t.Fatalf("%s: %v", a.Name, err)
	}
	return c
}

func (n *network) construct(at common.Address, a *Artifact, args ...any) (contract, error) {
	n.t.Helper()
	c := contract{at, parseABI(n.t, a)}
	for _, e := range c.abi.Errors {
		n.errors[[4]byte(e.ID[:4])] = e
	}
	packed, err := c.abi.Pack("", args...)
	if err != nil {
		n.t.Fatal(err)
	}
	n.config.State.SetCode(at, append(bytes.Clone(a.Bytecode), packed...), tracing.CodeChangeUnspecified)
	var code []byte
	n.transaction(func(tx *transaction) { code, err = tx.raw(carol, at, nil) })
	n.config.State.SetCode(at, code, tracing.CodeChangeUnspecified)
	return c, err
}

// deploy installs a contract at a new address.
func (n *network) deploy(a *Artifact, args ...any) contract {
	n.t.Helper()
	n.apps++
	return n.install(fhe.Address{0: 0xc0, 19: n.apps}, a, args...)
}

func parseABI(t testing.TB, a *Artifact) abi.ABI {
	t.Helper()
	parsed, err := abi.JSON(strings.NewReader(a.ABI))
	if err != nil {
		t.Fatalf("%s: %v", a.Name, err)
	}
	return parsed
}

// transaction is a series of calls that share transient storage.
type transaction struct {
	*network
	evm  *vm.EVM
	gas  uint64 // used by the calls
	logs []*types.Log
}

// nextBlock goes on to the next block.
func (n *network) nextBlock() {
	n.config.BlockNumber = new(big.Int).Add(n.config.BlockNumber, big.NewInt(1))
}

// transaction runs the calls of body and follows the operations that they
// order.
func (n *network) transaction(body func(*transaction)) *transaction {
	n.t.Helper()
	db := n.config.State
	rules := n.config.ChainConfig.Rules(n.config.BlockNumber, true, n.config.Time)
	db.SetTxContext(common.Hash{}, 0, 0)
	before := len(db.GetLogs(common.Hash{}, 1, common.Hash{}, 0))
	db.Prepare(rules, carol, common.Address{}, nil, vm.ActivePrecompiles(rules), nil)
	tx := &transaction{network: n, evm: runtime.NewEnv(&n.config)}
	if n.foreign {
		tx.evm.SetPrecompiles(others(vm.ActivePrecompiledContracts(rules)))
	}
	body(tx)
	db.Finalise(rules)
	tx.logs = db.GetLogs(common.Hash{}, 1, common.Hash{}, 0)[before:]
	n.follow(tx.logs)
	return tx
}

// others are the precompiles that every chain has.
func others(all vm.PrecompiledContracts) vm.PrecompiledContracts {
	delete(all, precompiles.OperationAddress)
	delete(all, precompiles.InputAddress)
	return all
}

// raw makes one call.
func (tx *transaction) raw(from, to common.Address, input []byte) ([]byte, error) {
	const limit = 1 << 40
	out, rest, err := tx.evm.Call(from, to, input, vm.NewGasBudget(limit, 0), new(uint256.Int))
	tx.gas += limit - rest.ExecutionGas
	if errors.Is(err, vm.ErrExecutionReverted) {
		return nil, tx.revert(out)
	}
	return out, err
}

// revert is an error in Solidity's notation, with arguments as Go prints them.
func (n *network) revert(data []byte) error {
	if text, err := abi.UnpackRevert(data); err == nil {
		return errors.New(text)
	}
	if len(data) < 4 {
		return fmt.Errorf("revert %x", data)
	}
	e, ok := n.errors[[4]byte(data)]
	if !ok {
		return fmt.Errorf("unknown error %x", data)
	}
	args, err := e.Inputs.Unpack(data[4:])
	if err != nil {
		return err
	}
	return errors.New(e.Name + "(" + printed(args) + ")")
}

func printed(args []any) string {
	var s []string
	for _, a := range args {
		if h, ok := a.([32]byte); ok {
			a = fhe.Handle(h)
		}
		s = append(s, fmt.Sprint(a))
	}
	return strings.Join(s, ", ")
}

// call calls a method and returns its results.
func (tx *transaction) call(from common.Address, c contract, method string, args ...any) ([]any, error) {
	tx.t.Helper()
	input, err := c.abi.Pack(method, args...)
	if err != nil {
		tx.t.Fatal(err)
	}
	out, err := tx.raw(from, c.Address, input)
	if err != nil {
		return nil, err
	}
	results, err := c.abi.Unpack(method, out)
	if err != nil {
		tx.t.Fatal(err)
	}
	return results, nil
}

// must makes a call that succeeds and returns its first result, if any.
func (tx *transaction) must(from common.Address, c contract, method string, args ...any) any {
	tx.t.Helper()
	results, err := tx.call(from, c, method, args...)
	if err != nil {
		tx.t.Fatalf("%s: %v", method, err)
	}
	if len(results) == 0 {
		return nil
	}
	return results[0]
}

// handle is must for methods that return a handle.
func (tx *transaction) handle(from common.Address, c contract, method string, args ...any) fhe.Handle {
	tx.t.Helper()
	return fhe.Handle(tx.must(from, c, method, args...).([32]byte))
}

// fails makes a call that reverts with exactly the wanted error.
func (tx *transaction) fails(want string, from common.Address, c contract, method string, args ...any) {
	tx.t.Helper()
	if _, err := tx.call(from, c, method, args...); err == nil || err.Error() != want {
		tx.t.Errorf("%s:\n got %v\nwant %s", method, err, want)
	}
}

// must makes one call in a transaction of its own.
func (n *network) must(from common.Address, c contract, method string, args ...any) (result any) {
	n.t.Helper()
	n.transaction(func(tx *transaction) { result = tx.must(from, c, method, args...) })
	return result
}

// fails makes one failing call in a transaction of its own.
func (n *network) fails(want string, from common.Address, c contract, method string, args ...any) {
	n.t.Helper()
	n.transaction(func(tx *transaction) { tx.fails(want, from, c, method, args...) })
}

// events decodes the events of a contract in order.
func (c contract) events(t testing.TB, logs []*types.Log, name string) []map[string]any {
	t.Helper()
	var out []map[string]any
	event := c.abi.Events[name]
	for _, l := range logs {
		if l.Address != c.Address || l.Topics[0] != event.ID {
			continue
		}
		fields := map[string]any{}
		var indexed abi.Arguments
		for _, a := range event.Inputs {
			if a.Indexed {
				indexed = append(indexed, a)
			}
		}
		err := abi.ParseTopicsIntoMap(fields, indexed, l.Topics[1:])
		if err == nil && len(l.Data) > 0 {
			err = event.Inputs.UnpackIntoMap(fields, l.Data)
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fields)
	}
	return out
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.TrimPrefix(s, "0x"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
