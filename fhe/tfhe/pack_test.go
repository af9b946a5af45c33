package tfhe

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"slices"
	"testing"

	"fhevm/accel"
	"fhevm/accel/vec"
	"fhevm/fhe/csprng"
)

// trimmed is the largest number of slots that leave mask words out.
var trimmed = Default.PackSize - Default.packTail()

func unpackJobs(t *testing.T, c *Packed) []Job {
	t.Helper()
	lut := Default.NewUnpackLUT()
	jobs := make([]Job, len(c.Bodies))
	for i := range jobs {
		var err error
		if jobs[i], err = Default.NewUnpackJob(Default.NewLWE(), c, i, lut); err != nil {
			t.Fatal(err)
		}
	}
	return jobs
}

// What is unpacked is what was packed. TestMeasuredNoiseOfPacking reads every
// slot of full ciphertexts.
func TestPack(t *testing.T) {
	k := keys()
	for _, slots := range []int{1, 2, 32, trimmed} {
		blocks := make([]LWE, slots)
		for i := range blocks {
			blocks[i] = k.encrypt((i+slots)%4, "pack", i)
		}
		c, err := k.engine.Pack(blocks)
		if err != nil {
			t.Fatal(err)
		}
		if err := Default.CheckPacked(c); err != nil {
			t.Error(err)
		}
		if words := len(c.Mask) + slots; words != 768+150+2*slots-1 {
			t.Errorf("%d slots take %d words", slots, words)
		}
		jobs := unpackJobs(t, c)
		step := (slots + 4) / 5
		var some []Job
		for i := 0; i < slots; i += step {
			some = append(some, jobs[i])
		}
		k.bootstrap(t, some)
		for i, j := range some {
			if got, want := k.secret.Decrypt(j.Dst[0]), (i*step+slots)%4; got != want {
				t.Errorf("slot %d of %d holds %d, want %d", i*step, slots, got, want)
			}
		}
	}
}

// packedPhase is the phase of all slots modulo 2^PackBits by its definition:
// polynomials, with mask words that no slot reads set to anything.
func packedPhase(k *SecretKey, c *Packed) []uint64 {
	p := k.params
	phase := make([]uint64, p.PackSize)
	for h, b := range c.Bodies {
		phase[h] = uint64(b)
	}
	for i, secret := range k.packingSecret() {
		mask := slices.Repeat([]uint64{777}, p.PackSize)
		for at, w := range c.Mask {
			if at/p.PackSize == i && i < p.packRank()-1 {
				mask[at%p.PackSize] = uint64(w)
			} else if at/p.PackSize == i {
				mask[(at+p.PackSize-149)%p.PackSize] = uint64(w)
			}
		}
		for h, x := range mulModel(mask, secret) {
			phase[h] = (phase[h] - x) % (1 << p.PackBits)
		}
	}
	return phase[:len(c.Bodies)]
}

// The exponents of a slot must have the phase that the ciphertext has there.
func TestUnpackExponents(t *testing.T) {
	k, p := keys().secret, &Default
	for _, slots := range []int{1, 2, trimmed, trimmed + 1, 255, 256} {
		c := randomPacked(slots)
		phase := packedPhase(k, c)
		for _, h := range []int{0, slots / 2, slots - 1} {
			e := p.unpackExponents(c, h)
			got := (e[p.LWEDim] - k.smallInner(e[:p.LWEDim])) % 4096
			if uint64(got) != 2*phase[h] {
				t.Errorf("slot %d of %d: exponents have phase %d, the ciphertext %d/2048", h, slots, got, phase[h])
			}
		}
	}
}

func randomPacked(slots int) *Packed {
	r := csprng.New(testSeed, "packed", uint64(slots))
	c := &Packed{Mask: make([]uint16, Default.PackedMaskWords(slots)), Bodies: make([]uint16, slots)}
	for _, words := range [][]uint16{c.Mask, c.Bodies} {
		for i := range words {
			words[i] = uint16(r.Uint32() % (1 << Default.PackBits))
		}
	}
	return c
}

// packEdges are words at which the roundings to 12 bits carry.
var packEdges = []uint32{0, 1, 1<<19 - 1, 1 << 19, 1<<20 - 1, 0x7ff << 20, 0x800 << 20, 0xfff<<20 + 1<<19 - 1, 0xfff<<20 + 1<<19, 1<<32 - 1}

// The digits must be balanced and recompose each word rounded to 12 bits, and
// the body must move by half the errors.
func TestPackDecompose(t *testing.T) {
	p := &Default
	c := make([]uint32, p.LWEDim+1)
	csprng.New(testSeed, "pack decompose", 0).Uint32s(c)
	copy(c, packEdges)
	digits := make([]Digits, p.packDigits()/vec.Group)
	body := p.packDecompose(digits, 1, c)
	errors := new(big.Int)
	for j, a := range c[:p.LWEDim] {
		var sum int64
		for r := 6 * j; r < 6*j+6; r++ {
			d := -int64(digits[r/vec.Group][r%vec.Group])
			if d < -2 || d > 1 {
				t.Fatalf("word %#x has digit %d", a, d)
			}
			sum = 4*sum + d
		}
		rounded := (int64(a) + 1<<19) >> 20
		if (sum-rounded)%4096 != 0 {
			t.Fatalf("digits of %#x make %#x", a, sum)
		}
		errors.Add(errors, big.NewInt(rounded<<20-int64(a)))
	}
	moved := errors.Div(errors, big.NewInt(2)) // rounds down
	if want := c[p.LWEDim] + uint32(moved.Int64()); body != want {
		t.Errorf("body is %#x, want %#x", body, want)
	}
}

// smallCiphertexts are uniformly random words.
func smallCiphertexts(n int) [][]uint32 {
	r := csprng.New(testSeed, "small ciphertexts", 0)
	out := make([][]uint32, n)
	for i := range out {
		out[i] = make([]uint32, Default.LWEDim+1)
		r.Uint32s(out[i])
		copy(out[i], packEdges[i%len(packEdges):])
	}
	return out
}

// packModel computes coefficient h of polynomial c of a packing key switch from
// its definition: body*X^b minus digits times rows times X^b.
func packModel(k *PackingKey, small [][]uint32, c, h int) uint32 {
	p := k.params
	sum := new(big.Int)
	var term big.Int
	digits := make([]Digits, p.packDigits()/vec.Group)
	for b, s := range small {
		body := p.packDecompose(digits, 1, s)
		if c == p.packRank() && b == h {
			sum.Add(sum, big.NewInt(int64(body)))
		}
		for r := range p.packDigits() {
			x := big.NewInt(int64(k.columns[c].At(r, (h-b+p.PackSize)%p.PackSize)))
			if h < b {
				x.Neg(x)
			}
			sum.Add(sum, term.Mul(x, big.NewInt(int64(digits[r/vec.Group][r%vec.Group]))))
		}
	}
	return uint32(sum.And(sum, big.NewInt(1<<32-1)).Uint64())
}

func TestPackingKeySwitch(t *testing.T) {
	k := keys().engine.packing
	small := smallCiphertexts(5)
	glwe := k.pack(small)
	for c := range glwe {
		for _, h := range []int{0, 1, 3, 4, 5, 200, 255} {
			if want := packModel(k, small, c, h); glwe[c][h] != want {
				t.Errorf("polynomial %d coefficient %d is %#x, want %#x", c, h, glwe[c][h], want)
			}
		}
	}
}

// roundModel follows SPEC 3.12 with rationals for the body of a slot.
func roundModel(glwe [][]uint32, h int) uint16 {
	sum := new(big.Int)
	for j := range Default.LWEDim {
		i, c := j/256, h-j%256
		word, sign := glwe[i][(c+256)%256], int64(1)
		if c < 0 {
			sign = -1
		}
		q := (int64(word) + 1<<20) >> 21
		sum.Add(sum, big.NewInt(sign*(q<<21-int64(word))))
	}
	body := big.NewInt(int64(glwe[4][h]))
	body.Add(body, sum.Div(sum, big.NewInt(2)))
	body.Div(body, big.NewInt(1<<21))
	return uint16(body.Mod(body, big.NewInt(2048)).Int64())
}

func TestRoundPacked(t *testing.T) {
	r := csprng.New(testSeed, "round packed", 0)
	glwe := make([][]uint32, 5)
	for round := range 4 {
		for i := range glwe {
			glwe[i] = make([]uint32, 256)
			r.Uint32s(glwe[i])
			for h := range glwe[i] {
				switch round {
				case 1: // every error is the largest, and they carry the body around
					glwe[i][h] = 1<<32 - 1<<20
				case 2:
					glwe[i][h] = 1<<20 - 1
				}
			}
		}
		c := Default.roundPacked(glwe, 256)
		for h, body := range c.Bodies {
			if want := roundModel(glwe, h); body != want {
				t.Fatalf("round %d: body %d is %d, want %d", round, h, body, want)
			}
		}
		for h := range 256 {
			if got, want := c.Mask[256+h], uint16((uint64(glwe[1][h])+1<<20)>>21%2048); got != want {
				t.Fatalf("round %d: mask word %d is %d, want %d", round, h, got, want)
			}
		}
	}
}

// knownPackedDigest is that of the words, big-endian, of a packed ciphertext of
// 40 blocks of random words under the keys of testSeed, masks before bodies, and
// of slots 0, 20 and 39 unpacked.
const knownPackedDigest = "960174cc09e72a5574c84f51e08717766c0577481f3b0ea528960123d8578872"

func TestKnownPacked(t *testing.T) {
	k := keys()
	r := csprng.New(testSeed, "known blocks", 0)
	blocks := make([]LWE, 40)
	for i := range blocks {
		blocks[i] = Default.NewLWE()
		r.Uint64s(blocks[i])
	}
	for _, name := range accel.Implementations("vec") {
		accel.Select("vec", name)
		c, err := k.engine.Pack(blocks)
		accel.Reset("vec")
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		binary.Write(h, binary.BigEndian, c.Mask)
		binary.Write(h, binary.BigEndian, c.Bodies)
		all := unpackJobs(t, c)
		jobs := []Job{all[0], all[20], all[39]}
		k.bootstrap(t, jobs)
		for _, j := range jobs {
			binary.Write(h, binary.BigEndian, []uint64(j.Dst[0]))
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != knownPackedDigest {
			t.Errorf("%s: digest is %s, want %s", name, got, knownPackedDigest)
		}
	}
}

// Jobs of both kinds share batches and give what they give alone.
func TestMixedBatch(t *testing.T) {
	k := keys()
	unpack := unpackJobs(t, randomPacked(3))
	k.bootstrap(t, unpack)
	want := digestOf(unpack)
	again := unpackJobs(t, randomPacked(3))
	other := knownJobs(2)
	k.bootstrap(t, []Job{again[0], other[0], again[1], other[1], again[2]})
	if digestOf(again) != want {
		t.Error("results depend on the batch")
	}
}

func TestBadPacking(t *testing.T) {
	k, p := keys(), &Default
	for name, blocks := range map[string][]LWE{
		"none": nil, "too many": make([]LWE, p.PackSize+1), "short": {p.NewLWE(), p.NewLWE()[1:]},
	} {
		if _, err := k.engine.Pack(blocks); err == nil {
			t.Errorf("%s: packed", name)
		}
	}
	for name, spoil := range map[string]func(c *Packed){
		"no slots":   func(c *Packed) { c.Bodies = nil },
		"many slots": func(c *Packed) { c.Bodies = make([]uint16, 257) },
		"one slot":   func(c *Packed) { c.Bodies = c.Bodies[:1] },
		"short mask": func(c *Packed) { c.Mask = c.Mask[1:] },
		"long mask":  func(c *Packed) { c.Mask = append(c.Mask, 0) },
		"wide word":  func(c *Packed) { c.Mask[7] = 1 << 11 },
		"wide body":  func(c *Packed) { c.Bodies[1] = 1 << 15 },
	} {
		c := randomPacked(2)
		spoil(c)
		if _, err := p.NewUnpackJob(p.NewLWE(), c, 0, p.NewUnpackLUT()); err == nil {
			t.Errorf("%s: unpacked", name)
		}
	}
	for _, slot := range []int{-1, 2} {
		if _, err := p.NewUnpackJob(p.NewLWE(), randomPacked(2), slot, p.NewUnpackLUT()); err == nil {
			t.Errorf("unpacked slot %d of 2", slot)
		}
	}
}

func BenchmarkPack(b *testing.B) {
	k := keys()
	r := csprng.New(testSeed, "known blocks", 0)
	blocks := make([]LWE, 32)
	for i := range blocks {
		blocks[i] = Default.NewLWE()
		r.Uint64s(blocks[i])
	}
	small := k.engine.keySwitch.scaled(blocks)
	b.Run("key switch", func(b *testing.B) {
		for b.Loop() {
			k.engine.keySwitch.scaled(blocks)
		}
	})
	b.Run("packing key switch", func(b *testing.B) {
		for b.Loop() {
			k.engine.packing.pack(small)
		}
	})
	glwe := k.engine.packing.pack(small)
	b.Run("rounding", func(b *testing.B) {
		for b.Loop() {
			Default.roundPacked(glwe, len(blocks))
		}
	})
}
