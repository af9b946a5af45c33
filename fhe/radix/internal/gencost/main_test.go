package main

import (
	"bytes"
	"os"
	"runtime/debug"
	"testing"

	"fhevm/fhe"
)

// Circuits are built and thrown away: with the usual percentage the collector takes
// a third of the time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	m.Run()
}

// The committed files must be those that the present circuits give. The search for
// the dearest clear values of wide types takes minutes and is left to go generate:
// here their costs are taken from the table.
func TestCurrent(t *testing.T) {
	var counted []fhe.Form
	for _, f := range fhe.Forms() {
		if f.Type.Bits() <= 32 || f.Clear == 0 {
			counted = append(counted, f)
		}
	}
	costs, err := count(counted)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fhe.Forms() {
		if _, ok := costs[f]; !ok {
			costs[f] = f.Cost()
		}
	}
	table, err := goTable(costs)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]byte{tablePath: table, pagePath: markdown(costs)} {
		got, err := os.ReadFile("../../" + path) // this folder is two below fhe/radix
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is out of date: run go generate ./fhe/radix", path)
		}
	}
}
