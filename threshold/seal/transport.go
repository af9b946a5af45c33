package seal

import (
	"crypto/hpke"
	"fmt"

	"fhevm/threshold"
)

// TransportKey is the wallet's key to which parties seal. It prints as
// "[secret]".
type TransportKey struct{ private hpke.PrivateKey }

// TransportSeedSize is the size of an encoded TransportKey.
const TransportSeedSize = 32

// GenerateTransportKey makes a new key.
func GenerateTransportKey() (*TransportKey, error) {
	private, err := hpke.MLKEM768X25519().GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("generate transport key: %w", err)
	}
	return &TransportKey{private}, nil
}

// ParseTransportKey is the inverse of Seed.
func ParseTransportKey(seed []byte) (*TransportKey, error) {
	private, err := hpke.MLKEM768X25519().NewPrivateKey(seed)
	if err != nil {
		return nil, fmt.Errorf("transport key: %w", err)
	}
	return &TransportKey{private}, nil
}

// Seed is the secret from which ParseTransportKey makes the key again, 32 bytes.
func (k *TransportKey) Seed() ([]byte, error) { return k.private.Bytes() }

// Public is the public key, 1216 bytes. A permit names its Keccak-256.
func (k *TransportKey) Public() threshold.Bytes { return k.private.PublicKey().Bytes() }

// Format implements fmt.Formatter.
func (*TransportKey) Format(f fmt.State, _ rune) { threshold.Redact(f) }
