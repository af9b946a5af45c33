package coprocessor

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/coprocessor/store"
	"fhevm/fhe"
	"fhevm/fhe/radix"
	"fhevm/fhe/squash"
)

// TestSquashShares asks for one content from many sides: one squash serves
// them all, and outlives the process.
func TestSquashShares(t *testing.T) {
	disk, squasher := vfs.NewMem(), &hashSquasher{gate: make(chan struct{})}
	l := logtest.New()
	x, twin := l.Trivial(fhe.Uint8, 77), l.Trivial(fhe.Uint8, 77)
	l.Want(x, twin)
	m := start(t, disk, newPlainEvaluator(), func(c *Config) { c.Squasher = squasher })
	m.feed(t, l.Seal(0))

	var mu sync.Mutex
	digests := make(map[fhe.Digest]int)
	var asking sync.WaitGroup
	for i := range 10 {
		asking.Go(func() {
			list, err := m.Squashed(t.Context(), []fhe.Handle{x, twin}[i%2])
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			digests[squashedDigest(squasher.key, list)]++
		})
	}
	m.drain(t)
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Squashed(impatient, x); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context at its end: %v", err)
	}
	close(squasher.gate)
	asking.Wait()
	if len(digests) != 1 || squasher.squashs != 1 {
		t.Errorf("%d digests from %d squashes", len(digests), squasher.squashs)
	}
	m.stop(t)

	squasher = new(hashSquasher)
	m = start(t, disk, newPlainEvaluator(), func(c *Config) { c.Squasher = squasher })
	list, err := m.Squashed(t.Context(), twin)
	if err != nil || digests[squashedDigest(squasher.key, list)] != 10 || squasher.squashs != 0 {
		t.Errorf("after a restart: %d squashes, %v", squasher.squashs, err)
	}
	m.stop(t)
}

// TestSquashUnpacks: what is opened is the value as storage gives it back.
func TestSquashUnpacks(t *testing.T) {
	l := logtest.New()
	x := l.Operation(fhe.Neg, fhe.Uint8, false, 0, randomInput(l, 9))
	l.Want(x)
	squasher := new(hashSquasher)
	m := start(t, vfs.NewMem(), newPlainEvaluator(), func(c *Config) { c.Squasher = squasher })
	m.feed(t, l.Seal(0))
	got, err := m.Squashed(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	ct, err := m.Ciphertext(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	want, err := squasher.Squash(t.Context(), radix.Pair(ct))
	if err != nil || squashedDigest(squasher.key, got) != squashedDigest(squasher.key, want) {
		t.Errorf("the squash is not of the unpacked value, %v", err)
	}
	m.stop(t)
}

// TestSquashAbandoned: a squash that nobody waits for any more stops, and the
// next request begins it anew.
func TestSquashAbandoned(t *testing.T) {
	squasher := &hashSquasher{gate: make(chan struct{}), begun: make(chan struct{}, 2), stopped: make(chan struct{}, 2)}
	l := logtest.New()
	x := l.Trivial(fhe.Uint8, 77)
	l.Want(x)
	m := start(t, vfs.NewMem(), newPlainEvaluator(), func(c *Config) { c.Squasher = squasher })
	m.feed(t, l.Seal(0))
	m.drain(t)
	one, leaveOne := context.WithCancel(t.Context())
	two, leaveTwo := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	for _, ctx := range []context.Context{one, two} {
		asking.Go(func() {
			if _, err := m.Squashed(ctx, x); !errors.Is(err, context.Canceled) {
				t.Errorf("a call that gave up returned %v", err)
			}
		})
	}
	<-squasher.begun
	for m.squashes.waiting() < 2 {
		runtime.Gosched()
	}
	leaveOne()
	for m.squashes.waiting() > 1 {
		runtime.Gosched()
	}
	select {
	case <-squasher.stopped:
		t.Fatal("the squash stopped while a call waited for it")
	default:
	}
	leaveTwo()
	asking.Wait()
	<-squasher.stopped
	close(squasher.gate)
	if _, err := m.Squashed(t.Context(), x); err != nil || squasher.squashs != 2 {
		t.Errorf("asked again: %d squashes, %v", squasher.squashs, err)
	}
	m.stop(t)
}

// waiting counts the calls that wait.
func (s *shared[T]) waiting() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.on {
		n += x.calls
	}
	return n
}

// TestSquashQueue: what waits is bounded. A full queue refuses further values,
// but neither more calls for one that waits nor one that was squashed before.
func TestSquashQueue(t *testing.T) {
	squasher := &hashSquasher{}
	l := logtest.New()
	var handles []fhe.Handle
	for i := range maxWaiting + 2 {
		handles = append(handles, l.Trivial(fhe.Uint8, uint64(i)))
	}
	l.Want(handles...)
	m := start(t, vfs.NewMem(), newPlainEvaluator(), func(c *Config) { c.Squasher = squasher })
	m.feed(t, l.Seal(0))
	m.drain(t)
	kept, late, queued := handles[0], handles[1], handles[2:]
	if _, err := m.Squashed(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	squasher.gate = make(chan struct{})
	var asking sync.WaitGroup
	for _, h := range append(queued, queued[0]) {
		asking.Go(func() {
			if _, err := m.Squashed(t.Context(), h); err != nil {
				t.Error(err)
			}
		})
	}
	for m.squashes.waiting() <= maxWaiting {
		runtime.Gosched()
	}
	if _, err := m.Squashed(t.Context(), late); !errors.Is(err, ErrBusy) {
		t.Errorf("a value beyond the bound: %v", err)
	}
	if _, err := m.Squashed(t.Context(), kept); err != nil {
		t.Errorf("a value squashed before: %v", err)
	}
	close(squasher.gate)
	asking.Wait()
	if _, err := m.Squashed(t.Context(), late); err != nil {
		t.Errorf("after the queue is empty: %v", err)
	}
	m.stop(t)
}

// TestSquashAtHand: what was squashed lately is not read again, but it is in use: the
// store keeps it as long as somebody asks, and what the store drops is squashed anew.
func TestSquashAtHand(t *testing.T) {
	squasher := new(hashSquasher)
	l := logtest.New()
	x := l.Trivial(fhe.Uint8, 77)
	l.Want(x)
	m := start(t, vfs.NewMem(), newPlainEvaluator(), func(c *Config) { c.Squasher = squasher })
	m.feed(t, l.Seal(0))
	first, err := m.Squashed(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	const kept = 4 // blocks
	for range 2 * kept {
		m.feed(t, l.Seal(0))
		if again, err := m.Squashed(t.Context(), x); err != nil || again[0] != first[0] {
			t.Fatalf("what is at hand was read again: %v", err)
		}
	}
	prune := func() {
		t.Helper()
		if _, err := m.prune(t.Context(), store.Pruning{Policy: store.Policy{Squashed: kept}}); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Squashed(t.Context(), x); err != nil {
			t.Fatal(err)
		}
	}
	if prune(); squasher.squashs != 1 {
		t.Errorf("%d squashes of what is in use", squasher.squashs)
	}
	for range 2 * kept {
		m.feed(t, l.Seal(0))
	}
	if prune(); squasher.squashs != 2 {
		t.Errorf("%d squashes, the second of what was dropped", squasher.squashs)
	}
	m.stop(t)
}

// TestSquashKeys: what was squashed under one key is not handed out under
// another, nor is the word for it.
func TestSquashKeys(t *testing.T) {
	disk, signer := vfs.NewMem(), newDevKey(t)
	l := logtest.New()
	x := l.Trivial(fhe.Uint8, 77)
	l.Want(x)
	log := l.Seal(0)
	words := make(map[fhe.Digest]bool)
	for _, c := range []struct {
		key      byte
		squashes int
	}{{1, 1}, {2, 1}, {1, 0}} {
		squasher := &hashSquasher{key: fhe.Digest{c.key}}
		m := start(t, disk, newPlainEvaluator(), func(cfg *Config) { cfg.Squasher, cfg.Signer = squasher, signer })
		m.feed(t, log)
		list, err := m.Squashed(t.Context(), x)
		if err != nil || list[0].Residues[0][0]&3 != uint64(c.key) {
			t.Errorf("under key %d: blocks of another key, %v", c.key, err)
		}
		d, err := m.SignedDigest(t.Context(), x, fhe.OfSquashed)
		if err != nil {
			t.Fatal(err)
		}
		words[d.Hash(logtest.Domain)] = true
		if squasher.squashs != c.squashes {
			t.Errorf("under key %d: %d squashes, want %d", c.key, squasher.squashs, c.squashes)
		}
		m.stop(t)
	}
	if len(words) != 2 {
		t.Errorf("%d different attestations under two keys", len(words))
	}
}

func TestSquashRefusals(t *testing.T) {
	l := logtest.New()
	x, dead := l.Trivial(fhe.Uint8, 1), l.Trivial(fhe.Uint8, 2)
	l.Want(x)
	disk := vfs.NewMem()
	m := start(t, disk, newPlainEvaluator(), func(c *Config) { c.Squasher = new(hashSquasher) })
	m.feed(t, l.Seal(0))
	if _, err := m.Squashed(t.Context(), dead); !errors.Is(err, ErrUnwanted) {
		t.Errorf("of a value nobody wants: %v", err)
	}
	m.stop(t)
	m = start(t, disk, newPlainEvaluator())
	if _, err := m.Squashed(t.Context(), x); err == nil || !strings.Contains(err.Error(), "no squashing key") {
		t.Errorf("without a squasher: %v", err)
	}
	if _, err := m.SignedDigest(t.Context(), x, fhe.OfCiphertext); err == nil || !strings.Contains(err.Error(), "no signing key") {
		t.Errorf("without a signer: %v", err)
	}
	m.stop(t)
}

func FuzzSquashed(f *testing.F) {
	b, err := encodeSquashed([]*squash.Ciphertext{new(squash.Ciphertext), new(squash.Ciphertext)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:squash.CiphertextSize])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := parseSquashed(b)
		if err != nil {
			return
		}
		if again, err := encodeSquashed(list); err != nil || string(again) != string(b) {
			t.Fatalf("%d bytes decode, but encode otherwise: %v", len(b), err)
		}
	})
}

// devKey is the first key of the well-known development mnemonic.
const devKey = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"

func newDevKey(t *testing.T) *Key {
	secret, err := hex.DecodeString(devKey)
	if err != nil {
		t.Fatal(err)
	}
	key, err := NewKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestSignedDigest(t *testing.T) {
	key := newDevKey(t)
	if key.Address().String() != "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266" {
		t.Fatalf("address %s", key.Address())
	}
	l := logtest.New()
	x := l.Trivial(fhe.Uint8, 9)
	l.Want(x)
	m := start(t, vfs.NewMem(), newPlainEvaluator(), func(c *Config) { c.Signer, c.Squasher = key, new(hashSquasher) })
	m.feed(t, l.Seal(0))
	for _, kind := range []fhe.DigestKind{fhe.OfCiphertext, fhe.OfSquashed} {
		d, err := m.SignedDigest(t.Context(), x, kind)
		if err != nil {
			t.Fatal(err)
		}
		if by, err := d.Recover(logtest.Domain); err != nil || by != key.Address() {
			t.Errorf("kind %d is signed by %s, %v", kind, by, err)
		}
		checkForgeries(t, d, key.Address())
	}
	if _, err := m.SignedDigest(t.Context(), x, 7); err == nil {
		t.Error("signed an unknown kind of digest")
	}
	m.stop(t)
}

// checkForgeries changes each thing that the signature covers, and itself.
func checkForgeries(t *testing.T, d *SignedDigest, signer fhe.Address) {
	t.Helper()
	domain := logtest.Domain
	domain.ACL[0] ^= 1
	if by, err := d.Recover(domain); err == nil && by == signer {
		t.Error("the signature holds in another domain")
	}
	for name, change := range map[string]func(*SignedDigest){
		"handle": func(d *SignedDigest) { d.Handle[31] ^= 1 },
		"kind":   func(d *SignedDigest) { d.Kind ^= 1 },
		"digest": func(d *SignedDigest) { d.Digest[0] ^= 1 },
		"r":      func(d *SignedDigest) { d.Signature[0] ^= 1 },
		"s":      func(d *SignedDigest) { d.Signature[63] ^= 1 },
		"v":      func(d *SignedDigest) { d.Signature[64] ^= 7 },
		"high s": func(d *SignedDigest) { d.Signature[32] |= 0x80 },
		"cut":    func(d *SignedDigest) { d.Signature = d.Signature[:64] },
		"none":   func(d *SignedDigest) { d.Signature = nil },
	} {
		forged := *d
		forged.Signature = append([]byte(nil), d.Signature...)
		change(&forged)
		if by, err := forged.Recover(logtest.Domain); err == nil && by == signer {
			t.Errorf("the signature holds after a change of %s", name)
		}
	}
}

func TestKey(t *testing.T) {
	key := newDevKey(t)
	for _, s := range []string{fmt.Sprint(key), fmt.Sprintf("%v %+v %#v %s", key, key, key, key)} {
		if strings.Contains(s, devKey[:8]) || !strings.Contains(s, key.Address().String()) {
			t.Errorf("a key prints as %s", s)
		}
	}
	order := "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
	for _, bad := range []string{"", "00", strings.Repeat("00", 32), order, devKey + "00"} {
		secret, _ := hex.DecodeString(bad)
		if _, err := NewKey(secret); err == nil {
			t.Errorf("NewKey accepted %q", bad)
		}
	}
}

func FuzzRecover(f *testing.F) {
	f.Add(make([]byte, 65))
	f.Fuzz(func(t *testing.T, signature []byte) {
		d := SignedDigest{Signature: signature}
		if by, err := d.Recover(logtest.Domain); err == nil && by == (fhe.Address{}) {
			t.Fatal("recovered no address and no error")
		}
	})
}
