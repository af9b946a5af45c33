package contracts

import (
	"fmt"
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

func (n *network) wantRegistry(want map[string]any) {
	n.t.Helper()
	for method, value := range want {
		if got := n.must(bob, n.registry, method); fmt.Sprint(got) != fmt.Sprint(value) {
			n.t.Errorf("%s = %v, want %v", method, got, value)
		}
	}
}

func TestRegistryIsReadable(t *testing.T) {
	n := newNetwork(t)
	n.wantRegistry(map[string]any{
		"network": "dev", "keyId": [32]byte(keyID), "proofParametersId": [32]byte{}, "currentEpoch": 7,
	})
	n.transaction(func(tx *transaction) {
		out, err := tx.call(bob, n.registry, "committee", big.NewInt(7))
		if err != nil || fmt.Sprint(out) != fmt.Sprint([]any{signers(n.members), 3}) {
			t.Errorf("committee %v, %v", out, err)
		}
		for method, want := range map[string]any{"getKmsSigners": signers(n.members), "getThreshold": 3} {
			if got := tx.must(bob, n.decryption, method); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s = %v, want %v", method, got, want)
			}
		}
		for i, m := range n.members {
			if got := tx.must(bob, n.registry, "positionOf", big.NewInt(7), m.address()); fmt.Sprint(got) != fmt.Sprint(i+1) {
				t.Errorf("member %d has position %v", i, got)
			}
		}
	})
}

// setUp initialises a registry of its own.
func (n *network) setUp(network string, key [32]byte, epoch int64, signers []common.Address, threshold int64) error {
	implementation := n.deploy(KeyRegistry, common.Address(ACLAddress), common.Address(DecryptionVerifierAddress))
	call, err := implementation.abi.Pack("initialize", network, key, [32]byte{}, big.NewInt(epoch), signers, big.NewInt(threshold))
	if err != nil {
		n.t.Fatal(err)
	}
	_, err = n.construct(common.Address{19: 0x77}, SystemProxy, implementation.Address, call)
	return err
}

func TestRegistryRules(t *testing.T) {
	n := newNetwork(t)
	four := signers(committee(4))
	for name, c := range map[string]struct {
		signers   []common.Address
		threshold int64
	}{
		"no quorum":       {four, 0},
		"quorum too high": {four, 5},
		"nobody":          {nil, 1},
		"twice":           {append(four[:3:3], four[0]), 3},
		"zero":            {append(four[:3:3], common.Address{}), 3},
		"too many":        {signers(committee(256)), 3},
	} {
		t.Run(name, func(t *testing.T) {
			if err := n.setUp("dev", keyID, 1, c.signers, c.threshold); err == nil || err.Error() != "InvalidCommittee()" {
				t.Errorf("at the genesis: %v", err)
			}
			n.fails("InvalidCommittee()", owner, n.registry, "activateEpoch", c.signers, big.NewInt(c.threshold))
		})
	}
	if err := n.setUp("staging", keyID, 1, four, 3); err == nil || err.Error() != "InvalidNetwork(staging)" {
		t.Errorf("network: %v", err)
	}
	if err := n.setUp("dev", [32]byte{}, 1, four, 3); err == nil || err.Error() != "InvalidKeyId()" {
		t.Errorf("no key: %v", err)
	}
	if err := n.setUp("production", keyID, 1, signers(committee(255)), 255); err != nil {
		t.Errorf("largest committee: %v", err)
	}
}

// TestEpochs: a new committee takes over, what the old one signed stays valid
// until it is retired, and none signs for another.
func TestEpochs(t *testing.T) {
	n := newNetwork(t)
	next := committee(9)[5:] // shares no member with the first
	old, fresh := aDecryption(), aDecryption()
	fresh.epoch = 8
	oldProof := old.proof(old.signatures(t, n.members[:3]...)...)
	verify := func(d decryption, proof []byte) { n.must(bob, n.decryption, "verify", d.handles, d.result, proof) }
	refuse := func(want string, d decryption, proof []byte) {
		t.Helper()
		n.fails(want, bob, n.decryption, "verify", d.handles, d.result, proof)
	}
	freshProof := fresh.proof(fresh.signatures(t, next[:3]...)...)
	refuse("WrongEpoch(8, 7)", fresh, freshProof)

	tx := n.transaction(func(tx *transaction) {
		if got := tx.must(owner, n.registry, "activateEpoch", signers(next), big.NewInt(3)); fmt.Sprint(got) != "8" {
			t.Errorf("epoch %v", got)
		}
	})
	if e := n.registry.events(t, tx.logs, "EpochActivated"); len(e) != 1 || fmt.Sprint(e[0]["epoch"], e[0]["signers"], e[0]["threshold"]) != fmt.Sprint(8, signers(next), 3) {
		t.Errorf("events %v", e)
	}
	n.wantRegistry(map[string]any{"currentEpoch": 8})
	if got := n.must(bob, n.decryption, "getKmsSigners"); fmt.Sprint(got) != fmt.Sprint(signers(next)) {
		t.Errorf("signers %v", got)
	}
	verify(fresh, freshProof)
	verify(old, oldProof)
	refuse(fmt.Sprintf("KMSInvalidSigner(%s)", n.members[0].address()), fresh, fresh.proof(fresh.signatures(t, n.members[:3]...)...))
	refuse(fmt.Sprintf("KMSInvalidSigner(%s)", next[0].address()), old, old.proof(old.signatures(t, next[:3]...)...))

	n.fails("EpochIsCurrent(8)", owner, n.registry, "retireEpoch", big.NewInt(8))
	n.fails("EpochNotActive(9)", owner, n.registry, "retireEpoch", big.NewInt(9))
	tx = n.transaction(func(tx *transaction) { tx.must(owner, n.registry, "retireEpoch", big.NewInt(7)) })
	if e := n.registry.events(t, tx.logs, "EpochRetired"); len(e) != 1 || fmt.Sprint(e[0]["epoch"]) != "7" {
		t.Errorf("events %v", e)
	}
	refuse("WrongEpoch(7, 8)", old, oldProof)
	verify(fresh, freshProof)
	n.fails("EpochNotActive(7)", owner, n.registry, "retireEpoch", big.NewInt(7))
	n.transaction(func(tx *transaction) {
		out, err := tx.call(bob, n.registry, "committee", big.NewInt(7))
		if err != nil || fmt.Sprint(out) != "[[] 0]" {
			t.Errorf("retired committee %v, %v", out, err)
		}
		if got := tx.must(bob, n.registry, "positionOf", big.NewInt(7), n.members[0].address()); fmt.Sprint(got) != "0" {
			t.Errorf("a retired member has position %v", got)
		}
	})
}

// TestEpochsAreTheOwners: nobody else changes committees.
func TestEpochsAreTheOwners(t *testing.T) {
	n := newNetwork(t)
	for _, stranger := range []common.Address{alice, executorAccount, common.Address(ACLAddress), n.members[0].address()} {
		want := fmt.Sprintf("NotHostOwner(%s)", stranger)
		n.fails(want, stranger, n.registry, "activateEpoch", signers(n.members), big.NewInt(1))
		n.fails(want, stranger, n.registry, "retireEpoch", big.NewInt(7))
	}
}
