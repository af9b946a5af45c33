package contracts

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
)

// inputList is a well-formed list with random ciphertexts. No one decrypts it:
// the contracts see names only.
type inputList struct {
	encoding []byte
	handles  []fhe.Handle
}

func newInputList(t testing.TB, b fhe.Binding, types ...fhe.Type) inputList {
	t.Helper()
	r := rand.New(rand.NewPCG(1, rand.Uint64()))
	words := func(n int) []uint64 {
		w := make([]uint64, n)
		for i := range w {
			w[i] = r.Uint64()
		}
		return w
	}
	slots := 0
	for _, typ := range types {
		slots += typ.Slots()
	}
	l := fhe.InputList{Binding: b, Types: types, Mask: words(2048), Bodies: words(slots)}
	encoding, err := l.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return inputList{encoding, l.Handles(encoding)}
}

func (n *network) binding(contract, user common.Address) fhe.Binding {
	return fhe.Binding{Domain: n.domain(), Contract: fhe.Address(contract), User: fhe.Address(user)}
}

// input encrypts one value of 64 bits for a contract.
func (n *network) input(c contract, user common.Address, v uint64) (fhe.Handle, []byte) {
	n.t.Helper()
	l := newInputList(n.t, n.binding(c.Address, user), fhe.Uint64)
	n.values[l.handles[0]] = new(big.Int).SetUint64(v)
	return l.handles[0], l.encoding
}

var app = common.HexToAddress("0xa44") // stands for a contract that takes inputs

func TestInputListIsVerifiedOncePerTransaction(t *testing.T) {
	n := newNetwork(t)
	types := []fhe.Type{fhe.Bool, fhe.Uint8, fhe.Uint64}
	l := newInputList(t, n.binding(app, alice), types...)
	for range 2 {
		var first, later uint64
		tx := n.transaction(func(tx *transaction) {
			for i, h := range l.handles {
				used := tx.gas
				if got := tx.handle(app, n.executor, "verifyInput", h, alice, l.encoding, uint8(types[i])); got != h {
					t.Errorf("value %d: %s, want %s", i, got, h)
				}
				first, later = max(first, tx.gas-used), tx.gas-used
				tx.wantRights(rights{transient: true}, h, app)
				tx.wantRights(rights{}, h, alice)
			}
			tx.must(app, n.inputs, "cleanTransientStorage")
		})
		events := n.inputs.events(t, tx.logs, "InputList")
		if len(events) != 1 {
			t.Fatalf("%d lists logged, want 1", len(events))
		}
		e := events[0]
		if e["digest"] != [32]byte(fhe.Keccak(l.encoding)) || e["contractAddress"] != app || e["user"] != alice ||
			string(e["list"].([]byte)) != string(l.encoding) {
			t.Error("the event differs from the list")
		}
		t.Logf("gas: %d for the first value, %d for another", first, later)
	}
}

func TestInputIsNotMadeInTheTransaction(t *testing.T) {
	n := newNetwork(t)
	l := newInputList(t, n.binding(app, alice), fhe.Uint64)
	n.values[l.handles[0]] = big.NewInt(5)
	tx := n.transaction(func(tx *transaction) {
		tx.must(app, n.executor, "verifyInput", l.handles[0], alice, l.encoding, uint8(fhe.Uint64))
		tx.must(app, n.executor, "fheNeg", l.handles[0])
	})
	for i, o := range n.derivations(tx.logs)[0].Operands {
		if o.Kind != fhe.Stored {
			t.Errorf("operand %d is of kind %d, want %d", i, o.Kind, fhe.Stored)
		}
	}
}

func TestInputVerifierRefuses(t *testing.T) {
	n := newNetwork(t)
	right := n.binding(app, alice)
	l := newInputList(t, right, fhe.Uint64, fhe.Uint8)
	h := l.handles[0]
	verify := func(tx *transaction, want string, from, user common.Address, h fhe.Handle, list []byte, typ fhe.Type) {
		tx.t.Helper()
		tx.fails(want, from, n.executor, "verifyInput", h, user, list, uint8(typ))
	}
	absent := fhe.NewHandle(fhe.Digest{1}, 0, DevChainID, fhe.Uint64, fhe.Version)
	// Each mistake is made in a fresh transaction and after the list was accepted.
	for _, accepted := range []bool{false, true} {
		n.transaction(func(tx *transaction) {
			if accepted {
				tx.must(app, n.executor, "verifyInput", h, alice, l.encoding, uint8(fhe.Uint64))
			}
			verify(tx, fmt.Sprintf("FHE input: input is bound to user %s, not %s: encrypt it for the account that sends the transaction",
				fhe.Address(alice), fhe.Address(bob)), app, bob, h, l.encoding, fhe.Uint64)
			verify(tx, fmt.Sprintf("FHE input: input is bound to contract %s, not %s: encrypt it for the contract that calls FHE.fromExternal",
				fhe.Address(app), fhe.Address(carol)), carol, alice, h, l.encoding, fhe.Uint64)
			verify(tx, fmt.Sprintf("HandleNotInList(%s)", absent), app, alice, absent, l.encoding, fhe.Uint64)
			verify(tx, fmt.Sprintf("WrongInputType(%s, %d)", h, fhe.Uint8), app, alice, h, l.encoding, fhe.Uint8)
			tx.fails(fmt.Sprintf("SenderNotExecutor(%s)", app), app, n.inputs, "verify", app, alice, h, l.encoding)
			tx.wantRights(rights{}, absent, app)
			tx.wantRights(rights{}, h, carol)
		})
	}
}

func TestInputOfAnotherNetworkIsRefused(t *testing.T) {
	n := newNetwork(t)
	for name, change := range map[string]func(*fhe.Domain){
		"chain": func(d *fhe.Domain) { d.ChainID++ },
		"ACL":   func(d *fhe.Domain) { d.ACL[0]++ },
		"key":   func(d *fhe.Domain) { d.KeyID[0]++ },
	} {
		t.Run(name, func(t *testing.T) {
			b := n.binding(app, alice)
			change(&b.Domain)
			l := newInputList(t, b, fhe.Uint64)
			want := "FHE input: " + b.Check(n.binding(app, alice)).Error()
			n.fails(want, app, n.executor, "verifyInput", l.handles[0], alice, l.encoding, uint8(fhe.Uint64))
		})
	}
}
