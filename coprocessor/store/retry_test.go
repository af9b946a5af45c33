package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fhevm/coprocessor/internal/logtest"
	"fhevm/fhe"
)

func TestRetryAll(t *testing.T) {
	s, log := openMem(t), random(5)
	appendAll(t, s, log.Blocks)
	roots, err := s.Pending(Position{}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	broken := &Failure{Handle: fhe.Handle{1}, Reason: strings.Repeat("x", 2*maxReason)}
	for i, r := range roots {
		if i%2 == 0 {
			err = s.Fail(broken, []ID{r.Content})
		} else {
			err = s.Put([]ID{r.Content}, []byte{2}, [][]byte{{3}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	failed := make(map[ID]bool)
	for _, r := range roots {
		result, err := s.Result(r.Content)
		if err != nil {
			t.Fatal(err)
		}
		if failed[r.Content] = !result.Ready; failed[r.Content] && len(result.Failure.Reason) != maxReason {
			t.Fatalf("reason has %d bytes", len(result.Failure.Reason))
		}
	}
	if err := s.Settle(roots); err != nil {
		t.Fatal(err)
	}
	retried, err := s.RetryAll()
	if err != nil || retried.Missing != uint64(s.Missing()) || len(retried.Culprits) != 1 || retried.Culprits[0].Handle != broken.Handle {
		t.Fatalf("%+v, %v", retried, err)
	}
	again, err := s.Pending(Position{}, 1<<20)
	if err != nil || len(again) == 0 || len(again) != s.Missing() {
		t.Fatalf("%d pending again, %d missing, %v", len(again), s.Missing(), err)
	}
	for _, r := range again {
		if result, err := s.Result(r.Content); err != nil || !failed[r.Content] || result != (Result{}) {
			t.Fatalf("content %s became pending: %+v, %v", r.Content, result, err)
		}
	}
}

// twoCulprits is a store in which two computations failed, each with a consumer
// that is wanted, and a third that takes both.
func twoCulprits(t *testing.T) (s *Store, culprits [2]fhe.Handle, consumers [2]fhe.Handle, both fhe.Handle) {
	t.Helper()
	s = openMem(t)
	l := logtest.New()
	for i := range culprits {
		culprits[i] = l.Trivial(fhe.Uint8, uint64(i))
		consumers[i] = l.Operation(fhe.Not, fhe.Uint8, false, 0, culprits[i])
	}
	both = l.Operation(fhe.Add, fhe.Uint8, false, 0, culprits[1], culprits[0])
	l.Want(consumers[0], consumers[1], both)
	appendAll(t, s, []fhe.Batch{l.Seal(0)})
	for i, h := range culprits {
		met := []ID{contentOf(t, s, h), contentOf(t, s, consumers[i])}
		if i == 1 { // the first of its operands that failed
			met = append(met, contentOf(t, s, both))
		}
		if err := s.Fail(&Failure{Handle: h, Reason: fmt.Sprint("mishap ", i)}, met); err != nil {
			t.Fatal(err)
		}
	}
	roots, err := s.Pending(Position{}, 1<<20)
	if err == nil {
		err = s.Settle(roots)
	}
	if err != nil || s.Missing() != 0 {
		t.Fatal(s.Missing(), err)
	}
	return s, culprits, consumers, both
}

func contentOf(t *testing.T, s *Store, h fhe.Handle) ID {
	t.Helper()
	b, err := s.Binding(h)
	if b == nil || err != nil {
		t.Fatalf("%s: %v, %v", h, b, err)
	}
	return b.Content
}

// failed lists those of some handles that have a failure.
func failed(t *testing.T, s *Store, handles ...fhe.Handle) (out []fhe.Handle) {
	t.Helper()
	for _, h := range handles {
		r, err := s.Result(contentOf(t, s, h))
		if err != nil {
			t.Fatal(err)
		}
		if r.Failure != nil {
			out = append(out, h)
		}
	}
	return out
}

// TestRetryOneCulprit asks for a consumer: what failed by the same computation is
// forgotten, and nothing else.
func TestRetryOneCulprit(t *testing.T) {
	s, culprits, consumers, both := twoCulprits(t)
	all := []fhe.Handle{culprits[0], consumers[0], culprits[1], consumers[1], both}
	if got := failed(t, s, all...); len(got) != len(all) {
		t.Fatalf("%d of %d have failed before", len(got), len(all))
	}
	r, err := s.Retry(consumers[1], both)
	if err != nil {
		t.Fatal(err)
	}
	want := Culprit{Handle: culprits[1], Reason: "mishap 1", Forgotten: 3}
	if r.Forgotten != 3 || r.Missing != 2 || !slices.Equal(r.Culprits, []Culprit{want}) || r.Unlisted != 0 {
		t.Errorf("%+v", r)
	}
	if got := failed(t, s, all...); !slices.Equal(got, all[:2]) {
		t.Errorf("still failed: %v, want %v", got, all[:2])
	}
	pending, err := s.Pending(Position{}, 10)
	if err != nil || len(pending) != 2 || pending[0].Content != contentOf(t, s, consumers[1]) || pending[1].Content != contentOf(t, s, both) {
		t.Errorf("pending: %v, %v", pending, err)
	}
	if report, err := s.Verify(t.Context(), func(string, int, int) {}); err != nil || report.Found != 0 {
		t.Errorf("verified: %+v, %v", report, err)
	}
}

// TestRetryRefuses: one handle without a failure, and nothing is forgotten.
func TestRetryRefuses(t *testing.T) {
	s, culprits, consumers, _ := twoCulprits(t)
	if _, err := s.Retry(culprits[0]); err != nil {
		t.Fatal(err)
	}
	before := dump(t, s, logTables+"f")
	for name, h := range map[string]fhe.Handle{"forgotten already": consumers[0], "unknown": {7}} {
		if _, err := s.Retry(consumers[1], h); err == nil || !strings.Contains(err.Error(), h.String()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Retry(); err == nil {
		t.Error("no handle is every handle")
	}
	if dump(t, s, logTables+"f") != before {
		t.Error("a refused retry changed the store")
	}
}

// TestRetryIsBounded: culprits beyond the bound are retried, and counted.
func TestRetryIsBounded(t *testing.T) {
	s := openMem(t)
	const failures = maxCulprits + 3
	for i := range failures {
		h := fhe.Handle{byte(i), byte(i >> 8)}
		if err := s.Fail(&Failure{Handle: h, Reason: "mishap"}, []ID{ID(h)}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := s.RetryAll()
	if err != nil || r.Forgotten != failures || len(r.Culprits) != maxCulprits || r.Unlisted != 3 {
		t.Errorf("forgot %d of %d, %d culprits listed, %d not; %v", r.Forgotten, failures, len(r.Culprits), r.Unlisted, err)
	}
	if left := dump(t, s, "f"); left != "" {
		t.Errorf("left:\n%s", left)
	}
}

// TestRetryMeetsDamage: a failure that does not decode names no culprit.
func TestRetryMeetsDamage(t *testing.T) {
	s, culprits, consumers, _ := twoCulprits(t)
	spoiled := contentOf(t, s, culprits[0])
	if err := s.db.Set(keyContent(tableFailure, spoiled), []byte("short"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Retry(culprits[0]); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("the damaged one by its handle: %v", err)
	}
	if r, err := s.Retry(consumers[0]); err != nil || r.Forgotten != 1 || len(failed(t, s, consumers[:]...)) != 1 {
		t.Errorf("by a consumer: %+v, %v", r, err)
	}
	if r, err := s.RetryAll(); err != nil || r.Forgotten != 4 || dump(t, s, "f") != "" {
		t.Errorf("all: %+v, %v", r, err)
	}
}
