package contracts

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"testing"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
)

var update = flag.Bool("update", false, "rewrite the gas on record in testdata")

// TestGas compares the gas that contracts take, without the price of operations in
// precompile 0x5d, with what is on record. A difference is no mistake, but is seen.
func TestGas(t *testing.T) {
	got := map[string]uint64{}
	k := newToken(t)
	k.mint(alice, 1000)
	k.mint(bob, 1000)
	record := func(name string, order func(*transaction)) {
		tx := k.transaction(order)
		got[name] = tx.gas - k.orderedGas(tx.logs)
	}
	amount, held := k.balance(alice), k.balance(bob)
	record("transfer of a held amount", func(tx *transaction) { tx.must(alice, k.contract, "transfer", bob, amount, []byte{}) })
	h, list := k.input(k.contract, alice, 1)
	record("transfer of an input", func(tx *transaction) { tx.must(alice, k.contract, "transfer", bob, h, list) })
	record("add, first in its transaction", func(tx *transaction) {
		tx.must(k.contract.Address, k.executor, "fheAdd", held, held, encrypted)
	})
	record("add, four of them", func(tx *transaction) {
		sum := held
		for range 4 {
			sum = tx.handle(k.contract.Address, k.executor, "fheAdd", sum, held, encrypted)
		}
	})
	record("isIn, a list of ten", func(tx *transaction) {
		values := make([][32]byte, 10)
		for i := range values {
			values[i] = held
		}
		tx.must(k.contract.Address, k.executor, "fheIsIn", held, values, uint8(fhe.Uint64))
	})
	compareGas(t, "testdata/gas.json", got)
}

// balance is the handle of a balance.
func (k token) balance(holder common.Address) fhe.Handle {
	k.t.Helper()
	return fhe.Handle(k.network.must(bob, k.contract, "confidentialBalanceOf", holder).([32]byte))
}

func compareGas(t *testing.T, path string, got map[string]uint64) {
	if *update {
		b, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]uint64{}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("gas is %v, on record %v: run go test ./contracts -update if that is meant", got, want)
	}
}
