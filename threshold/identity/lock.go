package identity

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

// ErrLocked says that a file of keys wants a passphrase.
var ErrLocked = errors.New("it is encrypted with a passphrase: give it by --passphrase-file")

const (
	ageHeader = "age-encryption.org/v1\n"
	// workFactor makes a guess at a passphrase take 2^18 steps of scrypt: a second and
	// 256 MiB. maxWorkFactor is the most that a file may demand: four times that.
	workFactor    = 18
	maxWorkFactor = 20
)

// Locked reports whether a file of keys is encrypted with a passphrase.
func Locked(file []byte) bool { return bytes.HasPrefix(file, []byte(ageHeader)) }

// Lock encrypts a file of keys with a passphrase (age, scrypt).
func Lock(plain []byte, passphrase string) ([]byte, error) {
	return lock(plain, passphrase, workFactor)
}

func lock(plain []byte, passphrase string, work int) ([]byte, error) {
	r, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	r.SetWorkFactor(work)
	return encrypt(plain, r)
}

func encrypt(plain []byte, to age.Recipient) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Unlock is the inverse of Lock. A file that is not locked comes back as it is,
// whatever the passphrase. It fails with ErrLocked where a passphrase is wanted and
// there is none.
func Unlock(file []byte, passphrase string) ([]byte, error) {
	if !Locked(file) {
		return file, nil
	}
	if passphrase == "" {
		return nil, ErrLocked
	}
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	id.SetMaxWorkFactor(maxWorkFactor)
	r, err := age.Decrypt(bytes.NewReader(file), id)
	if err != nil {
		return nil, fmt.Errorf("the passphrase does not open it: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, MaxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	return plain, nil
}
