package squash

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// writeKey writes a key of 3 rows and returns its file.
func writeKey(t *testing.T) (*fixture, string, []byte) {
	t.Helper()
	f := newFixture(3)
	var b bytes.Buffer
	n, err := f.key.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("write: %d of %d bytes, %v", n, b.Len(), err)
	}
	path := filepath.Join(t.TempDir(), "squash.key")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return f, path, b.Bytes()
}

func TestKeyFileRoundTrip(t *testing.T) {
	f, path, _ := writeKey(t)
	k, err := OpenKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if k.Digest() != f.key.Digest() || k.Len() != 3 {
		t.Errorf("the file holds another key of %d bits", k.Len())
	}
	r, out := rand.New(rand.NewPCG(9, 9)), make([]*Ciphertext, 1)
	if err := k.bootstrap(context.Background(), out, [][]uint32{f.exponents(r, 6, 0)}); err != nil {
		t.Fatal(err)
	}
	if m, err := f.secret.Decrypt(out[0]); err != nil || m != 6 {
		t.Errorf("plaintext 6 decrypts to %d, %v", m, err)
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

// Every byte of the file is covered by a digest or must have one value.
func TestOpenKeyFindsDamage(t *testing.T) {
	_, path, file := writeKey(t)
	for _, at := range []int{0, 8, 9, 10, 11, 12, 19, 20, 30, 31, 32, 33, 34, 50, 130, 160, 4095, 4096, 4103, 900000, len(file) - 1} {
		x := bytes.Clone(file)
		x[at] ^= 0x40
		checkRefused(t, path, x)
	}
	checkRefused(t, path, nil)
	checkRefused(t, path, file[:20])
	checkRefused(t, path, file[:4096])
	checkRefused(t, path, file[:len(file)-8])
	checkRefused(t, path, append(bytes.Clone(file), 0))
}

func checkRefused(t *testing.T, path string, file []byte) {
	t.Helper()
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKey(path); err == nil {
		t.Error("a damaged file opens")
	}
}

// A key that is consistent with its digests but not reduced is refused.
func TestOpenKeyRefusesUnreduced(t *testing.T) {
	f := newFixture(1)
	f.key.words[7] = Q1
	f.key.sums[0] = sha256.Sum256(wordBytes(f.key.words))
	var b bytes.Buffer
	if _, err := f.key.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	checkRefused(t, filepath.Join(t.TempDir(), "squash.key"), b.Bytes())
}

func TestOpenKeyMissing(t *testing.T) {
	if _, err := OpenKey(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func FuzzKeyHeader(f *testing.F) {
	k := &Key{sums: make([][32]byte, 3)}
	var b bytes.Buffer
	k.words = make([]uint64, 3*rowWords)
	if _, err := k.WriteTo(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes()[:rowsOffset(3)])
	f.Add([]byte("fhevmkey"))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := readHeader(bytes.NewReader(b))
		if err != nil {
			return
		}
		if header := k.header(); !bytes.Equal(header, b[:len(header)]) {
			t.Error("an accepted header encodes differently")
		}
	})
}
