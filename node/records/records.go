// Package records looks after what a committee party has on disk: its audit log,
// and the backup of its secrets that custodians keep.
package records

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"fhevm/disk"
	"fhevm/fhe"
	"fhevm/node/network"
	"fhevm/threshold"
	"fhevm/threshold/audit"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Audit says which log to look at, and what is known about it.
type Audit struct {
	Data   string            // the party's data folder
	Party  threshold.PartyID // one of those that a node plays; 0 where the folder is of one party
	Epoch  uint64            // whose records are wanted; 0 for all
	Head   *audit.Position   // that an auditor kept
	Signer fhe.Address       // who must have signed it; zero for whoever did
}

// NewAudit reads an operator's arguments; empty ones are left out.
func NewAudit(data string, party uint, epoch uint64, head, signer string) (*Audit, error) {
	a := &Audit{Data: data, Party: threshold.PartyID(party), Epoch: epoch}
	if party > threshold.MaxParties {
		return nil, fmt.Errorf("party %d: there are at most %d", party, threshold.MaxParties)
	}
	if head != "" {
		p, err := audit.ParsePosition(head)
		if err != nil {
			return nil, err
		}
		a.Head = &p
	}
	if signer != "" {
		return a, a.Signer.UnmarshalText([]byte(signer))
	}
	return a, nil
}

// What a log consists of.
type (
	Record   = audit.Record
	Position = audit.Position
	Summary  = audit.Summary
)

// Summed is a summary for programs.
type Summed struct {
	Signer   fhe.Address                  `json:"signer"`
	Files    uint32                       `json:"files"`
	Head     string                       `json:"head"`
	Signed   uint64                       `json:"signed"`   // number of the last record that a head signs
	Outcomes map[string]map[string]uint64 `json:"outcomes"` // by method, then by refusal, "" for answers
	Openings uint64                       `json:"openings"`
	Epochs   []audit.Serving              `json:"epochs"` // that it served, by number, and with what count and bounds last
	Starts   int                          `json:"starts"`
	Crashes  int                          `json:"crashes"`
	Unlisted audit.Unlisted               `json:"unlisted"`
	Torn     []audit.Cut                  `json:"unfinished"`
}

// Report is a summary in terms that print, with the decisions of the epoch that is
// wanted.
func (a *Audit) Report(s *Summary) *Summed {
	out := &Summed{Signer: s.Signer, Files: s.Files, Head: s.Head.String(), Signed: s.Signed.Seq, Outcomes: map[string]map[string]uint64{},
		Openings: s.Openings, Starts: s.Starts, Crashes: s.Cuts, Unlisted: s.Unlisted, Torn: s.Torn}
	for _, number := range slices.Sorted(maps.Keys(s.Epochs)) {
		out.Epochs = append(out.Epochs, s.Epochs[number])
	}
	for o, n := range s.Outcomes {
		if a.Epoch != 0 && o.Epoch != a.Epoch {
			continue
		}
		kind := o.Method.String()
		if out.Outcomes[kind] == nil {
			out.Outcomes[kind] = map[string]uint64{}
		}
		out.Outcomes[kind][string(o.Refusal)] += n
	}
	return out
}

// Read follows the log's chain and gives each record that is wanted to each, if that
// is not nil. It fails where the log is damaged, another's, or lacks the head that was kept.
func (a *Audit) Read(each func(*Record, Position) error) (*Summary, error) {
	dir, err := a.dir()
	if err != nil {
		return nil, err
	}
	if a.Head != nil {
		if err := audit.Contains(vfs.Default, dir, *a.Head); err != nil {
			return nil, err
		}
	}
	s, err := audit.Read(vfs.Default, dir, a.wanted(each))
	if err == nil && a.Signer != (fhe.Address{}) && s.Signer != a.Signer {
		err = fmt.Errorf("the audit log is signed by %s, not by %s", s.Signer, a.Signer)
	}
	return s, err
}

// wanted passes on what concerns the epoch that is wanted.
func (a *Audit) wanted(each func(*Record, Position) error) func(*Record, Position) error {
	if each == nil || a.Epoch == 0 {
		return each
	}
	return func(r *Record, at Position) error {
		if r.Decision != nil && r.Decision.Epoch == a.Epoch || r.Serving != nil && r.Serving.Epoch == a.Epoch {
			return each(r, at)
		}
		return nil
	}
}

// dir finds the log: a party has one, and a node that plays parties has one of each.
func (a *Audit) dir() (string, error) {
	patterns := []string{network.RecordsDir, "party-*"}
	if a.Party != 0 {
		patterns = []string{network.PlayedDir(a.Party)}
	}
	var found []string
	for _, pattern := range patterns {
		more, err := fs.Glob(os.DirFS(a.Data), path.Join(pattern, "audit"))
		if err != nil {
			return "", err
		}
		found = append(found, more...)
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("%s holds no audit log: it is the folder that party run was given as --data", a.Data)
	case 1:
		return filepath.Join(a.Data, found[0]), nil
	}
	return "", fmt.Errorf("%s holds the logs of %d parties: choose one by --party", a.Data, len(found))
}

// writeAll makes a folder of files, mode 0600, complete or not at all.
func writeAll(dir string, fill func(part string) error) error {
	if _, err := os.Stat(dir); err == nil {
		return fmt.Errorf("%s exists: nothing is overwritten, name a new folder", dir)
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	part, err := os.MkdirTemp(parent, filepath.Base(dir)+".part-*")
	if err != nil {
		return err
	}
	if err = fill(part); err == nil {
		err = os.Rename(part, dir)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(part))
	}
	return disk.SyncFolder(parent)
}

func writeFiles(dir string, files map[string][]byte) error {
	for name, b := range files {
		if err := disk.WriteNew(filepath.Join(dir, name), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}
