package coprocessor

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"weak"

	"github.com/cockroachdb/pebble/v2/vfs"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/fhe"
)

// manyClaims is a coprocessor that has computed some steps of an audit: handle i is
// made, in a transaction of its own, from the i-th of its operands, or from the first
// if there is one only.
func manyClaims(t *testing.T, operands int) (c *claims, from, handles []fhe.Handle, log *logtest.Log) {
	l := logtest.New()
	for i := range operands {
		from = append(from, l.Trivial(fhe.Uint16, uint64(i)))
	}
	l.Want(from...)
	for i := range 3 * auditStep {
		l.Transaction()
		handles = append(handles, l.Operation(fhe.Xor, fhe.Uint16, true, uint64(i), from[i%operands]))
	}
	l.Want(handles...)
	l.Seal(0)
	key, err := NewKey(slices.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	m := start(t, vfs.NewMem(), newPlainEvaluator(), func(c *Config) { c.Signer = key })
	m.feed(t, l.Blocks...)
	m.drain(t)
	t.Cleanup(func() { m.stop(t) })
	return &claims{t: t, of: m, lies: map[fhe.Handle]fhe.Handle{}}, from, handles, l
}

// TestAuditForgetsClaims counts the claims that are alive while an audit goes on:
// those of a step, however many steps there are.
func TestAuditForgetsClaims(t *testing.T) {
	c, _, handles, log := manyClaims(t, 3*auditStep)
	var made []weak.Pointer[Claim]
	most, done := 0, 0
	m := c.auditor(log)
	defer m.stop(t)
	err := m.Audit(t.Context(), AuditConfig{
		Handles: handles,
		Fetch: func(ctx context.Context, h fhe.Handle) (*Claim, error) {
			claim, err := c.fetch(ctx, h)
			made = append(made, weak.Make(claim))
			return claim, err
		},
		Report: func(f *Finding) {
			if !f.Agrees() || len(f.Operands) != 1 {
				t.Errorf("%+v", f)
			}
			if done++; done%auditStep == 0 {
				runtime.GC()
				most = max(most, alive(made))
			}
		},
	})
	if err != nil || done != len(handles) || len(made) != 2*len(handles) {
		t.Fatalf("%d of %d handles, %d claims; %v", done, len(handles), len(made), err)
	}
	if most > 2*auditStep {
		t.Errorf("%d claims are alive at once, of steps of %d handles with one operand each", most, auditStep)
	}
}

func alive(claims []weak.Pointer[Claim]) (n int) {
	for _, p := range claims {
		if p.Value() != nil {
			n++
		}
	}
	return n
}

// TestAuditHoldsToWhatItTook: an operand that several steps take is named by each of
// their findings, and a coprocessor that claims another value of it later, or none, has
// not shown what they rest on.
func TestAuditHoldsToWhatItTook(t *testing.T) {
	c, from, handles, log := manyClaims(t, 1)
	other := handles[1]
	for what, change := range map[string]func(){
		"another value": func() { c.lies[from[0]] = other },
		"none":          func() { c.as = refusing{} },
	} {
		c.lies, c.as = map[fhe.Handle]fhe.Handle{}, nil
		m := c.auditor(log)
		var findings []*Finding
		err := m.Audit(t.Context(), AuditConfig{Handles: handles, Fetch: c.fetch, Report: func(f *Finding) {
			if findings = append(findings, f); len(findings) == 2*auditStep {
				change()
			}
		}})
		if err != nil || len(findings) != len(handles) {
			t.Fatalf("%s: %d findings, %v", what, len(findings), err)
		}
		for i, f := range findings {
			sound := i < 2*auditStep
			if f.Agrees() != sound || sound && (len(f.Operands) != 1 || f.Operands[0].Signed.Handle != from[0]) ||
				!sound && (f.Err == nil || !strings.Contains(f.Err.Error(), from[0].String())) {
				t.Fatalf("%s: finding %d: %+v", what, i, f)
			}
		}
		m.stop(t)
	}
}

// refusing signs nothing.
type refusing struct{}

func (refusing) Sign(fhe.Digest) ([]byte, error) { return nil, errors.New("it does not sign") }
