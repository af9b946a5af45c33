package main

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fhevm/fhe"
)

func TestSelection(t *testing.T) {
	var s selection
	if !s.has("uint64 add latency") {
		t.Error("no terms: want every row")
	}
	if err := s.Set("uint64 add,bootstrap"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"uint64 add latency":            true,
		"uint64 add clear throughput":   true,
		"bootstrap latency, one thread": true,
		"uint64 sub latency":            false,
		"uint8 add latency":             false,
	} {
		if got := s.has(name); got != want {
			t.Errorf("%v has %q = %v, want %v", s, name, got, want)
		}
	}
}

func TestTargets(t *testing.T) {
	for name, want := range map[string]float64{
		"bootstrap latency, one thread":        2,
		"bootstrap batch of 64, per core":      3,
		"uint64 transfer throughput":           8,
		"uint64 transfer latency":              3,
		"uint64 lt throughput":                 6,
		"int64 add throughput":                 6,
		"uint32 add throughput":                3,
		"uint64 div by 10 throughput":          5,
		"uint64 div latency":                   2,
		"uint8 shl throughput":                 3.5,
		"uint64 ilog2 throughput":              3,
		"uint64 ilog2 latency":                 2,
		"uint8 add latency":                    0,
		"uint64 transfer with storage latency": 0,
		"blind rotation latency, one thread":   0,
	} {
		if got := target(name); got != want {
			t.Errorf("target(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestOperationNames(t *testing.T) {
	seen := make(map[string]bool)
	for _, o := range operations {
		if seen[o.name] {
			t.Errorf("two operations are named %q", o.name)
		}
		seen[o.name] = true
	}
}

// Whatever the operator table has is measured, and compared where the peer has it.
func TestEveryOperatorIsMeasured(t *testing.T) {
	measured, compared := make(map[fhe.Op]bool), make(map[fhe.Op]bool)
	for _, o := range operations {
		if _, ok := tableOp(o.typ, o.op); ok {
			measured[o.op] = true
			compared[o.op] = compared[o.op] || o.isCompared()
		}
	}
	for _, row := range fhe.Operators() {
		if row.Op == fhe.Trivial || row.Op == fhe.Cast {
			continue // see tableOp
		}
		if !measured[row.Op] || compared[row.Op] == slices.Contains(lacking, row.Op) {
			t.Errorf("%s is measured: %v, compared: %v", row.Name, measured[row.Op], compared[row.Op])
		}
	}
}

var update = flag.Bool("update", false, "write peers/tfhe-rs/operations.txt")

// The peer's program has the list of operations that it is asked for.
func TestPeerHasTheList(t *testing.T) {
	const path = "peers/tfhe-rs/operations.txt"
	if *update {
		if err := os.WriteFile(path, []byte(comparedNames()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != comparedNames() {
		t.Errorf("%s is out of date: go test ./bench -run PeerHasTheList -update writes it", path)
	}
}

// At least three rounds, more of them where that takes little time or where the ratio
// is near its target.
func TestPatience(t *testing.T) {
	near, far := comparison{Target: 3, Ratio: 2.8}, comparison{Target: 3, Ratio: 4}
	for _, c := range []struct {
		comparison
		rounds int
		took   time.Duration
		want   bool
	}{
		{comparison{}, 0, 0, false}, {far, 2, time.Hour, false}, {far, 3, time.Minute, true}, {far, 4, time.Second, false}, {far, 5, 0, true},
		{near, 5, 13 * time.Second, false}, {near, 3, time.Minute, true}, {near, 9, 0, true}, {comparison{Ratio: 1}, 5, 0, true},
	} {
		if got := c.patience().isDone(c.rounds, c.took); got != c.want {
			t.Errorf("ratio %g of %g, %d rounds in %v: done is %v", c.Ratio, c.Target, c.rounds, c.took, got)
		}
	}
}

func TestVerdict(t *testing.T) {
	from := func(commit string, ratio, target float64) comparison {
		return comparison{Ratio: ratio, Target: target, Peer: "peer 1", origin: origin{CPU: "cpu", Commit: commit, Params: "set"}}
	}
	whole := []comparison{from("abc", 3, 3), from("abc", 2, 3), from("abc", 1, 0)}
	if got, want := verdict(whole), "1 of 2 targets met, by all 3 rows of abc of set beside peer 1 on cpu"; got != want {
		t.Errorf("verdict is %q, want %q", got, want)
	}
	for _, rows := range [][]comparison{nil, append(whole, from("def", 3, 3)), {from("abc-dirty", 3, 3)}, {from(unknownCommit, 3, 3)}} {
		if got := verdict(rows); !strings.HasPrefix(got, "no verdict") {
			t.Errorf("%d rows: verdict is %q", len(rows), got)
		}
	}
	if got := verdict(append(whole, from("def", 3, 3))); !strings.Contains(got, "3 rows: abc") || !strings.Contains(got, "1 rows: def") {
		t.Errorf("verdict on a mix is %q", got)
	}
}

func TestResultFileKeepsOtherRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.json")
	open := func(keep bool) *resultFile[row] {
		f, err := openResults(path, keep, func(r row) string { return r.Name })
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	put := func(f *resultFile[row], name string, value float64) {
		if err := f.put(row{Name: name, Value: value, Unit: "ms"}); err != nil {
			t.Fatal(err)
		}
	}
	f := open(true)
	put(f, "a", 1)
	put(f, "b", 2)
	put(open(true), "a", 3)
	want := []row{{Name: "a", Value: 3, Unit: "ms"}, {Name: "b", Value: 2, Unit: "ms"}}
	if got := open(true).rows; !reflect.DeepEqual(got, want) {
		t.Errorf("rows are %v, want %v", got, want)
	}
	if got := open(false).rows; len(got) != 0 {
		t.Errorf("a new file has rows %v", got)
	}
}
