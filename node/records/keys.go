package records

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"fhevm/disk"
	"fhevm/threshold/committee"
	"fhevm/threshold/identity"

	"filippo.io/age"
)

// CreateKey makes an age key, for a custodian or to restore with, and writes it to a
// new file as age-keygen does, encrypted if there is a passphrase. It returns the
// recipient.
func CreateKey(path, passphrase string) (recipient string, err error) {
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		return "", err
	}
	recipient = id.Recipient().String()
	file := fmt.Appendf(nil, "# created: %s\n# public key: %s\n%s\n", time.Now().UTC().Format(time.RFC3339), recipient, id)
	defer clear(file)
	if passphrase != "" {
		if file, err = identity.Lock(file, passphrase); err != nil {
			return "", err
		}
	}
	return recipient, disk.WriteNew(path, file, 0o600)
}

// loadKey reads a file that CreateKey or age-keygen wrote.
func loadKey(path, passphrase string) (age.Identity, error) {
	b, err := committee.ReadSecret(path, passphrase)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	ids, err := age.ParseIdentities(bytes.NewReader(b))
	if err != nil || len(ids) != 1 {
		return nil, fmt.Errorf("%s does not hold one age key, as party key writes it", path)
	}
	return ids[0], nil
}

// readRecipient takes a recipient as it is, or the file that it is in: a hybrid one has
// two thousand characters.
func readRecipient(s string) (string, error) {
	if strings.HasPrefix(s, "age1") {
		return s, nil
	}
	b, err := disk.ReadFile(s, maxRecipient)
	if err != nil {
		return "", fmt.Errorf("recipient (age1pq1…, or a file that holds it): %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

const maxRecipient = 1 << 13

// Locked reports whether a file of keys is encrypted with a passphrase.
func Locked(path string) (bool, error) {
	b, err := disk.ReadFile(path, identity.MaxFileSize)
	return identity.Locked(b), err
}
