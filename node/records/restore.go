package records

import (
	"fmt"
	"path/filepath"
	"time"

	"fhevm/disk"
	"fhevm/node/network"
	"fhevm/threshold"
	"fhevm/threshold/audit"
	"fhevm/threshold/committee"
	"fhevm/threshold/custody"
	"fhevm/threshold/identity"
	"fhevm/threshold/prss"
)

// Forward encrypts a custodian's share anew.
type Forward struct {
	Share      string // path
	Key        string // path of the custodian's key
	Passphrase string // of the key
	To         string // the operator's recipient, or a file that holds it
	Out        string // path, new
}

// Write writes the share for the operator, and says whose it is.
func (f *Forward) Write() (*custody.Share, error) {
	recipient, err := readRecipient(f.To)
	if err != nil {
		return nil, err
	}
	to, err := custody.ParseRecipient(recipient)
	if err != nil {
		return nil, err
	}
	key, err := loadKey(f.Key, f.Passphrase)
	if err != nil {
		return nil, err
	}
	file, err := disk.ReadFile(f.Share, custody.MaxShareFile)
	if err != nil {
		return nil, err
	}
	sealed, about, err := custody.Forward(file, key, to)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Share, err)
	}
	return about, disk.WriteNew(f.Out, sealed, 0o600)
}

// Restore puts a party together again.
type Restore struct {
	Backup     string   // folder with the manifest and the payload
	Shares     []string // paths of what custodians wrote for the operator
	Key        string   // path of the operator's key
	Passphrase string   // of the key
	New        string   // passphrase of the restored identity, "" for none
	Openings   uint64   // an upper bound of the key's openings; 0 for the backup's own
	Out        string   // a new folder
}

// Restored says where a restored party stands.
type Restored struct {
	Seats           Seats     // of which it has the shares
	Created         time.Time // the backup
	Openings, Limit uint64
	Problems        []custody.Problem // shares of no use
}

// Files of a restored party, beside its share and the network's description.
const (
	identityFile = "party.identity"
	dataDir      = "data"
)

// Write restores the party into a folder that is at once its network folder, and
// has its identity and its records.
func (r *Restore) Write() (*Restored, error) {
	m, payload, err := r.read()
	if err != nil {
		return nil, err
	}
	openings, err := r.openings(m)
	if err != nil {
		return nil, err
	}
	key, err := loadKey(r.Key, r.Passphrase)
	if err != nil {
		return nil, err
	}
	shares, err := r.shares()
	if err != nil {
		return nil, err
	}
	c, problems, err := custody.Recover(m, payload, shares, key)
	if err != nil {
		return nil, err
	}
	defer clear(c.Identity)
	out := &Restored{Seats: m.Seats, Created: time.Unix(int64(m.Created), 0).UTC(), Openings: openings, Problems: problems}
	return out, writeAll(r.Out, func(dir string) error { return r.fill(dir, m, c, out) })
}

func (r *Restore) read() (*custody.Manifest, []byte, error) {
	b, err := disk.ReadFile(filepath.Join(r.Backup, manifestFile), custody.MaxManifest)
	if err != nil {
		return nil, nil, err
	}
	m, err := custody.ParseManifest(b)
	if err != nil {
		return nil, nil, err
	}
	payload, err := disk.ReadFile(filepath.Join(r.Backup, payloadFile), custody.MaxPayload)
	return m, payload, err
}

// openings is the number from which the party goes on counting. It must not be less
// than what the party has opened, of which nobody else keeps count.
func (r *Restore) openings(m *custody.Manifest) (uint64, error) {
	if r.Openings == 0 {
		return m.OpeningsBy(time.Now())
	}
	if r.Openings < m.Openings {
		return 0, fmt.Errorf("--openings is %d, the party had opened %d when the backup was made", r.Openings, m.Openings)
	}
	return r.Openings, nil
}

func (r *Restore) shares() (out []custody.NamedShare, err error) {
	for _, path := range r.Shares {
		b, err := disk.ReadFile(path, custody.MaxShareFile)
		if err != nil {
			return nil, err
		}
		out = append(out, custody.NamedShare{Name: path, File: b})
	}
	return out, nil
}

func (r *Restore) fill(dir string, m *custody.Manifest, c *custody.Contents, out *Restored) error {
	id, err := identity.Parse(c.Identity)
	if err != nil {
		return err
	}
	f := network.Folder(dir)
	if err := f.Receive(&network.Copy{Descriptions: c.Network, Shares: c.Secrets}, id); err != nil {
		return err
	}
	d, err := f.Description()
	if err != nil {
		return err
	}
	if err := out.check(d.CommitteeOf(m.Last().Epoch)); err != nil {
		return err
	}
	if err := committee.SaveIdentity(filepath.Join(dir, identityFile), id, r.New); err != nil {
		return err
	}
	return found(filepath.Join(dir, dataDir, network.RecordsDir), m, id, out.Openings)
}

// check refuses a party that could not answer anything.
func (out *Restored) check(c *threshold.Committee) error {
	margin, err := prss.MarginOf(c)
	if err != nil {
		return err
	}
	if out.Limit = margin.Limit(); out.Openings >= out.Limit {
		return fmt.Errorf("the party may have opened %d squashed blocks since its backup of %v, and its key allows %d: it has to join under a new key, or state a lower bound that you can vouch for by --openings",
			out.Openings, out.Created, out.Limit)
	}
	return nil
}

// found makes the party's records: a count, and an audit log that says why it begins
// anew.
func found(dir string, m *custody.Manifest, id *identity.Identity, openings uint64) error {
	digest, err := m.Digest()
	if err != nil {
		return err
	}
	return committee.Found(committee.RecordsConfig{Dir: dir, Signer: id.Signer, SquashKey: m.Key},
		&audit.Restored{Backup: digest, Seq: m.Log.Seq, Hash: m.Log.Hash, Openings: openings})
}
