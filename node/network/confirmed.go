package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"fhevm/disk"
	"fhevm/threshold"
	"fhevm/threshold/dkg"
	"fhevm/threshold/identity"
)

// confirmedFile is the description of keys that a party has confirmed, and that others
// may therefore use, as long as it does not know whether all have.
const confirmedFile = "confirmed.json"

// Confirmed is what a folder has of a key generation whose keys its party confirmed.
type Confirmed struct {
	Attempt     uint32
	Description *Description
	Certificate []*dkg.Message // all parties' confirmations; nil if they are not there
	Done        bool           // the folder is a network
}

// Confirmed returns what a party has confirmed according to its folder, nil if nothing.
// It fails where there is a share and it cannot tell what of.
func (f Folder) Confirmed(plan *Description, party threshold.PartyID, keys *identity.Identity) (*Confirmed, error) {
	held, err := exists(f.ShareFile(party))
	if err != nil || !held {
		return nil, err
	}
	c, err := f.confirmed(plan)
	if err == nil {
		err = f.checkShare(c.Description, party, keys)
	}
	if err != nil {
		return nil, fmt.Errorf("%s has a share, and nothing replaces it: take another folder, unless this is one of the plan's key generation: %w", f, err)
	}
	c.Certificate, err = f.certificate(c)
	return c, err
}

func (f Folder) confirmed(plan *Description) (*Confirmed, error) {
	c := &Confirmed{Done: f.Exists()}
	next, err := f.nextAttempt()
	if err != nil {
		return nil, err
	}
	if next == 0 {
		return nil, errors.New("no attempt is noted in it")
	}
	c.Attempt = uint32(next - 1)
	if c.Description, err = f.describes(c.Done); err != nil {
		return nil, err
	}
	planned, err := plan.Generation(c.Attempt)
	if err != nil {
		return nil, err
	}
	made, err := c.Description.Generation(c.Attempt)
	if err == nil && made.ID() != planned.ID() {
		err = errors.New("its keys are of another plan")
	}
	return c, err
}

func (f Folder) describes(done bool) (*Description, error) {
	if done {
		return f.Description()
	}
	b, err := disk.ReadFile(f.path(confirmedFile), maxDescription)
	if err != nil {
		return nil, err
	}
	d := new(Description)
	if err := json.Unmarshal(b, d); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path(confirmedFile), err)
	}
	return d, d.check()
}

func (f Folder) checkShare(d *Description, party threshold.PartyID, keys *identity.Identity) error {
	s, err := f.Secret(d, party, keys)
	if err == nil {
		s.Wipe()
	}
	return err
}

// certificate reads what proves that all have confirmed, which may come from another
// party's folder.
func (f Folder) certificate(c *Confirmed) ([]*dkg.Message, error) {
	held, err := f.readCertificate()
	if held == nil || err != nil {
		return nil, err
	}
	if held.Attempt != c.Attempt {
		return nil, fmt.Errorf("%s is of attempt %d, the share of attempt %d", f.path(certificateFile), held.Attempt, c.Attempt)
	}
	ok, err := f.Certified(c.Description)
	if err == nil && !ok {
		err = fmt.Errorf("%s does not certify the keys of this party's share", f.path(certificateFile))
	}
	if err != nil {
		return nil, err
	}
	return held.messages()
}

// GiveUp sets aside the share of a run that was not completed, under the name of its
// attempt. Nothing is erased: who lied about that cannot make the keys worthless.
func (f Folder) GiveUp(party threshold.PartyID, attempt uint32) error {
	b, err := disk.ReadFile(f.path(confirmedFile), maxDescription)
	if err != nil {
		return err
	}
	if err := writeBytes(f.path(fmt.Sprintf("confirmed.attempt-%d.json", attempt)), 0o644, b); err != nil {
		return err
	}
	return f.rename(f.ShareFile(party), f.path(fmt.Sprintf("party-%d.attempt-%d.share", party, attempt)))
}

// rename is durable, and replaces no file.
func (f Folder) rename(from, to string) error {
	if err := vacant(to); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return disk.SyncFolder(string(f))
}

// vacant fails with os.ErrExist where there is a file.
func vacant(path string) error {
	held, err := exists(path)
	if err == nil && held {
		err = fmt.Errorf("%s: %w", path, os.ErrExist)
	}
	return err
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
