package coprocessor

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/fhe"
)

// TestPrograms runs random programs on few and many workers, fed at once and
// block by block, with the wants where the program put them and long after. The
// ciphertexts are the same each time, and hold what the plaintext program says.
func TestPrograms(t *testing.T) {
	for seed := range uint64(8) {
		log := program(seed)
		var first map[fhe.Handle]fhe.Digest
		for _, v := range []struct {
			workers  int
			stepwise bool
			late     bool
		}{{1, false, false}, {3, true, false}, {32, false, true}} {
			blocks := log.Blocks
			if v.late {
				blocks = lateWants(rand.New(rand.NewPCG(seed, 1)), blocks)
			}
			m := start(t, vfs.NewMem(), newPlainEvaluator(), func(c *Config) { c.Workers = v.workers })
			for _, b := range blocks {
				m.feed(t, b)
				if v.stepwise {
					m.drain(t)
				}
			}
			m.drain(t)
			got := m.digests(t, log.Blocks)
			if first == nil {
				first = got
				checkPlaintexts(t, m, log, got)
			}
			if !maps.Equal(got, first) {
				t.Errorf("seed %d: digests differ under %+v", seed, v)
			}
			m.stop(t)
		}
	}
}

// lateWants moves all wants of blocks to blocks of their own at the end, shuffled.
func lateWants(r *rand.Rand, blocks []fhe.Batch) []fhe.Batch {
	var out []fhe.Batch
	var wants []fhe.Entry
	for _, b := range blocks {
		var kept []fhe.Entry
		for _, e := range b.Entries {
			if e.Wanted != nil {
				wants = append(wants, e)
			} else {
				kept = append(kept, e)
			}
		}
		b.Entries = kept
		out = append(out, b)
	}
	r.Shuffle(len(wants), func(i, k int) { wants[i], wants[k] = wants[k], wants[i] })
	for i := range wants {
		out = append(out, fhe.Batch{Number: uint64(len(out)) + 1, Entries: wants[i : i+1]})
	}
	return out
}

func checkPlaintexts(t *testing.T, m *machine, log *logtest.Log, wanted map[fhe.Handle]fhe.Digest) {
	t.Helper()
	for h := range wanted {
		ct, err := m.Ciphertext(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := plaintext(t, ct), log.Values[h]; got != want || ct.Type != h.Type() {
			t.Errorf("%s of %s is %d, want %d", log.Kinds[h], h.Type(), got, want)
		}
		_, id, err := m.status(h)
		if err != nil {
			t.Fatal(err)
		}
		p, i, err := m.packed(id)
		if err != nil || p.Digest() != wanted[h] || p.Types()[i] != h.Type() {
			t.Errorf("%s: the stored digest is not that of the packed ciphertext, or value %d is another; %v", h, i, err)
		}
	}
}

// TestComputesOnce counts evaluations: the contents that the wanted handles
// need, each once, and nothing else.
func TestComputesOnce(t *testing.T) {
	for seed := range uint64(5) {
		log := program(seed)
		e := newSpy(newPlainEvaluator())
		// All at once: of what is known to be needed, nothing is dropped.
		m := startWith(t, log.Blocks, e)
		m.drain(t)
		needed, all := contents(log.Blocks)
		if e.total() != len(needed) {
			t.Errorf("seed %d: %d evaluations %v, want %d", seed, e.total(), e.calls, len(needed))
		}
		if len(needed) >= all {
			t.Errorf("seed %d: the program has no dead or repeated values", seed)
		}
		for m.Stats().Running > 0 || m.Stats().Queued > 0 { // counted after the wants are settled
			runtime.Gosched()
		}
		if s := m.Stats(); s.Done != uint64(len(needed)) || s.Missing != 0 || s.Queued != 0 || s.Failed != 0 || s.Bootstraps == 0 {
			t.Errorf("seed %d: %+v for %d evaluations", seed, s, len(needed))
		}
		m.feed(t, emptyBlocks(len(log.Blocks), 2)...)
		m.drain(t)
		if e.total() != len(needed) {
			t.Errorf("seed %d: computed again", seed)
		}
		m.stop(t)
	}
}

func emptyBlocks(after, n int) (blocks []fhe.Batch) {
	for i := range n {
		blocks = append(blocks, fhe.Batch{Number: uint64(after+i) + 1})
	}
	return blocks
}

// contents is a slow model of sharing: it writes every value out as an
// expression over input lists, and returns the distinct evaluations
// that the wants of blocks reach, and the number of handles. It knows nothing of
// fused chains, which blocks must not have.
func contents(blocks []fhe.Batch) (needed map[string]bool, all int) {
	expressions := make(map[fhe.Handle]string)
	parts := make(map[string][]string) // what an expression needs evaluated
	needed = make(map[string]bool)
	var reach func(x string)
	reach = func(x string) {
		if !needed[x] {
			needed[x] = true
			for _, p := range parts[x] {
				reach(p)
			}
		}
	}
	for _, b := range blocks {
		for _, e := range b.Entries {
			switch {
			case e.Input != nil:
				var list fhe.InputList
				_ = list.UnmarshalBinary(e.Input.Encoding)
				name := "list " + e.Input.Digest.String()
				for i, h := range list.Handles(e.Input.Encoding) {
					expressions[h] = fmt.Sprint("value ", i, " of ", name)
					parts[expressions[h]] = []string{name}
					all++
				}
			case e.Operation != nil:
				d := e.Operation.Derivation
				x := fmt.Sprint(d.Op, d.Type, "(")
				var operands []string
				for _, o := range d.Operands {
					if o.Kind == fhe.Clear {
						x += o.Value().Dec() + ","
						continue
					}
					x += fmt.Sprint(o.Kind, " ", expressions[o.Handle()], ",")
					operands = append(operands, expressions[o.Handle()])
				}
				x += ")"
				parts[x] = operands
				for k, r := range d.Results() {
					expressions[r.Handle] = fmt.Sprint("value ", k, " of ", x)
					parts[expressions[r.Handle]] = []string{x}
					all++
				}
			}
		}
	}
	for _, b := range blocks {
		for _, e := range b.Entries {
			if e.Wanted != nil {
				reach(expressions[*e.Wanted])
			}
		}
	}
	maps.DeleteFunc(needed, func(x string, _ bool) bool { return strings.HasPrefix(x, "value ") })
	return needed, all
}

// TestTrace follows one computation into the hook.
func TestTrace(t *testing.T) {
	traces := make(chan Trace, 10)
	m := start(t, vfs.NewMem(), newPlainEvaluator(), func(c *Config) { c.Trace = func(tr Trace) { traces <- tr } })
	l := logtest.New()
	list, values := randomList(rand.New(rand.NewPCG(0, 0)))
	x := l.Input(list, values...)[0]
	y := l.Operation(fhe.Add, fhe.Uint8, false, 0, x, x)
	l.Want(y)
	m.feed(t, l.Seal(0))
	m.drain(t)
	if tr := <-traces; tr.Handle != x || tr.Kind != "input" || tr.Bootstraps != 5 || tr.Failure != nil {
		t.Errorf("first trace %+v", tr)
	}
	if tr := <-traces; tr.Handle != y || tr.Kind != "add" || tr.Bootstraps == 0 {
		t.Errorf("second trace %+v", tr)
	}
	m.stop(t)
}

// TestFusedChains adds up values in one transaction. Only the last sum is wanted,
// then all of them: each has the same ciphertext both times, and the chain's end
// does not take its beginning.
func TestFusedChains(t *testing.T) {
	l := logtest.New()
	var x []fhe.Handle
	for seed := range uint64(4) {
		x = append(x, randomInput(l, seed))
	}
	var sums []fhe.Handle
	for i, next := range x[1:] {
		before := x[0]
		if i > 0 {
			before = sums[i-1]
		}
		sums = append(sums, l.Operation(fhe.Add, fhe.Uint8, false, 0, before, next))
	}
	l.Want(sums[2])
	l.Seal(0)
	spy := newSpy(newPlainEvaluator())
	m := startWith(t, l.Blocks, spy)
	m.drain(t)
	alone := m.digests(t, l.Blocks)
	if spy.calls["sum"] != 1 || spy.calls["add"] != 0 {
		t.Errorf("%v, want one sum of four", spy.calls)
	}
	l.Want(sums...)
	m.feed(t, l.Seal(0))
	m.drain(t)
	all := m.digests(t, l.Blocks)
	if all[sums[2]] != alone[sums[2]] || spy.calls["sum"] != 2 || spy.calls["add"] != 1 {
		t.Errorf("%v, want a sum of two, of three and of four, each once", spy.calls)
	}
	checkPlaintexts(t, m, l, all)
	m.keepsNothing(t)
	m.stop(t)
}
