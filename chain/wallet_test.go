package chain

import (
	"bytes"
	"testing"

	"fhevm/contracts"
	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/common"
)

// creating is the code that creates a contract of the given code.
func creating(code ...byte) []byte {
	return append([]byte{0x60, byte(len(code)), 0x80, 0x60, 11, 0x60, 0, 0x39, 0x60, 0, 0xf3}, code...)
}

// TestViewOfWallets asks contracts about signatures (ERC-1271): one accepts those that
// begin with the digest, others answer wrongly, revert, or never answer.
func TestViewOfWallets(t *testing.T) {
	n := open(t, "")
	w := newWallet(t, n, 0)
	magic := []byte{0x63, 0x16, 0x26, 0xba, 0x7e}
	answer := []byte{0x60, 0xe0, 0x1b, 0x60, 0, 0x52, 0x60, 32, 0x60, 0, 0xf3} // the word on the stack, shifted to the left
	equal := []byte{0x60, 4, 0x35, 0x60, 0x64, 0x35, 0x14}                     // calldata: digest = first word of the signature
	honest := w.deploy(creating(append(append(append(equal, magic...), 0x02), answer...)...))
	digest := fhe.Digest{1, 2, 31: 3}
	signature := append(digest[:], 7, 8, 9)
	b, err := NewView(n.Client(), contracts.Established, Finalized).Finalized(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		account   common.Address
		signature []byte
		want      bool
	}{
		"accepted":              {honest, signature, true},
		"refused":               {honest, bytes.Repeat([]byte{1}, 65), false},
		"empty":                 {honest, nil, false},
		"an account":            {w.Address, signature, false},
		"a system contract":     {common.Address(contracts.Established.ACL), signature, false},
		"another answer":        {w.deploy(creating(append([]byte{0x60, 1}, answer...)...)), signature, false},
		"a longer answer":       {w.deploy(creating(append(append(magic, answer[:6]...), 0x60, 64, 0x60, 0, 0xf3)...)), signature, false},
		"reverts":               {w.deploy(creating(0x60, 0, 0x60, 0, 0xfd)), signature, false},
		"runs for ever":         {w.deploy(creating(0x5b, 0x60, 0, 0x56)), signature, false},
		"is no code of any EVM": {w.deploy(creating(0xfe)), signature, false},
	} {
		latest, err := NewView(n.Client(), contracts.Established, Finalized).Finalized(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := latest.AcceptsSignature(ctx, fhe.Address(c.account), digest, c.signature); err != nil || got != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if got, err := b.AcceptsSignature(ctx, fhe.Address{1, 2, 3}, digest, signature); err != nil || got {
		t.Errorf("an address without anything: %v, %v", got, err)
	}
}
