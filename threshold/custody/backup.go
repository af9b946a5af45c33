package custody

import (
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
	"fhevm/threshold/dealer"
	"fhevm/threshold/eip712"
	"fhevm/threshold/identity"
)

// Contents is all that a party needs to be itself again on another machine, but for
// its records. It prints as "[secret]".
type Contents struct {
	Identity []byte // the identity file, without passphrase
	Secret   []byte // the party's secret file
	Network  []byte // the network's description
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
	maxNetwork   = 2 * threshold.MaxCommitteeSize
	// MaxPayload bounds the encrypted payload.
	MaxPayload = len(payloadMagic) + 3*4 + identity.MaxFileSize + dealer.MaxFileSize + maxNetwork + 16
)

// Make makes a backup, after it has looked that the contents fit each other.
func Make(c *Contents, p *Plan) (*Backup, error) {
	id, secret, err := c.open()
	if err != nil {
		return nil, err
	}
	defer secret.Wipe()
	recipients, err := p.recipients()
	if err != nil {
		return nil, err
	}
	m := &Manifest{
		Version: version, Created: uint64(max(0, p.Created.Unix())), Party: secret.Party, Signer: eip712.AddressOf(id.Signer.PubKey()),
		Epoch: secret.Committee.Epoch, Threshold: p.Threshold, Openings: p.Openings, PerDay: p.PerDay, Log: p.Log,
	}
	if _, err := rand.Read(m.ID[:]); err != nil {
		return nil, err
	}
	committee, err := json.Marshal(secret.Committee)
	if err != nil {
		return nil, err
	}
	m.Committee = sha256.Sum256(committee)
	b, err := m.fill(c, p, recipients)
	if err != nil {
		return nil, err
	}
	return b, b.sign(m, id)
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
	key, shares, err := split(m.Threshold, len(recipients), Share{Backup: m.ID, Signer: m.Signer, Party: m.Party})
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
//	magic(21) | size(4) identity | size(4) secret | size(4) network
func (c *Contents) encode() []byte {
	b := []byte(payloadMagic)
	for _, part := range [][]byte{c.Identity, c.Secret, c.Network} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
	}
	return b
}

func parseContents(b []byte) (*Contents, error) {
	rest := b[min(len(b), len(payloadMagic)):]
	c := new(Contents)
	for _, part := range []*[]byte{&c.Identity, &c.Secret, &c.Network} {
		if len(rest) < 4 || uint64(binary.BigEndian.Uint32(rest)) > uint64(len(rest)-4) {
			return nil, errors.New("payload of the backup ends too early")
		}
		n := binary.BigEndian.Uint32(rest)
		*part, rest = rest[4:4+n], rest[4+n:]
	}
	if len(rest) != 0 || string(b[:len(payloadMagic)]) != payloadMagic {
		return nil, errors.New("payload is not that of a backup of this version")
	}
	return c, nil
}

// open looks whether the contents fit each other: the identity opens the secret and
// is its party's.
func (c *Contents) open() (*identity.Identity, *dealer.Secret, error) {
	if len(c.Network) > maxNetwork {
		return nil, nil, fmt.Errorf("network's description has %d bytes, want at most %d", len(c.Network), maxNetwork)
	}
	id, err := identity.Parse(c.Identity)
	if err != nil {
		return nil, nil, err
	}
	s, err := dealer.Decrypt(c.Secret, id.Age)
	if err != nil {
		return nil, nil, fmt.Errorf("the identity does not open the secret: %w", err)
	}
	m, err := s.Committee.Member(s.Party)
	if err == nil && id.Member(s.Party, m.Address) != m {
		err = fmt.Errorf("the identity is not that of party %d, whose secret it opens", s.Party)
	}
	if err != nil {
		s.Wipe()
		return nil, nil, err
	}
	return id, s, nil
}
