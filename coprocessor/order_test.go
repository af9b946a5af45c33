package coprocessor

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/coprocessor/store"
	"fhevm/fhe"
)

// loaded is the graph of all that a log wants.
func loaded(t *testing.T, log *logtest.Log) *graph {
	t.Helper()
	s, err := store.Open(vfs.NewMem(), "db", logtest.Domain, discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for _, b := range log.Blocks {
		if err := s.Append(&b); err != nil {
			t.Fatal(err)
		}
	}
	roots, err := s.Pending(store.Position{}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	g := newGraph(s, &workload{now: time.Now})
	for _, root := range roots {
		if _, err := g.load(root); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// put stores something as what j gives, and ends j.
func (g *graph) put(t *testing.T, j *job) {
	t.Helper()
	var bare [][]byte
	if j.keep {
		bare = slices.Repeat([][]byte{{2}}, len(j.results))
	}
	if err := g.store.Put(j.results, []byte{1}, bare); err != nil {
		t.Fatal(err)
	}
	g.succeed(j)
}

// longest is a slow model of path: the layers from the start of j to the end of the
// longest chain of what needs it.
func longest(j *job, known map[*job]int) int {
	if n, ok := known[j]; ok {
		return n
	}
	most := 0
	for _, u := range j.consumers {
		most = max(most, longest(u.by, known))
	}
	known[j] = min(maxPath, most+j.estimate.depth)
	return known[j]
}

// TestOrder has executors here and elsewhere take jobs in random turns, end them in
// random order and give some back. Each time the first of all ready jobs is taken;
// what is handed out takes nothing bare from outside, and everything gets done.
func TestOrder(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 5))
		g := loaded(t, logtest.Random(r, logtest.Shape{Blocks: 100, Operations: 3, Wants: 2, Types: []fhe.Type{fhe.Uint8, fhe.Bool}}))
		known := make(map[*job]int)
		for _, j := range g.jobs {
			if want := longest(j, known); j.path != want {
				t.Fatalf("seed %d: the path of %s is %d, want %d", seed, j.node.Handle, j.path, want)
			}
		}
		var here []*job
		var away [][]*job
		tasks := 0
		for len(g.jobs) > 0 {
			switch r.IntN(6) {
			case 0, 1:
				if j := g.first(t); j != nil {
					here = append(here, j)
				}
			case 2:
				if jobs := g.hand(t); jobs != nil {
					away = append(away, jobs)
					tasks++
				}
			case 3:
				if i := r.IntN(len(away) + 1); i < len(away) {
					g.giveBack(away[i])
					away = slices.Delete(away, i, i+1)
				}
			case 4:
				if i := r.IntN(len(away) + 1); i < len(away) {
					for _, j := range slices.Backward(away[i]) {
						g.put(t, j)
					}
					away = slices.Delete(away, i, i+1)
				}
			case 5:
				if i := r.IntN(len(here) + 1); i < len(here) {
					g.put(t, here[i])
					here = slices.Delete(here, i, i+1)
				}
			}
		}
		if tasks < 10 || len(g.home)+len(g.away)+len(g.whole) > 0 || len(g.bare) > 0 {
			t.Errorf("seed %d: %d tasks; %d ready, %d whole parts and %d bare uses are left", seed, tasks, len(g.home)+len(g.away), len(g.whole), len(g.bare))
		}
	}
}

// first takes a job and checks that it precedes all others.
func (g *graph) first(t *testing.T) *job {
	t.Helper()
	j := g.next(anyClass, math.MaxInt64)
	for _, k := range append(slices.Clone(g.home), g.away...) {
		if j == nil || k.precedes(j) {
			t.Fatal("another job should have been the next")
		}
	}
	return j
}

// hand takes a whole part and returns its jobs in the order of its task, in which
// every bare operand must be made.
func (g *graph) hand(t *testing.T) (jobs []*job) {
	t.Helper()
	taken := g.take()
	if taken == nil {
		return nil
	}
	task, ordered, err := g.taskOf(taken)
	if err != nil {
		t.Fatal(err)
	}
	made := make(map[store.ID]bool)
	for i, n := range task.Jobs {
		for _, o := range n.Operands {
			if o.Kind == fhe.Made && !made[store.ID(o.Word)] {
				t.Fatalf("job %d takes %x bare, which no job before it makes", i, o.Word)
			}
		}
		for _, id := range task.contents[i] {
			made[id] = true
		}
		if ordered[i] != nil {
			jobs = append(jobs, ordered[i])
		}
	}
	if len(jobs) != len(taken) {
		t.Fatalf("the task has %d jobs of %d", len(jobs), len(taken))
	}
	return jobs
}

// TestNoStarvation: a lone operation is not overtaken by work of later age classes,
// however deep.
func TestNoStarvation(t *testing.T) {
	l := logtest.New()
	lone := l.Operation(fhe.Not, fhe.Bool, false, 0, l.Trivial(fhe.Bool, 1))
	l.Transaction()
	l.Want(lone)
	l.Seal(0)
	x := l.Trivial(fhe.Uint8, 3)
	for range 2 * ageBlocks {
		for range 5 {
			x = l.Operation(fhe.Mul, fhe.Uint8, false, 0, x, x)
		}
		l.Want(x)
		l.Seal(0)
	}
	g := loaded(t, l)
	for j := g.first(t); j != nil; j = g.first(t) {
		if j.node.Handle == lone {
			return
		}
		if j.class() > 0 {
			t.Fatalf("work of block %d comes before that of block 1", j.order.Block)
		}
		g.put(t, j)
	}
	t.Fatal("the operation was never ready")
}

// TestCriticalPath orders a crowd of single operations and then, within the age
// class, a chain: the chain goes first.
func TestCriticalPath(t *testing.T) {
	l := logtest.New()
	x := l.Trivial(fhe.Uint8, 3)
	for v := range uint64(30) {
		l.Want(l.Operation(fhe.Add, fhe.Uint8, true, v+1, x))
	}
	l.Seal(0)
	for range 4 {
		x = l.Operation(fhe.Mul, fhe.Uint8, false, 0, x, x)
	}
	l.Want(x)
	l.Seal(0)
	g := loaded(t, l)
	for i := range 5 {
		j := g.first(t)
		if (j.node.Op == fhe.Mul) != (i > 0) {
			t.Fatalf("job %d is %s", i, j.kind())
		}
		g.put(t, j)
	}
}

// TestCrossingParts writes transactions whose parts wait for each other, because
// they share a value that all of them compute: a machine that leaves all work to
// others does this itself.
func TestCrossingParts(t *testing.T) {
	l := logtest.New()
	x := randomInput(l, 1)
	shared := func() fhe.Handle { return l.Operation(fhe.Add, fhe.Uint8, false, 0, x, x) }
	b := l.Operation(fhe.Mul, fhe.Uint8, false, 0, shared(), x)
	l.Transaction()
	c := l.Operation(fhe.Neg, fhe.Uint8, false, 0, b)
	l.Transaction()
	d := l.Operation(fhe.Max, fhe.Uint8, false, 0, shared(), c)
	l.Want(b, d)
	l.Seal(0)
	g := loaded(t, l)
	in := g.takeList(t)
	if err := g.store.PutList(fhe.Digest(in.id), []byte{1}, g.list(t, in)); err != nil {
		t.Fatal(err)
	}
	g.succeed(in)
	if jobs := g.take(); jobs != nil {
		t.Fatalf("%d jobs are handed out of a part that waits for itself", len(jobs))
	}
	for len(g.jobs) > 0 {
		j := g.next(g.oldest(), math.MaxInt64)
		if j == nil {
			for _, j := range g.hand(t) {
				g.put(t, j)
			}
			continue
		}
		g.put(t, j)
	}
}

// takeList takes the one job that is ready, an input list.
func (g *graph) takeList(t *testing.T) *job {
	t.Helper()
	jobs := g.take()
	if len(jobs) != 1 || jobs[0].node.Kind != store.Input {
		t.Fatalf("%d jobs are ready, want the input list", len(jobs))
	}
	return jobs[0]
}

func (g *graph) list(t *testing.T, j *job) []store.ID {
	t.Helper()
	enc, err := g.store.List(j.node.List)
	if err != nil {
		t.Fatal(err)
	}
	_, contents, err := parseList(j.node.List, enc)
	if err != nil {
		t.Fatal(err)
	}
	return contents
}
