package node

import (
	"context"
	"strings"
	"testing"

	"fhevm/fhe"
	"fhevm/threshold/committee"

	"github.com/holiman/uint256"
)

// closedChain grants nothing to anybody.
type closedChain struct{}

func (closedChain) Finalized(context.Context) (*committee.Block, error) {
	return &committee.Block{Number: 7, Time: 9, Rights: closedChain{}}, nil
}

func (closedChain) PersistAllowed(context.Context, fhe.Handle, fhe.Address) (bool, error) {
	return false, nil
}

func (closedChain) PubliclyDecryptable(context.Context, fhe.Handle) (bool, error) { return false, nil }
func (closedChain) Final(context.Context) (bool, error)                           { return true, nil }
func (closedChain) Position(context.Context, uint64, fhe.Address) (uint64, error) {
	return 0, nil
}

func (closedChain) Paused(context.Context) (bool, error) { return false, nil }
func (closedChain) AcceptsSignature(context.Context, fhe.Address, fhe.Digest, []byte) (bool, error) {
	return false, nil
}
func (closedChain) Denied(context.Context, fhe.Address) (bool, error) { return false, nil }
func (closedChain) InvalidatedBefore(context.Context, fhe.Address) (uint64, error) {
	return 0, nil
}

func (closedChain) DelegatedUntil(context.Context, fhe.Address, fhe.Address, fhe.Address) (uint64, error) {
	return 0, nil
}

// TestInspectedRights: the inspector may read everything, nobody else more than
// before, and nothing becomes public.
func TestInspectedRights(t *testing.T) {
	i, err := newInspector()
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := newInspector()
	if err != nil {
		t.Fatal(err)
	}
	b, err := inspectedChain{closedChain{}, i}.Finalized(t.Context())
	if err != nil || b.Number != 7 || b.Time != 9 {
		t.Fatalf("%+v, %v", b, err)
	}
	for account, want := range map[fhe.Address]bool{
		i.user: true, i.contract: true, stranger.user: false, stranger.contract: false, {}: false,
	} {
		if got, err := b.PersistAllowed(t.Context(), fhe.Handle{1}, account); got != want || err != nil {
			t.Errorf("rights of %s: %v, %v, want %v", account, got, err, want)
		}
	}
	if public, err := b.PubliclyDecryptable(t.Context(), fhe.Handle{1}); public || err != nil {
		t.Errorf("public: %v, %v", public, err)
	}
}

// TestInspectionRefused: a node that does not play the parties of a dev network
// decrypts nothing for a developer.
func TestInspectionRefused(t *testing.T) {
	n := newNode(Config{})
	n.network = testNetwork()
	api := &devAPI{n}
	if _, err := api.DecryptHandle(t.Context(), fhe.Handle{1}); err == nil || !strings.Contains(err.Error(), "by permit only") {
		t.Errorf("got %v", err)
	}
}

// TestInspectionOfUncomputed: what no block made, and what nobody may ever
// decrypt, is refused with the reason at once.
func TestInspectionOfUncomputed(t *testing.T) {
	n, pending := pendingNode(t)
	n.api = newAPI(n, nil)
	var err error
	if n.inspector, err = newInspector(); err != nil {
		t.Fatal(err)
	}
	unknown := pending
	unknown[0]++
	d := fhe.Derivation{Domain: n.Domain(), Op: fhe.Trivial, Type: fhe.Uint8, Operands: []fhe.Operand{fhe.ClearOperand(uint256.NewInt(8))}}
	unwanted := d.Results()[0]
	err = n.coprocessor.Append(fhe.Batch{Number: 1, Entries: []fhe.Entry{
		{Operation: &fhe.Operation{Result: unwanted.Handle, Digest: unwanted.Digest, Derivation: d}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for h, want := range map[fhe.Handle]string{unknown: "no block of this chain made it", unwanted.Handle: "has to call FHE.allowThis"} {
		if _, err := n.inspect(t.Context(), h); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
