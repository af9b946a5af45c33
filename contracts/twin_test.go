package contracts

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"fhevm/fhe"
	"fhevm/precompiles"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/core/vm/runtime"
)

// twinGas is more than a twin uses on any input; the precompile takes at most 4 KB of
// a derivation, and 21 KB of an input list.
const twinGas = 1_000_000

// twinned is a Solidity contract beside the precompile that it must agree with.
type twinned struct {
	*network
	at         common.Address
	precompile vm.PrecompiledContract
	subject    string // that its refusals begin with
	evm        *vm.EVM
}

func newTwin(t testing.TB, a *Artifact, p vm.PrecompiledContract, subject string) *twinned {
	n := newNetwork(t)
	at := n.deploy(a).Address
	return &twinned{n, at, p, subject, runtime.NewEnv(&n.config)}
}

func newOperationTwin(t testing.TB) *twinned {
	return newTwin(t, OperationTwin, precompiles.Operation{}, "FHE operation: ")
}

func newInputTwin(t testing.TB) *twinned {
	return newTwin(t, InputTwin, precompiles.Input{}, "FHE input: ")
}

// run calls the twin.
func (w *twinned) run(input []byte) (out []byte, gas uint64, err error) {
	db := w.config.State
	defer db.RevertToSnapshot(db.Snapshot())
	out, rest, err := w.evm.StaticCall(alice, w.at, input, vm.NewGasBudget(twinGas, 0))
	return out, twinGas - rest.ExecutionGas, err
}

// agree runs both on one input and reports whether they accept it.
func (w *twinned) agree(t testing.TB, input []byte) bool {
	t.Helper()
	want, wantErr := w.precompile.Run(input)
	got, gas, err := w.run(input)
	if (wantErr == nil) != (err == nil) || wantErr == nil && !bytes.Equal(got, want) {
		t.Fatalf("input %x:\n twin says %x, %v\n precompile %x, %v", input, got, err, want, wantErr)
	}
	if err == nil {
		return true
	}
	reason, unpackErr := abi.UnpackRevert(got)
	if !errors.Is(err, vm.ErrExecutionReverted) || unpackErr != nil || !strings.HasPrefix(reason, w.subject) || len(reason) > 150 {
		t.Errorf("input %x refused by %v after %d gas, with %q", input, err, gas, reason)
	}
	return false
}

// TestTwinsFollowVectors runs the vectors of the precompiles.
func TestTwinsFollowVectors(t *testing.T) {
	for name, w := range map[string]*twinned{"operation": newOperationTwin(t), "input": newInputTwin(t)} {
		for _, v := range vectors(t, name+".json") {
			t.Run(name+"/"+v.Name, func(t *testing.T) {
				if out, _, err := w.run(unhex(t, v.Input)); err != nil || !bytes.Equal(out, unhex(t, v.Expected)) {
					t.Errorf("returned %x, %v, want %s", out, err, v.Expected)
				}
			})
		}
		for _, v := range vectors(t, "fail-"+name+".json") {
			t.Run(name+"/fail/"+v.Name, func(t *testing.T) {
				if w.agree(t, unhex(t, v.Input)) {
					t.Error("accepted")
				}
			})
		}
	}
}

type vector struct{ Name, Input, Expected string }

func vectors(t testing.TB, file string) (rows []vector) {
	t.Helper()
	b, err := os.ReadFile("../precompiles/testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no vectors", file)
	}
	return rows
}

// TestTwinTakesEveryForm runs well-typed derivations of every operation, on every
// type, with every set of clear operands, from every type and of every length.
func TestTwinTakesEveryForm(t *testing.T) {
	w, r := newOperationTwin(t), rand.New(rand.NewPCG(1, 2))
	forms := 0
	for _, f := range everyForm() {
		if w.agree(t, f.derivation(r)) {
			forms++
		} else {
			t.Errorf("%+v refused", f)
		}
	}
	t.Logf("%d forms", forms)
}

// TestTwinRefusesAlike changes well-typed derivations a little, at random.
func TestTwinRefusesAlike(t *testing.T) {
	w, r := newOperationTwin(t), rand.New(rand.NewPCG(3, 4))
	forms := everyForm()
	const rounds = 20_000
	accepted := 0
	for range rounds {
		input := forms[r.IntN(len(forms))].derivation(r)
		for range 1 + r.IntN(2) {
			input = mutate(r, input)
		}
		if w.agree(t, input) {
			accepted++
		}
	}
	if accepted < rounds/10 || accepted > rounds*9/10 {
		t.Errorf("%d of %d accepted: the sample is lopsided", accepted, rounds)
	}
}

// FuzzTwin runs any bytes.
func FuzzTwin(f *testing.F) {
	for _, file := range []string{"operation.json", "fail-operation.json"} {
		for _, v := range vectors(f, file) {
			f.Add(unhex(f, v.Input))
		}
	}
	w := newOperationTwin(f)
	f.Fuzz(func(t *testing.T, input []byte) { w.agree(t, input) })
}

// TestInputTwinAgrees runs lists of all types and lengths, and changed ones.
func TestInputTwinAgrees(t *testing.T) {
	w, r := newInputTwin(t), rand.New(rand.NewPCG(5, 6))
	lists := [][]fhe.Type{{}, make([]fhe.Type, fhe.MaxInputValues), slicesOf(fhe.Uint256, 8), slicesOf(fhe.Uint256, 9)}
	for _, typ := range append(fhe.Types(), 1, 9, 255) {
		lists = append(lists, []fhe.Type{typ}, []fhe.Type{fhe.Int16, typ, fhe.Bool})
	}
	accepted := 0
	for _, types := range lists {
		input := inputOf(w.domain(), types, r)
		if w.agree(t, input) {
			accepted++
		}
		for range 40 {
			w.agree(t, mutateHead(r, input))
		}
	}
	if accepted != 2+2*len(fhe.Types()) {
		t.Errorf("%d lists accepted", accepted)
	}
}

// TestInputTwinIsBound changes each byte of what a list states, and of what is in force.
func TestInputTwinIsBound(t *testing.T) {
	w := newInputTwin(t)
	input := inputOf(w.domain(), []fhe.Type{fhe.Uint8}, rand.New(rand.NewPCG(11, 12)))
	for at := range 1 + 2*fhe.BindingSize {
		input[at] ^= 1
		if w.agree(t, input) {
			t.Errorf("byte %d changed, and accepted", at)
		}
		input[at] ^= 1
	}
}

// TestMalformedListsSayWhatToDo: whoever passes another proof than the wallet's reads what to pass.
func TestMalformedListsSayWhatToDo(t *testing.T) {
	w := newInputTwin(t)
	list := inputOf(w.domain(), []fhe.Type{fhe.Uint8}, rand.New(rand.NewPCG(15, 16)))
	otherFormat, otherType := bytes.Clone(list), bytes.Clone(list)
	otherFormat[fhe.BindingSize] = 9
	otherType[2*fhe.BindingSize+2] = 99
	for name, input := range map[string][]byte{
		"empty": list[:fhe.BindingSize], "cut short": list[:len(list)-1], "another format": otherFormat, "unknown type": otherType,
	} {
		byTwin, _, _ := w.run(input)
		byPrecompile, _ := w.precompile.Run(input)
		for _, data := range [][]byte{byTwin, byPrecompile} {
			if reason, err := abi.UnpackRevert(data); err != nil || !strings.HasSuffix(reason, ": pass the proof whole, as the wallet returned it") {
				t.Errorf("%s: %q, %v", name, reason, err)
			}
		}
	}
}

// TestTwinIsBounded runs the longest and the worst inputs.
func TestTwinIsBounded(t *testing.T) {
	w, r := newOperationTwin(t), rand.New(rand.NewPCG(7, 8))
	most := uint64(0)
	try := func(input []byte) {
		w.agree(t, input)
		_, gas, _ := w.run(input)
		most = max(most, gas)
	}
	for _, size := range []int{0, 95, 96, fhe.MaxDerivation, fhe.MaxDerivation + 1, 1 << 20} {
		try(make([]byte, size))
		try(bytes.Repeat([]byte{0xff}, size))
	}
	for _, op := range []fhe.Op{fhe.Sum, fhe.IsIn} {
		for _, typ := range fhe.Types() {
			input := form{op: op, typ: typ, n: fhe.MaxList}.derivation(r)
			try(input)
			input[len(input)-3] ^= 1 // the type of the last handle
			try(input)
		}
	}
	if most > 300_000 {
		t.Errorf("the twin takes %d gas", most)
	}
}

// TestInputTwinIsBounded runs the longest lists.
func TestInputTwinIsBounded(t *testing.T) {
	w, r := newInputTwin(t), rand.New(rand.NewPCG(13, 14))
	full := inputOf(w.domain(), make([]fhe.Type, fhe.MaxInputValues), r)
	wide := inputOf(w.domain(), slicesOf(fhe.Int8, fhe.MaxInputValues), r)
	for _, input := range [][]byte{full, wide, append(full, 0), make([]byte, 1<<20), bytes.Repeat([]byte{0xff}, 1<<20)} {
		w.agree(t, input)
		if _, gas, _ := w.run(input); gas > 700_000 {
			t.Errorf("the twin takes %d gas", gas)
		}
	}
}

// TestTwinGas compares the gas of typical operations with what is on record.
func TestTwinGas(t *testing.T) {
	w := newOperationTwin(t)
	got := map[string]uint64{}
	for name, f := range map[string]form{
		"add":                  {op: fhe.Add, typ: fhe.Uint64},
		"add of a clear value": {op: fhe.Add, typ: fhe.Uint64, clear: 2},
		"select":               {op: fhe.Select, typ: fhe.Uint64},
		"cast":                 {op: fhe.Cast, typ: fhe.Uint64, from: fhe.Uint8},
		"tryAdd":               {op: fhe.TryAdd, typ: fhe.Uint64},
		"lookup2":              {op: fhe.Lookup2, typ: fhe.Uint16},
		"isIn, a list of ten":  {op: fhe.IsIn, typ: fhe.Uint64, n: 11},
	} {
		input := f.derivation(rand.New(rand.NewPCG(9, 10)))
		if !w.agree(t, input) {
			t.Errorf("%s is refused", name)
		}
		_, got[name], _ = w.run(input)
	}
	n := newAttachedNetwork(t)
	n.transaction(func(tx *transaction) {
		a := tx.encrypt(alice, 1, fhe.Uint64)
		before := tx.gas
		tx.must(alice, n.executor, "fheAdd", a, a, encrypted)
		got["add, through the executor"] = tx.gas - before
	})
	compareGas(t, "testdata/gas-twin.json", got)
}
