package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"fhevm/coprocessor/store"
	"fhevm/fhe"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/holiman/uint256"
)

// failedData is the data folder of a stopped node that wants two values, of which
// the computations have failed.
func failedData(t *testing.T) (data string, handles []fhe.Handle) {
	t.Helper()
	data = t.TempDir()
	domain := fhe.Domain{ChainID: 31337, ACL: fhe.Address{1}, KeyID: fhe.Digest{2}, Version: fhe.Version}
	s, err := store.Open(vfs.Default, filepath.Join(data, "coprocessor"), domain, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	batch := fhe.Batch{Number: 1}
	for v := range uint64(2) {
		d := fhe.Derivation{Domain: domain, Op: fhe.Trivial, Type: fhe.Uint8, Operands: []fhe.Operand{fhe.ClearOperand(uint256.NewInt(v))}}
		r := d.Results()[0]
		handles = append(handles, r.Handle)
		batch.Entries = append(batch.Entries, fhe.Entry{Operation: &fhe.Operation{Result: r.Handle, Digest: r.Digest, Derivation: d}}, fhe.Entry{Wanted: &r.Handle})
	}
	err = s.Append(&batch)
	for i, h := range handles {
		b, failed := s.Binding(h)
		if err = errors.Join(err, failed); err == nil {
			err = s.Fail(&store.Failure{Handle: h, Reason: fmt.Sprint("mishap ", i)}, []store.ID{b.Content})
		}
	}
	roots, failed := s.Pending(store.Position{}, 2)
	if err = errors.Join(err, failed, s.Settle(roots), s.Close()); err != nil {
		t.Fatal(err)
	}
	return data, handles
}

// storeCLI runs a subcommand of store.
func storeCLI(words ...string) (string, error) {
	var out bytes.Buffer
	app := newApp()
	app.Writer = &out
	err := app.Run(append([]string{"fhevm-node", "store"}, words...))
	return out.String(), err
}

func TestStoreRetry(t *testing.T) {
	data, handles := failedData(t)
	for what, words := range map[string][]string{
		"neither":               {"retry", "--data", data},
		"both":                  {"retry", "--data", data, "--all", "--handle", handles[0].String()},
		"no handle":             {"retry", "--data", data, "--handle", "0x12"},
		"one without a failure": {"retry", "--data", data, "--handle", handles[0].String(), "--handle", fhe.Handle{9}.String()},
		"no data folder":        {"retry", "--data", t.TempDir(), "--all"},
	} {
		if out, err := storeCLI(words...); err == nil || out != "" {
			t.Errorf("%s: printed %q, %v", what, out, err)
		}
	}
	expectFailures(t, data, 2, 0)
	out, err := storeCLI("retry", "--data", data, "--handle", handles[1].String())
	for _, want := range []string{handles[1].String() + ": mishap 1", "forgot 1 failures", "1 handles are computed"} {
		if err != nil || !strings.Contains(out, want) || strings.Contains(out, handles[0].String()) {
			t.Errorf("%q is not in %q, or more is; %v", want, out, err)
		}
	}
	expectFailures(t, data, 1, 1)
	if out, err := storeCLI("retry", "--data", data, "--handle", handles[1].String()); err == nil || !strings.Contains(err.Error(), handles[1].String()+" has no failure") {
		t.Errorf("once more: printed %q, %v", out, err)
	}
	out, err = storeCLI("retry", "--data", data, "--all", "--json")
	var r store.Retried
	if err = errors.Join(err, json.Unmarshal([]byte(out), &r)); err != nil || r.Forgotten != 1 || len(r.Culprits) != 1 || r.Culprits[0].Handle != handles[0] || r.Missing != 2 {
		t.Errorf("all: %q, %v", out, err)
	}
	expectFailures(t, data, 0, 2)
}

// expectFailures asks "store stat".
func expectFailures(t *testing.T, data string, failures, pending uint64) {
	t.Helper()
	out, err := storeCLI("stat", "--data", data, "--json")
	var stat store.Stat
	if err = errors.Join(err, json.Unmarshal([]byte(out), &stat)); err != nil || stat.Failures != failures || stat.Pending != pending {
		t.Errorf("%d failures and %d pending, want %d and %d; %v", stat.Failures, stat.Pending, failures, pending, err)
	}
}
