package contracts

import (
	"bytes"
	"fmt"
	"math/big"
	"testing"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/holiman/uint256"
)

// puppet is a contract that makes one call, of the kind of op, for whoever asks:
// its calldata is the target (20) and what to send there. It returns or reverts
// with what comes back.
func puppet(op vm.OpCode) []byte {
	code := []byte{
		byte(vm.PUSH1), 20, byte(vm.CALLDATASIZE), byte(vm.SUB), // length
		byte(vm.DUP1), byte(vm.PUSH1), 20, byte(vm.PUSH0), byte(vm.CALLDATACOPY),
		byte(vm.PUSH0), byte(vm.PUSH0), byte(vm.DUP3), byte(vm.PUSH0), // output, input
	}
	if op == vm.CALL {
		code = append(code, byte(vm.PUSH0)) // value
	}
	code = append(code, byte(vm.PUSH0), byte(vm.CALLDATALOAD), byte(vm.PUSH1), 96, byte(vm.SHR), byte(vm.GAS), byte(op),
		byte(vm.RETURNDATASIZE), byte(vm.PUSH0), byte(vm.PUSH0), byte(vm.RETURNDATACOPY))
	jump := byte(len(code) + 6)
	return append(code, byte(vm.PUSH1), jump, byte(vm.JUMPI), byte(vm.RETURNDATASIZE), byte(vm.PUSH0), byte(vm.REVERT),
		byte(vm.JUMPDEST), byte(vm.RETURNDATASIZE), byte(vm.PUSH0), byte(vm.RETURN))
}

// place puts code at an address.
func (n *network) place(last byte, code []byte) common.Address {
	at := common.Address{0: 0xba, 19: last}
	n.config.State.SetCode(at, code, tracing.CodeChangeUnspecified)
	return at
}

// through makes a call of c by way of puppets: each calls the next one.
func (tx *transaction) through(puppets []common.Address, c contract, method string, args ...any) ([]byte, error) {
	tx.t.Helper()
	input, err := c.abi.Pack(method, args...)
	if err != nil {
		tx.t.Fatal(err)
	}
	path := c.Address[:]
	for i := len(puppets) - 1; i > 0; i-- {
		path = append(puppets[i].Bytes(), path...)
	}
	return tx.raw(mallory, puppets[0], append(bytes.Clone(path), input...))
}

var mallory = common.HexToAddress("0x3a110")

// refused fails the test unless the call by way of puppets reverts with want.
func (tx *transaction) refused(want string, puppets []common.Address, c contract, method string, args ...any) {
	tx.t.Helper()
	if out, err := tx.through(puppets, c, method, args...); err == nil || err.Error() != want {
		tx.t.Errorf("%s through %v:\n got %x, %v\nwant %s", method, puppets, out, err, want)
	}
}

// allowed fails the test unless the call by way of puppets succeeds.
func (tx *transaction) allowed(puppets []common.Address, c contract, method string, args ...any) []byte {
	tx.t.Helper()
	out, err := tx.through(puppets, c, method, args...)
	if err != nil {
		tx.t.Errorf("%s through %v: %v", method, puppets, err)
	}
	return out
}

// meterSlot is where the executor keeps its budget: namespace fhevm.storage.Meter.
var meterSlot = common.HexToHash("0x6cbc5ce91d73706f45bcf8044a489d5c3ea73de002c71fffb20a5230aad16800")

// TestPrecompileGivesNoRight: the handle that the precompile names is the very one
// that the executor will make next, and still of no use to who asked for it.
func TestPrecompileGivesNoRight(t *testing.T) {
	n := newNetwork(t)
	next := fhe.Derivation{Domain: n.domain(), Op: fhe.Trivial, Type: fhe.Uint8, Operands: []fhe.Operand{fhe.ClearOperand(uint256.NewInt(5))}}
	encoding, err := next.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	tx := n.transaction(func(tx *transaction) {
		out, err := tx.raw(mallory, common.Address(OperationsPrecompile), encoding)
		if err != nil {
			t.Fatal(err)
		}
		h := fhe.Handle(out[64:96]) // behind bootstraps and depth
		tx.wantRights(rights{}, h, mallory)
		tx.fails(fmt.Sprintf("ACLNotAllowed(%s, %s)", h, mallory), mallory, n.executor, "fheNot", h)
		tx.fails(fmt.Sprintf("SenderNotAllowed(%s)", mallory), mallory, n.acl, "allow", h, mallory)
		if made := tx.encrypt(alice, 5, fhe.Uint8); made != h {
			t.Fatalf("the executor made %s, the precompile named %s", made, h)
		}
		tx.wantRights(rights{transient: true}, h, alice)
		tx.fails(fmt.Sprintf("ACLNotAllowed(%s, %s)", h, mallory), mallory, n.executor, "fheNot", h)
	})
	if got := len(n.derivations(tx.logs)); got != 1 {
		t.Errorf("%d operations were ordered, want 1", got)
	}
	n.fails(fmt.Sprintf("SenderNotExecutor(%s)", mallory), mallory, n.acl, "settleOperation", mallory, new(big.Int), new(big.Int))
	list := newInputList(t, n.binding(app, mallory), fhe.Uint64)
	tx = n.transaction(func(tx *transaction) {
		input := append(append(n.domain().Append(nil), app[:]...), mallory[:]...)
		if _, err := tx.raw(mallory, common.Address(InputsPrecompile), append(input, list.encoding...)); err != nil {
			t.Fatal(err)
		}
		tx.wantRights(rights{}, list.handles[0], mallory)
		tx.wantRights(rights{}, list.handles[0], app)
	})
	if len(tx.logs) != 0 {
		t.Errorf("%d logs", len(tx.logs))
	}
}

// delegated runs the ACL's and the executor's code in the place of a puppet.
func (tx *transaction) delegated(p []common.Address, h fhe.Handle) {
	const succeeds = ""
	denied := fmt.Sprintf("SenderNotAllowed(%s)", mallory) // delegatecall keeps the sender
	for _, call := range []struct {
		system       int
		want, method string
		args         []any
	}{
		{0, succeeds, "initialize", []any{mallory}},
		{0, denied, "allow", []any{h, mallory}},
		{0, denied, "allowBoth", []any{h, mallory}},
		{0, denied, "allowTransient", []any{h, mallory}},
		{0, denied, "allowForDecryption", []any{[][32]byte{h}}},
		{1, fmt.Sprintf("SenderNotExecutor(%s)", p[0]), "trivialEncrypt", []any{common.Big1, uint8(fhe.Uint8)}},
	} {
		proxy := tx.governed()[call.system]
		tx.allowed(p, proxy, call.method, call.args...) // finds no implementation, and calls nobody
		implementation := contract{common.Address(Systems()[call.system].Implementation), proxy.abi}
		if call.want == succeeds {
			tx.allowed(p, implementation, call.method, call.args...)
		} else {
			tx.refused(call.want, p, implementation, call.method, call.args...)
		}
	}
}

// TestDelegatecallChangesNothing: system code run in another contract's place
// works on that contract's storage and under its name, whether it is a proxy,
// which finds no implementation there, or an implementation.
func TestDelegatecallChangesNothing(t *testing.T) {
	n := newNetwork(t)
	p := []common.Address{n.place(1, puppet(vm.DELEGATECALL))}
	// A budget of its own, so that the executor's code goes on to where rights are given.
	meter := n.config.State.GetState(n.executor.Address, meterSlot)
	n.config.State.SetState(p[0], meterSlot, meter)
	h := aHandle(1)
	tx := n.transaction(func(tx *transaction) {
		tx.must(executorAccount, n.acl, "allowTransient", h, alice)
		tx.delegated(p, h)
		tx.wantRights(rights{}, h, mallory)
		tx.wantRights(rights{}, h, p[0])
		if tx.must(bob, n.acl, "isAllowedForDecryption", h).(bool) {
			t.Error("the handle is public")
		}
		if got := tx.must(bob, n.acl, "owner"); got != owner {
			t.Errorf("the owner is %v", got)
		}
	})
	if got := n.config.State.GetState(n.executor.Address, meterSlot); got != meter {
		t.Errorf("the executor's budget was %s, is %s", meter, got)
	}
	for _, l := range tx.logs {
		if l.Address != p[0] {
			t.Errorf("%s logged %s", l.Address, l.Topics[0])
		}
	}
}

// TestStaticCallChangesNothing: and says no success.
func TestStaticCallChangesNothing(t *testing.T) {
	n := newNetwork(t)
	p := []common.Address{n.place(1, puppet(vm.STATICCALL))}
	h := aHandle(1)
	tx := n.transaction(func(tx *transaction) {
		tx.must(executorAccount, n.acl, "allowTransient", h, p[0])
		for _, c := range []struct {
			contract contract
			method   string
			args     []any
		}{
			{n.acl, "allow", []any{h, mallory}}, {n.acl, "allowBoth", []any{h, mallory}}, {n.acl, "allowTransient", []any{h, mallory}},
			{n.acl, "allowForDecryption", []any{[][32]byte{h}}}, {n.acl, "cleanTransientStorage", nil},
			{n.executor, "trivialEncrypt", []any{common.Big1, uint8(fhe.Uint8)}},
		} {
			if out, err := tx.through(p, c.contract, c.method, c.args...); err == nil {
				t.Errorf("%s by staticcall returns %x", c.method, out)
			}
		}
		tx.wantRights(rights{transient: true}, h, p[0])
		tx.wantRights(rights{}, h, mallory)
		if _, err := tx.through(p, n.acl, "isAllowed", h, p[0]); err != nil {
			t.Errorf("reading by staticcall: %v", err)
		}
	})
	if len(tx.logs) != 0 {
		t.Errorf("%d logs", len(tx.logs))
	}
}

// TestCalledContractsBorrowNothing: a contract that another one calls back in the
// middle of its work, or that calls on its behalf, has its own rights alone.
func TestCalledContractsBorrowNothing(t *testing.T) {
	n := newNetwork(t)
	a, b := n.place(1, puppet(vm.CALL)), n.place(2, puppet(vm.CALL))
	n.transaction(func(tx *transaction) {
		out, err := tx.through([]common.Address{a}, n.executor, "trivialEncrypt", common.Big1, uint8(fhe.Uint8))
		if err != nil {
			t.Fatal(err)
		}
		h := fhe.Handle(out)
		tx.wantRights(rights{transient: true}, h, a)
		// a calls b, which speaks for itself; so does b when a calls it back.
		tx.refused(fmt.Sprintf("ACLNotAllowed(%s, %s)", h, b), []common.Address{a, b}, n.executor, "fheNot", h)
		tx.refused(fmt.Sprintf("SenderNotAllowed(%s)", b), []common.Address{a, b}, n.acl, "allow", h, b)
		tx.refused(fmt.Sprintf("SenderNotAllowed(%s)", b), []common.Address{a, b}, n.acl, "allowBoth", h, mallory)
		tx.refused(fmt.Sprintf("SenderNotAllowed(%s)", b), []common.Address{b, a, b}, n.acl, "allowTransient", h, mallory)
		// The ACL, called by itself, is nobody special.
		call, err := n.acl.abi.Pack("allow", h, b)
		if err != nil {
			t.Fatal(err)
		}
		tx.refused(fmt.Sprintf("SenderNotAllowed(%s)", b), []common.Address{a, b}, n.acl, "multicall", [][]byte{call})
		tx.wantRights(rights{}, h, b)
		tx.wantRights(rights{}, h, mallory)
		// b may, once a lends it the value.
		if _, err := tx.through([]common.Address{a}, n.acl, "allowTransient", h, b); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.through([]common.Address{a, b}, n.executor, "fheNot", h); err != nil {
			t.Error(err)
		}
	})
}

// TestTransientRightsEnd: with the transaction, with cleanTransientStorage, with
// the call that gave them where it reverts; and they are their holder's alone.
func TestTransientRightsEnd(t *testing.T) {
	n := newNetwork(t)
	h := aHandle(1)
	unusable := func(tx *transaction, account common.Address) {
		t.Helper()
		denied := fmt.Sprintf("SenderNotAllowed(%s)", account)
		tx.fails(denied, account, n.acl, "allow", h, account)
		tx.fails(denied, account, n.acl, "allowBoth", h, mallory)
		tx.fails(denied, account, n.acl, "allowTransient", h, account)
		tx.fails(denied, account, n.acl, "allowForDecryption", [][32]byte{h})
		tx.fails(fmt.Sprintf("ACLNotAllowed(%s, %s)", h, account), account, n.executor, "fheNot", h)
	}
	n.transaction(func(tx *transaction) {
		tx.must(executorAccount, n.acl, "allowTransient", h, alice)
		unusable(tx, mallory)
		tx.must(alice, n.acl, "allowTransient", h, bob)
		unusable(tx, mallory)
		tx.must(mallory, n.acl, "cleanTransientStorage")
		unusable(tx, alice)
		unusable(tx, bob)
		tx.must(executorAccount, n.acl, "allowTransient", h, bob)
		unusable(tx, alice) // what was cleaned does not come back with another's
		tx.must(mallory, n.acl, "cleanTransientStorage")
		tx.must(mallory, n.acl, "cleanTransientStorage")
		unusable(tx, bob)
		tx.must(executorAccount, n.acl, "allowTransient", h, alice)
	})
	n.transaction(func(tx *transaction) {
		unusable(tx, alice)
		unusable(tx, bob)
		lend, err := n.acl.abi.Pack("allowTransient", h, bob)
		if err != nil {
			t.Fatal(err)
		}
		refuse, err := n.acl.abi.Pack("blockAccount", bob)
		if err != nil {
			t.Fatal(err)
		}
		tx.must(executorAccount, n.acl, "allowTransient", h, alice)
		tx.fails(n.refusal(n.acl, alice), alice, n.acl, "multicall", [][]byte{lend, refuse})
		unusable(tx, bob)
	})
}

// mortal is the creation code of a puppet that ends with the transaction when it
// is called without data.
func mortal() []byte {
	end := []byte{byte(vm.CALLDATASIZE), byte(vm.PUSH1), 6, byte(vm.JUMPI), byte(vm.CALLER), byte(vm.SELFDESTRUCT), byte(vm.JUMPDEST)}
	body := puppet(vm.CALL)
	body[bytes.LastIndexByte(body, byte(vm.JUMPI))-1] += byte(len(end)) // where it jumps to
	code := append(end, body...)
	return append([]byte{byte(vm.PUSH1), byte(len(code)), byte(vm.DUP1), byte(vm.PUSH1), 9,
		byte(vm.PUSH0), byte(vm.CODECOPY), byte(vm.PUSH0), byte(vm.RETURN)}, code...)
}

// create runs creation code as carol, at an address that follows from it.
func (tx *transaction) create(code []byte) common.Address {
	tx.t.Helper()
	_, at, _, err := tx.evm.Create2(carol, code, vm.NewGasBudget(1<<40, 0), new(uint256.Int), new(uint256.Int))
	if err != nil {
		tx.t.Fatal(err)
	}
	return at
}

// TestSelfdestructedHolder: a right stays with its address. It passes to nobody
// when the contract goes, and is there again if the same contract comes back.
func TestSelfdestructedHolder(t *testing.T) {
	n := newNetwork(t)
	var h fhe.Handle
	var holder common.Address
	heirs := func(tx *transaction) {
		for _, heir := range []common.Address{mallory, carol, common.Address(ExecutorAddress)} {
			tx.wantRights(rights{}, h, heir)
			tx.fails(fmt.Sprintf("ACLNotAllowed(%s, %s)", h, heir), heir, n.executor, "fheNot", h)
		}
	}
	n.transaction(func(tx *transaction) {
		holder = tx.create(mortal())
		out, err := tx.through([]common.Address{holder}, n.executor, "trivialEncrypt", common.Big1, uint8(fhe.Uint8))
		if err != nil {
			t.Fatal(err)
		}
		h = fhe.Handle(out)
		if _, err := tx.through([]common.Address{holder}, n.acl, "allow", h, holder); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.raw(mallory, holder, nil); err != nil {
			t.Fatal(err)
		}
		heirs(tx)
	})
	if len(n.config.State.GetCode(holder)) != 0 {
		t.Fatal("the contract is still there")
	}
	n.transaction(func(tx *transaction) {
		tx.wantRights(rights{persistent: true}, h, holder)
		heirs(tx)
		if again := tx.create(mortal()); again != holder {
			t.Fatalf("created at %s", again)
		}
		if _, err := tx.through([]common.Address{holder}, n.executor, "fheNot", h); err != nil {
			t.Errorf("the same contract at the same address: %v", err)
		}
	})
}
