package coprocessor

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/fhe"
)

// claims is the word of a coprocessor, which may lie about some handles.
type claims struct {
	t    *testing.T
	of   *machine
	lies map[fhe.Handle]fhe.Handle // claims on the former are the latter's ciphertext

	alone bool   // whether audits take nothing as claimed
	as    Signer // who signs, if not the coprocessor
}

func (c *claims) fetch(_ context.Context, h fhe.Handle) (*Claim, error) {
	from := h
	if other, lies := c.lies[h]; lies {
		from = other
	}
	p, _, err := c.of.Packed(from)
	if err != nil {
		return nil, err
	}
	b, err := p.MarshalBinary()
	if err != nil {
		return nil, err
	}
	d := SignedDigest{Handle: h, Kind: fhe.OfCiphertext, Digest: p.Digest()}
	signer := c.of.cfg.Signer
	if c.as != nil {
		signer = c.as
	}
	if d.Signature, err = signer.Sign(d.Hash(logtest.Domain)); err != nil {
		return nil, err
	}
	return NewClaim(logtest.Domain, []fhe.Address{c.of.cfg.Signer.(*Key).Address()}, h, b, d.Signature)
}

// TestAuditTakesNoStrangersWord: what a stranger signs is no claim, right or wrong,
// and nothing is computed from it.
func TestAuditTakesNoStrangersWord(t *testing.T) {
	c, handles, log := audited(t, 1)
	stranger, err := NewKey(slices.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	c.as = stranger
	sample := handles[len(handles)-3:]
	findings, _ := c.audit(log, sample)
	if len(findings) != len(sample) {
		t.Fatalf("%d findings for %d handles", len(findings), len(sample))
	}
	for _, f := range findings {
		if f.Agrees() || f.Claim != nil || len(f.Operands) > 0 || f.Err == nil || !strings.Contains(f.Err.Error(), stranger.Address().String()) {
			t.Errorf("%+v", f)
		}
	}
}

// audited is a coprocessor that has run a random program, and the handles that it
// was to compute, in order of the log.
func audited(t *testing.T, seed uint64) (*claims, []fhe.Handle, *logtest.Log) {
	log := program(seed)
	key, err := NewKey(slices.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	m := start(t, vfs.NewMem(), newPlainEvaluator(), func(c *Config) { c.Signer = key })
	m.feed(t, log.Blocks...)
	m.drain(t)
	t.Cleanup(func() { m.stop(t) })
	wanted := m.digests(t, log.Blocks)
	var handles []fhe.Handle
	for _, b := range log.Blocks {
		for _, e := range b.Entries {
			if e.Operation == nil {
				continue
			}
			for _, r := range e.Operation.Derivation.Results() {
				if _, ok := wanted[r.Handle]; ok {
					handles = append(handles, r.Handle)
				}
			}
		}
	}
	return &claims{t: t, of: m, lies: map[fhe.Handle]fhe.Handle{}}, handles, log
}

// auditor has read a log without its wants.
func (c *claims) auditor(log *logtest.Log, e ...Evaluator) *machine {
	c.t.Helper()
	blocks := slices.Clone(log.Blocks)
	for i := range blocks {
		blocks[i].Entries = slices.DeleteFunc(slices.Clone(blocks[i].Entries), func(e fhe.Entry) bool { return e.Wanted != nil })
	}
	return startWith(c.t, blocks, append(e, newPlainEvaluator())[0])
}

// audit runs an audit of some handles, and counts what it computed.
func (c *claims) audit(log *logtest.Log, handles []fhe.Handle) (findings []*Finding, evaluations int) {
	c.t.Helper()
	spy := newSpy(newPlainEvaluator())
	m := c.auditor(log, spy)
	defer m.stop(c.t)
	err := m.Audit(c.t.Context(), AuditConfig{Handles: handles, Fetch: c.fetch, Alone: c.alone, Report: func(f *Finding) { findings = append(findings, f) }})
	if err != nil {
		c.t.Fatal(err)
	}
	return findings, spy.total()
}

func TestAuditAgrees(t *testing.T) {
	for seed := range uint64(4) {
		c, handles, log := audited(t, seed)
		all, most := c.audit(log, handles)
		for i, f := range all {
			if f.Handle != handles[i] || !f.Agrees() || f.Kind != log.Kinds[f.Handle] {
				t.Errorf("seed %d: finding %d: %+v", seed, i, f)
			}
		}
		r := rand.New(rand.NewPCG(seed, 3))
		sample := slices.DeleteFunc(slices.Clone(handles), func(fhe.Handle) bool { return r.IntN(4) > 0 })
		some, few := c.audit(log, sample)
		for _, f := range some {
			if !f.Agrees() {
				t.Errorf("seed %d: %+v", seed, f)
			}
		}
		if len(some) != len(sample) || few >= most {
			t.Errorf("seed %d: %d findings for %d handles; %d evaluations, for all %d", seed, len(some), len(sample), few, most)
		}
	}
}

// TestAuditConvicts lies about one handle: that one's finding disagrees, and
// carries the liar's signature. Those that take it from storage are computed from
// what is right.
func TestAuditConvicts(t *testing.T) {
	for seed := range uint64(4) {
		c, handles, log := audited(t, seed)
		i := slices.IndexFunc(handles, func(h fhe.Handle) bool { return h.Type() == fhe.Uint8 })
		liar := handles[i]
		digests := c.of.digests(t, log.Blocks)
		for _, other := range handles {
			if other.Type() == fhe.Uint8 && digests[other] != digests[liar] {
				c.lies[liar] = other
			}
		}
		findings, _ := c.audit(log, handles)
		for _, f := range findings {
			if f.Agrees() != (f.Handle != liar) {
				t.Errorf("seed %d: finding on %s of the liar %s: %+v", seed, f.Handle, liar, f)
			}
			if f.Handle == liar && (f.Err != nil || f.Computed != digests[liar] || f.Claim.Signer != c.of.cfg.Signer.(*Key).Address()) {
				t.Errorf("seed %d: %+v", seed, f)
			}
		}
	}
}

// TestAuditTakesWhatItIsToldFromBefore: the audit of one value rests on the claims
// that it lists, and follows a false one among them.
func TestAuditTakesWhatItIsToldFromBefore(t *testing.T) {
	l := logtest.New()
	a, b := l.Trivial(fhe.Uint8, 5), l.Trivial(fhe.Uint8, 6)
	l.Transaction()
	sum := l.Operation(fhe.Add, fhe.Uint8, false, 0, a, a)
	l.Want(a, b, sum)
	l.Seal(0)
	key, err := NewKey(slices.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	m := start(t, vfs.NewMem(), newPlainEvaluator(), func(c *Config) { c.Signer = key })
	m.feed(t, l.Blocks...)
	m.drain(t)
	defer m.stop(t)
	c := &claims{t: t, of: m, lies: map[fhe.Handle]fhe.Handle{}}
	honest, evaluations := c.audit(l, []fhe.Handle{sum})
	if f := honest[0]; !f.Agrees() || len(f.Operands) != 1 || f.Operands[0].Signed.Handle != a || evaluations != 1 {
		t.Errorf("%d evaluations, %+v", evaluations, f)
	}
	c.lies[a] = b
	if f, _ := c.audit(l, []fhe.Handle{sum}); f[0].Agrees() || f[0].Operands[0].Signed.Digest != m.digests(t, l.Blocks)[b] {
		t.Errorf("from another operand than the true one: %+v", f[0])
	}
	c.alone = true
	if f, evaluations := c.audit(l, []fhe.Handle{sum}); !f[0].Agrees() || len(f[0].Operands) != 0 || evaluations != 2 {
		t.Errorf("alone: %d evaluations, %+v", evaluations, f[0])
	}
}
