package committee

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fhevm/fhe"
	"fhevm/threshold"
	"fhevm/threshold/eip712"
	"fhevm/threshold/opening"
	"fhevm/threshold/permit"
	"fhevm/threshold/seal"
	"fhevm/threshold/shamir"
)

func (n *network) publish(handles ...fhe.Handle) {
	n.chain.mu.Lock()
	defer n.chain.mu.Unlock()
	for _, h := range handles {
		n.chain.public[h] = true
	}
}

// tally runs a public decryption through the relay and checks the proof's
// parts by hand.
func (n *network) tally(t *testing.T, r *Relay, handles []fhe.Handle) (*permit.Result, error) {
	t.Helper()
	tally := permit.NewTally(n.signing(), n.Committee, handles)
	err := r.PublicDecrypt(t.Context(), &PublicRequest{Handles: handles}, func(a *permit.PublicAnswer) bool {
		done, err := tally.Add(a)
		if err != nil {
			t.Error(err)
		}
		return done
	})
	if err != nil {
		return nil, err
	}
	result, proof := tally.Result()
	if result == nil || proof[0] != 3 || len(proof) != 1+3*65+32 {
		t.Fatalf("result %v, proof %x", result, proof)
	}
	var seen []fhe.Address
	for i := range 3 {
		signature := eip712.Signature(proof[1+65*i:][:65])
		address, err := signature.Recover(result.Digest(n.signing()))
		if err != nil || slices.Contains(seen, address) || !n.isMember(address) {
			t.Errorf("signature %d is of %s, %v", i, address, err)
		}
		seen = append(seen, address)
	}
	return result, nil
}

// TestPublicDecrypt opens among four parties; each signs the same result.
func TestPublicDecrypt(t *testing.T) {
	n := newNetwork(t, 20)
	handles := []fhe.Handle{n.value(fhe.Uint64, 1<<63+5), n.value(fhe.Bool, 0)}
	if _, err := n.tally(t, n.relay(), handles); code(err) != threshold.NotPublic {
		t.Fatalf("before the mark: %v", err)
	}
	n.publish(handles...)
	r, err := n.tally(t, n.relay(), handles)
	if err != nil || r.Values[0].Uint64() != 1<<63+5 || !r.Values[1].IsZero() || r.Epoch != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	first, err := n.parties[1].PublicDecrypt(t.Context(), &PublicRequest{Handles: handles})
	if err != nil {
		t.Fatal(err)
	}
	n.parties[1].Connect(nil) // what was opened needs nobody
	again, err := n.parties[1].PublicDecrypt(t.Context(), &PublicRequest{Handles: handles})
	if err != nil || again.Signature != first.Signature {
		t.Errorf("a repeated request gets another answer, %v", err)
	}
	swapped, err := n.parties[1].PublicDecrypt(t.Context(), &PublicRequest{Handles: []fhe.Handle{handles[1], handles[0]}})
	if err != nil || !bytes.Equal(swapped.Result, slices.Concat(first.Result[32:], first.Result[:32])) {
		t.Errorf("in the other order: %v, %v", swapped, err)
	}
	fresh := n.value(fhe.Uint8, 5)
	n.publish(fresh)
	n.parties[1].Connect(n.peers(1))
	mixed, err := n.parties[1].PublicDecrypt(t.Context(), &PublicRequest{Handles: []fhe.Handle{fresh, handles[0]}})
	if err != nil || mixed.Result[31] != 5 || !bytes.Equal(mixed.Result[32:], first.Result[:32]) {
		t.Errorf("with a handle more: %v, %v", mixed, err)
	}
	if _, err := n.parties[1].PublicDecrypt(t.Context(), &PublicRequest{Handles: []fhe.Handle{handles[0], n.value(fhe.Bool, 1)}}); code(err) != threshold.NotPublic {
		t.Errorf("with a handle that is not public: %v", err)
	}
}

// TestPublicDecryptWithAFaultyPeer: one peer lies, is silent, refuses or has
// other squashed bytes; the other three still open.
func TestPublicDecryptWithAFaultyPeer(t *testing.T) {
	for name, make := range map[string]func(*Party) *faulty{
		"silent": func(*Party) *faulty { return silent() },
		"dead":   func(*Party) *faulty { return dead(errCrash) },
		"lying in one field": func(p *Party) *faulty {
			return altered(p, func(a *opening.Answer) { a.Shares[7] ^= 1 })
		},
		"not canonical": func(p *Party) *faulty {
			return altered(p, func(a *opening.Answer) { a.Shares[0] = 0xff })
		},
		"too few shares": func(p *Party) *faulty {
			return altered(p, func(a *opening.Answer) { a.Shares = a.Shares[shamir.ElementSize:] })
		},
		"other digests": func(p *Party) *faulty {
			return altered(p, func(a *opening.Answer) { a.Digests[0][0]++ })
		},
	} {
		n := newNetwork(t, 21)
		h := n.value(fhe.Uint16, 4660)
		n.publish(h)
		peers := n.peers(1)
		peers[3] = make(n.parties[3])
		n.parties[1].Connect(peers)
		a, err := n.parties[1].PublicDecrypt(t.Context(), &PublicRequest{Handles: []fhe.Handle{h}})
		if err != nil || a.Result[30] != 0x12 || a.Result[31] != 0x34 {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}

func altered(p Service, change func(*opening.Answer)) *faulty {
	return &faulty{Service: p, share: func(ctx context.Context, r *ShareRequest) (*opening.Answer, error) {
		a, err := p.Share(ctx, r)
		if err == nil {
			change(a)
		}
		return a, err
	}}
}

// TestPublicDecryptBeyondT: with two faulty peers of three there is an error
// in bounded time and never a value.
func TestPublicDecryptBeyondT(t *testing.T) {
	n := newNetwork(t, 22)
	h := n.value(fhe.Uint16, 4660)
	n.publish(h)
	lie := func(a *opening.Answer) { a.Shares[7] ^= 1 }
	for name, c := range map[string]struct {
		peers map[threshold.PartyID]Service
		want  threshold.Code
	}{
		"two dead":         {map[threshold.PartyID]Service{2: dead(errCrash), 3: dead(errCrash), 4: n.parties[4]}, threshold.Unavailable},
		"two silent":       {map[threshold.PartyID]Service{2: silent(), 3: silent(), 4: n.parties[4]}, threshold.Unavailable},
		"dead and lying":   {map[threshold.PartyID]Service{2: dead(errCrash), 3: altered(n.parties[3], lie), 4: n.parties[4]}, threshold.Unavailable},
		"two liars":        {map[threshold.PartyID]Service{2: altered(n.parties[2], lie), 3: altered(n.parties[3], lie), 4: n.parties[4]}, threshold.Corrupt},
		"nobody connected": {nil, threshold.Unavailable},
	} {
		n.parties[1].Connect(c.peers)
		n.parties[1].cfg.Timeout = DefaultTimeout
		if name == "two silent" { // nobody's speed matters: two answers are too few
			n.parties[1].cfg.Timeout = 50 * time.Millisecond
		}
		a, err := n.parties[1].PublicDecrypt(t.Context(), &PublicRequest{Handles: []fhe.Handle{h}})
		if err == nil || threshold.FaultOf("party", err).Code != c.want {
			t.Errorf("%s: %v, %v, want %s", name, a, err, c.want)
		}
		if blames := n.parties[1].Blames(); name == "two silent" && blames[threshold.Blame{Party: 3, Reason: threshold.Silence}] == 0 {
			t.Errorf("%s: blamed are %v", name, blames)
		}
	}
}

// TestRestartingPeer: a peer that cannot be reached at first is asked again, and
// here its shares are needed.
func TestRestartingPeer(t *testing.T) {
	n := newNetwork(t, 26)
	h := n.value(fhe.Uint8, 9)
	n.publish(h)
	calls := 0
	restarting := &faulty{Service: n.parties[3], share: func(ctx context.Context, r *ShareRequest) (*opening.Answer, error) {
		if calls++; calls < attempts {
			return nil, errCrash
		}
		return n.parties[3].Share(ctx, r)
	}}
	refusing := dead(threshold.Faultf(threshold.NotReady, "not yet"))
	n.parties[1].Connect(map[threshold.PartyID]Service{2: n.parties[2], 3: restarting, 4: refusing})
	a, err := n.parties[1].PublicDecrypt(t.Context(), &PublicRequest{Handles: []fhe.Handle{h}})
	if err != nil || a.Result[31] != 9 || calls != attempts {
		t.Errorf("%v, %v after %d calls", a, err, calls)
	}
}

// TestAnswerInAnothersName: what a party says for another one is not passed on.
func TestAnswerInAnothersName(t *testing.T) {
	posing := &faulty{user: func(context.Context, *permit.Request) (*seal.Answer, error) { return &seal.Answer{Party: 1}, nil }}
	r := &Relay{Quorum: threshold.Quorum{N: 4, T: 1}, Parties: map[threshold.PartyID]Service{1: posing, 2: posing}}
	forwarded := 0
	err := r.UserDecrypt(t.Context(), &permit.Request{}, func(*seal.Answer) bool { forwarded++; return false })
	if want := "1 of 4 parties answered, 3 are needed (party 2: it answered in the name of party 1)"; forwarded != 1 || err.Error() != want {
		t.Errorf("%d forwarded, %v", forwarded, err)
	}
}

// TestShareChecksByItself: a peer's word does not replace the public mark.
func TestShareChecksByItself(t *testing.T) {
	n := newNetwork(t, 23)
	h := n.value(fhe.Uint8, 1)
	ask := func(from threshold.PartyID) error {
		_, err := n.parties[1].Share(t.Context(), &ShareRequest{Handles: []fhe.Handle{h}, From: from})
		return err
	}
	if err := ask(2); code(err) != threshold.NotPublic {
		t.Errorf("before the mark: %v", err)
	}
	n.publish(h)
	for _, from := range []threshold.PartyID{0, 1, 5} {
		if err := ask(from); code(err) != threshold.NotMember {
			t.Errorf("from %d: %v", from, err)
		}
	}
	if err := ask(2); err != nil {
		t.Error(err)
	}
}

// TestRelayIsBounded: with two parties silent the relay forwards what comes
// and gives up after its timeout, with an error that names them.
func TestRelayIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		says := func(id threshold.PartyID) *faulty {
			return &faulty{user: func(context.Context, *permit.Request) (*seal.Answer, error) { return &seal.Answer{Party: id}, nil }}
		}
		r := &Relay{
			Quorum: threshold.Quorum{N: 4, T: 1}, Timeout: time.Minute,
			Parties: map[threshold.PartyID]Service{1: says(1), 2: silent(), 3: says(3), 4: silent()},
		}
		began, forwarded := time.Now(), 0
		err := r.UserDecrypt(t.Context(), &permit.Request{}, func(*seal.Answer) bool { forwarded++; return false })
		if code(err) != threshold.Unavailable || forwarded != 2 || time.Since(began) != time.Minute {
			t.Errorf("%d forwarded in %v: %v", forwarded, time.Since(began), err)
		}
		if want := "2 of 4 parties answered, 3 are needed (party 2: no answer in time; party 4: no answer in time)"; err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	})
}

// TestUnreached: parties that cannot be reached have refused nothing, however
// many they are. The error lists them.
func TestUnreached(t *testing.T) {
	n := newNetwork(t, 25)
	r := &Relay{Quorum: n.Committee.Quorum(), Parties: map[threshold.PartyID]Service{}}
	for _, m := range n.Committee.Members {
		m.Address = "127.0.0.1:0"
		client, err := Dial(m, n.Identities[0])
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		r.Parties[m.Party] = client
	}
	err := r.UserDecrypt(t.Context(), &permit.Request{}, func(*seal.Answer) bool { return false })
	if code(err) != threshold.Unavailable || !strings.Contains(err.Error(), "0 of 4 parties answered, 3 are needed (party 1: not reached: ") {
		t.Errorf("got %v", err)
	}
}

// TestRelayBelievesTPlusOne: one party's refusal is listed, that of two is the
// answer.
func TestRelayBelievesTPlusOne(t *testing.T) {
	refuse := dead(threshold.Faultf(threshold.NotAllowed, "no"))
	crash := dead(errCrash)
	for want, parties := range map[threshold.Code]map[threshold.PartyID]Service{
		threshold.NotAllowed:  {1: refuse, 2: crash, 3: crash, 4: refuse},
		threshold.Unavailable: {1: refuse, 2: crash, 3: crash, 4: crash},
	} {
		r := &Relay{Quorum: threshold.Quorum{N: 4, T: 1}, Parties: parties}
		err := r.UserDecrypt(t.Context(), &permit.Request{}, func(*seal.Answer) bool { return false })
		if code(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestWhoIsSilent: with one silent party too many, the others say so to their relay, and
// blame the silent ones, before it gives up on them too.
func TestWhoIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, 29)
		h := n.value(fhe.Bool, 1)
		n.publish(h)
		r := &Relay{Quorum: n.Committee.Quorum(), Parties: map[threshold.PartyID]Service{1: n.parties[1], 2: n.parties[2], 3: silent(), 4: silent()}}
		for _, id := range []threshold.PartyID{1, 2} {
			n.parties[id].Connect(map[threshold.PartyID]Service{1: n.parties[1], 2: n.parties[2], 3: silent(), 4: silent()})
		}
		err := r.PublicDecrypt(t.Context(), &PublicRequest{Handles: []fhe.Handle{h}}, func(*permit.PublicAnswer) bool { return false })
		if want := "2 of 4 parties answered, 3 are needed (party 3: no answer in time; party 4: no answer in time)"; code(err) != threshold.Unavailable || err.Error() != want {
			t.Errorf("got %v, want %q", err, want)
		}
		for _, id := range []threshold.PartyID{1, 2} {
			want := map[threshold.Blame]uint64{{Party: 3, Reason: threshold.Silence}: 1, {Party: 4, Reason: threshold.Silence}: 1}
			if got := n.parties[id].Blames(); !maps.Equal(got, want) {
				t.Errorf("party %d blames %v, want %v", id, got, want)
			}
		}
	})
}
