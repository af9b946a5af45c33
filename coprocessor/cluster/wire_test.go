package cluster

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"fhevm/coprocessor"
	"fhevm/coprocessor/internal/logtest"
	"fhevm/coprocessor/store"
	"fhevm/fhe"

	"github.com/holiman/uint256"
)

func sampleErrand() *errand {
	a, b := store.ID{1}, store.ID{2}
	return &errand{Not: "other", Task: &coprocessor.Task{
		Domain: logtest.Domain,
		Inputs: []coprocessor.TaskInput{{Content: a, Index: 1, Digest: fhe.Digest{3}}, {Content: b, Digest: fhe.Digest{4}}},
		Jobs: []*store.Node{
			{Kind: store.Operation, Handle: fhe.Handle{5}, Op: fhe.Add, Type: fhe.Uint8, Operands: []fhe.Operand{{Kind: fhe.Stored, Word: a}, {Kind: fhe.Made, Word: b}}, Table: []byte{}},
			{Kind: store.Operation, Handle: fhe.Handle{6}, Op: fhe.Trivial, Type: fhe.Uint8, Operands: []fhe.Operand{fhe.ClearOperand(uint256.NewInt(9))}, Table: []byte{}},
			{Kind: store.Input, Handle: fhe.Handle{7}, List: fhe.Digest{8}, Index: 2},
		},
	}}
}

func sampleMessages() []message {
	return []message{
		{Task: fhe.Digest{1}, Worker: "w", Results: []coprocessor.TaskResult{
			{Digest: fhe.Digest{2}, Bootstraps: 7, Duration: time.Second}, {Failure: "unlucky", Duration: 1}, {},
		}},
		{Task: fhe.Digest{1}, Worker: "w", Kind: returned, Reason: "no key"},
		{Task: fhe.Digest{1}, Worker: "w", Kind: poisoned, Deliveries: 5},
	}
}

func TestWire(t *testing.T) {
	e := sampleErrand()
	b, err := e.encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := parseErrand(b, logtest.Domain)
	if err != nil || !reflect.DeepEqual(back, e) {
		t.Errorf("%+v\n%+v, %v", e.Task.Jobs[0], back.Task.Jobs[0], err)
	}
	other := logtest.Domain
	other.KeyID[0]++
	if _, err := parseErrand(b, other); !errors.Is(err, errForeign) {
		t.Errorf("under another key: %v", err)
	}
	for i, m := range sampleMessages() {
		back, err := parseMessage(m.encode())
		if err != nil || !reflect.DeepEqual(*back, m) {
			t.Errorf("message %d: %+v, %v", i, back, err)
		}
	}
	a := announcement{"w", 12}
	if back, err := parseAnnouncement(a.encode()); err != nil || back != a {
		t.Errorf("%+v, %v", back, err)
	}
}

// TestCut ends every message early, and makes it longer: none decodes.
func TestCut(t *testing.T) {
	enc, err := sampleErrand().encode()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]func([]byte) error{
		string(enc):                              func(b []byte) error { _, err := parseErrand(b, logtest.Domain); return err },
		string((&announcement{"w", 1}).encode()): func(b []byte) error { _, err := parseAnnouncement(b); return err },
	}
	for _, m := range sampleMessages() {
		all[string(m.encode())] = func(b []byte) error { _, err := parseMessage(b); return err }
	}
	for whole, parse := range all {
		for n := range whole {
			if parse([]byte(whole[:n])) == nil {
				t.Errorf("%d of %d bytes decode", n, len(whole))
			}
		}
		if parse([]byte(whole+"x")) == nil {
			t.Error("one byte too many decodes")
		}
	}
}

// TestCalculatorRefuses computes tasks that decode but make no sense: there is an
// error, or a failure of the job, and no panic.
func TestCalculatorRefuses(t *testing.T) {
	c := coprocessor.NewCalculator(t.Context(), newEvaluator(), 0, 0)
	fetch := func(context.Context, fhe.Digest) ([]byte, error) { return nil, errors.New("nothing is there") }
	for name, change := range map[string]func(*coprocessor.Task){
		"an input that is not there":   func(*coprocessor.Task) {},
		"an operand that nobody makes": func(task *coprocessor.Task) { task.Inputs = task.Inputs[:1] },
		"a job behind one that takes it": func(task *coprocessor.Task) {
			task.Inputs, task.Jobs = nil, []*store.Node{task.Jobs[0], task.Jobs[1]}
			task.Jobs[0].Operands[0] = fhe.Operand{Kind: fhe.Made, Word: task.Jobs[1].Results(logtest.Domain)[0]}
		},
	} {
		task := sampleErrand().Task
		change(task)
		if r, err := c.Compute(t.Context(), task, fetch); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func FuzzErrand(f *testing.F) {
	b, err := sampleErrand().encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseErrand(b, logtest.Domain)
		if err != nil {
			return
		}
		again, err := e.encode()
		if err != nil || string(again) != string(b) {
			t.Errorf("%x becomes %x, %v", b, again, err)
		}
	})
}

func FuzzMessage(f *testing.F) {
	for _, m := range sampleMessages() {
		f.Add(m.encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMessage(b)
		if err == nil && string(m.encode()) != string(b) {
			t.Errorf("%x becomes %x", b, m.encode())
		}
	})
}

func FuzzAnnouncement(f *testing.F) {
	f.Add((&announcement{"w", 1}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := parseAnnouncement(b)
		if err == nil && string(a.encode()) != string(b) {
			t.Errorf("%x becomes %x", b, a.encode())
		}
	})
}
