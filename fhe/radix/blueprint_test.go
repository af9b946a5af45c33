package radix

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"fhevm/fhe"
	"fhevm/fhe/internal/parallel"
	"fhevm/fhe/tfhe"
)

// compiled is f's program on operands with distinct noise.
func (f form) compiled(clear *big.Int) (*program, error) {
	values := slices.Repeat([]*big.Int{clear}, len(f.types))
	return compile(f.row, f.t, f.operands(values, func(_ int, t fhe.Type, _ *big.Int) *Ciphertext { return plain(t, new(big.Int)) }))
}

// clears are values for the clear operands of f: few where circuits are large.
func (f form) clears() []*big.Int {
	t := f.types[len(f.types)-1]
	if f.clear == 1 {
		t = f.types[0]
	}
	edges := edgeValues(t)
	switch {
	case f.clear == 0:
		return edges[:1]
	case f.cost().Bootstraps > 2000 && len(edges) > 4:
		return edges[3:5]
	}
	return edges
}

// blueprint is what the circuits of a form are, for all of its clear values.
type blueprint struct {
	form
	digest [16]byte // of all that decides their results
	norm2  int      // the largest of a bootstrap's input
}

// blueprints builds the circuits of every form, which takes a while, once.
var blueprints = sync.OnceValues(func() ([]blueprint, error) {
	all := forms()
	out, errs := make([]blueprint, len(all)), make([]error, len(all))
	parallel.For(len(all), func(i int) { out[i], errs[i] = all[i].draft() })
	return out, errors.Join(errs...)
})

func (f form) draft() (blueprint, error) {
	b, h := blueprint{form: f}, sha256.New()
	for _, k := range f.clears() {
		p, err := f.compiled(k)
		if err != nil {
			return b, fmt.Errorf("%v: compile with %v: %w", f, k, err)
		}
		h.Write(p.text())
		for _, layer := range p.layers {
			for _, s := range layer {
				b.norm2 = max(b.norm2, s.input.norm2())
			}
		}
	}
	copy(b.digest[:], h.Sum(nil))
	return b, nil
}

// No bootstrap of any circuit fails with more than 2^-128, by the formula of
// the default parameters.
func TestFailureProbability(t *testing.T) {
	all, err := blueprints()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		if p := tfhe.Default.FailureLog2(float64(b.norm2)); p > -128 {
			t.Errorf("%v: bootstrap of 2-norm squared %d fails with 2^%.2f", b.form, b.norm2, p)
		}
	}
}

var update = flag.Bool("update", false, "write testdata/circuits.txt")

// Circuits are part of the protocol version: what they compute, bootstrap by
// bootstrap, must stay what testdata/circuits.txt records.
func TestCircuitsAreFixed(t *testing.T) {
	const path = "testdata/circuits.txt"
	all, err := blueprints()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, c := range all {
		fmt.Fprintf(&b, "%x %s\n", c.digest, c.form)
	}
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("circuits differ from %s: a new protocol version is due (-update writes the file)", path)
	}
}

// text is all that decides p's results.
func (p *program) text() (b []byte) {
	tables := make(map[*table]string)
	for _, layer := range p.layers {
		for _, s := range layer {
			if tables[s.table] == "" {
				tables[s.table] = fmt.Sprint(s.table.entries, s.table.twice)
			}
			b = fmt.Appendf(b, "%d %d %s ", s.layer(), s.outs[0].index, tables[s.table])
			b = append(s.input.text(b), '\n')
		}
	}
	for _, out := range p.outs {
		b = append(out.text(b), '\n')
	}
	return b
}

// text appends w's terms and its constant.
func (w wire) text(b []byte) []byte {
	for _, t := range w.terms {
		b = append(strconv.AppendInt(b, int64(t.factor), 10), "*["...)
		b = append(strconv.AppendInt(b, int64(t.index), 10), "] + "...)
	}
	return strconv.AppendInt(b, int64(w.constant), 10)
}
