package ceremony

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/fhe"
	"fhevm/threshold/committee"
	"fhevm/threshold/reshare"
)

// attempt is the folder of one attempt: journals, and notes that outlive them.
type attempt struct {
	dir  string
	plan begun
}

// begun is the first note of an attempt: which one it is.
type begun struct {
	Attempt uint32        `json:"attempt"`
	Plan    fhe.Digest    `json:"plan"`
	Signers []fhe.Address `json:"signers"` // of the new members in order, by which the key registry knows them
}

// Notes of an attempt.
const (
	begunNote     = "attempt.json"
	maskedNote    = "masked"    // others may have the masked share and the count
	confirmedNote = "confirmed" // others may have the confirmation
	overNote      = "over"      // for good, and why
)

// committed is the note that a role's word is out which it cannot take back.
var committed = map[reshare.Role]string{reshare.Old: maskedNote, reshare.New: confirmedNote}

func (a *attempt) journal(r reshare.Role) string { return filepath.Join(a.dir, r.String()+".journal") }

func (a *attempt) has(name string) bool {
	_, err := os.Stat(filepath.Join(a.dir, name))
	return err == nil
}

// note makes a note durable.
func (a *attempt) note(name string, content []byte) error {
	path := filepath.Join(a.dir, name)
	if err := writeSynced(path+".part", content); err != nil {
		return fmt.Errorf("note %s: %w", name, err)
	}
	if err := os.Rename(path+".part", path); err != nil {
		return fmt.Errorf("note %s: %w", name, err)
	}
	return committee.SyncFolder(a.dir)
}

func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		return err
	}
	return f.Sync()
}

// attempts are those that were begun at an epoch whose folder this is.
func attempts(dir string) (out []*attempt, err error) {
	paths, err := filepath.Glob(filepath.Join(dir, "attempt-*"))
	for _, path := range paths {
		a := &attempt{dir: path}
		b, err := os.ReadFile(filepath.Join(path, begunNote))
		if errors.Is(err, os.ErrNotExist) {
			continue // nothing was said in it
		}
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, &a.plan); err != nil {
			return nil, fmt.Errorf("read %s: %w", filepath.Join(path, begunNote), err)
		}
		out = append(out, a)
	}
	return out, err
}

// enter finds or begins the attempt of a plan. At most one is in progress at a time,
// since two could be confirmed. A member that has confirmed one begins no other with
// the same new members: the key registry could not tell them apart.
func (c *Config) enter() (a *attempt, unlock io.Closer, err error) {
	if unlock, err = lock(c.Dir); err != nil {
		return nil, nil, err
	}
	if a, err = c.find(); err != nil {
		return nil, nil, errors.Join(err, unlock.Close())
	}
	return a, unlock, nil
}

func lock(dir string) (io.Closer, error) {
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	l, err := vfs.Default.Lock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("another process of this party reshares in %s: %w", dir, err)
	}
	return l, nil
}

func (c *Config) find() (*attempt, error) {
	own, err := c.attempt()
	if err != nil {
		return nil, err
	}
	all, err := attempts(c.Dir)
	if err != nil {
		return nil, err
	}
	if err := c.admit(own, all); err != nil {
		return nil, err
	}
	if own.has(begunNote) {
		return own, nil
	}
	if err := c.endOthers(own, all); err != nil {
		return nil, err
	}
	if err := makeFolder(own.dir); err != nil {
		return nil, err
	}
	b, err := json.Marshal(own.plan)
	if err != nil {
		return nil, err
	}
	return own, own.note(begunNote, b)
}

// attempt is that of the plan, begun or not.
func (c *Config) attempt() (*attempt, error) {
	a := &attempt{dir: filepath.Join(c.Dir, fmt.Sprintf("attempt-%d", c.Plan.Attempt))}
	a.plan.Attempt = c.Plan.Attempt
	for _, m := range c.Plan.New.Members {
		a.plan.Signers = append(a.plan.Signers, m.Signer)
	}
	var err error
	a.plan.Plan, err = c.Plan.Digest()
	return a, err
}

// admit refuses an attempt that is over, that is of another committee, or beside
// which another one may have a certificate.
func (c *Config) admit(own *attempt, all []*attempt) error {
	epoch := c.Plan.New.Epoch.Number
	for _, a := range all {
		same := a.dir == own.dir
		switch {
		case a.has(overNote):
			if err := c.finish(a); err != nil {
				return err
			}
			if same {
				why, err := os.ReadFile(filepath.Join(a.dir, overNote))
				return errors.Join(fmt.Errorf("attempt %d at epoch %d is over: %s", a.plan.Attempt, epoch, why), err)
			}
		case same && a.plan.Plan != own.plan.Plan:
			return fmt.Errorf("attempt %d at epoch %d was begun between other committees: take a number that is not used", a.plan.Attempt, epoch)
		case !same && a.has(confirmedNote) && slices.Equal(a.plan.Signers, own.plan.Signers):
			return fmt.Errorf("this party has confirmed attempt %d at epoch %d, which may therefore have a certificate: repeat that attempt (--attempt %d), "+
				"or plan a committee with another member in the place of the one that does not confirm (party plan)", a.plan.Attempt, epoch, a.plan.Attempt)
		}
	}
	return nil
}

// endOthers ends the attempts before this one of which nothing can come without
// this member: it was to confirm and has not, or it has told nobody its share.
func (c *Config) endOthers(own *attempt, all []*attempt) error {
	for _, a := range all {
		if a.has(overNote) || a.has(confirmedNote) || (a.has(maskedNote) && !a.has(filepath.Base(a.journal(reshare.New)))) {
			continue
		}
		if err := c.end(a, fmt.Sprintf("attempt %d was begun after it", own.plan.Attempt)); err != nil {
			return err
		}
	}
	return nil
}

// end notes that an attempt is over for good, so that the member never says
// anything else in it.
func (c *Config) end(a *attempt, why string) error {
	if err := a.note(overNote, []byte(why)); err != nil {
		return err
	}
	return c.finish(a)
}

// finish takes back what was handed on in an attempt that is over, and erases its
// journals. It may have been done before.
func (c *Config) finish(a *attempt) error {
	if c.Lender != nil {
		if err := c.Lender.TakeBack(a.plan.Plan); err != nil {
			return err
		}
	}
	return a.forget()
}

func (a *attempt) forget() error {
	return errors.Join(Erase(a.journal(reshare.Old)), Erase(a.journal(reshare.New)))
}

// Forget erases the journals of all attempts in a folder, when the epoch that they
// led to is in force. What was said in them stays noted.
func Forget(dir string) error {
	all, err := attempts(dir)
	for _, a := range all {
		err = errors.Join(err, a.forget())
	}
	return err
}

// Confirmed reports whether a member has confirmed an attempt and has the journal
// from which it gets its share with the certificate.
func Confirmed(dir string, number uint32) bool {
	a := &attempt{dir: filepath.Join(dir, fmt.Sprintf("attempt-%d", number))}
	return a.has(confirmedNote) && a.has(filepath.Base(a.journal(reshare.New)))
}

// makeFolder makes a folder and its parents, durably.
func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return errors.Join(committee.SyncFolder(filepath.Dir(filepath.Dir(dir))), committee.SyncFolder(filepath.Dir(dir)))
}
