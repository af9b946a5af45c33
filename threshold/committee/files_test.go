package committee

import (
	"os"
	"path/filepath"
	"testing"

	"fhevm/threshold"
	"fhevm/threshold/internal/lwetest"
)

// TestCeremonyFiles runs the ceremony through files, as operators do: each
// party makes an identity, the dealer writes secrets, each party loads its own.
func TestCeremonyFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	id, err := CreateIdentity(at("identity"), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := CreateIdentity(at("identity"), ""); err == nil {
		t.Error("an identity is overwritten")
	}
	loaded, err := LoadIdentity(at("identity"))
	if err != nil || loaded.Member(1, "") != id.Member(1, "") {
		t.Fatalf("the identity changes: %v", err)
	}
	d := lwetest.Deal(t, 4, 60)
	if err := SaveCommittee(at("committee.json"), d.Committee); err != nil {
		t.Fatal(err)
	}
	c, err := LoadCommittee(at("committee.json"))
	if err != nil || c.Epoch != d.Committee.Epoch || len(c.Members) != 4 || c.Members[3] != d.Committee.Members[3] || c.Stat != d.Committee.Stat {
		t.Fatalf("the committee changes: %+v, %v", c, err)
	}
	if err := SaveSecret(at("party"), d.Secrets[2]); err != nil {
		t.Fatal(err)
	}
	s, err := LoadSecret(at("party"), d.Identities[2])
	if err != nil || s.Party != 3 {
		t.Fatalf("%v", err)
	}
	if _, err := LoadSecret(at("party"), id); err == nil {
		t.Error("a stranger loads a party's secret")
	}
	for _, name := range []string{"identity", "party"} {
		info, err := os.Stat(at(name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", name, info.Mode(), err)
		}
	}
	if err := os.Chmod(at("identity"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadIdentity(at("identity")); err == nil {
		t.Error("an identity that others may read is loaded")
	}
	if err := os.WriteFile(at("huge"), make([]byte, threshold.MaxCommitteeSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadCommittee(at("huge")); err == nil {
		t.Error("a huge committee file is loaded")
	}
}
