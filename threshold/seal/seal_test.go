package seal_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/threshold"
	"fhevm/threshold/decrypt"
	"fhevm/threshold/eip712"
	"fhevm/threshold/internal/lwetest"
	"fhevm/threshold/permit"
	"fhevm/threshold/seal"
)

// scene is a request for two values and every party's answer to it.
type scene struct {
	*lwetest.Dealt
	context *seal.Context
	key     *seal.TransportKey
	blocks  []*squash.Ciphertext
	want    []*uint256.Int
	answers []*seal.Answer // of party i at i
}

func newScene(t testing.TB, seed uint64) *scene {
	t.Helper()
	s := &scene{Dealt: lwetest.Deal(t, 4, seed), want: []*uint256.Int{uint256.NewInt(0xdeadbeef01234567), uint256.NewInt(1)}}
	rng := rand.New(rand.NewPCG(seed, 2))
	domain := fhe.Domain{ChainID: 31337, ACL: fhe.Address{7}}
	types := []fhe.Type{fhe.Uint64, fhe.Bool}
	var handles []fhe.Handle
	for i, typ := range types {
		handles = append(handles, fhe.NewHandle(fhe.Digest{byte(i)}, fhe.Computed, domain.ChainID, typ, 0))
		s.blocks = append(s.blocks, lwetest.Value(rng, s.Bits, typ, s.want[i])...)
	}
	var err error
	if s.key, err = seal.GenerateTransportKey(); err != nil {
		t.Fatal(err)
	}
	user := secp256k1.PrivKeyFromBytes([]byte{31: 5})
	r := &permit.Request{
		Domain: eip712.Domain{ChainID: domain.ChainID}, User: eip712.AddressOf(user.PubKey()),
		Permit:       *permit.New("a test", []fhe.Address{{1}}, 0, 10, s.key.Public()),
		TransportKey: s.key.Public(), Handles: handles,
	}
	s.context = seal.NewContext(domain, s.Committee.Epoch, r)
	s.answers = []*seal.Answer{nil}
	for id := range s.Margin.Quorum.All().All() {
		s.answers = append(s.answers, s.answer(t, s.context, id, s.blocks, nil))
	}
	return s
}

// answer is what party id sends; spoil may change its partials first.
func (s *scene) answer(t testing.TB, c *seal.Context, id threshold.PartyID, blocks []*squash.Ciphertext, spoil func([]decrypt.Partial)) *seal.Answer {
	t.Helper()
	key, err := s.Secrets[id-1].Key()
	if err != nil {
		t.Fatal(err)
	}
	partials := key.Partials(decrypt.NewBlocks(blocks))
	if spoil != nil {
		spoil(partials)
	}
	a, err := seal.Seal(c, id, s.Identities[id-1].Signer, s.key.Public(), partials)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (s *scene) opening(t testing.TB) *seal.Opening {
	t.Helper()
	o, err := seal.NewOpening(s.context, s.Committee, s.key)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (s *scene) check(t testing.TB, o *seal.Opening) {
	t.Helper()
	got, err := o.Values()
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if !v.Eq(s.want[i]) {
			t.Errorf("value %d is %v, want %v", i, v, s.want[i])
		}
	}
}

// TestOpen finishes with any three of four answers, which travel as JSON.
func TestOpen(t *testing.T) {
	s := newScene(t, 1)
	for missing := 1; missing <= 4; missing++ {
		o := s.opening(t)
		for id, a := range s.answers {
			if id == 0 || id == missing {
				continue
			}
			b, err := json.Marshal(a)
			if err != nil {
				t.Fatal(err)
			}
			var received seal.Answer
			if err := json.Unmarshal(b, &received); err != nil {
				t.Fatal(err)
			}
			done, err := o.Add(&received)
			if err != nil || done != (o.Heard().Len() == 3) {
				t.Fatalf("after party %d: done %v, %v", id, done, err)
			}
		}
		s.check(t, o)
		if len(o.Blames()) != 0 {
			t.Errorf("honest parties are blamed: %v", o.Blames())
		}
	}
}

// TestOneBadAnswer: whatever comes from party 2, the other three open. Party 2
// is blamed for what it signed, and nobody for what is not authentic.
func TestOneBadAnswer(t *testing.T) {
	s := newScene(t, 2)
	elsewhere := *s.context
	elsewhere.Permit[0]++
	later := *s.context
	later.Epoch.Number++
	rng := rand.New(rand.NewPCG(8, 8))
	other := lwetest.Value(rng, s.Bits, fhe.Uint64, uint256.NewInt(3))
	other = append(other, lwetest.Value(rng, s.Bits, fhe.Bool, uint256.NewInt(0))...)
	forged := *s.answers[2]
	forged.Sealed = append(threshold.Bytes(nil), forged.Sealed...)
	forged.Sealed[1200] ^= 1
	posed := *s.answers[3]
	posed.Party = 2
	short := *s.answers[2]
	short.Digests = short.Digests[1:]
	swapped := *s.answers[2]
	swapped.Digests = append([]fhe.Digest{swapped.Digests[1], swapped.Digests[0]}, swapped.Digests[2:]...)
	signed := map[string]*seal.Answer{
		"wrong share":       s.answer(t, s.context, 2, s.blocks, func(ps []decrypt.Partial) { ps[3].Share[1] ^= 1 }),
		"not canonical":     s.answer(t, s.context, 2, s.blocks, func(ps []decrypt.Partial) { ps[0].Share[0] = squash.Q1 }),
		"other ciphertexts": s.answer(t, s.context, 2, other, nil),
	}
	strange := map[string]*seal.Answer{
		"another permit":     s.answer(t, &elsewhere, 2, s.blocks, nil),
		"another epoch":      s.answer(t, &later, 2, s.blocks, nil),
		"changed on the way": &forged,
		"another's answer":   &posed,
		"a digest missing":   &short,
		"digests swapped":    &swapped,
		"no such party":      {Party: 9},
	}
	for blamed, answers := range map[threshold.PartyID]map[string]*seal.Answer{2: signed, 0: strange} {
		for name, bad := range answers {
			o := s.opening(t)
			for _, a := range []*seal.Answer{s.answers[1], bad, bad, s.answers[3], s.answers[4]} {
				if _, err := o.Add(a); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			s.check(t, o)
			if b := o.Blames(); len(b) != 1 || b[0].Party != blamed {
				t.Errorf("%s: blames %v", name, b)
			}
		}
	}
}

// TestTwoBadAnswers: two liars of four are beyond the committee, which is an
// error and never a value.
func TestTwoBadAnswers(t *testing.T) {
	s := newScene(t, 3)
	o := s.opening(t)
	lie := func(ps []decrypt.Partial) { ps[0].Share[0] ^= 1 }
	var last error
	for _, a := range []*seal.Answer{s.answer(t, s.context, 1, s.blocks, lie), s.answer(t, s.context, 2, s.blocks, lie), s.answers[3], s.answers[4]} {
		if _, err := o.Add(a); err != nil {
			last = err
		}
	}
	var corrupt *threshold.CorruptError
	if v, err := o.Values(); !errors.As(last, &corrupt) || err == nil {
		t.Errorf("opened %v with %v", v, last)
	}
}

// TestEquivocation: only the first authentic answer of a party counts, and one
// that is not authentic keeps no place.
func TestEquivocation(t *testing.T) {
	s := newScene(t, 4)
	o := s.opening(t)
	forged := *s.answers[1]
	forged.Signature[3] ^= 1
	second := s.answer(t, s.context, 1, s.blocks, func(ps []decrypt.Partial) { ps[0].Share[0] ^= 1 })
	for _, a := range []*seal.Answer{&forged, s.answers[1], second, s.answers[1], s.answers[4], s.answers[4]} {
		if done, err := o.Add(a); done || err != nil {
			t.Fatalf("done %v, %v", done, err)
		}
	}
	if done, err := o.Add(s.answers[2]); !done || err != nil {
		t.Fatalf("done %v, %v", done, err)
	}
	s.check(t, o)
}

// TestWrongTransportKey opens nothing.
func TestWrongTransportKey(t *testing.T) {
	s := newScene(t, 5)
	var err error
	if s.key, err = seal.GenerateTransportKey(); err != nil {
		t.Fatal(err)
	}
	o := s.opening(t)
	for _, a := range s.answers[1:] {
		if done, err := o.Add(a); done || err != nil {
			t.Fatalf("done %v, %v", done, err)
		}
	}
	if len(o.Blames()) != 4 || !strings.Contains(o.Blames()[0].Reason, "open sealed") {
		t.Errorf("blames %v", o.Blames())
	}
}

func TestTransportKey(t *testing.T) {
	k, err := seal.GenerateTransportKey()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := k.Seed()
	if err != nil || len(seed) != seal.TransportSeedSize || len(k.Public()) != permit.TransportKeySize {
		t.Fatalf("seed of %d bytes, key of %d, %v", len(seed), len(k.Public()), err)
	}
	back, err := seal.ParseTransportKey(seed)
	if err != nil || back.Public().String() != k.Public().String() {
		t.Errorf("the key changes, %v", err)
	}
	if _, err := seal.ParseTransportKey(seed[1:]); err == nil {
		t.Error("a short seed is accepted")
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"party":1,"digests":[],"sealed":"0x00","signature":"0x"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var a seal.Answer
		if json.Unmarshal(b, &a) == nil {
			a.Check([]fhe.Handle{{30: byte(fhe.Uint8)}})
		}
	})
}

// TestForgedAnswer: anybody can seal to a transport key, so an answer is a
// party's by its signature alone. A forged one neither counts nor takes the
// party's place.
func TestForgedAnswer(t *testing.T) {
	s := newScene(t, 6)
	key, err := s.Secrets[1].Key()
	if err != nil {
		t.Fatal(err)
	}
	partials := key.Partials(decrypt.NewBlocks(s.blocks))
	partials[0].Share[0] ^= 1
	stranger := secp256k1.PrivKeyFromBytes([]byte{31: 99})
	forged, err := seal.Seal(s.context, 2, stranger, s.key.Public(), partials)
	if err != nil {
		t.Fatal(err)
	}
	o := s.opening(t)
	if _, err := o.Add(forged); err != nil || o.Heard() != 0 || len(o.Blames()) != 1 {
		t.Fatalf("after a forged answer: heard %v, blames %v, %v", o.Heard(), o.Blames(), err)
	}
	for _, a := range []*seal.Answer{s.answers[2], s.answers[1], s.answers[4]} {
		if _, err := o.Add(a); err != nil {
			t.Fatal(err)
		}
	}
	s.check(t, o)
}

// TestSplitCommittee: when two honest parties were given other squashed bytes
// than two more, nobody lied; the values stay closed and that is no corruption.
func TestSplitCommittee(t *testing.T) {
	s := newScene(t, 7)
	rng := rand.New(rand.NewPCG(9, 9))
	other := lwetest.Value(rng, s.Bits, fhe.Uint64, s.want[0])
	other = append(other, lwetest.Value(rng, s.Bits, fhe.Bool, s.want[1])...)
	o := s.opening(t)
	for _, a := range []*seal.Answer{s.answers[1], s.answers[2], s.answer(t, s.context, 3, other, nil), s.answer(t, s.context, 4, other, nil)} {
		if done, err := o.Add(a); done || err != nil {
			t.Fatalf("party %d: done %v, %v", a.Party, done, err)
		}
	}
	if v, err := o.Values(); !errors.Is(err, decrypt.ErrNotDone) || len(o.Blames()) != 0 {
		t.Errorf("%v, %v, blames %v", v, err, o.Blames())
	}
}

// FuzzAdd hands the wallet arbitrary answers: none of them counts, and the
// parties open all the same.
func FuzzAdd(f *testing.F) {
	s := newScene(f, 8)
	for _, a := range s.answers[1:] {
		b, err := json.Marshal(a)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var strange seal.Answer
		if json.Unmarshal(b, &strange) != nil {
			return
		}
		o := s.opening(t)
		for _, a := range []*seal.Answer{&strange, s.answers[1], s.answers[3], s.answers[4]} {
			if _, err := o.Add(a); err != nil {
				t.Fatal(err)
			}
		}
		s.check(t, o)
		for _, b := range o.Blames() {
			if b.Party != 0 {
				t.Errorf("%v is blamed for what it did not sign", b)
			}
		}
	})
}

func FuzzTransportKey(f *testing.F) {
	f.Add(make([]byte, seal.TransportSeedSize))
	f.Fuzz(func(t *testing.T, seed []byte) {
		k, err := seal.ParseTransportKey(seed)
		if (err == nil) != (len(seed) == seal.TransportSeedSize) {
			t.Fatalf("%d bytes: %v", len(seed), err)
		}
		if err != nil {
			return
		}
		if back, err := k.Seed(); err != nil || string(back) != string(seed) {
			t.Errorf("seed %x becomes %x, %v", seed, back, err)
		}
	})
}
