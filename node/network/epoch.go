package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"fhevm/chain"
	"fhevm/disk"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/dealer"
	"fhevm/threshold/identity"
	"fhevm/threshold/reshare"
)

// Succession is an epoch that followed another, with the word of all its
// members that they hold their shares.
type Succession struct {
	Committee   threshold.Committee  `json:"committee"`
	Certificate *reshare.Certificate `json:"certificate"`
}

func (f Folder) epochFile(number uint64) string {
	return f.path(fmt.Sprintf("epoch-%d.json", number))
}

// Committees lists the committees of all epochs that the description knows, in
// order.
func (d *Description) Committees() []*threshold.Committee {
	out := []*threshold.Committee{&d.Committee}
	for i := range d.Later {
		out = append(out, &d.Later[i].Committee)
	}
	return out
}

// CommitteeOf is the committee of an epoch, nil if the description does not know
// it.
func (d *Description) CommitteeOf(number uint64) *threshold.Committee {
	for _, c := range d.Committees() {
		if c.Epoch.Number == number {
			return c
		}
	}
	return nil
}

// readLater reads the epochs that followed the first, up to the last file there
// is. Each must be certified to follow the one before.
func (f Folder) readLater(d *Description) error {
	for {
		last := d.Committees()[len(d.Later)]
		s, err := f.readEpoch(last.Epoch.Number + 1)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.check(last); err != nil {
			return fmt.Errorf("%s: %w", f.epochFile(last.Epoch.Number+1), err)
		}
		d.Later = append(d.Later, *s)
	}
}

func (f Folder) readEpoch(number uint64) (*Succession, error) {
	b, err := disk.ReadFile(f.epochFile(number), maxDescription)
	if err != nil {
		return nil, err
	}
	s := new(Succession)
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.epochFile(number), err)
	}
	return s, nil
}

func (s *Succession) check(last *threshold.Committee) error {
	if s.Certificate == nil {
		return errors.New("it has no certificate")
	}
	return s.Certificate.Verify(last, &s.Committee)
}

// AddEpoch writes the description of an epoch that follows another. Parties that share
// a folder may write it at the same time: it is the same. A description of another
// committee for the number, which the caller knows not to be in force, is set aside
// in the file whose path it returns, "" if there was none.
func (f Folder) AddEpoch(s *Succession) (aside string, err error) {
	number := s.Committee.Epoch.Number
	switch last, err := f.readEpoch(number); {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return "", err
	case last.same(s):
		return "", nil
	case last.Certificate != nil:
		aside = f.path(fmt.Sprintf("epoch-%d.%s.json", number, last.session()))
		if err := f.replace(aside, last); err != nil {
			return "", err
		}
	}
	return aside, f.replace(f.epochFile(number), s)
}

// replace writes a file of its own first, since others may write the same one.
func (f Folder) replace(path string, s *Succession) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	own, err := os.CreateTemp(string(f), ".epoch-*")
	if err != nil {
		return err
	}
	if err := own.Close(); err != nil {
		return err
	}
	if err := writeBytes(own.Name(), 0o644, append(b, '\n')); err != nil {
		return err
	}
	if err := os.Rename(own.Name(), path); err != nil {
		return err
	}
	return disk.SyncFolder(string(f))
}

// session is the part of a certified session's name that tells its files from those
// of another attempt at the same epoch.
func (s *Succession) session() string { return fmt.Sprintf("%x", s.Certificate.Session[:8]) }

func (s *Succession) same(other *Succession) bool {
	return s.Certificate != nil && s.Certificate.Session == other.Certificate.Session && s.Committee.Equal(&other.Committee)
}

// Succession is how the description knows an epoch, nil if it does not, or if it is
// the first one.
func (d *Description) Succession(epoch uint64) *Succession {
	for i := range d.Later {
		if d.Later[i].Committee.Epoch.Number == epoch {
			return &d.Later[i]
		}
	}
	return nil
}

// ShareFileOf is the path of party id's share of an epoch that the description
// knows, "" of any other. Attempts at the same epoch have different ones.
func (f Folder) ShareFileOf(d *Description, epoch uint64, id threshold.PartyID) string {
	if epoch == d.Committee.Epoch.Number {
		return f.ShareFile(id)
	}
	if s := d.Succession(epoch); s != nil {
		return f.shareFile(s, id)
	}
	return ""
}

func (f Folder) shareFile(s *Succession, id threshold.PartyID) string {
	return f.path(fmt.Sprintf("party-%d.epoch-%d.%s.share", id, s.Committee.Epoch.Number, s.session()))
}

// StrayShares lists the files with shares of an epoch's number that the keys open but
// that are not of the committee that the description has for it: of attempts that were
// certified and not put in force.
func (f Folder) StrayShares(d *Description, epoch uint64, keys *identity.Identity) (strays []string, err error) {
	entries, err := os.ReadDir(string(f))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !isShareOf(e.Name(), epoch) {
			continue
		}
		secret, err := committee.LoadSecret(f.path(e.Name()), keys)
		if err != nil {
			continue // another party's
		}
		secret.Wipe()
		if path := f.path(e.Name()); path != f.ShareFileOf(d, epoch, secret.Party) {
			strays = append(strays, path)
		}
	}
	return strays, nil
}

func isShareOf(name string, epoch uint64) bool {
	return strings.HasPrefix(name, "party-") && strings.Contains(name, fmt.Sprintf(".epoch-%d.", epoch)) && strings.HasSuffix(name, ".share")
}

// SecretOf is Secret for any epoch that the description knows.
func (f Folder) SecretOf(d *Description, c *threshold.Committee, id threshold.PartyID, keys *identity.Identity) (*dealer.Secret, error) {
	if c.Epoch.Number == d.Committee.Epoch.Number {
		return f.Secret(d, id, keys)
	}
	return f.secret(f.epochFile(c.Epoch.Number), f.ShareFileOf(d, c.Epoch.Number, id), c, id, keys)
}

// SaveSecret writes the share of an epoch that is to come. One that is there is the
// same, and stays: it may be in use by now.
func (f Folder) SaveSecret(s *Succession, secret *dealer.Secret) error {
	path := f.shareFile(s, secret.Party)
	if _, err := os.Stat(path); err == nil {
		return disk.SyncFolder(string(f))
	}
	b, err := secret.Encrypt()
	if err != nil {
		return err
	}
	return writeBytes(path, 0o600, b)
}

// PlanEpoch writes the description of an epoch, 0 for the one after the last, with
// the parties that the given files describe, to a file, and returns its number. The
// digest policy stays, unless words name coprocessors: all that the epoch is to have.
func (f Folder) PlanEpoch(number uint64, parties []string, w Words, path string) (uint64, error) {
	d, err := f.Description()
	if err != nil {
		return 0, err
	}
	members, err := ReadMembers(parties)
	if err != nil {
		return 0, err
	}
	known := d.Committees()
	last := known[len(known)-1]
	if number != 0 {
		if last = d.CommitteeOf(number - 1); last == nil {
			return 0, fmt.Errorf("the network's folder has no epoch %d, which epoch %d is to follow", number-1, number)
		}
	}
	next, err := Propose(last, members)
	if err != nil {
		return 0, err
	}
	if len(w.Coprocessors) > 0 {
		next.Policy = policy(w.Coprocessors, w.Need)
	}
	if err := d.plan(&next.Policy, w.Recompute); err != nil {
		return 0, err
	}
	return next.Epoch.Number, committee.SaveCommittee(path, next)
}

// ReadCommittee reads what PlanEpoch wrote.
func ReadCommittee(path string) (*threshold.Committee, error) { return committee.LoadCommittee(path) }

// ActivateEpoch is the owner's call of the key registry that puts in force an
// epoch that the folder describes, certified by its members.
func (f Folder) ActivateEpoch(number uint64) ([]byte, error) {
	d, err := f.Description()
	if err != nil {
		return nil, err
	}
	c := d.CommitteeOf(number)
	if c == nil {
		return nil, fmt.Errorf("the network's folder has no epoch-%d.json: get it from a party that has finished party reshare", number)
	}
	return chain.ActivateEpoch(OnChain(c))
}

// RetireEpoch is the owner's call that ends an epoch.
func (f Folder) RetireEpoch(number uint64) ([]byte, error) {
	d, err := f.Description()
	if err != nil {
		return nil, err
	}
	if d.CommitteeOf(number+1) == nil {
		return nil, fmt.Errorf("the network's folder has no epoch %d that could follow", number+1)
	}
	return chain.RetireEpoch(number)
}
