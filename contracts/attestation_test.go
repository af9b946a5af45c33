package contracts

import (
	"bytes"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"fhevm/fhe"
	"fhevm/precompiles"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/vm/runtime"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
)

// newAttestedTwin is an input twin that takes the word of the first member.
func newAttestedTwin(t testing.TB) *twinned {
	n := newNetwork(t)
	at := n.deploy(AttestedInputTwin, n.members[0].address()).Address
	return &twinned{n, at, precompiles.Input{}, "FHE input: ", runtime.NewEnv(&n.config)}
}

// attest signs the attestation of the list that ends the twin's input, and puts it
// in the list's place.
func attest(t testing.TB, by *member, input []byte) []byte {
	t.Helper()
	encoding := input[fhe.BindingSize:]
	var list fhe.InputList
	if err := list.UnmarshalBinary(encoding); err != nil {
		t.Fatal(err)
	}
	a := list.Attest(encoding)
	handles := make([]any, len(a.Types))
	for i, h := range a.Handles() {
		handles[i] = h.String()
	}
	d := a.Binding.Domain
	digest := typedHash(t, int64(d.ChainID), common.Address(d.ACL), "InputAttestation", []apitypes.Type{
		{Name: "list", Type: "bytes32"}, {Name: "contractAddress", Type: "address"},
		{Name: "user", Type: "address"}, {Name: "handles", Type: "bytes32[]"},
	}, apitypes.TypedDataMessage{
		"list": a.List.String(), "contractAddress": a.Binding.Contract.String(), "user": a.Binding.User.String(), "handles": handles,
	})
	signature, err := crypto.Sign(digest, by.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	signature[64] += 27
	copy(a.Signature[:], signature)
	out, err := a.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return append(bytes.Clone(input[:fhe.BindingSize]), out...)
}

// TestAttestationNamesTheList: handles, digest and cost are those of the list that
// it stands for.
func TestAttestationNamesTheList(t *testing.T) {
	w, r := newAttestedTwin(t), rand.New(rand.NewPCG(21, 22))
	for _, types := range [][]fhe.Type{{fhe.Uint64}, {fhe.Bool, fhe.Int16, fhe.Uint160}, make([]fhe.Type, fhe.MaxInputValues), slicesOf(fhe.Uint256, 8)} {
		list := inputOf(w.domain(), types, r)
		want, err := w.precompile.Run(list)
		if err != nil {
			t.Fatal(err)
		}
		for _, input := range [][]byte{list, attest(t, w.members[0], list)} {
			if got, gas, err := w.run(input); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d values in %d bytes: %x, %v, want %x", len(types), len(input), got, err, want)
			} else {
				t.Logf("%d values in %d bytes: %d gas", len(types), len(input), gas)
			}
		}
	}
}

// TestAttestationRefuses changes every byte of an attestation and of what is in
// force, and other signers and forms.
func TestAttestationRefuses(t *testing.T) {
	w, r := newAttestedTwin(t), rand.New(rand.NewPCG(23, 24))
	list := inputOf(w.domain(), []fhe.Type{fhe.Uint8, fhe.Bool}, r)
	good := attest(t, w.members[0], list)
	refused := func(what string, input []byte) {
		t.Helper()
		if got, _, err := w.run(input); err == nil {
			t.Errorf("%s: accepted, %x", what, got)
		}
	}
	for at := range good {
		for _, bit := range []byte{1, 128} {
			good[at] ^= bit
			refused(fmt.Sprintf("byte %d changed", at), good)
			good[at] ^= bit
		}
	}
	refused("another signer", attest(t, w.members[1], list))
	refused("one byte more", append(bytes.Clone(good), 0))
	for size := range len(good) {
		refused("cut short", good[:size])
	}
	refused("malleated", malleated(good))
	if _, _, err := w.run(good); err != nil {
		t.Error(err)
	}
}

// malleated is the other form of the signature that ends an attestation: -s.
func malleated(input []byte) []byte {
	out := bytes.Clone(input)
	s := out[len(out)-33 : len(out)-1]
	new(big.Int).Sub(crypto.S256().Params().N, new(big.Int).SetBytes(s)).FillBytes(s)
	out[len(out)-1] ^= 27 ^ 28
	return out
}

// TestAttestedTwinNeedsACoprocessor: ecrecover gives zero for what is no signature.
func TestAttestedTwinNeedsACoprocessor(t *testing.T) {
	n := newNetwork(t)
	if _, err := n.construct(common.HexToAddress("0xc0de"), AttestedInputTwin, common.Address{}); err == nil {
		t.Error("deployed for the zero address")
	}
}

// TestAttestedInputOnAttachedChain uses an attestation as a contract does, twice in
// a transaction, and the log carries it.
func TestAttestedInputOnAttachedChain(t *testing.T) {
	n := newAttachedNetwork(t)
	n.install(inputTwinAt, AttestedInputTwin, n.members[0].address())
	list := inputOf(n.domain(), []fhe.Type{fhe.Uint64, fhe.Bool}, rand.New(rand.NewPCG(25, 26)))
	encoding := attest(t, n.members[0], list)[fhe.BindingSize:]
	var a fhe.AttestedInput
	if err := a.UnmarshalBinary(encoding); err != nil {
		t.Fatal(err)
	}
	tx := n.transaction(func(tx *transaction) {
		for i, h := range a.Handles() {
			tx.must(app, n.executor, "verifyInput", h, alice, encoding, uint8(a.Types[i]))
			tx.wantRights(rights{transient: true}, h, app)
		}
		tx.fails("FHE input: input is bound to another user: encrypt it for the account that sends the transaction",
			app, n.executor, "verifyInput", a.Handles()[0], bob, encoding, uint8(fhe.Uint64))
	})
	events := n.inputs.events(t, tx.logs, "InputList")
	if len(events) != 1 || events[0]["digest"] != [32]byte(fhe.Keccak(list[fhe.BindingSize:])) || !bytes.Equal(events[0]["list"].([]byte), encoding) {
		t.Errorf("the log has %v", events)
	}
}

// TestPlainTwinRefusesAttestations: who takes lists only has no coprocessor.
func TestPlainTwinRefusesAttestations(t *testing.T) {
	w := newInputTwin(t)
	w.agree(t, attest(t, w.members[0], inputOf(w.domain(), []fhe.Type{fhe.Uint64}, rand.New(rand.NewPCG(27, 28)))))
}
