package network

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/threshold"
	"fhevm/threshold/dealer"
	"fhevm/threshold/identity"
)

// confirming is a folder of party 1 in an attempt of a plan, whose keys do not exist.
func confirming(t *testing.T) (f Folder, plan, made *Description, secret *dealer.Secret, keys *identity.Identity) {
	t.Helper()
	var p Plan
	for i := range 4 {
		id, err := identity.Generate()
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			keys = id
		}
		p.Members = append(p.Members, id.Member(threshold.PartyID(i+1), "127.0.0.1:1"))
	}
	plan, err := Folder(t.TempDir()).Draft(p)
	if err != nil {
		t.Fatal(err)
	}
	d := *plan
	d.KeyID, d.RandomKey = fhe.Digest{1}, fhe.Digest{2}
	d.Committee.Epoch.Key, d.Committee.Epoch.SquashKey = d.KeyID, fhe.Digest{3}
	secrets, err := dealer.Deal(make([]uint8, squash.Dim), &d.Committee, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f = Folder(filepath.Join(t.TempDir(), "own"))
	if err := f.Begin(1, 0); err != nil {
		t.Fatal(err)
	}
	return f, plan, &d, secrets[0], keys
}

func contents(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestKeepReplacesNothing: where a share is, no attempt begins and no share is written.
func TestKeepReplacesNothing(t *testing.T) {
	f, plan, made, secret, keys := confirming(t)
	if c, err := f.Confirmed(plan, 1, keys); c != nil || err != nil {
		t.Errorf("a folder without a share: %+v, %v", c, err)
	}
	if err := f.keepSecret(made, secret); err != nil {
		t.Fatal(err)
	}
	share := contents(t, f.ShareFile(1))
	if err := f.Begin(1, 1); !errors.Is(err, os.ErrExist) {
		t.Errorf("another attempt: %v", err)
	}
	if err := f.keepSecret(made, secret); !errors.Is(err, os.ErrExist) || contents(t, f.ShareFile(1)) != share {
		t.Errorf("another share: %v", err)
	}
	c, err := f.Confirmed(plan, 1, keys)
	if err != nil || c.Attempt != 0 || c.Done || c.Certificate != nil || c.Description.KeyID != made.KeyID {
		t.Fatalf("%+v, %v", c, err)
	}
	if err := os.WriteFile(f.path("party-1.attempt-0.share"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.GiveUp(1, 0); !errors.Is(err, os.ErrExist) || contents(t, f.ShareFile(1)) != share {
		t.Errorf("giving up over a file: %v", err)
	}
	if err := os.Remove(f.path("party-1.attempt-0.share")); err != nil {
		t.Fatal(err)
	}
	if err := f.GiveUp(1, 0); err != nil || contents(t, f.path("party-1.attempt-0.share")) != share {
		t.Errorf("giving up: %v", err)
	}
	if err := f.Begin(1, 1); err != nil {
		t.Error(err)
	}
}

// TestConfirmedOfElse refuses shares that are not of the plan's key generation.
func TestConfirmedOfElse(t *testing.T) {
	for name, change := range map[string]func(f Folder, plan, made *Description) error{
		"another plan": func(_ Folder, plan, _ *Description) error { plan.ChainID++; return nil },
		"other keys": func(f Folder, _, made *Description) error {
			made.Committee.Epoch.SquashKey[0]++
			return f.writeJSON(confirmedFile, made)
		},
		"no description": func(f Folder, _, _ *Description) error { return os.Remove(f.path(confirmedFile)) },
		"no attempt":     func(f Folder, _, _ *Description) error { return os.Remove(f.path(attemptFile)) },
		"a bad attempt": func(f Folder, _, _ *Description) error {
			return os.WriteFile(f.path(attemptFile), []byte("4294967297"), 0o600)
		},
	} {
		f, plan, made, secret, keys := confirming(t)
		if err := f.keepSecret(made, secret); err != nil {
			t.Fatal(err)
		}
		if err := change(f, plan, made); err != nil {
			t.Fatal(err)
		}
		if c, err := f.Confirmed(plan, 1, keys); err == nil || !strings.Contains(err.Error(), "nothing replaces it") {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}
