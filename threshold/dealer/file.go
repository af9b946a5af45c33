package dealer

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"

	"fhevm/threshold"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/prss"
)

const (
	magic       = "fhevm party secret 1\n"
	magicOpened = "fhevm party secret 2\n" // of an epoch that begins with a count
	headerSize  = len(magicOpened) + 8 + 1 + 4
	// MaxFileSize is the size of the largest party file: 495 keys at n = 13.
	MaxFileSize = headerSize + threshold.MaxCommitteeSize + 495*prss.KeySize + decrypt.ShareSize + 1<<16
)

// encode lays out s:
//
//	magic | party(1) | size(4) | committee (JSON) | PRSS keys (32 each) | share(65536)
//
// If it begins with a count, that follows the magic (8).
func (s *Secret) encode() ([]byte, error) {
	committee, err := json.Marshal(s.Committee)
	if err != nil {
		return nil, fmt.Errorf("encode committee: %w", err)
	}
	b := []byte(magic)
	if s.Opened != 0 {
		b = binary.BigEndian.AppendUint64([]byte(magicOpened), s.Opened)
	}
	b = append(b, byte(s.Party))
	b = binary.BigEndian.AppendUint32(b, uint32(len(committee)))
	b = append(b, committee...)
	for _, k := range s.Keys {
		b = append(b, k[:]...)
	}
	return s.Share.Append(b), nil
}

// parse is the inverse of encode and checks every bound before it allocates.
func parse(b []byte) (*Secret, error) {
	opened, rest, ok := cutMagic(b)
	if !ok || len(rest) < 5 {
		return nil, errors.New("not a party secret of this version")
	}
	size := binary.BigEndian.Uint32(rest[1:])
	if uint64(size) > uint64(len(rest)-5) {
		return nil, fmt.Errorf("committee of %d bytes ends after the file", size)
	}
	committee, err := threshold.ParseCommittee(rest[5 : 5+size])
	if err != nil {
		return nil, err
	}
	s := &Secret{Party: threshold.PartyID(rest[0]), Committee: committee, Opened: opened}
	if _, err := committee.Member(s.Party); err != nil {
		return nil, err
	}
	return s, s.parseKeys(rest[5+size:])
}

// cutMagic reads the count with which a secret begins.
func cutMagic(b []byte) (opened uint64, rest []byte, ok bool) {
	if rest, ok = bytes.CutPrefix(b, []byte(magic)); ok {
		return 0, rest, true
	}
	if rest, ok = bytes.CutPrefix(b, []byte(magicOpened)); !ok || len(rest) < 8 {
		return 0, nil, false
	}
	opened = binary.BigEndian.Uint64(rest)
	return opened, rest[8:], opened != 0
}

func (s *Secret) parseKeys(b []byte) (err error) {
	count := len(prss.SetsOf(s.Committee.Quorum(), s.Party))
	if want := count*prss.KeySize + decrypt.ShareSize; len(b) != want {
		return fmt.Errorf("keys and share have %d bytes, want %d", len(b), want)
	}
	s.Keys = make([]prss.Key, count)
	for i := range s.Keys {
		copy(s.Keys[i][:], b[i*prss.KeySize:])
	}
	s.Share, err = decrypt.ParseShare(b[count*prss.KeySize:])
	return err
}

// Encrypt returns the party's file: s encrypted to the recipient that the
// committee names for the party.
func (s *Secret) Encrypt() ([]byte, error) {
	member, err := s.Committee.Member(s.Party)
	if err != nil {
		return nil, err
	}
	recipient, err := age.ParseHybridRecipient(member.Recipient)
	if err != nil {
		return nil, fmt.Errorf("recipient of party %d: %w", s.Party, err)
	}
	plain, err := s.encode()
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, recipient)
	if err != nil {
		return nil, fmt.Errorf("encrypt secret of party %d: %w", s.Party, err)
	}
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("encrypt secret of party %d: %w", s.Party, err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encrypt secret of party %d: %w", s.Party, err)
	}
	return out.Bytes(), nil
}

// Decrypt opens a party's file with the party's age identity.
func Decrypt(file []byte, identity age.Identity) (*Secret, error) {
	if len(file) > MaxFileSize {
		return nil, fmt.Errorf("party file has %d bytes, want at most %d", len(file), MaxFileSize)
	}
	r, err := age.Decrypt(bytes.NewReader(file), identity)
	if err != nil {
		return nil, fmt.Errorf("decrypt party file: %w", err)
	}
	plain, err := io.ReadAll(r)
	defer clear(plain)
	if err != nil {
		return nil, fmt.Errorf("decrypt party file: %w", err)
	}
	s, err := parse(plain)
	if err != nil {
		return nil, fmt.Errorf("decode party file: %w", err)
	}
	return s, nil
}
