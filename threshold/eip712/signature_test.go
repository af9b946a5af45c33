package eip712

import (
	"bytes"
	"encoding/hex"
	"math/big"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/ethereum/go-ethereum/crypto"

	"fhevm/fhe"
)

// key1 is the first account of the mnemonic "test test ... junk".
func key1(t *testing.T) *secp256k1.PrivateKey {
	t.Helper()
	b, err := hex.DecodeString("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
	if err != nil {
		t.Fatal(err)
	}
	return secp256k1.PrivKeyFromBytes(b)
}

// TestSignatureAgainstGeth signs and recovers beside geth's implementation.
func TestSignatureAgainstGeth(t *testing.T) {
	key := key1(t)
	theirs, err := crypto.ToECDSA(key.Serialize())
	if err != nil {
		t.Fatal(err)
	}
	if got := AddressOf(key.PubKey()).String(); got != "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266" {
		t.Fatalf("address %s", got)
	}
	for i := range 50 {
		digest := fhe.Keccak([]byte{byte(i)})
		s := Sign(key, digest)
		want, err := crypto.Sign(digest[:], theirs) // r | s | 0 or 1
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(s[:64], want[:64]) || s[64] != want[64]+27 {
			t.Fatalf("digest %d: signature %x, geth %x", i, s, want)
		}
		for _, form := range []Signature{s, Signature(want)} {
			if got, err := form.Recover(digest); err != nil || got != AddressOf(key.PubKey()) {
				t.Fatalf("digest %d: recovered %s, %v", i, got, err)
			}
		}
	}
}

// TestRecoverRefuses forged and malleable forms.
func TestRecoverRefuses(t *testing.T) {
	key, digest := key1(t), fhe.Keccak([]byte("message"))
	good := Sign(key, digest)
	high := good // the other root: order - s, other parity
	order, _ := new(big.Int).SetString("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
	new(big.Int).Sub(order, new(big.Int).SetBytes(good[32:64])).FillBytes(high[32:64])
	high[64] ^= 27 ^ 28
	wrongV, zero, big := good, Signature{64: 27}, good
	wrongV[64] = 29
	order.FillBytes(big[:32])
	for name, s := range map[string]Signature{"high s": high, "v 29": wrongV, "zero": zero, "r of the order": big} {
		if a, err := s.Recover(digest); err == nil {
			t.Errorf("%s recovers %s", name, a)
		}
	}
	other := good
	other[40] ^= 1
	if a, err := other.Recover(digest); err == nil && a == AddressOf(key.PubKey()) {
		t.Error("a changed signature recovers the same account")
	}
}

func FuzzSignature(f *testing.F) {
	f.Add([]byte("0x"), make([]byte, 65))
	f.Fuzz(func(t *testing.T, text, raw []byte) {
		var s Signature
		if s.UnmarshalText(text) == nil {
			if back, _ := s.MarshalText(); !bytes.EqualFold(back, text) {
				t.Errorf("%q decodes to %s", text, s)
			}
		}
		if len(raw) == len(s) {
			s = Signature(raw)
			s.Recover(fhe.Keccak(text)) // must not panic
		}
	})
}
