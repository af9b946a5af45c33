package committee

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
	"fhevm/threshold/internal/lwetest"
)

// TestSigners: one coprocessor that signs twice is one, and a stranger is none.
func TestSigners(t *testing.T) {
	one, two, stranger := secp256k1.PrivKeyFromBytes([]byte{31: 1}), secp256k1.PrivKeyFromBytes([]byte{31: 2}), secp256k1.PrivKeyFromBytes([]byte{31: 9})
	p := &threshold.Policy{Coprocessors: []fhe.Address{eip712.AddressOf(one.PubKey()), eip712.AddressOf(two.PubKey()), {3}}, Need: 2}
	d := fhe.Digest{5}
	s1, s2 := eip712.Sign(one, d), eip712.Sign(two, d)
	other := s1
	other[64] -= 27
	for want, signatures := range [][]eip712.Signature{{eip712.Sign(stranger, d), eip712.Sign(one, fhe.Digest{6})}, {s1, other}, {s1, s2}} {
		if by := signers(p, d, signatures); len(by) != want {
			t.Errorf("signers %v, want %d", by, want)
		}
	}
}

// bench is three coprocessors that hold the same value, and a party that takes the word
// of two of them.
type bench struct {
	*network
	t      *testing.T
	handle fhe.Handle
	cops   []*coprocessor
	log    bytes.Buffer
}

func newBench(t *testing.T, seed uint64) *bench {
	b := &bench{network: newNetwork(t, seed), t: t}
	b.handle = b.value(fhe.Uint8, 7)
	policy := threshold.Policy{Need: 2}
	for i := range byte(3) {
		c := &coprocessor{
			domain: b.domain, committee: b.Committee, squashKey: b.cop.squashKey, key: secp256k1.PrivKeyFromBytes([]byte{31: 60 + i}),
			blocks: map[fhe.Handle][]*squash.Ciphertext{b.handle: b.cop.blocks[b.handle]},
		}
		b.cops, policy.Coprocessors = append(b.cops, c), append(policy.Coprocessors, eip712.AddressOf(c.key.PubKey()))
	}
	b.open(func(c *Config) {
		sealed(func(c *threshold.Committee) { c.Policy = policy })(c)
		c.Development = false
	})
	return b
}

// open begins party 1 anew, with other words to take.
func (b *bench) open(change func(*Config)) {
	b.t.Helper()
	c := b.config(1)
	c.Log = slog.New(slog.NewTextHandler(&b.log, nil))
	change(&c)
	p, err := Open(c)
	if err != nil {
		b.t.Fatal(err)
	}
	b.parties[1] = p
}

// hear has party 1 hear coprocessors in that order, to the last. It returns the code of
// a refusal.
func (b *bench) hear(cops ...*coprocessor) threshold.Code {
	b.t.Helper()
	p := b.parties[1]
	r := NewSquashRequest(b.domain, p.epoch, 1, b.Identities[0].Signer, b.handle)
	w := &claims{party: p, handle: b.handle, faults: make([]error, len(cops))}
	accepted := false
	for i, c := range cops {
		s, err := c.Squashed(b.t.Context(), r)
		accepted = w.take(i, s, err) != nil || accepted
	}
	if accepted {
		return ""
	}
	return code(w.refusal())
}

// ask has party 1 decrypt what coprocessors say. It returns the code of a refusal.
func (b *bench) ask(cops ...Squasher) threshold.Code {
	b.t.Helper()
	b.parties[1].cfg.Squashers = cops
	_, err := b.parties[1].UserDecrypt(b.t.Context(), b.request([]fhe.Handle{b.handle}, nil))
	return code(err)
}

// other is another encryption of the same type: a false ciphertext.
func (b *bench) other() []*squash.Ciphertext {
	return lwetest.Value(b.rng, b.Bits, fhe.Uint8, uint256.NewInt(200))
}

func (b *bench) alarmed(want ...string) {
	b.t.Helper()
	for _, w := range want {
		if !strings.Contains(b.log.String(), w) {
			b.t.Errorf("nothing about %q in the log:\n%s", w, b.log.String())
		}
	}
	b.log.Reset()
}

func (b *bench) opened() bool { return b.openings(b.t, 1) > 0 }

const disagree, refused = "level=ERROR msg=\"coprocessors disagree", "level=ERROR msg=\"a decryption was refused"

// TestTwoOfThree: a coprocessor that lies gets nothing opened, and is noticed; with one
// that is away beside, nothing is decided.
func TestTwoOfThree(t *testing.T) {
	b := newBench(t, 21)
	liar, two, three := b.cops[0], b.cops[1], b.cops[2]
	truth, lie := two.blocks[b.handle], b.other()
	pending := &coprocessor{domain: b.domain, committee: b.Committee, key: three.key}
	liar.put(b.handle, lie)
	for _, c := range []struct {
		what  string
		cops  []*coprocessor
		code  threshold.Code
		alarm bool
	}{
		{"the liar alone", []*coprocessor{liar}, threshold.DigestRejected, false},
		{"the liar in two places", []*coprocessor{liar, liar}, threshold.DigestRejected, false},
		{"one lies, and one has not computed it yet", []*coprocessor{liar, two, pending}, threshold.NotReady, true},
		{"one has not computed it yet, and one lies", []*coprocessor{pending, two, liar}, threshold.NotReady, true},
		{"two have not computed it yet", []*coprocessor{pending, liar, pending}, threshold.NotReady, false},
		{"one lies", []*coprocessor{liar, two, three}, "", true},
		{"the last one lies", []*coprocessor{two, three, liar}, "", true},
		{"nobody lies", []*coprocessor{three, two}, "", false},
	} {
		if got := b.hear(c.cops...); got != c.code {
			t.Errorf("%s: %q, want %q", c.what, got, c.code)
		}
		if got := strings.Contains(b.log.String(), disagree); got != c.alarm {
			t.Errorf("%s: alarm %v, want %v: %s", c.what, got, c.alarm, b.log.String())
		}
		b.log.Reset()
	}
	three.put(b.handle, b.other())
	if got := b.ask(liar, two, three); got != threshold.DigestRejected || b.opened() {
		t.Errorf("each says something else: %q", got)
	}
	b.alarmed(disagree, refused)
	three.put(b.handle, truth)
	if got := b.ask(liar, two, three); got != "" {
		t.Errorf("two of three agree: %q", got)
	}
	if at, err := b.records[1].store.get(handleKey('d', b.Committee.Epoch, b.handle)); err != nil || !bytes.Equal(at, b.digest(truth)) {
		t.Errorf("bytes of digest %x were opened, %v", at, err)
	}
}

// TestOwnCoprocessor: the word of a party's own coprocessor suffices, and no other does,
// not even that of those whom the committee's policy names.
func TestOwnCoprocessor(t *testing.T) {
	b := newBench(t, 22)
	own := &coprocessor{domain: b.domain, committee: b.Committee, squashKey: b.cop.squashKey, key: secp256k1.PrivKeyFromBytes([]byte{31: 70}), blocks: b.cops[0].blocks}
	b.open(func(c *Config) { c.Development, c.Own = false, eip712.AddressOf(own.key.PubKey()) })
	if got := b.ask(b.cops[0], b.cops[1], b.cop); got != threshold.DigestRejected || b.opened() {
		t.Errorf("the words of others: %q", got)
	}
	b.alarmed("without the word of a coprocessor that this party believes", refused)
	if got := b.ask(own); got != "" || !b.opened() || b.log.Len() > 0 {
		t.Errorf("its own word: %q, %s", got, b.log.String())
	}
	own.put(b.handle, b.other())
	if got := b.ask(own); got != threshold.DigestRejected {
		t.Errorf("its own coprocessor says something else by now: %q", got)
	}
	b.alarmed(refused)
}

// digest is that of squashed blocks.
func (b *bench) digest(blocks []*squash.Ciphertext) []byte {
	var names []fhe.Digest
	for _, c := range blocks {
		names = append(names, c.Digest())
	}
	d := fhe.SquashedDigest(b.Committee.Epoch.SquashKey, names)
	return d[:]
}
