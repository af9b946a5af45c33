package network

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"fhevm/disk"
	"fhevm/threshold"
	"fhevm/threshold/committee"
	"fhevm/threshold/prss"
)

// Files that a party makes for itself.
const (
	partyIdentityFile = "party.identity"
	partyMemberFile   = "party.json"
	maxMember         = 1 << 13
)

// InitParty makes a party's own keys in a folder, for a service at address
// (host:port). It returns the paths of the identity, which never leaves the
// machine and is encrypted if there is a passphrase, and of the description that
// goes to the dealer. It never overwrites an identity.
func InitParty(dir, address, passphrase string) (secret, public string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", "", err
	}
	secret, public = filepath.Join(dir, partyIdentityFile), filepath.Join(dir, partyMemberFile)
	keys, err := committee.CreateIdentity(secret, passphrase)
	if err != nil {
		return "", "", err
	}
	b, err := json.MarshalIndent(keys.Member(0, address), "", "  ")
	if err != nil {
		return "", "", err
	}
	return secret, public, writeBytes(public, 0o644, append(b, '\n'))
}

// Propose describes the next epoch of a committee: with the given members, or
// with the same ones if there are none. Key, with the noise that it makes, policy and
// relays stay.
func Propose(last *threshold.Committee, members []threshold.Member) (*threshold.Committee, error) {
	next := *last
	next.Epoch.Number++
	if len(members) > 0 {
		next.Members = members
	}
	if err := next.Check(); err != nil {
		return nil, err
	}
	margin, err := prss.NewMargin(next.Quorum(), last.Noise)
	next.Noise, next.Stat = margin.Noise, margin.Stat
	return &next, err
}

// ReadMembers reads parties' descriptions; their order is that of the parties.
func ReadMembers(paths []string) (members []threshold.Member, err error) {
	for i, path := range paths {
		b, err := disk.ReadFile(path, maxMember)
		if err != nil {
			return nil, fmt.Errorf("read description of party %d: %w", i+1, err)
		}
		var m threshold.Member
		if err := json.Unmarshal(b, &m); err != nil {
			return nil, fmt.Errorf("read description of party %d from %s: %w", i+1, path, err)
		}
		m.Party = threshold.PartyID(i + 1)
		members = append(members, m)
	}
	return members, nil
}
