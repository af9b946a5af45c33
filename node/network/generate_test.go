package network

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/identity"
)

func drafted(t testing.TB, n int) (Folder, *Description) {
	t.Helper()
	var p Plan
	for i := range n {
		id, err := identity.Generate()
		if err != nil {
			t.Fatal(err)
		}
		p.Members = append(p.Members, id.Member(threshold.PartyID(i+1), "127.0.0.1:1"))
	}
	f := Folder(t.TempDir())
	d, err := f.Draft(p)
	if err != nil {
		t.Fatal(err)
	}
	return f, d
}

// TestPlan reads what Draft wrote, and nothing that has keys already.
func TestPlan(t *testing.T) {
	f, d := drafted(t, 7)
	plan, err := ReadPlan(f.PlanFile())
	if err != nil || !plan.Committee.Equal(&d.Committee) {
		t.Fatalf("%+v, %v", plan, err)
	}
	first, err := plan.Generation(0)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := plan.Generation(1); err != nil || again.ID() == first.ID() {
		t.Errorf("a second attempt is the same run: %v", err)
	}
	if f.Exists() {
		t.Error("a plan is taken for a network")
	}
	plan.KeyID = fhe.Digest{1}
	if err := f.writeJSON(planFile, plan); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPlan(f.PlanFile()); err == nil {
		t.Error("a plan with keys")
	}
}

// TestDraftOfTen refuses a committee for whose keys no set holds.
func TestDraftOfTen(t *testing.T) {
	var p Plan
	for i := range 10 {
		id, err := identity.Generate()
		if err != nil {
			t.Fatal(err)
		}
		p.Members = append(p.Members, id.Member(threshold.PartyID(i+1), "127.0.0.1:1"))
	}
	if _, err := Folder(t.TempDir()).Draft(p); err == nil {
		t.Error("a plan for ten parties")
	}
}

// TestCertified takes a folder without a certificate for a dealer's, and refuses one
// that is damaged or foreign.
func TestCertified(t *testing.T) {
	f, d := drafted(t, 4)
	if ok, err := f.Certified(d); ok || err != nil {
		t.Errorf("without a certificate: %v, %v", ok, err)
	}
	if err := f.writeJSON(certificateFile, certificate{Confirmations: make([][]byte, 4)}); err != nil {
		t.Fatal(err)
	}
	if ok, err := f.Certified(d); ok || err == nil {
		t.Errorf("with empty confirmations: %v, %v", ok, err)
	}
	if err := os.WriteFile(f.path(certificateFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if ok, err := f.Certified(d); ok || err == nil {
		t.Errorf("with a damaged file: %v, %v", ok, err)
	}
}

// FuzzPlan: what is read as a plan has no keys, and generation can begin from it.
func FuzzPlan(f *testing.F) {
	folder, _ := drafted(f, 4)
	b, err := os.ReadFile(folder.PlanFile())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(bytes.Replace(b, []byte(`"stat"`), []byte(`"none"`), 1))
	f.Add([]byte(`{"committee":{"members":[{}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "plan.json")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := ReadPlan(path)
		if err != nil {
			return
		}
		if _, err := d.Generation(0); err != nil || d.KeyID != (fhe.Digest{}) {
			t.Errorf("a plan that plans nothing: %v", err)
		}
	})
}

// FuzzCertificate: no file certifies keys that nobody confirmed.
func FuzzCertificate(f *testing.F) {
	folder, d := drafted(f, 4)
	d.KeyID = fhe.Digest{1}
	b, err := json.Marshal(certificate{Confirmations: make([][]byte, 4)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"attempt":4294967295,"confirmations":["AAAA",null]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(folder.path(certificateFile), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if ok, _ := folder.Certified(d); ok {
			t.Errorf("%s certifies", b)
		}
	})
}
