package node

import (
	"bytes"
	"slices"
	"testing"

	"fhevm/chain"
	"fhevm/contracts"
	"fhevm/coprocessor"
	"fhevm/fhe"
	"fhevm/node/network"
	"fhevm/threshold"
	"fhevm/threshold/reshare"
	"fhevm/threshold/reshare/resharetest"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestVerifiedOnlyIfAllAgree: a node that withholds a ciphertext is not verified.
func TestVerifiedOnlyIfAllAgree(t *testing.T) {
	for v, good := range map[Verified]bool{
		{Agree: 3, Wanted: 3}: true, {}: true, {Agree: 2, Unclear: 1}: false, {Unclear: 3}: false, {Agree: 2, Disagree: 1}: false,
	} {
		if err := v.Err(); (err == nil) != good {
			t.Errorf("%+v: %v", v, err)
		}
	}
}

// TestAuditLogFollowsReverts: what the chain undoes while it is read is not audited.
func TestAuditLogFollowsReverts(t *testing.T) {
	m := newMachine(t, Config{})
	log := &auditLog{Coprocessor: openFollower(t, vfs.NewMem())}
	t.Cleanup(func() { log.Close() })
	kept, undone := m.number(1), m.number(2)
	for i, h := range []fhe.Handle{kept, undone} {
		b := fhe.Batch{Number: uint64(i), Hash: fhe.Digest{byte(i + 1)}, Entries: []fhe.Entry{m.entries[i], {Wanted: &h}}}
		if err := log.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	if got := log.sample(1, 0); len(got) != 2 {
		t.Fatalf("%d handles before", len(got))
	}
	if err := log.Revert(0); err != nil {
		t.Fatal(err)
	}
	if got := log.sample(1, 0); len(got) != 1 || got[0] != kept || len(log.wantedFrom()) != 1 {
		t.Errorf("%v after, want %s", got, kept)
	}
}

// TestVerifyTakesTheWordOfEpochsInForce: whose signature counts follows the key
// registry from epoch to epoch, though network.json describes the first one.
func TestVerifyTakesTheWordOfEpochsInForce(t *testing.T) {
	r := newRealm(t, 4)
	var keys [3]*coprocessor.Key // of the first epoch, the second, and a stranger
	var err error
	for i := range keys {
		keys[i], err = coprocessor.NewKey(bytes.Repeat([]byte{byte(i + 1)}, 32))
		r.must(err)
	}
	r.first.Committee.Policy.Coprocessors = []fhe.Address{keys[0].Address()}
	next, err := network.Propose(&r.first.Committee, nil)
	r.must(err)
	next.Policy = threshold.Policy{Coprocessors: []fhe.Address{keys[1].Address()}, Need: 1}
	plan := &reshare.Plan{Old: &r.first.Committee, New: next, Attempt: 1}
	second := &network.Succession{Committee: *next, Certificate: resharetest.Certify(t, plan, r.people)}
	n := newNode(Config{})
	n.network, n.chain, n.depth = r.first, r.chain, chain.Finalized
	n.network.Contracts = contracts.Established

	expect := func(when string, want ...int) {
		t.Helper()
		signers, err := n.coprocessors(t.Context())
		r.must(err)
		for i, key := range keys {
			d := coprocessor.SignedDigest{Handle: fhe.Handle{1}, Kind: fhe.OfCiphertext, Digest: fhe.Keccak([]byte("packed"))}
			signature, err := key.Sign(d.Hash(n.Domain()))
			r.must(err)
			claim, err := coprocessor.NewClaim(n.Domain(), signers, d.Handle, []byte("packed"), signature)
			if (err == nil) != slices.Contains(want, i) || err == nil && claim.Signer != key.Address() {
				t.Errorf("%s: the word of coprocessor %d: %v", when, i, err)
			}
		}
	}
	expect("the first epoch", 0)
	n.network.Later = []network.Succession{*second}
	expect("described, and not in force", 0)
	r.activate(second)
	expect("both in force", 0, 1)
	r.retire(1)
	expect("the first is retired", 1)
	n.network.Later = nil
	if signers, err := n.coprocessors(t.Context()); err == nil {
		t.Errorf("none in force is described: %v", signers)
	}
}
