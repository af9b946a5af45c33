package node

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/node/network"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/dealer"
	"fhevm/threshold/generation"
	"fhevm/threshold/identity"
)

// interrupted is four parties that have confirmed attempt 0 of a key generation, and were
// killed before anything of it left: of keys that do not exist.
type interrupted struct {
	t   *testing.T
	dir string
}

func interrupt(t *testing.T) *interrupted {
	t.Helper()
	r := &interrupted{t, t.TempDir()}
	var plan network.Plan
	for i := range 4 {
		id, err := identity.Generate()
		r.must(err)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		r.must(err)
		r.must(os.MkdirAll(string(r.out(i)), 0o700))
		r.must(committee.SaveIdentity(r.identity(i), id, ""))
		plan.Members = append(plan.Members, id.Member(threshold.PartyID(i+1), l.Addr().String()))
		r.must(l.Close())
	}
	d, err := r.founder().Draft(plan)
	r.must(err)
	d.KeyID, d.RandomKey = fhe.Digest{1}, fhe.Digest{2}
	d.Committee.Epoch.Key, d.Committee.Epoch.SquashKey = d.KeyID, fhe.Digest{3}
	secrets, err := dealer.Deal(make([]uint8, squash.Dim), &d.Committee, rand.Reader)
	r.must(err)
	b, err := json.Marshal(d)
	r.must(err)
	for i, s := range secrets {
		r.must(committee.SaveSecret(r.out(i).ShareFile(s.Party), s))
		r.must(os.WriteFile(filepath.Join(string(r.out(i)), "confirmed.json"), b, 0o600))
		r.must(os.WriteFile(filepath.Join(string(r.out(i)), "attempt"), []byte("1\n"), 0o600))
	}
	return r
}

func (r *interrupted) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *interrupted) founder() network.Folder {
	return network.Folder(filepath.Join(r.dir, "founder"))
}
func (r *interrupted) out(i int) network.Folder {
	return network.Folder(filepath.Join(r.dir, "out", string(rune('1'+i))))
}
func (r *interrupted) identity(i int) string {
	return filepath.Join(r.dir, string(rune('1'+i))+".identity")
}
func (r *interrupted) read(i int, name string) string {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(string(r.out(i)), name))
	r.must(err)
	return string(b)
}

// generate runs party keygen in a party's folder.
func (r *interrupted) generate(ctx context.Context, i int, attempt uint32, giveUp bool) error {
	_, err := Generate(ctx, GenerationConfig{
		Plan: r.founder().PlanFile(), Identity: r.identity(i), Out: r.out(i), Attempt: attempt, GiveUp: giveUp, Gather: time.Minute, Patience: time.Minute,
		Progress: func(GenerationProgress) {},
	})
	return err
}

// TestInterruptedKeepsShare: no later attempt touches a share that others may count on,
// and the party says what to do.
func TestInterruptedKeepsShare(t *testing.T) {
	r := interrupt(t)
	share := r.read(0, "party-1.share")
	ended, end := context.WithCancel(t.Context())
	end()
	err := r.generate(ended, 0, 1, false)
	if !errors.Is(err, generation.ErrInDoubt) || !strings.Contains(err.Error(), "certificate.json") || !strings.Contains(err.Error(), "--attempt 1 --give-up") {
		t.Errorf("the next attempt: %v", err)
	}
	if err := r.generate(ended, 0, 0, true); !errors.Is(err, generation.ErrInDoubt) {
		t.Errorf("giving up without another attempt: %v", err)
	}
	if r.read(0, "party-1.share") != share || r.read(0, "attempt") != "1\n" {
		t.Error("share or note changed")
	}
	if err := r.generate(ended, 0, 1, true); err == nil || errors.Is(err, generation.ErrInDoubt) {
		t.Errorf("the next attempt, after giving up: %v", err)
	}
	if r.read(0, "party-1.attempt-0.share") != share || r.read(0, "attempt") != "2\n" {
		t.Error("the share that was given up is gone, or the attempt is not noted")
	}
	for attempt := range uint32(2) {
		if err := r.generate(ended, 0, attempt, false); err == nil || !strings.Contains(err.Error(), "--attempt 2") {
			t.Errorf("attempt %d once more: %v", attempt, err)
		}
	}
}

// TestInterruptedResumes: all parties run the same command again and have a network. One
// that had no part in that is done with another's certificate alone.
func TestInterruptedResumes(t *testing.T) {
	r := interrupt(t)
	late := filepath.Join(r.dir, "late")
	r.must(os.CopyFS(late, os.DirFS(string(r.out(3)))))
	ended := make(chan error, 4)
	for i := range 4 {
		go func() { ended <- r.generate(t.Context(), i, 0, false) }()
	}
	for range 4 {
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	r.certified(r.out(0))
	if err := r.generate(t.Context(), 0, 1, true); err == nil || !strings.Contains(err.Error(), "nothing to generate") {
		t.Errorf("another attempt in a network's folder: %v", err)
	}
	certificate := r.read(0, "certificate.json")
	r.must(os.RemoveAll(string(r.out(3))))
	r.must(os.CopyFS(string(r.out(3)), os.DirFS(late)))
	r.must(os.WriteFile(filepath.Join(string(r.out(3)), "certificate.json"), []byte(strings.ReplaceAll(certificate, `"attempt": 0`, `"attempt": 1`)), 0o600))
	if err := r.generate(t.Context(), 3, 0, false); err == nil || r.out(3).Exists() {
		t.Errorf("with a certificate of another attempt: %v", err)
	}
	r.must(os.WriteFile(filepath.Join(string(r.out(3)), "certificate.json"), []byte(certificate), 0o600))
	r.must(r.generate(t.Context(), 3, 0, false))
	r.certified(r.out(3))
}

func (r *interrupted) certified(f network.Folder) {
	r.t.Helper()
	d, err := f.Description()
	r.must(err)
	if ok, err := f.Certified(d); err != nil || !ok {
		r.t.Errorf("%s has no certificate: %v", f, err)
	}
}
