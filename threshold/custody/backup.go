package custody

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"filippo.io/age"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/audit"
	"fhevm/threshold/eip712"
	"fhevm/threshold/identity"
)

// Contents is all that a party needs to be itself again on another machine, but for
// its records. It prints as "[secret]".
type Contents struct {
	Identity []byte   // the identity file, without passphrase
	Secrets  [][]byte // the party's secret files, by epoch
	Network  [][]byte // the network's description, and those of the epochs that followed
}

// Format implements fmt.Formatter.
func (*Contents) Format(f fmt.State, _ rune) { threshold.Redact(f) }

// Plan says who keeps a backup, and how far the party had come.
type Plan struct {
	Custodians []string // age recipients, hybrid
	Threshold  int      // of shares that restore
	Created    time.Time
	Openings   uint64
	PerDay     uint64
	Log        audit.Position
}

// Backup is the files of a backup.
type Backup struct {
	Manifest []byte
	Payload  []byte
	Shares   [][]byte // of custodian i at i-1
}

const (
	payloadMagic = "fhevm party backup 1\n"
	// maxParts bounds the lists of the contents: a new epoch a week for 19 years.
	maxParts = 1000
	// MaxPayload bounds the encrypted payload.
	MaxPayload = 1 << 26
)

// Make makes a backup, after it has looked that the contents fit each other.
func Make(c *Contents, p *Plan) (*Backup, error) {
	held, err := c.open()
	if err != nil {
		return nil, err
	}
	recipients, err := p.recipients()
	if err != nil {
		return nil, err
	}
	m := &Manifest{
		Version: version, Created: uint64(max(0, p.Created.Unix())), Signer: held.signer(), Key: held.key, Seats: held.seats,
		Threshold: p.Threshold, Openings: p.Openings, PerDay: p.PerDay, Log: p.Log,
	}
	if _, err := rand.Read(m.ID[:]); err != nil {
		return nil, err
	}
	b, err := m.fill(c, p, recipients)
	if err != nil {
		return nil, err
	}
	return b, b.sign(m, held.identity)
}

func (p *Plan) recipients() (out []age.Recipient, err error) {
	if n := len(p.Custodians); n > MaxCustodians || p.Threshold < 1 || p.Threshold > n {
		return nil, fmt.Errorf("%d of %d custodians: want at most %d custodians, and a threshold of 1 to their number", p.Threshold, n, MaxCustodians)
	}
	seen := map[string]bool{}
	for _, s := range p.Custodians {
		r, err := ParseRecipient(s)
		if err != nil {
			return nil, err
		}
		if seen[s] {
			return nil, fmt.Errorf("custodian %.20s… is named twice: each share needs a keeper of its own", s)
		}
		seen[s] = true
		out = append(out, r)
	}
	return out, nil
}

// ParseRecipient reads an age recipient, which must be hybrid: a backup is kept for
// years.
func ParseRecipient(s string) (age.Recipient, error) {
	r, err := age.ParseHybridRecipient(s)
	if err != nil {
		return nil, fmt.Errorf("recipient %.20s… is not a hybrid one (age1pq1…), as party custodian makes: %w", s, err)
	}
	return r, nil
}

// fill encrypts the payload, splits its key and completes the manifest.
func (m *Manifest) fill(c *Contents, p *Plan, recipients []age.Recipient) (*Backup, error) {
	key, shares, err := split(m.Threshold, len(recipients), Share{Backup: m.ID, Signer: m.Signer, Party: m.Last().Party})
	if err != nil {
		return nil, err
	}
	defer clear(key)
	b := new(Backup)
	plain := c.encode()
	defer clear(plain)
	if b.Payload, err = seal(key, m.ID, plain); err != nil {
		return nil, err
	}
	if len(b.Payload) > MaxPayload {
		return nil, fmt.Errorf("the backup has %d bytes, want at most %d", len(b.Payload), MaxPayload)
	}
	m.Payload, m.Size = sha256.Sum256(b.Payload), len(b.Payload)
	for i, s := range shares {
		file, err := s.seal(recipients[i])
		if err != nil {
			return nil, err
		}
		b.Shares = append(b.Shares, file)
		m.Custodians = append(m.Custodians, Custodian{Recipient: p.Custodians[i], Share: s.commitment(), File: sha256.Sum256(file)})
		s.value = [keySize]byte{}
	}
	return b, nil
}

func (b *Backup) sign(m *Manifest, id *identity.Identity) error {
	digest, err := m.Digest()
	if err != nil {
		return err
	}
	b.Manifest, err = json.MarshalIndent(Signed{*m, eip712.Sign(id.Signer, digest)}, "", "  ")
	b.Manifest = append(b.Manifest, '\n')
	return err
}

// aead is AES-256-GCM under a key that encrypts one payload, so the nonce is 0.
func aead(key []byte) (cipher.AEAD, []byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, err
	}
	gcm, err := cipher.NewGCM(block)
	return gcm, make([]byte, 12), err
}

func seal(key []byte, id fhe.Digest, plain []byte) ([]byte, error) {
	gcm, nonce, err := aead(key)
	if err != nil {
		return nil, err
	}
	return gcm.Seal(nil, nonce, plain, id[:]), nil
}

// encode lays out the contents:
//
//	magic(21) | size(4) identity | number(4) of secrets, each size(4) secret
//	| number(4) of descriptions, each size(4) description
func (c *Contents) encode() []byte {
	b := appendPart([]byte(payloadMagic), c.Identity)
	for _, parts := range [][][]byte{c.Secrets, c.Network} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(parts)))
		for _, part := range parts {
			b = appendPart(b, part)
		}
	}
	return b
}

func appendPart(b, part []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
}

func parseContents(b []byte) (*Contents, error) {
	rest, ok := bytes.CutPrefix(b, []byte(payloadMagic))
	if !ok {
		return nil, errors.New("payload is not that of a backup of this version")
	}
	c := new(Contents)
	var err error
	if c.Identity, rest, err = cutPart(rest); err != nil {
		return nil, err
	}
	for _, parts := range []*[][]byte{&c.Secrets, &c.Network} {
		if *parts, rest, err = cutParts(rest); err != nil {
			return nil, err
		}
	}
	if len(rest) != 0 {
		return nil, errors.New("payload of the backup goes on after its end")
	}
	return c, nil
}

var errShort = errors.New("payload of the backup ends too early")

func cutNumber(b []byte) (n uint32, rest []byte, err error) {
	if len(b) < 4 {
		return 0, nil, errShort
	}
	return binary.BigEndian.Uint32(b), b[4:], nil
}

func cutPart(b []byte) (part, rest []byte, err error) {
	n, rest, err := cutNumber(b)
	if err != nil || uint64(n) > uint64(len(rest)) {
		return nil, nil, errShort
	}
	return rest[:n], rest[n:], nil
}

func cutParts(b []byte) (parts [][]byte, rest []byte, err error) {
	n, rest, err := cutNumber(b)
	if err != nil {
		return nil, nil, err
	}
	if n > maxParts {
		return nil, nil, fmt.Errorf("payload of the backup has a list of %d, want at most %d", n, maxParts)
	}
	for range n {
		var part []byte
		if part, rest, err = cutPart(rest); err != nil {
			return nil, nil, err
		}
		parts = append(parts, part)
	}
	return parts, rest, nil
}
