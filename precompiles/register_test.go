package precompiles

import (
	"math/big"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/core/vm/program"
	"github.com/ethereum/go-ethereum/core/vm/runtime"
	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"
)

func TestMain(m *testing.M) {
	Register()
	m.Run()
}

// forks lists the rules of every fork that go-ethereum knows, so that a table
// added by an upgrade cannot drop the precompiles unnoticed.
func forks() map[string]params.Rules {
	return map[string]params.Rules{
		"homestead": {IsHomestead: true},
		"byzantium": {IsByzantium: true},
		"istanbul":  {IsIstanbul: true},
		"berlin":    {IsBerlin: true},
		"cancun":    {IsCancun: true},
		"prague":    {IsPrague: true},
		"osaka":     {IsOsaka: true},
		"amsterdam": {IsOsaka: true, IsAmsterdam: true},
		"bogota":    {IsOsaka: true, IsAmsterdam: true, IsBogota: true},
		"ubt":       {IsOsaka: true, IsUBT: true},
		"merged":    params.MergedTestChainConfig.Rules(new(big.Int), true, 1<<62),
	}
}

func TestRegisteredInEveryFork(t *testing.T) {
	Register() // a second call changes nothing
	for name, rules := range forks() {
		t.Run(name, func(t *testing.T) {
			for a, p := range map[common.Address]vm.PrecompiledContract{OperationAddress: Operation{}, InputAddress: Input{}} {
				if vm.ActivePrecompiledContracts(rules)[a] != p {
					t.Errorf("%s is not active", p.Name())
				}
				if n := count(vm.ActivePrecompiles(rules), a); n != 1 {
					t.Errorf("%s is listed %d times", p.Name(), n)
				}
			}
		})
	}
}

func count(s []common.Address, a common.Address) int {
	return len(slices.DeleteFunc(slices.Clone(s), func(x common.Address) bool { return x != a }))
}

// through calls p with exactly gas from a contract by CALL, STATICCALL and
// DELEGATECALL.
func through(t *testing.T, p vm.PrecompiledContract, in []byte, gas uint64, check func(t *testing.T, ok bool, out []byte)) {
	t.Helper()
	to := OperationAddress
	if p == (Input{}) {
		to = InputAddress
	}
	for _, kind := range []vm.OpCode{vm.CALL, vm.STATICCALL, vm.DELEGATECALL} {
		t.Run(kind.String(), func(t *testing.T) {
			ret, _, err := runtime.Execute(caller(kind, to, len(in), gas), in, &runtime.Config{
				ChainConfig: params.MergedTestChainConfig, GasLimit: 1 << 40,
			})
			if err != nil {
				t.Fatal(err)
			}
			check(t, ret[31] == 1, ret[32:])
		})
	}
}

// caller is a contract that passes its calldata on with the given gas and
// returns success(32) | return data.
func caller(kind vm.OpCode, to common.Address, size int, gas uint64) []byte {
	p := program.New().Push(size).Push0().Push0().Op(vm.CALLDATACOPY)
	g := uint256.NewInt(gas)
	switch kind {
	case vm.CALL:
		p.Call(g, to, 0, 0, size, 0, 0)
	case vm.STATICCALL:
		p.StaticCall(g, to, 0, size, 0, 0)
	default:
		p.DelegateCall(g, to, 0, size, 0, 0)
	}
	p.Push0().Op(vm.MSTORE)
	p.Op(vm.RETURNDATASIZE).Push0().Push(32).Op(vm.RETURNDATACOPY)
	return p.Op(vm.RETURNDATASIZE).Push(32).Op(vm.ADD).Push0().Op(vm.RETURN).Bytes()
}
