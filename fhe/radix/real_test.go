package radix

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// network is one real key of the default parameters and its engine. All tests
// use fixed seeds, so their noise is the same in every run.
type network struct {
	*Evaluator
	secret *tfhe.SecretKey
	key    *tfhe.EvaluationKey
	ready  sync.Map // what computed has made
}

var realNetwork = sync.OnceValue(func() *network {
	k := tfhe.NewSecretKey(&tfhe.Default, tfhe.SeedFrom([32]byte{'r', 'a', 'd', 'i', 'x'}))
	n := &network{secret: k, key: k.EvaluationKey(nil)}
	n.Evaluator = NewEvaluator(tfhe.Default, tfhe.NewEngine(n.key, 0))
	return n
})

// encrypt is a ciphertext of v that depends on nothing but v, t and name.
func (n *network) encrypt(t fhe.Type, v uint64, name string) *Ciphertext {
	c := &Ciphertext{Type: t}
	for i := range t.Blocks() {
		b := n.params.NewLWE()
		seed := tfhe.SeedFrom([32]byte{'o', 'p', 'e', 'r', 'a', 'n', 'd'}).Derive(name, uint64(i))
		n.secret.Encrypt(b, v>>(messageBits*i)%base*tfhe.Delta, seed)
		c.Blocks = append(c.Blocks, b)
	}
	return c
}

// computed is a ciphertext of v with the noise of a bootstrap, as operations
// leave it: for each place the same one whenever it is asked for.
func (n *network) computed(t fhe.Type, v uint64, place int) (*Ciphertext, error) {
	name := fmt.Sprint(t, v, place)
	if c, ok := n.ready.Load(name); ok {
		return c.(*Ciphertext), nil
	}
	c := n.encrypt(t, v, name)
	jobs := make([]tfhe.Job, len(c.Blocks))
	for i, b := range c.Blocks {
		jobs[i] = n.job(clean, b)
		c.Blocks[i] = jobs[i].Dst[0]
	}
	if err := n.boot.Bootstrap(context.Background(), jobs); err != nil {
		return nil, err
	}
	n.ready.Store(name, c)
	return c, nil
}

// decrypt returns the value of c, which must be clean.
func (n *network) decrypt(c *Ciphertext) (v uint64, err error) {
	for i, b := range c.Blocks {
		m := n.secret.Decrypt(b)
		if m > top(c.Type) {
			return 0, fmt.Errorf("block %d of %s holds %d", i, c.Type, m)
		}
		v |= uint64(m) << (messageBits * i)
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
func (n *network) watch(p *program, operands []tfhe.LWE) (out []tfhe.LWE, seen []sample, err error) {
	values := make([]tfhe.LWE, p.sources)
	copy(values, operands)
	for _, layer := range p.layers {
		for _, s := range layer {
			src := n.combine(s.input, values)
			if v := n.secret.Decrypt(src); v > s.input.hi && v-modulus < s.input.lo {
				return nil, nil, fmt.Errorf("bootstrap input %d outside [%d, %d]", v, s.input.lo, s.input.hi)
			}
			seen = append(seen, n.sample(src, s.input, values))
		}
		if err := n.runLayer(context.Background(), layer, values); err != nil {
			return nil, nil, err
		}
	}
	for _, w := range p.outs {
		b := n.combine(w, values)
		if w.norm2() > 0 {
			seen = append(seen, n.sample(b, w, values))
		}
		out = append(out, b)
	}
	return out, seen, nil
}

// realCase is one operation on real ciphertexts. With alias set, the last two
// operands are one ciphertext.
type realCase struct {
	form
	values []uint64
	alias  bool
}

func (c realCase) String() string { return fmt.Sprintf("%v %d alias=%t", c.form, c.values, c.alias) }

// operands encrypts the operands of c. A value is one ciphertext in all cases,
// but not as first and as second operand.
func (n *network) operands(c realCase) (args []*Ciphertext, err error) {
	for i, t := range c.args {
		a, err := n.computed(t, c.values[i], i)
		if err != nil {
			return nil, err
		}
		args = append(args, a)
	}
	if c.alias {
		args[len(args)-1] = args[len(args)-2]
	}
	return args, nil
}

func (n *network) test(c realCase) (seen []sample, err error) {
	args, err := n.operands(c)
	if err != nil {
		return seen, err
	}
	var clear *uint256.Int
	if c.clear {
		clear = uint256.NewInt(c.values[len(c.values)-1])
	}
	p, err := compile(c.row.Op, c.t, args, clear)
	if err != nil {
		return seen, err
	}
	out := &Ciphertext{Type: c.row.Result(c.t)}
	if out.Blocks, seen, err = n.watch(p, blocks(args)); err != nil {
		return seen, err
	}
	got, err := n.decrypt(out)
	if want := expected(c.row.Op, c.t, c.values); err == nil && got != want {
		err = fmt.Errorf("got %d, want %d", got, want)
	}
	return seen, err
}

// realCases are the operands 0, 1, the largest, random and equal ones for every
// form; in fewer pairs for circuits of many bootstraps.
func realCases() (cases []realCase) {
	random := rand.New(rand.NewPCG(2, 3))
	for _, f := range forms() {
		edges := []uint64{0, 1, math.MaxUint64, random.Uint64(), random.Uint64()}
		draws := [][2]int{{3, 3}, {0, 2}, {1, 4}, {2, 1}, {3, 4}, {2, 2}}
		if f.row.Bootstraps(f.t, f.clear) > 100 {
			draws = draws[:3]
		}
		for i, d := range draws {
			c := realCase{form: f, alias: i == 0 && len(f.args) > 1}
			for j, t := range f.values() {
				c.values = append(c.values, edges[d[j%2]]&(1<<t.Bits()-1))
			}
			if f.row.Shape == fhe.Choose {
				c.values = []uint64{uint64(i % 2), c.values[1], edges[d[0]] & (1<<f.t.Bits() - 1)}
			}
			cases = append(cases, c)
		}
	}
	return cases
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
