package precompiles

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
)

var update = flag.Bool("update", false, "rewrite testdata from the model in this file")

// vector has the columns of go-ethereum's precompile tests.
type vector struct {
	Input, Expected string
	Gas             uint64
	Name            string
}

type failure struct {
	Input, ExpectedError, Name string
}

var contracts = map[string]vm.PrecompiledContract{"operation": Operation{}, "input": Input{}}

func TestVectors(t *testing.T) {
	if *update {
		save(t, "operation.json", operationVectors())
		save(t, "input.json", inputVectors())
		save(t, "fail-operation.json", operationFailures())
		save(t, "fail-input.json", inputFailures())
	}
	for name, p := range contracts {
		for _, v := range load[vector](t, name+".json") {
			t.Run(name+"/"+v.Name, func(t *testing.T) { checkVector(t, p, v) })
		}
		for _, v := range load[failure](t, "fail-"+name+".json") {
			t.Run(name+"/fail/"+v.Name, func(t *testing.T) { checkFailure(t, p, v) })
		}
	}
}

func checkVector(t *testing.T, p vm.PrecompiledContract, v vector) {
	in := unhex(t, v.Input)
	if gas := p.RequiredGas(in); gas != v.Gas {
		t.Errorf("gas is %d, want %d", gas, v.Gas)
	}
	out, err := p.Run(in)
	if err != nil || hex.EncodeToString(out) != v.Expected {
		t.Errorf("output is %x and %v, want %s", out, err, v.Expected)
	}
	through(t, p, in, v.Gas, func(t *testing.T, ok bool, out []byte) {
		if !ok || hex.EncodeToString(out) != v.Expected {
			t.Errorf("call returned %v, %x", ok, out)
		}
	})
	through(t, p, in, v.Gas-1, func(t *testing.T, ok bool, out []byte) {
		if ok || len(out) != 0 {
			t.Errorf("call with one gas too little returned %v, %x", ok, out)
		}
	})
}

func checkFailure(t *testing.T, p vm.PrecompiledContract, v failure) {
	in := unhex(t, v.Input)
	through(t, p, in, p.RequiredGas(in), func(t *testing.T, ok bool, out []byte) {
		reason, err := abi.UnpackRevert(out)
		if ok || err != nil || reason != v.ExpectedError {
			t.Errorf("call returned %v, %q, %v, want %q", ok, reason, err, v.ExpectedError)
		}
	})
}

// The model: the formats of SPEC 2 written out by hand, hashed by go-ethereum.

const (
	modelChain = 31337
	words      = 2048 // of the mask of an input list
)

var (
	modelACL      = bytes.Repeat([]byte{0xac}, 20)
	modelKey      = bytes.Repeat([]byte{0x4e}, 32)
	modelContract = bytes.Repeat([]byte{0xc0}, 20)
	modelUser     = bytes.Repeat([]byte{0x05}, 20)
)

func modelDomain() []byte {
	b := binary.BigEndian.AppendUint64(nil, modelChain)
	b = append(b, modelACL...)
	b = append(b, modelKey...)
	return append(b, 0)
}

func modelHandle(digest []byte, index, t uint8) []byte {
	h := append(bytes.Clone(digest[:21]), index)
	h = binary.BigEndian.AppendUint64(h, modelChain)
	return append(h, t, 0)
}

// modelOperand is an operand of a derivation: its kind, and its word.
type modelOperand struct {
	kind byte
	word []byte
}

func handleOf(seed string, t fhe.Type) []byte {
	return modelHandle(crypto.Keccak256([]byte(seed)), 0xff, uint8(t))
}

func stored(seed string, t fhe.Type) modelOperand { return modelOperand{0, handleOf(seed, t)} }
func made(seed string, t fhe.Type) modelOperand   { return modelOperand{1, handleOf(seed, t)} }
func public(v uint64) modelOperand                { return modelOperand{2, uint256.NewInt(v).PaddedBytes(32)} }

// modelOperation encodes a derivation.
func modelOperation(op fhe.Op, t fhe.Type, operands ...modelOperand) []byte {
	b := append(modelDomain(), uint8(op), uint8(t))
	b = append(b, crypto.Keccak256([]byte("salt"))...)
	b = append(b, uint8(len(operands)))
	for _, o := range operands {
		b = append(b, o.kind)
	}
	for _, o := range operands {
		b = append(b, o.word...)
	}
	return b
}

// operationVectors has each operation on its narrowest and widest type, in all
// forms.
func operationVectors() (out []vector) {
	for _, row := range fhe.Operators() {
		var on []fhe.Type
		for _, t := range fhe.Types() {
			if row.On(t) {
				on = append(on, t)
			}
		}
		for _, t := range slices.Compact([]fhe.Type{on[0], on[len(on)-1]}) {
			for clear := range 8 {
				if v, ok := operationVector(row, t, clear); ok {
					out = append(out, v)
				}
			}
		}
	}
	return out
}

// operationVector has three operands if their number is free. Those are clear that
// clear has bits for; of the others every second was made in the transaction.
func operationVector(row fhe.Operator, t fhe.Type, clear int) (vector, bool) {
	var operands []modelOperand
	name := row.Name + "-" + t.String()
	types := row.Signature(t, 3)
	for i, want := range types {
		seed := string(rune('a' + i))
		switch {
		case clear>>i&1 == 1:
			operands = append(operands, public(1))
			name += "-clear" + seed
		case i%2 == 0:
			operands = append(operands, stored(seed, want))
		default:
			operands = append(operands, made(seed, want))
		}
	}
	var table []byte
	switch {
	case row.Shape == fhe.Table:
		table = bytes.Repeat([]byte{7}, 256*t.Bits()/8)
	case row.Op == fhe.Rand:
		operands = []modelOperand{{2, crypto.Keccak256([]byte("seed"))}}
	case row.Op == fhe.RandBounded:
		operands = []modelOperand{{2, crypto.Keccak256([]byte("seed"))}, public(3)}
	}
	if clear>>len(types) != 0 || !mayBeClear(row, clear, len(types)) {
		return vector{}, false
	}
	in := append(modelOperation(row.Op, t, operands...), table...)
	digest := crypto.Keccak256([]byte("fhevm operation"), in)
	bootstraps, depth := modelCost(row, t, operands, clear)
	gas := 1_000 + 64*uint64(bootstraps)
	out := append(uint256.NewInt(uint64(bootstraps)).PaddedBytes(32), uint256.NewInt(uint64(depth)).PaddedBytes(32)...)
	for k, result := range row.Results(t) {
		d := digest
		if k > 0 {
			d = crypto.Keccak256([]byte("fhevm result"), digest, []byte{byte(k)})
		}
		out = append(append(out, modelHandle(d, 0xff, uint8(result))...), d...)
		if row.Op != fhe.Trivial {
			gas += 2_000 * uint64((result.Bits()+1)/2)
		}
	}
	return vector{hex.EncodeToString(in), hex.EncodeToString(out), gas, name}, true
}

// mayBeClear says which sets of clear operands an operation with n takes.
func mayBeClear(row fhe.Operator, clear, n int) bool {
	all := clear == 1<<n-1
	switch {
	case row.Shape == fhe.Draw:
		return clear == 0
	case row.Shape == fhe.Encrypt:
		return all
	case row.Shape == fhe.Ternary && clear&3 == 3, row.Shape == fhe.Choose && clear&1 == 1:
		return false
	}
	return clear == 0 || row.Clear && !all
}

// modelCost counts by the cost table.
func modelCost(row fhe.Operator, t fhe.Type, operands []modelOperand, clear int) (bootstraps, depth int) {
	f := fhe.Form{Op: row.Op, Type: t}
	switch row.Shape {
	case fhe.Convert:
		f.From = t
	case fhe.Fold, fhe.Member:
		f.Count = 3
	case fhe.Ternary:
		f.Clear = []uint8{0, 2, 2, 0, 4, 6, 6, 0}[clear]
	default:
		if f.Clear = uint8(clear); row.Swap && clear == 1 && row.Shape != fhe.Encrypt {
			f.Clear = 2
		}
	}
	cost, unpack := f.Cost(), 0
	for _, o := range operands {
		if o.kind == 0 {
			cost.Bootstraps += (fhe.Type(o.word[30]).Bits() + 1) / 2
			unpack = 1
		}
	}
	return cost.Bootstraps, cost.Depth + unpack
}

func operationFailures() []failure {
	a, b := stored("a", fhe.Uint64), made("b", fhe.Uint64)
	ok := modelOperation(fhe.Add, fhe.Uint64, a, b)
	alter := func(at int, v byte) []byte { c := bytes.Clone(ok); c[at] = v; return c }
	foreign := made("b", fhe.Uint64)
	foreign.word[29]++
	rows := []struct {
		name  string
		input []byte
	}{
		{"empty", nil},
		{"short", ok[:len(ok)-1]},
		{"long", append(bytes.Clone(ok), 0)},
		{"unknown-operation", alter(61, 99)},
		{"unknown-type", alter(62, 1)},
		{"operands", alter(95, 102)},
		{"kind", alter(96, 3)},
		{"version", alter(60, 1)},
		{"type-mismatch", modelOperation(fhe.Add, fhe.Uint64, a, made("b", fhe.Uint32))},
		{"not-on-bool", modelOperation(fhe.Add, fhe.Bool, made("a", fhe.Bool), made("b", fhe.Bool))},
		{"uninitialised", modelOperation(fhe.Add, fhe.Uint64, a, modelOperand{0, make([]byte, 32)})},
		{"other-chain", modelOperation(fhe.Add, fhe.Uint64, a, foreign)},
		{"clear-too-wide", modelOperation(fhe.Add, fhe.Uint8, stored("a", fhe.Uint8), public(256))},
		{"no-clear-form", modelOperation(fhe.Neg, fhe.Uint8, public(1))},
		{"all-clear", modelOperation(fhe.Add, fhe.Uint8, public(1), public(1))},
		{"missing-operand", modelOperation(fhe.Select, fhe.Uint64, stored("c", fhe.Bool), a)},
		{"clear-condition", modelOperation(fhe.Select, fhe.Uint64, public(1), a, b)},
		{"missing-clear", modelOperation(fhe.Trivial, fhe.Uint64)},
		{"short-table", append(modelOperation(fhe.Lookup, fhe.Uint16, stored("a", fhe.Uint8)), make([]byte, 511)...)},
		{"no-seed", modelOperation(fhe.Rand, fhe.Uint64)},
		{"no-bound", modelOperation(fhe.RandBounded, fhe.Uint64, public(9), public(0))},
	}
	var out []failure
	for _, r := range rows {
		out = append(out, failure{hex.EncodeToString(r.input), refusal(Operation{}, r.input), r.name})
	}
	return out
}

// modelList encodes an input list with arbitrary ciphertext words.
func modelList(types ...fhe.Type) []byte {
	b := append([]byte{0}, modelBinding()...)
	b = append(b, uint8(len(types)))
	slots := 0
	for _, t := range types {
		b = append(b, uint8(t))
		slots += (t.Bits() + 3) / 4
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range words + slots {
		b = binary.BigEndian.AppendUint64(b, random.Uint64())
	}
	return b
}

func modelBinding() []byte {
	return append(append(modelDomain(), modelContract...), modelUser...)
}

func inputVectors() (out []vector) {
	for _, types := range [][]fhe.Type{{fhe.Uint64}, {fhe.Bool, fhe.Uint8, fhe.Uint16, fhe.Uint32, fhe.Uint64}} {
		list := modelList(types...)
		digest := crypto.Keccak256(list)
		want := append(bytes.Clone(digest), uint256.NewInt(uint64(fhe.InputBootstraps(types))).PaddedBytes(32)...)
		for i, t := range types {
			d := crypto.Keccak256([]byte("fhevm input"), modelDomain(), digest, []byte{uint8(i), uint8(t)}, modelContract, modelUser)
			want = append(want, modelHandle(d, uint8(i), uint8(t))...)
		}
		in := append(modelBinding(), list...)
		gas := 3_000 + uint64(len(in)) + 200*uint64(len(types)) + 2_064*uint64(fhe.InputBootstraps(types))
		out = append(out, vector{hex.EncodeToString(in), hex.EncodeToString(want), gas, "list-" + types[0].String()})
	}
	return out
}

func inputFailures() []failure {
	header := append(modelBinding(), modelList(fhe.Bool)[:fhe.BindingSize+3]...)
	alter := func(at int, v byte) []byte { c := bytes.Clone(header); c[at] = v; return c }
	const count = fhe.BindingSize + 1 + fhe.BindingSize // where the list's count stands
	rows := []struct {
		name  string
		input []byte
	}{
		{"empty", nil},
		{"binding-only", header[:fhe.BindingSize]},
		{"version", alter(60, 9)},
		{"truncated", header},
		{"format", alter(fhe.BindingSize, 1)},
		{"no-values", alter(count, 0)},
		{"count", alter(count, 2)},
		{"unknown-type", alter(count+1, 9)},
	}
	var out []failure
	for _, r := range rows {
		out = append(out, failure{hex.EncodeToString(r.input), refusal(Input{}, r.input), r.name})
	}
	return out
}

// A list meant for another chain, ACL, key, contract or user is refused, and
// the text says which.
func TestInputIsBound(t *testing.T) {
	list := modelList(fhe.Uint8)
	for word, at := range map[string]int{"chain": 7, "ACL": 8, "key": 28, "contract": 61, "user": 81} {
		in := append(modelBinding(), list...)
		in[at] ^= 1
		out, err := Input{}.Run(in)
		if reason, _ := abi.UnpackRevert(out); err != vm.ErrExecutionReverted || !strings.Contains(reason, word) {
			t.Errorf("wrong %s gives %q, %v", word, reason, err)
		}
	}
}

// refusal fills the text of a failure vector; a human reads it in the diff.
func refusal(p vm.PrecompiledContract, in []byte) string {
	out, err := p.Run(in)
	if err == nil {
		return "accepted"
	}
	reason, _ := abi.UnpackRevert(out)
	return reason
}

func load[T any](t *testing.T, name string) (rows []T) {
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

func save(t *testing.T, name string, rows any) {
	b, err := json.MarshalIndent(rows, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("testdata", name), append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func unhex(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
