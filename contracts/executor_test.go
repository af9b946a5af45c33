package contracts

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
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

// established are the executor's functions that existing contracts call, and
// their parameters.
var established = map[fhe.Op]string{
	fhe.Add: "fheAdd(bytes32,bytes32,bytes1)", fhe.Sub: "fheSub(bytes32,bytes32,bytes1)", fhe.Mul: "fheMul(bytes32,bytes32,bytes1)",
	fhe.Div: "fheDiv(bytes32,bytes32,bytes1)", fhe.Rem: "fheRem(bytes32,bytes32,bytes1)",
	fhe.And: "fheBitAnd(bytes32,bytes32,bytes1)", fhe.Or: "fheBitOr(bytes32,bytes32,bytes1)", fhe.Xor: "fheBitXor(bytes32,bytes32,bytes1)",
	fhe.Shl: "fheShl(bytes32,bytes32,bytes1)", fhe.Shr: "fheShr(bytes32,bytes32,bytes1)",
	fhe.Rotl: "fheRotl(bytes32,bytes32,bytes1)", fhe.Rotr: "fheRotr(bytes32,bytes32,bytes1)",
	fhe.Eq: "fheEq(bytes32,bytes32,bytes1)", fhe.Ne: "fheNe(bytes32,bytes32,bytes1)",
	fhe.Ge: "fheGe(bytes32,bytes32,bytes1)", fhe.Gt: "fheGt(bytes32,bytes32,bytes1)",
	fhe.Le: "fheLe(bytes32,bytes32,bytes1)", fhe.Lt: "fheLt(bytes32,bytes32,bytes1)",
	fhe.Min: "fheMin(bytes32,bytes32,bytes1)", fhe.Max: "fheMax(bytes32,bytes32,bytes1)",
	fhe.Neg: "fheNeg(bytes32)", fhe.Not: "fheNot(bytes32)",
	fhe.Cast: "cast(bytes32,uint8)", fhe.Trivial: "trivialEncrypt(uint256,uint8)", fhe.Select: "fheIfThenElse(bytes32,bytes32,bytes32)",
	fhe.Rand: "fheRand(uint8)", fhe.RandBounded: "fheRandBounded(uint256,uint8)",
	fhe.Sum: "fheSum(bytes32[],uint8)", fhe.IsIn: "fheIsIn(bytes32,bytes32[],uint8)",
	fhe.MulDiv: "fheMulDiv(bytes32,bytes32,bytes32,bytes1)",
}

// TestExecutorFollowsTable orders every operation of the table, by the established
// function and by number, and compares the derivation with one made from the row.
func TestExecutorFollowsTable(t *testing.T) {
	n := newNetwork(t)
	for _, row := range fhe.Operators() {
		var on []fhe.Type
		for _, typ := range fhe.Types() {
			if row.On(typ) {
				on = append(on, typ)
			}
		}
		for _, typ := range slices.Compact([]fhe.Type{on[0], on[len(on)-1]}) {
			t.Run(row.Name+"/"+typ.String(), func(t *testing.T) { n.orderEach(t, row, typ) })
		}
	}
}

func (n *network) orderEach(t *testing.T, row fhe.Operator, typ fhe.Type) {
	types := row.Signature(typ, 3)
	for clear := range 1 << len(types) {
		d := fhe.Derivation{Domain: n.domain(), Op: row.Op, Type: typ}
		if row.Shape == fhe.Table {
			d.Table = make([]byte, fhe.TableSize*typ.Bits()/8)
			d.Table[3] = 5
		}
		for i := range types {
			d.Operands = append(d.Operands, fhe.Operand{Kind: fhe.Made})
			if clear>>i&1 == 1 {
				d.Operands[i] = fhe.ClearOperand(uint256.NewInt(1))
			}
		}
		if row.Shape != fhe.Draw && row.CheckOperands(typ, d.Operands, d.Table) != nil {
			continue
		}
		if _, ok := established[row.Op]; ok && expressible(row, clear) {
			n.orderOne(t, row, d, types, func(tx *transaction) {
				tx.must(alice, n.executor, functionName(row.Op), arguments(row, &d)...)
			})
		}
		if row.Shape != fhe.Draw {
			n.orderOne(t, row, d, types, func(tx *transaction) {
				tx.must(alice, n.executor, "order", uint8(row.Op), uint8(typ), words(d.Operands), big.NewInt(int64(clear)), d.Table)
			})
		}
	}
}

func functionName(op fhe.Op) string { return established[op][:strings.Index(established[op], "(")] }

// expressible says whether the established function has the form with these clear
// operands.
func expressible(row fhe.Operator, clear int) bool {
	switch row.Shape {
	case fhe.Fold, fhe.Member, fhe.Choose:
		return clear == 0
	case fhe.Shift:
		return clear != 1
	case fhe.Ternary:
		return clear&1 == 0
	}
	return true
}

// orderOne makes the operands of d, orders it and checks what was ordered.
func (n *network) orderOne(t *testing.T, row fhe.Operator, want fhe.Derivation, types []fhe.Type, order func(*transaction)) {
	t.Helper()
	n.nextBlock()
	tx := n.transaction(func(tx *transaction) {
		for i := range want.Operands {
			if o := &want.Operands[i]; o.Kind == fhe.Made {
				o.Word = tx.encrypt(alice, int64(i%2), types[i])
			}
		}
		order(tx)
	})
	ordered := n.derivations(tx.logs)
	got := ordered[len(ordered)-1]
	want.Salt = got.Salt
	if row.Shape == fhe.Draw {
		want.Operands = n.draw(row, got.Salt)
	}
	if want.Results()[0] != got.Results()[0] {
		t.Errorf("ordered %+v, want %+v", got, want)
	}
	n.transaction(func(tx *transaction) {
		for _, r := range got.Results() {
			tx.wantRights(rights{}, r.Handle, alice)
		}
	})
}

// draw is the seed, by its definition, and the bound of a random value.
func (n *network) draw(row fhe.Operator, salt fhe.Digest) []fhe.Operand {
	seed := fhe.Keccak([]byte("fhevm seed"), n.domain().Append(nil), ExecutorAddress[:], alice[:], salt[:], n.config.Random[:])
	operands := []fhe.Operand{{Kind: fhe.Clear, Word: seed}}
	if row.Op == fhe.RandBounded {
		operands = append(operands, fhe.ClearOperand(uint256.NewInt(3)))
	}
	return operands
}

func words(operands []fhe.Operand) [][32]byte {
	out := make([][32]byte, len(operands))
	for i, o := range operands {
		out[i] = o.Word
	}
	return out
}

// arguments are those of the executor's function for a derivation.
func arguments(row fhe.Operator, d *fhe.Derivation) (args []any) {
	list, typ := words(d.Operands), uint8(d.Type)
	switch {
	case row.Op == fhe.RandBounded:
		return []any{big.NewInt(3), typ}
	case row.Shape == fhe.Draw:
		return []any{typ}
	case row.Shape == fhe.Fold:
		return []any{list, typ}
	case row.Shape == fhe.Member:
		return []any{list[0], list[1:], typ}
	case row.Shape == fhe.Encrypt:
		return []any{d.Operands[0].Value().ToBig(), typ}
	}
	scalar := byte(0)
	for i, o := range d.Operands {
		args = append(args, o.Word)
		if o.Kind == fhe.Clear {
			scalar |= 1 << (len(d.Operands) - 1 - i)
		}
	}
	switch row.Shape {
	case fhe.Binary, fhe.Compare, fhe.Shift, fhe.Ternary:
		return append(args, [1]byte{scalar})
	case fhe.Convert:
		return append(args, typ)
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
		tx.fails("InvalidScalarByte([3])", alice, n.executor, "fheAdd", a8, a8, [1]byte{3})
		tx.fails("InvalidScalarByte([2])", alice, n.executor, "fheShl", a8, a8, [1]byte{2})
		tx.fails("InvalidScalarByte([4])", alice, n.executor, "fheMulDiv", a8, a8, a8, [1]byte{4})
		tx.fails("DivisionByZero()", alice, n.executor, "fheDiv", a8, word(0), clear)
		tx.fails("DivisionByZero()", alice, n.executor, "fheRem", a8, word(0), clear)
		tx.fails("DivisionByZero()", alice, n.executor, "fheMulDiv", a8, a8, word(0), clear)
		for _, op := range []fhe.Op{fhe.Rand, fhe.RandBounded} {
			tx.fails("SeedNotYours()", alice, n.executor, "order", uint8(op), uint8(fhe.Uint8), [][32]byte{word(1)}, big.NewInt(1), []byte{})
			tx.fails("SeedNotYours()", alice, n.executor, "order3", uint8(op), uint8(fhe.Uint8), common.Big1, word(1), none, none, common.Big1)
		}
		tx.fails("TooManyOperands(4, 3)", alice, n.executor, "order3", uint8(fhe.Sum), uint8(fhe.Uint8), big.NewInt(4), a8, a8, a8, new(big.Int))
		tx.fails("TooManyOperands(102, 101)", alice, n.executor, "fheSum", make([][32]byte, 102), uint8(fhe.Uint8))
		tx.fails("TooManyOperands(102, 101)", alice, n.executor, "fheIsIn", a8, make([][32]byte, 101), uint8(fhe.Uint8))
		tx.fails("FHE operation: trivialEncrypt is not defined on type(1)", alice, n.executor, "trivialEncrypt", big.NewInt(1), uint8(1))
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
