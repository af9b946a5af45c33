package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"fhevm/coprocessor"
	"fhevm/coprocessor/store"
	"fhevm/fhe"
	"fhevm/fhe/radix"
	"fhevm/fhe/tfhe"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/holiman/uint256"
)

var (
	domain  = fhe.Domain{ChainID: 31337, ACL: fhe.Address{1}, KeyID: fhe.Digest{2}, Version: fhe.Version}
	discard = slog.New(slog.DiscardHandler)
)

func quiet(string, int, int) {}

// holdStore names the data folder that this test's binary is to use as a node does.
const holdStore = "FHEVM_TEST_HOLD_STORE"

func TestMain(m *testing.M) {
	data := os.Getenv(holdStore)
	if data == "" {
		os.Exit(m.Run())
	}
	if _, err := openStore(data); err != nil {
		panic(err)
	}
	fmt.Println("open")
	io.Copy(io.Discard, os.Stdin) // until the test closes it
}

func openStore(data string) (*store.Store, error) {
	return store.Open(vfs.Default, filepath.Join(data, "coprocessor"), domain, discard)
}

// logged is the data folder of a node whose log wants one value and has another.
func logged(t *testing.T, compute bool) (data string, wanted, dead fhe.Handle) {
	t.Helper()
	data = t.TempDir()
	s, err := openStore(data)
	if err != nil {
		t.Fatal(err)
	}
	batch := fhe.Batch{Number: 1}
	var handles []fhe.Handle
	for v := range uint64(2) {
		d := fhe.Derivation{Domain: domain, Op: fhe.Trivial, Type: fhe.Uint8, Operands: []fhe.Operand{fhe.ClearOperand(uint256.NewInt(v))}}
		r := d.Results()[0]
		handles = append(handles, r.Handle)
		batch.Entries = append(batch.Entries, fhe.Entry{Operation: &fhe.Operation{Result: r.Handle, Digest: r.Digest, Derivation: d}})
	}
	batch.Entries = append(batch.Entries, fhe.Entry{Wanted: &handles[0]})
	err = s.Append(&batch)
	if err == nil {
		err = s.Append(&fhe.Batch{Number: 2})
	}
	for _, h := range handles {
		if err == nil && compute {
			err = put(s, h)
		}
	}
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return data, handles[0], handles[1]
}

// put stores a public zero as the ciphertext of h.
func put(s *store.Store, h fhe.Handle) error {
	ct := &radix.Ciphertext{Type: fhe.Uint8, Blocks: make([]tfhe.LWE, fhe.Uint8.Bits()/fhe.MessageBits)}
	for i := range ct.Blocks {
		ct.Blocks[i] = make(tfhe.LWE, tfhe.Default.BigDim()+1)
	}
	p, err := radix.Pack(nil, ct)
	if err != nil {
		return err
	}
	enc, err := p.MarshalBinary()
	if err != nil {
		return err
	}
	b, err := s.Binding(h)
	if err != nil {
		return err
	}
	return s.Put([]store.ID{b.Content}, enc, nil)
}

func TestStatVerifyPrune(t *testing.T) {
	data, _, _ := logged(t, true)
	stat, err := Stat(data, discard, quiet)
	if err != nil || stat.Block == nil || *stat.Block != 2 || stat.Dropped != 0 {
		t.Fatalf("%+v, %v", stat, err)
	}
	for _, repair := range []bool{false, true} {
		report, err := Verify(t.Context(), data, repair, discard, quiet)
		if err != nil || report.Found != 0 || report.Records == 0 {
			t.Errorf("%+v, %v", report, err)
		}
	}
	for _, dry := range []bool{true, false} {
		pruned, err := Prune(t.Context(), data, Pruning(Policy(1, 1), dry, quiet), discard)
		if err != nil || pruned.Packed.Records != 1 {
			t.Errorf("dry %v: %+v, %v", dry, pruned, err)
		}
	}
	if stat, err = Stat(data, discard, quiet); err != nil || stat.Dropped != 1 {
		t.Errorf("after pruning: %+v, %v", stat, err)
	}
}

// TestExportImport hands a ciphertext to a node that has none yet, with every
// kind of trust.
// TestExportFile: what is there stays until the archive is whole.
func TestExportFile(t *testing.T) {
	data, wanted, _ := logged(t, true)
	dir := t.TempDir()
	path := filepath.Join(dir, "archive")
	if err := os.WriteFile(path, []byte("the last one"), 0o644); err != nil {
		t.Fatal(err)
	}
	check := func(when string, good bool, whence string) {
		t.Helper()
		_, err := ExportFile(t.Context(), path, whence, Selection{Handles: []fhe.Handle{wanted}}, "", discard, quiet)
		b, failed := os.ReadFile(path)
		files, listed := os.ReadDir(dir)
		if (err == nil) != good || errors.Join(failed, listed) != nil || (string(b) == "the last one") == good || len(files) != 1 {
			t.Errorf("%s: %v, %d bytes, %d files", when, err, len(b), len(files))
		}
	}
	check("from another folder", false, dir)
	check("from the node's", true, data)
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(pipe, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := ExportFile(t.Context(), pipe, data, Selection{Handles: []fhe.Handle{wanted}}, "", discard, quiet); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(pipe); err != nil || info.Mode().Type() != os.ModeNamedPipe {
		t.Errorf("the pipe is %v now, %v", info.Mode(), err)
	}
}

func TestExportImport(t *testing.T) {
	from, wanted, dead := logged(t, true)
	key, err := coprocessor.NewKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	var signed, plain bytes.Buffer
	err = with(from, true, discard, func(s *store.Store) error {
		_, err := s.Export(t.Context(), &signed, store.Exporting{Progress: quiet, Sign: func(h fhe.Handle, d fhe.Digest) ([]byte, error) {
			return key.Sign(fhe.Attestation(domain, h, fhe.OfCiphertext, d))
		}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	what, err := ParseSelection([]string{wanted.String(), dead.String()}, false)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := Export(t.Context(), &plain, from, what, "", discard, quiet); err != nil || out.Records != 2 {
		t.Fatalf("exported %+v, %v", out, err)
	}
	for name, c := range map[string]struct {
		archive []byte
		trust   Trust
		want    uint64
	}{
		"signed by one who is trusted":     {signed.Bytes(), Trust{Signers: []fhe.Address{key.Address()}}, 1},
		"signed by one who is not trusted": {signed.Bytes(), Trust{Signers: []fhe.Address{{9}}}, 0},
		"not signed":                       {plain.Bytes(), Trust{Signers: []fhe.Address{key.Address()}}, 0},
		"one's own":                        {plain.Bytes(), Trust{Everything: true}, 2},
	} {
		to, _, _ := logged(t, false)
		in, err := Import(t.Context(), bytes.NewReader(c.archive), to, c.trust, discard, func(int) {})
		if err != nil || in.Records != c.want {
			t.Errorf("%s: %+v, %v", name, in, err)
		}
		if report, err := Verify(t.Context(), to, false, discard, quiet); err != nil || report.Found != 0 {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
	}
}

func TestParse(t *testing.T) {
	if _, err := ParseTrust(nil, false); err == nil || !strings.Contains(err.Error(), "--signer") {
		t.Errorf("no trust at all: %v", err)
	}
	if _, err := ParseTrust([]string{"0x12"}, false); err == nil {
		t.Error("a short address was read")
	}
	if _, err := ParseSelection([]string{"handle"}, false); err == nil {
		t.Error("a handle of letters was read")
	}
	if _, err := ParseRetrying(nil, false); err == nil || !strings.Contains(err.Error(), "--all") {
		t.Errorf("nothing to retry: %v", err)
	}
}

// TestInUse names a folder that is none, and one whose node runs.
func TestInUse(t *testing.T) {
	if _, err := Stat(t.TempDir(), discard, quiet); err == nil || !strings.Contains(err.Error(), "no data folder") {
		t.Errorf("an empty folder: %v", err)
	}
	data, _, _ := logged(t, false)
	node := exec.CommandContext(t.Context(), os.Args[0])
	node.Env = append(os.Environ(), holdStore+"="+data)
	in, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	for _, repair := range []bool{false, true} {
		_, err := Verify(t.Context(), data, repair, discard, quiet)
		if err == nil || !strings.Contains(err.Error(), "stop the node first") {
			t.Errorf("beside a running node: %v", err)
		}
	}
	if _, err := Retry(data, Retrying{All: true}, discard); err == nil || !strings.Contains(err.Error(), "stop the node first") {
		t.Errorf("retry beside a running node: %v", err)
	}
	if err := errors.Join(in.Close(), node.Wait()); err != nil {
		t.Error(err)
	}
	if _, err := Stat(data, discard, quiet); err != nil {
		t.Error(err)
	}
}
