package committee

import (
	"slices"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/audit"
	"fhevm/threshold/custody"
	"fhevm/threshold/dealer"
	"fhevm/threshold/identity"
)

// TestRestoreDrill loses a party with its disk and brings it back from two of three
// custodians. It answers as before, so that the wallet needs it and two others, and it
// has not forgotten that it opened something.
func TestRestoreDrill(t *testing.T) {
	n := newNetwork(t, 70)
	q := n.request([]fhe.Handle{n.value(fhe.Uint32, 0xcafe)}, nil)
	if _, _, err := n.wallet(t, n.relay(), q); err != nil {
		t.Fatal(err)
	}
	n.publish(q.Handles[0])
	before := n.partials(t, 1, q.Handles)

	m, contents := n.backUp(t, 1)
	n.records[1].Close()
	n.disks[1] = vfs.NewCrashableMem()
	n.Identities, n.Secrets = slices.Clone(n.Identities), slices.Clone(n.Secrets)
	n.Identities[0], n.Secrets[0] = nil, nil

	id, err := identity.Parse(contents.Identity)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := dealer.Decrypt(contents.Secrets[0], id.Age)
	if err != nil {
		t.Fatal(err)
	}
	openings, err := m.OpeningsBy(time.Unix(1000, 0))
	if err != nil {
		t.Fatal(err)
	}
	n.Identities[0], n.Secrets[0] = id, secret
	if err := Found(n.book(1), &audit.Restored{Openings: openings}); err != nil {
		t.Fatal(err)
	}
	if err := Found(n.book(1), &audit.Restored{Openings: 1}); err == nil {
		t.Error("a party's records are overwritten")
	}
	n.start(t, 1)

	after := n.partials(t, 1, q.Handles)
	for i := range before {
		if before[i] != after[i] {
			t.Errorf("block %d has another share after the restoring", i)
		}
	}
	if got := n.openings(t, 1); got != openings+uint64(len(after)) {
		t.Errorf("it counts %d openings, want %d and what it opened now", got, openings)
	}
	r := n.relay()
	r.Parties[4] = dead(errCrash)
	if got, o, err := n.wallet(t, r, q); err != nil || got[0].Uint64() != 0xcafe || o.Blames() != nil {
		t.Errorf("with the restored party and two others: %v, %v", got, err)
	}
}

// backUp backs a party up and returns what two custodians give back.
func (n *network) backUp(t *testing.T, id threshold.PartyID) (*custody.Manifest, *custody.Contents) {
	t.Helper()
	own, err := n.Identities[id-1].Encode()
	if err != nil {
		t.Fatal(err)
	}
	secret, err := n.Secrets[id-1].Encrypt()
	if err != nil {
		t.Fatal(err)
	}
	s := n.parties[id].Standing()
	plan := &custody.Plan{Threshold: 2, Created: time.Unix(900, 0), Openings: s.Openings, PerDay: 1000, Log: s.Audit}
	var keys []*age.HybridIdentity
	for range 4 {
		key, err := age.GenerateHybridIdentity()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	operator, custodians := keys[0], keys[1:]
	for _, c := range custodians {
		plan.Custodians = append(plan.Custodians, c.Recipient().String())
	}
	b, err := custody.Make(&custody.Contents{Identity: own, Secrets: [][]byte{secret}}, plan)
	if err != nil {
		t.Fatal(err)
	}
	var shares []custody.NamedShare
	for _, i := range []int{2, 0} {
		file, _, err := custody.Forward(b.Shares[i], custodians[i], operator.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		shares = append(shares, custody.NamedShare{File: file})
	}
	m, err := custody.ParseManifest(b.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := custody.Recover(m, b.Payload, shares, operator)
	if err != nil {
		t.Fatal(err)
	}
	return m, c
}
