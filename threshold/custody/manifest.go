package custody

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"fhevm/fhe"
	"fhevm/threshold/audit"
	"fhevm/threshold/eip712"
)

// Bounds of a backup.
const (
	MaxCustodians = 32
	// MaxManifest bounds the manifest's file: 32 recipients of two thousand
	// characters, and a thousand places of as many hundreds.
	MaxManifest = 1 << 18
)

// Manifest says what a backup consists of, and what a restored party must know.
type Manifest struct {
	Version    int            `json:"version"`
	ID         fhe.Digest     `json:"id"`      // random
	Created    uint64         `json:"created"` // Unix seconds
	Signer     fhe.Address    `json:"signer"`
	Key        fhe.Digest     `json:"key"`   // id of the squash key
	Seats      []Seat         `json:"seats"` // whose shares it has, by epoch
	Threshold  int            `json:"threshold"`
	Custodians []Custodian    `json:"custodians"` // in the order of their shares, from 1
	Payload    fhe.Digest     `json:"payload"`    // SHA-256 of the encrypted payload
	Size       int            `json:"size"`       // of the same, in bytes
	Openings   uint64         `json:"openings"`   // of the key, when the backup was made
	PerDay     uint64         `json:"perDay"`     // that the party's quotas allow at most; 0 if none bounded it
	Log        audit.Position `json:"log"`        // head of the audit log
}

// Last is the party's place in the newest epoch of which the backup has a share.
func (m *Manifest) Last() Seat { return m.Seats[len(m.Seats)-1] }

// Custodian is who keeps a share.
type Custodian struct {
	Recipient string     `json:"recipient"` // age, hybrid
	Share     fhe.Digest `json:"share"`     // SHA-256 of the share's encoding
	File      fhe.Digest `json:"file"`      // SHA-256 of its encrypted file
}

const (
	version     = 1
	manifestTag = "fhevm party backup"
)

// Signed is a manifest's file.
type Signed struct {
	Manifest  Manifest         `json:"manifest"`
	Signature eip712.Signature `json:"signature"`
}

// Digest is what the party signs, and the name of the backup in the audit log:
//
//	Keccak-256(tag | the manifest as JSON without spaces, members in order)
func (m *Manifest) Digest() (fhe.Digest, error) {
	b, err := json.Marshal(m)
	return fhe.Keccak([]byte(manifestTag), b), err
}

// ParseManifest reads a manifest's file and checks its bounds and signature.
func ParseManifest(b []byte) (*Manifest, error) {
	if len(b) > MaxManifest {
		return nil, fmt.Errorf("manifest has %d bytes, want at most %d", len(b), MaxManifest)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	s := new(Signed)
	if err := d.Decode(s); err != nil {
		return nil, fmt.Errorf("decode manifest: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("decode manifest: data after the object")
	}
	if err := s.Manifest.check(); err != nil {
		return nil, err
	}
	digest, err := s.Manifest.Digest()
	if err != nil {
		return nil, err
	}
	by, err := s.Signature.Recover(digest)
	if err != nil || by != s.Manifest.Signer {
		return nil, fmt.Errorf("manifest is not signed by %s, whose it claims to be: it was changed", s.Manifest.Signer)
	}
	return &s.Manifest, nil
}

func (m *Manifest) check() error {
	switch {
	case m.Version != version:
		return fmt.Errorf("backup is of version %d, want %d", m.Version, version)
	case len(m.Seats) == 0 || len(m.Seats) > maxParts:
		return fmt.Errorf("backup has %d shares, want 1 to %d", len(m.Seats), maxParts)
	case len(m.Custodians) > MaxCustodians || m.Threshold < 1 || m.Threshold > len(m.Custodians):
		return fmt.Errorf("backup is %d of %d, want at most %d custodians", m.Threshold, len(m.Custodians), MaxCustodians)
	case m.Size < 0 || m.Size > MaxPayload:
		return fmt.Errorf("backup has a payload of %d bytes, want at most %d", m.Size, MaxPayload)
	}
	return nil
}

// ErrUnbounded says that nothing bounds what a party opened since its backup.
var ErrUnbounded = errors.New("the party had no daily quota, so nothing bounds how much it opened after the backup: state an upper bound by --openings")

// OpeningsBy is an upper bound of the squashed blocks of the key that the party can
// have opened by a time: those that the backup knows, and for each day begun since,
// and two more for what its callers had saved up and for clocks that differ, what its
// quotas allow.
func (m *Manifest) OpeningsBy(now time.Time) (uint64, error) {
	since := now.Sub(time.Unix(int64(min(m.Created, math.MaxInt64)), 0))
	if since < 0 {
		return 0, fmt.Errorf("the backup is of %v, which is not yet: set this machine's clock", time.Unix(int64(m.Created), 0).UTC())
	}
	if m.PerDay == 0 {
		return 0, ErrUnbounded
	}
	days := uint64(since/(24*time.Hour)) + 3
	if m.PerDay > (math.MaxUint64-m.Openings)/days {
		return math.MaxUint64, nil
	}
	return m.Openings + days*m.PerDay, nil
}
