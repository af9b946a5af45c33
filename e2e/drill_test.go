package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fhevm/threshold"
)

// TestRestoreDrill loses a party's machine and restores the party from its custodians,
// by the commands that its operator and they would use. Until then it looks at what a
// party shows of itself.
func TestRestoreDrill(t *testing.T) {
	p := found(t)
	p.mint(alice, 1000)
	want := ledger{alice.Address: 1000}
	p.step("all parties", func() { p.check(want) })

	var head string
	p.step("the audit log names every decision", func() { head = p.audit(1) })
	p.step("a party says how it does", func() { p.wantStatus(1) })
	backup := filepath.Join(p.dir, "backup")
	p.step("backup", func() { p.backUp(1, backup) })
	p.step("the machine is lost", func() {
		p.running[1].kill()
		p.must(os.RemoveAll(p.own(1)))
		p.must(os.Remove(p.folder.ShareFile(1)))
		p.check(want)
	})
	restored := filepath.Join(p.dir, "restored")
	p.step("restore", func() { p.restore(backup, restored) })
	p.step("it answers again, and is needed", func() {
		p.running[2].kill()
		p.running[1] = startParty(p.node, filepath.Join(restored, "party.identity"), restored, filepath.Join(restored, "data"), "--passphrase-file", p.passphrase())
		p.eventually("the restored party counts", func() bool {
			v, err := p.reveal(alice)
			return err == nil && v == 1000
		})
		p.wantStatus(1)
	})
	p.step("its log begins with the restoring, and goes on", func() {
		data := filepath.Join(restored, "data")
		if _, problem, err := run(t, "party", "audit", "--data", data, "--head", head); err == nil || !strings.Contains(problem, "written anew") && !strings.Contains(problem, "ends before") {
			t.Errorf("the restored log passes for the one that is lost: %v, %s", err, problem)
		}
		first, rest, _ := strings.Cut(mustRun(t, "party", "audit", "--data", data, "--json"), "\n")
		if !strings.Contains(first, `"restored"`) || !strings.Contains(rest, `"started"`) || !strings.Contains(rest, `"user"`) {
			t.Errorf("the log is\n%s\n%s", first, rest)
		}
	})
}

// comeBack restores party 1, which does not run, in a later epoch, and shows that it is
// needed. Its log covers the epochs in which it answered.
func (p *parties) comeBack(want ledger) {
	p.t.Helper()
	data := filepath.Join(p.own(1), "data")
	for epoch, want := range map[string]bool{"1": true, "2": true, "3": false} {
		text := mustRun(p.t, "party", "audit", "--data", data, "--epoch", epoch)
		if got := strings.Contains(text, "answered"); got != want {
			p.t.Errorf("answers in epoch %s are %v in the log:\n%s", epoch, got, text)
		}
	}
	backup, restored := filepath.Join(p.dir, "backup"), filepath.Join(p.dir, "restored")
	p.backUp(1, backup)
	p.must(os.RemoveAll(p.own(1)))
	p.restore(backup, restored)
	p.running[1] = startParty(p.node, filepath.Join(restored, "party.identity"), restored, filepath.Join(restored, "data"), "--passphrase-file", p.passphrase())
	p.running[2].kill()
	p.eventually("the restored party counts", func() bool {
		_, err := p.reveal(alice)
		return err == nil
	})
	p.check(want)
}

// audit verifies a running party's log and returns its head.
func (p *parties) audit(id threshold.PartyID) (head string) {
	p.t.Helper()
	data := filepath.Join(p.own(id), "data")
	summary := mustRun(p.t, "party", "audit", "--data", data, "--signer", p.members[id-1].Signer.String())
	for line := range strings.Lines(summary) {
		if rest, ok := strings.CutPrefix(line, "Head"); ok {
			head = strings.TrimSpace(rest)
		}
	}
	mustRun(p.t, "party", "audit", "--data", data, "--head", head)
	p.eventually("alice's decryption is on record", func() bool {
		p.reveal(alice) // a party that is slower than the others may be told that it is not needed
		return p.answered(data, p.balanceOf(alice).String())
	})
	if _, problem, err := run(p.t, "party", "audit", "--data", data, "--signer", p.members[id%4].Signer.String()); err == nil || !strings.Contains(problem, "is signed by") {
		p.t.Errorf("another party's log passes: %v, %s", err, problem)
	}
	return head
}

// answered reports whether a log has an answer to a user's request for a handle.
func (p *parties) answered(data, handle string) bool {
	p.t.Helper()
	for line := range strings.Lines(mustRun(p.t, "party", "audit", "--data", data, "--json")) {
		var r struct {
			Decision struct {
				Method, Refusal string
				Handles         []string
			}
		}
		p.must(json.Unmarshal([]byte(line), &r))
		if d := r.Decision; d.Method == "user" && d.Refusal == "" && d.Handles[0] == handle {
			return true
		}
	}
	return false
}

// wantStatus asks a party how it does.
func (p *parties) wantStatus(id threshold.PartyID) {
	p.t.Helper()
	_, after, _ := strings.Cut(p.running[id].output(), "metrics at ")
	metrics, _, _ := strings.Cut(after, "\n")
	var s struct {
		Party, Parties        int
		OK                    bool
		Head, Final, Openings uint64
		Peers                 map[string]bool
	}
	p.must(json.Unmarshal([]byte(mustRun(p.t, "party", "status", "--metrics", metrics, "--json")), &s))
	if !s.OK || s.Party != int(id) || s.Parties != 4 || s.Final == 0 || s.Head < s.Final || s.Openings == 0 || len(s.Peers) != 3 {
		p.t.Errorf("party %d says %+v", id, s)
	}
	if text := mustRun(p.t, "party", "status", "--metrics", metrics); !strings.Contains(text, "of 4 in epoch 1") {
		p.t.Errorf("party %d says\n%s", id, text)
	}
}

// custodian is the path of a custodian's key or share.
func (p *parties) custodian(name string) string { return filepath.Join(p.dir, "custodian-"+name) }

// passphrase is the path of what the operator's keys are encrypted with.
func (p *parties) passphrase() string { return filepath.Join(p.dir, "passphrase") }

// backUp splits a party among three custodians.
func (p *parties) backUp(id threshold.PartyID, out string) {
	p.t.Helper()
	args := []string{"party", "backup", "--identity", p.identity(id), "--network", string(p.folder), "--data", filepath.Join(p.own(id), "data"),
		"--threshold", "2", "--out", out}
	for _, name := range []string{"1", "2", "3"} {
		args = append(args, "--custodian", strings.TrimSpace(mustRun(p.t, "party", "key", "--out", p.custodian(name))))
	}
	mustRun(p.t, args...)
}

// restore brings a party back with the shares of two custodians; that of a third is
// damaged.
func (p *parties) restore(backup, out string) {
	p.t.Helper()
	key, secret := filepath.Join(p.dir, "restore.key"), p.passphrase()
	p.must(os.WriteFile(secret, []byte("an operator's secret\n"), 0o600))
	recipient := strings.TrimSpace(mustRun(p.t, "party", "key", "--out", key, "--passphrase-file", secret))
	args := []string{"party", "restore", "--backup", backup, "--identity", key, "--passphrase-file", secret, "--new-passphrase-file", secret, "--out", out}
	for _, name := range []string{"1", "2", "3"} {
		to := p.custodian(name + ".share")
		mustRun(p.t, "party", "restore", "--share", filepath.Join(backup, "share-0"+name+".age"), "--identity", p.custodian(name), "--to", recipient, "--out", to)
		args = append(args, "--share", to)
	}
	b, err := os.ReadFile(p.custodian("2.share"))
	p.must(err)
	b[len(b)-1] ^= 1
	p.must(os.WriteFile(p.custodian("2.share"), b, 0o600))
	_, said, err := run(p.t, args...)
	if err != nil || !strings.Contains(said, "custodian-2.share: it is damaged") {
		p.t.Fatalf("restore: %v\n%s", err, said)
	}
	if _, _, err := run(p.t, args...); err == nil {
		p.t.Error("a restored party is overwritten")
	}
	shares, err := filepath.Glob(filepath.Join(out, "*.share"))
	p.must(err)
	if len(shares) != 1 {
		p.t.Errorf("restored are the shares %v", shares)
	}
	for _, path := range append(shares, filepath.Join(out, "party.identity")) {
		info, err := os.Stat(path)
		p.must(err)
		if info.Mode().Perm() != 0o600 {
			p.t.Errorf("%s has mode %v", path, info.Mode())
		}
	}
}
