package main

import (
	"path/filepath"
	"reflect"
	"testing"
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
