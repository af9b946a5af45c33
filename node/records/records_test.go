package records

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fhevm/chain"
	"fhevm/contracts"
	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/fhe/tfhe"
	"fhevm/node/network"
	"fhevm/threshold"
	"fhevm/threshold/audit"
	"fhevm/threshold/committee"
	"fhevm/threshold/custody"
	"fhevm/threshold/dealer"
	"fhevm/threshold/eip712"
	"fhevm/threshold/identity"
	"fhevm/threshold/prss"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// machine is party 2's, with the files that it ran with.
type machine struct {
	dir     string
	network network.Folder
	keys    *identity.Identity
	backup  *Backup
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{dir: filepath.Join(t.TempDir(), "[any name]")}
	m.network = network.Folder(filepath.Join(m.dir, "network"))
	d := &network.Description{
		Format: 3, Network: chain.Dev, ChainID: contracts.DevChainID, Set: tfhe.Default.Name, KeyID: fhe.Digest{1},
		Committee: threshold.Committee{
			Epoch:  threshold.Epoch{Number: 1, Key: fhe.Digest{1}, SquashKey: fhe.Digest{2}},
			Policy: threshold.Policy{Coprocessors: []fhe.Address{{9}}, Need: 1},
		},
	}
	for id := threshold.PartyID(1); id <= 4; id++ {
		keys, err := identity.Generate()
		must(t, err)
		if id == 2 {
			m.keys = keys
		}
		d.Committee.Members = append(d.Committee.Members, keys.Member(id, "127.0.0.1:1"))
	}
	margin, err := prss.NewMargin(d.Committee.Quorum(), squash.NoiseBound().Uint64())
	must(t, err)
	d.Committee.Noise, d.Committee.Stat = margin.Noise, margin.Stat
	secrets, err := dealer.Deal(make([]uint8, squash.Dim), &d.Committee, rand.Reader)
	must(t, err)
	share, err := secrets[1].Encrypt()
	must(t, err)
	description, err := json.Marshal(d)
	must(t, err)
	must(t, os.MkdirAll(string(m.network), 0o700))
	must(t, m.network.Receive(&network.Copy{Descriptions: [][]byte{description}, Shares: [][]byte{share}}, m.keys))
	must(t, committee.SaveIdentity(m.at("party.identity"), m.keys, ""))
	m.backup = &Backup{Network: m.network, Identity: m.at("party.identity"), Data: m.at("data"), Threshold: 2, Out: m.at("backup")}
	for _, name := range []string{"a", "b", "c"} {
		recipient, err := CreateKey(m.at(name), "")
		must(t, err)
		if name == "c" {
			must(t, os.WriteFile(m.at("c.pub"), []byte(recipient+"\n"), 0o600))
			recipient = m.at("c.pub")
		}
		m.backup.Custodians = append(m.backup.Custodians, recipient)
	}
	return m
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (m *machine) at(name string) string { return filepath.Join(m.dir, name) }

// run leaves the log of a party that ran with quotas.
func (m *machine) run(t *testing.T, perDay uint64) {
	t.Helper()
	l, _, err := audit.Open(audit.Config{FS: vfs.Default, Dir: m.at("data/records/audit"), Signer: m.keys.Signer, Clock: time.Now})
	must(t, err)
	must(t, l.AppendStarted())
	must(t, l.AppendServing(&audit.Serving{Epoch: 1, Party: 2, Limit: 1 << 46, PerDay: perDay}))
	must(t, l.Append(&audit.Decision{Method: audit.User, Openings: 77}))
	must(t, l.Close())
}

// shares has custodians forward their shares to an operator's new key, and is what
// the operator then does.
func (m *machine) shares(t *testing.T, names ...string) *Restore {
	t.Helper()
	r := &Restore{Backup: m.backup.Out, Key: m.at("restore.key"), Out: m.at("restored")}
	to, err := CreateKey(r.Key, "")
	must(t, err)
	for _, name := range names {
		f := &Forward{Share: filepath.Join(m.backup.Out, shareFile(int(name[0]-'a')+1)), Key: m.at(name), To: to, Out: m.at("for-operator-" + name)}
		about, err := f.Write()
		must(t, err)
		if about.Party != 2 || about.Signer != eip712.AddressOf(m.keys.Signer.PubKey()) {
			t.Errorf("custodian %s is told of party %d", name, about.Party)
		}
		r.Shares = append(r.Shares, f.Out)
	}
	return r
}

// TestDrill: a party comes back as it was, counts from an upper bound, and its new log
// names the old one.
func TestDrill(t *testing.T) {
	m := newMachine(t)
	m.run(t, 1000)
	made, err := m.backup.Write()
	must(t, err)
	if made.Seats.String() != "party 2 of epoch 1" || made.Openings != 77 || made.PerDay != 1000 {
		t.Errorf("made %+v", made)
	}
	before, err := (&Audit{Data: m.at("data")}).Read(nil)
	must(t, err)
	r := m.shares(t, "c", "a")
	out, err := r.Write()
	must(t, err)
	if out.Seats.String() != "party 2 of epoch 1" || out.Openings != 77+3000 || out.Limit != 1<<46 || len(out.Problems) != 0 {
		t.Errorf("restored %+v", out)
	}
	f := network.Folder(r.Out)
	d, err := f.Description()
	must(t, err)
	keys, err := committee.LoadIdentity(filepath.Join(r.Out, "party.identity"))
	must(t, err)
	if _, err := f.Secret(d, 2, keys); err != nil || keys.Fingerprint() != m.keys.Fingerprint() {
		t.Errorf("the party is another: %v", err)
	}
	for _, name := range []string{"party.identity", "party-2.share"} {
		info, err := os.Stat(filepath.Join(r.Out, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", name, info.Mode(), err)
		}
	}
	var first *audit.Restored
	_, err = (&Audit{Data: filepath.Join(r.Out, "data"), Signer: eip712.AddressOf(keys.Signer.PubKey())}).Read(func(r *Record, at Position) error {
		if at.Seq == 1 {
			first = r.Restored
		}
		return nil
	})
	must(t, err)
	if first == nil || first.Openings != out.Openings || first.Seq != before.Head.Seq || first.Hash != before.Head.Hash {
		t.Errorf("the new log begins with %+v", first)
	}
	if _, err := r.Write(); err == nil || !strings.Contains(err.Error(), "nothing is overwritten") {
		t.Errorf("restoring again: %v", err)
	}
}

// TestRestoreCount: nobody restores a party with a count that is too low, or with none.
func TestRestoreCount(t *testing.T) {
	m := newMachine(t)
	m.backup.Unused = true
	made, err := m.backup.Write()
	must(t, err)
	if made.PerDay != 0 || made.Openings != 0 {
		t.Errorf("made %+v", made)
	}
	r := m.shares(t, "a", "b")
	if _, err := r.Write(); !errors.Is(err, custody.ErrUnbounded) {
		t.Errorf("without quotas: %v", err)
	}
	r.Openings = 1 << 46
	if _, err := r.Write(); err == nil || !strings.Contains(err.Error(), "its key allows") {
		t.Errorf("with a count at the limit: %v", err)
	}
	r.Openings = 5
	out, err := r.Write()
	must(t, err)
	if out.Openings != 5 {
		t.Errorf("restored %+v", out)
	}

	m = newMachine(t)
	m.run(t, 1000)
	_, err = m.backup.Write()
	must(t, err)
	r = m.shares(t, "a", "b")
	r.Openings = 76
	if _, err := r.Write(); err == nil || !strings.Contains(err.Error(), "had opened 77") {
		t.Errorf("with less than the backup knows: %v", err)
	}
}

// TestBackupCountsItsOwn: a backup is of the party's own log. Without it, or with
// another's, it would count too few openings.
func TestBackupCountsItsOwn(t *testing.T) {
	m, other := newMachine(t), newMachine(t)
	if _, err := m.backup.Write(); err == nil || !strings.Contains(err.Error(), "--never-ran") {
		t.Errorf("a folder without a log: %v", err)
	}
	m.run(t, 1000)
	m.backup.Unused = true
	if _, err := m.backup.Write(); err == nil || !strings.Contains(err.Error(), "has run") {
		t.Errorf("a party that ran: %v", err)
	}
	other.backup.Data = m.backup.Data
	if _, err := other.backup.Write(); err == nil || !strings.Contains(err.Error(), "is signed by") {
		t.Errorf("another's log: %v", err)
	}
}

// TestBackupTouchesNothing: what lies beside a new folder is nobody's to remove.
func TestBackupTouchesNothing(t *testing.T) {
	m := newMachine(t)
	m.run(t, 1000)
	mine := m.backup.Out + ".part"
	must(t, os.MkdirAll(mine, 0o700))
	_, err := m.backup.Write()
	must(t, err)
	left, err := fs.Glob(os.DirFS(filepath.Dir(mine)), filepath.Base(mine)+"*")
	must(t, err)
	if len(left) != 1 || left[0] != filepath.Base(mine) {
		t.Errorf("beside the backup lie %v, want %s", left, mine)
	}
}

// TestRestoreNames what is wrong with shares, files and keys.
func TestRestoreNames(t *testing.T) {
	m := newMachine(t)
	m.run(t, 1000)
	_, err := m.backup.Write()
	must(t, err)
	if _, err := m.backup.Write(); err == nil {
		t.Error("a backup is overwritten")
	}
	r := m.shares(t, "a")
	if _, err := r.Write(); err == nil || !strings.Contains(err.Error(), "1 good shares, 2 are needed") {
		t.Errorf("with one share: %v", err)
	}
	r.Shares = append(r.Shares, filepath.Join(m.backup.Out, "share-02.age"))
	if _, err := r.Write(); err == nil || !strings.Contains(err.Error(), "share-02.age: it is encrypted to another key") {
		t.Errorf("with a share that was not forwarded: %v", err)
	}
	if _, err := (&Forward{Share: r.Shares[0], Key: m.at("a"), To: m.backup.Custodians[1], Out: m.at("x")}).Write(); err == nil {
		t.Error("a custodian forwards a share that is another's")
	}
	manifest := filepath.Join(m.backup.Out, manifestFile)
	b, err := os.ReadFile(manifest)
	must(t, err)
	must(t, os.Remove(manifest))
	must(t, os.WriteFile(manifest, []byte(strings.Replace(string(b), `"openings": 77`, `"openings": 7`, 1)), 0o600))
	if _, err := r.Write(); err == nil || !strings.Contains(err.Error(), "was changed") {
		t.Errorf("with a manifest that counts less: %v", err)
	}
}

// TestAudit chooses logs and finds what is wrong with them.
func TestAudit(t *testing.T) {
	m := newMachine(t)
	read := func(party uint, head, signer string) error {
		a, err := NewAudit(m.at("data"), party, 0, head, signer)
		if err == nil {
			_, err = a.Read(nil)
		}
		return err
	}
	if err := read(0, "", ""); err == nil || !strings.Contains(err.Error(), "holds no audit log") {
		t.Errorf("nothing: %v", err)
	}
	m.run(t, 1000)
	a := &Audit{Data: m.at("data")}
	s, err := a.Read(nil)
	must(t, err)
	if r := a.Report(s); r.Outcomes["user"][""] != 1 || r.Openings != 77 || r.Starts != 1 || r.Head != s.Head.String() {
		t.Errorf("reported %+v", r)
	}
	must(t, read(0, s.Head.String(), s.Signer.String()))
	for want, err := range map[string]error{
		"holds no audit log": read(3, "", ""), "at most 13": read(14, "", ""), "not a number": read(0, "x", ""), "signed by": read(0, "", fhe.Address{1}.String()),
		"ends before": read(0, Position{Seq: 99}.String(), ""), "written anew": read(0, Position{Seq: 2}.String(), ""),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	must(t, os.MkdirAll(m.at("data/party-1/audit"), 0o700))
	must(t, read(1, "", ""))
	if err := read(0, "", ""); err == nil || !strings.Contains(err.Error(), "choose one by --party") {
		t.Errorf("two parties: %v", err)
	}
}

// TestKeys: a custodian's key is what age makes, with a passphrase or without.
func TestKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if _, err := CreateKey(path, ""); err != nil {
		t.Fatal(err)
	}
	if locked, err := Locked(path); err != nil || locked {
		t.Errorf("%v, %v", locked, err)
	}
	if _, err := loadKey(path, ""); err != nil {
		t.Error(err)
	}
	if _, err := CreateKey(path, ""); err == nil {
		t.Error("a key is overwritten")
	}
	must(t, os.Chmod(path, 0o644))
	if _, err := loadKey(path, ""); err == nil {
		t.Error("a key that others may read is taken")
	}
}
