package ceremony

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/disk"
	"fhevm/fhe"
	"fhevm/threshold/reshare"
)

// attempt is the folder of one attempt: journals, and notes that outlive them.
type attempt struct {
	dir   string
	plan  begun
	files map[string]bool // that were there when it was looked at
	over  error           // why it is, where the member said so to the others
}

// look lists what the folder of an attempt has, nothing if there is none. No other
// failure may pass for a note that is not there.
func look(dir string) (*attempt, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	a := &attempt{dir: dir, files: map[string]bool{}}
	for _, e := range entries {
		a.files[e.Name()] = true
	}
	return a, nil
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

// stopNote is what a role says to the others once the attempt is over.
func stopNote(r reshare.Role) string { return r.String() + ".stop" }

func (a *attempt) hasStop() bool { return a.has(stopNote(reshare.Old)) || a.has(stopNote(reshare.New)) }

// committed is the note that a role's word is out which it cannot take back.
var committed = map[reshare.Role]string{reshare.Old: maskedNote, reshare.New: confirmedNote}

func (a *attempt) journal(r reshare.Role) string { return filepath.Join(a.dir, r.String()+".journal") }

func (a *attempt) has(name string) bool { return a.files[name] }

func (a *attempt) hasJournal(r reshare.Role) bool { return a.has(filepath.Base(a.journal(r))) }

// note makes a note durable.
func (a *attempt) note(name string, content []byte) error {
	if err := disk.Replace(filepath.Join(a.dir, name), 0o600, bytes.NewReader(content).WriteTo); err != nil {
		return fmt.Errorf("note %s: %w", name, err)
	}
	a.files[name] = true
	return nil
}

// attemptsAt begins the names of the attempts' folders.
const attemptsAt = "attempt-"

// attempts are those that were begun at an epoch whose folder this is.
func attempts(dir string) (out []*attempt, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), attemptsAt) {
			continue
		}
		a, err := look(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		if !a.has(begunNote) {
			continue // nothing was said in it
		}
		b, err := os.ReadFile(filepath.Join(a.dir, begunNote))
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, &a.plan); err != nil {
			return nil, fmt.Errorf("read %s: %w", filepath.Join(a.dir, begunNote), err)
		}
		out = append(out, a)
	}
	return out, nil
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
	if own.over != nil || own.has(begunNote) {
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
	a, err := look(folderOf(c.Dir, c.Plan.Attempt))
	if err != nil {
		return nil, err
	}
	a.plan.Attempt = c.Plan.Attempt
	for _, m := range c.Plan.New.Members {
		a.plan.Signers = append(a.plan.Signers, m.Signer)
	}
	a.plan.Plan, err = c.Plan.Digest()
	return a, err
}

func folderOf(dir string, number uint32) string {
	return filepath.Join(dir, fmt.Sprintf("%s%d", attemptsAt, number))
}

// admit refuses an attempt that is over, unless there is something left to say in it,
// that is of another committee, or beside which another one may have a certificate.
func (c *Config) admit(own *attempt, all []*attempt) error {
	epoch := c.Plan.New.Epoch.Number
	for _, a := range all {
		same := a.dir == own.dir
		switch {
		case a.has(overNote):
			if err := c.finish(a); err != nil {
				return err
			}
			if !same {
				continue
			}
			why, err := os.ReadFile(filepath.Join(a.dir, overNote))
			err = errors.Join(fmt.Errorf("attempt %d at epoch %d %w: %s", a.plan.Attempt, epoch, ErrOver, why), err)
			if a.plan.Plan != own.plan.Plan || !a.hasStop() {
				return err
			}
			own.over = err
			return nil
		case same && a.plan.Plan != own.plan.Plan:
			return fmt.Errorf("attempt %d at epoch %d was begun between other committees: take a number that is not used", a.plan.Attempt, epoch)
		case !same && a.has(confirmedNote) && slices.Equal(a.plan.Signers, own.plan.Signers):
			return fmt.Errorf("this party has confirmed attempt %d at epoch %d, which may therefore have a certificate: repeat that attempt (--attempt %d), "+
				"or plan a committee with another member in the place of the one that does not confirm (party plan)", a.plan.Attempt, epoch, a.plan.Attempt)
		}
	}
	return nil
}

// ErrOver says that an attempt is over for good.
var ErrOver = errors.New("is over")

// endOthers ends the attempts before this one of which nothing can come without
// this member: it was to confirm and has not, or it has told nobody its share.
func (c *Config) endOthers(own *attempt, all []*attempt) error {
	for _, a := range all {
		if a.has(overNote) || a.has(confirmedNote) || (a.has(maskedNote) && !a.hasJournal(reshare.New)) {
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

// Finish does for all attempts in a folder that are over what is to be done then, which
// may have failed before: takes back what the lender handed on, and erases the journals.
func Finish(dir string, l Lender) error {
	all, err := attempts(dir)
	c := &Config{Lender: l}
	for _, a := range all {
		if a.has(overNote) {
			err = errors.Join(err, c.finish(a))
		}
	}
	return err
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
func Confirmed(dir string, number uint32) (bool, error) {
	a, err := look(folderOf(dir, number))
	return err == nil && a.has(confirmedNote) && a.hasJournal(reshare.New), err
}

// makeFolder makes a folder and its parents, durably.
func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return errors.Join(disk.SyncFolder(filepath.Dir(filepath.Dir(dir))), disk.SyncFolder(filepath.Dir(dir)))
}
