package contracts

import (
	"fmt"
	"math/big"
	"slices"
	"testing"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/holiman/uint256"
)

// encrypt makes a trivial ciphertext for an account.
func (tx *transaction) encrypt(from common.Address, v int64, t fhe.Type) fhe.Handle {
	tx.t.Helper()
	return tx.handle(from, tx.executor, "trivialEncrypt", big.NewInt(v), uint8(t))
}

var (
	encrypted = [1]byte{0}
	clear     = [1]byte{1}
)

func word(v int64) [32]byte { return common.BigToHash(big.NewInt(v)) }

// establishedNames are the executor's functions that existing contracts call.
var establishedNames = map[fhe.Op]string{
	fhe.Add: "fheAdd", fhe.Sub: "fheSub", fhe.Mul: "fheMul",
	fhe.And: "fheBitAnd", fhe.Or: "fheBitOr", fhe.Xor: "fheBitXor",
	fhe.Eq: "fheEq", fhe.Ne: "fheNe", fhe.Ge: "fheGe", fhe.Gt: "fheGt", fhe.Le: "fheLe", fhe.Lt: "fheLt",
	fhe.Min: "fheMin", fhe.Max: "fheMax", fhe.Neg: "fheNeg", fhe.Not: "fheNot",
	fhe.Cast: "cast", fhe.Trivial: "trivialEncrypt", fhe.Select: "fheIfThenElse",
}

// TestExecutorFollowsTable orders every operation of the table and compares
// the derivation with one made from the row.
func TestExecutorFollowsTable(t *testing.T) {
	n := newNetwork(t)
	for _, row := range fhe.Operators() {
		for _, typ := range []fhe.Type{fhe.Bool, fhe.Uint64} {
			if row.On(typ) {
				t.Run(row.Name+"/"+typ.String(), func(t *testing.T) { n.orderEach(t, row, typ) })
			}
		}
	}
}

func (n *network) orderEach(t *testing.T, row fhe.Operator, typ fhe.Type) {
	clearForms := []bool{row.Shape == fhe.Encrypt}
	if row.Clear && row.Shape != fhe.Encrypt {
		clearForms = []bool{false, true}
	}
	for _, withClear := range clearForms {
		want := fhe.Derivation{Domain: n.domain(), Op: row.Op, Type: typ}
		var got fhe.Handle
		tx := n.transaction(func(tx *transaction) {
			types := row.Signature(typ, 2)
			for i, o := range types {
				if withClear && i == len(types)-1 {
					want.Operands = append(want.Operands, fhe.ClearOperand(uint256.NewInt(1)))
				} else {
					want.Operands = append(want.Operands, fhe.MadeOperand(tx.encrypt(alice, int64(i%2), o)))
				}
			}
			got = tx.handle(alice, n.executor, establishedNames[row.Op], arguments(row, &want)...)
		})
		ordered := n.derivations(tx.logs)
		want.Salt = ordered[len(ordered)-1].Salt
		if want.Results()[0].Handle != got {
			t.Errorf("clear %v: ordered %+v, want %+v", withClear, ordered[len(ordered)-1], want)
		}
	}
}

// arguments are those of the executor's function for a derivation.
func arguments(row fhe.Operator, d *fhe.Derivation) (args []any) {
	for _, o := range d.Operands {
		args = append(args, o.Word)
	}
	switch row.Shape {
	case fhe.Binary, fhe.Compare:
		if d.Operands[1].Kind == fhe.Clear {
			return append(args, clear)
		}
		return append(args, encrypted)
	case fhe.Encrypt:
		return []any{d.Operands[0].Value().ToBig(), uint8(d.Type)}
	case fhe.Convert:
		return append(args, uint8(d.Type))
	}
	return args
}

func TestEachUseHasItsOwnHandle(t *testing.T) {
	n := newNetwork(t)
	var handles []fhe.Handle
	var logged []fhe.Derivation
	for range 2 {
		tx := n.transaction(func(tx *transaction) {
			handles = append(handles, tx.encrypt(alice, 1, fhe.Uint8), tx.encrypt(alice, 1, fhe.Uint8), tx.encrypt(bob, 1, fhe.Uint8))
		})
		logged = append(logged, n.derivations(tx.logs)...)
	}
	for i, d := range logged {
		if d.Salt != fhe.Digest(word(int64(i))) {
			t.Errorf("operation %d has salt %s", i, d.Salt)
		}
		if slices.Contains(handles[:i], handles[i]) {
			t.Errorf("handle %d was used before", i)
		}
	}
}

// TestBoundaryBits selects among operands made in this transaction and before.
func TestBoundaryBits(t *testing.T) {
	n := newNetwork(t)
	types := []fhe.Type{fhe.Bool, fhe.Uint32, fhe.Uint32}
	var before [3]fhe.Handle
	n.transaction(func(tx *transaction) {
		for i, typ := range types {
			before[i] = tx.encrypt(alice, 1, typ)
			tx.must(alice, n.acl, "allow", before[i], bob)
		}
	})
	for bits := range uint8(8) {
		tx := n.transaction(func(tx *transaction) {
			operands := before
			for i, typ := range types {
				if bits>>i&1 != 0 {
					operands[i] = tx.encrypt(alice, 1, typ) // who makes it does not matter
					tx.must(alice, n.acl, "allowTransient", operands[i], bob)
				}
			}
			tx.must(bob, n.executor, "fheIfThenElse", operands[0], operands[1], operands[2])
		})
		ordered := n.derivations(tx.logs)
		for i, o := range ordered[len(ordered)-1].Operands {
			if want := fhe.OperandKind(bits >> i & 1); o.Kind != want {
				t.Errorf("of %03b, operand %d is of kind %d, want %d", bits, i, o.Kind, want)
			}
		}
	}
}

func TestResultBelongsToCallerForTheTransaction(t *testing.T) {
	n := newNetwork(t)
	var sum fhe.Handle
	n.transaction(func(tx *transaction) {
		a := tx.encrypt(alice, 1, fhe.Uint16)
		sum = tx.handle(alice, n.executor, "fheAdd", a, word(2), clear)
		tx.wantRights(rights{transient: true}, sum, alice)
		tx.wantRights(rights{}, sum, executorAccount)
		tx.fails(fmt.Sprintf("ACLNotAllowed(%s, %s)", sum, bob), bob, n.executor, "fheNot", sum)
		tx.must(alice, n.executor, "fheNot", sum)
	})
	n.fails(fmt.Sprintf("ACLNotAllowed(%s, %s)", sum, alice), alice, n.executor, "fheNot", sum)
}

func TestEveryOperandNeedsARight(t *testing.T) {
	n := newNetwork(t)
	n.transaction(func(tx *transaction) {
		mine := []fhe.Handle{tx.encrypt(alice, 1, fhe.Bool), tx.encrypt(alice, 1, fhe.Uint8), tx.encrypt(alice, 2, fhe.Uint8)}
		for i, typ := range []fhe.Type{fhe.Bool, fhe.Uint8, fhe.Uint8} {
			o := slices.Clone(mine)
			o[i] = tx.encrypt(bob, 1, typ)
			want := fmt.Sprintf("ACLNotAllowed(%s, %s)", o[i], alice)
			tx.fails(want, alice, n.executor, "fheIfThenElse", o[0], o[1], o[2])
			if i > 0 {
				tx.fails(want, alice, n.executor, "fheAdd", o[1], o[2], encrypted)
			}
		}
	})
}

func TestExecutorExplainsMistakes(t *testing.T) {
	n := newNetwork(t)
	n.transaction(func(tx *transaction) {
		a8, a16 := tx.encrypt(alice, 1, fhe.Uint8), tx.encrypt(alice, 1, fhe.Uint16)
		none := fhe.Handle{}
		tx.fails("FHE operation: add: operand 1: handle is uninitialised: assign the variable first, for example with FHE.asEuint64(0)",
			alice, n.executor, "fheAdd", a8, none, encrypted)
		tx.fails(fmt.Sprintf("FHE operation: add: operand 1: handle %s is uint16, want uint8", a16),
			alice, n.executor, "fheAdd", a8, a16, encrypted)
		tx.fails("FHE operation: add: operand 1: clear value 0x100 does not fit uint8", alice, n.executor, "fheAdd", a8, word(256), clear)
		tx.fails("InvalidScalarByte([2])", alice, n.executor, "fheAdd", a8, a8, [1]byte{2})
		tx.fails("FHE operation: trivialEncrypt is not defined on type(1)", alice, n.executor, "trivialEncrypt", big.NewInt(1), uint8(1))
		for _, wide := range []uint8{6, 7, 8} {
			want := fmt.Sprintf("TypeNotSupported(%d)", wide)
			tx.fails(want, alice, n.executor, "trivialEncrypt", big.NewInt(1), wide)
			tx.fails(want, alice, n.executor, "cast", a8, wide)
		}
		tx.evm.SetPrecompiles(vm.PrecompiledContracts{})
		tx.fails(fmt.Sprintf("PrecompileMissing(%s)", common.Address(OperationsPrecompile)), alice, n.executor, "fheNot", a8)
	})
}

func TestSystemContractsNameEachOther(t *testing.T) {
	n := newNetwork(t)
	for _, c := range []struct {
		contract contract
		method   string
		want     any
	}{
		{n.acl, "getFHEVMExecutorAddress", common.Address(ExecutorAddress)},
		{n.executor, "getACLAddress", common.Address(ACLAddress)},
		{n.executor, "getInputVerifierAddress", common.Address(InputVerifierAddress)},
		{n.executor, "keyId", [32]byte(keyID)},
		{n.inputs, "keyId", [32]byte(keyID)},
	} {
		if got := n.must(bob, c.contract, c.method); got != c.want {
			t.Errorf("%s = %v, want %v", c.method, got, c.want)
		}
	}
}
