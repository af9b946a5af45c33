package network

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"fhevm/disk"
	"fhevm/fhe"
	"fhevm/fhe/tfhe"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/dealer"
)

// TestCeremony deals a network once and checks everything that it left.
func TestCeremony(t *testing.T) {
	f := Folder(t.TempDir())
	if _, err := f.Description(); err == nil || !strings.Contains(err.Error(), "keygen") {
		t.Errorf("empty folder: error %v does not say what to do", err)
	}
	last := map[string]int{}
	err := f.DealDev(func(stage string, done, total int) {
		if done < last[stage] || done > total {
			t.Errorf("%s: progress went from %d to %d of %d", stage, last[stage], done, total)
		}
		last[stage] = done
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(last) != 3 {
		t.Errorf("progress of %v, want three stages", last)
	}
	d, err := f.Description()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("keys belong together", func(t *testing.T) { checkKeys(t, f, d) })
	t.Run("shares open for their party only", func(t *testing.T) { checkShares(t, f, d) })
	t.Run("modes", func(t *testing.T) { checkModes(t, f) })
	t.Run("no second ceremony", func(t *testing.T) {
		before, _ := os.ReadFile(f.path(descriptionFile))
		if err := f.DealDev(nil); err != nil {
			t.Error(err)
		}
		if _, err := f.Deal(Plan{Members: d.Committee.Members}, nil); err == nil {
			t.Error("dealt over a network")
		}
		if after, _ := os.ReadFile(f.path(descriptionFile)); !bytes.Equal(before, after) {
			t.Error("the description changed")
		}
	})
	t.Run("descriptions", func(t *testing.T) { checkDescriptions(t, f, d) })
}

func checkKeys(t *testing.T, f Folder, d *Description) {
	pk, err := f.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	ek, err := f.EvaluationKey()
	if err != nil {
		t.Fatal(err)
	}
	rk, err := f.RandomKey(d.RandomKey)
	if err != nil {
		t.Fatal(err)
	}
	if got := tfhe.KeyID(pk, ek, rk.Digest()); got != d.KeyID {
		t.Errorf("keys have id %s, the description says %s", got, d.KeyID)
	}
	if _, err := f.RandomKey(fhe.Digest{1}); err == nil {
		t.Error("another random key accepted")
	}
	if err := f.CheckRandomKey(); err != nil {
		t.Error(err)
	}
	if err := Folder(t.TempDir()).CheckRandomKey(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing random key: %v", err)
	}
	k, err := f.SquashKey(d.Committee.Epoch.SquashKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if _, err := f.SquashKey(fhe.Digest{1}); err == nil {
		t.Error("another squash key accepted")
	}
}

func checkShares(t *testing.T, f Folder, d *Description) {
	var secrets []*dealer.Secret
	for id := threshold.PartyID(1); id <= DevParties; id++ {
		keys, err := committee.LoadIdentity(f.IdentityFile(id))
		if err != nil {
			t.Fatal(err)
		}
		s, err := f.Secret(d, id, keys)
		if err != nil {
			t.Fatal(err)
		}
		if s.Party != id || s.Committee.Epoch != d.Committee.Epoch {
			t.Errorf("share of party %d is of party %d, epoch %v", id, s.Party, s.Committee.Epoch)
		}
		secrets = append(secrets, s)
		other := *d
		other.Committee.Policy.Coprocessors = []fhe.Address{{1}}
		if _, err := f.Secret(&other, id, keys); err == nil || !strings.Contains(err.Error(), "another committee") {
			t.Errorf("party %d believes a description with another coprocessor: %v", id, err)
		}
		if _, err := f.Secret(d, id%DevParties+1, keys); err == nil {
			t.Errorf("party %d opens the share of another", id)
		}
	}
	if printed := fmt.Sprintf("%v %+v %#v", secrets[0], secrets[0], secrets[0]); !strings.Contains(printed, threshold.Redacted) {
		t.Error("a share prints itself")
	}
}

func checkModes(t *testing.T, f Folder) {
	entries, err := os.ReadDir(string(f))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		secret := strings.HasSuffix(e.Name(), ".identity") || strings.HasSuffix(e.Name(), ".share")
		if secret && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
		if strings.HasSuffix(e.Name(), ".part") {
			t.Errorf("%s is left over", e.Name())
		}
	}
}

func checkDescriptions(t *testing.T, f Folder, d *Description) {
	for want, spoil := range map[string]func(*Description){
		"production needs": func(d *Description) { d.Network = "production" },
		"format 7, want 3": func(d *Description) { d.Format = 7 },
		"format 0, want 3": func(d *Description) { d.Format, d.Committee.Policy = 0, threshold.Policy{} },
		"digest policy":    func(d *Description) { d.Committee.Policy.Need = 0 },
		"parameter set":    func(d *Description) { d.Set = "tiny" },
		"holds key":        func(d *Description) { d.KeyID[0]++ },
		"committee has 3":  func(d *Description) { d.Committee.Members = d.Committee.Members[:3] },
	} {
		b, _ := json.Marshal(d)
		bad := new(Description)
		if err := json.Unmarshal(b, bad); err != nil {
			t.Fatal(err)
		}
		spoil(bad)
		dir := Folder(t.TempDir())
		if err := dir.writeDescription(bad); err != nil {
			t.Fatal(err)
		}
		if _, err := dir.Description(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if err := os.WriteFile(f.path("huge"), make([]byte, maxDescription+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := disk.ReadFile(f.path("huge"), maxDescription); err == nil {
		t.Error("oversized file read")
	}
}
