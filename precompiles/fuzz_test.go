package precompiles

import (
	"bytes"
	"errors"
	"testing"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"
)

func FuzzOperation(f *testing.F) {
	f.Add(modelOperation(fhe.Select, fhe.Uint64, stored("a", fhe.Bool), made("b", fhe.Uint64), stored("c", fhe.Uint64)))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, in []byte) {
		out := runTwice(t, Operation{}, in)
		if out != nil && len(out) != 128 && len(out) != 192 {
			t.Errorf("output has %d bytes", len(out))
		}
		var d fhe.Derivation
		if err := d.UnmarshalBinary(in); err == nil && OperationGas(&d) != (Operation{}).RequiredGas(in) {
			t.Errorf("costs %d gas, want %d", Operation{}.RequiredGas(in), OperationGas(&d))
		}
	})
}

func FuzzInput(f *testing.F) {
	f.Add(append(modelBinding(), modelList(fhe.Bool, fhe.Uint64)...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, in []byte) {
		out := runTwice(t, Input{}, in)
		if out != nil && (len(out) < 96 || len(out)%32 != 0) {
			t.Errorf("output has %d bytes", len(out))
		}
	})
}

// runTwice checks that p is a function: it leaves its input alone, answers
// alike, and reports every refusal in words.
func runTwice(t *testing.T, p vm.PrecompiledContract, in []byte) []byte {
	before, gas := bytes.Clone(in), p.RequiredGas(in)
	first, err := p.Run(in)
	second, again := p.Run(in)
	if !bytes.Equal(in, before) || !bytes.Equal(first, second) || err != again || p.RequiredGas(in) != gas {
		t.Fatal("not a pure function of its input")
	}
	if gas < operationBase || gas > params.MaxTxGas {
		t.Errorf("gas is %d", gas)
	}
	if err == nil {
		return first
	}
	if reason, uerr := abi.UnpackRevert(first); !errors.Is(err, vm.ErrExecutionReverted) || uerr != nil || reason == "" {
		t.Errorf("refused by %v, %x", err, first)
	}
	return nil
}

// What is stated prices every operation as what is decoded does. The vectors have random values.
func TestStatedPrice(t *testing.T) {
	for _, row := range fhe.Operators() {
		if row.Shape == fhe.Draw {
			continue
		}
		for _, typ := range fhe.Types() {
			for _, d := range derivations(row, typ) {
				b, err := d.MarshalBinary()
				if err != nil {
					t.Fatal(err)
				}
				if got, want := (Operation{}).RequiredGas(b), OperationGas(&d); got != want {
					t.Errorf("%s on %s (%v) costs %d gas, want %d", row.Name, typ, d.Operands, got, want)
				}
			}
		}
	}
}

// A contract has a call priced for the 100 gas of the call alone, if it passes no gas on: a
// price takes no memory, not even that of the longest list or of one with a mistake at its end.
func TestPricingIsCheap(t *testing.T) {
	long := derivationOf(fhe.IsIn, fhe.MaxList)
	wrong := bytes.Clone(long)
	wrong[len(wrong)-2] = byte(fhe.Uint16)
	for name, in := range map[string][]byte{"long": long, "wrong": wrong, "unknown": make([]byte, fhe.MaxDerivation)} {
		if n := testing.AllocsPerRun(100, func() { Operation{}.RequiredGas(in) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// derivationOf is the encoding of an operation on n values of type uint8.
func derivationOf(op fhe.Op, n int) []byte {
	d := fhe.Derivation{Domain: fhe.Domain{ChainID: 1}, Op: op, Type: fhe.Uint8}
	for i := range n {
		d.Operands = append(d.Operands, fhe.StoredOperand(fhe.NewHandle(fhe.Digest{byte(i)}, fhe.Computed, 1, fhe.Uint8, fhe.Version)))
	}
	b, err := d.MarshalBinary()
	if err != nil {
		panic(err)
	}
	return b
}

// Every single operation, and the largest input list, leave room in a transaction.
func TestGasFitsATransaction(t *testing.T) {
	for _, row := range fhe.Operators() {
		for _, typ := range fhe.Types() {
			for _, d := range derivations(row, typ) {
				if gas := OperationGas(&d); gas < operationBase || gas > params.MaxTxGas*3/4 {
					t.Errorf("%s on %s (%v) costs %d gas", row.Name, typ, d.Operands, gas)
				}
			}
		}
	}
	full := bytes.Repeat([]byte{byte(fhe.Uint64)}, fhe.MaxInputBits/64)
	types := make([]fhe.Type, len(full))
	for i := range types {
		types[i] = fhe.Type(full[i])
	}
	if gas := InputGas(fhe.MaxInputSize, types); gas > params.MaxTxGas*3/4 {
		t.Errorf("the largest input list costs %d gas", gas)
	}
}

// derivations are the forms of an operation, with all operands from storage and
// with all made in the transaction; of lists, the shortest and the longest.
func derivations(row fhe.Operator, t fhe.Type) (out []fhe.Derivation) {
	if !row.On(t) {
		return nil
	}
	if row.Shape == fhe.Fold || row.Shape == fhe.Member {
		return append(forms(row, t, row.Signature(t, 2), 1), forms(row, t, row.Signature(t, fhe.MaxList), 1)...)
	}
	types := row.Signature(t, 0)
	return forms(row, t, types, 1<<len(types))
}

// forms are those with the first sets of clear operands.
func forms(row fhe.Operator, t fhe.Type, types []fhe.Type, sets int) (out []fhe.Derivation) {
	for clear := range sets {
		if !mayBeClear(row, clear, len(types)) {
			continue
		}
		for _, kind := range []fhe.OperandKind{fhe.Stored, fhe.Made} {
			d := fhe.Derivation{Op: row.Op, Type: t}
			for i, want := range types {
				o := fhe.Operand{Kind: kind, Word: [32]byte(handleOf("x", want))}
				if clear>>i&1 == 1 {
					o = fhe.ClearOperand(uint256.NewInt(1))
				}
				d.Operands = append(d.Operands, o)
			}
			out = append(out, d)
		}
	}
	return out
}

// A full block cannot make coprocessors keep more than half a gigabyte.
func TestGasPaysForStorage(t *testing.T) {
	const blockGas, block, public = 60_000_000, 8 * (2048 + 1), 8
	for _, row := range fhe.Operators() {
		for _, typ := range fhe.Types() {
			size := uint64(block)
			if row.Shape == fhe.Encrypt {
				size = public
			}
			for _, d := range derivations(row, typ) {
				n := blockGas / OperationGas(&d)
				blocks := 0
				for _, u := range row.Results(typ) {
					blocks += u.Blocks()
				}
				if kept := n * size * uint64(blocks); kept > 500_000_000 {
					t.Errorf("a block of %s on %s (%v) leaves %d bytes", row.Name, typ, d.Operands, kept)
				}
			}
		}
	}
	n := blockGas / InputGas(0, []fhe.Type{fhe.Uint64})
	if kept := n * block * uint64(fhe.Uint64.Blocks()); kept > 500_000_000 {
		t.Errorf("a block of inputs leaves %d bytes", kept)
	}
}
