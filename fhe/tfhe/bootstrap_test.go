package tfhe

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"fhevm/accel"
	"fhevm/fhe/csprng"
)

// TestBootstrap evaluates tables on every plaintext, those with the padding
// bit included, where a table extends negacyclically.
func TestBootstrap(t *testing.T) {
	k := keys()
	var random [PlaintextModulus]uint8
	csprng.New(testSeed, "random table", 0).Read(random[:])
	for _, c := range []struct {
		name string
		f    func(m int) int
	}{
		{"identity", identity},
		{"random", func(m int) int { return int(random[m] % PlaintextModulus) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var jobs []Job
			for m := range 2 * PlaintextModulus {
				jobs = append(jobs, newJob(k.encrypt(m, c.name, m), Default.NewLUT(table(c.f))))
			}
			k.bootstrap(t, jobs)
			for m, j := range jobs {
				want := c.f(m % PlaintextModulus)
				if m >= PlaintextModulus {
					want = (2*PlaintextModulus - want) % (2 * PlaintextModulus)
				}
				if got := k.secret.Decrypt(j.Dst[0]); got != want {
					t.Errorf("f(%d) = %d, want %d", m, got, want)
				}
			}
		})
	}
}

func TestManyLUT(t *testing.T) {
	k := keys()
	fs := []func(int) int{
		func(m int) int { return m & 3 },
		func(m int) int { return m >> 2 },
		func(m int) int { return 15 - m },
		func(m int) int { return m * m % 16 },
	}
	for _, n := range []int{2, 4} {
		var tables []func(int) uint64
		for _, f := range fs[:n] {
			tables = append(tables, table(f))
		}
		var jobs []Job
		for m := range PlaintextModulus / n {
			jobs = append(jobs, newJob(k.encrypt(m, "many", 16*n+m), Default.NewManyLUT(tables...)))
		}
		k.bootstrap(t, jobs)
		for m, j := range jobs {
			for i, f := range fs[:n] {
				if got := k.secret.Decrypt(j.Dst[i]); got != f(m) {
					t.Errorf("function %d of %d at %d = %d, want %d", i, n, m, got, f(m))
				}
			}
		}
	}
}

// TestLinearThenBootstrap takes a combination at the promised 2-norm to a
// table: 5 a + 3 b - 4 c with 2-norm squared 50.
func TestLinearThenBootstrap(t *testing.T) {
	k := keys()
	lut := Default.NewLUT(table(identity))
	in := []Job{newJob(k.encrypt(1, "linear", 0), lut), newJob(k.encrypt(2, "linear", 1), lut), newJob(k.encrypt(1, "linear", 2), lut)}
	k.bootstrap(t, in)
	sum := Default.NewLWE()
	for i, weight := range []int64{5, 3, -4} {
		sum.MulAddClear(in[i].Dst[0], weight)
	}
	sum.AddClear(Delta)
	out := newJob(sum, lut)
	k.bootstrap(t, []Job{out})
	if got := k.secret.Decrypt(out.Dst[0]); got != 8 {
		t.Errorf("5*1 + 3*2 - 4*1 + 1 = %d", got)
	}
}

// knownJobs are bootstraps of uniformly random words: every digit, exponent
// and sign occurs.
func knownJobs(n int) []Job {
	r := csprng.New(testSeed, "known jobs", 0)
	jobs := make([]Job, n)
	for i := range jobs {
		src := Default.NewLWE()
		r.Uint64s(src)
		lut := &LUT{Poly: make([]uint64, Default.PolySize), Outputs: 1 << (i % 3)}
		r.Uint64s(lut.Poly)
		jobs[i] = newJob(src, lut)
	}
	return jobs
}

// digestOf hashes all outputs, words big-endian.
func digestOf(jobs []Job) string {
	h := sha256.New()
	for _, j := range jobs {
		for _, dst := range j.Dst {
			binary.Write(h, binary.BigEndian, []uint64(dst))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// knownJobsDigest is digestOf(knownJobs(4)) after a bootstrap under the keys of
// testSeed. Every machine must reproduce it.
const knownJobsDigest = "d268e7e32f5e66e88cca57e1cae3be2d5d8a0d94bc0121d694074ec607df2a66"

func TestKnownAnswer(t *testing.T) {
	k := keys()
	for _, pkg := range []string{"fft", "vec"} {
		for _, name := range accel.Implementations(pkg) {
			t.Run(pkg+"/"+name, func(t *testing.T) {
				defer accel.Reset(pkg)
				if !accel.Select(pkg, name) {
					t.Fatal("not selectable")
				}
				jobs := knownJobs(4)
				k.bootstrap(t, jobs)
				if got := digestOf(jobs); got != knownJobsDigest {
					t.Errorf("digest of the outputs is %s, want %s", got, knownJobsDigest)
				}
			})
		}
	}
}

// TestBatchShapes runs batches of all sizes and tables of all numbers of outputs:
// what a job gives depends neither on its company nor on the implementation. The
// small key is short, of a length that ends as unevenly in a tile.
func TestBatchShapes(t *testing.T) {
	p := Default
	p.LWEDim = 111 // 879 modulo 128 and 64
	k := newTestKeys(&p)
	t.Cleanup(func() { k.engine.Close() })
	batch := func(n int) []Job {
		r := csprng.New(testSeed, "shapes", 0)
		jobs := make([]Job, n)
		for i := range jobs {
			src, lut := Default.NewLWE(), &LUT{Poly: make([]uint64, Default.PolySize), Outputs: 1 << (i % 5)}
			r.Uint64s(src)
			r.Uint64s(lut.Poly)
			jobs[i] = newJob(src, lut)
		}
		k.bootstrap(t, jobs)
		return jobs
	}
	sizes := []int{1, 2, MaxBatch}
	if !testing.Short() {
		sizes = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, MaxBatch, 2*MaxBatch + 3}
	}
	want := batch(2*MaxBatch + 3)
	for _, pkg := range []string{"fft", "vec"} {
		for _, name := range accel.Implementations(pkg) {
			t.Run(pkg+"/"+name, func(t *testing.T) {
				defer accel.Reset(pkg)
				accel.Select(pkg, name)
				for _, n := range sizes {
					if got := batch(n); digestOf(got) != digestOf(want[:n]) {
						t.Errorf("a batch of %d gives other ciphertexts", n)
					}
				}
			})
		}
	}
}

// TestExpansionIsTheSame expands the evaluation key with every implementation.
func TestExpansionIsTheSame(t *testing.T) {
	k := keys()
	want, err := k.engine.key(Compute)
	if err != nil {
		t.Fatal(err)
	}
	const pkg = "fft"
	for _, name := range accel.Implementations(pkg) {
		t.Run(name, func(t *testing.T) {
			defer accel.Reset(pkg)
			accel.Select(pkg, name)
			got := k.eval.BootstrapKey()
			for i := range got.bits {
				if got.bits[i] != want.bits[i] {
					t.Fatalf("GGSW %d differs", i)
				}
			}
		})
	}
}
