package coprocessor

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/holiman/uint256"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/coprocessor/internal/plaintest"
	"fhevm/fhe"
	"fhevm/fhe/radix"
	"fhevm/fhe/tfhe"
)

// TestRealCryptography runs a program under real keys, from inputs encrypted to
// the network's public key, and decrypts what was wanted. Then it runs the log
// again on one worker, crashes in the middle and goes on: the ciphertexts,
// noise and all, must be the same.
func TestRealCryptography(t *testing.T) {
	secret := tfhe.NewSecretKey(&tfhe.Default, tfhe.SeedFrom([32]byte{'c', 'o', 'p', 'r', 'o'}))
	engine := tfhe.NewEngine(secret.EvaluationKey(nil), 0)
	defer engine.Close()
	engine.Provide(tfhe.Random, func() (*tfhe.BootstrapKey, error) { return secret.RandomKey(nil).BootstrapKey(), nil })
	e := NewEvaluator(engine, secret.PublicKey())
	log := realProgram(t, secret.PublicKey())

	m := start(t, vfs.NewMem(), e)
	m.feed(t, log.Blocks...)
	m.drain(t)
	want := m.digests(t, log.Blocks)
	if n := m.Stats().Bootstraps; n != engine.Bootstraps() {
		t.Errorf("%d bootstraps are metered, the engine ran %d", n, engine.Bootstraps())
	}
	for h := range want {
		ct, err := m.Ciphertext(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		got := uint64(0)
		for i, b := range ct.Blocks {
			got |= uint64(secret.Decrypt(b)) << (fhe.MessageBits * i)
		}
		if log.Kinds[h] == "randBounded" && got < 10 {
			continue
		}
		if got != log.Values[h] {
			t.Errorf("%s decrypts to %d, want %d", log.Kinds[h], got, log.Values[h])
		}
	}
	rules := rules{radix.NewEvaluator(tfhe.Default, engine), engine, tfhe.NewRerandomizer(secret.PublicKey())}
	rules.check(t, m, log, want)
	m.stop(t)

	disk := vfs.NewCrashableMem()
	var crashed *vfs.MemFS
	var once sync.Once
	m = start(t, disk, e, func(c *Config) {
		c.Workers = 1
		c.Trace = func(tr Trace) {
			if tr.Kind == "add" {
				r := rand.New(rand.NewPCG(1, 1))
				once.Do(func() { crashed = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: r}) })
			}
		}
	})
	m.feed(t, log.Blocks...)
	for h := range want {
		if err := m.Wait(t.Context(), h); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.digests(t, log.Blocks); !maps.Equal(got, want) {
		t.Error("one worker makes other ciphertexts than many")
	}
	m.stop(t)
	resume(t, crashed, e, log, want, 0)
}

// realProgram transfers an encrypted amount between encrypted balances, if they
// cover it.
func realProgram(t *testing.T, key *tfhe.PublicKey) *logtest.Log {
	values := []uint64{200, 77, 150}
	types := []fhe.Type{fhe.Uint8, fhe.Uint8, fhe.Uint8}
	list := plaintest.List(types, values)
	var slots []uint8
	for _, b := range list.Bodies {
		slots = append(slots, uint8(b/tfhe.Delta))
	}
	var err error
	if list.Mask, list.Bodies, err = key.Encrypt(slots); err != nil {
		t.Fatal(err)
	}
	l := logtest.New()
	in := l.Input(list, values...)
	from, to, amount := in[0], in[1], in[2]
	l.Want(in...)
	table := make([]byte, fhe.TableSize)
	table[150] = 99
	read := l.Derive(fhe.Lookup, fhe.Uint8, table, l.Operand(amount))
	l.Values[read[0]] = 99
	l.Want(read...)
	l.Want(l.Derive(fhe.TryAdd, fhe.Uint8, nil, l.Operand(from), l.Operand(amount))...)
	l.Want(l.Derive(fhe.RandBounded, fhe.Uint8, nil, fhe.ClearOperand(uint256.NewInt(1)), fhe.ClearOperand(uint256.NewInt(10)))...)
	for range 2 { // the second transfer is not covered
		covered := l.Operation(fhe.Le, fhe.Uint8, false, 0, amount, from)
		moved := l.Operation(fhe.Select, fhe.Uint8, false, 0, covered, amount, l.Trivial(fhe.Uint8, 0))
		from = l.Operation(fhe.Sub, fhe.Uint8, false, 0, from, moved)
		to = l.Operation(fhe.Add, fhe.Uint8, false, 0, to, moved)
		l.Want(from, to)
		l.Seal(0)
	}
	if l.Values[from] != 50 || l.Values[to] != 227 {
		t.Fatalf("the plaintext model moved %d to %d", l.Values[from], l.Values[to])
	}
	return l
}

// rules are SPEC 3.10, 4.4, 4.7 and 7.1 written out: which masks nobody chose.
type rules struct {
	*radix.Evaluator
	packer tfhe.Packer
	zeros  *tfhe.Rerandomizer
}

func (r rules) seed(content, digest fhe.Digest, index uint8) tfhe.Seed {
	return tfhe.SeedFrom(fhe.Keccak([]byte("fhevm re-randomisation"), content[:], digest[:], []byte{7: index}))
}

// check compares what storage holds of the list, and what it gives back of every
// wanted value, with the rules.
func (r rules) check(t *testing.T, m *machine, log *logtest.Log, want map[fhe.Handle]fhe.Digest) {
	t.Helper()
	list := r.list(t, log.Blocks[0].Entries[0].Input.Encoding)
	for h, digest := range want {
		if log.Kinds[h] == "input" && digest != list {
			t.Errorf("%s: digest %s, want that of the expanded and packed list, %s", h, digest, list)
		}
		if !reflect.DeepEqual(m.unpackedOf(t, h), r.unpacked(t, m, h, digest)) {
			t.Errorf("%s of %s leaves storage otherwise than the rules say", log.Kinds[h], h)
		}
	}
}

// list is the digest of the values of a list.
func (r rules) list(t *testing.T, encoding []byte) fhe.Digest {
	t.Helper()
	var list fhe.InputList
	if err := list.UnmarshalBinary(encoding); err != nil {
		t.Fatal(err)
	}
	digest := fhe.Keccak(encoding)
	if err := r.zeros.RerandomizeList(list.Mask, list.Bodies, r.seed(digest, digest, 0)); err != nil {
		t.Fatal(err)
	}
	values, err := r.Expand(t.Context(), &list)
	if err != nil {
		t.Fatal(err)
	}
	p, err := radix.Pack(r.packer, values...)
	if err != nil {
		t.Fatal(err)
	}
	return p.Digest()
}

// unpacked is the value of h with the digest of its packed form.
func (r rules) unpacked(t *testing.T, m *machine, h fhe.Handle, digest fhe.Digest) []tfhe.LWE {
	t.Helper()
	_, id, err := m.status(h)
	if err != nil {
		t.Fatal(err)
	}
	p, i, err := m.packed(id)
	if err != nil {
		t.Fatal(err)
	}
	ct, err := r.Unpack(t.Context(), p, i)
	if err != nil {
		t.Fatal(err)
	}
	var masked []tfhe.LWE // public blocks stay as they are
	for _, b := range ct.Blocks {
		if slices.ContainsFunc(b[:len(b)-1], func(word uint64) bool { return word != 0 }) {
			masked = append(masked, b)
		}
	}
	if err := r.zeros.Rerandomize(masked, r.seed(fhe.Digest(id), digest, uint8(i))); err != nil {
		t.Fatal(err)
	}
	return ct.Blocks
}

func (m *machine) unpackedOf(t *testing.T, h fhe.Handle) []tfhe.LWE {
	t.Helper()
	ct, err := m.Ciphertext(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	return ct.Blocks
}
