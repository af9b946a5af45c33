package contracts

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// overloads is the contract of test/Overloads.sol, whose methods are named
// after an operation and its operands' Solidity types.
type overloads struct {
	*network
	at   common.Address
	rand *rand.Rand
}

func newOverloads(t *testing.T) *overloads {
	raw, err := os.ReadFile("testdata/Overloads.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Bytecode string }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	n := newNetwork(t)
	for _, e := range parseABI(t, ConfidentialToken).Errors {
		n.errors[[4]byte(e.ID[:4])] = e
	}
	c := n.deploy(&Artifact{Name: "Overloads", ABI: "[]", Bytecode: unhex(t, file.Bytecode)})
	return &overloads{n, c.Address, rand.New(rand.NewPCG(1, 2))}
}

// operand is an argument of an overload.
type operand struct {
	typ   fhe.Type
	clear bool
	value *big.Int
	unset bool // an uninitialised variable
}

func (o operand) String() string {
	if o.clear {
		return o.typ.String()
	}
	return "e" + o.typ.String()
}

// abi is the operand's type in the method's signature.
func (o operand) abi() string {
	if o.clear {
		return o.typ.String()
	}
	return "bytes32"
}

// method is the first part of the calldata.
func (o *overloads) method(name string, types ...string) []byte {
	return crypto.Keccak256([]byte(name + "(" + strings.Join(types, ",") + ")"))[:4]
}

// value is a random value of type t, often an extreme one.
func (o *overloads) value(t fhe.Type) *big.Int {
	switch o.rand.IntN(4) {
	case 0:
		return new(big.Int)
	case 1:
		return wrap(big.NewInt(-1), t)
	}
	return wrap(new(big.Int).SetUint64(o.rand.Uint64()), t)
}

// check calls an overload with random operands and compares the result with
// the operation in the clear, on type wide.
func (o *overloads) check(t *testing.T, name string, op fhe.Op, wide fhe.Type, operands ...operand) {
	o.t = t
	fn, types, values := name, []string{}, []*big.Int{}
	for i := range operands {
		operands[i].value = o.value(operands[i].typ)
		if !operands[i].clear && o.rand.IntN(4) == 0 {
			operands[i].unset, operands[i].value = true, new(big.Int)
		}
		fn += "_" + operands[i].String()
		types = append(types, operands[i].abi())
		values = append(values, operands[i].value)
	}
	input := o.method(fn, types...)
	var result fhe.Handle
	o.transaction(func(tx *transaction) {
		for _, p := range operands {
			w := common.BigToHash(p.value)
			if !p.clear && !p.unset {
				w = common.Hash(tx.handle(o.at, o.executor, "trivialEncrypt", p.value, uint8(p.typ)))
			}
			input = append(input, w[:]...)
		}
		out, err := tx.raw(bob, o.at, input)
		if err != nil {
			t.Fatalf("%s: %v", fn, err)
		}
		result = fhe.Handle(out)
		tx.wantRights(rights{transient: true}, result, o.at)
	})
	row, _ := op.Operator()
	want := evaluate(op, wide, values)
	if got := o.values[result]; got.Cmp(want) != 0 || result.Type() != row.Result(wide) {
		t.Errorf("%s(%v) = %v of %s, want %v of %s", fn, operands, got, result.Type(), want, row.Result(wide))
	}
}

// TestOverloads calls every overload that the operator table promises.
func TestOverloads(t *testing.T) {
	o := newOverloads(t)
	for _, row := range fhe.Operators() {
		t.Run(row.Name, func(t *testing.T) {
			for _, a := range fhe.Types() {
				if !row.On(a) {
					continue
				}
				for range 4 {
					o.checkType(t, row, a)
				}
			}
		})
	}
}

func (o *overloads) checkType(t *testing.T, row fhe.Operator, a fhe.Type) {
	secret := operand{typ: a}
	switch row.Shape {
	case fhe.Unary:
		o.check(t, row.Name, row.Op, a, secret)
	case fhe.Choose:
		o.check(t, row.Name, row.Op, a, operand{typ: fhe.Bool}, secret, secret)
	case fhe.Encrypt:
		o.check(t, conversionTo(a), row.Op, a, operand{typ: a, clear: true})
	case fhe.Convert:
		for _, from := range fhe.Types() {
			if from != a {
				o.check(t, conversionTo(a), row.Op, a, operand{typ: from})
			}
		}
	case fhe.Binary, fhe.Compare:
		o.check(t, row.Name, row.Op, a, secret, operand{typ: a, clear: true})
		o.check(t, row.Name, row.Op, a, operand{typ: a, clear: true}, secret)
		for _, b := range fhe.Types() {
			if (a == fhe.Bool) == (b == fhe.Bool) {
				o.check(t, row.Name, row.Op, max(a, b), secret, operand{typ: b})
			}
		}
	}
}

func conversionTo(t fhe.Type) string { return "asE" + t.String() }

// TestRightsOfEveryType calls the functions that every type has.
func TestRightsOfEveryType(t *testing.T) {
	o := newOverloads(t)
	for _, typ := range fhe.Types() {
		t.Run(typ.String(), func(t *testing.T) {
			o.t = t
			o.transaction(func(tx *transaction) {
				h := tx.encrypt(o.at, 1, typ)
				if out := o.withAccount(tx, "lend", typ, h, carol); out[31] != 1 {
					t.Error("allowTransient gave no right")
				}
				tx.wantRights(rights{transient: true}, h, carol)
				out := o.withAccount(tx, "rights", typ, h, alice)
				if got := fhe.Handle(out[:32]); got != h {
					t.Errorf("toBytes32 = %s, want %s", got, h)
				}
				initialized, sender, shared := out[63], out[95], out[127]
				if initialized != 1 || sender != 0 || shared != 1 {
					t.Errorf("isInitialized %d, isSenderAllowed %d, shared %d", initialized, sender, shared)
				}
				tx.wantRights(rights{persistent: true}, h, alice)
				tx.wantRights(rights{transient: true, persistent: true}, h, o.at)
			})
		})
	}
}

func TestLibraryCleansTransientStorage(t *testing.T) {
	o := newOverloads(t)
	o.transaction(func(tx *transaction) {
		h := tx.encrypt(alice, 1, fhe.Uint8)
		if _, err := tx.raw(bob, o.at, o.method("clean")); err != nil {
			t.Fatal(err)
		}
		tx.wantRights(rights{}, h, alice)
	})
}

// withAccount calls a method of (handle, account).
func (o *overloads) withAccount(tx *transaction, name string, typ fhe.Type, h fhe.Handle, account common.Address) []byte {
	o.t.Helper()
	input := o.method(fmt.Sprintf("%s_e%s", name, typ), "bytes32", "address")
	input = append(append(input, h[:]...), common.LeftPadBytes(account[:], 32)...)
	out, err := tx.raw(bob, o.at, input)
	if err != nil {
		o.t.Fatal(err)
	}
	return out
}

// fromExternal calls FHE.fromExternal.
func (o *overloads) fromExternal(tx *transaction, from common.Address, typ fhe.Type, h fhe.Handle, proof []byte) (fhe.Handle, error) {
	input := o.method("fromExternal_e"+typ.String(), "bytes32", "bytes")
	input = append(input, h[:]...)
	input = append(input, common.LeftPadBytes([]byte{64}, 32)...)
	input = append(input, common.BigToHash(big.NewInt(int64(len(proof)))).Bytes()...)
	input = append(input, common.RightPadBytes(proof, (len(proof)+31)/32*32)...)
	out, err := tx.raw(from, o.at, input)
	if err != nil {
		return fhe.Handle{}, err
	}
	return fhe.Handle(out), nil
}

func TestFromExternal(t *testing.T) {
	o := newOverloads(t)
	for _, typ := range fhe.Types() {
		t.Run(typ.String(), func(t *testing.T) {
			o.t = t
			l := newInputList(t, o.binding(o.at, alice), typ)
			o.transaction(func(tx *transaction) {
				if h, err := o.fromExternal(tx, alice, typ, l.handles[0], l.encoding); err != nil || h != l.handles[0] {
					t.Errorf("with a proof: %s, %v", h, err)
				}
				held := tx.encrypt(alice, 1, typ)
				if h, err := o.fromExternal(tx, alice, typ, held, nil); err != nil || h != held {
					t.Errorf("held by the sender: %s, %v", h, err)
				}
				if _, err := o.fromExternal(tx, bob, typ, held, nil); fmt.Sprint(err) != fmt.Sprintf("SenderNotAllowedToUseHandle(%s, %s)", held, bob) {
					t.Errorf("held by another: %v", err)
				}
				other := fhe.Types()[(int(typ)+1)%5]
				if other == typ {
					other = fhe.Bool
				}
				wrong := tx.encrypt(alice, 1, other)
				if _, err := o.fromExternal(tx, alice, typ, wrong, nil); fmt.Sprint(err) != fmt.Sprintf("WrongHandleType(%s, %d)", wrong, typ) {
					t.Errorf("of another type: %v", err)
				}
			})
			var zero fhe.Handle
			o.transaction(func(tx *transaction) {
				var err error
				if zero, err = o.fromExternal(tx, alice, typ, fhe.Handle{}, nil); err != nil {
					t.Error(err)
				}
			})
			if v := o.values[zero]; v == nil || v.Sign() != 0 || zero.Type() != typ {
				t.Errorf("zero handle: %v of %s", v, zero.Type())
			}
		})
	}
}
