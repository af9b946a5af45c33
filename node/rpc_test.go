package node

import (
	"errors"
	"slices"
	"testing"
	"time"

	"fhevm/fhe"

	"github.com/ethereum/go-ethereum/rpc"
)

// wireStatus is a HandleStatus as a client reads it.
type wireStatus struct {
	Handle    fhe.Handle
	Type      string
	State     string
	Block     *uint64
	Operation string
	Operands  []fhe.Handle
	Digest    *fhe.Digest
	Error     *HandleError
	Dropped   string
}

// next is the next notification; the limit only ends a test that hangs.
func next(t *testing.T, ch <-chan wireStatus) wireStatus {
	t.Helper()
	select {
	case s := <-ch:
		return s
	case <-time.After(5 * time.Minute):
		t.Fatal("no notification")
		panic("unreachable")
	}
}

func code(err error) int {
	var e rpc.Error
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return 0
}

// TestHandleMethods follows handles through every state, over a WebSocket.
func TestHandleMethods(t *testing.T) {
	m := newMachine(t, Config{Version: "test"})
	c := m.dial(t)
	slow := m.product(2)
	broken := m.order(fhe.Neg, fhe.Uint64, stored(m.number(3)))
	heir := m.order(fhe.Not, fhe.Uint64, stored(broken))
	unwanted := m.number(4)
	quick := m.number(5)
	m.seal(t, slow, heir, quick)

	ask := func(method string, args ...any) (s wireStatus) {
		t.Helper()
		if err := c.CallContext(t.Context(), &s, method, args...); err != nil {
			t.Fatal(method, err)
		}
		return s
	}
	for _, want := range []struct {
		wireStatus
		asked wireStatus
	}{
		{wireStatus{Handle: quick, State: "ready", Operation: "trivialEncrypt"}, ask("fhevm_wait", quick)},
		{wireStatus{Handle: heir, State: "failed", Operation: "not", Operands: []fhe.Handle{broken}}, ask("fhevm_wait", heir, 60)},
		{wireStatus{Handle: unwanted, State: "unwanted", Operation: "trivialEncrypt"}, ask("fhevm_wait", unwanted)},
		{wireStatus{Handle: slow, State: "pending", Operation: "mul", Operands: m.operandsOf(t, slow)}, ask("fhevm_wait", slow, 0)},
		{wireStatus{Handle: heir, State: "failed", Operation: "not", Operands: []fhe.Handle{broken}}, ask("fhevm_handle", heir)},
	} {
		got := want.asked
		if got.Handle != want.Handle || got.State != want.State || got.Operation != want.Operation || !slices.Equal(got.Operands, want.Operands) ||
			got.Type != "uint64" || got.Block == nil || *got.Block != 0 {
			t.Errorf("got %+v, want %+v", got, want.wireStatus)
		}
		if (got.Digest != nil) != (want.State == "ready") {
			t.Errorf("%s: digest %v", want.State, got.Digest)
		}
		if failed := want.State == "failed"; (got.Error != nil) != failed || failed && *got.Error != (HandleError{broken, "the test refuses"}) {
			t.Errorf("%s: error %+v", want.State, got.Error)
		}
	}
	if s := ask("fhevm_handle", fhe.Handle{1}); s.State != "unknown" || s.Block != nil {
		t.Errorf("nobody's handle: %+v", s)
	}
	for _, timeout := range []float64{-1, 601} {
		if err := c.CallContext(t.Context(), nil, "fhevm_wait", quick, timeout); code(err) != invalidParams {
			t.Errorf("a timeout of %v seconds: %v", timeout, err)
		}
	}
	close(m.evaluator.gate)
	if s := ask("fhevm_wait", slow); s.State != "ready" {
		t.Errorf("after the gate opened: %+v", s)
	}
}

func (m *machine) operandsOf(t *testing.T, h fhe.Handle) []fhe.Handle {
	t.Helper()
	s, err := m.coprocessor.Status(h)
	if err != nil {
		t.Fatal(err)
	}
	return s.Operands
}

// TestStatusMethod: the node describes itself.
func TestStatusMethod(t *testing.T) {
	m := newMachine(t, Config{Version: "1.2.3", MaxDelay: time.Minute})
	c := m.dial(t)
	var before Status
	if err := c.CallContext(t.Context(), &before, "fhevm_status"); err != nil || before.Cursor != nil || before.Behind() != 1 {
		t.Errorf("before the first block: %+v, %v", before, err)
	}
	quick, slow := m.number(1), m.product(2)
	m.seal(t, quick, slow)
	m.until(t, 1)
	s, err := FetchStatus(t.Context(), m.rpc)
	if err != nil {
		t.Fatal(err)
	}
	d := m.Domain()
	if s.Version != "1.2.3" || s.Network != "dev" || s.Domain != (StatusDomain{d.ChainID, d.ACL, d.KeyID, d.Version}) ||
		s.Head != 0 || s.Cursor == nil || s.Cursor.Number != 0 || s.Behind() != 0 ||
		s.Queue.Missing != 1 || s.MaxDelaySeconds != 60 || !s.Accepting {
		t.Errorf("%+v", s)
	}
	if _, err := FetchStatus(t.Context(), "http://127.0.0.1:1"); err == nil {
		t.Error("nobody answers, and there is a status")
	}
}

// TestSubscribe: subscribers hear of the handles that they name, also of those that
// do not exist yet, and of all that blocks want.
func TestSubscribe(t *testing.T) {
	m := newMachine(t, Config{})
	c := m.dial(t)
	quick, slow := m.number(1), m.product(2)
	m.seal(t, quick, slow)
	late := m.order(fhe.Neg, fhe.Uint64, stored(quick))

	subscribe := func(args ...any) chan wireStatus {
		t.Helper()
		ch := make(chan wireStatus, 10)
		if _, err := c.Subscribe(t.Context(), "fhevm", ch, append([]any{"handles"}, args...)...); err != nil {
			t.Fatal(err)
		}
		return ch
	}
	named := subscribe(HandleFilter{Handles: []fhe.Handle{quick, slow, late}})
	all := subscribe()
	if s := next(t, named); s.Handle != quick || s.State != "ready" || s.Digest == nil {
		t.Errorf("what is there already: %+v", s)
	}
	m.seal(t, late, late)
	for _, ch := range []chan wireStatus{named, all} {
		if s := next(t, ch); s.Handle != late || s.State != "failed" || s.Error == nil || s.Error.Handle != late {
			t.Errorf("what a later block made: %+v", s)
		}
	}
	close(m.evaluator.gate)
	if s := next(t, named); s.Handle != slow || s.State != "ready" {
		t.Errorf("what took its time: %+v", s)
	}
	last := m.number(9)
	m.seal(t, last)
	if s := next(t, all); s.Handle != last || s.State != "ready" {
		t.Errorf("after that: %+v", s)
	}
}

// TestSubscriptionBounds: what subscribers may ask for has an end, per connection
// and for all, and places come back.
func TestSubscriptionBounds(t *testing.T) {
	m := newMachine(t, Config{})
	c := m.dial(t)
	ch := make(chan wireStatus, 1)
	subscribe := func(c *rpc.Client, filter any) (*rpc.ClientSubscription, error) {
		return c.Subscribe(t.Context(), "fhevm", ch, "handles", filter)
	}
	if _, err := subscribe(c, HandleFilter{Handles: make([]fhe.Handle, maxWatched+1)}); code(err) != invalidParams {
		t.Errorf("too many handles: %v", err)
	}
	var first *rpc.ClientSubscription
	for i := range maxSubscriptions / maxPerConnection {
		if i > 0 {
			c = m.dial(t)
		}
		for range maxPerConnection {
			sub, err := subscribe(c, nil)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = sub
			}
		}
		if _, err := subscribe(c, nil); code(err) != limitExceeded {
			t.Errorf("one too many of a connection: %v", err)
		}
	}
	other := m.dial(t)
	if _, err := subscribe(other, nil); code(err) != limitExceeded {
		t.Errorf("one too many of all: %v", err)
	}
	first.Unsubscribe()
	for { // the place is free when the node has noticed
		_, err := subscribe(other, nil)
		if err == nil {
			break
		}
		if code(err) != limitExceeded || t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
	if err := m.chain.Client().Client().CallContext(t.Context(), nil, "fhevm_handle", "nonsense"); code(err) != invalidParams {
		t.Errorf("no handle: %v", err)
	}
}

// TestSlowSubscriber: one that does not read holds up nobody, its backlog has an
// end, and it is told so.
func TestSlowSubscriber(t *testing.T) {
	m := newMachine(t, Config{})
	first := m.number(0)
	x := newWatch(nil)
	m.watches.follow(x)
	sent, read := make(chan any), make(chan struct{})
	served := make(chan struct{})
	go func() {
		defer close(served)
		m.watches.serve(x, nil, func(v any) error {
			sent <- v
			<-read
			return nil
		})
	}()
	m.seal(t, first)
	if s, ok := (<-sent).(*HandleStatus); !ok || s.Handle != first {
		t.Fatalf("first %+v", s)
	}
	var backlog []fhe.Handle
	for i := range uint64(maxUndelivered + 10) {
		backlog = append(backlog, m.number(i+1))
	}
	m.seal(t, backlog...)
	m.drain(t)
	if n := len(x.list()); n != maxUndelivered {
		t.Errorf("%d handles are remembered for a subscriber", n)
	}
	close(read)
	delivered := 0
	for v := range sent {
		if d, dropped := v.(Dropped); dropped {
			if d.Reason == "" {
				t.Error("dropped without a reason")
			}
			break
		}
		delivered++
	}
	<-served
	if delivered > maxUndelivered {
		t.Errorf("%d handles were delivered", delivered)
	}
}

// TestWaitMethodLimit: callers that wait have an end too.
func TestWaitMethodLimit(t *testing.T) {
	m := newMachine(t, Config{})
	for range maxWaits {
		leave, err := m.api.waits.Enter(struct{}{})
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
	}
	err := m.dial(t).CallContext(t.Context(), nil, "fhevm_wait", m.number(1))
	if code(err) != limitExceeded {
		t.Errorf("%v", err)
	}
}
