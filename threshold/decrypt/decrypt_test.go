package decrypt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/threshold"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/internal/lwetest"
	"fhevm/threshold/shamir"
)

func keys(t *testing.T, d *lwetest.Dealt) []*decrypt.Key {
	t.Helper()
	out := make([]*decrypt.Key, len(d.Secrets)+1)
	for i, s := range d.Secrets {
		k, err := s.Key()
		if err != nil {
			t.Fatal(err)
		}
		out[i+1] = k
	}
	return out
}

func shares(ps []decrypt.Partial) (out []shamir.Element) {
	for _, p := range ps {
		out = append(out, p.Share)
	}
	return out
}

// TestDecrypt decrypts values of every type at the largest noise in every
// committee, with t parties lying in their own way or silent.
func TestDecrypt(t *testing.T) {
	for _, n := range []int{4, 7, 10, 13} {
		d := lwetest.Deal(t, n, uint64(n))
		keys := keys(t, d)
		for trial := range 4 {
			t.Run(fmt.Sprint(n, " parties, trial ", trial), func(t *testing.T) {
				t.Parallel()
				rng := rand.New(rand.NewPCG(uint64(n), uint64(trial)))
				for _, typ := range fhe.Types() {
					want := &uint256.Int{rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint64()}
					want.Rsh(want, uint(256-typ.Bits()))
					oneDecryption(t, rng, d, keys, typ, want, trial)
				}
			})
		}
	}
}

func oneDecryption(t *testing.T, rng *rand.Rand, d *lwetest.Dealt, keys []*decrypt.Key, typ fhe.Type, want *uint256.Int, trial int) {
	blocks := lwetest.Value(rng, d.Bits, typ, want)
	c := decrypt.NewCombiner(d.Margin, []fhe.Type{typ})
	if v, err := c.Values(); !errors.Is(err, decrypt.ErrNotDone) {
		t.Fatalf("before any share: %v, %v", v, err)
	}
	order := rng.Perm(d.Margin.Quorum.N)
	corrupt := order[:d.Margin.Quorum.T]
	var liars threshold.PartySet
	for _, i := range rng.Perm(d.Margin.Quorum.N) {
		id := threshold.PartyID(i + 1)
		own := shares(keys[id].Partials(decrypt.NewBlocks(blocks)))
		if slices.Contains(corrupt, i) {
			if trial == 0 {
				continue // silent
			}
			own[rng.IntN(len(own))][trial%2] ^= 1
			liars = liars.With(id)
		}
		if err := c.Add(id, own); err != nil {
			t.Fatal(err)
		}
	}
	got, err := c.Values()
	if err != nil || !got[0].Eq(want) || c.Liars() != liars {
		t.Fatalf("%s: got %v, liars %v, %v; want %v, liars %v", typ, got, c.Liars(), err, want, liars)
	}
}

// TestPartialAgainstBig computes a partial's unmasked part with math/big from
// the encoding of the share.
func TestPartialAgainstBig(t *testing.T) {
	d := lwetest.Deal(t, 4, 9)
	rng := rand.New(rand.NewPCG(2, 3))
	ct, zero := lwetest.Encrypt(rng, d.Bits, 5, 77), new(squash.Ciphertext)
	encoding := d.Secrets[1].Share.Append(nil)
	key := keys(t, d)[2]
	masked := key.Partial(decrypt.NewBlock(ct), 0)
	if masked.Digest != ct.Digest() || key.Partial(decrypt.NewBlock(zero), 0).Digest != zero.Digest() {
		t.Error("partial names another ciphertext")
	}
	mask := unmask(t, d, masked)
	for k, f := range shamir.Fields {
		sum := new(big.Int).SetUint64(ct.Residues[k][squash.Dim])
		for i := range squash.Dim {
			s := new(big.Int).SetBytes(encoding[(k*squash.Dim+i)*8:][:8])
			sum.Sub(sum, s.Mul(s, new(big.Int).SetUint64(ct.Residues[k][i])))
		}
		want := f.Add(sum.Mod(sum, new(big.Int).SetUint64(f.Modulus())).Uint64(), mask[k])
		if masked.Share[k] != want {
			t.Errorf("field %d: partial %d, want %d", k, masked.Share[k], want)
		}
	}
}

// unmask finds the mask of a partial's session: the partial of a key with the
// same masks and a share of zeros, on the same ciphertext, is body plus mask.
func unmask(t *testing.T, d *lwetest.Dealt, p decrypt.Partial) shamir.Element {
	t.Helper()
	empty := *d.Secrets[1]
	empty.Share = new(decrypt.Share)
	rng := rand.New(rand.NewPCG(2, 3))
	ct := lwetest.Encrypt(rng, d.Bits, 5, 77)
	key, err := empty.Key()
	if err != nil {
		t.Fatal(err)
	}
	bare := key.Partial(decrypt.NewBlock(ct), 0)
	if bare.Session != p.Session {
		t.Fatal("the session depends on the share")
	}
	return bare.Share.Sub(shamir.Element{ct.Residues[0][squash.Dim], ct.Residues[1][squash.Dim]})
}

// TestSessions: one session for one block, another for any other byte,
// position or epoch.
func TestSessions(t *testing.T) {
	d := lwetest.Deal(t, 4, 10)
	ct := lwetest.Encrypt(rand.New(rand.NewPCG(4, 5)), d.Bits, 3, 0)
	all := keys(t, d)
	base := all[1].Partial(decrypt.NewBlock(ct), 0)
	if again := all[1].Partial(decrypt.NewBlock(ct), 0); again != base {
		t.Error("the same block has two partials")
	}
	if all[2].Partial(decrypt.NewBlock(ct), 0).Session != base.Session {
		t.Error("parties disagree on the session")
	}
	changed := *ct
	changed.Residues[1][squash.Dim] ^= 1
	later := *d.Secrets[0]
	committee := *later.Committee
	committee.Epoch.Number++
	later.Committee = &committee
	laterKey, err := later.Key()
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]decrypt.Partial{
		"position": all[1].Partial(decrypt.NewBlock(ct), 1), "byte": all[1].Partial(decrypt.NewBlock(&changed), 0), "epoch": laterKey.Partial(decrypt.NewBlock(ct), 0),
	} {
		if p.Session == base.Session {
			t.Errorf("another %s has the same session", name)
		}
	}
}

// TestOneMaskForOneBlock: whatever changes in a squashed block, in any word, its
// position or its epoch, it has another session and so other draws of the mask.
func TestOneMaskForOneBlock(t *testing.T) {
	d := lwetest.Deal(t, 4, 15)
	ct := lwetest.Encrypt(rand.New(rand.NewPCG(6, 6)), d.Bits, 3, 0)
	epochs := []threshold.Epoch{d.Committee.Epoch, d.Committee.Epoch, d.Committee.Epoch, d.Committee.Epoch}
	epochs[1].Number++
	epochs[2].Key[31]++
	epochs[3].SquashKey[0]++
	seen := map[threshold.Session]string{}
	for at := -1; at <= squash.Dim; at += 64 {
		for k := range shamir.Fields {
			if at < 0 && k > 0 {
				continue // at -1 nothing changes
			}
			c := *ct
			if at >= 0 {
				c.Residues[k][at] ^= 1
			}
			digest := c.Digest()
			for block := range 4 {
				for e, epoch := range epochs {
					what := fmt.Sprintf("word %d of field %d, block %d, epoch %d", at, k, block, e)
					s := epoch.Session(digest, block)
					if other, twice := seen[s]; twice {
						t.Fatalf("%s has the session of %s", what, other)
					}
					seen[s] = what
				}
			}
		}
	}
}

// TestUndecodable: whatever is wrong with an opened phase, the error is one.
func TestUndecodable(t *testing.T) {
	d := lwetest.Deal(t, 4, 11)
	keys, rng := keys(t, d), rand.New(rand.NewPCG(6, 7))
	for name, c := range map[string]struct {
		typ    fhe.Type
		blocks []*squash.Ciphertext
	}{
		"padding bit": {fhe.Bool, []*squash.Ciphertext{lwetest.Encrypt(rng, d.Bits, 16, 0)}},
		"bool of 2":   {fhe.Bool, []*squash.Ciphertext{lwetest.Encrypt(rng, d.Bits, 2, 0)}},
		"no plaintext": {fhe.Uint8, []*squash.Ciphertext{
			lwetest.Encrypt(rng, d.Bits, 2, 0), between(rng, d.Bits)}},
	} {
		o := decrypt.NewCombiner(d.Margin, []fhe.Type{c.typ})
		for id := range d.Margin.Quorum.All().All() {
			if err := o.Add(id, shares(keys[id].Partials(decrypt.NewBlocks(c.blocks)))); err != nil {
				t.Fatal(err)
			}
		}
		if v, err := o.Values(); err != decrypt.ErrUndecodable || v != nil {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
}

// between encrypts a phase halfway between two plaintexts.
func between(rng *rand.Rand, bits []uint8) *squash.Ciphertext {
	c := lwetest.Encrypt(rng, bits, 3, 0)
	for p, f := range shamir.Fields {
		half := new(big.Int).Mod(squash.Margin(), new(big.Int).SetUint64(f.Modulus())).Uint64()
		c.Residues[p][squash.Dim] = f.Add(c.Residues[p][squash.Dim], half)
	}
	return c
}

func TestSecretsDoNotPrint(t *testing.T) {
	d := lwetest.Deal(t, 4, 12)
	for _, v := range []any{d.Secrets[0].Share, keys(t, d)[1], d.Secrets[0]} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			if got := fmt.Sprintf(verb, v); got != threshold.Redacted {
				t.Errorf("%s of %T prints %d characters", verb, v, len(got))
			}
		}
	}
}

func TestShareEncoding(t *testing.T) {
	d := lwetest.Deal(t, 4, 13)
	b := d.Secrets[2].Share.Append(nil)
	s, err := decrypt.ParseShare(b)
	if err != nil || !bytes.Equal(s.Append(nil), b) {
		t.Fatalf("share does not survive: %v", err)
	}
	s.Wipe()
	if !bytes.Equal(s.Append(nil), make([]byte, decrypt.ShareSize)) {
		t.Error("a wiped share is not zero")
	}
	b[squash.Dim*8] = 0xff
	if _, err := decrypt.ParseShare(b); err == nil {
		t.Error("a word that is not reduced is accepted")
	}
	if _, err := decrypt.ParseShare(b[1:]); err == nil {
		t.Error("a short share is accepted")
	}
}

// TestTranscript pins every byte that a seeded committee computes, from shares
// and masks to partials, across versions and machines.
func TestTranscript(t *testing.T) {
	d := lwetest.Deal(t, 7, 14)
	blocks := lwetest.Value(rand.New(rand.NewPCG(8, 9)), d.Bits, fhe.Uint16, uint256.NewInt(0xbeef))
	var b []byte
	for _, k := range keys(t, d)[1:] {
		for _, p := range k.Partials(decrypt.NewBlocks(blocks)) {
			b = p.Share.Append(append(append(b, p.Digest[:]...), p.Session[:]...))
		}
	}
	if got, want := fhe.Keccak(b).String(), "0xaae1a1addf23fff8fcf0f9a158c4544bc89e6e09545e2aec053345e00a896d50"; got != want {
		t.Errorf("partials hash to %s, want %s", got, want)
	}
}

// FuzzParseShare changes a word of a share, or its size: what decodes encodes to
// the same bytes and holds reduced words.
func FuzzParseShare(f *testing.F) {
	f.Add(uint16(0), uint64(1), 0)
	f.Add(uint16(8183), uint64(squash.Q2), 0)
	f.Add(uint16(4095), uint64(squash.Q1), -1)
	f.Fuzz(func(t *testing.T, at uint16, word uint64, grow int) {
		b := make([]byte, decrypt.ShareSize+grow%64)
		at %= 2*squash.Dim - 8
		binary.BigEndian.PutUint64(b[8*at:], word)
		s, err := decrypt.ParseShare(b)
		reduced := word < squash.Moduli()[int(at)/squash.Dim]
		if (err == nil) != (reduced && grow%64 == 0) {
			t.Fatalf("word %d is %d, %d bytes more: %v", at, word, grow%64, err)
		}
		if err == nil && !bytes.Equal(s.Append(nil), b) {
			t.Error("the share changes")
		}
	})
}
