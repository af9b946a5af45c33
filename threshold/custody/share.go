package custody

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"

	"fhevm/fhe"
	"fhevm/threshold"
)

const (
	shareMagic = "fhevm backup share 1\n"
	keySize    = 32
	shareSize  = len(shareMagic) + 32 + 20 + 1 + 1 + 1 + keySize
	// MaxShareFile bounds the file of a share.
	MaxShareFile = 1 << 13
)

// Share is one custodian's part of a backup's key. It prints as "[secret]".
type Share struct {
	Backup    fhe.Digest // id of the backup
	Signer    fhe.Address
	Party     threshold.PartyID
	Index     byte // of the custodian, from 1
	Threshold byte
	value     [keySize]byte
}

// Format implements fmt.Formatter.
func (*Share) Format(f fmt.State, _ rune) { threshold.Redact(f) }

// encode lays out a share:
//
//	magic(21) | backup(32) | signer(20) | party(1) | index(1) | threshold(1) | value(32)
func (s *Share) encode() []byte {
	b := append([]byte(shareMagic), s.Backup[:]...)
	b = append(b, s.Signer[:]...)
	b = append(b, byte(s.Party), s.Index, s.Threshold)
	return append(b, s.value[:]...)
}

func parseShare(b []byte) (*Share, error) {
	rest, ok := bytes.CutPrefix(b, []byte(shareMagic))
	if !ok || len(b) != shareSize {
		return nil, errors.New("it is no share of a backup")
	}
	s := &Share{Backup: fhe.Digest(rest), Signer: fhe.Address(rest[32:]), Party: threshold.PartyID(rest[52]), Index: rest[53], Threshold: rest[54]}
	copy(s.value[:], rest[55:])
	if s.Index == 0 || s.Index > MaxCustodians || s.Threshold == 0 || s.Threshold > MaxCustodians {
		return nil, errors.New("it is of a custodian that does not exist")
	}
	return s, nil
}

// commitment is by what a manifest knows a share. It tells nothing of the share,
// whose value is 32 uniform bytes.
func (s *Share) commitment() fhe.Digest { return sha256.Sum256(s.encode()) }

// split draws a key and splits it: any k of n shares give it back.
func split(k, n int, s Share) (key []byte, shares []*Share, err error) {
	random := make([]byte, k*keySize)
	if _, err := rand.Read(random); err != nil {
		return nil, nil, fmt.Errorf("draw the backup's key: %w", err)
	}
	var rows [][]byte
	for i := range k {
		rows = append(rows, random[i*keySize:][:keySize])
	}
	for i := range n {
		one := s
		one.Index, one.Threshold = byte(i+1), byte(k)
		copy(one.value[:], at(rows[0], rows[1:], one.Index))
		shares = append(shares, &one)
	}
	return rows[0], shares, nil
}

func join(shares []*Share) []byte {
	var xs []byte
	var values [][]byte
	for _, s := range shares {
		xs, values = append(xs, s.Index), append(values, s.value[:])
	}
	return interpolate(xs, values)
}

// seal encrypts a share to a recipient.
func (s *Share) seal(to age.Recipient) ([]byte, error) {
	plain := s.encode()
	defer clear(plain)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		return nil, fmt.Errorf("encrypt share %d: %w", s.Index, err)
	}
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("encrypt share %d: %w", s.Index, err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encrypt share %d: %w", s.Index, err)
	}
	return out.Bytes(), nil
}

// openShare decrypts a share's file.
func openShare(file []byte, id age.Identity) (*Share, error) {
	if len(file) > MaxShareFile {
		return nil, fmt.Errorf("it has %d bytes, want at most %d", len(file), MaxShareFile)
	}
	r, err := age.Decrypt(bytes.NewReader(file), id)
	var other *age.NoIdentityMatchError
	if errors.As(err, &other) {
		return nil, errors.New("it is encrypted to another key, or damaged")
	}
	if err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, int64(shareSize)+1))
	defer clear(plain)
	if err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	return parseShare(plain)
}

// Forward encrypts a custodian's share anew, to a recipient. The share's value stays
// inside.
func Forward(file []byte, custodian age.Identity, to age.Recipient) (sealed []byte, about *Share, err error) {
	s, err := openShare(file, custodian)
	if err != nil {
		return nil, nil, err
	}
	sealed, err = s.seal(to)
	s.value = [keySize]byte{}
	return sealed, s, err
}
