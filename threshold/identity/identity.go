// Package identity holds a party's own long-lived keys: the age identity that
// its secret file is encrypted to, the secp256k1 key with which it signs
// answers and results, and the TLS certificate by which others know it.
//
// Relays have an identity too, of which they use the certificate only.
package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"filippo.io/age"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
)

// Identity is a party's keys. It prints as "[secret]".
type Identity struct {
	Age    *age.HybridIdentity
	Signer *secp256k1.PrivateKey
	TLS    tls.Certificate
}

// Generate makes a new identity.
func Generate() (*Identity, error) {
	id := new(Identity)
	var err error
	if id.Age, err = age.GenerateHybridIdentity(); err != nil {
		return nil, fmt.Errorf("generate age identity: %w", err)
	}
	if id.Signer, err = secp256k1.GeneratePrivateKey(); err != nil {
		return nil, fmt.Errorf("generate signing key: %w", err)
	}
	if id.TLS, err = selfSigned(); err != nil {
		return nil, fmt.Errorf("generate certificate: %w", err)
	}
	return id, nil
}

// selfSigned makes a certificate that is trusted by its fingerprint alone, so
// its name says nothing and it never expires (RFC 5280, 4.1.2.5).
func selfSigned() (tls.Certificate, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "fhevm"},
		NotBefore:    time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// Fingerprint is the SHA-256 of a certificate (DER), by which committees know it.
func Fingerprint(der []byte) fhe.Digest { return sha256.Sum256(der) }

// Fingerprint is that of the identity's certificate.
func (id *Identity) Fingerprint() fhe.Digest { return Fingerprint(id.TLS.Certificate[0]) }

// Member is the public description of the identity as a party at an address.
func (id *Identity) Member(party threshold.PartyID, address string) threshold.Member {
	return threshold.Member{
		Party: party, Signer: eip712.AddressOf(id.Signer.PubKey()),
		Recipient: id.Age.Recipient().String(), TLS: id.Fingerprint(), Address: address,
	}
}

// Format implements fmt.Formatter.
func (*Identity) Format(f fmt.State, _ rune) { threshold.Redact(f) }

// The PEM blocks of an identity file, in order.
const (
	ageBlock    = "FHEVM AGE IDENTITY"
	signerBlock = "FHEVM SIGNING KEY"
	keyBlock    = "PRIVATE KEY"
	certBlock   = "CERTIFICATE"
	// MaxFileSize bounds an identity file.
	MaxFileSize = 1 << 16
)

// Encode lays out the identity file, PEM. It is the secret itself: the file
// belongs to its owner alone, mode 0600.
func (id *Identity) Encode() ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(id.TLS.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("encode TLS key: %w", err)
	}
	var b []byte
	for _, block := range []pem.Block{
		{Type: ageBlock, Bytes: []byte(id.Age.String())},
		{Type: signerBlock, Bytes: id.Signer.Serialize()},
		{Type: keyBlock, Bytes: key},
		{Type: certBlock, Bytes: id.TLS.Certificate[0]},
	} {
		b = append(b, pem.EncodeToMemory(&block)...)
	}
	return b, nil
}

// Parse decodes an identity file.
func Parse(b []byte) (*Identity, error) {
	if len(b) > MaxFileSize {
		return nil, fmt.Errorf("identity file has %d bytes, want at most %d", len(b), MaxFileSize)
	}
	blocks, err := split(b)
	if err != nil {
		return nil, err
	}
	id := new(Identity)
	if id.Age, err = age.ParseHybridIdentity(string(blocks[ageBlock])); err != nil {
		return nil, errors.New("identity file: age identity is malformed")
	}
	if id.Signer, err = parseSigner(blocks[signerBlock]); err != nil {
		return nil, err
	}
	if id.TLS, err = parseTLS(blocks[keyBlock], blocks[certBlock]); err != nil {
		return nil, err
	}
	return id, nil
}

func split(b []byte) (map[string][]byte, error) {
	blocks := map[string][]byte{}
	for {
		block, rest := pem.Decode(b)
		if block == nil {
			return blocks, nil
		}
		if _, twice := blocks[block.Type]; twice {
			return nil, fmt.Errorf("identity file has two blocks %q", block.Type)
		}
		blocks[block.Type], b = block.Bytes, rest
	}
}

func parseSigner(b []byte) (*secp256k1.PrivateKey, error) {
	var s secp256k1.ModNScalar
	if len(b) != 32 || s.SetByteSlice(b) || s.IsZero() {
		return nil, errors.New("identity file: signing key is not a secp256k1 scalar of 32 bytes")
	}
	return secp256k1.NewPrivateKey(&s), nil
}

func parseTLS(key, der []byte) (tls.Certificate, error) {
	private, err := x509.ParsePKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, errors.New("identity file: TLS key is malformed")
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("identity file: certificate: %w", err)
	}
	signer, ok := private.(ed25519.PrivateKey)
	if !ok || !signer.Public().(ed25519.PublicKey).Equal(cert.PublicKey) {
		return tls.Certificate{}, errors.New("identity file: TLS key is not that of the certificate")
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, nil
}
