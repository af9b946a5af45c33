package committee

import (
	"encoding/json"
	"fmt"
	"os"

	"fhevm/disk"
	"fhevm/threshold"
	"fhevm/threshold/dealer"
	"fhevm/threshold/identity"
)

// CreateIdentity generates an identity and writes it to a new file as SaveIdentity
// does.
func CreateIdentity(path, passphrase string) (*identity.Identity, error) {
	id, err := identity.Generate()
	if err != nil {
		return nil, err
	}
	return id, SaveIdentity(path, id, passphrase)
}

// SaveIdentity writes an identity to a new file, mode 0600, encrypted if there is a
// passphrase. It never overwrites one.
func SaveIdentity(path string, id *identity.Identity, passphrase string) error {
	b, err := id.Encode()
	if err != nil {
		return err
	}
	defer clear(b)
	if passphrase != "" {
		if b, err = identity.Lock(b, passphrase); err != nil {
			return err
		}
	}
	return disk.WriteNew(path, b, 0o600)
}

// LoadIdentity reads an identity file that has no passphrase. It refuses one that
// others may read.
func LoadIdentity(path string) (*identity.Identity, error) { return UnlockIdentity(path, "") }

// UnlockIdentity reads an identity file, with its passphrase if it has one. It
// refuses one that others may read.
func UnlockIdentity(path, passphrase string) (*identity.Identity, error) {
	b, err := ReadSecret(path, passphrase)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	return identity.Parse(b)
}

// ReadSecret reads a file of keys, with its passphrase if it has one. It refuses
// one that others may read.
func ReadSecret(path, passphrase string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("identity file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("identity file %s has mode %#o: others may read it, set 0600", path, info.Mode().Perm())
	}
	b, err := disk.ReadFile(path, identity.MaxFileSize)
	if err != nil {
		return nil, err
	}
	plain, err := identity.Unlock(b, passphrase)
	if err != nil {
		return nil, fmt.Errorf("identity file %s: %w", path, err)
	}
	return plain, nil
}

// SaveSecret writes a party's secret, encrypted to the party, to a new file.
func SaveSecret(path string, s *dealer.Secret) error {
	b, err := s.Encrypt()
	if err != nil {
		return err
	}
	return disk.WriteNew(path, b, 0o600)
}

// LoadSecret reads a party's secret with the party's identity.
func LoadSecret(path string, id *identity.Identity) (*dealer.Secret, error) {
	b, err := disk.ReadFile(path, dealer.MaxFileSize)
	if err != nil {
		return nil, err
	}
	return dealer.Decrypt(b, id.Age)
}

// SaveCommittee writes a committee file.
func SaveCommittee(path string, c *threshold.Committee) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("encode committee: %w", err)
	}
	return disk.WriteNew(path, append(b, '\n'), 0o644)
}

// LoadCommittee reads a committee file.
func LoadCommittee(path string) (*threshold.Committee, error) {
	b, err := disk.ReadFile(path, threshold.MaxCommitteeSize)
	if err != nil {
		return nil, err
	}
	return threshold.ParseCommittee(b)
}
