package generation

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/test/bufconn"

	"fhevm/fhe"
	"fhevm/threshold/dkg"
)

// again gives a party another listener at its address.
func (m *meeting) again(i int) {
	l := bufconn.Listen(1 << 16)
	m.pipes[m.listeners[i].Addr().String()] = l
	m.listeners[i] = named{l, i}
}

// resumed is how one party's second part in a run ended.
type resumed struct {
	party       int
	certificate []*dkg.Message
	err         error
}

func (m *meeting) resume(t *testing.T, keys *dkg.Keys, known map[int][]*dkg.Message, patience time.Duration) <-chan resumed {
	out := make(chan resumed, len(known))
	key, squash := keys.ID(), keys.Squash.Digest()
	for i := range known {
		m.again(i)
	}
	for i, messages := range known {
		go func() {
			c, err := Resume(t.Context(), m.config(i, patience), key, squash, messages)
			out <- resumed{i, c, err}
		}()
	}
	return out
}

// confirmed has all parties confirm keys, of which party 4 says nothing: it ends when it
// has kept its share.
func confirmed(t *testing.T, m *meeting) *dkg.Keys {
	t.Helper()
	var mu sync.Mutex
	var keys *dkg.Keys
	crash := errors.New("the process ends")
	m.keep = func(party int, r *Result) error {
		mu.Lock()
		defer mu.Unlock()
		if keys = r.Keys; party == 3 {
			return crash
		}
		return nil
	}
	out := m.start(t, []int{0, 1, 2, 3}, time.Minute)
	for range 4 {
		if e := <-out; !errors.Is(e.err, ErrInDoubt) && !errors.Is(e.err, crash) {
			t.Fatalf("party %d: %v", e.party+1, e.err)
		}
	}
	return keys
}

// TestResume: a party's process ended between keeping its share and confirming, so all are
// in doubt. Three that come again stay so, and name the fourth; with it they are done, and
// one that has the certificate has nothing to wait for.
func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := inMemory(t)
		keys := confirmed(t, m)
		out := m.resume(t, keys, map[int][]*dkg.Message{0: nil, 1: nil, 2: nil}, time.Minute)
		for range 3 {
			var f *dkg.Failure
			if e := <-out; !errors.Is(e.err, ErrInDoubt) || !errors.As(e.err, &f) || len(f.Blames) != 1 || f.Blames[0].Party != 4 {
				t.Errorf("without party 4, party %d: %v", e.party+1, e.err)
			}
		}
		certificate := m.finish(t, keys, map[int][]*dkg.Message{0: nil, 1: nil, 2: nil, 3: nil})
		m.finish(t, keys, map[int][]*dkg.Message{1: certificate, 3: nil})
	})
}

// finish has parties resume, which must all be done.
func (m *meeting) finish(t *testing.T, keys *dkg.Keys, known map[int][]*dkg.Message) (certificate []*dkg.Message) {
	t.Helper()
	out := m.resume(t, keys, known, time.Minute)
	for range known {
		e := <-out
		if e.err != nil || !m.run.Certified(e.certificate, keys.ID(), keys.Squash.Digest()) {
			t.Errorf("party %d of %d: %v", e.party+1, len(known), e.err)
		}
		certificate = e.certificate
	}
	if m.run.Certified(certificate, fhe.Digest{1}, keys.Squash.Digest()) {
		t.Error("a certificate of other keys")
	}
	return certificate
}
