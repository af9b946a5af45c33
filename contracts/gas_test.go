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
	transferGas(t, got)
	k := newToken(t)
	k.mint(bob, 1000)
	record := func(name string, order func(*transaction)) {
		tx := k.transaction(order)
		got[name] = tx.gas - k.orderedGas(tx.logs)
	}
	held := k.balance(bob)
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

// promisedGas bounds a transfer between two holders, without the base cost of a
// transaction, the input's proof and precompile 0x5d.
const promisedGas = 150_000

// transferGas measures what a transfer takes, by where the amount comes from and
// whether the recipient is known to the network and to the token.
func transferGas(t *testing.T, got map[string]uint64) {
	for name, c := range map[string]struct {
		to       common.Address
		input    bool // the amount is an encrypted input
		amount   func(token) fhe.Handle
		promised bool
	}{
		"transfer of an input":                           {bob, true, nil, true},
		"transfer of an input to a fresh recipient":      {carol, true, nil, false},
		"transfer of a held amount":                      {bob, false, token.lent, true},
		"transfer of a held amount to a fresh recipient": {carol, false, token.lent, false},
		"transfer of the whole balance":                  {bob, false, func(k token) fhe.Handle { return k.balance(alice) }, true},
		"transfer of an uninitialised amount":            {bob, false, func(token) fhe.Handle { return fhe.Handle{} }, false},
	} {
		k := funded(t)
		var amount fhe.Handle
		var proof uint64
		list := []byte{}
		if c.input {
			amount, list = k.input(k.contract, alice, 1)
			proof = proofGas(t)
		} else {
			amount = c.amount(k)
		}
		tx := k.transaction(func(tx *transaction) { tx.must(alice, k.contract, "transfer", c.to, amount, list) })
		got[name] = tx.gas - k.orderedGas(tx.logs) - proof
		if c.promised && got[name] >= promisedGas {
			t.Errorf("%s takes %d gas, promised are less than %d", name, got[name], promisedGas)
		}
	}
}

// proofGas is what an input's proof takes: the call of verifyInput, and to hand the
// list on to it. One that was verified in the transaction is not read again, so that
// a byte can stand in for it.
func proofGas(t *testing.T) uint64 {
	var verified uint64
	var transfer [2]uint64
	for i := range transfer {
		k := funded(t)
		held := k.balance(alice)
		h, list := k.input(k.contract, alice, 1)
		k.transaction(func(tx *transaction) {
			used := func(from common.Address, c contract, method string, args ...any) uint64 {
				before := tx.gas
				tx.must(from, c, method, args...)
				return tx.gas - before
			}
			verify := func(proof []byte) uint64 {
				return used(k.contract.Address, k.executor, "verifyInput", h, alice, proof, uint8(fhe.Uint64))
			}
			used(k.contract.Address, k.executor, "fheAdd", held, held, encrypted) // the first access is the transfer's to pay
			first, again := verify(list), verify(list)
			verified = first - again + verify(list[:1])
			proof := [][]byte{list, list[:1]}[i]
			transfer[i] = used(alice, k.contract, "transfer", bob, h, proof)
		})
	}
	return verified + transfer[0] - transfer[1]
}

// funded is a token that alice and bob hold.
func funded(t *testing.T) token {
	k := newToken(t)
	k.mint(alice, 1000)
	k.mint(bob, 1000)
	return k
}

// lent is the balance of somebody who has no other part in the transfer; alice may
// use it as an amount.
func (k token) lent() fhe.Handle {
	k.mint(app, 1)
	h := k.balance(app)
	k.network.must(app, k.acl, "allow", h, alice)
	return h
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
