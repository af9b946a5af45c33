package squash

import (
	"context"
	"errors"
	"sync"
	"testing"

	"fhevm/fhe/tfhe"
)

// network is a real network's keys: the squash key has its full size.
type network struct {
	*fixture
	tfhe   *tfhe.SecretKey
	engine *Engine
}

func fullSize(t *testing.T) *network {
	t.Helper()
	if testing.Short() {
		t.Skip("0.8 GB of key; other tests cover the same code with 64 bits")
	}
	return newNetwork()
}

var newNetwork = sync.OnceValue(func() *network {
	secret := tfhe.NewSecretKey(&tfhe.Default, testSeed.Derive("network", 0))
	f := &fixture{small: secret.Small()}
	f.generate()
	engine, err := NewEngine(secret.Params(), secret.EvaluationKey(nil).KeySwitchKey(), f.key)
	if err != nil {
		panic(err)
	}
	return &network{f, secret, engine}
})

// encrypt returns a fresh ciphertext of m.
func (n *network) encrypt(m int, index uint64) tfhe.LWE {
	c := n.tfhe.Params().NewLWE()
	n.tfhe.Encrypt(c, uint64(m)*tfhe.Delta, testSeed.Derive("input", index))
	return c
}

// Encrypt, squash, decrypt, for all 16 plaintexts of real keys.
func TestSquash(t *testing.T) {
	n := fullSize(t)
	var in []tfhe.LWE
	for m := range tfhe.PlaintextModulus {
		in = append(in, n.encrypt(m, uint64(m)))
	}
	out, err := n.engine.Squash(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	for m, c := range out {
		if got, err := n.secret.Decrypt(c); err != nil || got != m {
			t.Errorf("plaintext %d squashes to %d, %v", m, got, err)
		}
	}
	checkAlone(t, n, in[5], out[5])
}

// checkAlone squashes in by itself: grouping must not change a byte.
func checkAlone(t *testing.T, n *network, in tfhe.LWE, want *Ciphertext) {
	t.Helper()
	alone, err := n.engine.Squash(context.Background(), []tfhe.LWE{in})
	if err != nil {
		t.Fatal(err)
	}
	if alone[0].Digest() != want.Digest() {
		t.Error("a ciphertext squashed alone differs from the same in a batch")
	}
}

func TestSquashNothing(t *testing.T) {
	if out, err := fullSize(t).engine.Squash(context.Background(), nil); err != nil || len(out) != 0 {
		t.Errorf("nothing squashes to %d ciphertexts, %v", len(out), err)
	}
}

func TestSquashStops(t *testing.T) {
	n := fullSize(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := n.engine.Squash(ctx, []tfhe.LWE{n.encrypt(1, 1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled squash: %v", err)
	}
}

func TestSquashRefuses(t *testing.T) {
	n := fullSize(t)
	for _, c := range []tfhe.LWE{nil, make(tfhe.LWE, 2048), make(tfhe.LWE, 2050)} {
		if _, err := n.engine.Squash(context.Background(), []tfhe.LWE{n.encrypt(1, 1), c}); err == nil {
			t.Errorf("a ciphertext of %d words is accepted", len(c))
		}
	}
}

func TestNewEngineRefuses(t *testing.T) {
	if _, err := NewEngine(&tfhe.Default, nil, reduced().key); err == nil {
		t.Error("a squash key for 64 bits is accepted for 918")
	}
}

// BenchmarkSquash measures one 64-bit value: 32 blocks, of which a decryption
// packs two into one.
func BenchmarkSquash(b *testing.B) {
	n := newNetwork()
	in := make([]tfhe.LWE, 16)
	for i := range in {
		in[i] = n.encrypt(i, uint64(i))
	}
	for b.Loop() {
		if _, err := n.engine.Squash(context.Background(), in); err != nil {
			b.Fatal(err)
		}
	}
}
