package dkg

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"

	"fhevm/fhe"
	"fhevm/fhe/squash"
	"fhevm/fhe/tfhe"
	"fhevm/threshold"
	"fhevm/threshold/prss"
)

// Run is what all parties of a key generation agree on before it begins.
type Run struct {
	Committee *threshold.Committee // its epoch's keys are what the run makes: empty
	Params    *tfhe.Params         // as a dealer uses them
	Attempt   uint32               // the number of runs that these parties have given up

	id     fhe.Digest
	quorum threshold.Quorum
	sets   []threshold.PartySet
	limits [Farewell + 1]int // of bodies
}

// NewRun checks that keys of this committee keep what the parameter set promises. plan
// is the digest of all else that the parties agree on, such as the chain.
func NewRun(c *threshold.Committee, p *tfhe.Params, plan fhe.Digest, attempt uint32) (*Run, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	r := &Run{Committee: c, Params: p, Attempt: attempt, quorum: c.Quorum()}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("keys of %d parties: %w", r.quorum.N, err)
	}
	r.sets = append(append(prss.Sets(r.quorum), prss.NoiseSets(r.quorum)...), r.quorum.All())
	for kind := range r.limits {
		r.limits[kind] = r.limit(Kind(kind))
	}
	description, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	digest := fhe.Keccak(description)
	r.id = fhe.Keccak([]byte("fhevm key generation"), binary.BigEndian.AppendUint32(nil, attempt), plan[:], digest[:], []byte(p.Name))
	return r, nil
}

// ID names the run.
func (r *Run) ID() fhe.Digest { return r.id }

// Shared is the parameter set with the errors of keys that a committee of this size
// makes.
func Shared(p *tfhe.Params, q threshold.Quorum) *tfhe.Params {
	return p.SharedBy(len(prss.NoiseSets(q)))
}

// Noise bounds the error of ciphertexts squashed with keys of such a committee.
func Noise(q threshold.Quorum) uint64 {
	return squash.SharedNoiseBound(len(prss.NoiseSets(q))).Uint64()
}

// check demands the failure probability, the flooding margin, and that what is opened
// hides what it should.
func (r *Run) check() error {
	shared := Shared(r.Params, r.quorum)
	if got := shared.FailureLog2(tfhe.MaxNorm2); got > -128 {
		return fmt.Errorf("parameter set %q fails with probability 2^%.1f where errors are sums of %d, want 2^-128: no set holds it for this many parties",
			r.Params.Name, got, shared.KeyShares)
	}
	if r.Committee.Noise < Noise(r.quorum) {
		return fmt.Errorf("the committee drowns noise up to %d, its keys have up to %d", r.Committee.Noise, Noise(r.quorum))
	}
	if _, err := prss.MarginOf(r.Committee); err != nil {
		return err
	}
	return r.checkOpened()
}

// checkOpened demands what the argument of SPEC 11.6 takes for granted of opened
// integers: they never wrap around, carry less than 2^carryLog multiples of their
// modulus, and are fewer than 2^openingsLog.
func (r *Run) checkOpened() error {
	if opened := largestOpened(r.quorum); opened.Cmp(product()) >= 0 {
		return fmt.Errorf("opened integers reach 2^%d, the modulus is below 2^%d", opened.BitLen(), product().BitLen())
	}
	if carry := largestCarry(r.Params, r.quorum); carry.Cmp(new(big.Int).Lsh(big.NewInt(1), carryLog)) > 0 {
		return fmt.Errorf("opened integers carry up to %v multiples of their modulus, what hides them is for 2^%d", carry, carryLog)
	}
	if n := openings(r.Params); n >= 1<<openingsLog {
		return fmt.Errorf("%d integers are opened, what hides them is for fewer than 2^%d", n, openingsLog)
	}
	return nil
}

// largestCarry bounds how many multiples of its modulus an inner product carries, with
// its message, which is below one, and its errors, of which each small set adds one.
func largestCarry(p *tfhe.Params, q threshold.Quorum) *big.Int {
	carry := func(terms, noise, base int) *big.Int {
		errors := new(big.Int).Lsh(big.NewInt(int64(len(prss.NoiseSets(q)))), uint(noise))
		errors.Rsh(errors, uint(base))
		return errors.Add(errors, big.NewInt(int64(terms)+2)) // rounded up
	}
	long, short := carry(p.BigDim(), p.GLWENoise, 64), carry(p.LWEDim, p.LWENoise, 32)
	if long.Cmp(short) < 0 {
		return short
	}
	return long
}

// openings is the number of integers that are opened for bodies modulo 2^64 and 2^32.
func openings(p *tfhe.Params) int {
	return len(newChunk(p, 0).words[0]) + p.LWEDim*len(newChunk(p, 1).words[0])
}

// largestOpened bounds the integers that are opened for bodies modulo 2^64: offset
// and inner product, and one multiple of the modulus for each small set.
func largestOpened(q threshold.Quorum) *big.Int {
	sum := new(big.Int).Lsh(big.NewInt(int64(len(prss.NoiseSets(q)))), carryBits)
	sum.Add(sum, new(big.Int).Lsh(big.NewInt(1), carryLog+2))
	return sum.Lsh(sum, 64)
}

// setsOf lists the run's sets that a party is in: sets of n-t, those of t+1, all.
func (r *Run) setsOf(id threshold.PartyID) []threshold.PartySet {
	return slices.DeleteFunc(slices.Clone(r.sets), func(s threshold.PartySet) bool { return !s.Has(id) })
}

// common lists the sets that both parties are in.
func (r *Run) common(a, b threshold.PartyID) []threshold.PartySet {
	return slices.DeleteFunc(r.setsOf(a), func(s threshold.PartySet) bool { return !s.Has(b) })
}

// contribution is what one party adds to the seed of a set.
type contribution [32]byte

// Format implements fmt.Formatter.
func (contribution) Format(s fmt.State, _ rune) { threshold.Redact(s) }

// commitment hides and fixes a contribution, which is random and so needs no salt.
func (r *Run) commitment(from threshold.PartyID, set threshold.PartySet, c contribution) fhe.Digest {
	return fhe.Keccak([]byte("fhevm key generation commitment"), r.id[:], setBytes(set), []byte{byte(from)}, c[:])
}

// seed is the hash of all members' contributions, in the order of their ids.
func (r *Run) seed(set threshold.PartySet, of func(threshold.PartyID) contribution) tfhe.Seed {
	parts := [][]byte{[]byte("fhevm key generation seed"), r.id[:], setBytes(set)}
	for id := range set.All() {
		c := of(id)
		parts = append(parts, c[:])
	}
	return tfhe.SeedFrom(fhe.Keccak(parts...))
}

func setBytes(set threshold.PartySet) []byte { return binary.BigEndian.AppendUint16(nil, uint16(set)) }
