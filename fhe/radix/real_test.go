package radix

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// network is one real key of the default parameters and its engine. All tests
// use fixed seeds, so their noise is the same in every run.
type network struct {
	*Evaluator
	secret *tfhe.SecretKey
	key    *tfhe.EvaluationKey
	ready  sync.Map // blocks that computed has made
}

var realNetwork = sync.OnceValue(func() *network {
	k := tfhe.NewSecretKey(&tfhe.Default, tfhe.SeedFrom([32]byte{'r', 'a', 'd', 'i', 'x'}))
	n := &network{secret: k, key: k.EvaluationKey(nil)}
	n.Evaluator = NewEvaluator(tfhe.Default, tfhe.NewEngine(n.key, 0))
	return n
})

// encrypt is a ciphertext of v that depends on nothing but v, t and name.
func (n *network) encrypt(t fhe.Type, v *big.Int, name string) *Ciphertext {
	c := &Ciphertext{Type: t}
	for i, d := range digits(v, t.Blocks()) {
		b := n.params.NewLWE()
		seed := tfhe.SeedFrom([32]byte{'o', 'p', 'e', 'r', 'a', 'n', 'd'}).Derive(name, uint64(i))
		n.secret.Encrypt(b, d*tfhe.Delta, seed)
		c.Blocks = append(c.Blocks, b)
	}
	return c
}

// computed is a ciphertext of v with the noise of bootstraps, as operations leave
// it. In each place a block of one content is the same one whenever it is asked for.
func (n *network) computed(t fhe.Type, v *big.Int, place int) (*Ciphertext, error) {
	c := &Ciphertext{Type: t}
	for i, d := range digits(v, t.Blocks()) {
		b, err := n.block(d, place, i)
		if err != nil {
			return nil, err
		}
		c.Blocks = append(c.Blocks, b)
	}
	return c, nil
}

func (n *network) block(digit uint64, place, i int) (tfhe.LWE, error) {
	name := fmt.Sprint(digit, place, i)
	if b, ok := n.ready.Load(name); ok {
		return b.(tfhe.LWE), nil
	}
	fresh := n.params.NewLWE()
	n.secret.Encrypt(fresh, digit*tfhe.Delta, tfhe.SeedFrom([32]byte{'b', 'l', 'o', 'c', 'k'}).Derive(name, 0))
	job := n.job(clean, fresh)
	if err := n.boot.Bootstrap(context.Background(), []tfhe.Job{job}); err != nil {
		return nil, err
	}
	n.ready.Store(name, job.Dst[0])
	return job.Dst[0], nil
}

// decrypt returns the value of c, which must be clean.
func (n *network) decrypt(c *Ciphertext) (*big.Int, error) {
	v := new(big.Int)
	for i, b := range slices.Backward(c.Blocks) {
		m := n.secret.Decrypt(b)
		if m > top(c.Type) {
			return nil, fmt.Errorf("block %d of %s holds %d", i, c.Type, m)
		}
		v.Lsh(v, messageBits).Or(v, number(uint64(m)))
	}
	return v, nil
}

// deviation is the distance of c's phase from the nearest plaintext, as a
// fraction of the torus.
func (n *network) deviation(c tfhe.LWE) float64 {
	e := n.secret.Phase(c) - tfhe.Delta*uint64(n.secret.Decrypt(c))
	return float64(int64(e)) / math.Ldexp(1, 64)
}

// sample is a deviation squared, in units of the variance that the circuit's
// norm promises, and the masks of the ciphertexts whose noise it has.
type sample struct {
	square float64
	masks  []fhe.Digest
}

func (n *network) sample(b tfhe.LWE, w wire, values []tfhe.LWE) sample {
	d := n.deviation(b)
	s := sample{square: d * d / (float64(w.norm2()) * tfhe.Default.BootstrapVariance())}
	for _, t := range w.terms {
		s.masks = append(s.masks, maskDigest(values[t.index]))
	}
	return s
}

// maskDigest is the same for two ciphertexts with the same noise.
func maskDigest(b tfhe.LWE) fhe.Digest {
	var h []byte
	for _, v := range (block{ciphertext: b}).maskKey() {
		h = binary.BigEndian.AppendUint64(h, v)
	}
	return fhe.Keccak(h)
}

// noise compares measured deviations with the variance that the circuits'
// norms promise.
type noise struct {
	used    map[fhe.Digest]bool
	squares float64 // sum over independent samples
	samples int
	worst   float64 // largest deviation in promised standard deviations
}

// add enters samples; one that has noise of an earlier one is not independent
// and only counts for the largest deviation.
func (n *noise) add(all []sample) {
	for _, s := range all {
		n.worst = max(n.worst, math.Sqrt(s.square))
		independent := true
		for _, m := range s.masks {
			independent = independent && !n.used[m]
			n.used[m] = true
		}
		if independent {
			n.squares += s.square
			n.samples++
		}
	}
}

// check fails if the variance exceeds the promise at the 99.99 % level,
// one-sided, or a single deviation is out of question for a Gaussian.
func (n *noise) check(t *testing.T) {
	t.Helper()
	const level = 3.719 // deviations of a Gaussian that 0.01 % exceed
	ratio, limit := n.squares/float64(n.samples), 1+level*math.Sqrt(2/float64(n.samples))
	t.Logf("%d independent samples: variance %.4f of the promised, largest deviation %.2f sigma", n.samples, ratio, n.worst)
	if ratio > limit || n.worst > 6 {
		t.Errorf("variance %.4f of the promised, want at most %.4f; largest deviation %.2f sigma, want at most 6", ratio, limit, n.worst)
	}
}

// watch runs p as Evaluator.run does, and decrypts the input of every bootstrap
// to check its range and its noise.
func (n *network) watch(p *program, operands []tfhe.LWE) (out []*Ciphertext, seen []sample, err error) {
	x := n.execution(p, operands)
	for _, layer := range p.layers {
		for _, s := range layer {
			src := x.combine(s.input)
			if v := n.secret.Decrypt(src); v > s.input.hi && v-modulus < s.input.lo {
				return nil, nil, fmt.Errorf("bootstrap input %d outside [%d, %d]", v, s.input.lo, s.input.hi)
			}
			seen = append(seen, n.sample(src, s.input, x.values))
		}
		if err := x.runLayer(context.Background(), layer, nil); err != nil {
			return nil, nil, err
		}
	}
	for _, w := range p.outs {
		if w.norm2() > 0 {
			seen = append(seen, n.sample(x.combine(w), w, x.values))
		}
	}
	return x.results(p), seen, nil
}

// realCase is one operation on real ciphertexts. With alias set, the last two
// operands are one ciphertext.
type realCase struct {
	form
	values []*big.Int
	alias  bool
}

func (c realCase) String() string { return fmt.Sprintf("%v %d alias=%t", c.form, c.values, c.alias) }

// encrypted makes the operands of c. A value is one ciphertext in all cases, but
// not as first and as second operand.
func (n *network) encrypted(c realCase) (operands []Operand, err error) {
	operands = c.operands(c.values, func(i int, t fhe.Type, v *big.Int) *Ciphertext {
		a, e := n.computed(t, v, i)
		if e != nil {
			err = e
		}
		return a
	})
	if c.alias {
		operands[len(operands)-1] = operands[len(operands)-2]
	}
	return operands, err
}

func (n *network) test(c realCase) (seen []sample, err error) {
	operands, err := n.encrypted(c)
	if err != nil {
		return seen, err
	}
	p, err := compile(c.row, c.t, operands)
	if err != nil {
		return seen, err
	}
	out, seen, err := n.watch(p, blocks(operands))
	if err != nil {
		return seen, err
	}
	for i, want := range c.expected(c.values) {
		if got, err := n.decrypt(out[i]); err != nil || got.Cmp(want) != 0 {
			return seen, fmt.Errorf("result %d is %d, want %d: %w", i, got, want, err)
		}
	}
	return seen, nil
}

// realCases are every form on 8 bits, where it takes few bootstraps with operands
// that are equal, at the edges and random, and once on 16 to 64 bits where it takes
// few. The others run in the matrix.
func realCases() (cases []realCase) {
	r := rand.New(rand.NewPCG(2, 3))
	for _, f := range narrow(64) {
		for i := range f.draws() {
			c := realCase{form: f, values: f.draw(r)}
			last := len(c.values) - 1
			if i == 2 && last > 0 && f.types[last] == f.types[last-1] && f.clear == 0 {
				c.alias, c.values[last] = true, c.values[last-1]
			}
			cases = append(cases, c)
		}
	}
	return cases
}

// draws is how often a form is evaluated with real keys.
func (f form) draws() int {
	most := map[int]int{16: 60, 32: 24, 64: 24}
	switch bits, cost := f.t.Bits(), f.cost().Bootstraps; {
	case bits <= 8 && cost <= 10:
		return 3
	case bits <= 8 || cost <= most[bits]:
		return 1
	}
	return 0
}

// Every operation on every type with real keys: each result right and clean,
// each bootstrap's input within its range, and the noise as counted.
func TestReal(t *testing.T) {
	n := realNetwork()
	cases := realCases()
	seen := make([][]sample, len(cases))
	var running sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i, c := range cases {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			var err error
			if seen[i], err = n.test(c); err != nil {
				t.Errorf("%v: %v", c, err)
			}
		})
	}
	running.Wait()
	all := noise{used: make(map[fhe.Digest]bool)}
	for _, s := range seen {
		all.add(s)
	}
	all.check(t)
}
