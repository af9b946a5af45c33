package records

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"fhevm/fhe"
	"fhevm/node/network"
	"fhevm/threshold/audit"
	"fhevm/threshold/committee"
	"fhevm/threshold/custody"
	"fhevm/threshold/eip712"
	"fhevm/threshold/identity"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The files of a backup's folder.
const (
	manifestFile = "manifest.json"
	payloadFile  = "party.backup"
)

func shareFile(custodian int) string { return fmt.Sprintf("share-%02d.age", custodian) }

// Backup says what to back up, and who keeps it.
type Backup struct {
	Network    network.Folder
	Identity   string   // path
	Passphrase string   // of the identity
	Data       string   // the party's data folder; it may be running
	Custodians []string // recipients, or files that hold them
	Threshold  int
	Unused     bool   // the party never ran: there is no log in Data
	Out        string // a new folder
}

// Seats are a party's places in committees, by epoch.
type Seats []custody.Seat

// String is such as "party 1 of epoch 1, party 3 of epoch 2".
func (s Seats) String() string {
	var list []string
	for _, seat := range s {
		list = append(list, fmt.Sprintf("party %d of epoch %d", seat.Party, seat.Epoch))
	}
	return strings.Join(list, ", ")
}

// Made is what a backup knows of its party.
type Made struct {
	Seats    Seats // of which it has the shares
	Openings uint64
	PerDay   uint64 // 0 where nothing bounds what is opened after the backup
}

// Write makes the backup.
func (b *Backup) Write() (*Made, error) {
	contents, err := b.contents()
	if err != nil {
		return nil, err
	}
	defer clear(contents.Identity)
	s, err := b.log(contents.Identity)
	if err != nil {
		return nil, err
	}
	var custodians []string
	for _, c := range b.Custodians {
		recipient, err := readRecipient(c)
		if err != nil {
			return nil, err
		}
		custodians = append(custodians, recipient)
	}
	out, err := custody.Make(contents, &custody.Plan{
		Custodians: custodians, Threshold: b.Threshold, Created: time.Now(),
		Openings: s.Openings, PerDay: s.PerDay, Log: s.Head,
	})
	if err != nil {
		return nil, err
	}
	return b.write(out)
}

// log reads the party's log: what a restored party counts from must not be another's,
// or that of a folder that is not the party's.
func (b *Backup) log(plain []byte) (*audit.Summary, error) {
	id, err := identity.Parse(plain)
	if err != nil {
		return nil, err
	}
	s, err := audit.Read(vfs.Default, audit.Dir(vfs.Default, filepath.Join(b.Data, network.RecordsDir)), nil)
	if err != nil {
		return nil, err
	}
	signer, ran := eip712.AddressOf(id.Signer.PubKey()), s.Signer != fhe.Address{}
	switch {
	case ran && s.Signer != signer:
		return nil, fmt.Errorf("the audit log in %s is signed by %s, the identity is %s: name the data folder of this party", b.Data, s.Signer, signer)
	case ran && b.Unused:
		return nil, fmt.Errorf("%s holds an audit log: this party has run", b.Data)
	case !ran && !b.Unused:
		return nil, fmt.Errorf("%s holds no audit log, so the backup would count no openings: name the folder that party run was given as --data, or say --never-ran if the party never ran", b.Data)
	}
	return s, nil
}

// write reads the manifest back, as who restores will.
func (b *Backup) write(out *custody.Backup) (*Made, error) {
	m, err := custody.ParseManifest(out.Manifest)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{manifestFile: out.Manifest, payloadFile: out.Payload}
	for i, share := range out.Shares {
		files[shareFile(i+1)] = share
	}
	return &Made{m.Seats, m.Openings, m.PerDay}, writeAll(b.Out, func(dir string) error { return writeFiles(dir, files) })
}

func (b *Backup) contents() (*custody.Contents, error) {
	plain, err := committee.ReadSecret(b.Identity, b.Passphrase)
	if err != nil {
		return nil, err
	}
	id, err := identity.Parse(plain)
	if err != nil {
		return nil, err
	}
	c, err := b.Network.CopyFor(id)
	if err != nil {
		return nil, err
	}
	return &custody.Contents{Identity: plain, Secrets: c.Shares, Network: c.Descriptions}, nil
}
