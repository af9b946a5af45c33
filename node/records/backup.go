package records

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"fhevm/node/network"
	"fhevm/threshold"
	"fhevm/threshold/audit"
	"fhevm/threshold/committee"
	"fhevm/threshold/custody"
	"fhevm/threshold/dealer"
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
	Out        string // a new folder
}

// Made is what a backup knows of its party.
type Made struct {
	Party    threshold.PartyID
	Openings uint64
	PerDay   uint64 // 0 where nothing bounds what is opened after the backup
}

// Write makes the backup.
func (b *Backup) Write() (*Made, error) {
	contents, party, err := b.contents()
	if err != nil {
		return nil, err
	}
	defer clear(contents.Identity)
	s, err := audit.Read(vfs.Default, audit.Dir(vfs.Default, filepath.Join(b.Data, network.RecordsDir(party))), nil)
	if err != nil {
		return nil, err
	}
	made := &Made{Party: party, Openings: s.Openings, PerDay: s.Started.PerDay}
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
		Openings: made.Openings, PerDay: made.PerDay, Log: s.Head,
	})
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{manifestFile: out.Manifest, payloadFile: out.Payload}
	for i, share := range out.Shares {
		files[shareFile(i+1)] = share
	}
	return made, writeAll(b.Out, func(dir string) error { return writeFiles(dir, files) })
}

func (b *Backup) contents() (*custody.Contents, threshold.PartyID, error) {
	d, err := b.Network.Description()
	if err != nil {
		return nil, 0, err
	}
	plain, err := committee.ReadSecret(b.Identity, b.Passphrase)
	if err != nil {
		return nil, 0, err
	}
	id, err := identity.Parse(plain)
	if err != nil {
		return nil, 0, err
	}
	if len(d.Later) > 0 {
		return nil, 0, fmt.Errorf("the network is in epoch %d: only the shares of its first can be backed up so far; a party that loses a later one is replaced by the next resharing", d.Later[len(d.Later)-1].Committee.Epoch.Number)
	}
	party, ok := d.Committee.PartyByTLS(id.Fingerprint())
	if !ok {
		return nil, 0, errors.New("this identity is not in the network's committee")
	}
	secret, err := committee.ReadFile(b.Network.ShareFile(party), dealer.MaxFileSize)
	if err != nil {
		return nil, 0, err
	}
	description, err := b.Network.DescriptionFile()
	return &custody.Contents{Identity: plain, Secret: secret, Network: description}, party, err
}
