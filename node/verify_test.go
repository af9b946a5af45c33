package node

import (
	"testing"

	"fhevm/fhe"

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
