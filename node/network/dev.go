package network

import (
	"fmt"
	"os"
	"path/filepath"

	"fhevm/threshold"
	"fhevm/threshold/identity"

	"github.com/gofrs/flock"
)

// DevParties is the size of the committee that a development node plays itself.
const DevParties = 4

// DevFolder is where development keys are cached between starts, one folder
// of each format for a user of this machine.
func DevFolder() (Folder, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder for keys: %w (name one with --keys)", err)
	}
	return Folder(filepath.Join(cache, "fhevm", fmt.Sprintf("dev-%d", format))), nil
}

// DealDev runs the ceremony for a committee that this machine plays alone, and
// keeps the parties' identities beside their shares. It does nothing where
// the folder already holds a network. Concurrent callers wait for the first.
func (f Folder) DealDev(progress Progress) error {
	if f.Exists() {
		return nil
	}
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return err
	}
	lock := flock.New(f.path(".lock"))
	if err := lock.Lock(); err != nil {
		return fmt.Errorf("lock %s: %w", f, err)
	}
	defer lock.Unlock()
	if f.Exists() {
		return nil
	}
	var members []threshold.Member
	for id := threshold.PartyID(1); id <= DevParties; id++ {
		keys, err := identity.Generate()
		if err != nil {
			return err
		}
		if err := WriteIdentity(f.IdentityFile(id), keys); err != nil {
			return err
		}
		members = append(members, keys.Member(id, ""))
	}
	_, err := f.Deal(Plan{Members: members}, progress)
	return err
}
