package radix

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/holiman/uint256"

	"fhevm/fhe"
	"fhevm/fhe/tfhe"
)

// network is one real key of the default parameters, its engine, and what the
// tests learn about noise.
type network struct {
	*Evaluator
	secret *tfhe.SecretKey
	public *tfhe.PublicKey
	key    *tfhe.EvaluationKey
}

var realNetwork = sync.OnceValue(func() *network {
	k := tfhe.NewSecretKey(&tfhe.Default, tfhe.SeedFrom([32]byte{'r', 'a', 'd', 'i', 'x'}))
	n := &network{secret: k, public: k.PublicKey(), key: k.EvaluationKey(nil)}
	n.Evaluator = NewEvaluator(tfhe.Default, tfhe.NewEngine(n.key, 0))
	return n
})

// encrypt makes ciphertexts as a wallet and a coprocessor do: public-key
// encryption, then Expand, so that their noise is that of bootstrap outputs.
func (n *network) encrypt(types []fhe.Type, values []uint64) ([]*Ciphertext, error) {
	list := &fhe.InputList{Types: types}
	var slots []uint8
	for i, t := range types {
		for s := range t.Slots() {
			slots = append(slots, uint8(values[i]>>(4*s)&15))
		}
	}
	var err error
	if list.Mask, list.Bodies, err = n.public.Encrypt(slots); err != nil {
		return nil, err
	}
	return n.Expand(context.Background(), list)
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

// noise compares measured deviations with the variance that the circuit's
// norms promise.
type noise struct {
	mu      sync.Mutex
	squares float64 // sum of deviation^2 / promised variance over independent samples
	samples int
	worst   float64 // largest deviation in promised standard deviations
}

// add enters the deviation of w. used marks the sources that other samples of
// w's program hold; a wire that meets one is no independent sample.
func (s *noise) add(deviation float64, w wire, used []bool) {
	x := deviation * deviation / (float64(w.norm2()) * tfhe.Default.BootstrapVariance())
	independent := true
	for _, t := range w.terms {
		independent = independent && !used[t.source]
		used[t.source] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.worst = max(s.worst, math.Sqrt(x))
	if independent {
		s.squares += x
		s.samples++
	}
}

// check fails if the variance exceeds the promise at the 99.99 % level, or a
// single deviation is out of question for a Gaussian.
func (s *noise) check(t *testing.T) {
	t.Helper()
	ratio := s.squares / float64(s.samples)
	limit := 1 + 6*math.Sqrt(2/float64(s.samples))
	t.Logf("%d independent samples: variance %.4f of the promised, largest deviation %.2f sigma", s.samples, ratio, s.worst)
	if ratio > limit || s.worst > 7 {
		t.Errorf("variance %.4f of the promised, want at most %.4f; largest deviation %.2f sigma, want at most 7", ratio, limit, s.worst)
	}
}

// watch runs p as Evaluator.run does, and decrypts the input of every bootstrap
// to check its range and its noise.
func (n *network) watch(p *program, operands []tfhe.LWE, seen *noise) ([]tfhe.LWE, error) {
	values := make([]tfhe.LWE, p.sources)
	copy(values, operands)
	used := make([]bool, p.sources)
	for _, layer := range p.layers {
		var jobs []tfhe.Job
		for _, s := range layer {
			j := n.job(s, values)
			if v := n.secret.Decrypt(j.Src); v > s.input.hi && v-modulus < s.input.lo {
				return nil, fmt.Errorf("bootstrap input %d outside [%d, %d]", v, s.input.lo, s.input.hi)
			}
			seen.add(n.deviation(j.Src), s.input, used)
			jobs = append(jobs, j)
		}
		if err := n.boot.Bootstrap(context.Background(), jobs); err != nil {
			return nil, err
		}
	}
	out := make([]tfhe.LWE, len(p.outs))
	for i, w := range p.outs {
		out[i] = n.combine(w, values)
		if w.norm2() > 0 {
			seen.add(n.deviation(out[i]), w, used)
		}
	}
	return out, nil
}

// realCase is one operation on real ciphertexts. With alias set, the last two
// operands are one ciphertext.
type realCase struct {
	form
	values []uint64
	alias  bool
}

func (c realCase) String() string { return fmt.Sprintf("%v %d alias=%t", c.form, c.values, c.alias) }

func (n *network) test(c realCase, seen *noise) error {
	var args []*Ciphertext
	var err error
	if len(c.args) > 0 {
		if args, err = n.encrypt(c.args, c.values[:len(c.args)]); err != nil {
			return err
		}
	}
	if c.alias {
		args[len(args)-1] = args[len(args)-2]
	}
	var clear *uint256.Int
	if c.clear {
		clear = uint256.NewInt(c.values[len(c.values)-1])
	}
	p, err := compile(c.row.Op, c.t, args, clear)
	if err != nil {
		return err
	}
	out := &Ciphertext{Type: c.row.Result(c.t)}
	if out.Blocks, err = n.watch(p, blocks(args), seen); err != nil {
		return err
	}
	got, err := n.decrypt(out)
	if want := expected(c.row.Op, c.t, c.values); err == nil && got != want {
		err = fmt.Errorf("got %d, want %d", got, want)
	}
	return err
}

// realCases are edge and random operands for every form: fewer for circuits of
// many bootstraps.
func realCases() (cases []realCase) {
	random := rand.New(rand.NewPCG(2, 3))
	for _, f := range forms() {
		edges := []uint64{0, 1, math.MaxUint64, random.Uint64(), random.Uint64()}
		draws := [][2]int{{3, 3}, {0, 2}, {2, 1}, {3, 4}, {2, 2}}
		if f.row.Bootstraps(f.t, f.clear) > 300 {
			draws = draws[:2]
		}
		for i, d := range draws {
			values := make([]uint64, len(f.values()))
			for j, t := range f.values() {
				values[j] = edges[d[j%2]] & (1<<t.Bits() - 1)
				if f.row.Shape == fhe.Choose && j == 0 {
					values[j] = uint64(i % 2)
				}
			}
			if len(values) == 3 {
				values[2] = edges[d[0]] & (1<<f.t.Bits() - 1)
			}
			alias := i == 0 && len(f.args) > 1
			cases = append(cases, realCase{f, values, alias})
			if len(values) == 1 && !f.clear && i == 3 {
				break
			}
		}
	}
	return cases
}

// Every operation on every type with real keys: each result right and clean,
// each bootstrap's input within its range, and the noise as counted.
func TestReal(t *testing.T) {
	n := realNetwork()
	var seen noise
	var running sync.WaitGroup
	slots := make(chan struct{}, 16)
	for _, c := range realCases() {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			if err := n.test(c, &seen); err != nil {
				t.Errorf("%v: %v", c, err)
			}
		})
	}
	running.Wait()
	seen.check(t)
}
